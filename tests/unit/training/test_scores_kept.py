"""Scores of a head of its own are kept of the best epoch, and say what was measured in training."""

from __future__ import annotations

import numpy as np
import pytest

from lwal_core.config import RunConfig
from lwal_core.results.test_scores import scores_of_tests
from lwal_core.runs import create_run, open_run
from lwal_core.training.loop import train_run


@pytest.mark.parametrize(
    ("method", "kept"), [({"name": "hybrid"}, True), ({"name": "hybrid", "reading": "labels"}, False), ({"name": "lwal"}, False)]
)  # fmt: skip
def test_probabilities_are_those_that_were_measured(home: object, method: dict[str, str], kept: bool) -> None:
    config = RunConfig.parse(
        {"data": {"name": "digits", "per_class": 20}, "method": method, "training": {"epochs": 1, "seed": 1}}
    )
    run = create_run(config)
    train_run(run.path)
    run = open_run(run.id)
    assert (run.evaluation().scores is not None) == kept
    tested, metrics = scores_of_tests(run), run.metrics()
    at = metrics.epoch == tested.epoch
    sure, right = tested.probabilities.max(axis=1), tested.probabilities.argmax(axis=1) == tested.y
    assert np.mean(right) == pytest.approx(run.accuracy()[at][0], abs=0.005)
    bins = np.ceil(15 * sure)
    error = sum(abs((right - sure)[bins == b].sum()) for b in range(16)) / len(right)
    assert error == pytest.approx(metrics.test_calibration_error[at][0], abs=0.005)
