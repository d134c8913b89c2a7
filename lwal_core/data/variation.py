"""Random variation of training images: crops, colours, TrivialAugment, RandAugment.

What becomes of a sample in an epoch is a function of seed, epoch and row alone, whichever process works on it and in which
order; so a training that goes on from a checkpoint sees the same images. The transforms are torchvision's
(https://docs.pytorch.org/vision/stable/transforms.html), on uint8 tensors, for images in memory and in files alike.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import blake2b

import torch
from torch import Tensor, nn

from lwal_core.config import DataConfig


class Variation:
    """The variations that a configuration asks for.

    Args:
        config: ``augment``, ``color_jitter`` and ``random_erasing`` are used.
        sides: Height and width of what comes out.
        seed: Of the draws.
    """

    def __init__(self, config: DataConfig, sides: tuple[int, int], seed: int) -> None:
        from torchvision.transforms import v2

        self.seed = seed
        self.cuts = config.augment == "random_resized_crop"
        steps: list[nn.Module] = []
        if self.cuts:
            steps.append(v2.RandomResizedCrop(sides, antialias=True))
        if config.augment in ("random_resized_crop", "trivial", "rand"):
            steps.append(v2.RandomHorizontalFlip())
        if config.augment == "trivial":
            steps.append(v2.TrivialAugmentWide())
        if config.augment == "rand":
            steps.append(v2.RandAugment())
        if config.color_jitter:
            strength = config.color_jitter
            steps.append(v2.ColorJitter(strength, strength, strength, strength / 4))
        if config.random_erasing:
            steps.append(v2.RandomErasing(config.random_erasing))
        self.steps = tuple(steps)

    @classmethod
    def of(cls, config: DataConfig, shape: Sequence[int], seed: int) -> Variation | None:
        """The variations of images of a shape ``(channels, H, W)``; None where none is asked for that works on single
        images."""
        if config.augment in ("none", "crop_flip") and not config.color_jitter and not config.random_erasing:
            return None
        return cls(config, (shape[1], shape[2]), seed)

    def batch(self, images: Tensor, rows: Tensor, epoch: int) -> Tensor:
        """Images ``[B, channels, H, W]`` uint8 of rows ``[B]``, varied."""
        with own_chance():
            return torch.stack([self.one(image, row, epoch) for image, row in zip(images, rows.tolist(), strict=True)])

    def one(self, image: Tensor, row: int, epoch: int) -> Tensor:
        """One image ``[channels, H, W]`` uint8 of any size where :attr:`cuts`, varied; to be called within
        :func:`own_chance`."""
        digest = blake2b(struct.pack("<3q", self.seed, epoch, row), digest_size=8).digest()
        # The generator of the CPU alone: torch.manual_seed would seed those of GPUs, too.
        torch.default_generator.manual_seed(int.from_bytes(digest, "little"))
        for step in self.steps:
            image = step(image)
        return image


@contextmanager
def own_chance() -> Iterator[None]:
    """Put back torch's random state, which torchvision draws from, afterwards."""
    before = torch.default_generator.get_state()
    try:
        yield
    finally:
        torch.default_generator.set_state(before)
