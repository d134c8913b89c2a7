"""Backbones of timm and transformers as encoders."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Mapping
from typing import Any, NamedTuple, get_args

import torch
from torch import Tensor, nn

from lwal_core.config import IMAGE_DATA, EncoderConfig, RunConfig
from lwal_core.config.data import Scaling
from lwal_core.config.encoder import FROZEN_PREFIX, RANDOM
from lwal_core.encoders.hub_networks import (
    PROCESSOR,
    check_transformers,
    hub_classifier,
    hub_folder,
    read_description,
    weights_digest,
    without_head,
)
from lwal_core.encoders.layers import MATCHERS
from lwal_core.encoders.still import KeepsStill
from lwal_core.encoders.timm_networks import check_timm_name, timm_network
from lwal_core.encoders.weights import sha256_of
from lwal_core.errors import TrainingError
from lwal_core.sanitize import quoted

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
MODES = ("bilinear", "bicubic", "nearest")
"""Interpolations that images are scaled with here."""
MAX_SIDE = 1_024
SIZED_DATA = (*IMAGE_DATA, "food101")
"""Start of the names of data whose images are read at the size that is asked for."""
_RESAMPLE = {0: "nearest", 2: "bilinear", 3: "bicubic"}
"""Pillow's numbers of interpolations, as preprocessor_config.json has them."""


class LibraryEncoder(KeepsStill):
    """``network(scale(x))``; grey images are repeated to three channels.

    Args:
        network: From ``[B,3,H,W]`` to features ``[B,F]``.
        sides: Height and width that images are scaled to.
        out_features: F.
        mean_std: What the inputs must be normalised with: per channel, of pixels from 0 to 1.
        interpolation: One of :data:`MODES`.
        matcher: Patterns of the network's layers; None where the library does not say them.
        weights_sha256: Of the file or files that the weights came from; None when they were drawn.
        description: What a saved model must say, beside the configuration, to be built again without the library's files.
    """

    def __init__(
        self, network: nn.Module, sides: tuple[int, int], out_features: int, mean_std: tuple[Tensor, Tensor], interpolation: str,
        matcher: Any, weights_sha256: str | None, description: dict[str, Any],
    ) -> None:  # fmt: skip
        super().__init__()
        self.network = network
        self.sides, self.out_features, self.interpolation = sides, out_features, interpolation
        self.input_mean_std = mean_std
        self.matcher, self.weights_sha256, self.description = matcher, weights_sha256, description

    def forward(self, x: Tensor) -> Tensor:
        """Features ``[B,F]`` of normalised images ``[B,1 or 3,H,W]`` of any size."""
        out: Tensor = self.network(scaled(x.expand(-1, 3, -1, -1), self.sides, self.interpolation))
        return out

    def layered(self) -> tuple[str, nn.Module, Any]:
        """See :class:`KeepsStill`."""
        return "network.", self.network, self.matcher


def scaled(x: Tensor, sides: tuple[int, int], mode: str = "bilinear") -> Tensor:
    """Images ``[B,C,H,W]`` of floats at the height and width ``sides``, antialiased where they shrink."""
    if tuple(x.shape[2:]) == tuple(sides):
        return x
    smooth = mode != "nearest"
    return nn.functional.interpolate(x, sides, mode=mode, antialias=smooth)


def as_trained(config: RunConfig) -> RunConfig:
    """The configuration with what a library's backbone decides filled in: the size of its inputs, and of images that are read
    at any size their size, interpolation and the share of the middle. Other configurations stay as they are.

    Raises:
        TrainingError: The library is not installed, or has no such model.
    """
    if not config.encoder.of_library:
        return config
    side = config.encoder.input_size or config.data.image_size or _own_side(config.encoder)
    data = config.data
    if data.image_size is None and data.name.startswith(SIZED_DATA):
        data = data.model_copy(update={"image_size": min(side, 512)})
    if data.scaling == "own":
        share, scaling = _own_square(config.encoder)
        about = {"scaling": scaling} if data.crop_share is not None else {"scaling": scaling, "crop_share": share}
        data = data.model_copy(update=about if data.fit == "crop" else {"scaling": scaling})
    return config.model_copy(
        update={"data": data, "encoder": config.encoder.model_copy(update={"input_size": min(side, MAX_SIDE)})}
    )


