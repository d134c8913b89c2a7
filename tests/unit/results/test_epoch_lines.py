"""A training told in lines."""

from __future__ import annotations

from lwal_core.config import RunConfig
from lwal_core.results.epoch_lines import epoch_lines
from lwal_core.runs import RunWriter, create_run, open_run


def run_with(*rows: dict[str, float | int]):
    run = create_run(RunConfig.parse({"training": {"epochs": 12}}))
    for row in rows:
        RunWriter(run.path).metrics(row)
    return open_run(run.id)


def row(epoch: int, **values: float) -> dict[str, float | int]:
    return {"epoch": epoch, "step": 5 * epoch, "samples": 100 * epoch, "seconds": 0.5 * epoch, **values}


def test_nothing_measured_yet_gives_no_line():
    assert epoch_lines(run_with()) == []


def test_each_epoch_says_what_was_measured_and_nothing_else():
    run = run_with(row(0, test_accuracy_mean=0.1), row(1, loss=1.25, test_accuracy_mean=0.875), row(2, loss=0.5))
    assert epoch_lines(run) == [
        "epoch  0 of 12: test accuracy 10.0 % by nearest class mean",
        "epoch  1 of 12: loss 1.25, test accuracy 87.5 % by nearest class mean, 500 ms of training",
        "epoch  2 of 12: loss 0.5, 1 s of training",
    ]
