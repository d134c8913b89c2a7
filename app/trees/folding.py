"""Folds of two facing trees: which clades are closed, opened and zoomed to on each side, and how one side follows the other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, NamedTuple, cast

import streamlit as st

from app.common.address import follow_default
from app.tree.chosen_node import CLASS
from app.tree.state import (
    TreeState,
    close_clade,
    drawn_part,
    open_clade,
    swap_states,
    tree_state,
    whole_tree,
    zoom_to,
)
from app.trees.pair import Pair
from lwal_core.analysis.hierarchy.subtree import TreePart

Side = Literal["left", "right"]
SIDES: tuple[Side, Side] = ("left", "right")

FOLD_BOTH, TIPS_KEY, PICKED = "fold_both", "trees_tips", "trees_picked"
"""Session keys: whether one side follows the other, how many branches are open at first, the clade that was clicked on."""
MANY = 60
"""Above so many classes only the highest clades of each side are open at first."""
TIPS = (20, 40, 80, 160)
DEFAULT_TIPS = 40


class Picked(NamedTuple):
    """The clade that was clicked on, by its side and the names of its classes: another tree has other nodes."""

    side: Side
    names: tuple[str, ...]


class Folds(NamedTuple):
    """What is drawn of two trees.

    Attributes:
        parts: What of the left and of the right tree.
        states: How it came to that.
        side: Side of the clade that was picked; the left one for a class.
        node: The clade or class that was picked, on its side; None for none.
    """

    parts: tuple[TreePart, TreePart]
    states: tuple[TreeState, TreeState]
    side: Side
    node: int | None

    @property
    def folded(self) -> bool:
        """Whether some class is not drawn on its own."""
        return not all(part.is_whole for part in self.parts)

    @property
    def changed(self) -> bool:
        """Whether the trees are drawn otherwise than at first."""
        return any(state.changed for state in self.states)


def tips_control(n: int) -> int | None:
    """How many branches of each side are open at first; None for all, where the classes are few."""
    if n <= MANY:
        return None
    follow_default(TIPS_KEY, str(DEFAULT_TIPS))
    choice = st.selectbox(
        "Branches open at once", [*map(str, TIPS), "all"], TIPS.index(DEFAULT_TIPS), key=TIPS_KEY, bind="query-params",
        help="On each side. The highest merges are open, the clades below are closed; click on a triangle to open it.",
    )  # fmt: skip
    return None if choice == "all" else int(choice)


def fold_both_control() -> None:
    """The switch that lets one side follow the other."""
    st.toggle(
        "Fold both sides", True, key=FOLD_BOTH, bind="query-params",
        help="What is closed, opened or zoomed to on one side is so on the other, too: the clade that is most like it, where "
        "they share more than half of their classes.",
    )  # fmt: skip


def folds(found: Pair, method: str, tips: int | None, class_name: str | None) -> Folds:
    """What of the two trees is drawn now.

    Args:
        found: The trees.
        method: How they are untangled, which numbers their merges.
        tips: Branches of each side that are open at first; None for all.
        class_name: The class that is looked for: the way to it is open on both sides.
    """
    trees = (found.facing.left, found.facing.right)
    states = tuple(
        tree_state((found.keys, method, side), h, side) for side, h in zip(SIDES, trees, strict=True)
    )  # fmt: skip
    side, node = _picked(found, class_name)
    shown = found.names.index(class_name) if class_name in found.names else None
    parts = tuple(drawn_part(h, state, tips, shown) for h, state in zip(trees, states, strict=True))
    return Folds(cast(tuple[TreePart, TreePart], parts), cast(tuple[TreeState, TreeState], states), side, node)


def partner(found: Pair, side: Side, node: int) -> int | None:
    """The clade of the other side that follows one; None where none shares more than half of its classes."""
    return found.alike[SIDES.index(side)].partner(node)


def picked_nodes(found: Pair, shown: Folds) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Nodes on the left and on the right that are ringed: what was picked, and what it corresponds to."""
    if shown.node is None:
        return (), ()
    there = partner(found, shown.side, shown.node)
    both = ((shown.node,), () if there is None else (there,))
    return both if shown.side == "left" else (both[1], both[0])


def fold(found: Pair, side: Side, node: int, *, both: bool | None = None) -> None:
    """Callback: close a clade, and what corresponds to it."""
    _on_sides(close_clade, found, side, node, both)


def unfold(found: Pair, side: Side, node: int, *, both: bool | None = None) -> None:
    """Callback: open a clade, and what corresponds to it."""
    _on_sides(open_clade, found, side, node, both)


def zoom(found: Pair, side: Side, node: int) -> None:
    """Callback: draw a clade alone, and beside it what corresponds to it."""
    _on_sides(zoom_to, found, side, node, None)


def whole(found: Pair) -> None:
    """Callback: draw both trees as at first."""
    for side, h in zip(SIDES, (found.facing.left, found.facing.right), strict=True):
        whole_tree(h, side)
    forget()


def forget() -> None:
    """Callback: nothing is picked."""
    st.session_state.pop(PICKED, None)
    st.session_state[CLASS] = None


def swap_folds() -> None:
    """What was folded on the left is so on the right, as the trees change places."""
    swap_states("left", "right")
    picked: Picked | None = st.session_state.get(PICKED)
    if picked is not None:
        st.session_state[PICKED] = picked._replace(side="right" if picked.side == "left" else "left")


def pick_clicked(chart: str, found: Pair, shown: Folds) -> None:
    """Keep what was clicked on in the figure; a closed clade opens."""
    points = st.session_state[chart]["selection"]["points"]
    custom = points[0].get("customdata") if points else None
    if not custom or len(custom) < 4 or custom[3] not in SIDES:
        return
    node, side = int(custom[0]), cast(Side, custom[3])
    if not 0 <= node < 2 * found.n - 1:
        return
    if node < found.n:
        st.session_state[CLASS] = found.names[node]
        st.session_state.pop(PICKED, None)
        return
    index = SIDES.index(side)
    h = (found.facing.left, found.facing.right)[index]
    st.session_state[PICKED] = Picked(side, tuple(h.names[i] for i in h.members(node)))
    st.session_state[CLASS] = None
    if node in shown.parts[index].closed:
        unfold(found, side, node)


def _picked(found: Pair, class_name: str | None) -> tuple[Side, int | None]:
    if class_name in found.names:
        return "left", found.names.index(class_name)
    picked: Picked | None = st.session_state.get(PICKED)
    if picked is None:
        return "left", None
    h = (found.facing.left, found.facing.right)[SIDES.index(picked.side)]
    return picked.side, h.clade_of(picked.names)


def _on_sides(change: Callable[..., None], found: Pair, side: Side, node: int, both: bool | None) -> None:
    index = SIDES.index(side)
    trees = (found.facing.left, found.facing.right)
    change(trees[index], node, side)
    there = partner(found, side, node)
    follows = st.session_state.get(FOLD_BOTH, True) if both is None else both
    if follows and there is not None and there >= found.n:
        change(trees[1 - index], there, SIDES[1 - index])
