"""Evaluation pass that leaves the training's modes and random generators as they were."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from torch import nn


@contextmanager
def unnoticed(model: nn.Module, *loaders: Any) -> Iterator[None]:
    """Evaluation mode without gradients; afterwards every layer is in the mode that it was in, and every random generator,
    those of the loaders among them, where it was."""
    modes = [(layer, layer.training) for layer in model.modules()]
    python, numpy = random.getstate(), np.random.get_state()  # noqa: NPY002  those that the program uses
    states = [(generator, generator.get_state()) for loader in loaders for generator in _generators(loader)]
    devices = range(torch.cuda.device_count()) if torch.cuda.is_initialized() else ()
    try:
        with torch.random.fork_rng(devices), torch.no_grad():
            model.eval()
            yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)  # noqa: NPY002
        for generator, state in states:
            generator.set_state(state)
        for layer, mode in modes:
            layer.training = mode


def _generators(loader: Any) -> list[torch.Generator]:
    """Generators of a loader, of what it draws samples with, and of a loader that it wraps."""
    found: dict[int, torch.Generator] = {}
    todo, seen = [loader], set()
    while todo:
        part = todo.pop()
        if part is None or id(part) in seen:
            continue
        seen.add(id(part))
        generator = getattr(part, "generator", None)
        if isinstance(generator, torch.Generator):
            found[id(generator)] = generator
        todo += [getattr(part, name, None) for name in ("sampler", "batch_sampler", "loader")]
    return list(found.values())
