"""A model as it is becomes a run, by the library and by the command."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from lwal_core.cli.main import app
from lwal_core.config import DataConfig, ReadyModelConfig
from lwal_core.errors import LwalError
from lwal_core.jobs import create_analysis, submit
from lwal_core.jobs.stop import Cancelled
from lwal_core.jobs.worker import Worker
from lwal_core.ready_models import analyse as module
from lwal_core.ready_models.__main__ import main
from lwal_core.ready_models.analyse import Analysis, analyse, analyse_run
from lwal_core.runs import RunWriter, group_runs, list_runs, open_run
from lwal_core.security.permissions import READ_ONLY, ReadOnlyError
from tests.unit.ready_models.conftest import CLASSES


def analysed(pictures: Path, weights: str = "random", **more: object) -> Analysis:
    return analyse("timm:test_resnet", DataConfig(name=f"folder:{pictures}"), weights=weights, device="cpu", **more)  # type: ignore[arg-type]


@pytest.fixture
def tuned(tmp_path: Path) -> Path:
    """Weights of the small network for four classes, three of which are those of the pictures in another order."""
    import timm

    torch.manual_seed(3)
    torch.save(timm.create_model("test_resnet", num_classes=4).state_dict(), tmp_path / "mine.pth")
    (tmp_path / "config.json").write_text(json.dumps({"label_names": ["tench", "grey seal", "ship", "Crane Bird"]}))
    return tmp_path / "mine.pth"


def test_weights_that_are_drawn(pictures: Path) -> None:
    found = analysed(pictures)
    run, record = found.run, found.run.record
    assert (
        run.status == "done"
        and run.class_names == CLASSES
        and run.config.method_label() == "timm:test_resnet (random weights)"
    )
    assert run.config.data.name == f"folder:{pictures}" and run.config.external
    assert record.data is not None and (record.data.train_size, record.data.test_size) == (12, 9)
    assert record.vectors == ["centroids"] and run.rule == "nearest class mean"
    assert "drawn at random" in found.notes[0]
    evaluation = run.evaluation()
    assert evaluation is not None and evaluation.confusion.sum() == 9
    assert found.numbers["nearest class mean"] == np.trace(evaluation.confusion) / 9
    recall = np.diag(evaluation.confusion) / evaluation.confusion.sum(axis=1)
    assert run.metrics().test_balanced_accuracy[-1] == pytest.approx(recall.mean())
    samples = run.samples()
    assert samples is not None and np.bincount(samples.y).tolist() == [3, 3, 3]


def test_images_that_are_streamed_give_the_same(pictures: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = analysed(pictures).run
    monkeypatch.setenv("LWAL_DATA_MEMORY", "0")
    streamed = analysed(pictures).run
    assert np.array_equal(streamed.labels(1).centroids, whole.labels(1).centroids)
    assert streamed.metrics().test_accuracy_mean.tolist() == whole.metrics().test_accuracy_mean.tolist()
    samples = streamed.samples()
    assert samples is not None and np.bincount(samples.y).tolist() == [3, 3, 3]


def test_repeats_with_other_seeds_are_one_group(pictures: Path) -> None:
    for seed in (0, 1):
        analysed(pictures, seed=seed)
    analysed(pictures, layer="output")
    assert sorted(len(group.runs) for group in group_runs(list_runs())) == [1, 2]


def test_a_head_whose_outputs_are_the_classes(pictures: Path, tuned: Path) -> None:
    found = analysed(pictures, str(tuned))
    record = found.run.record
    state = torch.load(tuned, weights_only=True)
    assert sorted(record.vectors) == ["centroids", "labels"]
    labels = found.run.labels(1).labels
    assert np.array_equal(labels, state["fc.weight"].numpy()[[3, 1, 0]])
    assert "among the 3 classes" in found.notes[0] and set(found.numbers) == {
        "nearest class mean", "5 nearest neighbours", "own head", "seconds"
    }  # fmt: skip
    evaluation = found.run.evaluation()
    assert evaluation is not None and found.numbers["own head"] == np.trace(evaluation.confusion) / 9


def test_a_run_that_cannot_be_whole_is_not_left_behind(
    pictures: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_record", lambda *given: (_ for _ in ()).throw(OSError("no space")))
    with pytest.raises(OSError, match="no space"):
        analysed(pictures)
    assert list_runs() == []


def test_nothing_is_analysed_where_nothing_may_change(pictures: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(READ_ONLY, "1")
    with pytest.raises(ReadOnlyError):
        analysed(pictures)


def command(pictures: Path, weights: str) -> list[str]:
    return ["analyse", "--model", "timm:test_resnet", "--data", f"folder:{pictures}", "--weights", weights]


def test_the_command_leaves_it_to_the_queue(pictures: Path, home: Path) -> None:
    result = CliRunner().invoke(app, [*command(pictures, "random"), "--no-wait", "--priority", "3", "--seed", "5"])
    assert result.exit_code == 0, result.output
    run = open_run(result.stdout.split()[-1])
    assert run.status == "queued" and run.record.job is not None and run.record.job.priority == 3
    assert run.config.training.seed == 5 and "No worker is there" in result.stderr


def test_names_must_be_as_many_as_outputs(pictures: Path, tuned: Path) -> None:
    with pytest.raises(LwalError, match="2 names are given"):
        analysed(pictures, str(tuned), names=["a", "b"])


@pytest.mark.process
def test_the_command(pictures: Path, tuned: Path, tmp_path: Path) -> None:
    names = tmp_path / "names.txt"
    names.write_text("a\nb\nc\nd\n")
    result = CliRunner().invoke(
        app,
        [
            *command(pictures, str(tuned)),
            "--device",
            "cpu",
            "--names",
            str(names),
            "--name",
            "mine",
            "--image-size",
            "64",
        ],
    )
    assert result.exit_code == 0, result.output
    run = open_run(result.stdout.split()[-1])
    assert run.name == "mine" and run.config.method.listed()["config.data.image_size"] == 64
    assert "0 of the 3 classes" in result.stderr and "5 nearest neighbours" in result.stderr
    assert run.record.ready_model is not None and run.record.ready_model.names == ("a", "b", "c", "d")


def test_what_was_lost_begins_anew_and_nothing_half_is_left(pictures: Path) -> None:
    """A process that recorded something and was lost left its files; the next one's are the only ones."""
    whole = analysed(pictures).run
    ready = ReadyModelConfig.parse({"model": "timm:test_resnet", "weights": "random"})
    run = create_analysis(ready, DataConfig(name=f"folder:{pictures}"), device="cpu")
    writer = RunWriter(run.path)
    writer.begin()
    writer.labels(7, np.ones((3, 2)), np.ones((3, 2)))
    writer.metrics({"epoch": 7, "seconds": 1.0})
    with pytest.raises(Cancelled):
        analyse_run(run.path, lambda: True)
    stopped = open_run(run.id)
    assert stopped.label_epochs() == [] and len(stopped.metrics()) == 0 and stopped.record.vectors == []
    analyse_run(run.path)
    after = open_run(run.id)
    assert after.label_epochs() == [1] and np.array_equal(after.labels(1).centroids, whole.labels(1).centroids)
    assert after.metrics().test_accuracy_mean.tolist() == whole.metrics().test_accuracy_mean.tolist()
    assert after.progress() is not None and after.progress().batch == 21  # type: ignore[union-attr]
    assert after.group == whole.group


