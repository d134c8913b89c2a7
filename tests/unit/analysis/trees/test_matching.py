"""Matching two trees, turning them, and which classes sit differently, against loops over pairs of classes."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.cluster.hierarchy import cophenet
from scipy.spatial.distance import squareform
from scipy.stats import kendalltau

from lwal_core.analysis.hierarchy import Hierarchy, build_hierarchy
from lwal_core.analysis.hierarchy.polytomies import company, multiway, ties_sorted
from lwal_core.analysis.trees import UNTANGLE_METHODS, clades, entanglement
from lwal_core.analysis.trees.discordant_classes import placements
from lwal_core.analysis.trees.matching import common_cuts, face, matched, renumbered, restricted, taxonomy_tree
from lwal_core.errors import AnalysisError
from lwal_core.taxonomy import load_taxonomy


def names_for(n: int) -> list[str]:
    return [f"class {i}" for i in range(n)]


def tree(n: int, seed: int = 0, names: list[str] | None = None, method: str = "average") -> Hierarchy:
    return build_hierarchy(np.random.default_rng(seed).normal(size=(n, 4)), names or names_for(n), method)


def tied(n: int, seed: int) -> Hierarchy:
    """A tree of whole-number points on a line: many merges at one height."""
    points = np.random.default_rng(seed).integers(0, 6, size=(n, 1)).astype(float)
    return build_hierarchy(points, names_for(n), "single")


def heights(h: Hierarchy) -> dict[frozenset[str], float]:
    square = squareform(cophenet(h.linkage)) if h.n > 1 else np.zeros((1, 1))
    return {frozenset((h.names[i], h.names[j])): float(square[i, j]) for i in range(h.n) for j in range(i + 1, h.n)}


@settings(max_examples=40)
@given(st.integers(1, 20), st.integers(0, 300), st.data())
def test_restricting_keeps_the_joining_heights_of_what_is_left(n: int, seed: int, data: st.DataObject) -> None:
    h = tree(n, seed)
    kept = data.draw(st.sets(st.sampled_from(h.names), min_size=1))
    small = restricted(h, kept)
    whole = heights(h)
    assert set(small.names) == kept
    assert heights(small) == {pair: value for pair, value in whole.items() if pair <= kept}
    assert [small.names[i] for i in small.order] == [h.names[i] for i in h.order if h.names[i] in kept]
    assert small.sizes[-1] == len(kept)
    far = {frozenset((a, b)): h.square()[i, j] for i, a in enumerate(h.names) for j, b in enumerate(h.names) if i < j}
    for i, a in enumerate(small.names):
        for j, b in enumerate(small.names):
            assert i == j or small.square()[i, j] == far[frozenset((a, b))]


def test_restricting_to_strangers_is_refused() -> None:
    with pytest.raises(AnalysisError, match="None of the classes"):
        restricted(tree(3), ["x"])


@settings(max_examples=30)
@given(st.integers(1, 15), st.integers(0, 300), st.randoms())
def test_renumbering_changes_nothing_but_numbers(n: int, seed: int, random: object) -> None:
    h = tree(n, seed)
    order = list(h.names)
    random.shuffle(order)  # type: ignore[attr-defined]
    other = renumbered(h, order)
    assert other.names == tuple(order)
    assert heights(other) == heights(h)
    assert [other.names[i] for i in other.order] == [h.names[i] for i in h.order]
    for i, a in enumerate(other.names):
        for j, b in enumerate(other.names):
            assert other.square()[i, j] == h.square()[h.names.index(a), h.names.index(b)]
    with pytest.raises(AnalysisError, match="different classes"):
        renumbered(h, [*order, "x"])


def test_matching_by_name() -> None:
    left = tree(6, 0, ["a", "b", "c", "d", "e", "f"])
    right = tree(5, 1, ["z", "f", "d", "b", "y"])
    both = matched(left, right)
    assert both.left.names == both.right.names == ("b", "d", "f")
    assert both.only_left == ("a", "c", "e") and both.only_right == ("z", "y")
    assert heights(both.right) == {p: v for p, v in heights(right).items() if p <= {"b", "d", "f"}}
    with pytest.raises(AnalysisError, match="no class in common"):
        matched(left, tree(3))


@settings(max_examples=40)
@given(st.integers(1, 14), st.integers(0, 300), st.sampled_from(UNTANGLE_METHODS))
def test_turning_keeps_the_trees(n: int, seed: int, method: str) -> None:
    left, right = tree(n, seed), tied(n, seed + 1)
    found = face(left, right, method)
    assert found.before == entanglement(left.order, right.order)
    assert found.after == entanglement(found.left.order, found.right.order)
    for before, after in ((left, found.left), (right, found.right)):
        assert heights(after) == pytest.approx(heights(before))
        assert clades(after.linkage).masks == clades(before.linkage).masks
        assert sorted(after.order) == list(range(n))
    if method in ("step1side", "step2side"):
        assert found.after <= found.before + 1e-12
    if method == "none":
        assert np.array_equal(found.left.order, left.order) and np.array_equal(found.right.order, right.order)
    if method == "labels":
        assert np.array_equal(found.left.order, left.order)


def test_a_star_follows_the_other_tree_exactly() -> None:
    """Turning branches alone cannot: the merges of a star are a chain, in which most orders are out of reach."""
    left, star = tree(12, 3), build_hierarchy(np.eye(12), names_for(12))
    assert face(left, star).after == face(star, left).after == 0
    assert face(left, star, "ladderize").after > 0


def test_equal_trees_face_each_other_level() -> None:
    h = tree(20, 2)
    assert face(h, h).after == 0


def test_different_trees_are_refused() -> None:
    for function in (face, placements):
        with pytest.raises(AnalysisError, match="different classes"):
            function(tree(4), tree(5))


@settings(max_examples=40)
@given(st.integers(2, 16), st.integers(0, 300))
def test_multiway_nodes_are_the_clades_and_the_root(n: int, seed: int) -> None:
    h = tied(n, seed)
    nodes = multiway(h)
    below = {frozenset(h.members(node).tolist()) for node in nodes.children}
    assert below == set(clades(h.linkage)) | {frozenset(range(n))}
    for node, children in nodes.children.items():
        assert len(children) >= 2
        assert sorted(i for c in children for i in h.members(c)) == sorted(h.members(node))
        assert all(nodes.parents[c] == node for c in children)
        for i, j in pairwise(children):
            assert nodes.places[i] < nodes.places[j]
    for i in range(n):
        pairs = {j: value for (pair, value) in heights(h).items() if (j := _other(pair, h.names[i])) is not None}
        low = min(pairs.values())
        members, height = company(h, nodes, i)
        assert height == pytest.approx(low)
        assert {h.names[j] for j in members} == {j for j, value in pairs.items() if value == pytest.approx(low)}


def _other(pair: frozenset[str], name: str) -> str | None:
    return next(iter(pair - {name})) if name in pair else None


def test_ties_sorted_of_a_tree_without_ties_is_the_tree() -> None:
    h = tree(9)
    assert ties_sorted(h, np.arange(9)) is h
    assert ties_sorted(tree(1), np.arange(1)).n == 1


def test_a_taxonomy_as_a_tree() -> None:
    taxonomy = load_taxonomy("shapes")
    names = ["solid circle", "Striped-Circle", "solid oval", "solid star", "stranger"]
    h = taxonomy_tree(taxonomy, names)
    assert h.names == tuple(names[:4])
    assert heights(h)[frozenset(names[:2])] == 1
    assert heights(h)[frozenset((names[0], names[2]))] == 2
    assert heights(h)[frozenset((names[0], names[3]))] == 3
    assert taxonomy_tree(taxonomy, ["solid star"]).n == 1
    assert taxonomy_tree(taxonomy, ["solid star", "SOLID STAR", "solid sun"]).names == ("solid sun",)
    with pytest.raises(AnalysisError, match="none of these classes"):
        taxonomy_tree(taxonomy, ["x"])


def test_common_cuts_are_those_that_no_tie_hides() -> None:
    taxonomy = load_taxonomy("shapes")
    reference = taxonomy_tree(taxonomy, taxonomy.classes)
    learned = tree(16, 0, list(taxonomy.classes))
    assert common_cuts(learned, reference) == (4, 8)
    assert common_cuts(learned, learned) == tuple(range(2, 16))
    assert common_cuts(tree(2), tree(2)) == common_cuts(tree(1), tree(1)) == ()
    assert common_cuts(learned, build_hierarchy(np.eye(16), taxonomy.classes)) == ()


@settings(max_examples=25)
@given(st.integers(3, 12), st.integers(0, 300), st.booleans())
def test_placements_against_scipys_tau_row_by_row(n: int, seed: int, ties: bool) -> None:
    left, right = tree(n, seed), tied(n, seed) if ties else tree(n, seed + 1)
    a, b = (squareform(cophenet(h.linkage)) for h in (left, right))
    found = placements(left, right)
    assert sorted(p.index for p in found) == list(range(n))
    expected = {}
    for i in range(n):
        others = [j for j in range(n) if j != i]
        expected[i] = float(kendalltau(a[i, others].round(9), b[i, others].round(9)).statistic)
    for p in found:
        assert p.tau == pytest.approx(expected[p.index], nan_ok=True)
        shifts = [abs(a[p.index, j] / a.max() - (b[p.index, j] / b.max() if b.max() else 0)) for j in range(n)]
        if p.moved is None:
            assert max(shifts) == pytest.approx(0, abs=1e-8)
        else:
            assert shifts[p.moved] == pytest.approx(max(shifts), abs=1e-8)
            assert (p.moved_left, p.moved_right) == (a[p.index, p.moved], b[p.index, p.moved])
    defined = [p.tau for p in found if not math.isnan(p.tau)]
    assert defined == sorted(defined) and not any(math.isnan(p.tau) for p in found[: len(defined)])


def test_a_class_moved_on_purpose_is_the_most_misplaced() -> None:
    vectors = np.array([[0.0], [1.1], [2.3], [10.0], [11.2], [12.5], [30.0], [31.3], [32.7]])
    moved = vectors.copy()
    moved[1] = 33.0
    worst = placements(build_hierarchy(vectors, names_for(9)), build_hierarchy(moved, names_for(9)))[0]
    assert worst.index == 1 and worst.tau < 0
    assert worst.left[0] == (0,) and set(worst.right[0]) <= {6, 7, 8}


def test_placements_of_one_class_and_two() -> None:
    (only,) = placements(tree(1), tree(1))
    assert math.isnan(only.tau) and only.left[0] == () and math.isnan(only.left[1]) and only.moved is None
    assert all(math.isnan(p.tau) and p.moved is None for p in placements(tree(2), tree(2, 1)))
