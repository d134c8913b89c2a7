"""Batches of loaders and outputs of networks, of the usual kinds: what goes in, the classes, the scores, the pictures."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from lwal_core.recording.arrays import RecordError
from lwal_core.recording.predictions import THUMBNAIL_SIDE

TARGETS = ("labels", "label", "targets", "target", "y", "classes")
"""What the classes are called in batches that are mappings."""


def split(batch: Any) -> tuple[Any, Any]:
    """Inputs and classes of a batch: of ``(x, y)`` or ``(x1, x2, y)``, or of a mapping with ``labels``.

    Raises:
        RecordError: It is something else.
    """
    if isinstance(batch, Mapping):
        name = next((name for name in TARGETS if name in batch), None)
        if name is not None:
            return {key: value for key, value in batch.items() if key != name}, batch[name]
        raise RecordError(
            "batch", f"A batch has {', '.join(map(str, batch))}.", "Name the classes labels, or give unpack=..."
        )
    if isinstance(batch, tuple | list) and len(batch) >= 2:
        return (batch[0] if len(batch) == 2 else tuple(batch[:-1])), batch[-1]
    raise RecordError(
        "batch", f"A batch is a {type(batch).__name__}.", "It must be (x, y), a mapping with labels, or give unpack=..."
    )


def run_network(model: nn.Module, inputs: Any) -> Any:
    """Output for inputs: one, a tuple of several, or a mapping of arguments; moved to the network's device and, for networks
    in other precision than float32, its type."""
    first = next((p for p in (*model.parameters(), *model.buffers()) if p.is_floating_point()), None)

    def moved(value: Any) -> Any:
        if not isinstance(value, Tensor) or first is None:
            return value
        if value.is_floating_point() and first.dtype != torch.float32:
            return value.to(first.device, first.dtype)
        return value.to(first.device, non_blocking=True)

    if isinstance(inputs, Mapping):
        return model(**{name: moved(value) for name, value in inputs.items()})
    if isinstance(inputs, tuple):
        return model(*map(moved, inputs))
    return model(moved(inputs))


def scores_in(output: Any, count: int, classes: int) -> Tensor | None:
    """The first ``[B,C]`` in what a network gives, ``logits`` before others; None without."""
    if isinstance(output, Tensor):
        return output.detach() if tuple(output.shape) == (count, classes) else None
    values: list[Any] = []
    if isinstance(output, Mapping):
        values = [output[name] for name in sorted(output, key=lambda name: name != "logits")]
    elif isinstance(output, tuple | list):
        values = list(output)
    return next((found for value in values if (found := scores_in(value, count, classes)) is not None), None)


def first_picture_batch(inputs: Any) -> Tensor | None:
    """The tensor among the inputs that holds pictures ``[B,1 or 3,H,W]``; None without."""
    values = inputs.values() if isinstance(inputs, Mapping) else inputs if isinstance(inputs, tuple) else (inputs,)
    return next(
        (value for value in values if isinstance(value, Tensor) and value.ndim == 4 and value.shape[1] in (1, 3)), None
    )


def as_pictures(x: Tensor, rows: NDArray[np.intp], mean: Any = None, std: Any = None) -> NDArray[np.uint8]:
    """Pictures as a network is given them, as uint8 ``[M,h,w,3]`` of at most 48 pixels a side.

    Args:
        x: ``[B,1 or 3,H,W]``: uint8, or floats of which nothing is known: from 0 to 1 or 255 they stay what they are, others
            are stretched, each picture from its darkest to its brightest value.
        rows: Which ``[M]``.
        mean: What was subtracted of each channel before it was divided by ``std``, in units of 0 to 1; None for nothing.
        std: As above.
    """
    chosen = x[torch.from_numpy(rows).to(x.device)].detach()
    whole = chosen.dtype == torch.uint8
    chosen = chosen.float().cpu()
    if whole:
        chosen = chosen / 255
    elif mean is not None and std is not None:
        shift, scale = (torch.as_tensor(value, dtype=torch.float32).cpu().reshape(1, -1, 1, 1) for value in (mean, std))
        chosen = chosen * scale + shift
    else:
        chosen = torch.nan_to_num(chosen)
        low, high = chosen.amin(dim=(1, 2, 3), keepdim=True), chosen.amax(dim=(1, 2, 3), keepdim=True)
        if low.min() >= 0 and high.max() <= 255:
            chosen = chosen / 255 if high.max() > 1 else chosen
        else:
            chosen = (chosen - low) / (high - low).clamp_min(1e-12)
    longer = max(chosen.shape[2:])
    if longer > THUMBNAIL_SIDE:
        height, width = (max(1, round(side * THUMBNAIL_SIDE / longer)) for side in chosen.shape[2:])
        chosen = nn.functional.adaptive_avg_pool2d(chosen, (height, width))
    pixels = (torch.nan_to_num(chosen).clamp(0, 1) * 255).round().to(torch.uint8)
    found: NDArray[np.uint8] = pixels.expand(-1, 3, -1, -1).permute(0, 2, 3, 1).contiguous().numpy()
    return found
