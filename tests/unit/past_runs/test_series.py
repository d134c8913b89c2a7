"""A folder of checkpoints: which files, in which order, as which epochs."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save_file

from lwal_core.errors import ImportFileError
from lwal_core.past_runs import series as module
from lwal_core.past_runs.series import open_series, read_series

NAMES = ["ant", "bee", "cat"]


def weights(epoch: int) -> np.ndarray:
    return np.arange(6, dtype=np.float32).reshape(3, 2) + epoch


@pytest.fixture
def save(tmp_path):
    def write(name: str, epoch: int, **more) -> None:
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        save_file({"fc.weight": weights(epoch), "conv.weight": np.ones((9, 4), np.float32), **more}, file)

    return write


def epochs_of(folder, pattern, **options):
    series = open_series(folder, pattern, **options)
    return [(epoch, int(vectors[0, 0])) for epoch, vectors in read_series(series)], series


class TestOrder:
    @pytest.mark.parametrize(
        ("names", "epochs"),
        [
            (["epoch_1", "epoch_2", "epoch_10"], [1, 2, 10]),
            (["epoch=0-step=50", "epoch=1-step=100", "epoch=2-step=150"], [1, 2, 3]),  # Lightning counts trained epochs
            (["epoch_0_step_0", "epoch_1_step_50"], [0, 1]),
            (["model_e3_acc0.51", "model_e4_acc0.5", "model_e12_acc0.6"], [3, 4, 12]),
            (["run7-1", "run7-2", "run7-11"], [1, 2, 11]),  # the number that changes
            (["resnet50_ep001", "resnet50_ep002"], [1, 2]),
            (["step_500", "step_1000"], [1, 2]),
            (["a", "b", "c"], [0, 1, 2]),
            (["best_1_2", "best_1_3", "best_2_2"], [0, 1, 2]),  # no number of its own for each
            (["ckpt-99998", "ckpt-99999"], [1, 2]),
        ],
    )
    def test_is_that_of_the_numbers(self, tmp_path, save, names, epochs):
        for i, name in enumerate(names):
            save(f"{name}.safetensors", i)
        found, _ = epochs_of(tmp_path, "*.safetensors")
        assert found == list(zip(epochs, range(len(names)), strict=True))

    def test_of_transformers_checkpoints_is_read_from_their_state(self, tmp_path, save):
        for epoch, step in enumerate([90, 180, 1000], start=1):
            save(f"checkpoint-{step}/model.safetensors", epoch)
            (tmp_path / f"checkpoint-{step}" / "trainer_state.json").write_text(json.dumps({"epoch": 2.0 * epoch}))
        found, series = epochs_of(tmp_path, "checkpoint-*/model.safetensors")
        assert found == [(2, 1), (4, 2), (6, 3)] and "trainer_state.json" in series.notes[0]
        (tmp_path / "checkpoint-180" / "trainer_state.json").write_text("{")
        assert epochs_of(tmp_path, "checkpoint-*/model.safetensors")[0] == [(1, 1), (2, 2), (3, 3)]

    @given(st.lists(st.text(st.sampled_from("e01289_-p"), min_size=1, max_size=8), min_size=1, max_size=6, unique=True))
    def test_of_any_names_is_ascending_and_whole(self, tmp_path_factory, names):
        root = tmp_path_factory.getbasetemp()
        files = module._ordered(root, [root / name for name in names])
        epochs, _ = module._epochs(root, files)
        assert sorted(files) == sorted(root / name for name in names)
        assert len(epochs) == len(files) and epochs == sorted(set(epochs)) and 0 <= epochs[0] <= epochs[-1] <= 10_000


class TestContent:
    def test_the_head_is_chosen_once(self, tmp_path, save):
        save("epoch_1.safetensors", 1)
        save("epoch_2.safetensors", 2, **{"classifier.weight": np.ones((5, 2), np.float32)})  # a likelier head
        found, series = epochs_of(tmp_path, "epoch_*")
        assert found == [(1, 1), (2, 2)] and series.first.tensor == "fc.weight"
        chosen = open_series(tmp_path, "epoch_*", tensor="conv.weight")
        assert [vectors.shape for _, vectors in read_series(chosen)] == [(9, 4), (9, 4)]

    def test_also_where_the_first_file_holds_nothing_else(self, tmp_path):
        save_file({"fc.weight": weights(1)}, tmp_path / "epoch_1.safetensors")
        likelier = {"fc.weight": weights(2), "classifier.weight": np.ones((3, 2), np.float32)}
        save_file(likelier, tmp_path / "epoch_2.safetensors")
        found, series = epochs_of(tmp_path, "epoch_*")
        assert found == [(1, 1), (2, 2)] and series.tensor == "fc.weight"

    def test_what_cannot_be_read_is_left_out_and_named(self, tmp_path, save):
        (tmp_path / "epoch_0.safetensors").write_bytes(b"")
        (tmp_path / "epoch_1.safetensors").write_text("hello")
        for epoch in (2, 3, 6):
            save(f"epoch_{epoch}.safetensors", epoch)
        data = (tmp_path / "epoch_3.safetensors").read_bytes()
        (tmp_path / "epoch_4.safetensors").write_bytes(data[:-5])
        save_file({"fc.weight": np.zeros((4, 2), np.float32)}, tmp_path / "epoch_5.safetensors")
        save_file({"other.weight": np.zeros((3, 2), np.float32)}, tmp_path / "epoch_7.safetensors")
        save_file({"fc.weight": np.full((3, 2), np.nan, np.float32)}, tmp_path / "epoch_8.safetensors")
        found, series = epochs_of(tmp_path, "epoch_*.safetensors")
        assert found == [(2, 2), (3, 3), (6, 6)]
        said = dict(series.left_out)
        assert list(said) == [f"epoch_{i}.safetensors" for i in (0, 1, 4, 5, 7, 8)]
        assert "is empty" in said["epoch_0.safetensors"] and "[4, 2], not [3, 2]" in said["epoch_5.safetensors"]
        assert "no tensor 'fc.weight'" in said["epoch_7.safetensors"] and "nan" in said["epoch_8.safetensors"]

    def test_names_come_from_the_first_its_config_or_are_given(self, tmp_path, save):
        save("checkpoint-1/model.safetensors", 1)
        save("checkpoint-2/model.safetensors", 2)
        (tmp_path / "checkpoint-1" / "config.json").write_text(json.dumps({"id2label": dict(enumerate(NAMES))}))
        pattern = "checkpoint-*/model.safetensors"
        assert open_series(tmp_path, pattern).first.names == tuple(NAMES)
        assert open_series(tmp_path, pattern, names=["x", "y", "z"]).first.names == ("x", "y", "z")

    def test_tables_are_a_series_too(self, tmp_path):
        for epoch in range(3):
            np.save(tmp_path / f"{epoch}.npy", weights(epoch))
        assert epochs_of(tmp_path, "*.npy")[0] == [(0, 0), (1, 1), (2, 2)]

    def test_one_file_is_open_at_a_time(self, tmp_path, save):
        for epoch in range(3):
            save(f"epoch_{epoch}.safetensors", epoch)
        series = open_series(tmp_path, "epoch_*")
        vectors = read_series(series)
        next(vectors)
        (tmp_path / "epoch_1.safetensors").unlink()  # what comes later has not been read yet
        save("epoch_2.safetensors", 7)
        epoch, last = next(vectors)
        assert (epoch, last[0, 0]) == (2, 7)
        assert series.left_out == [("epoch_1.safetensors", "it cannot be read: No such file or directory")]


class TestLimits:
    @pytest.mark.parametrize("pattern", ["", "/etc/*", "../*", "a/../../*", "**/*.pt", "a\0b", "none_*"])
    def test_a_pattern_stays_in_the_folder(self, tmp_path, save, pattern):
        save("epoch_1.safetensors", 1)
        with pytest.raises(ImportFileError) as caught:
            open_series(tmp_path, pattern)
        assert caught.value.hint

    def test_number_and_bytes(self, tmp_path, save, monkeypatch):
        for epoch in range(3):
            save(f"epoch_{epoch}.safetensors", epoch)
        monkeypatch.setattr(module, "MAX_FILES", 2)
        with pytest.raises(ImportFileError, match="has 3 files like"):
            open_series(tmp_path, "epoch_*")
        monkeypatch.setattr(module, "MAX_FILES", 3)
        monkeypatch.setattr(module, "MAX_TOTAL_BYTES", 100)
        with pytest.raises(ImportFileError, match="GiB"):
            open_series(tmp_path, "epoch_*")

    def test_a_folder_that_is_none_and_one_without_anything_to_read(self, tmp_path):
        (tmp_path / "a.pt").write_text("x")
        with pytest.raises(ImportFileError, match="is no folder"):
            open_series(tmp_path / "a.pt", "*")
        with pytest.raises(ImportFileError, match="None of the 1 files"):
            open_series(tmp_path, "a.pt")


@pytest.mark.process
def test_twenty_checkpoints_of_a_small_cnn_are_a_film_without_training_again(tmp_path, home):
    from lwal_core.cli.files import import_
    from lwal_core.results.run_tree import run_hierarchy
    from lwal_core.results.tree_spec import TreeSpec
    from lwal_core.runs import list_runs, open_run

    torch.manual_seed(0)
    network = torch.nn.Sequential()
    network.add_module("conv", torch.nn.Conv2d(1, 6, 3))
    network.add_module("pool", torch.nn.AdaptiveAvgPool2d(2))
    network.add_module("flat", torch.nn.Flatten())
    network.add_module("fc", torch.nn.Linear(24, 4))
    optimizer = torch.optim.SGD(network.parameters(), lr=0.5)
    images, targets = torch.randn(32, 1, 8, 8), torch.arange(32) % 4
    kept = {}
    folder = tmp_path / "run"
    folder.mkdir()
    for epoch in range(1, 21):
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(network(images), targets).backward()
        optimizer.step()
        kept[epoch] = network.fc.weight.detach().numpy().copy()
        torch.save(
            {"model": network.state_dict(), "epoch": epoch, "optimizer": optimizer.state_dict()},
            folder / f"epoch_{epoch}.pt",
        )
    (folder / "epoch_7.pt").write_bytes((folder / "epoch_6.pt").read_bytes()[:3000])  # damaged
    torch.save(network, folder / "epoch_12.pt")  # foreign: a pickled program
    (tmp_path / "names.txt").write_text("north\neast\nsouth\nwest\n")
    (tmp_path / "curve.csv").write_text("epoch,test_accuracy\n" + "".join(f"{e},{e / 40}\n" for e in range(1, 21)))

    import_(str(folder), series="epoch_*.pt", names=tmp_path / "names.txt", curves=tmp_path / "curve.csv")

    (summary,) = list_runs()
    run = open_run(summary.id)
    assert run.label_epochs() == [epoch for epoch in kept if epoch not in (7, 12)]
    for epoch in run.label_epochs():
        np.testing.assert_array_equal(run.labels(epoch).labels, kept[epoch])
        assert run_hierarchy(run, TreeSpec(run.id, epoch, "labels")).linkage.shape == (3, 4)
    warnings = " ".join(run.record.warnings)
    assert "epoch_7.pt" in warnings and "epoch_12.pt" in warnings and "torch" in warnings
    np.testing.assert_allclose(run.accuracy(), np.arange(1, 21) / 40)
    assert run.class_names == ("north", "east", "south", "west") and run.status == "done"
