"""Exponential mean of the weights over the steps of a training."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn


class WeightAverage:
    """Mean of a module's parameters and buffers in float32; whole numbers and stores in less precision are those of the moment.

    After step ``t``, counted from 1, the share ``min(decay, (1 + t) / (10 + t))`` of the mean stays: it forgets the random
    start first (as in TensorFlow's ExponentialMovingAverage, and in timm).

    Args:
        module: What is trained; its mean has the same names.
        decay: From 0 to below 1.

    Attributes:
        mean: A copy of the module with the means.
    """

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.source, self.decay = module, decay
        self.mean = copy.deepcopy(module).requires_grad_(False)

    @torch.no_grad()
    def start(self) -> None:
        """Begin with what the module holds."""
        for mean, source in self._pairs():
            mean.copy_(source)

    @torch.no_grad()
    def follow(self) -> nn.Module:
        """The mean, with what is not averaged as it is now."""
        for mean, source in self._pairs():
            if mean.dtype is not torch.float32:
                mean.copy_(source)
        return self.mean

    @torch.no_grad()
    def update(self, steps: int) -> None:
        """Take in a step.

        Args:
            steps: Steps done with this one, from 1.
        """
        average = get_ema_multi_avg_fn(min(self.decay, (1 + steps) / (10 + steps)))
        pairs = [pair for pair in self._pairs() if pair[0].dtype is torch.float32]
        if pairs:
            average([mean for mean, _ in pairs], [source for _, source in pairs], steps)

    def _pairs(self) -> list[tuple[Tensor, Tensor]]:
        """Tensors of the mean and of the module; asked for anew every time, as a method may put a new table in its place."""
        tensors = ((*each.parameters(), *each.buffers()) for each in (self.mean, self.source))
        return list(zip(*tensors, strict=True))
