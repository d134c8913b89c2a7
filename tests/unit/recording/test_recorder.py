"""Recorder: what a training loop logs is what readers find, and what goes wrong never ends it."""

# ruff: noqa: PT012, PT031  a recorder is used inside, and it is the loop as a whole that warns or ends

from __future__ import annotations

import copy
import errno
import gc
import inspect
import pickle
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lwal_core as lwal
from lwal_core.errors import ConfigError, LwalError, RunNotFound, TrainingError
from lwal_core.recording.arrays import RecordError
from lwal_core.recording.open_runs import RecordWarning
from lwal_core.runs import Run, RunWriter, list_runs, open_run
from lwal_core.security.permissions import ReadOnlyError
from tests.support.own_loop import NAMES, train_own

BIRDS: dict[str, Any] = {"classes": NAMES, "method": "my-loss", "data": "birds-v2"}
MEANS = np.arange(48.0).reshape(6, 8)


def start(**more: Any) -> lwal.Recorder:
    return lwal.start_run("birds", **{**BIRDS, **more})


def said(caught: list[warnings.WarningMessage]) -> list[str]:
    return [str(each.message) for each in caught if each.category is RecordWarning]


# --- contract ----------------------------------------------------------------------------------------------------------


def test_names_and_arguments() -> None:
    def arguments(function: Any) -> list[str]:
        return [name for name in inspect.signature(function).parameters if name != "self"]

    assert arguments(lwal.start_run)[:8] == [
        "name", "classes", "method", "data", "seed", "config", "taxonomy", "home"
    ]  # fmt: skip
    assert arguments(lwal.Recorder.log) == ["epoch", "numbers"]
    assert arguments(lwal.Recorder.log_labels) == ["epoch", "class_means", "labels", "feature_means"]
    assert arguments(lwal.Recorder.log_predictions) == [
        "epoch", "targets", "predictions", "scores", "embeddings", "images"
    ]  # fmt: skip
    assert arguments(lwal.Recorder.finish) == []
    assert arguments(lwal.open_run) == ["run_id", "home"] and arguments(lwal.list_runs) == ["home"]


def test_a_training_is_a_run() -> None:
    run = train_own(seed=1, config={"lr": 1e-3, "optimizer": {"name": "sgd", "betas": (0.9, 0.99)}})
    record, metrics = run.record, run.metrics()
    assert (run.status, run.name, run.config.training.seed) == ("done", "my loss on birds", 1)
    assert run.config.method_label() == "my-loss" and run.config.data.title == "birds-v2"
    assert run.config.method.listed()["config.optimizer.betas.1"] == 0.99
    assert run.class_names == NAMES and run.label_epochs() == [0, 1, 2, 3] == metrics.epoch.tolist()
    assert np.isnan(metrics.loss[0]) and np.isfinite(metrics.loss[1:]).all()
    assert list(metrics.extra) == ["spread"] and np.isnan(metrics.extra["spread"][0])
    assert record.best_epoch == int(np.argmax(metrics.test_accuracy_own[1:])) + 1
    evaluation = run.evaluation()
    assert evaluation.epoch == record.best_epoch and evaluation.confusion.sum() == 120 == record.data.test_size  # type: ignore[union-attr]
    at = int(np.flatnonzero(metrics.epoch == record.best_epoch)[0])
    assert np.trace(evaluation.confusion) / 120 == pytest.approx(metrics.test_accuracy_own[at])
    assert [change.status for change in record.history] == ["queued", "running", "done"]
    samples = run.samples()
    assert samples is not None and samples.images.shape == (54, 12, 10, 3)
    assert run.config.training.epochs == 3 and not run.active


