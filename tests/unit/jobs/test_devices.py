"""Devices that machines have at most, and refusing those that none has before a run waits."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lwal_core.cli.main import app
from lwal_core.errors import ConfigError
from lwal_core.jobs import devices, live_workers
from lwal_core.jobs.devices import Devices, check_device, devices_here
from lwal_core.jobs.worker_heartbeat import WorkerHeartbeat, admission_folder
from lwal_core.runs import create_run, list_runs


@pytest.mark.parametrize(
    ("machine", "there", "not_there", "unknown"),
    [
        (Devices(cuda=0, mps=False), ["auto", "cpu"], ["cuda", "cuda:0", "mps"], []),
        (Devices(cuda=2, mps=False), ["cuda", "cuda:0", "cuda:1"], ["cuda:2", "cuda:7", "mps"], []),
        (Devices(cuda=0), ["cpu"], ["cuda"], ["mps"]),
        (Devices(), ["auto", "cpu"], [], ["cuda", "cuda:7", "mps"]),
    ],
)
def test_what_a_machine_has(machine: Devices, there: list[str], not_there: list[str], unknown: list[str]) -> None:
    assert all(machine.has(name) is True and check_device(name, [machine]) == "" for name in there)
    for name in not_there:
        assert machine.has(name) is False
        with pytest.raises(ConfigError, match=f"{name}.*use auto"):
            check_device(name, [machine])
    assert all(machine.has(name) is None and name in check_device(name, [machine]) for name in unknown)


def test_one_machine_of_several_is_enough_and_none_tells_nothing() -> None:
    cpu, gpu = Devices(cuda=0, mps=False), Devices(cuda=4, mps=False)
    assert check_device("cuda:3", [cpu, gpu]) == ""
    with pytest.raises(ConfigError, match="cuda:0 to cuda:3"):
        check_device("cuda:4", [cpu, gpu])
    assert "cuda:9" in check_device("cuda:9", []) and "cuda:9" in check_device("cuda:9", [cpu, Devices()])
    assert check_device("auto", []) == ""


def test_found_from_the_driver_and_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(devices, "NVIDIA", tmp_path / "gpus")
    monkeypatch.setattr(devices, "OTHER_DRIVERS", ())
    assert devices_here() == Devices(cuda=0, mps=False)
    monkeypatch.setattr(devices, "OTHER_DRIVERS", ("null",))  # some other driver's device file
    assert devices_here().cuda is None
    for name in ("0000:01:00.0", "0000:02:00.0"):
        (tmp_path / "gpus" / name).mkdir(parents=True)
    assert devices_here().cuda == 2
    for text, count in (("", 0), ("-1", 0), ("0", 1), ("0,1", 2)):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", text)
        assert devices_here().cuda == count
    monkeypatch.setattr(sys, "platform", "darwin")
    assert devices_here() == Devices(cuda=0, mps=None)


def test_workers_tell_their_devices_and_older_ones_do_not(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    line = admission_folder(home)
    line.mkdir(parents=True)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,2")
    heartbeat = WorkerHeartbeat(line, 1)
    heartbeat.beat()
    assert [worker.devices.cuda for worker in live_workers(home)] == [3]
    values = json.loads(heartbeat.path.read_text())
    del values["devices"]
    heartbeat.path.write_text(json.dumps(values))
    assert [worker.devices.cuda for worker in live_workers(home)] == [None]


@pytest.mark.parametrize("arguments", [["train", "--device", "cuda:7"], ["train", "--device", "mps", "--no-wait"]])
def test_refused_before_a_run_is_made(home: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str]) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    line = admission_folder(home)
    line.mkdir(parents=True)
    WorkerHeartbeat(line, 1).beat()
    result = CliRunner().invoke(app, arguments)
    assert isinstance(result.exception, ConfigError) and arguments[2] in str(result.exception)
    assert list_runs() == []


def test_retry_with_a_device_that_is_not_there_makes_no_run(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from lwal_core.config import RunConfig

    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    run = create_run(RunConfig())
    result = CliRunner().invoke(app, ["retry", run.id, "--set", "training.device=cuda:7"])
    assert isinstance(result.exception, ConfigError) and len(list_runs()) == 1


def test_a_queue_without_workers_accepts_and_says_so(home: Path) -> None:
    result = CliRunner().invoke(app, ["train", "--device", "cuda:7", "--no-wait"])
    assert result.exit_code == 0 and "cuda:7" in result.output and len(list_runs()) == 1
