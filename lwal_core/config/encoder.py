"""Options of the encoder."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from lwal_core.config.base.part import Part

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
"""What every encoder is called in forms and tables."""

FROZEN_INPUT_SIZE = 64
"""Pixels a side that smaller images are enlarged to before a frozen network sees them, where nothing else is asked for."""


class EncoderConfig(Part):
    """The network between the input and the linear head.

    What is not said of ``pretrained`` is filled in, so that a record says what was trained.
    """

    name: EncoderName = Field(
        "auto", description="Encoder: auto, small_cnn, dense, resnet18, resnet50, efficientnet_b0, densenet121, efficientnet_lite0, or "
        "frozen: and one of the last five. With auto, images get small_cnn and features dense. The last five are trained as a whole; "
        "with frozen: before the name (frozen:efficientnet_lite0) the network keeps its ImageNet weights, its features are computed "
        "once, and a dense encoder is trained on them.",
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
        None, description="Start from ImageNet weights, which are downloaded once (20 to 100 MB). Empty: yes, as in the paper, except "
        "for resnet18, which is made for small images and starts at random. With ImageNet weights resnet18 has the large first "
        "convolution that they were trained with. Frozen networks always have them.",
    )  # fmt: skip
    flatten: bool = Field(
        False, description="Flatten the last feature map of a backbone, as the paper does, instead of averaging it. At 32 pixels the map "
        "of every ImageNet network is a single point and both are the same; at 56 it is 2 x 2, and the linear head four times "
        "as large.",
    )  # fmt: skip
    input_size: int | None = Field(
        None, ge=8, le=512, description="Longer side that images are scaled to before a frozen network sees them, in pixels (8 to 512). "
        "Empty: 64, or the images' own size if they are larger.",
    )  # fmt: skip

    @property
    def frozen(self) -> bool:
        """Whether a dense encoder is trained on the features of a network that stays as it is."""
        return self.name.startswith(FROZEN_PREFIX)

    @property
    def backbone(self) -> str | None:
        """Name of the backbone, trained or frozen; None for the small encoders."""
        name = self.name.removeprefix(FROZEN_PREFIX)
        return name if name in BACKBONES else None

    @model_validator(mode="before")
    @classmethod
    def _say_whether_pretrained(cls, values: Any) -> Any:
        if isinstance(values, dict) and values.get("pretrained") is None:
            name = values.get("name")
            if isinstance(name, str) and name.removeprefix(FROZEN_PREFIX) in BACKBONES:
                return {**values, "pretrained": name != "resnet18"}
        return values

    @model_validator(mode="after")
    def _only_what_applies(self) -> EncoderConfig:
        if self.frozen and self.pretrained is False:
            raise ValueError(
                f"{self.name} needs ImageNet weights: a frozen network learns nothing; leave out pretrained"
            )
        if self.frozen:
            foreign = ["width"]
        elif self.backbone:
            foreign = ["width", "hidden", "dropout", "input_size"]
        else:  # width, hidden and dropout are accepted whichever of the two small encoders it is
            foreign = ["pretrained", "flatten", "input_size"]
        changed = [f for f in foreign if getattr(self, f) != type(self).model_fields[f].default]
        if changed:
            raise ValueError(
                f"{', '.join(changed)} {'does' if len(changed) == 1 else 'do'} not apply to {self.name}; leave it out"
            )
        return self
