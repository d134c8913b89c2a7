"""Pictures of trees, read back from the files themselves, SVG by an XML parser and PDF by its streams."""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import sys
import threading
import zlib
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lwal_core.analysis.hierarchy import METHODS, METRICS, Hierarchy, build_hierarchy
from lwal_core.analysis.hierarchy.subtree import tree_part
from lwal_core.errors import AnalysisError, ExportError
from lwal_core.export.pictures.dendrogram import dendrogram_picture
from lwal_core.export.pictures.text import TextMeasure, drawable
from lwal_core.figures import dendrogram_figure
from lwal_core.figures.palette import OKABE_ITO, class_color

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE_NAMES = [
    "$x^{2}$", "a $ b", r"\$\frac{1}{0}$", "<script>alert(1)</script>", 'a & "b"', "]]>", "--><!--", "x\x00\x07y",
    "\ud800z",
    "\u202egnp.exe", "two\nlines", "日本の猫", "قطة", "é" * 40, "{}%s%d", "&amp;", "\ufffe\uffff", "\u200d",
]  # fmt: skip


def tree_of(n: int, names: list[str] | None = None, seed: int = 0, method: str = "average") -> Hierarchy:
    vectors = np.random.default_rng(seed).normal(size=(n, 6))
    return build_hierarchy(vectors, names or [f"class {i}" for i in range(n)], method)


def picture(h: Hierarchy, format: str = "svg", **options: object) -> bytes:
    out = io.BytesIO()
    dendrogram_picture(h, out, format, **options)  # type: ignore[arg-type]
    return out.getvalue()


def svg(h: Hierarchy, **options: object) -> ElementTree.Element:
    return ElementTree.fromstring(picture(h, "svg", **options))


def texts(root: ElementTree.Element) -> list[str]:
    return ["".join(node.itertext()) for node in root.iter(f"{SVG}text")]


def size_of(node: ElementTree.Element) -> float:
    return float(re.search(r"font-size: ([\d.]+)px", node.attrib["style"]).group(1))  # type: ignore[union-attr]


def name_nodes(root: ElementTree.Element) -> list[ElementTree.Element]:
    """Text that begins at a line and is not in the margin: the names, top to bottom as they are written."""
    return [
        node
        for node in root.iter(f"{SVG}text")
        if "text-anchor: start" in node.attrib["style"] and float(node.attrib["x"]) > 11
    ]


def pdf_streams(data: bytes) -> list[bytes]:
    found = []
    for match in re.finditer(rb"stream\r?\n(.*?)\r?\nendstream", data, re.DOTALL):
        try:
            found.append(zlib.decompress(match[1]))
        except zlib.error:
            continue
    return found


def pdf_texts(data: bytes) -> list[str]:
    """Shown strings of the page; two bytes a character in newer matplotlib, one in older."""
    page = next(stream for stream in pdf_streams(data) if b"TJ" in stream)
    arrays = re.findall(rb"\[([^\]]*)\]\s*TJ", page)
    return [b"".join(re.findall(rb"\(([^)]*)\)", array)).replace(b"\0", b"").decode("latin-1") for array in arrays]


