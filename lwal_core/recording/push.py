"""Runs sent to an app that runs elsewhere: as a bundle, with a token, over https."""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
import time
import warnings
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from lwal_core.errors import LwalError
from lwal_core.recording.open_runs import RecordWarning
from lwal_core.runs import Run
from lwal_core.runs.bundle import write_bundle
from lwal_core.sanitize import printable, quoted
from lwal_core.settings import settings, variable

PLACE = "/_lwal/push"
PUSH_TOKEN = variable("push_token")
SILENT_SECONDS, BASE_SECONDS, BYTES_A_SECOND = 30.0, 60.0, 256 * 2**10
"""How long the other side may say nothing; how long a push may take in all, and how slow its line may be."""
BLOCK, MAX_ANSWER = 2**18, 4_096
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class PushError(LwalError):
    """A run could not be sent."""


class Pushed(NamedTuple):
    """A run that was taken: its id there, and whether anything changed there."""

    run_id: str
    new: bool


def check_address(url: str) -> str:
    """The address of an app, without a slash at its end.

    Raises:
        PushError: It is no address, or the token would go over the network for everybody to read.
    """
    try:
        parts = urlsplit(url.strip())
        _ = parts.port
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment or parts.username:
        raise PushError(f"{quoted(url, 120)} is no address of an app.", "Write https://HOST, or http://localhost:8501.")
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        raise PushError(
            f"The token would go to {quoted(parts.hostname, 120)} for everybody to read.",
            "Use https, or ssh -L 8501:localhost:8501 HOST and http://localhost:8501.",
        )
    return url.strip().rstrip("/")


def push_run(run: Run, url: str, *, token: str = "", weights: bool = False, unfinished: bool = False) -> Pushed:
    """Send a run to an app.

    Args:
        run: Any run.
        url: Address of the app.
        token: What it is pushed with; empty takes ``$LWAL_PUSH_TOKEN``.
        weights: With the model of the best epoch.
        unfinished: Send a run that is being trained as it is now.

    Raises:
        PushError: The app cannot be reached, or does not take it.
        LwalError: The run is being trained.
    """
    parts = urlsplit(check_address(url))
    token = token or settings().push_token
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise PushError("There is no token to push with.", f"Set {PUSH_TOKEN} to what `lwal push-token` printed.")
    data = write_bundle(run, weights=weights, unfinished=unfinished)
    host = parts.hostname or ""
    seconds = BASE_SECONDS + len(data) / BYTES_A_SECOND
    if parts.scheme == "https":
        connection: http.client.HTTPConnection = http.client.HTTPSConnection(
            host, parts.port, timeout=SILENT_SECONDS, context=ssl.create_default_context()
        )
    else:
        connection = http.client.HTTPConnection(host, parts.port, timeout=SILENT_SECONDS)

    def cut() -> None:
        with suppress(OSError):
            if connection.sock is not None:
                connection.sock.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(seconds, cut)  # the time limit of a socket begins anew with each byte
    timer.daemon = True
    timer.start()
    try:
        connection.putrequest("POST", parts.path + PLACE, skip_accept_encoding=True)
        for name, value in (
            ("Authorization", f"Bearer {token}"), ("Content-Type", "application/zip"), ("Content-Length", str(len(data))),
        ):  # fmt: skip
            connection.putheader(name, value)
        connection.endheaders()
        with suppress(
            BrokenPipeError, ConnectionResetError
        ):  # refused before it was sent to its end: the answer says why
            for start in range(0, len(data), BLOCK):
                connection.send(data[start : start + BLOCK])
        answer = connection.getresponse()
        text = printable(answer.read(MAX_ANSWER).decode("utf-8", "replace")).strip()
    except (OSError, http.client.HTTPException) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise PushError(
            f"{host} cannot be reached, or broke off: {reason[:200]}.", "Check the address, and try again."
        ) from None
    finally:
        timer.cancel()
        connection.close()
    if answer.status == 404:
        raise PushError(f"{host} takes no runs.", "Its owner can say so by LWAL_PUSH_TOKENS; check the path, too.")
    if answer.status != 200:
        raise PushError(f"{host} does not take the run ({answer.status}): {text[:300] or 'it gives no reason'}", "")
    run_id, _, what = text.partition(" ")
    return Pushed(run_id, what == "new")


class Pusher:
    """Pushes a run that is being recorded, beside the program that trains: never in its way.

    Args:
        folder: The run folder.
        url: Address of the app.
        every: Epochs between two pushes; 0 for one at the end alone.

    Raises:
        PushError: The address is none.
    """

    def __init__(self, folder: Path, url: str, every: int) -> None:
        self._folder, self._url, self._every = folder, check_address(url), every
        self._last: int | None = None
        self._thread: threading.Thread | None = None
        self._told: set[str] = set()

    def came_to(self, epoch: int) -> None:
        """An epoch has begun to be recorded: what was before it is pushed if it is time, unless a push is under way."""
        if self._last is None:
            self._last = epoch
        if (
            not self._every
            or epoch - self._last < self._every
            or (self._thread is not None and self._thread.is_alive())
        ):
            return
        self._last = epoch
        self._thread = threading.Thread(target=self._send, args=(True, None), daemon=True)
        self._thread.start()

    def finish(self) -> None:
        """The run is closed: it is pushed a last time; the process waits for that at its end, for a while at most."""
        last = threading.Thread(target=self._send, args=(False, self._thread))
        try:
            last.start()
        except RuntimeError:  # the process is ending already
            self._send(False, self._thread)
        self._thread = last

    def wait(self, seconds: float | None = None) -> None:
        """Wait for a push that is under way."""
        if self._thread is not None:
            self._thread.join(seconds)

    def _send(self, unfinished: bool, after: threading.Thread | None) -> None:
        if after is not None:
            after.join(BASE_SECONDS)
        problem = ""
        for attempt in range(1 if unfinished else 3):
            try:
                time.sleep(attempt)
                push_run(Run(self._folder), self._url, unfinished=unfinished)
                return
            except Exception as error:  # whatever it is, it must not end somebody's training
                problem = str(error) if isinstance(error, LwalError) else f"{type(error).__name__}: {error}"
        if problem not in self._told:
            self._told.add(problem)
            text = f"Run {self._folder.name} was not pushed: {printable(problem)} The training goes on."
            warnings.warn(text, RecordWarning, stacklevel=2)
