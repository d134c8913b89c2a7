"""Faults of one worker and its trainings: nothing is lost while it lives, and nothing is tried without end."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from lwal_core.errors import TrainingError
from lwal_core.jobs import heartbeat, queue, recovery, worker
from lwal_core.jobs.admission import Priority, Waiter, dequeue, enqueue, waiters
from lwal_core.jobs.heartbeat import Heartbeat
from lwal_core.jobs.queue import Queue
from lwal_core.jobs.recovery import MAX_STARTS
from lwal_core.jobs.worker import Worker
from lwal_core.jobs.worker_heartbeat import admission_folder
from lwal_core.runs import Owner, Run, create_run, list_runs, open_run
from lwal_core.runs.files import write_json
from lwal_core.runs.paths import LOG
from lwal_core.runs.record import change_record
from tests.faults.service import hand_in, short


class Clock:
    """A steady clock that a test moves on."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.now = time.monotonic()
        for module in (worker, recovery):
            patch.setattr(module.time, "monotonic", lambda: self.now)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


@pytest.fixture
def hired(home: Path, monkeypatch: pytest.MonkeyPatch) -> Worker:
    """A worker in this process."""
    monkeypatch.setenv("LWAL_KEEP_FREE_MB", "0")
    home.mkdir(parents=True)
    return Worker(home, slots=1)


def exits(code: int, words: str = "") -> Callable[[Run], subprocess.Popen[bytes]]:
    """A start of a training whose process ends at once."""

    def start(run: Run) -> subprocess.Popen[bytes]:
        with open(run.path / LOG, "ab") as log:
            log.write(f"{words}\n".encode() if words else b"")
        process = subprocess.Popen([sys.executable, "-S", "-c", f"import os; os._exit({code})"])
        process.wait()
        return process

    return start


def test_a_run_that_could_not_be_started_is_taken_up_by_the_same_worker(
    home: Path, hired: Worker, clock: Clock, monkeypatch: pytest.MonkeyPatch
):
    """The queue has given the run out and its record says that this worker has it when no process can be started."""
    (run,) = hand_in(1, home)
    tried = []

    def start(run: Run) -> subprocess.Popen[bytes]:
        tried.append(run.id)
        if len(tried) == 1:
            raise OSError(errno.EAGAIN, "Resource temporarily unavailable")
        return exits(1)(run)

    monkeypatch.setattr(hired.launcher, "start", start)
    hired.step()
    assert tried == [run.id] and open_run(run.id).record.owner == Owner.this_process()
    assert Queue(home).run_ids() == []  # what lost it before: in no queue, and in the hands of a worker that is alive
    for _ in range(3):
        clock.now += worker.SWEEP_SECONDS
        hired.step()
    assert tried == [run.id] * 2 and open_run(run.id).status == "failed"


def test_processes_that_never_come_to_train_are_bounded(
    home: Path, hired: Worker, clock: Clock, monkeypatch: pytest.MonkeyPatch
):
    """60 looks of a worker, 5 s apart, while each process ends with exit code 2: it was 60 starts."""
    (run,) = hand_in(1, home)
    starts: list[float] = []

    def start(run: Run) -> subprocess.Popen[bytes]:
        starts.append(clock.now)
        return exits(2, "LWAL_KEEP_FREE_MB is no number.")(run)

    monkeypatch.setattr(hired.launcher, "start", start)
    for _ in range(60):
        hired.step()
        clock.now += worker.SWEEP_SECONDS
    assert len(starts) == MAX_STARTS
    pauses = [later - earlier for earlier, later in pairwise(starts)]
    assert pauses == sorted(pauses) and pauses[-1] >= worker.BACKOFF_SECONDS * 2 ** (MAX_STARTS - 2)
    after = open_run(run.id)
    assert after.status == "failed"
    assert "did not come to train 5 times in a row: LWAL_KEEP_FREE_MB is no number." in after.record.error


def test_a_waiter_that_starts_again_is_not_cleared_away_with_its_dead_process(
    home: Path, monkeypatch: pytest.MonkeyPatch
):
    """Another waiter sees the file of a dead process; before it deletes it, the run is waited for again."""
    folder, waiter = admission_folder(home), Waiter(Priority.of(0, 7), "again")
    ended = subprocess.Popen([sys.executable, "-S", "-c", ""])
    ended.wait()
    dead = Owner.this_process().model_copy(update={"pid": ended.pid})
    write_json(folder / waiter.file_name, dead.model_dump())
    real = Owner.alive

    def slow(owner: Owner) -> bool | None:
        found = real(owner)
        if found is False and not again:
            again.append(True)
            enqueue(folder, waiter)  # what another process does just then
        return found

    again: list[bool] = []
    monkeypatch.setattr(Owner, "alive", slow)
    waiters(folder)
    assert again and waiters(folder) == [waiter]
    dequeue(folder, waiter)
    assert waiters(folder) == []


def test_a_run_put_before_one_that_does_not_wait_is_not_dropped(
    home: Path, hired: Worker, monkeypatch: pytest.MonkeyPatch
):
    """Between the look at the queue and taking the first out, another process puts a run of higher priority before it."""
    (gone, fine) = hand_in(2, home)
    change_record(gone.path, lambda record: record.moved_to("cancelled"))
    store = hired.queue
    store.take(), store.take()
    store.add(gone.id)
    real = store.take
    monkeypatch.setattr(store, "take", lambda: (store.add(fine.id, 5), real())[1])
    hired._start_next()
    assert fine.id in store.run_ids()


class TestQueueErrors:
    def test_a_mistake_is_no_lost_connection(self, home: Path):
        def broken(store: object) -> None:
            raise KeyError("a mistake")

        with pytest.raises(KeyError, match="a mistake"):
            Queue(home)._do(broken)

    @pytest.mark.parametrize("error", [ConnectionRefusedError(111, "Connection refused"), TimeoutError("timed out")])
    def test_a_lost_connection_is_one(self, home: Path, error: Exception):
        def away(store: object) -> None:
            raise error

        with pytest.raises(TrainingError, match="cannot be reached: "):
            Queue(home)._do(away)

    def test_a_server_that_is_away(self, home: Path):
        pytest.importorskip("redis")
        home.mkdir(parents=True)
        with pytest.raises(TrainingError, match="cannot be reached: "):
            Queue(home, "redis://127.0.0.1:1/0").take()
        assert any("redis" in error.__module__ for error in queue.connection_errors())


def test_a_heartbeat_that_fails_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(heartbeat, "BEAT_SECONDS", 0.02)
    looks: list[int] = []

    def shortage(folder: Path) -> str:
        looks.append(1)
        if len(looks) < 4:
            raise RuntimeError("the disk went away")
        return "Only 1 MB are free."

    monkeypatch.setattr(heartbeat, "shortage", shortage)
    reasons: list[str] = []
    with Heartbeat(tmp_path, reasons.append):
        deadline = time.monotonic() + 20
        while not reasons and time.monotonic() < deadline:
            time.sleep(0.02)
    assert reasons and reasons[0] == "Only 1 MB are free."
    assert capfd.readouterr().err.count("The heartbeat failed and goes on: RuntimeError: the disk went away") == 1


def test_a_full_disk_leaves_no_half_made_run(home: Path, monkeypatch: pytest.MonkeyPatch):
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        create_run(short(1))
    assert list_runs() == [] and list((home / "runs").iterdir()) == []
