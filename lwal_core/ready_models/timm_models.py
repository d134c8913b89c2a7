"""``timm:NAME``: a model of the library timm."""

from __future__ import annotations

import difflib
import math
import re
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torchvision.transforms import functional
from torchvision.transforms.functional import InterpolationMode

from lwal_core.encoders.weights import LITE0_FILE, in_torch_cache, lite0_file, sha256_of, weights_folder
from lwal_core.errors import TrainingError
from lwal_core.imports.model_names import names_in_config
from lwal_core.ready_models import weights as files
from lwal_core.ready_models.lite0_names import is_lite0, lite0_for_timm
from lwal_core.ready_models.model import RANDOM, ReadyModel, find_head

NEEDED = "timm:NAME needs the library timm, which is not installed: pip install timm"
_NAME = re.compile(r"[a-zA-Z0-9_]+(\.[a-zA-Z0-9_]+)?")
_HUB_FILES = ("model.safetensors", "pytorch_model.bin")
_LITE0 = "tf_efficientnet_lite0"


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
    try:
        import timm
        from timm.data import ImageNetInfo, infer_imagenet_subset, resolve_model_data_config
    except ImportError:
        raise TrainingError(NEEDED, "Or name a model of torchvision: torchvision:resnet18") from None
    if not _NAME.fullmatch(name) or not timm.is_model(name):
        near = difflib.get_close_matches(name.partition(".")[0], timm.list_models(), 3)
        raise TrainingError(
            f"timm has no model {name[:80]!r}.",
            f"Did you mean {', '.join(near)}?" if near else "See timm.list_models().",
        )
    path, state, extra = None, None, {}
    names: tuple[str, ...] = ()
    try:
        if weights != RANDOM:
            config = timm.get_pretrained_cfg(name)
            if config is None or (weights is None and not config.has_weights):
                raise TrainingError(
                    f"timm has no weights for {name}.", "Name a file: --weights FILE, or --weights random."
                )
            path = _file(name, config) if weights is None else Path(weights).expanduser()
            state = files.read_weights(path)
            if is_lite0(state):
                state = lite0_for_timm(state)
            rows = files.head_rows(state, config.classifier)
            overlay = {"state_dict": state, "custom_load": False} | ({} if rows is None else {"num_classes": rows})
            extra = {"pretrained": True, "pretrained_cfg_overlay": overlay} | (
                {} if rows is None else {"num_classes": rows}
            )
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            network = timm.create_model(name, **extra).eval()
    except TrainingError:
        raise
    except Exception as error:  # of timm, for a configuration or weights that do not fit
        if path is not None:
            raise files.mismatch(f"timm's {name}", path, error) from None
        raise TrainingError(
            f"timm cannot build {name}: {' '.join(str(error).split())[:160]}.", "Choose another model."
        ) from None
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


def _file(name: str, config: Any) -> Path:
    """The weights that timm names: in the caches of torch and of the hub, in a package, else fetched from the hub."""
    found = in_torch_cache(config.url.rpartition("/")[2]) if config.url else None
    repo = config.hf_hub_id
    wanted = (config.hf_hub_filename,) if config.hf_hub_filename else _HUB_FILES
    if found is None and repo:
        found = files.in_hub_cache(repo, wanted)
    if found is None and name.partition(".")[0] == _LITE0:
        found = lite0_file()
    if found is not None:
        return found
    if not repo:
        raise TrainingError(
            f"The weights of {name} are not on this machine.",
            f"Get {config.url} and put it into {str(weights_folder())!r}, or name it: --weights FILE",
        )
    return files.from_hub(repo, wanted)


__all__ = ["LITE0_FILE", "Prepare", "load_timm"]
