"""A client that sends what no browser would: any name, any origin, any message, and uploads of its own."""

from __future__ import annotations

import base64
import http.client
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.web.server.starlette.starlette_app_utils import generate_xsrf_token_string
from websockets.sync.client import ClientConnection, connect


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes


def ask(port: int, path: str, *, method: str = "GET", body: bytes = b"", timeout: float = 30, **headers: str) -> Answer:
    """One request; names of headers with ``_`` for ``-``. Status 0: the server closed the connection before its answer
    was read, as it may where it refuses what is being sent."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        connection.putrequest(method, path, skip_host="Host" in given)
        if method not in ("GET", "HEAD"):
            given.setdefault("Content-Length", str(len(body)))
        for name, value in given.items():
            connection.putheader(name, value)
        connection.endheaders()
        with suppress(OSError):  # refused before it was sent to its end
            connection.send(body)
        try:
            answer = connection.getresponse()
            body = answer.read()
        except http.client.IncompleteRead as cut:  # reset while the rest of it was on its way
            body = cut.partial
        except ConnectionResetError:
            return Answer(0, {}, b"")
        return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, body)
    finally:
        connection.close()


def process_answers(port: int, number: int) -> bool:
    """Whether one of several app processes answers: the cookie that names it is not replaced."""
    answer = ask(port, "/", Accept="text/html", Cookie=f"lwal_process_{port}={number}")
    return answer.status == 200 and "set-cookie" not in answer.headers


def handshake(port: int, *, host: str = "", origin: str | None = None, path: str = "/_stcore/stream") -> int:
    """Status of an attempt to open a session: 101 when it is open."""
    lines = [
        f"GET {path} HTTP/1.1", f"Host: {host or f'127.0.0.1:{port}'}", "Upgrade: websocket", "Connection: Upgrade",
        f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}", "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Protocol: streamlit",
    ]  # fmt: skip
    lines += [] if origin is None else [f"Origin: {origin}"]
    with socket.create_connection(("127.0.0.1", port), timeout=30) as opened:
        opened.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        return int(opened.recv(64).split()[1])


class Session:
    """An open session: its connection, its id, and what the app said so far."""

    def __init__(self, port: int, connection: ClientConnection, cookie: str = "") -> None:
        self.port, self.connection, self.cookie = port, connection, cookie
        self.id = ""
        self.said: list[ForwardMsg] = []

    def send(self, message: BackMsg) -> None:
        self.connection.send(message.SerializeToString())

    def run(self, query: str = "", seconds: float = 60) -> None:
        """Have the page drawn, and read until it is."""
        message = BackMsg()
        message.rerun_script.query_string = query
        self.send(message)
        self.read_until("script_finished", seconds)

    def read_until(self, kind: str, seconds: float = 60) -> ForwardMsg:
        while True:
            data = self.connection.recv(timeout=seconds)
            assert isinstance(data, bytes)
            self.said.append(ForwardMsg.FromString(data))
            found = self.said[-1]
            if found.WhichOneof("type") == "new_session":
                self.id = found.new_session.initialize.session_id
            if found.WhichOneof("type") == kind:
                return found

    def upload(self, content: bytes, name: str = "one", **headers: str) -> Answer:
        return upload(self.port, self.id, content, name, self.cookie, **headers)


@contextmanager
def session(port: int, query: str = "", cookie: str = "") -> Iterator[Session]:
    """Open a session and draw its first page; ``cookie`` (``name=value``) is sent with whatever it asks for."""
    uri = f"ws://127.0.0.1:{port}/_stcore/stream"
    more = {"Cookie": cookie} if cookie else {}
    with connect(  # type: ignore[call-overload]
        uri, subprotocols=["streamlit"], max_size=None, origin=f"http://127.0.0.1:{port}", additional_headers=more
    ) as connection:
        opened = Session(port, connection, cookie)
        opened.run(query)
        yield opened


def upload(port: int, session_id: str, content: bytes, name: str = "one", cookie: str = "", **headers: str) -> Answer:
    """Put a file into a session, with a pair of XSRF tokens of one's own making."""
    token = generate_xsrf_token_string()
    cookies = "; ".join(filter(None, [f"_streamlit_xsrf={token}", cookie]))
    boundary = "b0undary"
    body = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'.encode()
        + content + f"\r\n--{boundary}--\r\n".encode()
    )  # fmt: skip
    return ask(
        port, f"/_stcore/upload_file/{session_id}/{name}", method="PUT", body=body, Cookie=cookies,
        X_Xsrftoken=token, Content_Type=f"multipart/form-data; boundary={boundary}", **headers,
    )  # fmt: skip
