"""Inference server: one per home, on a socket only this user can reach, ends when idle."""

from __future__ import annotations

import argparse
import os
import socket
import sys
import threading
import time
import traceback
from contextlib import closing, suppress
from pathlib import Path

from lwal_core import __version__
from lwal_core.errors import LwalError
from lwal_core.inference.answer import DataGone, Question
from lwal_core.inference.protocol import MAX_IMAGE_BYTES, PROTOCOL, Message, ProtocolError, receive, send
from lwal_core.inference.socket_path import SERVER_LOCK, SOCKET, server_folder
from lwal_core.settings import settings
from lwal_core.system.locks import try_lock

POLL_SECONDS = 0.5
READ_SECONDS = 30.0
"""How long somebody who connected may take to ask."""
BACKLOG = 16
HANDOVER_SECONDS = 5.0
"""How long a fresh server waits for one that is about to leave."""
EXIT_DONE, EXIT_FAILED = 0, 1


class Server:
    """Answers questions, one at a time, from any number of connections.

    Args:
        home: The home folder.
        idle: Seconds without a question after which :meth:`serve` returns.
    """

    def __init__(self, home: Path, idle: float) -> None:
        self.home, self.idle = home, idle
        self.folder = server_folder(home)
        self._last = time.monotonic()
        self._open = 0
        self._leaving = False
        self._state = threading.Lock()
        self._work = threading.Lock()
        self._answering: object = None

    def serve(self) -> bool:
        """Serve until idle, asked to leave, or the socket's file is gone; False when another server is there already."""
        deadline = time.monotonic() + HANDOVER_SECONDS
        while (lock := try_lock(self.folder / SERVER_LOCK)) is None:
            if time.monotonic() > deadline:
                return False
            time.sleep(POLL_SECONDS / 10)
        path = self.folder / SOCKET
        with lock, closing(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)) as listener:
            path.unlink(missing_ok=True)  # left behind by one that was killed
            listener.bind(str(path))
            path.chmod(0o600)
            listener.listen(BACKLOG)
            listener.settimeout(POLL_SECONDS)
            print(f"serving {self.home} in process {os.getpid()}", flush=True)
            try:
                while not self._over() and path.exists():
                    with suppress(TimeoutError):
                        connection, _ = listener.accept()
                        self._enter()
                        threading.Thread(target=self._meet, args=(connection,), daemon=True).start()
            finally:
                with suppress(OSError):
                    path.unlink(missing_ok=True)
        return True

    def _over(self) -> bool:
        with self._state:
            idle = self._open == 0 and time.monotonic() - self._last > self.idle
            return self._leaving or idle

    def _enter(self) -> None:
        with self._state:
            self._open += 1

    def _leave(self) -> None:
        with self._state:
            self._open -= 1
            self._last = time.monotonic()

    def _meet(self, connection: socket.socket) -> None:
        try:
            with closing(connection):
                connection.settimeout(READ_SECONDS)
                send(connection, Message({"protocol": PROTOCOL, "version": __version__, "pid": os.getpid()}))
                send(connection, self._reply(receive(connection, MAX_IMAGE_BYTES)))
        except (OSError, EOFError):  # whoever asked is gone
            pass
        except ProtocolError as error:
            print(f"refused: {error}", flush=True)
        finally:
            self._leave()

    def _reply(self, message: Message) -> Message:
        if message.facts.get("op") == "stop":
            self._leaving = True
            return Message({"leaving": True})
        started = time.monotonic()
        try:
            question = Question.read(message)
            with self._work:  # torch uses all cores for one image anyway, and loading twice would take twice the memory
                answer = self._answer(question)
        except LwalError as error:
            kind = DataGone.__name__ if isinstance(error, DataGone) else ""
            return Message({"error": error.message, "hint": error.hint, "kind": kind})
        except ProtocolError as error:
            return Message({"error": f"The question cannot be read ({error}).", "hint": "Restart the app."})
        except Exception as error:
            traceback.print_exc()
            what = " ".join(f"{type(error).__name__}: {error}".split())[:300]
            return Message(
                {"error": f"The model failed ({what}).", "hint": "The full report is in the log beside the socket."}
            )
        print(f"{question.run_id} {question.source} {time.monotonic() - started:.2f} s", flush=True)
        return answer

    def _answer(self, question: Question) -> Message:
        # Imported with the first question, so that whoever connects is greeted at once.
        from lwal_core.inference_server.answering import Answering

        if self._answering is None:
            self._answering = Answering(self.home)
        assert isinstance(self._answering, Answering)
        return self._answering.answer(question).message()


def main(arguments: list[str]) -> int:
    """Serve a home; returns the exit code."""
    parser = argparse.ArgumentParser("python -m lwal_core.inference_server", description=__doc__)
    parser.add_argument("--home", type=Path, required=True, help="the home folder")
    home = parser.parse_args(arguments).home.resolve()
    os.environ["LWAL_HOME"] = str(home)  # where data sets and features of frozen networks are looked for
    try:
        Server(home, 60 * settings().inference_idle_minutes).serve()
    except LwalError as error:
        print(error, file=sys.stderr)
        return EXIT_FAILED
    return EXIT_DONE
