"""Image backbones as encoders: classifier removed, last feature map averaged or flattened."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from lwal_core.config.encoder import BACKBONES
from lwal_core.encoders.efficientnet_lite0 import EfficientNetLite0
from lwal_core.encoders.layers import MATCHERS
from lwal_core.encoders.still import KeepsStill
from lwal_core.encoders.weights import file_weights, load_into, pretrained_weights
from lwal_core.errors import TrainingError

LARGEST_SIDE_OF_SMALL_STEM = 64
"""Pixels. Up to here an untrained ResNet-18 starts with a 3 x 3 convolution that keeps the image's size, as is usual for
CIFAR (K. He et al., arXiv:1512.03385, section 4.2); the ImageNet stem alone reduces 32 x 32 to 8 x 8."""
MAX_FEATURES = 131_072
"""Longest flattened feature map; a linear head to 1,000 label dimensions then has 131 million weights."""

_SMALLEST_SIDE = {"densenet121": 29}  # its third pooling has nothing left of fewer pixels
_SMALLEST_SIDE_ELSE = 8
_FAMILIES = {
    "resnet18": "resnet", "resnet50": "resnet", "efficientnet_b0": "efficientnet", "densenet121": "densenet", "efficientnet_lite0": "lite0",
}  # fmt: skip
_IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
# The Lite networks were trained on (x - 127) / 128, see mean_rgb in the authors' configurations
# (https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite).
_LITE = ((127 / 255,) * 3, (128 / 255,) * 3)


class Backbone(KeepsStill):
    """``flatten(body(x))`` or ``flatten(average(body(x)))``; grey images are repeated to three channels.

    Args:
        body: From ``[B,3,H,W]`` to a feature map ``[B,channels,h,w]``.
        input_shape: ``(1 or 3, height, width)``.
        flatten: Keep the map's positions apart instead of averaging over them.
        input_mean_std: What the inputs must be normalised with, if the body was trained before.

    Attributes:
        out_features: ``channels``, or ``channels * h * w`` when flattened.
        input_mean_std: Mean and deviation of pixels scaled to 0..1, float32 ``[3]`` each, or None when those of the
            training data will do.
        weights_sha256: Of the file that the body's weights came from; None when they were drawn at random.

    Raises:
        TrainingError: The flattened map would be longer than :data:`MAX_FEATURES`.
    """

    def __init__(
        self,
        body: nn.Module,
        input_shape: tuple[int, int, int],
        flatten: bool = False,
        input_mean_std: tuple[Tensor, Tensor] | None = None,
        weights_sha256: str | None = None,
    ) -> None:
        super().__init__()
        self.body = body
        self.flatten = flatten
        self.input_mean_std = input_mean_std
        self.weights_sha256 = weights_sha256
        channels, height, width = _map_shape(body, input_shape)
        self.out_features = channels * height * width if flatten else channels
        if self.out_features > MAX_FEATURES:
            raise TrainingError(
                f"The flattened feature map has {channels:,} x {height} x {width} = {self.out_features:,} numbers; "
                f"at most {MAX_FEATURES:,} are allowed.",
                "Lower the image size, or leave out flatten.",
            )

    family: str = ""

    def layered(self) -> tuple[str, nn.Module, Any]:
        """See :class:`KeepsStill`."""
        return "body.", self.body, MATCHERS.get(self.family)

    def forward(self, x: Tensor) -> Tensor:
        """Features ``[B,out_features]`` of normalised images ``[B,1 or 3,H,W]``."""
        out: Tensor = self.body(x.expand(-1, 3, -1, -1))
        return out.flatten(1) if self.flatten else out.mean((2, 3))


def build_backbone(
    name: str,
    input_shape: tuple[int, ...],
    *,
    pretrained: bool,
    flatten: bool = False,
    load_weights: bool = True,
    file: str | None = None,
) -> Backbone:
    """A backbone for images of this shape.

    Args:
        name: One of :data:`lwal_core.config.encoder.BACKBONES`.
        input_shape: ``(1 or 3, height, width)``.
        pretrained: Start from ImageNet weights, and be the network that they fit. ResNet-18 has its small stem only
            without them.
        flatten: Flatten the last feature map instead of averaging it.
        file: Weights to take instead of the published ones.
        load_weights: False builds the same network without looking for the weights, to fill it from a saved model.

    Raises:
        TrainingError: These are no images or too small ones, or the weights cannot be had.
    """
    title = BACKBONES[name]
    if len(input_shape) != 3:
        raise TrainingError(
            f"{title} takes images; this data has {input_shape[0]:,} features a sample.", "Choose the dense encoder."
        )
    sides = input_shape[1:]
    smallest = _SMALLEST_SIDE.get(name, _SMALLEST_SIDE_ELSE)
    if min(sides) < smallest:
        raise TrainingError(
            f"{title} takes images of at least {smallest} pixels a side; these are {sides[1]} x {sides[0]}.",
            f"Set an image size of {smallest} or more.",
        )
    small_stem = name == "resnet18" and not pretrained and max(sides) <= LARGEST_SIDE_OF_SMALL_STEM
    network = _network(name)
    mean_std, sha256 = None, None
    if pretrained:
        mean_std = tuple(torch.tensor(values) for values in (_LITE if name == "efficientnet_lite0" else _IMAGENET))
        if load_weights:
            weights = pretrained_weights(name) if file is None else file_weights(name, Path(file).expanduser(), network)
            load_into(network, weights, name)
            sha256 = weights.sha256
    backbone = Backbone(_body(network, small_stem), input_shape, flatten, mean_std, sha256)  # type: ignore[arg-type]
    backbone.family = _FAMILIES[name]
    return backbone


def _network(name: str) -> nn.Module:
    from torchvision import models

    network: nn.Module = EfficientNetLite0() if name == "efficientnet_lite0" else models.get_model(name, weights=None)
    return network


def _body(network: nn.Module, small_stem: bool) -> nn.Module:
    """The network up to its last feature map, under the names that its parts have in torchvision."""
    from torchvision.models import DenseNet, EfficientNet, ResNet

    if isinstance(network, ResNet):
        parts = OrderedDict((key, part) for key, part in network.named_children() if key not in ("avgpool", "fc"))
        if small_stem:
            parts["conv1"] = nn.Conv2d(3, 64, 3, padding=1, bias=False)
            nn.init.kaiming_normal_(parts["conv1"].weight, mode="fan_out", nonlinearity="relu")  # as torchvision does
            del parts["maxpool"]
        return nn.Sequential(parts)
    if isinstance(network, DenseNet):
        return nn.Sequential(OrderedDict(features=network.features, relu=nn.ReLU(inplace=True)))
    if isinstance(network, EfficientNet):
        return network.features
    return network


def _map_shape(body: nn.Module, input_shape: tuple[int, int, int]) -> tuple[int, int, int]:
    """Channels, height and width of the last feature map, without computing it, and without a copy of the weights."""
    shapes = {name: tensor.to("meta") for name, tensor in body.state_dict().items()}
    training = body.training
    try:
        found = functional_call(body.eval(), shapes, torch.empty(1, 3, *input_shape[1:], device="meta"))
    finally:
        body.train(training)
    _, channels, height, width = found.shape
    return channels, height, width
