"""Chosen node of the tree: a class or a clade, its card with its way up, what can be done with it, its name
and note."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING

import streamlit as st

from app.common.widgets import changing, on_accent
from app.common.wording import LISTED_NAMES, counted, listed, marked, plain, shortened
from app.tree.clade_card import draw_clade_facts
from app.tree.cut_menu import draw_part_button
from app.tree.state import close_clade, open_clade, turn, zoom_to
from app.tree.support import SeedSupport
from app.tree.toolbar import CUT_BY, GROUPS
from lwal_core.analysis.base.formatting import format_number
from lwal_core.analysis.hierarchy import Hierarchy
from lwal_core.analysis.hierarchy.subtree import TreePart
from lwal_core.analysis.trees.cuts import CutAt
from lwal_core.errors import LwalError
from lwal_core.figures.clade_colors import group_marks
from lwal_core.figures.palette import class_color, class_symbol
from lwal_core.runs import Run, annotate_clade
from lwal_core.runs.annotations import MAX_NAME, MAX_NOTE, Notes

if TYPE_CHECKING:
    from lwal_core.analysis.trees.clade_names import ProposedName

CLASS, CLADE = "tree_class", "hierarchy_clade"
"""Session keys: the class picked by its name, the names of the clade clicked on."""

_PROBLEM = "hierarchy_note_problem"
_WAY_UP = 12  # merges listed above a node


def forget_clade() -> None:
    """A class was picked by name, which takes the place of a clade that was clicked on."""
    st.session_state.pop(CLADE, None)


def _forget_both() -> None:
    st.session_state.pop(CLADE, None)
    st.session_state[CLASS] = None


def pick_node(h: Hierarchy, node: int) -> None:
    """Pick a class or a clade, by names: another epoch's tree has other nodes."""
    if node < h.n:
        st.session_state[CLASS] = h.names[node]
        st.session_state.pop(CLADE, None)
    else:
        st.session_state[CLADE] = tuple(h.names[i] for i in h.members(node))
        st.session_state[CLASS] = None


def pick_clicked(chart: str, h: Hierarchy, part: TreePart) -> None:
    """Keep what was clicked on in the figure; a closed clade opens, a triangle at the edge cuts there."""
    points = st.session_state[chart]["selection"]["points"]
    custom = points[0].get("customdata") if points else None
    if not custom:
        return
    node = int(custom[0])
    if -h.n <= node < 0:
        st.session_state[GROUPS], st.session_state[CUT_BY] = -node, "groups"
    elif 0 <= node < 2 * h.n - 1:
        pick_node(h, node)
        if node >= h.n and node in part.closed:
            open_clade(h, node)


def chosen_node(h: Hierarchy, class_name: str | None) -> int | None:
    """Node of the class or clade that was picked; the smallest clade that holds it when the tree has changed since."""
    index = {name: i for i, name in enumerate(h.names)}
    if class_name in index:
        return index[class_name]
    members = st.session_state.get(CLADE)
    if members and all(name in index for name in members):
        return h.smallest_clade(index[name] for name in members)
    return None


