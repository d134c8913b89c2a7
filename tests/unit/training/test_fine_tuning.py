"""Averaged weights, frozen parts and rates by layer in whole trainings: against a loop by hand, and resumed to the bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file
from torch import nn

from lwal_core.config import RunConfig
from lwal_core.inference_server.model import load_model
from lwal_core.runs import Run, create_run, open_run
from lwal_core.training.averaging import WeightAverage
from lwal_core.training.loop import Cancelled, train_run
from lwal_core.training.optimisation import Stepper, build_optimizer, parameter_groups


def test_the_mean_is_that_of_a_loop() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    average = WeightAverage(network, 0.9)
    average.start()
    expected = network[0].weight.detach().clone().double()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01)
    for step in range(1, 120):
        optimizer.zero_grad()
        network(torch.randn(8, 3)).square().sum().backward()
        optimizer.step()
        average.update(step)
        stays = min(0.9, (1 + step) / (10 + step))
        expected = stays * expected + (1 - stays) * network[0].weight.detach().double()
    mean = average.follow()
    assert torch.allclose(mean[0].weight.double(), expected, atol=1e-6)
    assert int(mean[1].num_batches_tracked) == 119 and not torch.equal(mean[1].running_var, network[1].running_var)
    assert not any(parameter.requires_grad for parameter in mean.parameters())


def test_a_rate_is_scaled_at_every_step() -> None:
    from lwal_core.config import TrainingConfig

    training = TrainingConfig(schedule="cosine", head_rate=10, optimizer="sgd")
    encoder = nn.Linear(2, 2)
    step = nn.ModuleList([encoder, nn.Linear(2, 2)])
    optimizer = build_optimizer(parameter_groups(step, encoder, training), training)
    stepper = Stepper(optimizer, training, 4, torch.float32, torch.device("cpu"))
    for done in range(8):
        stepper.step(step[1](step[0](torch.ones(1, 2))).sum(), done)
        slow, fast = (group["lr"] for group in optimizer.param_groups)
        assert (slow, fast) == pytest.approx((stepper.rate, 10 * stepper.rate))


def make(encoder: dict[str, Any], method: str = "lwal", **training: Any) -> Run:
    values = {
        "data": {"name": "digits", "per_class": 4, "image_size": 32},
        "encoder": encoder, "method": {"name": method},
        "training": {"epochs": 2, "batch_size": 16, "device": "cpu", **training},
    }  # fmt: skip
    return create_run(RunConfig.parse(values))


FINE: dict[str, Any] = {"ema_decay": 0.8, "head_rate": 5.0, "layer_decay": 0.7}


@pytest.mark.parametrize("freeze", ["stem", "all-but-norm"])
def test_stopped_and_resumed_equals_undisturbed(freeze: str) -> None:
    encoder = {"name": "timm:test_resnet", "weights": "random", "freeze": freeze}
    whole, parted = make(encoder, "hybrid", **FINE), make(encoder, "hybrid", **FINE)
    train_run(whole.path)
    asked = 0

    def stop() -> bool:
        nonlocal asked
        asked += 1
        return asked > 5  # in the second epoch of three steps

    with pytest.raises(Cancelled):
        train_run(parted.path, stop)
    train_run(parted.path)
    first, second = (load_file(run.path / "checkpoint" / "last.safetensors") for run in (whole, parted))
    assert first.keys() == second.keys() and any(name.startswith("average/0.encoder") for name in first)
    for name, value in first.items():
        np.testing.assert_array_equal(value, second[name], err_msg=name)
    for name in ("model/model.safetensors", "metrics.jsonl"):
        assert (whole.path / name).exists()
    ours, theirs = (load_file(run.path / "model" / "model.safetensors") for run in (whole, parted))
    assert all(np.array_equal(ours[name], theirs[name]) for name in ours)


def test_the_mean_is_what_is_evaluated_and_kept() -> None:
    """Without a mean the kept model is the checkpoint's; with one it is the mean in it, and the accuracies are its."""
    run = make({"name": "timm:test_resnet", "weights": "random"}, epochs=1, ema_decay=0.5)
    train_run(run.path)
    kept, state = (
        load_file(run.path / "model" / "model.safetensors"),
        load_file(run.path / "checkpoint" / "last.safetensors"),
    )
    name = "encoder.network.layer1.0.conv1.weight"
    np.testing.assert_array_equal(kept[name], state[f"average/0.{name}"])
    assert not np.array_equal(kept[name], state[f"model/{name}"])
    np.testing.assert_array_equal(kept["labels"], state["average/1.labels"])
    model = load_model(run.path, torch.device("cpu"))
    from lwal_core.data import load_dataset

    images = load_dataset(run.config.data).x_test[:8]
    z, _ = model.outputs(images)
    stored = open_run(run.id).evaluation().z[:8].astype(np.float32)
    assert np.abs(z.numpy() - stored).max() <= np.abs(stored).max() * 2**-9  # kept in half precision


def test_a_saved_network_is_loaded_without_the_files_it_came_from(tmp_path: Path) -> None:
    """A windowed transformer computes index tables for itself, which are in no file."""
    import shutil

    from transformers import SwinConfig, SwinForImageClassification

    torch.manual_seed(0)
    about = SwinConfig(image_size=32, patch_size=2, embed_dim=8, depths=[1, 1], num_heads=[1, 2], window_size=4)
    SwinForImageClassification(about).save_pretrained(tmp_path / "swin")
    run = make({"name": f"hf:{tmp_path}/swin"}, epochs=1)
    train_run(run.path)
    shutil.rmtree(tmp_path / "swin")
    model = load_model(run.path, torch.device("cpu"))
    from lwal_core.data import load_dataset

    z, _ = model.outputs(load_dataset(model.config.data).x_test[:8])
    stored = open_run(run.id).evaluation().z[:8].astype(np.float32)
    assert np.abs(z.numpy() - stored).max() <= np.abs(stored).max() * 2**-9
