"""Intervals against scipy, the censored median by hand."""

from __future__ import annotations

import itertools
import math
import statistics

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lwal_core.analysis.comparison.intervals import (
    bootstrap_interval,
    censored_median,
    paired_difference,
    student_interval,
)
from lwal_core.errors import AnalysisError
from tests.unit.analysis.comparison.small_curves import quick

nan = math.nan


class TestIntervals:
    @pytest.mark.parametrize("n", [3, 5, 12])
    def test_bootstrap_against_scipy(self, n: int) -> None:
        from scipy import stats

        values = np.random.default_rng(n).normal(0.4, 1, n)
        ours = bootstrap_interval(values)
        theirs = stats.bootstrap(
            (values,), np.mean, n_resamples=9999, method="percentile", rng=np.random.default_rng(1)
        ).confidence_interval
        close = 0.05 * (theirs.high - theirs.low)
        assert ours.low == pytest.approx(theirs.low, abs=close)
        assert ours.high == pytest.approx(theirs.high, abs=close)

    def test_bootstrap_against_all_resamples(self) -> None:
        values = [0.1, 0.4, -0.3, 0.9]
        means = sorted(statistics.fmean(draw) for draw in itertools.product(values, repeat=4))
        ours = bootstrap_interval(values)
        assert ours.low == pytest.approx(np.quantile(means, 0.025), abs=0.03)
        assert ours.high == pytest.approx(np.quantile(means, 0.975), abs=0.03)

    def test_bootstrap_of_three_is_their_range(self) -> None:
        found = bootstrap_interval([0.1, 0.4, 0.2])
        assert (found.low, found.high) == pytest.approx((0.1, 0.4))

    def test_student_against_scipy(self) -> None:
        from scipy import stats

        values = [0.1, 0.4, 0.2]
        expected = stats.ttest_1samp(values, 0).confidence_interval(0.95)
        found = student_interval(values)
        assert (found.low, found.high) == pytest.approx((expected.low, expected.high))

    @pytest.mark.parametrize("values", [[], [0.5], [0.5, 0.6]])
    def test_fewer_than_three_values_have_no_interval(self, values: list[float]) -> None:
        for function in (bootstrap_interval, student_interval):
            found = function(values)
            assert not found.defined and not found.excludes_zero and math.isnan(found.width)

    def test_refuses(self) -> None:
        with pytest.raises(AnalysisError, match="finite numbers"):
            bootstrap_interval([0.1, nan])
        with pytest.raises(AnalysisError, match=r"got 1\.5"):
            student_interval([0.1, 0.2], level=1.5)

    def test_bootstrap_alone_does_not_make_a_difference_clear(self) -> None:
        # Three seeds of one sign: the bootstrap leaves out 0, Student's interval does not.
        found = paired_difference({1: 0.11, 2: 0.13, 3: 0.19}, {1: 0.1, 2: 0.1, 3: 0.1})
        assert found.bootstrap.excludes_zero and not found.student.excludes_zero
        assert not found.clear
        assert found.interval is found.student

    def test_clear(self) -> None:
        found = paired_difference({1: 0.2, 2: 0.21, 3: 0.205}, {1: 0.1, 2: 0.1, 3: 0.1, 4: 0.1})
        assert found.seeds == (1, 2, 3)
        assert found.clear

    @pytest.mark.parametrize(("n", "clear"), [(3, False), (5, False), (6, True)])
    def test_equal_differences_need_six_seeds(self, n: int, clear: bool) -> None:
        found = paired_difference(dict.fromkeys(range(n), 0.3), dict.fromkeys(range(n), 0.2))
        assert found.interval.width == pytest.approx(0)
        assert found.clear is clear

    def test_no_difference_at_all_is_never_clear(self) -> None:
        same = dict.fromkeys(range(10), 0.3)
        assert not paired_difference(same, same).clear

    @pytest.mark.parametrize(
        ("group", "baseline", "n", "reason"),
        [
            ({1: 0.5}, {2: 0.4}, 0, "no shared seeds"),
            ({1: 0.5, 2: nan}, {1: 0.4, 2: 0.4}, 1, "1 seed"),
            ({1: 0.5, 2: 0.6}, {1: 0.4, 2: 0.49}, 2, "2 seeds are too few"),
            ({}, {}, 0, "no shared seeds"),
        ],
    )
    def test_too_few(self, group: dict[int, float], baseline: dict[int, float], n: int, reason: str) -> None:
        found = paired_difference(group, baseline)
        assert (found.n, found.reason, found.defined, found.clear) == (n, reason, False, False)
        assert found.undefined_text == f"undefined ({reason})"

    @quick
    @given(st.lists(st.floats(-1, 1), min_size=3, max_size=6), st.floats(-3, 3))
    def test_adding_a_constant_shifts_both_intervals(self, values: list[float], more: float) -> None:
        for function in (bootstrap_interval, student_interval):
            here, there = function(values), function(np.array(values) + more)
            assert (there.low, there.high) == pytest.approx((here.low + more, here.high + more), abs=1e-9)


class TestCensoredMedian:
    @pytest.mark.parametrize(
        ("times", "happened", "median"),
        [
            ([3, 5, 9], [1, 1, 1], 5),
            ([3, 5, 9, 11], [1, 1, 1, 1], 7),
            ([3, 5, 10], [1, 1, 0], 5),
            ([3, 10, 10], [1, 0, 0], math.inf),
            ([4, 10], [1, 0], math.inf),
            ([10, 10], [0, 0], math.inf),
            ([0], [1], 0),
            # Kaplan-Meier by hand: 4/5 at 2, then 4/5 * 2/3 = 8/15 at 6 (the run censored at 5 has left), 4/15 at 7.
            ([2, 5, 6, 7, 9], [1, 0, 1, 1, 0], 7),
        ],
    )
    def test_by_hand(self, times: list[int], happened: list[int], median: float) -> None:
        assert censored_median(times, happened) == median

    def test_nobody(self) -> None:
        assert math.isnan(censored_median([], []))

    def test_refuses(self) -> None:
        with pytest.raises(AnalysisError, match="same runs"):
            censored_median([1, 2], [True])

    @quick
    @given(st.lists(st.integers(0, 20), min_size=1, max_size=9))
    def test_without_censoring_it_is_the_median(self, times: list[int]) -> None:
        assert censored_median(times, [True] * len(times)) == pytest.approx(statistics.median(times))

    @quick
    @given(st.lists(st.tuples(st.integers(0, 9), st.booleans()), min_size=1, max_size=8))
    def test_against_the_survival_curve_of_scipy(self, rows: list[tuple[int, bool]]) -> None:
        from scipy import stats

        times, happened = [t for t, _ in rows], [h for _, h in rows]
        found = censored_median(times, happened)
        if not any(happened):
            assert found == math.inf
            return
        sample = stats.CensoredData.right_censored(np.array(times, float), ~np.array(happened))
        survival = stats.ecdf(sample).sf
        if found == math.inf:
            assert survival.evaluate(np.array([99.0]))[0] > 0.5 - 1e-9
        else:
            before, after = survival.evaluate(np.array([found - 1e-6, found]))
            assert before >= 0.5 - 1e-9 and after <= 0.5 + 1e-9
