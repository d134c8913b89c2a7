"""Hostile inputs find a home, a folder to lie in, and a folder for temporary files, all of this test alone."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from tests.security.making import CANARY


@pytest.fixture(autouse=True)
def canary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that whatever is executed would make."""
    path = tmp_path / "executed"
    monkeypatch.setenv(CANARY, str(path))
    return path


@pytest.fixture
def scratch(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only folder besides the home where a reader may write, and only for a while."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    home.mkdir(exist_ok=True)
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    """Where files from elsewhere lie; nothing may be written there."""
    folder = tmp_path / "inbox"
    folder.mkdir()
    return folder
