"""``timm:NAME``: a model of the library timm."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torchvision.transforms import functional
from torchvision.transforms.functional import InterpolationMode

from lwal_core.config.encoder import RANDOM
from lwal_core.encoders.timm_networks import check_timm_name, timm_network
from lwal_core.encoders.weights import sha256_of
from lwal_core.imports.model_names import names_in_config
from lwal_core.ready_models.model import ReadyModel, find_head


class Prepare:
    """Images as timm's models of a configuration take them: scaled, cropped in the middle, normalised.

    Args:
        settings: ``input_size``, ``interpolation``, ``crop_pct``, ``crop_mode``, ``mean`` and ``std``.
    """

    def __init__(self, settings: dict[str, Any]) -> None:
        _, height, width = settings["input_size"]
        self.crop = (int(height), int(width))
        whole = [math.floor(side / settings["crop_pct"]) for side in self.crop]
        squash = settings.get("crop_mode") == "squash" or height != width
        self.size = whole if squash else whole[:1]
        known = {mode.value for mode in InterpolationMode} & {"bilinear", "bicubic", "nearest"}
        name = settings["interpolation"] if settings["interpolation"] in known else "bicubic"
        self.mode = InterpolationMode(name)
        self.mean, self.std = list(settings["mean"]), list(settings["std"])

    def __call__(self, images: Tensor) -> Tensor:
        """float32 ``[B,3,height,width]`` of uint8 ``[B,3,H,W]``."""
        images = functional.resize(images, self.size, self.mode, antialias=True)
        images = functional.center_crop(images, list(self.crop))
        return functional.normalize(functional.convert_image_dtype(images, torch.float), self.mean, self.std)


def load_timm(name: str, weights: str | None, seed: int) -> ReadyModel:
    """Build a model of timm.

    Args:
        name: What timm calls it, with or without a tag: ``resnet18`` or ``resnet18.a1_in1k``.
        weights: A file, ``"random"``, or None for those that timm names, looked for locally first.
        seed: Of random weights.

    Raises:
        TrainingError: timm is not installed or has no such model, or the weights cannot be had.
    """
    check_timm_name(name)
    from timm.data import ImageNetInfo, infer_imagenet_subset, resolve_model_data_config

    network, path = timm_network(name, weights, seed=seed)
    network.eval()
    names: tuple[str, ...] = ()
    head = network.get_classifier()
    if not isinstance(getattr(head, "weight", None), Tensor):
        head = find_head(network, network.num_classes) if network.num_classes else None
    outputs = None if head is None else len(head.weight)
    if path is not None and outputs is not None:
        names = names_in_config(path, outputs)[0] or ()
        subset = None if weights is not None else infer_imagenet_subset(network.pretrained_cfg)
        if not names and subset:
            about = ImageNetInfo(subset)
            names = tuple(about.index_to_description(i) for i in range(about.num_classes()))
            names = names if len(names) == outputs else ()
    prepare = Prepare(resolve_model_data_config(network))
    return ReadyModel(
        name=f"timm:{name}",
        network=network,
        head=head,
        prepare=prepare,
        resized=min(prepare.size),
        input_size=prepare.crop,
        class_names=names,
        weights=RANDOM if path is None else sha256_of(path),
    )
