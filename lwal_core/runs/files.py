"""Atomic writes: a crash leaves the old file or the new one."""

from __future__ import annotations

import itertools
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import orjson

from lwal_core.security.untrusted_files import check_safetensors, check_unpacked, check_zip

MAX_NPZ_BYTES = 256 * 2**20
"""Largest archive of thumbnails that is read: 9 of 48 x 48 for 10,000 classes are 600 MB unpacked and far less
packed."""
MAX_NPZ_UNPACKED_BYTES = 640 * 2**20
"""Most that it may unpack to: a folder may have come from a stranger."""


_writes = itertools.count(1)
_written = 0


def writes() -> int:
    """How many files this process has written or added to: what was read before the number changed may be out of date."""
    return _written


def _note_write() -> None:
    global _written
    _written = next(_writes)


def atomic_write(path: Path, write: Callable[[BinaryIO], object], *, durable: bool = True) -> None:
    """Write a file by way of a temporary one beside it, fsync and rename.

    Args:
        path: The file to make or replace; its folder is made if missing.
        write: Called with the open binary file.
        durable: False skips the fsync, for files that may be lost with the power (progress).
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    try:
        with os.fdopen(descriptor, "wb") as file:
            write(file)
            file.flush()
            if durable:
                os.fsync(file.fileno())
        os.chmod(temporary, 0o644 & path.parent.stat().st_mode)  # as open as its folder, written by its owner alone
        os.replace(temporary, path)
        _note_write()
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    if durable:
        _sync_folder(path.parent)


def write_json(path: Path, value: Any, *, durable: bool = True) -> None:
    """Write a value as JSON; floats that JSON lacks (nan, inf) become null."""
    data = orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_SERIALIZE_NUMPY)
    atomic_write(path, lambda file: file.write(data), durable=durable)


def write_arrays(path: Path, arrays: dict[str, np.ndarray], metadata: dict[str, str] | None = None) -> None:
    """Write named arrays of any shape as safetensors."""
    from safetensors.numpy import save

    data = save({name: np.ascontiguousarray(array) for name, array in arrays.items()}, metadata=metadata)
    atomic_write(path, lambda file: file.write(data))


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """Read named arrays from safetensors.

    Raises:
        OSError: The file cannot be read.
        ValueError: It is damaged, or its header too large.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    check_safetensors(path)
    try:
        return load(path.read_bytes())
    except (SafetensorError, KeyError, TypeError) as error:
        raise ValueError(f"{path.name} is not a whole safetensors file: {error}") from error


def array_names(path: Path) -> list[str]:
    """Names of the arrays in safetensors, without reading them; none of a file that is missing or damaged."""
    from safetensors import SafetensorError, safe_open

    try:
        check_safetensors(path)
        with safe_open(path, "numpy") as file:
            return list(file.keys())
    except (OSError, ValueError, SafetensorError):
        return []


def read_npz(path: Path) -> dict[str, np.ndarray]:
    """Read named arrays from an ``.npz`` without pickles.

    Raises:
        OSError: The file cannot be read.
        ValueError: It is damaged, or too large.
    """
    if path.stat().st_size > MAX_NPZ_BYTES:
        raise ValueError(f"{path.name} is larger than {MAX_NPZ_BYTES // 2**20} MiB")
    try:
        with check_zip(path) as archive:
            check_unpacked(archive)
            unpacked = sum(entry.file_size for entry in archive.infolist())
        if unpacked > MAX_NPZ_UNPACKED_BYTES:
            raise ValueError(f"{path.name} unpacks to more than {MAX_NPZ_UNPACKED_BYTES // 2**20} MiB")
        with np.load(path, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except OSError:
        raise
    except Exception as error:
        # numpy and zipfile let a dozen kinds of errors through for damaged bytes (zlib, tokenize, struct, syntax,
        # memory ...).
        raise ValueError(f"{path.name} is not a whole npz file: {error}") from error


def append_line(path: Path, line: bytes) -> None:
    """Append one whole line and make it durable; a line that a crash cut short is closed first, so that it spoils only
    itself."""
    with open(path, "ab") as file:
        if file.tell() and not _ends_with_newline(path):
            file.write(b"\n")
        file.write(line.rstrip(b"\n") + b"\n")
        file.flush()
        os.fsync(file.fileno())
    _note_write()


def _ends_with_newline(path: Path) -> bool:
    with open(path, "rb") as file:
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"


def _sync_folder(folder: Path) -> None:
    """Make a rename durable; not every file system lets a folder be synced, and then nothing is lost but a little
    safety."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        return
    try:
        os.fsync(descriptor)
    except OSError:
        pass
    finally:
        os.close(descriptor)
