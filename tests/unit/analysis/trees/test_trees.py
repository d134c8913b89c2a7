"""Scores of two trees: against naive loops over every tree of five leaves, other packages, published values."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Iterator
from itertools import combinations, permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.cluster.hierarchy import cophenet, cut_tree, linkage
from scipy.spatial.distance import pdist, squareform
from scipy.stats import spearmanr
from sklearn.datasets import load_iris
from sklearn.metrics import fowlkes_mallows_score

from lwal_core.analysis.trees import (
    CladeSet,
    bakers_gamma,
    clade_recovery,
    clade_support,
    clades,
    cophenetic_correlation,
    cophenetic_distance_correlation,
    fowlkes_mallows,
    robinson_foulds,
)
from lwal_core.errors import AnalysisError
from tests.unit.analysis.trees.slow_loops import naive_tau

Rows = list[tuple[int, int, float]]


def make_linkage(merges: Rows) -> np.ndarray:
    """A linkage from (left node, right node, height) in order of the merges."""
    n = len(merges) + 1
    sizes = [1] * n
    rows = []
    for left, right, height in merges:
        sizes.append(sizes[left] + sizes[right])
        rows.append([left, right, height, sizes[-1]])
    return np.array(rows, dtype=float).reshape(-1, 4)


def every_history(n: int) -> Iterator[Rows]:
    """Every order in which n leaves can be joined pair by pair, at the heights 1, 2, 3, ..."""

    def extend(alive: tuple[int, ...], done: Rows) -> Iterator[Rows]:
        if len(alive) == 1:
            yield done
            return
        for left, right in combinations(alive, 2):
            rest = tuple(node for node in alive if node not in (left, right))
            yield from extend((*rest, n + len(done)), [*done, (left, right, float(len(done) + 1))])

    yield from extend(tuple(range(n)), [])


HISTORIES = [make_linkage(rows) for rows in every_history(5)]
"""All 180 ranked trees of five labelled leaves: 105 labelled binary trees, in every order of their merges."""
PARTNERS = HISTORIES[::11]
STAR = make_linkage([(0, 1, 2.0), (5, 2, 2.0), (6, 3, 2.0), (7, 4, 2.0)])


def leaf_sets(Z: np.ndarray) -> list[frozenset[int]]:
    """Leaf set of every row."""
    n = len(Z) + 1
    below = [frozenset([i]) for i in range(n)]
    for row in Z:
        below.append(below[int(row[0])] | below[int(row[1])])
    return below[n:]


def naive_heights(Z: np.ndarray) -> list[float]:
    """For every pair the height of the smallest row that holds both."""
    pairs = combinations(range(len(Z) + 1), 2)
    sets = leaf_sets(Z)
    return [min((len(s), row[2]) for s, row in zip(sets, Z, strict=True) if {i, j} <= s)[1] for i, j in pairs]


def naive_cut(Z: np.ndarray, k: int) -> list[int]:
    """Cluster of every leaf after the first n - k merges, by relabelling."""
    n = len(Z) + 1
    label = list(range(n))
    for members in leaf_sets(Z)[: n - k]:
        for i in members:
            label[i] = min(members)
    return label


def iris15() -> np.ndarray:
    return load_iris().data[[*range(5), *range(50, 55), *range(100, 105)]]


def points(text: str) -> np.ndarray:
    return np.array([float(number) for number in text.split()]).reshape(10, 3)


# The values expected of these were printed by dendextend 1.16.0, ape 5.7 and phangorn 2.11.1 under R 4.2.2.
LEFT_POINTS = points(
    """
    -0.1973 -1.1141 -0.0115 -0.4436 1.1661 0.6531 -0.0241 0.6684 -0.3399 1.0521 -0.0054 0.5834 -1.2909 0.3467
    -1.6882 -2.0353 -0.3045 -0.8999 0.1641 2.2448 -0.8317 -0.6239 0.2054 0.493 -0.1764 -0.2059 0.7025 0.5199 -1.0337
    -0.0792
    """
)
RIGHT_POINTS = points(
    """
    0.0353 -1.0545 0.2598 -0.858 0.9721 0.1927 0.0893 -0.591 -0.1186 -1.9977 -1.1314 0.3628 -2.1286 0.8466 -1.7461
    0.7567 -0.8455 0.779 0.131 -1.5368 1.2491 1.4417 -0.0658 -0.2739 -0.1599 -0.9752 1.0986 -0.5429 -0.0512 -0.7933
    """
)
LEFT, RIGHT = linkage(LEFT_POINTS, "average"), linkage(RIGHT_POINTS, "complete")


@st.composite
def ties_and_all(draw: st.DrawFn, n: int | None = None) -> np.ndarray:
    """A linkage of 1 to 12 leaves with heights that never fall and are often tied."""
    size = draw(st.integers(1, 12)) if n is None else n
    alive, merges, height = list(range(size)), [], 0.0
    for row in range(size - 1):
        left = alive.pop(draw(st.integers(0, len(alive) - 1)))
        right = alive.pop(draw(st.integers(0, len(alive) - 1)))
        height += draw(st.sampled_from([0.0, 0.25, 1.0, 7.5]))
        merges.append((left, right, height))
        alive.append(size + row)
    return make_linkage(merges)


@st.composite
def pairs_of_trees(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    n = draw(st.integers(1, 12))
    return draw(ties_and_all(n)), draw(ties_and_all(n))


def same(x: float, y: float) -> bool:
    return (math.isnan(x) and math.isnan(y)) or math.isclose(x, y, abs_tol=1e-9)


def scores(a: np.ndarray, b: np.ndarray) -> list[float]:
    found = [cophenetic_correlation(a, b, method) for method in ("pearson", "spearman", "kendall")]
    found += [robinson_foulds(a, b, rooted, norm) for rooted in (True, False) for norm in (True, False)]
    found.append(bakers_gamma(a, b))
    for k in range(1, len(a) + 2):
        found += fowlkes_mallows(a, b, k)
    return found


class TestEveryTreeOfFiveLeaves:
    def test_number_of_trees(self) -> None:
        assert len(HISTORIES) == 180
        assert len({frozenset(leaf_sets(Z)) for Z in HISTORIES}) == 105

    def test_correlations_against_loops(self) -> None:
        partners = [(b, naive_heights(b)) for b in PARTNERS[::8]]
        for a in HISTORIES[::3]:
            x = naive_heights(a)
            for b, y in partners:
                assert math.isclose(cophenetic_correlation(a, b), np.corrcoef(x, y)[0, 1], abs_tol=1e-12)
                assert math.isclose(cophenetic_correlation(a, b, "kendall"), naive_tau(x, y), abs_tol=1e-12)
                expected = spearmanr(x, y).statistic
                assert math.isclose(cophenetic_correlation(a, b, "spearman"), expected, abs_tol=1e-12)

    def test_bakers_gamma_against_its_definition(self) -> None:
        def largest_k(Z: np.ndarray) -> list[int]:
            cuts = {k: naive_cut(Z, k) for k in range(1, 6)}
            return [max(k for k in cuts if cuts[k][i] == cuts[k][j]) for i, j in combinations(range(5), 2)]

        for a in HISTORIES[::4]:
            for b in PARTNERS[::6]:
                expected = spearmanr(largest_k(a), largest_k(b)).statistic
                assert math.isclose(bakers_gamma(a, b), expected, abs_tol=1e-12)

    def test_robinson_foulds_against_sets(self) -> None:
        def splits(Z: np.ndarray) -> set[frozenset[frozenset[int]]]:
            everything = frozenset(range(5))
            both = (frozenset([s, everything - s]) for s in leaf_sets(Z))
            return {split for split in both if min(map(len, split)) >= 2}

        partners = [(b, {s for s in leaf_sets(b) if len(s) < 5}, splits(b)) for b in PARTNERS[::7]]
        for a in HISTORIES:
            clades_a, splits_a = {s for s in leaf_sets(a) if len(s) < 5}, splits(a)
            assert set(clades(a)) == clades_a
            for b, clades_b, splits_b in partners:
                assert robinson_foulds(a, b) == len(clades_a ^ clades_b)
                assert robinson_foulds(a, b, normalized=True) == len(clades_a ^ clades_b) / 6
                assert robinson_foulds(a, b, rooted=False) == len(splits_a ^ splits_b)
                assert robinson_foulds(a, b, rooted=False, normalized=True) == len(splits_a ^ splits_b) / 4

    def test_robinson_foulds_against_dendropy(self) -> None:
        import dendropy
        from dendropy.calculate.treecompare import symmetric_difference

        def tree(Z: np.ndarray, space: dendropy.TaxonNamespace, rooting: str) -> dendropy.Tree:
            text = [f"L{i}" for i in range(5)]
            for left, right in Z[:, :2].astype(int):
                text.append(f"({text[left]},{text[right]})")
            read = dendropy.Tree.get(
                data=text[-1] + ";", schema="newick", taxon_namespace=space, rooting=f"force-{rooting}"
            )
            read.encode_bipartitions()
            return read

        for rooted in (True, False):
            space = dendropy.TaxonNamespace()
            trees = [tree(Z, space, "rooted" if rooted else "unrooted") for Z in HISTORIES]
            for i in range(0, 180, 23):
                for j in range(0, 180, 13):
                    expected = symmetric_difference(trees[i], trees[j])
                    assert robinson_foulds(HISTORIES[i], HISTORIES[j], rooted=rooted) == expected

    def test_bk_against_scikit_learn(self) -> None:
        for a in HISTORIES[::4]:
            for b in PARTNERS[::8]:
                for k in (2, 3, 4):
                    expected = fowlkes_mallows_score(naive_cut(a, k), naive_cut(b, k))
                    assert math.isclose(fowlkes_mallows(a, b, k)[0], expected, abs_tol=1e-12)

    def test_bk_null_against_every_shuffle(self) -> None:
        def bk(u: list[int], v: list[int]) -> float:
            pairs = list(combinations(range(5), 2))
            in_u, in_v = [u[i] == u[j] for i, j in pairs], [v[i] == v[j] for i, j in pairs]
            return sum(x and y for x, y in zip(in_u, in_v, strict=True)) / math.sqrt(sum(in_u) * sum(in_v))

        for a in HISTORIES[::30]:
            for b in HISTORIES[::43]:
                for k in (2, 3, 4):
                    u, v = naive_cut(a, k), naive_cut(b, k)
                    values = [bk(u, [v[i] for i in order]) for order in permutations(range(5))]
                    value, expected, variance = fowlkes_mallows(a, b, k)
                    assert math.isclose(value, bk(u, v), abs_tol=1e-12)
                    assert math.isclose(expected, np.mean(values), abs_tol=1e-12)
                    assert math.isclose(variance, np.var(values), abs_tol=1e-12)

    def test_clade_support_counts_trees(self) -> None:
        for reference in HISTORIES[::20]:
            support = clade_support(reference, PARTNERS)
            sets = leaf_sets(reference)
            expected = [np.mean([s in leaf_sets(Z) for Z in PARTNERS]) for s in sets[:-1]]
            assert support[:-1] == pytest.approx(expected)
            assert math.isnan(support[-1])


class TestPublishedValues:
    def test_r_packages(self) -> None:
        assert cophenetic_correlation(LEFT, RIGHT) == pytest.approx(-0.160680302456)
        assert cophenetic_correlation(LEFT, RIGHT, "spearman") == pytest.approx(-0.183858116853)
        assert cophenetic_correlation(LEFT, RIGHT, "kendall") == pytest.approx(-0.149641167758)
        assert bakers_gamma(LEFT, RIGHT) == pytest.approx(-0.183858116853)
        assert cophenetic_distance_correlation(LEFT, pdist(LEFT_POINTS)) == pytest.approx(0.831812192822)
        assert fowlkes_mallows(LEFT, RIGHT, 2) == pytest.approx((0.581914373963, 0.611010092661, 0.001269841270))
        assert fowlkes_mallows(LEFT, RIGHT, 3) == pytest.approx((0.351763235341, 0.442216638714, 0.010378787879))
        assert fowlkes_mallows(LEFT, RIGHT, 4) == pytest.approx((0.087705801931, 0.253372316689, 0.012145570479))
        assert robinson_foulds(LEFT, RIGHT) == 16
        assert robinson_foulds(LEFT, RIGHT, normalized=True) == 1
        assert robinson_foulds(LEFT, RIGHT, rooted=False) == 14

    def test_ape_clade_support(self) -> None:
        replicates = [
            linkage(LEFT_POINTS, "single"),
            linkage(LEFT_POINTS, "complete"),
            linkage(RIGHT_POINTS, "average"),
        ]
        counts = {
            (0, 1, 2, 3, 4, 5, 7, 8, 9): 0,  # prop.clades prints NA
            (4, 5): 2,
            (0, 1, 2, 3, 7, 8, 9): 2,
            (1, 2, 7, 8): 2,
            (0, 3, 9): 1,
            (0, 9): 2,
            (7, 8): 2,
            (1, 2): 1,
        }
        support = dict(zip(leaf_sets(LEFT), clade_support(LEFT, replicates), strict=True))
        for members, count in counts.items():
            assert support[frozenset(members)] == pytest.approx(count / 3)

    def test_iris_with_tied_heights(self) -> None:
        """Tie-aware values; heights taken to the last bit give 0.97697 and 0.93255."""
        single, complete = linkage(iris15(), "single"), linkage(iris15(), "complete")
        assert cophenetic_correlation(single, complete, "spearman") == pytest.approx(0.97654, abs=5e-6)
        assert cophenetic_correlation(single, complete, "kendall") == pytest.approx(0.93093, abs=5e-6)

    def test_bk_null_against_many_shuffles(self) -> None:
        generator = np.random.default_rng(3)
        a, b = (linkage(generator.normal(size=(30, 4)), "complete") for _ in range(2))
        left, right = cut_tree(a, 5).ravel(), cut_tree(b, 5).ravel()
        table = np.zeros((5, 5), dtype=int)
        p, q = (float((np.bincount(labels) ** 2).sum() - 30) for labels in (left, right))
        values = []
        for _ in range(6000):
            table[:] = 0
            np.add.at(table, (left, generator.permutation(right)), 1)
            values.append((float((table**2).sum()) - 30) / math.sqrt(p * q))
        _, expected, variance = fowlkes_mallows(a, b, 5)
        assert expected == pytest.approx(np.mean(values), abs=4 * math.sqrt(variance / 6000))
        assert variance == pytest.approx(np.var(values), rel=0.1)


class TestUndefined:
    @pytest.mark.parametrize("method", ["pearson", "spearman", "kendall"])
    def test_correlations(self, method: str) -> None:
        one, two, three = np.zeros((0, 4)), make_linkage([(0, 1, 1.0)]), make_linkage([(0, 1, 1.0), (3, 2, 2.0)])
        assert math.isnan(cophenetic_correlation(one, one, method))
        assert math.isnan(cophenetic_correlation(two, two, method))
        assert cophenetic_correlation(three, three, method) == pytest.approx(1)
        assert math.isnan(cophenetic_correlation(STAR, STAR, method))
        assert math.isnan(cophenetic_correlation(STAR, HISTORIES[0], method))
        assert math.isnan(cophenetic_distance_correlation(STAR, np.arange(10.0), method))
        assert math.isnan(cophenetic_distance_correlation(HISTORIES[0], np.full(10, math.sqrt(2)), method))
        assert math.isnan(cophenetic_distance_correlation(two, [3.0], method))

    def test_star_with_rounding_noise_is_still_a_star(self) -> None:
        noisy = STAR.copy()
        noisy[:, 2] = np.sqrt(2) * (1 + np.arange(4) * 2e-16)
        assert math.isnan(cophenetic_correlation(noisy, HISTORIES[0]))
        assert math.isnan(bakers_gamma(noisy, HISTORIES[0]))
        assert len(clades(noisy)) == 0
        zero = STAR.copy()
        zero[:, 2] = 0
        assert math.isnan(bakers_gamma(zero, HISTORIES[0]))

    def test_robinson_foulds(self) -> None:
        two, three = make_linkage([(0, 1, 1.0)]), make_linkage([(0, 1, 1.0), (3, 2, 2.0)])
        three_star = make_linkage([(0, 1, 1.0), (3, 2, 1.0)])
        for normalized in (True, False):
            assert math.isnan(robinson_foulds(np.zeros((0, 4)), np.zeros((0, 4)), normalized=normalized))
            assert math.isnan(robinson_foulds(two, two, normalized=normalized))
            assert math.isnan(robinson_foulds(three, three, rooted=False, normalized=normalized))
            assert robinson_foulds(three, three, normalized=normalized) == 0
        assert robinson_foulds(three, three_star) == 1
        assert robinson_foulds(STAR, STAR) == 0
        assert math.isnan(robinson_foulds(STAR, STAR, normalized=True))
        assert math.isnan(robinson_foulds(STAR, STAR, rooted=False, normalized=True))
        assert all(robinson_foulds(STAR, Z, normalized=True) == 1 for Z in PARTNERS)
        assert all(robinson_foulds(STAR, Z, rooted=False, normalized=True) == 1 for Z in PARTNERS)

    def test_a_root_with_three_children_stays_rooted(self) -> None:
        """Read as unrooted, both trees would be stars of two splits and lose their only difference."""
        three_way = make_linkage([(0, 1, 1.0), (2, 3, 2.0), (5, 6, 3.0), (7, 4, 3.0)])
        binary = make_linkage([(0, 1, 1.0), (2, 3, 2.0), (5, 6, 2.5), (7, 4, 3.0)])
        assert robinson_foulds(three_way, binary) == 1
        assert robinson_foulds(three_way, binary, normalized=True) == 1 / 5
        assert robinson_foulds(three_way, binary, rooted=False) == 0

    def test_bk_at_the_ends(self) -> None:
        for a, b in zip(HISTORIES[:5], PARTNERS[:5], strict=True):
            assert fowlkes_mallows(a, b, 1) == (1, 1, 0)
            assert all(math.isnan(value) for value in fowlkes_mallows(a, b, 5))
        assert all(math.isnan(value) for value in fowlkes_mallows(np.zeros((0, 4)), np.zeros((0, 4)), 1))
        two, three = make_linkage([(0, 1, 1.0)]), make_linkage([(0, 1, 1.0), (3, 2, 2.0)])
        assert fowlkes_mallows(two, two, 1) == (1, 1, 0)
        assert all(math.isnan(value) for value in fowlkes_mallows(two, two, 2))
        value, expected, variance = fowlkes_mallows(three, three, 2)
        assert (value, expected) == (1, pytest.approx(1 / 3))
        assert math.isnan(variance)

    def test_bk_of_a_tree_that_has_no_such_cut(self) -> None:
        tied = make_linkage([(0, 1, 1.0), (2, 3, 1.0), (5, 6, 2.0), (7, 4, 3.0)])
        assert all(math.isnan(value) for value in fowlkes_mallows(tied, HISTORIES[0], 4))
        assert all(math.isnan(value) for value in fowlkes_mallows(HISTORIES[0], tied, 4))
        assert fowlkes_mallows(tied, tied, 3)[0] == 1
        assert fowlkes_mallows(STAR, HISTORIES[0], 1) == (1, 1, 0)
        assert all(math.isnan(fowlkes_mallows(STAR, HISTORIES[0], k)[0]) for k in (2, 3, 4, 5))

    def test_bk_under_inversions_follows_the_merges(self) -> None:
        points = np.array([[0.0, 0.0], [1.0, 0.0], [0.5, 0.87], [5.0, 5.0]])
        Z = linkage(points, "centroid")
        assert Z[1, 2] < Z[0, 2]
        other = linkage(points[::-1], "average")
        expected = fowlkes_mallows_score(naive_cut(Z, 2), naive_cut(other, 2))
        assert fowlkes_mallows(Z, other, 2)[0] == pytest.approx(expected)

    def test_clade_support(self) -> None:
        assert np.isnan(clade_support(HISTORIES[0], [])).all()
        assert np.isnan(clade_support(STAR, HISTORIES)).all()
        assert clade_support(np.zeros((0, 4)), []).shape == (0,)


class TestTiesDoNotDependOnStorage:
    """One multifurcating tree, stored in several merge orders."""

    STORED = (
        make_linkage([(0, 1, 1.0), (5, 2, 1.0), (3, 4, 2.0), (6, 7, 4.0)]),
        make_linkage([(1, 2, 1.0), (0, 5, 1.0), (4, 3, 2.0), (7, 6, 4.0)]),
        make_linkage([(2, 0, 1.0), (5, 1, 1.0), (3, 4, 2.0), (7, 6, 4.0)]),
    )

    def test_scores(self) -> None:
        for other in PARTNERS:
            for stored in self.STORED[1:]:
                assert all(map(same, scores(stored, other), scores(self.STORED[0], other)))

    def test_clades(self) -> None:
        for stored in self.STORED:
            assert set(clades(stored)) == {frozenset({0, 1, 2}), frozenset({3, 4})}
            assert robinson_foulds(stored, self.STORED[0], normalized=True) == 0

    def test_support_skips_rows_that_are_no_clade(self) -> None:
        support = clade_support(self.STORED[0], self.STORED)
        assert np.isnan(support).tolist() == [True, False, False, True]
        assert support[1:3].tolist() == [1, 1]

    def test_collapsing_a_node_barely_moves_bakers_gamma(self) -> None:
        """Counting clusters without minding ties gives 0.227 for such a pair."""
        generator = np.random.default_rng(0)
        Z = linkage(generator.normal(size=(20, 3)), "average")
        collapsed = Z.copy()
        collapsed[4, 2] = collapsed[5, 2]
        assert bakers_gamma(Z, collapsed) > 0.99


class TestCladeSet:
    def test_behaves_as_a_set_of_frozensets(self) -> None:
        found = clades(LEFT)
        expected = {s for s in leaf_sets(LEFT) if len(s) < 10}
        assert found == expected and expected == found
        assert len(found) == 8
        assert frozenset({4, 5}) in found and {5, 4} in found
        assert frozenset({4, 6}) not in found
        assert frozenset({0, 99}) not in found and frozenset({"a"}) not in found and 7 not in found
        assert found & {frozenset({4, 5}), frozenset({4, 6})} == {frozenset({4, 5})}
        assert found - expected == set()
        assert isinstance(found, CladeSet)

    def test_recovery_of_a_grouping(self) -> None:
        Z = make_linkage([(0, 1, 1.0), (2, 3, 2.0), (5, 6, 3.0), (7, 4, 4.0)])
        result = clade_recovery([{0, 1}, {2, 3, 4}, {0, 1, 2, 3, 4}, {3}], Z)
        assert (result.recovered, result.total, result.recall) == (1, 2, 0.5)
        assert (result.contradictions, result.clades) == (1, 3)  # {0, 1, 2, 3} cuts across {2, 3, 4}
        refined = clade_recovery([{0, 1, 2, 3}], Z)
        assert (refined.recall, refined.contradictions) == (1, 0)
        assert math.isnan(clade_recovery([], Z).recall)
        with pytest.raises(AnalysisError, match="names class 9"):
            clade_recovery([{0, 9}], Z)


class TestProperties:
    @given(pairs_of_trees())
    @settings(max_examples=30)
    def test_ranges_and_symmetry(self, trees: tuple[np.ndarray, np.ndarray]) -> None:
        a, b = trees
        forward, backward = scores(a, b), scores(b, a)
        assert all(map(same, forward, backward))
        for value in (*forward[:3], forward[7]):
            assert math.isnan(value) or -1 <= value <= 1
        for value in (forward[3], forward[5], *forward[8::3]):
            assert math.isnan(value) or 0 <= value <= 1

    @given(ties_and_all())
    @settings(max_examples=30)
    def test_identity(self, Z: np.ndarray) -> None:
        found = scores(Z, Z)
        for value, perfect in zip(found[:8], (1, 1, 1, 0, 0, 0, 0, 1), strict=True):
            assert math.isnan(value) or value == pytest.approx(perfect)
        assert all(math.isnan(value) or value == pytest.approx(1) for value in found[8::3])

    @given(pairs_of_trees(), st.data())
    @settings(max_examples=30)
    def test_turning_nodes_and_rescaling_change_nothing(
        self, trees: tuple[np.ndarray, np.ndarray], data: st.DataObject
    ) -> None:
        a, b = trees
        turned = a.copy()
        for row in range(len(a)):
            if data.draw(st.booleans()):
                turned[row, :2] = turned[row, 1::-1]
        turned[:, 2] *= data.draw(st.sampled_from([1e-6, 0.3, 1.0, 1e7]))
        assert all(map(same, scores(a, b), scores(turned, b)))

    @given(pairs_of_trees(), st.randoms(use_true_random=False))
    @settings(max_examples=25)
    def test_renumbering_the_classes_of_both_changes_nothing(
        self, trees: tuple[np.ndarray, np.ndarray], generator: random.Random
    ) -> None:
        n = len(trees[0]) + 1
        new = list(range(n))
        generator.shuffle(new)
        renumbered = []
        for Z in trees:
            copy = Z.copy()
            copy[:, :2] = [[new[int(i)] if i < n else i for i in row] for row in Z[:, :2]] or Z[:, :2]
            renumbered.append(copy)
        assert all(map(same, scores(*trees), scores(*renumbered)))

    @given(ties_and_all())
    @settings(max_examples=30)
    def test_scipy_agrees_on_joining_heights(self, Z: np.ndarray) -> None:
        if len(Z) >= 2 and np.ptp(Z[:, 2]) > 0:
            distances = np.random.default_rng(len(Z)).uniform(1, 2, size=(len(Z) + 1) * len(Z) // 2)
            assert cophenetic_distance_correlation(Z, distances) == pytest.approx(cophenet(Z, distances)[0])
            square = cophenetic_distance_correlation(Z, squareform(distances))
            assert square == pytest.approx(cophenet(Z, distances)[0])
            assert cophenetic_distance_correlation(Z, cophenet(Z), "kendall") == pytest.approx(1)


class TestBadInput:
    @pytest.mark.parametrize(
        ("broken", "said"),
        [
            (np.zeros((3, 3)), "shape"),
            (np.zeros(4), "shape"),
            ([["a", "b", "c", "d"]], "numbers"),
            ([[0, 1, math.nan, 2]], "not finite"),
            ([[0, 1, -1.0, 2]], "negative height"),
            ([[0, 0.5, 1.0, 2]], "whole numbers"),
            ([[0, 2, 1.0, 2], [1, 3, 1.0, 3], [0, 3, 1.0, 4]], "more than once"),
            ([[0, 4, 1.0, 2], [1, 2, 1.0, 3], [3, 5, 1.0, 4]], "before the row"),
            ([[0, 1, 1.0, 2], [2, 3, 1.0, 2]], "fourth column"),
        ],
    )
    def test_broken_linkages(self, broken: object, said: str) -> None:
        for call in (
            lambda: clades(broken),  # type: ignore[arg-type]
            lambda: bakers_gamma(broken, broken),  # type: ignore[arg-type]
            lambda: robinson_foulds(broken, broken),  # type: ignore[arg-type]
            lambda: fowlkes_mallows(broken, broken, 2),  # type: ignore[arg-type]
        ):
            with pytest.raises(AnalysisError, match=said):
                call()

    def test_different_numbers_of_classes(self) -> None:
        for call in (
            lambda: cophenetic_correlation(LEFT, STAR),
            lambda: robinson_foulds(LEFT, STAR),
            lambda: fowlkes_mallows(LEFT, STAR, 2),
            lambda: clade_support(LEFT, [STAR]),
        ):
            with pytest.raises(AnalysisError, match="10 classes and the second 5"):
                call()

    @pytest.mark.parametrize("k", [0, 6, -1, 2.5, "2"])
    def test_impossible_numbers_of_clusters(self, k: int) -> None:
        with pytest.raises(AnalysisError, match="k = "):
            fowlkes_mallows(HISTORIES[0], HISTORIES[1], k)

    def test_unknown_correlation(self) -> None:
        with pytest.raises(AnalysisError, match="'tau' is not a correlation"):
            cophenetic_correlation(LEFT, RIGHT, "tau")

    @pytest.mark.parametrize(
        "distances", [np.ones(9), np.ones((4, 4)), np.full(45, math.nan), np.arange(100.0).reshape(10, 10)]
    )
    def test_distances_that_do_not_fit(self, distances: np.ndarray) -> None:
        with pytest.raises(AnalysisError, match="distances"):
            cophenetic_distance_correlation(LEFT, distances)


class TestSize:
    def test_chain_of_five_thousand(self) -> None:
        chain = linkage(np.cumsum(np.arange(5000.0))[:, None], "single")
        other = linkage(np.cumsum(np.arange(5000.0)[::-1])[:, None], "single")
        assert len(clades(chain)) == 4998
        assert robinson_foulds(chain, chain) == 0
        # Both chains grow from opposite ends, so that no clade of one is one of the other.
        assert robinson_foulds(chain, other, normalized=True) == 1
        assert clade_support(chain, [chain, other])[:-1] == pytest.approx(0.5)
        assert fowlkes_mallows(chain, chain, 70)[0] == 1

    def test_chain_of_three_thousand_correlates(self) -> None:
        chain = linkage(np.cumsum(np.arange(3000.0))[:, None], "single")
        assert bakers_gamma(chain, chain) == pytest.approx(1)

    def test_a_thousand_classes_take_a_second_at_most(self) -> None:
        generator = np.random.default_rng(0)
        x, y = generator.normal(size=(2, 1000, 10))
        a, b = linkage(x, "average"), linkage(y, "complete")
        for call in (
            lambda: cophenetic_correlation(a, b),
            lambda: bakers_gamma(a, b),
            lambda: cophenetic_correlation(a, b, "kendall"),
            lambda: fowlkes_mallows(a, b, 50),
            lambda: robinson_foulds(a, b),
        ):
            start = time.process_time()
            call()
            assert time.process_time() - start < 1.5  # 1 s is the budget; the rest is for a slow machine
