"""What the Hierarchy page draws: the tree with its groups marked, what was picked in it, and the cards around it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import streamlit as st

from app import cache
from app.hierarchy_facts import (
    LISTED_GROUPS,
    LISTED_NAMES,
    Agreement,
    TreeKey,
    agreement_numbers,
    counted,
    default_groups,
    facts,
    groups,
    joining_node,
    listed,
)
from app.selection import Selection
from app.widgets import figure, plain, theme
from lwal_core.analysis.formatting import format_number
from lwal_core.analysis.hierarchy import EUCLIDEAN_METHODS, METHODS, METRICS, Hierarchy
from lwal_core.analysis.trees import bakers_gamma, cophenetic_correlation, robinson_foulds
from lwal_core.errors import LwalError
from lwal_core.export.newick import safe_ids
from lwal_core.export.tables import table_csv
from lwal_core.export.tree_files import TREE_FORMATS, tree_file
from lwal_core.figures import confusion_heatmap, dendrogram_figure, distance_heatmap
from lwal_core.figures.dendrogram import Orientation
from lwal_core.figures.palette import SHAPES, Theme, class_color, class_symbol, neutral
from lwal_core.runs import SOURCE_TITLES, Run, RunSummary, VectorSource, one_per_seed, open_run
from lwal_core.views import tree_caption

if TYPE_CHECKING:
    import plotly.graph_objects as go
    from streamlit.delta_generator import DeltaGenerator

Entry = tuple[str, str, str, Callable[[], bytes]]

CLASS, CLADE, GROUPS = "tree_class", "hierarchy_clade", "groups"
"""Session keys: the class picked by its name, the names of the clade clicked on, the number of groups."""

SIDES: dict[str, str] = {"right": "On the right", "left": "On the left", "top": "On top", "bottom": "Below"}

ROOMY, ROOMY_HEIGHT = 16, 480
"""A tree of so few classes gets this height in px: lines as far apart as a short list has them."""

GLYPHS = dict(zip(SHAPES, "●■◆▲✚★⬢▼✖⬟", strict=True))


class Options(NamedTuple):
    """What the toolbar says: vectors, linkage (one that the distance allows), distance, side of the leaves, whether they
    are in the optimal order, whether to show support, number of groups."""

    source: VectorSource
    method: str
    metric: str
    orientation: Orientation
    optimal: bool
    support: bool
    count: int


def draw_toolbar(n: int) -> tuple[DeltaGenerator, Options]:
    """The options of the tree of ``n`` classes, all in the address; returns the toolbar so that more can go into it."""
    bar = st.container(horizontal=True, vertical_alignment="bottom", gap="xsmall")
    with bar:
        source = st.segmented_control(
            "Vectors", list(SOURCE_TITLES), format_func=SOURCE_TITLES.get, default="centroids", required=True,
            key="tree_vectors", bind="query-params",
            help="Class means: the mean embedding of each class's training samples. Label table: what the loss pulls "
            "towards; one-hot's never changes.",
        )  # fmt: skip
        linkage = st.selectbox(
            "Linkage", METHODS, METHODS.index("average"), key="linkage", bind="query-params", width=132,
            format_func=str.capitalize,
            help="How far apart two groups are: by their nearest classes (single), their farthest (complete), all pairs "
            "(average, weighted), or by how much joining them spreads them (ward). Ward, centroid and median need "
            "Euclidean distances.",
        )  # fmt: skip
        metric = st.selectbox(
            "Distance", METRICS, key="tree_distance", bind="query-params", width=138, format_func=str.capitalize,
            help="Euclidean sees lengths and directions; cosine and correlation see directions only.",
        )  # fmt: skip
        if n > 1:
            # A widget must never hold a value out of its range; another run may have fewer classes.
            wanted = st.session_state.get(GROUPS) or default_groups(n)
            st.session_state[GROUPS] = min(max(int(wanted), 1), n)
            st.slider(
                "Groups", 1, n, key=GROUPS, bind="query-params", width=190,
                help="Where the tree is cut. Each group has its colour from the cut downwards.",
            )  # fmt: skip
        with st.popover("Layout", icon=":material/tune:"):
            orientation = st.segmented_control(
                "Leaves", list(SIDES), format_func=SIDES.get, default="right", required=True,
                key="leaves", bind="query-params",
            )  # fmt: skip
            optimal = st.toggle(
                "Neighbouring leaves as near as possible", True, key="leaf_order", bind="query-params",
                help="Turns branches so that neighbours in the list are near each other; the tree stays the same.",
            )  # fmt: skip
            support = st.toggle(
                "Support over seeds", False, key="support", bind="query-params",
                help="At each merge: in how many of the other seeds' trees the clade is there, too, in percent.",
            )  # fmt: skip
    method = linkage
    if linkage in EUCLIDEAN_METHODS and metric != "euclidean":
        method = "average"
        st.info(
            f"{linkage.capitalize()} linkage is defined for Euclidean distances only, so this is average linkage. "
            "Choose the Euclidean distance to have it.",
            icon=":material/info:",
        )
    count = int(st.session_state[GROUPS]) if n > 1 else 1
    return bar, Options(source or "centroids", method, metric, orientation or "right", optimal, support, count)


@st.cache_resource(max_entries=60, show_spinner=False)
def tree_figure(
    key: TreeKey,
    _h: Hierarchy,
    count: int,
    orientation: Orientation,
    node: int | None,
    support: tuple[float, ...] | None,
    title: str | None,
    look: Theme,
) -> go.Figure:
    """The dendrogram with its groups marked where the cut meets them, and the chosen node; shared: never change it."""
    h, ink = _h, neutral("ink", look)
    sideways = orientation in ("left", "right")
    height = ROOMY_HEIGHT if sideways and h.n <= ROOMY else None
    fig = dendrogram_figure(
        h, cut=count, orientation=orientation, theme=look, title=title, support=support, height=height
    )
    layout = h.layout()

    def add(nodes: Sequence[int], heights: Sequence[float], **more: Any) -> None:
        places = layout.place[list(nodes)].tolist()
        where = {"x": heights, "y": places} if sideways else {"x": places, "y": heights}
        custom = [[at, int(h.sizes[at])] for at in nodes]
        fig.add_scatter(mode="markers", customdata=custom, cliponaxis=False, **where, **more)

    at = h.height_for(count)
    if 1 < count <= LISTED_GROUPS and not math.isnan(at):
        marked = groups(key, h, count)
        marker = {"color": [g.color for g in marked], "symbol": [g.symbol for g in marked], "size": 9, "opacity": 1}
        add(
            [g.node for g in marked], [at] * count, name="groups", marker=marker, unselected_marker_opacity=1,
            hovertext=[f"{len(g.members):,} class{'es' if len(g.members) > 1 else ''} below the cut" for g in marked],
            hovertemplate="%{hovertext}<extra></extra>",
        )  # fmt: skip
    if node is not None:
        ring = {"color": ink, "symbol": "circle-open", "size": 16, "opacity": 1, "line": {"width": 2}}
        add(
            [node],
            [float(layout.height[node])],
            name="chosen",
            marker=ring,
            unselected_marker_opacity=1,
            hoverinfo="skip",
        )
    return fig


# --- what the reader picked ----------------------------------------------------------------------------------------


def forget_clade() -> None:
    """A class was picked by name, which takes the place of a clade that was clicked on."""
    st.session_state.pop(CLADE, None)


def _forget_both() -> None:
    st.session_state.pop(CLADE, None)
    st.session_state[CLASS] = None


def pick_clicked(chart: str, h: Hierarchy) -> None:
    """Keep what was clicked on in the figure, by the names of its classes: another epoch's tree has other nodes."""
    points = st.session_state[chart]["selection"]["points"]
    custom = points[0].get("customdata") if points else None
    if not custom:
        return
    node = int(custom[0])
    if not 0 <= node < 2 * h.n - 1:
        return
    if node < h.n:
        st.session_state[CLASS] = h.names[node]
        st.session_state.pop(CLADE, None)
    else:
        st.session_state[CLADE] = tuple(h.names[i] for i in h.members(node))
        st.session_state[CLASS] = None