def test_both_accuracies_are_those_of_a_slow_loop() -> None:
    generator = np.random.default_rng(3)
    y, z = generator.integers(0, 6, 90), generator.normal(size=(90, 8))
    means, scores = generator.normal(size=(6, 8)), generator.normal(size=(90, 6))
    with start() as run:
        run.log_labels(1, class_means=means)
        run.log_predictions(1, y, scores=scores, embeddings=z)
    own = [max(range(6), key=lambda c: scores[i, c]) for i in range(90)]
    nearest = [min(range(6), key=lambda c: sum((z[i, k] - means[c, k]) ** 2 for k in range(8))) for i in range(90)]
    confusion = np.zeros((6, 6), int)
    for true, found in zip(y, own, strict=True):
        confusion[true, found] += 1
    read = open_run(run.id)
    metrics, labels = read.metrics(), read.labels(1)
    assert metrics.test_accuracy_own[0] == pytest.approx(np.mean([a == b for a, b in zip(own, y, strict=True)]))
    assert metrics.test_accuracy_mean[0] == pytest.approx(np.mean([a == b for a, b in zip(nearest, y, strict=True)]))
    assert (read.evaluation().confusion == confusion).all()
    for rule, found in (("own", own), ("mean", nearest)):
        for c in range(6):
            hits = [found[i] == c for i in range(90) if y[i] == c]
            assert labels.accuracy(rule)[c] == pytest.approx(np.mean(hits))  # type: ignore[index,arg-type]


@pytest.mark.parametrize("late", [False, True])
def test_the_best_epoch_is_that_of_the_validation_part(late: bool) -> None:
    """Whether its accuracy comes before the predictions of the epoch or after them."""
    y = np.arange(12) % 6
    validation, right = [0.5, 0.9, 0.7, 0.9], [12, 3, 6, 9]
    with start() as run:
        for epoch, (held, hits) in enumerate(zip(validation, right, strict=True), start=1):
            if not late:
                run.log(epoch, validation_accuracy=held)
            run.log_predictions(epoch, y, predictions=np.where(np.arange(12) < hits, y, (y + 1) % 6))
            if late:
                run.log(epoch, validation_accuracy=held)
    read = open_run(run.id)
    assert read.record.best_epoch == read.evaluation().epoch == 2
    assert np.trace(read.evaluation().confusion) == 3
    assert read.metrics().validation_accuracy_own.tolist() == validation and not read.metrics().extra
    assert read.validation_accuracy("mean").tolist() == validation  # what the program gave, whatever the reading


def test_repeats_are_one_group_and_the_seed_alone_may_differ() -> None:
    first, second = train_own(seed=1, epochs=1), train_own(seed=2, epochs=2)
    third = train_own(seed=1, epochs=1, rate=0.1)
    assert first.group == second.group != third.group
    assert train_own(seed=1, epochs=1, method="other").group != first.group
    assert train_own(seed=1, epochs=1, data="other").group != first.group


def small(**options: Any) -> Any:
    return options


def test_what_differs_in_every_process_makes_no_repeat_another_group() -> None:
    class Loss:
        pass

    groups = set()
    for seed in (1, 2):
        with start(
            seed=seed, config={"seed": seed, "random_state": seed, "act": small, "loss": Loss(), "lr": 1}
        ) as run:
            pass
        assert run.config.method.options == {
            "act": "<function small>",
            "loss": f"<{__name__}.{Loss.__qualname__} object>",
            "lr": 1,
        }
        groups.add(open_run(run.id).group)
    assert len(groups) == 1
    with start(seed=3, config={"seed": 5, "data": {"seed": 3}, "lr": 1}) as run:  # others than the run's own
        pass
    assert run.config.method.options == {"data.seed": 3, "lr": 1, "seed": 5}


@pytest.mark.parametrize(
    "classes", [{"b": 1, "a": 0, "c": 2}, {1: "b", 2: "c", 0: "a"}, {"1": "b", "2": "c", "0": "a"}]
)
def test_a_dictionary_of_classes_is_read_in_the_order_of_their_numbers(classes: Any) -> None:
    with lwal.start_run(None, **{**BIRDS, "classes": classes}) as run:
        pass
    read = open_run(run.id)
    assert read.class_names == ("a", "b", "c") and read.name == "my-loss on birds-v2"


