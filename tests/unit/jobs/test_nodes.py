"""Runs on several nodes: torchrun's command, and who refuses them."""

from __future__ import annotations

import io
import sys
import zipfile
from pathlib import Path

import orjson
import pytest

from lwal_core.config import RunConfig
from lwal_core.errors import ConfigError, TrainingError
from lwal_core.jobs import check_nodes, start_training, submit
from lwal_core.jobs.processes import NodePlace, launch_command
from lwal_core.jobs.worker import Worker
from lwal_core.runs import create_run, open_run
from lwal_core.runs.bundle import write_bundle
from lwal_core.runs.record import Launch, change_record, read_record


def on_nodes(nodes: int) -> RunConfig:
    return RunConfig.parse({"data": {"name": "digits"}, "training": {"nodes": nodes}})


def test_the_command_of_each_node() -> None:
    folder = Path("/runs/a")
    assert launch_command(folder, 1) == [sys.executable, "-m", "lwal_core.training", "/runs/a"]
    assert "--standalone" in launch_command(folder, 4)
    second = launch_command(folder, 4, NodePlace(1, 2, "node-7:4321"))
    assert second[:3] == [sys.executable, "-m", "torch.distributed.run"] and "--standalone" not in second
    assert {"--nnodes=2", "--node-rank=1", "--master-addr=node-7", "--master-port=4321", "--nproc-per-node=4"} <= set(
        second
    )


def test_a_machine_alone_refuses_them() -> None:
    for launchers in (["process"], ["process", "process"]):
        with pytest.raises(ConfigError, match="2 nodes need a cluster"):
            check_nodes(2, launchers)
    for nodes, launchers in ((1, ["process"]), (2, []), (2, ["process", "slurm"])):
        check_nodes(nodes, launchers)
    with pytest.raises(TrainingError, match=r"2 nodes were asked for, and LWAL_LAUNCHER=process trains on one\. Leave"):
        start_training(create_run(on_nodes(2)))


def test_a_worker_of_one_machine_lets_them_fail_with_the_reason(home: Path) -> None:
    run = submit(create_run(on_nodes(2)))
    worker = Worker(home, slots=1)
    worker.step()
    record = open_run(run.id).record
    assert record.status == "failed" and "2 nodes were asked for" in record.error
    assert not worker.trainings and worker.queue.run_ids() == []


def test_where_a_run_was_started_stays_at_home() -> None:
    run = create_run(on_nodes(1))
    launch = Launch(name="slurm", job="7", node="secret-node", state="COMPLETED", over=True)
    change_record(run.path, lambda record: record.moved_to("failed", "").model_copy(update={"launcher": launch}))
    with zipfile.ZipFile(io.BytesIO(write_bundle(open_run(run.id)))) as archive:
        values = orjson.loads(archive.read("run.json"))
        assert b"secret-node" not in b"".join(archive.read(name) for name in archive.namelist())
    assert values["launcher"] is None and read_record(run.path).launcher == launch
    assert launch.title == "SLURM job 7, completed on secret-node"
