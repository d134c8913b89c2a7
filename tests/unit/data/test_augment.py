"""Random crops and flips against a loop over samples that pads, cuts and mirrors."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from lwal_core.config import RunConfig
from lwal_core.data.augment import random_crop_flip
from lwal_core.errors import ConfigError


def images(count: int, channels: int = 3, height: int = 8, width: int = 6) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randint(1, 256, (count, channels, height, width), generator=generator, dtype=torch.uint8)


def augment(x: torch.Tensor, seed: int = 1, **options: object) -> torch.Tensor:
    return random_crop_flip(x, torch.Generator().manual_seed(seed), **options)  # type: ignore[arg-type]


def windows(image: np.ndarray, padding: int, flip: bool) -> dict[tuple[int, int, bool], np.ndarray]:
    """All variations of one image, made in the plain way: pad with zeros, cut out a window, mirror it."""
    height, width = image.shape[1:]
    padded = np.pad(image, ((0, 0), (padding, padding), (padding, padding)))
    found = {}
    for down in range(2 * padding + 1):
        for right in range(2 * padding + 1):
            window = padded[:, down : down + height, right : right + width]
            found[down, right, False] = window
            if flip:
                found[down, right, True] = window[:, :, ::-1]
    return found


@pytest.mark.parametrize("padding", [0, 1, 4])
@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("channels", [1, 3])
def test_every_result_is_one_of_the_variations_and_all_are_about_equally_frequent(padding, flip, channels):
    image = images(1, channels)[0]
    variations = windows(image.numpy(), padding, flip)
    by_bytes = {window.tobytes(): key for key, window in variations.items()}
    assert len(by_bytes) == len(variations)
    draws = 60 * len(variations)
    found = augment(image.expand(draws, -1, -1, -1), padding=padding, flip=flip).numpy()
    assert found.shape == (draws, channels, 8, 6) and found.dtype == np.uint8
    counts = dict.fromkeys(variations, 0)
    for one in found:
        counts[by_bytes[one.tobytes()]] += 1
    observed = np.array(list(counts.values()))
    # Chi-squared of a fair draw has mean n - 1 and variance 2 (n - 1): six deviations above are never seen by chance.
    chi_squared = ((observed - 60.0) ** 2 / 60).sum()
    assert chi_squared < len(variations) - 1 + 6 * np.sqrt(2 * len(variations))


def test_each_sample_is_varied_by_itself_and_stays_itself():
    x = images(50)
    found = augment(x).numpy()
    chosen = set()
    for image, one in zip(x.numpy(), found, strict=True):
        matches = [key for key, window in windows(image, 4, True).items() if (window == one).all()]
        assert len(matches) == 1
        chosen.add(matches[0])
    assert len(chosen) > 30


def test_the_generator_decides_and_the_input_stays():
    x = images(20)
    before = x.clone()
    assert torch.equal(augment(x, 3), augment(x, 3))
    assert not torch.equal(augment(x, 3), augment(x, 4))
    torch.manual_seed(0)
    state = torch.get_rng_state()
    augment(x)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(x, before)


def test_without_padding_and_flip_nothing_changes():
    x = images(5)
    assert torch.equal(augment(x, padding=0, flip=False), x)


def test_a_shift_larger_than_the_image_leaves_black():
    found = augment(images(2_000, 1, 2, 2), padding=5)
    assert (found == 0).all(dim=(1, 2, 3)).float().mean() == pytest.approx(1 - (3 / 11) ** 2, abs=0.05)


def test_no_images():
    assert augment(images(0)).shape == (0, 3, 8, 6)


def test_it_is_an_option_of_the_data_that_is_off_and_not_for_features():
    assert RunConfig().data.augment == "none"
    assert RunConfig.parse({"data": {"name": "cifar10", "augment": "crop_flip"}}).data.augment == "crop_flip"
    with pytest.raises(ConfigError, match="augment does not apply to features"):
        RunConfig.parse({"data": {"name": "features:/x.npz", "augment": "crop_flip"}})
    with pytest.raises(ConfigError, match="is not known"):
        RunConfig.parse({"data": {"augment": "mixup"}})
