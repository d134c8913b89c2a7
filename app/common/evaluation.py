"""Test results of a run: confusion matrix, predictions, embeddings and thumbnails. Read in one place, each kept once.

Whatever cannot be had is a :class:`lwal_core.errors.LwalError` with one sentence, also results that do not fit the run's
classes: :meth:`lwal_core.runs.Run.evaluation` checks that, and no page needs to.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, TypeGuard

import numpy as np
import streamlit as st

from app.common.run_cache import file_stamp
from lwal_core.projections.shown_samples import MOST_SAMPLES as MAX_SAMPLES
from lwal_core.projections.shown_samples import chosen_samples, picture_rows
from lwal_core.runs import Evaluation, Layer, Run, Samples, VectorSource, open_run
from lwal_core.runs.paths import EVALUATION, SAMPLES, tested_file

THUMBNAILS, THUMBNAIL_SIDE, GAP = 9, 64, 4  # pictures of a class, their pixels, pixels between them
TILE = 48  # pixels of a picture that is shown under the mouse


class Confusion(NamedTuple):
    """Confusion matrix of the test set: ``epoch`` of the network, ``counts [C, C]`` with true classes in rows."""

    epoch: int
    counts: np.ndarray


class Predictions(NamedTuple):
    """Test set in its own order: ``epoch`` of the network, true ``y`` and predicted ``pred``, both ``[N]``, and the rule of
    prediction, as said after "by"."""

    epoch: int
    y: np.ndarray
    pred: np.ndarray
    by: str


class SampledTestSet(NamedTuple):
    """Part of the test set, class by class in turn: ``rows`` of it, true ``y``, predicted ``pred``, all ``[S]``."""

    epoch: int
    total: int
    rows: np.ndarray
    y: np.ndarray
    pred: np.ndarray


def evaluation_stamp(run: Run, epoch: int | None = None) -> int:
    """Time of the file of test results, to be part of a cache key; 0 when there is none.

    Args:
        run: The run.
        epoch: One whose sample of the test set is kept; None for the best one.
    """
    return file_stamp(run.id, EVALUATION if epoch is None else tested_file(Path(), epoch).as_posix())


def thumbnails_stamp(run: Run) -> int:
    """Time of the file of thumbnails, to be part of a cache key; 0 when there is none."""
    return file_stamp(run.id, SAMPLES)


def layer_of(source: VectorSource) -> Layer:
    """The layer whose test embeddings lie in the space of class vectors."""
    return "features" if source == "features" else "outputs"


def evaluation(run_id: str, layer: Layer = "outputs") -> Evaluation:
    """All test results, read now and not kept: for what is itself kept, under a key with :func:`evaluation_stamp`.

    Raises:
        RunError: No epoch has been evaluated yet, or the file is damaged or of other classes.
    """
    return open_run(run_id).evaluation(layer)


def confusion(run: Run, epoch: int | None = None) -> Confusion:
    """Confusion matrix of the test set after the best epoch, or of the sample that is kept of another; raises as
    :func:`evaluation` does."""
    return _results(run.id, epoch, evaluation_stamp(run, epoch))[0]


def predictions(run: Run, epoch: int | None = None) -> Predictions:
    """True and predicted class of each test sample, or of the sample that is kept of another epoch; raises as
    :func:`evaluation` does."""
    return _results(run.id, epoch, evaluation_stamp(run, epoch))[1]


@st.cache_resource(max_entries=100, show_spinner=False)
def _results(run_id: str, epoch: int | None, stamp: int) -> tuple[Confusion, Predictions]:
    """Everything but the embeddings, which are large; never change it."""
    found = open_run(run_id).evaluation(epoch=epoch)
    return (
        Confusion(found.epoch, found.confusion),
        Predictions(found.epoch, found.y.astype(np.intp), found.pred.astype(np.intp), found.predicted_by),
    )


def sampled_test_set(
    run: Run, layer: Layer = "outputs", epoch: int | None = None, most: int = MAX_SAMPLES
) -> SampledTestSet:
    """Test samples, as many of each class as there are; raises as :func:`evaluation` does.

    Args:
        run: The run.
        layer: Where their embeddings are taken.
        epoch: One that a sample of the test set is kept of; None for the best one.
        most: Samples at most.
    """
    return _sampled(run.id, layer, epoch, most, evaluation_stamp(run, epoch))[0]


def sampled_embeddings(
    run: Run, layer: Layer = "outputs", epoch: int | None = None, most: int = MAX_SAMPLES
) -> np.ndarray:
    """Embeddings ``[S, K]`` float16 of the samples that :func:`sampled_test_set` tells of; shared: never change them."""
    return _sampled(run.id, layer, epoch, most, evaluation_stamp(run, epoch))[1]


@st.cache_resource(max_entries=60, show_spinner=False)
def _sampled(run_id: str, layer: Layer, epoch: int | None, most: int, stamp: int) -> tuple[SampledTestSet, np.ndarray]:
    """The samples and their embeddings ``[S, K]``: reading those of all 60,000 again would take longer than drawing."""
    found = chosen_samples(open_run(run_id), layer, epoch, most)
    return SampledTestSet(*found[:5]), found.z


# --- thumbnails ----------------------------------------------------------------------------------------------------


def _pictures(run_id: str) -> Samples | None:
    """Thumbnails that can be shown, grey or in colour; None when there are none."""
    found = open_run(run_id).samples()
    return found if _showable(found) else None


def _showable(samples: Samples | None) -> TypeGuard[Samples]:
    return (
        samples is not None
        and samples.images.dtype == np.uint8
        and samples.images.shape[3] in (1, 3)
        and len(samples.y) > 0
    )


def thumbnails(run: Run, index: int) -> tuple[np.ndarray, int] | None:
    """Pictures of a class side by side on a transparent ground, ``[h, w, 4]`` uint8, and how many; None when there are
    none."""
    return _thumbnails(run.id, index, thumbnails_stamp(run))


@st.cache_data(max_entries=200, show_spinner=False)
def _thumbnails(run_id: str, index: int, stamp: int) -> tuple[np.ndarray, int] | None:
    samples = _pictures(run_id)
    if samples is None:
        return None
    images = samples.images[samples.y == index][:THUMBNAILS]
    return (_sheet(images, 3), len(images)) if images.size else None


def _sheet(images: np.ndarray, columns: int) -> np.ndarray:
    """Pictures ``[M, h, w, 1 or 3]`` in rows of so many on a transparent ground, ``[H, W, 4]`` uint8."""
    # Whole pixels, or small pictures would be blurred by the browser.
    times = max(1, round(THUMBNAIL_SIDE / max(images.shape[1:3])))
    images = images.repeat(times, axis=1).repeat(times, axis=2)
    count, height, width = images.shape[:3]
    columns = min(count, columns)
    rows = -(-count // columns)
    sheet = np.zeros((rows * (height + GAP) - GAP, columns * (width + GAP) - GAP, 4), dtype=np.uint8)
    for place, image in enumerate(images):
        top, left = place // columns * (height + GAP), place % columns * (width + GAP)
        sheet[top : top + height, left : left + width, :3] = image
        sheet[top : top + height, left : left + width, 3] = 255
    return sheet


def pictured_samples(run: Run) -> dict[int, int]:
    """Test samples whose picture is kept: thumbnail by place in the test set. Shared: never change it."""
    return _pictured(run.id, thumbnails_stamp(run), evaluation_stamp(run))


@st.cache_resource(max_entries=50, show_spinner=False)
def _pictured(run_id: str, stamp: int, tested: int) -> dict[int, int]:
    if _pictures(run_id) is None:
        return {}
    return {row: thumbnail for thumbnail, row in enumerate(picture_rows(open_run(run_id)).tolist())}


def sample_sheet(run: Run, rows: Sequence[int], most: int = 24, columns: int = 12) -> tuple[np.ndarray, int] | None:
    """Pictures of test samples side by side, ``[h, w, 4]`` uint8, and how many; None where none of them has one.

    Args:
        run: The run.
        rows: Their places in the test set, those first that are to be seen first.
        most: Pictures at most.
        columns: Pictures in a row.
    """
    kept = pictured_samples(run)
    wanted = [kept[row] for row in rows if row in kept][:most]
    found = _pictures(run.id) if wanted else None
    return None if found is None else (_sheet(found.images[wanted], columns), len(wanted))


def picture_tiles(run: Run, thumbnails: Sequence[int], side: int = TILE) -> str:
    """Thumbnails as squares side by side in one JPEG in a data address; empty without any.

    Args:
        run: The run.
        thumbnails: Which ones, in this order.
        side: Pixels of a square.
    """
    return _picture_tiles(run.id, tuple(thumbnails), side, thumbnails_stamp(run)) if thumbnails else ""


@st.cache_data(max_entries=30, show_spinner=False)
def _picture_tiles(run_id: str, thumbnails: tuple[int, ...], side: int, stamp: int) -> str:
    found = _pictures(run_id)
    if found is None:
        return ""
    from PIL import Image

    strip = Image.new("RGB", (side * len(thumbnails), side), "white")
    for place, number in enumerate(thumbnails):
        image = Image.fromarray(found.images[number].squeeze()).convert("RGB")
        image.thumbnail((side, side))
        strip.paste(image, (place * side + (side - image.width) // 2, (side - image.height) // 2))
    buffer = io.BytesIO()
    strip.save(buffer, "JPEG", quality=75)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def thumbnail_counts(run: Run) -> np.ndarray | None:
    """Thumbnails of each class, ``[C]``; None when there are none."""
    return _thumbnail_counts(run.id, len(run.class_names), thumbnails_stamp(run))


@st.cache_data(max_entries=50, show_spinner=False)
def _thumbnail_counts(run_id: str, classes: int, stamp: int) -> np.ndarray | None:
    samples = _pictures(run_id)
    if samples is None:
        return None
    y = samples.y[(samples.y >= 0) & (samples.y < classes)].astype(np.intp)
    return np.bincount(y, minlength=classes)


def thumbnail_classes(run: Run) -> np.ndarray | None:
    """Class of each thumbnail, ``[M]``; None when there are none."""
    return _thumbnail_classes(run.id, thumbnails_stamp(run))


@st.cache_data(max_entries=50, show_spinner=False)
def _thumbnail_classes(run_id: str, stamp: int) -> np.ndarray | None:
    samples = _pictures(run_id)
    return None if samples is None else samples.y.astype(np.intp)


def class_pictures(run: Run) -> tuple[str, ...]:
    """A picture of every class as a PNG in a data address, empty where there is none; no pictures for other data than
    images."""
    return _class_pictures(run.id, len(run.class_names), thumbnails_stamp(run))


@st.cache_data(max_entries=50, show_spinner=False)
def _class_pictures(run_id: str, count: int, stamp: int) -> tuple[str, ...]:
    return pictures_of(_pictures(run_id), count)


def pictures_of(samples: Samples | None, count: int) -> tuple[str, ...]:
    """The first thumbnail of each of so many classes as a PNG in a data address, empty where there is none."""
    if not _showable(samples):
        return ("",) * count
    from PIL import Image

    pictures = []
    for index in range(count):
        found = np.flatnonzero(samples.y == index)
        if not len(found):
            pictures.append("")
            continue
        image = Image.fromarray(samples.images[found[0]].squeeze())
        buffer = io.BytesIO()
        image.save(buffer, "PNG")
        pictures.append(f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}")
    return tuple(pictures)
