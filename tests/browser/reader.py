"""Somebody's browser, kept for all tests of a process: each test gets a new window of it that remembers nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from playwright.sync_api import Browser, ConsoleMessage, Error, Page, Request

BLANK = "http://127.0.0.1/"
"""Where the page lies that opens the windows: nobody is asked for it."""
EMPTY = "<title>Opens windows</title><link rel=icon href=data:,>"
"""Its content; without an icon Chromium would ask for one."""
STORED = "cookies,local_storage,indexeddb,cache_storage,service_workers,file_systems"
"""What a browser keeps for a site, but for files that may be asked for again without a request."""


class Reader:
    """Windows that share cookies with each other, and nothing with another reader.

    One process draws them all, as they are opened by one page of this machine: it has read the app's scripts once, which
    takes a process of its own three seconds for each window. Whoever prefers no motion is spared what turns while a page
    is loading, which would be painted again and again; :meth:`Page.emulate_media` brings it back.

    Args:
        browser: The browser that it is a profile of.
    """

    def __init__(self, browser: Browser) -> None:
        self.context = browser.new_context(
            viewport={"width": 1400, "height": 1000}, accept_downloads=True, reduced_motion="reduce"
        )
        self.context.set_default_timeout(60_000)
        self.errors: list[str] = []
        """What the windows of this test logged as errors."""
        self.asked: list[str] = []
        """Addresses that they asked for."""
        self.context.on("console", self._said)
        self.context.on("weberror", lambda error: self.errors.append(str(error.error)))
        self.context.on("request", self._requested)
        self._opener: Page | None = None

    def _said(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.errors.append(f"{message.text} {message.location.get('url', '')}")

    def _requested(self, request: Request) -> None:
        self.asked.append(request.url)

    def window(self) -> Page:
        """Open one more window, as wide as the others."""
        try:
            if self._opener is None:
                self._opener = self._first()
            with self.context.expect_page() as opened:
                self._opener.evaluate("void window.open('about:blank')")
        except Error:  # a test before ended with the process that draws
            self._opener = self._first()
            with self.context.expect_page() as opened:
                self._opener.evaluate("void window.open('about:blank')")
        window = opened.value
        window.on("websocket", lambda socket: self.asked.append(socket.url))
        return window

    def _first(self) -> Page:
        page = self.context.new_page()
        page.route(BLANK, lambda route: route.fulfill(body=EMPTY, content_type="text/html"))
        page.goto(BLANK)
        page.unroute(BLANK)
        return page

    @contextmanager
    def reading(self) -> Iterator[Page]:
        """A window for one test; in the end all are closed, and what sites stored is forgotten."""
        self.errors, self.asked = [], []
        window = self.window()
        try:
            yield window
        finally:
            sites = {f"{at.scheme}://{at.netloc}" for at in map(urlsplit, self.asked) if at.scheme.startswith("http")}
            self.context.set_offline(False)
            for page in self.context.pages:
                if page is not self._opener:
                    page.close()
            self.context.clear_cookies()
            self.context.clear_permissions()
            assert self._opener is not None
            session = self.context.new_cdp_session(self._opener)
            for site in sites:
                session.send("Storage.clearDataForOrigin", {"origin": site, "storageTypes": STORED})
            session.detach()
