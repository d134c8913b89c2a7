"""The tier of a test: by its folder, unless a marker says otherwise. tests/README.md says what each is for."""

from __future__ import annotations

from pathlib import Path

import pytest

TIERS = ("unit", "page", "process", "fault", "browser", "long")
_TESTS = Path(__file__).resolve().parents[1]
_FOLDERS = {"app": "page", "browser": "browser", "faults": "fault"}


def folder_tier(path: Path) -> str:
    """The tier of a file's tests that have no marker."""
    return _FOLDERS.get(path.relative_to(_TESTS).parts[0], "unit")


def mark_tiers(items: list[pytest.Item]) -> None:
    """Give every test the marker of its tier.

    Raises:
        pytest.UsageError: Two markers of tiers at one test.
    """
    for item in items:
        own = sorted({mark.name for mark in item.iter_markers() if mark.name in TIERS})
        if len(own) > 1:
            raise pytest.UsageError(f"{item.nodeid} is of more than one tier: {', '.join(own)}")
        if not own:
            item.add_marker(folder_tier(item.path))
