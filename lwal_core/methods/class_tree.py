"""Distances of classes in a reference taxonomy, for methods that are told the hierarchy."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from lwal_core.analysis.base.linkage import FloatArray
from lwal_core.taxonomy import Taxonomy
from lwal_core.taxonomy.of_classes import class_taxonomy

__all__ = ["ancestor_heights", "class_taxonomy", "path_lengths"]


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
