"""Snapshot in the app: the class tree behind a link, with its epochs, groups, names, support, pictures and a tree beside it.

All that is drawn is made of the snapshot's own files, which :func:`lwal_core.shares.open_snapshot` gives each time anew. Nothing here
asks for a run by its id, as pages do, so that no choice and no parameter leads to a run of the home; nothing writes, takes a
file or makes one.
"""

from __future__ import annotations

from dataclasses import replace
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

import streamlit as st

from app.common.address import follow_default, known_choice
from app.common.evaluation import pictures_of
from app.common.widgets import EPOCH, errors_shown, figure, theme
from app.common.wording import NO_PICTURES, counted, listed, marked, plain, shortened
from app.share.shared_pair import Other, draw_pair, pick_other
from app.tree.chosen_node import CLASS, chosen_node, forget_clade, pick_clicked, pick_node
from app.tree.state import close_clade, drawn_part, open_clade, tree_state, turn, whole_tree, zoom_to
from app.tree.stats import TreeKey, answer, finding, flat_help, proposals
from app.tree.support import SeedSupport, support_note, support_of
from app.tree.toolbar import DEFAULT_TIPS, MANY, SIDES, groups_control
from app.tree.view import Drawing, draw_groups, merges_table, shown_branches, tree_figure
from lwal_core.analysis.base.formatting import format_number
from lwal_core.analysis.comparison.intervals import MIN_SEEDS
from lwal_core.analysis.hierarchy import Hierarchy
from lwal_core.analysis.hierarchy.subtree import TreePart
from lwal_core.analysis.trees.clade_names import shown_names
from lwal_core.errors import LwalError
from lwal_core.figures.palette import class_color, class_symbol
from lwal_core.results.run_tree import names_of_nodes, run_hierarchy
from lwal_core.results.tree_spec import TreeSpec
from lwal_core.runs import Run, read_annotations
from lwal_core.runs.paths import SAMPLES
from lwal_core.shares import Snapshot

if TYPE_CHECKING:
    from lwal_core.figures.dendrogram import Orientation

FIGURE = "shared_tree"
MOST_MEMBERS = 12
_BUILDING = Lock()
"""One tree at a time for all visitors: the distances of 10,000 classes alone are 0.4 GB, and a link has many epochs."""


class Shown(NamedTuple):
    """A tree of a snapshot and its key in the caches, where no run of the home has such an id."""

    key: TreeKey
    h: Hierarchy


class Look(NamedTuple):
    """How the tree is looked at: groups of the cut, the class that was picked, side of the leaves, whether proposed names, support
    and pictures are shown, the tree beside."""

    groups: int
    picked: str | None
    side: Orientation
    names: bool
    support: bool
    pictures: bool
    other: Other | None


def tree_of(snapshot: Snapshot, run: Run, epoch: int) -> Shown:
    """The tree of one of a snapshot's runs at an epoch, by the rule that was shared; computed once.

    Raises:
        LwalError: There are no such vectors, or no tree of them.
    """
    spec = snapshot.spec.at(run.id, epoch)
    h = _hierarchy(snapshot.share.id, replace(spec, cut=None), run)
    return Shown(TreeKey(replace(spec, run=f"share {snapshot.share.id} {run.id}", cut=None), True, 0), h)


@st.cache_data(max_entries=200, show_spinner="Building the tree")
def _hierarchy(share_id: str, spec: TreeSpec, _run: Run) -> Hierarchy:
    with _BUILDING:
        return run_hierarchy(_run, spec)


def draw_tree(snapshot: Snapshot) -> None:
    """Draw the tree of a snapshot and its controls."""
    run = snapshot.run
    bar = st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="shared_bar")
    with errors_shown():
        with bar:
            epoch = _pick_epoch(snapshot)
        key, h = tree_of(snapshot, run, epoch)
    state = tree_state(key, h)
    h, key = h.turned(state.turned), key._replace(turned=state.turned)
    with bar:
        look = _pick_look(snapshot, h, epoch)
        st.button(
            "Reset view", key="shared_whole", disabled=not state.changed, on_click=whole_tree, args=(h,),
            help="Undo zooming in, collapsing, expanding and flipping.",
        )  # fmt: skip
    node = chosen_node(h, look.picked)
    part = drawn_part(h, state, DEFAULT_TIPS if h.n > MANY else None, node)
    named = _named(run, h)
    proposed = proposals(key.unturned, h, snapshot.taxonomy)
    to_show = {clade: name for clade, name in shown_names(proposed, h.n).items() if clade not in named}
    support = _support(snapshot, epoch, h) if look.support else None
    pictures = _pictures(snapshot.share.id, run.id, h.n, run) if look.pictures else None
    st.markdown(
        answer(key, h, look.groups, {**to_show, **named}), help=flat_help(key, h, run.config.method.equidistant_labels)
    )
    drawing = Drawing(
        cut=look.groups,
        groups=look.groups,
        orientation=look.side,
        zoom=state.zoom,
        closed=tuple(part.closed.tolist()),
        chosen=node,
        support=support and support.values,
        names=tuple(sorted(named.items())),
        proposed=tuple(to_show.items()) if look.names else (),
        pictures=1 if pictures else 0,
        title=finding(h, key),
        theme=theme(),
    )
    left, right = st.columns([3, 1], gap="medium")
    with left:
        figure(
            tree_figure(key, drawing, h, part, pictures),
            key=FIGURE,
            summary=f"Class tree of {snapshot.share.title} after epoch {epoch}: {counted(h.n, 'class', 'classes')}, "
            f"{counted(look.groups, 'group')}.",
            table=lambda: merges_table(h, named, proposed),
            on_select=lambda: pick_clicked(FIGURE, h, part),
        )
        if pictures and not any(pictures):
            st.caption(NO_PICTURES)
        if not part.is_whole:
            st.caption(shown_branches(h, part, named))
        if look.support:
            st.caption(support_note(support))
    with right:
        if node is not None:
            _draw_card(h, part, node, {**to_show, **named})
        if h.n > 1:
            draw_groups(key, h, look.groups, {**to_show, **named})
    if (other := look.other) is not None:
        with errors_shown(go_on=True):
            beside = tree_of(snapshot, other.run, other.epoch).h
            draw_pair(snapshot.share.title, epoch, h, other.title, beside, look.groups)


