"""Two processes with half a batch each are one process with the whole: losses, gradients, labels, whole runs."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from lwal_core.config import RunConfig
from lwal_core.jobs import start_training
from lwal_core.methods import AdaptiveLabels
from lwal_core.runs import Run, create_run, open_run
from lwal_core.runs.metrics import COLLAPSE, MEASURES
from lwal_core.training.loop import train_run

pytestmark = pytest.mark.process

ROOT = Path(__file__).resolve().parents[3]
TOLERANCE = 1e-5

WORKER = """
import json, os, sys
import torch
import torch.distributed as dist
from lwal_core.methods import AdaptiveLabels, ContrastedSamples, CorrelatedWithTree, PrototypeContrast, StepContext
from lwal_core.training.parallel import _WholeBatchNorm

dist.init_process_group("gloo")
rank, size = dist.get_rank(), dist.get_world_size()

def run(options):
    torch.manual_seed(0)
    x, y = torch.randn(24, 6, dtype=torch.float64), torch.randint(0, 5, (24,))
    net = torch.nn.Sequential(torch.nn.Linear(6, 8), torch.nn.BatchNorm1d(8), torch.nn.Linear(8, 7)).double()
    net[1] = _WholeBatchNorm(net[1])
    net[1].float()
    labels = AdaptiveLabels(5, 7, **options).double()
    own = slice(rank, None, size)
    results = []
    for step in range(3):
        net.zero_grad()
        loss = labels(net(x[own]), y[own])
        loss.total.backward()
        for p in net.parameters():
            dist.all_reduce(p.grad)
            p.grad /= size
        pull = loss.pull.detach().clone()
        dist.all_reduce(pull)
        results.append([pull.item() / size, loss.push.item(), *[p.grad.flatten().tolist() for p in net.parameters()]])
        with torch.no_grad():
            for p in net.parameters():
                p -= 0.1 * p.grad
    norm = net[1]
    return {"steps": results, "labels": labels.labels.tolist(), "mean": norm.running_mean.tolist(), "var": norm.running_var.tolist()}

def over_the_batch(method):
    torch.manual_seed(1)
    x, y = torch.randn(24, 6, dtype=torch.float64), torch.randint(0, 5, (24,))
    net = torch.nn.Linear(6, method.dim).double()
    features, own = torch.nn.Parameter(x), slice(rank, None, size)
    z = torch.nn.functional.normalize(net(features[own]), dim=1)
    loss = method.double().step_loss(z, y[own], StepContext(torch.arange(24)[own], features[own], 1, 2))
    loss.total.backward()
    parts = [loss.total.detach().clone(), net.weight.grad, features.grad]
    for part in parts:
        dist.all_reduce(part)
    return [(part / size).flatten().tolist() for part in parts] + [method.label_table().tolist()]