def build_library_encoder(
    config: EncoderConfig, *, load_weights: bool = True, description: Mapping[str, Any] | None = None
) -> LibraryEncoder:
    """The encoder that a name such as ``timm:resnet50`` or ``hf:ORG/REPO`` stands for.

    Args:
        config: With ``input_size``; without it the network's own size is taken.
        load_weights: False builds the same network without looking for weights, to fill it from a saved model.
        description: What :attr:`LibraryEncoder.description` was when that model was saved.

    Raises:
        TrainingError: The library is not installed, has no such model, its weights cannot be had, or it does not take such
            images.
    """
    name = config.name.removeprefix(FROZEN_PREFIX)
    build = _timm_encoder if name.startswith("timm:") else _hub_encoder
    encoder = build(name.partition(":")[2], config, load_weights, description or {})
    _try(encoder, name)
    return encoder


def _own_side(config: EncoderConfig) -> int:
    """Pixels a side of the images that the backbone was made for."""
    name = config.name.removeprefix(FROZEN_PREFIX)
    source, _, rest = name.partition(":")
    if source == "hf":
        check_transformers()
        folder = hub_folder(rest, with_weights=False)
        return _processing(folder, read_description(folder)).side
    check_timm_name(rest)
    import timm

    found = timm.get_pretrained_cfg(rest)
    return max(found.input_size[1:]) if found is not None and found.input_size else 224


def _own_square(config: EncoderConfig) -> tuple[float, str]:
    """Share of the middle and interpolation of the backbone's own evaluation.

    Of timm they are ``crop_pct`` and ``interpolation`` of its configuration, 0.875 and bicubic where that says none, as
    ``timm.data.create_transform`` has it; of transformers what the image processor does before it cuts the middle out.
    """
    source, _, rest = config.name.removeprefix(FROZEN_PREFIX).partition(":")
    if source == "hf":
        check_transformers()
        folder = hub_folder(rest, with_weights=False)
        about = _processing(folder, read_description(folder))
        return about.share, about.mode
    check_timm_name(rest)
    import timm
    from timm.data.constants import DEFAULT_CROP_PCT

    found = timm.get_pretrained_cfg(rest)
    share = (found.crop_pct if found is not None else None) or DEFAULT_CROP_PCT
    mode = found.interpolation if found is not None else "bicubic"
    return min(1.0, max(0.5, float(share))), mode if mode in get_args(Scaling) else "bicubic"


def _timm_encoder(
    name: str, config: EncoderConfig, load_weights: bool, description: Mapping[str, Any]
) -> LibraryEncoder:
    side = config.input_size or _own_side(config)
    check_timm_name(name)
    import timm
    from timm.data import resolve_model_data_config

    about = timm.get_pretrained_cfg(name)
    options: dict[str, Any] = {}
    if about is not None and about.fixed_input_size and tuple(about.input_size[1:]) != (side, side):
        options["img_size"] = side
    if load_weights and config.pretrained:
        network, path = timm_network(name, config.weights, options=options)
        network.reset_classifier(0)  # type: ignore[operator]
    else:
        network, path = timm_network(name, RANDOM, options={**options, "num_classes": 0})
    settings = resolve_model_data_config(network)
    mode = settings["interpolation"] if settings["interpolation"] in MODES else "bicubic"
    width: Any = getattr(network, "head_hidden_size", None) or network.num_features
    matcher = getattr(network, "group_matcher", None)
    return LibraryEncoder(
        network, (side, side), int(width), _tensors(settings["mean"], settings["std"]),  # type: ignore[arg-type]
        description.get("interpolation", mode) if description.get("interpolation") in MODES else mode,
        None if matcher is None else matcher(coarse=False), None if path is None else sha256_of(path),
        {"library": "timm", "version": timm.__version__, "interpolation": mode},
    )  # fmt: skip


def _hub_encoder(
    name: str, config: EncoderConfig, load_weights: bool, description: Mapping[str, Any]
) -> LibraryEncoder:
    check_transformers()
    weights = load_weights and bool(config.pretrained)
    saved = description.get("config")
    if not load_weights and isinstance(saved, Mapping):
        folder, values = None, saved
        side, mean_std, mode = 0, _tensors(IMAGENET_MEAN, IMAGENET_STD), str(description.get("interpolation"))
    else:
        folder = hub_folder(name, with_weights=weights)
        values = read_description(folder)
        side, mean_std, mode, _ = _processing(folder, values)
    side = config.input_size or side
    network, head, taken = hub_classifier(f"hf:{name}", values, folder if weights else None)
    width: Any = getattr(head, "in_features", None) or getattr(head, "in_channels", 0)
    import transformers

    mode = mode if mode in MODES else "bilinear"
    return LibraryEncoder(
        _Features(without_head(network, head), side), (side, side), int(width), mean_std, mode, MATCHERS["transformers"],
        weights_digest(folder) if weights and folder is not None else None,
        {"library": "transformers", "version": transformers.__version__, "interpolation": mode, "config": taken},
    )  # fmt: skip


