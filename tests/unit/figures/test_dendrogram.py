"""The dendrogram's traces, colours, texts and size, read back from the figure."""

from __future__ import annotations

import math
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import plotly.graph_objects as go
import plotly.io as pio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.cluster import hierarchy as sch

from lwal_core.analysis.hierarchy import Hierarchy, build_hierarchy
from lwal_core.analysis.hierarchy.subtree import tree_part
from lwal_core.errors import AnalysisError
from lwal_core.figures import dendrogram_figure
from lwal_core.figures.clade_colors import LARGE, clade_colors, group_marks
from lwal_core.figures.dendrogram import MAX_HEIGHT, MIN_HEIGHT, Orientation
from lwal_core.figures.labels import heading, shown_members, shown_name, step_for, thinning_note
from lwal_core.figures.palette import OKABE_ITO, class_color, class_symbol, neutral
from lwal_core.figures.support_lines import WIDTHS, support_width
from lwal_core.figures.tree_drawing import LINE_WIDTH, node_tints, resolve_cut

ORIENTATIONS = ("right", "left", "top", "bottom")


def names_for(n: int) -> list[str]:
    return [f"class {i}" for i in range(n)]


def tree(n: int, method: str = "average", seed: int = 0, names: list[str] | None = None) -> Hierarchy:
    return build_hierarchy(np.random.default_rng(seed).normal(size=(n, 5)), names or names_for(n), method)


def animals() -> Hierarchy:
    x = [[0, 0], [1, 0], [8, 0], [9.5, 0], [30, 0], [33, 0]]
    return build_hierarchy(x, ["cat", "dog", "horse", "deer", "ship", "truck"])


def trace(fig: go.Figure, name: str) -> go.Scatter:
    return next(t for t in fig.data if t.name == name)


def lines(fig: go.Figure) -> list[go.Scatter]:
    return [t for t in fig.data if t.mode == "lines"]


def strokes(t: go.Scatter, flip: bool = False) -> list[np.ndarray]:
    """The separate lines of a trace as ``[points, (place, height)]``."""
    x, y = np.asarray(t.x, dtype=float), np.asarray(t.y, dtype=float)
    points = np.stack([x, y] if flip else [y, x], axis=1)
    return [
        part[~np.isnan(part[:, 0])]
        for part in np.split(points, np.flatnonzero(np.isnan(x)))
        if not np.isnan(part).all()
    ]


def annotations(fig: go.Figure) -> list[str]:
    return [a.text for a in fig.layout.annotations]


def group_colors(h: Hierarchy, k: int) -> dict[frozenset[int], str]:
    """Colour of each group of more than one class, read from the markers of its top merge."""
    merges = trace(dendrogram_figure(h, k), "merges")
    color = {row[0]: c for row, c in zip(merges.customdata, merges.marker.color, strict=True)}
    return {frozenset(h.members(int(top)).tolist()): color[top] for top in h.cut_nodes(k=k) if top >= h.n}


@pytest.mark.parametrize("orientation", ORIENTATIONS)
def test_brackets_are_scipys(orientation: str) -> None:
    h = tree(12)
    fig = dendrogram_figure(h, None, orientation)
    drawn = sch.dendrogram(h.linkage, no_plot=True)
    theirs = sorted(
        [(i - 5) / 10, d]
        for icoord, dcoord in zip(drawn["icoord"], drawn["dcoord"], strict=True)
        for i, d in zip(icoord, dcoord, strict=True)
    )
    assert len(lines(fig)) == 1
    parts = strokes(lines(fig)[0], flip=orientation in ("top", "bottom"))
    assert len(parts) == 11
    np.testing.assert_allclose(sorted(np.concatenate(parts).tolist()), theirs, rtol=1e-5)
    assert lines(fig)[0].line.width == LINE_WIDTH == 1.5
    assert lines(fig)[0].line.color == neutral("line", "light")


