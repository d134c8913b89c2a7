"""Film of the projections: frames, figure, movement."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from app.common import run_cache
from app.common.film_keyboard import film_keyboard
from app.common.projections import Projections, Request
from app.common.widgets import figure, theme
from app.common.wording import plain
from app.embeddings.colours import ClassStyles
from app.embeddings.film_samples import FilmSamples, film_samples
from app.embeddings.picture import HOVER_NEIGHBOURS, axis_titles
from app.embeddings.toolbar import METHODS, Options
from lwal_core.analysis.base.formatting import format_number, format_percent
from lwal_core.analysis.projection import Jitter, jitter
from lwal_core.figures.embedding_film import embedding_film, film_epochs, trail_epochs
from lwal_core.figures.labels import shown_name
from lwal_core.figures.maps.waiting import waiting
from lwal_core.figures.palette import Theme
from lwal_core.glossary import explained
from lwal_core.projections.defaults import vector_width
from lwal_core.runs import Run, open_run

if TYPE_CHECKING:
    import plotly.graph_objects as go

FILM = "embedding_film"
"""Widget key of the figure."""
MOST_NUMBERS = 20_000_000
"""Numbers in the class vectors of all epochs up to which their own movement is worked out: a fraction of a second."""

JITTER_HELP = (
    "Movement: how far a class goes from one epoch to the next, as a share of the picture's spread; beside it that of the vectors "
    "themselves, which no layout can be calmer than without hiding something.\n\n" + explained("Roughness", "Disparity")
)


def draw_film(
    run: Run,
    layouts: Projections,
    epoch: int,
    styles: ClassStyles,
    options: Options,
    picked: int | None,
    what: str,
    mark: str = "",
) -> None:
    """Draw the film with what has to be known about its movement.

    Args:
        run: The run.
        layouts: Of all epochs, in one frame of reference.
        epoch: The epoch that the film opens on.
        styles: Colours and shapes.
        options: What the toolbar says.
        picked: The class to mark.
        what: What is laid out how, for the summary.
        mark: What is being computed, while this film stands in for it.
    """
    names = run.class_names
    said = movement_sentence(layouts, own_movement(run, layouts))
    first, last = min(layouts.frames), max(layouts.frames)
    cloud = film_samples(run, layouts) if options.samples else None
    fig = film_figure(run, layouts, epoch, styles, options, picked, theme())
    figure(
        waiting(fig, mark, theme()) if mark else fig,
        key=FILM,
        summary=f"Film of epochs {first} to {last}. {what}. {said}",
        table=lambda: movement_table(layouts, names),
        config={"logging": 0},
    )
    film_keyboard("embedding_film_keyboard")
    facts = [said] * bool(said) + [plain(note) for note in film_notes(run, layouts, options, len(names), cloud)]
    if facts:
        st.caption(" ".join(facts), help=JITTER_HELP)


def film_figure(
    run: Run, layouts: Projections, epoch: int, styles: ClassStyles, options: Options, picked: int | None, theme: Theme
) -> go.Figure:
    """The film; drawn once for the same view. Shared: never change it."""
    look = (styles.colors, styles.symbols)
    cloud = film_samples(run, layouts) if options.samples else None
    cloud = None if isinstance(cloud, str) else cloud
    kept = () if cloud is None else tuple(cloud.places)
    names = tuple(run.class_names)
    return _drawn(layouts.request, epoch, look, options.trails, picked, theme, names, kept, layouts, cloud)


@st.cache_resource(max_entries=20, show_spinner=False)
def _drawn(
    request: Request,
    epoch: int,
    look: tuple[tuple[str, ...], tuple[str, ...]],
    trails: bool,
    picked: int | None,
    theme: Theme,
    names: tuple[str, ...],
    kept: tuple[int, ...],
    _layouts: Projections,
    _cloud: FilmSamples | None,
) -> go.Figure:
    links = None
    if picked is not None and len(names) > 1:
        run = open_run(request.run_id)
        links = {e: _nearest(run, e, request, picked) for e in film_epochs(list(_layouts.frames), len(names))}
    shown = _layouts.frames.get(epoch, next(reversed(_layouts.frames.values())))
    return embedding_film(
        {e: frame.points for e, frame in _layouts.frames.items()},
        names,
        shown=epoch,
        trails=trails,
        chosen=picked,
        links=links,
        samples=None if _cloud is None else _cloud.places,
        sample_classes=None if _cloud is None else _cloud.y,
        sample_hover=None if _cloud is None else _sample_hover(names, _cloud),
        theme=theme,
        colors=look[0],
        symbols=look[1],
        axis_titles=axis_titles(shown, shares=False),
    )


def _sample_hover(names: Sequence[str], cloud: FilmSamples) -> list[str]:
    shown = [shown_name(name) for name in names]
    which = [f"<br>test sample {row:,}" for row in cloud.rows.tolist()] or [""] * len(cloud.y)
    return [shown[y] + row for y, row in zip(cloud.y.tolist(), which, strict=True)]


def _nearest(run: Run, epoch: int, request: Request, picked: int) -> list[int]:
    """The nearest classes of an epoch, which the lines of the film go to."""
    vectors = run.vectors(epoch, request.source).astype(np.float64)
    away = np.linalg.norm(vectors - vectors[picked], axis=1)
    away[picked] = np.inf
    order: list[int] = np.argsort(away, kind="stable")[: min(HOVER_NEIGHBOURS, len(vectors) - 1)].tolist()
    return order


# --- how far its movement can be believed ---------------------------------------------------------------------------


def own_movement(run: Run, layouts: Projections) -> Jitter | None:
    """Movement of the vectors themselves; None where they are too many to read them all for it."""
    width = vector_width(run, next(iter(layouts.frames)), layouts.request.source)
    size = len(run.class_names) * width * len(layouts.frames)
    if size > MOST_NUMBERS:
        return None
    stamps = tuple(run_cache.label_stamp(run.id, epoch) for epoch in layouts.frames)
    return _own_movement(run.id, layouts.request.source, tuple(layouts.frames), stamps)


@st.cache_resource(max_entries=100, show_spinner=False)
def _own_movement(run_id: str, source: Any, epochs: tuple[int, ...], stamps: tuple[int, ...]) -> Jitter:
    run = open_run(run_id)
    return jitter([run.vectors(epoch, source) for epoch in epochs])


def movement_sentence(layouts: Projections, own: Jitter | None) -> str:
    """How restless the film is, and how far its epochs are from lying on each other; empty where nothing moves."""
    frames = list(layouts.frames.items())
    shaken = jitter([frame for _, frame in frames])
    if math.isnan(shaken.relative):
        return ""
    text = f"From epoch to epoch a class moves by {format_percent(shaken.relative)} of the picture's spread"
    if own is not None and math.isfinite(own.relative):
        text += f", the vectors themselves by {format_percent(own.relative)} of theirs"
    if math.isfinite(shaken.roughness):
        text += f"; roughness {format_number(round(shaken.roughness, 2), digits=2)}"
    worst = worst_disparity(frames)
    if worst is not None:
        first, second, value = worst
        text += f". Disparity after alignment at most {format_number(value, digits=2)} (epochs {first} and {second})"
    return f"{text}."


def worst_disparity(frames: Sequence[tuple[int, Any]]) -> tuple[int, int, float] | None:
    """The two epochs next to each other whose layouts differ most, and their disparity; None where it is undefined."""
    known = [
        (earlier, later, frame.disparity)
        for (earlier, frame), (later, _) in pairwise(frames)
        if math.isfinite(frame.disparity)
    ]
    return max(known, key=lambda pair: pair[2]) if known else None


def movement_table(layouts: Projections, names: Sequence[str]) -> dict[str, list[Any]]:
    """One row per epoch: disparity to the next one, mean and longest step to it, and the class that takes it."""
    frames = list(layouts.frames.items())
    table: dict[str, list[Any]] = {
        "Epoch": [], "Disparity to the next": [], "Mean step to it": [], "Longest step": [], "Class": [],
    }  # fmt: skip
    for (epoch, frame), (_, after) in pairwise(frames):
        steps = np.linalg.norm(after.points - frame.points, axis=1)
        row = (epoch, frame.disparity, float(steps.mean()), float(steps.max()), names[int(steps.argmax())])
        for column, value in zip(table.values(), row, strict=True):
            column.append(value)
    return table


def film_notes(
    run: Run, layouts: Projections, options: Options, classes: int, cloud: FilmSamples | str | None
) -> list[str]:
    """What the reader should know about this film, plain sentences."""
    found = []
    used = layouts.request.method
    if used != options.method:
        found.append(
            f"{METHODS[options.method]} of {classes:,} classes lays out one epoch at a time, so the film is {METHODS[used]}."
        )
    kept = list(layouts.frames) if not isinstance(cloud, FilmSamples) else list(cloud.places)
    shown = len(film_epochs(kept, classes))
    every = len(run.label_epochs()) - len(layouts.left_out)
    if shown < every:
        evenly = "of which samples are kept" if isinstance(cloud, FilmSamples) else "evenly over the training"
        found.append(f"Showing {shown} of {every:,} epochs, {evenly}.")
    back = trail_epochs(shown, classes)
    if options.trails and back < shown:
        found.append(f"With so many classes and epochs, trails go back {back} of them.")
    if isinstance(cloud, str):
        found.append(cloud)
    elif cloud is not None:
        which = "" if len(cloud.y) == cloud.total else f" of the {cloud.total:,} that are kept of an epoch"
        found.append(
            f"Dots are {len(cloud.y):,}{which} test samples, as many of each class as there are, the same in every frame."
        )
    if run.active:
        found.append(
            f"Training goes on: {max(layouts.frames)} of {run.config.training.epochs} epochs are there so far."
        )
    return found
