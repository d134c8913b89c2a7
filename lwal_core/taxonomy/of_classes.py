"""Which taxonomy a method is told that trains with the hierarchy of its classes."""

from __future__ import annotations

from collections.abc import Sequence

from lwal_core.errors import TrainingError
from lwal_core.taxonomy.reference import FEWEST_MATCHES, Taxonomy
from lwal_core.taxonomy.store import find_taxonomy, fitting_taxonomy
from lwal_core.taxonomy.wordnet import wordnet_taxonomy

WORDNET = "wordnet"


def class_taxonomy(class_names: Sequence[str], name: str | None = None) -> Taxonomy:
    """The taxonomy of a data set's classes.

    Args:
        class_names: C names.
        name: Of a shipped taxonomy or an own one, or ``"wordnet"`` for WordNet's nouns, senses guessed; None for the shipped one
            that fits the classes.

    Raises:
        AnalysisError: There is no taxonomy of this name.
        TrainingError: None fits, or the one that was named knows fewer than three of them.
    """
    if name == WORDNET:
        found: Taxonomy | None = wordnet_taxonomy(class_names)
    else:
        found = fitting_taxonomy(class_names) if name is None else find_taxonomy(name)
    if found is None:
        raise TrainingError(
            "The method is told a hierarchy of the classes, and no taxonomy fits these classes.",
            f"Name one that is there with --taxonomy, or {WORDNET} for nouns; the page Hierarchy brings in a file of yours.",
        )
    known, fewest = len(found.kept(class_names)), min(FEWEST_MATCHES, len(class_names))
    if known < fewest:
        raise TrainingError(
            f"The taxonomy {found.name!r} knows {known} of these {len(class_names)} classes; at least {fewest} are needed.",
            "Name another one with --taxonomy.",
        )
    return found
