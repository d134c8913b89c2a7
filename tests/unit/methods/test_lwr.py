"""Retrospection against a dictionary of soft labels kept sample by sample, and by hand."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from lwal_core.errors import TrainingError
from lwal_core.methods import OneHotLabels, RetrospectionLabels

F64 = torch.float64


class SlowRetrospection:
    """The method as prose: one sample at a time, plain Python numbers, the gradient from the textbook."""

    def __init__(self, k: int, temperature: float):
        self.k, self.temperature = k, temperature
        self.recordings: dict[int, list[tuple[int, list[float]]]] = {}

    def step(
        self, z: list[list[float]], y: list[int], rows: list[int], epoch: int, epochs: int
    ) -> tuple[float, float, list[list[float]]]:
        total, pull, gradient = 0.0, 0.0, []
        for logits, true, row in zip(z, y, rows, strict=True):
            p = self.softmax(logits, 1.0)
            earlier = [soft for at, soft in self.recordings.get(row, []) if at < epoch]
            b = 0.9 * epoch / epochs if earlier and epoch > self.k else 0.0
            target = earlier[-1] if earlier else [0.0] * len(p)
            hard = -math.log(p[true])
            kl = sum(t * math.log(t / q) for t, q in zip(target, p, strict=True) if t > 0)
            total += ((1 - b) * hard + b * kl) / len(z)
            pull += hard / len(z)
            gradient.append([((1 - b) * (q - (c == true)) + b * (q - target[c])) / len(z) for c, q in enumerate(p)])
        if epoch % self.k == 0:
            for logits, row in zip(z, rows, strict=True):
                self.recordings.setdefault(row, []).append((epoch, self.softmax(logits, self.temperature)))
        return total, pull, gradient

    @staticmethod
    def softmax(logits: list[float], temperature: float) -> list[float]:
        powers = [math.exp(v / temperature) for v in logits]
        return [power / sum(powers) for power in powers]


def epochs_of_batches(count: int, size: int, epochs: int, seed: int, leave_out: bool = False):
    """Shuffled passes: ``(epoch, rows, z generator)``; with ``leave_out`` the last rows of a pass are dropped."""
    generator = torch.Generator().manual_seed(seed)
    for epoch in range(1, epochs + 1):
        order = torch.randperm(count, generator=generator)
        stop = count - count % size if leave_out else count
        for start in range(0, stop, size):
            yield epoch, order[start : min(start + size, stop)], generator


@pytest.mark.parametrize(
    ("classes", "count", "size", "k", "temperature", "leave_out"),
    [
        pytest.param(4, 13, 5, 2, 5.0, False, id="usual"),
        pytest.param(3, 10, 4, 1, 2.0, False, id="every epoch"),
        pytest.param(5, 13, 5, 3, 5.0, True, id="samples left out of epochs"),
        pytest.param(2, 4, 1, 2, 0.5, False, id="two classes, batches of one, sharpened"),
        pytest.param(4, 9, 4, 9, 5.0, False, id="k after the end"),
    ],
)
def test_equals_slow_version(context, classes, count, size, k, temperature, leave_out):
    fast = RetrospectionLabels(classes, count, k, temperature).double()
    slow = SlowRetrospection(k, temperature)
    labels = torch.arange(count) % classes
    mixed = 0
    for epoch, rows, generator in epochs_of_batches(count, size, 8, seed=3, leave_out=leave_out):
        z = torch.randn(len(rows), classes, generator=generator, dtype=F64).requires_grad_()
        out = fast.step_loss(z, labels[rows], context(rows, epoch=epoch, epochs=8))
        out.total.backward()
        total, pull, gradient = slow.step(z.tolist(), labels[rows].tolist(), rows.tolist(), epoch, 8)
        assert out.total.item() == pytest.approx(total, abs=1e-12)
        assert out.pull.item() == pytest.approx(pull, abs=1e-12)
        assert out.push.item() == 0
        torch.testing.assert_close(z.grad, torch.tensor(gradient, dtype=F64), atol=1e-12, rtol=0)
        mixed += abs(out.total.item() - out.pull.item()) > 1e-9
    assert (mixed > 0) == (k < 8)


def test_half_precision_recordings_stay_near(context):
    """Rounding of a recording is 2**-11 at most; it moves the loss of a sample by less than 1e-3."""
    fast, slow = RetrospectionLabels(10, 40, 1), SlowRetrospection(1, 5.0)
    assert fast.soft_labels.dtype == torch.float16
    labels = torch.arange(40) % 10
    for epoch, rows, generator in epochs_of_batches(40, 16, 4, seed=5):
        z = 4 * torch.randn(len(rows), 10, generator=generator)
        out = fast.step_loss(z, labels[rows], context(rows, epoch=epoch, epochs=4))
        total, _, _ = slow.step(z.tolist(), labels[rows].tolist(), rows.tolist(), epoch, 4)
        assert out.total.item() == pytest.approx(total, abs=1e-3)


def test_soft_labels_add_up_to_one_when_they_are_read(context):
    """1/1,000 is 0.0010004 in half precision, and all 1,000 classes round alike. Read as a distribution it is the same
    as the one that it is compared with, so that the divergence is 0; as it is stored, it would be 4e-4."""
    method = RetrospectionLabels(1_000, 1, 1)
    z, y = torch.zeros(1, 1_000), torch.tensor([0])
    method.step_loss(z, y, context([0], epoch=1, epochs=2))
    assert abs(method.soft_labels.float().sum().item() - 1) > 3e-4
    out = method.step_loss(z, y, context([0], epoch=2, epochs=2))
    assert out.total.item() == pytest.approx(0.1 * math.log(1_000), abs=1e-5)


def test_by_hand(context):
    """Recorded at temperature 5: logits (5 ln 3, 0) become (3/4, 1/4). In the last epoch of two b is 0.9."""
    method = RetrospectionLabels(2, 1, 1)
    first = method.step_loss(torch.tensor([[5 * math.log(3), 0.0]]), torch.tensor([0]), context([0], epoch=1, epochs=2))
    assert first.total.item() == pytest.approx(math.log(1 + 3**-5))
    assert method.soft_labels[0].tolist() == pytest.approx([0.75, 0.25], abs=2e-4)
    second = method.step_loss(torch.zeros(1, 2), torch.tensor([0]), context([0], epoch=2, epochs=2))
    kl = 0.75 * math.log(0.75 / 0.5) + 0.25 * math.log(0.25 / 0.5)
    assert second.total.item() == pytest.approx(0.1 * math.log(2) + 0.9 * kl, abs=1e-3)
    assert second.pull.item() == pytest.approx(math.log(2))


def recorded(method: RetrospectionLabels, context, rows: list[int], value: float, epoch: int) -> Tensor:
    z = torch.zeros(len(rows), method.num_classes)
    z[:, 0] = value
    method.step_loss(z, torch.zeros(len(rows), dtype=torch.long), context(rows, epoch=epoch, epochs=10))
    return torch.softmax(z[0] / method.temperature, dim=0)


def test_recordings_are_made_in_the_epochs_of_the_interval_only(context):
    method = RetrospectionLabels(3, 2, 2)
    for epoch in range(1, 8):
        before = method.soft_labels.clone()
        recorded(method, context, [0, 1], float(epoch), epoch)
        assert torch.equal(method.soft_labels, before) == (epoch % 2 == 1)
        assert method.recorded_in.tolist() == [epoch - epoch % 2] * 2


def test_a_sample_that_comes_twice_in_a_recording_epoch_does_not_see_that_recording(context):
    method = RetrospectionLabels(3, 1, 2)
    recorded(method, context, [0], 9.0, 2)
    z, y = torch.tensor([[1.0, 0.0, -1.0]]), torch.tensor([2])
    from_epoch_two = method.step_loss(z, y, context([0], epoch=3)).total.item()
    first = method.step_loss(z, y, context([0], epoch=4))
    second = method.step_loss(z, y, context([0], epoch=4))
    assert first.total.item() != first.pull.item()  # the recording of epoch 2
    assert second.total.item() == second.pull.item()  # that of epoch 4 is not of an earlier epoch
    assert method.step_loss(z, y, context([0], epoch=5)).total.item() not in (from_epoch_two, second.total.item())


def test_a_sample_that_was_never_recorded_is_trained_with_cross_entropy(context):
    method = RetrospectionLabels(3, 2, 1)
    recorded(method, context, [0], 9.0, 1)
    z, y = torch.randn(2, 3).requires_grad_(), torch.tensor([1, 2])
    out = method.step_loss(z[1:], y[1:], context([1], epoch=2))
    assert out.total.item() == OneHotLabels(3)(z[1:], y[1:]).total.item()
    both = method.step_loss(z, y, context([0, 1], epoch=2))
    assert both.total.item() != both.pull.item()
    both.total.backward()
    assert torch.isfinite(z.grad).all()


def test_rows_of_another_batch_are_refused(context):
    with pytest.raises(ValueError, match=r"rows and y must both be \[B\]"):
        RetrospectionLabels(3, 2, 1).step_loss(torch.zeros(2, 3), torch.tensor([1, 2]), context([1], epoch=2))


def test_a_sample_that_misses_a_recording_keeps_the_one_before(context):
    method = RetrospectionLabels(3, 2, 2)
    before = recorded(method, context, [0, 1], 9.0, 2)
    after = recorded(method, context, [0], -9.0, 4)
    assert method.recorded_in.tolist() == [4, 2]
    torch.testing.assert_close(method.soft_labels.float(), torch.stack([after, before]), atol=1e-3, rtol=0)


def test_recording_does_not_change_the_loss_of_its_own_step(context):
    z, y = torch.randn(4, 3), torch.tensor([0, 1, 2, 0])
    out = RetrospectionLabels(3, 4, 1).step_loss(z, y, context([0, 1, 2, 3], epoch=1))
    assert out.total.item() == pytest.approx(OneHotLabels(3)(z, y).total.item())


def test_evaluation_mode_records_nothing(context):
    method = RetrospectionLabels(3, 2, 1).eval()
    recorded(method, context, [0, 1], 9.0, 1)
    assert method.recorded_in.tolist() == [0, 0]
    assert not method.soft_labels.any()


def test_certain_recordings_stay_finite(context):
    """Logits far apart: recorded probabilities of exactly 0 and 1, and log-probabilities far below 0."""
    method = RetrospectionLabels(3, 1, 1)
    recorded(method, context, [0], 1e6, 1)
    assert method.soft_labels.tolist() == [[1, 0, 0]]
    z = torch.tensor([[-1e6, 0.0, 1e6]]).requires_grad_()
    out = method.step_loss(z, torch.tensor([2]), context([0], epoch=2))
    out.total.backward()
    assert math.isfinite(out.total.item())
    assert torch.isfinite(z.grad).all()


def test_prediction_and_table():
    method = RetrospectionLabels(3, 5)
    assert method.predict(torch.tensor([[0.0, 2.0, 1.0]])).tolist() == [1]
    assert torch.equal(method.label_table(), torch.eye(3))
    assert set(method.state_dict()) == {"soft_labels", "recorded_in"}


def test_too_many_recordings_are_refused_before_memory_is_taken():
    with pytest.raises(TrainingError, match=r"1,000 numbers for each of 10,000,000 training samples, 18.6 GiB"):
        RetrospectionLabels(1_000, 10_000_000)


@pytest.mark.parametrize("arguments", [(1, 5), (3, 0), (3, 5, 0), (3, 5, 1, 0.0), (3, 5, 1, float("nan"))])
def test_options_out_of_range_are_refused(arguments):
    with pytest.raises(ValueError, match="num_classes must be at least 2"):
        RetrospectionLabels(*arguments)
