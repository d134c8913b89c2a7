"""Facing layouts: against naive searches, the leaf orders of dendextend, and invariants."""

from __future__ import annotations

import math
import time
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.cluster.hierarchy import leaves_list, linkage

from lwal_core.analysis.trees import UNTANGLE_METHODS, entanglement, untangle
from lwal_core.errors import AnalysisError


def naive_entanglement(left: list[int], right: list[int], power: float) -> float:
    n = len(left)
    lines = sum(abs(i - right.index(name)) ** power for i, name in enumerate(left))
    return lines / sum(abs(i - (n - 1 - i)) ** power for i in range(n))


def order_of(Z: np.ndarray, turned: set[int]) -> list[int]:
    """Leaves from top to bottom when the given rows have their children swapped; recursive, for small trees."""
    n = len(Z) + 1

    def walk(node: int) -> list[int]:
        if node < n:
            return [node]
        first, second = (int(child) for child in Z[node - n, :2])
        if node - n in turned:
            first, second = second, first
        return walk(first) + walk(second)

    return walk(2 * n - 2)


def naive_step(Z: np.ndarray, turned: set[int], other: list[int], power: float) -> set[int]:
    """One greedy pass from the root down that works out the whole entanglement for every node."""
    best = set(turned)
    for row in range(len(Z) - 1, -1, -1):
        tried = best ^ {row}
        now, then = (naive_entanglement(order_of(Z, chosen), other, power) for chosen in (best, tried))
        if then < now - 1e-12:
            best = tried
    return best


def naive_step2side(a: np.ndarray, b: np.ndarray, power: float) -> tuple[list[int], list[int]]:
    left: set[int] = set()
    right: set[int] = set()
    for turn in range(10):
        before = left
        left = naive_step(a, left, order_of(b, right), power)
        if turn and left == before:
            break
        before = right
        right = naive_step(b, right, order_of(a, left), power)
        if turn and right == before:
            break
    return order_of(a, left), order_of(b, right)


