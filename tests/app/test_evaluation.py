"""Test results as the pages read them: equal to the run's file, one sentence when there are none or they do not fit."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from app.common.evaluation import (
    class_pictures,
    confusion,
    predictions,
    sampled_embeddings,
    sampled_test_set,
    thumbnail_counts,
    thumbnails,
)
from lwal_core.errors import LwalError, RunError
from lwal_core.runs import Run, RunWriter
from lwal_core.runs.paths import EVALUATION, SAMPLES

Make = Callable[..., Run]
READERS = (confusion, predictions, sampled_test_set, sampled_embeddings)


def test_every_reader_agrees_with_the_file(make_run: Make) -> None:
    run = make_run(accuracy=0.7)
    known = run.evaluation()
    epoch, counts = confusion(run)
    assert epoch == known.epoch and counts.tolist() == known.confusion.tolist()
    _, y, pred, by = predictions(run)
    assert by == known.predicted_by
    recount = np.zeros_like(counts)
    np.add.at(recount, (y, pred), 1)
    assert y.tolist() == known.y.tolist() and recount.tolist() == counts.tolist()
    sampled = sampled_test_set(run)
    assert sampled.total == len(y) and sampled.y.tolist() == y[sampled.rows].tolist()
    np.testing.assert_array_equal(sampled_embeddings(run), known.z[sampled.rows])


@pytest.mark.parametrize("reader", READERS)
def test_without_results_there_is_one_sentence(reader: Callable[[Run], object], make_run: Make) -> None:
    run = make_run()
    (run.path / EVALUATION).unlink()
    with pytest.raises(LwalError):
        reader(run)


@pytest.mark.parametrize("reader", READERS)
def test_results_of_other_classes_are_damaged(reader: Callable[[Run], object], make_run: Make) -> None:
    run = make_run(classes=4)
    known = run.evaluation()
    RunWriter(run.path).evaluation(known.epoch, known.z, known.y, known.pred, np.eye(3, dtype=np.int64))
    with pytest.raises(RunError, match="does not fit its 4 classes"):
        reader(run)


def test_pictures_of_a_run_without_images(make_run: Make) -> None:
    run = make_run(classes=3)
    (run.path / SAMPLES).unlink(missing_ok=True)
    assert class_pictures(run) == ("", "", "") and thumbnail_counts(run) is None and thumbnails(run, 0) is None


def test_pictures_of_a_run_with_images(make_run: Make) -> None:
    run = make_run(classes=3, images=True)
    counts = thumbnail_counts(run)
    assert counts is not None and counts.sum() == len(run.samples().y)
    assert all(picture.startswith("data:image/png;base64,") for picture in class_pictures(run))
