"""Supervised contrastive learning against loops over samples, by hand, and its classifier."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from lwal_core.errors import TrainingError
from lwal_core.methods import ContrastedSamples, UnitLayer, supcon

F64 = torch.float64


def slow(z: Tensor, y: list[int], temperature: float) -> Tensor:
    """Equation 2 of the paper, sample by sample; the gradient comes from the same loop."""
    losses = []
    for i, true in enumerate(y):
        others = [j for j in range(len(y)) if j != i]
        alike = [j for j in others if y[j] == true]
        loss = z[i].sum() * 0
        for p in alike:
            below = sum(((z[i] * z[a]).sum() / temperature).exp() for a in others)
            loss = loss - (((z[i] * z[p]).sum() / temperature).exp() / below).log() / len(alike)
        losses.append(loss)
    return torch.stack(losses).mean()


@pytest.mark.parametrize(
    ("classes", "y", "temperature"),
    [
        pytest.param(3, [0, 1, 2, 0, 1, 2, 0], 0.1, id="usual"),
        pytest.param(5, [3, 3, 1], 0.5, id="absent classes, one alone"),
        pytest.param(2, [0, 1], 0.1, id="nobody has a partner"),
        pytest.param(2, [1, 1, 1], 0.1, id="one class"),
        pytest.param(2, [0], 0.1, id="batch of one"),
    ],
)
def test_value_and_gradient_equal_slow_version(classes, y, temperature):
    z = F.normalize(torch.randn(len(y), 4, generator=torch.Generator().manual_seed(5), dtype=F64), dim=1)
    ours, theirs = z.clone().requires_grad_(), z.clone().requires_grad_()
    out = ContrastedSamples(classes, 4, temperature)(ours, torch.tensor(y))
    out.total.backward()
    expected = slow(theirs, y, temperature)
    expected.backward()
    assert out.total.item() == pytest.approx(expected.item(), abs=1e-10)
    torch.testing.assert_close(ours.grad, theirs.grad, atol=1e-10, rtol=0)


def test_by_hand():
    """Two pairs at opposite points, temperature 1: every sample sees one at 1 and two at -1."""
    z = torch.tensor([[1.0, 0], [1, 0], [-1, 0], [-1, 0]])
    loss = ContrastedSamples(2, 2, 1.0)(z, torch.tensor([0, 0, 1, 1])).total.item()
    assert loss == pytest.approx(math.log(math.e + 2 / math.e) - 1, abs=1e-6)


def test_the_table_is_the_class_means_of_the_last_batches_in_training_alone():
    method = ContrastedSamples(3, 2)
    assert torch.equal(method.label_table(), torch.zeros(3, 2))
    method(torch.tensor([[1.0, 0], [0, 1], [0, -1]]), torch.tensor([0, 0, 2]))
    method(torch.tensor([[-1.0, 0]]), torch.tensor([2]))
    expected = torch.tensor([[0.5, 0.5], [0, 0], [-1, 0]])
    assert torch.equal(method.label_table(), expected)
    method.eval()(torch.tensor([[0.0, 1]]), torch.tensor([1]))
    assert torch.equal(method.label_table(), expected)
    assert method.predict(torch.tensor([[1.0, 1.0], [-0.9, 0.1]])).tolist() == [0, 2]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_outputs_have_length_one_under_mixed_precision(dtype):
    layer = UnitLayer(5, 7)
    with torch.autocast("cpu", dtype, enabled=dtype != torch.float32):
        z = layer(torch.randn(4, 5))
    assert z.dtype == torch.float32
    torch.testing.assert_close(z.norm(dim=1), torch.ones(4), atol=1e-6, rtol=0)
    assert (layer.in_features, layer.out_features) == (5, 7)


@pytest.mark.parametrize(("classes", "dim", "temperature"), [(1, 2, 0.1), (2, 0, 0.1), (2, 2, 0.0), (2, 2, math.nan)])
def test_options_out_of_range_are_refused(classes, dim, temperature):
    with pytest.raises(ValueError, match="temperature finite"):
        ContrastedSamples(classes, dim, temperature)


def test_a_batch_with_too_many_pairs_is_one_line(monkeypatch):
    monkeypatch.setattr(supcon, "MOST_PAIRS", 99)
    ContrastedSamples(2, 2)(torch.ones(9, 2), torch.arange(9) % 2)
    with pytest.raises(TrainingError, match=r"10 samples are too many. Use a batch size of 9 or less"):
        ContrastedSamples(2, 2)(torch.ones(10, 2), torch.arange(10) % 2)


def test_a_wrong_width_is_refused():
    with pytest.raises(ValueError, match=r"z must be \[B,2\]"):
        ContrastedSamples(2, 2)(torch.zeros(3, 4), torch.tensor([0, 1, 0]))
