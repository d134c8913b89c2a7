"""Run ids as arguments: whole, or any beginning or ending that only one run has."""

from __future__ import annotations

from typing import Annotated

import typer

from lwal_core.errors import RunNotFound
from lwal_core.runs import runs_folder
from lwal_core.runs.trash import trash_folder

LISTED = 5


def whole_id(text: str, *, deleted: bool = False) -> str:
    """Id of the run that a text means; the text itself where no run matches, so that the caller says what is missing.

    Args:
        text: An id, or the beginning or the end of one, of at least three characters.
        deleted: Look among deleted runs.

    Raises:
        RunNotFound: Several runs match.
    """
    folder = trash_folder() if deleted else runs_folder()
    try:
        ids = sorted((path.name for path in folder.iterdir() if not path.name.startswith(".")), reverse=True)
    except OSError:
        return text
    if text in ids or len(text) < 3:
        return text
    found = [run for run in ids if run.startswith(text) or run.endswith(text)]
    if len(found) > 1:
        more = f" and {len(found) - LISTED} more" if len(found) > LISTED else ""
        raise RunNotFound(f"{text!r} could be {', '.join(found[:LISTED])}{more}.", "Write more of the id.")
    return found[0] if found else text


def one_id(text: str) -> str:
    """As :func:`whole_id`, for one argument."""
    return whole_id(text)


def _several(texts: list[str]) -> list[str]:
    return [whole_id(text) for text in texts]


def _deleted(texts: list[str]) -> list[str]:
    return [whole_id(text, deleted=True) for text in texts]


RunArgument = Annotated[str, typer.Argument(help="Run id, or a beginning or ending of it", callback=one_id)]
RunsArgument = Annotated[list[str], typer.Argument(help="Run ids, or beginnings or endings", callback=_several)]
DeletedArgument = Annotated[list[str], typer.Argument(help="Ids of deleted runs (lwal trash)", callback=_deleted)]
