"""Kendall's tau per class: against scipy, a loop over pairs of pairs, every permutation, and degenerate classes."""

from __future__ import annotations

import math
import time
from itertools import permutations

import numpy as np
import pytest
from scipy.spatial.distance import pdist, squareform
from scipy.stats import kendalltau

from lwal_core.analysis.trees import (
    kendall_tau_by_class,
    kendall_tau_ceiling,
    kendall_tau_null,
    kendall_tau_permutation_p,
)
from lwal_core.errors import AnalysisError
from tests.unit.analysis.trees.slow_loops import naive_tau


class TestKendall:
    def test_against_scipy(self) -> None:
        generator = np.random.default_rng(5)
        for n in (3, 4, 7, 20, 150):
            for values in (2, 4, 1000):
                a, b = generator.integers(0, values, (n, n)), generator.integers(0, 6, (n, n))
                with np.errstate(all="ignore"):
                    expected = [kendalltau(np.delete(a[i], i), np.delete(b[i], i)).statistic for i in range(n)]
                assert kendall_tau_by_class(a, b) == pytest.approx(expected, abs=1e-12, nan_ok=True)

    def test_against_pairs_of_pairs(self) -> None:
        generator = np.random.default_rng(6)
        a, b = squareform(pdist(generator.integers(0, 3, (9, 2)))), squareform(pdist(generator.normal(size=(9, 2))))
        for i, tau in enumerate(kendall_tau_by_class(a, b)):
            assert tau == pytest.approx(naive_tau(list(np.delete(a[i], i)), list(np.delete(b[i], i))), nan_ok=True)

    def test_few_classes_are_undefined(self) -> None:
        for n in (1, 2):
            assert np.isnan(kendall_tau_by_class(np.zeros((n, n)), np.ones((n, n)))).all()
            assert np.isnan(kendall_tau_ceiling(np.ones((n, n)))).all()
            assert math.isnan(kendall_tau_permutation_p(np.ones((n, n)), np.ones((n, n))))
            assert math.isnan(kendall_tau_null(np.ones((n, n))).mean)
        three = squareform([1.0, 2.0, 3.0])
        assert kendall_tau_by_class(three, three).tolist() == [1, 1, 1]

    def test_one_hot_labels_are_undefined(self) -> None:
        one_hot = squareform(pdist(np.eye(6))) * (1 + 1e-15 * np.arange(6))
        other = squareform(pdist(np.random.default_rng(0).normal(size=(6, 3))))
        assert np.isnan(kendall_tau_by_class(other, one_hot)).all()
        assert np.isnan(kendall_tau_ceiling(one_hot)).all()
        assert math.isnan(kendall_tau_permutation_p(other, one_hot))
        assert math.isnan(kendall_tau_null(one_hot).quantile95)

    def test_only_the_constant_row_is_undefined(self) -> None:
        a = squareform(pdist(np.array([[0.0, 0.0], [1.0, 0.0], [-1.0, 0.0], [0.0, 1.0]])))  # class 0 is in the middle
        b = squareform(pdist(np.random.default_rng(0).normal(size=(4, 3))))
        assert np.isnan(kendall_tau_by_class(a, b)).tolist() == [True, False, False, False]

    def test_absent_class_is_left_out_of_every_row(self) -> None:
        generator = np.random.default_rng(2)
        a, b = (squareform(pdist(generator.normal(size=(8, 3)))) for _ in range(2))
        gone = b.copy()
        gone[5] = gone[:, 5] = math.nan
        keep = np.arange(8) != 5
        found = kendall_tau_by_class(a, gone)
        assert math.isnan(found[5])
        assert found[keep] == pytest.approx(kendall_tau_by_class(a[np.ix_(keep, keep)], b[np.ix_(keep, keep)]))
        everyone = kendall_tau_by_class(a, np.full((8, 8), math.nan))
        assert np.isnan(everyone).all()
        stray = b.copy()
        stray[1, 2] = math.nan
        with pytest.raises(AnalysisError, match="not finite"):
            kendall_tau_by_class(a, stray)

    def test_ceiling_is_reached_and_not_passed(self) -> None:
        generator = np.random.default_rng(4)
        taxonomy = squareform(pdist(np.repeat(np.arange(4.0), 3)[:, None]))
        ceiling = kendall_tau_ceiling(taxonomy)
        refined = taxonomy + generator.uniform(0, 0.1, (12, 12))
        assert kendall_tau_by_class(taxonomy, refined) == pytest.approx(ceiling)
        assert (kendall_tau_by_class(taxonomy, generator.uniform(size=(12, 12))) <= ceiling).all()

    def test_permutation_p_against_every_permutation(self) -> None:
        generator = np.random.default_rng(8)
        points = generator.normal(size=(5, 2))
        a, b = squareform(pdist(points)), squareform(pdist(points + generator.normal(0, 0.8, (5, 2))))

        def mean_tau(order: tuple[int, ...]) -> float:
            moved = b[np.ix_(order, order)]
            return float(np.mean([kendalltau(np.delete(a[i], i), np.delete(moved[i], i)).statistic for i in range(5)]))

        values = [mean_tau(order) for order in permutations(range(5))]
        exact = float(np.mean([value >= values[0] - 1e-12 for value in values]))
        assert kendall_tau_permutation_p(a, b, permutations=1500) == pytest.approx(exact, abs=0.05)

    def test_seeds_are_shuffled_together(self) -> None:
        generator = np.random.default_rng(3)
        a, b, hops = (squareform(pdist(generator.normal(size=(5, 2)))) for _ in range(3))
        flat = squareform(np.ones(10))  # says nothing, so it changes nothing

        def score(order: tuple[int, ...]) -> float:
            shuffled = hops[np.ix_(order, order)]
            return float(np.mean([kendall_tau_by_class(each, shuffled).mean() for each in (a, b)]))

        observed = score(tuple(range(5)))
        exact = np.mean([score(order) >= observed - 1e-12 for order in permutations(range(5))])
        assert kendall_tau_permutation_p([a, b, flat], hops, 2000) == pytest.approx(exact, abs=0.03)
        assert kendall_tau_permutation_p([a, a], hops, 99) == kendall_tau_permutation_p(a, hops, 99)
        absent = a.copy()
        absent[0], absent[:, 0] = math.nan, math.nan
        for wrong in ([a, absent], np.zeros((0, 5, 5))):
            with pytest.raises(AnalysisError, match="same classes"):
                kendall_tau_permutation_p(wrong, hops, 99)

    def test_permutation_p_is_calibrated_and_reproducible(self) -> None:
        generator = np.random.default_rng(9)
        a, b = (squareform(pdist(generator.normal(size=(12, 4)))) for _ in range(2))
        assert kendall_tau_permutation_p(a, a, permutations=199) == 1 / 200
        p = kendall_tau_permutation_p(a, b, permutations=199, seed=1)
        assert p == kendall_tau_permutation_p(a, b, permutations=199, seed=1)
        assert 0.005 <= p <= 1

    def test_bad_input(self) -> None:
        with pytest.raises(AnalysisError, match=r"\(3, 3\) and \(4, 4\)"):
            kendall_tau_by_class(np.zeros((3, 3)), np.zeros((4, 4)))
        with pytest.raises(AnalysisError, match="must be"):
            kendall_tau_ceiling(np.zeros(6))
        with pytest.raises(AnalysisError, match="permutations = 0"):
            kendall_tau_permutation_p(np.ones((4, 4)), np.ones((4, 4)), permutations=0)
        with pytest.raises(AnalysisError, match="draws = 1"):
            kendall_tau_null(np.ones((4, 4)), draws=1)

    def test_a_thousand_classes_take_a_second_at_most(self) -> None:
        a, b = (squareform(pdist(points)) for points in np.random.default_rng(0).normal(size=(2, 1000, 10)))
        start = time.process_time()
        kendall_tau_by_class(a, b)
        assert time.process_time() - start < 1.5  # 1 s is the budget; the rest is for a slow machine
