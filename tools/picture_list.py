"""Every picture of ``docs/img``: what it shows, and how the page gets there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from io import BytesIO
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from playwright.sync_api import Page

DIGITS, CIFAR10, EMPTY, RUNNING = "digits", "cifar10", "empty", "running"
HUNDRED, THOUSAND = "cifar100", "imagenet"
"""What the home holds: the demo, runs on CIFAR-10, nothing, nothing but trainings that run and wait, or runs of the 100
classes of CIFAR-100 and of the 1,000 of ImageNet, drawn along WordNet."""
WIDE, PHONE = 1400, 420

View = tuple[str, int]
ALL: tuple[View, ...] = (("light", WIDE), ("dark", WIDE), ("light", PHONE), ("dark", PHONE))
"""Theme and width in pixels."""


@dataclass(frozen=True)
class Picture:
    """A picture in one theme and width, or in several.

    Attributes:
        name: What its files' names begin with.
        page: The page's path.
        shows: What the home holds.
        views: Themes and widths, a file each.
        further: More of them, to be looked at and in no document.
        query: Of the address, beside the selected runs; a list for a parameter that comes several times.
        method: Which run is looked at, by its method's label.
        best_epoch: Whether at the run's best epoch, the one of its test results, instead of the last.
        act: What is done on the page before the picture is taken.
        part: Selector of the part that is taken; empty for the whole page.
        around: Pixels around the part.
        height: Pixels after which the picture ends; None where the page or the part does.
    """

    name: str
    page: str
    shows: str = DIGITS
    views: tuple[View, ...] = ALL
    further: tuple[View, ...] = ()
    query: dict[str, str | list[str]] = field(default_factory=dict)
    method: str = "LwAL"
    best_epoch: bool = False
    act: Callable[[Page], None] | None = None
    part: str = ""
    around: int = 20
    height: int | None = None

    def file(self, view: View) -> str:
        """Name of the file of a view."""
        return f"{self.name}-{view[0]}-{view[1]}.png"


def _try(name: str, image: Callable[[], bytes], media: str) -> Callable[[Page], None]:
    """Bring an image to *Try an image* and wait for what both networks make of it."""

    def act(page: Page) -> None:
        page.locator('input[type="file"]').set_input_files(
            [{"name": name, "mimeType": media, "buffer": image()}], timeout=60_000
        )
        page.get_by_text("(the baseline) takes it for").wait_for(timeout=180_000)

    return act


def _three() -> Any:
    """The first three of the digits' test images, light on dark, 0 to 255, ``[8, 8]``."""
    from lwal_core.config import RunConfig
    from lwal_core.data import load_dataset

    data = load_dataset(RunConfig().data)
    first = next(i for i, digit in enumerate(data.y_test.tolist()) if digit == 3)
    return data.x_test[first, 0].numpy()


def _three_as_it_is() -> bytes:
    """As a file of the pixels that the network was tested on, each 32 times as large."""
    from PIL import Image

    return _file(Image.fromarray(_three()).resize((256, 256), Image.Resampling.NEAREST), "PNG")


def _three_on_paper() -> bytes:
    """As a photograph of ink on paper would be: dark on light, with a margin."""
    from PIL import Image, ImageOps

    paper = Image.new("RGB", (320, 240), (236, 234, 228))
    stroke = Image.fromarray(_three()).resize((200, 200), Image.Resampling.BICUBIC)
    paper.paste(ImageOps.colorize(ImageOps.invert(stroke), (24, 26, 32), (236, 234, 228)), (60, 20))
    return _file(paper, "JPEG")


def _file(image: Any, form: str) -> bytes:
    stream = BytesIO()
    image.save(stream, form)
    return stream.getvalue()


_LIGHT, _DARK = (("light", WIDE),), (("dark", WIDE),)
_FILM: dict[str, str | list[str]] = {
    "projection": "MDS", "colour": "Groups", "groups": "4", "film": "true", "trails": "true", "tree_class": "cat",
}  # fmt: skip

_MATRIX = '[data-testid="stExpander"]:has-text("Distances and mistakes")'


