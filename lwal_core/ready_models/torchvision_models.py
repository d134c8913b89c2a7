"""``torchvision:NAME``: a classifier of torchvision."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from lwal_core.config.encoder import RANDOM
from lwal_core.encoders import weight_files as files
from lwal_core.encoders.weights import sha256_of, torchvision_file
from lwal_core.errors import TrainingError
from lwal_core.imports.model_names import names_in_config
from lwal_core.ready_models.model import ReadyModel, find_head


def load_torchvision(name: str, weights: str | None, seed: int) -> ReadyModel:
    """Build a classifier of torchvision.

    Args:
        name: What torchvision calls it, such as ``resnet18``.
        weights: A file, ``"random"``, or None for torchvision's default ones, looked for locally first.
        seed: Of random weights.

    Raises:
        TrainingError: There is no such classifier, or the weights cannot be had.
    """
    from torchvision import models

    known = models.list_models(module=models)
    if name not in known:
        near = difflib.get_close_matches(name, known, 3)
        raise TrainingError(
            f"torchvision has no classifier {name[:80]!r}.",
            f"Did you mean {', '.join(near)}?" if near else f"It has {', '.join(known[:5])} and others.",
        )
    default: Any = models.get_model_weights(name).DEFAULT
    path, state = None, None
    names: tuple[str, ...] = ()
    if weights != RANDOM:
        path = (
            torchvision_file(default, f"The weights of torchvision's {name}", progress=False)
            if weights is None
            else Path(weights).expanduser()
        )
        state = files.read_weights(path)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        # Auxiliary heads are for training; what the files have of them is left out.
        auxiliary: dict[str, Any] = {"init_weights": True} if name in ("googlenet", "inception_v3") else {}
        usual = models.get_model(name, weights=None, **auxiliary)
        head = find_head(usual, len(default.meta["categories"]))
        network = usual
        if state is not None and head is not None:
            place = next(key for key, layer in usual.named_modules() if layer is head)
            rows = files.head_rows(state, place)
            if rows is not None and rows != len(head.weight):  # type: ignore[arg-type]
                network = models.get_model(name, weights=None, num_classes=rows, **auxiliary)
                head = network.get_submodule(place)
    if state is not None and path is not None:
        try:
            network.load_state_dict(state)
        except RuntimeError as error:
            raise files.mismatch(f"torchvision's {name}", path, error) from None
        outputs = 0 if head is None else len(head.weight)  # type: ignore[arg-type]
        names = names_in_config(path, outputs)[0] or ()
        if weights is None and not names:
            names = tuple(default.meta["categories"])
    prepare = default.transforms()
    side = int(prepare.crop_size[0])
    return ReadyModel(
        name=f"torchvision:{name}",
        network=network.eval(),
        head=head,
        prepare=_Prepared(prepare),
        resized=int(prepare.resize_size[0]),
        input_size=(side, side),
        class_names=names,
        weights=RANDOM if path is None else sha256_of(path),
    )


class _Prepared:
    """torchvision's own preparation, which takes batches of tensors."""

    def __init__(self, transform: Any) -> None:
        self.transform = transform

    def __call__(self, images: Tensor) -> Tensor:
        prepared: Tensor = self.transform(images)
        return prepared
