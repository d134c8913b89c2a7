"""Adaptive labels against a slow, obvious reimplementation: loops over samples and classes, values and gradients."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from lwal_core.methods import AdaptiveLabels, class_centroids, initial_labels, label_distances, pull_loss, push_loss

F64 = torch.float64


class SlowAdaptiveLabels:
    """ALGORITHM as prose, one sample and one class at a time; only scalar arithmetic of torch, so that gradients
    follow."""

    def __init__(
        self,
        labels: Tensor,
        push_weight: float,
        stationary: int,
        warmup: int,
        decay: float,
        leave_one_out: bool,
        through_update: bool = True,
        temperature: float = 1.0,
        memory: int = 0,
        memory_warmup: int = 0,
    ):
        self.length, self.memory_warmup = memory * len(labels), memory_warmup
        self.memory: list[tuple[Tensor, int]] = []
        self.rows = [row.clone() for row in labels]
        self.push_weight, self.stationary, self.warmup = push_weight, stationary, warmup
        self.decay, self.leave_one_out = decay, leave_one_out
        self.through_update, self.temperature = through_update, temperature
        self.t = 0

    def step(self, z: Tensor, y: list[int]) -> tuple[Tensor, Tensor, Tensor]:
        updates = self.t >= self.warmup and (self.t - self.warmup) % self.stationary == 0
        remembered = self.memory if self.t >= self.memory_warmup else []
        self.memory = (
            [*self.memory, *((z[i].detach(), y[i]) for i in range(len(y)))][-self.length :] if self.length else []
        )
        self.t += 1
        old = [row.detach() for row in self.rows]
        new = list(old)
        if updates:
            for c in range(len(old)):
                members = [z[i] for i in range(len(y)) if y[i] == c] + [e for e, other in remembered if other == c]
                if members:
                    mean = sum(members) / len(members)
                    if not self.through_update:
                        mean = mean.detach()
                    new[c] = self.decay * mean + (1 - self.decay) * old[c]
        pull = torch.zeros((), dtype=z.dtype)
        for i in range(len(y)):
            scores = []
            for c in range(len(old)):
                target = new[c]
                if updates and self.leave_one_out and c == y[i]:
                    others = [z[j] for j in range(len(y)) if y[j] == c and j != i]
                    others += [e for e, other in remembered if other == c]
                    target = old[c]
                    if others:
                        target = self.decay * (sum(others) / len(others)) + (1 - self.decay) * old[c]
                    if not self.through_update:
                        target = target.detach()
                scores.append(-torch.sqrt(((z[i] - target) ** 2).sum().clamp_min(1e-12)) / self.temperature)
            total = sum(torch.exp(s) for s in scores)
            pull = pull - torch.log(torch.exp(scores[y[i]]) / total) / len(y)
        push = torch.zeros((), dtype=z.dtype)
        if updates and self.push_weight:
            for i in range(len(y)):
                for j in range(len(y)):
                    if y[i] != y[j]:
                        cosine = (z[i] * z[j]).sum() / (z[i].norm() * z[j].norm())
                        push = push + cosine / len(y) ** 2
        self.rows = [row.detach() for row in new]
        return pull + self.push_weight * push, pull, push


def batches(steps: int, size: int, dim: int, classes: list[int], seed: int = 0) -> list[tuple[Tensor, Tensor]]:
    generator = torch.Generator().manual_seed(seed)
    out = []
    for _ in range(steps):
        z = torch.randn(size, dim, generator=generator, dtype=F64)
        y = torch.tensor(classes)[torch.randint(len(classes), (size,), generator=generator)]
        out.append((z, y))
    return out


@pytest.mark.parametrize("leave_one_out", [False, True])
@pytest.mark.parametrize(
    ("num_classes", "dim", "present", "options"),
    [
        pytest.param(5, 5, [0, 1, 2, 3, 4], {}, id="K=C"),
        pytest.param(5, 3, [0, 1, 2, 3, 4], {}, id="K<C"),
        pytest.param(4, 40, [0, 1, 2, 3], {}, id="K=10C"),
        pytest.param(6, 6, [1, 3, 4], {}, id="absent classes"),
        pytest.param(4, 4, [2], {}, id="one class in the batch"),
        pytest.param(5, 5, [0, 1, 2, 3, 4], {"warmup_steps": 2}, id="warm-up"),
        pytest.param(5, 5, [0, 1, 2, 3, 4], {"stationary_steps": 3}, id="stationary"),
        pytest.param(5, 50, [0, 2, 4], {"stationary_steps": 2, "warmup_steps": 1, "decay": 0.3}, id="all options"),
        pytest.param(5, 5, [0, 1, 2, 3, 4], {"push_weight": 0.0}, id="no push"),
        pytest.param(2, 2, [0, 1], {"decay": 0.5}, id="two classes"),
        pytest.param(5, 5, [0, 1, 2, 3, 4], {"gradient_through_update": False}, id="constant labels"),
        pytest.param(5, 3, [0, 2, 4], {"distance_temperature": 0.2}, id="cold"),
        pytest.param(5, 5, [0, 1, 2, 3, 4], {"distance_temperature": 7.0, "warmup_steps": 2}, id="warm"),
        pytest.param(5, 20, [0, 1, 2, 3], {"start": "random", "decay": 0.4}, id="random start"),
        pytest.param(5, 5, [0, 1, 2, 3, 4], {"memory_per_class": 3, "memory_warmup_steps": 2}, id="memory"),
        pytest.param(
            6, 4, [1, 3, 4], {"memory_per_class": 1, "memory_warmup_steps": 0}, id="memory smaller than a batch"
        ),
        pytest.param(
            4, 6, [0, 1, 2, 3], {"memory_per_class": 9, "memory_warmup_steps": 1, "decay": 0.6}, id="memory, decay"
        ),
        pytest.param(
            5,
            8,
            [0, 1, 3],
            {
                "gradient_through_update": False,
                "distance_temperature": 0.5,
                "start": "random",
                "decay": 0.3,
                "stationary_steps": 2,
                "push_weight": 1.0,
            },
            id="all new options",
        ),
    ],
)
def test_equals_slow_version(num_classes, dim, present, options, leave_one_out):
    fast = AdaptiveLabels(num_classes, dim, **options, leave_one_out=leave_one_out, seed=3).double()
    slow = SlowAdaptiveLabels(
        fast.labels,
        options.get("push_weight", 10.0),
        options.get("stationary_steps", 1),
        options.get("warmup_steps", 0),
        options.get("decay", 1.0),
        leave_one_out,
        options.get("gradient_through_update", True),
        options.get("distance_temperature", 1.0),
        options.get("memory_per_class", 0),
        options.get("memory_warmup_steps", 0),
    )
    pushed = 0
    for z, y in batches(7, 9, dim, present):
        z_fast, z_slow = z.clone().requires_grad_(), z.clone().requires_grad_()
        out = fast(z_fast, y)
        total, pull, push = slow.step(z_slow, y.tolist())
        for ours, theirs in zip(out, (total, pull, push), strict=True):
            assert ours.item() == pytest.approx(theirs.item(), abs=1e-10)
        out.total.backward()
        total.backward()
        torch.testing.assert_close(z_fast.grad, z_slow.grad, atol=1e-10, rtol=1e-8)
        torch.testing.assert_close(fast.labels, torch.stack(slow.rows), atol=1e-12, rtol=1e-10)
        pushed += out.push.item() != 0
    expected = 0 if options.get("push_weight") == 0.0 or len(present) == 1 else None
    if expected is not None:
        assert pushed == expected
    else:
        steps = range(7)
        start, every = options.get("warmup_steps", 0), options.get("stationary_steps", 1)
        assert pushed == sum(t >= start and (t - start) % every == 0 for t in steps)


def test_single_precision_is_within_the_budget():
    """The agreed tolerance for one step in float32 is 1e-5 relative."""
    for z, y in batches(5, 64, 100, list(range(10)), seed=4):
        fast = AdaptiveLabels(10, 100)
        slow = SlowAdaptiveLabels(fast.labels.double(), 10.0, 1, 0, 1.0, False)
        out = fast(z.float(), y)
        total, pull, push = slow.step(z, y.tolist())
        assert out.total.item() == pytest.approx(total.item(), rel=1e-5)
        assert out.pull.item() == pytest.approx(pull.item(), rel=1e-5)
        assert out.push.item() == pytest.approx(push.item(), rel=1e-5, abs=1e-6)


def test_distances_keep_their_digits_far_from_the_origin():
    """Products of large vectors cancel; embeddings that share a large offset must not lose their distances."""
    z = torch.randn(50, 20, dtype=F64) + 300
    labels = torch.randn(7, 20, dtype=F64) + 300
    exact = torch.tensor([[math.dist(a, b) for b in labels.tolist()] for a in z.tolist()])
    torch.testing.assert_close(label_distances(z.float(), labels.float()), exact.float(), rtol=2e-4, atol=1e-3)


def test_centroids_of_absent_classes_are_zero():
    z = torch.tensor([[1.0, 3.0], [3.0, 5.0], [7.0, 7.0]])
    means, counts = class_centroids(z, torch.tensor([2, 2, 0]), 4)
    assert means.tolist() == [[7, 7], [0, 0], [2, 4], [0, 0]]
    assert counts.tolist() == [1, 0, 2, 0]


def test_centroids_of_an_empty_batch():
    means, counts = class_centroids(torch.zeros(0, 3), torch.zeros(0, dtype=torch.long), 2)
    assert means.tolist() == [[0, 0, 0], [0, 0, 0]]
    assert counts.tolist() == [0, 0]


def test_gradients_stay_finite_at_distance_zero():
    """One sample a class: every embedding is its own class mean, at distance 0."""
    z = torch.eye(3, dtype=F64).requires_grad_()
    out = AdaptiveLabels(3, 3).double()(z, torch.arange(3))
    out.total.backward()
    assert torch.isfinite(z.grad).all()


def test_zero_embedding_has_no_direction_and_finite_gradient():
    z = torch.zeros(4, 3, requires_grad=True)
    loss = push_loss(z, torch.tensor([0, 0, 1, 1]))
    loss.backward()
    assert loss.item() == 0
    assert torch.isfinite(z.grad).all()


def test_pull_loss_by_hand():
    """Distances 0 (clamped to 1e-6) and 5 to the two labels: -log(e^0 / (e^0 + e^-5))."""
    labels = torch.tensor([[0.0, 0.0], [3.0, 4.0]], dtype=F64)
    loss = pull_loss(torch.zeros(1, 2, dtype=F64), torch.tensor([0]), labels)
    assert loss.item() == pytest.approx(math.log(1 + math.exp(-5)), abs=1e-5)


def test_push_loss_by_hand():
    """Cosines: 0 between the axes, 1/sqrt(2) to the diagonal; ordered pairs of different classes, divided by 9."""
    z = torch.tensor([[2.0, 0.0], [0.0, 5.0], [1.0, 1.0]], dtype=F64)
    assert push_loss(z, torch.tensor([0, 0, 1])).item() == pytest.approx(4 / math.sqrt(2) / 9)
    assert push_loss(z, torch.tensor([4, 4, 4])).item() == pytest.approx(0, abs=1e-15)


@settings(max_examples=40)
@given(st.integers(1, 20), st.integers(1, 6), st.integers(1, 8), st.integers(0, 10**6))
def test_push_loss_equals_double_loop(size, classes, dim, seed):
    generator = torch.Generator().manual_seed(seed)
    z = torch.randn(size, dim, generator=generator, dtype=F64)
    y = torch.randint(classes, (size,), generator=generator)
    naive = 0.0
    for i in range(size):
        for j in range(size):
            if y[i] != y[j]:
                naive += float(torch.nn.functional.cosine_similarity(z[i], z[j], dim=0)) / size**2
    assert push_loss(z, y).item() == pytest.approx(naive, abs=1e-12)


def test_evaluation_mode_changes_nothing():
    method = AdaptiveLabels(3, 3).eval()
    before = method.labels.clone()
    out = method(torch.randn(5, 3), torch.tensor([0, 1, 2, 0, 1]))
    assert torch.equal(method.labels, before)
    assert method.step.item() == 0
    assert out.push.item() == 0
    assert out.total.item() == out.pull.item()


def test_prediction_is_the_nearest_label():
    method = AdaptiveLabels(3, 3)
    z = torch.tensor([[0.9, 0.1, 0.0], [0.0, 0.2, 2.0]])
    assert method.predict(z).tolist() == [0, 2]
    naive = [[-math.dist(a, b) for b in method.labels.tolist()] for a in z.tolist()]
    torch.testing.assert_close(method.logits(z), torch.tensor(naive), atol=1e-5, rtol=1e-5)


def test_schedule_survives_saving():
    """The update of step 3 must still come after the state went through a file."""
    options = {"stationary_steps": 2, "warmup_steps": 1, "push_weight": 1.0}
    whole, first, second = (AdaptiveLabels(4, 4, **options) for _ in range(3))
    data = batches(6, 8, 4, [0, 1, 2, 3])
    expected = [whole(z.float(), y).total.item() for z, y in data]
    seen = [first(z.float(), y).total.item() for z, y in data[:3]]
    second.load_state_dict(first.state_dict())
    seen += [second(z.float(), y).total.item() for z, y in data[3:]]
    assert seen == expected


def test_starts():
    assert torch.equal(initial_labels(3, 3), torch.eye(3))
    assert torch.equal(initial_labels(2, 4), torch.eye(4)[:2])
    short = initial_labels(5, 2, seed=1)
    torch.testing.assert_close(short.norm(dim=1), torch.ones(5))
    assert torch.equal(short, initial_labels(5, 2, seed=1))
    assert not torch.equal(short, initial_labels(5, 2, seed=2))


def test_random_start_for_every_size():
    for classes, dim in ((4, 4), (4, 40), (5, 2)):
        rows = initial_labels(classes, dim, seed=1, start="random")
        torch.testing.assert_close(rows.norm(dim=1), torch.ones(classes))
        assert torch.equal(rows, AdaptiveLabels(classes, dim, start="random", seed=1).labels)
        assert not torch.equal(rows, initial_labels(classes, dim, seed=2, start="random"))
    assert not torch.equal(initial_labels(4, 4, start="random"), torch.eye(4))
    assert torch.equal(initial_labels(5, 2, seed=1, start="random"), initial_labels(5, 2, seed=1))


def test_random_start_points_everywhere():
    """1,000 unit rows in the plane: their mean is near 0, and their components take both signs alike."""
    rows = initial_labels(1_000, 2, start="random")
    assert rows.mean(dim=0).abs().max() < 0.1
    assert 400 < (rows > 0).all(dim=1).sum() * 2 < 600


@pytest.mark.parametrize(("classes", "dim"), [(3, 3), (3, 7), (3, 2), (2, 1)])
def test_labels_start_as_class_means(classes, dim):
    """Against a loop over the classes; the last one has no sample and keeps its row."""
    z = torch.randn(9, dim)
    y = torch.arange(9) % (classes - 1)
    method = AdaptiveLabels(classes, dim, start="centroids", seed=3)
    before = method.labels.clone()
    method.begin(lambda: class_centroids(z, y, classes))
    for c in range(classes - 1):
        rows = [z[i] for i in range(9) if y[i] == c]
        torch.testing.assert_close(method.labels[c], sum(rows) / len(rows))
    assert torch.equal(method.labels[-1], before[-1])
    assert torch.equal(before, initial_labels(classes, dim, seed=3))


def test_class_means_are_taken_once():
    method = AdaptiveLabels(2, 2, start="centroids")
    method.begin(lambda: (torch.full((2, 2), 5.0), torch.ones(2)))
    method.begin(lambda: (torch.zeros(2, 2), torch.ones(2)))
    assert method.labels.tolist() == [[5, 5], [5, 5]]


@pytest.mark.parametrize("start", ["identity", "random"])
def test_other_starts_ask_for_no_class_means(start):
    def refuse() -> tuple[Tensor, Tensor]:
        raise AssertionError("a forward pass for nothing")

    AdaptiveLabels(2, 2, start=start).begin(refuse)


def test_labels_that_wait_for_class_means_are_not_trained():
    (z, y), *_ = batches(1, 6, 3, [0, 1, 2])
    waiting = AdaptiveLabels(3, 3, start="centroids").double()
    with pytest.raises(RuntimeError, match=r"needs begin\(class_means\) before the first step"):
        waiting(z, y)
    begun = AdaptiveLabels(3, 3, start="centroids").double()
    begun.begin(lambda: class_centroids(z, y, 3))
    waiting.load_state_dict(begun.state_dict())
    assert waiting(z, y).total.item() == begun(z, y).total.item()


def test_the_start_is_forgotten_where_the_first_batch_replaces_every_label():
    (z, y), *_ = batches(1, 9, 5, [0, 1, 2, 3, 4])
    losses = set()
    for start in ("identity", "random", "centroids"):
        method = AdaptiveLabels(5, 5, start=start).double()
        method.begin(lambda: (torch.randn(5, 5, dtype=F64), torch.ones(5, dtype=F64)))
        losses.add(method(z, y).total.item())
    assert len(losses) == 1


@pytest.mark.parametrize("leave_one_out", [False, True])
def test_constant_labels_change_the_gradient_and_nothing_else(leave_one_out):
    (z, y), *_ = batches(1, 9, 5, [0, 1, 2, 3, 4])
    out, gradients, tables = [], [], []
    for through in (True, False):
        method = AdaptiveLabels(5, 5, gradient_through_update=through, leave_one_out=leave_one_out).double()
        sample = z.clone().requires_grad_()
        out.append(method(sample, y))
        out[-1].total.backward()
        gradients.append(sample.grad)
        tables.append(method.labels)
    assert [part.item() for part in out[0]] == [part.item() for part in out[1]]
    assert torch.equal(*tables)
    assert not torch.allclose(*gradients, atol=1e-6)


def test_distance_temperature_by_hand():
    """Distances 0 and 5, divided by 2."""
    method = AdaptiveLabels(2, 2, distance_temperature=2.0, warmup_steps=1).double()
    method.labels.copy_(torch.tensor([[0.0, 0.0], [3.0, 4.0]]))
    z = torch.zeros(1, 2, dtype=F64)
    torch.testing.assert_close(method.logits(z), torch.tensor([[0.0, -2.5]], dtype=F64), atol=1e-6, rtol=0)
    for out in (method(z, torch.tensor([0])), method.eval()(z, torch.tensor([0]))):
        assert out.total.item() == pytest.approx(math.log(1 + math.exp(-2.5)), abs=1e-5)
    assert method.predict(z).tolist() == [0]


def test_bfloat16_embeddings_are_computed_in_single_precision():
    z = torch.randn(16, 8)
    y = torch.arange(16) % 4
    wide, narrow = AdaptiveLabels(4, 8), AdaptiveLabels(4, 8)
    rounded = z.bfloat16()
    assert narrow(rounded, y).total.item() == wide(rounded.float(), y).total.item()
    assert narrow.labels.dtype == torch.float32


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_classes": 1, "dim": 3}, "num_classes must be at least 2"),
        ({"num_classes": 3, "dim": 0}, "dim must be at least 1"),
        ({"num_classes": 3, "dim": 3, "decay": 0.0}, "decay must be above 0"),
        ({"num_classes": 3, "dim": 3, "push_weight": -1}, "push_weight must be at least 0"),
        ({"num_classes": 3, "dim": 3, "stationary_steps": 0}, "stationary_steps must be at least 1"),
        ({"num_classes": 3, "dim": 3, "distance_temperature": 0.0}, "distance_temperature must be above 0"),
        ({"num_classes": 3, "dim": 3, "distance_temperature": math.nan}, "distance_temperature must be above 0"),
        ({"num_classes": 3, "dim": 3, "start": "zeros"}, "start must be identity, random or centroids"),
    ],
)
def test_options_out_of_range_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        AdaptiveLabels(**arguments)


@pytest.mark.parametrize("shape", [(5,), (5, 4)])
def test_wrong_shapes_are_refused(shape):
    with pytest.raises(ValueError, match=r"z must be \[B,3\]"):
        AdaptiveLabels(3, 3)(torch.zeros(shape), torch.zeros(5, dtype=torch.long))


def test_labels_and_embeddings_of_different_lengths_are_refused():
    with pytest.raises(ValueError, match=r"z must be \[B,K\] and y \[B\]"):
        push_loss(torch.zeros(4, 2), torch.zeros(3, dtype=torch.long))
