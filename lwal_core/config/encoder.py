"""Options of the encoder."""

from __future__ import annotations

import re
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from lwal_core.config.base.part import Part
from lwal_core.sanitize import quoted

BACKBONES = {
    "resnet18": "ResNet-18",
    "resnet50": "ResNet-50",
    "efficientnet_b0": "EfficientNet-B0",
    "densenet121": "DenseNet-121",
    "efficientnet_lite0": "EfficientNet-Lite0",
}
"""Networks that are published with ImageNet weights, by name, with their titles."""
FROZEN_PREFIX = "frozen:"
"""Before a backbone's name: the backbone stays as it is, and a dense encoder is trained on its features."""

EncoderName = Literal[
    "auto", "small_cnn", "dense",
    "resnet18", "resnet50", "efficientnet_b0", "densenet121", "efficientnet_lite0",
    "frozen:resnet18", "frozen:resnet50", "frozen:efficientnet_b0", "frozen:densenet121", "frozen:efficientnet_lite0",
]  # fmt: skip

ENCODER_TITLES: dict[str, str] = {
    "auto": "Automatic",
    "small_cnn": "Small CNN",
    "dense": "Dense layer",
    **BACKBONES,
    **{FROZEN_PREFIX + name: f"Dense layer on frozen {title}" for name, title in BACKBONES.items()},
}
"""What every encoder of this program is called in forms and tables; :func:`encoder_title` names those of libraries, too."""

LIBRARIES = ("timm:", "hf:")
"""Start of the name of a backbone that a library brings: timm, or transformers by a repository or a folder."""
PRETRAINED, RANDOM = "pretrained", "random"
"""Weights by a word: the published ones, or drawn ones."""
SUGGESTED_BACKBONES = (
    "timm:convnext_tiny", "timm:vit_small_patch16_224", "timm:mobilenetv3_small_100", "timm:efficientnet_b0", "timm:resnet50d",
    "frozen:timm:vit_small_patch16_224", "hf:google/vit-base-patch16-224", "frozen:hf:facebook/dinov2-small",
)  # fmt: skip
"""Backbones of libraries that the training form offers; any other name can be written there."""
WEIGHT_ENDINGS = (".safetensors", ".pth", ".pt", ".bin", ".tar", ".ckpt")
"""Ends of the names of files that weights are read from."""
Freeze = Literal["none", "stem", "blocks", "all-but-norm"]

_TIMM = re.compile(r"[A-Za-z0-9_]{1,120}(\.[A-Za-z0-9_]{1,80})?")
REPOSITORY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}/[A-Za-z0-9][A-Za-z0-9._-]{0,95}")
_LONGEST_PATH = 1_000


def encoder_title(name: str) -> str:
    """What an encoder is called in forms and tables.

    Args:
        name: As in a configuration: one of :data:`ENCODER_TITLES`, or of a library such as ``frozen:timm:resnet50``.
    """
    if name in ENCODER_TITLES:
        return ENCODER_TITLES[name]
    bare = name.removeprefix(FROZEN_PREFIX)
    shown = bare.removeprefix("timm:") if bare.startswith("timm:") else bare.rstrip("/").rpartition("/")[2] or bare
    return shown if bare == name else f"Dense layer on frozen {shown}"


def model_path(name: str) -> str | None:
    """The folder that an encoder's name says, ``hf:FOLDER``; None where it says none."""
    place = name.removeprefix(FROZEN_PREFIX)
    if not place.startswith("hf:") or not place[3:].startswith(("/", "./", "~/")):
        return None
    return place[3:]


FROZEN_INPUT_SIZE = 64
"""Pixels a side that smaller images are enlarged to before a frozen network sees them, where nothing else is asked for."""


