"""Clades of two trees with their best matches: the picked one's card, the table, the file."""

from __future__ import annotations

from typing import Any

import streamlit as st

from app.common.wording import counted, listed, shortened
from app.trees.folding import FOLD_BOTH, SIDES, Folds, fold, forget, partner, unfold, zoom
from app.trees.moved import moved_sentence
from app.trees.pair import Pair
from lwal_core.analysis.base.formatting import format_number
from lwal_core.analysis.hierarchy import Hierarchy
from lwal_core.export.tables import joined_members, table_csv

NAMED = 6
"""Classes that the card names of a set."""
MOST_ROWS = 400
"""Clades listed on the page; the download has all."""


def draw_picked(found: Pair, shown: Folds) -> None:
    """The card of the class or clade that was picked, with its best match and what can be done; how to pick one without."""
    node, side = shown.node, shown.side
    if node is None:
        st.caption("Click a merge to pick its clade, a triangle to open it.")
        return
    with st.container(border=True):
        head = st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center")
        title = head.empty()
        actions = head.container(horizontal=True, width="content", gap="xsmall")
        if node < found.n:
            title.markdown(
                moved_sentence(found, node) or f"{shortened(found.names[node])}: beside the same classes in both trees"
            )
        else:
            title.markdown(_clade_text(found, shown, node))
            with actions:
                _draw_actions(found, shown, node)
            if partner(found, side, node) is None:
                st.caption(
                    "No clade on the other side shares more than half of the classes, so that side stays as it is."
                )
        actions.button(
            "", icon=":material/close:", help="Pick nothing", key="trees_forget", type="tertiary", on_click=forget
        )


def _clade_text(found: Pair, shown: Folds, node: int) -> str:
    """A clade and its best match (markdown)."""
    index = SIDES.index(shown.side)
    h, other = _sides(found, index)
    members = set(h.members(node).tolist())
    names = listed([h.names[i] for i in h.members(node)], NAMED)
    text = f"**{counted(len(members), 'class', 'classes')} on the {shown.side}**: {names}"
    alike = found.alike[index]
    best = int(alike.node[node])
    there = set(other.members(best).tolist())
    where = SIDES[1 - index]
    if members == there:
        return f"{text}  \nThe tree on the {where} has the same clade."
    score = format_number(float(alike.jaccard[node]))
    text += f"  \nMost like it on the {where}: {counted(len(there), 'class', 'classes')}, Jaccard index {score}"
    for what, only in (("only here", members - there), ("only there", there - members)):
        if only:
            text += f"; {what}: {listed([h.names[i] for i in sorted(only)], NAMED)}"
    return f"{text}."


def _draw_actions(found: Pair, shown: Folds, node: int) -> None:
    side, index = shown.side, SIDES.index(shown.side)
    part = shown.parts[index]
    there = partner(found, side, node)
    if node in part.closed:
        st.button("Expand", icon=":material/unfold_more:", key="trees_open", on_click=unfold, args=(found, side, node))
    elif part.shows[node] and node != part.root:
        st.button("Collapse", icon=":material/unfold_less:", key="trees_close", on_click=fold, args=(found, side, node))
    if node != part.root:
        st.button("Zoom to it", icon=":material/zoom_in:", key="trees_zoom", on_click=zoom, args=(found, side, node))
    beside = shown.parts[1 - index]
    follows = st.session_state.get(FOLD_BOTH, True)
    if not follows and there is not None and there >= found.n and there != beside.root and beside.shows[there]:
        shut = there in beside.closed
        st.button(
            f"{'Open' if shut else 'Close'} its match", key="trees_match", on_click=unfold if shut else fold,
            args=(found, SIDES[1 - index], there), kwargs={"both": False},
            help="The clade of the other tree that is most like it.",
        )  # fmt: skip


def clades_table(found: Pair, nodes: tuple[list[int], list[int]]) -> dict[str, list[Any]]:
    """Clades of both sides with their best matches, the worst matched first.

    Args:
        found: The trees.
        nodes: Which clades of the left and of the right tree.
    """
    rows: list[tuple[Any, ...]] = []
    for index, side in enumerate(SIDES):
        h, other = _sides(found, index)
        alike = found.alike[index]
        for node in nodes[index]:
            best, score = int(alike.node[node]), float(alike.jaccard[node])
            rows.append(
                (
                    side.capitalize(),
                    h.clade_name(node),
                    int(h.sizes[node]),
                    score,
                    other.clade_name(best),
                    int(other.sizes[best]),
                )
            )
    rows.sort(key=lambda row: (row[3], row[0], -row[2]))
    columns = ("Tree", "Clade", "Classes", "Jaccard index", "Most like it in the other tree", "Classes there")
    return {column: [row[at] for row in rows] for at, column in enumerate(columns)}


def draw_clades(found: Pair, shown: Folds) -> None:
    """The table of the clades that are drawn."""
    left, right = (
        [node for node in found.clade_nodes[i] if shown.parts[i].shows[node]][-MOST_ROWS // 2 :] for i in (0, 1)
    )
    if not left and not right:
        st.caption("Neither tree has a clade here.")
        return
    st.dataframe(
        clades_table(found, (left, right)), hide_index=True, alt="Clades that are drawn with their best matches",
        column_config={"Jaccard index": st.column_config.NumberColumn(format="%.3f")},
    )  # fmt: skip
    total = sum(map(len, found.clade_nodes))
    if len(left) + len(right) < total:
        st.caption(f"{len(left) + len(right):,} of {total:,} clades, those that are drawn; the download has all.")


def clades_csv(found: Pair) -> bytes:
    """Every clade of both trees with its best match in the other one."""
    columns = [
        "tree", "label", "classes", "height", "jaccard", "match classes", "match height", "members", "match members",
    ]  # fmt: skip
    rows = []
    for index, side in enumerate(SIDES):
        h, other = _sides(found, index)
        alike = found.alike[index]
        for node in found.clade_nodes[index]:
            best = int(alike.node[node])
            rows.append((
                side, found.labels[index], int(h.sizes[node]), float(h.linkage[node - h.n, 2]), float(alike.jaccard[node]),
                int(other.sizes[best]), float(other.linkage[best - h.n, 2]),
                joined_members(h.names[i] for i in h.members(node)), joined_members(h.names[i] for i in other.members(best)),
            ))  # fmt: skip
    return table_csv(columns, rows).encode()


def _sides(found: Pair, index: int) -> tuple[Hierarchy, Hierarchy]:
    trees = (found.facing.left, found.facing.right)
    return trees[index], trees[1 - index]
