"""Evaluations that a trainer makes by itself, seen by hooks on its network."""

from __future__ import annotations

from typing import Any, Literal

from torch import nn

from lwal_core.integrations.watched import WatchedPass
from lwal_core.recording import Recorder

Seen = Literal["nothing", "counted", "no labels", "failed"]


class WatchedEvaluations:
    """Counts whatever the network is run on in evaluation mode, from one training step to the next.

    Args:
        run: Where it is written.
        model: The network; its inputs are given by name, the labels among them.
        head: As for :func:`lwal_core.integrations.classifier.find_head`.
        labels: What the classes are called among its inputs.
        scale: ``mean`` and ``std`` of the pictures.
    """

    def __init__(
        self, run: Recorder, model: nn.Module, head: nn.Module | str | None, labels: str, scale: dict[str, Any]
    ) -> None:
        self._run, self._head, self._labels, self._scale = run, head, labels, scale
        self.seen: Seen = "nothing"
        self.watched: WatchedPass | None = None
        self._hooks = [
            model.register_forward_pre_hook(self._before),
            model.register_forward_hook(self._after, with_kwargs=True),
        ]

    def forget(self, seen: Seen = "nothing") -> None:
        """Drop what was counted; ``seen`` is what is known of the evaluation that goes on."""
        if self.watched is not None:
            self.watched.close()
        self.watched, self.seen = None, seen

    def close(self) -> None:
        """Take all hooks off."""
        self.forget()
        for hook in self._hooks:
            hook.remove()

    def _before(self, model: nn.Module, args: tuple[Any, ...]) -> None:
        if not self._run.recording:  # a training that ended in an error does not say so
            self.close()
        elif model.training:
            self.forget()
        elif self.seen == "nothing":
            self.seen = "failed"
            with self._run.careful("RecordRun"):
                self.watched = WatchedPass(self._run, model, self._head, **self._scale)
                self.seen = "counted"

    def _after(self, model: nn.Module, args: tuple[Any, ...], inputs: dict[str, Any], output: Any) -> None:
        if self.watched is None or model.training:
            return
        seen: Seen = "failed"
        if inputs.get(self._labels) is None:
            seen = "no labels"
        else:
            with self._run.careful("RecordRun"):
                self.watched.add(inputs, inputs[self._labels], output)
                seen = "counted"
        if seen != "counted":
            self.forget(seen)
