"""Array files, ``.npy .npz .safetensors``: what they hold, from their headers, and one array on demand.

Files are untrusted. The format is told by the content, not by the ending. Shapes and types are judged before values are
read, a value is never read beyond what its file holds, and pickled objects are never loaded.
"""

from __future__ import annotations

import json
import math
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from safetensors import safe_open

from lwal_core.datafiles.signatures import content_of
from lwal_core.errors import ImportFileError, LwalError
from lwal_core.security.untrusted_files import check_safetensors, check_unpacked, check_zip

MAX_ARRAYS = 20_000
"""Arrays of a file that are looked at; the largest published networks have some thousands."""

_SAFETENSORS_NAMES = {
    "F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16", "F8_E4M3": "float8_e4m3fn",
    "F8_E5M2": "float8_e5m2", "I64": "int64", "I32": "int32", "I16": "int16", "I8": "int8", "U64": "uint64",
    "U32": "uint32", "U16": "uint16", "U8": "uint8", "BOOL": "bool",
}  # fmt: skip
_OTHER_CONTENT = {
    "npy": "a single array, as numpy.save writes it", "safetensors": "a safetensors file", "text": "text",
    "torch": "pickled Python objects",
}  # fmt: skip
"""What a file is that another kind of array file was expected in the place of."""
_DAMAGED = "it is damaged or cut off"


@dataclass(frozen=True)
class ArrayHeader:
    """One array: its name (empty for that of a ``.npy``), its shape, its type as numpy or torch call it, and bytes per value
    (0 where nobody asks)."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    itemsize: int = 0

    @property
    def numeric(self) -> bool:
        """Whether its values are real numbers, of whatever precision."""
        return is_number(self.dtype)

    @property
    def text(self) -> bool:
        """Whether its values are texts, as Unicode or as bytes."""
        return self.dtype.lstrip("<>=|").startswith(("U", "S"))


@dataclass(frozen=True, eq=False)
class ArrayFile:
    """An array file that was opened by :func:`open_arrays`.

    Attributes:
        path: The file.
        format: What it is, whatever its ending.
        headers: Its arrays by name, in the order of the file.
        metadata: Texts that a safetensors file carries.
    """

    path: Path
    format: Literal["npy", "npz", "safetensors"]
    headers: dict[str, ArrayHeader]
    metadata: dict[str, str] = field(default_factory=dict)

    def read(self, name: str, max_bytes: int | None = None) -> NDArray[Any]:
        """The values of one array; what numpy has no type for as float32.

        Raises:
            ImportFileError: They are pickled objects, cut off, damaged, or take more than ``max_bytes``.
        """
        header = self.headers[name]
        with readable(self.path, self.format, f"{_called(name)} in {self.path.name!r} is damaged or cut off."):
            if header.dtype == "object":
                raise ImportFileError(
                    f"{_called(name)} in {self.path.name!r} holds pickled Python objects, which are not loaded.",
                    f"Save plain numbers or text: numpy.asarray({name or 'x'}, dtype=float), or dtype=str for names.",
                )
            if self.format == "safetensors":
                return _safetensors_values(self.path, header, max_bytes)
            with _npy_stream(self.path, self.format, name) as (stream, available):
                size = math.prod(header.shape) * _npy_header(stream)[1].itemsize
                _check_size(self.path, name, size, max_bytes)
                if size > available:
                    raise ImportFileError(
                        f"{_called(name)} in {self.path.name!r} is cut off: it is damaged, or its header promises more "
                        f"than the file holds ({size / 2**20:,.1f} MiB).",
                        "Copy or save the file again.",
                    )
            with _npy_stream(self.path, self.format, name) as (stream, _):
                values: NDArray[Any] = np.lib.format.read_array(stream, allow_pickle=False)
            return values


def open_arrays(
    path: Path, wanted: Callable[[str], bool] = lambda name: True, kinds: Sequence[str] = ("npy", "npz", "safetensors")
) -> ArrayFile:
    """Read the headers of an array file.

    Args:
        path: The file.
        wanted: Which arrays of an ``.npz`` to look at; a further one may be damaged.
        kinds: Formats that are taken.

    Raises:
        ImportFileError: It is none, damaged, or holds more than :data:`MAX_ARRAYS` arrays.
    """
    kind = content_of(path).replace("zip", "npz")
    ending = f".{kinds[0]}" if len(kinds) == 1 else path.suffix.lower()
    with readable(path, ending):
        match kind if kind in kinds else "":
            case "npy":
                with path.open("rb") as stream:
                    shape, dtype = _npy_header(stream)
                return ArrayFile(path, "npy", {"": _described("", shape, dtype)})
            case "npz":
                return ArrayFile(path, "npz", _npz_headers(path, wanted))
            case "safetensors":
                headers, metadata = _safetensors_headers(path)
                return ArrayFile(path, "safetensors", headers, metadata)
    if path.stat().st_size == 0 or kind in _OTHER_CONTENT:
        what = _OTHER_CONTENT[kind] if path.stat().st_size else "empty"
        raise ImportFileError(
            f"{path.name!r} is no readable {ending} file: it is {what}.",
            "Arrays are written by numpy.save, numpy.savez and safetensors.",
        )
    raise ImportFileError(
        f"{path.name!r} is no readable {ending} file: its first bytes are not those of one, so it is damaged, cut off, or "
        "something else.",
        "Copy or save it again; arrays are written by numpy.save, numpy.savez and safetensors.",
    )


def is_number(dtype: str) -> bool:
    """Whether a type is one of real numbers, as numpy or torch call it."""
    return dtype.startswith(("float", "bfloat", "int", "uint"))


def as_float32(values: NDArray[Any]) -> NDArray[np.float32]:
    """Numbers as float32; what is beyond its range becomes infinite, for the caller's check by class or row."""
    with np.errstate(over="ignore"):
        return np.ascontiguousarray(values, dtype=np.float32)


