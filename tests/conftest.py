"""Fixtures that every test may use: a home of its own, and small finished runs written by the real writer."""

from __future__ import annotations

import gc
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
    """Modules stay, so that no search for garbage need look at them. Streamlit looks through all installed packages for
    components whenever an app starts, which takes longer than most pages: those of this process are the same for all tests."""
    gc.collect()
    gc.freeze()
    if "streamlit" in sys.modules:
        from streamlit.components.v2 import manifest_scanner
        from streamlit.testing.v1 import app_test, local_script_runner

        from tests.support.compiled_scripts import CompiledScripts

        manifest_scanner.scan_component_manifests = cache(manifest_scanner.scan_component_manifests)
        for module in (app_test, local_script_runner):
            module.ScriptCache = CompiledScripts  # type: ignore[misc,assignment]


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


@pytest.fixture
def lwal(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Runs a command of the command line in this process, and gives its exit code, standard output and standard error."""
    from lwal_core.cli.main import main

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["lwal", *arguments])
        capfd.readouterr()
        with pytest.raises(SystemExit) as stopped:
            main()
        said = capfd.readouterr()
        return int(stopped.value.code or 0), said.out, said.err

    return run
