"""The queue when processes die and files are lost: each run is done exactly once, with what an undisturbed run gives."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from lwal_core.jobs import cancel, make_ready, submit, waiting
from lwal_core.jobs.queue import Queue
from lwal_core.runs import create_run, list_runs, open_run
from tests.faults.service import (
    Service,
    check_done_once,
    hand_in,
    kill,
    same_results,
    short,
    statuses,
    wait_until,
)

MakeService = Callable[..., Service]


def all_done(home: Path) -> bool:
    return set(statuses(home)) == {"done"}


def undisturbed(make_service: MakeService, folder: Path, count: int, epochs: int = 3) -> dict[int, object]:
    """The same runs in a home of their own, trained by one worker in peace, by seed."""
    home = folder / "undisturbed"
    runs = hand_in(count, home, epochs)
    service = make_service(at=home)
    assert service.worker("--until-idle", "--slots", "4").wait(120) == 0, service.log()
    return {run.config.training.seed: open_run(run.id, home) for run in runs}


def test_two_workers_one_queue_each_run_once(make_service: MakeService, home: Path, tmp_path: Path):
    runs = hand_in(12, home)
    service = make_service()
    workers = [service.worker("--until-idle", "--slots", "4") for _ in range(2)]
    for worker in workers:
        assert worker.wait(120) == 0, service.log()
    expected = undisturbed(make_service, tmp_path, 2)
    for run in runs:
        check_done_once(run)
        assert [c.status for c in open_run(run.id).record.history] == ["queued", "running", "done"]
        if run.config.training.seed in expected:
            same_results(expected[run.config.training.seed], open_run(run.id))
    assert service.log().count(" starts") == 12


@pytest.mark.parametrize("kills", [pytest.param(6, marks=pytest.mark.fault), pytest.param(30, marks=pytest.mark.long)])
def test_killed_at_random_moments(make_service: MakeService, home: Path, tmp_path: Path, kills: int):
    """Workers and trainings die by SIGKILL while four runs are trained; nothing is lost and nothing done twice."""
    generator, count = np.random.default_rng(5), 4
    runs = hand_in(count, home, epochs=2 * kills)
    service = make_service(STAND_IN_EPOCH_SECONDS="0.1")
    worker = service.worker("--slots", "2")
    for _ in range(kills):
        moment = generator.uniform(0.1, 1.2)
        try:
            wait_until(lambda: all_done(home), moment)
            break
        except AssertionError:
            pass
        trainings = service.trainings()
        if generator.random() < 0.5 and trainings:
            kill(trainings[int(generator.integers(len(trainings)))].pid)
        else:
            worker.kill()
            worker.wait()
            worker = service.worker("--slots", "2")
    wait_until(lambda: all_done(home), 60 + 5 * kills, service.log)
    expected = undisturbed(make_service, tmp_path, count, 2 * kills)
    for run in runs:
        check_done_once(run)
        same_results(expected[run.config.training.seed], open_run(run.id))


class TestTheIndex:
    def test_a_lost_queue_file_is_filled_again_in_order(self, make_service: MakeService, home: Path):
        runs = hand_in(2, home, epochs=1)
        runs = [*hand_in(1, home, epochs=1, priority=5), *runs]
        assert waiting(home) == [run.id for run in runs]
        shutil.rmtree(home / "queue")
        service = make_service()
        assert service.worker("--until-idle").wait(60) == 0, service.log()
        began = [open_run(run.id).record.history[1].at for run in runs]
        assert began == sorted(began)
        for run in runs:
            check_done_once(run)

    @pytest.mark.parametrize("content", [b"", b"no database at all" * 500, b"SQLite format 3\0" + bytes(5000)])
    def test_a_damaged_queue_file_is_put_aside(self, home: Path, content: bytes):
        (run,) = hand_in(1, home)
        for path in (home / "queue").glob("queue.db*"):
            path.unlink()
        (home / "queue" / "queue.db").write_bytes(content)
        queue = Queue(home)
        assert queue.run_ids() == []
        queue.add(run.id)
        assert queue.take() == run.id and queue.take() is None
        queue.close()

    def test_what_is_no_run_is_passed_over(self, make_service: MakeService, home: Path):
        queue = Queue(home)
        for name in ("../../etc/passwd", "", "no-such-run", "\x00"):
            queue.add(name)
        assert queue.run_ids() == ["", "", "no-such-run", ""]
        queue.close()
        (run,) = hand_in(1, home, epochs=1)
        service = make_service()
        assert service.worker("--until-idle").wait(60) == 0, service.log()
        check_done_once(run)

    def test_an_entry_that_is_there_twice_trains_once(self, make_service: MakeService, home: Path):
        (run,) = hand_in(1, home, epochs=1)
        queue = Queue(home)
        for _ in range(3):
            queue.add(run.id)
        queue.close()
        service = make_service()
        assert service.worker("--until-idle", "--slots", "3").wait(60) == 0, service.log()
        check_done_once(run)
        assert len(open_run(run.id).record.history) == 3

    def test_messages_are_plain_ids(self, home: Path):
        (run,) = hand_in(1, home)
        with sqlite3.connect(home / "queue" / "queue.db") as connection:
            assert [row[0] for row in connection.execute("select data from task")] == [run.id.encode()]


class TestStopping:
    def test_a_worker_that_is_stopped_leaves_its_run_to_the_next(self, make_service: MakeService, home: Path):
        (run,) = hand_in(1, home, epochs=30)
        service = make_service(STAND_IN_EPOCH_SECONDS="0.2")
        worker = service.worker()
        wait_until(lambda: open_run(run.id).metrics().epochs_done >= 2)
        worker.terminate()
        assert worker.wait(30) == 0
        assert service.trainings() == []
        stopped = open_run(run.id)
        assert stopped.record.status == "interrupted"
        assert "stopped with its worker" in stopped.record.history[-1].reason
        done = stopped.metrics().epochs_done
        assert service.worker("--until-idle", STAND_IN_EPOCH_SECONDS="0.01").wait(60) == 0, service.log()
        check_done_once(run)
        reasons = [change.reason for change in open_run(run.id).record.history]
        assert any(f"from its checkpoint after epoch {done}" in reason for reason in reasons), reasons

    def test_a_training_outlives_its_worker_and_the_next_one_looks_after_it(
        self, make_service: MakeService, home: Path
    ):
        first, second = hand_in(2, home, epochs=20)
        service = make_service(STAND_IN_EPOCH_SECONDS="0.1")
        worker = service.worker()
        wait_until(lambda: open_run(first.id).metrics().epochs_done >= 1)
        worker.kill()
        worker.wait()
        (training,) = service.trainings()
        service.worker()
        wait_until(lambda: open_run(first.id).status == "done")
        assert open_run(first.id).record.owner.pid == training.pid  # the same process to the end
        wait_until(lambda: open_run(second.id).status == "done")
        for run in (first, second):
            check_done_once(run)
            assert [c.status for c in open_run(run.id).record.history] == ["queued", "running", "done"]

    def test_a_worker_that_is_stopped_ends_what_a_killed_one_left(self, make_service: MakeService, home: Path):
        (run,) = hand_in(1, home, epochs=500)
        service = make_service(STAND_IN_EPOCH_SECONDS="0.1")
        worker = service.worker()
        wait_until(lambda: open_run(run.id).metrics().epochs_done >= 1)
        worker.kill()
        worker.wait()
        second = service.worker()
        wait_until(lambda: "queue" in service.log().splitlines()[-1])
        second.terminate()
        assert second.wait(30) == 0
        wait_until(lambda: service.trainings() == [])
        assert open_run(run.id).record.status == "interrupted"

    def test_cancel_takes_effect_within_seconds(self, make_service: MakeService, home: Path):
        running, waits = hand_in(2, home, epochs=500)
        service = make_service(STAND_IN_EPOCH_SECONDS="0.1")
        service.worker()
        wait_until(lambda: open_run(running.id).metrics().epochs_done >= 1)
        cancel(open_run(waits.id))
        assert open_run(waits.id).record.history[-1].reason == "cancelled before it started"
        cancel(open_run(running.id))
        assert open_run(running.id).status == "cancelling"
        wait_until(lambda: open_run(running.id).status == "cancelled", 5)
        after = open_run(running.id)
        assert [c.status for c in after.record.history] == ["queued", "running", "cancelling", "cancelled"]
        assert after.label_epochs()[-1] == after.metrics().epochs_done
        submit(make_ready(after, epochs=after.metrics().epochs_done + 2))
        wait_until(lambda: open_run(running.id).status == "done")
        check_done_once(running)


class TestCrashes:
    @pytest.mark.parametrize("number", [signal.SIGSEGV])
    def test_a_crash_ends_that_run_only_and_shows_its_last_line(
        self, make_service: MakeService, home: Path, number: int
    ):
        (bad,) = hand_in(1, home, epochs=1)
        service = make_service(STAND_IN_SIGNAL=str(int(number)))
        assert service.worker("--until-idle").wait(60) == 0, service.log()
        run = open_run(bad.id)
        assert run.status == "failed"
        assert signal.Signals(number).name in run.record.error
        assert "about to end" in run.record.error

    def test_a_run_whose_process_is_killed_every_time_is_given_up(self, make_service: MakeService, home: Path):
        bad, good = hand_in(2, home, epochs=1)
        service = make_service(STAND_IN_SIGNAL=str(int(signal.SIGKILL)))
        cancel(good)
        assert service.worker("--until-idle").wait(90) == 0, service.log()
        run = open_run(bad.id)
        assert run.status == "failed"
        assert "lost 5 times in a row before epoch 1 was done" in run.record.error
        history = [change.status for change in run.record.history]
        assert history.count("running") == 5 and history.count("interrupted") == 5


def test_a_terminal_and_the_queue_stand_in_one_line(make_service: MakeService, home: Path):
    """What a terminal starts takes its turn among the runs of the queue, with the same slots."""
    first, second = hand_in(2, home, epochs=30)
    service = make_service(STAND_IN_EPOCH_SECONDS="0.1")
    service.worker()
    wait_until(lambda: open_run(first.id).status == "running")
    own = create_run(short(99, 3))
    terminal = service.start(["train", str(own.path)])
    wait_until(lambda: waiting(home) == [second.id, own.id])
    assert statuses(home).count("running") == 1
    cancel(open_run(first.id))
    wait_until(lambda: open_run(second.id).status == "running")
    assert open_run(own.id).status == "queued"
    cancel(open_run(second.id))
    assert terminal.wait(30) == 0
    check_done_once(own)


def test_the_service_needs_no_clock_that_only_goes_forward(home: Path, monkeypatch: pytest.MonkeyPatch):
    """Handed in after the clock was set back by a day: still behind those that came before."""
    import time

    first = hand_in(1, home)[0]
    now = time.time_ns()
    monkeypatch.setattr(time, "time_ns", lambda: now - 86_400 * 10**9)
    second, third = hand_in(2, home)
    assert waiting(home) == [first.id, second.id, third.id]
    numbers = [open_run(run.id).record.job.number for run in (first, second, third)]
    assert numbers == sorted(set(numbers))


def test_a_clock_that_is_set_back_while_all_runs(make_service: MakeService, home: Path, tmp_path: Path):
    """Two hours back in the middle of a training, then a worker is lost, then the clock is put right again: every run
    is done once, in order, and cancelling works."""
    clock = tmp_path / "clock"
    clock.write_text("0")
    first, second, third, last = hand_in(4, home, epochs=12)
    service = make_service(STAND_IN_CLOCK=str(clock), STAND_IN_EPOCH_SECONDS="0.12")
    worker = service.worker()
    wait_until(lambda: open_run(first.id).metrics().epochs_done >= 2)
    clock.write_text("-7200")
    wait_until(lambda: open_run(second.id).status == "running", why=service.log)
    check_done_once(first)
    began, ended = (change.at for change in open_run(first.id).record.history[-2:])
    assert ended < began  # the clock of these processes did go back
    wait_until(lambda: open_run(second.id).metrics().epochs_done >= 1)
    worker.kill()
    worker.wait()
    for training in service.trainings():
        kill(training.pid)
    wait_until(lambda: not service.trainings())  # else the next worker may still see the second run at work
    service.worker()
    wait_until(lambda: open_run(third.id).status == "running", why=service.log)
    check_done_once(second)
    cancel(open_run(third.id))
    wait_until(lambda: open_run(third.id).status == "cancelled", 10)
    clock.write_text("0")
    wait_until(lambda: open_run(last.id).status == "done", why=service.log)
    check_done_once(last)


def test_runs_of_others_are_left_alone(make_service: MakeService, home: Path):
    """A worker trains what was given to the queue and nothing else."""
    own, given = create_run(short(1)), hand_in(1, home, epochs=1)[0]
    service = make_service()
    assert service.worker("--until-idle").wait(60) == 0, service.log()
    assert open_run(given.id).status == "done"
    assert open_run(own.id).status == "queued" and len(list_runs()) == 2
    assert os.listdir(own.path) == ["run.json"]
