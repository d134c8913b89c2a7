"""Colours and shapes of the classes: by class, by group of the class tree, by own column."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

import numpy as np
import streamlit as st

from app.common import run_cache
from app.common.columns import colourings, columns_stamp, sample_colourings
from app.common.wording import counted, marked, shortened
from app.tree.cuts import current_groups, kept_cuts
from lwal_core.analysis.base.linkage import IntArray
from lwal_core.errors import LwalError
from lwal_core.export.itol import column_cells
from lwal_core.figures.colouring import Colouring
from lwal_core.figures.labels import one_line
from lwal_core.figures.palette import class_color, class_symbol
from lwal_core.figures.style import shorten
from lwal_core.results.cuts import ClassGroups, groups_of, kept_groups
from lwal_core.results.tree_spec import TreeSpec
from lwal_core.runs import Run, open_run
from lwal_core.runs.paths import ANNOTATIONS

CLASS_COLOURS, GROUP_COLOURS, HIERARCHY_CUT = "Class", "Groups", "Cut on Hierarchy"
_FIXED = (CLASS_COLOURS, GROUP_COLOURS, HIERARCHY_CUT)
_LISTED = 20  # categories in the legend


class ClassStyles(NamedTuple):
    """Colour and shape of each class.

    Attributes:
        colors: Of each class.
        symbols: Shape of each class.
        groups: Group of each class ``[C]`` from 0, in the order of the tree's leaves; None where the colours are those of classes.
        how: How the groups came about, in words.
        titles: Name of each group; empty where they have none.
        column: Title of the class column of one's own that the colours are of; empty for another choice.
        sample_column: The same of a column of test samples; the classes then have their own colours wherever samples cannot be shown.
        stamp: Of the file of own columns.
    """

    colors: tuple[str, ...]
    symbols: tuple[str, ...]
    groups: np.ndarray | None
    how: str
    titles: tuple[str, ...] = ()
    column: str = ""
    sample_column: str = ""
    stamp: int = 0


def colour_choices(run: Run) -> list[str]:
    """What the classes of a run can be coloured by."""
    return [*_FIXED, *_own_choices(run)]


def class_styles(
    run: Run, tree: TreeSpec | None, count: int, colour: str = CLASS_COLOURS, epoch: int | None = None
) -> ClassStyles:
    """Colours by class, by the groups that the Hierarchy page shows with the same address, by a cut, or by a column of one's
    own.

    Args:
        run: The run.
        tree: The tree that is cut into groups; None for colours by something else.
        count: Groups.
        colour: The choice, one of :func:`colour_choices`.
        epoch: Of the class vectors; None for the newest.

    Raises:
        LwalError: There is no such tree, or the cut is one of other classes.
    """
    n = len(run.class_names)
    if tree is not None:
        return _of_groups(tree_groups(run, tree, count), f"{tree.linkage} linkage of {tree.distance} distances")
    if colour == HIERARCHY_CUT and n > 1:
        return _of_groups(current_groups(run, epoch), "the cut that was chosen on Hierarchy")
    of, title = _own_choices(run).get(colour, ("", ""))
    if of == "cut":
        return _of_groups(kept_groups(kept_cuts(run)[title], run.class_names), f"the cut {title}")
    if of == "class":
        own = colourings(run)[title]
        return ClassStyles(own.colors(), own.symbols(), None, "", column=title, stamp=columns_stamp(run))
    plain_styles = ClassStyles(tuple(map(class_color, range(n))), tuple(map(class_symbol, range(n))), None, "")
    return plain_styles._replace(sample_column=title, stamp=columns_stamp(run)) if of else plain_styles


def tree_groups(run: Run, tree: TreeSpec, count: int) -> ClassGroups:
    """So many groups of a tree, with names; computed once and kept.

    Raises:
        LwalError: There is no such tree.
    """
    stamps = run_cache.spec_stamp(tree), run_cache.file_stamp(run.id, ANNOTATIONS)
    return _tree_groups(run.id, tree, count, stamps)


@st.cache_resource(max_entries=100, show_spinner=False)
def _tree_groups(run_id: str, tree: TreeSpec, count: int, stamps: tuple[int, int]) -> ClassGroups:
    return groups_of(open_run(run_id), f"groups={count}", tree)


def _of_groups(found: ClassGroups, how: str) -> ClassStyles:
    colors, symbols = (tuple(of[group] for group in found.labels.tolist()) for of in (found.colors, found.symbols))
    return ClassStyles(colors, symbols, found.labels, how, found.names)


def legend_entries(run: Run, styles: ClassStyles, tree: TreeSpec) -> tuple[IntArray, list[tuple[str, str, str]]]:
    """What a legend lists: the groups, or the classes in the order of the tree's leaves.

    Args:
        run: The run.
        styles: Colours and shapes.
        tree: The tree whose leaf order classes are listed in.

    Returns:
        Entry of each class ``[C]``, and title, colour and shape of each entry.
    """
    if styles.groups is None:
        order: list[int] = list(range(len(run.class_names)))
        with suppress(LwalError):
            order = run_cache.hierarchy(tree).order.tolist()
        return np.argsort(order), [(run.class_names[i], styles.colors[i], styles.symbols[i]) for i in order]
    first = {int(group): i for i, group in reversed(list(enumerate(styles.groups.tolist())))}
    shown = sorted(first)
    place = {group: number for number, group in enumerate(shown)}
    entries = [(styles.titles[g], styles.colors[first[g]], styles.symbols[first[g]]) for g in shown]
    return np.array([place[group] for group in styles.groups.tolist()], dtype=np.intp), entries


def sample_column(run: Run, styles: ClassStyles, rows: Sequence[int]) -> Colouring | None:
    """The values of the test samples that the colours are of; None where they are of something else, or no sample that is
    shown has one."""
    if not styles.sample_column:
        return None
    found = sample_colourings(run, rows).get(styles.sample_column)
    return found if found is not None and found.known.any() else None


def own_values(run: Run) -> dict[str, list[float | str | None]]:
    """Cells of the class columns of one's own, by title, None where a class has no value; for tables."""
    try:
        own = colourings(run)
    except LwalError:
        return {}
    return {title: column_cells(column) for title, column in own.items()}


