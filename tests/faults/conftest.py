"""Services that end with their test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.faults.service import Service


@pytest.fixture
def make_service(home: Path, tmp_path: Path) -> Iterator[Callable[..., Service]]:
    """Make a service of this test's home; it is stopped at the end."""
    made: list[Service] = []

    def make(real: bool = False, at: Path | None = None, **variables: str) -> Service:
        made.append(Service(at or home, tmp_path / f"logs-{len(made)}", real, **variables))
        return made[-1]

    yield make
    for service in made:
        service.stop()
