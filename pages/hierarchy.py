"""Hierarchy: what groups do the classes form?"""

from collections.abc import Callable
from functools import partial
from typing import Any

import streamlit as st

from app.common import evaluation, run_cache
from app.common.pages import page_path
from app.common.selection import link_to_train, pick_run_and_epoch, selection
from app.common.widgets import empty_state, errors_shown, figure, question, theme
from app.common.wording import NO_PICTURES, counted, plain
from app.evidence.baseline_tree import baseline_run, draw_baseline_comparison
from app.evidence.consensus import ABOUT as ABOUT_CONSENSUS
from app.evidence.consensus import consensus_answer, consensus_of, consensus_table, consensus_view, pick_seeds
from app.evidence.summary import draw_summary
from app.evidence.view import draw_evidence
from app.hierarchy.downloads import PROPOSED_TOO, OnScreen, download_entries, draw_downloads, unlike_figure
from app.hierarchy.emergence import draw_emergence, film_groups
from app.hierarchy.mistakes import draw_mistakes
from app.hierarchy.own_columns import draw_your_columns
from app.hierarchy.references import draw_references
from app.taxonomy.picker import pick_taxonomy
from app.tree.chosen_node import (
    CLASS,
    chosen_node,
    draw_chosen,
    draw_notes,
    forget_clade,
    pick_clicked,
)
from app.tree.cut_menu import draw_cut_menu, draw_groups_menu, whole_tree_uncut
from app.tree.own_columns import own_look, with_order
from app.tree.shapes import leaving_shape, pick_shape_look, shape_figure
from app.tree.state import drawn_part, tree_state
from app.tree.stats import agreement, answer, finding, flat_help, groups, proposals, tree_key
from app.tree.support import support_by_seeds, support_note
from app.tree.toolbar import draw_toolbar
from app.tree.view import (
    Drawing,
    draw_groups,
    merges_table,
    shown_branches,
    tree_figure,
)
from lwal_core.analysis.hierarchy.subtree import tree_part
from lwal_core.analysis.trees import Consensus
from lwal_core.analysis.trees.clade_names import shown_names
from lwal_core.errors import LwalError
from lwal_core.figures.palette import Theme
from lwal_core.results.cuts import groups_at
from lwal_core.results.run_tree import named_taxonomy, names_of_nodes
from lwal_core.security.redact import for_others

TREE, ALL_SEEDS = "hierarchy_tree", "hierarchy_consensus"  # the tree of one seed, what all of them agree on

chosen = selection()
place_of_answer = question("What groups do the classes form?")
if not chosen.runs():
    empty_state(
        "No tree yet",
        f"The class tree of a run would be here. {link_to_train()}",
        page=page_path("train"),
        action="Train a run",
        icon=":material/account_tree:",
    )
    st.stop()
run, epoch = pick_run_and_epoch(confusion=True)

n = len(run.class_names)
toolbar, options = draw_toolbar(run, epoch)
with toolbar.seeds:
    everyone = pick_seeds(chosen, run) and n > 2  # two classes have one tree
with errors_shown():
    straight = run_cache.hierarchy(options.spec, optimal=options.optimal)
key = tree_key(options.spec, optimal=options.optimal)
state = tree_state(key, straight)
own = own_look(run, options.own)
turned = with_order(straight, own, state.turned)
h = straight.turned(turned)
turned_key = key._replace(turned=turned)
cut, menu = draw_cut_menu(toolbar.cut, key, h, state)
try:
    notes = run_cache.notes(run)
except LwalError as error:
    st.warning(plain(str(error)), icon=":material/edit_off:")
    notes = {}
named = names_of_nodes(h, notes)
if state.changed:
    toolbar.whole.button(
        "Reset view", key="tree_whole", on_click=whole_tree_uncut, args=(h,),
        help="Undo zooming in, collapsing, expanding, flipping and cuts by hand.",
    )  # fmt: skip