class _Features(nn.Module):
    """A classifier of transformers without its last layer, as a function from images to features."""

    def __init__(self, model: nn.Module, side: int) -> None:
        super().__init__()
        self.model = model
        made_for = getattr(model.config, "image_size", None)
        known = "interpolate_pos_encoding" in inspect.signature(model.forward).parameters
        self.more = {"interpolate_pos_encoding": True} if known and made_for not in (None, side, [side, side]) else {}

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.model(pixel_values=x, **self.more).logits
        return out.flatten(1)


class _Processing(NamedTuple):
    """What an image processor does: side of what comes out, mean and deviation, interpolation, and share of the shorter side that
    it keeps of the middle, 1 where it cuts nothing."""

    side: int
    mean_std: tuple[Tensor, Tensor]
    mode: str
    share: float = 1.0


def _processing(folder: Any, values: Mapping[str, Any]) -> _Processing:
    """What ``preprocessor_config.json`` says; without it, what is usual for ImageNet at the size in ``config.json``."""
    size = values.get("image_size")
    side = max(size) if isinstance(size, list) and size else size
    if not (folder / PROCESSOR).is_file():
        return _Processing(_side(side), _tensors(IMAGENET_MEAN, IMAGENET_STD), "bilinear")
    try:
        from transformers import AutoImageProcessor

        processor = AutoImageProcessor.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        given = [getattr(processor, key, None) or {} for key in ("crop_size", "size")]
        sides = [
            each[key]
            for each in given
            for key in ("height", "width", "shortest_edge")
            if isinstance(each.get(key), int)
        ]
        normalised = bool(getattr(processor, "do_normalize", True))
        mean, std = processor.image_mean, processor.image_std
        mean_std = _tensors(mean, std) if normalised and mean and std else _tensors((0.0,) * 3, (1.0,) * 3)
        mode = _RESAMPLE.get(int(getattr(processor, "resample", 2) or 0), "bicubic")
    except Exception as error:  # of transformers, for whatever is wrong in somebody's file
        raise TrainingError(
            f"{str(folder / PROCESSOR)!r} cannot be used: {quoted(' '.join(str(error).split()), 160)}.",
            "Get the file anew.",
        ) from None
    made = _side(sides[0] if sides else side)
    return _Processing(made, mean_std, mode, _share(given[0], given[1], getattr(processor, "crop_pct", None)))


def _share(crop: Mapping[str, Any], size: Mapping[str, Any], crop_pct: Any) -> float:
    """Share of the shorter side that a processor keeps: it scales that to ``shortest_edge`` and cuts ``crop_size``, or (ConvNeXt) says
    the share itself, which it uses below 384 pixels."""
    shorter, kept = size.get("shortest_edge"), crop.get("height")
    if isinstance(shorter, int) and isinstance(kept, int) and 0 < kept <= shorter:
        share = kept / shorter
    elif isinstance(crop_pct, float) and isinstance(shorter, int) and shorter < 384:
        share = crop_pct
    else:
        share = 1.0
    return min(1.0, max(0.5, share))


def _side(value: Any) -> int:
    return value if isinstance(value, int) and 8 <= value <= MAX_SIDE else 224


def _tensors(mean: Any, std: Any) -> tuple[Tensor, Tensor]:
    with torch.device("cpu"):
        return torch.tensor([float(v) for v in mean]), torch.tensor([float(v) for v in std])


def _try(encoder: LibraryEncoder, name: str) -> None:
    """Refuse, before anything is trained, a network that does not take such images or gives no vector for each."""
    shadow = copy.deepcopy(encoder.network).to("meta").eval()
    try:
        shape = tuple(shadow(torch.empty(2, 3, *encoder.sides, device="meta")).shape)
    except NotImplementedError:  # an operation that torch cannot do without numbers
        return
    except Exception as error:
        raise TrainingError(
            f"{name} does not take images of {encoder.sides[1]} x {encoder.sides[0]} pixels: "
            f"{quoted(' '.join(str(error).split()), 160)}.",
            "Set input_size or image_size to what the network was made for, or a multiple of 32.",
        ) from None
    if shape != (2, encoder.out_features):
        raise TrainingError(
            f"{name} gives {list(shape)} for two images, not a vector of {encoder.out_features:,} numbers for each.",
            "Choose another model.",
        )
