"""Training device, and the message when its memory is too small."""

from __future__ import annotations

from collections.abc import Callable

import torch

from lwal_core.errors import TrainingError


def pick_device(name: str) -> torch.device:
    """The device to train on.

    Raises:
        TrainingError: It was asked for by name and is not there.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    device = torch.device(name)
    if device.type == "cuda":
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if (device.index or 0) >= count:
            raise TrainingError(
                f"Device {name!r} was asked for and {count} CUDA devices are usable.", "Use auto, or see `lwal doctor`."
            )
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise TrainingError("Device 'mps' was asked for and this machine has none.", "Use auto.")
    return device


def device_title(device: torch.device) -> str:
    """Name of a device for people, e.g. ``"NVIDIA H100"`` or ``"cpu"``."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else device.type


def is_out_of_memory(error: BaseException) -> bool:
    """Whether a device, or the host on behalf of the CPU, had no memory left."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and "not enough memory" in str(error)


def out_of_memory_error(batch_size: int, fits: Callable[[int], bool]) -> TrainingError:
    """What to tell after a batch of this size took more memory than there is.

    Args:
        batch_size: The size that did not fit.
        fits: Tries a training step with so many samples.
    """
    size = batch_size // 2
    while size >= 2:
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        if fits(size):
            return TrainingError(
                f"A batch of {batch_size:,} samples takes more memory than there is.", f"A batch size of {size:,} fits."
            )
        size //= 2
    return TrainingError(
        f"A batch of {batch_size:,} samples takes more memory than there is, and so does one of 2.",
        "Choose a smaller network or smaller images.",
    )
