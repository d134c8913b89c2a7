"""Learned labels beside a head: loss and gradients against loops over samples and classes, readings against their parts."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from lwal_core.methods import AdaptiveLabels, CosineHead, LabelsBesideHead, OneHotLabels, Outputs, product_scores

F64 = torch.float64


def slow_head(head: nn.Module, x: Tensor) -> list[Tensor]:
    """Logits of one sample, class by class."""
    weight = head.weight
    if isinstance(head, CosineHead):
        return [head.scale * (row @ x) / (row @ row).sqrt() / (x @ x).sqrt() for row in weight]
    return [row @ x + bias for row, bias in zip(weight, head.bias, strict=True)]


def slow_cross_entropy(scores: list[Tensor], true: int) -> Tensor:
    return torch.log(sum(torch.exp(score) for score in scores)) - scores[true]


def slow_labels(z: Tensor, y: list[int], old: Tensor, leave_one_out: bool, push_weight: float) -> Tensor:
    """Loss of the labels after an update by all of the batch's class means, pair by pair."""
    size = len(y)

    def mean(c: int, without: int = -1) -> Tensor:
        members = [z[j] for j in range(size) if y[j] == c and j != without]
        return sum(members) / len(members) if members else old[c]

    pull = torch.zeros((), dtype=F64)
    push = torch.zeros((), dtype=F64)
    for i in range(size):
        targets = [mean(c, i if leave_one_out and c == y[i] else -1) for c in range(len(old))]
        scores = [-((z[i] - t) ** 2).sum().clamp_min(1e-12).sqrt() for t in targets]
        pull = pull + slow_cross_entropy(scores, y[i]) / size
        for j in range(size):
            if y[i] != y[j]:
                push = push + (z[i] @ z[j]) / (z[i] @ z[i]).sqrt() / (z[j] @ z[j]).sqrt() / size**2
    return pull + push_weight * push


@pytest.mark.parametrize("head", ["linear", "cosine"])
@given(
    seed=st.integers(0, 10_000),
    y=st.lists(st.integers(0, 3), min_size=1, max_size=7),
    branch_weight=st.sampled_from([0.0, 0.5, 1.0, 3.0]),
    push_weight=st.sampled_from([0.0, 2.0]),
    leave_one_out=st.booleans(),
)
@settings(max_examples=15, deadline=None)
def test_loss_and_gradients_are_those_of_loops(head, seed, y, branch_weight, push_weight, leave_one_out):
    generator = torch.Generator().manual_seed(seed)
    method = LabelsBesideHead(
        4, 5, 6, head, branch_weight, push_weight, leave_one_out=leave_one_out, seed=seed
    ).double()  # fmt: skip
    projection = torch.randn(5, 6, generator=generator, dtype=F64)
    features = torch.randn(len(y), 5, generator=generator, dtype=F64).requires_grad_()
    context = type("Facts", (), {"features": features})()
    wanted = [features, *method.class_head.parameters()]
    old = method.label_table().clone()

    loss = method.step_loss(features @ projection, torch.tensor(y), context)
    ours = torch.autograd.grad(loss.total, wanted)
    by_head = sum(
        slow_cross_entropy(slow_head(method.class_head, x), true) for x, true in zip(features, y, strict=True)
    )
    slow = by_head / len(y) + branch_weight * slow_labels(features @ projection, y, old, leave_one_out, push_weight)
    theirs = torch.autograd.grad(slow, wanted)

    torch.testing.assert_close(loss.total, slow, rtol=1e-9, atol=1e-9)
    for a, b in zip(ours, theirs, strict=True):
        # Where two samples are one point the distance is at its clamp, and the gradient there is a matter of rounding.
        torch.testing.assert_close(a, b, rtol=1e-6, atol=1e-6)
    for c in set(y):
        members = [features[i] @ projection for i in range(len(y)) if y[i] == c]
        torch.testing.assert_close(method.label_table()[c], (sum(members) / len(members)).detach())


