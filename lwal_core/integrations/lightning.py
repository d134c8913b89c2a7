"""Lightning (``lightning`` or ``pytorch_lightning``): ``Trainer(callbacks=[RecordRun(run)])`` records every epoch."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from lwal_core.integrations.batches import split
from lwal_core.integrations.clock import Clock
from lwal_core.integrations.needed import needed
from lwal_core.integrations.watched import WatchedPass
from lwal_core.integrations.watched_loader import Unpack, say_if_shared
from lwal_core.recording import Recorder

Callback: Any = needed("lightning.pytorch", "pytorch_lightning").Callback


class RecordRun(Callback):
    """Records a run while a trainer fits, and finishes it.

    Of each epoch: what was logged with ``self.log`` under its own name, the learning rate, seconds of training, and from the
    validation pass class means, accuracy, confusion, a sample of embeddings and pictures. Nothing is run a second time. Only
    the trainer's first process records.

    Args:
        run: From :func:`lwal_core.start_run`.
        head: The classifier, or its name; None to look for the layer with weights for C classes.
        dataloader: Which of several validation loaders.
        unpack: From a batch of another kind than ``(x, y)`` or a mapping with ``labels`` to ``(inputs, targets)``.
        mean: What was subtracted of each channel of the pictures, in units of 0 to 1; None for nothing.
        std: What they were then divided by.
    """

    def __init__(
        self,
        run: Recorder,
        head: nn.Module | str | None = None,
        *,
        dataloader: int = 0,
        unpack: Unpack = split,
        mean: Any = None,
        std: Any = None,
    ) -> None:
        super().__init__()
        self.run, self._head, self._dataloader, self._unpack = run, head, dataloader, unpack
        self._scale = {"mean": mean, "std": std}
        self._watched: WatchedPass | None = None
        self._clock = Clock()

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint keeps: seconds of training so far."""
        return {"seconds": self._clock.seconds}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Go on from a checkpoint."""
        self._clock.seconds = float(state_dict.get("seconds", 0.0))

    def on_train_epoch_start(self, trainer: Any, pl_module: Any) -> None:
        self._clock.go()

    def on_validation_start(self, trainer: Any, pl_module: Any) -> None:
        self._clock.stop()
        self._drop()
        fitting = trainer.state.fn == "fit" and not trainer.sanity_checking
        if not fitting or not trainer.is_global_zero or not self.run.recording:
            return
        with self.run.careful("RecordRun"):
            loaders = trainer.val_dataloaders
            say_if_shared(self.run, loaders[self._dataloader] if isinstance(loaders, list | tuple) else loaders)
            self._watched = WatchedPass(self.run, pl_module, self._head, **self._scale)

    def on_validation_batch_end(
        self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        if self._watched is None or dataloader_idx != self._dataloader:
            return
        watched, self._watched = self._watched, None  # it is back when the batch was counted
        with self.run.careful("RecordRun"):
            watched.add(*self._unpack(batch))
            self._watched = watched
        if self._watched is None:
            watched.close()

    def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
        if self._watched is not None:
            with self.run.careful("RecordRun"):
                self._watched.write(trainer.current_epoch + 1)
            self._drop()
        if not trainer.sanity_checking:
            self._clock.go()

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        self._clock.stop()
        if not trainer.is_global_zero or not self.run.recording:
            return
        numbers = {
            name: float(value)
            for name, value in trainer.callback_metrics.items()
            if not isinstance(value, Tensor) or value.numel() == 1
        }
        if trainer.optimizers:
            numbers.setdefault("learning_rate", trainer.optimizers[0].param_groups[0]["lr"])
        self.run.log(
            trainer.current_epoch + 1, **numbers | {"seconds": self._clock.seconds, "step": trainer.global_step}
        )

    def on_fit_end(self, trainer: Any, pl_module: Any) -> None:
        self.run.finish()

    def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:
        self._drop()
        self.run.__exit__(type(exception), exception, exception.__traceback__)

    def _drop(self) -> None:
        if self._watched is not None:
            self._watched.close()
            self._watched = None
