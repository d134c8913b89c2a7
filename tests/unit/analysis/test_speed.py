"""Curves worked out by hand, intervals against scipy, and the sentences for every situation."""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lwal_core.analysis.bands import band, common_grid, smooth
from lwal_core.analysis.curve import Curve
from lwal_core.analysis.formatting import inline_label
from lwal_core.analysis.intervals import (
    bootstrap_interval,
    censored_median,
    paired_difference,
    student_interval,
)
from lwal_core.analysis.speed import Comparison, compare, reach
from lwal_core.analysis.verdict import finding_title, verdict
from lwal_core.analysis.verdict_table import difference_text, summary_table
from lwal_core.errors import AnalysisError

nan = math.nan
quick = settings(max_examples=30, deadline=None)  # a shared machine may pause in the middle of an example


def curve(
    accuracy: Sequence[float], seed: int = 0, label: str = "LwAL", *, second: float = 2.0, **more: object
) -> Curve:
    """A run with epochs 0, 1, ..., 100 samples and ``second`` seconds an epoch."""
    epoch = np.arange(len(accuracy), dtype=float)
    values = {"epoch": epoch, "samples": 100 * epoch, "seconds": second * epoch, **more}
    return Curve(f"{label}-{seed}", label, label, seed, accuracy=np.array(accuracy, dtype=float), **values)  # type: ignore[arg-type]


def runs(label: str, *accuracies: Sequence[float], second: float = 2.0, first_seed: int = 0) -> list[Curve]:
    return [curve(a, seed, label, second=second) for seed, a in enumerate(accuracies, start=first_seed)]


class TestCurve:
    def test_keeps_its_own_read_only_floats(self) -> None:
        given_accuracy = np.array([0.1, 0.2])
        made = Curve("r", "g", "LwAL", 1, np.array([0, 1]), given_accuracy, np.array([0, 10]), np.array([0, 1]))
        given_accuracy[0] = 0.9
        assert made.accuracy[0] == 0.1
        assert made.epoch.dtype == np.float64
        assert np.isnan(made.push).all()
        with pytest.raises(ValueError, match="read-only"):
            made.accuracy[0] = 1

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"accuracy": [0.1]}, "accuracy has shape"),
            ({"accuracy": [10.0, 97.8]}, "ranges from 10 to 97.8"),
            ({"epoch": [1, 1]}, "epochs do not increase"),
            ({"epoch": [0, nan]}, "epochs do not increase"),
            ({"seconds": [2, 1]}, "seconds run backwards"),
            ({"push": [1, 2, 3]}, "push has shape"),
            ({"epoch": [], "accuracy": [], "samples": [], "seconds": []}, "epoch has shape"),
        ],
    )
    def test_refuses(self, change: dict[str, object], message: str) -> None:
        columns = {"epoch": [0, 1], "accuracy": [0.1, 0.2], "samples": [0, 1], "seconds": [0, 1], **change}
        with pytest.raises(AnalysisError, match=message):
            Curve("r", "g", "LwAL", 0, **columns)  # type: ignore[arg-type]


