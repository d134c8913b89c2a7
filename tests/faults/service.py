"""Workers as processes of their own that a test may kill, and what must hold for runs whatever was killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import orjson
import psutil

from lwal_core.config import RunConfig
from lwal_core.jobs import submit
from lwal_core.runs import Run, create_run, list_runs, open_run

ROOT = Path(__file__).resolve().parents[2]
STAND_IN = ROOT / "tests" / "faults" / "stand_in.py"


class Service:
    """Processes that serve one home.

    Args:
        home: The home folder.
        logs: Where they write what they print.
        real: Train with the real loop rather than with the stand-in.
        variables: Environment variables of all of them.
    """

    def __init__(self, home: Path, logs: Path, real: bool = False, **variables: str) -> None:
        self.home, self.logs, self.real = home, logs, real
        self.environment = {
            **os.environ, "LWAL_HOME": str(home), "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1",
            "LWAL_LAYOUTS_AHEAD": "0", **variables,
        }  # fmt: skip
        self.processes: list[subprocess.Popen[bytes]] = []
        logs.mkdir(parents=True, exist_ok=True)

    def worker(self, *options: str, **variables: str) -> subprocess.Popen[bytes]:
        """Start a worker."""
        return self.start(["worker", *options], **variables)

    def start(self, command: list[str], **variables: str) -> subprocess.Popen[bytes]:
        """Start an ``lwal`` command."""
        program = ["-m", "lwal_core.cli"] if self.real else [str(STAND_IN)]
        with open(self.logs / f"process-{len(self.processes)}.log", "wb") as log:
            process = subprocess.Popen(
                [sys.executable, *program, *command], cwd=ROOT, env={**self.environment, **variables},
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        self.processes.append(process)
        return process

    def log(self) -> str:
        """What all of them printed."""
        return "\n".join(path.read_text("utf-8", "replace") for path in sorted(self.logs.glob("*.log")))

    def trainings(self) -> list[psutil.Process]:
        """Training processes of this home, whoever started them."""
        found = []
        for process in psutil.process_iter():
            try:
                words = process.cmdline()
            except psutil.Error:
                continue
            if any(word.startswith(str(self.home / "runs")) for word in words):
                found.append(process)
        return found

    def stop(self) -> None:
        """End everything in good order, and kill what does not end."""
        for process in self.processes:
            if process.poll() is None:
                process.terminate()
        for process in self.processes:
            try:
                process.wait(40)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for training in self.trainings():
            kill(training.pid)


def kill(pid: int) -> None:
    """SIGKILL, to whatever is left of a process."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def short(seed: int, epochs: int = 3) -> RunConfig:
    """A short training: a few digits a class."""
    return RunConfig.parse(
        {
            "data": {"name": "digits", "per_class": 8},
            "method": {"name": "lwal"},
            "training": {"epochs": epochs, "seed": seed, "device": "cpu"},
        }
    )


def hand_in(count: int, home: Path, epochs: int = 3, priority: int = 0) -> list[Run]:
    """Give so many short runs to the queue, seeds from 1 on."""
    return [submit(create_run(short(seed, epochs), home=home), priority) for seed in range(1, count + 1)]


def wait_until(condition: Callable[[], object], seconds: float = 60, why: Callable[[], str] = lambda: "") -> None:
    """Poll until something holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds} s in vain. {why()}"
        time.sleep(0.05)


def statuses(home: Path) -> list[str]:
    """Statuses of all runs of a home."""
    return [run.status for run in list_runs(home)]


def check_done_once(run: Run) -> None:
    """A run is done, once, with every epoch logged once."""
    run = open_run(run.id, run.path.parents[1])
    history = [change.status for change in run.record.history]
    assert history[-1] == "done" and history.count("done") == 1, (run.id, run.record.history)
    lines = (run.path / "metrics.jsonl").read_bytes().splitlines()
    assert [orjson.loads(line)["epoch"] for line in lines] == list(range(run.config.training.epochs + 1)), run.id
    # Processes that train one run at the same time would leave two beginnings without an end between them.
    for first, second in pairwise(history):
        assert (first, second) != ("running", "running"), run.record.history
    assert run.label_epochs() == list(range(run.config.training.epochs + 1))


def same_results(a: Run, b: Run) -> None:
    """Everything that training decides is the same to the last bit."""
    first, second = a.metrics(), b.metrics()
    for name in ("epoch", "step", "samples", "loss", "pull", "push", "test_accuracy_mean", "test_accuracy_own"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name), err_msg=f"{a.id} {name}")
    for epoch in a.label_epochs():
        np.testing.assert_array_equal(a.vectors(epoch, "labels"), b.vectors(epoch, "labels"), err_msg=a.id)
        np.testing.assert_array_equal(a.vectors(epoch), b.vectors(epoch), err_msg=a.id)
