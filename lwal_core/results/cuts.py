"""Groups of a run's classes: of a cut of its tree, or of one that was kept under a name. No torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from lwal_core.analysis.base.linkage import IntArray
from lwal_core.analysis.hierarchy import Hierarchy
from lwal_core.analysis.trees.cuts import CutAt, CutRule, cut_by_rule, cut_labels, group_names, parse_rule
from lwal_core.errors import AnalysisError, RunError
from lwal_core.figures.clade_colors import group_marks
from lwal_core.figures.palette import OKABE_ITO, SHAPES
from lwal_core.results.run_tree import names_of_nodes, proposed_names_of_nodes, run_hierarchy
from lwal_core.results.tree_spec import TreeSpec
from lwal_core.runs import KeptCut, Run, read_annotations, read_cuts
from lwal_core.runs.cuts import Cuts


class ClassGroups(NamedTuple):
    """A partition of a run's C classes.

    Attributes:
        labels: Group of each class, ``[C]`` in class order, 0 to G - 1.
        names: Names of the G groups, no two alike.
        colors: Colour of each group, ``#rrggbb``.
        symbols: Plotly's name of each group's shape; groups of one colour have different ones.
        title: What the cut is called, such as ``"5 groups"`` or its kept name.
    """

    labels: IntArray
    names: tuple[str, ...]
    colors: tuple[str, ...]
    symbols: tuple[str, ...]
    title: str

    def members(self, group: int) -> IntArray:
        """Classes of a group, ascending."""
        return np.flatnonzero(self.labels == group)

    def classes(self, class_names: Sequence[str]) -> list[tuple[str, tuple[str, ...]]]:
        """Name and class names of each group."""
        return [
            (name, tuple(class_names[i] for i in self.members(group).tolist())) for group, name in enumerate(self.names)
        ]


def groups_of(run: Run, cut: str, spec: TreeSpec | None = None) -> ClassGroups:
    """Groups of a run's classes.

    Args:
        run: The run.
        cut: Name of a kept cut, or a rule of :func:`lwal_core.analysis.trees.cuts.parse_rule` such as ``"groups=8"``,
            ``"dynamic"`` or ``"size=10"``; a kept name goes first.
        spec: Which of the run's trees a rule cuts; None for that of the newest class means.

    Raises:
        RunError: There is no such cut, or the run has no tree. AnalysisError: The tree has no such cut.
    """
    kept = read_cuts(run.path)
    if cut in kept:
        return kept_groups(kept[cut], run.class_names)
    rule = _rule(run, cut, kept)
    h = run_hierarchy(run, spec)
    names = {**proposed_names_of_nodes(run, h), **names_of_nodes(h, read_annotations(run.path))}
    return groups_at(h, cut_by_rule(h, rule), names)


def cut_of(run: Run, h: Hierarchy, cut: str) -> CutAt:
    """Where a rule or a kept cut cuts a tree of a run; arguments and errors as of :func:`groups_of`.

    Raises:
        RunError: As there, or the groups of the kept cut are no clades of this tree.
    """
    kept = read_cuts(run.path)
    if cut not in kept:
        return cut_by_rule(h, _rule(run, cut, kept))
    tops = [h.clade_of(group.classes) for group in kept[cut].groups]
    if any(top is None for top in tops):
        raise RunError(
            f"The groups of the cut {cut!r} are no clades of this tree.", "Choose the tree that it was made of."
        )
    return tuple(top for top in tops if top is not None)


def groups_at(h: Hierarchy, at: CutAt, names: Mapping[int, str], title: str = "") -> ClassGroups:
    """Groups of a tree at a cut, in leaf order, in the colours that the tree has.

    Args:
        h: The tree.
        at: A number of groups, a height, or top nodes.
        names: Names of nodes; groups without one are called by their classes.
        title: What to call the cut; by default the number of groups.

    Raises:
        AnalysisError: The tree has no such cut.
    """
    marks = group_marks(h, at)
    count = len(marks)
    return ClassGroups(
        cut_labels(h, at),
        group_names(h, [mark.node for mark in marks], names),
        tuple(mark.color for mark in marks),
        tuple(mark.symbol for mark in marks),
        title or f"{count:,} group{'' if count == 1 else 's'}",
    )


def kept_groups(cut: KeptCut, class_names: Sequence[str]) -> ClassGroups:
    """Groups of a kept cut; colours go by its order, then shapes.

    Raises:
        RunError: Its classes are not these.
    """
    number = {name: i for i, name in enumerate(class_names)}
    labels = np.full(len(class_names), -1, dtype=np.intp)
    for group, each in enumerate(cut.groups):
        for name in each.classes:
            if name not in number:
                raise RunError(f"The cut {cut.name!r} has a class {name[:60]!r}, the run has none.", "Keep it again.")
            labels[number[name]] = group
    if (labels < 0).any():
        missing = class_names[int(np.flatnonzero(labels < 0)[0])]
        raise RunError(f"The cut {cut.name!r} lacks the class {missing[:60]!r}.", "Keep it again.")
    places = range(len(cut.groups))
    return ClassGroups(
        labels,
        tuple(group.name for group in cut.groups),
        tuple(OKABE_ITO[i % len(OKABE_ITO)] for i in places),
        tuple(SHAPES[i // len(OKABE_ITO) % len(SHAPES)] for i in places),
        cut.name,
    )


def _rule(run: Run, cut: str, kept: Cuts) -> CutRule:
    try:
        return parse_rule(cut)
    except AnalysisError as error:
        there = f"Kept are: {', '.join(kept)}." if kept else "No cut is kept with it."
        raise RunError(f"Run {run.id} has no cut {cut[:60]!r}.", f"{there} {error.hint}") from None