def test_a_data_set_of_the_app_is_the_apps_own() -> None:
    with start(data="cifar10") as run:
        pass
    assert open_run(run.id).config.data.name == "cifar10"
    with start(data="imported:x") as run:
        pass
    assert open_run(run.id).config.data.name == "external:x"


@pytest.mark.parametrize("given", ["class_means", "labels"])
def test_one_table_is_enough_and_the_record_says_which(given: str) -> None:
    with start() as run:
        run.log_labels(1, **{given: MEANS})
    read = open_run(run.id)
    assert read.record.vectors == [{"class_means": "centroids", "labels": "labels"}[given]]
    assert (read.vectors(1, read.record.vectors[0]) == MEANS).all() and read.record.label_dim == 8


def test_feature_means_are_a_layer_of_their_own() -> None:
    wide = np.arange(6 * 20).reshape(6, 20)
    with start(strict=True) as run:
        run.log_labels(1, class_means=MEANS, feature_means=wide)
        with pytest.raises(LwalError, match="Neither class_means nor labels"):
            run.log_labels(2, feature_means=wide)
        with pytest.raises(LwalError, match="feature_means has the shape"):
            run.log_labels(2, class_means=MEANS, feature_means=wide[:5])
    read = open_run(run.id)
    assert read.sources() == ("centroids", "features") and read.record.label_dim == 8
    assert (read.vectors(1, layer="features") == wide).all() and (read.vectors(1) == MEANS).all()


@pytest.mark.parametrize(
    ("epochs", "kept"), [(50, [*range(51)]), (51, [*range(0, 51, 2), 51]), (101, [*range(0, 101, 4), 101])]
)
def test_the_sample_of_each_epoch_is_kept_and_thinned_out(epochs: int, kept: list[int]) -> None:
    y = np.arange(12) % 6
    with start() as run:
        for epoch in range(epochs + 1):
            run.log_predictions(epoch, y, predictions=(y + (epoch % 2)) % 6, embeddings=np.full((12, 2), epoch))
    read = open_run(run.id)
    assert read.tested_epochs() == kept
    for epoch in (kept[0], kept[-1]):
        found = read.evaluation(epoch=epoch)
        assert (found.z == epoch).all() and (found.pred == (y + epoch % 2) % 6).all() and found.rule == "own"
        assert np.trace(found.confusion) == (0 if epoch % 2 else 12) and found.confusion.sum() == 12
    with pytest.raises(LwalError, match="keeps no outputs of test samples of epoch 999"):
        read.evaluation(epoch=999)


def test_an_epoch_that_is_logged_again_replaces_its_sample() -> None:
    y = np.arange(12) % 6
    with start() as run:
        for z in (1, 2):
            run.log_predictions(3, y, predictions=y, embeddings=np.full((12, 2), z))
    assert open_run(run.id).tested_epochs() == [3] and (open_run(run.id).evaluation(epoch=3).z == 2).all()


def test_the_order_of_calls_in_an_epoch_does_not_matter() -> None:
    y = np.arange(12) % 6
    with start() as run:
        run.log_predictions(1, y, predictions=y)
        run.log_labels(1, labels=MEANS)
        run.log(1, loss=2)
    read = open_run(run.id)
    assert (read.labels(1).accuracy_own == 1).all()
    assert read.metrics().loss.tolist() == [2] and read.metrics().test_accuracy_own.tolist() == [1]
    assert read.evaluation().z.shape == (12, 0)


def test_a_number_that_was_given_stands() -> None:
    with start() as run:
        run.log(1, test_accuracy=0.25)
        run.log_predictions(1, [0, 1], predictions=[0, 1])
    assert open_run(run.id).metrics().test_accuracy_own.tolist() == [0.25]


