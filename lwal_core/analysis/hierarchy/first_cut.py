"""How many groups a class tree is cut into before anybody has chosen a number.

A tree is cut where the height jumps from one merge to the next: a stopping rule on merge heights, as those that R. Mojena,
*Hierarchical grouping methods and stopping rules: an evaluation*, The Computer Journal 20 (1977), compares. Over the whole tree
the largest jump is nearly always that below the root, which only says that the last merge is the highest. So the number of groups
is looked for where an overview is: from 3 to 1.5 times the square root of the number of classes, about twice the rule of thumb
sqrt(n / 2) of K. Mardia, J. Kent and J. Bibby, *Multivariate Analysis* (1979), section 13.3. The jump is relative to the higher of
the two merges, as heights of one tree differ by orders of magnitude.

It is where a reader begins, and no claim that the classes have so many groups.
"""

from __future__ import annotations

import math

import numpy as np

from lwal_core.analysis.base.linkage import TIE_TOLERANCE, FloatArray

FEW = 4
"""Up to so many classes two groups are looked at, too."""
ROOTS = 1.5
"""Most groups that are looked at, in square roots of the number of classes."""


def first_groups(heights: FloatArray) -> int:
    """Number of groups with the largest relative jump from one merge to the next, among those that an overview can have.

    Args:
        heights: ``[n - 1]`` merge heights of n classes in any order; under inversions the highest merge at or below each.

    Returns:
        3 to ``ROOTS * sqrt(n)`` (2 to n - 1 up to ``FEW`` classes); of equal jumps that with the fewest groups. Where these merges
        are all at one height, the number at the widest gap of the whole tree. 1 where all merges are at one height.
    """
    falling = np.sort(heights)[::-1]
    n, top = len(falling) + 1, float(falling[0])
    gaps = falling[:-1] - falling[1:]  # gaps[k - 2] is passed by a cut into k groups
    gaps = np.where(gaps > TIE_TOLERANCE * top, gaps, 0.0)
    if not gaps.any():
        return 1
    fewest, most = (2, n - 1) if n <= FEW else (3, min(math.floor(ROOTS * math.sqrt(n)), n - 1))
    looked_at = slice(fewest - 2, most - 1)
    jumps = gaps[looked_at] / np.where(gaps[looked_at] > 0, falling[looked_at], 1.0)
    if jumps.any():
        return fewest + int(np.flatnonzero(jumps >= jumps.max() * (1 - TIE_TOLERANCE))[0])
    return widest_gap(heights)


def widest_gap(heights: FloatArray) -> int:
    """Number of groups at the widest gap between two merge heights, ``[n - 1]`` as of :func:`first_groups`: 2 to n - 1; the fewest of
    several such gaps."""
    gaps = np.diff(np.sort(heights))
    widest = np.flatnonzero(gaps >= gaps.max() * (1 - TIE_TOLERANCE))[-1]
    return len(heights) - int(widest)
