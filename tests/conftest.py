"""Fixtures that every test may use: a home of its own, and small finished runs written by the real writer."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from lwal_core.runs import Run
from tests.support.runs import write_run
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


def pytest_collection_finish() -> None:
    """Streamlit looks through all installed packages for components whenever an app starts, which takes longer than most
    pages: those of this process are the same for all tests."""
    if "streamlit" in sys.modules:
        from streamlit.components.v2 import manifest_scanner

        manifest_scanner.scan_component_manifests = cache(manifest_scanner.scan_component_manifests)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder that only this test sees."""
    folder = tmp_path / "home"
    monkeypatch.setenv("LWAL_HOME", str(folder))
    monkeypatch.delenv("LWAL_SLOTS", raising=False)
    monkeypatch.delenv("LWAL_CACHE_MB", raising=False)
    if "app.common.sign_in" in sys.modules:  # a sign-in that was configured once stays so until the process ends
        monkeypatch.setattr("app.common.sign_in._wanted", False)
    if "streamlit" in sys.modules:  # UMAP takes seconds to load; what it shows at first has tests of its own
        monkeypatch.setattr("app.embeddings.toolbar.FIRST", "pca")
    monkeypatch.setenv("LWAL_LAYOUTS_AHEAD", "0")  # no process may outlive the test that trained something
    return folder


@pytest.fixture
def make_run(home: Path) -> Callable[..., Run]:
    """Write runs into this test's home, see :func:`write_run`."""
    return write_run
