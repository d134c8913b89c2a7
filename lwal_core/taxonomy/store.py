"""Store of users' taxonomies and of class names matched by hand.

``$LWAL_HOME/taxonomies`` holds one JSON file per taxonomy, in the format of the shipped ones, called by the taxonomy's id
(``own-`` and what is left of its name, so that it never meets a shipped one's), ``trash`` with the deleted ones, and
``matches.json``: for each taxonomy, shipped or own, class names and the classes of it that they mean.
"""

from __future__ import annotations

import json
import os
import re
import unicodedata
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from lwal_core.errors import AnalysisError
from lwal_core.runs import home
from lwal_core.runs.files import write_json
from lwal_core.security.permissions import check_writable
from lwal_core.system.locks import file_lock
from lwal_core.taxonomy.proposal import PROPOSED, proposed_taxonomy
from lwal_core.taxonomy.record import checksum, record_of_taxonomy, taxonomy_of_record
from lwal_core.taxonomy.reference import Taxonomy
from lwal_core.taxonomy.shipped import available_taxonomies, load_taxonomy, taxonomy_for

MAX_RECORD_BYTES = 50 * 2**20
"""Larger files are not read; a taxonomy of 20,000 nodes takes 3 MB, one of 2,000 classes with all hops 16 MB."""
MAX_KEPT = 200
"""Own taxonomies that are kept at most."""

_ID = re.compile(r"own-[a-z0-9][a-z0-9-]{0,59}")
_MATCHES = "matches.json"
_TRASH = "trash"


class KnownTaxonomy(NamedTuple):
    """One that can be chosen: what it is found by, what to call it in a sentence, whether somebody brought it."""

    name: str
    title: str
    own: bool


def find_taxonomy(name: str, class_names: Sequence[str] = ()) -> Taxonomy:
    """Get a taxonomy, shipped or own, with the names that were matched to it by hand, or the proposal for some classes.

    Args:
        name: As :func:`all_taxonomies` gives it, or ``PROPOSED``.
        class_names: What the proposal is made of.

    Raises:
        AnalysisError: There is none, its file is damaged, or there is no proposal for these classes.
    """
    if name == PROPOSED:
        proposed = proposed_taxonomy(tuple(class_names))
        if proposed is None:
            raise AnalysisError(
                "WordNet proposes no taxonomy for these classes.", "Bring one of your own, or choose another one."
            )
        return proposed
    own = isinstance(name, str) and _ID.fullmatch(name)
    taxonomy = _read_own(name) if own else load_taxonomy(name)
    return _matched(taxonomy, tuple(sorted(matches_of(taxonomy.name).items())))


def all_taxonomies() -> list[KnownTaxonomy]:
    """All taxonomies that can be read: the shipped ones, then the own ones by title."""
    shipped = [KnownTaxonomy(name, load_taxonomy(name).title, False) for name in available_taxonomies()]
    own = []
    for name in _own_ids():
        try:
            own.append(KnownTaxonomy(name, _read_own(name).title, True))
        except AnalysisError:
            continue
    return [*shipped, *sorted(own, key=lambda known: (known.title.casefold(), known.name))]


def damaged_taxonomies() -> dict[str, str]:
    """Own taxonomies that cannot be read, by id, each with the reason."""
    found = {}
    for name in _own_ids():
        try:
            _read_own(name)
        except AnalysisError as error:
            found[name] = error.message
    return found


def fitting_taxonomy(class_names: Sequence[str]) -> Taxonomy | None:
    """The taxonomy that covers a set of classes, with the names that were matched to it by hand.

    Args:
        class_names: Class names in any spelling.

    Returns:
        The shipped one that :func:`lwal_core.taxonomy.taxonomy_for` chooses, else the own one that it chooses (somebody
        brought it, or looked the senses through), else what WordNet proposes; None without any.
    """
    for known in (available_taxonomies(), _own_ids()):
        found = {}
        for name in known:
            with suppress(AnalysisError):  # a damaged file
                found[name] = find_taxonomy(name)
        chosen = taxonomy_for(class_names, found.values())
        if chosen is not None:
            return found[chosen]
    return proposed_taxonomy(tuple(class_names))


