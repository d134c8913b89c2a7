"""What other programs left of a training on every page: a series with curves, curves alone, predictions."""

from __future__ import annotations

import numpy as np
import pytest
from safetensors.numpy import save, save_file

from app.common.pages import page_names
from lwal_core.cli.files import import_
from lwal_core.runs import list_runs, open_run
from tests.app.conftest import text_of
from tests.app.test_import_dialog import brought, brought_together, opened

NAMES = ["cat", "dog", "truck", "ship"]


@pytest.fixture
def past(tmp_path):
    """Ids by kind."""
    rng = np.random.default_rng(0)
    folder = tmp_path / "nets"
    folder.mkdir()
    for epoch in range(1, 4):
        save_file({"fc.weight": rng.normal(size=(4, 5)).astype(np.float32)}, folder / f"epoch_{epoch}.safetensors")
    (tmp_path / "names.txt").write_text("\n".join(NAMES))
    (tmp_path / "curves.csv").write_text("epoch,train_loss,val_acc,seconds\n1,3,0.3,1\n2,2,0.4,2\n3,1,0.5,3\n")
    y = np.arange(40) % 4
    np.savez(tmp_path / "p.npz", z=rng.normal(size=(40, 5)) + y[:, None], y=y, pred=(y + (np.arange(40) > 30)) % 4,
             class_names=np.array(NAMES))  # fmt: skip
    import_(str(folder), series="epoch_*", names=tmp_path / "names.txt", curves=tmp_path / "curves.csv", method="mine")
    import_(curves=tmp_path / "curves.csv", method="curves only")
    import_(str(tmp_path / "p.npz"), method="predictions only")
    runs = [open_run(run.id) for run in list_runs()]
    return {run.config.method_label(): run for run in runs}


@pytest.mark.parametrize("page", page_names())
@pytest.mark.parametrize("kind", ["mine", "curves only", "predictions only"])
def test_every_page_draws(open_page, make_run, past, page, kind):
    trained = make_run(class_names=NAMES)
    run = past[kind]
    at = open_page(page, {"runs": [run.group, trained.group], "run": run.id})
    assert not at.error, [error.value for error in at.error]


def test_the_film_has_an_epoch_for_each_file_and_the_curves_stand_beside_a_training_here(open_page, make_run, past):
    assert past["mine"].label_epochs() == [1, 2, 3]
    at = open_page(
        "curves", {"runs": [past["mine"].group, past["curves only"].group, make_run(class_names=NAMES).group]}
    )
    assert not at.error and "Not here" not in text_of(at)
    assert "mine" in text_of(at) and "curves only" in text_of(at)


