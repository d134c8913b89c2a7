"""Hugging Face Trainer: a callback records every epoch from the trainer's own evaluation pass.

``Trainer(..., callbacks=[RecordRun(run)])`` with ``eval_strategy="epoch"``.
"""

from __future__ import annotations

import math
from typing import Any

from torch import nn

from lwal_core.integrations.clock import Clock
from lwal_core.integrations.needed import needed
from lwal_core.integrations.torch import record_epoch
from lwal_core.integrations.watched import WatchedPass
from lwal_core.recording import Recorder

TrainerCallback: Any = needed("transformers").TrainerCallback


class RecordRun(TrainerCallback):
    """Records a run while a trainer trains, and finishes it.

    Of each evaluation: its metrics under their own names, loss and learning rate as they were last logged, seconds of training,
    class means, accuracy, confusion, a sample of embeddings and pictures. The network is not run a second time, unless the
    trainer keeps the labels from it (label smoothing). Only the trainer's first process records.

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
        self._watched: WatchedPass | None = None
        self._seen = ""
        self._hooks: list[Any] = []
        self._clock = Clock()

    def on_train_begin(self, args: Any, state: Any, control: Any, model: Any = None, **kwargs: Any) -> None:
        if state.is_world_process_zero and not self._hooks:
            self._hooks = [
                model.register_forward_pre_hook(self._before),
                model.register_forward_hook(self._after, with_kwargs=True),
            ]

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
        if self._watched is not None:
            with self.run.careful("RecordRun"):
                self._watched.write(epoch)
        elif self._seen == "no labels":
            self._seen = "own pass"
            record_epoch(self.run, epoch, model, eval_dataloader, self._head, **self._scale)
        self._drop()
        logged = {name: row[name] for row in state.log_history for name in ("loss", "learning_rate") if name in row}
        numbers = {name: value for name, value in (metrics or {}).items() if name != "epoch"}
        self.run.log(
            epoch, **numbers | (logged if epoch else {}) | {"seconds": self._clock.seconds, "step": state.global_step}
        )

    def on_predict(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self._drop()

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self._drop()
        for hook in self._hooks:
            hook.remove()
        self._hooks = []
        self.run.finish()

    def _before(self, model: nn.Module, args: tuple[Any, ...]) -> None:
        """Called before the network runs on a batch: the first of an evaluation opens the watch."""
        if model.training:
            if self._seen:
                self._drop()
        elif not self._seen and self.run.recording:
            self._seen = "failed"
            with self.run.careful("RecordRun"):
                self._watched = WatchedPass(self.run, model, self._head, **self._scale)
                self._seen = "counted"

    def _after(self, model: nn.Module, args: tuple[Any, ...], inputs: dict[str, Any], output: Any) -> None:
        """Called when it has run on one."""
        if self._watched is None or model.training:
            return
        watched, seen, labels = self._watched, "failed", inputs.get(self._labels)
        if labels is None:
            seen = "no labels"
        else:
            with self.run.careful("RecordRun"):
                watched.add(inputs, labels, output)
                seen = "counted"
        if seen != "counted":
            self._drop(seen)

    def _drop(self, seen: str = "") -> None:
        """Close the watch; ``seen`` is what is known of the evaluation that goes on, empty for none."""
        if self._watched is not None:
            self._watched.close()
        self._watched, self._seen = None, seen
