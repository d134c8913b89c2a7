"""Training process: trains the run in a folder; several of these train one run where torchrun starts them."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import NoReturn

from lwal_core.jobs.run_process import EXIT_CANCELLED, EXIT_DONE, EXIT_USAGE, run_process
from lwal_core.jobs.stop import Cancelled, StopRequest
from lwal_core.projections import start_after_training


def main(arguments: list[str]) -> int:
    """Train the run in the folder given as the only argument; returns the exit code.

    Where torchrun starts several of these for one run, the first owns the run folder and the others follow it.
    """
    if len(arguments) != 1:
        print("usage: python -m lwal_core.training RUN_DIR", file=sys.stderr)
        return EXIT_USAGE
    folder = Path(arguments[0]).resolve()
    stop = StopRequest(folder)
    if int(os.environ.get("RANK", "0")) > 0:
        return _follow(folder, stop)
    code = run_process(folder, stop, _train)
    if code == EXIT_DONE:
        start_after_training(folder)
    return code


def _follow(folder: Path, stop: StopRequest) -> int:
    try:
        _train(folder, stop)
    except Cancelled:
        return EXIT_CANCELLED
    return EXIT_DONE


def _train(folder: Path, stop: StopRequest) -> str:
    # Only now: a process that waits for a slot holds a few megabytes instead of torch.
    from lwal_core.training.loop import train_run
    from lwal_core.training.parallel import Team

    return train_run(folder, stop, Team.from_environment())


def end(code: int) -> NoReturn:
    """End this process. Where several trained together, without the interpreter's own end: threads of torch.distributed may still
    run, and C++ aborts a process that takes them down ("terminate called without an active exception")."""
    if "LOCAL_WORLD_SIZE" in os.environ:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


if __name__ == "__main__":
    end(main(sys.argv[1:]))
