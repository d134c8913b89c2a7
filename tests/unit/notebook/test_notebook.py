"""Runs and comparisons in a notebook: the app's own figures, table and verdict."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import lwal_core as lwal
from lwal_core.analysis.comparison.speed import compare as compare_curves
from lwal_core.analysis.comparison.verdict import verdict
from lwal_core.errors import LwalError, RunError
from lwal_core.figures.dendrogram import dendrogram_figure
from lwal_core.results.run_curves import curve_of
from lwal_core.results.run_tree import run_hierarchy
from lwal_core.runs import READING_TITLES, Run
from tests.support.own_loop import train_own

Make = Callable[..., Run]


def test_a_tree_is_the_apps_own() -> None:
    run = lwal.open_run(train_own().id)
    fig = run.tree(groups=3, theme="dark")
    assert fig == dendrogram_figure(run_hierarchy(run), 3, theme="dark")
    with pytest.raises(RunError, match="no labels/epoch-0009"):
        run.tree(9)


@pytest.mark.parametrize("dimensions", [2, 3])
def test_a_projection_has_classes_and_samples(dimensions: int) -> None:
    run = lwal.open_run(train_own().id)
    fig = run.projection(dimensions=dimensions, groups=3)
    (classes,) = [trace for trace in fig.data if trace.name == "classes"]
    assert len(classes.x) == 6 and (dimensions == 2 or len(classes.z) == 6)
    fig = run.projection(dimensions=dimensions, samples=True)
    assert sum(len(trace.x) for trace in fig.data if trace.name == "samples") == 120
    with pytest.raises(RunError, match=r"test samples of run .* are those of epoch"):
        run.projection(0, samples=True)


def test_samples_without_embeddings_are_refused() -> None:
    with lwal.start_run(classes=["a", "b"], method="m", data="d") as recorder:
        recorder.log_labels(1, class_means=np.eye(2))
        recorder.log_predictions(1, [0, 1], predictions=[0, 1])
    run = lwal.open_run(recorder.id)
    with pytest.raises(RunError, match="no embeddings"):
        run.projection(samples=True)
    assert run.confusion().data and run.projection().data


def test_confusions_of_an_epoch_and_of_a_layer(make_run: Callable[..., Run]) -> None:
    run = lwal.open_run(make_run(layers=True).id)
    order = run_hierarchy(run).order
    for options in ({"epoch": 1}, {"epoch": 3}, {"layer": "features"}, {}):
        found = run.evaluation(**options)
        counts = np.zeros((10, 10))
        if options != {"layer": "features"}:  # of which samples are kept, and counts of all
            for true, guess in zip(found.y, found.pred, strict=True):
                counts[true, guess] += 1
            assert (found.confusion == counts).all() and counts.sum() == 40
        drawn = next(trace for trace in run.confusion(**options, rates=False).data if trace.name == "correct")
        np.testing.assert_array_equal(np.diag(np.array(drawn.z)), np.diag(found.confusion)[order])
    with pytest.raises(LwalError, match="keeps no features of test samples of epoch 1"):
        run.confusion(1, layer="features")


def test_confusions_need_no_tree() -> None:
    with lwal.start_run(classes=["a", "b"], method="m", data="d") as recorder:
        recorder.log_predictions(1, [0, 1, 1], predictions=[0, 1, 0])
    assert lwal.open_run(recorder.id).confusion(rates=False).data


def test_a_comparison_says_what_the_curves_page_says(make_run: Make) -> None:
    ours = [make_run("onehot", seed=seed, classes=6, accuracy=0.7) for seed in (1, 2)]
    theirs = [train_own(data="digits", seed=seed) for seed in (1, 2)]
    found = lwal.compare([lwal.open_run(run.id) for run in [*theirs, *ours]])
    by_hand = {
        reading: compare_curves(
            {
                "One-hot": [curve_of(run, reading) for run in ours],  # type: ignore[arg-type]
                "my-loss": [curve_of(run, reading) for run in theirs],  # type: ignore[arg-type]
            },
            "One-hot",
        )
        for reading in READING_TITLES
    }
    said = verdict(by_hand["as-used"], READING_TITLES["as-used"], {READING_TITLES[r]: c for r, c in by_hand.items()})
    assert found.sentence == said
    assert [row["method"] for row in found.table] == ["One-hot (baseline)", "my-loss"]
    names = {trace.name for trace in found.figure.data}
    assert {"One-hot", "my-loss"} <= names
    frame = found.to_pandas()
    assert list(frame["method"]) == ["One-hot (baseline)", "my-loss"]
    assert found.to_dict()["rows"][1]["seeds"] == [1, 2]


def test_any_run_may_be_the_baseline(make_run: Make) -> None:
    one_hot = make_run("onehot", seed=1, classes=6)
    first, second = train_own(data="digits", seed=1), train_own(data="digits", method="other", seed=1)
    runs = [lwal.open_run(run.id) for run in (first, second, one_hot)]
    assert lwal.compare(runs).content.baseline == "One-hot"
    assert lwal.compare(runs, baseline=runs[1]).content.baseline == "other"
    assert lwal.compare(runs, baseline="my-loss").content.baseline == "my-loss"
    assert lwal.compare(runs[:2]).content.baseline == "my-loss"
    with pytest.raises(LwalError, match="No group that is compared is called 'nothing'"):
        lwal.compare(runs, baseline="nothing")
    with pytest.raises(LwalError, match="no run to compare"):
        lwal.compare([])


def test_runs_are_given_as_whatever_stands_for_one() -> None:
    with lwal.start_run(classes=["a", "b"], method="first", data="d") as first:
        first.log(1, test_accuracy=0.5)
    with lwal.start_run(classes=["a", "b"], method="second", data="d") as second:
        second.log(1, test_accuracy=0.75)
    said = lwal.compare([lwal.open_run(first.id), lwal.open_run(second.id)]).sentence
    for runs in ([first, second], [first.id, second.id], reversed(lwal.list_runs())):
        assert lwal.compare(runs).sentence == said
    own = lwal.open_run(first.id)
    for other in (second, second.id, lwal.list_runs()[0]):
        assert {"first", "second"} <= {trace.name for trace in own.curves(other).data}
    (first.path / "run.json").write_text("{")  # type: ignore[operator]
    assert [row["method"] for row in lwal.compare(lwal.list_runs()).table] == ["second (baseline)"]
    for wrong, message in (
        (second.id, "no list of runs"), (own, "no list of runs"), (5, "no list of runs"),
        ([5], "5 is no run"), ([None], "None is no run"), (["nothing"], "There is no run 'nothing'"),
    ):  # fmt: skip
        with pytest.raises(LwalError, match=message):
            lwal.compare(wrong)  # type: ignore[arg-type]


def test_another_test_set_is_noted() -> None:
    for method, tested in (("first", 2), ("second", 2), ("third", 3)):
        with lwal.start_run(classes=["a", "b"], method=method, data="digits") as run:
            run.log_predictions(1, [0, 1, 1][:tested], [0, 1, 1][:tested])
    third, second, first = lwal.list_runs()
    assert not [note for note in lwal.compare([first, second]).notes if "test samples" in note]
    (note,) = [note for note in lwal.compare([first, third]).notes if "test samples" in note]
    assert "(first 2, third 3): accuracies are not of one test set" in note


def test_runs_of_several_homes_are_compared(tmp_path: Any) -> None:
    runs = []
    for method in ("first", "second"):
        with lwal.start_run(classes=["a", "b"], method=method, data="d", home=tmp_path / method) as run:
            run.log(1, test_accuracy=0.5)
        runs.append(lwal.open_run(run.id, tmp_path / method))
    found = lwal.compare(runs)
    assert [row["method"] for row in found.table] == ["first (baseline)", "second"] and found.figure.data
    assert runs[0].curves(runs[1]).data


def test_names_are_escaped_in_tables() -> None:
    run = train_own("<img src=x>", method="<b>m</b>", data="<script>")
    for html in (lwal.list_runs()._repr_html_(), lwal.compare([lwal.open_run(run.id)])._repr_html_()):
        assert not {"<img", "<b>", "<script"} & {html[i : i + n] for i in range(len(html)) for n in (3, 4, 7)}
        assert "&lt;" in html


def test_names_are_there_and_others_are_not() -> None:
    assert {"start_run", "resume_run", "open_run", "list_runs", "compare", "Recorder"} <= set(dir(lwal))
    for name in lwal.__all__:
        assert inspect.getdoc(getattr(lwal, name))
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        lwal.nothing  # noqa: B018
