"""Mistake severity and hierarchical distance@k: against loops over nested tuples and samples, and cases by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.cluster.hierarchy import linkage

from lwal_core.analysis.trees.severity import (
    chance_severity,
    common_ancestor_heights,
    hierarchical_distance_at_k,
    mistake_severity,
)
from lwal_core.errors import AnalysisError
from lwal_core.taxonomy import load_taxonomy

# cat and dog are mammals and vertebrates, the bird a vertebrate, the boat and the car machines; a rock stands alone.
NESTED: Any = ((("cat", "dog"), "bird"), ("boat", "car"), "rock")
NAMES = ["cat", "dog", "bird", "boat", "car", "rock"]
TREE = np.array([[0, 1, 1, 2], [3, 4, 2, 2], [6, 2, 2, 3], [8, 7, 3, 5], [9, 5, 3, 6]], dtype=float)


def paths(tree: Any, way: tuple[int, ...] = ()) -> dict[str, tuple[int, ...]]:
    """Way from the root to every leaf of a nested tuple."""
    if isinstance(tree, str):
        return {tree: way}
    return {name: path for i, child in enumerate(tree) for name, path in paths(child, (*way, i)).items()}


def naive_heights(tree: Any, names: list[str], form: str) -> np.ndarray:
    ways = paths(tree)
    deepest = max(map(len, ways.values()))
    out = np.zeros((len(names), len(names)))
    for i, a in enumerate(names):
        for j, b in enumerate(names):
            if i == j:
                continue
            shared = next(k for k, (x, y) in enumerate(zip(ways[a], ways[b], strict=False)) if x != y)
            below = [len(way) - shared for way in ways.values() if way[:shared] == ways[a][:shared]]
            out[i, j] = max(below) if form == "height" else deepest - shared
    return out


@st.composite
def nested(draw: st.DrawFn) -> Any:
    """A nested tuple of 2 to 12 leaves with 2 to 4 children a node."""
    parts: list[Any] = [f"leaf {i}" for i in range(draw(st.integers(2, 12)))]
    while len(parts) > 1:
        take = draw(st.integers(2, min(4, len(parts))))
        chosen = tuple(parts.pop(draw(st.integers(0, len(parts) - 1))) for _ in range(take))
        parts.append(chosen)
    return parts[0]


def as_linkage(tree: Any, names: list[str]) -> np.ndarray:
    """A nested tuple as a linkage: nodes in order of how many levels are below, all children at one height."""
    nodes: list[Any] = []

    def level(node: Any) -> int:
        if isinstance(node, str):
            return 0
        return 1 + max(map(level, node))

    def collect(node: Any) -> None:
        if not isinstance(node, str):
            nodes.append(node)
            for child in node:
                collect(child)

    collect(tree)
    ids: dict[Any, tuple[int, int]] = {name: (i, 1) for i, name in enumerate(names)}
    rows = []
    for node in sorted(nodes, key=level):
        joined = ids[node[0]]
        for child in node[1:]:
            other = ids[child]
            rows.append([joined[0], other[0], level(node), joined[1] + other[1]])
            joined = (len(names) + len(rows) - 1, joined[1] + other[1])
        ids[node] = joined
    return np.array(rows, dtype=float)


class TestHeights:
    def test_by_hand(self) -> None:
        height, depth = (common_ancestor_heights(TREE, form) for form in ("height", "depth"))
        at = {name: i for i, name in enumerate(NAMES)}
        for a, b, up, less in [
            ("cat", "dog", 1, 1),
            ("cat", "bird", 2, 2),
            ("cat", "car", 3, 3),
            ("boat", "car", 1, 2),  # one level below the machines, but they are only one level under the root
            ("rock", "dog", 3, 3),
            ("dog", "dog", 0, 0),
        ]:
            assert height[at[a], at[b]] == height[at[b], at[a]] == up
            assert depth[at[a], at[b]] == less

    @pytest.mark.parametrize("form", ["height", "depth"])
    def test_the_small_tree_against_its_nested_form(self, form: Any) -> None:
        assert common_ancestor_heights(TREE, form).tolist() == naive_heights(NESTED, NAMES, form).tolist()

    @given(nested(), st.sampled_from(["height", "depth"]))
    @settings(max_examples=60)
    def test_against_nested_tuples(self, tree: Any, form: Any) -> None:
        names = sorted(paths(tree))
        found = common_ancestor_heights(as_linkage(tree, names), form)
        assert found.tolist() == naive_heights(tree, names, form).tolist()

    @pytest.mark.parametrize("form", ["height", "depth"])
    def test_ultrametric(self, form: Any) -> None:
        d = common_ancestor_heights(linkage(np.random.default_rng(0).normal(size=(25, 4)), "average"), form)
        assert (d[:, :, None] <= np.maximum(d[:, None, :], d.T[None, :, :].transpose(0, 2, 1)) + 1e-12).all()
        assert d.min() == 0 and (d[~np.eye(25, dtype=bool)] >= 1).all()

    def test_a_taxonomy_has_its_own_levels_as_depth(self) -> None:
        taxonomy = load_taxonomy("cifar10")
        names = list(taxonomy.classes)
        depth = common_ancestor_heights(taxonomy.linkage(names), "depth")
        groups = [*taxonomy.clades(names), frozenset(names)]
        deepest = max(sum(name in g for g in groups) for name in names)
        for i, a in enumerate(names):
            for j, b in enumerate(names):
                around = sum(a in g and b in g for g in groups)
                assert i == j or depth[i, j] == deepest - (around - 1)

    def test_all_equal_heights_are_one_node(self) -> None:
        star = linkage(np.eye(5), "average")
        for form in ("height", "depth"):
            assert common_ancestor_heights(star, form).tolist() == (1 - np.eye(5)).tolist()

    def test_one_and_two_classes_and_a_long_chain(self) -> None:
        assert common_ancestor_heights(np.zeros((0, 4))).tolist() == [[0]]
        assert common_ancestor_heights(np.array([[0, 1, 3.5, 2]])).tolist() == [[0, 1], [1, 0]]
        chain = linkage(np.arange(1200, dtype=float)[:, None] ** 1.5, "single")
        assert common_ancestor_heights(chain).max() == 1199

    def test_unknown_form(self) -> None:
        with pytest.raises(AnalysisError, match="'width'"):
            common_ancestor_heights(TREE, "width")  # type: ignore[arg-type]


class TestSeverity:
    def test_by_hand(self) -> None:
        heights = common_ancestor_heights(TREE)
        confusion = np.diag([10, 10, 10, 10, 10, 10])
        confusion[0, 1], confusion[0, 2], confusion[5, 4] = 3, 1, 1  # 3 x 1, 1 x 2, 1 x 3
        assert mistake_severity(confusion, heights) == pytest.approx((3 + 2 + 3) / 5)
        # cat is 1, 2, 3, 3, 3 from the others, the rock 3 from all
        assert chance_severity(confusion, heights) == pytest.approx((4 * 12 / 5 + 3) / 5)

    @given(st.integers(2, 7), st.integers(0, 500))
    @settings(max_examples=40)
    def test_against_a_loop_over_samples(self, n: int, seed: int) -> None:
        generator = np.random.default_rng(seed)
        heights = common_ancestor_heights(linkage(generator.normal(size=(n, 2)), "average"))
        y, pred = generator.integers(0, n, size=(2, 30))
        confusion = np.zeros((n, n), dtype=int)
        bad, by_chance = [], []
        for true, said in zip(y, pred, strict=True):
            confusion[true, said] += 1
            if true != said:
                bad.append(heights[true, said])
                by_chance.append(np.mean([heights[true, other] for other in range(n) if other != true]))
        if bad:
            assert mistake_severity(confusion, heights) == pytest.approx(np.mean(bad))
            assert chance_severity(confusion, heights) == pytest.approx(np.mean(by_chance))
        ranked = np.array([generator.permutation(n)[: max(1, n - 1)] for _ in y])
        expected = np.mean([np.mean([heights[t, c] for c in row]) for t, row in zip(y, ranked, strict=True)])
        assert hierarchical_distance_at_k(ranked, y, heights) == pytest.approx(expected)
        at_one = hierarchical_distance_at_k(pred[:, None], y, heights)
        assert at_one == pytest.approx((y != pred).mean() * (mistake_severity(confusion, heights) if bad else 0))

    def test_no_mistakes_is_undefined(self) -> None:
        heights = common_ancestor_heights(TREE)
        assert math.isnan(mistake_severity(np.eye(6), heights))
        assert math.isnan(chance_severity(np.eye(6), heights))
        assert math.isnan(mistake_severity([[4]], [[0]]))
        assert math.isnan(hierarchical_distance_at_k(np.zeros((0, 2), int), np.zeros(0, int), heights))
        assert hierarchical_distance_at_k([[3], [1]], [3, 1], heights) == 0

    def test_all_classes_ranked_is_the_mean_row(self) -> None:
        heights = common_ancestor_heights(TREE, "depth")
        ranked = [np.random.default_rng(i).permutation(6) for i in range(6)]
        assert hierarchical_distance_at_k(ranked, np.arange(6), heights) == pytest.approx(heights.mean())

    @pytest.mark.parametrize(
        ("confusion", "heights"),
        [(np.eye(3), np.ones((2, 2))), (np.ones(3), np.ones(3)), (-np.ones((2, 2)), np.ones((2, 2))),
         (np.ones((2, 2)), np.full((2, 2), np.inf)), (np.full((2, 2), np.nan), np.ones((2, 2)))],
    )  # fmt: skip
    def test_matrices_that_do_not_fit(self, confusion: Any, heights: Any) -> None:
        for score in (mistake_severity, chance_severity):
            with pytest.raises(AnalysisError):
                score(confusion, heights)

    @pytest.mark.parametrize(
        ("ranked", "y"),
        [([[0, 1]], [0, 1]), ([0, 1], [0, 1]), (np.zeros((1, 0), int), [0]), ([[0, 1, 2, 3, 4, 5, 0]], [0]), ([[6]], [0]),
         ([[0]], [-1]), ([[0.5]], [0]), ([[1, 1]], [0])],
    )  # fmt: skip
    def test_rankings_that_do_not_fit(self, ranked: Any, y: Any) -> None:
        with pytest.raises(AnalysisError):
            hierarchical_distance_at_k(ranked, y, common_ancestor_heights(TREE))
