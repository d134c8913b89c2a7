"""Which clades of the folded confusion matrix are open, for the tree that is looked at; in the address, too."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import streamlit as st

from app.common import address
from app.tree.chosen_node import pick_node
from app.tree.state import merges_as_text, merges_in_address
from lwal_core.analysis.hierarchy import Hierarchy
from lwal_core.analysis.hierarchy.subtree import TreePart
from lwal_core.analysis.trees.confusion import OTHER, largest_first

STATE = "fold_state"
OPENED, CLOSED = "mistakes_opened", "mistakes_closed"
"""Parameters of the address: nodes, which mean the same in the same tree."""
PARTS = 6
"""Into so many parts a clade opens at most: two by two a clade of hundreds would take long."""


class FoldState(NamedTuple):
    """Clades that somebody opened or closed, in the tree that ``tree`` stands for."""

    tree: object = None
    opened: frozenset[int] = frozenset()
    closed: frozenset[int] = frozenset()


def fold_state(tree: object, h: Hierarchy) -> FoldState:
    """The state for this tree: from the address on a first visit; as at first for another one, whose nodes are others.

    Args:
        tree: What the tree is made of; equal for equal trees.
        h: The tree.
    """
    kept: FoldState | None = st.session_state.get(STATE)
    if kept is None or address.came_back() or address.asked(OPENED) or address.asked(CLOSED):
        kept = FoldState(tree, *(frozenset(merges_in_address(h, name)) for name in (OPENED, CLOSED)))
    elif kept.tree != tree:
        kept = FoldState(tree)
    st.session_state[STATE] = kept
    address.write(**{OPENED: _listed(h, kept.opened), CLOSED: _listed(h, kept.closed)})
    return kept


def _listed(h: Hierarchy, nodes: Iterable[int]) -> str:
    """Clades for the address, the largest first: where they are too many, what lies deepest is left out."""
    return merges_as_text(sorted(nodes, key=lambda node: (-int(h.sizes[node]), node)))


def open_fold(h: Hierarchy, node: int) -> None:
    """Open a clade into its largest parts."""
    state: FoldState = st.session_state[STATE]
    parts = set(largest_first(h, PARTS, node).merges.tolist())
    st.session_state[STATE] = state._replace(opened=state.opened | parts, closed=state.closed - parts)


def close_fold(h: Hierarchy, node: int) -> None:
    """Make one row and column of a clade; what is open in it comes up as at first when it is opened again."""
    state: FoldState = st.session_state[STATE]
    low, high = h.first_place[node], h.first_place[node] + h.sizes[node]
    inside = {each for each in state.opened if low <= h.first_place[each] < high and h.sizes[each] <= h.sizes[node]}
    st.session_state[STATE] = state._replace(opened=state.opened - inside, closed=state.closed | {node})


def as_at_first() -> None:
    """Undo opening and closing."""
    state: FoldState = st.session_state[STATE]
    st.session_state[STATE] = FoldState(state.tree)


def follow_click(chart: str, h: Hierarchy, part: TreePart) -> None:
    """Open or close the clade whose point, triangle or cell on the diagonal was clicked on; on another cell pick the true
    class or clade.

    Args:
        chart: Key of the figure.
        h: The tree.
        part: What of it the figure shows.
    """
    points = st.session_state[chart]["selection"]["points"]
    custom = points[0].get("customdata") if points else None
    if not custom:
        return
    node, closed = int(custom[0]), set(part.closed.tolist())
    if node == OTHER or not 0 <= node < 2 * h.n - 1:
        return
    same = len(custom) == 1 or custom[0] == custom[1]
    if same and node in closed:
        open_fold(h, node)
    elif len(custom) == 1:
        close_fold(h, node)
    else:
        pick_node(h, node)
