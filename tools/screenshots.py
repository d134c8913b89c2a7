"""Every picture of ``docs/img`` made anew: the app is served, its pages are opened, and what they show is kept.

How to run it::

    python tools/screenshots.py                              # train the demo in a folder of its own first
    python tools/screenshots.py --home HOME --only hierarchy # from runs that are there
    python tools/screenshots.py --to FOLDER --all --only many-tree-1000  # what is looked at beside the documents, too

``--home`` may be given several times; each picture comes from the first home that holds what it shows. Pictures of
CIFAR-10 come from the examples where no home holds such runs; photographs beside the leaves are only in runs that were
trained on them (``lwal sweep docs/sweeps/cifar10-frozen.yaml``). Runs of 100 and 1,000 classes are drawn where no home has
them (:mod:`tests.support.many_classes`). What is pictured and how a page gets there is in
:mod:`tools.picture_list`. Needs Chromium.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from app.common.pages import FIGURES  # noqa: E402
from lwal_core.runs import RunGroup, group_runs, list_runs, open_run, with_labels  # noqa: E402
from tools.browser import chromium, painted, served  # noqa: E402
from tools.picture_list import (  # noqa: E402
    CIFAR10,
    DIGITS,
    EMPTY,
    HUNDRED,
    PHONE,
    PICTURES,
    RUNNING,
    THOUSAND,
    Picture,
    View,
)

if TYPE_CHECKING:
    from PIL.Image import Image
    from playwright.sync_api import Browser, BrowserContext, Page

PLACE = ROOT / "docs" / "img"
METHODS = ("One-hot", "LwAL", "LwAL10")
"""Runs that are selected, where the home has them."""
CIFAR10_CLASSES = {
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
}  # fmt: skip
HIGHEST = 8_000
"""Pixels after which a page is cut off."""
PATIENCE_MS = 600_000
"""For what is computed when it is asked for: the first UMAP on a busy machine takes minutes."""
MARGIN = 32
"""Pixels left below the last thing on a page."""
A_PHONE = (
    "Mozilla/5.0 (Linux; Android 14; Pixel 7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Mobile Safari/537.36"
)
"""What the browser of a phone says that it is."""
COLOURS = 256
KEPT = 128
"""Most frequent colours that a picture keeps as they are; surfaces and letters must not change."""
QUIET = """() => ![...document.querySelectorAll('[data-testid="stMain"] span')].some(
  e => e.textContent === 'hourglass_top' || e.getAttribute('aria-label') === 'hourglass_top icon')
  && !document.querySelector('[data-testid="stToast"], [data-stale="true"]') && document.fonts.status === 'loaded'"""
"""Whether no layout or answer is awaited any more, and nothing is shown pale because it is being drawn anew."""
TRIES = 20
END = """() => {
  const main = document.querySelector('[data-testid="stMainBlockContainer"]');
  const below = parseFloat(getComputedStyle(main).paddingBottom);
  const scrolled = document.querySelector('[data-testid="stMain"]').scrollTop;
  return Math.ceil(main.getBoundingClientRect().bottom + scrolled - below);
}"""
"""Where the last thing on the page ends."""


@dataclass(frozen=True)
class Scene:
    """What a home has to show: the folder, the groups of runs to select, and a run per method."""

    home: Path
    groups: tuple[RunGroup, ...] = ()

    def address(self, base: str, picture: Picture) -> str:
        """Where a picture is found on a server."""
        query, view = [("runs", group.key) for group in self.groups], dict(picture.query)
        if self.groups and picture.page:
            learned = [group for group in self.groups if not group.first.is_baseline] or list(self.groups)
            group = next((g for g in learned if g.first.method_label == picture.method), learned[0])
            run = min(with_labels(group.runs), key=lambda run: run.seed)
            query.append(("run", run.id))
            opened = open_run(run.id, self.home)
            if picture.best_epoch:
                query.append(("epoch", str(opened.record.best_epoch)))
            if opened.samples() is None:  # beside the leaves there would be nothing, and a line that says so
                view.pop("leaf_pictures", None)
        said = [(key, each) for key, value in view.items() for each in ([value] if isinstance(value, str) else value)]
        return f"{base}/{picture.page}?{urlencode([*query, *said])}"


def main() -> int:
    """Make the pictures and print a line for each; exit code 1 when one could not be made."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--home", type=Path, action="append", default=[], help="a home with runs")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="pictures by name, with or without theme and width")
    parser.add_argument(
        "--all", action="store_true", help="also the themes and widths that no document shows; needs --to"
    )
    parser.add_argument("--to", type=Path, default=PLACE, help="folder of the pictures")
    parser.add_argument("--port", type=int, default=0, help="port of the app; a free one when left out")
    options = parser.parse_args()
    if options.all and options.to == PLACE:
        parser.error("--all makes pictures that no document shows: give --to, too")
    wanted = chosen(options.only, every=options.all)
    options.to.mkdir(parents=True, exist_ok=True)
    failed = 0
    with tempfile.TemporaryDirectory() as own, chromium() as browser:
        scenes = found_scenes({picture.shows for picture, _ in wanted}, options.home, Path(own))
        for shows, scene in scenes.items():
            of_it = [(picture, view) for picture, view in wanted if picture.shows == shows]
            with ExitStack() as stack:
                address = stack.enter_context(served(scene.home, port=options.port, worker=shows == RUNNING))
                if shows == RUNNING:
                    stack.enter_context(trainings(scene.home))
                for line in take(browser, address, scene, of_it, options.to):
                    failed += line.startswith("not made")
                    print(line, flush=True)
    return int(failed > 0)


