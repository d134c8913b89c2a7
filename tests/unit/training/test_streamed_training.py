"""Training on images that stay in their files: equal bits whatever reads them, whenever it stops, and beside memory."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch
from PIL import Image
from safetensors.numpy import load_file

from lwal_core.config import RunConfig
from lwal_core.data import load_dataset
from lwal_core.data.frozen import frozen_features
from lwal_core.errors import DataError, TrainingError
from lwal_core.jobs import start_training
from lwal_core.runs import Run, create_run, open_run
from lwal_core.runs.record import change_record
from lwal_core.training.loop import Cancelled, train_run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Pictures of two classes, light and dark."""
    for number in range(40):
        path = tmp_path / "photos" / ("light" if number % 2 else "dark") / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(number).integers(0, 128, (14, 16, 3), dtype=np.uint8) + 127 * (number % 2)
        Image.fromarray(pixels.astype(np.uint8)).save(path)
    return tmp_path / "photos"


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Sums of several threads are added in any order."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def make(folder: Path, epochs: int = 2, **data: object) -> Run:
    values = {
        "data": {"name": f"folder:{folder}", "image_size": 12, **data},
        "encoder": {"width": 4},
        "method": {"name": "lwal"},
        "training": {"epochs": epochs, "batch_size": 8, "device": "cpu", "seed": 5},
    }
    return create_run(RunConfig.parse(values))


def results(run: Run) -> dict[str, np.ndarray]:
    """Everything that training decides."""
    metrics, last = open_run(run.id).metrics(), load_file(run.path / "checkpoint" / "last.safetensors")
    evaluation = open_run(run.id).evaluation()
    return {**last, "loss": metrics.loss, "accuracy": metrics.test_accuracy_own, "z": evaluation.z}


