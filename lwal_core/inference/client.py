"""Client of the inference server; starts one where none runs.

One server serves a home, whoever asks: it holds a lock as long as it lives, and whoever starts one holds another until it
answers, so that of several that find none only one starts it.
"""

from __future__ import annotations

import logging
import socket
import subprocess
import time
from contextlib import closing
from pathlib import Path

from lwal_core import __version__
from lwal_core.errors import InferenceError
from lwal_core.inference.answer import Answer, DataGone, Question
from lwal_core.inference.protocol import (
    MAX_ANSWER_BYTES,
    MAX_IMAGE_BYTES,
    PROTOCOL,
    Message,
    ProtocolError,
    receive,
    send,
)
from lwal_core.inference.socket_path import LOG, SOCKET, START_LOCK, server_folder
from lwal_core.runs import paths
from lwal_core.system.child_processes import start_detached
from lwal_core.system.locks import file_lock
from lwal_core.system.log import event

SERVER = "lwal_core.inference_server"
ANSWER_SECONDS = 120.0
"""How long an answer may take: the first one loads libraries and the model, and perhaps a large data set."""
START_SECONDS = 60.0
"""How long a server may take to begin; importing Python's part of it takes a second on an idle machine."""
POLL_SECONDS = 0.05
ATTEMPTS = 3
"""Servers that may leave, being idle, between being found and being asked."""

_CRASHED = (
    "The process that holds the models ended while it worked on this image; perhaps the memory was full.",
    "Try again: a fresh one is started.",
)

_children: list[subprocess.Popen[bytes]] = []


def ask(question: Question, *, seconds: float = ANSWER_SECONDS, home: Path | None = None) -> Answer:
    """What a run's model says about an image. Starts the process that holds the models if none runs; waits.

    Args:
        question: The image and the run.
        seconds: How long to wait for the answer.
        home: The home folder; by default ``$LWAL_HOME``.

    Raises:
        DataGone: A test image is asked for, and the data set is not here any more or has changed.
        InferenceError: There is no model that can be used, the image cannot be used, or the process failed.
    """
    if len(question.image) > MAX_IMAGE_BYTES:
        raise InferenceError(
            f"The file has {len(question.image) / 2**20:.1f} MB; at most {MAX_IMAGE_BYTES // 2**20} are taken.",
            "Make the picture smaller.",
        )
    answer = _asked(question.message(), seconds, home)
    problem = answer.facts.get("error")
    if problem is not None:
        kind = DataGone if answer.facts.get("kind") == DataGone.__name__ else InferenceError
        raise kind(str(problem), str(answer.facts.get("hint", "")))
    try:
        return Answer.read(answer)
    except ProtocolError as error:
        raise InferenceError(
            f"The process that holds the models answered in a way that is not understood ({error}).", "Restart the app."
        ) from None


def stop(home: Path | None = None) -> bool:
    """Ask the server of a home to leave; False when there is none."""
    connection = _connect(server_folder(home) / SOCKET, 5.0)
    if connection is None:
        return False
    with closing(connection):
        try:
            receive(connection, 0)
            send(connection, Message({"op": "stop"}))
            receive(connection, 0)
        except (OSError, EOFError, ProtocolError):
            pass
    return True


def _asked(message: Message, seconds: float, home: Path | None) -> Message:
    folder = server_folder(home)
    deadline = time.monotonic() + seconds
    for _ in range(ATTEMPTS):
        with closing(_connected(folder, paths.home(home), seconds)) as connection:
            greeted = False
            try:
                greeting = receive(connection, 0).facts
                greeted = True
                if (greeting.get("protocol"), greeting.get("version")) != (PROTOCOL, __version__):
                    send(connection, Message({"op": "stop"}))  # of another version: a fresh one takes over
                    receive(connection, 0)
                    continue
                connection.settimeout(max(deadline - time.monotonic(), 0.01))
                send(connection, message)
                return receive(connection, MAX_ANSWER_BYTES)
            except TimeoutError:
                raise InferenceError(
                    f"The model did not answer within {seconds:g} seconds.",
                    "Try again: what it was loading may be there by then.",
                ) from None
            except ProtocolError as error:
                raise InferenceError(f"The process that holds the models sent {error}.", "Restart the app.") from None
            except (OSError, EOFError):
                if greeted:
                    raise InferenceError(*_CRASHED) from None
                # Else it was about to leave when we came: look again.
    raise InferenceError("The process that holds the models ends as soon as it is asked.", _see_log(folder))


def _connected(folder: Path, home: Path, seconds: float) -> socket.socket:
    """A connection to the server of a home, which is started if need be."""
    path = folder / SOCKET
    found = _connect(path, seconds)
    if found is not None:
        return found
    with file_lock(folder / START_LOCK, 2 * START_SECONDS, "The start of the process that holds the models"):
        found = _connect(path, seconds)  # somebody else may have started it while we waited for the lock
        if found is not None:
            return found
        _children[:] = [child for child in _children if child.poll() is None]  # clears away those that have ended
        child = start_detached(SERVER, ["--home", str(home)], folder / LOG)
        _children.append(child)
        end = time.monotonic() + START_SECONDS
        while time.monotonic() < end:
            found = _connect(path, seconds)
            if found is not None:
                return found
            if child.poll() is not None:
                break
            time.sleep(POLL_SECONDS)
        else:
            child.kill()
    raise InferenceError("The process that holds the models could not be started.", _see_log(folder))


def _connect(path: Path, seconds: float) -> socket.socket | None:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(seconds)
    try:
        connection.connect(str(path))
    except OSError:  # no socket, or nobody behind it
        connection.close()
        return None
    return connection


def _see_log(folder: Path) -> str:
    """For whoever looks at the page: the folder itself is told to the log alone."""
    event(
        "inference.failed",
        f"What the process that holds the models said is in {str(folder / LOG)!r}",
        level=logging.ERROR,
    )
    return "The log of the server says where its own log is."
