"""Checkpoints: tensors and JSON for resuming, replaced atomically."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from lwal_core.errors import TrainingError
from lwal_core.runs import paths
from lwal_core.runs.files import atomic_write, write_json

LAST = "last.safetensors"


def save_checkpoint(folder: Path, parts: dict[str, dict[str, Tensor]], facts: dict[str, Any]) -> None:
    """Write the newest checkpoint of a run.

    Args:
        folder: The run folder.
        parts: Named state dicts of tensors, e.g. ``{"model": ..., "method": ..., "optimizer": ..., "rng": ...}``.
        facts: Plain values (epoch, counters, best accuracy).
    """
    tensors = {
        f"{part}/{key}": value.detach().cpu().contiguous().clone()
        for part, state in parts.items()
        for key, value in state.items()
    }
    data = save(tensors, metadata={"facts": orjson.dumps(facts).decode()})
    atomic_write(folder / paths.CHECKPOINT / LAST, lambda file: file.write(data))


def load_checkpoint(folder: Path) -> tuple[dict[str, dict[str, Tensor]], dict[str, Any]] | None:
    """Read the newest checkpoint; None when there is none.

    Raises:
        TrainingError: The file is there and damaged.
    """
    path = folder / paths.CHECKPOINT / LAST
    if not path.exists():
        return None
    parts: dict[str, dict[str, Tensor]] = {}
    try:
        with safe_open(path, framework="pt") as file:
            facts = orjson.loads(file.metadata()["facts"])
            for name in file.keys():  # noqa: SIM118 - a handle, not a dict
                part, _, key = name.partition("/")
                parts.setdefault(part, {})[key] = file.get_tensor(name)
    except (SafetensorError, OSError, KeyError, TypeError, ValueError) as error:
        raise TrainingError(f"The checkpoint cannot be read: {error}.", "Train again from the start.") from None
    return parts, facts


def flatten_optimizer(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """State of an optimiser as named tensors; learning rates and the like come from the configuration."""
    flat: dict[str, Tensor] = {}
    for index, state in optimizer.state_dict()["state"].items():
        for key, value in state.items():
            if value is not None:
                flat[f"{index}/{key}"] = value if isinstance(value, Tensor) else torch.tensor(value)
    return flat


def restore_optimizer(optimizer: torch.optim.Optimizer, flat: dict[str, Tensor]) -> None:
    """Put back what :func:`flatten_optimizer` returned."""
    values = optimizer.state_dict()
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in flat.items():
        index, _, key = name.partition("/")
        state.setdefault(int(index), {})[key] = tensor
    optimizer.load_state_dict({**values, "state": state})


def save_model(folder: Path, state: dict[str, Tensor], config: dict[str, Any]) -> None:
    """Write ``model/model.safetensors`` and ``model/config.json``, the layout that model hubs use."""
    tensors = {key: value.detach().cpu().contiguous().clone() for key, value in state.items()}
    data = save(tensors, metadata={"format": "pt"})
    atomic_write(folder / paths.MODEL / "model.safetensors", lambda file: file.write(data))
    write_json(folder / paths.MODEL / "config.json", config)