def test_axes_of_each_orientation() -> None:
    h = tree(8)
    right, left, top, bottom = (dendrogram_figure(h, None, o).layout for o in ORIENTATIONS)
    assert right.xaxis.range[0] > right.xaxis.range[1]  # root on the left, decreasing toward the leaves
    assert left.xaxis.range[0] < left.xaxis.range[1]
    assert top.yaxis.range[0] > top.yaxis.range[1]
    assert bottom.yaxis.range[0] < bottom.yaxis.range[1]
    assert right.yaxis.range[0] > right.yaxis.range[1]  # first leaf at the top
    for layout, leaves, heights in (
        (right, "yaxis", "xaxis"),
        (left, "yaxis", "xaxis"),
        (top, "xaxis", "yaxis"),
        (bottom, "xaxis", "yaxis"),
    ):
        assert list(layout[leaves].ticktext) == [h.names[i] for i in h.order]
        assert list(layout[leaves].tickvals) == list(range(8))
        assert layout[leaves].automargin
        assert layout[heights].title.text == "Average distance (label units)"
        assert max(layout[heights].range) > h.linkage[:, 2].max()
    assert [layout.yaxis.side for layout in (right, left)] == ["right", "left"]
    assert [layout.xaxis.side for layout in (top, bottom)] == ["top", "bottom"]


def test_axis_title_names_method_and_unit() -> None:
    x = np.random.default_rng(0).normal(size=(5, 3))
    assert (
        dendrogram_figure(build_hierarchy(x, names_for(5), "ward")).layout.xaxis.title.text
        == "Ward distance (label units)"
    )
    cosine = build_hierarchy(x, names_for(5), "complete", "cosine")
    assert dendrogram_figure(cosine).layout.xaxis.title.text == "Largest distance (1 − cosine)"
    assert dendrogram_figure(cosine, unit="<hops>").layout.xaxis.title.text == "Largest distance (&lt;hops&gt;)"


def test_tied_rows_keep_their_names() -> None:
    h = build_hierarchy(np.eye(6), ["f", "e", "d", "c", "b", "a"])
    fig = dendrogram_figure(h)
    leaves = trace(fig, "leaves")
    at = {row[0]: y for row, y in zip(leaves.customdata, leaves.y, strict=True)}
    shown = dict(zip(fig.layout.yaxis.tickvals, fig.layout.yaxis.ticktext, strict=True))
    assert {shown[at[i]] for i in range(6)} == set("abcdef")
    assert all(shown[at[i]] == h.names[i] for i in range(6))
    assert "says nothing" in fig.layout.title.text


def test_markers_are_targets_with_node_numbers_and_texts() -> None:
    h = animals()
    fig = dendrogram_figure(h, clade_names={10: "everything"}, support=[0.5, 1.0, math.nan, 0.25, 0.75])
    merges, leaves = trace(fig, "merges"), trace(fig, "leaves")
    assert [row[0] for row in leaves.customdata] == list(range(6))
    assert [row[0] for row in merges.customdata] == list(range(6, 11))
    assert [row[1] for row in merges.customdata] == h.sizes[6:].tolist()
    np.testing.assert_allclose(merges.x, h.linkage[:, 2], rtol=1e-6)
    np.testing.assert_allclose(leaves.x, 0)
    assert leaves.y.tolist() == [h.order.tolist().index(i) for i in range(6)]
    assert leaves.customdata[0][2] == "<b>cat</b><br>joins dog<br>at 1 label units"
    root = merges.customdata[4][2]
    assert root.startswith("<b>everything</b><br>6 classes, joined at 26.9 label units<br>")
    assert "and 1 more" in root
    assert "support 75.0 %" in root
    assert "undefined" in merges.customdata[2][2]
    assert list(merges.text) == ["50", "100", "", "25", "<b>everything</b> 75"]
    assert all(t.hovertemplate == "%{customdata[2]}<extra></extra>" for t in (merges, leaves))
    assert lines(fig)[0].hoverinfo == "skip"


def test_leaf_dots_have_class_colour_and_symbol() -> None:
    leaves = trace(dendrogram_figure(tree(20)), "leaves")
    assert list(leaves.marker.color) == [class_color(i) for i in range(20)]
    assert list(leaves.marker.symbol) == [class_symbol(i) for i in range(20)]
    own = [f"#0000{i:02d}" for i in range(20)]
    assert list(trace(dendrogram_figure(tree(20), class_colors=own), "leaves").marker.color) == own
    shapes = ["star"] * 20
    assert list(trace(dendrogram_figure(tree(20), class_symbols=shapes), "leaves").marker.symbol) == shapes


