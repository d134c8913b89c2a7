"""What other programs left of a training on every page: a series with curves, curves alone, predictions."""

from __future__ import annotations

import numpy as np
import pytest
from safetensors.numpy import save_file

from app.common.pages import page_names
from lwal_core.cli.files import import_
from lwal_core.runs import list_runs, open_run
from tests.app.conftest import text_of

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
