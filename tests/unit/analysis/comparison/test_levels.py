"""When levels are learned, paired over seeds, and what is said of it."""

from __future__ import annotations

import numpy as np
import pytest

from lwal_core.analysis.comparison.levels import LevelCurves, level_table


def run(seed: int, coarse: int, fine: int, groups: tuple[int, ...] = (2, 4)) -> LevelCurves:
    """A run whose levels jump from 0.2 to 1 at these epochs, of 0 to 9."""
    epoch = np.arange(10.0)
    accuracy = np.array([np.where(epoch >= at, 1.0, 0.2) for at in (coarse, fine)])
    return LevelCurves(seed, groups, epoch, accuracy, np.full(accuracy.shape, np.nan))


def test_epochs_are_paired_by_seed() -> None:
    ours = [run(1, 1, 4), run(2, 2, 6), run(3, 1, 5), run(7, 9, 9)]
    base = [run(3, 3, 5), run(1, 4, 6), run(2, 4, 6)]
    table = level_table({"One-hot": base, "LwAL": ours}, "One-hot")
    assert table is not None and table.titles == ("2 groups", "4 classes")
    assert table.against_baseline("LwAL", 0).values.tolist() == [-3, -2, -2]
    assert table.against_baseline("LwAL", 1).values.tolist() == [-2, 0, 0]
    assert table.classes_after_groups("LwAL").values.tolist() == [3, 4, 4, 0]
    rows = table.rows()
    assert [row["To the baseline"] for row in rows[:2]] == ["baseline", "baseline"]
    assert rows[2]["To the baseline"].startswith("2.33 epochs earlier (95 % interval of the difference ")
    assert rows[0]["Epochs to 90 % of its final accuracy"] == "3.7 ± 0.6 epochs (n=3)"


@pytest.mark.parametrize(
    ("apart", "said"),
    [
        ([2, 2, 3], "get to 90 % of their final accuracy 2.33 epochs later than the 2 groups (95 % interval"),
        ([-1, -1, -2], "1.33 epochs earlier than the 2 groups (95 % interval of the difference"),
        ([0, 0, 0], "in the same epoch as the 2 groups (in each of 3 paired seeds)"),
        ([2, -2, 3], "3 paired seeds, not clear)"),
        ([2, -2, 0], "in the mean in the same epoch as the 2 groups (95 % interval"),
        ([1], "1 epoch later than the 2 groups (1 paired seed, too few for an interval)"),
        ([1, 2], "1.5 epochs later than the 2 groups (2 paired seeds, too few for an interval)"),
    ],
)
def test_the_answer_says_no_more_than_its_numbers(apart: list[int], said: str) -> None:
    runs = {"LwAL": [run(seed, 3, 3 + later) for seed, later in enumerate(apart)]}
    table = level_table(runs, "One-hot")
    assert table is not None and said in table.answer() and "Beside" not in table.answer()


def test_the_answer_is_about_the_method_that_leads_and_beside_the_baseline() -> None:
    runs = {"One-hot": [run(s, 3, 5) for s in range(3)], "Cosine head": [run(s, 0, 0) for s in range(3)],
            "LwAL": [run(s, 1, 5) for s in range(3)]}  # fmt: skip
    table = level_table(runs, "One-hot")
    assert table is not None and table.answer("LwAL") == (
        "With LwAL the 4 classes get to 90 % of their final accuracy 4 epochs later than the 2 groups (in each of 3 paired seeds). "
        "Beside one-hot: the 2 groups 2 epochs earlier (in each of 3 paired seeds); the 4 classes in the same epoch (in each of 3 "
        "paired seeds)."
    )
    assert table.answer().startswith("With cosine head") and table.answer("nobody") == table.answer()


def test_runs_with_other_levels_are_left_out() -> None:
    table = level_table({"One-hot": [run(1, 1, 2)], "LwAL": [run(1, 1, 2, (3, 4))]}, "One-hot")
    assert table is not None and list(table.epochs) == ["One-hot"]
    assert level_table({}, "One-hot") is None
