"""Proposal of a reference where no taxonomy fits the classes: WordNet with senses as guessed."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

from lwal_core.errors import AnalysisError
from lwal_core.taxonomy.reference import FEWEST_MATCHES, Taxonomy
from lwal_core.taxonomy.wordnet import wordnet_taxonomy

PROPOSED = "wordnet-guessed"
"""Name of the proposal; which classes it has follows from those that it is asked for."""
PROPOSED_TITLE = "WordNet, senses as guessed"


@lru_cache(maxsize=64)
def proposed_taxonomy(names: tuple[str, ...]) -> Taxonomy | None:
    """What WordNet makes of some classes, their senses as guessed.

    Args:
        names: Class names.

    Returns:
        The same object for the same names; None where WordNet says too little: it knows less than half of them or fewer
        than three, they stand side by side there without a group, or names are equal but for their spelling.
    """
    try:
        taxonomy = wordnet_taxonomy(names, title=PROPOSED_TITLE)
    except AnalysisError:
        return None
    known = len(taxonomy.classes)
    if known < FEWEST_MATCHES or 2 * known < len(names) or not taxonomy.groups:
        return None
    return replace(taxonomy, name=PROPOSED)
