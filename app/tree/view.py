"""Class tree on a page: figure, chosen node, cards."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import streamlit as st

from app.common.widgets import FIGURE_HEIGHT
from app.common.wording import counted, listed, marked, plain, shortened
from app.tree.stats import LISTED_GROUPS, Agreement, TreeKey, agreement_numbers, groups, tree_stats
from lwal_core.analysis.base.formatting import format_number
from lwal_core.analysis.hierarchy import Hierarchy
from lwal_core.analysis.hierarchy.subtree import TreePart
from lwal_core.analysis.trees.cuts import CutAt
from lwal_core.figures import dendrogram_figure
from lwal_core.figures.clade_colors import GroupMark
from lwal_core.figures.colouring import Colouring, LeafLooks
from lwal_core.figures.dendrogram import PICTURE_ROW_HEIGHT, ROW_HEIGHT, Orientation
from lwal_core.figures.labels import one_line
from lwal_core.figures.palette import Theme
from lwal_core.figures.style import shorten
from lwal_core.glossary import explained

if TYPE_CHECKING:
    import plotly.graph_objects as go

    from lwal_core.analysis.trees.clade_names import ProposedName


class Drawing(NamedTuple):
    """How a tree is drawn; equal ones of equal trees are the same figure.

    Attributes:
        cut: Number of groups, height or top nodes; None for no cut.
        groups: How many groups the cut makes.
        orientation: Side of the leaves.
        zoom: The clade that alone is drawn, or None.
        closed: Clades that are drawn as one tip.
        chosen: Node that was picked.
        support: Share of each merge, or None.
        names: ``(node, given name)`` of the named clades.
        proposed: ``(node, proposed name)`` of others.
        own: What is beside the leaves and how their names look, and stamps of the files that they are from; None for nothing.
        pictures: Stamp of the file of pictures; 0 for none.
        title: The finding.
        theme: ``"light"`` or ``"dark"``.
    """

    cut: CutAt | None
    groups: int
    orientation: Orientation
    zoom: int | None = None
    closed: tuple[int, ...] = ()
    chosen: int | None = None
    support: tuple[float, ...] | None = None
    names: tuple[tuple[int, str], ...] = ()
    proposed: tuple[tuple[int, str], ...] = ()
    own: Hashable | None = None
    pictures: int = 0
    title: str | None = None
    theme: Theme = "light"


@st.cache_resource(max_entries=60, show_spinner=False)
def tree_figure(
    key: TreeKey,
    drawing: Drawing,
    _h: Hierarchy,
    _part: TreePart | None = None,
    _pictures: Sequence[str] | None = None,
    _strips: Sequence[Colouring] = (),
    _looks: LeafLooks | None = None,
) -> go.Figure:
    """The dendrogram with its groups marked where the cut meets them, and what was picked; shared: never change it.

    ``_part``, ``_pictures``, ``_strips`` and ``_looks`` are what ``drawing`` says in shortened.
    """
    rows = 0  # px that they need one below the other
    if drawing.orientation in ("left", "right"):
        rows = (_h.n if _part is None else len(_part.tips)) * (PICTURE_ROW_HEIGHT if drawing.pictures else ROW_HEIGHT)
    marks = []
    if drawing.cut is not None and 1 < drawing.groups <= LISTED_GROUPS:
        marks = [GroupMark(g.node, g.color, g.symbol) for g in groups(key, _h, drawing.cut)]
    return dendrogram_figure(
        _h,
        drawing.cut,
        drawing.orientation,
        part=_part,
        theme=drawing.theme,
        title=drawing.title,
        support=drawing.support,
        height=None if drawing.orientation == "radial" or rows > FIGURE_HEIGHT else FIGURE_HEIGHT,
        clade_names=dict(drawing.names),
        proposed_names=dict(drawing.proposed),
        chosen=drawing.chosen,
        pictures=_pictures,
        strips=_strips,
        looks=_looks,
        marks=marks,
        handles=LISTED_GROUPS if drawing.cut is not None else 0,
    )


def shown_branches(h: Hierarchy, part: TreePart, named: dict[int, str]) -> str:
    """What is drawn of the tree, in a sentence (markdown)."""
    total, tips = int(h.sizes[part.root]), len(part.tips)
    where = ""
    if h.parents[part.root] >= 0:
        where = f" of {plain(shorten(one_line(named.get(part.root) or h.clade_name(part.root)), 60))}"
    if len(part.closed):
        ends = f"{counted(tips, 'branch', 'branches')} for {counted(total, 'class', 'classes')}{where}"
        return f"Showing {ends}; a click on a closed clade opens it."
    return f"Showing {counted(total, 'class', 'classes')}{where}."


# --- cards ---------------------------------------------------------------------------------------------------------


def draw_groups(key: TreeKey, h: Hierarchy, cut: CutAt, names: Mapping[int, str]) -> None:
    """The groups at the cut: colour, shape, name, members."""
    found = groups(key, h, cut)
    lines = []
    limit = max(4, 60 // len(found))
    for group in found[:LISTED_GROUPS]:
        size = f" ({len(group.members):,})" if len(group.members) > 1 else ""
        name = f"**{shortened(names[group.node])}**: " if group.node in names and group.node >= h.n else ""
        members = listed([h.names[i] for i in group.members], limit)
        lines.append(f"{marked(group.color, group.symbol)} {name}{members}{size}")
    if len(found) > LISTED_GROUPS:
        lines.append(f"and {len(found) - LISTED_GROUPS:,} more groups; *Cut* and the download list all of them")
    st.markdown("  \n".join(lines))


def draw_stats(key: TreeKey, h: Hierarchy) -> None:
    """Nearest pairs, how faithful the tree is, where a cut suggests itself."""
    known = tree_stats(key, h)
    st.subheader("Nearest classes", anchor=False)
    names = [(shortened(h.names[i]), shortened(h.names[j]), format_number(d)) for i, j, d in known.pairs]
    st.markdown("  \n".join(f"{a} and {b}: {d}" for a, b, d in names))
    st.subheader("How faithful is the tree?", anchor=False)
    why = "all merges are at one height" if h.n > 2 else "fewer than 3 classes"
    st.markdown(
        f"Cophenetic correlation {format_number(known.faithfulness, reason=why)}",
        help=explained("Cophenetic correlation") + " Well below 1, read the distances rather than the tree.",
    )
    if known.widest:
        st.caption(f"The widest gap between two merges is at {counted(known.widest, 'group')}.")
    if h.has_inversions:
        st.caption(h.inversion_note)


def draw_agreement(found: Agreement) -> None:
    """Score and groups of the reference taxonomy."""
    left_out = f" Not in it and left out: {listed(found.left_out)}." if found.left_out else ""
    st.markdown(
        agreement_numbers(found).capitalize()
        if found.defined
        else "Tau is undefined: for no class do the distances differ.",
        help=explained("Taxonomy", "Kendall's tau")
        + f" Mean over {counted(found.defined, 'class', 'classes')}. Ceiling: the most that "
        "distances without ties can reach. p: how often shuffled classes agree as well. The linkage has no part in it. "
        f"{plain(found.source)}{left_out}",
    )
    total = len(found.found) + len(found.missing)
    if total:
        verb = "is a clade" if len(found.found) == 1 else "are clades"
        text = f"{len(found.found)} of its {counted(total, 'group')} {verb} of this tree"
        st.markdown(f"{text}: {listed([name for name, _ in found.found], 8)}." if found.found else f"{text}.")
    if found.missing:
        texts = [f"{plain(name)} ({listed(members, 4)})" for name, members in found.missing[:4]]
        more = f" and {len(found.missing) - 4:,} more" if len(found.missing) > 4 else ""
        st.caption(f"Not here: {', '.join(texts)}{more}.")


def merges_table(
    h: Hierarchy, named: Mapping[int, str], proposals: Sequence[ProposedName | None]
) -> dict[str, list[Any]]:
    """The numbers behind the dendrogram, highest merge first, with given and proposed names."""
    nodes = range(2 * h.n - 2, h.n - 1, -1)
    proposed = [name.text if (name := proposals[node - h.n]) is not None else "" for node in nodes]
    names = {"Name": [named.get(node, "") for node in nodes], "Proposed name": proposed}
    return {column: values for column, values in names.items() if any(values)} | {
        "Distance": [float(h.linkage[node - h.n, 2]) for node in nodes],
        "Classes": [int(h.sizes[node]) for node in nodes],
        "Joins": [h.clade_name(int(h.children[node - h.n, 0])) for node in nodes],
        "With": [h.clade_name(int(h.children[node - h.n, 1])) for node in nodes],
    }