class TestReach:
    def test_first_epoch_at_or_above(self) -> None:
        found = reach(curve([0.1, 0.5, 0.8, 0.7, 0.9]), 0.8)
        assert (found.epoch, found.samples, found.seconds, found.reached, found.last_epoch) == (2, 200, 4, True, 4)

    def test_nothing_is_interpolated(self) -> None:
        assert reach(curve([0.0, 1.0]), 0.5).epoch == 1

    def test_untrained_network_counts(self) -> None:
        assert reach(curve([0.85, 0.9]), 0.84).epoch == 0

    def test_never_is_censored_at_the_last_measured_epoch(self) -> None:
        found = reach(curve([0.1, 0.5, 0.6, nan]), 0.8)
        assert (found.reached, found.last_epoch) == (False, 2)
        assert math.isnan(found.epoch) and math.isnan(found.seconds)

    def test_unmeasured_epochs_are_passed_over(self) -> None:
        assert reach(curve([0.1, nan, 0.9]), 0.8).epoch == 2

    def test_nothing_measured(self) -> None:
        found = reach(curve([nan, nan]), 0.8)
        assert not found.reached and math.isnan(found.last_epoch)

    def test_a_tie_that_differs_by_the_rounding_of_a_mean_is_a_tie(self) -> None:
        target = float(np.mean([0.1 + 0.2, 0.3, 0.3]))
        assert target > 0.3
        assert reach(curve([0.0, 0.3]), target).reached

    def test_no_clock(self) -> None:
        found = reach(curve([0.1, 0.9], seconds=[nan, nan]), 0.8)
        assert found.epoch == 1 and math.isnan(found.seconds)

    def test_nan_target(self) -> None:
        with pytest.raises(AnalysisError, match="target accuracy is nan"):
            reach(curve([0.1]), nan)

    @quick
    @given(st.lists(st.integers(0, 500), min_size=1, max_size=12), st.integers(0, 500), st.integers(0, 499))
    def test_adding_a_constant_to_both_changes_nothing(self, counts: list[int], goal: int, more: int) -> None:
        accuracy = np.array(counts) / 1000
        here = reach(curve(accuracy), goal / 1000)
        there = reach(curve(accuracy + more / 1000), goal / 1000 + more / 1000)
        assert (here.reached, here.last_epoch) == (there.reached, there.last_epoch)
        np.testing.assert_equal(here.epoch, there.epoch)

    @quick
    @given(st.lists(st.integers(0, 100), min_size=1, max_size=12), st.integers(0, 100), st.integers(0, 100))
    def test_a_higher_target_is_never_reached_sooner(self, counts: list[int], one: int, two: int) -> None:
        made = curve(np.array(counts) / 100)
        low, high = (reach(made, goal / 100) for goal in sorted((one, two)))
        assert not high.reached or (low.reached and low.epoch <= high.epoch)


class TestBand:
    def test_unequal_lengths_and_holes_against_the_statistics_module(self) -> None:
        group = runs("LwAL", [0.1, 0.5, 0.7, 0.8], [0.2, nan, 0.9], [0.3, 0.6])
        found = band(group)
        columns = [[0.1, 0.2, 0.3], [0.5, 0.6], [0.7, 0.9], [0.8]]
        assert found.x.tolist() == [0, 1, 2, 3]
        assert found.n.tolist() == [3, 2, 2, 1]
        np.testing.assert_allclose(found.mean, [statistics.fmean(c) for c in columns])
        np.testing.assert_allclose(found.sd, [*(statistics.stdev(c) for c in columns[:3]), nan])
        np.testing.assert_allclose(found.low, found.mean - found.sd)
        assert math.isnan(found.low[3]) and math.isnan(found.high[3])

    def test_range_band(self) -> None:
        found = band(runs("LwAL", [0.1, 0.5], [0.2, 0.4], [0.3, nan]), kind="minmax")
        assert found.low.tolist() == [0.1, 0.4]
        assert found.high.tolist() == [0.3, 0.5]

    def test_interval_band_against_scipy(self) -> None:
        from scipy import stats

        values = [0.31, 0.35, 0.42, 0.4]
        found = band([curve([v], seed) for seed, v in enumerate(values)], kind="interval")
        expected = stats.ttest_1samp(values, 0).confidence_interval(0.95)
        np.testing.assert_allclose([found.low[0], found.high[0]], [expected.low, expected.high])

    def test_seconds_are_read_along_straight_lines_and_end_with_the_run(self) -> None:
        fast, slow = curve([0.0, 0.4], second=1.0), curve([0.0, 0.8], seed=1, second=4.0)
        found = band([fast, slow], x="seconds")
        assert found.x.tolist() == [0, 1, 4]
        assert found.n.tolist() == [2, 2, 1]
        np.testing.assert_allclose(found.mean, [0.0, (0.4 + 0.2) / 2, 0.8])

    def test_one_seed_keeps_its_points_and_has_no_band(self) -> None:
        found = band([curve([0.1, 0.5, 0.4])], x="seconds", kind="minmax")
        assert found.x.tolist() == [0, 2, 4]
        assert found.mean.tolist() == [0.1, 0.5, 0.4]
        assert np.isnan(found.low).all() and np.isnan(found.sd).all()

    def test_a_given_grid_and_a_long_one(self) -> None:
        group = [curve(np.linspace(0, 1, 400), seed, second=1 + seed / 7) for seed in range(3)]
        assert common_grid(group).size == 500
        found = band(group, x="seconds", grid=[0.0, 0.5, 1e9])
        assert found.n.tolist() == [3, 3, 0]
        assert math.isnan(found.mean[2])

    def test_other_quantities(self) -> None:
        found = band([curve([0.1, 0.2], push=[nan, 0.3])], quantity="push")
        assert (found.x.tolist(), found.mean.tolist()) == ([1], [0.3])

    @pytest.mark.parametrize("x", ["epoch", "samples", "seconds"])
    def test_nothing_to_show(self, x: str) -> None:
        for group in ([], [curve([nan, nan])]):
            found = band(group, x=x)  # type: ignore[arg-type]
            assert not found.n.any() and found.x.size == found.mean.size == 0

    def test_unknown_choice(self) -> None:
        with pytest.raises(AnalysisError, match="'steps'"):
            band([], x="steps")  # type: ignore[arg-type]

    @quick
    @given(st.lists(st.lists(st.integers(0, 100), min_size=1, max_size=6), min_size=1, max_size=5), st.randoms())
    def test_order_does_not_matter_and_the_mean_lies_inside(self, counts: list[list[int]], random: object) -> None:
        group = [curve(np.array(c) / 100, seed) for seed, c in enumerate(counts)]
        mixed = list(group)
        random.shuffle(mixed)  # type: ignore[attr-defined]
        for kind in ("sd", "interval", "minmax"):
            one, two = band(group, kind=kind), band(mixed, kind=kind)
            np.testing.assert_allclose(one.mean, two.mean)
            np.testing.assert_allclose(one.high, two.high)
            several = one.n >= 2
            assert np.array_equal(np.isfinite(one.low), several)
            assert (one.low[several] <= one.mean[several] + 1e-12).all()
            assert (one.high[several] >= one.mean[several] - 1e-12).all()


