"""Makers of hostile files: each gives the bytes of one, most of them with a lie somewhere."""

from __future__ import annotations

import io
import json
import pickle
import struct
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np

DEEP = 10**6
CANARY = "LWAL_CANARY"
"""Variable of the environment that names the file which whatever is executed would make."""

Bytes = Callable[[], bytes]


def encoded(text: str) -> Bytes:
    """Text as bytes, half surrogate pairs included."""
    return lambda: text.encode("utf-8", "surrogatepass")


class _WouldWrite:
    def __reduce__(self) -> tuple[Any, ...]:
        return exec, (f"import os; open(os.environ[{CANARY!r}], 'w').close()",)


def pickled() -> bytes:
    """A pickle that makes the canary's file when it is loaded."""
    return pickle.dumps(_WouldWrite())


def npy(header: str | None = None, data: bytes = b"", version: bytes = b"\1\0") -> bytes:
    """A file of one array with any header; a proper one without."""
    if header is None:
        out = io.BytesIO()
        np.save(out, np.arange(6, dtype=np.float32).reshape(3, 2))
        return out.getvalue()
    text = header.encode("latin-1") + b"\n"
    length = struct.pack("<H" if version == b"\1\0" else "<I", len(text))
    return b"\x93NUMPY" + version + length + text + data


def head(shape: str, kind: str = "'<f4'", order: str = "False") -> str:
    """The header of an array as numpy writes it."""
    return f"{{'descr': {kind}, 'fortran_order': {order}, 'shape': {shape}, }}"


def safetensors(header: Any, data: bytes = b"", length: int | None = None) -> bytes:
    """A file with any header, given as text, bytes or a value, and any length of it."""
    text = header if isinstance(header, bytes) else (header if isinstance(header, str) else json.dumps(header)).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def tensor(shape: list[Any], end: Any, kind: str = "F32", start: Any = 0) -> dict[str, Any]:
    """The header of a safetensors file with one tensor."""
    return {"w": {"dtype": kind, "shape": shape, "data_offsets": [start, end]}}


def zipped(entries: dict[str, bytes], packed: bool = False) -> bytes:
    """A zip file."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED) as archive:
        for name, data in entries.items():
            archive.writestr(name, data)
    return out.getvalue()


def changed(data: bytes, mark: bytes, offset: int, value: bytes) -> bytes:
    """Other bytes behind the last place of a mark."""
    at = data.rfind(mark) + offset
    return data[:at] + value + data[at + len(value) :]


def zip_directory(entries: int) -> bytes:
    """A zip file that is nothing but a directory."""
    first = struct.pack("<4s4B4HL2L5H2L", b"PK\1\2", 20, 3, 20, 0, 0, 0, 0, 33, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0)
    listed = b"".join(first + b"%08d" % i for i in range(entries))
    end = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, entries, entries, len(listed), 0)
    end += struct.pack("<4sLQL", b"PK\6\7", 0, len(listed), 1)
    return listed + end + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 65535, 65535, 0xFFFFFFFF, 0xFFFFFFFF, 0)


def bomb() -> bytes:
    """An npz of 100 kB that unpacks to 100 MB, which its header says are 400."""
    return zipped({"w.npy": npy(head("(100, 1000000)"), bytes(10**8))}, packed=True)
