"""The SLURM launcher and its worker with stand-ins for SLURM's commands: what is submitted, asked and cancelled, and what becomes of
runs. tests/faults/test_slurm.py does the same on a real cluster."""

from __future__ import annotations

import os
import pickletools
import re
import stat
from pathlib import Path

import pytest

from lwal_core.config import RunConfig
from lwal_core.errors import LwalError
from lwal_core.jobs import cancel, make_ready, submit
from lwal_core.jobs.recovery import MAX_STARTS
from lwal_core.jobs.run_lock import RunLock
from lwal_core.launchers import SlurmConfig, SlurmWorker
from lwal_core.launchers import slurm_worker as module
from lwal_core.launchers.slurm import SlurmLauncher, own_folder
from lwal_core.runs import Run, RunWriter, create_run, list_runs, open_run
from lwal_core.runs.record import Launch, change_record

pytest.importorskip("submitit")

COMMANDS = {
    "sbatch": 'echo call >> "$0.calls"; [ -e "$0.fails" ] && { cat "$0.fails" >&2; exit 1; }\n'
    'number=$(wc -l < "$0.calls"); cp "$1" "$0.$number"; echo "Submitted batch job $number"',
    "squeue": 'echo "$@" >> "$0.calls"; [ -e "$0.fails" ] && { cat "$0.fails" >&2; exit 1; }\n'
    'case "$*" in *--states=PENDING*) cat "$0.pending" 2>/dev/null;; *) cat "$0.jobs";; esac',
    "sacct": 'echo "$@" >> "$0.calls"; [ -e "$0.jobs" ] || exit 1; cat "$0.jobs"',
    "scancel": 'echo "$@" >> "$0.calls"',
    "srun": "exit 1",
}


