"""Validation part: what is set apart, and that the best epoch and patience go by it and not by the test set."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from lwal_core.config import DataConfig, RunConfig
from lwal_core.data import load_dataset
from lwal_core.data.validation import split_validation, without_validation
from lwal_core.datafiles import source_stats
from lwal_core.errors import ConfigError, DataError, TrainingError
from lwal_core.runs import Run, create_run, open_run
from lwal_core.training import loop

VALIDATION, TEST = [0.1, 0.5, 0.9, 0.8, 0.7, 0.6], [0.1, 0.3, 0.4, 0.5, 0.6, 0.7]
"""Made accuracies of epochs 0 to 5: on the validation part epoch 2 is best, on the test set epoch 5."""


def features(path: Path, *, classes: int = 4, each: int = 30) -> str:
    generator = np.random.default_rng(0)
    y = np.arange(classes * each) % classes
    x = (np.eye(classes)[y] * 4 + generator.normal(size=(len(y), classes))).astype(np.float32)
    np.savez(path / "f.npz", x_train=x, y_train=y, x_test=x[: 5 * classes], y_test=y[: 5 * classes])
    return f"features:{path / 'f.npz'}"


def made(data: dict[str, Any], **training: Any) -> Run:
    values = {"data": data, "encoder": {"hidden": 8}, "training": {"device": "cpu", "epochs": 5, **training}}
    return create_run(RunConfig.parse(values))


@pytest.fixture
def made_accuracies(monkeypatch: pytest.MonkeyPatch) -> None:
    truly, left = loop.evaluate, list(zip(VALIDATION, TEST, strict=True))

    def evaluate(*given: Any) -> Any:
        held, test = left.pop(0)
        return replace(
            truly(*given), validation_accuracy_mean=held, validation_accuracy_own=held, test_accuracy_mean=test,
            test_accuracy_own=test,
        )  # fmt: skip

    monkeypatch.setattr(loop, "evaluate", evaluate)


@pytest.mark.usefixtures("made_accuracies")
class TestChoice:
    def test_the_best_epoch_is_that_of_the_validation_part(self, tmp_path: Path) -> None:
        run = made({"name": features(tmp_path), "validation": 0.2})
        loop.train_run(run.path)
        run = open_run(run.id)
        metrics = run.metrics()
        assert (run.record.best_epoch, run.evaluation().epoch) == (2, 2)
        assert run.record.data is not None
        assert (run.record.data.train_size, run.record.data.validation_size) == (96, 24)
        assert metrics.has_validation and metrics.validation_accuracy_mean.tolist() == VALIDATION
        assert metrics.accuracy("own", "validation").tolist() == VALIDATION

    def test_without_one_it_is_that_of_the_test_set(self, tmp_path: Path) -> None:
        run = made({"name": features(tmp_path)})
        loop.train_run(run.path)
        run = open_run(run.id)
        assert run.record.best_epoch == 5 and not run.metrics().has_validation
        assert b"validation" not in (run.path / "metrics.jsonl").read_bytes()

    @pytest.mark.parametrize(("watch", "last"), [("accuracy", 4), ("validation_accuracy_own", 4), ("test_accuracy", 5)])
    def test_patience_watches_it(self, tmp_path: Path, watch: str, last: int) -> None:
        run = made({"name": features(tmp_path), "validation": 0.2}, patience=2, watch=watch)
        reason = loop.train_run(run.path)
        words = {"accuracy": "validation accuracy"}.get(watch, watch.replace("_", " "))
        assert open_run(run.id).metrics().epochs_done == last
        assert reason == (f"{words} was no better for 2 epochs" if last < 5 else "")


def test_accuracies_on_it_are_those_of_the_model_that_is_kept(tmp_path: Path) -> None:
    """Read again from the run's own class means, one sample at a time, by a head that is the identity."""
    run = made({"name": features(tmp_path), "validation": 0.2}, epochs=1)
    loop.train_run(run.path)
    run = open_run(run.id)
    data, part = split_validation(load_dataset(run.config.data), run.config.data)
    assert part is not None
    from safetensors.torch import load_file

    from lwal_core.encoders import Classifier, build_encoder

    model = Classifier(build_encoder(run.config.encoder, data.input_shape), 4, *data.channel_mean_std())
    saved = load_file(run.path / "checkpoint" / "last.safetensors")
    model.load_state_dict({k.removeprefix("model/"): v for k, v in saved.items() if k.startswith("model/")})
    model.eval()
    means = torch.from_numpy(run.vectors(1).copy())
    with torch.no_grad():
        hits = [int((model(x[None]) - means).norm(dim=1).argmin()) == int(y) for x, y in zip(*part, strict=True)]
    assert run.metrics().validation_accuracy_mean[1] == pytest.approx(np.mean(hits))


