"""Positions of leaf names: none cut, none overlapping.

Leaves need not be equally far apart: one whose name takes two lines gets more room than its neighbours.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from lwal_core.errors import ExportError
from lwal_core.export.pictures.text import TextMeasure

MM = 72 / 25.4  # points in a millimetre
MARGIN = 10.0  # points around everything
SMALL = 7.0  # points: axis, caption, notes
SMALL_LINE = 9.5  # points from one small line to the next

MAX_NAMES = 400  # shown; at the smallest font they fill 900 mm
LARGEST, SMALLEST = 9.0, 5.0  # points, font size of a name; below 5 print is not legible
SHRINK = 0.7  # how far names shrink so that no word is broken, as a share of the largest size
LINE = 1.2  # from line to line within a name, as a multiple of its font size
TIGHT = 1.25  # the same from name to name where room is scarce
AIRY = 1.9  # and where it is not
NAMES_SHARE = 0.45  # of the width that names may take; longer ones are wrapped
MIN_TREE_HEIGHT = 60.0  # points
MAX_TREE_HEIGHT = 4500 * MM  # PDF readers show pages of up to 5080 mm


@dataclass(frozen=True, eq=False)
class Rows:
    """The leaves from top to bottom.

    Attributes:
        size: Font size of the names in points.
        every: Names are shown for every how many-th leaf.
        lines: Per leaf its name in lines; none for a leaf whose name is left out.
        centres: ``[n]`` distance of each leaf from the top, in points.
        height: Of all leaves together, in points.
        names_width: Of the widest line, in points.
    """

    size: float
    every: int
    lines: list[list[str]]
    centres: npt.NDArray[np.float64]
    height: float
    names_width: float


def name_limit(width: float) -> float:
    """How wide a line of a name may be in a picture of this width, in points."""
    return NAMES_SHARE * (width - 2 * MARGIN)


def arrange_rows(
    names: Sequence[str], measure: TextMeasure, limit: float, room: Callable[[int], float] | None = None
) -> Rows:
    """Choose font size, spacing and how many names are shown.

    Args:
        names: n names in leaf order.
        measure: Knows how wide text is.
        limit: Widest line of a name, in points.
        room: Height for the tree in points when the name of every k-th leaf is shown; None for as much as it needs.

    Raises:
        ExportError: Not even one name fits into the room.
    """
    n = len(names)
    every = math.ceil(n / MAX_NAMES)
    largest = _without_broken_words(names[every // 2 :: every], measure, limit)
    if room is None:
        shown = math.ceil(n / every)
        size = round(min(max(LARGEST * (30 / shown) ** 0.35, SMALLEST), largest), 1)
        spacing = min(max(AIRY - 0.6 * (shown - 10) / 40, 1.3), AIRY)
        rows = rows_of(names, measure, limit, size, every, spacing)
        if rows.height <= MAX_TREE_HEIGHT:
            return _stretched(rows, MIN_TREE_HEIGHT if n > 1 else 0.0)
    while True:
        available = MAX_TREE_HEIGHT if room is None else room(every)
        for size in np.arange(largest, SMALLEST - 0.01, -0.5).tolist():
            rows = rows_of(names, measure, limit, size, every, TIGHT)
            if rows.height <= available:
                return _stretched(rows, available)
        if every >= n or available <= 0:
            raise ExportError(
                f"The picture is {(rows.height - available) / MM:.0f} mm too low for its axis, caption and one name.",
                "Give a larger height_mm, or none.",
            )
        every = min(n, max(every + 1, math.floor(every * rows.height / available)))


def _without_broken_words(names: Sequence[str], measure: TextMeasure, limit: float) -> float:
    """Largest font size at which words fit into a line; those that would need much smaller print are broken instead."""
    long = [name for name in names if measure.width(name, LARGEST) > limit]
    fitting = [limit / measure.longest_word(name) for name in long]
    return min([LARGEST, *(size for size in fitting if size >= SHRINK * LARGEST)])


def rows_of(names: Sequence[str], measure: TextMeasure, limit: float, size: float, every: int, spacing: float) -> Rows:
    """Rows with the names of every ``every``-th leaf, wrapped to ``limit`` points."""
    lines: list[list[str]] = [[] for _ in names]
    slots = np.full(len(names), spacing * size / every)
    widest = 0.0
    for place in range(every // 2, len(names), every):
        lines[place] = measure.wrap(names[place], size, limit)
        slots[place] += (len(lines[place]) - 1) * LINE * size
        widest = max(widest, *(measure.width(line, size) for line in lines[place]))
    ends = np.cumsum(slots)
    return Rows(size, every, lines, ends - slots / 2, float(ends[-1]), widest)


def _stretched(rows: Rows, height: float) -> Rows:
    """The same rows with the room that is left over shared out equally."""
    if rows.height >= height:
        return rows
    n = len(rows.centres)
    spare = (height - rows.height) / n
    return replace(rows, centres=rows.centres + spare * (np.arange(n) + 0.5), height=height)
