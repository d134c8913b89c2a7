"""Distances of classes in a reference taxonomy, for methods that are told the hierarchy."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from lwal_core.analysis.base.linkage import FloatArray
from lwal_core.errors import TrainingError
from lwal_core.taxonomy import FEWEST_MATCHES, Taxonomy, wordnet_taxonomy
from lwal_core.taxonomy.store import find_taxonomy, fitting_taxonomy

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


def path_lengths(taxonomy: Taxonomy, class_names: Sequence[str]) -> FloatArray:
    """Edges on the path between classes, ``[C,C]``; nan for classes that the taxonomy lacks."""
    return _spread(taxonomy, class_names, taxonomy.distances)


def ancestor_heights(taxonomy: Taxonomy, class_names: Sequence[str]) -> FloatArray:
    """Height of the lowest common ancestor of two classes, ``[C,C]``, 0 on the diagonal: an ultrametric.

    A class that the taxonomy lacks hangs from the root alone: it is as far from every other as any two classes are.
    """
    from scipy.cluster.hierarchy import cophenet
    from scipy.spatial.distance import squareform

    heights = _spread(taxonomy, class_names, lambda names: squareform(cophenet(taxonomy.linkage(names))))
    heights = np.where(np.isnan(heights), np.nanmax(heights), heights)
    np.fill_diagonal(heights, 0)
    return heights


def _spread(taxonomy: Taxonomy, class_names: Sequence[str], of: Callable[[Sequence[str]], FloatArray]) -> FloatArray:
    """A matrix over the known classes, spread over all of them."""
    kept = taxonomy.kept(class_names)
    square = np.full((len(class_names), len(class_names)), np.nan)
    square[np.ix_(list(kept), list(kept))] = of(list(kept.values()))
    return square
