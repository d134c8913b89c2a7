"""A run that was really trained, once for all tests here; and no server outlives its test."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from lwal_core.config import RunConfig
from lwal_core.inference import stop
from lwal_core.inference.socket_path import SOCKET
from lwal_core.runs import Run, create_run, open_run
from lwal_core.training.loop import train_run

OPTIONS = {"lwal": {"dim": "16"}, "hybrid": {"head": "cosine", "branch_dim": "16"}}


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Folder of a run of a method after one epoch on few digits, trained when it is asked for first; one epoch, so that it is the
    best and the last."""
    home = tmp_path_factory.mktemp("trained")

    @cache
    def train(method: str) -> Path:
        config = RunConfig.parse(
            {
                "data": {"name": "digits", "per_class": 20},
                "encoder": {"width": 8},
                "method": {"name": method} | OPTIONS.get(method, {}),
                "training": {"epochs": 1, "seed": 3, "device": "cpu"},
            }
        )
        run = create_run(config, home=home)
        train_run(run.path)
        return run.path

    return train


@pytest.fixture
def have(home: Path, trained: Callable[[str], Path]) -> Callable[[str], Run]:
    """A copy of a trained run in this test's home."""

    def copy(method: str = "lwal") -> Run:
        folder = trained(method)
        target = home / "runs" / folder.name
        if not target.exists():
            shutil.copytree(folder, target)
        return open_run(target.name)

    return copy


@pytest.fixture(autouse=True)
def no_server_is_left(home: Path) -> Iterator[None]:
    """A server of a test leaves with it."""
    yield
    if (home / "inference" / SOCKET).exists():
        stop()
