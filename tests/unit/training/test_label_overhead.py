"""What the labels cost is measured beside the training, never in it; class accuracies against a loop."""

from __future__ import annotations

import math

import pytest
import torch

from lwal_core.methods.adaptive import AdaptiveLabels
from lwal_core.training.evaluation import class_shares
from lwal_core.training.label_overhead import STEPS, WARM_UP, label_seconds, step_costs


def test_measuring_touches_neither_method_nor_random_state():
    method = AdaptiveLabels(4, 8, start="random")
    method.train()
    before = {name: value.clone() for name, value in method.state_dict().items()}
    state = torch.get_rng_state()
    seconds = label_seconds(method, torch.arange(32) % 4, torch.arange(32), 16, 1, 10)
    assert 0 < seconds < 1
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(value, before[name]) for name, value in method.state_dict().items())
    assert all(p.grad is None for p in method.parameters())


def test_counts_the_steps_after_the_warm_up(monkeypatch):
    ticks = iter(range(10_000))
    monkeypatch.setattr("lwal_core.training.label_overhead._now", lambda device: float(next(ticks)))
    assert label_seconds(AdaptiveLabels(2, 2), torch.arange(8) % 2, torch.arange(8), 4, 1, 1) == pytest.approx(1.0)
    assert next(ticks) <= 2 * (WARM_UP + STEPS)


def test_the_output_layer_counts_forward_backward_and_its_optimiser_step(monkeypatch):
    """A slow layer, a slow optimiser and slow labels, on a clock that they set."""
    clock = [0.0]
    monkeypatch.setattr("lwal_core.training.label_overhead._now", lambda device: clock[0])

    class Layer(torch.nn.Linear):
        def forward(self, x):
            clock[0] += 2.0
            return super().forward(x)

    class Optimizer(torch.optim.SGD):
        def step(self, closure=None):
            clock[0] += 0.5
            return super().step(closure)

    class Labels(AdaptiveLabels):
        def forward(self, z, y):
            clock[0] += 3.0
            return super().forward(z, y)

    head, method = Layer(6, 4), Labels(4, 4)
    before = {name: value.clone() for name, value in {**head.state_dict(), **method.state_dict()}.items()}
    state, y = torch.get_rng_state(), torch.arange(16) % 4
    costs = step_costs(head, method, y, torch.arange(16), 1, 5, lambda parameters: Optimizer(parameters, lr=0.1))
    assert costs == (3.0, 2.5)
    after = {**head.state_dict(), **method.state_dict()}
    assert all(torch.equal(value, before[name]) for name, value in after.items()) and head.weight.grad is None
    assert torch.equal(torch.get_rng_state(), state)


def test_class_accuracies_against_a_loop():
    generator = torch.Generator().manual_seed(0)
    y = torch.randint(0, 5, (200,), generator=generator)
    hits = torch.rand(200, generator=generator) < 0.7
    y[y == 3] = 2  # a class without test samples
    found = class_shares(hits, y, 5)
    for c in range(5):
        mine = [bool(hit) for hit, of in zip(hits, y, strict=True) if of == c]
        assert found[c].item() == pytest.approx(sum(mine) / len(mine)) if mine else math.isnan(found[c].item())