def read(method: LabelsBesideHead, features: Tensor, z: Tensor, means: Tensor) -> list[int]:
    return method.read(Outputs(z, method.class_head(features), means)).tolist()


@pytest.mark.parametrize("head", ["linear", "cosine"])
def test_the_product_is_the_geometric_mean_of_two_probabilities(head):
    torch.manual_seed(0)
    method = LabelsBesideHead(4, 5, 6, head).double()
    features, z, means = (torch.randn(*shape, dtype=F64) for shape in ((60, 5), (60, 6), (4, 6)))
    with torch.no_grad():
        taken = read(method, features, z, means)
        scores = product_scores(method.class_head(features), torch.cdist(z, means)).softmax(dim=1)
    by_head_alone = 0
    for i in range(60):
        a = [math.exp(score.item()) for score in slow_head(method.class_head, features[i])]
        b = [math.exp(-math.dist(z[i].tolist(), mean)) for mean in means.tolist()]
        products = [p / sum(a) * q / sum(b) for p, q in zip(a, b, strict=True)]
        assert taken[i] == products.index(max(products))
        roots = [math.sqrt(product) for product in products]
        assert scores[i].tolist() == pytest.approx([root / sum(roots) for root in roots])
        by_head_alone += taken[i] == a.index(max(a))
    assert 0 < by_head_alone < 60


def bits_and_probabilities(generator: torch.Generator, count: int) -> tuple[Tensor, Tensor]:
    """True classes 0 or 1 that are drawn by known probabilities of class 1, from 0.05 to 0.95."""
    chance = 0.05 + 0.9 * torch.rand(count, generator=generator, dtype=F64)
    return (torch.rand(count, generator=generator, dtype=F64) < chance).long(), chance


def error_by_a_loop(probabilities: Tensor, y: Tensor) -> float:
    """Expected calibration error, sample by sample (arXiv:1706.04599, equation 3)."""
    gaps = [0.0] * 15
    for row, label in zip(probabilities.tolist(), y.tolist(), strict=True):
        place = next(m for m in range(15) if max(row) <= (m + 1) / 15 or m == 14)
        gaps[place] += (row.index(max(row)) == label) - max(row)
    return sum(map(abs, gaps)) / len(y)


def test_two_parts_that_know_the_same_are_as_sure_as_one():
    """Classes are drawn by known probabilities and both parts say these: the pool must say them as well, their plain product is too
    sure, and the temperature that makes it right again is 2."""
    y, chance = bits_and_probabilities(torch.Generator().manual_seed(0), 20_000)
    known = torch.stack([1 - chance, chance], dim=1)
    pool = product_scores(known.log(), -known.log())
    torch.testing.assert_close(pool.softmax(dim=1), known)
    product = known.log() * 2
    assert torch.equal(pool.argmax(dim=1), product.argmax(dim=1))
    assert error_by_a_loop(pool.softmax(dim=1), y) < 0.015 < 0.08 < error_by_a_loop(product.softmax(dim=1), y)
    loss = {t / 10: F.cross_entropy(product / (t / 10), y).item() for t in range(10, 41)}
    assert min(loss, key=loss.__getitem__) == pytest.approx(2.0, abs=0.15)


@given(st.integers(0, 10_000), st.integers(2, 9), st.sampled_from([0.1, 1.0, 30.0]))
@settings(max_examples=40, deadline=None)
def test_the_square_root_changes_no_prediction(seed, classes, size):
    generator = torch.Generator().manual_seed(seed)
    logits, distances = (size * torch.randn(50, classes, generator=generator) for _ in range(2))
    plain = logits.log_softmax(dim=1) + (-distances).log_softmax(dim=1)
    assert torch.equal(product_scores(logits, distances).argmax(dim=1), plain.argmax(dim=1))


