"""The sentences and the table for every situation."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from lwal_core.analysis.base.formatting import inline_label
from lwal_core.analysis.comparison.speed import Comparison, compare
from lwal_core.analysis.comparison.verdict import disagreement, finding_title, verdict
from lwal_core.analysis.comparison.verdict_table import difference_text, summary_table
from tests.unit.analysis.comparison.small_curves import LWAL, ONE_HOT, SLOW, curve, runs, three_methods

nan = math.nan


@pytest.fixture(scope="module")
def comparison() -> Comparison:
    return three_methods()


class TestVerdict:
    def test_the_usual_case(self, comparison: Comparison) -> None:
        assert verdict(comparison, "nearest class mean") == (
            "Predicting by nearest class mean, LwAL reaches one-hot's best accuracy (90.0 %) after 1.7 ± 0.6 epochs "
            "where one-hot needs 3.3 ± 0.6 (n=3); LwAL10 never does within 4 epochs. Median epochs to 50, 75, 90 "
            "and 95 % of it: 1, 1, 1 and 2; one-hot 1, 2, 3 and 3. Getting there takes 5.0 ± 1.7 s of training against "
            "6.7 ± 1.2 s (no clear difference), and best accuracy shows no clear difference: "
            "+1.7 points (95 % interval −1.2 to 4.5 points, 3 paired seeds)."
        )
        assert finding_title(comparison) == "LwAL reaches 90.0 % after 1.7 epochs, one-hot after 3.3"

    def test_who_is_ahead_by_which_rule(self) -> None:
        head = compare({"One-hot": ONE_HOT, "LwAL": SLOW}, "One-hot")
        means = compare({"One-hot": ONE_HOT, "LwAL": LWAL}, "One-hot")
        readings = {"the rule each method is used with": head, "nearest class mean": means, "own predictor": head}
        assert verdict(head, "nearest class mean", readings).endswith(
            "Whether LwAL or one-hot is ahead in best accuracy depends on the rule of prediction: one-hot by the rule each "
            "method is used with (−20 points), by own predictor (−20 points); LwAL by nearest class mean (+1.7 points)."
        )
        assert disagreement({"a": head, "b": head}) == disagreement({}) == ""
        assert disagreement({"a": compare({"One-hot": ONE_HOT}, "One-hot")}) == ""

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
            "LwAL reaches one-hot's best accuracy (90.0 %) after 1 epoch where one-hot needs 3 (n=1). "
            "Median epochs to 50, 75, 90 and 95 % of it: 1, 1, 1 and 1; one-hot 1, 2, 3 and 3. Getting there takes 3 s of training "
            "against 6 s, and best accuracy differs by +1 point in the one shared seed: "
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
        assert "after 5 epochs where one-hot needs 3.5 ± 0.7 (n=2, too few seeds to tell)" in verdict(found)

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
        assert [row["Method"] for row in rows] == ["One-hot", "LwAL", "LwAL10"]
        assert rows[0]["Best against baseline"] == "baseline"
        assert rows[2]["Epochs to target"] == "not reached within 4 epochs"
        assert rows[2]["Median epochs to target"] == "not reached"
        assert rows[1]["Reached target"] == "3 of 3"
        assert rows[1]["Epochs to target"] == "1.7 ± 0.6 epochs (n=3)"
        assert rows[1]["Median epochs to target"] == "2"
        assert all(all(row.values()) for row in rows)

    def test_rows_have_the_same_columns_where_one_rule_alone_has_a_chosen_epoch(self, comparison: Comparison) -> None:
        chosen = compare({"LwAL": [replace(run, validation=run.accuracy) for run in LWAL]}, "One-hot")
        rows = summary_table({"as used": chosen, "nearest class mean": comparison})
        assert len({tuple(row) for row in rows}) == 1 and "At chosen epoch" in rows[0]
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
