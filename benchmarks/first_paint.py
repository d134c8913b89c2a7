"""Seconds until a page is painted in a browser, and what is sent for it: the first look, another look, a moved control.

Usage: ``.venv/bin/python benchmarks/first_paint.py [--repeats 3] [--pages hierarchy ...] [--classes 10] [--largest]``.
Every repeat of every page starts ``lwal serve`` anew on a home with six finished runs and looks, in Chromium: as its
first visitor (``started``), in a window that has nothing in its cache (``cold``), again in the same window (``warm``),
and after one control was moved (``redraw``), each until the script has run and all figures are drawn; the wait of a
slider for more key presses (0.2 s) is in it. Files are counted as they come over the network, data as messages of the
websocket, which are not compressed. Medians; the browser shares the cores with the server. The first line is a page of Streamlit
with one figure and one slider; below its seconds the others stand as ratios to it.
"""

from __future__ import annotations

import argparse
import base64
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from app.common.pages import FIGURES, page_names  # noqa: E402
from tools.browser import chromium, painted, served  # noqa: E402

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

BUDGET_SECONDS = 2.0
"""For a cold visit of any page, on an idle machine."""
LISTED = 6

PATIENCE_SECONDS = 30.0
FRAMES = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"


def _epoch(page: Page) -> None:
    page.get_by_role("slider", name="Epoch").first.press("ArrowLeft")


def _group(page: Page) -> None:
    page.get_by_role("combobox", name="Group by").click()
    page.get_by_role("option").first.click()


BARE = """import plotly.graph_objects as go
import streamlit as st

st.set_page_config(layout="wide")
groups = st.slider("Groups", 1, 9, 2)
st.plotly_chart(go.Figure(go.Scatter(x=list(range(10)), y=[each % groups for each in range(10)])))
"""
"""The least that shows a figure and a control."""

CONTROLS: dict[str, Callable[[Page], Any]] = {
    "": _group,
    "train": lambda page: page.get_by_role("radio", name="Shapes").click(),
    "curves": lambda page: page.get_by_role("radio", name="Losses").click(),
    "embeddings": _epoch,
    "hierarchy": _epoch,
    "trees": lambda page: page.get_by_role("slider", name="Groups").first.press("ArrowRight"),
    "share": _epoch,
    "bare": lambda page: page.get_by_role("slider", name="Groups").first.press("ArrowRight"),
}
"""What is moved on each page."""


@dataclass
class Sent:
    """What came to a window since this was last emptied: files by address and messages by kind, with their bytes."""

    files: list[tuple[int, str]] = field(default_factory=list)
    data: list[tuple[int, str]] = field(default_factory=list)

    def listen(self, page: Page) -> None:
        """Count what comes to a page from now on."""
        session, addresses = page.context.new_cdp_session(page), {}
        session.send("Network.enable")
        session.on("Network.responseReceived", lambda e: addresses.update({e["requestId"]: e["response"]["url"]}))
        session.on(
            "Network.loadingFinished",
            lambda e: self.files.append((int(e["encodedDataLength"]), addresses.get(e["requestId"], ""))),
        )
        session.on("Network.webSocketFrameReceived", lambda e: self.data.append(_message(e["response"])))

    def take(self) -> Sent:
        """What came so far; counting begins anew."""
        taken = Sent(self.files[:], self.data[:])
        self.files.clear()
        self.data.clear()
        return taken


def _message(frame: dict[str, Any]) -> tuple[int, str]:
    """Bytes of a message and what it holds."""
    from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

    if frame["opcode"] != 2:
        return len(frame["payloadData"]), "text"
    payload = base64.b64decode(frame["payloadData"])
    message = ForwardMsg.FromString(payload)
    kind = message.WhichOneof("type") or ""
    if kind == "delta" and message.delta.WhichOneof("type") == "new_element":
        kind = message.delta.new_element.WhichOneof("type") or kind
    return len(payload), kind


@dataclass
class Look:
    """Seconds until a page was painted, and what was sent for it."""

    seconds: float
    sent: Sent


