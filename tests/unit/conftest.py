"""A web server on this machine, for what would be downloaded."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest


@dataclass
class WebServer:
    """Its address, the folder whose files it gives out, and the paths that it was asked for."""

    address: str
    folder: Path
    asked: list[str] = field(default_factory=list)


@pytest.fixture
def web_server(tmp_path: Path) -> Iterator[WebServer]:
    """A running server of an empty folder."""
    served = tmp_path / "served"
    served.mkdir()
    server = WebServer("", served)

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *args: object) -> None:
            if self.command == "GET":
                server.asked.append(self.path)

    running = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(served)))
    server.address = f"http://127.0.0.1:{running.server_port}"
    # Every 10 ms it looks whether to end; half a second by default, for which each test would wait.
    threading.Thread(target=running.serve_forever, args=(0.01,), daemon=True).start()
    yield server
    running.shutdown()
    running.server_close()