def assert_equal(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> None:
    assert one.keys() == other.keys()
    for name in one:
        np.testing.assert_array_equal(one[name], other[name], err_msg=name)


@pytest.mark.parametrize("augment", ["none", "crop_flip", "trivial"])
def test_a_stream_trains_as_the_same_images_in_memory(folder, monkeypatch, augment):
    monkeypatch.setenv("LWAL_DATA_WORKERS", "0")
    in_memory, streamed = make(folder, augment=augment), make(folder, augment=augment)
    train_run(in_memory.path)
    monkeypatch.setenv("LWAL_DATA_MEMORY", "0")
    train_run(streamed.path)
    assert_equal(results(in_memory), results(streamed))
    assert open_run(in_memory.id).record.data.fingerprint == open_run(streamed.id).record.data.fingerprint
    assert "streamed" in open_run(streamed.id).record.data.notes[0]


@pytest.mark.parametrize("streaming", [True, False])
def test_stopped_and_resumed_is_as_undisturbed_whatever_the_workers(folder, monkeypatch, streaming):
    monkeypatch.setenv("LWAL_DATA_MEMORY", "0" if streaming else "1GiB")
    options = {"augment": "random_resized_crop", "color_jitter": 0.3, "random_erasing": 0.5}
    undisturbed, stopped = make(folder, **options), make(folder, **options)
    monkeypatch.setenv("LWAL_DATA_WORKERS", "0")
    train_run(undisturbed.path)
    monkeypatch.setenv("LWAL_DATA_WORKERS", "2")
    left = iter([False] * 6)  # asked once before training and before each of the four steps: in the middle of epoch 2
    with pytest.raises(Cancelled):
        train_run(stopped.path, lambda: next(left, True))
    assert list(open_run(stopped.id).metrics().epoch) == [0, 1]
    train_run(stopped.path)
    assert_equal(results(undisturbed), results(stopped))


@pytest.mark.parametrize("recorded", ["by this release", "by release 0.2"])
@pytest.mark.parametrize("first", ["1GiB", "0"])
def test_a_run_goes_on_when_there_is_more_or_less_memory(folder, monkeypatch, first, recorded):
    monkeypatch.setenv("LWAL_DATA_WORKERS", "0")
    monkeypatch.setenv("LWAL_DATA_MEMORY", first)
    undisturbed, stopped = make(folder), make(folder)
    train_run(undisturbed.path)
    left = iter([False] * 6)
    with pytest.raises(Cancelled):
        train_run(stopped.path, lambda: next(left, True))
    same = "0" if first != "0" else "1GiB"
    if recorded == "by release 0.2":  # what was in memory had the fingerprint of its pixels, and no other
        data = open_run(stopped.id).record.data
        old = data.model_copy(update={"fingerprint": data.pixels or data.fingerprint, "pixels": ""})
        change_record(stopped.path, lambda record: record.model_copy(update={"data": old}))
        same = "1GiB"  # the pixels of files that are streamed are not known
    monkeypatch.setenv("LWAL_DATA_MEMORY", same)
    train_run(stopped.path)
    assert_equal(results(undisturbed), results(stopped))


def test_a_run_does_not_go_on_with_other_pixels(folder, monkeypatch):
    stopped = make(folder)
    left = iter([False] * 6)
    with pytest.raises(Cancelled):
        train_run(stopped.path, lambda: next(left, True))
    file = next(iter(sorted(folder.rglob("*.png"))))
    size = file.stat().st_size
    Image.new("RGB", (60, 50)).save(file)
    with file.open("ab") as out:  # the same name and the same size
        out.write(b"\0" * (size - file.stat().st_size))
    with pytest.raises(TrainingError, match="data has changed"):
        train_run(stopped.path)


def children() -> set[int]:
    """Processes that this one has begun."""
    return {process.pid for process in psutil.Process(os.getpid()).children()}


def test_reading_processes_end_with_the_training(folder, monkeypatch):
    monkeypatch.setenv("LWAL_DATA_MEMORY", "0")
    monkeypatch.setenv("LWAL_DATA_WORKERS", "2")
    before, alive = children(), []

    def look() -> bool:
        alive.append(len(children() - before))
        return len(alive) > 3

    with pytest.raises(Cancelled):
        train_run(make(folder).path, look)
    assert max(alive) >= 2 and not children() - before


@pytest.mark.process
def test_a_signal_to_every_process_of_a_training_ends_it_in_good_order(folder, monkeypatch):
    """A cluster and a system that shuts down send SIGTERM to all: no reading process dies of it before the training has ended."""
    monkeypatch.setenv("LWAL_DATA_WORKERS", "2")
    run = make(folder, epochs=10_000, augment="trivial")
    process = start_training(run)
    try:
        deadline, readers = time.monotonic() + 60, []
        while open_run(run.id).metrics().epochs_done < 1 or not readers:
            assert time.monotonic() < deadline and process.poll() is None, run.log_tail(20)
            time.sleep(0.01)
            readers = psutil.Process(process.pid).children()
        os.killpg(process.pid, signal.SIGTERM)
        assert process.wait(60) == 143, run.log_tail(20)
    finally:
        process.kill()
    assert open_run(run.id).status == "interrupted" and "Traceback" not in run.log_tail(50)
    assert not psutil.wait_procs(readers, 20)[1]


def test_broken_images_are_listed_in_the_run_and_too_many_end_it(folder, monkeypatch):
    monkeypatch.setenv("LWAL_DATA_MEMORY", "0")
    monkeypatch.setenv("LWAL_DATA_WORKERS", "0")
    (folder / "dark" / "0.png").write_bytes(b"")
    monkeypatch.setattr("lwal_core.data.skipped.MAX_UNREADABLE_SHARE", 0.03)
    run = make(folder)
    train_run(run.path)
    listed = (run.path / "skipped.csv").read_text().splitlines()
    assert listed == ["path,reason", "dark/0.png,it is empty"]
    assert "skipped.csv: 1 of them (first: 'dark/0.png')" in open_run(run.id).record.data.notes[-1]
    (folder / "dark" / "2.png").write_bytes(b"")
    run = make(folder)
    with pytest.raises(
        DataError, match=r"2 of 40 images .* cannot be read: .*'dark/2.png' \(it is empty\), more than 3%"
    ):
        train_run(run.path)
    assert len((run.path / "skipped.csv").read_text().splitlines()) == 3


def test_features_of_a_frozen_network(folder, monkeypatch):
    monkeypatch.setattr(
        "lwal_core.data.frozen.build_backbone", lambda *_, **__: _Mean()
    )  # the weights of a real one cannot be had everywhere
    config = RunConfig.parse(
        {"data": {"name": f"folder:{folder}", "image_size": 12}, "encoder": {"name": "frozen:resnet18"}}
    )
    whole = frozen_features(load_dataset(config.data), config.encoder)
    monkeypatch.setenv("LWAL_DATA_MEMORY", "0")
    streamed = frozen_features(load_dataset(config.data), config.encoder)
    assert torch.equal(whole.x_train, streamed.x_train) and torch.equal(whole.x_test, streamed.x_test)
    assert streamed.thumbnails() is not None


class _Mean(torch.nn.Module):
    """A network that gives the mean of each colour."""

    out_features, weights_sha256 = 3, "0" * 64
    input_mean_std = torch.zeros(3), torch.ones(3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.mean((2, 3))