class TestDialog:
    def test_checkpoints_that_are_uploaded_together_are_a_series_and_what_cannot_be_read_is_named(
        self, open_page, tmp_path
    ):
        rng = np.random.default_rng(0)
        heads = {epoch: rng.normal(size=(4, 5)).astype(np.float32) for epoch in (2, 10, 1)}
        files = {f"epoch_{epoch}.safetensors": save({"fc.weight": head}) for epoch, head in heads.items()}
        files |= {
            "epoch_3.safetensors": files["epoch_2.safetensors"][:90],
            "epoch_4.safetensors": save({"other": np.ones((2, 3))}),
        }
        files["metrics.csv"] = b"epoch,train_loss,test_accuracy\n1,2,0.5\n2,1,0.6\n10,1,0.7\n"
        at = brought_together(opened(open_page), files)
        text = text_of(at).replace("\\", "")
        assert "5 files like *.safetensors, epochs 1 to 10" in text and "metrics.csv: curves of 3 epochs" in text
        at.text_area(key="bring_names").set_value("\n".join(NAMES)).run()
        at.text_input(key="bring_name").set_value("my nets").run()
        at.button(key="bring_keep").click().run()
        assert not at.exception and not at.error
        (summary,) = list_runs()
        run = open_run(summary.id)
        assert run.name == "my nets" and run.label_epochs() == [1, 2, 10] and run.accuracy().tolist() == [0.5, 0.6, 0.7]
        assert all(np.array_equal(run.labels(epoch).labels, head) for epoch, head in heads.items())
        left_out = [line for line in run.record.warnings if line.startswith("left out: ")]
        assert [line.split(":")[1].strip() for line in left_out] == ["epoch_3.safetensors", "epoch_4.safetensors"]
        (told,) = [toast.value.replace("\\", "") for toast in at.toast]
        assert told.startswith("my nets is kept.") and all(line in told for line in left_out)

    def test_names_of_uploaded_files_are_no_paths_and_two_of_one_name_are_told(self, open_page, home):
        head = save({"fc.weight": np.eye(3, dtype=np.float32)})
        uploads = [
            ("../../a_1.safetensors", head),
            ("b/a_1.safetensors", head),
            ("\x07a_2.safetensors", head),
            ("x" * 300 + ".safetensors", head),
        ]
        at = opened(open_page)
        at.file_uploader(key="bring_file").set_value([(*each, "application/octet-stream") for each in uploads]).run()
        assert not at.exception and not at.error
        assert "a_1.safetensors: another file has this name" in text_of(at).replace("\\", "")
        folder = home / "cache" / "incoming"
        assert {path.parent.parent.parent for path in folder.rglob("*.safetensors")} == {folder}

    def test_curves_without_a_checkpoint(self, open_page):
        curves = b"epoch,train_loss\n1,2\n2,1\n"
        at = brought_together(opened(open_page), {"a.csv": curves, "b.csv": b"\x00\xff not a table"})
        assert at.error and not at.exception and not list_runs()

    def test_curves(self, open_page, tmp_path):
        at = brought(opened(open_page), "metrics.csv", b"epoch,train_loss,val_acc\n1,2,50\n2,1,60\n")
        assert r"'val\_acc' is read as test accuracy" in text_of(at) and list_runs() == []
        at.text_input(key="bring_method").set_value("my-loss").run()
        at.text_input(key="bring_data").set_value("digits").run()
        at.number_input(key="bring_seed").set_value(4).run()
        at.button(key="bring_keep").click().run()
        assert not at.exception and not at.error
        run = open_run(list_runs()[0].id)
        assert run.accuracy().tolist() == [0.5, 0.6] and run.name == "metrics"
        assert (run.config.method_label(), run.config.data.name, run.config.training.seed) == ("my-loss", "digits", 4)

    def test_predictions_with_typed_names(self, open_page):
        at = brought(opened(open_page), "p.csv", b"target,predicted\n0,1\n1,1\n2,2\n")
        assert "66.67% of them are right" in text_of(at).replace("\\", "")
        at.text_area(key="bring_names").set_value("ant\nbee\ncat").run()
        at.button(key="bring_keep").click().run()
        assert not at.exception and not at.error
        run = open_run(list_runs()[0].id)
        assert run.class_names == ("ant", "bee", "cat") and run.evaluation().confusion.tolist() == [
            [0, 1, 0],
            [0, 1, 0],
            [0, 0, 1],
        ]

    def test_what_cannot_be_read_is_a_sentence(self, open_page):
        at = brought(opened(open_page), "p.csv", b"target,predicted\n0,\n")
        assert "a class is missing" in at.error[0].value and list_runs() == []

    def test_a_folder_of_checkpoints_on_the_server(self, open_page, tmp_path):
        folder = tmp_path / "nets"
        folder.mkdir()
        for epoch in (1, 2):
            save_file({"fc.weight": np.eye(4, dtype=np.float32) * epoch}, folder / f"epoch_{epoch}.safetensors")
        (folder / "epoch_3.safetensors").write_text("x")
        (folder / "curve.csv").write_text("epoch,val_acc\n1,0.5\n2,0.6\n")
        at = opened(open_page)
        at.segmented_control(key="bring_from").set_value("Path on the server").run()
        at.text_input(key="bring_path").set_value(str(folder)).run()
        at.text_input(key="bring_pattern").set_value("epoch_*").run()
        at.text_input(key="bring_curves").set_value("curve.csv").run()
        assert "4 classes in 4 dimensions" in text_of(at)
        at.button(key="bring_keep").click().run()
        assert not at.exception and not at.error
        run = open_run(list_runs()[0].id)
        assert run.label_epochs() == [1, 2] and run.accuracy().tolist() == [0.5, 0.6]
        assert any("epoch_3" in line for line in run.record.warnings)