def save_taxonomy(
    taxonomy: Taxonomy, home_path: str | os.PathLike[str] | None = None, *, again: bool = True
) -> Taxonomy:
    """Keep a taxonomy in the home under an id made from its title.

    Args:
        taxonomy: As :func:`lwal_core.taxonomy.files.parse_taxonomy` gives it; matches by hand are not kept
            with it, :func:`save_matches` does that.
        home_path: Where; default ``$LWAL_HOME`` or ``./var``.
        again: Whether one that is there already, under the same title, is kept once more.

    Returns:
        The same with its id as ``name``.

    Raises:
        AnalysisError: Too many are kept already, or the home cannot be written.
        ReadOnlyError: Nothing may be changed here.
    """
    check_writable("keep a taxonomy")
    folder = _folder(home_path)
    try:
        with _lock(folder):
            own = _own_ids(folder)
            taken = {*own, *matches()}
            for name in () if again else own:
                try:
                    there = _read_own(name, folder)
                except AnalysisError:
                    continue
                if there.title == taxonomy.title and checksum(there) == checksum(taxonomy):
                    return there
            if len(own) >= MAX_KEPT:
                raise AnalysisError(f"{MAX_KEPT} taxonomies are kept already.", "Delete one that is not needed.")
            kept = replace(taxonomy, name=_free_id(taxonomy.title, taken), matches={})
            write_json(folder / f"{kept.name}.json", record_of_taxonomy(kept))
    except OSError as error:
        raise _unwritable(folder, error) from error
    return kept


def delete_taxonomy(name: str) -> Path:
    """Move an own taxonomy into the folder ``trash`` beside it; what was matched to it by hand is forgotten.

    Args:
        name: Its id.

    Returns:
        Where it is now.

    Raises:
        AnalysisError: There is no such own taxonomy, or it cannot be moved.
        ReadOnlyError: Nothing may be changed here.
    """
    check_writable("delete a taxonomy")
    if not isinstance(name, str) or not _ID.fullmatch(name):
        raise _unknown(name)
    folder = _folder()
    target = folder / _TRASH / f"{name}-{datetime.now(UTC):%Y%m%d-%H%M%S-%f}.json"
    try:
        with _lock():
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                os.replace(folder / f"{name}.json", target)
            except FileNotFoundError:
                raise _unknown(name) from None
            left = {other: found for other, found in matches().items() if other != name}
            write_json(folder / _MATCHES, left)
    except OSError as error:
        raise _unwritable(folder, error) from error
    return target


def matches() -> dict[str, dict[str, str]]:
    """Names that were matched by hand, by taxonomy; nothing where the file is missing or damaged."""
    path = _folder() / _MATCHES
    try:
        status = path.stat()
        found = _read_matches(str(path), status.st_mtime_ns, status.st_size)
    except (OSError, ValueError, RecursionError):
        return {}
    return {name: dict(pairs) for name, pairs in found.items()}


def matches_of(name: str) -> dict[str, str]:
    """Names that were matched by hand to classes of one taxonomy."""
    return matches().get(name, {})


def save_matches(name: str, meant: Mapping[str, str | None]) -> None:
    """Add names that mean classes of a taxonomy, wherever it is used from now on.

    Args:
        name: The taxonomy, shipped or own.
        meant: The class that each name means; None forgets what was matched before.

    Raises:
        AnalysisError: There is no such taxonomy, it lacks one of the classes, or the home cannot be written.
        ReadOnlyError: Nothing may be changed here.
    """
    check_writable("match names")
    taxonomy = find_taxonomy(name)
    for class_name, target in meant.items():
        if target is not None and target not in taxonomy.parent_of_class:
            raise AnalysisError(
                f"{class_name!r} cannot mean {target!r}, which is no class of {taxonomy.title}.",
                "Choose one of its classes.",
            )
    folder = _folder()
    try:
        with _lock():
            everything = matches()
            merged = {**everything.get(taxonomy.name, {}), **meant}
            everything[taxonomy.name] = {given: target for given, target in merged.items() if target is not None}
            write_json(folder / _MATCHES, {other: found for other, found in everything.items() if found})
    except OSError as error:
        raise _unwritable(folder, error) from error
    except TypeError as error:  # orjson's word for text that is no proper Unicode
        raise AnalysisError("A class name cannot be written as UTF-8.", "Rename the class.") from error