class Cluster:
    """Folder with commands that behave as the test says."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name, body in COMMANDS.items():
            (folder / name).write_text(f"#!/bin/sh\n{body}\n")
            (folder / name).chmod(0o755)
        self.says()

    def says(self, *lines: str, of: str = "squeue") -> None:
        """Print these jobs, ``number|state|...``, each by the name that it was submitted with."""
        rows = [line.split("|", 1) for line in lines]
        (self.folder / f"{of}.jobs").write_text("".join(f"{job}|{self.name_of(job)}|{rest}\n" for job, rest in rows))

    def name_of(self, job: str) -> str:
        script = self.folder / f"sbatch.{job}"
        found = re.search(r"--job-name=(\S+)", script.read_text()) if script.exists() else None
        return found[1] if found else "another"

    def fails(self, of: str, words: str = "") -> None:
        path = self.folder / f"{of}.fails"
        if words:
            path.write_text(words)
        else:
            path.unlink()

    def calls(self, of: str) -> list[str]:
        path = self.folder / f"{of}.calls"
        return path.read_text().splitlines() if path.exists() else []


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return Cluster(folder)


@pytest.fixture
def worker(cluster: Cluster, home: Path, tmp_path: Path) -> SlurmWorker:
    config = SlurmConfig(partition="gpu", time=90, gpus=2, cpus=6, memory="8G", jobs=2, look_seconds=0.2, folder=tmp_path / "own",
                         extra_lines=("--constraint=a100|b",), setup=("module load x",))  # fmt: skip
    return SlurmWorker(home, config)


def handed_in(count: int = 1, **training: object) -> list[Run]:
    return [
        submit(create_run(RunConfig.parse({"data": {"name": "digits"}, "training": {"seed": seed, **training}})))
        for seed in range(1, count + 1)
    ]


def look(worker: SlurmWorker) -> None:
    """A step that asks the cluster."""
    worker._looked = float("-inf")
    worker.step()


def test_what_is_submitted(worker: SlurmWorker, cluster: Cluster, tmp_path: Path) -> None:
    (run,) = handed_in(devices=4, nodes=2)
    worker.step()
    script = (cluster.folder / "sbatch.1").read_text()
    for line in ("partition=gpu", "time=90", "nodes=2", "ntasks-per-node=1", "gpus-per-node=4", "mem=8G", "no-requeue",
                 "signal=USR2@120", "constraint='a100|b'", f"job-name={run.id}"):  # fmt: skip
        assert f"#SBATCH --{line}\n" in script
    assert "\nmodule load x\n" in script and "--kill-on-bad-exit=1 --cpus-per-task=6 " in script
    launch = open_run(run.id).record.launcher
    assert launch is not None and (launch.name, launch.job, launch.state) == ("slurm", "1", "PENDING")
    (pickle,) = (tmp_path / "own").glob("*.pkl")
    assert stat.S_IMODE((tmp_path / "own").stat().st_mode) == 0o700
    texts = {argument for _, argument, _ in pickletools.genops(pickle.read_bytes()) if isinstance(argument, str)}
    assert str(run.path) in texts and "lwal_core.launchers.slurm_job" in texts  # the class by name, the path as text
    assert pickle.stat().st_size < 1_000 and not any("config" in text or text == "digits" for text in texts)


def test_what_is_left_out_the_cluster_decides(cluster: Cluster, home: Path, tmp_path: Path) -> None:
    handed_in()
    SlurmWorker(home, SlurmConfig(folder=tmp_path / "own")).step()
    script = (cluster.folder / "sbatch.1").read_text()
    for option in ("time", "partition", "account", "mem", "gpus-per-node", "cpus-per-task"):
        assert f"--{option}" not in script


def test_the_callable_comes_back_as_itself() -> None:
    from lwal_core.launchers.slurm_job import SlurmJob

    job = SlurmJob("/home/runs/a")
    assert vars(job) == {"folder": "/home/runs/a"} and job.checkpoint().function is job


def test_a_cap_of_jobs_and_one_question_for_all(worker: SlurmWorker, cluster: Cluster) -> None:
    runs = handed_in(4)
    look(worker)
    assert len(cluster.calls("sbatch")) == 2 and not cluster.calls("squeue")
    cluster.says("1|RUNNING|n1|1:30:00|None", "2|PENDING||1:30:00|Priority", "77|RUNNING|n9|5:00|None")
    (cluster.folder / "squeue.pending").write_text("2|gpu|10\n90|gpu|900\n91|cpu|901\n")
    look(worker)
    assert (
        len(cluster.calls("squeue")) == 2 and len(cluster.calls("sbatch")) == 2
    )  # states, and places of those that wait
    first, second = (open_run(run.id).record.launcher for run in runs[:2])
    assert first is not None and (first.state, first.node, first.limit) == ("RUNNING", "n1", "1:30:00")
    assert second is not None and (second.state, second.node, second.reason) == ("PENDING", "", "Priority")
    assert (second.position, second.why) == (2, "jobs of higher priority are before it") and first.position == 0
    assert (
        second.title
        == "SLURM job 2, pending (place 2 in its partition, jobs of higher priority are before it), time limit 1:30:00"
    )
    listed = {run.id: run.launcher for run in list_runs()}
    assert listed[runs[0].id] == first and listed[runs[2].id] is None
    RunWriter(runs[0].path).move_to("done", "")
    cluster.says("1|COMPLETED|n1|1:30:00|None", "2|PENDING||1:30:00|Priority")
    look(worker)
    assert len(cluster.calls("sbatch")) == 3
    done = open_run(runs[0].id).record
    assert done.status == "done" and done.launcher is not None and done.launcher.over


ENDINGS = [  # status before, SLURM's word, status after, what the reason says
    ("queued", "CANCELLED", "cancelled", "cancelled there"),
    ("running", "CANCELLED", "cancelled", "cancelled there"),
    ("interrupted", "CANCELLED", "cancelled", "cancelled there"),
    ("interrupted", "TIMEOUT", "queued", "taken up again"),
    ("interrupted", "PREEMPTED", "queued", "taken up again"),
    ("running", "NODE_FAIL", "queued", "taken up again"),
    ("running", "OUT_OF_MEMORY", "queued", "taken up again"),
    ("queued", "FAILED", "queued", ""),
    ("cancelling", "FAILED", "cancelled", "was to stop"),
    ("failed", "FAILED", "failed", ""),
    ("cancelled", "CANCELLED", "cancelled", ""),
]


@pytest.mark.parametrize(("before", "word", "after", "reason"), ENDINGS)
def test_what_becomes_of_a_run_whose_job_is_over(
    before: str, word: str, after: str, reason: str, worker: SlurmWorker, cluster: Cluster
) -> None:
    (run,) = handed_in()
    worker.step()
    change_record(run.path, lambda record: record if before == "queued" else record.moved_to(before, ""))  # type: ignore[arg-type]
    cluster.says(f"1|{word}|n1|5:00|None")
    look(worker)
    record = open_run(run.id).record
    assert record.status == after and reason in record.history[-1].reason
    if before == "running" and after == "queued":
        assert record.history[-2].reason == f"its SLURM job 1 ended as {word} on n1"
    assert "1" not in worker.jobs.values()


def test_a_job_that_never_comes_to_train_is_bounded_and_says_why(
    worker: SlurmWorker, cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BACKOFF_SECONDS", 0.0)
    (run,) = handed_in()
    worker.step()
    for number in range(1, MAX_STARTS + 1):
        assert len(cluster.calls("sbatch")) == number
        (tmp_path / "own" / f"{number}_0_log.err").write_text("x\nsrun: error: python: No such file\n")
        cluster.says(f"{number}|FAILED|n1|5:00|NonZeroExitCode")
        look(worker)
    record = open_run(run.id).record
    assert record.status == "failed"
    assert "5 times in a row: its SLURM job 5 ended as FAILED on n1: srun: error: python: No such file" in record.error
    assert list((tmp_path / "own").glob("*.err")) == []


def test_a_time_limit_that_is_too_short_for_an_epoch_is_bounded(
    worker: SlurmWorker, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BACKOFF_SECONDS", 0.0)
    (run,) = handed_in()
    worker.step()
    for number in range(1, MAX_STARTS + 1):
        assert len(cluster.calls("sbatch")) == number
        change_record(run.path, lambda record: record.moved_to("interrupted", ""))
        cluster.says(f"{number}|TIMEOUT|n1|5:00|TimeLimit")
        look(worker)
    record = open_run(run.id).record
    assert record.status == "failed" and len(cluster.calls("sbatch")) == MAX_STARTS
    assert "interrupted 5 times in a row before epoch 1 was done; the last time its SLURM job 5" in record.error


@pytest.mark.parametrize("status", ["queued", "running", "interrupted"])
def test_a_run_is_not_given_up_however_often_it_is_preempted(
    status: str, worker: SlurmWorker, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BACKOFF_SECONDS", 0.0)
    (run,) = handed_in()
    worker.step()
    for number in range(1, MAX_STARTS + 3):
        assert len(cluster.calls("sbatch")) == number
        if status != "queued":
            change_record(run.path, lambda record: record.moved_to(status, ""))  # type: ignore[arg-type]
        cluster.says(f"{number}|PREEMPTED|n1|5:00|None")
        look(worker)
    assert open_run(run.id).record.status == "queued"


def test_a_process_that_is_there_keeps_its_run_whatever_slurm_says(worker: SlurmWorker, cluster: Cluster) -> None:
    (run,) = handed_in()
    worker.step()
    change_record(run.path, lambda record: record.moved_to("running", ""))
    cluster.says("1|NODE_FAIL|n1|5:00|None")
    with RunLock(run.path):
        look(worker)
        assert open_run(run.id).record.status == "running" and worker.jobs == {run.id: "1"}
    look(worker)
    assert open_run(run.id).record.status == "queued"


def test_a_training_that_is_silent_for_long_is_submitted_again(
    worker: SlurmWorker, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SLURM takes a job for running whose node hangs."""
    (run,) = handed_in()
    worker.step()
    change_record(run.path, lambda record: record.moved_to("running", ""))
    cluster.says("1|RUNNING|n1|5:00|None")
    look(worker)
    assert open_run(run.id).record.status == "running"
    monkeypatch.setattr(worker.recovery, "is_silent", lambda run: True)
    look(worker)
    record = open_run(run.id).record
    assert cluster.calls("scancel") == ["1"] and record.status == "queued"
    assert record.history[-2].reason == "its SLURM job 1 gave no sign of life on n1"


