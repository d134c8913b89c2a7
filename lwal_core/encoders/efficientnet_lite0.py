"""EfficientNet-Lite0: EfficientNet-B0 without squeeze-and-excitation and with ReLU6, made for small machines.

Sources: M. Tan and Q. Le, EfficientNet, arXiv:1905.11946; the Lite variants are described in
https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite, where stem and head keep their width.
"""

from __future__ import annotations

import math
import re

from torch import Tensor, nn
from torch.nn import functional

# Kernel, stride, expansion, output channels, repeats of each of the seven stages (table 1 of the EfficientNet paper).
_STAGES = (
    (3, 1, 1, 16, 1),
    (3, 2, 6, 24, 2),
    (5, 2, 6, 40, 2),
    (3, 2, 6, 80, 3),
    (5, 1, 6, 112, 3),
    (5, 2, 6, 192, 4),
    (3, 1, 6, 320, 1),
)
_STEM_CHANNELS = 32
_HEAD_CHANNELS = 1_280
_EPSILON = 1e-3  # of the batch norms the published weights were trained with
_DROP_PATH = 0.2  # chance that the last block is left out in training; it grows linearly from 0 at the first


class EfficientNetLite0(nn.Module):
    """The convolutions of EfficientNet-Lite0, without the classifying layer.

    Strided convolutions pad as TensorFlow does ("SAME": the odd pixel goes to the right and the bottom), because the
    published weights were trained so. Batch norm averages with torch's momentum of 0.1, as the other networks here do;
    the original 0.01 would lag behind in short trainings.

    Attributes:
        channels: Of the last feature map, 1,280.
    """

    channels = _HEAD_CHANNELS

    def __init__(self) -> None:
        super().__init__()
        self.stem = _ConvNorm(3, _STEM_CHANNELS, 3, 2)
        blocks: list[nn.Module] = []
        total = sum(repeats for *_, repeats in _STAGES)
        inputs = _STEM_CHANNELS
        for kernel, stride, expansion, outputs, repeats in _STAGES:
            for repeat in range(repeats):
                drop = _DROP_PATH * len(blocks) / total
                blocks.append(_Block(inputs, outputs, kernel, stride if repeat == 0 else 1, expansion, drop))
                inputs = outputs
        self.blocks = nn.Sequential(*blocks)
        self.head = _ConvNorm(inputs, _HEAD_CHANNELS, 1)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out")

    def forward(self, x: Tensor) -> Tensor:
        """Feature map ``[B,1280,ceil(H/32),ceil(W/32)]`` of normalised images ``[B,3,H,W]``."""
        out: Tensor = self.head(self.blocks(self.stem(x)))
        return out


class _ConvNorm(nn.Module):
    """Convolution with TensorFlow's padding, batch norm and, if wanted, ReLU6."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1, activate: bool = True
    ) -> None:
        super().__init__()
        self.strided = stride > 1
        padding = 0 if self.strided else kernel // 2
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, padding, groups=groups, bias=False)
        self.norm = nn.BatchNorm2d(outputs, eps=_EPSILON)
        self.activation = nn.ReLU6(inplace=True) if activate else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        if self.strided:
            top, bottom = self._padding(x.shape[2])
            left, right = self._padding(x.shape[3])
            x = functional.pad(x, (left, right, top, bottom))
        out: Tensor = self.activation(self.norm(self.conv(x)))
        return out

    def _padding(self, side: int) -> tuple[int, int]:
        kernel, stride = self.conv.kernel_size[0], self.conv.stride[0]
        total = max((math.ceil(side / stride) - 1) * stride + kernel - side, 0)
        return total // 2, total - total // 2


class _Block(nn.Module):
    """Mobile inverted bottleneck: widen, filter each channel by itself, narrow; added to its input where shapes allow."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int, drop: float) -> None:
        from torchvision.ops import StochasticDepth  # a second of loading that no other encoder needs

        super().__init__()
        wide = inputs * expansion
        self.expand = _ConvNorm(inputs, wide, 1) if expansion > 1 else nn.Identity()
        self.depthwise = _ConvNorm(wide, wide, kernel, stride, groups=wide)
        self.project = _ConvNorm(wide, outputs, 1, activate=False)
        self.residual = stride == 1 and inputs == outputs
        self.drop = StochasticDepth(drop, "row")

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.project(self.depthwise(self.expand(x)))
        return x + self.drop(out) if self.residual else out


_NAMES = (
    (r"^_conv_stem\.", "stem.conv."),
    (r"^_bn0\.", "stem.norm."),
    (r"^_conv_head\.", "head.conv."),
    (r"^_bn1\.", "head.norm."),
    (r"^_blocks\.(\d+)\._expand_conv\.", r"blocks.\1.expand.conv."),
    (r"^_blocks\.(\d+)\._bn0\.", r"blocks.\1.expand.norm."),
    (r"^_blocks\.(\d+)\._depthwise_conv\.", r"blocks.\1.depthwise.conv."),
    (r"^_blocks\.(\d+)\._bn1\.", r"blocks.\1.depthwise.norm."),
    (r"^_blocks\.(\d+)\._project_conv\.", r"blocks.\1.project.conv."),
    (r"^_blocks\.(\d+)\._bn2\.", r"blocks.\1.project.norm."),
)


def renamed(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The published weights under this module's names, without the classifying layer ``_fc``."""
    result = {}
    for name, value in state.items():
        if name.startswith("_fc."):
            continue
        for pattern, replacement in _NAMES:
            name = re.sub(pattern, replacement, name)
        result[name] = value
    return result