def test_the_evaluation_is_that_of_the_best_epoch() -> None:
    right, half = np.arange(12) % 6, np.where(np.arange(12) < 6, np.arange(12) % 6, 0)
    with start() as run:
        for epoch, pred in enumerate((right, half, right, half)):
            run.log_predictions(epoch, right, predictions=pred)
    read = open_run(run.id)
    assert read.record.best_epoch == 2 == read.evaluation().epoch  # epoch 0, before training, is no best epoch
    with start() as run:
        run.log_predictions(0, right, predictions=right)
    assert open_run(run.id).evaluation().epoch == 0  # unless there is no other


def test_a_large_test_set_is_counted_whole_and_kept_in_part() -> None:
    generator = np.random.default_rng(0)
    y = np.concatenate([np.zeros(9_000, int), generator.integers(1, 6, 500)])
    pred = np.where(generator.random(len(y)) < 0.8, y, 5)
    with start() as run:
        run.log_predictions(1, y, predictions=pred, embeddings=np.arange(len(y))[:, None] * np.ones(8))
    read = open_run(run.id).evaluation()
    assert read.confusion.sum() == 9_500 and len(read.y) == 2_000
    assert np.bincount(read.y)[1:].sum() == 500  # every sample of the small classes
    kept = read.z[:, 0].astype(int)
    assert (y[kept[kept < 2_048]] == read.y[kept < 2_048]).all()  # half precision counts exactly to 2,048


def test_an_epoch_that_is_logged_again_replaces_and_an_earlier_one_is_refused() -> None:
    with pytest.warns(RecordWarning, match="Epoch 2 comes after epoch 5"), start() as run:
        run.log(1, loss=1.0, seconds=1)
        run.log(5, loss=0.5)
        run.log(1, loss=0.9)
        run.log(2, loss=0.7)
    metrics = open_run(run.id).metrics()
    assert metrics.epoch.tolist() == [1, 5] and metrics.loss.tolist() == [0.9, 0.5] and metrics.seconds[0] == 1


# --- what goes wrong ---------------------------------------------------------------------------------------------------

WRONG = [
    ("log", {"epoch": -1, "loss": 1}, "epoch is -1"),
    ("log", {"epoch": 10_001}, "0 to 10,000"),
    ("log", {"epoch": 1.5}, "epoch is 1.5"),
    ("log", {"epoch": "x"}, "epoch is 'x'. Give a finite number"),
    ("log", {"epoch": 1, "loss": None}, "loss is None. Give a finite number"),
    ("log", {"epoch": 1, "loss": float("nan")}, "loss is nan. Give a finite number"),
    ("log", {"epoch": 1, "loss": [1, 2]}, r"loss has the shape \[2\]"),
    ("log", {"epoch": 1, "test_accuracy": 91}, "test_accuracy is 91. Give a fraction"),
    ("log", {"epoch": 1, "a\nb": 1}, "no name for a number"),
    ("log_labels", {"epoch": 1}, "Neither class_means nor labels"),
    ("log_labels", {"epoch": 1, "class_means": np.ones((5, 8))}, r"class_means has the shape \[5, 8\].*\[C, K\] with C = 6"),
    ("log_labels", {"epoch": 1, "labels": np.ones(6)}, r"labels has the shape \[6\]"),
    ("log_labels", {"epoch": 1, "labels": np.full((6, 2), np.inf)}, r"labels has the value inf at \[0, 0\], 12 such"),
    ("log_labels", {"epoch": 1, "labels": [["a"]] * 6}, "labels holds values of type <U1"),
    ("log_labels", {"epoch": 1, "labels": [[1], [1, 2]]}, "labels is a list, which is no array"),
    ("log_predictions", {"epoch": 1, "targets": [0, 6], "predictions": [0, 1]}, r"targets has the value 6 at \[1\]"),
    ("log_predictions", {"epoch": 1, "targets": [0, 1], "predictions": [0]}, r"predictions has the shape \[1\].*N = 2"),
    ("log_predictions", {"epoch": 1, "targets": [0, 1]}, "Nothing says which class"),
    ("log_predictions", {"epoch": 1, "targets": [0.5, 1], "predictions": [0, 1]}, "targets has the value 0.5"),
    ("log_predictions", {"epoch": 1, "targets": [], "predictions": []}, "targets has 0 values"),
    ("log_predictions", {"epoch": 1, "targets": [0], "scores": [[np.nan] * 6]}, "scores has a value in row 0"),
    ("log_predictions", {"epoch": 1, "targets": [0], "predictions": [0], "embeddings": [[1e39, np.inf]]}, "embeddings"),
    ("log_predictions", {"epoch": 1, "targets": [0], "predictions": [0], "images": np.ones((1, 3, 8, 8))}, r"\[N, H, W, 3\]"),
    ("log_predictions", {"epoch": 1, "targets": [0], "predictions": [0], "images": np.ones((1, 8, 8, 3))}, "Give uint8"),
    ("describe", {"parameters": "many"}, "valid integer"),
]  # fmt: skip