def chosen(names: Iterable[str] | None, *, every: bool = False) -> list[tuple[Picture, View]]:
    """Pictures with their views; of all, or of those that are named.

    Args:
        names: Of pictures, or of their files; None for all.
        every: Also the views that no document shows.

    Raises:
        SystemExit: No picture has such a name.
    """
    offered = [(p, view) for p in PICTURES for view in (*p.views, *(p.further if every else ()))]
    if names is None:
        return offered
    wanted = {name.removesuffix(".png") for name in names}
    known = {picture.name for picture in PICTURES} | {p.file(view).removesuffix(".png") for p, view in offered}
    if wanted - known:
        raise SystemExit(
            f"No such picture: {', '.join(sorted(wanted - known))}. There are: {', '.join(sorted(known))}."
        )
    return [(p, view) for p, view in offered if {p.name, p.file(view).removesuffix(".png")} & wanted]


# --- homes ------------------------------------------------------------------------------------------------------------


def found_scenes(shown: set[str], homes: list[Path], own: Path) -> dict[str, Scene]:
    """For everything that is to be shown, a home that holds it; what nobody has is made.

    Args:
        shown: What is to be shown.
        homes: Homes to look in first, in this order.
        own: Folder in which homes may be made.

    Raises:
        SystemExit: A home that was given is none.
    """
    for home in homes:
        if not home.is_dir():
            raise SystemExit(f"There is no home at {home}.")
    scenes = {}
    for shows in (DIGITS, CIFAR10):
        if shows not in shown:
            continue
        found = next((scene for home in homes if (scene := scene_of(shows, home.resolve()))), None)
        if found is None:
            print(f"no home with {shows}: {'the demo is trained' if shows == DIGITS else 'the examples are shown'}")
            place = own / shows
            command = (
                ["demo", "--dataset", "digits", "--no-serve"] if shows == DIGITS else ["examples", "open", "--results"]
            )
            lwal(place, *command)
            found = scene_of(shows, place)
        if found is None:
            raise SystemExit(f"There are no runs on {shows}.")
        scenes[shows] = found
    for shows in (HUNDRED, THOUSAND):
        if shows not in shown:
            continue
        given = next((scene for home in homes if (scene := many_scene(shows, home.resolve()))), None)
        if given is None:
            print(f"no home with {shows}: runs of many classes are drawn")
            recorded = own / "many"
            if not recorded.is_dir():
                record_many(recorded)
            given = many_scene(shows, recorded)
        assert given is not None
        scenes[shows] = given
    for shows in (EMPTY, RUNNING):
        if shows in shown:
            (own / shows).mkdir()
            scenes[shows] = Scene(own / shows)
    return scenes


