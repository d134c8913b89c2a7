"""The app as somebody meets it: a server of its own on a free port, Chromium, and how one knows that a page is painted.

For programs that look at pages; the tests of ``tests/browser`` have fixtures of their own.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

ROOT = Path(__file__).resolve().parents[1]
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)
NAMES_OFF = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
"""No host but this machine can be found, so that a page which needs another one fails."""
ARGUMENTS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
    NAMES_OFF,
)  # fmt: skip
PATIENCE_MS = 300_000
PATIENCE_SECONDS = 180

PAINTED = """figures => {
  const all = what => [...document.querySelectorAll(`[data-testid="${what}"]`)];
  if (document.querySelector('[data-testid="stApp"]')?.dataset.testScriptState !== 'notRunning') return false;
  if (all('stSkeleton').length || all('stSpinner').length) return false;
  const charts = all('stPlotlyChart');
  return charts.length >= figures
    && charts.every(chart => chart.querySelector('.main-svg .trace, .main-svg .hm, canvas'))
    && all('stDataFrame').every(table => table.querySelector('canvas'))
    && [...document.images].every(image => image.complete);
}"""
"""Whether the script has run, nothing is being loaded, and all figures, tables and pictures are drawn."""


def painted(page: Page, figures: int = 0) -> None:
    """Wait until a page is painted.

    Args:
        page: The page.
        figures: How many figures it must have.

    Raises:
        RuntimeError: The page shows an error that nobody foresaw.
    """
    page.wait_for_function(PAINTED, arg=figures, polling=20, timeout=PATIENCE_MS)
    problem = page.locator('[data-testid="stException"]')
    if problem.count():
        raise RuntimeError(f"{page.url} shows an error: {problem.first.inner_text()[:300]}")


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser without a window that finds no host but this machine."""
    from playwright.sync_api import sync_playwright

    if CHROMIUM is None:
        raise SystemExit(f"No browser is installed: one of {', '.join(CHROMIUM_NAMES)} is needed.")
    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=[*ARGUMENTS, "--hide-scrollbars"])
        yield browser
        browser.close()


@contextmanager
def served(home: Path, *, port: int = 0, worker: bool = True, script: Path | None = None) -> Iterator[str]:
    """``lwal serve`` on a home, or Streamlit with a script, until the block ends; gives the address.

    Args:
        home: Folder of the runs.
        port: Port to listen on; 0 takes a free one.
        worker: Whether it trains, too.
        script: What Streamlit runs in place of the app.

    Raises:
        RuntimeError: It ended or did not answer.
    """
    if not port:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
    environment = {**os.environ, "LWAL_HOME": str(home), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "lwal_core.cli", "serve", "--port", str(port)]
    command.append("--worker" if worker else "--no-worker")
    if script is not None:
        command = [
            sys.executable,
            "-m",
            "streamlit",
            "run",
            str(script),
            f"--server.port={port}",
            "--server.headless=true",
        ]
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_for(f"{address}/_stcore/health", process)
        yield address
    finally:
        process.terminate()
        process.wait(60)


def _wait_for(address: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            with urllib.request.urlopen(address, timeout=2):
                return
        except OSError as error:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"The app does not answer at {address}; `lwal serve` says why.") from error
            time.sleep(0.1)
