"""Time left from runs that are finished: start and epochs apart, and what copied or resumed runs cannot tell."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from lwal_core.config import RunConfig
from lwal_core.runs import Run, estimate_seconds
from lwal_core.runs.estimate import epoch_seconds
from lwal_core.runs.paths import label_file
from lwal_core.runs.record import StatusChange, read_record
from lwal_core.runs.writer import RunWriter


def took(run: Run, start: float, epoch: float, end: float = 0.0) -> None:
    """Set the run's times as if it had started, trained and saved its model in so many seconds."""
    began = datetime(2026, 1, 1, tzinfo=UTC)
    writer = RunWriter(run.path)
    last = began + timedelta(seconds=start + epoch * max(run.label_epochs()) + end)
    history = [StatusChange(status="running", at=began), StatusChange(status="done", at=last)]
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


def test_the_end_is_paid_once(make_run: Callable[..., Run]) -> None:
    run = make_run(epochs=3)
    took(run, start=8.0, epoch=2.0, end=5.0)
    assert estimate_seconds(like(run, 3)) == pytest.approx(8 + 3 * 2 + 5)
    assert estimate_seconds(like(run, 10)) == pytest.approx(8 + 10 * 2 + 5)


def test_a_copied_run_still_tells_how_long_it_took_in_all(make_run: Callable[..., Run]) -> None:
    """Copies have new times of files and the record that they had: an example run says 30 s, not its 2 s of steps."""
    run = make_run(epochs=4)  # its metrics say 0.5 s an epoch
    took(run, start=20.0, epoch=2.0, end=2.0)
    for number in run.label_epochs():
        os.utime(label_file(run.path, number), (1e9, 1e9))
    assert estimate_seconds(like(run, 4)) == pytest.approx(30.0)
    assert estimate_seconds(like(run, 10)) == pytest.approx(28.0 + 10 * 0.5)


def test_a_resumed_run_counts_only_where_no_other_is(make_run: Callable[..., Run]) -> None:
    run = make_run(epochs=4)
    took(run, start=8.0, epoch=2.0)
    writer = RunWriter(run.path)
    writer.update(history=[*read_record(run.path).history, StatusChange(status="running", at=datetime.now(UTC))])
    assert estimate_seconds(like(run, 10)) == pytest.approx(5.0)  # its metrics say 0.5 s an epoch
    other = make_run(epochs=4, seed=5)
    took(other, start=8.0, epoch=3.0)
    assert estimate_seconds(like(run, 10)) == pytest.approx(38.0)


def test_a_cancelled_run_tells_its_start_and_epochs(make_run: Callable[..., Run]) -> None:
    run = make_run(epochs=4)
    took(run, start=8.0, epoch=2.0)
    (running, _) = read_record(run.path).history
    cancelled = StatusChange(status="cancelled", at=running.at + timedelta(days=1))
    RunWriter(run.path).update(history=[running, cancelled])
    assert estimate_seconds(like(run, 10)) == pytest.approx(28.0)


def test_the_time_left_of_a_running_training_holds_its_evaluation(make_run: Callable[..., Run]) -> None:
    run = make_run(epochs=4)  # its metrics say 0.5 s an epoch
    took(run, start=8.0, epoch=2.0)
    (running, _) = read_record(run.path).history
    RunWriter(run.path).update(history=[running])
    assert epoch_seconds(run.path) == pytest.approx(2.0)
    RunWriter(run.path).update(history=[running, running])  # resumed: the time between is nobody's
    assert epoch_seconds(run.path) == pytest.approx(0.5)
