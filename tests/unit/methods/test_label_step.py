"""The gradient derived by hand: against finite differences, at any size, in mixed precision; and how many operations it takes."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from lwal_core.methods import AdaptiveLabels, class_centroids, label_step, pull_loss, push_loss
from lwal_core.methods.label_step import StepOptions

F64 = torch.float64
PLAIN = StepOptions(True, 1.0, False, True, 1.0, 10.0)


def case(seed: int, batch: int, classes: int, dim: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    z = torch.randn(batch, dim, generator=generator, dtype=F64).requires_grad_()
    y = torch.randint(classes, (batch,), generator=generator)
    old = torch.randn(classes, dim, generator=generator, dtype=F64)
    counts = torch.randint(0, 4, (classes, 1), generator=generator).to(F64)
    pool = torch.cat([counts * torch.randn(classes, dim, generator=generator, dtype=F64), counts], dim=1)
    return z, y, old, pool


@settings(max_examples=25, deadline=None)
@given(
    st.integers(0, 10**6), st.integers(2, 8), st.integers(2, 5), st.integers(1, 4), st.booleans(), st.booleans(), st.booleans(),
    st.sampled_from([1.0, 0.3]), st.sampled_from([1.0, 0.4]), st.sampled_from([0.0, 3.0]), st.booleans(),
)  # fmt: skip
def test_the_gradient_against_finite_differences(
    seed, batch, classes, dim, update, leave_one_out, pooled, decay, temperature, push_weight, products
):
    """Samples that stand alone in their class are at distance 0 of their label, where there is no gradient to compare."""
    z, y, old, pool = case(seed, batch, classes, dim)
    if not pooled and not leave_one_out and decay == 1:
        y = torch.arange(batch) // 2 % classes
        z, y = z.detach()[: batch // 2 * 2].requires_grad_(), y[: batch // 2 * 2]
    options = StepOptions(update, decay, leave_one_out, True, temperature, push_weight)

    def losses(z: Tensor) -> tuple[Tensor, ...]:
        found = label_step.label_step(z, y, old, pool if pooled else None, options)
        return found.total, found.pull, *(() if found.push is None else (found.push,))

    with pytest.MonkeyPatch.context() as patch:
        if products:
            patch.setattr(label_step, "DIRECT_ON_CPU", 0)
        assert torch.autograd.gradcheck(losses, (z,), eps=1e-6, atol=1e-5)


@pytest.mark.parametrize("products", [False, True])
@pytest.mark.parametrize("push_weight", [0.0, 10.0])
def test_a_step_is_what_automatic_differentiation_makes_of_its_parts(monkeypatch, products, push_weight):
    """In float32, with classes that are absent and samples that stand alone."""
    monkeypatch.setattr(label_step, "DIRECT_ON_CPU", 0 if products else 10**9)
    z = torch.randn(200, 60, generator=torch.Generator().manual_seed(0)).requires_grad_()
    y = torch.randint(0, 90, (200,), generator=torch.Generator().manual_seed(1))
    old = torch.randn(100, 60)
    means, counts = class_centroids(z, y, 100)
    assert (counts == 0).any() and (counts == 1).any()
    new = torch.where(counts[:, None] > 0, means, old)
    theirs = pull_loss(z, y, new) + push_weight * push_loss(z, y)
    found = label_step.label_step(z, y, old, None, PLAIN._replace(push_weight=push_weight))
    torch.testing.assert_close(found.total, theirs, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(found.labels, new)
    mine, expected = (torch.autograd.grad(loss, z)[0] for loss in (found.total, theirs))
    # By products, the label of a sample that stands alone is not at distance 0 exactly, and the direction to it is rounding.
    several = counts[y] > 1
    torch.testing.assert_close(mine[several], expected[several], rtol=1e-3, atol=1e-6)
    assert (mine - expected).abs().max() < 1e-2


def test_bits_of_a_step_do_not_depend_on_mixed_precision():
    z, y = torch.randn(24, 12), torch.arange(24) % 4
    results = []
    for mixed in (False, True):
        labels = AdaptiveLabels(4, 12)
        leaf = z.clone().requires_grad_()
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=mixed):
            loss = labels(leaf, y).total
            loss.backward()
        results.append((loss.detach(), leaf.grad, labels.labels))
    for plain, mixed in zip(*results, strict=True):
        assert mixed.dtype == torch.float32 and torch.equal(plain, mixed)


class Operations(TorchDispatchMode):
    """Counts the operations of torch, views of a tensor among them."""

    count = 0

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.count += 1
        return function(*args, **(kwargs or {}))


@pytest.mark.parametrize(
    ("options", "dim", "most"),
    [
        ({}, 10, 45),
        ({}, 100, 45),
        ({"push_weight": 0.0}, 10, 32),
        ({"leave_one_out": True, "push_weight": 0.0}, 100, 53),
        ({"warmup_steps": 9}, 10, 17),
    ],
)
def test_a_step_takes_few_operations(options, dim, most):
    """Forward and backward; each is a launch on a GPU, whatever its size. Automatic differentiation took 124 for the first."""
    labels = AdaptiveLabels(10, dim, **options)
    z, y = torch.randn(64, dim, requires_grad=True), torch.arange(64) % 10
    with Operations() as counted:
        labels(z, y).total.backward()
    assert 8 < counted.count <= most


def test_a_table_that_was_looked_at_stays_as_it_was():
    labels = AdaptiveLabels(3, 3)
    before = labels.label_table()
    labels(torch.randn(6, 3), torch.arange(6) % 3)
    assert torch.equal(before, torch.eye(3)) and not torch.equal(labels.label_table(), before)


def test_step_and_table_are_saved():
    labels = AdaptiveLabels(3, 3)
    for _ in range(4):
        labels(torch.randn(6, 3), torch.arange(6) % 3)
    state = labels.state_dict()
    assert sorted(state) == ["labels", "step"] and state["step"] == labels.step == 4
    other = AdaptiveLabels(3, 3)
    other.load_state_dict(state)
    assert other.step == 4 and "step" in state and torch.equal(other.labels, labels.labels)
    with pytest.raises(RuntimeError, match="Missing key"):
        other.load_state_dict({"labels": state["labels"]})