@pytest.mark.parametrize("orientation", ["right", "radial"])
@pytest.mark.parametrize("cut", [3, 12])
def test_leaves_of_a_cut_tree_have_colour_and_shape_of_their_group(cut: int, orientation: Orientation) -> None:
    h = tree(20)
    leaves = trace(dendrogram_figure(h, cut, orientation), "leaves")
    expected = {i: (mark.color, mark.symbol) for mark in group_marks(h, cut) for i in h.members(mark.node).tolist()}
    assert list(zip(leaves.marker.color, leaves.marker.symbol, strict=True)) == [expected[i] for i in range(20)]
    assert len(set(expected.values())) == cut


@pytest.mark.parametrize("orientation", ["right", "bottom", "radial"])
def test_branches_are_as_thick_as_their_support(orientation: Orientation) -> None:
    h = animals()
    n = h.n
    support = [0.1, 1.0, 0.5, *[math.nan] * (n - 4)]
    drawn = [t for t in dendrogram_figure(h, orientation=orientation, support=support).data if t.name == "support"]
    assert sorted(t.line.width for t in drawn) == [support_width(share) for share in (0.1, 0.5, 1.0)]
    assert [support_width(share) for share in (0.0, 0.2, 0.21, 1.0)] == [WIDTHS[0], WIDTHS[0], WIDTHS[1], WIDTHS[-1]]
    if orientation == "right":  # from the clade's height to that of the merge above it, at its own place
        part = tree_part(h)
        thick = next(t for t in drawn if t.line.width == WIDTHS[-1])
        node = n + 1
        ends = sorted([h.linkage[1, 2], h.linkage[h.parents[node] - n, 2]])
        assert sorted(thick.x[:2]) == pytest.approx(ends, rel=1e-6)
        assert list(thick.y[:2]) == pytest.approx([part.place[node]] * 2)
    cut = dendrogram_figure(h, 3, orientation, support=[1.0] * (n - 1))
    tops = {mark.color for mark in group_marks(h, 3) if mark.node >= n}
    colors = {t.line.color for t in cut.data if t.name == "support"}
    assert tops <= colors <= tops | {neutral("line", "light")} | {mark.color for mark in group_marks(h, 3)}


def test_cut_colours_from_the_cut_line_down() -> None:
    h = animals()
    fig = dendrogram_figure(h, 3)
    height = h.height_for(3)
    grey = [t for t in lines(fig) if t.line.color == neutral("line", "light")]
    colored = [t for t in lines(fig) if t.line.color != neutral("line", "light")]
    assert len(grey) == 1
    assert len(colored) == 3
    assert min(part[:, 1].min() for part in strokes(grey[0])) == pytest.approx(height, rel=1e-6)
    for t in colored:
        assert max(part[:, 1].max() for part in strokes(t)) == pytest.approx(height, rel=1e-6)
    line = fig.layout.shapes[0]
    assert (line.x0, line.x1, line.line.dash) == (height, height, "dash")
    assert annotations(fig) == ["cut at 5.62: 3 groups"]  # halfway between the merges at 3 and at 8.25


def test_cut_draws_the_whole_tree_once() -> None:
    """The total length of the lines is the same with any cut."""
    h = tree(40)

    def length(fig: go.Figure) -> float:
        return sum(float(np.abs(np.diff(part, axis=0)).sum()) for t in lines(fig) for part in strokes(t))

    whole = length(dendrogram_figure(h))
    for cut in (1, 2, 7, 40, float(np.median(h.linkage[:, 2])), 0.0):
        assert length(dendrogram_figure(h, cut)) == pytest.approx(whole, rel=1e-5)


def test_cut_by_height_equals_cut_by_number() -> None:
    h = tree(15)
    by_number, by_height = dendrogram_figure(h, 4), dendrogram_figure(h, h.height_for(4))
    assert by_number.to_json() == by_height.to_json()