def draw_legend(run: Run, styles: ClassStyles, samples: Colouring | None, asked: bool) -> None:
    """What the colours of a column of one's own stand for; nothing where they are of something else.

    Args:
        run: The run.
        styles: Of the classes.
        samples: The values of the samples that are shown, or None.
        asked: Whether samples are shown.
    """
    if styles.sample_column and samples is None:
        why = "none of the samples shown has a value" if asked else "the picture shows no test samples"
        st.caption(f"{shortened(styles.sample_column)}: {why}.")
    column = samples if samples is not None else colourings(run).get(styles.column)
    if column is None:
        return
    entries = column.legend()
    if not entries:
        st.caption(f"{shortened(column.title)}: no value.")
    elif column.kind == "number":
        bar = "".join(marked(entry.color, entry.symbol) for entry in entries)
        ending = " (log scale)" if column.is_log else ""
        st.markdown(
            f"{shortened(column.title)}: {shortened(entries[0].text)} {bar} {shortened(entries[-1].text)}{ending}"
        )
    else:
        shown = [
            f"{marked(entry.color, entry.symbol if samples is None else 'circle')} {shortened(entry.text)}"
            for entry in entries
        ]
        more = [f"and {counted(len(shown) - _LISTED, 'category', 'categories')} more"] if len(shown) > _LISTED else []
        st.markdown(f"{shortened(column.title)}: " + ", ".join([*shown[:_LISTED], *more]))


def _own_choices(run: Run) -> dict[str, tuple[str, str]]:
    """Kept cuts and columns of one's own that colours can be of: ``{choice: ("cut", "class" or "sample", title)}``."""
    found: dict[str, tuple[str, str]] = {}
    with suppress(LwalError):
        for title in kept_cuts(run):
            found[f"Cut: {shorten(one_line(title), 60)}"] = ("cut", title)
    try:
        by = [("class", colourings(run)), ("sample", sample_colourings(run, []))]
    except LwalError:
        return found
    for of, columns in by:
        for title, column in columns.items():
            if column.kind == "label":
                continue
            name = shorten(one_line(title), 60) + (" (samples)" if of == "sample" else "")
            choice, number = name, 2
            while choice in (*_FIXED, *found):
                choice = f"{name} [{number}]"
                number += 1
            found[choice] = (of, title)
    return found
