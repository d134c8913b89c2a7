"""What the Embeddings page says and shows around the picture: options, the answer, how far to believe it, the class
card."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import orjson
import streamlit as st

from app.common import run_cache
from app.common.projections import Layouts, Nearness, QualityRequest, Request, Sampled, seconds_so_far, thumbnails
from app.common.widgets import plain
from app.tree.chosen_node import CLASS
from app.tree.stats import TreeKey, default_groups, groups, mark
from app.tree.toolbar import GROUPS, pick_vectors
from lwal_core.analysis.base.formatting import format_accuracy, format_number, format_percent, format_seconds
from lwal_core.analysis.hierarchy import EUCLIDEAN_METHODS, METRICS
from lwal_core.analysis.hierarchy import METHODS as LINKAGES
from lwal_core.analysis.projection import METHOD_NAMES, Projection, Quality
from lwal_core.errors import LwalError
from lwal_core.figures.palette import class_color, class_symbol
from lwal_core.runs import Run, VectorSource

if TYPE_CHECKING:
    from streamlit.delta_generator import DeltaGenerator

CHART = "embedding"
LISTED_CONFUSIONS = 3
METHODS = {"pca": "PCA", "umap": "UMAP", "mds": "MDS", "tsne": "t-SNE"}


class Options(NamedTuple):
    """What the toolbar says.

    Attributes:
        method: Projection.
        dimensions: 2 or 3.
        source: Class means or label table.
        group_count: Groups to colour by; 0 to colour by class.
        samples: Whether to show test samples.
        trails: Whether to show the way of each class.
        film: Whether all epochs play as a film.
        fit: Whether the axes fit this epoch rather than all.
        seed: Of the layout.
        params: Further parameters of the projection.
    """

    method: str
    dimensions: int
    source: VectorSource
    group_count: int
    samples: bool
    trails: bool
    film: bool
    fit: bool
    seed: int
    params: dict[str, Any]


def draw_toolbar(n: int) -> tuple[DeltaGenerator, Options]:
    """The options for ``n`` classes, all in the address; returns the toolbar so that more can go into it."""
    bar = st.container(horizontal=True, vertical_alignment="bottom", gap="xsmall")
    with bar:
        method = st.segmented_control(
            "Projection", list(METHODS), format_func=METHODS.__getitem__, default="pca", required=True,
            key="projection", bind="query-params",
            help="PCA: the directions in which the classes differ most; exact, and the same for all epochs. UMAP and t-SNE "
            "keep neighbourhoods, MDS keeps all distances as well as it can; they take a moment the first time.",
        ) or "pca"  # fmt: skip
        source = pick_vectors()
        color_by = st.segmented_control(
            "Colour by", ["Class", "Groups"], default="Class", required=True, key="colour", bind="query-params",
            help="Groups: the class tree of the Hierarchy page, cut into this many.",
        ) or "Class"  # fmt: skip
        if color_by == "Groups" and n > 1:
            # A widget must never hold a value out of its range; another run may have fewer classes.
            wanted = st.session_state.get(GROUPS) or default_groups(n)
            st.session_state[GROUPS] = min(max(int(wanted), 1), n)
            st.slider("Groups", 1, n, key=GROUPS, bind="query-params", width=160)
        film = st.toggle(
            "Film", key="film", bind="query-params",
            help="All epochs as a moving picture with play, pause and a slider, in one frame of reference.",
        )  # fmt: skip
        with st.popover("Show", icon=":material/layers:"):
            dimensions = (
                st.segmented_control(
                    "Dimensions", ["2-D", "3-D"], default="2-D", required=True, key="dimensions", bind="query-params"
                )
                or "2-D"
            )
            samples = st.toggle(
                "Test samples", key="cloud", bind="query-params",
                help="Embeddings of the test set after the best epoch, the only one whose embeddings are kept.",
            )  # fmt: skip
            trails = st.toggle(
                "Trails", key="trails", bind="query-params", help="The way of each class up to this epoch."
            )
            fit = st.toggle(
                "Fit the axes to this epoch", key="fit", bind="query-params",
                help="Otherwise all epochs are drawn to one scale, so that growth can be seen.",
            )  # fmt: skip
            params: dict[str, Any] = {}
            if method == "umap":
                params["n_neighbors"] = st.slider(
                    "UMAP: neighbours", 2, 50, 15, key="neighbours", bind="query-params",
                    help="Few show fine detail, many the large picture. Never more than there are other points.",
                )  # fmt: skip
                params["min_dist"] = st.slider(
                    "UMAP: least distance", 0.0, 0.99, 0.1, 0.01, key="least_distance", bind="query-params",
                    help="How tightly neighbours are packed.",
                )  # fmt: skip
            if method == "tsne":
                params["perplexity"] = st.slider(
                    "t-SNE: perplexity", 2, 50, 30, key="perplexity", bind="query-params",
                    help="About how many neighbours count. Never more than a third of the other points.",
                )  # fmt: skip
            seed = 0
            if method in ("umap", "tsne"):
                seed = st.number_input(
                    "Seed of the layout", 0, 2**32 - 1, 0, key="layout_seed", bind="query-params",
                    help="The same seed gives the same picture; try another to see what does not depend on chance.",
                )  # fmt: skip
    return bar, Options(
        method=method or "pca",
        dimensions=3 if dimensions == "3-D" else 2,
        source=source,
        group_count=int(st.session_state[GROUPS]) if color_by == "Groups" and n > 1 else 0,
        samples=samples,
        trails=trails,
        film=film,
        fit=fit,
        seed=int(seed or 0),
        params=params,
    )


class Looks(NamedTuple):
    """Colour and shape of each class; ``groups [C]`` from 0 and how they came about when the colours are those of
    groups."""

    colors: tuple[str, ...]
    symbols: tuple[str, ...]
    groups: np.ndarray | None
    how: str


def appearance(run: Run, epoch: int, options: Options) -> Looks:
    """Colours by class, or by the groups that the Hierarchy page shows with the same address.

    Raises:
        LwalError: There is no such tree.
    """
    n = len(run.class_names)
    if not options.group_count:
        return Looks(tuple(map(class_color, range(n))), tuple(map(class_symbol, range(n))), None, "")
    linkage, metric = (
        _from_address("linkage", LINKAGES, "average"),
        _from_address("tree_distance", METRICS, "euclidean"),
    )
    if linkage in EUCLIDEAN_METHODS and metric != "euclidean":
        linkage = "average"
    h = run_cache.hierarchy(run, epoch, options.source, linkage, metric)
    key = TreeKey(run.id, epoch, options.source, linkage, metric, True, run_cache.label_stamp(run.id, epoch))
    colors, symbols, group_of = [""] * n, [""] * n, np.zeros(n, dtype=np.intp)
    for number, group in enumerate(groups(key, h, options.group_count)):
        for i in group.members:
            colors[i], symbols[i], group_of[i] = group.color, group.symbol, number
    return Looks(tuple(colors), tuple(symbols), group_of, f"{linkage} linkage of {metric} distances")


def _from_address(name: str, allowed: Sequence[str], default: str) -> str:
    """An option of the Hierarchy page, which is not on this one but stays in the address."""
    value = st.query_params.get(name, default)
    return value if value in allowed else default


# --- sentences (markdown, names escaped) ---------------------------------------------------------------------------


def answer(names: Sequence[str], near: Nearness, epoch: int | None, source: VectorSource, one_hot: bool) -> str:
    """The page's answer: the nearest pair and the class that stands alone, or why there is nothing to say. ``epoch`` is None for
    vectors that no training made."""
    when = "Here" if epoch is None else "Before training" if epoch == 0 else f"After epoch {epoch}"
    if not near.pairs:
        return f"There is one class, {plain(names[0])}: nothing to compare it with."
    i, j, distance = near.pairs[0]
    first, second = plain(names[i]), plain(names[j])
    if near.alone is None:
        return f"{when}, the two classes, {first} and {second}, are {format_number(distance)} apart."
    if near.flat:
        if one_hot and source == "labels":
            return (
                f"One-hot labels are all equally far apart ({format_number(distance)}): none is near another, and any picture of "
                "them is arbitrary. Look at the class means."
            )
        return f"{when}, all classes are equally far apart ({format_number(distance)}): none is near another."
    far, its_nearest, away = near.alone
    return (
        f"{when}, {first} and {second} are nearest ({format_number(distance)} apart); {plain(names[far])} is farthest from "
        f"everything (nearest: {plain(names[its_nearest])}, {format_number(away)})."
    )


def finding(names: Sequence[str], near: Nearness) -> str | None:
    """Title of the figure, plain text."""
    if near.alone is None or near.flat:
        return None
    i, j, distance = near.pairs[0]
    return f"{names[i]} and {names[j]} are nearest, {format_number(distance)} apart"


def trust(q: Quality, shown: Projection, near: Nearness) -> str:
    """How far the picture can be believed."""
    n, d = shown.points.shape
    space = f"{d}-D"
    if n < 2:
        return ""
    if near.flat and n > d + 1:
        return f"All distances are equal, which {space} cannot show: what looks near here is not."
    if n <= d + 1 and shown.method in ("pca", "mds"):
        return f"{n} points fit into {d} dimensions: all distances are true."
    parts = []
    if math.isnan(q.trustworthiness):
        parts.append(f"How much of the neighbourhoods {space} keeps is undefined ({n} classes).")
    else:
        parts.append(f"{space} keeps {format_percent(q.trustworthiness)} of the neighbourhoods")
        if math.isnan(q.distance_correlation):
            parts[0] += "."
        else:
            parts[0] += (
                f", and distances in the picture follow the true ones with a rank correlation of {format_number(q.distance_correlation)}."
            )
    if shown.explained is not None and not np.isnan(shown.explained).any():
        parts.append(
            f"The {'three' if d == 3 else 'two'} axes hold {format_percent(float(shown.explained.sum()))} of the variance."
        )
    if shown.method in ("umap", "tsne"):
        parts.append(
            f"{METHOD_NAMES[shown.method]} shows who is near whom; how far apart distant groups lie in it means little. "
            "The numbers in the hover text and the card are true distances."
        )
    return " ".join(parts)


TRUST_HELP = (
    "Neighbourhoods: trustworthiness of the class vectors, 100 % when every class that looks near is near; classes that look near but "
    "are not lower it, the more the farther they are. Rank correlation: Spearman's, over all pairs of classes; 1 when the order of "
    "all distances is right."
)


def notes(layouts: Layouts, shown: Projection, epoch: int, test: Sampled | None, classes: int) -> list[str]:
    """What the reader should know about this picture, plain sentences."""
    found = [shown.note] if shown.note else []
    if layouts.left_out:
        which = ", ".join(map(str, layouts.left_out[:8])) + ", …" * (len(layouts.left_out) > 8)
        found.append(f"Left out because they cannot be read: epoch{'s' * (len(layouts.left_out) > 1)} {which}.")
    if not layouts.shared() and shown.method not in ("pca",) and test is None:
        found.append(f"With {classes:,} classes, every epoch is laid out on its own and turned to match the others.")
    if test is not None:
        count = len(test.y)
        text = f"showing {count:,} of {test.total:,}" if count < test.total else f"all {count:,}"
        found.append(f"Test samples: {text}, embedded after epoch {test.epoch}, the best one.")
        if epoch != test.epoch:
            found.append(
                f"The classes are those of epoch {epoch}, when the samples lay elsewhere; go to epoch {test.epoch} to see both."
            )
    return found


# --- the class card -------------------------------------------------------------------------------------------------


def class_mark(looks: Looks, index: int) -> str:
    """The marker of a class in text."""
    return mark(looks.colors[index], looks.symbols[index])


def draw_class(run: Run, near: Nearness, index: int, looks: Looks) -> None:
    """Neighbours, mistakes, accuracy and pictures of a class."""
    names = run.class_names
    with st.container(border=True):
        st.subheader(f"{class_mark(looks, index)} {plain(names[index])}", anchor=False)
        sheet = thumbnails(run, index)
        if sheet is not None:
            pictures, count = sheet
            what = "1 picture" if count == 1 else f"{count} pictures"
            st.image(pictures, alt=f"{what} of the class {names[index]}", output_format="PNG")
        if near.neighbours.shape[1]:
            lines = [
                f"{class_mark(looks, j)} {plain(names[j])}: {format_number(near.distances[index, j])}"
                for j in near.neighbours[index].tolist()
            ]
            st.markdown("**Nearest**  \n" + "  \n".join(lines))
        else:
            st.markdown("There is no other class.")
        _draw_mistakes(run, index)


def _draw_mistakes(run: Run, index: int) -> None:
    names = run.class_names
    try:
        epoch, confusion = run_cache.confusion(run)
    except LwalError as error:
        st.caption(plain(str(error)))
        return
    if confusion.shape != (len(names), len(names)):
        st.caption("The test results do not fit the classes; the file is damaged.")
        return
    row = confusion[index].astype(np.int64)
    total = int(row.sum())
    share = row[index] / total if total else math.nan
    samples = "1 test sample" if total == 1 else f"{total:,} test samples"
    st.markdown(f"**Accuracy** {format_accuracy(share, reason='no test samples')}" + f" of {samples}" * bool(total))
    for title, counts in (("Taken for", row), ("Taken for it", confusion[:, index].astype(np.int64))):
        counts = counts.copy()
        counts[index] = 0
        order = [j for j in np.argsort(-counts, kind="stable")[:LISTED_CONFUSIONS].tolist() if counts[j] > 0]
        text = ", ".join(f"{plain(names[j])} ({counts[j]:,})" for j in order) or (
            "none" if total else "undefined (no test samples)"
        )
        others = int((counts > 0).sum()) - len(order)
        st.markdown(f"**{title}** {text}" + f" and {others:,} more" * (others > 0))
    st.caption(f"Test set after epoch {epoch}, by nearest class mean.")


def draw_overview(names: Sequence[str], near: Nearness, *, clickable: bool) -> None:
    """Nearest pairs and the class that stands alone, while no class is picked."""
    with st.container(border=True):
        st.subheader("Nearest classes", anchor=False)
        lines = [f"{plain(names[i])} and {plain(names[j])}: {format_number(d)}" for i, j, d in near.pairs]
        st.markdown("  \n".join(lines) if lines else "There is one class only.")
        if near.alone is not None and not near.flat:
            far, its_nearest, away = near.alone
            st.markdown(
                f"**Farthest from everything** {plain(names[far])} (nearest: {plain(names[its_nearest])}, {format_number(away)})"
            )
        also = ", or click on one in the picture" if clickable else ""
        st.caption(f"Distances in the original space. Pick a class above{also}.")


def lassoed(chart: str, samples: Sampled, trace: int) -> list[int] | None:
    """Indices in the test set of the samples in a lasso or box; None when neither was drawn.

    Args:
        chart: Key of the figure.
        samples: The samples that it shows.
        trace: Number of their trace.
    """
    selection = st.session_state[chart]["selection"]
    if not (selection.get("lasso") or selection.get("box")):
        return None
    inside = {p["point_index"] for p in selection["points"] if p.get("curve_number") == trace}
    return sorted(int(samples.rows[i]) for i in inside if 0 <= i < len(samples.rows))


def pick_clicked(chart: str, names: Sequence[str]) -> None:
    """Take the class that was clicked on in the figure."""
    points = st.session_state[chart]["selection"]["points"]
    custom: Any = points[0].get("customdata") if points else None
    index = custom[0] if isinstance(custom, list | tuple) and custom else custom
    if isinstance(index, int | float) and 0 <= index < len(names):
        st.session_state[CLASS] = names[int(index)]


WITH_LASSO = {"modeBarButtonsToRemove": ["autoScale2d"]}
"""Options of the figure while it shows samples, which a lasso or a box can pick."""


# --- waiting, tables -----------------------------------------------------------------------------------------------


@st.fragment(run_every=1.0)
def wait_for(request: Request | QualityRequest, what: str) -> None:
    """Say how long something has been in the making, and draw the page again when it is there."""
    seconds = seconds_so_far(request)
    if seconds is None:
        st.rerun()
    st.caption(f":material/hourglass_top: {what} ({format_seconds(max(1, round(seconds)))} so far)")


def classes_table(
    names: Sequence[str], shown: Projection, near: Nearness, group_of: np.ndarray | None
) -> dict[str, list[Any]]:
    """The numbers behind the figure, one row a class."""
    table: dict[str, list[Any]] = {"Class": list(names)}
    if group_of is not None:
        table["Group"] = (group_of + 1).tolist()
    if near.neighbours.shape[1]:
        nearest = near.neighbours[:, 0]
        table["Nearest class"] = [names[j] for j in nearest.tolist()]
        table["Distance"] = near.distances[np.arange(len(names)), nearest].tolist()
    return table | {axis: shown.points[:, k].tolist() for k, axis in enumerate("xyz"[: shown.points.shape[1]])}


def provenance(shown: Projection) -> str:
    """All parameters of a layout but its seed, as JSON."""
    known = {name: value for name, value in shown.params.items() if name != "seed"}
    return orjson.dumps(known, option=orjson.OPT_SERIALIZE_NUMPY).decode()
