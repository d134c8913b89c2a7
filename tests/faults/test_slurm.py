"""A real SLURM cluster of two nodes on this machine: runs go to both, come back after time limits and dead nodes, and are cancelled
from either side. Trainings are stand-ins but where the numbers count."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from lwal_core.config import RunConfig
from lwal_core.jobs import cancel, start_training, submit
from lwal_core.jobs.stop import LOST_WORKER
from lwal_core.runs import Run, create_run, open_run
from tests.faults.service import ROOT, STAND_IN, Service, check_done_once, hand_in, same_results, short, wait_until
from tests.support.slurm import Cluster, running_cluster

STAND_IN_SITE = ROOT / "tests" / "support" / "stand_in_site"


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    yield from running_cluster()


@pytest.fixture
def login_node(
    cluster: Cluster, make_service: Callable[..., Service], home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Service]]:
    """Make the worker of a login node, with ``slurm.yaml`` in the home; jobs that are left are cancelled at the end."""

    def make(real: bool = False, epoch_seconds: float = 0.05, **options: object) -> Service:
        setup = [] if real else [f"export PYTHONPATH={STAND_IN_SITE}:$PYTHONPATH"]
        settings = {
            "partition": "main", "time": "0:10:00", "cpus": 1, "look_seconds": 0.5, "stop_seconds": 30, "setup": setup,
            "folder": str(tmp_path / "pickles"), **options,
        }  # fmt: skip
        home.mkdir(mode=0o700, exist_ok=True)
        (home / "slurm.yaml").write_text(json.dumps(settings), encoding="utf-8")
        (home / "slurm.yaml").chmod(0o600)
        service: Service = make_service(
            real=True, LWAL_LAUNCHER="slurm", STAND_IN_EPOCH_SECONDS=str(epoch_seconds), **cluster.environment
        )
        return service

    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # of all trainings: another number gives other bits
    yield make
    cluster.run("scancel", f"--user={os.geteuid()}", check=False)


def job_of(run: Run) -> str:
    launch = open_run(run.id).record.launcher
    return launch.job if launch else ""


def states(run: Run) -> list[str]:
    return [change.status for change in open_run(run.id).record.history]


def train_all(cluster: Cluster, login_node: Callable[..., Service], home: Path, tmp_path: Path, count: int) -> None:
    runs = hand_in(count, home)
    service = login_node(epoch_seconds=0.1)
    assert service.worker("--until-idle").wait(180) == 0, service.log()
    for run in runs:
        check_done_once(run)
        assert states(run) == ["queued", "running", "done"]
    launches = [open_run(run.id).record.launcher for run in runs]
    assert len({launch.job for launch in launches if launch}) == count
    assert {launch.node for launch in launches if launch} == {"n1", "n2"}
    folder = tmp_path / "pickles"
    assert folder.stat().st_mode & 0o777 == 0o700 and list(folder.iterdir()) == []


def test_runs_go_to_both_nodes_and_each_is_trained_once(
    cluster: Cluster, login_node: Callable[..., Service], home: Path, tmp_path: Path
):
    train_all(cluster, login_node, home, tmp_path, 6)
    listed = subprocess.run(
        [sys.executable, "-m", "lwal_core.cli", "runs", "--json"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for run in json.loads(listed.stdout):
        assert run["launcher"]["name"] == "slurm" and run["launcher"]["job"].isdigit()
        assert run["launcher"]["node"] in ("n1", "n2") and run["launcher"]["state"] == "COMPLETED"
        assert run["launcher"]["limit"] == "10:00"


@pytest.mark.long
def test_twelve_runs_go_to_both_nodes(cluster: Cluster, login_node: Callable[..., Service], home: Path, tmp_path: Path):
    train_all(cluster, login_node, home, tmp_path, 12)


def stand_in(run: Run) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "STAND_IN_EPOCH_SECONDS": "0", "PYTHONPATH": str(ROOT)}
    return subprocess.Popen([sys.executable, str(STAND_IN), "train", str(run.path)], cwd=ROOT, env=environment)


def interrupted_and_resumed(
    service: Service, run: Run, strike: Callable[[str], object], seconds: float, real: bool = True
) -> None:
    """A run is told to stop in mid-training, comes back as another job, and has the same bits as one that nobody disturbed."""
    undisturbed = create_run(run.config)
    alone = start_training(undisturbed) if real else stand_in(undisturbed)
    worker = service.worker("--until-idle")
    wait_until(lambda: open_run(run.id).metrics().epochs_done >= 1, 90, service.log)
    first = job_of(run)
    strike(first)
    wait_until(lambda: open_run(run.id).status == "done", seconds, service.log)
    assert worker.wait(60) == 0
    check_done_once(run)
    times = states(run).count("interrupted")  # a short limit may strike more than once
    assert times >= 1 and states(run) == ["queued", "running", *["interrupted", "queued", "running"] * times, "done"]
    assert job_of(run) != first
    assert alone.wait(120) == 0
    same_results(open_run(run.id), open_run(undisturbed.id))


def test_the_signal_before_the_time_limit_and_the_same_bits(
    cluster: Cluster, login_node: Callable[..., Service], home: Path
):
    """SIGUSR2 to every process of the job, as SLURM sends it ``stop_seconds`` before the limit."""
    run = submit(create_run(short(1, 24)))
    interrupted_and_resumed(login_node(real=True), run, lambda job: cluster.run("scancel", "--signal=USR2", job), 120)


@pytest.mark.long
def test_a_real_time_limit_and_the_same_bits(cluster: Cluster, login_node: Callable[..., Service], home: Path):
    """One minute is SLURM's shortest limit, and it looks every 30 s: asked to stop 45 s before, a training is struck after 15 to
    45 s."""
    run = submit(create_run(short(1, 160)))
    service = login_node(epoch_seconds=0.4, time="1", stop_seconds=45)
    interrupted_and_resumed(service, run, lambda job: None, 400, real=False)


@pytest.mark.parametrize(("partition", "real"), [("main", True), ("abrupt", False)])
def test_preempted_by_a_job_of_higher_priority_and_the_same_bits(
    partition: str, real: bool, cluster: Cluster, login_node: Callable[..., Service], home: Path
):
    """That job takes both nodes: the training ends after its batch, not when its time of grace is over, and comes back after it."""
    run, urgent = submit(create_run(short(1, 60))), []
    service = login_node(real=real, epoch_seconds=0.1, partition=partition)
    interrupted_and_resumed(service, run, lambda job: urgent.append(cluster.preempt(1)), 120, real=real)
    (reason,) = [change.reason for change in open_run(run.id).record.history if change.status == "interrupted"]
    assert reason == LOST_WORKER  # as the training itself notes it
    assert cluster.state(urgent[0]) == "COMPLETED"


def test_cancelled_from_either_side(cluster: Cluster, login_node: Callable[..., Service], home: Path):
    """scancel of a job that runs and of one that waits; `lwal cancel` of one that runs and of one that waits."""
    theirs, ours, their_waiting, our_waiting = hand_in(4, home, epochs=400)
    service = login_node(epoch_seconds=0.2, cpus=2)  # two at a time
    service.worker()
    wait_until(
        lambda: open_run(ours.id).metrics().epochs_done and open_run(theirs.id).metrics().epochs_done, 60, service.log
    )
    wait_until(lambda: job_of(our_waiting), 30, service.log)
    waiting = job_of(our_waiting)
    assert cluster.state(waiting) == "PENDING"
    cancel(open_run(our_waiting.id))
    cluster.run("scancel", job_of(their_waiting))
    wait_until(lambda: cluster.state(waiting) == "CANCELLED", 30, service.log)
    wait_until(lambda: open_run(their_waiting.id).status == "cancelled", 30, service.log)
    cluster.run("scancel", job_of(theirs))
    cancel(open_run(ours.id))
    for run in (theirs, ours):
        wait_until(lambda run=run: open_run(run.id).record.launcher.over, 30, service.log)
        assert open_run(run.id).status == "cancelled" and open_run(run.id).metrics().epochs_done >= 1
    for run in (theirs, their_waiting):
        assert (
            open_run(run.id).record.history[-1].reason == f"its SLURM job {job_of(run)} was cancelled there (scancel)"
        )
    for run in (our_waiting, their_waiting):
        assert states(run) == ["queued", "cancelled"]


def test_a_controller_that_stops_and_comes_back(cluster: Cluster, login_node: Callable[..., Service], home: Path):
    runs = hand_in(3, home, epochs=12)
    service = login_node(epoch_seconds=0.2, jobs=2)
    service.worker("--until-idle")
    wait_until(lambda: all(open_run(run.id).metrics().epochs_done for run in runs[:2]), 60, service.log)
    cluster.stop_controller()
    try:
        wait_until(lambda: "SLURM does not answer" in service.log(), 60, service.log)
        wait_until(lambda: all(open_run(run.id).status == "done" for run in runs[:2]), 60, service.log)
        assert open_run(runs[2].id).status == "queued"
    finally:
        cluster.start_controller()
    (worker,) = service.processes
    assert worker.wait(90) == 0, service.log()
    for run in runs:
        check_done_once(run)
        assert states(run) == ["queued", "running", "done"]
    assert service.log().count("SLURM does not answer") == 1
    assert "Traceback" not in service.log()


def test_a_node_that_dies(cluster: Cluster, login_node: Callable[..., Service], home: Path):
    (run,) = hand_in(1, home, epochs=10)
    service = login_node(epoch_seconds=0.3)
    worker = service.worker("--until-idle")
    wait_until(lambda: open_run(run.id).metrics().epochs_done >= 2, 60, service.log)
    wait_until(lambda: open_run(run.id).record.launcher.node, 30, service.log)
    launch = open_run(run.id).record.launcher
    cluster.kill_node(launch.node)
    try:
        assert worker.wait(90) == 0, service.log()
    finally:
        cluster.start_node(launch.node)
    check_done_once(run)
    assert states(run) == ["queued", "running", "interrupted", "queued", "running", "done"]
    lost = open_run(run.id).record.history[2]
    assert lost.reason == f"its SLURM job {launch.job} ended as NODE_FAIL on {launch.node}"
    assert open_run(run.id).record.launcher.node != launch.node


def test_a_worker_that_is_killed_and_one_that_comes_after_it(
    cluster: Cluster, login_node: Callable[..., Service], home: Path
):
    """Jobs go on without a worker, and the next one finds them; nothing is submitted twice."""
    runs = hand_in(2, home, epochs=10)
    service = login_node(epoch_seconds=0.2)
    service.worker()
    wait_until(lambda: all(job_of(run) for run in runs), 60, service.log)
    jobs = [job_of(run) for run in runs]
    service.processes[0].send_signal(signal.SIGKILL)
    assert service.worker("--until-idle").wait(90) == 0, service.log()
    for run, job in zip(runs, jobs, strict=True):
        check_done_once(run)
        assert states(run) == ["queued", "running", "done"] and job_of(run) == job


def test_two_nodes_train_as_one_process_with_the_whole_batch(
    cluster: Cluster, login_node: Callable[..., Service], home: Path
):
    options = {
        "data": {"name": "digits", "per_class": 32},
        "method": {"name": "lwal"},
        "encoder": {"name": "small_cnn", "width": 4},
        "training": {"epochs": 1, "batch_size": 80, "device": "cpu", "optimizer": "sgd", "learning_rate": 0.01},
    }
    one = create_run(RunConfig.parse(options))
    process = start_training(one)
    options["training"] |= {"nodes": 2}
    two = submit(create_run(RunConfig.parse(options)))
    service = login_node(real=True)
    assert service.worker("--until-idle").wait(180) == 0, service.log() + two.log_tail(20)
    assert process.wait(60) == 0
    one, two = open_run(one.id), open_run(two.id)
    assert two.status == "done" and states(two) == ["queued", "running", "done"], two.log_tail(20)
    assert two.record.device == "cpu x 2" and two.record.launcher.node == "n[1-2]"
    np.testing.assert_allclose(two.metrics().loss[1:], one.metrics().loss[1:], rtol=1e-5)
    for epoch in one.label_epochs():
        np.testing.assert_allclose(two.vectors(epoch, "labels"), one.vectors(epoch, "labels"), atol=1e-5)
    assert one.group == two.group


def test_place_and_reason_of_a_job_that_waits(cluster: Cluster, login_node: Callable[..., Service], home: Path) -> None:
    hold = ("sbatch", "--parsable", "--nodes=2", "--exclusive", "--output=/dev/null", "--wrap", "sleep 300")
    first, second = (cluster.run(*hold).stdout.strip() for _ in range(2))
    wait_until(lambda: cluster.state(first) == "RUNNING", 60)
    (run,) = hand_in(1, home)
    service = login_node()
    service.worker()

    def told() -> tuple[int, str, str]:
        launch = open_run(run.id).record.launcher
        return (launch.position, launch.reason, launch.why) if launch else (0, "", "")

    wait_until(lambda: told()[:2] == (2, "Priority"), 60)
    assert told()[2] == "jobs of higher priority are before it"
    cluster.run("scancel", second)
    wait_until(lambda: told() == (1, "Resources", "no node is free for it yet"), 60)
    cluster.run("scancel", first)
    wait_until(lambda: open_run(run.id).status == "done", 120)
    assert told()[0] == 0
