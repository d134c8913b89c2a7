"""Recorder: a program of somebody's own writes a run, beside the app's own trainings and through the same writer.

What goes wrong while a training runs, a full disk or a number that is none, is said once and never ends the training,
unless ``strict=True`` asks for that.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np

from lwal_core.config import RunConfig
from lwal_core.errors import LwalError, TrainingError
from lwal_core.recording.arrays import RecordError, check_shape, table
from lwal_core.recording.collapse import collapse_numbers
from lwal_core.recording.epoch_writer import EpochWriter
from lwal_core.recording.numbers import whole_epoch
from lwal_core.recording.open_runs import OpenRuns, say
from lwal_core.recording.predictions import Tested, tested
from lwal_core.runs import RunWriter
from lwal_core.runs.paths import LOCK, SAMPLES
from lwal_core.runs.record import DataInfo, RunRecord, Status
from lwal_core.sanitize import printable
from lwal_core.system.locks import LockTimeoutError, wait_for_lock

if TYPE_CHECKING:
    from lwal_core.recording.push import Pusher

MAX_WARNINGS, MAX_REASON = 20, 2_000
"""Warnings that the run's record keeps; characters of why it ended."""
LOCK_SECONDS = 1.0
"""How long to wait for the run: who looks whether it is free holds its lock for an instant."""


