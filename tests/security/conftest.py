"""Hostile inputs find a home, a folder to lie in, and a folder for temporary files, all of this test alone."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import psutil
import pytest

from tests.security.making import CANARY
from tests.support.raw_client import ask

ROOT = Path(__file__).resolve().parents[2]


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


class Served(NamedTuple):
    """A running app.

    Attributes:
        port: Where it listens on 127.0.0.1.
        pid: Its process, to be measured.
        home: Its home.
        log: What it said.
        outside: What it asked other hosts for, as a proxy heard it that answers nothing.
    """

    port: int
    pid: int
    home: Path
    log: Path
    outside: list[bytes]


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One app for all tests that need a real server: no sign-in, uploads up to 200 MB, one name more than its own."""
    with _running(tmp_path_factory.mktemp("served"), ["-m", "lwal_core.cli", "serve", "--no-worker", "--port"]) as app:
        yield app


@pytest.fixture
def forgetful(tmp_path: Path) -> Iterator[Served]:
    """An app that takes files of 40 MB and keeps those of a closed page for one second only."""
    entry = str(Path(__file__).with_name("short_grace.py"))
    options = ["--server.headless=true", "--server.address=127.0.0.1", "--server.maxUploadSize=40", "--server.port"]
    with _running(tmp_path, ["-m", "streamlit", "run", entry, *options], LWAL_MAX_UPLOAD_MB="40") as app:
        yield app


@contextmanager
def _running(folder: Path, arguments: list[str], **more: str) -> Iterator[Served]:
    """A server until the block ends, with more of an environment; its port is the last of its arguments."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    environment = {k: v for k, v in os.environ.items() if not k.startswith("LWAL_")}
    proxy, outside = socket.create_server(("127.0.0.1", 0)), list[bytes]()
    threading.Thread(target=_listen, args=(proxy, outside), daemon=True).start()
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        environment |= dict.fromkeys((name, name.upper()), f"http://127.0.0.1:{proxy.getsockname()[1]}")
    environment |= {
        "no_proxy": "",
        "NO_PROXY": "",
        "LWAL_HOME": str(folder / "home"),
        "PYTHONPATH": str(ROOT),
        "LWAL_HOSTS": "lwal.example.org",
        **more,
    }
    command = [sys.executable, *arguments, str(port)]
    with open(folder / "log", "wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 90
        while True:
            try:
                if ask(port, "/_stcore/health", timeout=2).status == 200:
                    break
            except OSError:
                assert process.poll() is None and time.monotonic() < deadline, (folder / "log").read_text()
            time.sleep(0.2)
        started = psutil.Process(process.pid)
        (app,) = [each.pid for each in (started, *started.children(recursive=True)) if "streamlit" in each.cmdline()]
        yield Served(port, app, folder / "home", folder / "log", outside)
    finally:
        process.terminate()
        process.wait(45)
        proxy.close()


def _listen(proxy: socket.socket, heard: list[bytes]) -> None:
    held = []  # a connection that is closed would be an answer
    with suppress(OSError):
        while True:
            held.append(proxy.accept()[0])
            held[-1].settimeout(2)
            with suppress(OSError):
                heard.append(held[-1].recv(200))
