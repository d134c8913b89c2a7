"""From layouts to the Embeddings page's picture: hover texts, trails, one scale for all epochs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from app.embedding_view import Looks, Options, finding
from app.projections import Layouts, Nearness, Sampled
from lwal_core.analysis.formatting import format_number, format_percent
from lwal_core.analysis.projection import Projection
from lwal_core.figures import embedding_figure
from lwal_core.figures.labels import shown_name
from lwal_core.figures.palette import Theme

if TYPE_CHECKING:
    import plotly.graph_objects as go

HOVER_NEIGHBOURS = 3
_SPOT = ("First", "Second", "Third")


def picture(
    names: Sequence[str],
    epoch: int,
    layouts: Layouts,
    near: Nearness,
    samples: Sampled | None,
    looks: Looks,
    options: Options,
    picked: int | None,
    theme: Theme,
) -> go.Figure:
    """The layout of an epoch, as the options want it; drawn once for the same view."""
    shown = layouts.frames[epoch]
    view = (*layouts.request, epoch, shown.method, looks, options, picked, theme, tuple(names))
    return _picture(view, names, epoch, layouts, near, samples, looks, options, picked, theme)


@st.cache_resource(max_entries=60, show_spinner=False, hash_funcs={np.ndarray: lambda array: array.tobytes()})
def _picture(
    view: object,
    _names: Sequence[str],
    _epoch: int,
    _layouts: Layouts,
    _near: Nearness,
    _samples: Sampled | None,
    _looks: Looks,
    _options: Options,
    _picked: int | None,
    _theme: Theme,
) -> go.Figure:
    shown = _layouts.frames[_epoch]
    cloud = _samples is not None and _layouts.samples is not None
    before = [_layouts.frames[e].points for e in _layouts.frames if e <= _epoch]
    every = None
    if not _options.fit and _layouts.shared():
        every = np.vstack([frame.points for frame in _layouts.frames.values()])
    return embedding_figure(
        shown.points,
        _names,
        colors=_looks.colors,
        symbols=_looks.symbols,
        hover=_class_hover(_names, _near),
        trails=np.stack(before) if _options.trails else None,
        samples=_layouts.samples if cloud else None,
        sample_classes=_samples.y if cloud and _samples is not None else None,
        sample_hover=_sample_hover(_names, _samples) if cloud and _samples is not None else None,
        chosen=_picked,
        chosen_links=_near.neighbours[_picked][:HOVER_NEIGHBOURS].tolist() if _picked is not None else (),
        frame=every,
        axis_titles=_axis_titles(shown),
        theme=_theme,
        title=finding(_names, _near),
    )


def _class_hover(names: Sequence[str], near: Nearness) -> list[str]:
    lines = []
    for i, others in enumerate(near.neighbours[:, :HOVER_NEIGHBOURS].tolist()):
        listed = [f"{shown_name(names[j])}: {format_number(near.distances[i, j])}" for j in others]
        lines.append("Nearest: " + ", ".join(listed) if listed else "")
    return lines


def _sample_hover(names: Sequence[str], samples: Sampled) -> list[str]:
    shown = [shown_name(name) for name in names]
    texts = []
    for y, pred, index in zip(samples.y.tolist(), samples.pred.tolist(), samples.rows.tolist(), strict=True):
        taken = "" if pred == y else f", taken for {shown[pred]}" if 0 <= pred < len(shown) else ", not classified"
        texts.append(f"{shown[y]}{taken}<br>test sample {index:,}")
    return texts


def _axis_titles(shown: Projection) -> list[str]:
    """Principal axes have a meaning; those of the other layouts do not."""
    if shown.explained is None:
        return []
    parts = [
        f" ({format_percent(share)} of the variance)" if np.isfinite(share) else ""
        for share in shown.explained.tolist()
    ]
    return [f"{word} principal axis{part}" for word, part in zip(_SPOT, parts, strict=False)]
