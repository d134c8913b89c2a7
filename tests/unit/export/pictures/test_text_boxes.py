"""Pictures of trees from 2 to 1,000 leaves at a journal's width: no text lies on another one or leaves the page.

Boxes are measured from the glyphs of the font, by other code than the one that arranges the text.
"""

from __future__ import annotations

import io
from functools import cache
from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextPath

from lwal_core.analysis.hierarchy import Hierarchy, build_hierarchy
from lwal_core.analysis.hierarchy.subtree import tree_part
from lwal_core.export.pictures.dendrogram import dendrogram_picture
from lwal_core.export.pictures.tanglegram import tanglegram_picture
from lwal_core.figures.colouring import Colouring
from lwal_core.taxonomy import load_taxonomy
from tests.unit.export.pictures.test_dendrogram import SVG, size_of

COLUMN, PAGE = 85, 180
"""mm: a journal's column and its page."""
CASES = ((2, COLUMN), (3, COLUMN), (10, COLUMN), (10, PAGE), (100, COLUMN), (1_000, COLUMN))
"""Leaves and width: a column is where text has least room."""
CAPTION = "Class means after epoch 90, average linkage of euclidean distances, 1,000 classes, seed 12. LwAL Explorer."


@cache
def tree(n: int, seed: int) -> Hierarchy:
    """A tree of ImageNet's first classes, whose names are up to dozens of characters long."""
    names = list(load_taxonomy("imagenet").classes)[:n]
    groups = np.random.default_rng(0).normal(size=(n // 8 + 1, 12))
    vectors = 3 * groups[np.arange(n) // 8] + np.random.default_rng(seed).normal(size=(n, 12))
    return build_hierarchy(vectors, names)


def columns(n: int) -> list[Colouring]:
    kinds = [f"kind {i} of several" for i in range(9)]
    return [
        Colouring.of_texts("habitat", kinds, [i % 9 for i in range(n)]),
        Colouring.of_numbers("weight in kilograms", np.linspace(0.01, 4_000, n)),
        Colouring.of_numbers("test accuracy after epoch 90", np.linspace(0, 1, n), percent=True),
    ]


@cache
def ink(text: str) -> tuple[float, float, float, float]:
    """Where the glyphs of a text lie around the beginning of its baseline at a font size of 1, upwards."""
    box = TextPath((0, 0), text, 1, prop=FontProperties(family="DejaVu Sans")).get_extents()
    return box.x0, box.y0, box.x1, box.y1


def assert_apart(data: bytes, least: int) -> None:
    """No two texts of an SVG overlap, and all are on the page.

    Args:
        data: The file.
        least: How many texts there must be.
    """
    root = ElementTree.fromstring(data)
    width, height = (float(v) for v in root.attrib["viewBox"].split()[2:])
    said: list[str] = []
    boxes: list[tuple[float, float, float, float]] = []
    for node in root.iter(f"{SVG}text"):
        text, size, x = "".join(node.itertext()), size_of(node), float(node.attrib["x"])
        if not text.strip():
            continue
        x0, y0, x1, y1 = (size * number for number in ink(text))
        x -= {"start": 0.0, "middle": 0.5, "end": 1.0}[
            node.attrib["style"].split("text-anchor: ")[1].split(";")[0]
        ] * x1
        y = float(node.attrib["y"])
        said.append(text)
        boxes.append((x + x0, y - y1, x + x1, y - y0))
    left, top, right, bottom = np.array(boxes).T
    assert len(boxes) >= least
    assert left.min() >= 0 and top.min() >= 0 and right.max() <= width and bottom.max() <= height
    over = (left[:, None] < right) & (left < right[:, None]) & (top[:, None] < bottom) & (top < bottom[:, None])
    np.fill_diagonal(over, False)
    assert not over.any(), [(said[i], said[j]) for i, j in np.argwhere(over)[:5]]


@pytest.mark.parametrize(("n", "width"), CASES)
def test_a_tree_with_cut_strips_and_caption(n: int, width: float) -> None:
    h, out = tree(n, 1), io.BytesIO()
    dendrogram_picture(h, out, "svg", cut=min(3, n), width_mm=width, caption=CAPTION, strips=columns(n))
    assert_apart(out.getvalue(), min(n, 250))


def test_a_thousand_classes_folded_to_sixty_branches_with_names_of_clades() -> None:
    h, out = tree(1_000, 1), io.BytesIO()
    part = tree_part(h, most_tips=60)
    names = {int(node): f"clade {node} that somebody gave a name" for node in part.closed[::2]}
    dendrogram_picture(
        h, out, "svg", cut=tuple(h.cut_nodes(k=12).tolist()), width_mm=COLUMN, caption=CAPTION, part=part,
        clade_names=names, strips=columns(1_000),
    )  # fmt: skip
    assert_apart(out.getvalue(), 60)


@pytest.mark.parametrize(("n", "width"), CASES)
def test_two_facing_trees(n: int, width: float) -> None:
    out = io.BytesIO()
    tanglegram_picture(
        tree(n, 1), tree(n, 2), out, "svg", width_mm=width, caption=CAPTION, groups=min(3, n),
        labels=("One-hot, seed 12, epoch 90", "LwAL, seed 12, epoch 90"),
    )  # fmt: skip
    assert_apart(out.getvalue(), 2 * min(n, 250))


def test_two_facing_trees_of_a_thousand_classes_folded_to_forty_branches() -> None:
    left, right, out = tree(1_000, 1), tree(1_000, 2), io.BytesIO()
    parts = (tree_part(left, most_tips=40), tree_part(right, most_tips=40))
    labels = ("One-hot, seed 12, epoch 90", "LwAL, seed 12, epoch 90")
    tanglegram_picture(left, right, out, "svg", width_mm=COLUMN, caption=CAPTION, parts=parts, labels=labels)
    assert_apart(out.getvalue(), 80)


def test_boxes_that_overlap_or_leave_the_page_are_found() -> None:
    def page(*places: tuple[float, float]) -> bytes:
        texts = "".join(
            f'<text x="{x}" y="{y}" style="font-size: 9px; text-anchor: start">word</text>' for x, y in places
        )
        return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 100">{texts}</svg>'.encode()

    assert_apart(page((10, 20), (10, 30), (50, 20)), 3)
    for places in ([(10, 20), (15, 22)], [(90, 20)], [(10, 4)]):
        with pytest.raises(AssertionError):
            assert_apart(page(*places), 1)
