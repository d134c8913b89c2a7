"""Optimisers without their wrappers for compilation: what torch's own give, to the last bit, and nothing loaded without need."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from lwal_core.training.eager_optimizers import eager

ROOT = Path(__file__).resolve().parents[3]
KINDS = [(torch.optim.SGD, {"momentum": 0.9}), (torch.optim.Adam, {}), (torch.optim.AdamW, {})]


def steps(kind: type[torch.optim.Optimizer], options: dict[str, float]) -> tuple[list[Tensor], dict[str, object]]:
    """Parameters after three steps, a state put back into a new optimiser, and three more; and the optimiser's state."""
    torch.manual_seed(12)
    net = nn.Sequential(nn.Linear(5, 7), nn.BatchNorm1d(7), nn.ReLU(), nn.Linear(7, 2))

    def made() -> torch.optim.Optimizer:
        groups = [{"params": net[0].parameters(), "lr": 0.03}, {"params": net[1:].parameters()}]
        return kind(groups, lr=0.01, weight_decay=0.1, **options)  # type: ignore[call-arg]

    optimizer = made()
    for number in range(6):
        if number == 3:
            state, optimizer = optimizer.state_dict(), made()
            optimizer.load_state_dict(state)
        optimizer.zero_grad(set_to_none=True)
        net(torch.randn(16, 5)).square().mean().backward()
        optimizer.step()
    assert all(parameter.grad_fn is None for parameter in net.parameters())
    return list(net.parameters()), optimizer.state_dict()


@pytest.mark.parametrize(("kind", "options"), KINDS, ids=lambda value: getattr(value, "__name__", ""))
def test_steps_are_torchs_to_the_last_bit(kind: type[torch.optim.Optimizer], options: dict[str, float]) -> None:
    ours, state = steps(eager(kind), options)
    theirs, expected = steps(kind, options)
    assert all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True))
    assert state["param_groups"] == expected["param_groups"]
    for index, values in expected["state"].items():  # type: ignore[attr-defined]
        found = state["state"][index]  # type: ignore[index]
        assert all(torch.equal(torch.as_tensor(found[key]), torch.as_tensor(value)) for key, value in values.items())


@pytest.mark.process
def test_a_training_and_its_model_load_no_compiler(home: Path) -> None:
    program = """
import sys
import torch
from lwal_core.config import RunConfig
from lwal_core.inference_server.model import load_model
from lwal_core.runs import create_run
from lwal_core.training.loop import train_run

training = {"epochs": 1, "optimizer": "adamw", "clip_norm": 1.0, "ema_decay": 0.9}
config = RunConfig.parse({"data": {"name": "digits", "per_class": 8}, "training": training})
folder = create_run(config).path
train_run(folder, lambda: False)
load_model(folder, torch.device("cpu")).outputs(torch.zeros(1, 1, 8, 8))
print(sorted({"torch._dynamo", "torch._inductor", "triton", "sympy", "torchvision", "scipy", "sklearn"} & sys.modules.keys()))
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0 and done.stdout.split("\n")[-2] == "[]", done.stdout + done.stderr