with toolbar.find:
    if st.session_state.get(CLASS) not in h.names:
        st.session_state[CLASS] = None
    picked = st.selectbox(
        "Class",
        h.names,
        None,
        key=CLASS,
        bind="query-params",
        on_change=forget_clade,
        placeholder="Find a class",
        width=190,
        help="Its nearest classes and its way up the tree. A click on a leaf or merge in the figure does the same.",
    )
node = chosen_node(h, picked)
part = drawn_part(h, state, options.tips, node)
left, right = st.columns([2, 1], gap="medium")
place_of_figure, cards, place_of_summary = left.container(), right.container(), right.container()
with errors_shown(), toolbar.more:
    taxonomy = pick_taxonomy(h.names, named_taxonomy(run))
proposed = proposals(key, straight, taxonomy)
to_show = {clade: name for clade, name in shown_names(proposed, n).items() if clade not in named}
draw_groups_menu(
    menu, run, h, cut, groups_at(h, cut.at, {**to_show, **named}), f"{options.spec.vectors_title} after epoch {options.spec.epoch}. "
    f"{options.spec.rule}",
)  # fmt: skip
consensus = consensus_of(chosen, run, key, straight) if everyone else None
answered = answer(turned_key, h, cut.at, {**to_show, **named})
if isinstance(consensus, Consensus):
    answered = consensus_answer(consensus, n)
place_of_answer.markdown(answered, help=flat_help(key, h, run.config.method.equidistant_labels))
with place_of_figure:
    if isinstance(consensus, str):
        st.caption(consensus)
    if state.lost:
        st.caption(f"{counted(state.lost, 'clade')} that you opened, closed or turned is none of this tree's.")
    support = support_by_seeds(chosen, run, key, straight) if options.support else None
    if own.problem:
        st.caption(own.problem)
    pictures = evaluation.class_pictures(run) if options.pictures else None
    drawing = Drawing(
        cut=cut.at,
        groups=cut.groups,
        orientation=options.side,
        zoom=state.zoom,
        closed=tuple(part.closed.tolist()),
        chosen=node,
        support=support and support.values,
        names=tuple(sorted(named.items())),
        proposed=tuple(to_show.items()) if options.names else (),
        own=own.key,
        pictures=evaluation.thumbnails_stamp(run) if pictures else 0,
        theme=theme(),
    )
    summary = f"Class tree of {for_others(run.name)}, {options.spec.vectors_title.lower()} after epoch {options.spec.epoch}: {n} classes, "
    summary += f"{counted(cut.groups, 'group')}."
    of_all: Callable[[Theme], Any] | None = None
    shape = None
    if isinstance(consensus, Consensus):
        whole = consensus.hierarchy(h.names)
        summary = f"Majority-rule consensus of {consensus.trees} trees. {answered}"
        of_all = partial(consensus_view, consensus, whole, h, groups(turned_key, h, cut.at), node, pictures)
        figure(
            of_all(theme()),
            key=ALL_SEEDS,
            summary=summary,
            table=partial(consensus_table, consensus, whole),
            on_select=partial(pick_clicked, ALL_SEEDS, whole, tree_part(whole)),
        )
        st.caption(ABOUT_CONSENSUS.format(trees=consensus.trees))
    else:
        shape = pick_shape_look(run, h, options.shape, own.strips) if options.shape else None
        figure(
            tree_figure(turned_key, drawing, h, part, pictures, own.strips, own.looks)
            if shape is None
            else shape_figure(turned_key, drawing, shape.key, shape, h, part),
            key=TREE,
            summary=summary,
            table=lambda: merges_table(h, named, proposed),
            on_select=lambda: pick_clicked(TREE, h, part),
        )
    if pictures and not any(pictures):
        st.caption(NO_PICTURES)
    if not part.is_whole and of_all is None:
        st.caption(shown_branches(h, part, named))
    if options.support and of_all is None:
        st.caption(support_note(support))
