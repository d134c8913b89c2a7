"""A model hub played by a server of this machine, as the hub's own documentation says that it answers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler

import numpy as np
from safetensors.numpy import save

from tests.support.local_server import serving

COMMIT = "0123456789abcdef0123456789abcdef01234567"
TABLE = b"name,x,y\ncat,0,1\ndog,1,0\ncar,5,5\n"
WEIGHTS = save({"fc.weight": np.arange(12, dtype=np.float32).reshape(4, 3)})


@dataclass
class Hub:
    """Its address, its files, and what it was asked for; ``answers`` takes the place of what it would say."""

    host: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    answers: dict[str, tuple[int, dict[str, str], bytes]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    page: int = 1_000

    def entries(self) -> list[dict[str, object]]:
        found: list[dict[str, object]] = [{"type": "directory", "oid": "0" * 40, "size": 0, "path": "sub"}]
        for path, data in self.files.items():
            git = hashlib.sha1(f"blob {len(data)}\0".encode() + data).hexdigest()
            entry: dict[str, object] = {"type": "file", "oid": git, "size": len(data), "path": path}
            if path.endswith(".safetensors"):
                entry["lfs"] = {"oid": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 130}
            found.append(entry)
        return found

    def answer(self, path: str) -> tuple[int, dict[str, str], bytes]:
        self.asked.append(path)
        if path in self.answers:
            return self.answers[path]
        base = "/api/models/org/repo"
        if path in (f"{base}/revision/main", f"{base}/revision/v1"):
            return 200, {}, json.dumps({"id": "org/repo", "sha": COMMIT}).encode()
        if path.startswith(f"{base}/tree/{COMMIT}?recursive=true"):
            start = int(path.partition("&cursor=")[2] or 0)
            entries, link = self.entries(), {}
            if start + self.page < len(entries):
                link = {
                    "Link": f'<http://{self.host}{base}/tree/{COMMIT}?recursive=true&cursor={start + self.page}>; rel="next"'
                }
            return 200, link, json.dumps(entries[start : start + self.page]).encode()
        resolve, content = f"/org/repo/resolve/{COMMIT}/", "/content/"
        if path.startswith(resolve):  # what is large lies elsewhere
            name = path.removeprefix(resolve)
            return (
                (302, {"Location": content + name}, b"")
                if name.endswith(".safetensors")
                else (200, {}, self.files[name])
            )
        if path.startswith(content):
            return 200, {}, self.files[path.removeprefix(content)]
        return 404, {}, b""


@contextmanager
def played_hub() -> Iterator[Hub]:
    """A running one with a table, a checkpoint and files that nobody reads."""
    state = Hub(files={"vectors.csv": TABLE, "sub/model.safetensors": WEIGHTS, "README.md": b"# x", "run.zip": b"PK"})

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, headers, body = state.answer(self.path)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            if "Content-Length" not in headers:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments: object) -> None:
            pass

    with serving(Handler) as port:
        state.host = f"127.0.0.1:{port}"
        yield state
