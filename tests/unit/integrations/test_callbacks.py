"""Callbacks of Lightning and transformers: nothing is run twice, and nothing ends somebody's training."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

import lwal_core as lwal
from lwal_core.integrations.needed import MissingPackageError, needed
from lwal_core.recording.open_runs import RecordWarning
from lwal_core.runs import open_run
from tests.support.integrations import EPOCHS, compare_with_slow_loop, loaders, small_network, start, train_transformers
from tests.support.own_loop import NAMES


def fit(
    run: lwal.Recorder, folder: Path, wrong_at: int = -1, valid: Any = None, **options: Any
) -> tuple[nn.Module, list[bool]]:
    """Fit two epochs by Lightning; the network, and of each of its passes whether it was for training."""
    import lightning

    from lwal_core.integrations.lightning import RecordRun

    passes: list[bool] = []

    class Module(lightning.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.network = small_network()
            self.network.register_forward_hook(lambda network, *_: passes.append(network.training))

        def training_step(self, batch: Any, index: int) -> Tensor:
            if self.global_step == wrong_at:
                raise RuntimeError("no memory left")
            return nn.functional.cross_entropy(self.network(batch[0]), batch[1])

        def validation_step(self, batch: Any, index: int, dataloader_idx: int = 0) -> None:
            self.log("val_mean", self.network(batch[0]).mean())

        def configure_optimizers(self) -> Any:
            return torch.optim.Adam(self.parameters(), 1e-2)

    module, (train, test) = Module(), loaders()
    trainer = lightning.Trainer(
        max_epochs=EPOCHS, accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False, callbacks=[RecordRun(run)], default_root_dir=folder, log_every_n_steps=1, **options,
    )  # fmt: skip
    trainer.fit(module, train, test if valid is None else valid)
    return module, passes


def test_lightning_runs_nothing_twice(tmp_path: Path) -> None:
    run = start("lightning")
    module, passes = fit(run, tmp_path, num_sanity_val_steps=2)
    assert passes.count(True) == 5 * EPOCHS and passes.count(False) == 2 + 3 * EPOCHS
    assert not module.network[-1]._forward_hooks  # type: ignore[index]
    read = open_run(run.id)
    assert read.status == "done" and read.label_epochs() == [1, 2]
    metrics = read.metrics()
    assert metrics.step.tolist() == [5, 10] and (np.diff(metrics.seconds) > 0).all() and metrics.seconds[0] > 0
    assert metrics.learning_rate.tolist() == pytest.approx([0.01, 0.01]) and list(metrics.extra) == ["val_mean"]


def test_the_last_validation_of_an_epoch_counts(tmp_path: Path) -> None:
    run = start("lightning")
    module, _ = fit(run, tmp_path, val_check_interval=2, num_sanity_val_steps=0)
    read = open_run(run.id)
    assert read.label_epochs() == [1, 2] and read.record.data.test_size == 60  # type: ignore[union-attr]
    # The second of an epoch is after 4 of its 5 steps; the labels are those of the weights then, not of the first.
    last = module.network[-1].weight.detach().numpy()  # type: ignore[index,union-attr]
    assert 0 < np.abs(read.labels(2).labels - last).max() < 0.011  # one step of Adam from the end


def test_an_error_in_a_training_fails_the_run_with_its_sentence(tmp_path: Path) -> None:
    run = start("lightning")
    with pytest.raises(RuntimeError, match="no memory left"):
        fit(run, tmp_path, wrong_at=7)
    read = open_run(run.id)
    assert read.status == "failed" and "no memory left" in (read.record.error or "") and read.label_epochs() == [1]


def test_what_cannot_be_recorded_does_not_end_a_lightning_training(tmp_path: Path) -> None:
    run = lwal.start_run(classes=["a", "b"], method="lightning", data="d")
    with pytest.warns(RecordWarning, match="No layer of Module has weights for 2 classes"):
        module, _ = fit(run, tmp_path)
    assert module.global_step == 5 * EPOCHS and open_run(run.id).metrics().step.tolist() == [5, 10]  # type: ignore[comparison-overlap]
    run = lwal.start_run(classes=NAMES, method="lightning", data="d")
    no_classes = DataLoader(torch.zeros(4, 1, 3, 16, 16), 1)  # type: ignore[arg-type]
    with pytest.warns(RecordWarning, match="A batch is a Tensor"):
        fit(run, tmp_path, valid=no_classes)
    assert open_run(run.id).label_epochs() == []


def test_other_processes_of_a_lightning_training_record_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOCAL_RANK", "1")
    run = start("lightning")
    monkeypatch.delenv("LOCAL_RANK")
    fit(run, tmp_path)
    assert not run.id and not lwal.list_runs()


def test_a_trainer_that_keeps_the_labels_to_itself_is_given_a_pass(tmp_path: Path) -> None:
    trained = train_transformers(tmp_path, label_smoothing_factor=0.1)
    read = open_run(trained.run_id)
    compare_with_slow_loop(read, trained)
    assert not read.record.warnings and "eval_loss" in read.metrics().extra


def test_a_network_on_several_devices_is_given_a_pass_and_hooks_go_with_the_run() -> None:
    from lwal_core.integrations.transformers import RecordRun

    network, run = small_network(), start("transformers")
    state = SimpleNamespace(is_world_process_zero=True, epoch=0.7, log_history=[], global_step=4)
    control = SimpleNamespace(should_evaluate=True)
    recording = RecordRun(run)
    recording.on_train_begin(SimpleNamespace(n_gpu=2), state, control, model=network)
    assert not network._forward_pre_hooks
    recording.on_evaluate(None, state, control, model=network, metrics={"eval_loss": 1.5}, eval_dataloader=loaders()[1])
    recording.on_train_begin(SimpleNamespace(n_gpu=1), state, control, model=network)
    assert network._forward_pre_hooks
    run.end("failed", "the training ended in an error")
    network(torch.zeros(2, 3, 16, 16))
    assert not network._forward_pre_hooks and not network._forward_hooks
    read = open_run(run.id)
    assert read.label_epochs() == [1] and read.evaluation().confusion.sum() == 60
    assert read.metrics().extra["eval_loss"].tolist() == [1.5]


def test_a_missing_package_is_said_in_a_sentence() -> None:
    assert needed("json") is __import__("json")
    with pytest.raises(MissingPackageError, match=r"no_such_package is not installed\. pip install no_such_package\."):
        needed("no_such_package.inner", "no_other_package")
    with pytest.raises(ImportError):
        needed("no_such_package")
