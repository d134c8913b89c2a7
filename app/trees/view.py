"""Trees page: choice of two trees, tanglegram, cards."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import streamlit as st

from app.common import address, run_cache
from app.common.selection import RUN, Selection, choice_title, known_run, run_choices
from app.common.widgets import AS_ON_SCREEN
from app.common.wording import counted, listed, plain
from app.tree.stats import tree_key
from app.tree.toolbar import (
    OTHER_WIDTHS,
    distance_control,
    known_tree_choices,
    linkage_control,
    vectors_control,
    widths_that_differ,
)
from app.trees.clade_scores import clades_csv
from app.trees.folding import Folds, Side, swap_folds
from app.trees.moved import moved_csv
from app.trees.pair import Key, Pair, TaxonomyKey, taxonomies
from app.trees.stats import MISPLACED, misplaced_csv, misplaced_table, scores, scores_csv
from app.trees.text import finding, group_lines
from lwal_core.analysis.base.formatting import format_number
from lwal_core.analysis.trees import UNTANGLE_METHODS
from lwal_core.export.tree_files import TREE_FORMATS
from lwal_core.figures.palette import Theme
from lwal_core.glossary import explained
from lwal_core.results.run_tree import tree_caption
from lwal_core.results.tree_spec import (
    CONFUSION_RULE,
    DISTANCE_TITLES,
    LINKAGE_TITLES,
    VECTORS_TITLES,
    TreeSpec,
    allowed_linkage,
    confusion_epoch,
)
from lwal_core.runs import Run, RunSummary, VectorSource, one_per_seed, open_run
from lwal_core.taxonomy.proposal import PROPOSED
from lwal_core.taxonomy.store import find_taxonomy

if TYPE_CHECKING:
    import plotly.graph_objects as go

IN_SIGHT = ("Mean best match", "Baker's gamma")
"""Scores that are not folded."""
GROUPS = "trees_groups"
"""Session key of the number of groups. Not that of the Hierarchy page: two trees need not have the same cuts."""
PARTS = ("tree", "epoch", "vectors", "linkage", "distance")
"""What is chosen on each side; the session keys are ``left_tree``, ``right_epoch`` and so on."""
TAXONOMY = "taxonomy:"

_IN_ADDRESS = {
    "vectors": VECTORS_TITLES.__getitem__,
    "linkage": LINKAGE_TITLES.__getitem__,
    "distance": DISTANCE_TITLES.__getitem__,
}

UNTANGLING = {
    "step2side": "Turn both trees",
    "step1side": "Turn the left tree",
    "labels": "Turn the right tree",
    "ladderize": "Larger groups on top",
    "none": "As they are",
}


class Options(NamedTuple):
    """Everything that can be a side: runs by id, and titles of these and of taxonomies, in the order of the list."""

    runs: dict[str, RunSummary]
    titles: dict[str, str]


def tree_options(chosen: Selection) -> Options:
    """Runs of the selection and the taxonomies that fit their classes."""
    runs = {run.id: run for run in chosen.runs()}
    titles = run_choices(list(runs.values()))
    for name, title in taxonomies(list(runs.values())).items():
        titles[TAXONOMY + name] = choice_title(f"{title} (reference taxonomy)")
    return Options(runs, titles)


def prepare_sides(options: Options, chosen: Selection) -> None:
    """Put the trees of the address, or the default ones, into the session before the widgets are drawn."""
    for side in ("left", "right"):
        wanted: str | None = next(iter(address.asked(side)), None)
        if wanted and wanted not in options.titles:
            known_run(side, wanted)
            title = f"The tree {plain(wanted.removeprefix(TAXONOMY)[:80])} is not here"
            text = "The address asks for it: a taxonomy that does not fit these classes, or a run without labels."
            address.not_here(title, text, [side])
        wanted = wanted or st.session_state.get(f"{side}_tree")
        if wanted not in options.titles:
            wanted = _default_left(options) if side == "left" else _default_right(options, chosen)
        st.session_state[f"{side}_tree"] = wanted


def _default_left(options: Options) -> str:
    """A run with learned labels: the one that the other pages show, if it is one."""
    runs = options.runs
    shown = runs.get(st.session_state.get(RUN) or st.query_params.get("run", ""))
    if shown is not None and not shown.is_baseline:
        return shown.id
    return next((run.id for run in runs.values() if not run.is_baseline), next(iter(runs)))


def _default_right(options: Options, chosen: Selection) -> str:
    """The baseline's run with the seed of the left one; else any other run on the same data, a taxonomy, the same run."""
    left = options.runs.get(st.session_state["left_tree"])
    if left is None:
        return next(iter(options.runs))
    baseline = one_per_seed(chosen.baseline.runs) if chosen.baseline else []
    others = [*baseline, *options.runs.values()]
    fitting = [run.id for run in others if run.id != left.id and run.id in options.runs and run.data == left.data]
    fitting.sort(key=lambda id_: options.runs[id_].seed != left.seed)
    reference = [key for key in options.titles if key.startswith(TAXONOMY)]
    return [*fitting, *reference, left.id][0]


