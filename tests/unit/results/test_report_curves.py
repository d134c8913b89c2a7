"""Curves of a report: paired by epoch, one run per seed, one line per group, each method read as it is used."""

from __future__ import annotations

import pytest

from lwal_core.config import RunConfig
from lwal_core.results import report
from lwal_core.results.report import _curves
from lwal_core.runs import Run, RunWriter, create_run, open_run


def write(
    accuracy: dict[int, float], seed: int, method: str = "lwal", status: str = "done", rate: float = 0.001
) -> Run:
    """A run with this accuracy by epoch, by its own predictor half of it."""
    training = {"epochs": 4, "seed": seed, "learning_rate": rate}
    run = create_run(RunConfig.parse({"method": {"name": method}, "training": training}))
    for epoch, value in accuracy.items():
        row = {"epoch": epoch, "step": epoch, "samples": epoch, "seconds": float(epoch)}
        RunWriter(run.path).metrics(row | {"test_accuracy_mean": value, "test_accuracy_own": value / 2})
    RunWriter(run.path).move_to(status)  # type: ignore[arg-type]
    return open_run(run.id)


def test_seeds_are_paired_by_epoch_not_by_row(home):
    whole, gap = write({0: 0.1, 1: 0.4, 2: 0.6, 3: 0.8}, 1), write({0: 0.1, 2: 0.7, 3: 0.9}, 2)
    (curve,) = _curves([whole, gap])
    assert curve.title == "LwAL (n=2)" and list(curve.epochs) == [0, 2, 3]
    assert list(curve.values) == pytest.approx([0.1, 0.65, 0.85])


def test_a_seed_counts_once_and_a_cancelled_second_try_not_at_all(home):
    own, other = write({0: 0.1, 1: 0.4}, 1), write({0: 0.1, 1: 0.6}, 2)
    again = write({0: 0.1, 1: 0.2}, 2, status="cancelled")
    (curve,) = _curves([own, other, again, own])
    assert curve.title == "LwAL (n=2)" and list(curve.values) == pytest.approx([0.1, 0.5])


def test_groups_of_one_method_stay_apart(home):
    slow, fast = write({0: 0.1, 1: 0.4}, 1), write({0: 0.1, 1: 0.8}, 1, rate=0.01)
    curves = _curves([slow, fast])
    assert [curve.title for curve in curves] == ["LwAL (learning rate 0.001)", "LwAL (learning rate 0.01)"]
    assert [list(curve.values) for curve in curves] == [[0.1, 0.4], [0.1, 0.8]]
    assert len({curve.color for curve in curves}) == 2


def test_each_method_is_read_as_it_is_used(home):
    lwal, one_hot = _curves([write({0: 0.2, 1: 0.8}, 1), write({0: 0.2, 1: 0.8}, 1, "onehot")])
    assert (lwal.values[-1], one_hot.values[-1]) == (0.8, 0.4)
    assert _curves([write({}, 1)]) == []


def test_a_long_training_is_shown_by_some_of_its_epochs(home, monkeypatch):
    """The first, the last, the worst and the best among them."""
    accuracy = dict.fromkeys(range(60), 0.5) | {17: 0.05, 41: 0.95}
    run = write(accuracy, 1)
    monkeypatch.setattr(report, "MOST_POINTS", 20)
    monkeypatch.setattr(report, "MOST_EPOCH_ROWS", 10)
    (curve,) = _curves([run])
    assert len(curve.epochs) <= 20 and {0, 17, 41, 59} <= set(curve.epochs)
    assert [accuracy[int(epoch)] for epoch in curve.epochs] == pytest.approx(list(curve.values))
    table = report._epochs(run)
    epochs = [row[0] for row in table.rows]
    assert len(epochs) == 10 and epochs[0] == 0 and epochs[-1] == 59 and table.note == "10 of 60 epochs, evenly."
    assert report._epochs(write({}, 2)).rows == []