def _folder(home_path: str | os.PathLike[str] | None = None) -> Path:
    return home(home_path) / "taxonomies"


def _lock(folder: Path | None = None) -> AbstractContextManager[None]:
    folder = folder or _folder()
    folder.mkdir(parents=True, exist_ok=True)
    return file_lock(folder / ".lock", subject="The folder of own taxonomies")


def _own_ids(folder: Path | None = None) -> list[str]:
    try:
        files = os.listdir(folder or _folder())
    except OSError:
        return []
    stems = (file.removesuffix(".json") for file in sorted(files) if file.endswith(".json"))
    return [stem for stem in stems if _ID.fullmatch(stem)]


def _free_id(title: str, taken: set[str]) -> str:
    ascii_title = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", ascii_title)[:40].strip("-") or "taxonomy"
    number, name = 1, f"own-{slug}"
    while name in taken:
        number += 1
        name = f"own-{slug}-{number}"
    return name


def _read_own(name: str, folder: Path | None = None) -> Taxonomy:
    path = (folder or _folder()) / f"{name}.json"
    try:
        status = path.stat()
        if status.st_size > MAX_RECORD_BYTES:
            raise AnalysisError(f"The file of the taxonomy {name!r} is too large.", f"Remove {path}.")
        return _read_file(str(path), status.st_mtime_ns, status.st_size)
    except FileNotFoundError:
        raise _unknown(name) from None
    except AnalysisError as error:
        raise AnalysisError(f"The taxonomy {name!r} cannot be used. {error.message}", error.hint) from error
    except (OSError, ValueError, RecursionError) as error:
        raise AnalysisError(
            f"The taxonomy {name!r} cannot be read: {str(error)[:200]}.",
            f"Delete it and import it again; its file is {path}.",
        ) from error


@lru_cache(maxsize=64)
def _read_file(path: str, modified: int, size: int) -> Taxonomy:
    """Time and size stand for what the file holds now."""
    taxonomy = taxonomy_of_record(json.loads(Path(path).read_text(encoding="utf-8")))
    return replace(taxonomy, name=Path(path).stem)


@lru_cache(maxsize=8)
def _read_matches(path: str, modified: int, size: int) -> dict[str, dict[str, str]]:
    values = json.loads(Path(path).read_text(encoding="utf-8"))
    if not isinstance(values, dict):
        raise ValueError("no object")
    return {
        name: {given: target for given, target in pairs.items() if isinstance(target, str)}
        for name, pairs in values.items()
        if isinstance(pairs, dict)
    }


@lru_cache(maxsize=64)
def _matched(taxonomy: Taxonomy, found: tuple[tuple[str, str], ...]) -> Taxonomy:
    """The same object for the same matches, so that what it has worked out is kept."""
    return taxonomy.with_matches(dict(found))


def _unknown(name: object) -> AnalysisError:
    own = [known.name for known in all_taxonomies() if known.own]
    return AnalysisError(
        f"There is no own taxonomy {str(name)[:80]!r}.",
        f"Choose one of {', '.join(own[:12])}." if own else "None is kept yet.",
    )


def _unwritable(folder: Path, error: OSError) -> AnalysisError:
    return AnalysisError(
        f"{folder} cannot be written: {error}.", "Free some space, or set LWAL_HOME to a folder of your own."
    )