def swap() -> None:
    """Callback: what was left is right."""
    swap_folds()
    state = st.session_state
    for part in PARTS:
        values = {side: state[f"{side}_{part}"] for side in ("left", "right") if f"{side}_{part}" in state}
        for side, other in (("left", "right"), ("right", "left")):
            if other in values:
                state[f"{side}_{part}"] = values[other]
                if part != "tree" and side not in values:
                    # The widget is not there yet and would not tell the address of a value that it begins with.
                    st.query_params[f"{side}_{part}"] = _IN_ADDRESS.get(part, str)(values[other])
            else:
                state.pop(f"{side}_{part}", None)


def known_sides() -> None:
    """End the page with a message when the address asks for an option of a side that does not exist: inside the popover of
    :func:`draw_side` nobody would see it."""
    for side in ("left", "right"):
        choice = st.session_state[f"{side}_tree"]
        if choice.startswith(TAXONOMY):
            continue
        epochs = open_run(choice).label_epochs()
        if len(epochs) > 1:
            address.known_choice(f"{side}_epoch", "Epoch", map(str, epochs))
        known_tree_choices(side)


def draw_side(side: Side, options: Options) -> Key | None:
    """The widgets of one side, in its popover; None when its run has no labels yet."""
    choice = st.selectbox(
        "Left tree" if side == "left" else "Right tree",
        list(options.titles),
        format_func=lambda key: options.titles.get(key) or key,
        key=f"{side}_tree",
        persist_state="session",
    )
    address.write(**{side: choice})
    if choice.startswith(TAXONOMY):
        if choice.removeprefix(TAXONOMY) == PROPOSED:
            st.caption(
                "WordNet 3.0, with what the other side's class names mean as guessed; *Hierarchy* shows the senses."
            )
            return TaxonomyKey(PROPOSED)
        taxonomy = find_taxonomy(choice.removeprefix(TAXONOMY))
        st.caption(plain(taxonomy.source))
        return TaxonomyKey(taxonomy.name, run_cache.taxonomy_digest(taxonomy))
    run = open_run(choice)
    epochs = run.label_epochs()
    if not epochs and run.sources(confusion=True) == ("confusion",):
        epochs = [confusion_epoch(run)]
    if not epochs:
        st.caption("This run has no labels yet; the first are written before the first epoch.")
        return None
    epoch = _epoch(side, run, epochs)
    default: VectorSource | None = "features" if sides_widths(options) else None
    vectors = vectors_control(f"{side}_vectors", run.sources(confusion=True), default)
    linkage = linkage_control(f"{side}_linkage")
    distance = distance_control(f"{side}_distance")
    distance = vectors if vectors == "confusion" else distance
    allowed = allowed_linkage(linkage, distance)
    if allowed != linkage:
        st.caption(f"{LINKAGE_TITLES[linkage]} linkage needs Euclidean distances, so this is {allowed} linkage.")
    spec = TreeSpec.of(run, epoch, vectors, allowed, distance)
    if vectors == "confusion":
        st.caption(f"Its confusion matrix is that of epoch {spec.epoch}. Distances are {CONFUSION_RULE}.")
    return tree_key(spec)


def sides_widths(options: Options) -> str:
    """Widths of the outputs of the two runs where they differ and features are compared at first; empty otherwise."""
    runs = [options.runs.get(st.session_state.get(f"{side}_tree", "")) for side in ("left", "right")]
    return widths_that_differ([run for run in runs if run is not None]) if None not in runs else ""


def _epoch(side: Side, run: Run, epochs: list[int]) -> int:
    if len(epochs) == 1:
        return epochs[0]
    key = f"{side}_epoch"
    # The same run on both sides: how training changed it.
    again = side == "right" and st.session_state.get("left_tree") == run.id
    at_first = epochs[0] if again else epochs[-1]
    address.known_choice(key, "Epoch", map(str, epochs))
    address.follow_default(key, at_first)
    if key in st.session_state and st.session_state[key] not in epochs:
        st.session_state[key] = at_first
    return int(
        st.select_slider(
            f"{side.capitalize()} epoch",
            epochs,
            at_first,
            key=key,
            bind="query-params",
            help="Epoch 0 is the untrained network.",
        )
    )