class TestSmooth:
    @pytest.mark.parametrize("weight", [0.0, 0.3, 0.9])
    def test_against_weights_written_out(self, weight: float) -> None:
        y = [0.5, 1.0, nan, 0.2, 0.8]
        expected = []
        for i in range(len(y)):
            seen = [v for v in y[: i + 1] if not math.isnan(v)]
            weights = [weight ** (len(seen) - 1 - j) for j in range(len(seen))]
            mean = sum(w * v for w, v in zip(weights, seen, strict=True)) / sum(weights)
            expected.append(nan if math.isnan(y[i]) else mean)
        np.testing.assert_allclose(smooth(y, weight), expected)

    def test_does_not_touch_its_input(self) -> None:
        y = np.array([1.0, 0.0])
        smooth(y, 0.5)
        assert y.tolist() == [1, 0]

    @pytest.mark.parametrize("weight", [1.0, -0.1, nan])
    def test_refuses_a_weight(self, weight: float) -> None:
        with pytest.raises(AnalysisError, match="smoothing weight"):
            smooth([1.0], weight)

    @quick
    @given(st.lists(st.floats(-5, 5), max_size=20), st.floats(0, 0.99), st.floats(-5, 5))
    def test_adding_a_constant_shifts_the_result(self, y: list[float], weight: float, more: float) -> None:
        np.testing.assert_allclose(smooth(np.array(y) + more, weight), smooth(y, weight) + more, atol=1e-9)


class TestIntervals:
    @pytest.mark.parametrize("n", [2, 3, 5, 12])
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

    def test_one_value_has_no_interval(self) -> None:
        for function in (bootstrap_interval, student_interval):
            found = function([0.5])
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

    @pytest.mark.parametrize(("n", "clear"), [(2, False), (5, False), (6, True)])
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
            ({}, {}, 0, "no shared seeds"),
        ],
    )
    def test_too_few(self, group: dict[int, float], baseline: dict[int, float], n: int, reason: str) -> None:
        found = paired_difference(group, baseline)
        assert (found.n, found.reason, found.defined, found.clear) == (n, reason, False, False)
        assert found.undefined_text == f"undefined ({reason})"

    @quick
    @given(st.lists(st.floats(-1, 1), min_size=2, max_size=6), st.floats(-3, 3))
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