class EncoderConfig(Part):
    """The network between the input and the linear head.

    What is not said of ``pretrained`` is filled in, so that a record says what was trained.
    """

    name: str = Field(
        "auto", description="Encoder: auto, small_cnn, dense, resnet18, resnet50, efficientnet_b0, densenet121, efficientnet_lite0, "
        "timm:NAME, hf:ORG/REPO or hf:./FOLDER; before any but the first three, frozen: may stand. With auto, images get small_cnn and "
        "features dense. timm:NAME is a classifier of the library timm (timm:vit_small_patch16_224), hf: an image classifier of the "
        "library transformers, from the Hugging Face hub or a folder with config.json. A backbone is trained as a whole unless freeze "
        "says less; with frozen: before the name (frozen:efficientnet_lite0) it keeps its weights, its features are computed once, and "
        "a dense encoder is trained on them.",
    )  # fmt: skip
    width: int = Field(
        32, ge=4, le=512, description="Channels of the small CNN's first stage (4 to 512); each later stage has twice as many, "
        "up to four times.",
    )  # fmt: skip
    hidden: int = Field(
        768, ge=8, le=16_384, description="Units of the dense encoder's layer (8 to 16,384; the paper's 768)."
    )
    dropout: float = Field(0.1, ge=0.0, le=0.9, description="Dropout of the dense encoder (0 to 0.9; the paper's 0.1).")
    pretrained: bool | None = Field(
        None, description="Start from published weights, which are downloaded once (20 to 100 MB). Empty: yes, as in the paper, except "
        "for resnet18, which is made for small images and starts at random. With published weights resnet18 has the large first "
        "convolution that they were trained with. Frozen networks always have them. The same as weights pretrained or random.",
    )  # fmt: skip
    weights: str | None = Field(
        None, title="Weights", json_schema_extra={"since": "0.3", "file": True, "words": [PRETRAINED, RANDOM], "placeholder": PRETRAINED},
        description="What a backbone starts from: pretrained (published weights, from the cache of torch, of timm or of the Hugging Face "
        "hub, else downloaded once), random, or a file (.safetensors, or one of torch.save that holds tensors alone). "
        "Where it is given it decides, whatever pretrained says.",
    )  # fmt: skip
    flatten: bool = Field(
        False, description="Flatten the last feature map of a backbone, as the paper does, instead of averaging it. At 32 pixels the map "
        "of every ImageNet network is a single point and both are the same; at 56 it is 2 x 2, and the linear head four times "
        "as large. Not for timm: and hf:, which pool in their own way.",
    )  # fmt: skip
    input_size: int | None = Field(
        None, title="Input size, pixels", ge=8, le=1_024,
        description="Side that images are scaled to before a frozen network, a timm: or an hf: one sees them, in "
        "pixels (8 to 1,024). Empty: image_size, else for timm: and hf: the size that the network was made for, and for the other frozen "
        "ones 64, or the images' own size if they are larger.",
    )  # fmt: skip
    freeze: Freeze = Field(
        "none", title="Parts that stay as they are", json_schema_extra={"since": "0.3"},
        description="Parts of a backbone that keep the weights they start with: none, stem (what comes before the first block), "
        "blocks (stem and every block; what follows the last block and the head are trained), or all-but-norm (everything but the "
        "scales and offsets of normalisations and the head). Batch norm statistics of what is frozen stay as they are.",
    )  # fmt: skip

    @property
    def frozen(self) -> bool:
        """Whether a dense encoder is trained on the features of a network that stays as it is."""
        return self.name.startswith(FROZEN_PREFIX)

    @property
    def backbone(self) -> str | None:
        """Name of the backbone, trained or frozen, without ``frozen:``; None for the small encoders."""
        name = self.name.removeprefix(FROZEN_PREFIX)
        return name if name in BACKBONES or name.startswith(LIBRARIES) else None

    @property
    def of_library(self) -> bool:
        """Whether the backbone is one of timm or transformers."""
        return self.name.removeprefix(FROZEN_PREFIX).startswith(LIBRARIES)

    @field_validator("name")
    @classmethod
    def _known_name(cls, name: str) -> str:
        if name in ENCODER_TITLES:
            return name
        bare = name.removeprefix(FROZEN_PREFIX)
        if bare.startswith("timm:"):
            if not _TIMM.fullmatch(bare[5:]):
                raise ValueError(f"{quoted(name)} names no model of timm; write timm:NAME, for instance timm:resnet50")
            return name
        if bare.startswith("hf:"):
            _check_hub_name(name, bare[3:])
            return name
        known = [*list(ENCODER_TITLES)[:3], *BACKBONES, "timm:NAME", "hf:ORG/REPO"]
        raise ValueError(
            f"{quoted(name)} is not known; use {', '.join(known)}, or frozen: and one of the last {len(known) - 3}"
        )

    @field_validator("weights")
    @classmethod
    def _file_of_weights(cls, weights: str | None) -> str | None:
        if weights is not None and not (
            weights.isprintable() and weights.endswith(WEIGHT_ENDINGS) and len(weights) <= _LONGEST_PATH
        ):
            raise ValueError(
                f"{quoted(weights)} is neither {PRETRAINED} nor {RANDOM} nor the path of a file of weights, whose name ends in "
                f"{', '.join(WEIGHT_ENDINGS[:-1])} or {WEIGHT_ENDINGS[-1]}"
            )
        return weights

    @model_validator(mode="before")
    @classmethod
    def _say_whether_pretrained(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        name, weights = values.get("name"), values.get("weights")
        if weights == "":
            values, weights = {**values, "weights": None}, None
        if isinstance(weights, str):
            file = None if weights in (PRETRAINED, RANDOM) else weights
            return {**values, "pretrained": weights != RANDOM, "weights": file}
        if values.get("pretrained") is None and isinstance(name, str):
            bare = name.removeprefix(FROZEN_PREFIX)
            if bare in BACKBONES or bare.startswith(LIBRARIES):
                return {**values, "pretrained": name != "resnet18"}
        return values

    @model_validator(mode="after")
    def _only_what_applies(self) -> EncoderConfig:
        if self.frozen and self.pretrained is False:
            raise ValueError(
                f"{self.name} needs weights, published ones or a file's: a frozen network learns nothing; leave out pretrained, "
                f"and weights {RANDOM}"
            )
        if self.frozen:
            foreign = ["width", "freeze"]
        elif self.backbone:
            foreign = ["width", "hidden", "dropout"] + ([] if self.of_library else ["input_size"])
        else:  # width, hidden and dropout are accepted whichever of the two small encoders it is
            foreign = ["pretrained", "weights", "flatten", "input_size", "freeze"]
        if self.of_library:
            foreign.append("flatten")
        changed = [f for f in foreign if getattr(self, f) != type(self).model_fields[f].default]
        if changed:
            raise ValueError(
                f"{', '.join(changed)} {'does' if len(changed) == 1 else 'do'} not apply to {self.name}; leave it out"
            )
        if self.weights is not None and self.name.removeprefix(FROZEN_PREFIX).startswith("hf:"):
            raise ValueError(
                f"a file of weights does not go with {self.name}; put it into a folder with its config.json: hf:FOLDER"
            )
        return self


def _check_hub_name(name: str, place: str) -> None:
    """Refuse what names neither a repository nor a folder. What a repository brings is read as data; none of its code is run."""
    if model_path("hf:" + place) is not None:
        if not place.isprintable() or ".." in place.split("/") or len(place) > _LONGEST_PATH:
            raise ValueError(
                f"{quoted(name)} is no path that is read; write hf:/FOLDER without .. and control characters"
            )
    elif not REPOSITORY.fullmatch(place) or ".." in place or "--" in place:
        raise ValueError(f"{quoted(name)} names no repository and no folder; write hf:ORG/REPO or hf:./FOLDER")
