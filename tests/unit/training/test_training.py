"""Training in its own process: whole folders, equal bits for equal seeds, resuming, cancelling, failing in words."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from lwal_core.config import RunConfig
from lwal_core.data import load_dataset
from lwal_core.errors import TrainingError
from lwal_core.jobs import RunLock, cancel, resume, start_training, waiting
from lwal_core.runs import Run, RunWriter, create_run, open_run
from lwal_core.runs.evaluation import confusion_counts, kept_of
from lwal_core.training.checkpoint import load_checkpoint, save_checkpoint
from lwal_core.training.devices import pick_device
from lwal_core.training.evaluation import consolidation_sample, nearest_centroid
from lwal_core.training.loop import Cancelled, train_run


@pytest.fixture
def features(tmp_path: Path) -> str:
    """A small feature file: four classes in two well separated pairs."""
    generator = np.random.default_rng(0)
    centres = np.array([[0, 0, 4], [1, 0, 4], [8, 8, 0], [8, 9, 0]], dtype=np.float32)

    def draw(count: int) -> tuple[np.ndarray, np.ndarray]:
        y = np.arange(count) % 4
        return (centres[y] + 0.4 * generator.normal(size=(count, 3))).astype(np.float32), y

    (x_train, y_train), (x_test, y_test) = draw(120), draw(60)
    path = tmp_path / "features.npz"
    names = np.array(["cat", "dog", "truck", "car"])
    np.savez(path, x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test, class_names=names)
    return f"features:{path}"


def make(features: str, method: dict | None = None, **training: object) -> Run:
    values = {
        "data": {"name": features},
        "encoder": {"hidden": 16},
        "method": method or {"name": "lwal"},
        "training": {"epochs": 3, "batch_size": 16, "device": "cpu", "seed": 5, **training},
    }
    return create_run(RunConfig.parse(values))


def weights(run: Run) -> dict[str, np.ndarray]:
    return load_file(run.path / "checkpoint" / "last.safetensors")


def assert_equal_bits(a: Run, b: Run) -> None:
    """Everything that training decides is the same to the last bit; only times may differ."""
    a, b = open_run(a.id), open_run(b.id)
    first, second = a.metrics(), b.metrics()
    for name in (
        "epoch",
        "step",
        "samples",
        "loss",
        "pull",
        "push",
        "test_accuracy_mean",
        "test_accuracy_own",
        "train_accuracy_own",
    ):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name), err_msg=name)
    assert a.label_epochs() == b.label_epochs()
    for epoch in a.label_epochs():
        np.testing.assert_array_equal(a.vectors(epoch, "labels"), b.vectors(epoch, "labels"))
        np.testing.assert_array_equal(a.vectors(epoch, "centroids"), b.vectors(epoch, "centroids"))
        np.testing.assert_array_equal(a.vectors(epoch, "features"), b.vectors(epoch, "features"))
    epochs = a.label_epochs()
    assert a.tested_epochs() == b.tested_epochs() == [epoch for epoch in epochs if kept_of(epoch, epochs[-1])]
    for epoch in a.tested_epochs():
        np.testing.assert_array_equal(a.evaluation(epoch=epoch).z, b.evaluation(epoch=epoch).z)
    np.testing.assert_array_equal(a.evaluation("features").z, b.evaluation("features").z)
    ours, theirs = weights(a), weights(b)
    assert ours.keys() == theirs.keys()
    for name in ours:
        np.testing.assert_array_equal(ours[name], theirs[name], err_msg=name)
    np.testing.assert_array_equal(a.evaluation().z, b.evaluation().z)


METHODS = [
    {"name": "onehot"},
    {"name": "lwal"},
    {"name": "lwal", "dim": "10x", "leave_one_out": True},
    {"name": "lwal", "dim": "2"},
]


@pytest.mark.parametrize("method", METHODS, ids=["onehot", "lwal", "lwal10", "K<C"])
def test_writes_the_whole_run_folder(features, method):
    run = make(features, method)
    train_run(run.path)
    run = open_run(run.id)
    dim = {"onehot": 4}.get(method["name"], {"10x": 40, "2": 2}.get(method.get("dim", ""), 4))
    assert run.class_names == ("cat", "dog", "truck", "car")
    assert run.label_epochs() == [0, 1, 2, 3]
    for epoch in run.label_epochs():
        assert run.vectors(epoch, "labels").shape == run.vectors(epoch, "centroids").shape == (4, dim)
    metrics = run.metrics()
    assert list(metrics.epoch) == [0, 1, 2, 3]
    assert list(metrics.step) == [0, 8, 16, 24]
    assert list(metrics.samples) == [0, 120, 240, 360]
    assert np.isnan(metrics.loss[0]) and np.isfinite(metrics.loss[1:]).all()
    assert (np.diff(metrics.seconds) > 0).all()
    for predictor in ("mean", "own"):
        assert ((metrics.accuracy(predictor) >= 0) & (metrics.accuracy(predictor) <= 1)).all()
    evaluation = run.evaluation()
    assert evaluation.z.shape == (60, dim)
    assert evaluation.epoch == run.record.best_epoch
    assert evaluation.confusion.sum() == 60
    as_used = run.accuracy()
    assert as_used[evaluation.epoch] == as_used[1:].max()
    assert np.trace(evaluation.confusion) / 60 == pytest.approx(metrics.accuracy("mean")[evaluation.epoch])
    assert run.samples() is None  # features have no pictures
    assert (run.path / "model" / "config.json").exists()
    assert run.record.data is not None and len(run.record.data.fingerprint) == 64
    if method["name"] == "onehot":
        np.testing.assert_array_equal(run.vectors(3, "labels"), np.eye(4))
    else:
        assert not np.allclose(run.vectors(3, "labels"), run.vectors(0, "labels"))


def test_images_give_thumbnails():
    run = create_run(
        RunConfig.parse({"data": {"name": "digits", "per_class": 10}, "training": {"epochs": 1, "device": "cpu"}})
    )
    train_run(run.path)
    samples = open_run(run.id).samples()
    assert samples is not None
    assert samples.images.shape[-1] == 3
    assert set(samples.y) == set(range(10))


def test_consolidated_labels_are_class_means_in_evaluation_mode(features):
    """Recomputed from the saved model, one sample at a time."""
    from lwal_core.encoders import Classifier, build_encoder

    run = make(features)
    train_run(run.path)
    run = open_run(run.id)
    data = load_dataset(run.config.data)
    mean, std = data.channel_mean_std()
    model = Classifier(build_encoder(run.config.encoder, data.input_shape), 4, mean, std)
    saved = {k.partition("/")[2]: torch.from_numpy(v) for k, v in weights(run).items() if k.startswith("model/")}
    model.load_state_dict(saved)
    model.eval()
    with torch.no_grad():
        rows = [model(x[None])[0] for x in data.x_train]
    for c in range(4):
        members = [rows[i] for i in range(len(rows)) if data.y_train[i] == c]
        naive = sum(members) / len(members)
        np.testing.assert_allclose(run.vectors(3, "centroids")[c], naive, atol=1e-5)


@pytest.mark.parametrize("dim", ["1x", "2", "3x"])
def test_labels_start_as_class_means_of_the_untrained_network(features, dim):
    """The network before training, rebuilt from its seed, one sample at a time."""
    from lwal_core.encoders import Classifier, build_encoder

    run = make(features, {"name": "lwal", "dim": dim, "start": "centroids", "decay": 0.5}, epochs=1)
    train_run(run.path)
    run = open_run(run.id)
    data = load_dataset(run.config.data)
    torch.manual_seed(run.config.training.seed)
    encoder = build_encoder(run.config.encoder, data.input_shape)
    model = Classifier(encoder, run.record.label_dim or 0, *data.channel_mean_std()).eval()
    with torch.no_grad():
        rows = [model(x[None])[0] for x in data.x_train]
    for c in range(4):
        members = [rows[i] for i in range(len(rows)) if data.y_train[i] == c]
        np.testing.assert_allclose(run.vectors(0, "labels")[c], sum(members) / len(members), atol=1e-5)
    metrics = run.metrics()
    assert metrics.test_accuracy_own[0] == metrics.test_accuracy_mean[0]  # both read by the same vectors


@pytest.mark.parametrize("stop_after", [0, 5, 8])
def test_a_start_from_class_means_is_taken_once_however_often_a_run_is_resumed(features, stop_after):
    method = {"name": "lwal", "dim": "2x", "start": "centroids", "decay": 0.1, "warmup_steps": 2}
    undisturbed, stopped = (make(features, method) for _ in range(2))
    train_run(undisturbed.path)
    left = iter([False] * (stop_after + 1))
    with pytest.raises(Cancelled):
        train_run(stopped.path, lambda: next(left, True))
    train_run(stopped.path)
    assert_equal_bits(undisturbed, stopped)


def test_two_samples_a_class_are_enough_to_start_from_class_means():
    config = {
        "data": {"name": "digits", "per_class": 2},
        "encoder": {"width": 4},
        "method": {"name": "lwal", "start": "centroids", "decay": 0.1},
        "training": {"epochs": 1, "batch_size": 3, "device": "cpu"},
    }
    run = create_run(RunConfig.parse(config))
    train_run(run.path)
    table = open_run(run.id).vectors(0, "labels")
    assert np.isfinite(table).all() and len(np.unique(table, axis=0)) == 10


def test_two_runs_with_one_seed_are_equal_bit_for_bit(features):
    first, second = make(features), make(features)
    train_run(first.path)
    train_run(second.path)
    assert_equal_bits(first, second)


def test_another_seed_gives_other_weights(features):
    first, second = make(features), make(features, seed=6)
    train_run(first.path)
    train_run(second.path)
    assert not np.array_equal(open_run(first.id).vectors(3), open_run(second.id).vectors(3))


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd"])
@pytest.mark.parametrize("stop_after", [0, 5, 8, 13, 23])
def test_stopped_and_resumed_equals_undisturbed(features, optimizer, stop_after):
    """Batches before the stop: 0 = before the first, 8 = exactly one epoch, 23 = before the last batch."""
    method = {"name": "lwal", "stationary_steps": 3, "warmup_steps": 2}
    undisturbed, stopped = (make(features, method, optimizer=optimizer, learning_rate=0.01) for _ in range(2))
    train_run(undisturbed.path)
    asked = 0

    def stop() -> bool:
        nonlocal asked
        asked += 1
        return asked > stop_after + 1  # the first question comes before any batch

    with pytest.raises(Cancelled):
        train_run(stopped.path, stop)
    train_run(stopped.path)
    assert_equal_bits(undisturbed, stopped)


def test_a_run_that_was_begun_in_format_1_goes_on_in_it(features):
    run = make(features)
    RunWriter(run.path).update(format=1)
    with pytest.raises(Cancelled):
        train_run(run.path, iter([False] * 10 + [True] * 99).__next__)
    train_run(run.path)
    run = open_run(run.id)
    assert run.label_epochs() == [0, 1, 2, 3] and run.record.format == 1
    assert run.sources() == ("centroids", "labels") and not run.tested_epochs()


def test_data_that_changed_is_not_resumed(features):
    run = make(features)
    asked = iter([False] * 12)
    with pytest.raises(Cancelled):
        train_run(run.path, lambda: next(asked, True))
    path = features.partition(":")[2]
    with np.load(path) as file:
        arrays = dict(file)
    arrays["x_train"][0] += 1
    np.savez(path, **arrays)
    with pytest.raises(TrainingError, match="data has changed"):
        train_run(run.path)


def test_a_loss_that_explodes_stops_in_words(features):
    run = make(features, {"name": "onehot"}, optimizer="sgd", learning_rate=10.0, epochs=30)
    path = features.partition(":")[2]
    with np.load(path) as file:
        arrays = dict(file)
    arrays["x_train"][:, 0] *= 1e29
    np.savez(path, **arrays)
    with pytest.raises(
        TrainingError,
        match=r"not? .*finite|stopped being a finite number at step [\d,]+ \(epoch \d+, learning rate 10\)",
    ):
        train_run(run.path)


def test_devices_that_are_not_there():
    with pytest.raises(TrainingError, match="cuda:7"):
        pick_device("cuda:7")
    assert pick_device("cpu").type == "cpu"


class TestPieces:
    def test_consolidation_sample_is_balanced_and_bounded(self):
        y = torch.tensor([0] * 50 + [1] * 3 + [2] * 20)
        chosen = consolidation_sample(y, 10, 3, seed=0)
        assert torch.bincount(y[chosen]).tolist() == [10, 3, 10]
        assert torch.equal(chosen, consolidation_sample(y, 10, 3, seed=0))
        assert len(set(chosen.tolist())) == len(chosen)

    def test_confusion_matrix_by_hand(self):
        matrix = confusion_counts(np.array([0, 0, 1, 2]), np.array([0, 1, 1, 0]), 3)
        assert matrix.tolist() == [[1, 1, 0], [0, 1, 0], [1, 0, 0]]

    def test_nearest_centroid_of_nothing(self):
        assert nearest_centroid(torch.zeros(3, 2), torch.eye(2)).shape == (3,)


@pytest.mark.process
class TestProcess:
    def finish(self, process: subprocess.Popen[bytes], seconds: float = 120) -> int:
        return process.wait(timeout=seconds)

    def test_done(self, features):
        run = make(features)
        assert self.finish(start_training(run)) == 0
        run = open_run(run.id)
        assert run.status == "done"
        assert [change.status for change in run.record.history] == ["queued", "running", "done"]

    def test_bad_data_fails_in_one_sentence(self):
        run = create_run(RunConfig.parse({"data": {"name": "folder:/no/such/folder"}}))
        assert self.finish(start_training(run)) == 1
        run = open_run(run.id)
        assert run.status == "failed"
        assert "/no/such/folder" in run.record.error
        assert "Traceback" not in run.log_tail()

    def test_cancel_keeps_a_readable_run(self, features):
        run = make(features, epochs=10_000)
        process = start_training(run)
        wait_until(lambda: open_run(run.id).metrics().epochs_done >= 2)
        cancel(open_run(run.id))
        assert self.finish(process, 20) == 130
        run = open_run(run.id)
        assert run.status == "cancelled"
        assert run.record.history[-1].reason == "cancelled on request"
        assert run.label_epochs()[-1] == run.metrics().epochs_done
        run.evaluation()

    def test_one_at_a_time_first_come_first_served(self, features, home):
        runs = [make(features, epochs=10_000) for _ in range(3)]
        processes = []
        for index, run in enumerate(runs):
            processes.append(start_training(run))
            wait_until(
                lambda index=index: (
                    len(waiting(home)) == index or (index == 0 and open_run(runs[0].id).status == "running")
                )
            )
            if index == 0:
                wait_until(lambda: open_run(runs[0].id).status == "running")
        assert [open_run(run.id).status for run in runs] == ["running", "queued", "queued"]
        assert waiting(home) == [runs[1].id, runs[2].id]
        cancel(open_run(runs[1].id))  # one that waits
        assert self.finish(processes[1], 20) == 130
        assert open_run(runs[1].id).status == "cancelled"
        cancel(open_run(runs[0].id))  # the one that runs: the next takes its turn
        wait_until(lambda: open_run(runs[2].id).status == "running")
        cancel(open_run(runs[2].id))
        for process in processes:
            self.finish(process, 20)

    def test_a_run_is_never_trained_twice(self, features):
        run = make(features)
        with RunLock(run.path):
            assert self.finish(start_training(run)) == 2
            assert "being trained by another process" in run.log_tail()
        assert open_run(run.id).status == "queued"

    def test_a_finished_run_is_not_cancelled_or_resumed(self, make_run):
        run = make_run()
        with pytest.raises(TrainingError, match="nothing to cancel"):
            cancel(run)
        with pytest.raises(TrainingError, match="only a run that stopped early"):
            resume(run)

    def test_cancelling_before_the_process_has_started(self):
        run = create_run(RunConfig())
        cancel(run)
        assert open_run(run.id).status == "cancelled"


def wait_until(condition, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.05)


@pytest.mark.parametrize("method", [{"name": "lwal"}, {"name": "lwr", "retrospection_epochs": 2}], ids=str)
@pytest.mark.parametrize(
    "kills", [pytest.param(3, marks=pytest.mark.process), pytest.param(30, marks=pytest.mark.long)]
)
def test_killed_at_random_moments_again_and_again(features, method, kills):
    """Wherever the kill lands, in a step or in the middle of a write, the rest is trained to the same bits."""
    options = {"epochs": 20 * kills, "schedule": "cosine", "optimizer": "adamw"}
    run, undisturbed = make(features, method, **options), make(features, method, **options)
    generator, process = np.random.default_rng(3), start_training(run)
    for _ in range(kills):
        before = open_run(run.id).metrics().epochs_done
        wait_until(lambda before=before: open_run(run.id).metrics().epochs_done > before)
        time.sleep(generator.uniform(0, 0.2))
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        if open_run(run.id).status == "done":
            break
        assert open_run(run.id).status == "interrupted"
        process = resume(open_run(run.id))
    assert process.wait(120 + 10 * kills) == 0
    assert start_training(undisturbed).wait(120) == 0  # torch in this process may be set otherwise by other tests
    assert open_run(run.id).status == "done"
    assert_equal_bits(undisturbed, run)


MEAN, OWN = [0.1, 0.5, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4], [0.1, 0.3, 0.4, 0.5, 0.6, 0.7, 0.6, 0.5]
"""Made accuracies of epochs 0 to 7: by nearest class mean epoch 2 is best, by the own predictor epoch 5."""


@pytest.fixture
def made_accuracies(monkeypatch):
    from lwal_core.training import loop

    truly, left = loop.evaluate, list(zip(MEAN, OWN, strict=True))

    def evaluate(*given):
        mean, own = left.pop(0)
        return replace(truly(*given), test_accuracy_mean=mean, test_accuracy_own=own)

    monkeypatch.setattr(loop, "evaluate", evaluate)


@pytest.mark.usefixtures("made_accuracies")
class TestRuleAsUsed:
    """One-hot is used by its largest output, LwAL by the nearest class mean."""

    @pytest.mark.parametrize(("method", "best"), [("onehot", 5), ("lwal", 2)])
    def test_the_best_epoch_follows_it(self, features, method, best):
        run = make(features, {"name": method}, epochs=7)
        train_run(run.path)
        run = open_run(run.id)
        model = json.loads((run.path / "model" / "config.json").read_text())
        assert (run.record.best_epoch, run.evaluation().epoch, model["epoch"]) == (best, best, best)

    @pytest.mark.parametrize(("method", "last"), [("onehot", 7), ("lwal", 4)])
    def test_patience_follows_it(self, features, method, last):
        run = make(features, {"name": method}, epochs=7, patience=2)
        reason = train_run(run.path)
        assert open_run(run.id).metrics().epochs_done == last
        assert reason == "test accuracy was no better for 2 epochs"

    def test_a_run_of_an_older_release_goes_on_as_it_was_begun(self, features):
        run = make(features, {"name": "onehot"}, epochs=7)
        stop = iter([False] * 17 + [True] * 1000)  # asked before the first batch and before each of eight an epoch
        with pytest.raises(Cancelled):
            train_run(run.path, lambda: next(stop))
        parts, facts = load_checkpoint(run.path)
        assert (facts["epoch"], facts.pop("best_by")) == (2, "own")
        facts["best_accuracy"] = MEAN[2]
        save_checkpoint(run.path, parts, facts)
        train_run(run.path)
        assert open_run(run.id).record.best_epoch == 2


class TestPatience:
    def test_training_ends_when_nothing_gets_better_and_says_why(self, features):
        run = make(features, epochs=200, patience=3, watch="test_accuracy_own", learning_rate=0.05)
        reason = train_run(run.path)
        metrics = open_run(run.id).metrics()
        accuracy = metrics.test_accuracy_own[1:]
        best = int(np.argmax(accuracy))
        assert metrics.epochs_done < 200
        # The naive rule on the finished curve: three epochs that are no better than the best before them.
        assert len(accuracy) - 1 - best == 3
        assert reason == "test accuracy own was no better for 3 epochs"

    def test_the_loss_can_be_watched(self, features):
        run = make(features, epochs=6, patience=6, watch="loss")
        assert train_run(run.path) == ""
        assert open_run(run.id).metrics().epochs_done == 6

    def test_resuming_goes_on_counting(self, features):
        whole, parts = (make(features, epochs=200, patience=3, learning_rate=0.05) for _ in range(2))
        train_run(whole.path)
        stop = iter([False] * 15 + [True] * 1000)
        with pytest.raises(Cancelled):
            train_run(parts.path, lambda: next(stop))
        train_run(parts.path)
        assert_equal_bits(whole, parts)


class TestMemory:
    def test_a_batch_size_that_fits_is_named(self, features, monkeypatch):
        from lwal_core.methods import AdaptiveLabels

        run, plain = make(features, batch_size=64), AdaptiveLabels.forward

        def small_device(self, z, y):
            if len(y) > 20:
                raise torch.OutOfMemoryError("CUDA out of memory")
            return plain(self, z, y)

        monkeypatch.setattr(AdaptiveLabels, "forward", small_device)
        with pytest.raises(TrainingError, match="64 samples takes more memory") as caught:
            train_run(run.path)
        assert caught.value.hint == "A batch size of 16 fits."
        assert open_run(run.id).metrics().epochs_done == 0  # what was there stays readable

    def test_nothing_fits(self, features, monkeypatch):
        from lwal_core.methods import AdaptiveLabels

        def no_device(self, z, y):
            raise RuntimeError("[enforce fail at alloc_cpu.cpp] DefaultCPUAllocator: not enough memory: you tried")

        monkeypatch.setattr(AdaptiveLabels, "forward", no_device)
        with pytest.raises(TrainingError, match="so does one of 2"):
            train_run(make(features).path)

    def test_other_errors_stay_what_they_are(self, features, monkeypatch):
        from lwal_core.methods import AdaptiveLabels

        def broken(self, z, y):
            raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

        monkeypatch.setattr(AdaptiveLabels, "forward", broken)
        with pytest.raises(RuntimeError, match="mat1"):
            train_run(make(features).path)


def test_mixed_precision_trains_and_keeps_labels_in_full_precision(features):
    mixed, full = make(features, precision="bfloat16", epochs=5), make(features, precision="float32", epochs=5)
    train_run(mixed.path)
    train_run(full.path)
    a, b = open_run(mixed.id), open_run(full.id)
    assert abs(a.metrics().test_accuracy_mean[-1] - b.metrics().test_accuracy_mean[-1]) < 0.1
    assert not np.array_equal(a.vectors(5), b.vectors(5))  # it really was another precision
    assert a.vectors(5, "labels").dtype == np.float32


def test_memory_order_changes_results_by_rounding_only():
    def train(channels_last: bool) -> Run:
        values = {
            "data": {"name": "digits", "per_class": 30},
            "encoder": {"width": 8},
            "training": {
                "epochs": 1,
                "device": "cpu",
                "optimizer": "sgd",
                "learning_rate": 0.01,
                "channels_last": channels_last,
            },
        }
        run = create_run(RunConfig.parse(values))
        train_run(run.path)
        return open_run(run.id)

    a, b = train(True), train(False)
    np.testing.assert_allclose(a.metrics().loss[1:], b.metrics().loss[1:], rtol=1e-3)
