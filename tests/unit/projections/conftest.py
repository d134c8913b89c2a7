"""Workers of a test end with it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def no_worker_is_left(home: Path) -> Iterator[None]:
    """A worker ends when its queue is gone."""
    yield
    shutil.rmtree(home / "cache", ignore_errors=True)
