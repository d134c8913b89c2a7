"""Encoder from a configuration."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from torch import nn

from lwal_core.config import EncoderConfig
from lwal_core.config.encoder import BACKBONES
from lwal_core.encoders.backbone import build_backbone
from lwal_core.encoders.dense import DenseEncoder
from lwal_core.encoders.library import build_library_encoder
from lwal_core.encoders.small_cnn import SmallCNN
from lwal_core.errors import TrainingError


def build_encoder(
    config: EncoderConfig,
    input_shape: tuple[int, ...],
    *,
    load_weights: bool = True,
    description: Mapping[str, Any] | None = None,
) -> nn.Module:
    """The encoder that is trained in a run, for inputs of this shape.

    Of a frozen encoder (``frozen:...``) that is the dense layer: its inputs are the features that
    :func:`lwal_core.data.frozen.frozen_features` makes of the images.

    Args:
        config: Which encoder.
        input_shape: ``(channels, height, width)`` or ``(features,)``.
        load_weights: False leaves published weights out, for an encoder that is filled from a saved model.
        description: Of such a model, what its encoder's ``description`` said.

    Raises:
        TrainingError: The encoder does not take such inputs, or its weights cannot be had.
    """
    name = config.name if config.name != "auto" else ("small_cnn" if len(input_shape) == 3 else "dense")
    if name == "small_cnn":
        if len(input_shape) != 3:
            raise TrainingError(
                f"The small CNN takes images; this data has {input_shape[0]:,} features.", "Choose the dense encoder."
            )
        return SmallCNN(input_shape, config.width)
    if name in BACKBONES:
        return build_backbone(
            name, input_shape, pretrained=bool(config.pretrained), flatten=config.flatten, load_weights=load_weights,
            file=config.weights,
        )  # fmt: skip
    if config.of_library and not config.frozen:
        if len(input_shape) != 3:
            raise TrainingError(
                f"{name} takes images; this data has {input_shape[0]:,} features.", "Choose the dense encoder."
            )
        return build_library_encoder(config, load_weights=load_weights, description=description)
    if config.frozen and len(input_shape) != 1:
        raise TrainingError(
            f"The encoder {name} is trained on features of shape (D,), not on inputs of shape {tuple(input_shape)}.",
            "Make them with lwal_core.data.frozen_features first.",
        )
    return DenseEncoder(math.prod(input_shape), config.hidden, config.dropout)
