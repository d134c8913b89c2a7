"""A run that was really trained, once for all tests here; and no server outlives its test."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lwal_core.config import RunConfig
from lwal_core.inference import stop
from lwal_core.inference.socket_path import SOCKET
from lwal_core.runs import Run, create_run, open_run
from lwal_core.training.loop import train_run

OPTIONS = {"lwal": {"dim": "16"}, "hybrid": {"head": "cosine", "branch_dim": "16"}}


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Folders of runs after one epoch on few digits, by method; one epoch, so that it is the best and the last."""
    home = tmp_path_factory.mktemp("trained")
    folders = {}
    for method in ("lwal", "onehot", "cosine", "hybrid", "nonl", "supcon"):
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
        folders[method] = run.path
    return folders


@pytest.fixture
def have(home: Path, trained: dict[str, Path]) -> Callable[[str], Run]:
    """A copy of a trained run in this test's home."""

    def copy(method: str = "lwal") -> Run:
        target = home / "runs" / trained[method].name
        if not target.exists():
            shutil.copytree(trained[method], target)
        return open_run(target.name)

    return copy


@pytest.fixture(autouse=True)
def no_server_is_left(home: Path) -> Iterator[None]:
    """A server of a test leaves with it."""
    yield
    if (home / "inference" / SOCKET).exists():
        stop()
