"""Options chosen by validation accuracy: where the test set would choose others, its own choice has no say."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import t

from lwal_core.analysis.comparison.speed import Curve
from lwal_core.errors import LwalError
from lwal_core.experiments.tuned import tune, tuned_table
from lwal_core.runs import list_runs


def curve(seed: int, validation: list[float] | None, test: list[float]) -> Curve:
    """A run of some epochs; what was measured before the first counts for nothing."""
    epochs = np.arange(len(test) + 1)
    known = None if validation is None else np.array([1.0, *validation])
    unknown = np.full(len(epochs), np.nan)
    return Curve(f"run{seed}", "g", "m", seed, epochs, np.array([1.0, *test]), unknown, unknown, validation=known)


def seeds(validation: list[float], tests: list[list[float]]) -> list[Curve]:
    return [curve(seed, validation, test) for seed, test in enumerate(tests, 41)]


CURVES = {
    "One-hot": {
        "0.1": seeds(
            [0.5, 0.6], [[0.2, 0.50], [0.9, 0.52], [0.2, 0.54]]
        ),  # validation says: the second epoch of this one
        "0.2": seeds([0.5, 0.4], [[0.99, 0.99]] * 3),  # and the test set this one
    },
    "Mine": {
        "0.1": seeds([0.3, 0.3], [[0.95, 0.95]] * 3),
        "0.2": seeds([0.8, 0.7], [[0.56, 0.9], [0.60, 0.9], [0.61, 0.1]]),  # the first epoch of this one
    },
}


def test_validation_chooses_and_the_test_set_does_not():
    found = tune(CURVES, "One-hot")
    assert {method: each.option for method, each in found.items()} == {"One-hot": "0.1", "Mine": "0.2"}
    assert found["One-hot"].test == (0.50, 0.52, 0.54) and found["Mine"].test == (0.56, 0.60, 0.61)
    assert (found["One-hot"].validation, found["Mine"].validation) == pytest.approx((0.6, 0.8))
    difference = found["Mine"].difference
    pairs = np.array([0.06, 0.08, 0.07])
    assert found["One-hot"].difference is None and difference is not None
    assert difference.mean == pytest.approx(pairs.mean())
    low, high = t.interval(0.95, 2, pairs.mean(), pairs.std(ddof=1) / 3**0.5)
    assert (difference.student.low, difference.student.high) == pytest.approx((low, high))


@pytest.mark.parametrize(
    ("curves", "words"),
    [
        ({"Mine": CURVES["Mine"]}, "No run is of One-hot"),
        ({**CURVES, "Mine": {"0.1": CURVES["Mine"]["0.1"]}}, "same options"),
        ({**CURVES, "Mine": {**CURVES["Mine"], "0.1": CURVES["Mine"]["0.1"][:2]}}, "same seeds"),
        ({"One-hot": {"0.1": [curve(41, None, [0.5])]}}, "no validation part"),
    ],
)
def test_what_cannot_be_chosen_is_one_sentence(curves, words):
    with pytest.raises(LwalError, match=words):
        tune(curves, "One-hot")


def test_runs_without_a_validation_part_are_refused(make_run):
    make_run()
    with pytest.raises(LwalError, match=r"validation part|One-hot|one-hot"):
        tuned_table(list_runs())
