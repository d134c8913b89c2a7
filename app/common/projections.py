"""Projections for the Embeddings page.

A layout that takes longer than a moment is computed by a worker process and kept on disk
(:mod:`lwal_core.projections`); a thread waits for it while the page goes on and shows the principal components. All
epochs of a run share one frame of reference where that is affordable.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np

from app.common import run_cache
from app.common.background import Background, Wanted
from app.common.evaluation import evaluation_stamp, layer_of, sampled_embeddings, sampled_test_set
from lwal_core.analysis.base.subsample import subsample
from lwal_core.analysis.projection import Projection, Quality, quality
from lwal_core.analysis.projection.out_of_sample import axes_behind
from lwal_core.errors import AnalysisError
from lwal_core.projections import ProjectionTask, request_projections
from lwal_core.projections.defaults import FILM_CLASSES, class_frames, shared_epochs
from lwal_core.projections.shown_samples import FILM_SAMPLES
from lwal_core.runs import Run, VectorSource, open_run

PATIENCE = 0.5  # seconds that the page waits for a layout before it shows another one in the meantime
KEPT = 64  # layouts in memory
FILM_FRAMES = 20  # epochs of a film whose classes and samples are laid out together: a second or two each


class Request(NamedTuple):
    """What a layout is made of; equal requests have equal layouts.

    Attributes:
        run_id: The run.
        source: Class means or label table.
        epochs: Epochs laid out together, ascending.
        stamps: Times of their files, then that of the test set when samples are shown.
        method: Projection.
        dimensions: 2 or 3.
        seed: Of the method.
        params: Further parameters of the method, sorted by name.
        samples: Whether test samples are laid out, too.
        sample_epoch: Epoch whose test samples they are; None for the best one. A film has those of each of its epochs.
    """

    run_id: str
    source: VectorSource
    epochs: tuple[int, ...]
    stamps: tuple[int, ...]
    method: str = "pca"
    dimensions: int = 2
    seed: int = 0
    params: tuple[tuple[str, Any], ...] = ()
    samples: bool = False
    sample_epoch: int | None = None


class QualityRequest(NamedTuple):
    """Asks how far the layout of an epoch can be believed."""

    layouts: Request
    epoch: int


@dataclass(frozen=True, eq=False)
class Projections:
    """Projections of a run's classes in one frame of reference.

    Attributes:
        request: What was asked for.
        frames: Layout of each epoch; damaged epochs are left out.
        samples: Layout of the test samples in the same frame, ``[S, d]``.
        moving: In a film of classes and samples together the layout of the samples ``[S, d]`` by epoch.
        left_out: Epochs that cannot be read or hold values that are not finite.
    """

    request: Request
    frames: dict[int, Projection]
    samples: np.ndarray | None = None
    left_out: tuple[int, ...] = ()
    moving: dict[int, np.ndarray] = field(default_factory=dict)
    started: float = field(default_factory=time.monotonic)

    def shared(self) -> bool:
        """Whether several epochs share the frame, so that movement between them is movement of the vectors."""
        return len(self.frames) > 1


# --- asking for a layout --------------------------------------------------------------------------------------------


def _film_of(request: Request) -> Request | None:
    """What a film is of, whichever epochs there are: a run in training has another one after every epoch."""
    return request._replace(epochs=(), stamps=()) if len(request.epochs) > 1 else None


def _lane(request: Request) -> Hashable:
    """Of slow projections a session waits for one; principal components, of classes and of samples, stand in for it."""
    return "slow" if request.method != "pca" else ("pca", request.samples)


PROJECTIONS: Background[Request, Projections] = Background(
    "The projection", "Choose another projection.", KEPT, _film_of, _lane
)
SIDES: Background[Request, Projections] = Background("The projection", "Choose another projection.", KEPT, at_once=2)
QUALITIES: Background[QualityRequest, Quality] = Background(
    "The projection", "Choose another projection.", KEPT, lane=lambda request: "quality", at_once=2
)


def frame_request(run: Run, epoch: int, source: VectorSource, dimensions: int) -> Request:
    """Principal components of all epochs, or of this one when all are too many: the frame that other layouts are turned
    to."""
    return _at(Request(run.id, source, shared_epochs(run, epoch, source), (), dimensions=dimensions))


def request_like(
    frame: Request,
    epoch: int,
    classes: int,
    method: str,
    seed: int,
    params: dict[str, Any],
    samples: bool,
    sample_epoch: int | None = None,
) -> Request:
    """A request in the frame of another one; slow methods with many classes, or with samples, lay out one epoch at a
    time."""
    alone = method != "pca" and (samples or classes > FILM_CLASSES)
    wanted = frame._replace(method=method, samples=samples, epochs=(epoch,) if alone else frame.epochs)
    wanted = wanted._replace(sample_epoch=sample_epoch if samples else None)
    if method not in ("pca", "mds"):
        wanted = wanted._replace(seed=seed)
    return _at(wanted._replace(params=tuple(sorted(params.items()))))


def film_with_samples(film: Request, kept: Sequence[int]) -> Request | None:
    """The request of a film whose samples move with the classes, laid out together; None where fewer than two of its epochs
    have samples.

    Args:
        film: Of classes alone, by another method than PCA, which has a rule for where samples lie.
        kept: Epochs of which test samples are kept.
    """
    epochs = tuple(subsample([epoch for epoch in film.epochs if epoch in set(kept)], FILM_FRAMES))
    return None if len(epochs) < 2 else _at(film._replace(epochs=epochs, samples=True))


def _at(request: Request) -> Request:
    stamps = tuple(run_cache.label_stamp(request.run_id, epoch) for epoch in request.epochs)
    if request.samples:
        run, film = open_run(request.run_id), request.method != "pca" and len(request.epochs) > 1
        stamps += tuple(evaluation_stamp(run, epoch) for epoch in (request.epochs if film else (request.sample_epoch,)))
    return request._replace(stamps=stamps)


def ask(request: Request, frame: Projections | None = None, *, patience: float = PATIENCE) -> Projections | None:
    """The layouts, or None while they are being made.

    Args:
        request: What is asked for.
        frame: Principal components to turn single epochs to, and to place samples in.
        patience: Seconds to wait.

    Raises:
        LwalError: The files cannot be read, or there is no such layout of these vectors.
    """
    return PROJECTIONS.ask(request, lambda: _prepare(request, frame), patience)


def classes_alone(
    run: Run, epoch: int, source: VectorSource, method: str, seed: int, params: dict[str, Any]
) -> Request:
    """The request of the classes of one epoch in the plane, in a frame of their own."""
    seed = 0 if method in ("pca", "mds") else seed
    return _at(Request(run.id, source, (epoch,), (), method, 2, seed, tuple(sorted(params.items()))))


def ask_beside(request: Request, *, patience: float = PATIENCE) -> Projections | None:
    """The layouts as :func:`ask` gives them; for what stands beside another picture, so that a session waits for both."""
    return SIDES.ask(request, lambda: _prepare(request, None), patience)


def seconds_beside(request: Request) -> float | None:
    """How long a layout of :func:`ask_beside` has been in the making; None when it is not."""
    return SIDES.seconds(request)


def seconds_so_far(request: Request | QualityRequest) -> float | None:
    """How long a layout, or the judgement of one, has been in the making; None when it is not."""
    return QUALITIES.seconds(request) if isinstance(request, QualityRequest) else PROJECTIONS.seconds(request)


def _prepare(request: Request, frame: Projections | None) -> Callable[[Wanted], Projections]:
    run = open_run(request.run_id)
    # Kept by streamlit, whose caches belong to the page's thread.
    layer, at = layer_of(request.source), request.sample_epoch
    if request.samples and request.method != "pca" and len(request.epochs) > 1:
        return _prepare_film(run, request)
    test, z = (
        (sampled_test_set(run, layer, at), sampled_embeddings(run, layer, at)) if request.samples else (None, None)
    )

    def work(wanted: Wanted) -> Projections:
        vectors, left_out = class_frames(run, request.epochs, request.source)
        if test is None or z is None:
            return _turned(_film(request, vectors, left_out, wanted), frame)
        columns = next(iter(vectors.values())).shape[1]
        if z.shape[1] != columns:
            raise AnalysisError(
                f"The test samples have {z.shape[1]:,} dimensions, these vectors {columns:,}.",
                "Look at the class means.",
            )
        if request.method == "pca":
            return _with_samples(_film(request, vectors, left_out, wanted), vectors, test.epoch, z.astype(np.float64))
        ((epoch, array),) = vectors.items()
        classes, samples = request_projections(_task(request, [array], z), wanted=wanted)
        return _turned(Projections(request, {epoch: classes}, samples.points), frame)

    return work


def _prepare_film(run: Run, request: Request) -> Callable[[Wanted], Projections]:
    clouds = {epoch: sampled_embeddings(run, "outputs", epoch, FILM_SAMPLES) for epoch in request.epochs}

    def work(wanted: Wanted) -> Projections:
        vectors, left_out = class_frames(run, request.epochs, request.source)
        joint = [np.vstack([array, clouds[epoch]]).astype(np.float32) for epoch, array in vectors.items()]
        layouts = request_projections(_task(request, joint), wanted=wanted)
        frames, moving = {}, {}
        for (epoch, array), found in zip(vectors.items(), layouts, strict=True):
            frames[epoch] = replace(found, points=found.points[: len(array)].copy())
            moving[epoch] = found.points[len(array) :]
        return Projections(request, frames, None, left_out, moving)

    return work


def _task(request: Request, frames: Sequence[np.ndarray], samples: np.ndarray | None = None) -> ProjectionTask:
    return ProjectionTask.make(frames, request.method, request.dimensions, request.seed, dict(request.params), samples)


def _film(request: Request, vectors: dict[int, np.ndarray], left_out: tuple[int, ...], wanted: Wanted) -> Projections:
    layouts = request_projections(_task(request, list(vectors.values())), wanted=wanted)
    return Projections(request, dict(zip(vectors, layouts, strict=True)), None, left_out)


def _turned(layouts: Projections, frame: Projections | None) -> Projections:
    """A single epoch, with its samples, turned to lie as the principal components of that epoch do."""
    if frame is None or layouts.request.method == "pca" or layouts.shared():
        return layouts
    ((epoch, shown),) = layouts.frames.items()
    if epoch not in frame.frames or shown.method == "pca":
        return layouts
    reference, points = frame.frames[epoch].points, shown.points
    centre, target = points.mean(axis=0), reference.mean(axis=0)
    left, _, right = np.linalg.svd(
        (points - centre).T @ (reference - target)
    )  # orthogonal Procrustes (Schönemann 1966)

    def turned(array: np.ndarray) -> np.ndarray:
        return (array - centre) @ (left @ right) + target

    samples = None if layouts.samples is None else turned(layouts.samples)
    return replace(layouts, frames={epoch: replace(shown, points=turned(points))}, samples=samples)


def _with_samples(layouts: Projections, vectors: dict[int, np.ndarray], epoch: int, z: np.ndarray) -> Projections:
    """Samples on the principal axes of the classes, which stay where they are."""
    return replace(layouts, samples=samples_on_axes(layouts, vectors, epoch, z))


def samples_on_axes(layouts: Projections, vectors: dict[int, np.ndarray], epoch: int, z: np.ndarray) -> np.ndarray:
    """Embeddings ``[S, K]`` after an epoch on the principal axes that the classes are drawn on, ``[S, d]``."""
    last = axes_epoch(layouts)
    axes = axes_behind(vectors[last], layouts.frames[last].points)
    return (z - vectors.get(epoch, vectors[last]).astype(np.float64).mean(axis=0)) @ axes


def axes_epoch(layouts: Projections) -> int:
    """The epoch whose principal axes all others are drawn on: the last one whose classes do not coincide."""
    return next((e for e in reversed(layouts.frames) if layouts.frames[e].points.any()), next(iter(layouts.frames)))


# --- what is near what ----------------------------------------------------------------------------------------------


def projection_quality(
    request: Request, epoch: int, points: np.ndarray, *, patience: float = PATIENCE
) -> Quality | None:
    """Quality of the layout of the classes at an epoch; None while it is worked out, which for 1,000 classes takes
    seconds."""

    def work(wanted: Wanted) -> Quality:
        return quality(open_run(request.run_id).vectors(epoch, request.source), points)

    return QUALITIES.ask(QualityRequest(request, epoch), lambda: work, patience)
