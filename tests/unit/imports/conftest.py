"""Files that somebody might bring."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest


@pytest.fixture
def vectors() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)


@pytest.fixture
def csv_file(tmp_path: Path) -> Path:
    file = tmp_path / "animals.csv"
    file.write_text("name,x,y\ncat,1,2\ndog,1.5,2\ntruck,9,9\n")
    return file
