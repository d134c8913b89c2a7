"""Pages of another origin in the same Chromium: a name that somebody else owns and that leads here, and another port of this
machine. They get no app, no session, no frame; a shared view may be framed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, Playwright, expect

from lwal_core.runs import Run
from lwal_core.shares import share_run
from tests.browser.conftest import settled
from tests.support.local_server import serving
from tools.browser import ARGUMENTS, CHROMIUM, NAMES_OFF

NAME = "evil.test"
TITLE = "somebody else's page"


@pytest.fixture
def their_browser(playwright: Playwright) -> Iterator[Browser]:
    """A Chromium to which the name of somebody else is an address of this machine."""
    rule = NAMES_OFF.replace("MAP *", f"MAP {NAME} 127.0.0.1, MAP *")
    arguments = [rule if argument == NAMES_OFF else argument for argument in ARGUMENTS]
    found = playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
    yield found
    found.close()


@pytest.fixture
def their_port() -> Iterator[int]:
    """Port of this machine at which somebody else's page is."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = f'<!doctype html><link rel="icon" href="data:,"><title>{TITLE}</title>'.encode()
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            return

    with serving(Handler) as port:
        yield port


SOCKET = """address => new Promise(done => {
  const socket = new WebSocket(address.replace('http', 'ws') + '/_stcore/stream', ['streamlit']);
  socket.onopen = () => done('open');
  socket.onclose = () => done('refused');
})"""
ASKS = """async ([address, method]) => {
  try { return (await fetch(address + '/_stcore/upload_file/a/b', {method, body: 'x'})).status; } catch { return 'refused'; }
}"""
READS = """async address => {
  try { return (await fetch(address + '/_stcore/host-config')).status; } catch { return 'refused'; }
}"""
FRAMES = """address => new Promise(done => {
  const frame = document.createElement('iframe');
  frame.onload = () => done(true);
  frame.width = 1200; frame.height = 800; frame.src = address;
  document.body.replaceChildren(frame);
})"""


def framed(page: Page, address: str) -> bool:
    """Whether a page may show another one in a frame: else Chromium puts a page of its own there."""
    page.evaluate(FRAMES, address)
    for _ in range(100):  # a frame in a process of its own is told of a moment later
        url = page.frames[1].url
        if url.startswith(("chrome-error:", "http")):
            return not url.startswith("chrome-error:")
        page.wait_for_timeout(100)
    raise AssertionError("the frame shows nothing")


def test_pages_of_others_get_nothing_but_a_shared_view(
    serve: Callable[..., str], their_browser: Browser, their_port: int, make_run: Callable[..., Run]
) -> None:
    run = make_run()
    _, token = share_run(run)
    address = serve(LWAL_EMBED_IN="*")
    page = their_browser.new_page(reduced_motion="reduce")
    page.goto(address)
    settled(page)  # it is there, for its own pages
    assert page.evaluate(SOCKET, address) == "open" and page.evaluate(READS, address) == 200

    rebound = f"http://{NAME}:{urlsplit(address).port}"
    answer = page.goto(rebound)
    assert answer is not None and answer.status == 421
    assert "does not answer to this name" in page.content() and "<script" not in page.content()
    assert page.evaluate(SOCKET, rebound) == "refused" and page.evaluate(READS, rebound) == 421

    for place in (f"http://127.0.0.1:{their_port}", f"http://{NAME}:{their_port}"):
        page.goto(place)
        expect(page).to_have_title(TITLE)
        assert page.evaluate(SOCKET, address) == "refused", place
        assert [page.evaluate(ASKS, [address, method]) for method in ("PUT", "POST", "DELETE")] == ["refused"] * 3
        assert page.evaluate(READS, address) == "refused"
        for path in ("/", "/?embed=true", f"/hierarchy?run={run.id}&embed=true", f"/?share={token}"):
            assert not framed(page, address + path), (place, path)
        assert framed(page, f"{address}/?share={token}&embed=true&view=Report"), place
        inner = page.frame_locator("iframe").frame_locator("iframe")
        expect(inner.locator("#groups li").first).to_be_visible()
