"""The training process: waits for its turn, trains one run, and leaves its folder whole and its status true, however it
ends."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from pathlib import Path
from types import FrameType

from lwal_core.errors import LwalError
from lwal_core.jobs.turns import RunLock, training_turn
from lwal_core.projections import start_after_training
from lwal_core.runs import RunWriter

EXIT_DONE, EXIT_FAILED, EXIT_USAGE, EXIT_CANCELLED = 0, 1, 2, 130


class _StopSignal:
    """Turns SIGINT and SIGTERM into a question that the loop asks between batches, so that no file is left half
    written."""

    def __init__(self) -> None:
        self.reason = ""
        signal.signal(signal.SIGINT, self._note)
        signal.signal(signal.SIGTERM, self._note)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.reason = "stopped from the keyboard" if number == signal.SIGINT else "cancelled on request"

    def __call__(self) -> bool:
        return bool(self.reason)


def main(arguments: list[str]) -> int:
    """Train the run in the folder given as the only argument; returns the exit code.

    Where torchrun starts several of these for one run, the first owns the run folder and the others follow it.
    """
    if len(arguments) != 1:
        print("usage: python -m lwal_core.training RUN_DIR", file=sys.stderr)
        return EXIT_USAGE
    folder = Path(arguments[0]).resolve()
    stop = _StopSignal()
    if int(os.environ.get("RANK", "0")) > 0:
        return _follow(folder, stop)
    try:
        with RunLock(folder):
            return _train(folder, stop)
    except LwalError as error:
        print(error, file=sys.stderr)
        return EXIT_USAGE


def _follow(folder: Path, stop: _StopSignal) -> int:
    from lwal_core.training.loop import Cancelled, train_run
    from lwal_core.training.parallel import Team

    try:
        train_run(folder, stop, Team.from_environment())
    except Cancelled:
        return EXIT_CANCELLED
    return EXIT_DONE


def _train(folder: Path, stop: _StopSignal) -> int:
    writer = RunWriter(folder)
    if writer.record.status != "queued":
        raise LwalError(
            f"Run {writer.record.id} is {writer.record.status}, not queued.", "Use `lwal resume` to go on with it."
        )
    writer.take()
    try:
        with training_turn(folder.parent.parent, folder.name, stop) as granted:
            if not granted:
                writer.move_to("cancelled", stop.reason)
                return EXIT_CANCELLED
            writer.move_to("running")
            # Only now: a process that waits in line holds a few megabytes instead of torch.
            from lwal_core.training.loop import Cancelled, train_run
            from lwal_core.training.parallel import Team

            try:
                why = train_run(folder, stop, Team.from_environment())
            except Cancelled:
                RunWriter(folder).move_to("cancelled", stop.reason)
                return EXIT_CANCELLED
    except LwalError as error:
        _fail(folder, str(error))
        print(error, file=sys.stderr)
        return EXIT_FAILED
    except Exception as error:
        _fail(folder, f"{type(error).__name__}: {error}")
        traceback.print_exc()
        return EXIT_FAILED
    RunWriter(folder).move_to("done", why)
    start_after_training(folder)
    return EXIT_DONE


def _fail(folder: Path, reason: str) -> None:
    writer = RunWriter(folder)
    writer.update(error=reason[:2000])
    writer.move_to("failed", reason[:2000])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
