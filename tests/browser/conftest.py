"""The app as a person meets it: a real server on a free port, driven by Chromium."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, Playwright, expect, sync_playwright

from app.common.pages import FIGURES
from lwal_core.runs.paths import make_home
from tests.browser.reader import Reader
from tests.support.raw_client import process_answers
from tests.support.runs import write_run
from tools.browser import ARGUMENTS, CHROMIUM

ROOT = Path(__file__).resolve().parents[2]
expect.set_options(timeout=30_000)  # ms: a busy machine draws a page slowly
LONGEST = ("test_training_service", "test_sign_in", "test_main_path", "test_try_image")
"""Files whose tests take longest: they begin, so that no worker is left with one when the others have nothing to do."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest tests first."""
    items.sort(key=lambda item: item.path.stem not in LONGEST)


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    if CHROMIUM is None:
        if os.environ.get("CI"):
            pytest.fail("Chromium is not installed")
        pytest.skip("Chromium is not installed")
    with sync_playwright() as started:  # one per process
        yield started


@pytest.fixture(scope="session")
def browser(playwright: Playwright) -> Iterator[Browser]:
    found = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
    yield found
    found.close()


class Server:
    """``lwal serve`` on a home, and where it answers.

    Args:
        home: Folder of the runs.
        log: File that it writes to.
        port: Port of one's own choice; 0 takes a free one.
        worker: Whether it trains, too.
        more: More of an environment.

    Raises:
        AssertionError: It ended or did not answer.
    """

    def __init__(self, home: Path, log: Path, port: int = 0, worker: bool = False, **more: str) -> None:
        with socket.socket() as probe:
            probe.setsockopt(
                socket.SOL_SOCKET, socket.SO_REUSEADDR, 1
            )  # a server just ended there, as for the app itself
            probe.bind(("127.0.0.1", port))
            port = probe.getsockname()[1]
        self.address = f"http://127.0.0.1:{port}"
        environment = {**os.environ, "LWAL_HOME": str(home), "PYTHONPATH": str(ROOT), **more}
        command = [sys.executable, "-m", "lwal_core.cli", "serve", "--port", str(port)]
        command.append("--worker" if worker else "--no-worker")
        with log.open("wb") as file:
            self._process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=file, stderr=file)
        base = more.get("STREAMLIT_SERVER_BASE_URL_PATH", "")
        deadline = time.monotonic() + 90
        while True:
            try:
                with urllib.request.urlopen(f"{self.address}/{base}{'/' if base else ''}_stcore/health", timeout=2):
                    break
            except OSError:
                assert self._process.poll() is None, log.read_text()
                assert time.monotonic() < deadline, "the app did not answer"
                time.sleep(0.2)
        several = int(more.get("LWAL_PROCESSES", "1"))
        while several > 1 and not all(process_answers(port, number) for number in range(1, several + 1)):
            assert time.monotonic() < deadline, "not all app processes answered"
            time.sleep(0.2)

    def end(self) -> None:
        """Ask it to end, and wait; a training ends after its current batch."""
        self._process.terminate()
        self._process.wait(45)


@pytest.fixture(scope="session")
def kept_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the homes of the tests of this process lie, one after the other."""
    return tmp_path_factory.mktemp("kept") / "home"


@pytest.fixture(autouse=True)
def home(home: Path, kept_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A new home that only this test sees, where the app that is kept looks for one."""
    if kept_home.exists():
        kept_home.rename(tmp_path / "before")  # at once, whatever a process still writes there
        shutil.rmtree(tmp_path / "before", ignore_errors=True)
    monkeypatch.setenv("LWAL_HOME", str(make_home(kept_home)))
    return kept_home


