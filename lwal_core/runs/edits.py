"""Edits of a run's record: name, tags, archive."""

from __future__ import annotations

from collections.abc import Iterable

from lwal_core.errors import RunError
from lwal_core.runs.record import change_record
from lwal_core.runs.run import Run
from lwal_core.runs.writer import tidy_name
from lwal_core.sanitize import printable

MAX_TAG, MAX_TAGS = 60, 30


def rename(run: Run, name: str) -> Run:
    """Give a run another name; an empty one makes it be called by method and data again."""
    return _with(run, name=tidy_name(name))


def set_tags(run: Run, tags: Iterable[str]) -> Run:
    """Give a run these tags and no others; each once, in the order given.

    Raises:
        RunError: There are too many, or one is too long.
    """
    tidy = list(dict.fromkeys(word for tag in tags if (word := " ".join(printable(tag).split()))))
    if len(tidy) > MAX_TAGS:
        raise RunError(f"{len(tidy)} tags are too many.", f"Give a run at most {MAX_TAGS}.")
    for tag in tidy:
        if len(tag) > MAX_TAG:
            raise RunError(f"The tag {tag[:20]!r}... has {len(tag)} characters.", f"Use at most {MAX_TAG}.")
    return _with(run, tags=tidy)


def archive(run: Run, archived: bool = True) -> Run:
    """Put a run out of the way of lists and choices, or back; nothing about it changes otherwise."""
    return _with(run, archived=archived)


def _with(run: Run, **fields: object) -> Run:
    return Run(run.path, change_record(run.path, lambda record: record.model_copy(update=fields)))