def pick_untangling() -> str:
    """How the branches are turned."""
    picked: str = st.selectbox(
        "Leaf order", UNTANGLE_METHODS, format_func=UNTANGLING.__getitem__, key="untangling", bind="query-params",
        width=210,
        help="Branches are turned so that fewer lines cross; the trees stay what they are. Turning both finds the "
        "levellest lines as a rule.",
    )  # fmt: skip
    return picked


def pick_groups(found: Pair) -> int | None:
    """The number of groups, among those into which both trees can be cut; None without one."""
    cuts = found.cuts
    if not cuts:
        return None
    if len(cuts) == 1:
        return cuts[0]

    def nearest(wanted: int) -> int:
        return min(cuts, key=lambda k: (abs(k - wanted), k))

    at_first = nearest(found.facing.left.default_groups)
    address.follow_default(GROUPS, at_first)
    wanted = st.session_state.get(GROUPS)
    if wanted is not None and wanted not in cuts:
        st.session_state[GROUPS] = nearest(wanted)
    return int(
        st.select_slider(
            "Groups", list(cuts), at_first, key=GROUPS, bind="query-params", width=220,
            help="Where both trees are cut. Only numbers that both offer: merges at one height cannot be cut apart.",
        )
    )  # fmt: skip


def summary(found: Pair, groups: int | None, shown: Folds | None = None) -> str:
    """What the figure shows, plain text."""
    text = f"{found.labels[0]} facing {found.labels[1]}: {counted(found.n, 'class', 'classes')} in both trees"
    if shown is not None and shown.folded:
        left, right = (len(part.tips) for part in shown.parts)
        text += f", drawn as {left:,} branches on the left and {right:,} on the right"
    return f"{text}, {groups} groups." if groups else f"{text}."


def draw_captions(found: Pair, left: Key, right: Key, options: Options) -> None:
    """What is compared where it is not what one would expect, and the classes left out."""
    widths = sides_widths(options)
    if widths and all(getattr(getattr(key, "spec", None), "vectors", "") == "features" for key in (left, right)):
        st.caption(OTHER_WIDTHS.format(widths=widths) + " *Left tree* and *Right tree* have the others.")
    for names, where in ((found.matched.only_left, "left"), (found.matched.only_right, "right")):
        if names:
            verb = "is" if len(names) == 1 else "are"
            st.caption(
                f"{counted(len(names), 'class', 'classes')} {verb} in the {where} tree only and left out: {listed(names)}."
            )
    if found.n > 2 and not found.cuts and not found.flat:
        st.caption("There is no number of groups that both trees can be cut into, so nothing is coloured.")


def draw_scores(found: Pair, groups: int | None) -> None:
    """The two scores that are in sight."""
    with st.container(horizontal=True):
        for row in scores(found, groups):
            if row.title in IN_SIGHT:
                st.metric(row.title, row.text, help=row.meaning, width="content")


def draw_all_scores(found: Pair, groups: int | None) -> None:
    """All scores with what each means, folded."""
    folded = st.expander(
        "All scores", icon=":material/scoreboard:", on_change="rerun", key="trees_scores", bind="query-params"
    )
    if not folded.open:
        return
    rows, facing = scores(found, groups), found.facing
    with folded:
        st.caption(
            f"Entanglement {format_number(facing.before)} before untangling, {format_number(facing.after)} after.",
            help=explained(
                "Cophenetic correlation", "Baker's gamma", "Robinson–Foulds distance", "Tanglegram", "Entanglement"
            ),
        )
        st.table(
            {
                "Score": [f"**{plain(row.title)}**" for row in rows],
                "Value": [plain(row.text) for row in rows],
                "What it says": [plain(row.meaning) for row in rows],
            },
            border="horizontal", hide_index=True, alt="Scores of how far the two trees agree",
        )  # fmt: skip


def draw_groups(found: Pair, groups: int) -> None:
    """Groups of one tree only; of those that both have, how many there are."""
    folded = st.expander(
        "Groups that differ", icon=":material/difference:", on_change="rerun", key="trees_differ", bind="query-params"
    )
    if not folded.open:
        return
    both = len(set.intersection(*map(set, found.groups(groups))))
    with folded:
        st.caption(f"{both:,} of {counted(groups, 'group')} {'is' if both == 1 else 'are'} in both trees.")
        for (title, lines), column in zip(group_lines(found, groups), st.columns(2, gap="large"), strict=True):
            column.markdown(f"**{title}**  \n" + "  \n".join(lines))


