"""Figure of the Embeddings page: hover texts, trails, one scale for all epochs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import streamlit as st

from app.common.class_distances import ClassDistances
from app.common.columns import colourings
from app.common.evaluation import SampledTestSet
from app.common.projections import Projections
from app.embeddings.colours import ClassStyles, legend_entries, sample_column, tree_groups
from app.embeddings.toolbar import Options
from lwal_core.analysis.base.formatting import format_number, format_percent
from lwal_core.analysis.projection import Projection
from lwal_core.errors import LwalError
from lwal_core.figures import embedding_figure
from lwal_core.figures.colouring import Colouring
from lwal_core.figures.embedding import HEIGHT, MAX_NAMES
from lwal_core.figures.labels import shown_name
from lwal_core.figures.maps.clusters import with_clusters
from lwal_core.figures.maps.legend import MOST_ENTRIES, with_legend
from lwal_core.figures.palette import Theme, neutral
from lwal_core.results.tree_spec import TreeSpec
from lwal_core.runs import Run

if TYPE_CHECKING:
    import plotly.graph_objects as go

HOVER_NEIGHBOURS = 3
CLUSTERS = 16
"""Clusters whose names stand on a map of very many classes."""
MOST_ON_PHONE = 8
"""Entries of a legend on a phone."""
PHONE_WIDTH, WIDTH = 340, 860
"""Pixels that a picture has on a phone, and on a screen of 1400."""
PHONE_HEIGHT = 420
"""Pixels of its height on a phone: what is as wide as high leaves no empty band."""


class Legend(NamedTuple):
    """What the legend lists: entry of each class ``[C]``, and title, colour and shape of each entry."""

    entry_of: tuple[int, ...]
    entries: tuple[tuple[str, str, str], ...]


class Clusters(NamedTuple):
    """Clusters whose names stand on a map of very many classes: cluster of each class ``[C]``, and their names."""

    labels: tuple[int, ...]
    names: tuple[str, ...]


_SPOT = ("First", "Second", "Third")


def picture(
    run: Run,
    epoch: int,
    layouts: Projections,
    near: ClassDistances,
    samples: SampledTestSet | None,
    styles: ClassStyles,
    options: Options,
    picked: int | None,
    lassoed: Sequence[int] | None,
    theme: Theme,
    phone: bool = False,
    legend: Legend | None = None,
    clusters: Clusters | None = None,
) -> go.Figure:
    """The layout of an epoch, as the options want it; drawn once for the same view."""
    names, shown = run.class_names, layouts.frames[epoch]

    def draw() -> go.Figure:
        before = [layouts.frames[e].points for e in layouts.frames if e <= epoch]
        test = samples if layouts.samples is not None else None
        column = sample_column(run, styles, test.rows.tolist()) if test is not None else None
        own = None if styles.column == "" else colourings(run)[styles.column]
        fig = embedding_figure(
            shown.points,
            names,
            colors=styles.colors if column is None else (neutral("line", theme),) * len(names),
            symbols=styles.symbols,
            hover=_class_hover(names, near, own),
            trails=np.stack(before) if options.trails else None,
            samples=layouts.samples if test is not None else None,
            sample_classes=test.y if test is not None else None,
            sample_colors=None if column is None else column.colors(theme),
            sample_hover=_sample_hover(names, test, column) if test is not None else None,
            mistakes=(test.y != test.pred).tolist() if test is not None else None,
            lassoed=_positions(test, lassoed) if test is not None else None,
            chosen=picked,
            chosen_links=shown_links(near, picked),
            frame=scale_of(layouts, options.fit),
            axis_titles=axis_titles(shown),
            theme=theme,
            names_width=PHONE_WIDTH if phone else None,
            height=PHONE_HEIGHT if phone else HEIGHT,
            named=clusters is None,
        )
        if clusters is not None and shown.points.shape[1] == 2:
            width = PHONE_WIDTH if phone else WIDTH
            fig = with_clusters(fig, shown.points, clusters.labels, clusters.names, width=width, theme=theme)
        return fig if legend is None else with_legend(fig, legend.entry_of, legend.entries, theme)

    kept = None if lassoed is None else tuple(lassoed)
    return _drawn(
        (
            *layouts.request,
            epoch,
            shown.method,
            styles,
            options,
            picked,
            kept,
            theme,
            phone,
            legend,
            clusters,
            tuple(names),
        ),
        draw,
    )


def beside_points(
    run: Run, epoch: int, styles: ClassStyles, options: Options, phone: bool
) -> tuple[Legend | None, Clusters | None]:
    """The legend, and the names of clusters where classes are too many to be named; None where there are none.

    Args:
        run: The run.
        epoch: That is drawn.
        styles: Colours and shapes.
        options: What the controls say.
        phone: Whether a phone asks, which has room for a short legend only.
    """
    n, legend, clusters = len(run.class_names), None, None
    tree = TreeSpec.of(run, epoch, options.source)
    if styles.groups is not None or options.legend:
        entry_of, entries = legend_entries(run, styles, tree)
        if 1 < len(entries) <= (MOST_ON_PHONE if phone else MOST_ENTRIES):
            legend = Legend(tuple(entry_of.tolist()), tuple(entries))
    if n > MAX_NAMES and options.dimensions == 2:
        if styles.groups is not None and 1 < len(styles.titles) <= MOST_ENTRIES:
            clusters = Clusters(tuple(styles.groups.tolist()), styles.titles)
        else:
            with suppress(LwalError):
                found = tree_groups(run, tree, CLUSTERS)
                names = (brief_name(name, len(found.members(g))) for g, name in enumerate(found.names))
                clusters = Clusters(tuple(found.labels.tolist()), tuple(names))
    return legend, clusters


def brief_name(name: str, size: int) -> str:
    """The name of a cluster; of one that is called by its classes the first of them, and how many there are besides."""
    called_by_classes = name.endswith(" more") and "," in name
    return f"{name.split(',')[0]} +{size - 1:,}" if called_by_classes else name


def _positions(samples: SampledTestSet, lassoed: Sequence[int] | None) -> list[int] | None:
    """Where lassoed test samples, by index, stand among those shown."""
    return None if lassoed is None else np.flatnonzero(np.isin(samples.rows, lassoed)).tolist()


def scale_of(layouts: Projections, fit: bool) -> np.ndarray | None:
    """Points that the axes hold besides those drawn: of all epochs in one frame of reference, unless they fit this one."""
    if fit or not layouts.shared():
        return None
    return np.vstack([frame.points for frame in layouts.frames.values()])


@st.cache_resource(max_entries=60, show_spinner=False, hash_funcs={np.ndarray: lambda array: array.tobytes()})
def _drawn(view: object, _draw: Callable[[], go.Figure]) -> go.Figure:
    """The figure of a view; ``view`` holds all that decides it."""
    return _draw()


def shown_links(near: ClassDistances, picked: int | None) -> list[int]:
    """The classes that lines go to from the one that is picked."""
    return [] if picked is None else [int(i) for i in near.neighbours[picked][:HOVER_NEIGHBOURS]]


def _class_hover(names: Sequence[str], near: ClassDistances, own: Colouring | None) -> list[str]:
    lines = []
    for i, others in enumerate(near.neighbours[:, :HOVER_NEIGHBOURS].tolist()):
        listed = [f"{shown_name(names[j])}: {format_number(near.distances[i, j])}" for j in others]
        said = [_said(own, i)] if own is not None and own.known[i] else []
        lines.append("<br>".join([*said, *(["Nearest: " + ", ".join(listed)] if listed else [])]))
    return lines


def _said(column: Colouring, i: int) -> str:
    """Title and value, for a hover text."""
    return f"{shown_name(column.title)}: {shown_name(column.text(i), 40)}"


def _sample_hover(names: Sequence[str], samples: SampledTestSet, own: Colouring | None) -> list[str]:
    shown = [shown_name(name) for name in names]
    texts = []
    for y, pred, index in zip(samples.y.tolist(), samples.pred.tolist(), samples.rows.tolist(), strict=True):
        taken = "" if pred == y else f", taken for {shown[pred]}" if 0 <= pred < len(shown) else ", not classified"
        texts.append(f"{shown[y]}{taken}<br>test sample {index:,}")
    if own is not None:
        texts = [f"{text}<br>{_said(own, i)}" if own.known[i] else text for i, text in enumerate(texts)]
    return texts


def axis_titles(shown: Projection, *, shares: bool = True) -> list[str]:
    """Principal axes have a meaning; those of the other layouts do not. The shares of the variance change by epoch."""
    if shown.explained is None:
        return []
    parts = [
        f" ({format_percent(share)} of the variance)" if shares and np.isfinite(share) else ""
        for share in shown.explained.tolist()
    ]
    return [f"{word} principal axis{part}" for word, part in zip(_SPOT, parts, strict=False)]
