"""Distance against confusion of pairs of classes: rates by loops, the correlation by scipy, the test by all shuffles."""

from __future__ import annotations

import itertools
import math
import time

import numpy as np
import pytest
from scipy.stats import spearmanr

from lwal_core.analysis.trees.distance_vs_confusion import SHUFFLES, pair_confusions, rank_correlation, shuffles_for
from lwal_core.errors import AnalysisError


def made_up(n: int, seed: int = 0, most: int = 5) -> tuple[np.ndarray, np.ndarray]:
    """Counts with ties and zeros, and distances with ties."""
    generator = np.random.default_rng(seed)
    counts = generator.integers(0, most, (n, n)) + np.diag(generator.integers(5, 20, n))
    points = 3 * generator.integers(0, 4, (n, 2)) + np.arange(n)[:, None]
    return counts, np.abs(points[:, None] - points).sum(axis=2).astype(float)  # whole numbers, so that ties are exact


@pytest.mark.parametrize("n", [2, 3, 7])
@pytest.mark.parametrize("directed", [False, True])
def test_rates_against_a_loop(n: int, directed: bool) -> None:
    counts, away = made_up(n)
    counts[n - 1] = 0  # a class without test samples
    found = pair_confusions(counts, away, directed=directed)
    expected = []
    for i in range(n):
        for j in range(n):
            if i == j or (not directed and j < i):
                continue
            n_i, n_j = sum(counts[i]), sum(counts[j])
            wrong = counts[i][j] + (0 if directed else counts[j][i])
            of = n_i + (0 if directed else n_j)
            rate = wrong / of if n_i and n_j else math.nan
            expected.append((i, j, away[i][j], wrong, of, rate))
    columns = (found.first, found.second, found.distances, found.mistakes, found.samples, found.rates)
    np.testing.assert_allclose(np.array(columns).T, np.array(expected))
    assert found.without == (n - 1,) and found.classes == n
    assert found.defined.tolist() == [k for k, row in enumerate(expected) if not math.isnan(row[-1])]


@pytest.mark.parametrize("n", [3, 5, 12])
@pytest.mark.parametrize("directed", [False, True])
def test_the_correlation_is_scipys_also_with_ties(n: int, directed: bool) -> None:
    for seed in range(5):
        pairs = pair_confusions(*made_up(n, seed, most=3), directed=directed)
        found = rank_correlation(pairs, shuffles=0)
        assert found.rho == pytest.approx(spearmanr(pairs.distances, pairs.rates).statistic, abs=1e-12)
        assert found.pairs == len(pairs.rates) and math.isnan(found.p) and found.shuffles == 0


def test_classes_without_test_samples_are_left_out() -> None:
    counts, away = made_up(8)
    counts[[2, 5]] = 0
    pairs = pair_confusions(counts, away)
    kept = [i for i in range(8) if i not in (2, 5)]
    rates, distances = [], []
    for i, j in itertools.combinations(kept, 2):
        rates.append((counts[i, j] + counts[j, i]) / (counts[i].sum() + counts[j].sum()))
        distances.append(away[i, j])
    found = rank_correlation(pairs, shuffles=20)
    assert found.rho == pytest.approx(spearmanr(distances, rates).statistic)
    assert found.pairs == 15 and 1 / 21 <= found.p <= 1


@pytest.mark.parametrize("directed", [False, True])
def test_the_p_value_is_the_share_of_all_shuffles(directed: bool) -> None:
    """With 5 classes all 120 shuffles can be tried; random ones must come near their share."""
    for seed in range(3):
        counts, away = made_up(5, seed)
        pairs = pair_confusions(counts, away, directed=directed)
        rates = np.full((5, 5), np.nan)
        rates[pairs.first, pairs.second] = pairs.rates
        if not directed:
            rates = np.where(np.isnan(rates), rates.T, rates)
        off = ~np.eye(5, dtype=bool)
        at_least = 0
        observed = abs(spearmanr(away[off], rates[off]).statistic)
        for shuffle in itertools.permutations(range(5)):
            there = away[np.ix_(shuffle, shuffle)]
            at_least += abs(spearmanr(there[off], rates[off]).statistic) >= observed - 1e-9
        found = rank_correlation(pairs, shuffles=20_000)
        assert found.p == pytest.approx(at_least / 120, abs=0.02)


def test_near_classes_that_are_confused_and_chance() -> None:
    generator = np.random.default_rng(0)
    points = generator.normal(size=(20, 3))
    away = np.linalg.norm(points[:, None] - points, axis=2)
    counts = np.round(200 * np.exp(-2 * away)).astype(int)
    found = rank_correlation(pair_confusions(counts, away))
    assert found.rho < -0.8 and found.p == 1 / 1000 and found.shuffles == 999
    assert rank_correlation(pair_confusions(counts.T, away)) == found  # the sum of both directions
    ps = []
    for seed in range(60):
        other = np.random.default_rng(seed + 1).poisson(1, (12, 12)) + 20 * np.eye(12)
        ps.append(rank_correlation(pair_confusions(other, away[:12, :12]), shuffles=99).p)
    assert 0.3 < np.mean(ps) < 0.7 and np.mean(np.array(ps) <= 0.1) < 0.25  # about uniform


