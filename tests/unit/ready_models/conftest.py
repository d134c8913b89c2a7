"""A folder of images, and small models."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

CLASSES = ("crane bird", "Grey_Seal", "tench")


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Three classes of 4 training and 3 test images, each class with a colour of its own and noise."""
    rng = np.random.default_rng(0)
    for part, count in (("train", 4), ("test", 3)):
        for number, name in enumerate(CLASSES):
            folder = tmp_path / "animals" / part / name
            folder.mkdir(parents=True)
            for i in range(count):
                pixels = rng.integers(0, 120, (40, 32, 3))
                pixels[:, :, number] += 100
                Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{i}.png")
    return tmp_path / "animals"
