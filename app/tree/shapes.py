"""Icicle and treemap in place of the tree: what areas and colours stand for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple, get_args

import numpy as np
import streamlit as st

from app.common import evaluation
from app.common.wording import plain
from app.tree.stats import LISTED_GROUPS, TreeKey, groups
from app.tree.view import Drawing
from lwal_core.analysis.hierarchy import Hierarchy
from lwal_core.analysis.hierarchy.subtree import TreePart
from lwal_core.analysis.trees.confusion import CladeMeasures, clade_measures
from lwal_core.errors import LwalError
from lwal_core.figures.colouring import Colouring
from lwal_core.figures.palette import Theme
from lwal_core.figures.space_filling import AreaColours, Kind, space_filling_figure
from lwal_core.runs import Run
from lwal_core.security.redact import for_others

if TYPE_CHECKING:
    import plotly.graph_objects as go

KINDS: tuple[Kind, ...] = get_args(Kind)
AREAS = {"samples": "Test samples", "classes": "Classes"}
COLOURS = {"accuracy": "Accuracy", "mistakes": "Share of all mistakes", "groups": "Groups at the cut"}
_OWN = "own: "


class ShapeLook(NamedTuple):
    """What areas and colours stand for; ``key`` is equal for equal looks of equal trees.

    Attributes:
        kind: Which shape.
        weights: ``[C]`` what areas stand for.
        colours: What colours stand for; None for the groups at the cut.
        key: Part of a cache key.
    """

    kind: Kind
    weights: np.ndarray
    colours: AreaColours | None
    key: tuple[object, ...]


def pick_shape_look(run: Run, h: Hierarchy, kind: Kind, own: Sequence[Colouring] = ()) -> ShapeLook:
    """Controls for what areas and colours stand for, in the address.

    Args:
        run: The run.
        h: Its tree.
        kind: Which shape.
        own: Columns of one's own that are shown beside the leaves, offered as colours.
    """
    columns = {f"{_OWN}{each.title}": each for each in own if each.kind != "label"}
    measures: CladeMeasures | None = None
    problem = ""
    try:
        epoch, counts = evaluation.confusion(run)
        stamp = evaluation.evaluation_stamp(run)
        measures = _measures((run.id, stamp, h.linkage.tobytes()), counts, h)
    except LwalError as error:
        epoch, stamp, problem = 0, 0, str(error)
    tested = measures is not None and bool(measures.samples[-1])
    areas = list(AREAS) if tested else ["classes"]
    offered = [*(COLOURS if tested else ["groups"]), *columns]
    titles = {**COLOURS, **{key: each.title for key, each in columns.items()}}
    for key, options in (("shape_area", areas), ("shape_colour", offered)):
        if st.session_state.get(key) not in (None, *options):
            st.session_state[key] = options[0]
    with st.container(horizontal=True, gap="small"):
        area = st.selectbox(
            "Area", areas, format_func=AREAS.__getitem__, key="shape_area", bind="query-params", width=160
        )
        colour = st.selectbox(
            "Colour", offered, format_func=titles.__getitem__, key="shape_colour", bind="query-params", width=220
        )
    if problem:
        st.caption(plain(problem))
    weights = measures.samples[: h.n] if measures is not None and area == "samples" else np.ones(h.n)
    colours: AreaColours | None = None
    if colour in columns:
        colours = of_classes(columns[colour], h)
    elif measures is not None and colour == "accuracy":
        colours = AreaColours(f"Test accuracy after epoch {epoch}", measures.accuracy, percent=True)
    elif measures is not None and colour == "mistakes":
        total = max(float(measures.mistakes[-1]), 1.0)
        colours = AreaColours("Share of all mistakes", measures.mistakes / total, percent=True)
    column = columns.get(colour)
    content = (colour, *(() if column is None else (column.numbers.tobytes(), column.texts, column.codes.tobytes())))
    return ShapeLook(kind, weights, colours, (kind, area, content, run.id, stamp))


def of_classes(column: Colouring, h: Hierarchy) -> AreaColours:
    """A column of the classes for all nodes of a tree: of numbers the mean over a clade's classes, a category where all
    classes of a clade have it."""
    if column.kind == "number":
        known = ~np.isnan(column.numbers)
        sums, counts = (
            np.concatenate([[0.0], np.cumsum(values[h.order])])
            for values in (np.where(known, column.numbers, 0.0), known.astype(np.float64))
        )
        ends = h.first_place + h.sizes
        number = counts[ends] - counts[h.first_place]
        total = sums[ends] - sums[h.first_place]
        means = np.divide(total, number, out=np.full(len(total), np.nan), where=number > 0)
        return AreaColours(column.title, means, column.percent)
    own, codes = column.colors(), column.codes.tolist()
    codes += [-1] * (h.n - 1)
    for node, (left, right) in enumerate(h.children.tolist(), start=h.n):
        codes[node] = codes[left] if codes[left] == codes[right] else -1
    by_code = {int(code): own[i] for i, code in enumerate(column.codes.tolist()) if code >= 0}
    return AreaColours(
        column.title,
        colors=[by_code.get(code, "") for code in codes],
        texts=[f"{column.title}: {column.texts[code]}" if code >= 0 else "" for code in codes],
    )


def leaving_shape(
    key: TreeKey, drawing: Drawing, look: ShapeLook, h: Hierarchy, part: TreePart, theme: Theme
) -> go.Figure:
    """The figure in a theme, as it may leave the installation."""
    if look.colours is not None:
        texts = [for_others(text) for text in look.colours.texts]
        colours = replace(look.colours, title=for_others(look.colours.title), texts=texts)
        look = look._replace(colours=colours, key=(*look.key, "leaves"))
    return shape_figure(key, drawing._replace(theme=theme), look.key, look, h, part)


@st.cache_resource(max_entries=40, show_spinner=False)
def shape_figure(
    key: TreeKey, drawing: Drawing, look: tuple[object, ...], _look: ShapeLook, _h: Hierarchy, _part: TreePart
) -> go.Figure:
    """The figure; shared: never change it. ``look`` is the key of ``_look``."""
    found = groups(key, _h, drawing.cut) if drawing.cut is not None else []
    colours = _look.colours
    if colours is None:
        colors, texts = [""] * (2 * _h.n - 1), [""] * (2 * _h.n - 1)
        for node in range(2 * _h.n - 1):
            first = _h.first_place[node]
            for number, group in enumerate(found, start=1):
                low = _h.first_place[group.node]
                if low <= first and first + _h.sizes[node] <= low + _h.sizes[group.node]:
                    colors[node], texts[node] = group.color, f"Group {number} of {len(found)}"
        colours = AreaColours("Groups", colors=colors, texts=texts)
    names = dict(drawing.proposed) | dict(drawing.names)
    return space_filling_figure(
        _look.kind,
        _part,
        _look.weights,
        colours,
        groups=[group.node for group in found] if len(found) <= LISTED_GROUPS else (),
        clade_names=names,
        proposed={node for node, _ in drawing.proposed},
        chosen=drawing.chosen,
        theme=drawing.theme,
        title=drawing.title,
    )


@st.cache_resource(max_entries=40, show_spinner=False)
def _measures(view: object, _counts: np.ndarray, _h: Hierarchy) -> CladeMeasures:
    """Measures of a tree's nodes; ``view`` says of which tree and test results."""
    return clade_measures(_counts, _h)
