"""What an input from elsewhere may do: be taken or be refused with a sentence, within 5 s and 1 GB, and write only where
it is meant to.

Many inputs are tried in one forked process, so that one that hangs, crashes or eats all memory costs that process alone.
Processor time is measured rather than the clock, so that a busy machine fails no test. What is done is told by Python's
audit events, which see every file that is opened for writing, every name that is moved or removed, every process that is
started and every class that a pickle asks for; and by the canary, a file that whatever is executed would make.
"""

from __future__ import annotations

import os
import re
import resource
import signal
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import orjson

from lwal_core.errors import LwalError
from tests.security.making import CANARY

SECONDS, KIBIBYTES = 5.0, 2**20
LONGEST = 9_000
"""Characters of message and hint together."""
HANG_SECONDS = 60
_GUARD = (
    4 * 2**30
)  # bytes more of address space than before: beyond it the machine is protected, not the promise tested

_RUNS = ("os.system", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "subprocess.Popen", "pty.spawn")
_CHANGES = ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.symlink", "os.link", "os.truncate", "shutil.rmtree")
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_INTERNAL = re.compile(r"Traceback|File \"|line \d+, in |0x[0-9a-f]{8,}|site-packages|lwal_core/")

Acts = Mapping[str, Callable[[], object]]


def complaints(acts: Acts, *folders: Path, processes: bool = False) -> list[str]:
    """Try inputs one after the other in a process of their own.

    Args:
        acts: What is done with each input, by its name.
        folders: Where files may be written.
        processes: Whether processes may be started, as for the reader of checkpoints.

    Returns:
        A line for each promise that was broken. Empty: each input was taken or refused as it should be.
    """
    return [
        f"{name}: {line}" for name, (_, lines) in tried(acts, *folders, processes=processes).items() for line in lines
    ]


def tried(acts: Acts, *folders: Path, processes: bool = False) -> dict[str, tuple[str | None, list[str]]]:
    """As :func:`complaints`, but by input: the sentence with which it was refused, None where it was taken, and the lines."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        code = 1
        try:
            os.close(reader)
            _try_all(acts, folders, processes, writer)
            code = 0
        finally:
            os._exit(code)
    os.close(writer)
    with os.fdopen(reader, "rb") as stream:
        answers = [orjson.loads(line) for line in stream]
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    found = {name: (said, lines) for name, said, lines in answers}
    # The process ends with the input that hangs or crashes; those after it were not tried either.
    return found | {
        name: (None, [f"not answered, the process ended with {status}"]) for name in acts if name not in found
    }


def refusal(act: Callable[[], object]) -> LwalError | None:
    """Try one input here: the sentence with which it was refused, a proper one; None where it was taken."""
    error = None
    try:
        act()
    except LwalError as caught:
        error = caught
    faults = [] if error is None else _faults(error)
    assert not faults, faults
    return error


def _try_all(acts: Acts, folders: tuple[Path, ...], processes: bool, writer: int) -> None:
    limit = _kibibytes("VmSize") * 1024 + _GUARD
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    watch = _Watch(folders, processes)
    sys.addaudithook(watch.hear)
    canary = Path(os.environ[CANARY])
    for name, act in acts.items():
        signal.alarm(HANG_SECONDS)
        said, lines = _try(act, watch)
        if canary.exists():
            lines.append("it was executed: the canary's file is there")
            canary.unlink()
        os.write(writer, orjson.dumps([name, said, lines]) + b"\n")


def _try(act: Callable[[], object], watch: _Watch) -> tuple[str | None, list[str]]:
    Path("/proc/self/clear_refs").write_text("5")  # the highest resident size is counted anew
    before, started = _kibibytes("VmRSS"), _seconds()
    said, lines = None, []
    watch.found = []
    try:
        act()
    except LwalError as error:
        said = str(error)
        lines += _faults(error)
    except BaseException:
        lines.append(traceback.format_exc(limit=-3)[-800:])
    heard, watch.found = watch.found, None
    lines += heard
    taken, grown = _seconds() - started, _kibibytes("VmHWM") - before
    if taken > SECONDS:
        lines.append(f"{taken:.1f} s")
    if grown > KIBIBYTES:
        lines.append(f"{grown // 1024} MiB")
    return said, lines


def _faults(error: LwalError) -> list[str]:
    """What is wrong with the sentence that a person is told."""
    text = str(error)
    unseen = sorted({ascii(c) for c in text if not c.isprintable() and c not in "\n\u200c\u200d"})
    return [
        fault
        for fault, there in (
            ("no sentence", not error.message.strip()),
            (f"{len(text):,} characters", len(text) > LONGEST),
            (f"characters that cannot be seen: {unseen}", bool(unseen)),
            (f"words of the machine: {text[:300]}", bool(_INTERNAL.search(text))),
        )
        if there
    ]


class _Watch:
    """Audit events that no input may cause. ``found`` is None while nothing is tried."""

    def __init__(self, folders: tuple[Path, ...], processes: bool) -> None:
        self.folders = tuple(f"{folder.resolve()}{os.sep}" for folder in folders)
        self.homes = tuple(str(folder.resolve()) for folder in folders)
        self.processes = processes
        self.found: list[str] | None = None

    def hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.found is None:
            return
        if event == "pickle.find_class" or (event in _RUNS and not self.processes):
            self.found.append(f"{event} {arguments[:2]!r}"[:300])
        elif event == "open" and isinstance(arguments[2], int) and arguments[2] & _WRITES:
            self._judge(event, arguments[:1])
        elif event in _CHANGES:
            two = event in ("os.rename", "os.link", "os.symlink")
            folder = arguments[-1] if event in ("os.remove", "os.rmdir", "os.mkdir") else -1
            self._judge(event, arguments[:2] if two else arguments[:1], folder)

    def _judge(self, event: str, paths: tuple[Any, ...], folder: int = -1) -> None:
        """``folder``: the open folder that a path is relative to; -1 for the working one."""
        assert self.found is not None
        for path in paths:
            if path is None or isinstance(path, int):
                continue
            inner = os.fsdecode(path)
            full = os.path.realpath(inner if folder == -1 else f"/proc/self/fd/{folder}/{inner}")
            inside = full.startswith(self.folders) or full in self.homes
            if not inside and "__pycache__" not in full and full not in (os.devnull, "/proc/self/clear_refs"):
                self.found.append(f"{event} {full!a}")


def _seconds() -> float:
    times = os.times()
    return time.process_time() + times.children_user + times.children_system


def _kibibytes(what: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{what}:"):
            return int(line.split()[1])
    raise AssertionError(what)
