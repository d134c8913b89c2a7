"""Variation of single images: a function of seed, epoch and row; torchvision's transforms; memory and files alike."""

from __future__ import annotations

import struct
from hashlib import blake2b

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.transforms import v2

from lwal_core.config import DataConfig, RunConfig
from lwal_core.config.data import Square
from lwal_core.data.skipped import Skipped
from lwal_core.data.stream import ImageFiles, ImageStream
from lwal_core.data.variation import Variation
from lwal_core.errors import ConfigError

KINDS = [
    {"augment": "random_resized_crop"}, {"augment": "trivial"}, {"augment": "rand"}, {"color_jitter": 0.4}, {"random_erasing": 0.9},
    {"augment": "crop_flip", "color_jitter": 0.2},
]  # fmt: skip


def varied(values: dict, seed: int = 3, sides: int = 24) -> Variation:
    found = Variation.of(DataConfig(**values), (3, sides, sides), seed)
    assert found is not None
    return found


@pytest.fixture
def images() -> torch.Tensor:
    return torch.randint(0, 256, (12, 3, 24, 24), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("values", KINDS)
def test_a_function_of_seed_epoch_and_row_alone(images, values):
    rows = torch.arange(100, 112)
    state, kept = torch.get_rng_state(), images.clone()
    first = varied(values).batch(images, rows, 2)
    assert first.shape == images.shape and first.dtype == torch.uint8
    assert torch.equal(images, kept) and torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(99)
    order = torch.randperm(12)
    assert torch.equal(varied(values).batch(images[order], rows[order], 2), first[order])
    for other in (
        varied(values).batch(images, rows, 3),
        varied(values).batch(images, rows + 12, 2),
        varied(values, seed=4).batch(images, rows, 2),
        images,
    ):
        assert not torch.equal(other, first)


def test_nothing_asked_for_is_no_variation():
    assert Variation.of(DataConfig(), (3, 8, 8), 0) is None
    assert Variation.of(DataConfig(augment="crop_flip"), (3, 8, 8), 0) is None


@pytest.mark.parametrize("values", KINDS)
def test_grey_images(images, values):
    assert varied(values).batch(images[:, :1], torch.arange(12), 1).shape == (12, 1, 24, 24)


def test_a_file_is_cut_at_its_own_size_as_torchvision_does_it(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (90, 120, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    files, place = ImageFiles(tmp_path, [str(tmp_path / "a.png")]), np.zeros(1, np.int64)
    stream = ImageStream(files, place, place, 24, Square("crop"), Skipped("", 1), place)
    found, skips = stream.read(torch.tensor([0]), varied({"augment": "random_resized_crop"}), 7)
    torch.manual_seed(int.from_bytes(blake2b(struct.pack("<3q", 3, 7, 0), digest_size=8).digest(), "little"))
    image = torch.from_numpy(pixels).permute(2, 0, 1)
    expected = v2.Compose([v2.RandomResizedCrop(24, antialias=True), v2.RandomHorizontalFlip()])(image)
    assert not skips and torch.equal(found[0], expected)


def test_a_file_is_varied_as_an_image_in_memory(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (40, 24, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    files, place = ImageFiles(tmp_path, [str(tmp_path / "a.png")]), np.zeros(1, np.int64)
    stream = ImageStream(files, place, place, 24, Square("crop"), Skipped("", 1), place)
    for values in ({"augment": "trivial"}, {"augment": "rand", "random_erasing": 0.5}):
        found, _ = stream.read(torch.tensor([0]), varied(values), 1)
        assert torch.equal(found, varied(values).batch(stream[:], torch.tensor([0]), 1))


def test_options_that_do_not_apply_are_refused():
    for option, value in (("augment", "trivial"), ("color_jitter", 0.1), ("random_erasing", 0.1)):
        with pytest.raises(ConfigError, match=f"{option} does not apply to features"):
            RunConfig.parse({"data": {"name": "features:x.npz", option: value}})
        with pytest.raises(ConfigError, match=f"leave {option} out"):
            RunConfig.parse({"data": {"name": "shapes", option: value}, "encoder": {"name": "frozen:resnet18"}})

    with pytest.raises(ConfigError, match="fit does not apply to shapes"):
        RunConfig.parse({"data": {"name": "shapes", "fit": "pad"}})


def test_new_options_at_their_defaults_leave_keys_as_they_were():
    plain = RunConfig.parse({"data": {"name": "shapes"}})
    assert plain.group_key() == RunConfig.parse({"data": {"name": "shapes", "fit": "crop"}}).group_key()
    assert plain.group_key() != RunConfig.parse({"data": {"name": "shapes", "color_jitter": 0.1}}).group_key()