def scene_of(shows: str, home: Path) -> Scene | None:
    """The groups of runs that a home has to show: trained alike but for the method, as many of :data:`METHODS` as there
    are, preferably with pictures of the classes and not from the examples. None without a learned label."""
    from lwal_core.experiments.examples import TAG

    alike: dict[object, list[RunGroup]] = {}
    for group in group_runs(run for run in list_runs(home) if not run.archived and not run.problem):
        if with_labels(group.runs) and _shows(group, home) == shows:
            first = group.first
            alike.setdefault((first.data, first.encoder, first.epochs, TAG in first.tags), []).append(group)
    best, best_rank = None, (0, False, False)
    for groups in alike.values():
        by_label = {group.first.method_label: group for group in reversed(groups)}
        kept = tuple(by_label[label] for label in METHODS if label in by_label)
        own = TAG not in groups[0].first.tags
        rank = (len(kept), own, open_run(groups[0].first.id, home).samples() is not None)
        if kept and not kept[-1].first.is_baseline and rank > best_rank:
            best, best_rank = Scene(home, kept), rank
    return best


def many_scene(shows: str, home: Path) -> Scene | None:
    """The groups of drawn runs of many classes that a home has, at most two; None without one."""
    known = [run for run in list_runs(home) if not run.archived and not run.problem]
    groups = group_runs(run for run in known if run.data.removeprefix("external:") == shows)
    found = tuple(group for group in groups if with_labels(group.runs))[:2]
    return Scene(home, found) if found else None


def record_many(home: Path) -> None:
    """Draw runs of many classes into a home, each with columns of its own."""
    environment = {**os.environ, "LWAL_HOME": str(home), "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-m", "tests.support.many_classes"], cwd=ROOT, env=environment, check=True)


def _shows(group: RunGroup, home: Path) -> str | None:
    if group.first.data == "digits":
        return DIGITS
    names = set(open_run(group.first.id, home).class_names)
    return CIFAR10 if names == CIFAR10_CLASSES else None


def lwal(home: Path, *arguments: str) -> None:
    """Run a command of ``lwal`` on a home; its progress is shown."""
    environment = {**os.environ, "LWAL_HOME": str(home), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "lwal_core.cli", *arguments]
    subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=subprocess.DEVNULL)


@contextmanager
def trainings(home: Path) -> Iterator[None]:
    """One training that has run for some epochs and two that wait, cancelled at the end of the block."""
    from lwal_core.config import RunConfig
    from lwal_core.jobs import cancel, submit
    from lwal_core.runs import create_run

    methods: list[dict[str, object]] = [{"name": "lwal"}, {"name": "lwal", "dim": "10x"}, {"name": "onehot"}]
    configs = [RunConfig.parse({"method": method, "training": {"epochs": 200, "device": "cpu"}}) for method in methods]
    runs = [submit(create_run(config, home=home)) for config in configs]
    deadline = time.monotonic() + 180
    while open_run(runs[0].id, home).metrics().epochs_done < 6:
        if time.monotonic() > deadline:
            raise RuntimeError("The training to be pictured does not begin.")
        time.sleep(0.5)
    try:
        yield
    finally:
        for run in reversed(runs):
            cancel(open_run(run.id, home))


# --- pictures ---------------------------------------------------------------------------------------------------------


def take(
    browser: Browser, address: str, scene: Scene, wanted: list[tuple[Picture, View]], place: Path
) -> Iterator[str]:
    """Take pictures from one server; yields a line a picture: its file, its size, or why it was not made."""
    windows: dict[View, BrowserContext] = {}
    for picture, view in wanted:
        if view not in windows:
            windows[view] = _window(browser, view)
        page = windows[view].new_page()
        name = picture.file(view)
        try:
            page.goto(scene.address(address, picture))
            image = shot(page, picture, view)
            image = small(image)
            image.save(place / name, optimize=True)
            size = (place / name).stat().st_size / 1000
            cut = ", cut off" if image.height >= HIGHEST else ""
            yield f"{name:40} {image.width:5} x {image.height:5} {size:6.0f} kB{cut}"
        except Exception as error:  # one page that does not come must not cost all others
            yield f"not made {name}: {type(error).__name__}: {str(error).splitlines()[0]}"
        finally:
            page.close()
    for window in windows.values():
        window.close()