def test_cut_through_ties_has_groups_but_no_line() -> None:
    fig = dendrogram_figure(build_hierarchy(np.eye(6), names_for(6)), 3)
    assert not fig.layout.shapes
    assert not annotations(fig)
    assert "3 groups, but no height gives them" in fig.layout.title.text
    assert len(lines(fig)) == 4  # grey and three colours


def test_cut_above_the_tree_is_said_not_drawn() -> None:
    fig = dendrogram_figure(animals(), 1e6)
    assert not fig.layout.shapes
    assert "lies above the tree: 1 group" in fig.layout.title.text
    assert max(fig.layout.xaxis.range) < 100


def test_cut_label_in_the_other_orientations_stands_in_the_margin() -> None:
    fig = dendrogram_figure(animals(), 3, "bottom")
    assert fig.layout.shapes[0].y0 == fig.layout.shapes[0].y1
    assert fig.layout.annotations[0].x == 1
    assert fig.layout.annotations[0].xanchor == "left"
    assert fig.layout.margin.r > 60


@pytest.mark.parametrize("method", ["average", "single", "ward", "centroid"])
def test_colours_stay_while_the_cut_moves(method: str) -> None:
    h = tree(40, method)
    known: dict[frozenset[int], str] = {}
    for k in range(1, 41):
        for group, color in group_colors(h, k).items():
            assert known.setdefault(group, color) == color


def test_the_larger_story_keeps_its_colour_when_a_group_splits() -> None:
    h = tree(30)
    for k in range(1, 29):
        before, after = group_colors(h, k), group_colors(h, k + 1)
        for group, color in after.items():
            parent = next(g for g in before if group <= g)
            if min(group) == min(parent):
                assert color == before[parent]


def test_colours_do_not_depend_on_how_branches_are_turned() -> None:
    h = tree(40)
    turned = h.reordered(h.order[::-1])
    for k in (2, 5, 12):
        assert group_colors(h, k) == group_colors(turned, k)
    np.testing.assert_array_equal(clade_colors(h), clade_colors(turned))


@given(st.integers(2, 40), st.integers(0, 1000), st.sampled_from(["average", "single", "complete"]))
@settings(max_examples=40)
def test_up_to_seven_groups_have_seven_colours(n: int, seed: int, method: str) -> None:
    h = tree(n, method, seed)
    colors = clade_colors(h)
    assert colors[-1] == 0  # the clade with the first class has the first colour
    for k in range(1, min(n, len(OKABE_ITO)) + 1):
        used = [int(colors[top]) for top in h.cut_nodes(k=k)]
        assert len(set(used)) == k
    for left, right in h.children:
        assert colors[left] != colors[right]
    assert set(clade_colors(h, 2)) <= {0, 1}


def test_names_are_escaped_everywhere() -> None:
    bad = ["<b>bold</b>", "<a href='javascript:alert(1)'>x</a>", "a & b", "plain"]
    h = build_hierarchy(np.random.default_rng(0).normal(size=(4, 2)), bad)
    fig = dendrogram_figure(h, 2, title="<i>title</i>", clade_names={6: "<u>all</u>"}, unit="<s>")
    text = str(fig.to_plotly_json())
    for raw in ("<b>bold", "<a href", "<i>", "<u>", "<s>"):
        assert raw not in text
    assert "&lt;b&gt;bold&lt;/b&gt;" in list(fig.layout.yaxis.ticktext)
    assert "a &amp; b" in list(fig.layout.yaxis.ticktext)


def test_long_and_odd_names() -> None:
    names = ["x" * 500, " two\n\nlines ", "", "ünï"]
    fig = dendrogram_figure(build_hierarchy(np.random.default_rng(0).normal(size=(4, 2)), names))
    ticks = set(fig.layout.yaxis.ticktext)
    assert {"two lines", "(no name)", "ünï"} < ticks
    assert max(map(len, ticks)) == 24