@pytest.mark.process
def test_its_process_is_killed_and_a_worker_takes_it_up_again(pictures: Path, home: Path) -> None:
    whole = analysed(pictures).run
    ready = ReadyModelConfig.parse({"model": "timm:test_resnet", "weights": "random"})
    run = submit(create_analysis(ready, DataConfig(name=f"folder:{pictures}"), device="cpu"))
    worker, deadline, killed = Worker(home), time.monotonic() + 120, False
    while open_run(run.id).status != "done":
        assert time.monotonic() < deadline, (open_run(run.id).record, run.log_tail())
        worker.step()
        if not killed and open_run(run.id).status == "running":  # it loads torch
            worker.trainings[run.id].process.kill()
            killed = True
        time.sleep(0.1)
    worker.run(lambda: True)
    after = open_run(run.id)
    assert [change.status for change in after.record.history] == [
        "queued", "running", "interrupted", "queued", "running", "done",
    ]  # fmt: skip
    assert np.array_equal(after.labels(1).centroids, whole.labels(1).centroids)
    assert after.pulse() is not None


def test_what_cannot_be_had_is_the_reason_in_the_record(pictures: Path, tmp_path: Path) -> None:
    ready = ReadyModelConfig.parse({"model": "timm:test_resnet", "weights": str(tmp_path / "gone.safetensors")})
    run = create_analysis(ready, DataConfig(name=f"folder:{pictures}"), device="cpu")
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        assert main([str(run.path)]) == 1
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    after = open_run(run.id)
    assert after.status == "failed" and "gone.safetensors' are no file" in after.record.error
    assert main([]) == 2
