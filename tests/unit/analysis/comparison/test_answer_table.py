"""The table of five columns, against numbers worked out by scipy and by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import t

from lwal_core.analysis.comparison.answer_table import answer_table, mean_interval
from lwal_core.analysis.comparison.curve import Curve
from lwal_core.analysis.comparison.speed import compare
from tests.unit.analysis.comparison.small_curves import curve

BASE = [curve([0.2, 0.5, 0.8], seed) for seed in (1, 2, 3)]


def test_columns_of_a_method_that_some_seeds_got_there() -> None:
    ours = [curve([0.2, 0.9, 0.9], 1), curve([0.2, 0.5, 0.7], 2), curve([0.2, 0.4, 0.6], 3)]
    base, row = answer_table(compare({"Ours": ours, "One-hot": BASE}, "One-hot"))
    assert base == {
        "Method": "One-hot", "Best accuracy": "80.0 % (80.0 to 80.0)", "To the baseline": "baseline",
        "Epochs to the baseline's best": "2", "Seeds": "3",
    }  # fmt: skip
    assert row["Epochs to the baseline's best"] == "1, reached by 1 of 3 seeds"
    assert row["To the baseline"] == "−6.7 points (−44.6 to 31.3)"  # by hand: sd 0.1528, times 4.303 / sqrt(3)


def test_none_got_there() -> None:
    never = [curve([0.1, 0.2, 0.3], seed) for seed in (1, 2, 3)]
    row = answer_table(compare({"One-hot": BASE, "Ours": never}, "One-hot"))[1]
    assert row["Epochs to the baseline's best"] == "not reached in 2 epochs"
    found = answer_table(compare({"One-hot": BASE, "Ours": never}, "One-hot", target=0.25))[1]
    assert found["Epochs to 25.0 %"] == "2"


def test_at_the_epoch_that_every_run_chose_on_a_validation_part() -> None:
    chose = [replace(run, validation=np.array([0.1, 0.9, 0.2])) for run in BASE]
    ours = [replace(run, validation=np.array([0.1, 0.2, 0.9])) for run in BASE]
    base, row = answer_table(compare({"One-hot": chose, "Ours": ours}, "One-hot"))
    assert base["At chosen epoch"] == "50.0 % (50.0 to 50.0)" and row["To the baseline"].startswith("+30 points (")
    assert "Best accuracy" in answer_table(compare({"One-hot": BASE, "Ours": ours}, "One-hot"))[0]


def test_one_seed_has_no_interval_and_no_baseline_no_difference() -> None:
    one = answer_table(compare({"One-hot": BASE[:1], "Ours": [curve([0.2, 0.9, 0.9], 1)]}, "One-hot"))[1]
    assert one["Best accuracy"] == "90.0 %" and one["To the baseline"] == "+10 points, no interval"
    alone = answer_table(compare({"Ours": BASE}, "One-hot"))[0]
    assert alone["To the baseline"].startswith("undefined") and alone["Epochs to the baseline's best"].startswith(
        "undefined"
    )
    empty: list[Curve] = []
    assert answer_table(compare({"Ours": empty}, "One-hot"))[0]["Best accuracy"] == "undefined (no values)"


@pytest.mark.parametrize("values", [(0.1, 0.2, 0.4), (0.5, 0.51, 0.52, 0.9)])
def test_the_interval_is_never_narrower_than_students(values: tuple[float, ...]) -> None:
    half = t.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / np.sqrt(len(values))
    found = mean_interval(np.array(values))
    assert found.width >= 2 * half - 1e-12
    if found.method.lower().startswith("student"):
        assert found.low == pytest.approx(np.mean(values) - half)
