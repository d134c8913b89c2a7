"""The reverse proxy of ``lwal serve --processes``: a real HAProxy in front of small servers that say what they were asked."""

from __future__ import annotations

import json
import os
import shutil
import socket
import socketserver
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import psutil
import pytest

from lwal_core.errors import LwalError
from lwal_core.serving import ReverseProxy, find_haproxy
from lwal_core.serving.haproxy import STARTING, config_text
from tests.support.local_server import free_port
from tests.support.raw_client import Answer, ask

pytestmark = pytest.mark.process

FOUND = shutil.which("haproxy", path=f"{os.environ.get('PATH', '')}:/usr/sbin")


@pytest.fixture(autouse=True)
def installed() -> None:
    if FOUND is None and os.environ.get("CI"):
        pytest.fail("HAProxy is not installed (Debian's haproxy)")
    if FOUND is None:
        pytest.skip("HAProxy is not installed (Debian's haproxy)")


class Echo(BaseHTTPRequestHandler):
    """Answers with its number, and with the headers that it got."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        headers = [(name.lower(), value) for name, value in self.headers.items()]
        body = json.dumps({"process": self.server.number, "headers": headers}).encode()  # type: ignore[attr-defined]
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_PUT = do_GET

    def address_string(self) -> str:
        return "a socket"

    def log_message(self, format: str, *args: object) -> None:
        return


class Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True

    def __init__(self, path: Path, number: int) -> None:
        path.unlink(missing_ok=True)
        super().__init__(str(path), Echo)
        self.number = number
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    def handle_error(self, request: object, client_address: object) -> None:
        return  # checks hang up early

    def end(self) -> None:
        self.shutdown()
        self.server_close()


class Behind:
    """A proxy and the servers behind it."""

    def __init__(self, proxy: ReverseProxy, process: subprocess.Popen[bytes]) -> None:
        self.proxy, self.process, self.port = proxy, process, proxy.port
        self.servers = [Server(path, number) for number, path in enumerate(proxy.sockets, start=1)]
        until(lambda: ask(self.port, "/_stcore/health").status == 200)

    @property
    def cookie(self) -> str:
        return f"lwal_process_{self.port}"

    def asked(self, path: str = "/_stcore/media", cookie: str = "", **headers: str) -> Answer:
        if cookie:
            headers["Cookie"] = f"{self.cookie}={cookie}"
        return ask(self.port, path, **headers)

    def process_of(self, path: str = "/_stcore/media", cookie: str = "", **headers: str) -> int:
        return int(json.loads(self.asked(path, cookie, **headers).body)["process"])

    def given(self, answer: Answer) -> str:
        """Value of the cookie that an answer gives."""
        name, _, value = answer.headers.get("set-cookie", "=").partition(";")[0].partition("=")
        assert name in ("", self.cookie)
        return value


def until(condition: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            if condition():
                return
        except OSError:
            pass
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture(scope="module")
def behind() -> Iterator[Behind]:
    if FOUND is None:
        pytest.skip("HAProxy is not installed")
    with running("127.0.0.1") as made:
        yield made


class running:
    """A context with three servers behind a proxy at an address."""

    def __init__(self, address: str, processes: int = 3, base_path: str = "") -> None:
        self.proxy = ReverseProxy(address, free_port(), processes, base_path)

    def __enter__(self) -> Behind:
        self.proxy.__enter__()
        self.process = subprocess.Popen(self.proxy.command, pass_fds=[self.proxy.fd])
        self.behind = Behind(self.proxy, self.process)
        return self.behind

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait(10)
        for server in self.behind.servers:
            server.end()
        self.proxy.__exit__(None, None, None)


PAGE = {"Accept": "text/html,*/*", "Sec_Fetch_Dest": "document"}


def test_first_pages_are_spread_and_give_a_cookie(behind: Behind) -> None:
    answers = [behind.asked("/", **PAGE) for _ in range(6)]
    assert Counter(behind.given(answer) for answer in answers) == {"1": 2, "2": 2, "3": 2}
    for answer in answers:
        assert json.loads(answer.body)["process"] == int(behind.given(answer))
        assert {"httponly", "samesite=lax", "path=/"} <= set(answer.headers["set-cookie"].lower().split("; ")[1:])
    plain = [behind.asked("/", Accept="text/html") for _ in range(3)]  # a browser over http says nothing of its aim
    assert {behind.given(answer) for answer in plain} == {"1", "2", "3"}


def test_a_cookie_leads_to_its_process_and_is_not_passed_on(behind: Behind) -> None:
    for number in (1, 2, 3):
        for path in ("/", "/train", "/media/a.png", "/_stcore/upload_file/s/f"):
            answer = behind.asked(path, cookie=f"{number}", **PAGE)
            assert json.loads(answer.body)["process"] == number
            assert "set-cookie" not in answer.headers and behind.cookie.encode() not in answer.body
    other = ask(behind.port, "/media/a.png", Cookie=f"_streamlit_user=abc; {behind.cookie}=2")
    assert ["cookie", "_streamlit_user=abc"] in json.loads(other.body)["headers"]


def test_whoever_keeps_no_cookie_comes_to_the_same_process_by_address(behind: Behind) -> None:
    assert (
        len({behind.process_of(path) for path in ("/media/a.png", "/_stcore/upload_file/s/f", "/static/x.js") * 4}) == 1
    )
    frame = {"Accept": "text/html", "Sec_Fetch_Dest": "iframe"}
    assert behind.process_of("/", **frame) == behind.process_of()
    found = {behind.process_of(X_Forwarded_For=f"10.1.2.{number}") for number in range(40)}
    assert found == {1, 2, 3}


@pytest.mark.parametrize("value", ["9", "0", "-1", "../1", "a" * 4_000, "%00", '"1"', "p1"])
def test_a_forged_cookie_is_replaced(behind: Behind, value: str) -> None:
    answer = behind.asked("/", cookie=value, **PAGE)
    assert answer.status == 200 and behind.given(answer) in {"1", "2", "3"}


def test_who_asks_is_the_other_end_or_what_a_proxy_of_this_machine_says() -> None:
    own = [
        address.address
        for name, addresses in psutil.net_if_addrs().items()
        for address in addresses
        if address.family == socket.AF_INET and not address.address.startswith("127.")
    ]

    def told(port: int, host: str, **headers: str) -> dict[str, str]:
        names = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
        with socket.create_connection((host, port), timeout=10) as opened:
            opened.sendall(f"GET /x HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{names}\r\n".encode())
            said = b"".join(iter(lambda: opened.recv(65_536), b""))
        return dict(json.loads(said.partition(b"\r\n\r\n")[2])["headers"])

    with running("0.0.0.0", processes=1) as behind:
        assert told(behind.port, "127.0.0.1")["x-forwarded-for"] == "127.0.0.1"
        near = told(behind.port, "127.0.0.1", X_Forwarded_For="6.6.6.6, 10.9.8.7", X_Forwarded_Proto="https")
        assert near["x-forwarded-for"] == "10.9.8.7"  # what the nearest proxy wrote; the browser wrote the rest
        assert near["x-forwarded-proto"] == "https"
        for address in own[:1]:
            far = told(behind.port, address, X_Forwarded_For="6.6.6.6", X_Forwarded_Proto="https")
            assert far["x-forwarded-for"] == address and far["x-forwarded-proto"] == "http"


def test_pushes_are_counted_in_one_process_and_metrics_told_by_each(behind: Behind) -> None:
    assert {behind.process_of("/_lwal/push", f"{n}") for n in (1, 2, 3)} == {1}
    assert [behind.process_of(f"/_stcore/metrics?process={n}") for n in (1, 2, 3)] == [1, 2, 3]
    assert behind.process_of("/_stcore/metrics") == 1 and behind.process_of("/_stcore/metrics?process=7") == 1


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        (b"X: " + b"a" * 40_000 + b"\r\n", b"400"),
        (b"X: " + b"a" * 20_000 + b"\r\n", b"200"),
        (b"".join(b"X-%d: a\r\n" % n for n in range(200)), b"400"),
        (b"Content-Length: 6\r\nContent-Length: 7\r\n", b"400"),
        (b"Bad Name: x\r\n", b"400"),
    ],
    ids=["huge", "large", "many", "two lengths", "a blank in a name"],
)
def test_headers_have_limits(behind: Behind, lines: bytes, status: bytes) -> None:
    with socket.create_connection(("127.0.0.1", behind.port), timeout=10) as opened:
        opened.sendall(b"GET /x HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" + lines + b"\r\n")
        assert opened.recv(200).split()[1] == status


def test_http_2_without_tls_is_refused(behind: Behind) -> None:
    with socket.create_connection(("127.0.0.1", behind.port), timeout=10) as opened:
        opened.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        assert opened.recv(200).split()[1] == b"400"


def test_a_process_that_dies_is_passed_over_until_it_is_back() -> None:
    with running("127.0.0.1", processes=2) as behind:
        behind.servers[0].end()
        moved = behind.asked("/", cookie="1", **PAGE)  # at once, before any check
        assert json.loads(moved.body)["process"] == 2 and behind.given(moved) == "2"
        assert behind.process_of("/_lwal/push") == 2
        behind.servers[1].end()
        until(lambda: behind.asked("/").status == 503)
        nobody = behind.asked("/")
        assert nobody.body.decode() == STARTING and nobody.headers["retry-after"] == "2"
        behind.servers[0] = Server(behind.proxy.sockets[0], 1)
        until(lambda: behind.asked("/").status == 200)
        assert behind.process_of("/", cookie="1", **PAGE) == 1


def test_nobody_is_refused_while_the_proxy_itself_is_started_again() -> None:
    with running("127.0.0.1", processes=1) as behind:
        behind.process.kill()
        behind.process.wait(10)
        found: list[int] = []
        waiting = threading.Thread(target=lambda: found.append(behind.process_of()))
        waiting.start()  # connects, and waits
        again = subprocess.Popen(behind.proxy.command, pass_fds=[behind.proxy.fd])
        waiting.join(20)
        again.terminate()
        again.wait(10)
        assert found == [1]


def test_the_folder_is_this_users_alone_and_gone_afterwards() -> None:
    with ReverseProxy("127.0.0.1", free_port(), 2) as proxy:
        folder = proxy.config.parent
        assert folder.stat().st_mode & 0o777 == 0o700
    assert not folder.exists()
    socket.create_server(("127.0.0.1", proxy.port)).close()  # the port is free


def test_a_port_in_use_is_said() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(LwalError, match="cannot listen on 127"):
        ReverseProxy("127.0.0.1", taken.getsockname()[1], 2).__enter__()


@pytest.mark.parametrize("base", ["lwal", "/lwal/", "a b'c\"$HOME#x", "ü"])
def test_hostile_paths_stay_one_word(base: str, tmp_path: Path) -> None:
    place = Path('/tmp/a "quoted" $HOME \\ folder\'s #1')
    with socket.create_server(("127.0.0.1", 0)) as listening:
        text = config_text([place / "1.sock"], listening.fileno(), 8501, base)
        (tmp_path / "cfg").write_text(text)
        done = subprocess.run(
            [find_haproxy().path, "-c", "-f", str(tmp_path / "cfg")],
            pass_fds=[listening.fileno()], capture_output=True, text=True, check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("base", ["a\nb", "a\x00", "a\x1b[0m"])
def test_a_path_that_cannot_be_written_is_refused(base: str) -> None:
    with pytest.raises(LwalError, match="cannot be written"):
        config_text([Path("/tmp/1.sock")], 5, 8501, base)


def test_a_missing_or_old_program_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lwal_core.serving.haproxy._PLACES", "")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LwalError, match=r"not installed.*apt install haproxy"):
        find_haproxy()
    old = tmp_path / "haproxy"
    for said, match in (("HAProxy version 2.2.9-2", r"HAProxy 2\.2;"), ("nothing", r"HAProxy 0\.0;")):
        old.write_text(f"#!/bin/sh\necho '{said}'\n")
        old.chmod(0o755)
        with pytest.raises(LwalError, match=match):
            find_haproxy()
