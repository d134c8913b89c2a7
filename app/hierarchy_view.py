"""What the Hierarchy page draws: the tree with its groups marked, what was picked in it, and the cards around it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, cast

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
    short,
)
from app.widgets import figure, plain, theme
from lwal_core.analysis.formatting import format_number
from lwal_core.analysis.hierarchy import EUCLIDEAN_METHODS, METHODS, METRICS, Hierarchy
from lwal_core.errors import LwalError
from lwal_core.export.newick import safe_ids
from lwal_core.export.tables import table_csv
from lwal_core.export.tree_files import TREE_FORMATS, tree_file
from lwal_core.figures import confusion_heatmap, dendrogram_figure, distance_heatmap
from lwal_core.figures.dendrogram import Orientation
from lwal_core.figures.palette import SHAPES, Theme, class_color, class_symbol, neutral
from lwal_core.runs import SOURCE_TITLES, Run, VectorSource
from lwal_core.views import tree_caption

if TYPE_CHECKING:
    import plotly.graph_objects as go
    from streamlit.delta_generator import DeltaGenerator

Entry = tuple[str, str, str, Callable[[], bytes]]

CLASS, CLADE, GROUPS = "tree_class", "hierarchy_clade", "groups"
"""Session keys: the class picked by its name, the names of the clade clicked on, the number of groups."""

SIDES: dict[Orientation, str] = {"right": "On the right", "left": "On the left", "top": "On top", "bottom": "Below"}

HEATMAP_HEIGHT = 540  # px
ROOMY, ROOMY_HEIGHT = 16, 480
"""A tree of so few classes gets this height in px: lines as far apart as a short list has them."""

GLYPHS = dict(zip(SHAPES, "●■◆▲✚★⬢▼✖⬟", strict=True))


class Options(NamedTuple):
    """What the toolbar says; ``method`` is a linkage that the distance allows, ``optimal`` is about the leaf order."""

    source: VectorSource
    method: str
    metric: str
    orientation: Orientation
    optimal: bool
    support: bool
    groups: int


def draw_toolbar(n: int) -> tuple[DeltaGenerator, Options]:
    """The options of the tree of ``n`` classes, all in the address; returns the toolbar so that more can go into it."""
    bar = st.container(horizontal=True, vertical_alignment="bottom", gap="xsmall")
    with bar:
        source = st.segmented_control(
            "Vectors", list(SOURCE_TITLES), format_func=SOURCE_TITLES.__getitem__, default="centroids", required=True,
            key="tree_vectors", bind="query-params",
            help="Class means: the mean embedding of each class's training samples. Label table: what the loss pulls "
            "towards; one-hot's never changes.",
        )  # fmt: skip
        linkage = st.selectbox(
            "Linkage", METHODS, METHODS.index("average"), key="linkage", bind="query-params", width=132,
            format_func=str.capitalize,
            help="How far apart two groups are: by their nearest classes (single), their farthest (complete), all "
            "pairs (average, weighted), or by how much joining them spreads them (ward). Ward, centroid and median "
            "need Euclidean distances.",
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
                "Leaves", list(SIDES), format_func=SIDES.__getitem__, default="right", required=True,
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
    return bar, Options(cast(VectorSource, source), method, metric, orientation, optimal, support, count)


@st.cache_resource(max_entries=60, show_spinner=False)
def tree_figure(
    key: TreeKey,
    _h: Hierarchy,
    count: int | None,
    orientation: Orientation,
    node: int | None,
    support: tuple[float, ...] | None,
    title: str | None,
    look: Theme,
) -> go.Figure:
    """The dendrogram, its groups marked where the cut meets them (None: no cut), and the chosen node; shared: never
    change it."""
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

    at = math.nan if count is None else h.height_for(count)
    if count is not None and 1 < count <= LISTED_GROUPS and not math.isnan(at):
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
            title.markdown(f"{_mark(class_color(node), class_symbol(node))} **{short(h.names[node])}**")
            others, away = h.nearest(node)
            near = ", ".join(
                f"{short(h.names[i])}: {format_number(d)}" for i, d in zip(others.tolist(), away.tolist(), strict=True)
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
    limit = max(4, 60 // len(found))
    for group in found[:LISTED_GROUPS]:
        size = f" ({len(group.members):,})" if len(group.members) > 1 else ""
        lines.append(f"{_mark(group.color, group.symbol)} {listed([h.names[i] for i in group.members], limit)}{size}")
    if len(found) > LISTED_GROUPS:
        lines.append(f"and {len(found) - LISTED_GROUPS:,} more groups; the download lists all of them")
    st.markdown("  \n".join(lines))


def draw_facts(key: TreeKey, h: Hierarchy) -> None:
    """Nearest pairs, how faithful the tree is, where a cut suggests itself."""
    known = facts(key, h)
    st.markdown("##### Nearest classes")
    names = [(short(h.names[i]), short(h.names[j]), format_number(d)) for i, j, d in known.pairs]
    st.markdown("  \n".join(f"{a} and {b}: {d}" for a, b, d in names))
    st.markdown("##### How faithful is the tree?")
    why = "all merges are at one height" if h.n > 2 else "fewer than 3 classes"
    st.markdown(
        f"Cophenetic correlation {format_number(known.faithfulness, reason=why)}",
        help="Correlation, over all pairs of classes, of their distance with the height at which the tree joins them. "
        "At 1 the tree says all that the distances say; well below 1, read the distances rather than the tree.",
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
        f"{counted(found.defined, 'class', 'classes')}. Ceiling: the most that distances without ties can reach. p: "
        f"how often shuffled classes agree as well. The linkage has no part in it. {plain(found.source)}{left_out}",
    )
    total = len(found.found) + len(found.missing)
    if total:
        verb = "is a clade" if len(found.found) == 1 else "are clades"
        text = f"{len(found.found)} of its {counted(total, 'group')} {verb} of this tree"
        st.markdown(f"{text}: {listed([name for name, _ in found.found], 8)}." if found.found else f"{text}.")
    if found.missing:
        texts = [f"{plain(name)} ({listed(members, 4)})" for name, members in found.missing[:4]]
        more = f" and {len(found.missing) - 4:,} more" if len(found.missing) > 4 else ""
        st.caption(f"Not here: {', '.join(texts)}{more}.")


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
        figure(distance_heatmap(h, theme=theme(), height=HEATMAP_HEIGHT), key="tree_distances", summary=summary)
    with right:
        try:
            epoch, confusion = cache.confusion(run)
            fig = confusion_heatmap(confusion, h.names, h.order, theme=theme(), height=HEATMAP_HEIGHT)
        except LwalError as error:
            st.caption(plain(str(error)))
            return
        st.markdown(f"###### Mistakes on the test set after epoch {epoch}")
        summary = f"Which of {h.n} classes are taken for which, in the order of the leaves."
        figure(fig, key="tree_confusion", summary=summary)
