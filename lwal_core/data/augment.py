"""Augmentation of whole batches on the training device."""

from __future__ import annotations

import torch
from torch import Tensor


def random_crop_flip(x: Tensor, generator: torch.Generator, padding: int = 4, flip: bool = True) -> Tensor:
    """Shift every image by up to `padding` pixels along either axis and mirror half of them.

    The same as padding with black on all sides, cutting out a window of the old size at random, and flipping it from
    left to right with probability 1/2: the usual augmentation for CIFAR (K. He et al., arXiv:1512.03385, section 4.2).

    Args:
        x: uint8 ``[B, channels, H, W]``; it is not changed.
        generator: Source of the draws. They are made on the generator's device: one on the CPU gives the same variations
            whatever the device of `x` is.
        padding: Largest shift in pixels, 0 or more; 0 leaves every image in its place.
        flip: Whether to mirror.

    Returns:
        uint8 of the shape of `x`.
    """
    count, channels, height, width = x.shape
    draw = {"generator": generator, "device": generator.device}
    down = torch.randint(-padding, padding + 1, (count, 1), **draw).to(x.device)  # type: ignore[call-overload]
    right = torch.randint(-padding, padding + 1, (count, 1), **draw).to(x.device)  # type: ignore[call-overload]
    rows = torch.arange(height, device=x.device) + down
    columns = torch.arange(width, device=x.device).expand(count, width)
    if flip:
        mirrored = torch.randint(0, 2, (count, 1), **draw).to(x.device).bool()  # type: ignore[call-overload]
        columns = torch.where(mirrored, width - 1 - columns, columns)
    columns = columns + right
    # Positions outside the image are read at its edge and blackened afterwards, so that no padded copy is needed.
    sample = torch.arange(count, device=x.device)[:, None, None, None]
    channel = torch.arange(channels, device=x.device)[None, :, None, None]
    moved = x[
        sample, channel, rows.clamp(0, height - 1)[:, None, :, None], columns.clamp(0, width - 1)[:, None, None, :]
    ]
    inside = ((rows >= 0) & (rows < height))[:, None, :, None] & ((columns >= 0) & (columns < width))[:, None, None, :]
    return moved * inside
