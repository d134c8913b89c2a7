"""Arrays of any library as numpy: copied, checked, and no library imported for it.

Torch tensors may lie on any device and have any type of number; jax, cupy, tensorflow, pandas and lists of numbers work as
well. What is large is taken in parts, so that a copy of the whole is never made.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lwal_core.errors import LwalError
from lwal_core.sanitize import quoted

CHUNK_VALUES = 2**22
"""Numbers that are copied at a time, 32 MiB as float64."""
MAX_VALUES = 2**31
"""Numbers of the largest array that is looked at."""


class RecordError(LwalError):
    """A value cannot be recorded. ``argument`` is the name of what was given."""

    def __init__(self, argument: str, message: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.argument = argument


def shape_of(value: Any, argument: str) -> tuple[int, ...]:
    """Shape of an array or of lists of numbers.

    Raises:
        RecordError: It is none, or its rows have different lengths.
    """
    shape = getattr(value, "shape", None)
    if shape is None:
        return to_numpy(value, argument).shape
    try:
        return tuple(int(size) for size in shape)
    except (TypeError, ValueError):
        raise RecordError(argument, f"{argument} is {_kind(value)}, no array of numbers.", "Give an array.") from None


def check_shape(value: Any, argument: str, wanted: str, sizes: dict[str, int]) -> tuple[int, ...]:
    """Refuse an array of another shape than is allowed.

    Args:
        value: Any array.
        argument: What it was given as, for the message.
        wanted: Its shape as letters, such as ``"CK"``; a digit stands for itself.
        sizes: The sizes of letters that are known.

    Returns:
        Its shape.

    Raises:
        RecordError: The message names the argument, its shape and what is allowed.
    """
    shape = shape_of(value, argument)
    known = {**sizes, **{letter: int(letter) for letter in wanted if letter.isdigit()}}
    fits = len(shape) == len(wanted) and all(
        size == known.get(letter, size) for size, letter in zip(shape, wanted, strict=True)
    )
    if not fits or 0 in shape[1:]:
        named = ", ".join(f"{letter} = {sizes[letter]:,}" for letter in wanted if letter in sizes)
        raise RecordError(
            argument,
            f"{argument} has the shape {list(shape)}.",
            f"It must be [{', '.join(wanted)}]{f' with {named}' if named else ''}.",
        )
    if np.prod(shape, dtype=np.float64) > MAX_VALUES:
        raise RecordError(
            argument, f"{argument} has the shape {list(shape)}.", f"At most {MAX_VALUES:,} numbers are looked at."
        )
    return shape


def to_numpy(value: Any, argument: str) -> NDArray[Any]:
    """A copy of an array in numpy, of whatever type its numbers have.

    Raises:
        RecordError: It is no array of numbers.
    """
    try:
        if hasattr(value, "detach"):  # torch, whose own conversion refuses gradients, other devices and short floats
            value = value.detach()
            if getattr(value, "is_floating_point", lambda: False)():
                value = value.float() if value.element_size() < 4 else value
            if str(getattr(value, "layout", "torch.strided")) != "torch.strided":
                value = value.to_dense()
            value = value.cpu().numpy()
        elif type(value).__module__.partition(".")[0] == "cupy":
            value = value.get()
        array = np.array(value)
    except Exception as error:  # each library has its own kinds of errors for what it cannot convert
        raise RecordError(
            argument,
            f"{argument} is {_kind(value)}, which is no array: {quoted(str(error), 120)}.",
            "Give numbers in an array.",
        ) from None
    if array.dtype.kind in "biuf":
        return array
    # Types of number that numpy does not know by itself, such as jax's bfloat16, still turn into floats.
    if array.dtype.kind == "V" and array.dtype.names is None:
        try:
            return array.astype(np.float32)
        except (TypeError, ValueError):
            pass
    raise RecordError(argument, f"{argument} holds values of type {array.dtype}.", "Give an array of numbers.")


def table(value: Any, argument: str, wanted: str, sizes: dict[str, int]) -> NDArray[np.float32]:
    """A table of finite numbers as float32; arguments as for :func:`check_shape`.

    Raises:
        RecordError: Another shape, or a value that is no finite number (as float32).
    """
    shape = check_shape(value, argument, wanted, sizes)
    with np.errstate(over="ignore"):
        found = to_numpy(value, argument).astype(np.float32)
    if found.shape != shape:
        raise RecordError(argument, f"{argument} has the shape {list(found.shape)}.", f"It must be {list(shape)}.")
    bad = np.argwhere(~np.isfinite(found))
    if len(bad):
        place = [int(i) for i in bad[0]]
        raise RecordError(
            argument,
            f"{argument} has the value {found[tuple(place)]} at {place}, {len(bad):,} such values in all.",
            "Give finite numbers.",
        )
    return found


def class_numbers(value: Any, argument: str, count: int | None, classes: int) -> NDArray[np.int64]:
    """Classes as whole numbers ``[N]``.

    Args:
        value: Any array.
        argument: What it was given as, for the message.
        count: N, where it is known.
        classes: C; the numbers go from 0 to C - 1.

    Raises:
        RecordError: Another shape, or a number that is no class.
    """
    check_shape(value, argument, "N", {} if count is None else {"N": count})
    given = to_numpy(value, argument)
    with np.errstate(invalid="ignore"):
        found = (
            given.astype(np.int64) if given.dtype.kind != "f" or np.isfinite(given).all() else np.full(given.shape, -1)
        )
    wrong = np.flatnonzero((found != given) | (found < 0) | (found >= classes))
    if len(wrong):
        raise RecordError(
            argument,
            f"{argument} has the value {given[wrong[0]]} at [{wrong[0]}], {len(wrong):,} such values in all.",
            f"Classes are whole numbers from 0 to {classes - 1:,}.",
        )
    return found


def rows_of(value: Any, rows: NDArray[np.intp], argument: str) -> NDArray[Any]:
    """Some rows of an array, copied; the others are left where they are."""
    if isinstance(value, list | tuple):
        return to_numpy([value[int(row)] for row in rows], argument)
    try:
        return to_numpy(value[rows], argument)
    except RecordError:
        raise
    except Exception as error:  # each library's own
        raise RecordError(
            argument, f"Rows of {argument} cannot be taken: {quoted(str(error), 120)}.", "Give a numpy array."
        ) from None


def parts_of(
    value: Any, argument: str, count: int, width: int, beside: int = 0
) -> Iterator[tuple[slice, NDArray[np.float64]]]:
    """An array ``[N,K]`` in parts of rows, as float64, with the place of each part.

    Args:
        value: Any array.
        argument: What it was given as, for the message.
        count: N.
        width: K.
        beside: Numbers that are worked out for each row, where they are more than K.

    Raises:
        RecordError: A part has a value that is no finite number.
    """
    size = max(1, CHUNK_VALUES // max(1, width, beside))
    for start in range(0, count, size):
        place = slice(start, min(start + size, count))
        part = to_numpy(value[place], argument).astype(np.float64)
        if part.shape != (place.stop - place.start, width):
            raise RecordError(
                argument, f"{argument} has rows of different lengths.", f"Give [N, K] with K = {width:,}."
            )
        if not np.isfinite(part).all():
            row = start + int(np.argwhere(~np.isfinite(part))[0][0])
            raise RecordError(
                argument, f"{argument} has a value in row {row:,} that is no finite number.", "Give finite numbers."
            )
        yield place, part


def scalar(value: Any, argument: str) -> float | int:
    """A finite number: Python's, numpy's, or an array of one number of any library.

    Raises:
        RecordError: It is none.
    """
    if isinstance(value, bool):
        return int(value)
    if value is None or isinstance(value, str | bytes):
        raise RecordError(argument, f"{argument} is {quoted(value, 60)}.", "Give a finite number.")
    if not isinstance(value, int | float):
        found = to_numpy(value, argument)
        if found.size != 1:
            raise RecordError(argument, f"{argument} has the shape {list(found.shape)}.", "Give one number.")
        value = found.reshape(()).item()
    try:
        finite = np.isfinite(float(value))
    except OverflowError:
        finite = False
    if not finite:
        raise RecordError(argument, f"{argument} is {quoted(value, 60)}.", "Give a finite number.")
    return int(value) if isinstance(value, bool | int) and abs(value) < 2**53 else float(value)


def _kind(value: Any) -> str:
    return f"a {type(value).__name__}"
