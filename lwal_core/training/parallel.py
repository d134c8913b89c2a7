"""Distributed training of one run: each process has its share of every batch.

They are started by torchrun, one per GPU. The first one alone writes the run folder; all compute the same labels, because
class means and push loss are summed over the whole batch (:mod:`lwal_core.methods.reduction`).
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from lwal_core.errors import TrainingError
from lwal_core.methods.reduction import gather_over_processes, process_count, sum_over_processes

PROCESS_GROUP_TIMEOUT = timedelta(days=7)
"""How long the others wait for the first process, which may wait for its slots."""


@dataclass(frozen=True)
class Team:
    """This process's place among those that train together."""

    rank: int = 0
    size: int = 1

    @property
    def is_main_process(self) -> bool:
        """Whether this process writes the run folder."""
        return self.rank == 0

    @classmethod
    def from_environment(cls) -> Team:
        """The place that torchrun gave to this process; a team of one without it."""
        return cls(int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1")))

    def join(self, device: torch.device) -> None:
        """Meet the others; returns when all are there."""
        if self.size > 1 and not dist.is_initialized():
            if device.type == "cuda":
                torch.cuda.set_device(device)
            # gloo beside nccl carries what lies on the host, such as the word to stop.
            backend = "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo"
            dist.init_process_group(backend, timeout=PROCESS_GROUP_TIMEOUT)

    def leave(self) -> None:
        """Part from the others."""
        if dist.is_initialized():
            dist.destroy_process_group()

    def any(self, flag: bool) -> bool:
        """Whether the flag is set in any process; all of them must ask at the same point."""
        if self.size == 1:
            return flag
        shared = torch.tensor([int(flag)])
        dist.all_reduce(shared, dist.ReduceOp.MAX)
        return bool(shared.item())

    def decided(self, flag: bool) -> bool:
        """The main process's flag, for all; each must ask at the same point.

        What each process computes for itself may differ in the last bit, and so may what follows from it: one would leave
        and the others wait for it.
        """
        if self.size == 1:
            return flag
        # A sum rather than a broadcast, from which a process may return and leave while another is still in it.
        shared = torch.tensor([int(flag and self.is_main_process)])
        dist.all_reduce(shared)
        return bool(shared.item())

    def texts(self, own: str) -> list[str]:
        """The text of every process, in their order; all of them must ask at the same point."""
        if self.size == 1:
            return [own]
        data = torch.tensor(list(own.encode()), dtype=torch.uint8)
        lengths = gather_over_processes(torch.tensor([len(data)])).tolist()
        rows = gather_over_processes(torch.cat([data, data.new_zeros(max(lengths) - len(data))])[None])
        return [bytes(row[:length].tolist()).decode() for row, length in zip(rows, lengths, strict=True)]

    def mean(self, part: Tensor) -> Tensor:
        """Mean of a tensor of any shape over the processes, without a gradient."""
        return sum_over_processes(part.detach()) / self.size

    def share(self, count: int) -> slice:
        """Which of so many samples this process embeds in an evaluation: a stretch as long as the others', but for the last."""
        each = -(-count // self.size)
        return slice(min(self.rank * each, count), min((self.rank + 1) * each, count))

    def whole(self, part: Tensor, count: int) -> Tensor:
        """The rows of all processes' shares in their order; every process must call it.

        Args:
            part: What this process found of its share (:meth:`share`), ``[share,...]`` in main memory.
            count: Rows of all shares.
        """
        if self.size == 1:
            return part
        missing = -(-count // self.size) - len(part)
        return gather_over_processes(torch.cat([part, part.new_zeros((missing, *part.shape[1:]))]))[:count]

    def device(self, wanted: torch.device) -> torch.device:
        """The device of this process: each takes a GPU of its own.

        Raises:
            TrainingError: There are fewer GPUs than processes.
        """
        if self.size == 1 or wanted.type != "cuda":
            return wanted
        index = int(os.environ.get("LOCAL_RANK", str(self.rank)))
        if index >= torch.cuda.device_count():
            raise TrainingError(
                f"{self.size} devices were asked for and this machine has {torch.cuda.device_count()} GPUs.",
                "Ask for fewer with --devices.",
            )
        return torch.device("cuda", index)


def wrap_ddp(module: nn.Module, team: Team, device: torch.device) -> nn.Module:
    """The module with gradients averaged over the team; itself in a team of one."""
    if team.size == 1:
        return module
    ids = [device] if device.type == "cuda" else None
    # Buffers (labels, batch statistics) are computed from sums over all processes, so they are equal without a broadcast.
    return DistributedDataParallel(module, device_ids=ids, broadcast_buffers=False)


def share_batch_statistics(module: nn.Module, team: Team) -> nn.Module:
    """Batch norm over the whole batch rather than each process's part of it."""
    if team.size == 1:
        return module
    for name, child in module.named_children():
        if isinstance(child, nn.modules.batchnorm._BatchNorm):
            setattr(module, name, _WholeBatchNorm(child))
        else:
            share_batch_statistics(child, team)
    return module


class _WholeBatchNorm(nn.Module):
    """A batch norm whose statistics are those of all processes' samples, on any device.

    torch's own (``SyncBatchNorm``) runs on GPUs only. The wrapped module keeps parameters and running statistics, under
    the same names.
    """

    def __init__(self, inner: nn.modules.batchnorm._BatchNorm) -> None:
        super().__init__()
        self.weight, self.bias = inner.weight, inner.bias
        for name in ("running_mean", "running_var", "num_batches_tracked"):
            self.register_buffer(name, getattr(inner, name))
        self.eps, self.momentum = inner.eps, inner.momentum
        # timm's batch norms bring their activation along.
        self.drop, self.act = (getattr(inner, part, None) or nn.Identity() for part in ("drop", "act"))

    running_mean: Tensor
    running_var: Tensor
    num_batches_tracked: Tensor

    def forward(self, x: Tensor) -> Tensor:
        """Normalise over all dimensions but the second."""
        shape = [1, -1] + [1] * (x.ndim - 2)
        wide = x.float()
        if self.training:
            axes = [0, *range(2, x.ndim)]
            count = x.numel() / x.shape[1] * process_count()
            mean = sum_over_processes(wide.sum(axes)) / count
            variance = sum_over_processes((wide - mean.view(shape)).square().sum(axes)) / count
            with torch.no_grad():
                self.num_batches_tracked += 1
                share = 1 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
                self.running_mean.lerp_(mean, share)
                self.running_var.lerp_(variance * count / max(count - 1, 1), share)
        else:
            mean, variance = self.running_mean, self.running_var
        out = (wide - mean.view(shape)) * (variance + self.eps).rsqrt().view(shape)
        if self.weight is not None:
            out = out * self.weight.view(shape) + self.bias.view(shape)
        acted: Tensor = self.act(self.drop(out.to(x.dtype)))
        return acted
