"""Test samples in the film, on the axes of the classes."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import streamlit as st

from app.common.evaluation import sampled_test_set
from app.common.projections import Projections, Request, axes_epoch, samples_on_axes
from lwal_core.analysis.base.subsample import subsample_per_class
from lwal_core.errors import LwalError
from lwal_core.figures.embedding_film import film_epochs
from lwal_core.projections.defaults import class_frames
from lwal_core.projections.shown_samples import FILM_SAMPLES
from lwal_core.runs import Run, open_run

MOST_PLACES = 30_000
"""Places of samples in all frames together, about 0.6 MB."""


class FilmSamples(NamedTuple):
    """Samples by epoch.

    Attributes:
        places: ``[S, d]`` by epoch, ascending.
        y: Their true classes ``[S]``.
        rows: Their places in the test set ``[S]``; empty where they are not known.
        total: Samples that are kept of an epoch.
    """

    places: dict[int, np.ndarray]
    y: np.ndarray
    rows: np.ndarray
    total: int


def film_samples(run: Run, layouts: Projections) -> FilmSamples | str:
    """The samples of a film, or why there are none (a plain sentence).

    Args:
        run: The run.
        layouts: Of all epochs, in one frame of reference.
    """
    if layouts.request.source == "features":
        return "Features of test samples are kept of the best epoch alone, so they are not in the film."
    kept = tuple(epoch for epoch in run.tested_epochs() if epoch in layouts.frames)
    if len(kept) < 2:
        return "Test samples were kept of one epoch only, so they are not in the film."
    if layouts.moving:
        first = next(iter(layouts.moving))
        test = sampled_test_set(run, "outputs", first, FILM_SAMPLES)
        return FilmSamples(dict(layouts.moving), test.y, test.rows, run.evaluation(epoch=first).y.size)
    if layouts.request.method != "pca":
        return "The classes of this film were laid out without test samples."
    found = _film_samples(layouts.request, kept, layouts)
    return found if found is not None else "Test samples differ from epoch to epoch, so they are not in the film."


@st.cache_resource(max_entries=20, show_spinner="Placing the test samples")
def _film_samples(request: Request, kept: tuple[int, ...], _layouts: Projections) -> FilmSamples | None:
    run = open_run(request.run_id)
    epochs = film_epochs(list(kept), len(run.class_names))
    vectors, _ = class_frames(run, sorted({*epochs, axes_epoch(_layouts)}), request.source)
    last = run.evaluation(epoch=kept[-1])
    if last.z.shape[1] != next(iter(vectors.values())).shape[1]:
        return None
    chosen = subsample_per_class(last.y, max(1, MOST_PLACES // len(epochs)))
    places: dict[int, np.ndarray] = {}
    for epoch in epochs:
        try:
            found = run.evaluation(epoch=epoch)
        except LwalError:  # damaged: the film does without it
            continue
        same = found.z.shape == last.z.shape and np.array_equal(found.y, last.y) and _same_rows(found.rows, last.rows)
        if not same or epoch not in vectors:
            continue
        z = found.z[chosen].astype(np.float64)
        if np.isfinite(z).all():
            places[epoch] = samples_on_axes(_layouts, vectors, epoch, z)
    if len(places) < 2:
        return None
    rows = np.zeros(0, np.intp) if last.rows is None else last.rows[chosen].astype(np.intp)
    return FilmSamples(places, last.y[chosen].astype(np.intp), rows, len(last.y))


def _same_rows(one: np.ndarray | None, other: np.ndarray | None) -> bool:
    return (one is None and other is None) or (one is not None and other is not None and np.array_equal(one, other))
