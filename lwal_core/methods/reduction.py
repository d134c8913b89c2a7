"""Sums over all processes that share a batch, with gradients.

Class means and the push loss are functions of sums over the batch. Where a batch is split between processes, these sums are
taken over all parts, so that the labels and the gradient are those of the whole batch.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor


def process_count() -> int:
    """Processes that train together; 1 outside a process group."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def sum_over_processes(part: Tensor) -> Tensor:
    """Sum of this tensor over all processes; the same on each of them.

    Every process must call it, with a tensor of the same shape. The gradient of each process's loss reaches the parts of
    all: what arrives here is the gradient of the sum of the processes' losses, as data-parallel training, which averages
    gradients, expects of a quantity that each process computes alike.
    """
    if process_count() == 1:
        return part
    total: Tensor = _AllReduce.apply(part)
    return total


@torch.no_grad()
def gather_over_processes(part: Tensor) -> Tensor:
    """Rows ``[B/P,...]`` of all processes one after the other, ``[B,...]``, without gradients."""
    count = process_count()
    if count == 1:
        return part
    parts = [torch.empty_like(part) for _ in range(count)]
    dist.all_gather(parts, part.contiguous())
    return torch.cat(parts)


def process_rank() -> int:
    """Place of this process among those that train together, from 0."""
    return dist.get_rank() if process_count() > 1 else 0


def rows_of_all_processes(part: Tensor) -> Tensor:
    """Rows ``[B/P,...]`` of all processes one after the other, ``[B,...]``, with gradients as :func:`sum_over_processes` has them.

    Every process must call it, with a tensor of the same shape.
    """
    count = process_count()
    if count == 1:
        return part
    rank = process_rank()
    before, after = rank * len(part), (count - 1 - rank) * len(part)
    others = part.shape[1:]
    return sum_over_processes(torch.cat([part.new_zeros(before, *others), part, part.new_zeros(after, *others)]))


class _AllReduce(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, part: Tensor) -> Tensor:
        total = part.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> Tensor:
        total = gradients[0].clone(memory_format=torch.contiguous_format)
        dist.all_reduce(total)
        return total
