"""Class tree of a confusion matrix: its distances, its epoch, and what is refused."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.cluster.hierarchy import average
from typer.testing import CliRunner

import lwal_core as lwal
from lwal_core.analysis.hierarchy import build_hierarchy
from lwal_core.cli.main import app
from lwal_core.errors import AnalysisError, RunError
from lwal_core.results.run_tree import run_hierarchy, tree_caption
from lwal_core.results.tree_spec import TreeSpec
from lwal_core.runs import Run, open_run

COUNTS = np.array([[6, 3, 0, 1], [1, 9, 0, 0], [0, 0, 10, 10], [1, 1, 4, 4]])


def recorded(counts: np.ndarray = COUNTS, epochs: tuple[int, ...] = (1, 2)) -> Run:
    """A run whose confusion matrix at its first epoch, the best one, has these counts."""
    targets = [i for i, row in enumerate(counts) for _ in range(row.sum())]
    found = [j for row in counts for j, count in enumerate(row) for _ in range(count)]
    with lwal.start_run(classes=list("abcd"), method="m", data="d") as run:
        for epoch in epochs:
            run.log_labels(epoch, class_means=np.eye(4) * epoch)
            run.log_predictions(epoch, targets, predictions=found if epoch == epochs[0] else [0] * len(targets))
    return open_run(run.id)


def test_distances_are_one_less_the_mean_share_of_both_directions() -> None:
    run = recorded()
    h = run_hierarchy(run, TreeSpec.of(run, vectors="confusion"))
    by_hand = [
        1 - (COUNTS[i, j] / COUNTS[i].sum() + COUNTS[j, i] / COUNTS[j].sum()) / 2
        for i in range(4)
        for j in range(i + 1, 4)
    ]
    np.testing.assert_allclose(h.distances, by_hand)
    np.testing.assert_allclose(np.sort(h.linkage[:, 2]), average(by_hand)[:, 2])
    assert frozenset({2, 3}) in {frozenset(h.members(node).tolist()) for node in range(4, 7)}


def test_its_epoch_is_the_best_one_whichever_is_asked_for() -> None:
    run = recorded()
    spec = TreeSpec.of(run, 2, "confusion", "complete", "cosine")
    assert (spec.epoch, spec.distance, spec.linkage) == (1, "confusion", "complete")
    assert "the share of test samples that two classes are taken for each other" in tree_caption(run, spec)
    assert spec.file_stem == "confusion-complete-confusion"
    with pytest.raises(RunError, match="confusion matrix of epoch 1 alone"):
        run.vectors(2, "confusion")


def test_what_has_no_such_tree_is_refused() -> None:
    with lwal.start_run(classes=["a", "b"], method="m", data="d") as recorder:
        recorder.log_labels(1, labels=np.eye(2))
    run = open_run(recorder.id)
    assert run.sources(confusion=True) == ("labels",)
    with pytest.raises(RunError, match="has no confusion matrix"):
        TreeSpec.of(run, vectors="confusion")
    empty = COUNTS.copy()
    empty[1] = 0
    with pytest.raises(RunError, match="'b' has no test samples"):
        run_hierarchy(other := recorded(empty), TreeSpec.of(other, vectors="confusion"))
    with pytest.raises(AnalysisError, match="defined for Euclidean distances only"):
        TreeSpec.of(other, vectors="confusion", linkage="ward")
    with pytest.raises(RunError, match="Only a confusion matrix"):
        TreeSpec.of(other, distance="confusion")
    with pytest.raises(AnalysisError, match="no shares of a confusion matrix"):
        build_hierarchy(COUNTS, list("abcd"), "average", "confusion")


@given(hnp.arrays(np.float64, st.integers(2, 6).map(lambda n: (n, n)), elements=st.floats(0, 1)))
def test_distances_are_from_0_to_1_whichever_class_comes_first(rates: np.ndarray) -> None:
    names = [str(i) for i in range(len(rates))]
    h = build_hierarchy(rates, names, "average", "confusion")
    assert h.distances.min() >= 0 and h.distances.max() <= 1
    turned = build_hierarchy(rates.T, names, "average", "confusion")
    np.testing.assert_allclose(turned.distances, h.distances)


def test_trainings_of_the_app_have_it_too(make_run: Callable[..., Run]) -> None:
    run = make_run()
    assert run.sources() == ("centroids", "labels") and run.sources(confusion=True)[-1] == "confusion"
    done = CliRunner().invoke(app, ["export", run.id, "--source", "confusion", "--format", "newick"])
    assert done.exit_code == 0, done.output
    assert done.output.count("class") == 10 and done.output.rstrip().endswith(";")


def test_what_was_not_recorded_is_no_tree_and_what_was_is_the_default() -> None:
    with lwal.start_run(classes=["a", "b", "c"], method="m", data="d") as recorder:
        recorder.log_labels(1, labels=np.eye(3, 4))
    run = lwal.open_run(recorder.id)
    assert TreeSpec.of(run).vectors == "labels" and run.tree().data and run.projection().data
    assert tree_caption(run, TreeSpec.of(run)).startswith("Label table of 3 classes")
    with pytest.raises(RunError, match="has no class means"):
        run.tree(vectors="centroids")
    assert CliRunner().invoke(app, ["export", run.id]).exit_code == 0
    done = CliRunner().invoke(app, ["export", run.id, "--source", "centroids"])
    assert done.exit_code != 0 and isinstance(done.exception, RunError) and "labels" in done.exception.hint
