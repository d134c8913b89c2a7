"""What a step costs behind the encoder: the label method's work, and the output layer with its share of the optimiser.

Measured on copies, once per run, so that training itself is not touched: not one bit of it changes, and no timer slows it
down. The encoder is no part of it; every method has the same one, so what steps of two methods differ in is measured here.
"""

from __future__ import annotations

import contextlib
import copy
import time
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from lwal_core.methods import LabelMethod, StepContext

WARM_UP = 2
STEPS = 20  # a method that updates its labels every few steps shows its average
BUDGET = 0.25  # seconds after which measuring ends, with whatever number of steps was done


class StepCosts(NamedTuple):
    """Seconds of a step: ``labels``, loss, label update and their backward pass; ``output``, the layer that makes the embeddings,
    forward and backward, and the optimiser's step on it and on what the method trains itself."""

    labels: float
    output: float


def step_costs(
    head: nn.Module,
    method: LabelMethod,
    y: Tensor,
    rows: Tensor,
    epoch: int,
    epochs: int,
    optimizer: Callable[[list[nn.Parameter]], torch.optim.Optimizer],
    autocast: Callable[[], contextlib.AbstractContextManager[object]] = contextlib.nullcontext,
) -> StepCosts:
    """Mean seconds of a step behind the encoder; see :func:`label_seconds`.

    Args:
        head: The layer from features to embeddings; a copy of it takes the steps.
        method: The label method in training mode, likewise.
        y: Classes of a batch, ``[B]``.
        rows: Places of its samples in the training set, ``[B]``.
        epoch: Epoch of the steps, from 1.
        epochs: Epochs of the training.
        optimizer: Makes one for the parameters that it is given.
        autocast: Precision of the layer.
    """
    width = int(head.in_features)  # type: ignore[arg-type]
    labels = label_seconds(method, y, rows, width, epoch, epochs)
    with _random_numbers_kept(y.device):
        twin, layer = copy.deepcopy(method), copy.deepcopy(head)
        parameters = [p for part in (layer, twin) for p in part.parameters() if p.requires_grad]
        stepper = optimizer(parameters)
        features = _numbers(len(y), width, y.device)
        context = StepContext(rows, features, epoch, epochs)

        def step() -> None:
            with autocast():
                z = layer(features)
            stepper.zero_grad(set_to_none=True)
            features.grad = None
            twin.step_loss(z.float(), y, context).total.backward()  # type: ignore[no-untyped-call]
            stepper.step()

        whole = _mean_seconds(step, y.device)
    return StepCosts(labels, max(0.0, whole - labels))


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
    with _random_numbers_kept(y.device):
        twin = copy.deepcopy(method)
        z, features = _numbers(len(y), twin.dim, y.device), _numbers(len(y), width, y.device)
        wanted = [z, features, *(p for p in twin.parameters() if p.requires_grad)]
        context = StepContext(rows, features, epoch, epochs)

        def step() -> None:
            torch.autograd.grad(twin.step_loss(z, y, context).total, wanted, allow_unused=True)

        return _mean_seconds(step, y.device)


def _mean_seconds(step: Callable[[], None], device: torch.device) -> float:
    spent, done, begun = 0.0, 0, time.perf_counter()
    for number in range(WARM_UP + STEPS):
        started = _now(device)
        step()
        if number >= WARM_UP:
            spent, done = spent + _now(device) - started, done + 1
            if time.perf_counter() - begun > BUDGET:
                break
    return spent / done


def _numbers(count: int, width: int, device: torch.device) -> Tensor:
    generator = torch.Generator(device).manual_seed(0)
    return torch.randn(count, width, device=device, generator=generator).requires_grad_()


def _random_numbers_kept(device: torch.device) -> contextlib.AbstractContextManager[None]:
    return torch.random.fork_rng(devices=[device] if device.type == "cuda" else [])


def _now(device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()