def _pick_epoch(snapshot: Snapshot) -> int:
    epochs = snapshot.run.label_epochs()
    shown = snapshot.spec.epoch
    if snapshot.spec.vectors == "confusion" or shown not in epochs or len(epochs) == 1:
        return shown
    known_choice(EPOCH, "Epoch", map(str, epochs))
    follow_default(EPOCH, shown)
    if st.session_state.get(EPOCH) not in (None, *epochs):
        st.session_state[EPOCH] = shown
    return int(st.select_slider("Epoch", epochs, shown, key=EPOCH, bind="query-params", width=260))


def _pick_look(snapshot: Snapshot, h: Hierarchy, epoch: int) -> Look:
    """The controls beside the epoch; what is seldom wanted is under *More*."""
    groups = groups_control(h.n, snapshot.spec.cut or h.default_groups, width=180) if h.n > 1 else 1
    if st.session_state.get(CLASS) not in h.names:
        st.session_state[CLASS] = None
    picked = st.selectbox(
        "Class", h.names, None, key=CLASS, bind="query-params", on_change=forget_clade, placeholder="Find a class", width=190,
    )  # fmt: skip
    sides: list[Orientation] = ["right", "left", "top", "bottom", "radial"]
    seeds = len(_seeds(snapshot))
    with st.popover("More", icon=":material/tune:"):
        side: Orientation = st.segmented_control(
            "Leaves", sides, format_func=SIDES.__getitem__, default="right", required=True, key="leaves",
            bind="query-params",
        ) or "right"  # fmt: skip
        names = st.toggle("Proposed names", True, key="clade_names", bind="query-params")
        support = seeds + 1 >= MIN_SEEDS and st.toggle(
            "Support over seeds", False, key="support", bind="query-params",
            help=f"Percent of {seeds} other seeds whose tree has the same clade.",
        )  # fmt: skip
        has_pictures = (snapshot.run.path / SAMPLES).is_file()
        pictures = has_pictures and st.toggle("Pictures of the classes", True, key="leaf_pictures", bind="query-params")
        other = pick_other(snapshot, epoch) if h.n > 2 else None
    return Look(groups, picked, side, names, support, pictures, other)


def _seeds(snapshot: Snapshot) -> list[Run]:
    """Runs of the snapshot that differ from the shown one in the seed alone, one a seed."""
    run = snapshot.run
    seeds = {each.config.training.seed: each for each in snapshot.beside if each.group == run.group}
    return [each for seed, each in seeds.items() if seed != run.config.training.seed]


def _support(snapshot: Snapshot, epoch: int, h: Hierarchy) -> SeedSupport | None:
    """Share of the other seeds whose tree has each clade; None for too few seeds with labels of this epoch."""
    trees = []
    for each in _seeds(snapshot):
        try:
            trees.append(tree_of(snapshot, each, epoch).h)
        except LwalError:
            continue
    return support_of(h, trees, "exact")


def _named(run: Run, h: Hierarchy) -> dict[int, str]:
    try:
        return names_of_nodes(h, read_annotations(run.path))
    except LwalError:
        return {}


@st.cache_data(max_entries=50, show_spinner=False)
def _pictures(share_id: str, run_id: str, count: int, _run: Run) -> tuple[str, ...]:
    return pictures_of(_run.samples(), count)


def _draw_card(h: Hierarchy, part: TreePart, node: int, names: dict[int, str]) -> None:
    """What was picked: a class with its nearest ones, or a clade with its classes, and what can be done with it."""
    with st.container(border=True):
        if node < h.n:
            st.markdown(f"{marked(class_color(node), class_symbol(node))} **{shortened(h.names[node])}**")
            near, away = h.nearest(node, 3)
            rows = zip(near.tolist(), away.tolist(), strict=True)
            st.caption("Nearest: " + ", ".join(f"{shortened(h.names[i])} ({format_number(d)})" for i, d in rows))
        else:
            members = [h.names[i] for i in h.members(node)]
            st.markdown(f"**{plain(names.get(node, counted(len(members), 'class', 'classes')))}**")
            st.caption(f"{listed(members, MOST_MEMBERS)}; joined at {format_number(float(h.linkage[node - h.n, 2]))}")
        with st.container(horizontal=True, gap="xsmall"):
            if h.parents[node] >= 0:
                st.button("Up", key="shared_up", on_click=pick_node, args=(h, int(h.parents[node])))
            if node >= h.n:
                closed = node in part.closed
                st.button(
                    "Expand" if closed else "Collapse", key="shared_fold", on_click=open_clade if closed else close_clade, args=(h, node),
                )  # fmt: skip
                st.button("Zoom in", key="shared_zoom", on_click=zoom_to, args=(h, node))
                st.button("Flip", key="shared_flip", on_click=turn, args=(h, node))
