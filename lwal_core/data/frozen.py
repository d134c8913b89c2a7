"""Features of a frozen network: computed once per set of images and cached."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import PurePath
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from lwal_core.config import EncoderConfig
from lwal_core.config.encoder import FROZEN_INPUT_SIZE, encoder_title
from lwal_core.data.array_cache import Stopped, cached_array, key_digest
from lwal_core.data.dataset import Dataset, Marks
from lwal_core.datafiles.limits import check_memory
from lwal_core.encoders.backbone import Backbone, build_backbone
from lwal_core.encoders.library import LibraryEncoder, build_library_encoder, scaled
from lwal_core.errors import TrainingError

FrozenNetwork = Backbone | LibraryEncoder
"""A network that features are made with."""

_FORMAT = 1  # to be raised when the same key shall mean other numbers
_PIXELS_AT_ONCE = 256 * 64 * 64
_LARGEST_BATCH, _SMALLEST_BATCH = 256, 8
_BATCHES_A_PART = 8


def frozen_features(
    dataset: Dataset,
    encoder: EncoderConfig,
    *,
    device: torch.device | str = "cpu",
    progress: Callable[[int, int], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> Dataset:
    """The same data set with images replaced by what a trained network makes of them.

    Images are scaled (bilinear, or as the network of a library wants it; antialiased where they shrink), normalised as the network was
    trained, and passed through it in evaluation mode. The features are kept in ``$LWAL_HOME/cache/features`` and found
    again by the images' pixels, or fingerprint where these are streamed, the network, the SHA-256 of its weights file, and the
    size of its inputs.

    Args:
        dataset: Images.
        encoder: One with a name such as ``frozen:efficientnet_lite0``; ``input_size`` and ``flatten`` are used.
        device: Where to compute.
        progress: Told the number of finished samples, training and test together, and of all.
        should_stop: Asked before every batch.

    Returns:
        A data set of kind "features" with ``original`` set to `dataset`. Its fingerprint is that of its origin (images,
        network, weights, size), not of the numbers, whose last digits differ from device to device.

    Raises:
        Stopped: `should_stop` said so; the next call goes on where this one stopped.
        TrainingError: The data are no images, or the network or its weights cannot be used.
        DataError: The features would not fit into memory, or cannot be kept on disk.
    """
    if encoder.backbone is None or not encoder.frozen:
        raise ValueError(f"{encoder.name!r} is no frozen encoder")
    if dataset.kind != "images":
        raise TrainingError(
            f"The encoder {encoder.name} takes images, and {dataset.name} has vectors.", "Choose the dense encoder."
        )
    height, width = input_sides(dataset.input_shape, encoder.input_size)
    if encoder.of_library and height != width:
        raise TrainingError(f"{encoder.name} takes square images; these are {width} x {height}.", "Cut them square.")
    backbone = frozen_backbone(encoder, (height, width), device)
    key = _key(dataset.pixels or dataset.fingerprint, encoder, backbone, (height, width))
    marks = frozen_marks(dataset.marks, encoder, backbone, (height, width))
    num_train, total = len(dataset.x_train), len(dataset.x_train) + len(dataset.x_test)
    hint = "Lower per_class or input_size" + (", or leave out flatten." if encoder.flatten else ".")
    check_memory(dataset.name, total, backbone.out_features, hint, bytes_per_value=4)
    batch = min(_LARGEST_BATCH, max(_SMALLEST_BATCH, _PIXELS_AT_ONCE // (height * width)))

    def compute(start: int, stop: int) -> NDArray[Any]:
        parts = []
        for first in range(start, stop, batch):
            if should_stop is not None and should_stop():
                raise Stopped
            if progress is not None:
                progress(first, total)
            last = min(first + batch, stop)
            before, after = min(num_train, first), min(num_train, last)
            images = torch.cat([dataset.x_train[before:after], dataset.x_test[first - before : last - after]])
            parts.append(features_of(backbone, images.to(device), (height, width)))
        return np.concatenate(parts)

    features = torch.from_numpy(
        cached_array(
            "features", key, (total, backbone.out_features), np.float32, compute,
            rows_a_part=batch * _BATCHES_A_PART, progress=progress, should_stop=should_stop,
        )
    )  # fmt: skip
    what = "ImageNet weights" if encoder.weights is None else f"the weights of {PurePath(encoder.weights).name}"
    what = "its published weights" if encoder.of_library and encoder.weights is None else what
    note = (
        f"Features of a frozen {encoder_title(encoder.backbone)} with {what}, from images of {width} x {height} pixels."
    )
    return Dataset.build(
        name=dataset.name, kind="features", x_train=features[:num_train], y_train=dataset.y_train,
        x_test=features[num_train:], y_test=dataset.y_test, class_names=dataset.class_names,
        notes=(*dataset.notes, note), taxonomy=dataset.taxonomy, original=dataset, set_apart=dataset.set_apart,
        fingerprint=marks.fingerprint, pixels=marks.pixels,
    )  # fmt: skip


def frozen_backbone(encoder: EncoderConfig, sides: tuple[int, int], device: torch.device | str) -> FrozenNetwork:
    """The network with its weights, in evaluation mode on a device.

    Args:
        encoder: A frozen encoder.
        sides: Height and width of its inputs.
        device: Where.

    Raises:
        TrainingError: The weights cannot be had.
    """
    assert encoder.backbone is not None
    with torch.random.fork_rng(devices=[]):  # the draws of a fresh network, soon overwritten, shall not count
        if encoder.of_library:
            found: FrozenNetwork = build_library_encoder(encoder.model_copy(update={"input_size": sides[0]}))
        else:
            shape, flatten = (3, *sides), encoder.flatten
            found = build_backbone(encoder.backbone, shape, pretrained=True, flatten=flatten, file=encoder.weights)
    return found.eval().to(device)


def frozen_marks(images: Marks, encoder: EncoderConfig, backbone: FrozenNetwork, sides: tuple[int, int]) -> Marks:
    """The fingerprints that :func:`frozen_features` gives its data set, from those of the images."""
    found = (key_digest(_key(mark, encoder, backbone, sides)) if mark else "" for mark in images)
    return Marks(*found)


def _key(images: str, encoder: EncoderConfig, backbone: FrozenNetwork, sides: tuple[int, int]) -> dict[str, Any]:
    return {
        "format": _FORMAT,
        "images": images,
        "network": encoder.backbone,
        "weights": backbone.weights_sha256,
        "height": sides[0],
        "width": sides[1],
        "flatten": encoder.flatten,
        **({"interpolation": mode_of(backbone)} if encoder.of_library else {}),
    }


def input_sides(shape: tuple[int, ...], input_size: int | None) -> tuple[int, int]:
    """Height and width that images are scaled to before a frozen network sees them.

    Args:
        shape: ``(channels, height, width)`` of the images.
        input_size: Pixels of the longer side; None enlarges to 64 and never shrinks.
    """
    height, width = shape[1:]
    longer = max(height, width)
    target = input_size or max(longer, FROZEN_INPUT_SIZE)
    return max(1, round(height * target / longer)), max(1, round(width * target / longer))


@torch.inference_mode()
def features_of(backbone: FrozenNetwork, images: torch.Tensor, sides: tuple[int, int]) -> NDArray[np.float32]:
    """Features ``[B, out_features]`` of uint8 images ``[B, 1 or 3, H, W]`` on the network's device."""
    assert backbone.input_mean_std is not None
    mean, std = (part.to(images.device).view(1, 3, 1, 1) for part in backbone.input_mean_std)
    result: NDArray[np.float32] = (
        backbone((scaled_images(images, sides, mode_of(backbone)) - mean) / std).float().cpu().numpy()
    )
    return result


def mode_of(backbone: FrozenNetwork) -> str:
    """The interpolation that images are scaled with for a frozen network."""
    return backbone.interpolation if isinstance(backbone, LibraryEncoder) else "bilinear"


def scaled_images(images: torch.Tensor, sides: tuple[int, int], mode: str = "bilinear") -> torch.Tensor:
    """uint8 images ``[B, channels, H, W]`` as a frozen network sees them before normalisation: float32 from 0 to 1, at the
    height and width ``sides``."""
    found = scaled(images.float() / 255, sides, mode)
    return found.clamp(0, 1) if mode == "bicubic" else found  # it swings over at edges
