"""The classifier of a network: which layer it is, and what it is given and says, watched by a hook."""

from __future__ import annotations

from types import TracebackType
from typing import Any

from torch import Tensor, nn

from lwal_core.imports.heads import describe, guess_label_table, rank
from lwal_core.recording.arrays import RecordError
from lwal_core.sanitize import quoted

_SHARDED = ("FullyShardedDataParallel", "FSDPModule", "DeepSpeedEngine")


def unwrapped(model: nn.Module) -> nn.Module:
    """The network inside what torch wraps around it, which one process can run by itself.

    Raises:
        RecordError: No process has the whole network.
    """
    while True:
        if any(kind.__name__ in _SHARDED for kind in type(model).__mro__):
            raise RecordError(
                "model",
                f"model is a {type(model).__name__}, of which each process has a part.",
                "Gather it first, or log what you measure yourself.",
            )
        inner = getattr(model, "_orig_mod", None)  # torch.compile's
        if isinstance(model, nn.DataParallel | nn.parallel.DistributedDataParallel):
            inner = model.module
        if not isinstance(inner, nn.Module):
            return model
        model = inner


def find_head(model: nn.Module, classes: int, head: nn.Module | str | None = None) -> nn.Module:
    """The layer that tells the classes apart.

    Args:
        model: The network, unwrapped.
        classes: C.
        head: The layer, or its name as ``named_modules`` has it; None to look for one whose weights have C rows.

    Raises:
        RecordError: There is no such layer.
    """
    layers = dict(model.named_modules())
    if isinstance(head, nn.Module):
        return head
    if head is not None:
        if head not in layers:
            raise RecordError("head", f"The network has no layer {quoted(head, 60)}.", _among(layers, model))
        return layers[head]
    told = getattr(model, "get_classifier", None)  # timm's networks say which it is
    layer = told() if callable(told) else None
    if isinstance(layer, nn.Module) and class_rows(layer, classes) is not None:
        return layer
    tables = {
        f"{name}.weight": layer
        for name, layer in layers.items()
        if not isinstance(layer, nn.Embedding) and class_rows(layer, classes) is not None
    }
    shapes = [describe(name, layer.weight.shape, "float32") for name, layer in tables.items()]  # type: ignore[arg-type]
    found = guess_label_table(shapes)
    weighted = [name for name, layer in layers.items() if getattr(getattr(layer, "weight", None), "ndim", 0) > 1]
    if found and rank(found)[0] == 0 and f"{weighted[-1]}.weight" in tables:
        found = f"{weighted[-1]}.weight"  # in a block, as small networks have everything: their last layer is it
    elif found and rank(found)[0] == 0:
        found = ""
    if not found:
        raise RecordError(
            "head", f"No layer of {type(model).__name__} has weights for {classes:,} classes.", _among(layers, model)
        )
    return tables[found]


def class_rows(layer: nn.Module, classes: int) -> Tensor | None:
    """Weights of a layer with a row for each class ``[C,K]``; None where it has none."""
    weight = getattr(layer, "weight", None)
    if not isinstance(weight, Tensor) or weight.ndim < 2 or len(weight) != classes or set(weight.shape[2:]) - {1}:
        return None
    return weight.detach().flatten(1)


class HeadWatch:
    """What a layer was given and gave the last time, as long as the watch is open.

    Args:
        layer: The classifier.
    """

    def __init__(self, layer: nn.Module) -> None:
        self._last: tuple[Tensor, Any] | None = None
        self._hook = layer.register_forward_hook(self._see, with_kwargs=True)

    def __enter__(self) -> HeadWatch:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Take the hook off."""
        self._last = None
        self._hook.remove()

    def taken(self) -> tuple[Tensor, Any]:
        """Features ``[B,K]`` that the layer was given, and what it made of them; each can be taken once.

        Raises:
            RecordError: It was not used, or not with one vector a sample.
        """
        if self._last is None:
            raise RecordError(
                "head", "The network ran without its classifier.", "Name the layer that it uses: head=..."
            )
        (features, output), self._last = self._last, None
        if features.ndim == 4:  # a classifier of 1 x 1 convolutions
            features = features.float().mean(dim=(2, 3))
        if features.ndim != 2:
            raise RecordError(
                "head",
                f"The classifier is given the shape {list(features.shape)}.",
                "It must be [B, K], or [B, K, height, width]; name another layer: head=...",
            )
        return features, output

    def _see(self, layer: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> None:
        given = next((value for value in (*args, *kwargs.values()) if isinstance(value, Tensor)), None)
        self._last = None if given is None else (given.detach(), output)


def _among(layers: dict[str, nn.Module], model: nn.Module) -> str:
    names = [name for name, layer in layers.items() if name and not any(layer.children())]
    shown = ", ".join(quoted(name, 60) for name in names[-3:])
    return f"Name the layer: head=..., one of its {len(names):,}" + (f", the last being {shown}." if names else ".")
