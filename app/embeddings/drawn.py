"""Which layout is drawn: the one that is asked for, or until it is there the last one, pale, or at first principal components."""

from __future__ import annotations

from contextlib import suppress
from typing import NamedTuple

import streamlit as st

from app.common.evaluation import SampledTestSet, layer_of, sampled_test_set
from app.common.projections import Projections, Request, ask, film_with_samples, request_like
from app.embeddings.toolbar import Options
from lwal_core.errors import LwalError
from lwal_core.projections.shown_samples import sample_epoch
from lwal_core.runs import Run
from lwal_core.runs.paths import EVALUATION

_LAST = "embedding_last"
"""Session key: the layout and the epoch that were drawn last."""


class Drawn(NamedTuple):
    """What the picture shows.

    Attributes:
        layouts: The layouts.
        epoch: Their epoch that is drawn.
        samples: Test samples in them, or None.
        request: What was asked for.
        ready: Whether these are the layouts that were asked for.
        failure: Why those cannot be had; None while they can.
        film: Whether they play as a film.
        first: Whether principal components stand in, as nothing was drawn of this run before.
    """

    layouts: Projections
    epoch: int
    samples: SampledTestSet | None
    request: Request
    ready: bool
    failure: LwalError | None
    film: bool = False
    first: bool = False


def wanted_samples(run: Run, epoch: int, options: Options) -> SampledTestSet | str:
    """The samples that go with the classes of an epoch, or why there are none (plain text, empty where none are asked for)."""
    if not options.samples:
        return ""
    layer = layer_of(options.source)
    if run.status == "done" and not (run.path / EVALUATION).is_file():
        return "This run came without its test samples."
    try:
        test = sampled_test_set(run, layer, sample_epoch(run, layer, epoch))
        if not len(test.y):
            return "No test sample has an embedding of finite numbers."
        if options.source == "labels" and run.vectors(epoch, "labels").shape[1] != run.evaluation(layer).z.shape[1]:
            return "Test samples have another number of dimensions than the label table; look at the class means."
    except LwalError as error:
        return f"Test samples cannot be shown. {error.message}"
    return test


def choose(run: Run, base: Projections, epoch: int, options: Options, samples: SampledTestSet | None) -> Drawn:
    """What is drawn.

    Args:
        run: The run.
        base: Principal components of its epochs, which are there at once.
        epoch: The epoch.
        options: What the controls say.
        samples: Samples to show, or None.
    """
    classes, film = len(run.class_names), options.film and base.shared()
    still = samples is not None and not film
    at = sample_epoch(run, layer_of(options.source), epoch) if still else None
    request = request_like(base.request, epoch, classes, options.method, options.seed, options.params, still, at)
    if (
        film
        and samples is not None
        and options.method != "pca"
        and len(request.epochs) > 1
        and options.source != "features"
    ):
        request = film_with_samples(request, run.tested_epochs()) or request
    if film and len(request.epochs) < 2:
        request = base.request
    at_once = request_like(base.request, epoch, classes, "pca", 0, {}, still, at)
    failure = None
    try:
        found = ask(request, base)
    except LwalError as error:
        failure, found = error, None
    if found is not None and (epoch in found.frames or film):
        shown_at = epoch if epoch in found.frames else min(found.frames, key=lambda each: abs(each - epoch))
        drawn = Drawn(found, shown_at, samples if found.samples is not None else None, request, True, None, film)
        st.session_state[_LAST] = drawn
        return drawn
    if failure is None:
        last = _last(request, film)
        if last is not None:
            return last._replace(request=request, ready=False, failure=None)
    stand_in = base
    with suppress(LwalError):
        stand_in = ask(at_once, base) or base
    cloud = samples if stand_in.samples is not None else None
    return Drawn(stand_in, epoch, cloud, request, False, failure, film, first=failure is None)


def _last(request: Request, film: bool) -> Drawn | None:
    """What was drawn last, if it is of the same run and kind."""
    last = st.session_state.get(_LAST)
    if not isinstance(last, Drawn):
        return None
    before = last.layouts.request
    same = before[:2] == request[:2] and before.dimensions == request.dimensions
    alike = last.film == film and (film or (last.samples is not None) == request.samples)
    return last if same and alike else None
