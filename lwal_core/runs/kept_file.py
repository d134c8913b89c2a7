"""JSON file beside a run that people write: clade names, kept cuts, columns of their own; one reader, one lock, one limit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import orjson
from pydantic import BaseModel, ValidationError

from lwal_core.errors import RunError
from lwal_core.runs.files import write_json
from lwal_core.system.locks import file_lock


class KeptFile(BaseModel):
    """What every such file says of itself."""

    format: int


File = TypeVar("File", bound=KeptFile)


def read_kept(folder: Path, name: str, model: type[File], version: int, most: int) -> File | None:
    """A file of a run folder; None where nobody has written one.

    Args:
        folder: The run folder.
        name: Of the file.
        model: What it holds.
        version: The one format that is read.
        most: Largest file in bytes, a whole number of MiB.

    Raises:
        RunError: The file is damaged, too large, or of a newer format.
    """
    path = folder / name
    try:
        if path.stat().st_size > most:
            raise RunError(f"{name} is larger than {most // 2**20} MiB.", "Restore it from a copy.")
        file = model.model_validate(orjson.loads(path.read_bytes()))
    except FileNotFoundError:
        return None
    except (OSError, orjson.JSONDecodeError, ValidationError) as error:
        raise RunError(
            f"{name} of run {folder.name} cannot be read: {str(error).splitlines()[0]}.",
            "Restore it from a copy, or delete it; the run itself is whole.",
        ) from None
    if file.format != version:
        raise RunError(
            f"{name} has format {file.format}; this version reads {version}.",
            "Open it with a newer LwAL Explorer.",
        )
    return file


def write_kept(path: Path, value: Mapping[str, Any], most: int, too_much: RunError) -> None:
    """Write such a file, whole or not at all.

    Raises:
        RunError: `too_much`, where it has more than `most` bytes; or a class name that is no proper Unicode.
    """
    try:
        size = len(orjson.dumps(value))
    except TypeError as error:  # orjson's word for text that is no proper Unicode
        raise RunError("A class name cannot be written as UTF-8.", "Rename the class.") from error
    if size > most:
        raise too_much
    write_json(path, value)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """One writer at a time; the lock goes with the process that holds it.

    Raises:
        RunError: There is no such run folder.
    """
    if not folder.is_dir():
        raise RunError(f"There is no run folder {folder.name!r}.", "It may have been deleted.")
    with file_lock(folder, subject=f"Run {folder.name}"):
        yield
