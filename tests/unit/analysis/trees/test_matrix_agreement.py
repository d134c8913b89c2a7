"""Agreement with a matrix: scipy's correlations, Mantel's test by all permutations, the ceiling by a loop."""

from __future__ import annotations

import math
from itertools import permutations

import numpy as np
import pytest
from scipy.stats import kendalltau, pearsonr, spearmanr

from lwal_core.analysis.trees.matrix_agreement import matrix_agreement
from lwal_core.errors import AnalysisError


def distances(seed: int, n: int, noise: float = 0.0) -> np.ndarray:
    generator = np.random.default_rng(seed)
    points = np.random.default_rng(0).normal(size=(n, 3)) + noise * generator.normal(size=(n, 3))
    return np.linalg.norm(points[:, None] - points, axis=2)


def pairs(matrix: np.ndarray) -> np.ndarray:
    return matrix[np.triu_indices(len(matrix), 1)]


@pytest.mark.parametrize("ties", [False, True])
def test_correlations_are_scipys(ties: bool) -> None:
    a, b = distances(1, 9), distances(2, 9, 0.8)
    b = np.round(b) if ties else b
    found = matrix_agreement(a, b, shuffles=0)
    assert found.spearman == pytest.approx(spearmanr(pairs(a), pairs(b)).statistic)
    assert found.kendall == pytest.approx(kendalltau(pairs(a), pairs(b)).statistic)
    assert found.pearson == pytest.approx(pearsonr(pairs(a), pairs(b)).statistic)
    assert math.isnan(found.p) and found.ceiling is None


def test_p_is_close_to_that_of_all_permutations() -> None:
    a, b = distances(1, 6), distances(2, 6, 0.8)
    every = [spearmanr(pairs(a), pairs(b[np.ix_(order, order)])).statistic for order in permutations(range(6))]
    expected = np.mean(np.array(every) >= every[0] - 1e-12)
    assert 0.01 < expected < 0.3
    assert matrix_agreement(a, b, shuffles=4_000).p == pytest.approx(expected, abs=0.02)


def test_classes_that_say_nothing_of_each_other_are_not_found() -> None:
    generator = np.random.default_rng(5)
    noise = generator.normal(size=(12, 12))
    assert matrix_agreement(distances(1, 12), noise + noise.T).p > 0.05
    assert matrix_agreement(distances(1, 12), distances(1, 12)).p == pytest.approx(1 / 1_000)


def test_the_ceiling_is_a_loop_over_repeats() -> None:
    repeats = np.stack([distances(seed, 8, 0.5) for seed in (1, 2, 3, 4)])
    ranks = [spearman_ranks(pairs(each)) for each in repeats]
    low = np.mean([spearmanr(r, np.sum([o for o in ranks if o is not r], axis=0)).statistic for r in ranks])
    high = np.mean([spearmanr(r, np.sum(ranks, axis=0)).statistic for r in ranks])
    found = matrix_agreement(distances(9, 8, 0.5), repeats, shuffles=0)
    assert found.ceiling is not None and found.ceiling == (pytest.approx(low), pytest.approx(high))
    assert found.ceiling.lower < found.ceiling.upper < 1
    mean = np.mean([spearmanr(pairs(distances(9, 8, 0.5)), pairs(each)).statistic for each in repeats])
    assert found.spearman == pytest.approx(mean)


def spearman_ranks(values: np.ndarray) -> np.ndarray:
    return np.array([np.sum(values < v) + (np.sum(values == v) + 1) / 2 for v in values])


def test_what_has_no_order_is_undefined() -> None:
    flat = np.ones((5, 5)) - np.eye(5)
    assert all(math.isnan(value) for value in matrix_agreement(flat, distances(1, 5))[:4])
    assert math.isnan(matrix_agreement(distances(1, 2), distances(1, 2)).spearman)


def test_what_does_not_fit_is_refused() -> None:
    for other in (distances(1, 4), np.ones((0, 5, 5)), np.full((5, 5), np.nan)):
        with pytest.raises(AnalysisError):
            matrix_agreement(distances(1, 5), other)