@contextmanager
def readable(path: Path, kind: str, damaged: str = "", refused: type[LwalError] = ImportFileError) -> Iterator[None]:
    """Say in our words that a file is damaged, however a parser fails on it.

    Args:
        path: The file.
        kind: The ending of what it should be.
        damaged: What to say; by default, that it is no readable file of that kind.
        refused: What is raised.

    Raises:
        LwalError: Of the class `refused`. The block raised anything but an error that is meant for people.
    """
    try:
        yield
    except LwalError:
        raise
    except PermissionError:
        raise refused(f"{path.name!r} cannot be read: permission denied.", "Check its permissions.") from None
    except Exception as error:  # zipfile, zlib, numpy and safetensors each fail in many ways on a foreign file
        raise refused(
            damaged or f"{path.name!r} is no readable {kind} file: {_DAMAGED}.",
            "Copy or save it again, as numbers and text only.",
        ) from error


def _called(name: str) -> str:
    return f"The array {name[:80]!r}" if name else "The array"


def _check_size(path: Path, name: str, size: int, most: int | None) -> None:
    if most is not None and size > most:
        raise ImportFileError(
            f"{_called(name)} in {path.name!r} has {size / 2**20:,.0f} MiB; at most {most / 2**20:,.0f} MiB are read.",
            "Keep the rows of your classes only, as float32.",
        )


def _check_count(path: Path, count: int) -> None:
    if count > MAX_ARRAYS:
        raise ImportFileError(f"{path.name!r} holds {count:,} arrays.", f"At most {MAX_ARRAYS:,} are looked at.")


def _npy_header(stream: Any) -> tuple[tuple[int, ...], np.dtype[Any]]:
    readers = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
    shape, _, dtype = readers[np.lib.format.read_magic(stream)](stream)
    if any(isinstance(length, bool) or length < 0 for length in shape):
        raise ValueError(f"a shape of {shape}")
    return tuple(int(length) for length in shape), dtype


def _described(name: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> ArrayHeader:
    return ArrayHeader(name, shape, dtype.name if dtype.kind in "fiubc" else str(dtype), dtype.itemsize)


@contextmanager
def _npy_stream(path: Path, kind: str, name: str) -> Iterator[tuple[Any, int]]:
    """An array's bytes, header first, and how many there are at most."""
    if kind == "npy":
        with path.open("rb") as stream:
            yield stream, path.stat().st_size
        return
    with check_zip(path) as archive:
        check_unpacked(archive)
        entry = archive.getinfo(f"{name}.npy")
        with archive.open(entry) as stream:
            yield stream, entry.file_size


def _npz_headers(path: Path, wanted: Callable[[str], bool]) -> dict[str, ArrayHeader]:
    headers: dict[str, ArrayHeader] = {}
    with check_zip(path) as archive:
        try:
            check_unpacked(archive)
        except ValueError as error:
            raise ImportFileError(f"{path.name!r} is not read: {error}.", "Save it without compression.") from None
        entries: list[zipfile.ZipInfo] = [e for e in archive.infolist() if e.filename.endswith(".npy")]
        _check_count(path, len(entries))
        for entry in entries:
            name = entry.filename.removesuffix(".npy")
            if not wanted(name):
                headers[name] = ArrayHeader(name, (), "unknown")
                continue
            with archive.open(entry) as stream:
                shape, dtype = _npy_header(stream)
            headers[name] = _described(name, shape, dtype)
    return headers


def _safetensors_headers(path: Path) -> tuple[dict[str, ArrayHeader], dict[str, str]]:
    check_safetensors(path)
    with safe_open(path, framework="np") as archive:
        names = list(archive.keys())
        _check_count(path, len(names))
        headers = {}
        for name in names:
            described = archive.get_slice(name)
            dtype = described.get_dtype()
            headers[name] = ArrayHeader(name, tuple(described.get_shape()), _SAFETENSORS_NAMES.get(dtype, str(dtype)))
        return headers, dict(archive.metadata() or {})


def _safetensors_values(path: Path, header: ArrayHeader, most: int | None) -> NDArray[Any]:
    _check_size(path, header.name, math.prod(header.shape) * 4, most)
    if header.dtype.startswith(("bfloat16", "float8")):
        return _short_floats(path, header)
    check_safetensors(path)
    with safe_open(path, framework="np") as archive:
        values: NDArray[Any] = archive.get_tensor(header.name)
        return values


def _short_floats(path: Path, header: ArrayHeader) -> NDArray[np.float32]:
    """Types that numpy does not have, exactly as float32: bfloat16 is its upper half, e5m2 the upper byte of a float16,
    and e4m3fn has 256 values (https://arxiv.org/abs/2209.05433, table 1)."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        start, end = json.loads(file.read(length))[header.name]["data_offsets"]
        file.seek(8 + length + start)
        data = file.read(end - start)
    if header.dtype == "bfloat16":
        values = (np.frombuffer(data, "<u2").astype(np.uint32) << 16).view(np.float32)
    elif header.dtype == "float8_e5m2":
        values = (np.frombuffer(data, "u1").astype(np.uint16) << 8).view(np.float16).astype(np.float32)
    else:
        codes = np.arange(128)
        exponent, fraction = codes >> 3, codes & 7
        half = np.where(exponent == 0, fraction * 2.0**-9, (8 + fraction) * 2.0 ** (exponent - 10))
        half[127] = np.nan
        values = np.concatenate([half, -half]).astype(np.float32)[np.frombuffer(data, "u1")]
    return values.reshape(header.shape)
