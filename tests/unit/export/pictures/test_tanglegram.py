"""Pictures of facing trees, read back from the files themselves."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from lwal_core.analysis.hierarchy import Hierarchy, build_hierarchy
from lwal_core.analysis.hierarchy.subtree import tree_part
from lwal_core.analysis.trees.correspondence import connections, correspondence
from lwal_core.analysis.trees.matching import face, matched, taxonomy_tree
from lwal_core.errors import AnalysisError, ExportError
from lwal_core.export.pictures.tanglegram import tanglegram_bytes, tanglegram_picture
from lwal_core.export.pictures.text import drawable
from lwal_core.figures.clade_colors import group_marks
from lwal_core.figures.palette import OKABE_ITO, neutral
from lwal_core.taxonomy import load_taxonomy
from tests.unit.export.pictures.test_dendrogram import HOSTILE_NAMES, SVG, pdf_texts, size_of, texts

SHAPES = list(load_taxonomy("shapes").classes)


def pair(n: int, names: list[str] | None = None, noise: float = 0.4, seed: int = 0) -> tuple[Hierarchy, Hierarchy]:
    generator = np.random.default_rng(seed)
    vectors, labels = generator.normal(size=(n, 6)), names or [f"class {i}" for i in range(n)]
    moved = vectors + noise * generator.normal(size=vectors.shape)
    facing = face(build_hierarchy(vectors, labels), build_hierarchy(moved, labels))
    return facing.left, facing.right


def svg(trees: tuple[Hierarchy, Hierarchy], **options: Any) -> ElementTree.Element:
    return ElementTree.fromstring(tanglegram_bytes(*trees, "svg", **options))


def named(root: ElementTree.Element, anchor: str, top: float = 0.0) -> list[tuple[float, float, str]]:
    """Text that begins (or ends) inside the page, as ``(x, y, text)`` from top to bottom."""
    width = float(root.attrib["viewBox"].split()[2])
    found = [
        (float(node.attrib["x"]), float(node.attrib["y"]), node.text or "")
        for node in root.iter(f"{SVG}text")
        if f"text-anchor: {anchor}" in node.attrib["style"]
    ]
    return sorted((row for row in found if 12 < row[0] < width - 12), key=lambda row: row[1])


def curves(root: ElementTree.Element) -> list[tuple[str, float, list[tuple[float, float]]]]:
    """Lines between the trees: colour, opacity, points."""
    found = []
    for path in root.iter(f"{SVG}path"):
        points = [(float(x), float(y)) for x, y in re.findall(r"(-?[\d.]+) (-?[\d.]+)", path.attrib["d"])]
        stroke = re.search(r"stroke: (#\w+)", path.attrib.get("style", ""))
        if stroke and len(points) > 20 and "C" not in path.attrib["d"]:  # a ring is made of arcs
            opacity = re.search(r"stroke-opacity: ([\d.]+)", path.attrib["style"])
            found.append((stroke[1], float(opacity[1]) if opacity else 1.0, points))
    return found


class TestSvg:
    def test_names_are_text_in_both_leaf_orders(self) -> None:
        left, right = pair(9)
        root = svg((left, right), labels=("One", "Two"))
        assert [text for _, _, text in named(root, "start")] == [left.names[i] for i in left.order]
        assert [text for _, _, text in named(root, "end")] == [right.names[i] for i in right.order]
        assert {"One", "Two"} <= set(texts(root))

    def test_a_line_joins_the_two_places_of_each_class(self) -> None:
        left, right = pair(12)
        root = svg((left, right))
        ys = {
            side: {text: y for _, y, text in named(root, anchor)}
            for side, anchor in (("left", "start"), ("right", "end"))
        }
        drawn = {(round(points[0][1], 1), round(points[-1][1], 1)) for _, _, points in curves(root)}
        size = size_of(next(node for node in root.iter(f"{SVG}text") if node.text == "class 0"))
        expected = {
            (round(ys["left"][name] - 0.36 * size, 1), round(ys["right"][name] - 0.36 * size, 1)) for name in left.names
        }
        assert len(drawn) == len(expected) == 12
        for one, other in zip(sorted(drawn), sorted(expected), strict=True):
            assert one == pytest.approx(other, abs=0.15)

    def test_lines_and_clades_have_the_colours_of_the_figure(self) -> None:
        left, right = pair(12, noise=0.8)
        root = svg((left, right), groups=4)
        marks = group_marks(left, 4)
        in_right = {frozenset(np.flatnonzero(right.cut(k=4) == g).tolist()) for g in range(4)}
        expected = []
        for mark in marks:
            members = left.members(mark.node).tolist()
            expected += [(mark.color.lower(), 0.35 if frozenset(members) in in_right else 1.0)] * len(members)
        assert sorted((color, opacity) for color, opacity, _ in curves(root)) == sorted(expected)

    def test_without_groups_nothing_is_coloured(self) -> None:
        data = tanglegram_bytes(*pair(8), "svg").decode()
        assert all(color.lower() not in data.lower() for color in OKABE_ITO)
        assert "Colours" not in data

    def test_hostile_names_labels_and_caption_are_text(self) -> None:
        trees = pair(len(HOSTILE_NAMES), HOSTILE_NAMES)
        data = tanglegram_bytes(
            *trees, "svg", labels=("<b>$x$", "a & b"), caption="costs $5 & <i>\n\x00second", groups=2
        )
        root = ElementTree.fromstring(data)
        drawn = "".join(texts(root)).replace(" ", "")
        for name in HOSTILE_NAMES:
            assert drawn.count(drawable(name).replace(" ", "")) >= 2 or not drawable(name)
        assert {"<b>$x$", "a & b", "costs $5 & <i>", "second"} <= set(texts(root))
        assert {node.tag.removeprefix(SVG) for node in root.iter()} & {"script", "a", "image", "foreignObject"} == set()

    @settings(max_examples=10)
    @given(st.lists(st.text(min_size=1, max_size=25), min_size=2, max_size=5, unique=True))
    def test_any_names(self, names: list[str]) -> None:
        shown = "".join(texts(svg(pair(len(names), names)))).replace(" ", "")
        assert all(drawable(name).replace(" ", "") in shown for name in names)

    @pytest.mark.parametrize(
        ("n", "width", "height"), [(2, 180, None), (3, 80, 60), (25, 120, 70), (60, 85, None), (300, 180, None)]
    )
    def test_names_do_not_overlap_and_stay_beside_their_trees(self, n: int, width: float, height: float | None) -> None:
        from matplotlib.font_manager import FontProperties
        from matplotlib.textpath import TextPath

        names = [f"class {i}" if i % 7 else f"class number {i} of a folder with a long name" for i in range(n)]
        root = svg(pair(n, names), width_mm=width, height_mm=height, groups=2)
        page_width, page_height = (float(v) for v in root.attrib["viewBox"].split()[2:])
        left, right = named(root, "start"), named(root, "end")
        sizes = {size_of(node) for node in root.iter(f"{SVG}text") if (node.text or "").startswith("class ")}
        assert len(sizes) == 1  # one font size on both sides
        size = sizes.pop()
        assert 5 <= size <= 9
        starts = min(points[1][0] for _, _, points in curves(root))
        ends = max(points[-2][0] for _, _, points in curves(root))
        assert starts < ends
        for column in (left, right):
            ys = [y for _, y, _ in column]
            assert np.diff(ys).min(initial=99) >= size
            assert ys[0] > size and ys[-1] < page_height
        font = FontProperties(family="DejaVu Sans")
        for x, _, text in left[:40]:
            assert x + TextPath((0, 0), text, size, prop=font).get_extents().x1 < starts
        for x, _, text in right[:40]:
            assert x - TextPath((0, 0), text, size, prop=font).get_extents().x1 > ends
        assert page_width == pytest.approx(width * 72 / 25.4, abs=0.1)

    def test_many_names_are_thinned_and_it_says_so(self) -> None:
        root = svg(pair(500))
        assert any("Names are shown for 250 of 500 classes on each side." in text for text in texts(root))
        assert len(named(root, "start")) == len(named(root, "end")) == 250
        assert len(curves(root)) == 500

    @pytest.mark.parametrize("n", [1, 2, 3])
    def test_few_classes(self, n: int) -> None:
        root = svg(pair(n), groups=1)
        assert len(curves(root)) == n
        said = " ".join(texts(root))
        assert ("One class" in said) == (n == 1)
        assert ("clade of both trees" in said) == (n > 2)

    def test_flat_trees_ties_and_taxonomies(self) -> None:
        names = list("abcdef")
        flat = build_hierarchy(np.eye(6), names)
        other = pair(6, names)[1]
        said = " ".join(texts(svg((flat, other), labels=("One-hot", "LwAL"), groups=3)))
        assert "One-hot joins all classes at one height" in said and "LwAL joins" not in said
        assert "No height gives 3 groups in both" in said
        tree = build_hierarchy(np.random.default_rng(0).normal(size=(16, 4)), SHAPES)
        both = matched(tree, taxonomy_tree(load_taxonomy("shapes"), SHAPES))
        said = " ".join(texts(svg((both.left, both.right))))
        assert "Levels of the taxonomy" in said and "Average distance (label units)" in said

    def test_shared_clades_are_diamonds(self) -> None:
        left, _ = pair(10)
        same, _ = svg((left, left), groups=None), None
        rings = neutral("surface").lower()
        filled = [path for path in same.iter(f"{SVG}use") if f"fill: {rings}" in path.attrib.get("style", "")]
        assert not filled  # every clade is in both
        different = svg(pair(10, noise=3.0))
        assert any(f"fill: {rings}" in use.attrib.get("style", "") for use in different.iter(f"{SVG}use"))

    def test_classes_are_matched_by_name(self) -> None:
        left, _ = pair(7)
        generator = np.random.default_rng(5)
        other = build_hierarchy(generator.normal(size=(7, 3)), list(reversed(left.names)))
        root = svg((left, other))
        assert [text for _, _, text in named(root, "end")] == [other.names[i] for i in other.order]


class TestFormats:
    @pytest.mark.parametrize("format", ["svg", "pdf", "png"])
    def test_same_bytes_twice(self, format: str) -> None:
        trees = pair(10)
        first, second = (tanglegram_bytes(*trees, format, groups=3, caption="c", dpi=80) for _ in range(2))  # type: ignore[arg-type]
        assert first == second
        assert b"2026" not in first[:400]

    def test_pdf_has_text_and_its_size(self) -> None:
        data = tanglegram_bytes(*pair(6), "pdf", labels=("Here", "There"), width_mm=100, height_mm=70)
        shown = pdf_texts(data)
        assert [shown.count(f"class {i}") for i in range(6)] == [2] * 6
        assert {"Here", "There"} <= set(shown)
        box = re.search(rb"/MediaBox\s*\[\s*0 0 ([\d.]+) ([\d.]+)", data)
        assert box and [float(box[1]), float(box[2])] == pytest.approx([100 / 25.4 * 72, 70 / 25.4 * 72], abs=0.1)

    def test_png_has_its_size(self) -> None:
        image = Image.open(io.BytesIO(tanglegram_bytes(*pair(300), "png", dpi=60, theme="dark")))
        assert image.width == pytest.approx(180 / 25.4 * 60, abs=1)
        assert image.convert("RGB").getpixel((1, 1)) == (0x11, 0x15, 0x1B)

    def test_is_written_to_a_file(self, tmp_path: Path) -> None:
        tanglegram_picture(*pair(4), tmp_path / "trees.svg")
        assert (tmp_path / "trees.svg").read_bytes().startswith(b"<?xml")
        with pytest.raises(ExportError, match="cannot be written"):
            tanglegram_picture(*pair(4), tmp_path / "missing" / "trees.svg")

    def test_refused(self) -> None:
        trees = pair(4)
        for options, words in (
            ({"width_mm": 60}, "width_mm"),
            ({"width_mm": 5000}, "width_mm"),
            ({"height_mm": 5}, "too low"),
            ({"dpi": 10}, "dpi"),
            ({"theme": "pink"}, "theme"),
        ):
            with pytest.raises(ExportError, match=words):
                tanglegram_bytes(*trees, "svg", **options)
        with pytest.raises(ExportError, match="format"):
            tanglegram_bytes(*trees, "gif")  # type: ignore[arg-type]
        with pytest.raises(ExportError, match="pixels"):
            tanglegram_bytes(*trees, "png", width_mm=2000, height_mm=2000, dpi=1200)
        with pytest.raises(AnalysisError):
            tanglegram_bytes(*trees, "svg", groups=5)
        with pytest.raises(AnalysisError, match="different classes"):
            tanglegram_bytes(trees[0], pair(5)[0], "svg")


def test_a_folded_picture_has_the_branches_of_the_figure() -> None:
    trees = pair(50)
    parts = (tree_part(trees[0], most_tips=12), tree_part(trees[1], most_tips=7))
    alike = (correspondence(*trees), correspondence(*trees[::-1]))
    root = svg(trees, parts=parts, alike=alike, caption="Two trees")
    said = texts(root)
    for part in parts:
        for tip in part.tips.tolist():
            name = trees[0].names[int(part.tree.members(tip)[0])]
            expected = name if tip < 50 else f"{name} + {part.tree.sizes[tip] - 1}"
            assert any(text.startswith(expected.split(" + ")[0]) for text in said), expected
    assert len(curves(root)) == len(connections(*parts))
    assert any("closed clades" in text for text in said) and any("Jaccard" in text for text in said)
    for format in ("pdf", "png"):
        assert tanglegram_bytes(*trees, format, parts=parts, alike=alike)
    with pytest.raises(AnalysisError):
        tanglegram_bytes(*pair(50, seed=1), "svg", parts=parts)
