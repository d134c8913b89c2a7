"""Runs of what other programs left, recorded all at once."""

from __future__ import annotations

import errno

import numpy as np
import pytest
from safetensors.numpy import save_file

from lwal_core.cli.export import export
from lwal_core.cli.files import import_
from lwal_core.cli.share import share
from lwal_core.errors import ImportFileError, LwalError
from lwal_core.past_runs.curve_files import read_curves
from lwal_core.past_runs.keep import Labelling, class_vectors, keep_predictions, keep_training
from lwal_core.past_runs.prediction_files import read_predictions
from lwal_core.past_runs.series import open_series
from lwal_core.runs import Run, list_runs, open_run

NAMES = ["ant", "bee", "cat"]


def table(epoch: int) -> np.ndarray:
    return np.random.default_rng(epoch).normal(size=(3, 4)).astype(np.float32)


@pytest.fixture
def checkpoints(tmp_path):
    """Three files, epochs 0 to 2, and the numbers of the same epochs, counted from 0."""
    folder = tmp_path / "nets"
    folder.mkdir()
    for epoch in range(3):
        save_file({"fc.weight": table(epoch)}, folder / f"epoch_{epoch}.safetensors")
    (tmp_path / "metrics.csv").write_text("epoch,train_loss,val_acc,grad_norm\n0,3,20,1\n1,2,40,2\n2,1,60,3\n")
    return folder


def imported(tmp_path, name: str, text: str, **options) -> Run:
    (tmp_path / name).write_text(text)
    import_(str(tmp_path / name), **options)
    return open_run(list_runs()[0].id)


def test_a_series_with_its_curves(checkpoints, tmp_path):
    file = tmp_path / "metrics.csv"
    series = open_series(checkpoints, "epoch_*", names=NAMES)
    run = keep_training(series, (file, read_curves(file)), Labelling("Mine", "my-loss", "birds", 3))
    assert run.label_epochs() == [1, 2, 3]  # moved with the curves, which count from 0
    for epoch in range(3):
        np.testing.assert_array_equal(run.labels(epoch + 1).labels, table(epoch))
    assert run.accuracy().tolist() == [0.2, 0.4, 0.6] and run.metrics().loss.tolist() == [3, 2, 1]
    assert run.metrics().extra["grad_norm"].tolist() == [1, 2, 3]
    assert (run.name, run.config.method_label(), run.config.data.title, run.config.training.seed) == (
        "Mine",
        "my-loss",
        "birds",
        3,
    )
    assert (run.status, run.class_names, run.config.external) == ("done", tuple(NAMES), True)
    assert run.record.origin.kind == "series" and run.record.origin.file == "nets/epoch_*"
    assert any("'val_acc' is read as test accuracy (in percent)" in line for line in run.record.warnings)


def test_lightnings_files_and_curves_stand_at_the_same_epochs(tmp_path, capfd):
    for epoch in range(2):  # of three
        save_file({"fc.weight": table(epoch)}, tmp_path / f"epoch={epoch}-step={epoch * 8 + 8}.safetensors")
    (tmp_path / "metrics.csv").write_text("epoch,step,train_loss\n0,7,3\n1,15,2\n2,23,1\n")
    import_(str(tmp_path), series="*.safetensors", curves=tmp_path / "metrics.csv")
    run = open_run(list_runs()[0].id)
    assert run.label_epochs() == [1, 2] and run.metrics().loss.tolist() == [3, 2, 1]


def test_a_series_alone_keeps_its_epochs(checkpoints):
    run = keep_training(open_series(checkpoints, "epoch_*"), None)
    assert run.label_epochs() == [0, 1, 2] and run.name == "nets"


def test_curves_with_further_epochs_than_files(checkpoints, tmp_path):
    (checkpoints / "epoch_1.safetensors").unlink()
    (tmp_path / "c.csv").write_text("epoch,loss\n1,3\n2,2\n5,1\n")
    run = keep_training(open_series(checkpoints, "epoch_*"), (tmp_path / "c.csv", read_curves(tmp_path / "c.csv")))
    assert run.label_epochs() == [0, 2] and run.metrics().epoch.tolist() == [0, 1, 2, 5]


def test_curves_alone(tmp_path):
    run = imported(tmp_path, "metrics.csv", "epoch,val_acc,step,pull\n1,0.5,10,1\n2,0.75,20,1\n")
    assert run.accuracy().tolist() == [0.5, 0.75] and run.label_epochs() == [] and run.status == "done"
    assert run.record.origin.kind == "curves" and run.class_names == ()
    assert run.metrics().extra["pull (file)"].tolist() == [1, 1]  # pull is a column of the app's own methods


def test_seeds_of_one_method_are_one_group_and_unnamed_ones_are_not(tmp_path):
    groups = [
        imported(tmp_path, f"{seed}.csv", f"epoch,val_acc\n1,0.{seed}\n", method="m", data="d", seed=seed).group
        for seed in (1, 2)
    ]
    assert groups[0] == groups[1]
    apart = [imported(tmp_path, "metrics.csv", f"epoch,val_acc\n1,0.{value}\n").group for value in (1, 2)]
    assert apart[0] != apart[1]


