"""Downloads of a class tree: one menu of the Hierarchy page."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

import streamlit as st

from app.common.widgets import AS_ON_SCREEN, downloads
from app.common.wording import counted
from app.tree.stats import TreeKey
from app.tree.support import SeedSupport
from app.tree.toolbar import Cut
from lwal_core.analysis.hierarchy import Hierarchy
from lwal_core.analysis.hierarchy.subtree import TreePart
from lwal_core.export.newick import safe_ids
from lwal_core.export.tables import table_csv
from lwal_core.export.tree_files import TREE_FORMATS, tree_file
from lwal_core.figures.colouring import Colouring, LeafLooks
from lwal_core.figures.dendrogram import Orientation
from lwal_core.figures.palette import Theme
from lwal_core.results.run_tree import tree_caption
from lwal_core.runs import Run, RunSummary, open_run

Entry = tuple[str, str, str, Callable[[], bytes]]

if TYPE_CHECKING:
    import plotly.graph_objects as go


class OnScreen(NamedTuple):
    """The figure that the page shows.

    Attributes:
        part: What of the tree is drawn.
        draw: Draws it in a theme.
        summary: What it shows, plain text.
        unlike: What the pictures for papers show otherwise than the figure, such as ``"leaves on the right"``; empty where
            they are alike.
        columns: Columns that people brought for the classes.
        strips: Those beside the leaves.
        looks: Of the names.
    """

    part: TreePart
    draw: Callable[[Theme], go.Figure]
    summary: str
    unlike: str = ""
    columns: Mapping[str, Colouring] = MappingProxyType({})
    strips: Sequence[Colouring] = ()
    looks: LeafLooks | None = None


WIDTH, OTHER_WIDTH = "tree_width", "tree_width_mm"
PROPOSED_TOO = "tree_names_too"
"""Session key: whether files have proposed names of clades beside those that somebody kept."""
WIDTHS = {85: "85", 120: "120", 180: "180", 0: "Other"}
"""Widths of pictures in mm, as journals have columns; 0 asks for a number."""


def draw_downloads(entries: list[Entry]) -> None:
    """The menu of the files of :func:`download_entries`; each file is made when its button is pressed."""
    downloads("Download", entries, key="tree_download", above=_draw_choices)


def unlike_figure(orientation: Orientation, *, pictures: bool, support: bool) -> str:
    """What a picture for a paper shows otherwise than the figure with these options; empty where they are alike."""
    lacking = [word for word, on in (("pictures", pictures), ("support", support)) if on]
    said = ["leaves on the right"] if orientation != "right" else []
    return ", ".join([*said, *([f"without {' and '.join(lacking)}"] if lacking else [])])


def download_entries(
    run: Run,
    h: Hierarchy,
    key: TreeKey,
    cut: Cut,
    named: dict[int, str],
    beside: Sequence[RunSummary],
    support: Callable[[], SeedSupport | None],
    screen: OnScreen,
) -> list[Entry]:
    """Files of this tree for :func:`app.common.widgets.downloads`.

    Args:
        run: The run.
        h: Its tree as it is drawn.
        key: What the tree was made from.
        cut: Where it is cut.
        named: Names that people gave to nodes.
        beside: Runs whose curves the report shows too.
        support: Gives the support of each clade by the other seeds' trees; None where there are too few.
        screen: The figure that is shown.
    """
    stem = f"{run.id}-epoch-{key.spec.epoch:04d}-{key.spec.file_stem}"
    width = _width()

    def made(format: str, names: str) -> bytes:
        found = support() if format in ("newick", "nexus", "itol", "json") else None
        caption = tree_caption(run, key.spec)
        if found is not None:
            caption += f" {found.caption}"
        return tree_file(
            h, format, cut=cut.at, caption=caption, newick_names=names, clade_names=named,
            support=found and found.values, width_mm=width, part=screen.part,
            columns=screen.columns, strips=screen.strips, looks=screen.looks,
        )  # fmt: skip

    def entry(text: str, format: str, ending: str = "", names: str = "strict") -> Entry:
        known = TREE_FORMATS[format]
        return text, f"{stem}{ending}.{known.suffix}", known.media, partial(made, format, names)

    def page() -> bytes:
        from lwal_core.export.figure_page import figure_page

        return figure_page(
            screen.draw, title=f"Class tree of {run.name}", summary=screen.summary, caption=tree_caption(run, key.spec)
        )

    def safe_names() -> bytes:
        return table_csv(["id", "class"], zip(safe_ids(h.names), h.names, strict=True)).encode()

    def report() -> bytes:
        from lwal_core.results.report import run_report

        others = [open_run(each.id) for each in beside]
        return run_report(run, replace(key.spec, cut=cut.groups), beside=others)

    at_cut = f"-{cut.groups}-groups"
    # A report has a slider for the number of groups, and so none at several heights.
    one_height = f" ({counted(cut.groups, 'group')} at one height)" if isinstance(cut.at, tuple) else ""
    unlike = f" ({screen.unlike})" if screen.unlike else ""
    entries = [entry(TREE_FORMATS[kind].title + unlike, kind, at_cut) for kind in ("svg", "png", "pdf")]
    if all(name.strip() for name in h.names):  # readers of Newick refuse blank names
        entries.append(entry("Newick, names as they are", "newick"))
        entries.append(entry("NEXUS, for FigTree", "nexus"))
    return [
        (AS_ON_SCREEN, f"{stem}{at_cut}-figure.html", "text/html", page),
        (f"Report of the run, HTML{one_height}", f"{stem}{at_cut}.html", "text/html", report),
        *entries,
        entry("Newick, safe names for R, ete", "newick", "-safe", "safe"),
        entry("NEXUS, safe names for R", "nexus", "-safe", "safe"),
        ("Classes behind the safe names, CSV", f"{stem}-safe-names.csv", "text/csv", safe_names),
        entry(
            "Tree, names, groups and columns for iTOL" if screen.columns else "Tree, names and groups for iTOL",
            "itol",
            f"{at_cut}-itol",
        ),
        entry("JSON, for D3 and scripts", "json", at_cut),
        entry("Merges of the tree, CSV", "linkage", "-merges"),
        entry("Distances between classes, CSV", "csv", "-distances"),
        entry("Groups and your columns, CSV" if screen.columns else "Groups at the cut, CSV", "cut", at_cut),
        entry("Groups at the cut, JSON", "groups", f"{at_cut}-classes"),
    ]


def _draw_choices() -> None:
    """How wide pictures are (a journal's column is about 85 mm, a page 180), and which names of clades the files have."""
    st.segmented_control(
        "Width of pictures, mm", list(WIDTHS), default=180, format_func=WIDTHS.__getitem__, required=True, key=WIDTH,
        help="A journal's column is about 85 mm wide, a page 180. The height grows with the number of classes.",
    )  # fmt: skip
    if st.session_state.get(WIDTH) == 0:
        st.number_input("Width, mm", 40, 2000, 160, step=5, key=OTHER_WIDTH, label_visibility="collapsed")
    st.toggle("Proposed names of clades, too", key=PROPOSED_TOO, help="Without it files have the names that were kept.")


def _width() -> float:
    chosen = st.session_state.get(WIDTH, 180)
    return float(chosen or st.session_state.get(OTHER_WIDTH, 160))
