"""Fixtures that every test may use: a home of its own, and small finished runs written by the real writer."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

from lwal_core.config import RunConfig
from lwal_core.runs import Run, RunWriter, create_run, open_run
from lwal_core.runs.record import DataInfo
from tests.support.tiers import mark_tiers

# A busy machine makes tests slow, not wrong; every test has a home of its own, which all examples of hypothesis share.
settings.register_profile(
    "tests", deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
settings.load_profile("tests")


@pytest.hookimpl(tryfirst=True)  # before tests are chosen by their markers
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test is of one tier."""
    mark_tiers(items)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder that only this test sees."""
    folder = tmp_path / "home"
    monkeypatch.setenv("LWAL_HOME", str(folder))
    monkeypatch.delenv("LWAL_SLOTS", raising=False)
    monkeypatch.delenv("LWAL_CACHE_MB", raising=False)
    if "app.common.sign_in" in sys.modules:  # a sign-in that was configured once stays so until the process ends
        monkeypatch.setattr("app.common.sign_in._wanted", False)
    monkeypatch.setenv("LWAL_LAYOUTS_AHEAD", "0")  # no process may outlive the test that trained something
    return folder


@pytest.fixture
def make_run(home: Path) -> Callable[..., Run]:
    """Write a run as training would, from random vectors in groups, without training."""

    def make(
        method: str = "lwal",
        *,
        seed: int = 12,
        classes: int = 10,
        epochs: int = 3,
        dim: int = 8,
        status: str = "done",
        name: str = "",
        class_names: list[str] | None = None,
        accuracy: float = 0.95,
        images: bool = True,
        **config: Any,
    ) -> Run:
        values = {"method": {"name": method}, "training": {"epochs": epochs, "seed": seed}, **config}
        run = create_run(RunConfig.parse(values), name=name)
        writer = RunWriter(run.path)
        names = class_names or [f"class {i}" for i in range(classes)]
        classes = len(names)
        generator = np.random.default_rng(seed)
        count = max(2 * classes, 40)
        facts = DataInfo(
            fingerprint="0" * 64,
            kind="images",
            input_shape=[1, 8, 8],
            train_size=4 * count,
            test_size=count,
            taxonomy=None,
        )
        writer.update(data=facts, class_names=names, label_dim=dim, parameters=1_000, batches_per_epoch=5, device="cpu")
        start, end = (
            np.eye(classes, dim),
            generator.normal(size=(classes, dim)) + 3 * (np.arange(classes) // 2)[:, None],
        )
        for epoch in range(epochs + 1):
            share = epoch / max(epochs, 1)
            vectors = (1 - share) * start + share * end
            writer.labels(epoch, vectors, vectors + 0.01)
            row: dict[str, float | int] = {
                "epoch": epoch,
                "step": 5 * epoch,
                "samples": 4 * count * epoch,
                "seconds": 0.5 * epoch,
            }
            if epoch:
                row |= {"loss": 1 / epoch, "pull": 0.9 / epoch, "push": 0.01 / epoch, "learning_rate": 1e-3}
            for split in ("train", "test"):
                for predictor in ("mean", "own"):
                    row[f"{split}_accuracy_{predictor}"] = accuracy * (0.5 + 0.5 * share)
            writer.metrics(row)
        y = np.arange(count) % classes
        pred = np.where(generator.random(count) < accuracy, y, (y + 1) % classes)
        confusion = np.zeros((classes, classes), dtype=np.int64)
        np.add.at(confusion, (y, pred), 1)
        z = end[y] + 0.3 * generator.normal(size=(count, dim))
        writer.evaluation(epochs, z, y, pred, confusion)
        if images:
            writer.samples(
                generator.integers(0, 255, (2 * classes, 16, 16, 3), dtype=np.uint8), np.arange(2 * classes) // 2
            )
        writer.update(best_epoch=epochs)
        if status != "queued":
            writer.move_to(status)  # type: ignore[arg-type]
        return open_run(run.id)

    return make
