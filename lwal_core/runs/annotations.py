"""``annotations.json``: names and notes of clades.

A clade is the set of its classes, so a name stays with it through epochs, linkages and distances, and is there again
when the clade comes back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Annotated

import orjson
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from lwal_core.errors import RunError
from lwal_core.runs import paths
from lwal_core.runs.kept_file import KeptFile, locked, read_kept, write_kept
from lwal_core.sanitize import printable
from lwal_core.security.permissions import check_writable
from lwal_core.security.redact import for_others

FORMAT = 1
MAX_NAME, MAX_NOTE = 80, 2_000  # characters
MAX_BYTES = 8 * 2**20
"""Largest file that is read or written: a thousand clades of a thousand classes."""
MAX_CLADES = 1_000
"""Clades of one run that can have a name."""


class CladeNote(BaseModel):
    """What people wrote about a clade.

    Attributes:
        classes: Its class names, sorted.
        name: At most 80 characters; may be empty when there is a note.
        note: At most 2,000 characters.
        changed: When it was last written.
    """

    model_config = ConfigDict(frozen=True)

    classes: Annotated[tuple[str, ...], Field(min_length=2)]
    name: Annotated[str, StringConstraints(max_length=MAX_NAME)] = ""
    note: Annotated[str, StringConstraints(max_length=MAX_NOTE)] = ""
    changed: datetime


class _File(KeptFile):
    clades: list[CladeNote] = Field(default_factory=list, max_length=MAX_CLADES)


Notes = Mapping[frozenset[str], CladeNote]


def read_annotations(folder: Path) -> Notes:
    """Names and notes of the clades of a run, by the set of their classes; empty when nobody wrote any.

    Args:
        folder: The run folder.

    Raises:
        RunError: The file is damaged, too large, or of a newer format.
    """
    file = read_kept(folder, paths.ANNOTATIONS, _File, FORMAT, MAX_BYTES)
    return (
        MappingProxyType({})
        if file is None
        else MappingProxyType({frozenset(note.classes): note for note in file.clades})
    )


def annotations_for_others(folder: Path) -> bytes:
    """The file as it may leave the installation; the classes of a clade stay as they are called.

    Raises:
        RunError: As :func:`read_annotations`.
    """
    clades = [
        {**entry.model_dump(mode="json"), "name": for_others(entry.name), "note": for_others(entry.note)}
        for entry in read_annotations(folder).values()
    ]
    return orjson.dumps({"format": FORMAT, "clades": clades}, option=orjson.OPT_INDENT_2)


def annotate_clade(folder: Path, classes: Iterable[str], name: str, note: str = "") -> None:
    """Name a clade, or change or take away its name and note; two writers at once both get in.

    Args:
        folder: The run folder.
        classes: Names of the classes of the clade, at least 2.
        name: Its name; control characters and runs of blanks become one blank. With an empty note, an empty name takes
            the entry away.
        note: Anything else about it.

    Raises:
        RunError: Fewer than 2 classes, too long a text, too many clades, or a damaged file, which is left as it is.
        ReadOnlyError: Nothing may be changed here.
    """
    check_writable("name a clade")
    members = frozenset(classes)
    name, note = " ".join(printable(name).split()), printable(note, keep="\n").strip()
    if len(members) < 2:
        raise RunError("A clade has at least two classes.", "Pick a merge of the tree.")
    for what, text, most in (("name", name, MAX_NAME), ("note", note, MAX_NOTE)):
        if len(text) > most:
            raise RunError(f"The {what} has {len(text):,} characters.", f"At most {most:,} are kept.")
    with locked(folder):
        notes = dict(read_annotations(folder))
        notes.pop(members, None)
        if name or note:
            if len(notes) >= MAX_CLADES:
                raise RunError(f"{MAX_CLADES:,} clades of this run have a name.", "Take one away first.")
            entry = CladeNote(classes=tuple(sorted(members)), name=name, note=note, changed=datetime.now(UTC))
            notes[members] = entry
        value = {"format": FORMAT, "clades": [entry.model_dump() for entry in notes.values()]}
        too_much = RunError("The names and notes of this run are too much to keep.", "Take some away first.")
        write_kept(folder / paths.ANNOTATIONS, value, MAX_BYTES, too_much)