class TestSvg:
    def test_names_are_text_in_leaf_order(self) -> None:
        h = tree_of(10)
        assert [node.text for node in name_nodes(svg(h))] == [h.names[i] for i in h.order]

    def test_hostile_names_are_text_and_the_file_is_well_formed(self) -> None:
        h = tree_of(len(HOSTILE_NAMES), HOSTILE_NAMES)
        data = picture(h, caption="costs $5 & <b>more</b> $\n\x00second", cut=3)
        root = ElementTree.fromstring(data)
        drawn = "".join(texts(root))
        for name in HOSTILE_NAMES:
            assert drawable(name).replace(" ", "") in drawn.replace(" ", "")
        assert "costs $5 & <b>more</b> $" in texts(root)
        assert "second" in texts(root)
        assert "(no name)" in texts(root)  # of the two that consist of nothing drawable
        assert {node.tag.removeprefix(SVG) for node in root.iter()} & {
            "script",
            "a",
            "image",
            "foreignObject",
            "b",
        } == set()
        assert "\u202e" not in data.decode("utf-8")

    @settings(max_examples=15)
    @given(st.lists(st.text(min_size=1, max_size=30), min_size=2, max_size=6, unique=True))
    def test_any_names(self, names: list[str]) -> None:
        root = svg(tree_of(len(names), names))
        shown = "".join(texts(root)).replace(" ", "")
        assert all(drawable(name).replace(" ", "") in shown for name in names)

    def test_long_names_are_wrapped_not_cut(self) -> None:
        name = "a very long name of a class that goes on " * 6
        root = svg(tree_of(3, [name, "x" * 200, "cat"]), width_mm=85)
        shown = "".join(texts(root)).replace(" ", "")
        assert name.replace(" ", "") in shown
        assert "x" * 200 in shown

    def test_endless_names_are_shortened_and_it_says_so(self) -> None:
        root = svg(tree_of(2, ["x" * 5000, "cat"]))
        assert sum(text.count("x") for text in texts(root) if set(text) <= {"x", "…"}) == 299
        assert any("…" in text for text in texts(root))
        assert any("shortened in the middle" in text for text in texts(root))

    @pytest.mark.parametrize(("n", "height_mm"), [(2, None), (3, 60), (25, 50), (300, None)])
    def test_names_do_not_overlap_and_stay_on_the_page(self, n: int, height_mm: float | None) -> None:
        from matplotlib.font_manager import FontProperties
        from matplotlib.textpath import TextPath

        names = [
            f"class {i}" if i % 7 else f"class number {i} of a folder with a name of several lines" for i in range(n)
        ]
        root = svg(tree_of(n, names), width_mm=120, height_mm=height_mm)
        width, height = (float(v) for v in root.attrib["viewBox"].split()[2:])
        lines = sorted((float(node.attrib["y"]), size_of(node), node) for node in name_nodes(root))
        assert {size for _, size, _ in lines} <= {lines[0][1]}
        assert 5 <= lines[0][1] <= 9
        assert np.diff([y for y, _, _ in lines]).min(initial=99) >= lines[0][1]
        assert lines[0][0] - lines[0][1] > 0
        assert lines[-1][0] < height
        for _, size, node in lines[:40]:
            assert node.text
            reach = TextPath((0, 0), node.text, size, prop=FontProperties(family="DejaVu Sans")).get_extents().x1
            assert float(node.attrib["x"]) + reach < width

    def test_one_class(self) -> None:
        root = svg(tree_of(1, ["cat"]), cut=1)
        assert "cat" in texts(root)
        assert "One class: there is nothing to merge." in texts(root)

    def test_thinned_past_some_hundred_and_said(self) -> None:
        root = svg(tree_of(500))
        note = next(text for text in texts(root) if text.startswith("Names are shown for"))
        assert note == "Names are shown for 250 of 500 classes."
        assert len(name_nodes(root)) == 250

    def test_axis_and_caption(self) -> None:
        caption = "LwAL, average linkage, digits, seed 0. " * 5
        root = svg(tree_of(6), caption=caption)
        assert "Average distance (label units)" in texts(root)
        assert "0" in texts(root)
        assert caption.strip() in " ".join(texts(root))

    @pytest.mark.parametrize(
        ("method", "metric"), [(m, "euclidean") for m in METHODS] + [("average", m) for m in METRICS]
    )
    def test_axis_title_is_that_of_the_interactive_figure(self, method: str, metric: str) -> None:
        vectors = np.random.default_rng(0).normal(size=(5, 4))
        h = build_hierarchy(vectors, list("abcde"), method, metric)
        assert dendrogram_figure(h).layout.xaxis.title.text in texts(svg(h))

    def test_inversions_and_ties_are_drawn(self) -> None:
        corners = np.array([[0, 0], [1, 0], [0.5, 0.86]])
        assert len(name_nodes(svg(build_hierarchy(corners, list("abc"), "centroid"), cut=2))) == 3
        tied = svg(build_hierarchy(np.eye(6), list("abcdef")), cut=3)
        assert "because merges are tied. All distances are equal" in " ".join(texts(tied))
        assert len(name_nodes(svg(build_hierarchy(np.zeros((4, 2)), list("abcd")), cut=0.0))) == 4


