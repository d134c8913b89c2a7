"""What docs/science/calibration.csv says: its arithmetic on cases whose answer is known, its rows against the bundles."""

from __future__ import annotations

import numpy as np
import pytest

from lwal_core.experiments.examples import FOLDER
from lwal_core.runs import open_run
from lwal_core.runs.bundle import import_bundle
from tools.calibration_table import calibration_error, calibration_table, fitted_error, fitted_temperature, read_rows


def drawn(count: int, sharpness: float) -> tuple[np.ndarray, np.ndarray]:
    """Classes drawn by the softmax of logits ``[N,4]``, and these logits times a number."""
    chance = np.random.default_rng(5)
    logits = 1.5 * chance.normal(size=(count, 4))
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    y = (chance.random((count, 1)) > p.cumsum(axis=1)).sum(axis=1).clip(0, 3)
    return sharpness * logits, y


@pytest.mark.parametrize("sharpness", [0.5, 1.0, 3.0])
def test_the_temperature_of_logits_that_were_made_too_sure_is_found(sharpness):
    logits, y = drawn(20_000, sharpness)
    assert fitted_temperature(logits, y) == pytest.approx(sharpness, rel=0.05)
    assert fitted_error(logits, y) < 0.02
    assert (calibration_error(logits, y) > 0.05) == (sharpness != 1.0)


def test_the_error_is_that_of_a_loop():
    logits, y = drawn(500, 2.0)
    gaps = [0.0] * 15
    for row, label in zip(logits.tolist(), y.tolist(), strict=True):
        p = [np.exp(value / 1.7) for value in row]
        sure = max(p) / sum(p)
        place = next(m for m in range(15) if sure <= (m + 1) / 15 or m == 14)
        gaps[place] += (row.index(max(row)) == label) - sure
    assert calibration_error(logits, y, 1.7) == pytest.approx(sum(map(abs, gaps)) / 500)


def test_rows_are_of_runs_that_come_along_and_what_these_recorded(home):
    rows = [row for row in read_rows() if row["sweep"] == "hybrid-few"]
    assert len(rows) == len({row["run"] for row in rows}) == 35
    for file in sorted((FOLDER / "results").glob("hybrid-few-*-s11.zip")):
        import_bundle(file)
    own = [row for row in rows if row["seed"] == "11"]
    assert len(own) == 7
    for row in own:
        run = open_run(row["run"])
        metrics = run.metrics()
        (recorded,) = metrics.test_calibration_error[metrics.epoch == run.record.best_epoch]
        assert run.config.method_label() == row["method"]
        # Scores are kept in half precision: a sample may fall into the next interval.
        assert float(row["as_recorded"]) == pytest.approx(recorded, abs=0.002)


def test_a_table_is_means_over_seeds():
    row = {"method": "A", "as_recorded": "0.1", "divided_by_2": "0.2", "fitted": "0.3", "temperature": "2"}
    table = calibration_table([row, {**row, "as_recorded": "0.3"}, {**row, "method": "B"}]).split("\n")
    assert table[2].startswith("| A | 20.0 ± 14.1 % (n=2) | 20.0 ± 0") and table[3].startswith("| B | 10.0 %")
