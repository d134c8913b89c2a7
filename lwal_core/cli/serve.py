"""``lwal serve``: the app in one process, or in several behind a reverse proxy, and a worker."""

from __future__ import annotations

import logging
import os
import sys
import threading
import time
import urllib.request
import webbrowser
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from lwal_core import __version__
from lwal_core.errors import LwalError
from lwal_core.security.permissions import read_only
from lwal_core.settings import check_settings, settings

MAX_PROCESSES = 64


def serve(
    port: Annotated[
        int | None, typer.Option(min=1, max=65_535, help="Port to listen on; LWAL_PORT, or 8501, when left out")
    ] = None,
    address: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 lets other machines in")] = "127.0.0.1",
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open a browser window")] = False,
    worker: Annotated[bool, typer.Option("--worker/--no-worker", help="Train what the queue holds, too")] = True,
    processes: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=MAX_PROCESSES,
            help="App processes behind this one address, for many people at once (needs HAProxy); LWAL_PROCESSES, or 1, when left out",
        ),
    ] = None,
) -> None:
    """Start the app and a worker in this terminal and print the address; Ctrl-C stops both. Trainings that run then
    go on from their checkpoints with the next start."""
    from lwal_core.jobs.service import run_together
    from lwal_core.runs import home
    from lwal_core.runs.home_folder import check_home
    from lwal_core.security.identity import SECRETS
    from lwal_core.system.addresses import browser_address, check_address
    from lwal_core.system.child_processes import WEB_ROOT, code_environment
    from lwal_core.system.log import event, set_up

    check_settings()
    port, processes = port or settings().port, processes or settings().processes
    if not read_only():
        check_home()
    entry = WEB_ROOT / "app" / "server.py"
    if not entry.is_file():
        raise LwalError(
            f"The app is not installed beside the library ({entry} is missing).", "Install the whole project."
        )
    # The home is fixed before the folder changes: Streamlit reads its configuration from the project's folder.
    environment = {**code_environment(), "LWAL_HOME": str(home())}
    if str(WEB_ROOT) not in environment["PYTHONPATH"].split(os.pathsep):
        environment["PYTHONPATH"] = os.pathsep.join([str(WEB_ROOT), environment["PYTHONPATH"]])
    secrets = settings().secrets
    if secrets and not secrets.is_file():
        raise LwalError(f"{SECRETS} names {str(secrets)!r}, and there is no such file.", "Nobody could sign in.")
    check_address(address, port)
    set_up()
    place = browser_address(address, port)
    run = [
        "run", str(entry), f"--server.port={port}", f"--server.address={address}",
        f"--server.headless={str(not browser or processes > 1).lower()}",
        f"--server.maxUploadSize={settings().max_upload_mb}",
        *([f"--secrets.files={secrets.resolve()}"] if secrets else []),
        "--logger.hideWelcomeMessage=true",  # its address of an IPv6 number does not open
    ]  # fmt: skip
    # An installation that changes nothing trains nothing.
    working = [sys.executable, "-m", "lwal_core.cli", "worker"] if worker and not read_only() else None

    def started() -> None:
        event(
            "server.started",
            f"LwAL Explorer: {place}   (runs in {home()}; Ctrl-C stops the app"
            + (" and the worker)" if working else ")"),
            version=__version__,
            address=address,
            port=port,
            processes=processes,
            worker=working is not None,
            read_only=read_only(),
        )

    def report(name: str, line: str) -> None:
        event(name, line, level=logging.ERROR)

    if processes > 1:
        code = _serve_several(
            address, port, processes, run, working, environment, started, report, place if browser else ""
        )
    else:
        started()
        code = run_together([sys.executable, "-m", "streamlit", *run], working, environment, WEB_ROOT, report)
    event("server.stopped", "The app has stopped.", code=code)
    if code:
        raise typer.Exit(code)


def _serve_several(
    address: str,
    port: int,
    processes: int,
    run: list[str],
    worker: list[str] | None,
    environment: dict[str, str],
    started: Callable[[], None],
    report: Callable[[str, str], None],
    open_at: str,
) -> int:
    from lwal_core.jobs.service import run_several
    from lwal_core.serving import ReverseProxy
    from lwal_core.system.addresses import BASE_PATH
    from lwal_core.system.child_processes import WEB_ROOT

    with ReverseProxy(address, port, processes, os.environ.get(BASE_PATH, "")) as proxy:
        started()
        if open_at:
            threading.Thread(target=_open_when_there, args=(open_at,), daemon=True).start()
        apps = [_app_process(socket, run) for socket in proxy.sockets]
        return run_several(apps, proxy.command, proxy.fd, worker, environment, WEB_ROOT, report)


def _app_process(socket: Path, run: list[str]) -> list[str]:
    return [sys.executable, "-m", "app.web.process", str(socket), *run]


def _open_when_there(address: str, seconds: float = 60.0) -> None:
    """Open a browser window once the app answers."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with suppress(OSError), urllib.request.urlopen(f"{address.rstrip('/')}/_stcore/health", timeout=5):
            webbrowser.open(address)
            return
        time.sleep(0.5)