ONE_HOT = runs("One-hot", [0.1, 0.5, 0.7, 0.9, 0.8], [0.1, 0.4, 0.6, 0.7, 0.92], [0.1, 0.5, 0.7, 0.88, 0.88])
LWAL = runs("LwAL", [0.2, 0.9, 0.91, 0.9, 0.9], [0.2, 0.8, 0.93, 0.9, 0.91], [0.2, 0.8, 0.9, 0.91, 0.9], second=3.0)
SLOW = runs("LwAL10", [0.1, 0.3, 0.5, 0.6, 0.7], [0.1, 0.3, 0.5, 0.6, 0.7], [0.1, 0.3, 0.5, 0.6, 0.7])


@pytest.fixture(scope="module")
def comparison() -> Comparison:
    return compare({"One-hot": ONE_HOT, "LwAL10": SLOW, "LwAL": LWAL}, "One-hot")


class TestCompare:
    def test_figures_of_one_run(self, comparison: Comparison) -> None:
        run = comparison.groups["One-hot"].runs[0]
        assert (run.best, run.best_epoch, run.final, run.last_epoch) == (0.9, 3, 0.8, 4)
        assert run.mean == pytest.approx((0.5 + 0.7 + 0.9 + 0.8) / 4)
        assert run.area == pytest.approx((0.1 / 2 + 0.5 + 0.7 + 0.9 + 0.8 / 2) / 4)

    def test_target_is_the_best_of_the_baseline_with_the_same_seed(self, comparison: Comparison) -> None:
        assert comparison.groups["LwAL"].values("target").tolist() == [0.9, 0.92, 0.88]
        assert {run.target_from for run in comparison.groups["LwAL"].runs} == {"same seed"}
        assert comparison.groups["LwAL"].to_target().tolist() == [1, 2, 2]
        assert comparison.groups["LwAL"].to_target("seconds").tolist() == [3, 6, 6]
        assert comparison.groups["LwAL"].to_target("samples").tolist() == [100, 200, 200]

    def test_the_baseline_needs_its_own_epoch_of_best(self, comparison: Comparison) -> None:
        base = comparison.base
        assert base is not None
        assert base.to_target().tolist() == [3, 4, 3] == base.values("best_epoch").tolist()
        assert base.best_difference.reason == "this is the baseline"

    def test_differences_are_paired(self, comparison: Comparison) -> None:
        lwal = comparison.groups["LwAL"]
        np.testing.assert_allclose(lwal.best_difference.values, [0.01, 0.01, 0.03])
        np.testing.assert_allclose(lwal.final_difference.values, [0.1, -0.01, 0.02])
        np.testing.assert_allclose(lwal.epochs_difference.values, [-2, -2, -1])
        np.testing.assert_allclose(lwal.seconds_difference.values, [-3, -2, 0])

    def test_never_reached_is_censored(self, comparison: Comparison) -> None:
        slow = comparison.groups["LwAL10"]
        assert (slow.reached, slow.n, slow.median_epochs) == (0, 3, math.inf)
        assert np.isnan(slow.to_target()).all()
        assert slow.epochs_difference.undefined_text == "undefined (not every seed reached the target)"

    def test_others_are_ordered_by_who_gets_there(self, comparison: Comparison) -> None:
        assert [score.label for score in comparison.others] == ["LwAL", "LwAL10"]

    def test_seeds_that_the_baseline_lacks_are_measured_against_its_mean_best(self) -> None:
        found = compare({"One-hot": ONE_HOT[:2], "LwAL": LWAL}, "One-hot")
        assert found.groups["LwAL"].values("target").tolist() == pytest.approx([0.9, 0.92, 0.91])
        assert [run.target_from for run in found.groups["LwAL"].runs] == ["same seed", "same seed", "mean of bests"]
        assert found.groups["LwAL"].best_difference.seeds == (0, 1)
        assert any("1 of 3 seeds were not run with one-hot" in note for note in found.notes)

    def test_given_target(self) -> None:
        found = compare({"One-hot": ONE_HOT, "LwAL": LWAL}, "One-hot", target=0.91)
        assert found.groups["One-hot"].reached == 1
        assert found.groups["LwAL"].to_target().tolist() == [2, 2, 3]
        assert found.groups["One-hot"].median_epochs == math.inf

    @pytest.mark.parametrize("target", [0.0, -1.0, 97.8, nan])
    def test_refuses_a_target(self, target: float) -> None:
        with pytest.raises(AnalysisError, match="target accuracy is"):
            compare({}, "One-hot", target=target)

    def test_several_runs_of_one_seed_are_one_observation(self) -> None:
        twice = [*runs("LwAL", [0.1, 0.8]), *runs("LwAL", [0.1, 0.6])]
        found = compare({"One-hot": runs("One-hot", [0.1, 0.5]), "LwAL": twice}, "One-hot")
        assert found.groups["LwAL"].n == 2
        assert found.groups["LwAL"].best_difference.values.tolist() == pytest.approx([0.2])
        assert any("several runs of one seed" in note for note in found.notes)

    def test_runs_without_accuracy_are_left_out_and_said_so(self) -> None:
        found = compare({"One-hot": ONE_HOT, "LwAL": [*LWAL, curve([nan, nan], 7)]}, "One-hot")
        assert found.groups["LwAL"].n == 3
        assert found.notes == ("LwAL: 1 of 4 runs have no measured accuracy yet and are left out.",)

    def test_different_lengths_are_said(self) -> None:
        found = compare({"One-hot": ONE_HOT, "LwAL": runs("LwAL", [0.1, 0.9])}, "One-hot")
        assert "The groups were trained for different lengths: one-hot 4 epochs, LwAL 1 epoch." in found.notes

    def test_single_epoch_has_no_mean_and_no_area(self) -> None:
        run = compare({"LwAL": [curve([0.3])]}, "One-hot").groups["LwAL"].runs[0]
        assert math.isnan(run.mean) and math.isnan(run.area) and run.best == run.final == 0.3

    @quick
    @given(
        st.lists(st.lists(st.integers(0, 50), min_size=2, max_size=6), min_size=1, max_size=4),
        st.lists(st.lists(st.integers(0, 50), min_size=2, max_size=6), min_size=1, max_size=4),
        st.integers(0, 50),
    )
    def test_adding_a_constant_to_all_accuracies_changes_no_speed(
        self, base: list[list[int]], other: list[list[int]], more: int
    ) -> None:
        def scored(add: int) -> Comparison:
            made = {
                label: [curve((np.array(c) + add) / 100, seed, label) for seed, c in enumerate(rows)]
                for label, rows in (("One-hot", base), ("LwAL", other))
            }
            return compare(made, "One-hot")

        here, there = scored(0), scored(more)
        for label in ("One-hot", "LwAL"):
            np.testing.assert_array_equal(here.groups[label].to_target(), there.groups[label].to_target())
            np.testing.assert_allclose(
                here.groups[label].best_difference.values, there.groups[label].best_difference.values, atol=1e-12
            )
        assert verdict(here)  # a sentence for whatever comes


