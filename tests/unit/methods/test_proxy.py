"""Proxy-Anchor: one line where the library is not installed; where it is, the loss against loops, and the proxies' start."""

from __future__ import annotations

import importlib.util
import math
import sys

import pytest
import torch
import torch.nn.functional as F

from lwal_core.config import RunConfig, TaskInfo
from lwal_core.errors import TrainingError
from lwal_core.methods.proxy import ProxyLabels

installed = pytest.mark.skipif(
    importlib.util.find_spec("pytorch_metric_learning") is None, reason="the extra 'metric' is not installed"
)


def test_without_the_library_it_is_one_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "pytorch_metric_learning.losses", None)
    method = RunConfig.parse({"method": {"name": "proxy"}}).method
    with pytest.raises(TrainingError, match=r"pytorch-metric-learning, which cannot be imported") as caught:
        method.build(TaskInfo(("a", "b"), 4, 5, 0))
    assert "lwal-explorer[metric]" in str(caught.value)


@pytest.mark.parametrize(
    ("classes", "dim", "margin", "scale"), [(1, 2, 0.1, 32), (2, 0, 0.1, 32), (2, 2, 2, 32), (2, 2, 0.1, 0)]
)
def test_options_out_of_range_are_refused(classes, dim, margin, scale):
    with pytest.raises(ValueError, match="scale finite"):
        ProxyLabels(classes, dim, margin, scale)


def slow(z: list[list[float]], y: list[int], proxies: list[list[float]], margin: float, scale: float) -> float:
    """Equation 4 of the paper: soft maxima over the samples of a class, and over those of others, proxy by proxy."""

    def cosine(a: list[float], b: list[float]) -> float:
        return math.fsum(p * q for p, q in zip(a, b, strict=True)) / (math.hypot(*a) * math.hypot(*b))

    pulled, pushed = [], []
    for c, proxy in enumerate(proxies):
        own = [math.exp(-scale * (cosine(x, proxy) - margin)) for x, true in zip(z, y, strict=True) if true == c]
        others = [math.exp(scale * (cosine(x, proxy) + margin)) for x, true in zip(z, y, strict=True) if true != c]
        pulled += [math.log1p(sum(own))] if own else []
        pushed.append(math.log1p(sum(others)))
    return sum(pulled) / len(pulled) + sum(pushed) / len(proxies)


@installed
@pytest.mark.parametrize(
    ("classes", "y"), [(4, [0, 1, 2, 3, 0, 1]), (4, [2, 2, 0]), (2, [0, 1]), (3, [1]), (3, [2, 2])]
)
def test_equals_slow_version(classes, y):
    z = F.normalize(torch.randn(len(y), 5, generator=torch.Generator().manual_seed(6)), dim=1).requires_grad_()
    method = ProxyLabels(classes, 5, 0.2, 4.0, seed=1)
    out = method(z, torch.tensor(y))
    out.total.backward()
    proxies = method.loss.proxies.tolist()
    assert out.total.item() == pytest.approx(slow(z.tolist(), y, proxies, 0.2, 4.0), rel=1e-5)
    assert z.grad is not None
    for index in [(0, 0), (len(y) - 1, 4)]:
        values = []
        for sign in (1, -1):
            moved = z.detach().double().clone()
            moved[index] += sign * 1e-5
            values.append(slow(moved.tolist(), y, proxies, 0.2, 4.0))
        assert z.grad[index].item() == pytest.approx((values[0] - values[1]) / 2e-5, abs=1e-3)


@installed
def test_proxies_are_drawn_by_the_seed_saved_and_read_by_angle():
    before = torch.get_rng_state()
    first, again, other = ProxyLabels(3, 4, seed=1), ProxyLabels(3, 4, seed=1), ProxyLabels(3, 4, seed=2)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(first.label_table(), again.label_table())
    assert not torch.equal(first.label_table(), other.label_table())
    torch.testing.assert_close(first.label_table().norm(dim=1), torch.ones(3))
    other.load_state_dict(first.state_dict())
    assert torch.equal(first.label_table(), other.label_table())
    assert first.predict(5 * first.label_table()).tolist() == [0, 1, 2]
