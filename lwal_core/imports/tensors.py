"""Files that hold named tensors: which are there, which may be label vectors, and the one that was chosen. No torch.

``.safetensors`` and ``.npz`` are read here. Files of ``torch.save`` are unpickled, so they are read by a process of its own
with torch's restricted unpickler and limits on memory and time (:mod:`lwal_core.torch_programs.untrusted_checkpoint`), which hands back
safetensors.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from safetensors import safe_open

from lwal_core.config.method import MAX_LABEL_DIM
from lwal_core.datafiles.limits import MAX_CLASSES
from lwal_core.errors import ImportFileError
from lwal_core.security.untrusted_files import check_safetensors, check_zip
from lwal_core.system.child_processes import code_environment

MAX_TENSORS = 20_000
"""Tensors of a file that are looked at; the largest published networks have some thousands."""
MAX_NPZ_ARRAY_BYTES = 2**30
TORCH_SECONDS = 120.0
"""A file of 2 GiB is read in some 10 s; importing torch takes 3 to 20 s on a busy machine."""
TORCH_DATA_BYTES = 2 * 2**30
"""Private memory of the reading process above the file's size: torch itself takes about half of it."""
TORCH_ENDINGS = (".pt", ".pth", ".bin", ".ckpt")

_HEADS = re.compile(
    r"(^|[._])(fc[0-9]*|head|heads|classifier|linear|logits|output|out|score|predictions|labels|prototypes)([._]|$)",
    re.I,
)
_SAFETENSORS_BYTES = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "I64": 8, "I32": 4, "I16": 2, "I8": 1, "U8": 1}


