"""Random state: seeded once, saved and restored with checkpoints."""

from __future__ import annotations

import os
import random

import numpy as np
import torch
from torch import Tensor


def seed_everything(seed: int, compiled: bool = False) -> None:
    """Seed Python, numpy and torch, and ask torch for deterministic algorithms.

    An operation that has no deterministic version warns instead of stopping the run; on the CPU every one we use has.

    Args:
        seed: Seed of the run.
        compiled: Whether the compiler of torch is asked, too; that loads it.
    """
    random.seed(seed)
    np.random.seed(seed % 2**32)  # noqa: NPY002 - libraries that torch data sets call still draw from the global state
    torch.manual_seed(seed)
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    if compiled:
        torch.use_deterministic_algorithms(True, warn_only=True)
    else:  # the same for everything but the compiler
        torch.set_deterministic_debug_mode("warn")
    torch.backends.cudnn.benchmark = False


def rng_state(device: torch.device) -> dict[str, Tensor]:
    """State of the generators that training draws from (dropout), as uint8 tensors."""
    state = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        state["cuda"] = torch.cuda.get_rng_state(device)
    return state


def set_rng_state(state: dict[str, Tensor], device: torch.device) -> None:
    """Put back what :func:`rng_state` returned."""
    torch.set_rng_state(state["cpu"].to(torch.uint8).cpu())
    if device.type == "cuda" and "cuda" in state:
        torch.cuda.set_rng_state(state["cuda"].to(torch.uint8).cpu(), device)


def epoch_order(count: int, seed: int, epoch: int) -> Tensor:
    """Order of the training samples in an epoch, ``[count]``: a function of seed and epoch alone, so that resuming
    needs no history."""
    generator = torch.Generator().manual_seed((seed * 1_000_003 + epoch) % 2**63)
    return torch.randperm(count, generator=generator)


def seed_follower(seed: int, epoch: int, rank: int) -> None:
    """Seed what a further process of a team draws in an epoch: other numbers than the first's, and the same on resuming."""
    torch.manual_seed((seed * 1_000_003 + epoch * 65_537 + rank) % 2**63)


def augmentation_generator(seed: int, epoch: int, rank: int) -> torch.Generator:
    """Where an epoch's crops and flips come from: a stream of its own, the same on resuming."""
    return torch.Generator().manual_seed((seed * 999_983 + epoch * 104_729 + rank * 7 + 1) % 2**63)