with toolbar.downloads:
    unlike = unlike_figure(options.side, pictures=bool(pictures and any(pictures)), support=bool(support))
    asked = bool(st.session_state.get(PROPOSED_TOO))
    own_leaving = own.redacted()
    leaving = drawing._replace(
        title=finding(h, key),
        own=own_leaving.key,
        names=tuple((clade, for_others(name)) for clade, name in drawing.names),
        proposed=tuple((clade, for_others(name)) for clade, name in to_show.items()) if asked else (),
    )

    def of_one(look: Theme) -> Any:
        return tree_figure(
            turned_key, leaving._replace(theme=look), h, part, pictures, own_leaving.strips, own_leaving.looks
        )

    draw: Callable[[Theme], Any] = of_one
    if of_all is not None:
        draw, unlike = of_all, "the tree of this seed"
    elif shape is not None:
        draw, unlike = partial(leaving_shape, turned_key, leaving, shape, h, part), "drawn as a tree"
    screen = OnScreen(
        part,
        draw,
        summary,
        unlike,
        own.columns,
        own.strips,
        own.looks,
    )
    by_seeds = partial(support_by_seeds, chosen, run, key, straight)
    names = {**to_show, **named} if asked else named
    draw_downloads(download_entries(run, h, key, cut, names, chosen.runs(), by_seeds, screen))
with cards:
    if node is not None:
        if not any(part.shows[step] for step in h.path_to_root(node)):
            st.caption("What you picked lies outside the clade that is drawn.")
        draw_chosen(run, h, part, node, notes, named, proposed, cut.at, support)
    if n > 1:
        draw_groups(turned_key, h, cut.at, {**to_show, **named})

of_vectors = options.spec.vectors != "confusion"  # of which every epoch has some
if of_vectors:
    film = st.expander(
        "How the tree emerged", icon=":material/movie:", on_change="rerun", key="tree_film_open", bind="query-params"
    )
    if film.open:
        with film, errors_shown(go_on=True):
            draw_emergence(run, key, film_groups(h, cut), taxonomy)
else:
    st.caption("How the tree emerged and whether it is real are told of class means and label tables.")
if notes:
    folded = st.expander(
        f"Named clades ({len(notes):,})", icon=":material/edit_note:", on_change="rerun", key="tree_notes"
    )
    if folded.open:
        with folded:
            draw_notes(h, notes)
draw_your_columns(run)
folded = st.expander(
    "Distances and mistakes", icon=":material/grid_on:", on_change="rerun", key="tree_heat", bind="query-params"
)
if folded.open:
    with folded:
        draw_mistakes(run, h, turned_key, cut.at, chosen, zoom=state.zoom, node=node, named=named, proposed=to_show)
beside = real = None
if of_vectors:
    beside = st.expander(
        "Beside the baseline", icon=":material/compare:", on_change="rerun", key="tree_beside", bind="query-params"
    )
if beside is not None and beside.open:
    with beside:
        other = baseline_run(chosen, run)
        if isinstance(other, str):
            st.markdown(other)
            st.page_link(page_path("train"), label="Train it", icon=":material/model_training:")
        else:
            try:
                draw_baseline_comparison(run, other, key, straight, cut, options.side)
            except LwalError as error:
                st.error(plain(str(error)), icon=":material/error:")

if of_vectors:
    real = st.expander(
        "Is it real?", icon=":material/verified:", on_change="rerun", key="tree_real", bind="query-params"
    )
    place_of_real = real.container()

others = st.expander(
    "Beside other references", icon=":material/balance:", on_change="rerun", key="tree_references", bind="query-params"
)
if others.open:
    with others, errors_shown(go_on=True):
        draw_references(key, straight)

# Last, because shuffling the classes of a large tree takes a moment the first time and nothing else should wait for it.
found = agreement(key, straight, taxonomy) if taxonomy else None
with place_of_summary:
    draw_summary(chosen, run, key, straight, taxonomy.title if taxonomy else None, found)
if real is not None and real.open:
    with place_of_real:
        draw_evidence(chosen, run, key, straight, found)
