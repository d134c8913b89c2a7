"""The tanglegram's traces, colours and texts, read back from the figure."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import plotly.graph_objects as go
import plotly.io as pio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lwal_core.analysis.hierarchy import Hierarchy, build_hierarchy
from lwal_core.analysis.trees.matching import face, matched, taxonomy_tree
from lwal_core.errors import AnalysisError
from lwal_core.figures import dendrogram_figure
from lwal_core.figures.clade_colors import group_marks
from lwal_core.figures.palette import OKABE_ITO, neutral
from lwal_core.figures.tanglegram import AGREEING_OPACITY, MAX_HEIGHT, MIN_HEIGHT, NAME_CHARS, tanglegram_figure
from lwal_core.taxonomy import load_taxonomy

HOSTILE = ["<b>bold</b>", "$x$ *star* [a](b)", "a & b", "=1+1", "tab\tname", "", "very " * 30 + "long"]


def names_for(n: int) -> list[str]:
    return [f"class {i}" for i in range(n)]


def tree(n: int, seed: int = 0, method: str = "average", names: list[str] | None = None) -> Hierarchy:
    return build_hierarchy(np.random.default_rng(seed).normal(size=(n, 5)), names or names_for(n), method)


def star(n: int) -> Hierarchy:
    return build_hierarchy(np.eye(n), names_for(n))


def named(fig: go.Figure, name: str) -> list[go.Scatter]:
    return [t for t in fig.data if t.name == name]


def one(fig: go.Figure, name: str) -> go.Scatter:
    (found,) = named(fig, name)
    return found


def parts(t: go.Scatter) -> list[np.ndarray]:
    """The separate lines of a trace as ``[points, (x, y)]``."""
    points = np.stack([np.asarray(t.x, dtype=float), np.asarray(t.y, dtype=float)], axis=1)
    pieces = np.split(points, np.flatnonzero(np.isnan(points[:, 0])))
    return [piece[~np.isnan(piece[:, 0])] for piece in pieces if not np.isnan(piece).all()]


def naive_clades(Z: np.ndarray) -> list[tuple[frozenset[int], float]]:
    """Classes below each row and its height, by sets."""
    n = len(Z) + 1
    below = [frozenset([i]) for i in range(n)]
    for a, b, *_ in Z:
        below.append(below[int(a)] | below[int(b)])
    return list(zip(below[n:], Z[:, 2].tolist(), strict=True))


def naive_groups(h: Hierarchy, k: int) -> set[frozenset[int]]:
    """Groups at a cut of a tree without ties: the largest clades below the (n - k)-th lowest merge, and single classes."""
    low = sorted(h.linkage[:, 2])[h.n - k - 1] if k < h.n else -1.0
    inside = [members for members, height in naive_clades(h.linkage) if height <= low]
    tops = {c for c in inside if not any(c < other for other in inside)}
    return tops | {frozenset([i]) for i in range(h.n) if not any(i in c for c in tops)}


@settings(max_examples=25)
@given(st.integers(2, 25), st.integers(0, 500))
def test_lines_join_equal_classes(n: int, seed: int) -> None:
    left, right = tree(n, seed), tree(n, seed + 1)
    fig = tanglegram_figure(left, right, min(3, n))
    drawn = sorted(
        (round(float(line[0, 1])), round(float(line[-1, 1]))) for t in named(fig, "lines") for line in parts(t)
    )
    expected = sorted((left.order.tolist().index(i), right.order.tolist().index(i)) for i in range(n))
    assert drawn == expected
    for t in named(fig, "lines"):
        assert all(line[0, 0] == 0 and line[-1, 0] == 1 for line in parts(t))


def test_classes_are_matched_by_name_whatever_their_numbers() -> None:
    left = tree(9)
    shuffled = np.random.default_rng(3).permutation(9)
    vectors = np.random.default_rng(5).normal(size=(9, 5))
    right = build_hierarchy(vectors, names_for(9))
    same = build_hierarchy(vectors[shuffled], [names_for(9)[i] for i in shuffled])
    leaves = one(tanglegram_figure(left, same), "right leaves")
    at = dict(zip(leaves.text, leaves.y, strict=True))
    assert at == {name: same.order.tolist().index(i) for i, name in enumerate(same.names)}
    merges = one(tanglegram_figure(left, right, 3), "right merges")
    other = one(tanglegram_figure(left, same, 3), "right merges")
    assert sorted(merges.x) == pytest.approx(sorted(other.x))


@settings(max_examples=25)
@given(st.integers(3, 25), st.integers(0, 500))
def test_the_trees_are_drawn_once_and_whole(n: int, seed: int) -> None:
    """The length of all lines does not depend on the cut, and equals a sum over the merges."""
    left, right = tree(n, seed), tree(n, seed + 1)

    def length(fig: go.Figure, name: str) -> float:
        return sum(float(np.abs(np.diff(p, axis=0)).sum()) for t in named(fig, name) for p in parts(t))

    figures = [tanglegram_figure(left, right, groups) for groups in (None, 1, 2, n)]
    for h, name in ((left, "left tree"), (right, "right tree")):
        height = [0.0] * n + h.linkage[:, 2].tolist()
        place = [float(h.order.tolist().index(i)) for i in range(n)]
        expected = 0.0
        for row, (a, b) in enumerate(h.linkage[:, :2].astype(int).tolist()):
            place.append((place[a] + place[b]) / 2)
            expected += abs(place[a] - place[b]) + 2 * height[n + row] - height[a] - height[b]
        for fig in figures:
            assert length(fig, name) == pytest.approx(expected, rel=1e-4)


@settings(max_examples=25)
@given(st.integers(3, 20), st.integers(0, 500))
def test_shared_clades_are_marked_in_both_trees(n: int, seed: int) -> None:
    vectors = np.random.default_rng(seed).normal(size=(n, 5))
    left = build_hierarchy(vectors, names_for(n))
    right = build_hierarchy(vectors + np.random.default_rng(seed + 1).normal(scale=0.5, size=(n, 5)), names_for(n))
    fig = tanglegram_figure(left, right, 2)
    sets = [{members for members, _ in naive_clades(h.linkage) if len(members) < n} for h in (left, right)]
    for h, name in ((left, "left merges"), (right, "right merges")):
        t = one(fig, name)
        marked = {
            frozenset(h.members(row[0]).tolist())
            for row, symbol in zip(t.customdata, t.marker.symbol, strict=True)
            if symbol == "diamond"
        }
        assert marked == sets[0] & sets[1]
        texts = {row[0]: row[2] for row in t.customdata}
        for node, text in texts.items():
            members = frozenset(h.members(node).tolist())
            assert ("In both trees" in text) == (members in sets[0] & sets[1])
            assert ("Not a clade" in text) == (len(members) < n and members not in sets[0] & sets[1])
        assert t.marker.symbol[-1] == "circle"  # the root is in every tree


@pytest.mark.parametrize(("n", "groups", "seed"), [(12, 3, 0), (12, 5, 1), (20, 9, 2), (6, 6, 3), (8, 1, 4)])
def test_lines_have_the_colour_of_the_left_group_and_are_pale_where_both_agree(n: int, groups: int, seed: int) -> None:
    vectors = np.random.default_rng(seed).normal(size=(n, 5))
    left = build_hierarchy(vectors, names_for(n))
    right = build_hierarchy(vectors + np.random.default_rng(seed + 9).normal(scale=0.7, size=(n, 5)), names_for(n))
    fig = tanglegram_figure(left, right, groups)
    color: dict[int, str] = {}
    for mark in group_marks(left, groups):
        color.update(dict.fromkeys(left.members(mark.node).tolist(), mark.color))
    in_left, in_right = naive_groups(left, groups), naive_groups(right, groups)
    agreed = set().union(*(in_left & in_right)) if groups > 1 and in_left & in_right else set()
    for t in named(fig, "lines"):
        for line in parts(t):
            i = int(left.order[round(line[0, 1])])
            if i in agreed:
                channels = ",".join(str(int(color[i][at : at + 2], 16)) for at in (1, 3, 5))
                assert t.line.color == f"rgba({channels},{AGREEING_OPACITY})"
            else:
                assert t.line.color == color[i]
    assert list(one(fig, "left leaves").marker.color) == [color[i] for i in range(n)]
    assert list(one(fig, "right leaves").marker.color) == [color[i] for i in range(n)]


def test_groups_have_the_colours_of_the_dendrogram() -> None:
    h = tree(15)
    for k in (2, 4, 7):
        merges = next(t for t in dendrogram_figure(h, k).data if t.name == "merges")
        theirs = {row[0]: c for row, c in zip(merges.customdata, merges.marker.color, strict=True)}
        turned = face(h, tree(15, 7)).left
        ours = {frozenset(turned.members(m.node).tolist()): m.color for m in group_marks(turned, k)}
        for node in h.cut_nodes(k=k).tolist():
            if node >= h.n:
                assert ours[frozenset(h.members(node).tolist())] == theirs[node]


def test_a_colour_that_comes_again_has_another_shape() -> None:
    marks = group_marks(tree(30), 20)
    looks = {(mark.color, mark.symbol) for mark in marks}
    assert len(looks) == 20 and len({mark.color for mark in marks}) == len(OKABE_ITO)
    turned = face(tree(30), tree(30, 4)).left
    assert {(m.node, m.color, m.symbol) for m in group_marks(turned, 20)} == {tuple(m) for m in marks}


def test_right_clades_within_one_left_group_have_its_colour() -> None:
    left, right = tree(16, 1), tree(16, 2)
    fig = tanglegram_figure(left, right, 4)
    groups = naive_groups(left, 4)
    color = {frozenset(left.members(m.node).tolist()): m.color for m in group_marks(left, 4)}
    drawn = {
        (round(float(p[1, 0]), 4), t.line.color) for t in named(fig, "right tree") for p in parts(t) if len(p) == 4
    }
    expected = set()
    for members, height in naive_clades(right.linkage):
        home = next((g for g in groups if members <= g), None)
        expected.add((round(float(np.float32(height)), 4), neutral("line", "light") if home is None else color[home]))
    assert drawn == expected


def test_a_taxonomy_is_drawn_with_nodes_of_many_children() -> None:
    taxonomy = load_taxonomy("shapes")
    right = taxonomy_tree(taxonomy, taxonomy.classes)
    left = tree(16, names=list(taxonomy.classes))
    both = face(*((m := matched(left, right)).left, m.right))
    fig = tanglegram_figure(both.left, both.right, 4, labels=("LwAL", "Families"))
    merges = one(fig, "right merges")
    assert sorted(int(row[1]) for row in merges.customdata) == [2] * 8 + [4] * 4 + [16]
    assert fig.layout.xaxis2.title.text == "Levels<br>of the taxonomy"
    leaves = one(fig, "right leaves")
    place = dict(zip((row[0] for row in leaves.customdata), leaves.y, strict=True))
    families = {m for m in taxonomy.clades(taxonomy.classes) if len(m) == 4}
    for row, y in zip(merges.customdata, merges.y, strict=True):
        if row[1] == 4:
            members = both.right.members(row[0]).tolist()
            assert frozenset(both.right.names[i] for i in members) in families
            assert y == pytest.approx(np.mean([place[i] for i in members]))  # two shapes of two classes each


def test_axes_face_each_other_and_have_their_own_scale() -> None:
    left, right = tree(8), tree(8, 1, "ward")
    layout = tanglegram_figure(left, right, 3, labels=("A", "B")).layout
    assert layout.xaxis.range[0] > layout.xaxis.range[1] == 0 == layout.xaxis2.range[0] < layout.xaxis2.range[1]
    assert layout.xaxis.domain[1] == layout.xaxis3.domain[0] and layout.xaxis3.domain[1] == layout.xaxis2.domain[0]
    assert layout.xaxis.title.text == "Average distance<br>(label units)"
    assert layout.xaxis2.title.text == "Ward distance<br>(label units)"
    assert layout.xaxis.range[0] > left.linkage[-1, 2] and layout.xaxis2.range[1] > right.linkage[-1, 2]
    assert [a.text for a in layout.annotations] == ["<b>A</b>", "<b>B</b>"]
    cuts = {shape.xref: shape.x0 for shape in layout.shapes}
    assert cuts == {"x": left.height_for(3), "x2": right.height_for(3)}


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_both_themes(theme: Any) -> None:
    fig = tanglegram_figure(tree(8), tree(8, 1), 3, theme=theme)
    assert fig.layout.font.color == neutral("ink", theme)
    assert neutral("line", theme) in {t.line.color for t in named(fig, "left tree")}
    for axis in (fig.layout.xaxis, fig.layout.xaxis2):
        assert axis.gridcolor == neutral("grid", theme) and axis.tickfont.color == neutral("muted", theme)


def test_one_class() -> None:
    fig = tanglegram_figure(tree(1), tree(1), 1)
    assert [t.name for t in fig.data] == ["lines", "left leaves", "right leaves"]
    assert "One class: nothing to compare" in fig.layout.title.text
    assert not fig.layout.shapes


def test_two_and_three_classes() -> None:
    for n in (2, 3):
        for groups in (None, 1, n):
            fig = tanglegram_figure(tree(n), tree(n, 1), groups)
            assert len(one(fig, "left merges").x) == len(one(fig, "right merges").x) == n - 1
            assert sum(len(parts(t)) for t in named(fig, "lines")) == n


def test_flat_trees_are_one_node_and_said_to_say_nothing() -> None:
    fig = tanglegram_figure(tree(8), star(8), labels=("LwAL", "One-hot"))
    assert len(one(fig, "right merges").x) == 1
    assert one(fig, "right merges").customdata[0][1] == 8
    assert "One-hot joins all classes at one height" in fig.layout.title.text.replace("<br>", " ")
    both = tanglegram_figure(star(8), star(8), 1)
    assert "Both trees join all classes at one height" in both.layout.title.text
    identical = build_hierarchy(np.ones((4, 2)), names_for(4))
    assert max(tanglegram_figure(identical, identical).layout.xaxis.range) == 1
    tied = tanglegram_figure(tree(8), star(8), 3)
    assert "merges are tied" in tied.layout.title.text
    assert [shape.xref for shape in tied.layout.shapes] == ["x"]


def test_three_hundred_classes_are_few_traces_of_little_weight() -> None:
    fig = tanglegram_figure(tree(300), tree(300, 1), 60)
    assert len(fig.data) <= 2 * len(OKABE_ITO) + 2 * (len(OKABE_ITO) + 1) + 4
    assert len(pio.to_json(fig)) <= 500_000
    assert fig.layout.height == MAX_HEIGHT
    shown = [name for name in one(fig, "left leaves").text if name]
    assert len(shown) == 150
    assert "Names shown for every 2nd of 300 classes" in fig.layout.title.text
    assert len([name for name in one(tanglegram_figure(tree(100), tree(100, 1)), "left leaves").text if name]) == 100


def test_height_grows_with_the_classes_within_bounds() -> None:
    heights = [tanglegram_figure(tree(n), tree(n, 1)).layout.height for n in (2, 8, 30, 60)]
    assert heights[0] == MIN_HEIGHT and heights == sorted(heights)
    assert heights[3] - heights[2] == 30 * 22
    assert tanglegram_figure(tree(5), tree(5), height=700).layout.height == 700


def test_names_are_escaped_and_shortened_and_fit_a_phone() -> None:
    left, right = tree(7, names=HOSTILE), tree(7, 1, names=HOSTILE)
    fig = tanglegram_figure(left, right, 3, title="<i>t</i>", labels=("<u>a</u>", "b" * 90), units=("<s>", None))
    text = str(fig.to_plotly_json())
    for raw in ("<b>bold", "<i>", "<u>", "<s>"):
        assert raw not in text
    assert "&lt;b&gt;bold&lt;/b&gt;" in one(fig, "left leaves").text and "(no name)" in one(fig, "left leaves").text
    assert (
        max(len(name.replace("&lt;", "<").replace("&gt;", ">")) for name in one(fig, "left leaves").text) == NAME_CHARS
    )
    low, high = fig.layout.xaxis3.domain
    assert (high - low) * 376 >= 2 * 5.6 * NAME_CHARS  # two names side by side at 400 px


def test_hover_says_where_a_class_goes_in_both_trees() -> None:
    a = build_hierarchy([[0, 0], [1, 0], [8, 0]], ["cat", "dog", "ship"])
    b = build_hierarchy([[0, 0], [8, 0], [2, 0]], ["cat", "dog", "ship"])
    fig = tanglegram_figure(a, b, labels=("one", "two"))
    for name in ("left leaves", "right leaves"):
        (text,) = (row[2] for row in one(fig, name).customdata if row[0] == 0)
        assert text == "<b>cat</b><br>one: joins dog<br>at 1 label units<br>two: joins ship<br>at 2 label units"


@pytest.mark.parametrize("groups", [0, 9, True, 2.5])
def test_impossible_cuts_are_refused(groups: Any) -> None:
    with pytest.raises(AnalysisError, match="cannot be cut"):
        tanglegram_figure(tree(8), tree(8), groups)


def test_different_classes_are_refused() -> None:
    with pytest.raises(AnalysisError, match="different classes"):
        tanglegram_figure(tree(4), tree(5))


def test_inversions_are_drawn() -> None:
    x = [[0.0, 0.0], [1.0, 0.0], [0.5, math.sqrt(3) / 2]]
    h = build_hierarchy(x, names_for(3), "centroid")
    assert h.has_inversions
    fig = tanglegram_figure(h, h, 2)
    merges = one(fig, "left merges")
    assert [round(float(x), 4) for x in merges.x] == [1.0, 0.866]  # the root is lower than the merge below it


def test_a_long_label_is_wrapped_above_its_tree():
    """One line holds 26 letters, of which two fit a phone; a label of the form is told in full on several."""
    label = "LwAL, no push, own sample left out (epoch 10), seed 12"
    short, long = (tanglegram_figure(tree(8), tree(8), labels=(each, "One-hot")) for each in ("LwAL", label))
    text = long.layout.annotations[0].text
    assert text.replace("<b>", "").replace("</b>", "").split("<br>") == [
        "LwAL, no push, own sample", "left out (epoch 10), seed", "12"
    ]  # fmt: skip
    assert long.layout.annotations[0].align == "left" and long.layout.annotations[1].align == "right"
    assert long.layout.margin.t - short.layout.margin.t == 2 * 16  # px a line
    assert long.layout.height > short.layout.height