class TestVerdict:
    def test_the_usual_case(self, comparison: Comparison) -> None:
        assert verdict(comparison, "nearest class mean") == (
            "Predicting by nearest class mean, LwAL reaches one-hot's best accuracy (90.0 %) after 1.7 ± 0.6 epochs "
            "where one-hot needs 3.3 ± 0.6 (n=3); LwAL10 never does within 4 epochs. That takes 5.0 ± 1.7 s of "
            "training against 6.7 ± 1.2 s (no clear difference), and best accuracy shows no clear difference: "
            "+1.7 points (95 % interval −1.2 to 4.5 points, 3 paired seeds)."
        )
        assert finding_title(comparison) == "LwAL reaches 90.0 % after 1.7 epochs, one-hot after 3.3"

    def test_clear_difference_in_accuracy(self) -> None:
        better = runs("LwAL", [0.1, 0.5, 0.95], [0.1, 0.5, 0.96], [0.1, 0.5, 0.95])
        worse = runs("One-hot", [0.1, 0.5, 0.9], [0.1, 0.5, 0.91], [0.1, 0.5, 0.899])
        text = verdict(compare({"One-hot": worse, "LwAL": better}, "One-hot"))
        assert "best accuracy of LwAL is 5 points higher (95 % interval 4.9 to 5.2 points, 3 paired seeds)" in text
        text = verdict(compare({"One-hot": worse, "LwAL": better}, "LwAL"))
        assert text.startswith("One-hot never reaches LwAL's best accuracy (95.3 %) within 2 epochs (n=3). ")
        assert "Best accuracy of one-hot is 5 points lower (95 % interval −5.2 to −4.9 points, 3 paired seeds)." in text

    def test_one_seed_is_a_lead(self) -> None:
        found = compare({"One-hot": ONE_HOT[:1], "LwAL": LWAL[:1]}, "One-hot")
        assert verdict(found) == (
            "LwAL reaches one-hot's best accuracy (90.0 %) after 1 epoch where one-hot needs 3 (n=1). That takes 3 s "
            "of training against 6 s, and best accuracy differs by +1 point in the one shared seed: "
            "a lead, not a result."
        )
        assert finding_title(found) == "LwAL reaches 90.0 % after 1 epoch, one-hot after 3"

    def test_fewer_than_all_seeds_reach(self) -> None:
        some = runs("LwAL", [0.2, 0.9, 0.91], [0.2, 0.5, 0.6], [0.2, 0.8, 0.9])
        found = compare({"One-hot": ONE_HOT, "LwAL": some}, "One-hot")
        assert verdict(found).startswith(
            "LwAL reaches one-hot's best accuracy (90.0 %) in only 2 of 3 seeds, there after 1.5 ± 0.7 epochs where "
            "one-hot needs 3.3 ± 0.6. "
        )
        assert "They were trained for different lengths (one-hot 4 epochs, LwAL 2 epochs)" in verdict(found)
        assert finding_title(found) == "LwAL reaches one-hot's 90.0 % in 2 of 3 seeds"

    def test_nobody_reaches(self) -> None:
        found = compare({"One-hot": ONE_HOT, "LwAL10": SLOW}, "One-hot")
        start = "LwAL10 never reaches one-hot's best accuracy (90.0 %) within 4 epochs (n=3). "
        assert verdict(found).startswith(start)
        assert "takes" not in verdict(found)
        assert finding_title(found) == "LwAL10 does not reach one-hot's 90.0 % within 4 epochs"
        both = compare({"One-hot": ONE_HOT, "LwAL10": SLOW, "LwAL5": SLOW}, "One-hot")
        assert finding_title(both) == "No other method reaches one-hot's 90.0 % within 4 epochs"

    def test_tie(self) -> None:
        found = compare({"One-hot": ONE_HOT, "LwAL": ONE_HOT}, "One-hot")
        assert verdict(found).startswith(
            "LwAL reaches one-hot's best accuracy (90.0 %) after 3.3 ± 0.6 epochs, just as one-hot does (n=3)."
        )
        assert "no clear difference: 0 points" in verdict(found)
        assert finding_title(found) == "LwAL reaches 90.0 % after 3.3 epochs, as does one-hot"

    def test_slower_is_not_dressed_up(self) -> None:
        late = runs("LwAL", [0.1, 0.2, 0.3, 0.4, 0.5, 0.92], [0.1, 0.2, 0.3, 0.4, 0.5, 0.93])
        found = compare({"One-hot": ONE_HOT[:2], "LwAL": late}, "One-hot")
        assert "after 5 epochs where one-hot needs 3.5 ± 0.7 (n=2, no clear difference)" in verdict(found)

    def test_reached_before_any_training(self) -> None:
        head_start = runs("LwAL", [0.93, 0.95], [0.93, 0.95])
        found = compare({"One-hot": ONE_HOT[:2], "LwAL": head_start}, "One-hot")
        assert verdict(found).startswith(
            "LwAL has one-hot's best accuracy (91.0 %) before any training (epoch 0) "
            "where one-hot needs 3.5 ± 0.7 (n=2)."
        )
        assert finding_title(found) == "LwAL reaches 91.0 % before training, one-hot after 3.5"
        mixed = compare({"One-hot": ONE_HOT[:2], "LwAL": [head_start[0], LWAL[1]]}, "One-hot")
        assert "in 1 of 2 seeds before any training" in verdict(mixed)

    def test_a_baseline_that_never_learns_is_no_target(self) -> None:
        stuck = runs("One-hot", [0.2, 0.1, 0.1], [0.2, 0.1, 0.2])
        found = compare({"One-hot": stuck, "LwAL": LWAL[:2]}, "One-hot")
        assert verdict(found).startswith("One-hot is never better than its untrained network (20.0 % at epoch 0)")
        assert finding_title(found) == "One-hot never beats its untrained network"

    def test_no_baseline(self) -> None:
        found = compare({"LwAL": LWAL, "LwAL10": SLOW}, "One-hot")
        assert verdict(found, "nearest class mean") == (
            "Predicting by nearest class mean, no one-hot run is here to compare with, so whether it pays off is open. "
            "Best accuracy: LwAL 91.7 ± 1.2 % (n=3); LwAL10 70.0 ± 0 % (n=3)."
        )
        assert finding_title(found) == "LwAL: best accuracy 91.7 %, no baseline to compare with"
        aimed = compare({"LwAL": LWAL, "One-hot": []}, "One-hot", target=0.9)
        assert "LwAL reaches the target of 90.0 % after 1.7 ± 0.6 epochs (n=3)." in verdict(aimed)
        assert finding_title(aimed) == "LwAL reaches 90.0 % after 1.7 epochs"

    def test_baseline_alone_and_nothing_at_all(self) -> None:
        alone = compare({"One-hot": ONE_HOT}, "One-hot")
        assert verdict(alone) == (
            "One-hot is at its best, 90.0 ± 2.0 %, after 3.3 ± 0.6 epochs (n=3); "
            "there is no other method to compare it with yet."
        )
        assert finding_title(alone) == "One-hot: best accuracy 90.0 %"
        for nothing in (compare({}, "One-hot"), compare({"LwAL": [curve([nan])], "One-hot": []}, "One-hot")):
            assert verdict(nothing) == "No run has a measured accuracy yet, so there is nothing to compare."
            assert finding_title(nothing) == "Nothing to compare yet"

    def test_no_shared_seeds(self) -> None:
        elsewhere = runs("LwAL", [0.1, 0.95], [0.1, 0.96], first_seed=50)
        text = verdict(compare({"One-hot": ONE_HOT, "LwAL": elsewhere}, "One-hot"))
        assert text.startswith(
            "LwAL reaches one-hot's mean best accuracy (90.0 %) after 1 epoch where one-hot needs 3.3 ± 0.6 "
            "(n=2, one-hot n=3)."
        )
        assert "best accuracy is 95.5 ± 0.7 % (n=2) against 90.0 ± 2.0 % (n=3), with no shared seed to pair." in text

    def test_given_target_that_the_baseline_misses(self) -> None:
        text = verdict(compare({"One-hot": ONE_HOT, "LwAL": LWAL}, "One-hot", target=0.91))
        assert text.startswith(
            "LwAL reaches the target of 91.0 % after 2.3 ± 0.6 epochs, one-hot in only 1 of 3 seeds (n=3)."
        )
        title = finding_title(compare({"One-hot": ONE_HOT, "LwAL": LWAL}, "One-hot", target=0.91))
        assert title == "LwAL reaches 91.0 % after 2.3 epochs, one-hot in 1 of 3 seeds"
        never = compare({"One-hot": SLOW, "LwAL": LWAL}, "One-hot", target=0.9)
        assert "one-hot never within 4 epochs" in verdict(never)
        assert finding_title(never) == "LwAL reaches 90.0 % after 1.7 epochs, one-hot never"

    def test_many_groups_are_counted(self) -> None:
        groups = {"One-hot": ONE_HOT, **{f"LwAL{i}": LWAL for i in range(4)}, "a": SLOW, "b": SLOW}
        text = verdict(compare(groups, "One-hot"))
        assert "; of 3 more, 1 in every seed, 0 in some, 2 in none." in text

    def test_no_clock_no_seconds(self) -> None:
        silent = [curve(c.accuracy, c.seed, seconds=np.full(5, nan)) for c in LWAL]
        assert "takes" not in verdict(compare({"One-hot": ONE_HOT, "LwAL": silent}, "One-hot"))

    def test_labels_inside_a_sentence(self) -> None:
        assert [inline_label(text) for text in ("One-hot", "LwAL", "Anna's net", "Label smoothing")] == [
            "one-hot", "LwAL", "Anna's net", "label smoothing",
        ]  # fmt: skip