@dataclass(frozen=True)
class TensorFacts:
    """One tensor of a file. ``usable`` tells whether it may be label vectors: two dimensions, rows for classes."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    usable: bool


def describe(name: str, shape: Sequence[int], dtype: str) -> TensorFacts:
    """Judge a tensor by its shape and type."""
    plain = tuple(int(size) for size in shape)
    numeric = dtype.upper().lstrip("<>|=") in _SAFETENSORS_BYTES or dtype.startswith(("float", "bfloat", "int", "uint"))
    usable = numeric and len(plain) == 2 and 2 <= plain[0] <= MAX_CLASSES and 1 <= plain[1] <= MAX_LABEL_DIM
    return TensorFacts(name, plain, dtype, usable)


def guess_label_table(tensors: Sequence[TensorFacts]) -> str:
    """Name of the tensor that is most likely a table of classes: the last whose name looks like a classification head's,
    else the last usable one; empty when none is."""
    usable = [tensor.name for tensor in tensors if tensor.usable]
    heads = [name for name in usable if _HEADS.search(name)]
    return (heads or usable or [""])[-1]


def list_safetensors(path: Path) -> list[TensorFacts]:
    """Tensors of a ``.safetensors`` file, in order of their names; only the header is read.

    Raises:
        ImportFileError: The file is damaged, or holds too many tensors.
    """
    with _foreign(path, "safetensors"), _opened(path) as archive:
        names = list(archive.keys())
        _check_count(path, len(names))
        slices = ((name, archive.get_slice(name)) for name in names)
        return [describe(name, part.get_shape(), part.get_dtype()) for name, part in slices]


def read_safetensors(path: Path, name: str) -> np.ndarray:
    """One tensor as float32, in the shape that :func:`list_safetensors` gives.

    Raises:
        ImportFileError: The file is damaged, or has no such tensor.
    """
    with _foreign(path, "safetensors"), _opened(path) as archive:
        if archive.get_slice(name).get_dtype() == "BF16":
            return _read_bfloat16(path, name)
        return _single(archive.get_tensor(name))


def list_npz(path: Path) -> list[TensorFacts]:
    """Arrays of a ``.npz`` archive; only their headers are read, nothing is unpickled.

    Raises:
        ImportFileError: The file is damaged, or holds too many arrays.
    """
    with _foreign(path, "npz"), check_zip(path) as archive:
        entries = [entry for entry in archive.infolist() if entry.filename.endswith(".npy")]
        _check_count(path, len(entries))
        found = []
        for entry in entries:
            shape, dtype = _npy_header(archive, entry)
            found.append(describe(entry.filename.removesuffix(".npy"), shape, str(dtype)))
        return found


def read_npz_array(path: Path, name: str) -> np.ndarray:
    """One array as float32, in the shape that :func:`list_npz` gives.

    Raises:
        ImportFileError: The file is damaged, has no such array, or one of more than :data:`MAX_NPZ_ARRAY_BYTES`.
    """
    return _single(_npz_values(path, name))


def npz_names(path: Path) -> tuple[str, ...] | None:
    """Class names that lie in an archive beside the vectors: a one-dimensional array of text called names, class_names,
    classes or labels."""
    with _foreign(path, "npz"), check_zip(path) as archive:
        for key in ("class_names", "names", "classes", "labels"):
            if f"{key}.npy" not in archive.namelist():
                continue
            shape, dtype = _npy_header(archive, archive.getinfo(f"{key}.npy"))
            if len(shape) == 1 and shape[0] <= MAX_CLASSES and dtype.kind == "U":
                return tuple(str(text) for text in _npz_values(path, key))
    return None


@contextmanager
def torch_as_safetensors(path: Path) -> Iterator[tuple[list[TensorFacts], Path]]:
    """Read a file of ``torch.save`` in a process of its own.

    Yields:
        All its tensors, and a safetensors file with those that may be label vectors; it is gone afterwards.

    Raises:
        ImportFileError: It holds anything but tensors, numbers, texts, lists and dictionaries, or is damaged, or too
            large.
    """
    with tempfile.TemporaryDirectory(prefix="lwal-import-") as folder:
        target = Path(folder) / "tensors.safetensors"
        environment = {**code_environment(), "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
        limit = TORCH_DATA_BYTES + path.stat().st_size
        try:
            done = subprocess.run(
                [sys.executable, "-m", "lwal_core.torch_programs.untrusted_checkpoint", str(path.absolute()), str(target), str(limit)],
                stdin=subprocess.DEVNULL, capture_output=True, env=environment, cwd=folder, timeout=TORCH_SECONDS, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise ImportFileError(
                f"{path.name} could not be read within {TORCH_SECONDS:.0f} s.", "Save its tensors as safetensors."
            ) from None
        try:
            answer = orjson.loads(done.stdout)
            problem = answer.get("problem")
        except (ValueError, AttributeError):
            answer, problem = {}, f"the reading process ended with code {done.returncode}"
        if problem:
            raise ImportFileError(
                f"{path.name} cannot be read safely: {str(problem)[:300]}.",
                "Only tensors are read, nothing is unpickled beyond them; save the state_dict alone, best as safetensors.",
            )
        yield [describe(*facts) for facts in answer["tensors"]], target


def _opened(path: Path) -> Any:
    check_safetensors(path)
    return safe_open(path, framework="np")


def _npz_values(path: Path, name: str) -> np.ndarray:
    with _foreign(path, "npz"), check_zip(path) as archive:
        entry = archive.getinfo(f"{name}.npy")
        shape, dtype = _npy_header(archive, entry)
        size = int(np.prod(shape, dtype=np.float64)) * dtype.itemsize
        if size > MAX_NPZ_ARRAY_BYTES or entry.file_size > MAX_NPZ_ARRAY_BYTES or size > entry.file_size:
            raise ImportFileError(
                f"{path.name}: the array {name!r} says that it has {size / 2**20:,.0f} MiB.",
                f"At most {MAX_NPZ_ARRAY_BYTES / 2**20:.0f} MiB are read, and not more than the file holds.",
            )
        with archive.open(entry) as stream:
            values: np.ndarray = np.lib.format.read_array(stream, allow_pickle=False)
        return values


def _npy_header(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> tuple[tuple[int, ...], np.dtype[Any]]:
    readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    with archive.open(entry) as stream:
        version = np.lib.format.read_magic(stream)
        shape, _, dtype = readers[version](stream)
    return shape, dtype


def _read_bfloat16(path: Path, name: str) -> np.ndarray:
    """numpy has no bfloat16: its 16 bits are the upper half of a float32."""
    with open(path, "rb") as file:
        header_bytes = int.from_bytes(file.read(8), "little")
        facts = json.loads(file.read(header_bytes))[name]
        start, end = facts["data_offsets"]
        file.seek(8 + header_bytes + start)
        halves = np.frombuffer(file.read(end - start), dtype="<u2").astype(np.uint32)
    return (halves << 16).view(np.float32).reshape(facts["shape"])


def _single(values: np.ndarray) -> np.ndarray:
    if values.dtype.kind not in "fiu":
        raise ImportFileError(f"The values are of type {values.dtype}.", "Label vectors are real numbers.")
    with np.errstate(over="ignore"):  # what is beyond float32 becomes infinite and is then refused by its class
        return np.ascontiguousarray(values, dtype=np.float32)


def _check_count(path: Path, count: int) -> None:
    if count > MAX_TENSORS:
        raise ImportFileError(f"{path.name} holds {count:,} tensors.", f"At most {MAX_TENSORS:,} are looked at.")


@contextmanager
def _foreign(path: Path, kind: str) -> Iterator[None]:
    """A foreign file fails in many ways inside the parsers; all of them mean that it is damaged."""
    try:
        yield
    except ImportFileError:
        raise
    except Exception as error:
        raise ImportFileError(
            f"{path.name} is no whole {kind} file ({type(error).__name__}: {str(error)[:200]}).", "Save it again."
        ) from None
