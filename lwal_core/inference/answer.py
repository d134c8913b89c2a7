"""Question about an image and the model's answer, as messages between two processes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

import numpy as np

from lwal_core.errors import InferenceError
from lwal_core.inference.protocol import Message, ProtocolError

Source = Literal["upload", "test", "thumbnail"]


class DataGone(InferenceError):
    """The data set of a run is not on this machine any more, or has changed since."""


@dataclass(frozen=True)
class Question:
    """What a run's model is asked about.

    Attributes:
        run_id: The run.
        source: A file that somebody brought, an image of the test set, or a thumbnail that is kept with the run.
        index: Of the test image or the thumbnail, from 0.
        invert: Exchange light and dark first.
        image: The bytes of the file.
    """

    run_id: str
    source: Source = "upload"
    index: int = 0
    invert: bool = False
    image: bytes = b""

    def message(self) -> Message:
        """As it travels."""
        facts = {"op": "try", "run": self.run_id, "source": self.source, "index": self.index, "invert": self.invert}
        return Message(facts, self.image)

    @staticmethod
    def read(message: Message) -> Question:
        """From a message.

        Raises:
            ProtocolError: It is no question.
        """
        facts = message.facts
        run_id, source, index, invert = (facts.get(key) for key in ("run", "source", "index", "invert"))
        fits = isinstance(run_id, str) and isinstance(index, int) and isinstance(invert, bool)
        if facts.get("op") != "try" or not fits or source not in get_args(Source):
            raise ProtocolError(f"no question: {str(facts)[:200]}")
        return Question(str(run_id), cast(Source, source), cast(int, index), bool(invert), message.data)


@dataclass(frozen=True, eq=False)
class Answer:
    """What a model says about an image.

    Attributes:
        epoch: Epoch of the weights, the best one.
        z: The embedding, float32 ``[K]``.
        to_means: Distance to each class mean, float32 ``[C]``.
        to_labels: Distance to each label of the table, float32 ``[C]``; None where the method's rule does not look at it.
        by_mean: Class of the nearest class mean.
        by_rule: Class by the method's own rule.
        rule: What that rule is.
        probabilities: What the training's softmax makes of it, float32 ``[C]``: of the outputs, of minus the distances to
            the labels, or the product of both; None where the method has none.
        seen: The image as the network sees it, uint8 ``[H, W, 1 or 3]``.
        steps: What was done to the image, one sentence each.
        true_class: Of a test image or thumbnail; None for a file.
        hint: What may be wrong with the image for this network; empty when nothing seems to be.
        device: Where it was computed.
    """

    epoch: int
    z: np.ndarray
    to_means: np.ndarray
    to_labels: np.ndarray | None
    by_mean: int
    by_rule: int
    rule: str
    probabilities: np.ndarray | None
    seen: np.ndarray
    steps: tuple[str, ...]
    true_class: int | None = None
    hint: str = ""
    device: str = "cpu"

    def message(self) -> Message:
        """As it travels."""
        from safetensors.numpy import save

        arrays = {"z": self.z, "to_means": self.to_means, "seen": self.seen}
        if self.to_labels is not None:
            arrays["to_labels"] = self.to_labels
        if self.probabilities is not None:
            arrays["probabilities"] = self.probabilities
        facts: dict[str, Any] = {
            key: getattr(self, key)
            for key in ("epoch", "by_mean", "by_rule", "rule", "steps", "true_class", "hint", "device")
        }
        return Message(facts, save({name: np.ascontiguousarray(array) for name, array in arrays.items()}))

    @staticmethod
    def read(message: Message) -> Answer:
        """From a message.

        Raises:
            ProtocolError: It is no answer.
        """
        from safetensors import SafetensorError
        from safetensors.numpy import load

        try:
            arrays = load(message.data)
            facts = {**message.facts, "steps": tuple(message.facts["steps"])}
            return Answer(
                z=arrays["z"], to_means=arrays["to_means"], to_labels=arrays.get("to_labels"), seen=arrays["seen"],
                probabilities=arrays.get("probabilities"), **facts,
            )  # fmt: skip
        except (SafetensorError, KeyError, TypeError) as error:
            raise ProtocolError(f"no answer: {error}") from None
