"""A web server on this machine, for what would be downloaded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from http.server import SimpleHTTPRequestHandler
from pathlib import Path

import pytest

from tests.support.local_server import serving


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

    with serving(partial(Handler, directory=str(served))) as port:
        server.address = f"http://127.0.0.1:{port}"
        yield server