def test_each_part_alone_is_the_method_of_its_own():
    torch.manual_seed(0)
    y, features, z, means = torch.arange(12) % 3, torch.randn(12, 5), torch.randn(12, 30), torch.randn(3, 30)
    context = type("Facts", (), {"features": features})()
    alone = AdaptiveLabels(3, 30, push_weight=0.0, leave_one_out=True)
    by_head, by_labels = (LabelsBesideHead(3, 5, 30, reading=reading) for reading in ("head", "labels"))
    logits = by_head.class_head(features)

    expected = alone(z, y)
    total, pull, push = by_labels.step_loss(z, y, context)
    assert (pull, push) == (expected.pull, expected.push)
    assert total == OneHotLabels(3)(logits, y).total + expected.total
    assert torch.equal(by_labels.label_table(), alone.label_table())
    assert read(by_labels, features, z, means) == alone.predict(z).tolist() == by_labels.predict(z).tolist()
    assert read(by_head, features, z, means) == logits.argmax(dim=1).tolist()
    assert read(by_head, features, z, means) != read(by_labels, features, z, means)


def test_fixed_labels_stay_the_identity_and_the_pull_is_towards_them():
    torch.manual_seed(0)
    y, features, z = torch.arange(12) % 3, torch.randn(12, 5), torch.randn(12, 30)
    context = type("Facts", (), {"features": features})()
    method = LabelsBesideHead(3, 5, 30, learned=False)
    before = method.label_table().clone()

    losses = [method.step_loss(z, y, context) for _ in range(2)]
    by_hand = sum(
        slow_cross_entropy([-(row - label).norm() for label in torch.eye(3, 30)], c)
        for row, c in zip(z, y.tolist(), strict=True)
    )
    torch.testing.assert_close(losses[0].pull, by_hand / 12)
    assert losses[0] == losses[1]
    assert torch.equal(method.label_table(), before)
    assert torch.equal(before, torch.eye(3, 30))


def test_with_weight_0_only_the_head_learns():
    torch.manual_seed(0)
    y, features = torch.arange(12) % 3, torch.randn(12, 5, requires_grad=True)
    projection = torch.randn(5, 30, requires_grad=True)
    method = LabelsBesideHead(3, 5, 30, branch_weight=0.0)
    loss = method.step_loss(features @ projection, y, type("Facts", (), {"features": features})()).total
    ours = torch.autograd.grad(loss, [features, projection])
    (theirs,) = torch.autograd.grad(F.cross_entropy(method.class_head(features), y), [features])
    assert torch.equal(ours[0], theirs) and not ours[1].any()


def test_a_cosine_head_sees_directions_alone():
    head = CosineHead(5, 3)
    features = torch.randn(8, 5)
    torch.testing.assert_close(head(features), head(features * torch.rand(8, 1).add(0.5)))
    assert head(head.weight.detach()).diagonal().tolist() == pytest.approx([10.0] * 3, rel=1e-5)
    assert [name for name, _ in head.named_parameters()] == ["weight", "scale"]


def test_seeds_draw_the_head_and_nothing_else():
    one, same, other = (LabelsBesideHead(3, 5, 30, seed=seed).class_head.weight for seed in (1, 1, 2))
    assert torch.equal(one, same) and not torch.equal(one, other)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"features": 0}, "features must be at least 1"),
        ({"branch_weight": -1.0}, "branch_weight at least 0"),
        ({"branch_weight": math.inf}, "branch_weight at least 0"),
        ({"head": "round"}, "head linear or cosine"),
        ({"reading": "mean"}, "reading product, head or labels"),
        ({"num_classes": 1}, "num_classes must be at least 2"),
    ],
)
def test_arguments_out_of_range(values, words):
    with pytest.raises(ValueError, match=words):
        LabelsBesideHead(**{"num_classes": 3, "features": 5, "dim": 30} | values)


def test_what_is_missing_is_said():
    method, z = LabelsBesideHead(3, 5, 30), torch.randn(2, 30)
    with pytest.raises(ValueError, match=r"features must be \[2,5\]"):
        method.step_loss(z, torch.tensor([0, 1]), type("Facts", (), {"features": torch.zeros(2, 4)})())
    with pytest.raises(ValueError, match="logits of the head are missing"):
        method.read(Outputs(z, None, torch.randn(3, 30)))