def chosen_node(h: Hierarchy, class_name: str | None) -> int | None:
    """Node of the class or clade that was picked; the smallest clade that holds it when the tree has changed since."""
    index = {name: i for i, name in enumerate(h.names)}
    if class_name in index:
        return index[class_name]
    members = st.session_state.get(CLADE)
    if members and all(name in index for name in members):
        return joining_node(h, [index[name] for name in members])
    return None


# --- cards ---------------------------------------------------------------------------------------------------------


def draw_chosen(h: Hierarchy, node: int) -> None:
    """Members, height and size of a merge, or the nearest classes of a class and its way up to the root."""
    with st.container(border=True):
        head = st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center")
        title = head.empty()
        head.button(
            "", icon=":material/close:", help="Close", key="tree_forget", type="tertiary", on_click=_forget_both
        )
        if node < h.n:
            title.markdown(f"{_mark(class_color(node), class_symbol(node))} **{plain(h.names[node])}**")
            others, away = h.nearest(node)
            near = ", ".join(
                f"{plain(h.names[i])} {format_number(d)}" for i, d in zip(others.tolist(), away.tolist(), strict=True)
            )
            st.markdown(f"Nearest: {near}" if near else "There is no other class.")
            st.markdown("\n".join(_way_up(h, node)))
            return
        members = h.members(node).tolist()
        title.markdown(
            f"**{counted(len(members), 'class', 'classes')}, joined at {format_number(h.linkage[node - h.n, 2])}**"
        )
        st.markdown(listed([h.names[i] for i in members], 3 * LISTED_NAMES))
        before = st.session_state.get(CLADE) or ()
        if len(before) != len(members):
            st.caption(f"The {len(before)} classes that you picked are no clade of this tree; this one holds them all.")
        st.markdown("\n".join(_way_up(h, node)))