@pytest.mark.parametrize(("method", "values", "message"), WRONG, ids=[f"{m}-{i}" for i, (m, *_) in enumerate(WRONG)])
def test_a_wrong_value_is_said_once_and_the_training_goes_on(method: str, values: dict[str, Any], message: str) -> None:
    with pytest.warns(RecordWarning, match=message) as caught, start() as run:
        for _ in range(3):
            getattr(run, method)(**values)
        run.log(1, loss=0.5)
    assert len(said(caught.list)) == 1
    read = open_run(run.id)
    assert read.status == "done" and read.metrics().loss[-1] == 0.5 and len(read.record.warnings) == 1
    with pytest.raises((LwalError, ValueError), match=message), start(strict=True) as run:
        getattr(run, method)(**values)
    assert open_run(run.id).status == "failed" and open_run(run.id).record.error


def test_a_warning_points_at_the_line_of_the_program() -> None:
    with pytest.warns(RecordWarning) as caught, start() as run:
        run.log(1, loss=None)
        run.log_labels(1)
        run.log_predictions(1, [9])
    assert len(caught) == 3 and {Path(each.filename) for each in caught} == {Path(__file__)}


def test_one_wrong_number_does_not_take_the_others_along() -> None:
    with pytest.warns(RecordWarning, match="train_loss is nan"), start() as run:
        run.log(1, train_loss=float("nan"), test_accuracy=0.5)
    assert open_run(run.id).metrics().test_accuracy_own.tolist() == [0.5]


def test_seconds_of_an_epoch_alone_are_noticed() -> None:
    with pytest.warns(RecordWarning, match="Give the seconds so far, summed up"), start() as run:
        run.log(1, seconds=12.5)
        run.log(2, seconds=12.1)
    assert np.isnan(open_run(run.id).metrics().seconds[1])


def test_a_loss_at_epoch_0_is_said_to_be_odd() -> None:
    with pytest.warns(RecordWarning, match="count epochs from 1"), start() as run:
        run.log(0, loss=1)


def test_the_width_of_a_table_stays() -> None:
    with pytest.warns(RecordWarning, match="K = 8"), start() as run:
        run.log_labels(1, class_means=MEANS)
        run.log_labels(2, class_means=MEANS[:, :4])
        run.log_labels(2, labels=MEANS[:, :4])  # the label table may have another
    assert open_run(run.id).label_epochs() == [1, 2]


def test_columns_of_ones_own_are_bounded() -> None:
    with pytest.warns(RecordWarning, match="one name too many"), start() as run:
        run.log(1, **{f"m{i}": i for i in range(70)})
    assert len(open_run(run.id).metrics().extra) == 64