def test_height_grows_with_the_classes_within_bounds() -> None:
    heights = [dendrogram_figure(tree(n)).layout.height for n in (2, 10, 30, 60, 400)]
    assert heights[0] == heights[1] - 0 == MIN_HEIGHT
    assert heights == sorted(heights)
    assert heights[3] - heights[2] == 30 * 22
    assert heights[-1] == MAX_HEIGHT
    assert dendrogram_figure(tree(60), height=300).layout.height == 300


@pytest.mark.parametrize(("n", "height"), [(60, None), (150, None), (500, None), (1200, None), (60, 320), (5, 100)])
def test_shown_names_have_room(n: int, height: int | None) -> None:
    h = build_hierarchy(np.random.default_rng(0).normal(size=(n, 3)), names_for(n), optimal_limit=0)
    fig = dendrogram_figure(h, 4, height=height, title="A title that is long enough to take two lines of text")
    places = list(fig.layout.yaxis.tickvals)
    step = places[1] - places[0] if len(places) > 1 else n
    plot = fig.layout.height - fig.layout.margin.t - 50
    assert step * plot / n >= fig.layout.yaxis.tickfont.size or n == 5
    assert list(fig.layout.yaxis.ticktext) == [h.names[h.order[place]] for place in places]
    note = "are in the hover text" if step >= n else f"Names shown for every {step}"
    assert (note in fig.layout.title.text) == (step > 1)


def test_names_can_be_limited_or_left_out() -> None:
    h = tree(30)
    assert len(dendrogram_figure(h, max_labels=10).layout.yaxis.tickvals) == 10
    none = dendrogram_figure(h, max_labels=0)
    assert len(none.layout.yaxis.tickvals) == 0
    assert "Names of 30 classes are in the hover text" in none.layout.title.text
    assert len(dendrogram_figure(h, None, "bottom").layout.xaxis.tickvals) == 15
    assert len(dendrogram_figure(h, None, "bottom", max_labels=30).layout.xaxis.tickvals) == 30


def test_both_themes() -> None:
    light, dark = (dendrogram_figure(animals(), 3, theme=theme) for theme in ("light", "dark"))
    assert light.layout.font.color == neutral("ink", "light")
    assert dark.layout.font.color == neutral("ink", "dark")
    assert [t.line.color for t in lines(light)][1:] == [t.line.color for t in lines(dark)][1:]  # clades keep theirs


@pytest.mark.parametrize("orientation", ORIENTATIONS)
@pytest.mark.parametrize("cut", [None, 1, 0.0])
def test_one_class(cut: float | None, orientation: str) -> None:
    fig = dendrogram_figure(build_hierarchy([[1.0]], ["only"]), cut, orientation)
    assert [t.name for t in fig.data] == ["leaves"]
    assert "One class" in fig.layout.title.text
    assert not fig.layout.shapes


@pytest.mark.parametrize("n", [2, 3])
def test_two_and_three_classes(n: int) -> None:
    for cut in (None, 1, n, 0.1):
        fig = dendrogram_figure(tree(n), cut)
        assert len(trace(fig, "merges").x) == n - 1
        assert len(trace(fig, "leaves").x) == n


def test_identical_vectors() -> None:
    h = build_hierarchy(np.ones((4, 2)), names_for(4))
    for cut in (None, 1, 2, 0.0):
        fig = dendrogram_figure(h, cut)
        assert max(fig.layout.xaxis.range) == 1
        assert "says nothing" in fig.layout.title.text


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"orientation": "up"}, "'up'"),
        ({"cut": 0}, "k=0"),
        ({"cut": 7}, "k=7"),
        ({"cut": True}, "True"),
        ({"cut": "3"}, "'3'"),
        ({"cut": math.nan}, "nan"),
        ({"cut": -1.0}, "-1.0"),
        ({"class_colors": ["#000000"]}, "1 class colours"),
        ({"support": [0.5]}, "1 support values"),
    ],
)
def test_refused_with_a_reason(arguments: dict[str, object], says: str) -> None:
    with pytest.raises(AnalysisError, match=says):
        dendrogram_figure(animals(), **arguments)  # type: ignore[arg-type]