def main() -> int:
    """Print one line per page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--pages", nargs="+", choices=page_names(), metavar="PAGE")
    parser.add_argument("--classes", type=int, default=10)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--port", type=int, default=0, help="port of the app; a free one when left out")
    parser.add_argument(
        "--largest", action="store_true", help="list the largest files and messages of a cold visit, too"
    )
    options = parser.parse_args()
    from benchmarks.pages import write_run

    print(f"{options.classes} classes, {options.epochs} epochs, 6 runs, {options.repeats} repeats; {os.cpu_count()} cores, "
          f"load {os.getloadavg()[0]:.1f}, Python {platform.python_version()}")  # fmt: skip
    print(f"{'':12}{'seconds until painted':^32}{'files, kB':^16}{'data, kB':^24}")
    print(
        f"{'page':12}{'started':>8}{'cold':>8}{'warm':>8}{'redraw':>8}{'cold':>8}{'warm':>8}{'cold':>8}{'warm':>8}{'redraw':>8}"
    )
    slowest = 0.0
    with tempfile.TemporaryDirectory() as home, chromium() as browser:
        os.environ["LWAL_HOME"] = home
        for method in ("onehot", "lwal"):
            for seed in (12, 123, 1234):
                write_run(method, seed, options.classes, options.epochs)
        bare: list[float] = []
        for path in ("bare", *FIGURES):
            if path != "bare" and options.pages and (path or "home") not in options.pages:
                continue
            seen = [visit(browser, Path(home), path, options.port) for _ in range(options.repeats)]
            started, cold, warm, redraw = zip(*seen, strict=True)
            slowest = max(slowest, _seconds(cold) if path != "bare" else 0.0)
            seconds = [_seconds(looks) for looks in (started, cold, warm, redraw)]
            cells = [f"{each:8.2f}" for each in seconds]
            cells += [f"{_kilobytes(look.sent.files for look in looks):8,.0f}" for looks in (cold, warm)]
            cells += [f"{_kilobytes(look.sent.data for look in looks):8,.0f}" for looks in (cold, warm, redraw)]
            print(f"{path or 'home':12}{''.join(cells)}", flush=True)
            if bare:
                print(f"{'':12}{''.join(f'{each / least:8.2f}' for each, least in zip(seconds, bare, strict=True))}")
            bare = bare or seconds
            if options.largest:
                for size, what in sorted(cold[-1].sent.files + cold[-1].sent.data, reverse=True)[:LISTED]:
                    print(f"{'':12}{size / 1000:8,.0f} kB  {what.rpartition('/')[2]}")
    print(f"slowest cold visit: {slowest:.2f} s (budget {BUDGET_SECONDS:g} s on an idle machine)")
    return 0


def visit(browser: Browser, home: Path, path: str, port: int) -> tuple[Look, Look, Look, Look]:
    """Start the app and look at a page as its first visitor, afresh, again, and after a control was moved."""
    script = home / "bare.py" if path == "bare" else None
    if script is not None:
        script.write_text(BARE)
    with served(home, port=port, worker=False, script=script) as base:
        looks = []
        for first in (True, False):
            context = browser.new_context(viewport={"width": 1400, "height": 900})
            page, sent = context.new_page(), Sent()
            sent.listen(page)
            looks.append(_look(page, f"{base}/{'' if script else path}", path, sent))
            if not first:
                looks.append(_look(page, f"{base}/{'' if script else path}", path, sent))
                looks.append(_redraw(page, path, sent))
            context.close()
    started, cold, warm, redraw = looks
    return started, cold, warm, redraw


def _look(page: Page, address: str, path: str, sent: Sent) -> Look:
    sent.take()
    started = time.perf_counter()
    page.goto(address, wait_until="commit")
    painted(page, FIGURES.get(path, 1))
    return Look(time.perf_counter() - started, sent.take())


def _redraw(page: Page, path: str, sent: Sent) -> Look:
    """Move the page's control and wait for the script and two frames: figures are drawn when what came is shown."""
    page.wait_for_timeout(1000)  # what a page loads in the background is not part of the redraw
    painted(page, FIGURES.get(path, 1))
    sent.take()
    started = time.perf_counter()
    CONTROLS[path](page)
    while all(
        kind != "script_finished" for _, kind in sent.data
    ):  # a page may be drawn before it says that it is being drawn
        if time.perf_counter() - started > PATIENCE_SECONDS:
            raise RuntimeError(f"{path or 'home'} was not drawn again")
        page.wait_for_timeout(10)
    painted(page)
    page.evaluate(FRAMES)
    return Look(time.perf_counter() - started, sent.take())


def _seconds(looks: tuple[Look, ...]) -> float:
    return statistics.median(look.seconds for look in looks)


def _kilobytes(parts: Any) -> float:
    return statistics.median(sum(size for size, _ in part) for part in parts) / 1000


if __name__ == "__main__":
    sys.exit(main())
