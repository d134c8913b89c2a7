"""One training step of adaptive labels, with its gradient derived by hand.

The losses of :mod:`lwal_core.methods.losses` in a third of the operations that automatic differentiation takes: beside a fast
encoder it is their number, not their size, that costs time. With distances ``D [B,C]``, the gradient ``G`` of the pull loss by
them, and ``A = G / D``:

- by the embeddings, directly: ``sum_c A_ic (z_i - L_c)``; by the labels: ``sum_i A_ic (L_c - z_i)``, which goes on to the samples
  that a label is the mean of, in equal parts;
- of the push loss ``sum_i r_i . u_i / B^2``, with unit vectors ``u`` and ``r_i`` the sum of those of other classes:
  ``2 / B^2 (r_i - (r_i . u_i) u_i) / |z_i|``.

Where a batch is split between processes, sums over it are sums over all of them, as in :mod:`lwal_core.methods.reduction`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from lwal_core.methods.losses import MIN_DISTANCE, MIN_NORM, centred_distances
from lwal_core.methods.reduction import process_count, sum_over_processes

DIRECT_ON_CPU, DIRECT_ON_GPU = 2**18, 2**22
"""Numbers ``B * C * K`` up to which one operation measures all distances, exactly; matrix products are faster on a processor
beyond about there. On a GPU the number of operations counts, for much larger ones, too."""
_MEAN, _NO_CLASS = 1, -100  # as torch's nll_loss calls its reduction and the class that it leaves out


class StepOptions(NamedTuple):
    """What a step depends on besides tensors; ``update`` is whether it updates the labels, the others are those of
    :class:`~lwal_core.methods.AdaptiveLabels`."""

    update: bool
    decay: float
    leave_one_out: bool
    gradient_through_update: bool
    temperature: float
    push_weight: float


class StepResult(NamedTuple):
    """Losses, scalars, and the labels after the step, ``[C,K]``, without a gradient. Without a push ``push`` is None."""

    total: Tensor
    pull: Tensor
    push: Tensor | None
    labels: Tensor


def label_step(z: Tensor, y: Tensor, labels: Tensor, pool: Tensor | None, options: StepOptions) -> StepResult:
    """Update the labels where the step does so, and take the losses.

    Args:
        z: Embeddings ``[B,K]``, float32 or float64.
        y: Classes ``[B]``.
        labels: Before the step, ``[C,K]``, of the type of ``z``; constants.
        pool: For each class the sum of further embeddings and, in a last column, their number, ``[C,K+1]``: constants that count
            in its mean. None for the batch alone.
        options: What else the step depends on.
    """
    with torch.autocast(z.device.type, enabled=False):  # in bfloat16 a distance loses most of its digits
        total, pull, push, new = _LabelStep.apply(z, y, labels, pool, options)
    return StepResult(total, total if pull is None else pull, push, new)


class _LabelStep(torch.autograd.Function):
    """Gives pull and push beside the total where a step pushes; otherwise the total is the pull."""

    @staticmethod
    def forward(
        context: Any, z: Tensor, y: Tensor, old: Tensor, pool: Tensor | None, options: StepOptions
    ) -> tuple[Tensor, Tensor | None, Tensor | None, Tensor]:
        context.set_materialize_grads(False)
        context.y, context.options, context.means, context.push = y, options, None, None
        pushes = options.update and options.push_weight != 0
        new, own, unit = old, None, _Unit(z) if pushes else None
        if options.update:
            context.means = means = _Means(z, y, old, pool, unit, options)
            new, own = means.labels, _Own(z, y, old, means, options) if options.leave_one_out else None
        context.pull = _Pull(z, y, new, own, options.temperature)
        context.mark_non_differentiable(new)
        pull = context.pull.loss
        if unit is None:
            return pull, None, None, new
        context.push = _Push(unit, y, *means.unit_sums)
        push = context.push.loss
        return torch.add(pull, push, alpha=options.push_weight), pull, push, new

    @staticmethod
    @once_differentiable
    def backward(context: Any, total: Tensor | None, pull: Tensor | None, push: Tensor | None, _: None) -> Any:
        options, gradient = context.options, None
        by_pull = pull if total is None else total if pull is None else total + pull
        with torch.autocast(context.y.device.type, enabled=False):
            if by_pull is not None:
                gradient = context.pull.gradient(by_pull, context.means, context.y, options)
            for by_loss, weight in ((total, options.push_weight), (push, 1.0)):
                if by_loss is not None and context.push is not None:
                    gradient = context.push.add_gradient(by_loss, weight, gradient)
        return gradient, None, None, None, None


class _Unit:
    """Embeddings at length 1; one at the origin stays there."""

    def __init__(self, z: Tensor) -> None:
        self.length = torch.linalg.vector_norm(z, dim=1, keepdim=True).clamp_min_(MIN_NORM)
        self.vectors = z / self.length


class _Means:
    """Sums over the classes of the batch, and the labels that come of them."""

    def __init__(
        self, z: Tensor, y: Tensor, old: Tensor, pool: Tensor | None, unit: _Unit | None, o: StepOptions
    ) -> None:
        # One sum over the batch for embeddings, counts and unit vectors.
        parts = [z, z.new_ones(len(z), 1), *([unit.vectors] if unit else [])]
        summed = torch.cat(parts, dim=1)
        sums = summed.new_zeros(len(old), summed.shape[1]).index_add_(0, y, summed)
        sums = sum_over_processes(sums)
        z_sums, counts, *unit_sums = sums.split([part.shape[1] for part in parts], dim=1)
        if pool is not None:
            z_sums, counts = z_sums + pool[:, :-1], counts + pool[:, -1:]
        self.z_sums, self.counts, self.unit_sums = z_sums, counts, unit_sums
        self.at_least_one = counts.clamp_min(1)
        # A count is 0 or at least 1 and the decay at most 1, so this is the decay, and 0 for a class without a sample.
        self.labels = torch.lerp(old, z_sums / self.at_least_one, counts.clamp_max(o.decay))


class _Own:
    """Distance of every sample to the label of its class made without it, ``[B,1]``."""

    def __init__(self, z: Tensor, y: Tensor, old: Tensor, means: _Means, o: StepOptions) -> None:
        self.column = y[:, None]
        others = means.counts.index_select(0, y) - 1
        at_least_one = others.clamp_min(1)
        # A sample that is alone in its class is pulled to the label of the step before.
        share = others.clamp_max(o.decay)
        mean = (means.z_sums.index_select(0, y) - z) / at_least_one
        self.apart = z - torch.lerp(old.index_select(0, y), mean, share)
        self.distance = torch.linalg.vector_norm(self.apart, dim=1, keepdim=True).clamp_min_(MIN_DISTANCE)
        self.by_sum = share / at_least_one
        """How much of a label the class's sum carries."""