@pytest.fixture(scope="session")
def kept_app(kept_home: Path) -> Iterator[Callable[[], str]]:
    """Address of an app without a worker, which is started once: to start one and to open its first page takes longer than
    most tests."""
    servers: list[Server] = []

    def address() -> str:
        if not servers:
            servers.append(Server(kept_home, kept_home.with_name("app.log"), LWAL_LAYOUTS_AHEAD="0"))
        return servers[0].address

    yield address
    for server in servers:
        server.end()


@pytest.fixture(scope="session")
def port() -> int:
    """Where the apps of single tests listen, one after the other: what a browser has read of one it needs not read again."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def serve(home: Path, kept_app: Callable[[], str], tmp_path: Path, port: int) -> Iterator[Callable[..., str]]:
    """Address of the app on this test's home: of the one that is kept, or with a worker or more of an environment of one that
    ends with the test."""
    servers: list[Server] = []

    def start(worker: bool = False, **more: str) -> str:
        if not worker and not more:
            return kept_app()
        servers.append(Server(home, tmp_path / "app.log", port, worker, **more))
        return servers[-1].address

    yield start
    for server in servers:
        server.end()


BEST = {"One-hot": 0.9, "LwAL": 0.95}
"""Accuracy that the runs of :func:`library` reach, by method; they climb evenly from half of it."""
EPOCHS = 6
"""Epochs of the runs of :func:`library`."""


def write_library() -> None:
    """Write the runs of :func:`library` into the home of this moment."""
    for seed in (12, 123):
        write_run("onehot", seed=seed, accuracy=BEST["One-hot"], epochs=EPOCHS)
        write_run("lwal", seed=seed, accuracy=BEST["LwAL"], epochs=EPOCHS)


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Address of an app for tests that change no file: two seeds of one-hot and of LwAL, the newest is LwAL's."""
    folder = tmp_path_factory.mktemp("library")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LWAL_HOME", str(folder / "home"))
        patch.setenv("LWAL_LAYOUTS_AHEAD", "0")
        write_library()
        server = Server(folder / "home", folder / "app.log")
    yield server.address
    server.end()


@pytest.fixture(scope="session")
def reader(browser: Browser) -> Reader:
    """Whoever reads the pages."""
    return Reader(browser)


@pytest.fixture(scope="session")
def other_reader(browser: Browser) -> Reader:
    """Somebody else, who shares no cookie with the first."""
    return Reader(browser)


@pytest.fixture
def page(reader: Reader) -> Iterator[Page]:
    """A new window; whatever it logs as an error or asks of another host fails the test."""
    with reader.reading() as window:
        yield window
    assert not [url for url in reader.asked if foreign(url)]
    assert not reader.errors


@pytest.fixture
def other_page(other_reader: Reader) -> Iterator[Page]:
    """A new window of somebody else, who may find a page missing."""
    with other_reader.reading() as window:
        yield window
    assert not [url for url in other_reader.asked if foreign(url)]


def settled(page: Page) -> None:
    """Wait until the script has run and nothing is being loaded."""
    page.wait_for_selector('[data-testid="stApp"][data-test-script-state="notRunning"]')
    expect(page.locator('[data-testid="stSkeleton"]')).to_have_count(0)
    expect(page.locator('[data-testid="stException"]')).to_have_count(0)


def drawn(page: Page, path: str) -> None:
    """Wait until a page, opened by its path, has settled and its figures are painted."""
    settled(page)
    figures = page.locator(".js-plotly-plot .main-svg .trace")
    for i in range(FIGURES[path]):
        figures.nth(i).wait_for(state="attached")


def foreign(url: str) -> bool:
    """Whether a request goes to another host than this machine."""
    return url.startswith(("http", "ws")) and urlsplit(url).hostname != "127.0.0.1"


def quick_look(page: Page) -> None:
    """Fill the training form in by its preset, and wait until it is."""
    preset = page.get_by_role("radio", name="Quick look")
    if not preset.is_visible():
        page.locator("summary").get_by_text("More", exact=True).click()
    preset.click()
    expect(page.get_by_role("button", name="Start 1 training")).to_be_visible()
    settled(page)