def draw_misplaced(found: Pair) -> None:
    """The classes that sit most differently."""
    defined = [p for p in found.placements if not math.isnan(p.tau)]
    st.caption(
        "How differently each class sits in the two trees.",
        help="Agreement is Kendall's tau-b between the heights at which a class is joined with each other class in the "
        "left tree and in the right tree: 1 when both put the same classes near it and far from it, 0 when unrelated, "
        "below 0 when reversed. Moved most against: the class whose height with it changes most, each height taken as "
        "a share of its tree's root.",
    )
    if not defined:
        why = "fewer than 3 classes" if found.n < 3 else "a tree joins every class with all others at one height"
        st.caption(f"Undefined ({why}).")
        return
    if min(p.tau for p in defined) >= 1:
        st.caption("None: every class has the others near it in the same order in both trees.")
        return
    st.dataframe(misplaced_table(found), hide_index=True, alt="The classes that sit most differently in the two trees")
    notes = []
    if len(defined) > MISPLACED:
        notes.append(f"The first {MISPLACED} of {len(defined):,}; the download has all.")
    if len(defined) < found.n:
        undefined = [found.names[p.index] for p in found.placements if math.isnan(p.tau)]
        notes.append(f"Undefined for {listed(undefined, 6)}: joined with all others at one height in one of the trees.")
    if notes:
        st.caption(" ".join(notes))


def download_entries(
    found: Pair, groups: int | None, draw: Callable[[Theme], go.Figure], shown: Folds | None = None, *,
    by_match: bool = False,
) -> list[Any]:  # fmt: skip
    """Files for :func:`app.common.widgets.downloads`; each is made when its button is pressed. ``draw`` draws the figure that
    is shown in a theme."""
    sides = [
        key.name if isinstance(key, TaxonomyKey) else f"{key.spec.run}-epoch-{key.spec.epoch:04d}" for key in found.keys
    ]
    stem = f"{sides[0]}-against-{sides[1]}"
    at_cut = f"-{groups}-groups" if groups else ""
    pictures = [
        (
            TREE_FORMATS[kind].title, f"{stem}{at_cut}.{kind}", TREE_FORMATS[kind].media,
            partial(_picture, found, groups, kind, shown, by_match),
        )
        for kind in ("svg", "png", "pdf")
    ]  # fmt: skip

    def page() -> bytes:
        from lwal_core.export.figure_page import figure_page

        return figure_page(
            draw,
            title=finding(found) or "Two class trees",
            summary=summary(found, groups, shown),
            caption=picture_caption(found),
        )

    return [
        *pictures,
        (AS_ON_SCREEN, f"{stem}{at_cut}.html", "text/html", page),
        ("Scores, CSV", f"{stem}-scores.csv", "text/csv", lambda: scores_csv(found, groups)),
        ("Clades and their best matches, CSV", f"{stem}-clades.csv", "text/csv", lambda: clades_csv(found)),
        ("What moved where, CSV", f"{stem}-moved.csv", "text/csv", lambda: moved_csv(found)),
        ("Misplaced classes, CSV", f"{stem}-misplaced.csv", "text/csv", lambda: misplaced_csv(found)),
    ]


def _picture(found: Pair, groups: int | None, format: str, shown: Folds | None, by_match: bool) -> bytes:
    # Drawing loads matplotlib, which nothing else on the page needs.
    from lwal_core.export.pictures.tanglegram import tanglegram_bytes

    facing = found.facing
    return tanglegram_bytes(
        facing.left, facing.right, cast(Any, format), groups=groups, labels=found.labels, caption=picture_caption(found),
        parts=shown and shown.parts, alike=found.alike if by_match else None,
    )  # fmt: skip


def picture_caption(found: Pair) -> str:
    """What lets a reader make both trees again, one line per side, plain text."""
    lines = []
    for side, key, h in zip(("Left", "Right"), found.keys, (found.facing.left, found.facing.right), strict=True):
        if isinstance(key, TaxonomyKey):
            taxonomy = find_taxonomy(key.name, h.names)
            lines.append(f"{side}: {taxonomy.title} over {counted(h.n, 'class', 'classes')}. {taxonomy.source}")
        else:
            lines.append(f"{side}: {tree_caption(open_run(key.spec.run), key.spec)}")
    return "\n".join(lines)