def test_pairs_are_no_independent_values() -> None:
    """One class far off and confused with all: 19 pairs say the same thing, and the test knows that it is one class."""
    n = 20
    away = np.ones((n, n)) + np.random.default_rng(0).uniform(0, 0.01, (n, n))
    away = (away + away.T) / 2
    counts = np.eye(n) * 50
    away[0], away[:, 0], counts[0, 1:] = 3, 3, 5
    pairs = pair_confusions(counts, away)
    assert spearmanr(pairs.distances, pairs.rates).pvalue < 1e-10
    assert 0.01 < rank_correlation(pairs).p < 0.15  # one of twenty classes


@pytest.mark.parametrize(
    ("counts", "away", "reason"),
    [
        ([[3]], [[0]], "1 class"),
        ([[3, 1], [0, 2]], [[0, 1], [1, 0]], "2 classes"),
        (np.eye(4) * 9, made_up(4)[1], "no mistakes"),
        (made_up(4)[0], 1 - np.eye(4), "all classes are equally far apart"),
        (np.ones((4, 4)), made_up(4)[1], "all pairs are confused equally often"),
        (np.zeros((4, 4)), made_up(4)[1], "0 classes"),
        (np.diag([4, 4, 0, 0]), made_up(4)[1], "2 classes"),
    ],
)
def test_undefined_is_said(counts: object, away: object, reason: str) -> None:
    found = rank_correlation(pair_confusions(counts, away))  # type: ignore[arg-type]
    assert math.isnan(found.rho) and math.isnan(found.p) and found.reason == reason and found.shuffles == 0


def test_three_classes() -> None:
    away = np.array([[0, 1, 2], [1, 0, 3], [2, 3, 0.0]])
    found = rank_correlation(pair_confusions([[9, 3, 2], [0, 9, 1], [0, 0, 9]], away))
    assert found.rho == pytest.approx(-1) and found.pairs == 3
    assert found.p == pytest.approx(1 / 3, abs=0.06)  # in two of six orders it is 1 or -1


def test_the_most_confused_pairs() -> None:
    counts = np.diag([10] * 4)
    counts[0, 1], counts[2, 3], counts[1, 2] = 5, 5, 2
    away = np.array([[0, 9, 1, 1], [9, 0, 1, 1], [1, 1, 0, 2], [1, 1, 2, 0.0]])
    pairs = pair_confusions(counts, away)
    named = [(int(pairs.first[k]), int(pairs.second[k])) for k in pairs.most_confused(10)]
    assert named == [(2, 3), (0, 1), (1, 2)]  # equally often: the nearer first; never confused: left out
    assert len(pairs.most_confused(1)) == 1


def test_shuffles_by_number_of_classes() -> None:
    assert [shuffles_for(n) for n in (3, 100, 101, 400, 401, 1_000, 1_001)] == [999, 999, 199, 199, 99, 99, 0]
    assert [most for most, _ in SHUFFLES] == sorted(most for most, _ in SHUFFLES)


def test_speed() -> None:
    """Every pair confused, which is the slowest case."""
    generator = np.random.default_rng(0)
    for n, shuffles, seconds in (
        (1_000, 0, 2.0),
        (100, None, 4.0),
    ):  # twice what is promised: another machine is slower
        points = generator.normal(size=(n, 8))
        away = np.linalg.norm(points[:, None] - points, axis=2)
        counts = generator.integers(1, 50, (n, n))
        start = time.process_time()
        rank_correlation(pair_confusions(counts, away), shuffles)
        assert time.process_time() - start < seconds


@pytest.mark.parametrize(
    ("counts", "away", "says"),
    [
        ([[1, 2]], [[0]], "square"),
        (np.zeros((0, 0)), np.zeros((0, 0)), "square"),
        ([[1, -1], [0, 1]], [[0, 1], [1, 0]], "below 0"),
        ([[1, math.nan], [0, 1]], [[0, 1], [1, 0]], "not finite"),
        ([[1, 0], [0, 1]], [[0]], "shape"),
        ([[1, 0], [0, 1]], [[0, math.nan], [1, 0]], "not finite"),
        ([[1, 0], [0, 1]], [[0, 1], [2, 0]], "direction"),
    ],
)
def test_refused_with_a_reason(counts: object, away: object, says: str) -> None:
    with pytest.raises(AnalysisError, match=says):
        pair_confusions(counts, away)  # type: ignore[arg-type]
    with pytest.raises(AnalysisError, match="shuffles"):
        rank_correlation(pair_confusions([[1]], [[0]]), -1)
