"""The report of a run: complete, valid, deaf to whatever the classes are called, and small."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable
from html.parser import HTMLParser

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextPath

from lwal_core.analysis.hierarchy import Hierarchy, build_hierarchy
from lwal_core.errors import ExportError, LwalError
from lwal_core.export.newick import from_newick
from lwal_core.export.report.content import Curve, Map, Report, Table
from lwal_core.export.report.drawings import map_svg, nice_ticks, tree_svg
from lwal_core.export.report.page import MAX_CLASSES, report_page
from lwal_core.results.report import run_report
from lwal_core.results.tree_spec import TreeSpec
from lwal_core.runs import Run, annotate_clade

HOSTILE = [
    "<script>document.title='owned'</script>", "</script><img src=x onerror=alert(1)>", "\"><svg onload=alert(1)>",
    "'; alert(1); '", "{0}{title}", "&lt;b&gt;", "a\u2028b", "\u202egnp.exe", "=cmd()", "javascript:alert(1)", "日本",
    "x" * 3000, "]]>", "<!--", "\x00\x1b[31m",
]  # fmt: skip


class Page(HTMLParser):
    """Elements, attributes and text of a page, as a browser's parser splits it."""

    def __init__(self, data: bytes) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.scripts: list[str] = []
        self.feed(data.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        (self.scripts if self.tags and self.tags[-1][0] in ("script", "style") else self.text).append(data)

    def count(self, tag: str) -> int:
        return sum(each == tag for each, _ in self.tags)


def tree_of(names: list[str], seed: int = 0) -> Hierarchy:
    return build_hierarchy(np.random.default_rng(seed).normal(size=(len(names), 4)), names)


def report_of(names: list[str], text: str = "plain") -> Report:
    h = tree_of(names)
    rng = np.random.default_rng(1)
    return Report(
        title=text, answer=text, h=h, cut=3, caption=text,
        map=Map(rng.normal(size=(h.n, 2)), rng.normal(size=(20, 2)), np.arange(20) % h.n, (text, text), text),
        clade_names={h.n: text} if h.n > 1 else {}, curves=[Curve(text, "#0072B2", [0, 1], [0.5, 0.75])],
        tables=[Table(text, [text, "n"], [(text, 1)], text)], facts={text: text}, citation=[text],
    )  # fmt: skip


def test_hostile_texts_stay_texts() -> None:
    plain = Page(report_page(report_of([f"class {i}" for i in range(len(HOSTILE))])))
    for text in HOSTILE:
        page = Page(report_page(report_of(HOSTILE, text)))
        # The same elements with the same attributes, one by one, but for names that found no room on the map.
        wanted = [(tag, set(attributes)) for tag, attributes in plain.tags if tag != "text"]
        assert [(tag, set(attributes)) for tag, attributes in page.tags if tag != "text"] == wanted
        assert not any(name.startswith("on") for _, attributes in page.tags for name in attributes)
        targets = [str(a.get("href") or a.get("src") or "data:") for _, a in page.tags]
        assert all(
            target.startswith("data:application/octet-stream;base64,") or target == "data:" for target in targets
        )


@settings(max_examples=30)
@given(st.lists(st.text(max_size=20), min_size=1, max_size=6, unique=True), st.text(max_size=40))
def test_any_texts_make_a_page(names: list[str], text: str) -> None:
    page = Page(report_page(report_of(names, text)))
    assert page.count("script") == 2 and page.count("style") == 1 and page.count("img") == 0
    data = json.loads(next(script for script in page.scripts if script.startswith("{")))
    assert len(data["names"]) == len(names)


def test_only_the_script_and_the_style_that_it_carries_may_run() -> None:
    data = report_page(report_of(["a", "b"])).decode()
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', data)
    assert policy is not None and "default-src 'none'" in policy[1] and "unsafe" not in policy[1]
    for tag, rule in (("script", "script-src"), ("style", "style-src")):
        body = re.search(rf"<{tag}>(.*?)</{tag}>", data, re.DOTALL)
        assert body is not None
        digest = base64.b64encode(hashlib.sha256(body[1].encode()).digest()).decode()
        assert f"{rule} 'sha256-{digest}'" in policy[1]
    assert "http" not in re.sub(r"http://www\.w3\.org/\S+|http-equiv", "", data)


def test_files_in_the_page_are_whole() -> None:
    names = [f"c{i}" for i in range(9)]
    page = Page(report_page(report_of(names)))
    files = {
        a["download"]: base64.b64decode(str(a["href"]).partition(",")[2]) for tag, a in page.tags if "download" in a
    }
    assert set(files) == {"tree.nwk", "classes.csv", "merges.csv", "tree.json", "distances.csv"}
    assert len(from_newick(files["tree.nwk"].decode())[1]) == 9
    assert json.loads(files["tree.json"])["classes"] == 9


@pytest.mark.parametrize("names", [["only"], ["a", "b"], ["a", "b", "c"]])
def test_few_classes(names: list[str]) -> None:
    page = Page(report_page(report_of(names)))
    (slider,) = [a for tag, a in page.tags if tag == "input"]
    assert slider["max"] == str(len(names)) and int(str(slider["value"])) <= len(names)


def test_the_data_are_those_of_the_tree() -> None:
    h = tree_of([f"c{i}" for i in range(12)], seed=3)
    report = Report("t", "a", h, 3, "c")
    script = next(script for script in Page(report_page(report)).scripts if script.startswith("{"))
    data = json.loads(script)
    for k in range(1, 13):  # the rule that the script follows gives the cut of the library
        top: list[int] = [-1] * 23
        for node in range(22, -1, -1):
            above = data["parents"][node]
            top[node] = top[above] if above >= 0 and top[above] >= 0 else (node if node < 24 - k else -1)
        groups = {node: {i for i in range(12) if top[i] == node} for node in set(top[:12])}
        assert sorted(map(sorted, groups.values())) == sorted(
            sorted(np.flatnonzero(h.cut(k=k) == g).tolist()) for g in range(k)
        )
        assert data["cuts"][k - 1] == pytest.approx(h.height_for(k))


def test_ties_have_cuts_without_a_height() -> None:
    report = Report("t", "a", build_hierarchy(np.eye(5), list("abcde")), 2, "c")
    data = json.loads(next(s for s in Page(report_page(report)).scripts if s.startswith("{")))
    assert data["cuts"][1:4] == [None, None, None]


def test_a_large_tree_is_small_and_a_larger_one_refused() -> None:
    assert len(report_page(Report("t", "a", tree_of([f"class {i}" for i in range(1000)]), 30, "c"))) < 1_500_000
    h = tree_of(["a", "b"])
    many = Hierarchy(
        np.zeros((MAX_CLASSES, 4)), h.order, tuple(map(str, range(MAX_CLASSES + 1))), "x", "y", np.empty(0), True
    )
    with pytest.raises(ExportError, match="at most"):
        report_page(Report("t", "a", many, 2, "c"))


@pytest.mark.parametrize(("low", "high", "most"), [(0, 1, 6), (0, 22.3, 6), (0.6, 1, 6), (0, 1e-9, 5), (0, 0, 5)])
def test_ticks_are_round_and_within(low: float, high: float, most: int) -> None:
    ticks = nice_ticks(low, high, most)
    assert len(ticks) <= most and all(low - 1e-12 <= t <= high * (1 + 1e-9) for t in ticks)
    assert bool(ticks) == (high > low)


def test_leaves_stand_in_leaf_order() -> None:
    h = tree_of([f"c{i}" for i in range(7)])
    names = re.findall(r'class="name"[^>]*>([^<]+)<', tree_svg(h).svg)
    assert names == [h.names[i] for i in h.order]


@pytest.mark.parametrize("name", ["a name", "Wilhelmina Mammut", "i", "\u6f22\u5b57\u6f22\u5b57"])
def test_names_on_the_map_stand_within_it_and_on_no_dot(name: str) -> None:
    classes = np.random.default_rng(0).uniform(size=(60, 2))
    svg = map_svg(Map(classes, np.empty((0, 2)), np.empty(0, int), ("x", "y")), [name] * len(classes))
    wide, high = map(float, re.findall(r'viewBox="0 0 (\S+) (\S+)"', svg)[0])
    dots = [tuple(map(float, at)) for at in re.findall(r'class="leaf"[^>]* cx="([^"]+)" cy="([^"]+)"', svg)]
    names = re.findall(r'class="name" x="([^"]+)" y="([^"]+)" text-anchor="([^"]+)"', svg)
    assert len(dots) == len(classes) and 0 < len(names) <= len(dots) and len({anchor for *_, anchor in names}) > 1
    # Measured with the letters of the widest typeface of the report, drawn by another library.
    face = FontProperties(family="DejaVu Sans", size=13)
    width = TextPath((0, 0), name, prop=face).get_extents().width if name.isascii() else 13 * len(name)
    ends = {"start": 0.0, "middle": -0.5, "end": -1.0}
    for x, y, anchor in ((float(x), float(y), anchor) for x, y, anchor in names):
        left = x + ends[anchor] * width
        assert left >= 0 and left + width <= wide and y - 11 >= 0 and y + 3 <= high
        assert not [1 for cx, cy in dots if left < cx < left + width and y - 11 < cy < y + 3]


class TestOfRun:
    def test_everything_is_there(self, make_run: Callable[..., Run]) -> None:
        run, other = make_run(accuracy=0.5), make_run("onehot")
        h_names = run.class_names
        annotate_clade(run.path, list(h_names), "all <of> them")
        data = run_report(run, TreeSpec.of(run, cut=4), beside=[run, other])
        page = Page(data)
        text = " ".join(page.text)
        assert len(data) < 1_500_000
        for said in (
            run.id,
            "seed 12",
            "LwAL",
            "One-hot",
            "arXiv:2209.04528",
            "fingerprint",
            "Most confused",
            *h_names,
        ):
            assert said in text, said
        assert page.count("svg") == 3

    def test_without_a_test_set(self, make_run: Callable[..., Run]) -> None:
        run = make_run()
        (run.path / "eval.safetensors").unlink()
        assert "Most confused" not in run_report(run).decode()

    def test_samples_of_another_epoch_are_not_drawn_beside_classes(self, make_run: Callable[..., Run]) -> None:
        run = make_run()
        data = run_report(run, TreeSpec.of(run, 1)).decode()
        assert '<g class="samples"></g>' in data and "of epoch 3 and are not shown" in data

    @pytest.mark.parametrize("dim", [1, 2, 8])
    @pytest.mark.parametrize("classes", [1, 2, 3])
    def test_few_classes_and_dimensions(self, make_run: Callable[..., Run], classes: int, dim: int) -> None:
        run = make_run("lwal", classes=classes, dim=dim)
        assert run_report(run).startswith(b"<!DOCTYPE html>")

    def test_an_epoch_that_is_not_there(self, make_run: Callable[..., Run]) -> None:
        run = make_run()
        with pytest.raises(LwalError):
            run_report(run, TreeSpec.of(run, 99))
