"""What the doors of the server cost: the same requests to the app with and without its middleware, in turn.

Usage: ``.venv/bin/python benchmarks/doors.py [--rounds 10] [--requests 500]``. Starts Streamlit twice on an empty home, once as
``lwal serve`` does and once with ``app/main.py`` alone, and asks both for the same, round by round. Processor time of the two
processes is compared, which other work on the machine hardly changes; the clock is shown beside it. Budget: 1 ms per request.
"""

from __future__ import annotations

import argparse
import http.client
import os
import platform
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import psutil

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
BUDGET_MS = 1.0


class App(NamedTuple):
    """A running app: where it listens, and its process."""

    port: int
    process: psutil.Process


def main() -> int:
    """Print the figures; exit code 1 when the budget is broken."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--requests", type=int, default=500, help="per round and app")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        bare = Path(folder) / "bare.py"
        bare.write_text(f"import streamlit as st\n\napp = st.App({str(ROOT / 'app' / 'main.py')!r})\n")
        started: list[subprocess.Popen[bytes]] = []
        try:
            apps = [_start(entry, Path(folder), started) for entry in (ROOT / "app" / "server.py", bare)]
            kept = True
            print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, Python {platform.python_version()}; "
                  f"{options.rounds} rounds of {options.requests} requests")  # fmt: skip
            print(f"{'ms per request':24}{'with':>9}{'without':>9}{'added':>9}{'+-':>7}   clock: {'added':>7}")
            for name, ask in _requests():
                kept &= _compare(name, ask, apps, options.rounds, options.requests)
        finally:
            for process in started:
                process.terminate()
                process.wait(30)
    print(f"budget: {BUDGET_MS:g} ms of processor time per request {'kept' if kept else 'broken'}")
    return 0 if kept else 1


def _requests() -> list[tuple[str, Callable[[int, int], None]]]:
    """Kinds of requests: their name, and what asks a port for so many of them."""
    import streamlit

    scripts = Path(streamlit.__file__).parent / "static" / "static" / "js"
    script = next(path.name for path in sorted(scripts.iterdir()) if 20_000 < path.stat().st_size < 60_000)
    browser = {"Accept": "text/html"}
    return [
        ("health", lambda port, n: _get(port, n, "/_stcore/health", {})),
        ("the document", lambda port, n: _get(port, n, "/", browser)),
        ("a script", lambda port, n: _get(port, n, f"/static/js/{script}", {})),
        ("a page's message", _messages),
    ]


def _get(port: int, count: int, path: str, headers: dict[str, str]) -> None:
    for _ in range(count):  # a connection each: on one that is kept, half of the answers wait 40 ms for TCP
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        answer.read()
        connection.close()
        assert answer.status == 200, (path, answer.status)


def _messages(port: int, count: int) -> None:
    """A message that costs Streamlit next to nothing, and its answer; the first page of the session is drawn once for all."""
    from streamlit.proto.BackMsg_pb2 import BackMsg

    from tests.support.raw_client import session

    with session(port) as opened:
        for _ in range(count):
            opened.send(BackMsg(app_heartbeat=True))
            opened.read_until("heartbeat_ack")


def _compare(name: str, ask: Callable[[int, int], None], apps: list[App], rounds: int, requests: int) -> bool:
    """One line; whether the budget is kept."""
    for app in apps:
        ask(app.port, max(requests // 5, 1))  # what the first ones load
    used = np.zeros((rounds, 2, 2))  # round, app, processor and clock
    for i in range(rounds):
        for at in (0, 1) if i % 2 else (1, 0):
            before, start = sum(apps[at].process.cpu_times()[:2]), time.monotonic()
            ask(apps[at].port, requests)
            used[i, at] = sum(apps[at].process.cpu_times()[:2]) - before, time.monotonic() - start
    ms = 1000 * used / requests
    added = ms[:, 0] - ms[:, 1]
    error = added[:, 0].std(ddof=1) / np.sqrt(rounds) if rounds > 1 else float("nan")
    mean = ms[:, :, 0].mean(axis=0)
    print(
        f"{name:24}{mean[0]:9.3f}{mean[1]:9.3f}{added[:, 0].mean():+9.3f}{error:7.3f}   {np.median(added[:, 1]):+14.3f}"
    )
    return bool(added[:, 0].mean() <= BUDGET_MS)


def _start(entry: Path, folder: Path, started: list[subprocess.Popen[bytes]]) -> App:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    environment = {k: v for k, v in os.environ.items() if not k.startswith("LWAL_")}
    environment |= {"LWAL_HOME": str(folder / "home"), "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [
        sys.executable,
        "-m",
        "streamlit",
        "run",
        str(entry),
        f"--server.port={port}",
        "--server.address=127.0.0.1",
    ]
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    started.append(process)
    deadline = time.monotonic() + 120
    while True:
        try:
            _get(port, 1, "/_stcore/health", {})
            return App(port, psutil.Process(process.pid))
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise
            time.sleep(0.3)


if __name__ == "__main__":
    sys.exit(main())
