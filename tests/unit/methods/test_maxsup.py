"""MaxSup against loops over samples and classes in plain Python, and by hand."""

from __future__ import annotations

import math

import pytest
import torch

from lwal_core.methods import OneHotLabels, SuppressedMaximum

F64 = torch.float64


def slow(z: list[list[float]], y: list[int], weight: float) -> tuple[float, list[list[float]]]:
    """Loss and its gradient: that of cross-entropy, plus the weight at the largest logit, less its share everywhere."""
    loss, gradient = 0.0, []
    for logits, true in zip(z, y, strict=True):
        total, largest = sum(math.exp(v) for v in logits), logits.index(max(logits))
        loss += (math.log(total) - logits[true]) / len(z)
        loss += weight * (max(logits) - sum(logits) / len(logits)) / len(z)
        gradient.append(
            [
                (math.exp(v) / total - (c == true) + weight * ((c == largest) - 1 / len(logits))) / len(z)
                for c, v in enumerate(logits)
            ]
        )
    return loss, gradient


@pytest.mark.parametrize(
    ("classes", "y", "weight"),
    [
        pytest.param(5, [0, 1, 2, 3, 4, 1], 0.1, id="usual"),
        pytest.param(4, [2, 2, 0], 2.0, id="absent classes"),
        pytest.param(2, [0, 1], 0.5, id="two classes"),
        pytest.param(3, [1], 0.2, id="batch of one"),
    ],
)
def test_equals_slow_version(classes, y, weight):
    z = torch.randn(len(y), classes, generator=torch.Generator().manual_seed(1), dtype=F64).requires_grad_()
    out = SuppressedMaximum(classes, weight)(z, torch.tensor(y))
    out.total.backward()
    loss, gradient = slow(z.tolist(), y, weight)
    assert out.total.item() == pytest.approx(loss, abs=1e-12)
    assert out.pull.item() == pytest.approx(OneHotLabels(classes)(z, torch.tensor(y)).total.item(), abs=1e-12)
    assert out.push.item() == 0
    torch.testing.assert_close(z.grad, torch.tensor(gradient, dtype=F64), atol=1e-12, rtol=0)


def test_by_hand():
    """Logits 3, 0, 0: the largest is 2 above the mean, whether or not it is the true class's."""
    z = torch.tensor([[3.0, 0.0, 0.0]])
    for true in (0, 1):
        out = SuppressedMaximum(3, 0.5)(z, torch.tensor([true]))
        assert (out.total - out.pull).item() == pytest.approx(1.0)


@pytest.mark.parametrize(("classes", "weight"), [(1, 0.1), (3, -0.1), (3, float("nan")), (3, float("inf"))])
def test_options_out_of_range_are_refused(classes, weight):
    with pytest.raises(ValueError, match="weight finite"):
        SuppressedMaximum(classes, weight)
