"""Facing trees with closed clades: what is drawn, against sets; colours by the best match; what was picked."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lwal_core.analysis.hierarchy import Hierarchy, build_hierarchy
from lwal_core.analysis.hierarchy.polytomies import multiway
from lwal_core.analysis.hierarchy.subtree import TreePart, tree_part
from lwal_core.analysis.trees.correspondence import MOSTLY, connections, correspondence
from lwal_core.analysis.trees.matching import face, taxonomy_tree
from lwal_core.errors import AnalysisError
from lwal_core.figures.palette import BLUE, ORANGE
from lwal_core.figures.tanglegram import tanglegram_figure
from lwal_core.figures.tanglegram.sides import match_color
from lwal_core.taxonomy import load_taxonomy
from tests.unit.figures.test_tanglegram import named, one

Pair = tuple[Hierarchy, Hierarchy]
Parts = tuple[TreePart, TreePart]


def facing(n: int, noise: float = 0.5, seed: int = 0, names: list[str] | None = None) -> Pair:
    generator = np.random.default_rng(seed)
    x = generator.normal(size=(n, 5))
    labels = names or [f"class {i}" for i in range(n)]
    found = face(build_hierarchy(x, labels), build_hierarchy(x + noise * generator.normal(size=x.shape), labels))
    return found.left, found.right


def folded(trees: Pair, tips: int) -> Parts:
    return tree_part(trees[0], most_tips=tips), tree_part(trees[1], most_tips=tips)


def rows_of(fig: go.Figure, side: str, *what: str) -> dict[int, float]:
    """Where each node's marker stands."""
    return {
        int(custom[0]): float(y)
        for name in what
        for trace in named(fig, f"{side} {name}")
        for custom, y in zip(trace.customdata, trace.y, strict=True)
    }


