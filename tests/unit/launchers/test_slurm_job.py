"""What a job does on its node, without a cluster: it trains the run that is its own, and notes how the process ended."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from lwal_core.config import RunConfig
from lwal_core.jobs import submit
from lwal_core.launchers import slurm_job
from lwal_core.launchers.slurm_job import EXIT_USAGE, train_in_job
from lwal_core.runs import Run, create_run, open_run
from lwal_core.runs.record import Launch, change_record


@pytest.fixture(autouse=True)
def node(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A node's environment; the signals of this process are put back."""
    before = {number: signal.getsignal(number) for number in (signal.SIGUSR2, signal.SIGTERM, signal.SIGCONT)}
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    monkeypatch.setattr(slurm_job, "ASSIGNED_SECONDS", 0.3)
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def submitted(job: str = "7", status: str = "queued") -> Run:
    run = submit(create_run(RunConfig.parse({"data": {"name": "digits"}})))
    launch = Launch(name="slurm", job=job)
    change_record(run.path, lambda record: record.model_copy(update={"launcher": launch, "status": status}))
    return open_run(run.id)


def trains_by(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    monkeypatch.setattr(slurm_job, "run_command", lambda run: [sys.executable, "-c", code])


@pytest.mark.parametrize(("job", "status"), [("8", "queued"), ("7", "cancelled"), ("7", "done")])
def test_a_run_that_is_not_this_jobs_is_left_alone(job: str, status: str, monkeypatch: pytest.MonkeyPatch) -> None:
    trains_by(monkeypatch, "raise SystemExit(9)")
    run = submitted(job, status)
    before = (run.path / "run.json").read_bytes()
    assert train_in_job(run.path) == EXIT_USAGE
    assert (run.path / "run.json").read_bytes() == before


def test_a_job_that_slurm_starts_again_leaves_what_was_running_to_the_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its first start was killed: the run is not failed by the second one, which finds it as running."""
    trains_by(monkeypatch, "raise SystemExit(2)")
    run = submitted(status="running")
    monkeypatch.setenv("SLURM_RESTART_COUNT", "1")
    assert train_in_job(run.path) == EXIT_USAGE
    assert open_run(run.id).status == "running"
    monkeypatch.delenv("SLURM_RESTART_COUNT")
    assert train_in_job(run.path) == 2  # of several nodes one was quicker: its training is begun
    assert open_run(run.id).status == "failed"


def test_a_folder_that_is_gone_ends_the_job_at_once(home: Path) -> None:
    assert train_in_job(home / "runs" / "20260101-000000-gone") == EXIT_USAGE


def test_a_crash_is_noted_with_the_last_line(monkeypatch: pytest.MonkeyPatch) -> None:
    trains_by(monkeypatch, "print('boom'); raise SystemExit(7)")
    run = submitted()
    assert train_in_job(run.path) == 7
    record = open_run(run.id).record
    assert record.status == "failed" and "exited with code 7" in record.error and "Its last line: boom" in record.error


def test_the_training_knows_who_started_it_and_where_its_home_is(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    trains_by(monkeypatch, "import os; print(os.environ['LWAL_STARTED_BY'], os.environ['LWAL_HOME'])")
    run = submitted()
    train_in_job(run.path)
    assert open_run(run.id).log_tail(1) == f"slurm {home}"


@pytest.mark.parametrize("number", [signal.SIGUSR2, signal.SIGTERM])
def test_the_signal_before_the_limit_ends_the_training_in_good_order(
    number: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SIGUSR2 reaches the training, too, which must not die of it: the job sends it SIGTERM."""
    trains_by(
        monkeypatch,
        "import os, signal, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: (print('in good order', flush=True), os._exit(143)))\n"
        "os.kill(os.getpid(), signal.SIGUSR2)\n"
        "print('ready', flush=True)\n"
        "time.sleep(60)",
    )
    run = submitted()

    def strike() -> None:
        while "ready" not in open_run(run.id).log_tail(3):
            threading.Event().wait(0.05)
        os.kill(os.getpid(), number)

    striker = threading.Thread(target=strike)
    striker.start()
    assert train_in_job(run.path) == 143
    striker.join()
    record = open_run(run.id).record
    assert record.status == "interrupted" and open_run(run.id).log_tail(1) == "in good order"