def test_a_full_disk_is_said_once_and_what_was_missed_comes_later(monkeypatch: pytest.MonkeyPatch) -> None:
    real = RunWriter.metrics

    def full(self: RunWriter, row: dict[str, float | int]) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.warns(RecordWarning) as caught, start() as run:
        monkeypatch.setattr(RunWriter, "metrics", full)
        for epoch in (1, 2):
            run.log(epoch, loss=1 / epoch)
        monkeypatch.setattr(RunWriter, "metrics", real)
        run.log(2, test_accuracy=0.5)
    assert len(said(caught.list)) == 1 and "No space left" in said(caught.list)[0]
    metrics = open_run(run.id).metrics()
    assert metrics.epoch.tolist() == [2] and metrics.loss.tolist() == [0.5]


def test_a_home_that_cannot_be_written_is_said_before_anything_is_trained(tmp_path: Path) -> None:
    with pytest.raises(LwalError, match="that it would lie in"):
        start(home=tmp_path / "missing" / "home")
    (tmp_path / "file").write_text("")
    with pytest.raises(LwalError, match="cannot be written"):
        start(home=tmp_path / "file")


def test_nothing_is_begun_in_read_only_mode(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LWAL_READ_ONLY", "1")
    with pytest.raises(ReadOnlyError):
        start()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"classes": ["a"]}, "Number of classes: 1"),
        ({"classes": "abc"}, "Give a list of class names"),
        ({"classes": {"a": 1, "b": 2}}, "does not number its classes from 0"),
        ({"classes": {"a": "x", "b": "y"}}, "does not number its classes from 0"),
        ({"classes": ["a", "a "]}, "Several classes are called 'a'"),
        ({"classes": ["a", "\n"]}, "Class 1 has no name"),
        ({"classes": ["a", "b" * 301]}, "301 characters"),
        ({"method": " "}, "method has 0 characters"),
        ({"data": "x" * 121}, "data has 121 characters"),
        ({"seed": -1}, "seed"),
        ({"seed": "1"}, "seed is '1'"),
        ({"epochs": 0}, "epochs"),
        ({"taxonomy": "nothing-like-it"}, "There is no taxonomy"),
    ],
)
def test_a_wrong_beginning_is_an_error(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(LwalError, match=message):
        start(**wrong)
    assert not list_runs()


# --- ends --------------------------------------------------------------------------------------------------------------


def test_an_error_is_the_runs_own() -> None:
    with pytest.raises(ZeroDivisionError), start() as run:
        run.log(1, loss=1 / 0)
    read = open_run(run.id)
    assert (read.status, read.record.error) == ("failed", "ZeroDivisionError: division by zero")
    with pytest.raises(KeyboardInterrupt), start() as run:
        raise KeyboardInterrupt
    assert open_run(run.id).status == "interrupted"


def test_a_closed_run_takes_nothing_more() -> None:
    run = start()
    run.log(1, loss=1)
    run.finish()
    run.finish()
    with pytest.warns(RecordWarning, match="closed"):
        run.log(2, loss=1)
    assert open_run(run.id).metrics().epoch.tolist() == [1] and not run.recording
    assert [change.status for change in open_run(run.id).record.history].count("done") == 1


def test_a_run_is_taken_up_again() -> None:
    with pytest.raises(RuntimeError), start() as run:
        run.log_labels(1, class_means=MEANS)
        run.log(1, loss=1, seconds=5, mine=1)
        run.log_predictions(1, [0, 1], predictions=[0, 1])
        raise RuntimeError("power")
    with lwal.resume_run(run.id) as again:
        again.log(2, loss=0.5, seconds=9)
        again.log_labels(2, class_means=MEANS)
        again.log_predictions(2, [0, 1], predictions=[0, 0])
    read = open_run(run.id)
    assert read.metrics().epoch.tolist() == [1, 2] and read.metrics().extra["mine"][0] == 1
    assert read.record.best_epoch == 1 and read.status == "done" and read.record.vectors == ["centroids"]
    with pytest.raises(TrainingError, match="is finished"):
        lwal.resume_run(run.id)
    with pytest.raises(RunNotFound):
        lwal.resume_run("nothing")


def test_a_training_of_the_app_is_not_taken_up(make_run: Any) -> None:
    with pytest.raises(TrainingError, match="was trained here"):
        lwal.resume_run(make_run(status="interrupted").id)


def test_a_run_that_nobody_holds_any_more_is_interrupted() -> None:
    run = start()
    run.log(1, loss=1)
    first = run.id
    run = start()  # as when a notebook's cell is run again
    gc.collect()
    read = open_run(first).record
    assert read.status == "interrupted" and "let go of it without finish()" in read.history[-1].reason
    assert run.recording
    run.finish()
    assert open_run(run.id).status == "done"


def test_a_second_recorder_of_one_run_is_refused() -> None:
    with start() as run, pytest.raises(TrainingError, match="is being recorded already"):
        lwal.resume_run(run.id)


def test_ranks_beyond_the_first_record_nothing(
    monkeypatch: pytest.MonkeyPatch, recwarn: pytest.WarningsRecorder
) -> None:
    monkeypatch.setenv("RANK", "1")
    with start() as run:
        run.log(1, loss=float("nan"))
        run.log_labels(1, class_means=MEANS)
        run.describe(parameters=5)
    assert not list_runs() and not run.recording and run.id == "" and not said(list(recwarn))


def test_copies_record_the_same_run_and_pickles_nothing(recwarn: pytest.WarningsRecorder) -> None:
    with start() as run:
        copy.deepcopy({"callback": run})["callback"].log(1, loss=1)
        elsewhere = pickle.loads(pickle.dumps(run))
        elsewhere.log(2, loss=1)
        elsewhere.finish()
        assert elsewhere.last_epoch == 0 and elsewhere.id == run.id
        assert run.recording and not elsewhere.recording
    assert open_run(run.id).metrics().epoch.tolist() == [1] and not said(list(recwarn))


def test_another_home(tmp_path: Path) -> None:
    other = tmp_path / "other"
    with start(home=other) as run:
        run.log_labels(1, class_means=MEANS)
    assert not list_runs() and [each.id for each in lwal.list_runs(other)] == [run.id]
    assert lwal.open_run(run.id, other).tree().data


# --- what else it says -------------------------------------------------------------------------------------------------


def test_more_about_the_run() -> None:
    with start(tags=["a", "b"], epochs=7, strict=True) as run:
        run.describe(parameters=1_234, device="TPU v9", train_size=50, notes=["by hand"])
        assert run.config.training.epochs == 7
        run.log(3, loss=1)
        assert run.config.training.epochs == 7
    record = open_run(run.id).record
    assert (record.parameters, record.device, record.tags) == (1_234, "TPU v9", ["a", "b"])
    assert record.data is not None and (record.data.train_size, record.data.notes) == (50, ["by hand"])
    assert record.config.training.epochs == 3  # what it came to
    with pytest.raises(TypeError, match="nothing of speed"):
        run.describe(speed=1)


def test_a_taxonomy_of_a_file_is_kept_once(tmp_path: Path) -> None:
    file = tmp_path / "birds.nwk"
    file.write_text("((robin,wren)songbirds,(eagle,hawk)raptors,(duck,goose)waterfowl);")
    names = {open_run(train_own(seed=seed, epochs=1, taxonomy=str(file)).id).record.data.taxonomy for seed in (1, 2)}  # type: ignore[union-attr]
    assert names == {"own-birds"}
    with start(taxonomy="CIFAR-10") as run:
        pass
    assert open_run(run.id).record.data.taxonomy == "cifar10"  # type: ignore[union-attr]


def test_names_are_one_line_and_what_cannot_be_shown_is_gone() -> None:
    run = train_own("a\u202eb\nc", classes=["x\x00y", "<b>z</b>"], method="m\u2028n", data="d\re", images=False)
    assert run.name == "a b c" and run.class_names == ("x y", "<b>z</b>")
    assert run.config.method_label() == "m n" and run.config.data.title == "d e"


def test_a_run_of_another_program_is_neither_started_nor_stopped_here() -> None:
    from lwal_core.jobs import cancel, duplicate, make_ready, retry

    with start() as run:
        live = open_run(run.id)
        with pytest.raises(TrainingError, match="recorded by another program"):
            cancel(live)
    for act in (make_ready, retry, lambda r: duplicate(r, {})):
        with pytest.raises(TrainingError, match="recorded by another program"):
            act(Run(live.path))


def test_a_method_that_another_program_has_is_not_trained() -> None:
    from lwal_core.config import RunConfig

    with pytest.raises(ConfigError, match="called"):
        RunConfig.parse({"method": {"name": "external"}})
    with pytest.raises(ConfigError, match="another program"):
        RunConfig.parse({"data": {"name": "external:x"}})
    config = RunConfig.parse({"method": {"name": "external", "called": "x"}})
    with pytest.raises(RecordError.__mro__[1]):
        config.method.build(None)  # type: ignore[arg-type]


def test_it_says_by_which_rule_the_kept_predictions_are() -> None:
    with start() as run:
        run.log_labels(1, class_means=np.eye(6))
        run.log_predictions(1, [0, 1], embeddings=np.eye(6)[:2])
    assert open_run(run.id).evaluation().predicted_by == "nearest class mean"
    with start() as run:
        run.log_predictions(1, [0, 1], predictions=[0, 1])
    assert open_run(run.id).evaluation().predicted_by == "its own predictions"


def test_running_totals_never_run_backwards_whichever_epoch_is_logged_again() -> None:
    with pytest.warns(RecordWarning, match="seconds is 9, and 7 in a later epoch"), start() as run:
        for epoch, seconds in ((1, 5), (2, 7), (1, 9), (1, 6)):
            run.log(epoch, seconds=seconds)
    assert open_run(run.id).metrics().seconds.tolist() == [6, 7]


def test_predictions_that_are_logged_again_replace_what_was_counted_but_no_number_that_was_given() -> None:
    y = np.arange(12) % 6
    with start() as run:
        run.log_predictions(1, y, predictions=y)
        run.log_predictions(1, y, predictions=np.zeros(12, int))
        run.log_predictions(2, y, predictions=y)
        run.log(2, test_accuracy=0.25)
        run.log_predictions(2, y, predictions=y)
    assert open_run(run.id).metrics().test_accuracy_own.tolist() == pytest.approx([1 / 6, 0.25])


@pytest.mark.parametrize(
    ("ranks", "first"),
    [({}, True), ({"RANK": "0", "LOCAL_RANK": "0"}, True), ({"RANK": "0", "NODE_RANK": "1"}, True),
     ({"RANK": "2", "LOCAL_RANK": "0"}, False), ({"LOCAL_RANK": "1"}, False), ({"NODE_RANK": "1", "LOCAL_RANK": "0"}, False)],
)  # fmt: skip
def test_one_process_of_a_distributed_training_records(
    ranks: dict[str, str], first: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, rank in ranks.items():
        monkeypatch.setenv(name, rank)
    with start() as run:
        assert run.recording is first
    assert len(list_runs()) == first


def test_without_predictions_of_its_own_the_nearest_class_mean_is_its_rule() -> None:
    y = np.arange(12) % 6
    keys = set()
    for epochs in (1, 2):
        with start() as run:
            run.log_labels(1, class_means=np.eye(6))
            run.log_predictions(1, y, embeddings=np.eye(6)[y])
            read = open_run(run.id)
            assert read.rule == "nearest class mean" and read.accuracy().tolist() == [1]
            if epochs == 2:
                run.log(2, test_accuracy=0.5)
        read = open_run(run.id)
        keys.add(read.group)
    assert read.rule == "largest output" and read.accuracy()[-1] == 0.5 and len(keys) == 1