@settings(max_examples=8, deadline=None)
@given(n=st.integers(3, 40), tips=st.integers(1, 12), seed=st.integers(0, 50))
def test_lines_join_branches_that_share_classes(n: int, tips: int, seed: int) -> None:
    trees = facing(n, seed=seed)
    parts = (tree_part(trees[0], most_tips=tips), tree_part(trees[1], most_tips=max(tips // 2, 1)))
    naive = {}
    for a in parts[0].tips.tolist():
        for b in parts[1].tips.tolist():
            shared = set(trees[0].members(a).tolist()) & set(trees[1].members(b).tolist())
            if shared:
                naive[a, b] = len(shared)
    assert {(a, b): count for a, b, count in connections(*parts).tolist()} == naive
    assert sum(naive.values()) == n
    fig = tanglegram_figure(*trees, parts=parts)
    at = [rows_of(fig, side, "closed", "leaves") for side in ("left", "right")]
    drawn = sorted((float(y[0]), float(y[-1])) for t in named(fig, "lines") for y in _lines(t))
    np.testing.assert_allclose(drawn, sorted((at[0][a], at[1][b]) for a, b in naive), atol=1e-4)
    assert [set(part.tips.tolist()) for part in parts] == [set(places) for places in at]


def _lines(trace: go.Scatter) -> list[np.ndarray]:
    y = np.asarray(trace.y, dtype=float)
    ends = np.flatnonzero(np.isnan(np.asarray(trace.x, dtype=float)))
    return [y[start + 1 : end] for start, end in zip([-1, *ends[:-1]], ends, strict=True)]


def test_a_thicker_line_has_more_classes() -> None:
    trees = facing(60)
    parts = folded(trees, 12)
    fig = tanglegram_figure(*trees, parts=parts, alike=both(trees), color_by="match")
    at = [rows_of(fig, side, "closed", "leaves") for side in ("left", "right")]
    width = {}
    for trace in named(fig, "lines"):
        for y in _lines(trace):
            width[round(float(y[0]), 3), round(float(y[-1]), 3)] = trace.line.width
    pairs = [(width[round(at[0][a], 3), round(at[1][b], 3)], count) for a, b, count in connections(*parts).tolist()]
    by_width: dict[float, list[int]] = {}
    for wide, count in pairs:
        by_width.setdefault(wide, []).append(count)
    ordered = [by_width[wide] for wide in sorted(by_width)]
    assert len(ordered) > 2 and all(max(a) < min(b) for a, b in itertools.pairwise(ordered))


def both(trees: Pair) -> Any:
    return correspondence(*trees), correspondence(*trees[::-1])


def test_both_sides_fill_the_same_rows() -> None:
    trees = facing(50)
    parts = (tree_part(trees[0], most_tips=20), tree_part(trees[1], most_tips=5))
    fig = tanglegram_figure(*trees, parts=parts)
    for side in ("left", "right"):
        rows = sorted(rows_of(fig, side, "closed", "leaves").values())
        assert (rows[0], rows[-1]) == (0, 19)
        np.testing.assert_allclose(np.diff(rows), 19 / (len(rows) - 1), atol=1e-5)


def test_colours_of_the_match_and_its_legend() -> None:
    trees = facing(40)
    fig = tanglegram_figure(*trees, 3, parts=folded(trees, 15), alike=both(trees), color_by="match")
    alike = both(trees)
    merges = one(fig, "left merges")
    for custom, color, symbol in zip(merges.customdata, merges.marker.color, merges.marker.symbol, strict=True):
        node, score = int(custom[0]), float(alike[0].jaccard[int(custom[0])])
        assert color == match_color(score)
        assert symbol == ("circle" if node == 78 else "diamond" if score == 1 else "circle-open")
        assert ("Jaccard" in custom[2]) == (score < 1)
    title = fig.layout.title.text
    assert match_color(0) == ORANGE and match_color(1) == BLUE and title.count("■") == 7
    assert f"color:{ORANGE}" in title and f"color:{BLUE}" in title
    assert not fig.layout.shapes  # no cut is said where colours say something else
    with pytest.raises(AnalysisError):
        tanglegram_figure(*trees, color_by="match")


def test_a_picked_class_has_its_line_on_top_and_rings() -> None:
    trees = facing(40)
    parts = folded(trees, 10)
    fig = tanglegram_figure(*trees, parts=parts, picked=((7,), (7,)))
    (line,) = named(fig, "picked lines")
    (y,) = _lines(line)
    tips = [next(t for t in part.tips.tolist() if 7 in part.tree.members(t)) for part in parts]
    at = [rows_of(fig, side, "closed", "leaves") for side in ("left", "right")]
    assert (y[0], y[-1]) == (pytest.approx(at[0][tips[0]]), pytest.approx(at[1][tips[1]]))
    assert len(named(fig, "left picked")) == (7 in parts[0].tips)
    root = 2 * 40 - 2
    fig = tanglegram_figure(*trees, parts=parts, picked=((root,), ()))
    assert len(one(fig, "left picked").x) == 1 and len(_lines(one(fig, "picked lines"))) == len(connections(*parts))


def test_zooming_leaves_lines_of_common_classes_only() -> None:
    trees = facing(40, noise=0.2)
    alike = both(trees)
    node = max(n for n in range(40, 77) if 4 < trees[0].sizes[n] < 20 and alike[0].partner(n) is not None)
    there = alike[0].partner(node)
    assert there is not None and alike[0].jaccard[node] > MOSTLY
    parts = (tree_part(trees[0], node), tree_part(trees[1], there))
    common = set(trees[0].members(node).tolist()) & set(trees[1].members(there).tolist())
    assert {a for a, *_ in connections(*parts).tolist()} == common
    fig = tanglegram_figure(*trees, parts=parts)
    assert set(rows_of(fig, "left", "leaves")) == set(trees[0].members(node).tolist())


def test_tied_merges_of_a_folded_taxonomy_are_one_node() -> None:
    shapes = load_taxonomy("shapes")
    tree = taxonomy_tree(shapes, shapes.classes)
    part = tree_part(tree, most_tips=6)
    nodes = multiway(tree, part)
    assert set(multiway(tree, tree_part(tree)).children) == set(multiway(tree).children)
    for node, children in nodes.children.items():
        assert part.shows[node] and sum(int(tree.sizes[c]) for c in children) == tree.sizes[node]
    shown = [t for c in nodes.children.values() for t in c if t not in nodes.children]
    assert sorted(shown) == sorted(part.tips.tolist())
    assert math.isnan(nodes.places[int(tree.order[1])]) == (int(tree.order[1]) not in part.tips)


def test_hostile_names_and_foreign_parts() -> None:
    names = ["<b>bold</b>", "a & b", "■■■", "", *[f"c{i}" for i in range(20)]]
    trees = facing(24, names=names)
    fig = tanglegram_figure(*trees, parts=folded(trees, 6), alike=both(trees), color_by="match")
    texts = [text for side in ("left", "right") for t in named(fig, f"{side} names") for text in t.text]
    assert texts and not any("<b>" in text for text in texts)
    with pytest.raises(AnalysisError):
        tanglegram_figure(*trees, parts=folded(facing(24), 6))


@pytest.mark.parametrize("n", [1, 2, 3])
def test_very_few_classes(n: int) -> None:
    trees = facing(n)
    for tips in (1, 2):
        parts = folded(trees, tips)
        fig = tanglegram_figure(*trees, parts=parts, alike=both(trees), color_by="match")
        assert sum(len(_lines(trace)) for trace in named(fig, "lines")) == len(connections(*parts)) > 0
