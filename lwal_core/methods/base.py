"""Protocol between the training loop and a label method."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

from torch import Tensor, nn


class LabelLoss(NamedTuple):
    """Losses of one step, scalars. ``pull`` and ``push`` are unweighted; ``push`` is 0 on steps that do not push."""

    total: Tensor
    pull: Tensor
    push: Tensor


class StepContext(NamedTuple):
    """What a method may want to know of a step besides outputs and classes.

    Attributes:
        rows: ``[B]`` places of the samples in the training set.
        features: ``[B,F]`` the encoder's outputs, which the linear head turned into ``z``.
        epoch: Epoch of the step, from 1.
        epochs: Epochs of the whole training.
    """

    rows: Tensor
    features: Tensor
    epoch: int
    epochs: int


OutputLayer = nn.Linear
"""The layer from features ``[B,F]`` to ``z [B,K]``: a linear one, or a kind of it."""
ClassHead = nn.Module
"""A module from features ``[B,F]`` to a logit for each class ``[B,C]``."""
CLASS_HEAD_KEY = "aux_head"
"""What its tensors' names begin with in a saved model: so named, it is not taken for the layer that made the embeddings."""


class Outputs(NamedTuple):
    """What a method reads classes from, in evaluation mode.

    Attributes:
        z: Embeddings ``[N,K]``.
        logits: Of the method's own head, ``[N,C]``; None for methods without one.
        means: The consolidated class means ``[C,K]``.
    """

    z: Tensor
    logits: Tensor | None
    means: Tensor


class LabelMethod(Protocol):
    """A way to represent classes: what the head's outputs are pulled to, and how they are read.

    Implementations are :class:`LabelModule`s, so that whatever they learn is saved, resumed and moved with
    ``state_dict`` and ``to``.
    """

    dim: int
    """Outputs of the linear head, K."""

    training: bool

    @property
    def class_head(self) -> ClassHead | None:
        """A head of the method's own; None for most methods. It is saved with the model."""
        ...

    def begin(self, class_means: Callable[[], tuple[Tensor, Tensor]]) -> None:
        """Called once before the first step, never when a training is resumed.

        Args:
            class_means: Gives the class means of the untrained network, ``(means [C,K], counts [C])`` in evaluation
                mode over the samples that consolidated labels are taken from. It takes a forward pass, so only a method
                that wants them calls it.
        """
        ...

    def step_loss(self, z: Tensor, y: Tensor, context: StepContext) -> LabelLoss:
        """Losses of a training step ``z [B,K]``, ``y [B]``; this may update labels."""
        ...

    def predict(self, z: Tensor) -> Tensor:
        """Classes ``[B]`` by the method's own rule, as far as outputs alone tell."""
        ...

    def read(self, outputs: Outputs) -> Tensor:
        """Classes ``[N]`` by the method's own rule."""
        ...

    def label_table(self) -> Tensor:
        """Vectors that stand for the classes, ``[C,K]``."""
        ...

    def train(self, mode: bool = True) -> Any:
        """Switch between training and evaluation mode."""
        ...

    def to(self, device: Any) -> Any:
        """Move to a device."""
        ...

    def parameters(self) -> Any:
        """Parameters that the optimiser trains with the network's."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """Everything that resuming needs."""
        ...

    def load_state_dict(self, state: Mapping[str, Any]) -> Any:
        """Take up a saved state."""
        ...


class LabelModule(nn.Module):
    """A label method whose loss needs the outputs and classes of the batch alone: ``forward(z, y) -> LabelLoss``."""

    dim: int
    class_head: ClassHead | None

    def __init__(self) -> None:
        super().__init__()
        self.class_head = None

    def begin(self, class_means: Callable[[], tuple[Tensor, Tensor]]) -> None:
        """Nothing: most methods start without having seen the data; see :class:`LabelMethod`."""

    def step_loss(self, z: Tensor, y: Tensor, context: StepContext) -> LabelLoss:
        """The module's own loss; see :class:`LabelMethod`."""
        loss: LabelLoss = self(z, y)
        return loss

    def predict(self, z: Tensor) -> Tensor:
        """Classes ``[B]`` of outputs ``[B,K]``; see :class:`LabelMethod`."""
        raise NotImplementedError

    def read(self, outputs: Outputs) -> Tensor:
        """What :meth:`predict` says of the outputs: most methods look at nothing else; see :class:`LabelMethod`."""
        return self.predict(outputs.z)