def _way_up(h: Hierarchy, node: int, most: int = 4) -> list[str]:
    """The next merges above a node, as a list."""
    lines: list[str] = []
    while (above := int(h.parents[node])) >= 0:
        if len(lines) == most:
            return [*lines, "- and so on up to all classes"]
        left, right = h.children[above - h.n].tolist()
        beside = h.members(right if left == node else left)
        height = format_number(h.linkage[above - h.n, 2])
        lines.append(f"- joins {listed([h.names[i] for i in beside], 4)} at {height}")
        node = above
    return lines


def _mark(color: str, symbol: str) -> str:
    return f':color[{GLYPHS[symbol]}]{{foreground="{color}"}}'


def draw_groups(key: TreeKey, h: Hierarchy, count: int) -> None:
    """The groups at the cut: colour, shape, members."""
    found = groups(key, h, count)
    st.markdown(f"##### {counted(len(found), 'group')}")
    lines = []
    for group in found[:LISTED_GROUPS]:
        size = f" ({len(group.members):,})" if len(group.members) > 1 else ""
        lines.append(f"{_mark(group.color, group.symbol)} {listed([h.names[i] for i in group.members])}{size}")
    if len(found) > LISTED_GROUPS:
        lines.append(f"and {len(found) - LISTED_GROUPS:,} more groups; the download lists all of them")
    st.markdown("  \n".join(lines))


def draw_facts(key: TreeKey, h: Hierarchy) -> None:
    """Nearest pairs, how faithful the tree is, where a cut suggests itself."""
    known = facts(key, h)
    st.markdown("##### Nearest classes")
    names = [(plain(h.names[i]), plain(h.names[j]), format_number(d)) for i, j, d in known.pairs]
    st.markdown("  \n".join(f"{a} and {b}: {d}" for a, b, d in names))
    st.markdown("##### How faithful is the tree?")
    why = "all merges are at one height" if h.n > 2 else "fewer than 3 classes"
    st.markdown(
        f"Cophenetic correlation {format_number(known.faithfulness, reason=why)}",
        help="Correlation, over all pairs of classes, of their distance with the height at which the tree joins them. At "
        "1 the tree says all that the distances say; well below 1, read the distances rather than the tree.",
    )
    if known.widest:
        st.caption(f"The widest gap between two merges is at {counted(known.widest, 'group')}.")
    if h.has_inversions:
        st.caption("Some merges lie below one of their parts (inversions), as this linkage allows; average has none.")


