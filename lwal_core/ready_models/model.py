"""A model as it is: its network, what its images go through before, and the classes that it knows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from lwal_core.errors import TrainingError
from lwal_core.imports.heads import describe, guess_label_table


@dataclass(frozen=True, eq=False)
class ReadyModel:
    """A network in evaluation mode, and how it is used.

    Attributes:
        name: As it was asked for, such as ``timm:resnet18``.
        network: From prepared images ``[B,3,H,W]`` to outputs ``[B,C]``, or to features where it has no head.
        head: The layer that makes outputs of features; None where it has none.
        prepare: From uint8 images ``[B,3,H,W]`` to what the network takes, on the device of the images.
        resized: Pixels of the shorter side that images are scaled to, before they are cropped.
        input_size: Height and width of what the network takes.
        class_names: Names of its outputs; empty where nothing says them.
        weights: SHA-256 of the weights, hexadecimal, or ``"random"``.
    """

    name: str
    network: nn.Module
    head: nn.Module | None
    prepare: Callable[[Tensor], Tensor]
    resized: int
    input_size: tuple[int, int]
    class_names: tuple[str, ...]
    weights: str

    @property
    def parameters(self) -> int:
        """Numbers that the network learned."""
        return sum(part.numel() for part in self.network.parameters())

    def head_vectors(self) -> Tensor | None:
        """Rows of the head's weights ``[C,K]``; None without a head."""
        weight = None if self.head is None else self.head.weight
        return weight.detach().flatten(1) if isinstance(weight, Tensor) else None

    @torch.inference_mode()
    def run(self, images: Tensor) -> tuple[Tensor, Tensor | None]:
        """Features and outputs of images.

        Args:
            images: uint8 ``[B,1 or 3,H,W]`` on the network's device.

        Returns:
            float32 features ``[B,K]``, which are what the head is given, and outputs ``[B,C]``; None without a head.

        Raises:
            TrainingError: The network gives no vector for each image.
        """
        given: list[Tensor] = []
        hook = (
            None
            if self.head is None
            else self.head.register_forward_pre_hook(
                lambda layer, args, kwargs: given.append(args[0]), with_kwargs=True
            )
        )
        try:
            output = self.network(self.prepare(images.expand(-1, 3, -1, -1)))
        finally:
            if hook is not None:
                hook.remove()
        outputs = first_tensor(output, ("logits", "pooler_output", "last_hidden_state"))
        if hook is None:
            return self._vectors(outputs, len(images)), None
        if not given:
            raise TrainingError(
                f"{self.name} does not use its head.", "Its features cannot be read; choose another model."
            )
        return self._vectors(given[-1], len(images)), self._vectors(outputs, len(images))

    def _vectors(self, values: Tensor | None, count: int) -> Tensor:
        if values is not None and values.ndim == 4:  # maps: the mean over positions
            values = values.float().mean((2, 3))
        elif values is not None and values.ndim == 3:  # tokens: their mean
            values = values.float().mean(1)
        if values is None or values.ndim != 2 or len(values) != count:
            shape = "nothing" if values is None else list(values.shape)
            raise TrainingError(
                f"{self.name} gives {shape} for {count} images.",
                "It must give one vector for each; choose another model.",
            )
        return values.float()


def first_tensor(output: Any, names: tuple[str, ...]) -> Tensor | None:
    """The tensor that a network gives, or the first one by these names in what it gives."""
    if isinstance(output, Tensor):
        return output
    if isinstance(output, Mapping):
        return next((output[name] for name in names if isinstance(output.get(name), Tensor)), None)
    if isinstance(output, tuple | list):
        return next((value for value in output if isinstance(value, Tensor)), None)
    return None


def find_head(network: nn.Module, outputs: int) -> nn.Module | None:
    """The layer with weights for that many outputs that is most likely the head; None where there is none."""
    layers = {
        f"{name}.weight": layer
        for name, layer in network.named_modules()
        if isinstance(getattr(layer, "weight", None), Tensor)
        and layer.weight.ndim >= 2
        and len(layer.weight) == outputs
        and not isinstance(layer, nn.Embedding)
    }
    found = guess_label_table([describe(name, layer.weight.shape, "float32") for name, layer in layers.items()])
    return layers.get(found)