def random_pair(seed: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    points = generator.normal(size=(n, 3))
    moved = points + generator.normal(size=(n, 3)) * generator.choice([0.3, 3])
    return linkage(points, "average"), linkage(moved, "single")


def points(text: str) -> np.ndarray:
    return np.array([float(number) for number in text.split()]).reshape(2, 10, 3)


# What dendextend 1.16.0 under R 4.2.2 made of average linkage facing complete (FIRST) or single linkage (SECOND).
FIRST = points(
    """
    -0.1973 -1.1141 -0.0115 -0.4436 1.1661 0.6531 -0.0241 0.6684 -0.3399 1.0521 -0.0054 0.5834 -1.2909 0.3467
    -1.6882 -2.0353 -0.3045 -0.8999 0.1641 2.2448 -0.8317 -0.6239 0.2054 0.493 -0.1764 -0.2059 0.7025 0.5199 -1.0337
    -0.0792 0.0353 -1.0545 0.2598 -0.858 0.9721 0.1927 0.0893 -0.591 -0.1186 -1.9977 -1.1314 0.3628 -2.1286 0.8466
    -1.7461 0.7567 -0.8455 0.779 0.131 -1.5368 1.2491 1.4417 -0.0658 -0.2739 -0.1599 -0.9752 1.0986 -0.5429 -0.0512
    -0.7933
    """
)
SECOND = points(
    """
    -1.0714 -0.9935 1.684 0.397 -1.9199 -0.5187 -0.4658 -0.3505 0.63 0.6582 1.3225 -1.8907 0.2837 -0.2127 -1.0669
    0.8288 -1.3313 -1.3915 1.6036 0.4002 0.8121 1.3027 -1.2824 1.3609 0.0983 0.5316 0.8025 0.634 -0.3827 -0.0161
    0.1622 1.0535 -2.2062 1.4157 -0.9288 2.1781 0.4846 1.758 -0.2227 1.7376 0.4269 0.4245 0.4638 -2.4856 -1.4761
    -1.6162 0.0913 -0.2164 0.8303 0.3595 1.2496 -0.6993 0.3585 -0.4968 -1.1635 -1.7735 -0.0979 -0.9295 -0.5397
    -0.9694
    """
)
DENDEXTEND = {
    "none": ("6 4 5 7 8 1 2 3 0 9", "7 0 2 5 6 8 3 4 1 9", 0.497716503625),
    "step1side": ("6 7 8 2 1 0 9 3 5 4", "7 0 2 5 6 8 3 4 1 9", 0.408614679152),
    "step2side": ("6 7 8 2 1 0 9 3 5 4", "7 6 8 5 2 0 1 9 4 3", 0.173595564322),
    "labels": ("6 4 5 7 8 1 2 3 0 9", "7 5 6 8 2 0 4 1 9 3", 0.285279862498),
    "ladderize": ("7 8 1 2 0 9 3 4 5 6", "6 8 5 0 2 7 1 9 4 3", 0.571586418941),
}


class TestDendextend:
    @pytest.mark.parametrize("method", DENDEXTEND)
    def test_leaf_orders(self, method: str) -> None:
        left, right = untangle(linkage(FIRST[0], "average"), linkage(FIRST[1], "complete"), method)
        expected_left, expected_right, tangled = DENDEXTEND[method]
        assert left.tolist() == [int(i) for i in expected_left.split()]
        assert right.tolist() == [int(i) for i in expected_right.split()]
        assert entanglement(left, right) == pytest.approx(tangled)

    def test_stops_when_one_side_stands_still(self) -> None:
        """Going on here would lower the entanglement from 0.33 to 0.09; dendextend stops."""
        left, right = untangle(linkage(SECOND[0], "average"), linkage(SECOND[1], "single"))
        assert left.tolist() == [3, 4, 9, 1, 5, 0, 2, 8, 6, 7]
        assert right.tolist() == [4, 0, 1, 3, 6, 2, 9, 5, 7, 8]
        assert entanglement(left, right) == pytest.approx(0.3276856991433669)


class TestEntanglement:
    @given(st.permutations(list("abcdefgh")), st.permutations(list("abcdefgh")), st.sampled_from([0.5, 1, 1.5, 2, 3]))
    @settings(max_examples=60)
    def test_against_the_definition(self, left: list[str], right: list[str], power: float) -> None:
        numbers = {name: i for i, name in enumerate("abcdefgh")}
        expected = naive_entanglement([numbers[x] for x in left], [numbers[x] for x in right], power)
        assert entanglement(left, right, L=power) == pytest.approx(expected, abs=1e-12)
        assert entanglement(right, left, L=power) == pytest.approx(expected, abs=1e-12)
        assert entanglement(left[::-1], right[::-1], L=power) == pytest.approx(expected, abs=1e-12)
        if power >= 1:
            assert expected <= 1 + 1e-12

    def test_equal_and_mirrored_orders(self) -> None:
        for n in (2, 3, 10, 11):
            names = [f"class {i}" for i in range(n)]
            for power in (0, 1, 1.5, 40):
                assert entanglement(names, names, L=power) == 0
                assert entanglement(names, names[::-1], L=power) == pytest.approx(1)

    def test_power_zero_counts_lines_that_are_not_horizontal(self) -> None:
        assert entanglement([1, 2, 3], [2, 3, 1], L=0) == pytest.approx(1.5)

    def test_huge_power_stays_finite(self) -> None:
        names = list(range(3000))
        assert 0 <= entanglement(names, names[1:] + names[:1], L=400) <= 1

    def test_one_name_and_none(self) -> None:
        assert entanglement(["cat"], ["cat"]) == 0
        assert math.isnan(entanglement([], []))

    def test_arrays_and_lists_mix(self) -> None:
        assert entanglement(np.array([2, 0, 1]), [2, 0, 1]) == 0
        assert entanglement(np.array(["a", "b"]), ["b", "a"]) == 1

    def test_names_must_match(self) -> None:
        with pytest.raises(AnalysisError, match="'dog'"):
            entanglement(["cat", "bird"], ["cat", "dog"])
        with pytest.raises(AnalysisError, match="'bird'"):
            entanglement(["cat", "bird"], ["cat"])
        with pytest.raises(AnalysisError, match="twice"):
            entanglement(["cat", "cat"], ["cat", "dog"])
        with pytest.raises(AnalysisError, match="twice"):
            entanglement(["cat", "dog"], ["cat", "cat"])

    @pytest.mark.parametrize("power", [-1, math.nan, math.inf, "1"])
    def test_impossible_powers(self, power: float) -> None:
        with pytest.raises(AnalysisError, match="L = "):
            entanglement([1, 2], [2, 1], L=power)


class TestUntangle:
    @pytest.mark.parametrize("seed", range(25))
    def test_steps_against_whole_evaluations(self, seed: int) -> None:
        a, b = random_pair(seed, 2 + seed % 8)
        power = (1, 1.5, 2)[seed % 3]
        left, right = untangle(a, b, "step2side", L=power)
        assert (left.tolist(), right.tolist()) == naive_step2side(a, b, power)
        one, fixed = untangle(a, b, "step1side", L=power)
        assert one.tolist() == order_of(a, naive_step(a, set(), order_of(b, set()), power))
        assert fixed.tolist() == order_of(b, set())

    @pytest.mark.parametrize("seed", range(4))
    def test_between_the_start_and_the_best_of_all_layouts(self, seed: int) -> None:
        a, b = random_pair(seed, 5)
        layouts = [set(np.flatnonzero(turned).tolist()) for turned in product([False, True], repeat=4)]
        best = min(naive_entanglement(order_of(a, p), order_of(b, q), 1.5) for p in layouts for q in layouts)
        start = entanglement(*untangle(a, b, "none"))
        assert best - 1e-12 <= entanglement(*untangle(a, b)) <= start + 1e-12

    @given(st.integers(0, 10_000), st.integers(2, 25), st.sampled_from(UNTANGLE_METHODS))
    @settings(max_examples=60)
    def test_orders_are_layouts_of_their_trees(self, seed: int, n: int, method: str) -> None:
        """Every clade stays together, so the order is one that turning nodes can give."""
        trees = random_pair(seed, n)
        for Z, order in zip(trees, untangle(*trees, method), strict=True):
            assert sorted(order.tolist()) == list(range(n))
            place = np.argsort(order)
            below = [[i] for i in range(n)]
            for first, second in Z[:, :2].astype(int):
                below.append(below[first] + below[second])
                assert np.ptp(place[below[-1]]) == len(below[-1]) - 1

    @given(st.integers(0, 10_000), st.integers(2, 25))
    @settings(max_examples=40)
    def test_steps_never_tangle_more(self, seed: int, n: int) -> None:
        a, b = random_pair(seed, n)
        none, one, two = (entanglement(*untangle(a, b, method)) for method in ("none", "step1side", "step2side"))
        assert two <= one + 1e-12 and one <= none + 1e-12

    def test_starts_from_the_leaf_orders_of_scipy(self) -> None:
        a, b = random_pair(1, 30)
        left, right = untangle(a, b, "none")
        assert left.tolist() == leaves_list(a).tolist()
        assert right.tolist() == leaves_list(b).tolist()

    def test_a_turned_copy_is_untangled_completely(self) -> None:
        a, _ = random_pair(2, 40)
        turned = a.copy()
        turned[::2, :2] = turned[::2, 1::-1]
        for method in ("step1side", "step2side", "labels"):
            assert entanglement(*untangle(a, turned, method)) == 0

    def test_ladderize_puts_more_leaves_on_top_and_looks_at_one_tree_only(self) -> None:
        a = np.array([[0, 1, 1.0, 2], [2, 5, 2.0, 3], [3, 4, 2.5, 2], [7, 6, 3.0, 5]])
        left, right = untangle(a, a[:, [1, 0, 2, 3]], "ladderize")
        assert left.tolist() == [0, 1, 2, 3, 4]
        assert right.tolist() == [1, 0, 2, 4, 3]  # equal counts keep their order

    def test_labels_sorts_by_the_mean_of_the_children(self) -> None:
        """The node over 2 and (0, 3) has the value (1 + 2.5) / 2 = 1.75, not the mean 2 of its three leaves."""
        a = np.array([[1, 2, 1.0, 2], [4, 0, 2.0, 3], [5, 3, 3.0, 4]])  # order 1 2 0 3: places 2 0 1 3
        b = np.array([[3, 0, 1.0, 2], [4, 2, 2.0, 3], [5, 1, 3.0, 4]])
        left, right = untangle(a, b, "labels")
        assert left.tolist() == [1, 2, 0, 3]
        assert right.tolist() == [1, 2, 0, 3]

    @pytest.mark.parametrize("method", UNTANGLE_METHODS)
    def test_one_and_two_classes(self, method: str) -> None:
        one, two = np.zeros((0, 4)), np.array([[0, 1, 1.0, 2]])
        assert [order.tolist() for order in untangle(one, one, method)] == [[0], [0]]
        left, right = untangle(two, two[:, [1, 0, 2, 3]], method)
        assert sorted(left.tolist()) == sorted(right.tolist()) == [0, 1]
        if method not in ("none", "ladderize"):
            assert left.tolist() == right.tolist()

    def test_all_heights_tied(self) -> None:
        star = np.array([[0, 1, 1.0, 2], [4, 2, 1.0, 3], [5, 3, 1.0, 4]])
        assert entanglement(*untangle(star, star)) == 0

    def test_bad_input(self) -> None:
        a, b = random_pair(0, 5)
        with pytest.raises(AnalysisError, match="'random' is no way to untangle"):
            untangle(a, b, "random")
        with pytest.raises(AnalysisError, match="5 classes and the second 6"):
            untangle(a, random_pair(0, 6)[0])
        with pytest.raises(AnalysisError, match="L = -2"):
            untangle(a, b, L=-2)

    @pytest.mark.parametrize("method", UNTANGLE_METHODS)
    def test_chains_of_three_thousand(self, method: str) -> None:
        growing = linkage(np.cumsum(np.arange(3000.0))[:, None], "single")
        shrinking = linkage(np.cumsum(np.arange(3000.0)[::-1])[:, None], "single")
        left, right = untangle(growing, shrinking, method)
        assert 0 <= entanglement(left, right) <= 1

    def test_a_thousand_leaves_take_two_seconds_at_most(self) -> None:
        generator = np.random.default_rng(0)
        a, b = linkage(generator.normal(size=(1000, 9)), "average"), linkage(generator.normal(size=(1000, 9)), "ward")
        start = time.process_time()
        untangle(a, b)
        assert time.process_time() - start < 2
