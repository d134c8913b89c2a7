"""Optimiser step: schedule, mixed precision, clipping."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from lwal_core.config import TrainingConfig
from lwal_core.encoders.layers import encoder_layers
from lwal_core.training.eager_optimizers import SGD, Adam, AdamW

RATE_SCALE = "rate_scale"
"""Key of an optimiser's group: its rate as a multiple of the run's."""
_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


def learning_rate(training: TrainingConfig, step: int, steps_per_epoch: int) -> float:
    """Learning rate of a step.

    Linear from near 0 during the warm-up; after it constant, or half a cosine wave down to 0 at the end (Loshchilov and
    Hutter 2017, https://arxiv.org/abs/1608.03983, without restarts).

    Args:
        training: Rate, schedule, warm-up and epochs.
        step: Steps done before this one.
        steps_per_epoch: Steps in an epoch.
    """
    total = training.epochs * steps_per_epoch
    warmup = min(training.warmup_epochs * steps_per_epoch, float(total))
    if step < warmup:
        return training.learning_rate * (step + 1) / (warmup + 1)
    if training.schedule == "constant":
        return training.learning_rate
    share = (step - warmup) / max(total - warmup, 1.0)
    return training.learning_rate * 0.5 * (1 + math.cos(math.pi * min(share, 1.0)))


def parameter_groups(step: nn.Module, encoder: nn.Module, training: TrainingConfig) -> list[Any]:
    """Parameters of a step in groups of one rate each; a plain list where all have the same.

    A layer's rate is ``layer_decay`` times that of the layer after it (K. Clark et al., arXiv:2003.10555), which ends at the
    head; everything outside the encoder has ``head_rate`` times the rate of the run.

    Args:
        step: The module that is trained: encoder, head and label method.
        encoder: The encoder in it.
        training: ``layer_decay`` and ``head_rate``.

    Raises:
        TrainingError: The encoder's layers are not known.
    """
    if training.head_rate == 1 and training.layer_decay == 1:
        return list(step.parameters())
    scales = {id(parameter): training.head_rate for parameter in step.parameters()}
    layers = encoder_layers(encoder) if training.layer_decay != 1 else None
    for name, parameter in encoder.named_parameters():
        scales[id(parameter)] = 1.0 if layers is None else training.layer_decay ** (layers.last - layers.number[name])
    groups: dict[float, list[nn.Parameter]] = {}
    for parameter in step.parameters():
        groups.setdefault(scales[id(parameter)], []).append(parameter)
    return [{"params": parameters, RATE_SCALE: scale} for scale, parameters in groups.items()]


def build_optimizer(parameters: Iterable[Any], training: TrainingConfig) -> torch.optim.Optimizer:
    """The optimiser of a run over parameters or groups of them; its learning rate is set before every step."""
    rate, decay = training.learning_rate, training.weight_decay
    if training.optimizer == "sgd":
        return SGD(parameters, lr=rate, momentum=0.9, weight_decay=decay)
    if training.optimizer == "adamw":
        return AdamW(parameters, lr=rate, weight_decay=decay)
    return Adam(parameters, lr=rate, weight_decay=decay)


def pick_dtype(precision: str, device: torch.device) -> torch.dtype:
    """Type of the encoder's arithmetic; ``auto`` is bfloat16 on GPUs that have it in hardware."""
    if precision != "auto":
        return _DTYPES[precision]
    fast = device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.bfloat16 if fast else torch.float32


class Stepper:
    """Takes optimiser steps: the rate of the schedule, loss scaling for float16, clipping.

    Args:
        optimizer: Of all trained parameters.
        training: Schedule and clipping.
        steps_per_epoch: Steps in an epoch.
        dtype: Type of the encoder's arithmetic.
        device: Where it happens.
    """

    def __init__(
        self,
        optimizer: torch.optim.Optimizer,
        training: TrainingConfig,
        steps_per_epoch: int,
        dtype: torch.dtype,
        device: torch.device,
    ) -> None:
        self.optimizer = optimizer
        self.training = training
        self.steps_per_epoch = steps_per_epoch
        self.dtype = dtype
        self.device = device
        # float16 has a narrow range: small gradients would vanish without scaling.
        self.scaler = torch.amp.GradScaler(device.type, enabled=dtype is torch.float16)
        self.parameters = [p for group in optimizer.param_groups for p in group["params"]]
        self.rate = training.learning_rate

    def autocast(self) -> contextlib.AbstractContextManager[object]:
        """Mixed precision for the encoder's forward pass; does nothing in float32."""
        if self.dtype is torch.float32:
            return contextlib.nullcontext()
        return torch.autocast(self.device.type, dtype=self.dtype)

    def step(self, loss: Tensor, steps_done: int) -> None:
        """Backward pass and update of all parameters.

        Args:
            loss: Scalar.
            steps_done: Steps before this one.
        """
        self.rate = learning_rate(self.training, steps_done, self.steps_per_epoch)
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate * group.get(RATE_SCALE, 1.0)
        self.optimizer.zero_grad(set_to_none=True)
        self.scaler.scale(loss).backward()
        if self.training.clip_norm is not None:
            self.scaler.unscale_(self.optimizer)
            torch.nn.utils.clip_grad_norm_(self.parameters, self.training.clip_norm)
        self.scaler.step(self.optimizer)
        self.scaler.update()

    def state(self) -> dict[str, Tensor]:
        """What resuming needs besides the optimiser: the loss scale."""
        values = self.scaler.state_dict()
        return {key: torch.tensor(value) for key, value in values.items()}

    def restore(self, state: dict[str, Tensor]) -> None:
        """Put back what :meth:`state` returned."""
        if state:
            self.scaler.load_state_dict({key: value.item() for key, value in state.items()})