class TestTable:
    def test_rows(self, comparison: Comparison) -> None:
        rows = summary_table({"nearest class mean": comparison})
        assert [row["Method"] for row in rows] == ["One-hot", "LwAL10", "LwAL"]
        assert rows[0]["Best against baseline"] == "baseline"
        assert rows[1]["Epochs to target"] == "not reached within 4 epochs"
        assert rows[1]["Median epochs to target"] == "not reached by half"
        assert rows[2]["Reached target"] == "3 of 3"
        assert rows[2]["Epochs to target"] == "1.7 ± 0.6 epochs (n=3)"
        assert rows[2]["Median epochs to target"] == "2"
        assert all(all(row.values()) for row in rows)

    def test_censored_runs_are_counted(self) -> None:
        some = runs("LwAL", [0.2, 0.9], [0.2, 0.5], [0.2, 0.8])
        row = summary_table({"nearest class mean": compare({"One-hot": ONE_HOT, "LwAL": some}, "One-hot")})[1]
        assert row["Reached target"] == "1 of 3"
        assert row["Epochs to target"] == "1 epoch (n=1 of 3)"

    def test_without_baseline_or_with_one_seed_it_says_undefined(self) -> None:
        row = summary_table({"nearest class mean": compare({"LwAL": LWAL}, "One-hot")})[0]
        for column in ("Epochs to target", "Reached target", "Median epochs to target", "Seconds to target"):
            assert row[column] == "undefined (no baseline)"
        found = compare({"One-hot": ONE_HOT[:1], "LwAL": LWAL[:1]}, "One-hot")
        assert difference_text(found.groups["LwAL"].best_difference) == "+1 point, interval undefined (1 seed)"
        empty = summary_table({"nearest class mean": compare({"LwAL": []}, "One-hot")})[0]
        assert empty["Seeds"] == "0" and empty["Best accuracy"] == "undefined (no values)"