def draw_agreement(found: Agreement) -> None:
    """Score and groups of the reference taxonomy."""
    st.markdown(f"##### Against {plain(found.title)}")
    left_out = f" Not in it and left out: {listed(found.left_out)}." if found.left_out else ""
    st.markdown(
        agreement_numbers(found).capitalize()
        if found.defined
        else "Tau is undefined: for no class do the distances differ.",
        help="Tau: Kendall's tau-b between each class's distances here and its hops there, mean over "
        f"{counted(found.defined, 'class', 'classes')}. Ceiling: the most that distances without ties can reach. p: how "
        f"often shuffled classes agree as well. The linkage has no part in it. {plain(found.source)}{left_out}",
    )
    total = len(found.found) + len(found.missing)
    if total:
        verb = "is a clade" if len(found.found) == 1 else "are clades"
        text = f"{len(found.found)} of its {counted(total, 'group')} {verb} of this tree"
        st.markdown(f"{text}: {listed([name for name, _ in found.found], 8)}." if found.found else f"{text}.")
    if found.missing:
        missing = [f"{name} ({', '.join(members[:4])}{', …' * (len(members) > 4)})" for name, members in found.missing]
        st.caption(f"Not here: {listed(missing, 4)}.")


def merges_table(h: Hierarchy) -> dict[str, list[Any]]:
    """The numbers behind the dendrogram, highest merge first."""
    nodes = range(2 * h.n - 2, h.n - 1, -1)
    return {
        "Distance": [float(h.linkage[node - h.n, 2]) for node in nodes],
        "Classes": [int(h.sizes[node]) for node in nodes],
        "Joins": [h.clade_name(int(h.children[node - h.n, 0])) for node in nodes],
        "With": [h.clade_name(int(h.children[node - h.n, 1])) for node in nodes],
    }


def download_entries(run: Run, h: Hierarchy, key: TreeKey, count: int) -> list[Entry]:
    """Files of this tree for :func:`app.widgets.downloads`; each is made when its button is pressed."""
    vectors = "means" if key.source == "centroids" else "labels"
    stem = f"{run.id}-epoch-{key.epoch:04d}-{vectors}-{h.method}-{h.metric}"
    caption = tree_caption(run, h, key.epoch, key.source)

    def entry(text: str, format: str, ending: str = "", names: str = "strict") -> Entry:
        known = TREE_FORMATS[format]
        make = partial(tree_file, h, format, cut=count, caption=caption, newick_names=names)
        return text, f"{stem}{ending}.{known.suffix}", known.media, make

    def safe_names() -> bytes:
        return table_csv(["id", "class"], zip(safe_ids(h.names), h.names, strict=True)).encode()

    at_cut = f"-{count}-groups"
    entries = [entry(TREE_FORMATS[kind].title, kind, at_cut) for kind in ("svg", "png", "pdf")]
    if all(name.strip() for name in h.names):  # readers of Newick refuse blank names
        entries.append(entry("Newick, names as they are", "newick"))
    return [
        *entries,
        entry("Newick, safe names for R, ete, iTOL", "newick", "-safe", "safe"),
        ("Classes behind the safe names, CSV", f"{stem}-safe-names.csv", "text/csv", safe_names),
        entry("Merges of the tree, CSV", "linkage", "-merges"),
        entry("Distances between classes, CSV", "csv", "-distances"),
        entry("Groups at the cut, CSV", "groups", at_cut),
    ]


def draw_heatmaps(run: Run, h: Hierarchy) -> None:
    """Distances in leaf order, and beside them which classes the test set takes for which."""
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown("###### Distances, in the order of the leaves")
        summary = f"Distances between {h.n} classes in the order of the leaves; groups are blocks along the diagonal."
        figure(distance_heatmap(h, theme=theme()), key="tree_distances", summary=summary)
    with right:
        try:
            epoch, confusion = cache.confusion(run)
            fig = confusion_heatmap(confusion, h.names, h.order, theme=theme())
        except LwalError as error:
            st.caption(plain(str(error)))
            return
        st.markdown(f"###### Mistakes on the test set after epoch {epoch}")
        summary = f"Which of {h.n} classes are taken for which, in the order of the leaves."
        figure(fig, key="tree_confusion", summary=summary)


# --- beside the baseline ------------------------------------------------------------------------------------------


def baseline_run(chosen: Selection, run: Run) -> RunSummary | str:
    """The baseline's run with the same seed, or what to do to get one (markdown)."""
    if chosen.baseline is None or chosen.baseline.key == run.group:
        if run.config.method.name == "onehot":
            return "This run is the baseline itself. Pick a run with learned labels above."
        return (
            "There is no one-hot baseline here. Train one-hot with the same data and seed, or select it in the sidebar."
        )
    runs = one_per_seed(chosen.baseline.runs)
    seed = run.config.training.seed
    same = next((other for other in runs if other.seed == seed), None)
    if same is not None:
        return same
    title = plain(chosen.baseline.title)
    others = f"; it has {', '.join(str(other.seed) for other in runs)}" if runs else ""
    return f"The baseline, {title}, has no run with seed {seed}{others}. Train it with seed {seed} to compare."


