"""Measures of recorded predictions and scores, against scikit-learn and a loop, and in the run that comes of them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from sklearn.metrics import balanced_accuracy_score, f1_score, precision_score, top_k_accuracy_score

from lwal_core.recording import predictions, start_run
from lwal_core.recording.measures import BINS, ScoreCounts, class_measures, precision
from lwal_core.runs import open_run
from lwal_core.runs.evaluation import confusion_counts

CLASSES = 8


def drawn(seed: int, count: int = 300) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Scores of a fair classifier, and classes."""
    chance = np.random.default_rng(seed)
    y = chance.integers(0, CLASSES, count)
    return chance.normal(size=(count, CLASSES)) + 2.0 * np.eye(CLASSES)[y], y


def softmax(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    e = np.exp(scores - scores.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def calibration_error(p: NDArray[np.float64], y: NDArray[np.int64]) -> float:
    """Sample by sample into intervals that are closed above."""
    bins: list[list[tuple[float, float]]] = [[] for _ in range(BINS)]
    for row, label in zip(p, y, strict=True):
        at = next(b for b in range(BINS) if row.max() <= (b + 1) / BINS or b == BINS - 1)
        bins[at].append((row.max(), float(row.argmax() == label)))
    return sum(abs(sum(hit - c for c, hit in inside)) for inside in bins) / len(y)


@pytest.mark.parametrize("seed", range(3))
def test_they_are_those_of_scikit_learn_in_any_parts(seed):
    scores, y = drawn(seed)
    taken = scores.argmax(axis=1)
    confusion = confusion_counts(y, taken, CLASSES)
    found = class_measures(confusion)
    assert found["balanced_accuracy"] == pytest.approx(balanced_accuracy_score(y, taken))
    assert found["macro_f1"] == pytest.approx(f1_score(y, taken, average="macro"))
    assert precision(confusion) == pytest.approx(precision_score(y, taken, average=None))
    for parts in (1, 7):
        counts = ScoreCounts(CLASSES)
        for part, classes in zip(np.array_split(scores, parts), np.array_split(y, parts), strict=True):
            counts.add(part, classes)
        assert counts.measures["top5_accuracy"] == pytest.approx(top_k_accuracy_score(y, scores, k=5))
        assert counts.measures["calibration_error"] == pytest.approx(calibration_error(softmax(scores), y))


def test_probabilities_are_taken_as_they_are():
    scores, y = drawn(5)
    of_logits, of_probabilities = ScoreCounts(CLASSES), ScoreCounts(CLASSES)
    of_logits.add(scores, y)
    of_probabilities.add(softmax(scores), y)
    assert of_probabilities.measures == pytest.approx(of_logits.measures)
    mixed = ScoreCounts(CLASSES)  # one batch that holds none makes all of them logits
    mixed.add(softmax(scores), y)
    mixed.add(scores, y)
    assert mixed.measures["calibration_error"] > of_logits.measures["calibration_error"]


def test_few_classes_and_scores_that_are_no_numbers():
    scores, y = drawn(6)
    few = ScoreCounts(5)
    few.add(scores[:, :5], y % 5)
    assert "top5_accuracy" not in few.measures
    counts = ScoreCounts(CLASSES)
    counts.add(scores, y)
    scores[3, 2] = np.nan
    counts.add(scores, y)
    assert counts.measures == {} and counts.calibration is None
    assert ScoreCounts(CLASSES).measures == {}


@settings(deadline=None, max_examples=50)
@given(arrays(np.float32, (6, 3), elements=st.floats(-(2.0**99), 2.0**99, width=32)))
def test_any_finite_scores_give_fractions(scores):
    counts = ScoreCounts(3)
    counts.add(scores, np.array([0, 1, 2, 0, 1, 2]))
    assert all(0 <= value <= 1 for value in counts.measures.values())


def test_a_recorded_run_has_them(home):
    scores, y = drawn(7)
    means = np.random.default_rng(0).normal(size=(CLASSES, 4))
    with start_run(method="mine", data="mine", classes=list("abcdefgh"), strict=True) as run:
        run.log_labels(1, class_means=means)
        run.log_predictions(1, y, scores=scores)
        run.log(2, test_top5_accuracy=0.125)  # what is given stands
        run.log_labels(2, class_means=means)
        run.log_predictions(2, y, scores=scores)
        run.log_labels(3, class_means=means)
        run.log_predictions(3, y, predictions=scores.argmax(axis=1))
    metrics, found = open_run(run.id).metrics(), predictions.tested(
        y, None, scores, None, classes=CLASSES, means=None, width=None
    )  # fmt: skip
    assert metrics.test_top5_accuracy[:2] == pytest.approx([found.measures["top5_accuracy"], 0.125])
    assert metrics.test_calibration_error[0] == pytest.approx(calibration_error(softmax(scores), y))
    assert np.isnan(metrics.test_calibration_error[2]) and np.isnan(metrics.test_top5_accuracy[2])
    assert metrics.test_balanced_accuracy == pytest.approx([found.measures["balanced_accuracy"]] * 3)
    labels = open_run(run.id).labels(1)
    assert labels.calibration is not None and labels.calibration[0].sum() == len(y)
    assert open_run(run.id).labels(3).calibration is None