def test_a_controller_that_is_away_loses_nothing(
    worker: SlurmWorker, cluster: Cluster, caplog: pytest.LogCaptureFixture
) -> None:
    runs = handed_in(2)
    worker.slots = 1
    worker.step()
    cluster.fails("squeue", "slurm_load_jobs error: Unable to contact slurm controller (connect failure)\n")
    with caplog.at_level("INFO"):
        for _ in range(3):
            look(worker)
    away = [line for line in caplog.messages if "SLURM does not answer" in line]
    assert away == ["SLURM does not answer: Unable to contact slurm controller (connect failure)."]
    assert len(cluster.calls("sbatch")) == 1
    assert [open_run(run.id).status for run in runs] == ["queued", "queued"]
    cluster.fails("squeue")
    cluster.says("1|RUNNING|n1|5:00|None")
    look(worker)
    assert worker.jobs == {runs[0].id: "1"}


def test_a_run_that_slurm_does_not_accept_waits_with_the_reason(worker: SlurmWorker, cluster: Cluster) -> None:
    (run,) = handed_in()
    cluster.fails("sbatch", "sbatch: error: invalid partition specified: gpu\nsbatch: error: more\n")
    worker.step()
    record = open_run(run.id).record
    assert record.status == "queued" and record.job is not None and record.job.starts == 0 and record.owner is None
    assert record.launcher is not None and "invalid partition specified: gpu" in record.launcher.reason
    cluster.fails("sbatch")
    for _ in range(3):
        look(worker)
    assert len(cluster.calls("sbatch")) == 1  # not before a minute is over
    worker.recovery.hold_back(run.id, 0)
    look(worker)
    assert open_run(run.id).record.launcher.job == "2"  # type: ignore[union-attr]


