"""Colours and shapes of the classes: by class, by groups of the class tree, by what somebody wrote down about a run."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from app.common import run_cache
from app.tree.stats import groups, tree_key
from lwal_core.figures.palette import class_color, class_symbol
from lwal_core.results.tree_spec import TreeSpec
from lwal_core.runs import Run

CLASS_COLOURS, GROUP_COLOURS = "Class", "Groups"


class ClassStyles(NamedTuple):
    """Colour and shape of each class.

    Attributes:
        colors: Of each class.
        symbols: Shape of each class.
        groups: Group of each class ``[C]`` from 0, in the order of the tree's leaves; None where the colours are those of classes.
        how: How the groups came about.
        titles: Name of each group; empty where they have none.
    """

    colors: tuple[str, ...]
    symbols: tuple[str, ...]
    groups: np.ndarray | None
    how: str
    titles: tuple[str, ...] = ()


def colour_choices(run: Run) -> list[str]:
    """What the classes of a run can be coloured by."""
    return [CLASS_COLOURS, GROUP_COLOURS]


def class_styles(run: Run, tree: TreeSpec | None, count: int) -> ClassStyles:
    """Colours by class, or by the groups that the Hierarchy page shows with the same address.

    Args:
        run: The run.
        tree: The tree that is cut into groups; None for colours by class.
        count: Groups.

    Raises:
        LwalError: There is no such tree.
    """
    n = len(run.class_names)
    if tree is None:
        return ClassStyles(tuple(map(class_color, range(n))), tuple(map(class_symbol, range(n))), None, "")
    h, key = run_cache.hierarchy(tree), tree_key(tree)
    colors, symbols, group_of = [""] * n, [""] * n, np.zeros(n, dtype=np.intp)
    for number, group in enumerate(groups(key, h, count)):
        for i in group.members:
            colors[i], symbols[i], group_of[i] = group.color, group.symbol, number
    return ClassStyles(tuple(colors), tuple(symbols), group_of, f"{tree.linkage} linkage of {tree.distance} distances")