class TestOverheadAndMissingSeeds:
    def test_area_against_numpy(self) -> None:
        accuracy = [0.1, 0.5, 0.8, 0.6]
        run = compare({"LwAL": [curve(accuracy)]}, "One-hot").groups["LwAL"].runs[0]
        assert run.area == pytest.approx(np.trapezoid(accuracy) / 3)

    def test_samples_and_seconds_are_those_of_the_epoch(self) -> None:
        found = compare({"One-hot": ONE_HOT, "LwAL": LWAL}, "One-hot").groups["LwAL"]
        epochs = found.to_target("epoch")
        np.testing.assert_allclose(found.to_target("samples"), 100 * epochs)
        assert found.samples_difference.mean == pytest.approx(100 * found.epochs_difference.mean)

    def test_time_ratio_is_geometric_and_paired(self) -> None:
        base = [curve([0.1, 0.9], seed, "One-hot", second=1.0) for seed in (0, 1)]
        ours = [curve([0.1, 0.9], seed, second=second) for seed, second in ((0, 2.0), (1, 0.5))]
        ratio = compare({"One-hot": base, "LwAL": ours}, "One-hot").groups["LwAL"].time_ratio
        assert ratio.mean == pytest.approx(1.0) and ratio.n == 2
        assert ratio.interval.low < 1 < ratio.interval.high

    def test_no_clock_no_ratio(self) -> None:
        ours = [curve([0.1, 0.9], 0, seconds=[nan, nan])]
        ratio = compare({"One-hot": runs("One-hot", [0.1, 0.9]), "LwAL": ours}, "One-hot").groups["LwAL"].time_ratio
        assert ratio.n == 0 and ratio.logs.undefined_text.startswith("undefined")

    def test_seeds_that_only_the_baseline_has_are_said(self) -> None:
        found = compare(
            {"One-hot": runs("One-hot", [0.1, 0.9], [0.1, 0.8]), "LwAL": runs("LwAL", [0.1, 0.9])}, "One-hot"
        )
        assert "LwAL was not run with seed 1, which one-hot has; not paired." in found.notes
        assert found.groups["LwAL"].best_difference.seeds == (0,)

    def test_parameters_and_label_work(self) -> None:
        base = [curve([0.1, 0.9], 0, "One-hot", parameters=1000)]
        ours = [curve([0.1, 0.9], 0, parameters=1031, label_share=0.042)]
        rows = summary_table({"own predictor": compare({"LwAL": ours, "One-hot": base}, "One-hot")})
        assert [row["Parameters added"] for row in rows] == ["1,000 (baseline)", "+31 (+3.10 %)"]
        assert [row["Label work in a step"] for row in rows] == ["not measured", "4.20 % (n=1)"]
