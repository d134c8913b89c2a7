"""The shipped nginx configuration in front of the app: TLS, a sub-path, and the page's own connection through it."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import ROOT, settled
from tests.support.local_server import free_port

NGINX = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin")


def listening(port: int) -> None:
    """Wait until somebody listens; raises OSError when nobody does for ten seconds."""
    for last in [False] * 99 + [True]:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            if last:
                raise
            time.sleep(0.1)


@pytest.fixture
def proxy(tmp_path: Path) -> Iterator[Callable[[str], tuple[int, int]]]:
    """Start nginx with the shipped configuration, changed in nothing but addresses and files; returns its plain and
    its TLS port."""
    if NGINX is None or shutil.which("openssl") is None:
        if os.environ.get("CI"):
            pytest.fail("nginx or openssl is not installed")
        pytest.skip("nginx or openssl is not installed")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost",
         "-keyout", str(key), "-out", str(certificate)],
        check=True, capture_output=True,
    )  # fmt: skip
    processes: list[subprocess.Popen[bytes]] = []

    def start(app_address: str) -> tuple[int, int]:
        plain, secure = free_port(), free_port()
        shipped = (ROOT / "deploy" / "nginx.conf").read_text()
        changed = {
            "server 127.0.0.1:8501;": f"server {app_address.removeprefix('http://')};",
            "listen 80;": f"listen 127.0.0.1:{plain};",
            "listen 443 ssl http2;": f"listen 127.0.0.1:{secure} ssl http2;",
            "/var/log/nginx/lwal.log": str(tmp_path / "access.log"),
            "/etc/ssl/certs/lwal.example.org.pem": str(certificate),
            "/etc/ssl/private/lwal.example.org.key": str(key),
        }
        for before, after in changed.items():
            assert shipped.count(before) == 1, before
            shipped = shipped.replace(before, after)
        (tmp_path / "site.conf").write_text(shipped.replace("lwal.example.org", "127.0.0.1"))
        folders = "".join(
            f"{kind}_temp_path {tmp_path}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        main = tmp_path / "nginx.conf"
        main.write_text(
            f"daemon off; pid {tmp_path}/nginx.pid; error_log {tmp_path}/error.log;\nevents {{}}\n"
            f"http {{\naccess_log off;\n{folders}include {tmp_path}/site.conf;\n}}\n"
        )
        processes.append(
            subprocess.Popen([NGINX, "-e", str(tmp_path / "error.log"), "-p", str(tmp_path), "-c", str(main)])
        )
        for port in (plain, secure):
            listening(port)
        return plain, secure

    yield start
    for process in processes:
        process.terminate()
        process.wait(10)


def test_the_app_below_a_path_behind_tls(serve, proxy, make_run, browser: Browser, tmp_path: Path):
    make_run()
    plain, secure = proxy(serve(STREAMLIT_SERVER_BASE_URL_PATH="lwal"))
    context = browser.new_context(ignore_https_errors=True, reduced_motion="reduce")
    context.set_default_timeout(60_000)
    page = context.new_page()
    sockets: list[str] = []
    failed: list[str] = []
    page.on("websocket", lambda opened: sockets.append(opened.url))
    page.on("response", lambda answer: failed.append(answer.url) if answer.status >= 500 else None)
    packed: dict[str, str] = {}
    page.on("response", lambda answer: packed.update({answer.url: answer.headers.get("content-encoding", "")}))

    page.goto(f"https://127.0.0.1:{secure}/lwal")  # without the slash
    settled(page)
    expect(page.get_by_text(re.compile("^Train one-hot"))).to_be_visible()
    assert page.url.startswith(f"https://127.0.0.1:{secure}/lwal/")
    assert sockets and all(url.startswith(f"wss://127.0.0.1:{secure}/lwal/_stcore/stream") for url in sockets)

    page.get_by_role("link", name="Hierarchy", exact=True).first.click()
    expect(page).to_have_url(re.compile(f":{secure}/lwal/hierarchy"))
    settled(page)
    expect(page.locator(".js-plotly-plot").first).to_be_visible()
    assert not failed
    (largest,) = {how for url, how in packed.items() if "/PlotlyChart." in url and url.endswith(".js")}
    assert largest == "gzip"  # five megabytes otherwise

    shared = context.request.get(f"https://127.0.0.1:{secure}/lwal/?share=a-token-that-is-nobodys")
    assert shared.headers["strict-transport-security"].startswith("max-age=31536000")
    assert shared.headers["content-security-policy"] == "frame-ancestors 'self'"
    log = (tmp_path / "access.log").read_text()
    assert "/lwal/_stcore/stream" in log or "/lwal/" in log
    assert "share" not in log and "?" not in log

    answer = context.request.get(f"http://127.0.0.1:{plain}/lwal/", max_redirects=0)
    assert answer.status == 301 and answer.headers["location"].startswith("https://127.0.0.1")
    context.close()