class TestPredictions:
    def test_of_a_table(self, tmp_path):
        run = imported(tmp_path, "p.csv", "target,predicted\ndog,dog\ncat,dog\nant,ant\ncat,cat\n", method="m")
        found = run.evaluation()
        np.testing.assert_array_equal(found.confusion, [[1, 0, 0], [0, 1, 1], [0, 0, 1]])
        np.testing.assert_allclose(run.vectors(1), [[1, 0, 0], [0, 0.5, 0.5], [0, 0, 1]])
        assert run.accuracy().tolist() == [0.75] and run.record.origin.kind == "predictions"

    def test_of_embeddings(self, tmp_path):
        z = np.array([[0, 0], [2, 0], [9, 9], [5, 5]], np.float32)
        np.savez(tmp_path / "p.npz", z=z, y=[0, 0, 1, 1], class_names=np.array(["a", "b"]))
        run = keep_predictions(read_predictions(tmp_path / "p.npz"))
        np.testing.assert_allclose(run.vectors(1), [[1, 0], [7, 7]])
        np.testing.assert_array_equal(run.evaluation().z, z)
        assert run.evaluation().pred.tolist() == [0, 0, 1, 1]  # by nearest class mean

    def test_vectors_are_what_a_slow_loop_gives(self, tmp_path):
        rng = np.random.default_rng(0)
        y, pred, scores = rng.integers(0, 5, 300), rng.integers(0, 6, 300), rng.normal(size=(300, 6)).astype(np.float32)
        np.savez(tmp_path / "p.npz", y=y, pred=pred, scores=scores)
        found = read_predictions(tmp_path / "p.npz")
        means, told = class_vectors(found)
        for label in range(6):  # 5 is only ever predicted
            rows = [scores[i].astype(np.float64) for i in range(300) if (y[i] if label < 5 else pred[i]) == label]
            np.testing.assert_allclose(means[label], sum(rows) / len(rows), atol=1e-5)
        assert "1 classes have no samples" in told

    def test_a_class_that_is_nowhere_has_the_vector_0(self, tmp_path):
        np.savez(tmp_path / "p.npz", y=[0, 1], pred=[0, 1])
        means, _ = class_vectors(read_predictions(tmp_path / "p.npz", names=NAMES))
        np.testing.assert_array_equal(means, [[1, 0, 0], [0, 1, 0], [0, 0, 0]])


class TestNothingIsLeftBehind:
    def test_where_it_cannot_be_recorded(self, tmp_path, checkpoints, home):
        with pytest.raises(LwalError, match="method"):
            keep_training(open_series(checkpoints, "epoch_*"), None, Labelling(method="x" * 500))
        series = open_series(checkpoints, "epoch_*", names=["a" * 400, "b", "c"])
        with pytest.raises(LwalError, match="400 characters"):
            keep_training(series, None)
        series = open_series(checkpoints, "epoch_*")
        for file in checkpoints.iterdir():
            file.unlink()
        with pytest.raises(ImportFileError, match="can be read any more"):
            keep_training(series, None)
        assert list_runs() == [] and not [path for path in home.glob("runs/*") if path.is_dir()]

    def test_in_a_process_of_a_higher_rank(self, checkpoints, monkeypatch):
        monkeypatch.setenv("RANK", "1")
        with pytest.raises(ImportFileError, match="RANK"):
            keep_training(open_series(checkpoints, "epoch_*"), None)
        assert list_runs() == []

    def test_on_a_disk_that_is_full(self, checkpoints, monkeypatch):
        def full(*args, **kwargs):
            raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr("lwal_core.runs.writer.append_metrics", full)
        with pytest.raises(OSError, match="No space left"):
            keep_training(open_series(checkpoints, "epoch_*"), None)
        assert list_runs() == []

    def test_where_it_is_only_looked_at(self, tmp_path, checkpoints):
        import_(str(checkpoints), series="epoch_*", dry_run=True)
        (tmp_path / "p.csv").write_text("target,predicted\na,b\nb,b\n")
        import_(str(tmp_path / "p.csv"), dry_run=True)
        import_(curves=tmp_path / "metrics.csv", dry_run=True)
        assert list_runs() == []


class TestCommand:
    def test_tree_and_link_of_a_run_that_has_head_vectors_alone(self, checkpoints, tmp_path, capfd):
        run = keep_training(open_series(checkpoints, "epoch_*", names=NAMES), None)
        export(run.id, format="newick", output=tmp_path / "tree.nwk")
        assert all(name in (tmp_path / "tree.nwk").read_text() for name in NAMES)
        share(run.id)
        assert "?share=" in capfd.readouterr().out

    def test_what_does_not_go_together(self, checkpoints, tmp_path):
        with pytest.raises(ImportFileError, match="No file is given"):
            import_()
        with pytest.raises(ImportFileError, match="--curves stands alone"):
            import_(str(checkpoints / "epoch_1.safetensors"), curves=tmp_path / "metrics.csv")
        with pytest.raises(ImportFileError, match="--series"):
            import_(str(checkpoints))

    def test_the_id_is_printed_last_and_files_that_are_left_out_before(self, checkpoints, capfd):
        (checkpoints / "epoch_3.safetensors").write_text("x")
        import_(str(checkpoints), series="epoch_*")
        said = capfd.readouterr()
        assert said.out.strip() == list_runs()[0].id
        assert "left out: epoch_3.safetensors" in said.err

    def test_label_vectors_are_still_label_vectors(self, tmp_path):
        run = imported(tmp_path, "animals.csv", "name,x,y\ncat,1,2\ndog,2,1\n")
        assert run.config.imported and run.class_names == ("cat", "dog")
