"""Order of the branches of a class tree by a number of each class."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from lwal_core.analysis.hierarchy.tree import Hierarchy
from lwal_core.errors import AnalysisError


def turns_by_mean(h: Hierarchy, values: npt.ArrayLike) -> tuple[int, ...]:
    """Merges to turn so that of each two parts the one with the lower mean is drawn first; the tree stays the same.

    Args:
        h: The tree, n classes.
        values: ``[n]``, nan for none. A part without any value stays where it is, and so do parts with equal means.

    Returns:
        Nodes for :meth:`Hierarchy.turned`.

    Raises:
        AnalysisError: Not one value a class.
    """
    numbers = np.asarray(values, dtype=np.float64)
    if numbers.shape != (h.n,):
        raise AnalysisError(f"There are {numbers.size} values to order {h.n} classes by.")
    known = ~np.isnan(numbers)
    sums = [*np.where(known, numbers, 0.0).tolist(), *[0.0] * (h.n - 1)]
    counts = [*known.astype(int).tolist(), *[0] * (h.n - 1)]
    found = []
    for row, (first, second) in enumerate(h.children.tolist(), start=h.n):
        sums[row], counts[row] = sums[first] + sums[second], counts[first] + counts[second]
        # sums[first] / counts[first] > sums[second] / counts[second], without a division by nothing
        if counts[first] and counts[second] and sums[first] * counts[second] > sums[second] * counts[first]:
            found.append(row)
    return tuple(found)
