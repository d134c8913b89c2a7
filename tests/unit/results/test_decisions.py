"""Decisions of runs: where probabilities come from, and figures by hand and by loops."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from lwal_core.analysis.trees import common_ancestor_heights
from lwal_core.errors import AnalysisError, RunError
from lwal_core.experiments.severity_table import severity_table
from lwal_core.results.decisions import run_decisions
from lwal_core.results.test_scores import scores_of_tests
from lwal_core.runs import Run, RunWriter
from lwal_core.taxonomy import load_taxonomy
from tests.support.runs import write_run

CIFAR = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]


def unsure(run: Run) -> Run:
    """Spread the test samples so far that some are taken for other classes."""
    z = run.evaluation().z
    return with_outputs(run, z + 5 * np.random.default_rng(run.config.training.seed).normal(size=z.shape))


def with_outputs(run: Run, z: np.ndarray, own: float | None = None, **more: np.ndarray) -> Run:
    """Put other outputs into the test results, and with them the accuracy that was recorded of them."""
    found = run.evaluation()
    RunWriter(run.path).evaluation(found.epoch, z, found.y, found.pred, found.confusion, **more)
    if own is not None:
        RunWriter(run.path).metrics({"epoch": found.epoch, "test_accuracy_mean": 0.5, "test_accuracy_own": own})
    return run


def test_a_method_that_is_read_by_class_means_has_the_softmax_of_the_distances(home) -> None:
    run = write_run("lwal", class_names=CIFAR)
    tested, found = scores_of_tests(run), run.evaluation()
    logits = np.exp(-cdist(found.z.astype(float), run.labels(3).centroids))
    assert tested.probabilities == pytest.approx(logits / logits.sum(axis=1, keepdims=True))
    assert tested.by == "the distances to the class means"


def test_outputs_are_scores_where_they_say_what_was_recorded(home) -> None:
    run = write_run("onehot", class_names=CIFAR)
    y = run.evaluation().y
    z = 4.0 * np.eye(10)[np.where(np.arange(len(y)) % 4 == 0, (y + 1) % 10, y)]
    tested = scores_of_tests(with_outputs(run, z, own=0.75))
    assert tested.by == "the outputs"
    assert tested.probabilities.max(axis=1) == pytest.approx(math.exp(4) / (math.exp(4) + 9))
    assert np.mean(tested.probabilities.argmax(axis=1) == y) == 0.75
    with pytest.raises(RunError, match="keeps no scores"):  # their largest one is right less often than was recorded
        scores_of_tests(with_outputs(run, z, own=0.9))


def test_scores_of_a_head_of_its_own_are_read_where_they_were_kept(home) -> None:
    run = write_run("hybrid", class_names=CIFAR)
    with pytest.raises(RunError, match="keeps no scores"):
        scores_of_tests(run)
    z = run.evaluation().z
    scores = np.random.default_rng(0).normal(size=(len(z), 10))
    tested = scores_of_tests(with_outputs(run, z, scores=scores))
    kept = np.exp(scores.astype(np.float16).astype(float))
    assert tested.probabilities == pytest.approx(kept / kept.sum(axis=1, keepdims=True))


def test_scores_of_another_number_of_classes_are_damage(home) -> None:
    run = write_run("hybrid", class_names=CIFAR)
    z = run.evaluation().z
    with pytest.raises(RunError, match="damaged"):
        with_outputs(run, z, scores=np.zeros((len(z), 9))).evaluation()


def test_figures_are_loops_over_samples(home) -> None:
    run = unsure(write_run("lwal", class_names=CIFAR))
    tested, found = scores_of_tests(run), run_decisions(run)
    heights = common_ancestor_heights(load_taxonomy("cifar10").linkage(CIFAR))
    p, y = tested.probabilities, tested.y
    taken = [min(range(10), key=lambda c, row=row: sum(row[t] * heights[t, c] for t in range(10))) for row in p]
    apart = [heights[t, c] for t, c in zip(y, taken, strict=True)]
    by_reference = found.scores["reference"]
    assert by_reference.distance == pytest.approx(np.mean(apart))
    assert by_reference.accuracy == pytest.approx(np.mean(np.array(taken) == y))
    assert by_reference.severity == pytest.approx(np.mean([a for a in apart if a]))
    plain = found.scores["likeliest"]
    assert plain.distance == pytest.approx((1 - plain.accuracy) * plain.severity)
    assert found.samples == found.total == len(y)
    assert set(found.scores) == {"likeliest", "reference", "own"}


def test_classes_that_the_reference_lacks_are_left_out(home) -> None:
    names = [*CIFAR[:8], "quasar", "boson"]
    found = run_decisions(write_run("lwal", class_names=names), load_taxonomy("cifar10"))
    assert (found.classes, found.left_out) == (8, ("quasar", "boson"))
    assert found.samples == 32  # 4 of each class


def test_without_a_reference_or_with_one_of_other_classes_it_says_so(home) -> None:
    run = write_run("lwal")
    with pytest.raises(AnalysisError, match="No reference taxonomy fits"):
        run_decisions(run)
    with pytest.raises(AnalysisError, match="0 of the classes"):
        run_decisions(run, load_taxonomy("cifar10"))


def test_methods_without_mistakes_have_no_severity(home) -> None:
    run, other = write_run("lwal", class_names=CIFAR), unsure(write_run("lwal", seed=12, dim=9, class_names=CIFAR))
    table = severity_table({"A": [run], "B": [other]}, "B")
    assert not isinstance(table, str)
    row = next(row for row in table.shown() if row["method"] == "A")
    assert row["mistake severity"] == "undefined (no mistakes)" and row["accuracy"].startswith("100 %")
    assert "cannot be held against those of B: no mistakes" in " ".join(table.answers)


def test_the_table_pairs_seeds_and_says_who_is_left_out(home) -> None:
    groups = {
        "LwAL": [unsure(write_run("lwal", seed=seed, class_names=CIFAR)) for seed in (12, 123, 1234)],
        "One-hot": [
            with_outputs(run, np.random.default_rng(run.config.training.seed).normal(size=(40, 10)))
            for run in (write_run("onehot", seed=seed, class_names=CIFAR) for seed in (12, 123, 1234))
        ],
        "Hybrid": [write_run("hybrid", class_names=CIFAR)],
    }
    for run in groups["One-hot"]:
        accuracy = float(np.mean(run.evaluation().z.argmax(axis=1) == run.evaluation().y))
        with_outputs(run, run.evaluation().z, own=accuracy)
    table = severity_table(groups, "One-hot")
    assert not isinstance(table, str)
    assert [row.label for row in table.rows] == ["One-hot"] * 3 + ["LwAL"] * 3
    assert "3 paired seeds" in table.answers[0] and table.headline.startswith("Mistakes of LwAL are ")
    assert any("Not here: Hybrid" in note and "keeps no scores" in note for note in table.notes)
    assert all(cell for row in table.shown() for cell in row.values())
    assert severity_table({"Hybrid": groups["Hybrid"]}).startswith("Run ")  # type: ignore[union-attr]
    assert table.to_dict()["rows"][0]["accuracy"]["n"] == 3