class _Pull:
    """Cross-entropy of the softmax of minus the distances over the temperature, mean over the batch."""

    def __init__(self, z: Tensor, y: Tensor, labels: Tensor, own: _Own | None, temperature: float) -> None:
        self.distances, self.z, self.labels = _distances(z, labels)
        self.own = own
        if own is not None:
            self.distances.scatter_(1, own.column, own.distance)
        self.log_p = F.log_softmax(self.distances * (-1 / temperature), dim=1)
        self.loss, self.weight = torch.ops.aten.nll_loss_forward(self.log_p, y, None, _MEAN, _NO_CLASS)

    def gradient(self, by_loss: Tensor, means: _Means | None, y: Tensor, o: StepOptions) -> Tensor:
        """By the embeddings, ``[B,K]``, through the labels as well."""
        aten = torch.ops.aten
        by_log_p = aten.nll_loss_backward(by_loss, self.log_p, y, None, _MEAN, _NO_CLASS, self.weight)
        by_score = aten._log_softmax_backward_data(by_log_p, self.log_p, 1, self.log_p.dtype)
        # Distances that were clamped have no gradient. The sign of the scores is in the terms below.
        a = by_score / F.threshold(self.distances, MIN_DISTANCE, torch.inf)
        through = means is not None and o.gradient_through_update
        by_z = self._own_part(a, through) if self.own is not None else None
        rows = torch.addcmul(a @ self.labels, a.sum(1, keepdim=True), self.z, value=-1)
        by_z_direct = rows if by_z is None else rows - by_z
        if through:
            assert means is not None
            a_t = a.t()
            by_label = torch.addcmul(a_t @ self.z, a_t.sum(1, keepdim=True), self.labels, value=-1)
            by_sum = by_label.div_(means.at_least_one)
            if self.own is not None:
                by_sum.index_add_(0, y, self.by_own_sum, alpha=1 / o.decay)
            by_z_direct.add_(sum_over_processes(by_sum).index_select(0, y), alpha=o.decay)
        return by_z_direct if o.temperature == 1 else by_z_direct.div_(o.temperature)

    def _own_part(self, a: Tensor, through: bool) -> Tensor:
        """Takes the own distances out of ``a`` and gives their part by the embeddings."""
        own = self.own
        assert own is not None
        part = a.gather(1, own.column) * own.apart
        a.scatter_(1, own.column, 0.0)
        if not through:  # where labels are constants, so is the sample that is taken out of its mean
            return part
        self.by_own_sum = part * own.by_sum
        return part + self.by_own_sum


class _Push:
    """Mean over all pairs of the cosine of those of different classes; see :func:`lwal_core.methods.push_loss`."""

    def __init__(self, unit: _Unit, y: Tensor, unit_sums: Tensor) -> None:
        processes = process_count()
        self.unit, self.whole = unit, len(y) * processes
        self.rest = unit_sums.sum(dim=0) - unit_sums.index_select(0, y)
        self.along = (unit.vectors * self.rest).sum(1, keepdim=True)
        part = self.along.mean()
        self.loss = (part if processes == 1 else sum_over_processes(part) / processes) / self.whole

    def add_gradient(self, by_loss: Tensor, weight: float, to: Tensor | None) -> Tensor:
        """The gradient by the embeddings ``[B,K]`` of the loss times a weight, added to another one."""
        across = torch.addcmul(self.rest, self.unit.vectors, self.along, value=-1)
        # Each process has the whole loss, so that the sum of their losses has it as many times.
        scale = by_loss * (weight * 2 / (len(across) * self.whole)) / self.unit.length
        return across * scale if to is None else to.addcmul_(across, scale)


def _distances(z: Tensor, labels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Distances ``[B,C]``, at least :data:`MIN_DISTANCE`, and both sides, moved alike where products measured them."""
    if len(z) * labels.numel() > (DIRECT_ON_GPU if z.is_cuda else DIRECT_ON_CPU):
        return centred_distances(z, labels)
    direct = torch.cdist(z, labels, compute_mode="donot_use_mm_for_euclid_dist")
    return direct.clamp_min_(MIN_DISTANCE), z, labels
