"""Trainings by other libraries: what they record is what a slow loop finds, and stands on every page."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from lwal_core.runs import Run, open_run
from tests.app.conftest import text_of
from tests.support.integrations import EPOCHS, TRAININGS, Trained

PAGES = ("home", "embeddings", "hierarchy", "trees", "share")


@pytest.mark.parametrize("library", TRAININGS)
def test_a_training_is_recorded_and_opens_on_every_page(
    library: str, tmp_path: Path, open_page: Callable[..., AppTest], make_run: Callable[..., Run]
) -> None:
    ours = make_run("onehot", seed=12, classes=6, accuracy=0.7)
    trained = TRAININGS[library](tmp_path / "training")
    run = open_run(trained.run_id)
    assert run.status == "done" and not run.record.warnings
    compare_with_slow_loop(run, trained)
    for page in PAGES:
        at = open_page(page, {"runs": run.group, "run": run.id, "left": run.id, "right": run.id})
        assert not at.exception and not at.error, text_of(at)
    at = open_page("curves", {"runs": [ours.group, run.group], "baseline": ours.group})
    said = text_of(at).replace("\\", "")
    assert not at.error and run.config.method_label() in said and "ne-hot" in said and "shared seed" in said, said


def compare_with_slow_loop(run: Run, trained: Trained) -> None:
    """The last epoch's class means and weights, accuracies and confusion, each by a loop over samples in float64."""
    assert run.label_epochs() == list(range(1, EPOCHS + 1))  # a film
    table, count = run.labels(EPOCHS), len(run.class_names)
    sums, counts, hits = np.zeros((count, trained.z.shape[1])), np.zeros(count), np.zeros(count)
    confusion = np.zeros((count, count), int)
    for z, y, predicted in zip(trained.z.astype(np.float64), trained.y, trained.predicted, strict=True):
        sums[y], counts[y] = sums[y] + z, counts[y] + 1
        hits[y] += y == predicted
        confusion[y, predicted] += 1
    assert np.abs(table.centroids - sums / counts[:, None]).max() < 1e-5
    assert np.allclose(table.labels, trained.weights, atol=1e-6)
    assert np.allclose(table.accuracy("own"), hits / counts)
    metrics = run.metrics()
    assert metrics.test_accuracy_own[-1] == pytest.approx(hits.sum() / counts.sum())
    assert np.isfinite(metrics.loss).all() and metrics.epoch.tolist() == run.label_epochs()
    test, samples = run.evaluation(), run.samples()
    assert test.confusion.sum() == len(trained.y) and (test.epoch < EPOCHS or (test.confusion == confusion).all())
    assert test.z.shape == trained.z.shape and samples is not None
    assert np.bincount(samples.y).tolist() == [9] * count
    colors = samples.images.reshape(len(samples.y), -1, 3).mean(
        axis=1
    )  # pictures are of the classes that they are said to be
    means = np.stack([colors[samples.y == c].mean(axis=0) for c in range(count)])
    assert (np.linalg.norm(colors[:, None] - means, axis=2).argmin(axis=1) == samples.y).all()
