"""The part of a tree that is drawn, against a recursive walk; turning, paths and smallest clades against sets."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lwal_core.analysis.hierarchy import Hierarchy, build_hierarchy
from lwal_core.analysis.hierarchy.subtree import tree_part
from lwal_core.errors import AnalysisError

METHODS = st.sampled_from(["average", "single", "ward", "centroid"])


def tree(n: int, seed: int = 0, method: str = "average") -> Hierarchy:
    x = np.random.default_rng(seed).normal(size=(n, 3))
    return build_hierarchy(x, [f"c{i}" for i in range(n)], method)


def tips_by_walk(h: Hierarchy, node: int, closed: set[int], start: int) -> list[int]:
    if node < h.n or (node in closed and node != start):
        return [node]
    left, right = (int(child) for child in h.linkage[node - h.n, :2])
    return tips_by_walk(h, left, closed, start) + tips_by_walk(h, right, closed, start)


@given(st.integers(1, 30), st.integers(0, 99), METHODS)
@settings(max_examples=60)
def test_everything_is_the_layout_of_the_tree(n: int, seed: int, method: str) -> None:
    h = tree(n, seed, method)
    part, layout = tree_part(h), h.layout()
    assert part.is_whole
    assert part.shows.all()
    np.testing.assert_array_equal(part.tips, h.order)
    np.testing.assert_array_equal(part.place, layout.place)
    places, heights = part.brackets()
    np.testing.assert_array_equal(places, layout.bracket_places)
    np.testing.assert_array_equal(heights, layout.bracket_heights)


@given(st.integers(2, 25), st.integers(0, 99), METHODS, st.data())
@settings(max_examples=100)
def test_tips_are_those_of_a_walk(n: int, seed: int, method: str, data: st.DataObject) -> None:
    h = tree(n, seed, method)
    nodes = st.integers(0, 2 * n - 2)
    root, closed = data.draw(nodes), data.draw(st.sets(nodes, max_size=6))
    part = tree_part(h, root, closed)
    assert part.tips.tolist() == tips_by_walk(h, root, closed, root)
    assert sum(int(h.sizes[tip]) for tip in part.tips) == int(h.sizes[root])
    assert len(part.merges) == len(part.tips) - 1
    np.testing.assert_array_equal(part.place[part.tips], np.arange(len(part.tips)))
    assert set(np.flatnonzero(part.shows)) == {*part.tips.tolist(), *part.merges.tolist()}
    for node in part.merges.tolist():
        left, right = h.children[node - n]
        assert part.place[node] == (part.place[left] + part.place[right]) / 2


@given(st.integers(2, 25), st.integers(0, 99), st.integers(1, 30))
@settings(max_examples=60)
def test_so_many_tips_are_the_cut_into_so_many_groups(n: int, seed: int, most: int) -> None:
    h = tree(n, seed)
    part = tree_part(h, most_tips=most)
    if most == 1:  # the root is always open
        assert len(part.tips) == 2
        return
    np.testing.assert_array_equal(part.tips, h.cut_nodes(k=min(most, n)))


def test_opened_clades_are_drawn_beyond_the_limit_and_closed_ones_win() -> None:
    h = tree(40, 3)
    deepest = max(range(40), key=lambda leaf: len(h.path_to_root(leaf)))
    path = h.path_to_root(deepest)
    part = tree_part(h, most_tips=4, opened=path)
    assert deepest in part.tips
    assert len(part.tips) <= 4 + len(path)
    shut = path[2]
    assert shut in tree_part(h, most_tips=4, opened=path, closed=[shut]).tips


def test_a_class_as_root_is_one_tip() -> None:
    part = tree_part(tree(3), root=1)
    assert part.tips.tolist() == [1]
    assert part.merges.tolist() == []
    assert part.brackets()[0].shape == (0, 4)
    one = tree_part(tree(1))
    assert (one.tips.tolist(), one.is_whole) == ([0], True)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"root": 5}, "node 5"),
        ({"closed": [-1]}, "node -1"),
        ({"opened": [99]}, "node 99"),
        ({"most_tips": 0}, "0 tips"),
    ],
)
def test_refused_with_a_reason(arguments: dict[str, object], says: str) -> None:
    with pytest.raises(AnalysisError, match=says):
        tree_part(tree(3), **arguments)  # type: ignore[arg-type]


@given(st.integers(2, 25), st.integers(0, 99), st.data())
@settings(max_examples=60)
def test_turning_keeps_the_clades_and_swaps_the_leaves(n: int, seed: int, data: st.DataObject) -> None:
    h = tree(n, seed)
    nodes = data.draw(st.sets(st.integers(n, 2 * n - 2), max_size=5))
    turned = h.turned(nodes)
    for node in range(2 * n - 1):
        assert set(turned.members(node).tolist()) == set(h.members(node).tolist())
    for node in range(n, 2 * n - 1):
        ours, theirs = h.children[node - n].tolist(), turned.children[node - n].tolist()
        assert theirs == (ours[::-1] if node in nodes else ours)
    assert turned.order.tolist() == tips_by_walk(turned, 2 * n - 2, set(), -1)
    np.testing.assert_array_equal(turned.turned(nodes).linkage, h.linkage)


def test_only_merges_can_be_turned() -> None:
    with pytest.raises(AnalysisError, match="Node 1 is a class"):
        tree(3).turned([1])
    with pytest.raises(AnalysisError, match="no node 9"):
        tree(3).turned([9])
    h = tree(3)
    assert h.turned([]) is h


@given(st.integers(1, 25), st.integers(0, 99), st.data())
@settings(max_examples=80)
def test_smallest_clade_and_path(n: int, seed: int, data: st.DataObject) -> None:
    h = tree(n, seed, "average")
    wanted = data.draw(st.sets(st.integers(0, n - 1), min_size=1, max_size=4))
    holding = [node for node in range(2 * n - 1) if wanted <= set(h.members(node).tolist())]
    assert h.smallest_clade(wanted) == min(holding, key=lambda node: h.sizes[node])
    leaf = min(wanted)
    assert set(h.path_to_root(leaf)) == {node for node in range(2 * n - 1) if leaf in h.members(node)}


def test_no_classes_have_no_clade() -> None:
    for classes in ([], [3], [-1, 0]):
        with pytest.raises(AnalysisError, match="not all in this tree"):
            tree(3).smallest_clade(classes)


def test_a_chain_of_5000_classes_is_no_recursion() -> None:
    x = np.cumsum(np.arange(1, 5_001, dtype=float))[:, None]
    h = build_hierarchy(x, [f"c{i}" for i in range(5_000)], "single", optimal_limit=0)
    assert len(h.path_to_root(0)) == 5_000
    part = tree_part(h, most_tips=50)
    assert len(part.tips) == 50
    assert tree_part(h).is_whole


@given(st.integers(1, 20), st.integers(0, 99), st.data())
@settings(max_examples=80)
def test_the_clade_of_exactly_these_classes(n: int, seed: int, data: st.DataObject) -> None:
    h = tree(n, seed)
    names = frozenset(h.names[i] for i in data.draw(st.sets(st.integers(0, n - 1), max_size=4)))
    own = [node for node in range(2 * n - 1) if {h.names[i] for i in h.members(node)} == names]
    assert h.clade_of(names) == (own[0] if own else None)
    assert h.clade_of({*names, "a stranger"}) is None
    for node in range(2 * n - 1):
        assert h.clade_of({h.names[i] for i in h.members(node)}) == node
