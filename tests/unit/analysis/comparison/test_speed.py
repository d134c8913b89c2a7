"""Comparisons of curves worked out by hand."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lwal_core.analysis.comparison.curve import Curve
from lwal_core.analysis.comparison.speed import Comparison, compare, reach
from lwal_core.analysis.comparison.verdict import verdict
from lwal_core.analysis.comparison.verdict_table import summary_table
from lwal_core.errors import AnalysisError
from tests.unit.analysis.comparison.small_curves import LWAL, ONE_HOT, SLOW, curve, quick, runs, three_methods

nan = math.nan


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


@pytest.fixture(scope="module")
def comparison() -> Comparison:
    return three_methods()


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

    def test_the_first_leads_and_the_rest_are_ordered_by_who_gets_there(self) -> None:
        groups = {"One-hot": ONE_HOT, "LwAL10": SLOW, "slow too": SLOW, "LwAL": LWAL}
        found = compare(groups, "One-hot")
        assert [score.label for score in found.others] == ["LwAL10", "LwAL", "slow too"]
        learned = {**groups, "LwAL": [dataclasses.replace(each, learned=True) for each in LWAL]}
        found = compare(learned, "One-hot")
        assert found.lead is found.groups["LwAL"] and found.others[0] is found.lead
        assert compare({"One-hot": ONE_HOT}, "One-hot").lead is None

    def test_shares_of_the_target_tell_a_head_start_from_a_win(self) -> None:
        early = runs("LwAL", [0.1, 0.7, 0.75, 0.75, 0.75], [0.2, 0.7, 0.7, 0.75, 0.75], [0.1, 0.6, 0.8, 0.8, 0.8])
        found = compare({"One-hot": ONE_HOT, "LwAL": early}, "One-hot")
        # By hand: targets 0.9, 0.92, 0.88; 50 % is passed after epoch 1, 75 % after 1, 1, 2, 90 % never, never, 2.
        assert found.groups["LwAL"].early_epochs == (1, 1, math.inf, math.inf)
        assert found.groups["LwAL"].reached == 0
        assert compare({"LwAL": early}, "One-hot").groups["LwAL"].early_epochs == ()

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
        assert found.notes == ("LwAL: 1 of 4 runs has no measured accuracy yet and is left out.",)

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
        base = [curve([0.1, 0.9], seed, "One-hot", second=1.0) for seed in (0, 1, 2)]
        ours = [curve([0.1, 0.9], seed, second=second) for seed, second in ((0, 2.0), (1, 0.5), (2, 1.0))]
        ratio = compare({"One-hot": base, "LwAL": ours}, "One-hot").groups["LwAL"].time_ratio
        assert ratio.mean == pytest.approx(1.0) and ratio.n == 3
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


class TestChosenEpoch:
    """Test accuracy at the epoch that the validation part chooses, beside the best on the test set."""

    def run(self, seed: int, accuracy: list[float], validation: list[float] | None = None) -> Curve:
        count = len(accuracy)
        return Curve(
            run_id=f"m-{seed}", group="g", seed=seed, epoch=np.arange(count), accuracy=np.array(accuracy),
            samples=np.arange(count) * 10.0, seconds=np.arange(count) * 1.0,
            validation=None if validation is None else np.array(validation), method_label="m",
        )  # fmt: skip

    def test_it_is_that_of_the_first_epoch_with_the_highest_validation_accuracy(self):
        both = {
            "one-hot": [self.run(s, [0.9, 0.5, 0.6, 0.8], [0.99, 0.4, 0.7, 0.7]) for s in (1, 2, 3)],
            "LwAL": [self.run(s, [0.1, 0.7, 0.6, 0.5], [0.0, 0.2, np.nan, 0.9]) for s in (1, 2, 3)],
        }
        result = compare(both, "one-hot")
        base, lead = result.groups["one-hot"], result.groups["LwAL"]
        assert base.values("chosen").tolist() == [0.6] * 3  # epoch 2: the untrained network is never chosen
        assert base.runs[0].chosen_epoch == 2 and lead.runs[0].chosen_epoch == 3
        assert lead.values("chosen").tolist() == [0.5] * 3 and lead.values("best").tolist() == [0.7] * 3
        assert base.has_choice and lead.has_choice
        assert lead.chosen_difference.mean == pytest.approx(-0.1)
        assert lead.best_difference.mean == pytest.approx(-0.2)

    def test_one_run_without_a_part_leaves_the_difference_open(self):
        both = {
            "one-hot": [self.run(s, [0.1, 0.5], [0.1, 0.4]) for s in (1, 2)],
            "LwAL": [self.run(1, [0.1, 0.6], [0.1, 0.4]), self.run(2, [0.1, 0.6])],
        }
        lead = compare(both, "one-hot").groups["LwAL"]
        assert not lead.has_choice and lead.chosen_difference.n == 0
        assert lead.chosen_difference.reason == "not every seed has a validation part"