def test_deep_chain_of_5000_leaves() -> None:
    n = 5_000
    linkage = np.zeros((n - 1, 4))
    linkage[:, 0] = np.r_[0, np.arange(n, 2 * n - 2)]
    linkage[:, 1] = np.arange(1, n)
    linkage[:, 2] = np.arange(1, n)
    linkage[:, 3] = np.arange(2, n + 1)
    h = Hierarchy(linkage, np.arange(n), tuple(names_for(n)), "single", "euclidean", np.zeros(0), False)
    h = replace(h, distances=np.zeros(2))
    fig = dendrogram_figure(h, 6)
    assert len(fig.data) <= 4
    assert len(trace(fig, "nodes").customdata) == 2 * n - 1


def balanced(n: int) -> Hierarchy:
    """A tree over n classes without n (n - 1) / 2 distances: in each round neighbours join."""
    r = np.random.default_rng(0)
    rows, waiting, sizes = [], list(range(n)), [1] * n
    while len(waiting) > 1:
        left, right = waiting.pop(0), waiting.pop(0)
        sizes.append(sizes[left] + sizes[right])
        rows.append([left, right, 0.0, sizes[-1]])
        waiting.append(n + len(rows) - 1)
    linkage = np.array(rows)
    linkage[:, 2] = np.sort(r.gamma(3.0, size=n - 1))
    names = tuple(f"class with a name {i:05d}" for i in range(n))
    h = Hierarchy(linkage, np.arange(n), names, "average", "euclidean", np.array([1.0, 2.0]), False)
    return replace(h, order=np.argsort(h.first_place[:n]))


@pytest.mark.parametrize("cut", [None, 12, 3.0])
def test_budget_of_10000_leaves(cut: float | None) -> None:
    h = balanced(10_000)
    dendrogram_figure(tree(3))  # plotly's own start-up
    start = time.process_time()
    fig = dendrogram_figure(h, cut)
    seconds = time.process_time() - start
    assert seconds <= 1.5
    assert len(fig.data) <= 4
    assert len(pio.to_json(fig)) <= 3_000_000
    assert len(fig.layout.yaxis.tickvals) <= 200
    nodes = trace(fig, "nodes")
    assert nodes.customdata[10_000][0] == 10_000
    codes = np.asarray(nodes.marker.color)
    flat = {code: nodes.marker.colorscale[2 * code][1] for code in set(codes.tolist())}
    tints = node_tints(h, resolve_cut(tree_part(h), cut))[:20].tolist()
    expected = [class_color(i) if cut is None else OKABE_ITO[tint] for i, tint in enumerate(tints)]
    assert [flat[code] for code in codes[:20].tolist()] == expected


def test_few_traces_for_many_groups() -> None:
    assert len(dendrogram_figure(tree(300), 150).data) <= 1 + len(OKABE_ITO) + 2
    assert balanced(LARGE + 2).n > LARGE
    assert len(dendrogram_figure(balanced(LARGE + 2), 900).data) == 4


def test_texts_around_figures() -> None:
    assert [thinning_note(1000, s) for s in (2, 3, 5, 11, 21)] == [
        f"names shown for every {s} of 1,000 classes" for s in ("2nd", "3rd", "5th", "11th", "21st")
    ]
    assert thinning_note(10, 1) == ""
    assert [step_for(10, most) for most in (0, 1, 3, 10, 99)] == [0, 10, 4, 1, 1]
    assert shown_name("a" * 30) == "a" * 15 + "…" + "a" * 8
    assert shown_members(["cat", "dog", "horse"], 15) == "cat, dog, horse and 12 more"
    assert shown_members(["cat", "dog"], 2) == "cat, dog"
    assert shown_members(["a" * 24, "b" * 24], 3) == "a" * 24 + ",<br>" + "b" * 24 + " and 1 more"
    one, room_for_one = heading("Short", [], "light")
    assert one["text"] == "Short"
    assert heading(None, ["", ""], "dark") == ({**heading(None, [], "dark")[0]}, 12)
    assert heading("word " * 20, ["note"], "light")[1] > room_for_one


def test_import_is_light() -> None:
    code = (
        "import sys, lwal_core.figures; "
        "print([m for m in ('matplotlib', 'umap', 'sklearn', 'torch', 'plotly', 'scipy', 'streamlit') if m in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
