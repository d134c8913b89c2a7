"""What the training loop asks of a label method; the loop never asks for its name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from torch import Tensor

from lwal_core.methods.adaptive import LabelLoss


class LabelMethod(Protocol):
    """A way to represent classes: what the head's outputs are pulled to, and how they are read.

    Implementations are ``nn.Module``s, so that whatever they learn is saved, resumed and moved with ``state_dict`` and
    ``to``.
    """

    dim: int
    """Outputs of the linear head, K."""

    training: bool

    def __call__(self, z: Tensor, y: Tensor) -> LabelLoss:
        """Losses of a batch ``z [B,K]``, ``y [B]``; in training mode this may update labels."""
        ...

    def predict(self, z: Tensor) -> Tensor:
        """Classes ``[B]`` by the method's own rule."""
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