class Recorder:
    """A run in the hands of the program that trains it; from :func:`start_run`.

    Epochs count from 1; 0 is the network before training. They come in ascending order, and one that is logged again
    replaces what it was. Arrays may be numpy, torch (any device, any type of float), jax or lists.

    Args:
        folder: The run folder; None for a recorder that records nothing.
        classes: C class names.
        strict: Whether what cannot be recorded is an error rather than a warning.
        epochs_known: Whether the configuration says how many epochs there will be.
        again: Whether the run was recorded before.
        push_to: Address of an app that the run is pushed to when it ends, with the token in ``LWAL_PUSH_TOKEN``.
        push_every: Epochs after which it is pushed while it is recorded; 0 for never.

    Raises:
        PushError: The address is none.
        TrainingError: The run is being recorded already.
    """

    def __init__(
        self,
        folder: Path | None,
        classes: list[str],
        *,
        strict: bool = False,
        epochs_known: bool = False,
        again: bool = False,
        push_to: str | None = None,
        push_every: int = 0,
    ) -> None:
        self.path, self.class_names, self.strict = folder, tuple(classes), strict
        self._ended = True  # until there is a run in hand
        self._said: set[str] = set()
        self._process = os.getpid()
        self._pusher = _pusher(folder, push_to, push_every)
        if folder is None:
            return
        try:
            self._lock = wait_for_lock(folder / LOCK, LOCK_SECONDS)
        except LockTimeoutError:
            raise TrainingError(
                f"Run {folder.name} is being recorded already, by this process or another one.",
                "Finish it there, or start a run of its own.",
            ) from None
        try:
            self._writer = RunWriter(folder)
            self._writer.take()
            self._writer.move_to("running", "recording goes on" if again else "")
            self._epochs = EpochWriter(
                self._writer,
                len(classes),
                epochs_known=epochs_known,
                again=again,
                came_to=self._pusher.came_to if self._pusher else None,
            )
        except BaseException:
            self._lock.close()
            raise
        self._ended = False
        OPEN.add(self)

    # --- what a training loop calls ------------------------------------------------------------------------------------

    def log(self, /, epoch: int, **numbers: Any) -> None:
        """Record numbers of an epoch; called again for the same epoch, it adds to them.

        ``train_loss`` (or ``loss``), ``test_accuracy``, ``validation_accuracy``, ``train_accuracy`` (fractions, by your own
        predictions), ``seconds`` (of training so far, summed up), ``learning_rate`` (or ``lr``), ``step`` and ``samples`` (seen so
        far) are the columns of the app's own trainings; what others call them (``test_acc``, ``eval_accuracy``, ``val_acc``,
        ``train_acc`` ...) is read so, too. Any other name, ``accuracy`` among them, is a column of yours. With
        ``validation_accuracy`` the best epoch is chosen by it, else by ``test_accuracy``.

        Args:
            epoch: From 0 (before training) to 10,000.
            **numbers: Finite numbers by name.
        """
        with self.careful("log") as live:
            if not live:
                return
            epoch = whole_epoch(epoch)
            found, problems = self._epochs.rows.read(epoch, numbers)
            if self.strict and problems:
                raise problems[0]
            for problem in problems:
                self.warn(problem.argument, str(problem))
            if epoch == 0 and "loss" in found:
                self.warn("epoch 0", "Epoch 0 stands for the network before training; count epochs from 1.")
            self._epochs.numbers(epoch, found)

    def log_labels(self, epoch: int, class_means: Any = None, labels: Any = None, feature_means: Any = None) -> None:
        """Record the vectors of the classes at the end of an epoch, at least one of the first two.

        Args:
            epoch: From 0 (before training) to 10,000.
            class_means: Mean embedding of each class ``[C,K]``, in evaluation mode.
            labels: Label vectors, or rows of the classifier's weights, ``[C,K]``.
            feature_means: Where ``class_means`` are those of outputs: mean features of each class ``[C,D]``, what the last layer is
                given. They are a layer of their own on the pages.
        """
        with self.careful("log_labels") as live:
            if not live:
                return
            epoch = whole_epoch(epoch)
            given = {"class_means": class_means, "labels": labels, "feature_means": feature_means}
            found = {
                name: table(value, name, "CK", self._epochs.sizes(name))
                for name, value in given.items()
                if value is not None
            }
            if class_means is None and labels is None:
                raise RecordError(
                    "class_means", "Neither class_means nor labels is given.", "Give at least one, [C, K]."
                )
            self._epochs.vectors(epoch, found)

    def log_predictions(
        self,
        epoch: int,
        targets: Any,
        predictions: Any = None,
        scores: Any = None,
        embeddings: Any = None,
        images: Any = None,
    ) -> None:
        """Record what the network says of a test set: accuracy, confusion, and a sample of the embeddings.

        Called after each epoch with the test set in one order, it shows the way of the samples through the training.

        Args:
            epoch: From 0 (before training) to 10,000.
            targets: True classes ``[N]``, numbers from 0 to C - 1.
            predictions: Predicted classes ``[N]``.
            scores: A score for each class ``[N,C]``, such as logits, in place of predictions.
            embeddings: ``[N,K]``, in the space of the class means. Where :meth:`log_labels` gave those of this epoch,
                accuracy by nearest class mean is worked out as well.
            images: uint8 ``[N,H,W,3]``; a few of each class are kept, once.
        """
        with self.careful("log_predictions") as live:
            if not live:
                return
            epoch = whole_epoch(epoch)
            found = tested(
                targets, predictions, scores, embeddings,
                classes=len(self.class_names), means=self._epochs.means(epoch), width=self._epochs.width,
            )  # fmt: skip
            self._epochs.test(epoch, found)
            if images is not None:
                self._epochs.images(images, targets)

    def log_collapse(
        self, epoch: int, features: Any, targets: Any, head: Any = None, bias: Any = None, layer: str = "features"
    ) -> None:
        """Record neural collapse of the vectors of samples: NC1 to NC4 and class-distance normalised variance.

        Args:
            epoch: From 0 (before training) to 10,000.
            features: ``[N,D]``; of training samples in evaluation mode, to stand beside the app's own trainings.
            targets: True classes ``[N]``.
            head: Weights of the classes ``[C,D]``, for NC3 and NC4.
            bias: ``[C]``, added to their scores.
            layer: ``"features"``, what the last layer is given, or ``"outputs"``, what it makes of them.
        """
        with self.careful("log_collapse") as live:
            if live:
                epoch = whole_epoch(epoch)
                found = collapse_numbers(features, targets, head, bias, layer, len(self.class_names))
                self._epochs.numbers(epoch, found)

    def log_tested(self, epoch: int, found: Tested, images: Any = None, image_classes: Any = None) -> None:
        """Record what the network says of a test set that was counted part by part; as :meth:`log_predictions` otherwise.

        Args:
            epoch: From 0 (before training) to 10,000.
            found: What was counted.
            images: uint8 ``[M,H,W,3]``; a few of each class are kept, once.
            image_classes: Their classes ``[M]``.
        """
        with self.careful("log_tested") as live:
            if not live:
                return
            epoch = whole_epoch(epoch)
            if not np.isfinite(found.z).all():
                raise RecordError(
                    "embeddings", "embeddings has values that are no finite number.", "Give finite numbers."
                )
            width = self._epochs.width
            check_shape(found.z, "embeddings", "MK", {} if width is None else {"K": width})
            self._epochs.test(epoch, found)
            if images is not None:
                self._epochs.images(images, image_classes)

    @contextmanager
    def together(self) -> Iterator[None]:
        """Write the numbers of many epochs at once, at the end of the block: of a log that is there already."""
        if not self.recording:
            yield
            return
        with self._epochs.together():
            yield

    def finish(self) -> None:
        """Close the run as done; without effect on one that is closed."""
        self.end("done")

    # --- about the run -------------------------------------------------------------------------------------------------

    @property
    def id(self) -> str:
        """Id of the run; empty for a recorder that records nothing."""
        return self.path.name if self.path is not None else ""

    @property
    def recording(self) -> bool:
        """Whether what is logged is written: not in another process than the one that began the run, and not after its end."""
        return not self._ended and self._process == os.getpid()

    @property
    def last_epoch(self) -> int:
        """The last epoch that was recorded; 0 before any, and of a recorder that came from another process."""
        return max(0, self._epochs.rows.last) if hasattr(self, "_epochs") else 0

    @property
    def has_images(self) -> bool:
        """Whether pictures of the classes are kept already."""
        return self.path is not None and (self.path / SAMPLES).exists()

    @property
    def config(self) -> RunConfig:
        """Its configuration."""
        return self._writer.record.config

    def describe(self, **info: Any) -> None:
        """Say more about the run.

        Args:
            **info: ``parameters`` (a number), ``device`` (its name), ``train_size``, ``test_size`` (samples), ``notes`` (sentences
                about the data).

        Raises:
            TypeError: Something else.
        """
        unknown = info.keys() - {"parameters", "device", "train_size", "test_size", "notes"}
        if unknown:
            raise TypeError(f"describe() knows nothing of {', '.join(sorted(unknown))}")
        with self.careful("describe") as live:
            if not live:
                return
            data = self._writer.record.data
            ours = {key: value for key, value in info.items() if key in DataInfo.model_fields}
            others = {key: value for key, value in info.items() if key not in ours}
            record = self._writer.record.model_dump() | others | {"data": data and data.model_dump() | ours}
            checked = RunRecord.model_validate(record)
            self._writer.update(data=checked.data, **{key: getattr(checked, key) for key in others})

    def update(self, **fields: Any) -> None:
        """Set fields of the run's record."""
        self._writer.update(**fields)

    def warn(self, about: str, message: str) -> None:
        """Say something once, and keep it with the run.

        Args:
            about: What it is about; a second warning about the same is left out.
            message: A sentence.
        """
        if about in self._said:
            return
        self._said.add(about)
        text = printable(message)[:MAX_REASON]
        say(f"Run {self.id}: {text}")
        if len(self._said) <= MAX_WARNINGS and not self._ended:
            with suppress(LwalError, OSError):
                self._writer.update(warnings=[*self._writer.record.warnings, text][-MAX_WARNINGS:])

    def end(self, status: Status, reason: str = "") -> None:
        """Close the run; without effect on one that is closed.

        Args:
            status: ``"done"``, ``"failed"`` or ``"interrupted"``.
            reason: Why, for the history; the error of one that failed.
        """
        if not self.recording:
            return
        reason = printable(reason)[:MAX_REASON]
        with self.careful("finish"):
            try:
                if status == "failed":
                    self._writer.update(error=reason)
                if unread := self._epochs.rows.unread:
                    self.warn(
                        "no test accuracy",
                        f"No test accuracy was recorded, so the run has no curve of it; there is {', '.join(unread[:5])}. "
                        "Log it as test_accuracy, or give log_predictions.",
                    )
                if self._epochs.rows.last >= 1:
                    self._epochs.set_epochs(self._epochs.rows.last)
                self._writer.move_to(status, reason)
            finally:
                self._ended = True
                OPEN.discard(self)
                self._lock.close()
                if self._pusher is not None:
                    self._pusher.finish()

    def __enter__(self) -> Recorder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.finish()
        elif isinstance(error, Exception):
            self.end("failed", str(error) if isinstance(error, LwalError) else f"{type(error).__name__}: {error}")
        else:
            self.end("interrupted", f"its program was stopped ({type(error).__name__})")

    def __del__(self) -> None:
        """Nobody can record the run any more, as when a notebook's cell that starts one is run again."""
        with suppress(Exception):
            self.end("interrupted", "its program let go of it without finish()")

    def __repr__(self) -> str:
        state = "recording" if self.recording else "not recording"
        return f"<Recorder {self.id or 'of nothing'}, {state}>"

    def __copy__(self) -> Recorder:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Recorder:
        return self  # a callback that is copied records the same run

    def __getstate__(self) -> dict[str, Any]:
        """What goes to another process, where the recorder records nothing."""
        return {"path": self.path, "class_names": self.class_names, "strict": self.strict, "_ended": True, "_said": set(),
                "_process": 0}  # fmt: skip

    @contextmanager
    def careful(self, what: str) -> Iterator[bool]:
        """Around everything that a training loop calls: False where nothing is recorded; what goes wrong is said, once."""
        if not self.recording:
            if self._ended and self.path is not None and self._process == os.getpid():
                self.warn("ended", f"The run is closed; {what}() records nothing.")
            yield False
            return
        try:
            yield True
        except Exception as error:  # whatever it is, it must not end somebody's training
            if self.strict:
                raise
            about = error.argument if isinstance(error, RecordError) else f"{what} {type(error).__name__}"
            text = str(error) if isinstance(error, LwalError) else f"{type(error).__name__}: {error}"
            self.warn(about, f"{what}(): {text} It is left out, and the training goes on.")

    # --- inside --------------------------------------------------------------------------------------------------------

    def let_go(self) -> None:
        """In a process that was forked from the recording one: give up the lock's copy, so that the lock ends with its
        holder."""
        if not self._ended:
            self._ended = True
            self._lock.close()


def _pusher(folder: Path | None, push_to: str | None, push_every: int) -> Pusher | None:
    if folder is None or push_to is None:
        return None
    from lwal_core.recording.push import Pusher  # brings libraries for https that nobody else needs

    return Pusher(folder, push_to, push_every)


OPEN: OpenRuns = OpenRuns()
"""Recorders of this process whose run is open."""
