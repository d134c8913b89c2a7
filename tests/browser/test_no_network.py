"""Without a network: the app and the browser where nothing but this machine can be reached, and every page draws, and can be read
by everybody in the light theme."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Error, Page, Playwright

from app.common.pages import FIGURES
from tests.browser.axe import check_readable
from tests.browser.conftest import ROOT, drawn, foreign, write_library
from tools.browser import ARGUMENTS, CHROMIUM, NAMES_OFF

PORT = 8501
"""Nobody else is in the namespace, so no port is taken."""


def test_names_of_other_hosts_are_not_found(browser: Browser) -> None:
    page = browser.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    with pytest.raises(Error, match="ERR_NAME_NOT_RESOLVED"):
        page.goto("http://example.org/")
    page.close()
    assert [foreign(url) for url in asked] == [True]


def _cut_off(*command: str) -> list[str]:
    """A command in a network namespace of its own, where only the loopback is up."""
    return ["unshare", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh", *command]


@cache
def can_be_cut_off() -> bool:
    """Whether this user may make a network namespace."""
    if not all(map(shutil.which, ("unshare", "nsenter", "ip"))):
        return False
    return subprocess.run(_cut_off("true"), capture_output=True, timeout=30).returncode == 0


def _answers(page: Page) -> bool:
    try:
        page.goto(f"http://127.0.0.1:{PORT}/_stcore/health")
    except Error:
        return False
    return True


def _wait(until: Callable[[], bool], log: Callable[[], str] = str) -> None:
    deadline = time.monotonic() + 90
    while not until():
        assert time.monotonic() < deadline, log()
        time.sleep(0.2)


@pytest.mark.skipif(not can_be_cut_off(), reason="a network namespace needs root, unshare, nsenter and ip")
def test_every_page_draws_without_a_network(playwright: Playwright, home: Path, tmp_path: Path) -> None:
    write_library()
    environment = {**os.environ, "LWAL_HOME": str(home), "PYTHONPATH": str(ROOT)}
    command = _cut_off(sys.executable, "-m", "lwal_core.cli", "serve", "--port", str(PORT))
    with open(tmp_path / "app.log", "wb") as log:
        server = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
    beside = tmp_path / "chromium"
    beside.write_text(f'#!/bin/sh\nexec nsenter --net=/proc/{server.pid}/ns/net {CHROMIUM} "$@"\n')
    beside.chmod(0o755)
    try:
        _wait(lambda: os.readlink(f"/proc/{server.pid}/ns/net") != os.readlink("/proc/self/ns/net"))
        arguments = [argument for argument in ARGUMENTS if argument != NAMES_OFF]  # the namespace alone shall do it
        browser = playwright.chromium.launch(executable_path=beside, args=arguments)
        page = browser.new_page(reduced_motion="reduce", color_scheme="light", viewport={"width": 1400, "height": 900})
        page.set_default_timeout(120_000)
        with pytest.raises(Error, match=r"ERR_(INTERNET_DISCONNECTED|ADDRESS_UNREACHABLE)"):
            page.goto("http://192.0.2.1/")  # an address that documentation uses, without a name to be looked up
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.on("websocket", lambda socket: asked.append(socket.url))
        _wait(lambda: _answers(page), (tmp_path / "app.log").read_text)
        for path in FIGURES:
            page.goto(f"http://127.0.0.1:{PORT}/{path}")
            drawn(page, path)
            check_readable(page, path or "home")
        browser.close()
    finally:
        server.terminate()
        server.wait(45)
    assert asked and not [url for url in asked if foreign(url)]
