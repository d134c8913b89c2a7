"""Outbox: messages wait in files of the home until every channel has taken them, whatever ends in the meantime.

Whoever posts a message writes one small file and goes on. A thread of the worker sends what is due; of several workers of a
home one does so at a time. What is not taken is tried again after 5 s, then twice as long each time, for a day.
"""

from __future__ import annotations

import logging
import os
import secrets
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ValidationError

from lwal_core.errors import LwalError
from lwal_core.notifications.channels import Message, NotifyError, channel_key, channel_title, send
from lwal_core.runs.files import write_json
from lwal_core.runs.paths import make_home
from lwal_core.security.permissions import check_writable
from lwal_core.settings import settings
from lwal_core.system.locks import try_lock
from lwal_core.system.log import event

FOLDER = "outbox"
MOST_WAITING = 1_000
"""Messages that wait; beyond, the oldest are dropped."""
FIRST_WAIT, LONGEST_WAIT, GIVE_UP = 5.0, 600.0, 86_400.0  # seconds
LOOK_SECONDS = 1.0
_MAX_BYTES = 64 * 1024

Event = Literal["done", "failed", "lost", "disk", "sweep"]


class _Waiting(BaseModel):
    """A message in its file, and the channels that have not taken it."""

    message: Message
    posted: float
    left: list[str]
    tries: int = 0
    due: float = 0.0


def wanted(event: str) -> bool:
    """Whether somebody is to be told of a kind of event."""
    now = settings()
    return bool(now.notify) and event in now.notify_on


def post(home: Path, message: Message) -> None:
    """Leave a message to be sent, where somebody wants to know of its kind; never raises, never waits for a network.

    Args:
        home: The home folder.
        message: What is told; its event is one of ``LWAL_NOTIFY_ON``, or it is not sent.
    """
    try:
        if wanted(message.event):
            leave_message(home, message)
    except (OSError, LwalError) as error:
        event("notify.trouble", f"A message cannot be left to be sent: {error}", level=logging.WARNING)


def leave_message(home: Path, message: Message) -> None:
    """Write a message's file into the outbox; of too many that wait the oldest are dropped.

    Raises:
        ReadOnlyError: Nothing may be changed here.
        OSError: The file cannot be written.
    """
    check_writable("leave a message")
    folder = make_home(home) / FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    waiting = sorted(folder.glob("*.json"))
    for old in waiting[: max(0, len(waiting) + 1 - MOST_WAITING)]:
        _drop(old, "too many messages wait")
    left = [channel_key(address) for address in settings().notify]
    value = _Waiting(message=message, posted=time.time(), left=left)
    write_json(folder / f"{time.time_ns()}-{secrets.token_hex(4)}.json", value.model_dump(mode="json"), durable=False)


def deliver(home: Path, *, now: float | None = None) -> int:
    """Send what is due; returns how many messages still wait. Nothing is sent while another process does so.

    Args:
        home: The home folder.
        now: The time, seconds since 1970; that of the clock when left out.

    Raises:
        ReadOnlyError: Nothing may be changed here.
    """
    check_writable("send messages")
    folder = home / FOLDER
    if not settings().notify or not folder.is_dir():
        return 0
    lock = try_lock(folder / "send.lock")
    if lock is None:
        return 0
    try:
        for path in sorted(folder.glob("*.json")):
            _deliver_one(path, time.time() if now is None else now)
        return sum(1 for _ in folder.glob("*.json"))
    finally:
        lock.close()


def _deliver_one(path: Path, now: float) -> None:
    try:
        with open(path, "rb") as file:
            waiting = _Waiting.model_validate_json(file.read(_MAX_BYTES))
    except FileNotFoundError:
        return
    except (OSError, ValidationError):
        _drop(path, "it cannot be read")
        return
    if waiting.due > now and waiting.due - now <= LONGEST_WAIT:  # else the clock was set back
        return
    left, trouble = [], ""
    for address in settings().notify:
        if channel_key(address) not in waiting.left:
            continue
        try:
            send(address, waiting.message)
            event("notify.sent", f"{channel_title(address)} was told: {waiting.message.title}")
        except NotifyError as error:
            left.append(channel_key(address))
            trouble = str(error)
    if not left:
        path.unlink(missing_ok=True)
    elif now - waiting.posted > GIVE_UP:
        _drop(path, f"it was tried for a day: {trouble}")
    else:
        if not waiting.tries:
            event("notify.trouble", f"{trouble} It is tried again.", level=logging.WARNING)
        wait = min(FIRST_WAIT * 2 ** min(waiting.tries, 20), LONGEST_WAIT)
        again = waiting.model_copy(update={"left": left, "tries": waiting.tries + 1, "due": now + wait})
        with suppress(OSError):
            write_json(path, again.model_dump(mode="json"), durable=False)


def _drop(path: Path, reason: str) -> None:
    with suppress(OSError):
        os.unlink(path)
    event("notify.dropped", f"A message is dropped: {reason}.", level=logging.WARNING)


class Sender:
    """Sends the messages of a home from a thread of its own, until it is stopped.

    Args:
        home: The home folder.
    """

    def __init__(self, home: Path) -> None:
        self.home = home
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="notifications", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Send what is due once more, and wait for that no longer than a channel may take."""
        self._stop.set()
        self._thread.join(15.0)

    def _run(self) -> None:
        told = ""
        while True:
            last = self._stop.wait(LOOK_SECONDS)
            try:
                deliver(self.home)
            except Exception as error:  # told once; the next look tries again
                trouble = f"{type(error).__name__}: {error}"
                if trouble != told:
                    event("notify.trouble", f"Messages cannot be sent: {trouble}", level=logging.ERROR)
                told = trouble
            if last:
                return