def draw_chosen(
    run: Run,
    h: Hierarchy,
    part: TreePart,
    node: int,
    notes: Notes,
    named: dict[int, str],
    proposals: Sequence[ProposedName | None],
    cut: CutAt,
    support: SeedSupport | None = None,
) -> None:
    """The card of a class (nearest classes, way up) or of a merge (members, height, name, note), with what can be done.

    Args:
        run: Where names and notes are kept.
        h: The tree.
        part: What of it is drawn.
        node: What was picked.
        notes: Names and notes of the run's clades.
        named: Names of this tree's nodes.
        proposals: A name for each merge, ``[n - 1]``, which a press keeps.
        cut: Where the tree is cut, which a press changes.
        support: Of the clades by other seeds, where that is looked at.
    """
    with st.container(border=True):
        head = st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center")
        title = head.empty()
        with head.container(horizontal=True, width="content", gap="xsmall"):
            for label, icon, key, beside in _beside(h, part, node):
                st.button(
                    "", icon=icon, help=label, key=key, type="tertiary", on_click=pick_node, args=(h, beside)
                )  # fmt: skip
            if h.parents[node] >= 0:
                st.button(
                    "", icon=":material/arrow_upward:", help="Pick the clade above", key="tree_up", type="tertiary",
                    on_click=pick_node, args=(h, int(h.parents[node])),
                )  # fmt: skip
            st.button(
                "", icon=":material/close:", help="Pick nothing", key="tree_forget", type="tertiary",
                on_click=_forget_both,
            )  # fmt: skip
        if node < h.n:
            title.markdown(f"{_mark(h, node, cut)} **{shortened(h.names[node])}**")
            others, away = h.nearest(node)
            near = ", ".join(
                f"{shortened(h.names[i])}: {format_number(d)}"
                for i, d in zip(others.tolist(), away.tolist(), strict=True)
            )
            st.markdown(f"Nearest: {near}" if near else "There is no other class.")
            draw_clade_facts(run, h, node)
        else:
            members = h.members(node).tolist()
            entry = notes.get(frozenset(h.names[i] for i in members))
            size = f"{counted(len(members), 'class', 'classes')}, joined at {format_number(h.linkage[node - h.n, 2])}"
            title.markdown(f"**{plain(entry.name)}**" if entry and entry.name else f"**{size}**")
            if entry and entry.name:
                st.markdown(size)
            st.markdown(listed([h.names[i] for i in members], 3 * LISTED_NAMES))
            proposed = proposals[node - h.n]
            if proposed is not None:
                st.caption(_proposal(proposed))
            if entry and entry.note:
                st.markdown("  \n".join(plain(line) for line in entry.note.splitlines()))
            before = st.session_state.get(CLADE) or ()
            if len(before) != len(members):
                st.caption(
                    f"The {len(before)} classes that you picked are no clade of this tree; this one holds them all."
                )
            given = (entry.name if entry else "") or (proposed.text if proposed else "")
            draw_clade_facts(run, h, node, support, name=given, note=entry.note if entry else "")
            _draw_actions(run, h, part, node, members, notes, proposed, cut)
        way = _way_up(h, node, named)
        if way:
            st.markdown("\n".join(way))


def _beside(h: Hierarchy, part: TreePart, node: int) -> list[tuple[str, str, str, int]]:
    """What the two buttons beside a node are for: help, icon, key, node. They go through the merges that are drawn by height,
    or through the leaves as they stand, from the last on to the first."""
    merge = node >= h.n
    row = sorted([*part.merges.tolist(), *part.closed.tolist()]) if merge else part.tips.tolist()
    if len(row) < 2 or node not in row:
        return []
    at, what = row.index(node), "merge by height" if merge else "leaf"
    return [
        (f"Previous {what}", ":material/chevron_left:", "tree_before", row[at - 1]),
        (f"Next {what}", ":material/chevron_right:", "tree_after", row[(at + 1) % len(row)]),
    ]


def _mark(h: Hierarchy, node: int, cut: CutAt) -> str:
    """The glyph of a class as the figure draws its leaf: that of its group."""
    way = set(h.path_to_root(node))
    mark = next((mark for mark in group_marks(h, cut) if mark.node in way), None)
    return marked(mark.color, mark.symbol) if mark else marked(class_color(node), class_symbol(node))


def _proposal(proposed: ProposedName) -> str:
    """What name is proposed for a clade and why (markdown)."""
    name, held = plain(proposed.name), f"{proposed.inside:,} of"
    if proposed.is_word:
        return f"Word of its names: {name}, in {held} the {proposed.of:,} classes that have it."
    if proposed.inside == proposed.size:
        return f"Lowest common group: {name}, with {held} its {counted(proposed.of, 'class', 'classes')}."
    others = counted(proposed.size - proposed.inside, "other class", "other classes")
    return f"Most like the group {name}, with {held} its {counted(proposed.of, 'class', 'classes')} and {others}."


