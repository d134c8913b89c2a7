"""Content of a report as plain values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from lwal_core.analysis.base.linkage import FloatArray, IntArray
from lwal_core.analysis.hierarchy import Hierarchy

Cell = str | int | float | None


@dataclass(frozen=True, eq=False)
class Map:
    """Classes and test samples in two dimensions.

    Attributes:
        classes: ``[n, 2]``.
        samples: ``[N, 2]``; may be empty.
        sample_classes: ``[N]`` true class of each sample.
        axes: What the two axes are called.
        note: What a reader must know, such as how many samples are shown; plain text.
    """

    classes: FloatArray
    samples: FloatArray
    sample_classes: IntArray
    axes: tuple[str, str]
    note: str = ""


@dataclass(frozen=True)
class Curve:
    """One line of the chart: a share from 0 to 1 by epoch, nan where it was not measured."""

    title: str
    color: str
    epochs: Sequence[float]
    values: Sequence[float]


@dataclass(frozen=True)
class Table:
    """A table that can be unfolded: heads, rows, and what it says."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    note: str = ""


@dataclass(frozen=True, eq=False)
class Report:
    """All of a report. Every text is plain text from anywhere and is escaped when it is written.

    Attributes:
        title: Of the page.
        answer: What the run shows, one or two sentences.
        h: The class tree.
        cut: Number of groups at first.
        caption: How the tree was made, one sentence.
        clade_names: Names that people gave to merges, by node.
        map: Classes and samples in two dimensions; None when there is none.
        curves: Of the training.
        tables: More tables.
        facts: Configuration and versions, as they should be listed.
        citation: How to cite it, one paragraph each.
    """

    title: str
    answer: str
    h: Hierarchy
    cut: int
    caption: str
    map: Map | None = None
    clade_names: Mapping[int, str] = field(default_factory=dict)
    curves: Sequence[Curve] = ()
    tables: Sequence[Table] = ()
    facts: Mapping[str, str] = field(default_factory=dict)
    citation: Sequence[str] = ()


NO_SAMPLES: tuple[FloatArray, IntArray] = (np.empty((0, 2)), np.empty(0, dtype=np.intp))
"""Of a run whose test set was not kept."""