def draw_beside(run: Run, other: RunSummary, key: TreeKey, h: Hierarchy, count: int, orientation: Orientation) -> None:
    """The tree of this run and the baseline's with the same options, three scores, and the groups that differ.

    Raises:
        LwalError: The baseline has no tree with these options.
    """
    baseline = open_run(other.id)
    epochs = baseline.label_epochs()
    if not epochs:
        st.info("The baseline's run has no labels yet.", icon=":material/hourglass_empty:")
        return
    epoch = min(epochs, key=lambda e: (abs(e - key.epoch), e))
    if epoch != key.epoch:
        st.caption(f"The baseline has no labels of epoch {key.epoch}; its epoch {epoch} is shown.")
    tree = cache.hierarchy(baseline, epoch, key.source, key.method, key.metric, optimal=key.optimal)
    if set(tree.names) != set(h.names):
        st.info("The two runs have other classes, so their trees do not compare.", icon=":material/info:")
        return
    other_key = key._replace(run_id=other.id, epoch=epoch, stamp=cache.label_stamp(other.id, epoch))
    labels = [run.config.method_label(), baseline.config.method_label()]
    if labels[0] == labels[1]:
        labels = [f"{labels[0]} (this run)", f"{labels[1]} (baseline)"]
    sides = zip(st.columns(2, gap="large"), labels, (key, other_key), (h, tree), ("this", "baseline"), strict=True)
    for column, label, its_key, its_tree, side in sides:
        with column:
            st.markdown(f"###### {plain(label)}, epoch {its_key.epoch}")
            fig = tree_figure(its_key, its_tree, count, orientation, None, None, None, theme())
            figure(
                fig, key=f"tree_beside_{side}", summary=f"Class tree of {label}, epoch {its_key.epoch}, {count} groups."
            )
    if baseline.config.method.name == "onehot" and key.source == "labels":
        st.info("One-hot labels are all equally far apart: there is no tree in them; look at the class means.")
    _draw_scores(h, tree)
    own, its = _named_groups(key, h, count), _named_groups(other_key, tree, count)
    for title, only in (
        ("In both trees", [g for g in own if g in its]),
        (f"Only {plain(labels[0])}", [g for g in own if g not in its]),
        (f"Only {plain(labels[1])}", [g for g in its if g not in own]),
    ):
        shown = " | ".join(listed(sorted(group)) for group in only[:LISTED_GROUPS]) or "none"
        more = f" | and {len(only) - LISTED_GROUPS:,} more" if len(only) > LISTED_GROUPS else ""
        st.markdown(f"**{title}** ({len(only):,}): {shown}{more}")


def _draw_scores(h: Hierarchy, tree: Hierarchy) -> None:
    index = {name: i for i, name in enumerate(h.names)}
    other = tree.linkage.copy()
    if tree.names != h.names:  # classes are matched by number
        same = np.array([index[name] for name in tree.names] + list(range(tree.n, 2 * tree.n - 1)), dtype=np.float64)
        other[:, :2] = same[other[:, :2].astype(np.intp)]
    why = "fewer than 3 classes" if h.n < 3 else "a tree joins all at one height"
    scores = (
        (
            "Cophenetic correlation", cophenetic_correlation(h.linkage, other),
            "Do both join the same pairs of classes at similar heights? 1: the same up to scale, 0: unrelated.",
        ),
        (
            "Baker's gamma", bakers_gamma(h.linkage, other),
            "Do both join the pairs in the same order, whatever the heights? 1: the same order, 0: unrelated.",
        ),
        (
            "Robinson–Foulds, normalised", robinson_foulds(h.linkage, other, normalized=True),
            "Share of the clades of both trees that only one of them has. 0: the same tree, 1: nothing in common.",
        ),
    )  # fmt: skip
    with st.grid(3) as grid:
        for title, value, meaning in scores:
            with grid.cell():
                st.metric(title, format_number(value, reason=why))
                st.caption(meaning)


def _named_groups(key: TreeKey, h: Hierarchy, count: int) -> list[frozenset[str]]:
    return [frozenset(h.names[i] for i in group.members) for group in groups(key, h, count)]