class TestColours:
    @staticmethod
    def leaf_colours(root: ElementTree.Element) -> dict[str, str]:
        """Name -> colour of the line that ends in front of it."""
        strokes: list[tuple[float, float, str]] = []  # both ends of every line of the tree
        for path in root.iter(f"{SVG}path"):
            points = [(float(x), float(y)) for x, y in re.findall(r"([\d.]+) ([\d.]+)", path.attrib["d"])]
            stroke = re.search(r"stroke: (#\w+)", path.attrib.get("style", ""))
            if stroke and points[0][0] != points[1][0]:  # an upright line is one of the axis
                strokes += [(*points[0], stroke[1]), (*points[-1], stroke[1])]
        leaves = max(x for x, _, _ in strokes)
        ends = {y: color for x, y, color in strokes if x == leaves}
        found = {}
        for node in name_nodes(root):
            middle = float(node.attrib["y"]) - 0.36 * size_of(node)
            nearest = min(ends, key=lambda y: abs(y - middle))
            assert abs(nearest - middle) < 0.1
            found[node.text or ""] = ends[nearest]
        return found

    @pytest.mark.parametrize("cut", [1, 4, 9, 12, 2.0])
    def test_groups_have_the_colours_of_the_interactive_figure(self, cut: int | float) -> None:
        h = tree_of(12, seed=3)
        expected: dict[str, str] = {}
        for trace in dendrogram_figure(h, cut=cut).data:
            if trace.mode == "lines":
                for distance, place in zip(trace.x, trace.y, strict=True):
                    if distance == 0 and place == round(place):
                        expected[h.names[h.order[int(place)]]] = trace.line.color.lower()
        assert self.leaf_colours(svg(h, cut=cut)) == expected

    def test_without_a_cut_lines_are_grey_and_marks_show_the_classes(self) -> None:
        h = tree_of(7)
        data = picture(h).decode()
        assert set(self.leaf_colours(ElementTree.fromstring(data)).values()) == {"#8a94a0"}
        assert all(class_color(i).lower() in data for i in range(7))
        assert all(color.lower() not in picture(h, marks=False).decode() for color in OKABE_ITO)

    def test_cut_is_a_dashed_line_with_its_height(self) -> None:
        h = tree_of(8)
        root = svg(h, cut=3)
        assert any(re.fullmatch(r"cut at [\d.]+: 3 groups", text) for text in texts(root))
        assert sum("stroke-dasharray" in path.attrib.get("style", "") for path in root.iter(f"{SVG}path")) == 1
        above = svg(h, cut=1e6)
        assert any(text == "The cut at 1,000,000 lies above the tree: 1 group." for text in texts(above))
        assert not any("stroke-dasharray" in path.attrib.get("style", "") for path in above.iter(f"{SVG}path"))

    def test_dark_theme(self) -> None:
        data = picture(tree_of(4), theme="dark").decode()
        assert "fill: #11151b" in data
        assert "#ffffff" not in data


class TestPdf:
    def test_text_is_text_in_an_embedded_truetype_font(self) -> None:
        h = tree_of(5, ["cat", "dog", "car", "truck", "bird"])
        data = picture(h, "pdf", caption="seed 0")
        assert data.startswith(b"%PDF-")
        assert data.rstrip().endswith(b"%%EOF")
        assert b"/FontFile2" in data
        assert b"/Type3" not in data
        assert {"cat", "dog", "car", "truck", "bird", "seed 0"} <= set(pdf_texts(data))

    @pytest.mark.parametrize("width_mm", [85, 120, 180])
    def test_a_reader_can_select_names_and_caption(self, width_mm: int, tmp_path: Path) -> None:
        if shutil.which("pdftotext") is None:
            assert not os.environ.get("CI"), "install Debian's package poppler-utils, as tests/run_all.py does"
            pytest.skip("pdftotext (Debian's package poppler-utils) is not installed")
        names = ["siamese cat", "o'neil", "a, b (c)", "кошка", "<b>bold</b>", "=1+1", "naïve"]
        file = tmp_path / "tree.pdf"
        caption = "Class means by LwAL, seed 12. Average linkage of euclidean distances. lwal 0.1, torch 2.14."
        file.write_bytes(picture(tree_of(7, names), "pdf", caption=caption, width_mm=width_mm))
        made = subprocess.run(["pdftotext", "-layout", str(file), "-"], capture_output=True, text=True, check=True)
        assert all(name in made.stdout for name in names)
        assert caption in " ".join(made.stdout.split())  # wrapped in a narrow picture
        listed = subprocess.run(["pdffonts", str(file)], capture_output=True, text=True, check=True).stdout
        fonts = [line for line in listed.splitlines()[2:] if line.strip()]
        # Columns of a font: embedded, a subset of it, and a map to Unicode, without which nothing can be searched.
        assert fonts and all(re.search(r"TrueType.* yes yes yes ", line) for line in fonts)

    def test_hostile_names(self) -> None:
        data = picture(tree_of(len(HOSTILE_NAMES), HOSTILE_NAMES), "pdf")
        assert "a $ b" in pdf_texts(data)
        shown = " ".join(pdf_texts(data))
        assert "Boxes stand for characters" in shown or "日本" not in "".join(TextMeasure(["日本"]).boxes)

    def test_no_time_stamp(self) -> None:
        assert b"Date" not in picture(tree_of(3), "pdf")
        assert b"date" not in picture(tree_of(3), "svg").lower()