def test_cancel_and_resume_while_a_job_waits(worker: SlurmWorker, cluster: Cluster) -> None:
    (run,) = handed_in()
    worker.step()
    cluster.says("1|PENDING||5:00|Resources")
    cancel(open_run(run.id))
    look(worker)
    assert cluster.calls("scancel") == ["1"] and open_run(run.id).status == "cancelled"
    submit(make_ready(open_run(run.id)))
    look(worker)
    assert open_run(run.id).record.launcher.job == "2"  # type: ignore[union-attr]


def test_jobs_that_squeue_forgot_are_asked_for_in_the_accounts(cluster: Cluster, tmp_path: Path) -> None:
    launcher = SlurmLauncher(SlurmConfig(folder=tmp_path / "own"))
    names = dict.fromkeys("123", "another")
    cluster.says("3|COMPLETED|n1|5:00|None")
    launcher.look(names)
    assert [launcher.facts(job).state for job in "123"] == ["GONE", "GONE", "COMPLETED"]
    cluster.says("1|CANCELLED by 1000|n[1-2]|01:00:00", "2|TIMEOUT|None assigned|", of="sacct")
    launcher.look(names)
    assert [launcher.facts(job).state for job in "123"] == ["CANCELLED", "TIMEOUT", "COMPLETED"]
    assert launcher.facts("1").node == "n[1-2]" and launcher.facts("2").node == "" and launcher.state("1").over
    assert cluster.calls("sacct")[-1].endswith("-j 1,2")


def test_a_record_that_names_another_job_cancels_none(worker: SlurmWorker, cluster: Cluster) -> None:
    """Whoever may write a shared home could name any job of the worker's user in it."""
    (run,) = handed_in()
    launch = Launch(name="slurm", job="4711", state="RUNNING")
    change_record(run.path, lambda record: record.moved_to("cancelled", "").model_copy(update={"launcher": launch}))
    cluster.says("4711|RUNNING|n1|5:00|None")
    look(worker)
    assert cluster.calls("scancel") == [] and open_run(run.id).record.launcher.over  # type: ignore[union-attr]


def test_a_folder_of_pickles_is_its_users_alone(tmp_path: Path) -> None:
    assert own_folder(tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o700
    (tmp_path / "a" / "b").chmod(0o750)
    (tmp_path / "link").symlink_to(tmp_path / "a")
    for path in (tmp_path / "a" / "b", tmp_path / "link"):
        with pytest.raises(LwalError, match="mode 0700"):
            own_folder(path)


def test_without_slurm_or_submitit_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LwalError, match="sbatch, squeue, scancel, srun cannot be found"):
        SlurmLauncher(SlurmConfig(folder=tmp_path / "own"))
    monkeypatch.setitem(__import__("sys").modules, "submitit", None)
    with pytest.raises(LwalError, match=r"lwal-explorer\[slurm\]"):
        SlurmLauncher(SlurmConfig(folder=tmp_path / "own"))
