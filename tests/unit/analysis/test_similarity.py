"""Similarity of representations: against definitions by loops, scipy's Procrustes analysis, and invariants."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial import procrustes
from scipy.stats import ortho_group

from lwal_core.analysis.similarity import linear_cka, neighbour_overlap, procrustes_distance
from lwal_core.errors import AnalysisError

SCORES = (linear_cka, procrustes_distance, neighbour_overlap)
SAME = {linear_cka: 1.0, procrustes_distance: 0.0, neighbour_overlap: 1.0}


def pair(seed: int, n: int = 12, first: int = 4, second: int = 7) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    X = generator.normal(size=(n, first)) * 3 + 5
    Y = X @ generator.normal(size=(first, second)) + 0.7 * generator.normal(size=(n, second))
    return X, Y


def loop_cka(X: np.ndarray, Y: np.ndarray) -> float:
    """HSIC by its sums over pairs of samples: the mean of the products of doubly centred inner products."""

    def centred(V: np.ndarray) -> list[list[float]]:
        n = len(V)
        inner = [[sum(a * b for a, b in zip(v, w, strict=True)) for w in V] for v in V]
        rows = [sum(row) / n for row in inner]
        whole = sum(rows) / n
        return [[inner[i][j] - rows[i] - rows[j] + whole for j in range(n)] for i in range(n)]

    def hsic(K: list[list[float]], L: list[list[float]]) -> float:
        n = len(K)
        return sum(K[i][j] * L[j][i] for i in range(n) for j in range(n)) / (n - 1) ** 2

    K, L = centred(X), centred(Y)
    return hsic(K, L) / math.sqrt(hsic(K, K) * hsic(L, L))


def loop_overlap(X: np.ndarray, Y: np.ndarray, k: int) -> float:
    def near(V: np.ndarray, i: int) -> set[int]:
        others = [j for j in range(len(V)) if j != i]
        return set(sorted(others, key=lambda j: math.dist(V[i], V[j]))[:k])

    return float(np.mean([len(near(X, i) & near(Y, i)) / k for i in range(len(X))]))


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(3, 12), st.integers(1, 9), st.integers(1, 9))
def test_cka_is_its_definition_for_wide_and_narrow_sets(seed: int, n: int, first: int, second: int) -> None:
    X, Y = pair(seed, n, first, second)
    assert linear_cka(X, Y) == pytest.approx(loop_cka(X, Y), abs=1e-9)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(3, 12), st.integers(1, 6))
def test_procrustes_distance_follows_from_scipys_disparity(seed: int, n: int, width: int) -> None:
    X, Y = pair(seed, n, width, width)
    disparity = procrustes(X, Y)[2]
    assert procrustes_distance(X, Y) == pytest.approx(math.sqrt(2 - 2 * math.sqrt(1 - disparity)), abs=1e-7)


def test_procrustes_distance_of_other_widths_is_that_with_zeros_beside() -> None:
    X, Y = pair(3)
    filled = np.hstack([X, np.zeros((len(X), Y.shape[1] - X.shape[1]))])
    assert procrustes_distance(X, Y) == pytest.approx(procrustes_distance(filled, Y), abs=1e-12)


@pytest.mark.parametrize("k", [1, 3, 10])
def test_neighbour_overlap_is_a_loop_over_samples(k: int) -> None:
    X, Y = pair(5, n=30)
    assert 0 < loop_overlap(X, Y, k) < 1
    assert neighbour_overlap(X, Y, k) == pytest.approx(loop_overlap(X, Y, k))


@pytest.mark.parametrize("score", SCORES)
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), scale=st.sampled_from([1e-150, 1e-3, 7.0, 1e150]))
def test_rotation_reflection_shift_and_scale_change_nothing(score, seed: int, scale: float) -> None:  # type: ignore[no-untyped-def]
    X, Y = pair(seed, n=15)
    turned = scale * ((Y - 3) @ ortho_group.rvs(Y.shape[1], random_state=seed))
    assert score(X, turned) == pytest.approx(score(X, Y), abs=1e-6)
    assert score(Y, turned) == pytest.approx(SAME[score], abs=1e-6)


@pytest.mark.parametrize("score", SCORES)
def test_the_order_of_the_two_does_not_matter(score) -> None:  # type: ignore[no-untyped-def]
    X, Y = pair(9)
    assert score(X, Y) == pytest.approx(score(Y, X), abs=1e-12)


def test_unrelated_sets_have_what_chance_gives() -> None:
    generator = np.random.default_rng(0)
    X, Y = generator.normal(size=(400, 5)), generator.normal(size=(400, 5))
    assert linear_cka(X, Y) < 0.05
    assert procrustes_distance(X, Y) > 1.2
    assert neighbour_overlap(X, Y, 20) == pytest.approx(20 / 399, abs=0.02)


@pytest.mark.parametrize("score", SCORES)
@pytest.mark.parametrize("empty", [np.zeros((0, 3)), np.ones((1, 3)), np.full((5, 3), 0.1), np.zeros((5, 0))])
def test_sets_without_spread_are_undefined(score, empty: np.ndarray) -> None:  # type: ignore[no-untyped-def]
    assert math.isnan(score(empty, np.random.default_rng(0).normal(size=(len(empty), 2))))


@pytest.mark.parametrize("score", SCORES)
@pytest.mark.parametrize(
    ("X", "Y"),
    [(np.ones((3, 2)), np.ones((4, 2))), (np.ones(3), np.ones(3)), (np.array([[1.0], [np.nan]]), np.ones((2, 1)))],
)
def test_what_cannot_be_compared_is_refused(score, X: np.ndarray, Y: np.ndarray) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(AnalysisError):
        score(X, Y)


@pytest.mark.parametrize("k", [0, -1, 1.5, True])
def test_a_number_of_neighbours_is_whole_and_positive(k) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(AnalysisError, match="neighbours"):
        neighbour_overlap(*pair(0), k=k)