class TestPng:
    @staticmethod
    def size(data: bytes) -> tuple[int, int]:
        assert data.startswith(b"\x89PNG\r\n\x1a\n")
        return int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")

    def test_size_is_what_was_asked_for(self) -> None:
        assert self.size(picture(tree_of(4), "png", width_mm=101.6, height_mm=76.2, dpi=100)) == (400, 300)

    def test_grows_with_the_number_of_classes(self) -> None:
        few, many = (self.size(picture(tree_of(n), "png", dpi=50))[1] for n in (5, 50))
        assert many > 3 * few

    def test_too_many_pixels(self) -> None:
        with pytest.raises(ExportError, match=r"pixels.*at most \d+ dpi"):
            picture(tree_of(300), "png", width_mm=1000, dpi=1200)


class TestReproducible:
    def test_same_bytes_in_another_process(self) -> None:
        code = """if True:
            import io, sys
            import numpy as np
            from lwal_core.analysis.hierarchy import build_hierarchy
            from lwal_core.export.pictures.dendrogram import dendrogram_picture
            assert not {"matplotlib", "plotly", "torch"} & sys.modules.keys()
            vectors = np.random.default_rng(2).normal(size=(9, 6))
            h = build_hierarchy(vectors, [f"class {i}" for i in range(9)])
            for format in ("svg", "pdf", "png"):
                out = io.BytesIO()
                dendrogram_picture(h, out, format, cut=3, caption="x", dpi=60)
                sys.stdout.buffer.write(out.getvalue())
            assert "matplotlib.pyplot" not in sys.modules
        """
        environment = {**os.environ, "PYTHONHASHSEED": "7", "PYTHONPATH": os.pathsep.join(sys.path)}
        other = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, check=True, env=environment, timeout=120
        )
        h = tree_of(9, seed=2)
        here = [picture(h, format, cut=3, caption="x", dpi=60) for format in ("svg", "pdf", "png")]
        assert other.stdout == b"".join(here)

    def test_threads_do_not_mix(self) -> None:
        trees = [tree_of(n, seed=n) for n in (3, 4, 5)]
        formats = ["svg", "pdf", "svg"]
        alone = [picture(h, f, cut=2) for h, f in zip(trees, formats, strict=True)]
        together: list[bytes] = [b""] * 3

        def work(i: int) -> None:
            together[i] = picture(trees[i], formats[i], cut=2)

        threads = [threading.Thread(target=work, args=(i,)) for i in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert together == alone

    def test_settings_of_matplotlib_are_left_alone(self) -> None:
        import matplotlib

        before = dict(matplotlib.rcParams)
        picture(tree_of(3))
        assert dict(matplotlib.rcParams) == before


class TestRefused:
    @pytest.mark.parametrize(
        ("options", "match"),
        [
            ({"format": "gif"}, "'gif', allowed are svg, pdf, png"),
            ({"theme": "sepia"}, "'sepia', allowed are light, dark"),
            ({"width_mm": 10}, "width_mm is 10"),
            ({"width_mm": float("nan")}, "width_mm is nan"),
            ({"height_mm": 1e9}, "height_mm"),
            ({"height_mm": 5}, "mm too low"),
            ({"dpi": 5}, "dpi is 5"),
        ],
    )
    def test_options(self, options: dict[str, object], match: str) -> None:
        with pytest.raises(ExportError, match=match):
            picture(tree_of(4), **options)  # type: ignore[arg-type]

    @pytest.mark.parametrize("cut", [0, 5, -1.0, float("nan"), "2", True])
    def test_cut_that_does_not_fit_the_tree(self, cut: Any) -> None:
        with pytest.raises(AnalysisError):
            picture(tree_of(4), cut=cut)

    def test_file_that_cannot_be_written(self, tmp_path: object) -> None:
        with pytest.raises(ExportError, match="cannot be written"):
            dendrogram_picture(tree_of(3), f"{tmp_path}/missing/tree.svg")

    def test_file_that_can(self, tmp_path: object) -> None:
        dendrogram_picture(tree_of(3), f"{tmp_path}/tree.svg")
        with open(f"{tmp_path}/tree.svg", "rb") as file:
            assert file.read() == picture(tree_of(3))


class TestText:
    def test_wrap_keeps_every_character_and_the_limit(self) -> None:
        measure = TextMeasure(["x"])
        for text in ["a bc def " * 9, "x" * 90, "under_scored_name/with-parts" * 4, "e\u0301" * 40, ""]:
            lines = measure.wrap(text, 8, 100)
            assert "".join(lines).replace(" ", "") == text.replace(" ", "")
            assert all(measure.width(line, 8) <= 100 for line in lines)
            assert not any(line.startswith("\u0301") for line in lines)

    def test_a_character_wider_than_the_limit(self) -> None:
        assert TextMeasure([]).wrap("ab", 50, 1) == ["a", "b"]

    def test_drawable(self) -> None:
        assert drawable("a\tb\n c\x00\x1b[31m\u202e\ud800\uffff") == "a b c[31m"
        assert drawable("می\u200cخواهم") == "می\u200cخواهم"
        assert drawable("\u200d \x00") == ""


class TestPart:
    """A picture of the part of a tree that a reader has left open."""

    def test_closed_clades_and_zoom_show_the_tips_of_the_figure(self):
        h = tree_of(12, [f"name {i}" for i in range(12)])
        zoom = int(h.children[-1][np.argmax(h.sizes[h.children[-1]])])
        inner = [int(node) for node in h.children[zoom - h.n] if node >= h.n]
        part = tree_part(h, zoom, closed=inner[:1])
        assert 1 < len(part.tips) < h.sizes[zoom] < h.n
        root = svg(h, part=part, cut=3)
        shown = [text for text in texts(root) if text.startswith("name ")]
        assert shown == list(dendrogram_figure(h, 3, part=part).layout.yaxis.ticktext)
        said = " ".join(texts(root))
        assert f"Shown: {h.sizes[zoom]} of 12 classes, 1 closed clade as a triangle." in said

    def test_a_closed_clade_has_the_colour_and_name_of_the_figure(self):
        h = tree_of(8)
        node = int(h.cut_nodes(k=2)[np.argmax(h.sizes[h.cut_nodes(k=2)])])
        part = tree_part(h, closed=[node])
        data = picture(h, part=part, cut=2, clade_names={node: "vehicles"}).decode().lower()
        figure = dendrogram_figure(h, 2, part=part)
        (triangle,) = [trace for trace in figure.data if trace.name == "closed clades"]
        assert f"fill: {triangle.fillcolor.lower()}" in data and f"vehicles ({h.sizes[node]})" in data

    def test_all_of_a_tree_says_nothing_and_draws_the_same(self):
        h = tree_of(6)
        assert picture(h, cut=2) == picture(h, cut=2, part=tree_part(h))
        assert "Shown:" not in " ".join(texts(svg(h)))

    @pytest.mark.parametrize("n", [2, 3])
    def test_one_branch(self, n: int):
        h = tree_of(n)
        assert len(texts(svg(h, part=tree_part(h, 0)))) >= 1

    def test_a_part_of_another_tree_is_refused(self):
        with pytest.raises(AnalysisError, match="another tree"):
            picture(tree_of(4), part=tree_part(tree_of(4)))
