"""How two facing trees are drawn: colours, what is folded and picked, the figure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, cast

import streamlit as st

from app.common import address
from app.common.widgets import FIGURE_HEIGHT, theme
from app.tree.chosen_node import CLASS
from app.trees.folding import MANY, PICKED, Folds, picked_nodes
from app.trees.pair import Key, Pair, pair
from lwal_core.analysis.hierarchy.subtree import tree_part
from lwal_core.figures.palette import Theme
from lwal_core.figures.tanglegram import ColorBy, tanglegram_figure

if TYPE_CHECKING:
    import plotly.graph_objects as go

COLORS = "trees_colors"
"""Session key of what the colours say, in the address."""
ROOMY = 20
"""Up to so many rows a figure has the usual height of a page; above them as much as its rows need."""
COLOR_TITLES: dict[ColorBy, str] = {"groups": "Groups", "match": "Best match"}


class Look(NamedTuple):
    """How two trees are drawn; equal ones of equal pairs are the same figure.

    Attributes:
        groups: Number of groups of the cut; None for none.
        color_by: What the colours say.
        zooms: The clade of the left and of the right tree that alone is drawn, or None.
        closed: Clades that are drawn as one branch, left and right.
        picked: Nodes that are ringed, left and right.
        theme: ``"light"`` or ``"dark"``.
    """

    groups: int | None
    color_by: ColorBy
    zooms: tuple[int | None, int | None]
    closed: tuple[tuple[int, ...], tuple[int, ...]]
    picked: tuple[tuple[int, ...], tuple[int, ...]]
    theme: Theme = "light"


def look_of(found: Pair, shown: Folds, groups: int | None, color_by: ColorBy) -> Look:
    """The look of what is drawn, in the theme that the reader sees."""
    closed = tuple(tuple(part.closed.tolist()) for part in shown.parts)
    zooms = tuple(state.zoom for state in shown.states)
    return Look(groups, color_by, cast(Any, zooms), cast(Any, closed), picked_nodes(found, shown), theme())


@st.cache_resource(max_entries=60, show_spinner=False)
def figure_of(left: Key, right: Key, labels: tuple[str, str], method: str, look: Look) -> go.Figure:
    """The tanglegram; shared: never change it. It has no title: the page says above it what it would say."""
    found = pair(left, right, labels, method)
    trees = (found.facing.left, found.facing.right)
    parts = [tree_part(h, zoom, closed) for h, zoom, closed in zip(trees, look.zooms, look.closed, strict=True)]
    return tanglegram_figure(
        *trees, look.groups, parts=(parts[0], parts[1]), alike=found.alike, color_by=look.color_by, picked=look.picked,
        theme=look.theme, labels=labels,
        height=FIGURE_HEIGHT if max(len(part.tips) for part in parts) <= ROOMY else None,
    )  # fmt: skip


def pick_colors(n: int) -> ColorBy:
    """What the colours say: groups at first, where the classes are many how well clades correspond."""
    at_first: ColorBy = "match" if n > MANY else "groups"
    address.known_choice(COLORS, "The choice of colours", COLOR_TITLES.values())
    address.follow_default(COLORS, at_first)
    return st.segmented_control(
        "Colours", list(COLOR_TITLES), format_func=COLOR_TITLES.__getitem__, default=at_first, required=True, key=COLORS,
        bind="query-params",
        help="Groups: those of the left tree at the cut. Best match: the Jaccard index of a clade with the clade of the other tree "
        "that is most like it: classes in both over classes in either. Diamonds are clades of both trees.",
    ) or at_first  # fmt: skip


def find_class(found: Pair) -> str | None:
    """The class that is looked for in both trees."""
    if st.session_state.get(CLASS) not in found.names:
        st.session_state[CLASS] = None
    return st.selectbox(
        "Class", found.names, None, key=CLASS, bind="query-params", on_change=forget_clade, placeholder="Find a class",
        width=190, help="The way to it is opened in both trees. A click on a leaf or merge in the figure picks it, too.",
    )  # fmt: skip


def forget_clade() -> None:
    """A class was picked by name, which takes the place of a clade that was clicked on."""
    st.session_state.pop(PICKED, None)
