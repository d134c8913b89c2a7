"""Overhead of the label method: loss, label update and backward pass, measured per batch.

Measured on a copy, once per run, so that training itself is not touched: not one bit of it changes, and no timer slows it
down. Encoder and linear head are no part of it; every method has them.
"""

from __future__ import annotations

import copy
import time

import torch
from torch import Tensor

from lwal_core.methods import LabelMethod, StepContext

WARM_UP = 2
STEPS = 20  # a method that updates its labels every few steps shows its average
BUDGET = 0.25  # seconds after which measuring ends, with whatever number of steps was done


def label_seconds(method: LabelMethod, y: Tensor, rows: Tensor, width: int, epoch: int, epochs: int) -> float:
    """Mean seconds of forward and backward pass of a label method for one batch.

    The outputs are random numbers: the work does not depend on their values. They come from a generator of their own,
    and whatever the method draws is put back.

    Args:
        method: The label method in training mode; a copy of it takes the steps.
        y: Classes of a batch, ``[B]``.
        rows: Places of its samples in the training set, ``[B]``.
        width: Outputs of the encoder, F.
        epoch: Epoch of the steps, from 1.
        epochs: Epochs of the training.

    Returns:
        Seconds per step, above 0.
    """
    device = y.device
    gpus = [device] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=gpus):
        twin = copy.deepcopy(method)
        generator = torch.Generator(device).manual_seed(0)
        z = torch.randn(len(y), twin.dim, device=device, generator=generator).requires_grad_()
        features = torch.randn(len(y), width, device=device, generator=generator).requires_grad_()
        wanted = [z, features, *(p for p in twin.parameters() if p.requires_grad)]
        context = StepContext(rows, features, epoch, epochs)
        spent, done, begun = 0.0, 0, time.perf_counter()
        for step in range(WARM_UP + STEPS):
            started = _now(device)
            loss = twin.step_loss(z, y, context)
            torch.autograd.grad(loss.total, wanted, allow_unused=True)
            if step >= WARM_UP:
                spent, done = spent + _now(device) - started, done + 1
                if time.perf_counter() - begun > BUDGET:
                    break
    return spent / done


def _now(device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()
