"""Processes that record: killed, forked, ended without a word; and what importing costs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import lwal_core as lwal
from lwal_core.errors import TrainingError
from lwal_core.runs import list_runs, open_run

ROOT = Path(__file__).resolve().parents[3]
START = """
import os, sys
import lwal_core as lwal
run = lwal.start_run("birds", classes=["a", "b"], method="mine", data="birds")
run.log(1, loss=1)
"""


def program(text: str, **more: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **more}
    return subprocess.Popen(
        [sys.executable, "-c", START + text], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


@pytest.mark.process
def test_a_program_that_is_killed_leaves_an_interrupted_run_that_can_be_taken_up() -> None:
    with program("print(run.id, flush=True); sys.stdin.read()") as child:
        assert child.stdout is not None
        run_id = child.stdout.readline().strip()
        assert open_run(run_id).status == "running"
        with pytest.raises(TrainingError, match="is being recorded already"):
            lwal.resume_run(run_id)
        child.send_signal(signal.SIGKILL)
    assert open_run(run_id).status == "interrupted" and open_run(run_id).record.status == "running"
    with lwal.resume_run(run_id) as run:
        run.log(2, loss=0.5)
    read = open_run(run_id)
    assert read.status == "done" and read.metrics().epoch.tolist() == [1, 2]


FORKS = """
child = os.fork()
if child == 0:
    run.log(7, loss=7)
    run.finish()
    sys.exit()  # with what stands in atexit
assert os.waitpid(child, 0)[1] == 0
from multiprocessing import get_context
worker = get_context("fork").Process(target=lambda: run.log(8, loss=8))
worker.start(); worker.join()
sleeper = os.fork()
if sleeper == 0:
    sys.stdin.read()  # outlives the run, and must not hold its lock
    os._exit(0)
run.log(2, loss=0.5)
assert run.recording
run.finish()
lwal.Recorder(run.path, ["a", "b"], again=True).end("failed", "taken again")
print(run.id, flush=True)
"""


@pytest.mark.process
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_processes_that_are_forked_neither_record_nor_finish() -> None:
    with program(FORKS) as child:
        out, _ = child.communicate("")
    read = open_run(out.strip())
    assert read.metrics().epoch.tolist() == [1, 2]
    assert [change.status for change in read.record.history] == ["queued", "running", "done", "running", "failed"]


@pytest.mark.process
@pytest.mark.parametrize(
    ("end", "reason"), [("", "without finish()"), ("1 / 0", "ZeroDivisionError: division by zero")]
)
def test_a_run_that_is_left_open_is_interrupted(end: str, reason: str) -> None:
    with program(end) as child:
        child.communicate()
    (run,) = list_runs()
    assert run.status == "interrupted" and reason in open_run(run.id).record.history[-1].reason


IMPORTED = """
import time
started = time.process_time()
import lwal_core as lwal
lwal.start_run
took = time.process_time() - started
run = lwal.start_run("birds", classes=["a", "b"], method="mine", data="birds")
run.log(1, loss=1)
run.log_labels(1, class_means=[[0, 1], [1, 0]])
run.log_predictions(1, [0, 1], scores=[[1, 0], [0, 1]], embeddings=[[0, 1], [1, 0]])
run.finish()
print(took)
"""


@pytest.mark.process
def test_recording_imports_nothing_large() -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", IMPORTED],
        env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    timed = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}
    assert "lwal_core.recording.recorder" in timed
    large = {"torch", "streamlit", "pandas", "matplotlib", "plotly", "scipy", "sklearn", "PIL", "huey", "umap"}
    assert not timed & large
    assert float(done.stdout) < 2  # seconds of CPU; 0.3 on a machine with nothing else to do
