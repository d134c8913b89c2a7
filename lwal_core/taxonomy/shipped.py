"""Shipped taxonomies: the JSON files of ``lwal_core/taxonomy/data``, by name or by the classes they cover."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from functools import cache
from importlib.resources import files
from typing import Any

from lwal_core.errors import AnalysisError
from lwal_core.taxonomy.class_names import spelling_key
from lwal_core.taxonomy.record import taxonomy_of_record
from lwal_core.taxonomy.reference import FEWEST_MATCHES, Taxonomy

_SHARE_UNMATCHED = 5  # a taxonomy is offered when at most one name in five is unknown to it (Fashion-MNIST: two of ten)


def available_taxonomies() -> tuple[str, ...]:
    """Names of the shipped taxonomies, sorted."""
    return tuple(
        sorted(entry.name.removesuffix(".json") for entry in _folder().iterdir() if entry.name.endswith(".json"))
    )


def load_taxonomy(name: str) -> Taxonomy:
    """Get a shipped taxonomy.

    Args:
        name: One of :func:`available_taxonomies`; case, blanks, underscores and hyphens do not matter.

    Raises:
        AnalysisError: no such taxonomy.
    """
    by_key = {spelling_key(known): known for known in available_taxonomies()}
    if not isinstance(name, str) or spelling_key(name) not in by_key:
        raise AnalysisError(f"There is no taxonomy {name!r}.", f"Choose one of {', '.join(by_key.values())}.")
    return _read(by_key[spelling_key(name)])


def taxonomy_for(class_names: Sequence[str], candidates: Iterable[Taxonomy] | None = None) -> str | None:
    """Name of the taxonomy that covers a set of classes: all of them, or all but at most one in five.

    Args:
        class_names: Class names in any spelling.
        candidates: The taxonomies to choose from; by default the shipped ones.

    Returns:
        The taxonomy that knows most of them (of several the smallest), or None. Of two for one data set the first is
        taken unless the other knows more. :meth:`Taxonomy.match` tells which are left out.
    """
    best: tuple[int, int] | None = None
    chosen = None
    known_in: dict[str, int] = {}  # data set -> classes that its first taxonomy knows
    for taxonomy in map(load_taxonomy, available_taxonomies()) if candidates is None else candidates:
        mapping, _ = taxonomy.match(class_names)
        known = len(set(mapping.values()))
        if known < FEWEST_MATCHES or (len(class_names) - known) * _SHARE_UNMATCHED > len(class_names):
            continue
        if taxonomy.data_set and known <= known_in.get(taxonomy.data_set, 0):
            continue
        known_in[taxonomy.data_set] = known
        if best is None or (known, -len(taxonomy.classes)) > best:
            best, chosen = (known, -len(taxonomy.classes)), taxonomy.name
    return chosen


def _folder() -> Any:
    return files("lwal_core.taxonomy").joinpath("data")


@cache
def _read(name: str) -> Taxonomy:
    return taxonomy_of_record(json.loads(_folder().joinpath(f"{name}.json").read_text(encoding="utf-8")))
