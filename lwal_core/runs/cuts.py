"""``cuts.json``: groups of classes that somebody kept under a name.

A kept cut is a partition of a run's classes, told by their names: it stays the same whatever happens to the tree that it
was made from, and other runs may be trained on its groups (``labels_from``).
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Annotated

import orjson
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from lwal_core.errors import RunError, RunNotFound
from lwal_core.runs import paths
from lwal_core.runs.kept_file import KeptFile, locked, read_kept, write_kept
from lwal_core.runs.record import MAX_GROUP_NAME, ClassGroup
from lwal_core.sanitize import printable
from lwal_core.security.permissions import check_writable
from lwal_core.security.redact import for_others

FORMAT = 1
MAX_NAME, MAX_MADE = 60, 500  # characters
MAX_CUTS = 100
"""Cuts of one run that can be kept."""
MAX_BYTES = 8 * 2**20
"""Largest file that is read or written."""


class KeptCut(BaseModel):
    """Groups of a run's classes under a name.

    Attributes:
        name: At most 60 characters, without a colon.
        groups: The groups, each class in exactly one.
        made: What they were cut from and how, one sentence.
        changed: When it was kept.
    """

    model_config = ConfigDict(frozen=True)

    name: Annotated[str, StringConstraints(min_length=1, max_length=MAX_NAME)]
    groups: Annotated[tuple[ClassGroup, ...], Field(min_length=1)]
    made: Annotated[str, StringConstraints(max_length=MAX_MADE)] = ""
    changed: datetime


class _File(KeptFile):
    cuts: list[KeptCut] = Field(default_factory=list, max_length=MAX_CUTS)


Cuts = Mapping[str, KeptCut]


def read_cuts(folder: Path) -> Cuts:
    """Kept cuts of a run by name, in the order in which they were kept; empty when nobody kept any.

    Args:
        folder: The run folder.

    Raises:
        RunError: The file is damaged, too large, or of a newer format.
    """
    file = read_kept(folder, paths.CUTS, _File, FORMAT, MAX_BYTES)
    return MappingProxyType({}) if file is None else MappingProxyType({cut.name: cut for cut in file.cuts})


def cuts_for_others(folder: Path) -> bytes:
    """The file as it may leave the installation; the classes stay as they are called.

    Raises:
        RunError: As :func:`read_cuts`.
    """
    cuts = []
    for cut in read_cuts(folder).values():
        groups = [{**group.model_dump(mode="json"), "name": for_others(group.name)} for group in cut.groups]
        others = {"name": for_others(cut.name), "made": for_others(cut.made), "groups": groups}
        cuts.append({**cut.model_dump(mode="json"), **others})
    return orjson.dumps({"format": FORMAT, "cuts": cuts}, option=orjson.OPT_INDENT_2)


def keep_cut(folder: Path, name: str, groups: Sequence[tuple[str, Sequence[str]]], made: str = "") -> KeptCut:
    """Keep groups of classes under a name; a cut of that name is replaced. Two writers at once both get in.

    Args:
        folder: The run folder.
        name: Its name; control characters and runs of blanks become one blank.
        groups: Name and class names of each group, each class in exactly one.
        made: What they were cut from and how.

    Returns:
        What was kept.

    Raises:
        RunError: No name, one that is too long or holds a colon, groups without a name of their own or that are no
            partition, too many cuts, or a damaged file, which is left as it is.
        ReadOnlyError: Nothing may be changed here.
    """
    check_writable("keep a cut")
    name, made = " ".join(printable(name).split()), " ".join(printable(made).split())[:MAX_MADE]
    if not name or len(name) > MAX_NAME or ":" in name:
        raise RunError(f"{name[:80]!r} is no name of a cut.", f"Give 1 to {MAX_NAME} characters without a colon.")
    kept = KeptCut(name=name, groups=_checked(groups), made=made, changed=datetime.now(UTC))
    with locked(folder):
        cuts = dict(read_cuts(folder))
        if name not in cuts and len(cuts) >= MAX_CUTS:
            raise RunError(f"{MAX_CUTS} cuts of this run are kept.", "Forget one first.")
        _write(folder, {**cuts, name: kept})
    return kept


def forget_cut(folder: Path, name: str) -> None:
    """Delete a kept cut; runs that were trained on its groups have a copy.

    Raises:
        RunError: There is none of that name, or the file is damaged, which is left as it is.
        ReadOnlyError: Nothing may be changed here.
    """
    check_writable("forget a cut")
    with locked(folder):
        cuts = dict(read_cuts(folder))
        if cuts.pop(name, None) is None:
            raise RunError(f"No cut {name[:80]!r} is kept with run {folder.name}.", "It may be forgotten already.")
        _write(folder, cuts)


def groups_named(labels_from: str, home: str | os.PathLike[str] | None = None) -> tuple[ClassGroup, ...]:
    """Groups of a cut that is kept with a run.

    Args:
        labels_from: ``RUN:CUT``, the id of the run and the name of the cut.
        home: Where the run is; default ``$LWAL_HOME`` or ``./var``.

    Raises:
        RunError: There is no such run, or it has no such cut, or all classes are in one group.
    """
    run, _, name = labels_from.partition(":")
    folder = paths.run_folder(run.strip(), home)
    if not folder.is_dir():
        raise RunNotFound(
            f"There is no run {run.strip()!r}, whose cut labels_from names.", "Ids are listed by `lwal runs`."
        )
    cuts = read_cuts(folder)
    kept = cuts.get(" ".join(name.split()))
    if kept is None:
        there = f"It has {', '.join(map(repr, cuts))}." if cuts else "None is: keep one on Hierarchy, or by `lwal cut`."
        raise RunError(f"No cut {name.strip()[:80]!r} is kept with run {folder.name}.", there)
    if len(kept.groups) < 2:
        raise RunError(f"The cut {kept.name!r} has one group, so there is nothing to tell apart.", "Take another cut.")
    return kept.groups


def _checked(groups: Sequence[tuple[str, Sequence[str]]]) -> tuple[ClassGroup, ...]:
    names = [" ".join(printable(name).split())[:MAX_GROUP_NAME] for name, _ in groups]
    classes = [member for _, members in groups for member in members]
    if not groups or not all(names) or len(set(names)) != len(names):
        raise RunError("The groups of a cut have no names of their own.", "Give each group another name.")
    if len(set(classes)) != len(classes) or not all(members for _, members in groups):
        raise RunError("The groups of a cut do not hold each class once.", "Give each class one group.")
    return tuple(ClassGroup(name=name, classes=tuple(each)) for name, (_, each) in zip(names, groups, strict=True))


def _write(folder: Path, cuts: Mapping[str, KeptCut]) -> None:
    value = {"format": FORMAT, "cuts": [cut.model_dump() for cut in cuts.values()]}
    too_much = RunError("The cuts of this run are too much to keep.", "Forget one first.")
    write_kept(folder / paths.CUTS, value, MAX_BYTES, too_much)
