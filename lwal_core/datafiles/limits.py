"""Limits of data sets and split sizes, shared by the training form and the loaders."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from pydantic import ByteSize

from lwal_core.errors import DataError
from lwal_core.sanitize import quoted, without_middle
from lwal_core.settings import settings

MAX_CLASSES = 10_000
"""Classes a data set may have; trees and figures are built for up to this many leaves."""
MIN_TEST_SAMPLES = 2
"""With fewer, an accuracy is 0 % or 100 % and no class can be compared with another."""
MEMORY_LIMIT_BYTES = 4 * 2**30
"""Data sets that are no folders of images are kept in memory as a whole, up to this or ``LWAL_DATA_MEMORY`` if that is more."""
_NAMES_SHOWN = 5


def named(names: Iterable[object]) -> str:
    """The first few names in quotes and how many more there are: ``'cat', 'dog' and 3 more``."""
    words = [repr(str(name)) for name in names]
    rest = len(words) - _NAMES_SHOWN
    return ", ".join(words[:_NAMES_SHOWN]) + (f" and {rest:,} more" if rest > 0 else "")


def held_out(count: int, test_fraction: float) -> int:
    """How many of a class's `count` samples (2 or more) become test samples.

    The nearest whole number that leaves at least one sample on either side.
    """
    return min(max(int(count * test_fraction + 0.5), 1), count - 1)


def check_memory(name: str, samples: int, values_per_sample: int, hint: str, bytes_per_value: int = 1) -> None:
    """Refuse what would not fit, before any of it is read.

    Raises:
        DataError: The data would take more than `MEMORY_LIMIT_BYTES` and more than ``LWAL_DATA_MEMORY``.
    """
    size, most = samples * values_per_sample * bytes_per_value, max(MEMORY_LIMIT_BYTES, settings().data_memory)
    if size > most:
        raise DataError(
            f"{name}: {samples:,} samples of {values_per_sample:,} values take {size / 2**30:.1f} GiB of memory; "
            f"at most {most / 2**30:.0f} GiB are allowed.",
            hint,
        )


def streams(images: int, image_size: int) -> bool:
    """Whether images of three colours are decoded when they are asked for, as all of them would not fit into memory."""
    return _decoded_bytes(images, image_size) > settings().data_memory


def streaming_note(images: int, image_size: int) -> str:
    """A sentence about images that are streamed; empty where they are not."""
    if not streams(images, image_size):
        return ""
    size = ByteSize(_decoded_bytes(images, image_size)).human_readable(separator=" ")
    most = settings().data_memory.human_readable(separator=" ")
    return (
        f"The images are streamed from their files: at {image_size} pixels they take {size}, and at most {most} are held in "
        "memory (LWAL_DATA_MEMORY)."
    )


def _decoded_bytes(images: int, image_size: int) -> int:
    return images * 3 * image_size**2


def check_present(name: str, counts: Sequence[int], class_names: Sequence[str]) -> None:
    """Refuse classes that could not be learned.

    Args:
        name: The data set, for the message.
        counts: Training samples, by class.
        class_names: In the order of `counts`.

    Raises:
        DataError: A class has no training samples.
    """
    absent = [class_name for class_name, count in zip(class_names, counts, strict=True) if count == 0]
    if absent:
        raise DataError(
            f"{name}: no training samples of {'class' if len(absent) == 1 else 'classes'} {named(absent)}.",
            "Every class needs at least one training sample; leave out the others.",
        )


def check_per_class(name: str, per_class: int, counts: Sequence[int], class_names: Sequence[str]) -> None:
    """Refuse a balanced subset that is larger than the smallest class.

    Args:
        name: The data set, for the message.
        per_class: Training samples wanted of every class.
        counts: Training samples there are, by class.
        class_names: In the order of `counts`.

    Raises:
        DataError: A class has fewer than `per_class` training samples.
    """
    fewest = min(counts)
    if fewest < per_class:
        raise DataError(
            f"{name}: per_class is {per_class:,}, but class {class_names[list(counts).index(fewest)]!r} has only "
            f"{fewest:,} training samples.",
            f"Use at most {fewest:,}, or leave per_class empty to train on everything.",
        )


def resolved(path: str | Path, what: str) -> Path:
    """The path without links and relative parts.

    Raises:
        DataError: It does not exist or cannot be reached.
    """
    try:
        return Path(path).expanduser().resolve(strict=True)
    except FileNotFoundError:
        raise DataError(
            f"There is no {what} {str(path)!r}.",
            "Check the spelling; relative paths start where the program was started.",
        ) from None
    # No permission, a loop of links, a home that is not known, or a NUL character in the name.
    except (OSError, RuntimeError, ValueError) as error:
        raise DataError(
            f"The {what} {quoted(str(path))} cannot be reached: {without_middle(_words(error), 200).rstrip('.')}.",
            "Check the path and its permissions.",
        ) from None


def _words(error: Exception) -> str:
    """What the system says, without number and path."""
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
