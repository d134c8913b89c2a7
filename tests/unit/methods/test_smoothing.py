"""Label smoothing against loops over samples and classes in plain Python, and by hand."""

from __future__ import annotations

import math

import pytest
import torch

from lwal_core.methods import OneHotLabels, SmoothedLabels

F64 = torch.float64


def slow(z: list[list[float]], y: list[int], smoothing: float) -> tuple[float, list[list[float]]]:
    """Loss and its gradient by the textbook: softmax minus target, over the batch size."""
    loss, gradient = 0.0, []
    for logits, true in zip(z, y, strict=True):
        total = sum(math.exp(v) for v in logits)
        row = []
        for c, v in enumerate(logits):
            target = (1 - smoothing) * (c == true) + smoothing / len(logits)
            loss -= target * math.log(math.exp(v) / total) / len(z)
            row.append((math.exp(v) / total - target) / len(z))
        gradient.append(row)
    return loss, gradient


@pytest.mark.parametrize(
    ("classes", "y", "smoothing"),
    [
        pytest.param(5, [0, 1, 2, 3, 4, 1], 0.1, id="usual"),
        pytest.param(4, [2, 2, 0], 0.6, id="absent classes"),
        pytest.param(2, [0, 1], 0.01, id="two classes"),
        pytest.param(3, [1], 0.999, id="batch of one"),
    ],
)
def test_equals_slow_version(classes, y, smoothing):
    z = torch.randn(len(y), classes, generator=torch.Generator().manual_seed(1), dtype=F64).requires_grad_()
    out = SmoothedLabels(classes, smoothing)(z, torch.tensor(y))
    out.total.backward()
    loss, gradient = slow(z.tolist(), y, smoothing)
    assert out.total.item() == pytest.approx(loss, abs=1e-12)
    assert out.pull.item() == out.total.item()
    assert out.push.item() == 0
    torch.testing.assert_close(z.grad, torch.tensor(gradient, dtype=F64), atol=1e-12, rtol=0)


def test_by_hand():
    """Equal logits: every class has probability 1/2, and so the loss is ln 2 whatever the target is."""
    assert SmoothedLabels(2, 0.3)(torch.zeros(1, 2), torch.tensor([1])).total.item() == pytest.approx(math.log(2))


def test_no_smoothing_is_the_limit_of_little():
    z, y = torch.randn(9, 4), torch.arange(9) % 4
    little = SmoothedLabels(4, 1e-7)(z, y).total.item()
    assert little == pytest.approx(OneHotLabels(4)(z, y).total.item(), abs=1e-5)


def test_prediction_and_table():
    method = SmoothedLabels(3)
    assert method.predict(torch.tensor([[0.0, 2.0, 1.0], [5.0, 2.0, 1.0]])).tolist() == [1, 0]
    assert torch.equal(method.label_table(), torch.eye(3))


@pytest.mark.parametrize(("classes", "smoothing"), [(1, 0.1), (3, 0.0), (3, 1.0), (3, -0.1), (3, float("nan"))])
def test_options_out_of_range_are_refused(classes, smoothing):
    with pytest.raises(ValueError, match=r"smoothing in \(0, 1\)"):
        SmoothedLabels(classes, smoothing)
