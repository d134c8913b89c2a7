"""A small convolutional encoder for images of 8 x 8 to 64 x 64 pixels."""

from __future__ import annotations

from torch import Tensor, nn

from lwal_core.errors import TrainingError

SMALLEST_SIDE = 8
LARGEST_SIDE = 128
"""Above this the feature map and the time a step grow past what a small network is for."""


class SmallCNN(nn.Module):
    """Convolution stages of 3 x 3 filters with batch norm and ReLU; each halves the image until it is at most 4 x 4 (at
    least one does).

    Args:
        input_shape: ``(channels, height, width)``.
        width: Channels of the first stage; each later stage has twice as many, at most four times.

    Attributes:
        out_features: Length of the flattened last feature map.

    Raises:
        TrainingError: The images are smaller than 8 or larger than 128 pixels a side.
    """

    def __init__(self, input_shape: tuple[int, int, int], width: int = 32) -> None:
        super().__init__()
        channels, *sides = input_shape
        if min(sides) < SMALLEST_SIDE or max(sides) > LARGEST_SIDE:
            raise TrainingError(
                f"The small CNN takes images of {SMALLEST_SIDE} to {LARGEST_SIDE} pixels a side; these are {sides[1]} x {sides[0]}.",
                "Set an image size in between.",
            )
        stages: list[nn.Module] = [*_stage(channels, width)]
        current, wanted = width, width
        while True:
            wanted = min(2 * current, 4 * width)
            stages += [*_stage(current, wanted), nn.MaxPool2d(2)]
            current = wanted
            sides = [side // 2 for side in sides]
            if max(sides) <= 4:
                break
        self.layers = nn.Sequential(*stages, nn.Flatten())
        self.out_features = current * sides[0] * sides[1]

    def forward(self, x: Tensor) -> Tensor:
        """Features ``[B,out_features]`` of normalised images ``[B,channels,height,width]``."""
        out: Tensor = self.layers(x)
        return out


def _stage(inputs: int, outputs: int) -> tuple[nn.Module, ...]:
    # Batch norm has its own offset, so a bias before it would do nothing.
    return nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)
