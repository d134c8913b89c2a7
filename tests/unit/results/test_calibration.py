"""Calibration of runs and of groups from what their label snapshots hold."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from lwal_core.figures.reliability import reliability_figure
from lwal_core.results.calibration import group_calibration, run_calibration
from lwal_core.runs import Run, RunWriter


def with_bins(run: Run, bins: np.ndarray) -> Run:
    best = run.record.best_epoch
    assert best is not None
    RunWriter(run.path).labels(best, run.vectors(best, "labels"), run.vectors(best), measured={"calibration": bins})
    return run


def test_seeds_are_taken_together(make_run: Callable[..., Run]) -> None:
    first, second = np.zeros((3, 15)), np.zeros((3, 15))
    first[:, 14], first[:, 3] = (6, 5.7, 5), (4, 1.0, 2)
    second[:, 14] = (10, 9.9, 10)
    runs = [with_bins(make_run(seed=1), first), with_bins(make_run(seed=2), second), make_run(seed=3)]
    found = group_calibration(runs)
    assert found is not None and found.runs == 2  # the third, an older one, has none
    assert found.count[[3, 14]].tolist() == [4, 16]
    assert found.confidence[[3, 14]].tolist() == pytest.approx([0.25, 15.6 / 16])
    assert found.accuracy[[3, 14]].tolist() == pytest.approx([0.5, 15 / 16])
    assert np.isnan(found.accuracy[0])
    assert found.error == pytest.approx((4 * 0.25 + 0.6) / 20)
    fig = reliability_figure({"<b>": found})
    assert "&lt;b&gt;" in fig.data[1].name and list(fig.data[1].y) == pytest.approx([50, 93.75])


@pytest.mark.parametrize(
    "bins", [np.full((3, 15), np.inf), np.zeros((3, 15)), np.ones((2, 15)), -np.ones((3, 15)), np.ones(3)], ids=str
)
def test_a_damaged_one_is_none(make_run: Callable[..., Run], bins: np.ndarray) -> None:
    assert run_calibration(with_bins(make_run(), bins)) is None
