"""Label vectors among the arrays of a file: which are read, how, and why others are not."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lwal_core.config.base.method import MAX_LABEL_DIM
from lwal_core.datafiles.arrays import ArrayFile, as_float32, is_number
from lwal_core.datafiles.limits import MAX_CLASSES, named
from lwal_core.datafiles.tables import check_shape
from lwal_core.errors import DataError, ImportFileError
from lwal_core.imports.heads import TensorInfo, guess_label_table, is_quantisation, rank
from lwal_core.imports.names import NAME_KEYS

MAX_ARRAY_BYTES = 2**30
"""Largest array that is read as label vectors, as it is stored."""
_PART = re.compile(r"-(\d{1,6})-of-(\d{1,6})\.[a-z]+$", re.I)
_CALLED = {"npy": "NumPy", "npz": "NumPy", "safetensors": "safetensors", "torch": "torch.save"}
_ENDINGS_OF = {"npy": (".npy",), "npz": (".npz",), "safetensors": (".safetensors",)}
_CLASSES_HINT = f"Label vectors are numbers of shape [classes, K] with 2 to {MAX_CLASSES:,} classes."


class TensorRefusedError(ImportFileError):
    """A tensor is not read as label vectors; ``others`` are those of its file that may be."""

    def __init__(self, refusal: DataError, others: Sequence[TensorInfo]) -> None:
        super().__init__(refusal.message, refusal.hint)
        self.others = tuple(others)


@contextmanager
def others_offered(tensors: Sequence[TensorInfo]) -> Iterator[None]:
    """Let a refusal say which other tensors of the file could be read.

    Raises:
        TensorRefusedError: The block refused a tensor, and there are others.
    """
    try:
        yield
    except DataError as error:
        others = [tensor for tensor in tensors if tensor.usable]
        if not others:
            raise
        raise TensorRefusedError(error, others) from None


def file_notes(file: Path, kind: str) -> tuple[str, ...]:
    """Sentences about the file as a whole: a part of several, or another format than its ending says."""
    notes = []
    if part := _PART.search(file.name):
        notes.append(
            f"It is part {int(part[1])} of {int(part[2])} of a model: what is not found here may be in another part; "
            "the file that ends in .index.json says in which."
        )
    if kind in _ENDINGS_OF and file.suffix.lower() not in _ENDINGS_OF[kind]:
        notes.append(f"It is a {_CALLED[kind]} file called {file.suffix.lower()}, and read as what it is.")
    return tuple(notes)


def refuse_objects(file: Path, tensors: Sequence[TensorInfo]) -> None:
    """Say of pickled objects that they are not loaded, and how to save them.

    Raises:
        ImportFileError: There are some.
    """
    objects = [tensor.name for tensor in tensors if tensor.dtype == "object"]
    if objects:
        raise ImportFileError(
            f"{file.name!r} holds pickled Python objects{f' in {named(objects)}' if any(objects) else ''}, such as a "
            "dictionary or a list of texts, which are not loaded.",
            "Save the vectors as an array of numbers, and the names as an array of text beside them: "
            "numpy.savez(FILE, vectors=numpy.stack(list(d.values())), names=list(d)).",
        )


def check_alone(file: Path, tensor: TensorInfo) -> None:
    """Refuse the only tensor of a file if it is no table of label vectors.

    Raises:
        ImportFileError: The message says its shape or type.
    """
    refuse_objects(file, [tensor])
    # Further dimensions of length 1 are those of a 1x1 convolution.
    check_shape(file, tensor.shape[:2] if set(tensor.shape[2:]) == {1} else tensor.shape)
    if not is_number(tensor.dtype):
        raise ImportFileError(f"{file.name!r} holds values of type {tensor.dtype}.", "Label vectors are real numbers.")


def text_counts(arrays: ArrayFile, lists: dict[str, list[str]]) -> set[int]:
    """How many names there are beside the tables."""
    texts = [arrays.headers[key] for key in NAME_KEYS if key in arrays.headers]
    return {h.shape[0] for h in texts if h.text and len(h.shape) == 1} | {len(value) for value in lists.values()}


def choose(
    file: Path, tensors: Sequence[TensorInfo], wanted: str | None, name_counts: set[int]
) -> tuple[str, tuple[str, ...]]:
    """The tensor that is read as labels, and sentences about the choice.

    Args:
        file: The file, for messages.
        tensors: All that it holds.
        wanted: The one that somebody chose; None for the likeliest.
        name_counts: Lengths of the lists of names in the file: a table that one fits comes first.

    Raises:
        ImportFileError: There is none, it is no table, it has too many rows, or it is quantised.
    """
    known = {tensor.name: tensor for tensor in tensors}
    if wanted is not None:
        if wanted not in known:
            raise ImportFileError(f"{file.name!r} has no tensor {wanted[:80]!r}.", f"It has {named(known)}.")
        if not known[wanted].usable:
            _refuse_shape(known[wanted])
        return wanted, ()
    fitting = [tensor for tensor in tensors if tensor.usable and tensor.shape[0] in name_counts]
    chosen = guess_label_table(fitting or tensors)
    _refuse_packed(file, tensors, chosen)
    if not chosen:
        refuse_objects(file, tensors)
        shapes = named(f"{t.name} {list(t.shape)} {t.dtype}" for t in tensors) or "nothing"
        raise ImportFileError(
            f"{file.name!r} has no tensor that could be label vectors; it holds {shapes}.", _CLASSES_HINT
        )
    if not known[chosen].usable:
        others = [tensor.name for tensor in tensors if tensor.usable]
        if known[chosen].shape[0] == 1:
            raise ImportFileError(
                f"The classification head {chosen[:80]!r} of {file.name!r} has one row, which tells two classes apart; there "
                "is no vector per class.",
                f"Name another tensor: {named(others)}." if others else _CLASSES_HINT,
            )
        raise ImportFileError(
            f"The classification head {chosen[:80]!r} of {file.name!r} has {known[chosen].shape[0]:,} rows, and at most "
            f"{MAX_CLASSES:,} classes can be shown.",
            "Save the rows of some of its classes in a file of their own"
            + (f", or name another tensor: {named(others)}." if others else "."),
        )
    headless = len(tensors) > 1 and not fitting and rank(chosen)[0] < 3 and file.suffix.lower() != ".npz"
    return chosen, (
        (
            f"No tensor is named like a classification head; {chosen[:80]!r} is the likeliest of those that could be one.",
        )
        if headless
        else ()
    )


def read(
    file: Path, arrays: ArrayFile, tensors: Sequence[TensorInfo], chosen: str
) -> tuple[NDArray[np.float32], tuple[str, ...]]:
    """The chosen table as float32 ``[C,K]``, times its scales where it is quantised row by row.

    Raises:
        ImportFileError: It is too large, damaged, or quantised in another way.
    """
    known = {tensor.name: tensor for tensor in tensors}
    rows = known[chosen].shape[0]
    beside = [t for t in tensors if t.name != chosen and is_quantisation(t.name) and _belongs(t.name, chosen)]
    values = as_float32(arrays.read(chosen, MAX_ARRAY_BYTES))
    vectors = values.reshape(values.shape[:2])
    dtype = known[chosen].dtype
    if _is_transposed(chosen, known):
        return np.ascontiguousarray(vectors.T), (
            f"{chosen[:80]!r} has one column per class, as Keras and JAX write it; it is read by columns.",
        )
    if not beside or dtype in (
        "float16",
        "float32",
        "float64",
        "bfloat16",
    ):  # scales beside those are of fake quantisation
        return vectors, (f"Its numbers are {dtype}, of two or three digits.",) if dtype.startswith("float8") else ()
    scale = beside[0]
    plain = (
        scale.name.endswith(("scale", "scales"))
        and math.prod(scale.shape) in (1, rows)
        and scale.dtype.startswith("float")
    )
    if len(beside) > 1 or not plain or known[chosen].dtype not in ("int8", "float8_e4m3fn", "float8_e5m2"):
        _packed(file, chosen, [t.name for t in beside])
    return vectors * as_float32(arrays.read(scale.name, MAX_ARRAY_BYTES)).reshape(-1, 1), (
        f"{chosen[:80]!r} holds scaled {known[chosen].dtype} numbers; they are multiplied by {scale.name[:80]!r}.",
    )


def stack(
    arrays: ArrayFile, tensors: Sequence[TensorInfo]
) -> tuple[NDArray[np.float32], tuple[str, ...] | None, tuple[str, ...]] | None:
    """Vectors that lie one by one, in a list or by the names of their classes; None if that is not what a file holds."""
    vectors = [t for t in tensors if math.prod(t.shape) > 1]
    lengths = {math.prod(t.shape) for t in vectors}
    apart = all(t.dtype.startswith(("float", "bfloat")) and sum(size > 1 for size in t.shape) == 1 for t in vectors)
    if not (2 <= len(vectors) <= MAX_CLASSES and len(lengths) == 1 and apart and max(lengths) <= MAX_LABEL_DIM):
        return None
    if any(rank(t.name + ".weight")[0] == 0 and t.name.endswith((".bias", ".weight")) for t in vectors):
        return None
    common = _common_prefix([t.name for t in vectors])
    short = {t.name.removeprefix(common): t.name for t in vectors}
    if all(name.isdigit() for name in short):
        ordered, names = sorted(short, key=int), None
    else:
        ordered = list(short)
        names = tuple(ordered)
    rows = [as_float32(arrays.read(short[name], MAX_ARRAY_BYTES)).reshape(-1) for name in ordered]
    told = "in a list" if names is None else "by name"
    return np.stack(rows), names, (f"Its {len(rows):,} vectors lie one by one, {told}; they are read as one table.",)


def _is_transposed(name: str, known: Mapping[str, TensorInfo]) -> bool:
    """Whether a layer is stored as [inputs, classes]: by the length of its bias, else by being called kernel."""
    rows, columns = known[name].shape[:2]
    stem, leaf = re.fullmatch(r"(?:(.*)[./])?(.*)", name, re.S).groups()  # type: ignore[union-attr]
    if leaf.lower() not in ("weight", "kernel", "w"):
        return False
    bias = next((known[key].shape for mark in "./" if (key := f"{stem}{mark}bias") in known), ())
    return bias == (columns,) != (rows,) if bias else leaf.lower() == "kernel"


def _common_prefix(names: Sequence[str]) -> str:
    first = names[0].rpartition(".")[0]
    return first + "." if first and all(name.rpartition(".")[0] == first for name in names) else ""


def _belongs(name: str, chosen: str) -> bool:
    parent = chosen.rpartition(".")[0]
    return name.startswith(chosen) or (name.rpartition(".")[0] == parent and bool(parent))


def _refuse_shape(tensor: TensorInfo) -> None:
    raise ImportFileError(
        f"The tensor {tensor.name[:80]!r} has shape {list(tensor.shape)} and type {tensor.dtype}.", _CLASSES_HINT
    )


def _refuse_packed(file: Path, tensors: Sequence[TensorInfo], chosen: str) -> None:
    """A head of which there are only packed weights is not replaced by some other layer."""
    packed = [t.name for t in tensors if is_quantisation(t.name) and rank(t.name)[0] == 3]
    best = max(packed, key=rank, default="")
    if best and (not chosen or rank(best)[:3] > rank(chosen)[:3]):
        _packed(file, best, [name for name in packed if name != best])


def _packed(file: Path, name: str, beside: Sequence[str]) -> None:
    raise ImportFileError(
        f"{name[:80]!r} of {file.name!r} holds packed or scaled whole numbers, which mean something only together with "
        f"{named(beside) or 'its scales'}.",
        "Turn the weights back into float32 with the library that quantised them, save them, and import that file.",
    )