tree = torch.tensor([[0 if a == b else 2 if a // 2 == b // 2 else 4 for a in range(5)] for b in range(5)])
methods = [ContrastedSamples(5, 4, 0.5), PrototypeContrast(5), PrototypeContrast(5, negatives_only=True), CorrelatedWithTree(tree)]
try:
    from lwal_core.errors import TrainingError
    from lwal_core.methods.proxy import ProxyLabels
    methods.append(ProxyLabels(5, 4))
except TrainingError:
    pass

out = [run(options) for options in json.loads(sys.argv[1])] + [[over_the_batch(method) for method in methods]]
if rank == 0:
    print("\\n" + json.dumps(out))
dist.destroy_process_group()
sys.stdout.flush()
os._exit(0)  # as a training ends: threads of torch.distributed may still run
"""
OPTIONS: list[dict[str, Any]] = [
    {},
    {"push_weight": 0.0},
    {"stationary_steps": 2, "decay": 0.5},
    {"leave_one_out": True},
]


def together(count: int) -> list[Any]:
    """What the first of so many processes printed, for each of :data:`OPTIONS`, and at last of the other methods."""
    found: list[Any] = json.loads(printed(count, WORKER, json.dumps(OPTIONS))[0].splitlines()[-1])
    return found


def printed(count: int, code: str, argument: str) -> list[str]:
    """What each of so many processes printed, which train together by the same code."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {
        **os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port), "WORLD_SIZE": str(count),
    }  # fmt: skip
    command = [sys.executable, "-c", code, argument]
    team = [
        subprocess.Popen(
            command, env={**environment, "RANK": str(rank)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        for rank in range(count)
    ]
    outputs = [process.communicate(timeout=120) for process in team]
    assert all(process.returncode == 0 for process in team), [error.decode()[-2000:] for _, error in outputs]
    return [out.decode() for out, _ in outputs]


def test_two_halves_are_one_whole(subtests: pytest.Subtests) -> None:
    alone, shared = together(1), together(2)
    for options, one, two in zip(OPTIONS, alone[:-1], shared[:-1], strict=True):
        with subtests.test(str(options)):
            check_equal(one, two)
    assert len(alone[-1]) >= 4
    for number, (one, two) in enumerate(zip(alone[-1], shared[-1], strict=True)):
        with subtests.test(f"a loss over the batch: {number}"):
            for parts in zip(one, two, strict=True):
                assert np.allclose(*parts, atol=1e-6) and np.abs(parts[0]).max() > 0
    with subtests.test("one process is what the module does without a group"):
        check_without_group(alone[0])


def check_equal(one: dict[str, Any], two: dict[str, Any]) -> None:
    """Losses, gradients, labels and batch statistics."""
    for alone, shared in zip(one["steps"], two["steps"], strict=True):
        assert shared[0] == pytest.approx(alone[0], abs=TOLERANCE)
        assert shared[1] == pytest.approx(alone[1], abs=TOLERANCE)
        for gradient, expected in zip(shared[2:], alone[2:], strict=True):
            assert np.allclose(gradient, expected, atol=TOLERANCE)
    for key in ("labels", "mean", "var"):
        assert np.allclose(two[key], one[key], atol=TOLERANCE)


def check_without_group(one: dict[str, Any]) -> None:
    torch.manual_seed(0)
    x, y = torch.randn(24, 6, dtype=torch.float64), torch.randint(0, 5, (24,))
    net = torch.nn.Sequential(torch.nn.Linear(6, 8), torch.nn.BatchNorm1d(8), torch.nn.Linear(8, 7)).double()
    loss = AdaptiveLabels(5, 7).double()(net(x), y)
    assert one["steps"][0][:2] == pytest.approx([loss.pull.item(), loss.push.item()], abs=TOLERANCE)
    loss.total.backward()
    for gradient, parameter in zip(one["steps"][0][2:], net.parameters(), strict=True):
        assert parameter.grad is not None
        assert np.allclose(gradient, parameter.grad.flatten(), atol=TOLERANCE)


def made(devices: int, method: dict[str, Any]) -> Run:
    config = RunConfig.parse(
        {
            "data": {"name": "digits", "per_class": 36, "validation": 0.11},  # 32 of a class are left
            "method": method,
            "encoder": {"name": "small_cnn", "width": 4},
            "training": {
                "epochs": 2,
                "batch_size": 80,
                "devices": devices,
                "device": "cpu",
                "optimizer": "sgd",
                "learning_rate": 0.01,
            },
        }
    )
    return create_run(config)


def check_same_training(run: Run, method: dict[str, Any]) -> None:
    """What two processes left is what this process alone makes of the same options."""
    alone, two = made(1, method), open_run(run.id)
    train_run(alone.path)
    one = open_run(alone.id)
    assert two.group == one.group
    # Plain steps, as Adam divides by a gradient's size and so turns rounding into steps of full length.
    assert np.allclose(two.metrics().loss[1:], one.metrics().loss[1:], rtol=1e-4)
    assert np.allclose(two.vectors(2), one.vectors(2), atol=1e-3 * np.abs(one.vectors(2)).max())
    ours, theirs = one.metrics(), two.metrics()
    assert abs(theirs.test_accuracy_mean[-1] - ours.test_accuracy_mean[-1]) < 0.01
    # At epoch 0 nothing was trained: the shares of two processes are counted as one process counts the whole.
    for name in (
        "train_accuracy_mean",
        "test_accuracy_mean",
        "test_accuracy_own",
        "validation_accuracy_mean",
        *MEASURES,
    ):
        assert getattr(theirs, name)[0] == pytest.approx(getattr(ours, name)[0], abs=1e-5), name
    for layer in ("outputs", "features"):
        whole_set, shares = ours.collapse(layer), theirs.collapse(layer)
        assert whole_set.keys() == shares.keys() == COLLAPSE.keys()
        for name in COLLAPSE:
            assert shares[name][0] == pytest.approx(whole_set[name][0], rel=1e-4), (layer, name)
    assert theirs.validation_accuracy_mean == pytest.approx(ours.validation_accuracy_mean, abs=0.03)
    before, after = one.labels(0), two.labels(0)
    for rule in ("mean", "own"):
        np.testing.assert_allclose(after.precision(rule), before.precision(rule), atol=1e-6)
    assert before.calibration is not None and after.calibration is not None
    np.testing.assert_array_equal(after.calibration[0], before.calibration[0])
    whole, shared = one.evaluation(), two.evaluation()
    assert (shared.y == whole.y).all() and shared.z.shape == whole.z.shape


def test_a_whole_run_by_two_processes_as_a_worker_starts_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    method = {"name": "lwal"}
    run = made(2, method)
    assert start_training(run).wait(180) == 0, open_run(run.id).log_tail(20)
    assert open_run(run.id).status == "done"
    check_same_training(run, method)


RUNS = """
import json, os, sys
from pathlib import Path
import torch.distributed as dist
from lwal_core.data import skipped
from lwal_core.errors import DataError
from lwal_core.training import loop
from lwal_core.training.parallel import Team

dist.init_process_group("gloo")
Team.leave = lambda self: None  # the next run is trained by the same processes
team, watch = Team.from_environment(), loop._Trainer._watch

def differs(self, row):
    watch(self, row)
    if team.rank == 1:  # what it computed is better in the last bit, each time
        self.counters.epochs_without_better = 0

*whole, patient = map(Path, json.loads(sys.argv[1]))
skipped.MAX_UNREADABLE_SHARE = 0.03
for folder in whole:
    try:
        loop.train_run(folder, team=team)
    except DataError as error:
        print("\\n" + str(error))
loop._Trainer._watch = differs
print("\\n" + loop.train_run(patient, team=team))
dist.destroy_process_group()
sys.stdout.flush()
os._exit(0)  # as a training ends: threads of torch.distributed may still run
"""
"""Several whole runs by one team of processes, as starting a team takes far longer than training. In the last run the
processes disagree whether patience is over."""


def with_broken(folder: Path, broken: tuple[int, ...]) -> Run:
    """A run of 40 images, in whose test part images of the second class are broken: the second process alone evaluates them, and
    no thumbnail shows them."""
    for part, count in (("train", 8), ("test", 12)):
        for number in range(2 * count):
            file = folder / part / "ab"[number % 2] / f"{number // 2}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (8, 8), (number, 9 * number, 255 * (number % 2))).save(file)
    for number in broken:
        (folder / "test" / "b" / f"{number}.png").write_bytes(b"")
    values = {
        "data": {"name": f"folder:{folder}", "image_size": 8}, "encoder": {"width": 4},
        "training": {"epochs": 1, "batch_size": 8, "devices": 2, "device": "cpu"},
    }  # fmt: skip
    return create_run(RunConfig.parse(values))


def test_whole_runs_by_two_processes_that_stay_and_stop_early_together(
    subtests: pytest.Subtests, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every method, broken images that one process sees alone, and a run where the first process decides that patience is over and
    nobody waits for one that left."""
    monkeypatch.setenv("LWAL_DATA_MEMORY", "0")
    monkeypatch.setenv("LWAL_DATA_WORKERS", "0")
    one, two = with_broken(tmp_path / "one", (3,)), with_broken(tmp_path / "two", (3, 7))
    methods: list[dict[str, Any]] = [
        {"name": "onehot"},
        {"name": "labelemb"},
        {"name": "lwr", "retrospection_epochs": 1},
        {"name": "hybrid", "head": "cosine", "branch_push_weight": 1.0},
    ]
    runs = [made(2, method) for method in methods]
    config = RunConfig.parse(
        {
            "data": {"name": "digits", "per_class": 8},
            "training": {
                "epochs": 8, "batch_size": 40, "devices": 2, "device": "cpu", "optimizer": "sgd", "learning_rate": 1e-9,
                "patience": 2, "watch": "test_accuracy_mean",
            },
        }
    )  # fmt: skip
    patient = create_run(config)
    outputs = printed(2, RUNS, json.dumps([str(run.path) for run in (*runs, one, two, patient)]))
    for run, method in zip(runs, methods, strict=True):
        with subtests.test(str(method["name"])):
            check_same_training(run, method)
    with subtests.test("broken images"):
        assert (one.path / "skipped.csv").read_text().splitlines() == ["path,reason", "test/b/3.png,it is empty"]
        assert "Images that cannot be read, named in skipped.csv: 1" in open_run(one.id).record.data.notes[-1]
        assert len((two.path / "skipped.csv").read_text().splitlines()) == 3
        assert all("2 of 40 images in" in output and "more than 3%" in output for output in outputs)
    with subtests.test("patience"):
        first, second = (output.splitlines()[-1] for output in outputs)
        assert first == second and "no better for 2 epochs" in first
        assert open_run(patient.id).metrics().epochs_done < 8


def test_batch_norms_of_timm_keep_their_activation() -> None:
    """In one process the statistics of all processes are those of the batch."""
    import copy

    from timm.layers import BatchNormAct2d

    from lwal_core.training.parallel import _WholeBatchNorm

    own = BatchNormAct2d(3)
    shared = _WholeBatchNorm(copy.deepcopy(own))
    assert shared.state_dict().keys() == own.state_dict().keys()
    for training in (True, False):
        x = torch.randn(4, 3, 5, 5)
        assert torch.allclose(shared.train(training)(x), own.train(training)(x.clone()), atol=1e-5)
    assert torch.allclose(shared.running_var, own.running_var) and float(shared(x).min()) == 0
