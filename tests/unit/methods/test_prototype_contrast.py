"""NTCE and NONL against loops over samples, from features and prototypes; their limits, and batches without a denominator."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F

from lwal_core.methods import CosineHead, PrototypeContrast

F64 = torch.float64


def slow(u: list[list[float]], w: list[list[float]], y: list[int], temperature: float, negatives_only: bool) -> float:
    """The loss as the paper's text says it: cosines of samples with the prototype of each sample's class."""

    def cosine(a: list[float], b: list[float]) -> float:
        return math.fsum(p * q for p, q in zip(a, b, strict=True)) / (math.hypot(*a) * math.hypot(*b))

    losses = []
    for i, true in enumerate(y):
        others = [j for j in range(len(y)) if not (negatives_only and y[j] == true)]
        below = math.fsum(math.exp(cosine(w[true], u[j]) / temperature) for j in others)
        losses.append(math.log(below) - cosine(w[true], u[i]) / temperature if others else 0.0)
    return math.fsum(losses) / len(losses)


@pytest.mark.parametrize("negatives_only", [False, True], ids=["ntce", "nonl"])
@pytest.mark.parametrize(
    ("classes", "y", "temperature"),
    [
        pytest.param(4, [0, 1, 2, 3, 0, 1], 0.1, id="usual"),
        pytest.param(5, [2, 2, 0], 0.2, id="absent classes"),
        pytest.param(2, [0, 1, 1], 1.0, id="two classes"),
        pytest.param(3, [1], 0.1, id="batch of one"),
        pytest.param(3, [2, 2, 2], 0.5, id="one class"),
        pytest.param(3, [0, 1, 2, 2], 0.01, id="cold"),
    ],
)
def test_value_and_gradient_equal_slow_version(classes, y, temperature, negatives_only):
    generator = torch.Generator().manual_seed(3)
    u = torch.randn(len(y), 6, generator=generator, dtype=F64).requires_grad_()
    head = CosineHead(6, classes, 1 / temperature).double()
    method = PrototypeContrast(classes, negatives_only=negatives_only)
    out = method(head(u), torch.tensor(y))
    out.total.backward()
    assert out.total.item() == pytest.approx(
        slow(u.tolist(), head.weight.tolist(), y, temperature, negatives_only), rel=1e-6, abs=1e-6
    )
    for tensor in (u, head.weight):
        assert tensor.grad is not None
        for index in [(0, 0), (len(y) - 1, 2)] if tensor is u else [(y[0], 1)]:
            measured = difference(u, head.weight, y, temperature, negatives_only, tensor, index)
            assert tensor.grad[index].item() == pytest.approx(measured, rel=1e-4, abs=1e-6)


def difference(u, w, y, temperature, negatives_only, tensor, index, step=1e-6):
    """Central difference of the slow version in one number."""
    values = []
    for sign in (1, -1):
        moved = tensor.detach().clone()
        moved[index] += sign * step
        samples, prototypes = (moved, w) if tensor is u else (u, moved)
        values.append(slow(samples.tolist(), prototypes.tolist(), y, temperature, negatives_only))
    return (values[0] - values[1]) / (2 * step)


def test_by_hand():
    """Two samples on their prototypes, which are opposite; temperature 1. NTCE: log(e + 1/e) - 1; NONL: -1 - 1."""
    z = torch.tensor([[1.0, -1.0], [-1.0, 1.0]])
    y = torch.tensor([0, 1])
    assert PrototypeContrast(2)(z, y).total.item() == pytest.approx(math.log(math.e + 1 / math.e) - 1, abs=1e-6)
    assert PrototypeContrast(2, negatives_only=True)(z, y).total.item() == pytest.approx(-2, abs=1e-6)


def test_what_is_pulled_has_no_part_in_the_denominator_of_nonl():
    """The gradient at a sample's own prototype is -1 / B however near it is; with NTCE it falls as the sample comes nearer."""
    y, near, far = torch.tensor([0, 1]), 5.0, 0.0

    def gradient(own: float, negatives_only: bool) -> float:
        z = torch.tensor([[own, 0.0], [0.0, own]], requires_grad=True)
        PrototypeContrast(2, negatives_only=negatives_only)(z, y).total.backward()
        assert z.grad is not None
        return z.grad[0, 0].item()

    assert gradient(near, True) == gradient(far, True) == pytest.approx(-0.5)
    assert abs(gradient(near, False)) < 0.02 < abs(gradient(far, False))


def test_the_least_value_is_at_collapse():
    """Collapsed on a simplex, no small turn of the samples lowers the loss."""
    simplex = F.normalize(torch.eye(4, dtype=F64) - 0.25, dim=1)
    y = torch.arange(4).repeat(3)
    for negatives_only in (False, True):
        method = PrototypeContrast(4, negatives_only=negatives_only)
        best = method(10 * simplex[y] @ simplex.T, y).total.item()
        for seed in range(5):
            turned = simplex[y] + 0.1 * torch.randn(12, 4, generator=torch.Generator().manual_seed(seed), dtype=F64)
            assert method(10 * F.normalize(turned, dim=1) @ simplex.T, y).total.item() > best


def test_a_constant_scale_is_no_parameter_and_is_saved():
    head = CosineHead(3, 2, 5.0)
    assert [name for name, _ in head.named_parameters()] == ["weight"]
    assert head.state_dict()["scale"].item() == 5.0
    assert head(torch.tensor([[2.0, 0.0, 0.0]])).abs().max() <= 5.0


def test_under_mixed_precision_a_constant_scale_loses_no_digits():
    head, u = CosineHead(8, 3, 100.0), torch.randn(5, 8)
    with torch.autocast("cpu", torch.bfloat16):
        ours = head(u)
        narrow = head(u.bfloat16())
    assert ours.dtype == narrow.dtype == torch.float32
    torch.testing.assert_close(ours, head(u))
    assert CosineHead(8, 3)(u).shape == (5, 3)


def test_wrong_shapes_are_refused():
    with pytest.raises(ValueError, match=r"z must be \[2,3\]"):
        PrototypeContrast(3)(torch.zeros(2, 4), torch.tensor([0, 1]))
    with pytest.raises(ValueError, match="at least 2"):
        PrototypeContrast(1)
