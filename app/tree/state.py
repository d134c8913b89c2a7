"""View state of the tree: zoomed to a clade, closed or opened clades, turned branches.

Kept by the classes of the clades, so that it carries over to another epoch or linkage where the same clades are there;
written into the address by node numbers, which mean the same in the same tree.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import streamlit as st

from app.common import address
from lwal_core.analysis.hierarchy import Hierarchy
from lwal_core.analysis.hierarchy.subtree import TreePart, tree_part

STATE = "tree_state"
_PARAMETERS = ("zoom", "closed", "opened", "turned")
_MOST_NODES = 200
"""Nodes read from an address, whoever wrote it."""


class TreeState(NamedTuple):
    """Nodes of the tree that is looked at.

    Attributes:
        zoom: The clade that alone is drawn, or None for the whole tree.
        closed: Clades drawn as one tip.
        opened: Clades drawn open although there are more classes than are shown at once.
        turned: Merges whose two parts changed places.
        lost: How many clades of the last tree are none of this one.
    """

    zoom: int | None = None
    closed: tuple[int, ...] = ()
    opened: tuple[int, ...] = ()
    turned: tuple[int, ...] = ()
    lost: int = 0

    @property
    def changed(self) -> bool:
        """Whether the tree is drawn otherwise than at first."""
        return self.zoom is not None or bool(self.closed or self.opened or self.turned)


class _Kept(NamedTuple):
    """The state with what its nodes stand for: ``{node: class names}``, and which tree it was about."""

    tree: object
    state: TreeState
    members: dict[int, frozenset[str]]


def tree_state(tree: object, h: Hierarchy) -> TreeState:
    """The state for this tree: from the address on a first visit, carried over when the tree has changed.

    Args:
        tree: What the tree is made of; equal for equal trees.
        h: The tree, no branch turned.
    """
    kept: _Kept | None = st.session_state.get(STATE)
    if kept is None or address.came_back() or any(address.asked(name) for name in _PARAMETERS):
        state = _from_address(h)
        _keep(tree, h, state)
    elif kept.tree != tree:
        state = _carried_over(kept, h)
        _keep(tree, h, state)
    else:
        state = kept.state
    _write_address(state)
    return state


def drawn_part(h: Hierarchy, state: TreeState, most_tips: int | None, shown: int | None) -> TreePart:
    """The part of the (turned) tree to draw; the way to the node that was picked is open."""
    opened = set(state.opened)
    if shown is not None and most_tips is not None:
        path = h.path_to_root(shown)
        opened.update(path[1:] if len(path) <= _MOST_NODES else ())
    return tree_part(h, state.zoom, state.closed, opened, most_tips)


def close_clade(h: Hierarchy, node: int) -> None:
    """Draw a clade as one tip."""
    _change(h, closed={*_state().closed, node}, opened=set(_state().opened) - {node})


def open_clade(h: Hierarchy, node: int) -> None:
    """Draw the two parts of a clade."""
    _change(h, closed=set(_state().closed) - {node}, opened={*_state().opened, node})


def zoom_to(h: Hierarchy, node: int | None) -> None:
    """Draw a clade alone; None for the whole tree."""
    _change(h, zoom=None if node == 2 * h.n - 2 else node, closed=set(_state().closed) - {node})


def turn(h: Hierarchy, node: int) -> None:
    """Let the two parts of a merge change places."""
    _change(h, turned=set(_state().turned) ^ {node})


def whole_tree(h: Hierarchy) -> None:
    """Draw the tree as at first."""
    _change(h, zoom=None, closed=(), opened=(), turned=())


def _state() -> TreeState:
    return st.session_state[STATE].state


def _change(h: Hierarchy, **changes: int | Iterable[int] | None) -> None:
    values = {name: value if name == "zoom" else tuple(sorted(value)) for name, value in changes.items()}  # type: ignore[arg-type]
    _keep(st.session_state[STATE].tree, h, _state()._replace(lost=0, **values))  # type: ignore[arg-type]


def _keep(tree: object, h: Hierarchy, state: TreeState) -> None:
    nodes = {*state.closed, *state.opened, *state.turned} | ({state.zoom} if state.zoom is not None else set())
    members = {node: frozenset(h.names[i] for i in h.members(node)) for node in nodes}
    st.session_state[STATE] = _Kept(tree, state, members)


def _carried_over(kept: _Kept, h: Hierarchy) -> TreeState:
    found = {node: h.clade_of(names) for node, names in kept.members.items()}
    now = {node: there for node, there in found.items() if there is not None}
    state = kept.state

    def still(nodes: Iterable[int]) -> tuple[int, ...]:
        return tuple(sorted(now[node] for node in nodes if node in now))

    zoom = now.get(state.zoom) if state.zoom is not None else None
    return TreeState(zoom, still(state.closed), still(state.opened), still(state.turned), len(kept.members) - len(now))


def _from_address(h: Hierarchy) -> TreeState:
    values = {}
    for name in _PARAMETERS:
        pieces = str(st.query_params.get(name, "")).split(".")[:_MOST_NODES]
        values[name] = tuple(
            sorted(
                {int(p) for p in pieces if p.isascii() and p.isdigit() and len(p) < 9 and h.n <= int(p) < 2 * h.n - 1}
            )
        )
    zoom, closed, opened, turned = (values[name] for name in _PARAMETERS)
    return TreeState(zoom[0] if zoom else None, closed, opened, turned)


def _write_address(state: TreeState) -> None:
    texts = {"zoom": "" if state.zoom is None else str(state.zoom)}
    texts |= {name: ".".join(map(str, getattr(state, name)[:_MOST_NODES])) for name in _PARAMETERS[1:]}
    address.write(**texts)
