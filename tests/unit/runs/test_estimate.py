"""Time left from runs that are finished: start and epochs apart, and what copied or resumed runs cannot tell."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from lwal_core.config import RunConfig
from lwal_core.runs import Run, estimate_seconds
from lwal_core.runs.paths import label_file
from lwal_core.runs.record import StatusChange, read_record
from lwal_core.runs.writer import RunWriter


def took(run: Run, start: float, epoch: float) -> None:
    """Set the run's times as if it had started, then trained, in so many seconds."""
    began = datetime(2026, 1, 1, tzinfo=UTC)
    writer = RunWriter(run.path)
    history = [StatusChange(status="running", at=began), StatusChange(status="done", at=began + timedelta(hours=1))]
    writer.update(history=history)
    for number in run.label_epochs():
        at = began.timestamp() + start + number * epoch
        os.utime(label_file(run.path, number), (at, at))


def like(run: Run, epochs: int) -> RunConfig:
    values = run.config.to_dict()
    values["training"] |= {"epochs": epochs, "seed": 99}
    return RunConfig.parse(values)


def test_nothing_like_it_has_trained(make_run: Callable[..., Run]) -> None:
    assert estimate_seconds(RunConfig()) is None
    make_run("onehot")
    assert estimate_seconds(RunConfig()) is None


def test_start_is_paid_once_and_epochs_by_their_number(make_run: Callable[..., Run]) -> None:
    run = make_run(epochs=3)
    took(run, start=8.0, epoch=2.0)
    assert estimate_seconds(like(run, 3)) == pytest.approx(14.0)
    assert estimate_seconds(like(run, 100)) == pytest.approx(208.0)


def test_only_the_newest_three_count(make_run: Callable[..., Run]) -> None:
    for seed, epoch in ((1, 500.0), (2, 1.0), (3, 2.0), (4, 3.0)):
        run = make_run(seed=seed, epochs=2)
        took(run, start=0.5, epoch=epoch)
        RunWriter(run.path).update(created=datetime(2026, 1, seed, tzinfo=UTC))
    assert estimate_seconds(like(run, 10)) == pytest.approx(0.5 + 10 * 2.0)


def test_a_copied_run_tells_its_training_steps_only(make_run: Callable[..., Run]) -> None:
    run = make_run(epochs=4)  # its metrics say 0.5 s an epoch
    took(run, start=8.0, epoch=0.0)
    assert estimate_seconds(like(run, 10)) == pytest.approx(5.0)


def test_a_resumed_run_tells_its_training_steps_only(make_run: Callable[..., Run]) -> None:
    run = make_run(epochs=4)
    took(run, start=8.0, epoch=2.0)
    writer = RunWriter(run.path)
    writer.update(history=[*read_record(run.path).history, StatusChange(status="running", at=datetime.now(UTC))])
    assert estimate_seconds(like(run, 10)) == pytest.approx(5.0)
