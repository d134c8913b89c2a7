"""What the labels cost is measured beside the training, never in it; class accuracies against a loop."""

from __future__ import annotations

import math

import pytest
import torch

from lwal_core.methods.adaptive import AdaptiveLabels
from lwal_core.training.evaluation import class_shares
from lwal_core.training.label_overhead import STEPS, WARM_UP, label_seconds


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


def test_class_accuracies_against_a_loop():
    generator = torch.Generator().manual_seed(0)
    y = torch.randint(0, 5, (200,), generator=generator)
    hits = torch.rand(200, generator=generator) < 0.7
    y[y == 3] = 2  # a class without test samples
    found = class_shares(hits, y, 5)
    for c in range(5):
        mine = [bool(hit) for hit, of in zip(hits, y, strict=True) if of == c]
        assert found[c].item() == pytest.approx(sum(mine) / len(mine)) if mine else math.isnan(found[c].item())