def _window(browser: Browser, view: View) -> BrowserContext:
    theme, width = view
    phone = width == PHONE
    context = browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme=theme, has_touch=phone, reduced_motion="reduce",
        user_agent=A_PHONE if phone else None,
    )  # fmt: skip
    context.set_default_timeout(120_000)
    return context


def shot(page: Page, picture: Picture, view: View) -> Image:
    """The picture of a page that was opened, when nothing on it moves any more."""
    from PIL import Image

    painted(page, 0 if picture.shows in (EMPTY, RUNNING) else FIGURES[picture.page])
    if picture.act is not None:
        picture.act(page)
    bottom = _settled(page)
    width = view[1]
    page.set_viewport_size({"width": width, "height": min(max(bottom + 400, 900), HIGHEST + 400)})
    page.mouse.move(width - 2, 2)
    page.evaluate("document.activeElement?.blur()")
    bottom = _settled(page)
    clip = {"x": 0.0, "y": 0.0, "width": float(width), "height": float(min(bottom + MARGIN, HIGHEST))}
    if picture.part:
        box = page.locator(picture.part).bounding_box()
        assert box is not None
        around = picture.around
        left, top = max(box["x"] - around, 0), max(box["y"] - around, 0)
        clip = {"x": left, "y": top, "width": box["width"] + 2 * around, "height": box["height"] + 2 * around}
    if picture.height is not None:
        clip["height"] = min(clip["height"], picture.height)
    for _ in range(TRIES):  # a page that shows a training is drawn anew every second
        page.wait_for_function(QUIET, polling=20, timeout=PATIENCE_MS)
        taken = page.screenshot(clip=clip, animations="disabled", caret="hide")  # type: ignore[arg-type]
        if page.evaluate(QUIET):
            return Image.open(BytesIO(taken)).convert("RGB")
    raise TimeoutError("the page does not come to rest")


def _settled(page: Page) -> int:
    """Wait until the page is painted, nothing is awaited and it keeps its height for a moment; returns where it ends."""
    bottom, same = -1, 0
    deadline = time.monotonic() + PATIENCE_MS / 1000
    while same < 3:
        if time.monotonic() > deadline:
            raise TimeoutError("the page does not come to rest")
        painted(page)
        page.wait_for_function(QUIET, polling=100, timeout=PATIENCE_MS)
        now = page.evaluate(END)
        same = same + 1 if now == bottom else 0
        bottom = now
        page.wait_for_timeout(250)
    return bottom


def small(image: Image) -> Image:
    """A picture with a palette of 256 colours, of which none is far from what it stands for: surfaces and letters keep
    their colours as the most frequent ones, and a mark of a few pixels keeps its own, too."""
    import numpy as np
    from PIL import Image

    counted = sorted(image.getcolors(image.width * image.height) or [], reverse=True)
    colours = np.array([colour for _, colour in counted], dtype=np.int64)
    palette = np.arange(len(colours))[:KEPT]
    distances = ((colours[:, None] - colours[palette]) ** 2).sum(axis=2)
    nearest, distance = distances.argmin(axis=1), distances.min(axis=1)
    for place in range(len(palette), min(COLOURS, len(colours))):  # the colour that is worst off gets the next place
        worst = int(distance.argmax())
        palette = np.append(palette, worst)
        to_it = ((colours - colours[worst]) ** 2).sum(axis=1)
        nearest[to_it < distance], distance = place, np.minimum(to_it, distance)
    place_of = np.zeros(1 << 24, dtype=np.uint8)
    place_of[colours @ (1 << 16, 1 << 8, 1)] = nearest
    red, green, blue = np.moveaxis(np.asarray(image, dtype=np.int32), 2, 0)
    kept = Image.fromarray(place_of[red << 16 | green << 8 | blue], "P")
    kept.putpalette(colours[palette].astype(np.uint8).tobytes())
    return kept


if __name__ == "__main__":
    sys.exit(main())
