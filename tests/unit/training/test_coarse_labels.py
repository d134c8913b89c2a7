"""Coarse labels: a run is trained on the groups of a kept cut, goes on without the run that had it, and says what does not fit."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from lwal_core.config import DataConfig, RunConfig
from lwal_core.data import load_dataset
from lwal_core.data.dataset import Dataset
from lwal_core.data.grouped import grouped, grouped_marks
from lwal_core.errors import ConfigError, DataError, RunError
from lwal_core.jobs.commands import duplicate
from lwal_core.runs import Run, RunWriter, create_run, keep_cut, open_run
from lwal_core.runs.bundle import import_bundle, write_bundle
from lwal_core.runs.record import ClassGroup
from lwal_core.training.loop import train_run

CLASSES = ("cat", "dog", "truck", "car")
GROUPS = [("pets", ("dog", "cat")), ("wheels", ("truck", "car"))]


@pytest.fixture
def features(tmp_path: Path) -> str:
    rng = np.random.default_rng(0)
    centres = rng.normal(scale=4, size=(4, 6)).astype(np.float32)
    y_train, y_test = np.repeat(np.arange(4), 12), np.repeat(np.arange(4), 6)
    path = tmp_path / "features.npz"
    np.savez(
        path,
        x_train=centres[y_train] + rng.normal(size=(48, 6)).astype(np.float32), y_train=y_train,
        x_test=centres[y_test] + rng.normal(size=(24, 6)).astype(np.float32), y_test=y_test,
        class_names=np.array(CLASSES),
    )  # fmt: skip
    return f"features:{path}"


def config(features: str, labels_from: str | None = None, **training: object) -> RunConfig:
    return RunConfig.parse(
        {
            "data": {"name": features, "labels_from": labels_from},
            "encoder": {"name": "dense"},
            "training": {"epochs": 1, "batch_size": 8, **training},
        }
    )


@pytest.fixture
def fine(features: str, home: Path) -> Run:
    run = create_run(config(features))
    keep_cut(run.path, "coarse", GROUPS)
    return run


def test_a_run_is_trained_on_the_groups(features: str, fine: Run) -> None:
    run = create_run(config(features, f"{fine.id}:coarse"))
    assert [(group.name, group.classes) for group in run.record.groups] == GROUPS
    assert run.config.data.title.endswith(", coarse")
    train_run(run.path)
    run = open_run(run.id)
    assert run.class_names == ("pets", "wheels")
    assert run.vectors(1).shape[0] == 2
    y = load_dataset(fine.config.data).y_test.numpy()
    np.testing.assert_array_equal(run.evaluation().confusion.sum(axis=1), [(y < 2).sum(), (y >= 2).sum()])


def test_it_goes_on_and_is_repeated_without_the_run_that_had_the_cut(features: str, fine: Run) -> None:
    run = create_run(config(features, f"{fine.id}:coarse"))
    shutil.rmtree(fine.path)
    train_run(run.path)
    again = duplicate(open_run(run.id), {"training": {"seed": 5}})
    assert again.record.groups == run.record.groups
    assert open_run(run.id).class_names == ("pets", "wheels")


def test_a_bundle_has_the_groups(features: str, fine: Run, tmp_path: Path) -> None:
    run = create_run(config(features, f"{fine.id}:coarse"))
    train_run(run.path)
    RunWriter(run.path).move_to("done")
    path = tmp_path / "run.zip"
    path.write_bytes(write_bundle(open_run(run.id)))
    there, _ = import_bundle(path, home=tmp_path / "there")
    assert there.record.groups == run.record.groups and there.class_names == ("pets", "wheels")


@pytest.mark.parametrize(
    ("labels_from", "says"),
    [
        ("gone:coarse", "no run 'gone'"),
        ("../x:coarse", "is not a run id"),
        ("RUN:fine", "No cut 'fine'"),
        ("RUN:one", "one group"),
    ],
)
def test_what_is_no_cut_is_refused_before_anything_is_made(
    features: str, fine: Run, labels_from: str, says: str
) -> None:
    keep_cut(fine.path, "one", [("all", CLASSES)])
    with pytest.raises(RunError, match=says):
        create_run(config(features, labels_from.replace("RUN", fine.id)))
    assert [path.name for path in fine.path.parent.iterdir() if not path.name.startswith(".")] == [fine.id]


@pytest.mark.parametrize("value", ["coarse", ":coarse", "run:", " : ", "x" * 300])
def test_values_that_name_no_cut(value: str) -> None:
    with pytest.raises(ConfigError, match="labels_from"):
        RunConfig.parse({"data": {"name": "digits", "labels_from": value}})


def test_without_it_runs_belong_to_the_experiments_that_they_did(features: str) -> None:
    assert config(features).group_key() == config(features, "").group_key()
    assert config(features).group_key() != config(features, "run-1:coarse").group_key()


def groups(**members: tuple[str, ...]) -> list[ClassGroup]:
    return [ClassGroup(name=name, classes=classes) for name, classes in members.items()]


def test_labels_are_those_of_a_loop(features: str) -> None:
    data = load_dataset(DataConfig(name=features))
    wanted = groups(wheels=("car", "truck"), dogs=("dog",), cats=("cat",))
    found = grouped(data, wanted)
    for before, after in ((data.y_train, found.y_train), (data.y_test, found.y_test)):
        named = [data.class_names[i] for i in before.tolist()]
        assert [one in wanted[i].classes for one, i in zip(named, after.tolist(), strict=True)] == [True] * len(named)
    assert torch.equal(data.x_train, found.x_train)  # type: ignore[arg-type]
    assert found.class_names == ("wheels", "dogs", "cats")


def test_fingerprints_tell_groupings_apart(features: str) -> None:
    data = load_dataset(DataConfig(name=features))
    one, other = groups(a=("cat", "dog"), b=("truck", "car")), groups(a=("cat", "car"), b=("truck", "dog"))
    marks = [data.marks, grouped_marks(data.marks, one), grouped_marks(data.marks, other)]
    assert len({mark.fingerprint for mark in marks}) == 3
    assert grouped(data, one).marks == marks[1]
    assert grouped_marks(data.marks, groups(a=("dog", "cat"), b=("car", "truck"))) == marks[1]


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        (groups(a=("cat", "dog"), b=("truck",)), "'car' is in no group"),
        (groups(a=("cat", "dog"), b=("truck", "car", "bus")), "'bus', which it lacks"),
        (groups(a=("Cat", "dog"), b=("truck", "car")), r"'cat' is in no group \(and 1 more names differ\)"),
    ],
)
def test_groups_of_other_classes_are_refused_in_one_line(features: str, wanted: list[ClassGroup], says: str) -> None:
    data: Dataset = load_dataset(DataConfig(name=features))
    with pytest.raises(DataError, match=says) as caught:
        grouped(data, wanted)
    assert "\n" not in str(caught.value)