def _draw_actions(
    run: Run,
    h: Hierarchy,
    part: TreePart,
    node: int,
    members: list[int],
    notes: Notes,
    proposed: ProposedName | None,
    cut: CutAt,
) -> None:
    with st.container(horizontal=True, gap="xsmall"):
        draw_part_button(h, node, cut)
        shown = bool(part.shows[node])
        if shown and node in part.closed:
            st.button("Expand", icon=":material/unfold_more:", key="tree_open", on_click=open_clade, args=(h, node))
        elif shown and node != part.root:
            st.button("Collapse", icon=":material/unfold_less:", key="tree_close", on_click=close_clade, args=(h, node))
        if node != part.root:
            st.button("Zoom to it", icon=":material/zoom_in:", key="tree_zoom", on_click=zoom_to, args=(h, node))
        if shown and node not in part.closed:
            st.button(
                "Flip", icon=":material/swap_vert:", key="tree_turn", on_click=turn, args=(h, node),
                help="Its two parts change places; the tree stays the same.",
            )  # fmt: skip
        classes = tuple(h.names[i] for i in members)
        entry = notes.get(frozenset(classes))
        if proposed is not None and (entry is None or not entry.name):
            note = entry.note if entry else ""
            st.button(
                "Keep this name", icon=":material/check:", key="tree_keep_name", on_click=_keep_note,
                args=(run, classes, proposed.name[:MAX_NAME], note),
                **changing(f"Names it {plain(proposed.name)}, for everybody who opens the run."),
            )  # fmt: skip
        _draw_naming(run, list(classes), notes)


def _draw_naming(run: Run, members: list[str], notes: Notes) -> None:
    entry = notes.get(frozenset(members))
    key = "clade_" + sha256("\0".join(sorted(members)).encode()).hexdigest()[:16]
    with (
        st.popover("Rename" if entry else "Name it", icon=":material/edit:"),
        st.form(f"{key}_form", border=False, enter_to_submit=True),
    ):
        st.text_input("Name of this clade", entry.name if entry else "", max_chars=MAX_NAME, key=f"{key}_name")
        st.text_area("Note", entry.note if entry else "", max_chars=MAX_NOTE, key=f"{key}_note", height=100)
        st.caption("Kept with the run, for everybody who opens it. Leave both empty to take the name away.")
        st.form_submit_button(
            on_accent("Keep"),
            key=f"{key}_keep",
            type="primary",
            on_click=partial(_keep_written, run, tuple(members), key),
            **changing(),
        )
    if problem := st.session_state.pop(_PROBLEM, None):
        st.error(plain(problem), icon=":material/error:")


def _keep_written(run: Run, members: tuple[str, ...], key: str) -> None:
    _keep_note(run, members, st.session_state[f"{key}_name"], st.session_state[f"{key}_note"])


def _keep_note(run: Run, members: tuple[str, ...], name: str, note: str) -> None:
    try:
        annotate_clade(run.path, members, name, note)
    except (LwalError, OSError) as error:
        st.session_state[_PROBLEM] = str(error)


def draw_notes(h: Hierarchy, notes: Notes) -> None:
    """All named clades of the run, also those that this tree does not have."""
    for number, entry in enumerate(sorted(notes.values(), key=lambda entry: (-len(entry.classes), entry.name))):
        node = h.clade_of(entry.classes)
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            what = f"**{plain(entry.name)}**" if entry.name else "*no name*"
            text = f"{what}: {listed(entry.classes)}"
            if entry.note:
                text += f"  \n{plain(' '.join(entry.note.split()))}"
            if node is None:
                text += "  \n:small[These classes are no clade of this tree.]"
            st.markdown(text)
            if node is not None:
                st.button("Show", key=f"note_{number}", on_click=pick_node, args=(h, node), type="tertiary")


def _way_up(h: Hierarchy, node: int, named: dict[int, str]) -> list[str]:
    """The merges above a node up to the root, as a list."""
    lines: list[str] = []
    path = h.path_to_root(node)
    for below, above in itertools.pairwise(path):
        if len(lines) == _WAY_UP:
            return [*lines, f"- and {counted(len(path) - 1 - _WAY_UP, 'more merge')} up to all classes"]
        left, right = h.children[above - h.n].tolist()
        beside = h.members(right if left == below else left)
        height = format_number(h.linkage[above - h.n, 2])
        given = f" ({plain(named[above])})" if above in named else ""
        lines.append(f"- joins {listed([h.names[i] for i in beside], 4)} at {height}{given}")
    return lines