def _many(shows: str, count: str, kept: dict[str, tuple[View, ...]]) -> tuple[Picture, ...]:
    """The figure of every view of a tree of many classes.

    Args:
        shows: What the home holds.
        count: Of the classes, for the names of the files.
        kept: Which themes and widths of a view the documents show; the others are looked at only.
    """
    views: dict[str, dict[str, Any]] = {
        "tree": {"query": {"groups": "12"}},
        "wheel": {"query": {"leaves": "Around", "leaf_strip": ["Test accuracy", "kind", "letters"]}},
        "icicle": {"query": {"leaves": "Icicle"}},
        "treemap": {"query": {"leaves": "Treemap"}},
        "columns": {"query": {"leaf_strip": ["kind", "letters", "Test accuracy"], "leaf_names": "kind"}},
        "cuts": {"query": {"cut_by": "At most m classes", "cut_most": str(int(count) // 8)}},
        "mistakes": {"query": {"tree_heat": "true", "mistakes_log": "true"}, "part": _MATRIX},
        "facing": {"page": "trees", "part": ".st-key-tanglegram"},
    }
    found = []
    for name, options in views.items():
        own = kept.get(name, ())
        rest = tuple(view for view in ALL if view not in own)
        of_view = {"page": "hierarchy", "part": ".st-key-hierarchy_tree", "around": 4, **options}
        found.append(Picture(f"many-{name}-{count}", shows=shows, views=own, further=rest, **of_view))
    return tuple(found)


PICTURES = (
    Picture("home", ""),
    Picture("train", "train"),
    Picture("curves", "curves"),
    Picture("share", "share"),
    Picture("tutorial-hierarchy", "hierarchy", views=_LIGHT, height=960),
    Picture(
        "tutorial-real", "hierarchy", views=_LIGHT, query={"tree_real": "true"}, height=1160,
        part='[data-testid="stExpander"]:has-text("Do the seeds agree?")',
    ),
    Picture(
        "try-image", "embeddings", views=_LIGHT, query={"try_image": "true"}, method="LwAL10", best_epoch=True,
        act=_try("three.png", _three_as_it_is, "image/png"),
    ),
    Picture(
        "try-image", "embeddings", views=_DARK, method="LwAL10", best_epoch=True,
        query={"try_image": "true", "projection": "UMAP", "cloud": "true"},
        act=_try("three-paper.jpg", _three_on_paper, "image/jpeg"),
    ),
    Picture("embeddings", "embeddings", CIFAR10),
    Picture("embeddings-film", "embeddings", CIFAR10, _LIGHT + _DARK, query=_FILM, method="LwAL10"),
    Picture(
        "embeddings-history", "embeddings", CIFAR10, _LIGHT, method="LwAL10", best_epoch=True,
        query={"tree_class": "cat", "cloud": "true", "class_history": "true", "embedding_linked": "true"},
    ),
    Picture(
        "embeddings-pairs", "embeddings", CIFAR10, _DARK, method="LwAL10",
        query={"embedding_linked": "true", "linked_view": "Pairs by epoch"},
    ),
    Picture("hierarchy", "hierarchy", CIFAR10, query={"leaf_pictures": "true", "leaf_strip": "Test accuracy"}),
    Picture("hierarchy-film", "hierarchy", CIFAR10, _LIGHT, query={"tree_film_open": "true"}),
    Picture("hierarchy-real", "hierarchy", CIFAR10, _LIGHT, query={"tree_real": "true"}),
    Picture("trees", "trees", CIFAR10),
    Picture("home-examples", "", EMPTY),
    Picture("guide-train", "train", EMPTY, (("light", WIDE), ("light", PHONE)), query={"guide": "on"}),
    Picture("train-running", "train", RUNNING),
    *_many(HUNDRED, "100", {"tree": _LIGHT, "columns": (("light", PHONE),), "facing": _DARK}),
    *_many(
        THOUSAND, "1000",
        {
            "tree": (("light", WIDE), ("dark", PHONE)), "wheel": _LIGHT, "icicle": _LIGHT, "treemap": _DARK, "columns": _LIGHT,
            "cuts": _LIGHT, "mistakes": (("light", WIDE), ("dark", PHONE)), "facing": (("light", WIDE), ("dark", PHONE)),
        },
    ),
)  # fmt: skip


def files() -> dict[str, Picture]:
    """The pictures of the documents by the names of their files."""
    return {picture.file(view): picture for picture in PICTURES for view in picture.views}