class TestWhatIsSetApart:
    @pytest.mark.parametrize("name", ["digits", "shapes"])
    def test_a_share_of_each_class_by_the_seed_of_the_split(self, name: str) -> None:
        config = DataConfig(name=name, per_class=20, validation=0.15, split_seed=3)
        whole = load_dataset(config)
        data, part = split_validation(whole, config)
        again, other = (
            split_validation(whole, DataConfig(name=name, validation=0.15, split_seed=s))[1] for s in (3, 4)
        )
        assert part is not None and again is not None and other is not None
        assert torch.bincount(part.y).tolist() == [3] * whole.num_classes
        assert torch.bincount(data.y_train).tolist() == [17] * whole.num_classes
        assert torch.equal(part.x, again.x) and not torch.equal(part.x, other.x)
        both = torch.cat([data.x_train, part.x]).flatten(1)
        assert torch.equal(both.sort(0).values, whole.x_train.flatten(1).sort(0).values)  # nothing lost, nothing twice
        assert torch.equal(data.x_test, whole.x_test)
        assert data.fingerprint == load_dataset(DataConfig(name=name, per_class=20, split_seed=3)).fingerprint
        stats = source_stats(config)
        assert (stats.train, stats.validation, stats.test) == (len(data.y_train), len(part.y), len(data.y_test))

    def test_a_class_with_one_sample_gives_none(self, tmp_path: Path) -> None:
        np.savez(tmp_path / "f.npz", x_train=np.eye(3), y_train=[0, 1, 1], x_test=np.eye(3)[:2], y_test=[0, 1])
        config = DataConfig(name=f"features:{tmp_path / 'f.npz'}", validation=0.1)
        data, part = split_validation(load_dataset(config), config)
        assert part is not None and part.y.tolist() == [1] and data.y_train.tolist() == [0, 1]
        np.savez(tmp_path / "f.npz", x_train=np.eye(2), y_train=[0, 1], x_test=np.eye(2), y_test=[0, 1])
        with pytest.raises(DataError, match="no class has two training samples"):
            split_validation(load_dataset(config), config)


def folder(root: Path, **parts: dict[str, int]) -> DataConfig:
    """Images of one grey level each, no two alike."""
    level = 0
    for part, classes in parts.items():
        for name, count in classes.items():
            (root / part / name).mkdir(parents=True)
            for number in range(count):
                level += 1
                Image.new("RGB", (8, 8), (level, 0, 0)).save(root / part / name / f"{number}.png")
    return DataConfig(name=f"folder:{root}", image_size=8)


class TestFolder:
    @pytest.mark.parametrize("called", ["val", "valid", "VAL"])
    def test_its_own_part_is_used_and_said(self, tmp_path: Path, called: str) -> None:
        config = folder(tmp_path, train={"a": 4, "b": 4}, test={"a": 2, "b": 2}, **{called: {"a": 2, "b": 1}})
        whole = load_dataset(config)
        data, part = split_validation(whole, config.model_copy(update={"validation": 0.5}))  # its own goes before
        assert part is not None
        assert part.x[:, 0, 0, 0].tolist() == [13, 14, 15] and part.y.tolist() == [0, 0, 1]
        assert data.x_train[:, 0, 0, 0].tolist() == [*range(1, 9)]
        assert f"The best epoch is chosen on the 3 images of {called}/." in data.notes
        stats = source_stats(config)
        assert (stats.train, stats.validation, stats.test) == (8, 3, 4)
        plain = without_validation(whole)
        for file in (tmp_path / called).rglob("*.png"):
            file.unlink()
        for place in ("a", "b", ""):
            (tmp_path / called / place).rmdir()
        assert plain.fingerprint == load_dataset(config).fingerprint != whole.fingerprint
        assert plain.x_train.shape == data.x_train.shape

    def test_one_with_other_classes_is_not(self, tmp_path: Path) -> None:
        config = folder(tmp_path, train={"a": 4, "b": 4}, test={"a": 2, "b": 2}, val={"a": 2, "c": 1})
        data = load_dataset(config)
        assert data.set_apart is None and len(data.y_train) == 8
        assert "val/ is not used for validation: 'c' has no training images." in data.notes

    def test_a_broken_image_of_it_is_left_out(self, tmp_path: Path) -> None:
        config = folder(tmp_path, train={"a": 100, "b": 100}, test={"a": 2, "b": 2}, val={"a": 2, "b": 1})
        (tmp_path / "val" / "a" / "1.png").write_bytes(b"no image")
        _, part = split_validation(load_dataset(config), config)
        assert part is not None and part.x[:, 0, 0, 0].tolist() == [205, 207]

    def test_a_run_that_was_begun_without_it_goes_on_without_it(self, tmp_path: Path) -> None:
        config = folder(tmp_path, train={"a": 6, "b": 6}, test={"a": 2, "b": 2}, val={"a": 2, "b": 2})
        (tmp_path / "val").rename(tmp_path.parent / "aside")
        run = made(config.model_dump(), epochs=2)
        stop = iter([False] * 2 + [True] * 1000)
        with pytest.raises(loop.Cancelled):
            loop.train_run(run.path, lambda: next(stop))
        (tmp_path.parent / "aside").rename(tmp_path / "val")
        loop.train_run(run.path)
        assert not open_run(run.id).metrics().has_validation
        assert open_run(run.id).metrics().epochs_done == 2

    def test_watching_it_needs_one(self, tmp_path: Path) -> None:
        run = made(
            folder(tmp_path, train={"a": 4, "b": 4}, test={"a": 2, "b": 2}).model_dump(),
            patience=1, watch="validation_accuracy",
        )  # fmt: skip
        with pytest.raises(TrainingError, match="there is no validation part"):
            loop.train_run(run.path)


def test_watching_a_part_that_nobody_asked_for_is_refused() -> None:
    with pytest.raises(ConfigError, match="needs a validation part"):
        RunConfig.parse({"training": {"watch": "validation_accuracy"}})


def test_keys_of_runs_without_it_stay() -> None:
    old = RunConfig.parse({"training": {"patience": 3, "watch": "test_accuracy"}})
    new = RunConfig.parse({"training": {"patience": 3}})
    held = RunConfig.parse({"data": {"validation": 0.1}, "training": {"patience": 3}})
    assert old.group_key() == new.group_key() != held.group_key()
