"""Hugging Face Trainer: a callback records every epoch from the trainer's own evaluation pass.

``Trainer(..., callbacks=[RecordRun(run)])`` with ``eval_strategy="epoch"``.
"""

from __future__ import annotations

import math
from typing import Any

from torch import nn

from lwal_core.integrations.clock import Clock
from lwal_core.integrations.evaluations import WatchedEvaluations
from lwal_core.integrations.needed import needed
from lwal_core.integrations.torch import record_epoch
from lwal_core.recording import Recorder

TrainerCallback: Any = needed("transformers").TrainerCallback


class RecordRun(TrainerCallback):
    """Records a run while a trainer trains, and finishes it.

    Of each evaluation: its metrics under their own names, loss and learning rate as they were last logged, seconds of training,
    class means, accuracy, confusion, a sample of embeddings and pictures. The network is not run a second time, unless the
    trainer keeps the labels from it (label smoothing) or runs it on several devices in one process. Only the trainer's
    first process records.

    Args:
        run: From :func:`lwal_core.start_run`; ``classes`` are the model's ``config.id2label``.
        head: The classifier, or its name; None to look for the layer with weights for C classes.
        processor: The image processor, whose normalisation is taken back for the pictures; None to stretch them.
        labels: What the classes are called in a batch.
    """

    def __init__(
        self, run: Recorder, head: nn.Module | str | None = None, *, processor: Any = None, labels: str = "labels"
    ) -> None:
        self.run, self._head, self._labels = run, head, labels
        self._scale: dict[str, Any] = {
            "mean": getattr(processor, "image_mean", None),
            "std": getattr(processor, "image_std", None),
        }
        self._evaluations: WatchedEvaluations | None = None
        self._clock = Clock()

    def on_train_begin(self, args: Any, state: Any, control: Any, model: Any = None, **kwargs: Any) -> None:
        # Several devices in one process run parts of a batch at the same time: evaluations get a pass of their own instead.
        if state.is_world_process_zero and self._evaluations is None and args.n_gpu <= 1:
            self._evaluations = WatchedEvaluations(self.run, model, self._head, self._labels, self._scale)

    def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self._clock.go()

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if control.should_evaluate:
            self._clock.stop()

    def on_epoch_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self._clock.stop()

    def on_evaluate(
        self, args: Any, state: Any, control: Any, model: Any = None, metrics: Any = None, eval_dataloader: Any = None,
        **kwargs: Any,
    ) -> None:  # fmt: skip
        if not state.is_world_process_zero or not self.run.recording:
            return
        epoch = math.ceil(round(state.epoch or 0, 6))
        found = self._evaluations
        if found is not None and found.watched is not None:
            with self.run.careful("RecordRun"):
                found.watched.write(epoch)
        elif found is None or found.seen == "no labels":
            record_epoch(self.run, epoch, model, eval_dataloader, self._head, **self._scale)
        if found is not None:
            found.forget()
        logged = {name: row[name] for row in state.log_history for name in ("loss", "learning_rate") if name in row}
        numbers = {name: value for name, value in (metrics or {}).items() if name != "epoch"}
        self.run.log(
            epoch, **numbers | (logged if epoch else {}) | {"seconds": self._clock.seconds, "step": state.global_step}
        )

    def on_predict(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if self._evaluations is not None:
            self._evaluations.forget()

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if self._evaluations is not None:
            self._evaluations.close()
            self._evaluations = None
        self.run.finish()
