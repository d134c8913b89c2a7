"""View state of the tree: zoomed to a clade, closed or opened clades, turned branches, cuts by hand.

Kept by the classes of the clades, so that it carries over to another epoch or linkage where the same clades are there;
written into the address by node numbers, which mean the same in the same tree. A page with two trees has a state for each
side, told apart by ``side``; a page with one tree leaves it empty.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import streamlit as st

from app.common import address
from lwal_core.analysis.hierarchy import Hierarchy
from lwal_core.analysis.hierarchy.subtree import TreePart, tree_part

STATE = "tree_state"
_PARAMETERS = ("zoom", "closed", "opened", "turned", "parted")
_MOST_NODES = 200
"""Nodes read from an address, whoever wrote it."""


class TreeState(NamedTuple):
    """Nodes of the tree that is looked at.

    Attributes:
        zoom: The clade that alone is drawn, or None for the whole tree.
        closed: Clades drawn as one tip.
        opened: Clades drawn open although there are more classes than are shown at once.
        turned: Merges whose two parts changed places.
        parted: Merges that are undone where the tree is cut by hand.
        lost: How many clades of the last tree are none of this one.
    """

    zoom: int | None = None
    closed: tuple[int, ...] = ()
    opened: tuple[int, ...] = ()
    turned: tuple[int, ...] = ()
    lost: int = 0
    parted: tuple[int, ...] = ()

    @property
    def changed(self) -> bool:
        """Whether the tree is drawn otherwise than at first."""
        return self.zoom is not None or bool(self.closed or self.opened or self.turned or self.parted)


class _Kept(NamedTuple):
    """The state with what its nodes stand for: ``{node: class names}``, and which tree it was about."""

    tree: object
    state: TreeState
    members: dict[int, frozenset[str]]


def tree_state(tree: object, h: Hierarchy, side: str = "") -> TreeState:
    """The state for this tree: from the address on a first visit, carried over when the tree has changed.

    Args:
        tree: What the tree is made of; equal for equal trees.
        h: The tree, no branch turned.
        side: Which of a page's trees.
    """
    kept: _Kept | None = st.session_state.get(_with(side, STATE))
    if kept is None or address.came_back() or any(address.asked(_with(side, name)) for name in _PARAMETERS):
        state = _from_address(h, side)
        _keep(tree, h, state, side)
    elif kept.tree != tree:
        state = _carried_over(kept, h)
        _keep(tree, h, state, side)
    else:
        state = kept.state
    _write_address(state, side)
    return state


def swap_states(side: str, other: str) -> None:
    """Let two sides of a page change their states, as their trees change places."""
    first, second = (st.session_state.pop(_with(name, STATE), None) for name in (side, other))
    for name, kept in ((side, second), (other, first)):
        if kept is not None:
            st.session_state[_with(name, STATE)] = kept


def drawn_part(h: Hierarchy, state: TreeState, most_tips: int | None, shown: int | None) -> TreePart:
    """The part of the (turned) tree to draw; the way to the node that was picked is open."""
    opened = set(state.opened)
    if shown is not None and most_tips is not None:
        path = h.path_to_root(shown)
        opened.update(path[1:] if len(path) <= _MOST_NODES else ())
    return tree_part(h, state.zoom, state.closed, opened, most_tips)


def close_clade(h: Hierarchy, node: int, side: str = "") -> None:
    """Draw a clade as one tip."""
    _change(h, side, closed={*_state(side).closed, node}, opened=set(_state(side).opened) - {node})


def open_clade(h: Hierarchy, node: int, side: str = "") -> None:
    """Draw the two parts of a clade."""
    _change(h, side, closed=set(_state(side).closed) - {node}, opened={*_state(side).opened, node})


def zoom_to(h: Hierarchy, node: int | None, side: str = "") -> None:
    """Draw a clade alone; None for the whole tree."""
    _change(h, side, zoom=None if node == 2 * h.n - 2 else node, closed=set(_state(side).closed) - {node})


def turn(h: Hierarchy, node: int, side: str = "") -> None:
    """Let the two parts of a merge change places."""
    _change(h, side, turned=set(_state(side).turned) ^ {node})


def whole_tree(h: Hierarchy, side: str = "") -> None:
    """Draw the tree as at first."""
    _change(h, side, zoom=None, closed=(), opened=(), turned=(), parted=())


def part(h: Hierarchy, merges: Iterable[int]) -> None:
    """Undo these merges where the tree is cut by hand."""
    _change(h, "", parted=merges)


def _state(side: str) -> TreeState:
    return st.session_state[_with(side, STATE)].state


def _change(h: Hierarchy, side: str, **changes: int | Iterable[int] | None) -> None:
    values = {name: value if name == "zoom" else tuple(sorted(value)) for name, value in changes.items()}  # type: ignore[arg-type]
    _keep(st.session_state[_with(side, STATE)].tree, h, _state(side)._replace(lost=0, **values), side)  # type: ignore[arg-type]


def _keep(tree: object, h: Hierarchy, state: TreeState, side: str) -> None:
    nodes = {*state.closed, *state.opened, *state.turned, *state.parted} | (
        {state.zoom} if state.zoom is not None else set()
    )
    members = {node: frozenset(h.names[i] for i in h.members(node)) for node in nodes}
    st.session_state[_with(side, STATE)] = _Kept(tree, state, members)


def _carried_over(kept: _Kept, h: Hierarchy) -> TreeState:
    found = {node: h.clade_of(names) for node, names in kept.members.items()}
    now = {node: there for node, there in found.items() if there is not None}
    state = kept.state

    def still(nodes: Iterable[int]) -> tuple[int, ...]:
        return tuple(sorted(now[node] for node in nodes if node in now))

    zoom = now.get(state.zoom) if state.zoom is not None else None
    return TreeState(
        zoom,
        still(state.closed),
        still(state.opened),
        still(state.turned),
        len(kept.members) - len(now),
        still(state.parted),
    )


def _from_address(h: Hierarchy, side: str) -> TreeState:
    values = {name: merges_in_address(h, _with(side, name)) for name in _PARAMETERS}
    zoom, closed, opened, turned, parted = (values[name] for name in _PARAMETERS)
    return TreeState(zoom[0] if zoom else None, closed, opened, turned, parted=parted)


def _write_address(state: TreeState, side: str) -> None:
    texts = {_with(side, "zoom"): "" if state.zoom is None else str(state.zoom)}
    texts |= {_with(side, name): merges_as_text(getattr(state, name)) for name in _PARAMETERS[1:]}
    address.write(**texts)


def merges_in_address(h: Hierarchy, name: str) -> tuple[int, ...]:
    """Merges of a tree that a parameter of the address lists, ascending; what is none of this tree is left out."""
    pieces = str(st.query_params.get(name, "")).split(".")[:_MOST_NODES]
    numbers = {int(piece) for piece in pieces if piece.isascii() and piece.isdigit() and len(piece) < 9}
    return tuple(sorted(node for node in numbers if h.n <= node < 2 * h.n - 1))


def merges_as_text(nodes: Iterable[int]) -> str:
    """Merges as :func:`merges_in_address` reads them, the first few hundred."""
    return ".".join(map(str, list(nodes)[:_MOST_NODES]))


def _with(side: str, name: str) -> str:
    """A session key or parameter of a side."""
    return f"{side}_{name}" if side else name
