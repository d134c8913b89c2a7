"""Analysis process: analyses the model of a run."""

from __future__ import annotations

import sys
from pathlib import Path

from lwal_core.jobs.run_process import EXIT_DONE, EXIT_USAGE, run_process
from lwal_core.jobs.stop import StopRequest
from lwal_core.projections import start_after_training


def main(arguments: list[str]) -> int:
    """Analyse by the run in the folder given as the only argument; returns the exit code."""
    if len(arguments) != 1:
        print("usage: python -m lwal_core.ready_models RUN_DIR", file=sys.stderr)
        return EXIT_USAGE
    folder = Path(arguments[0]).resolve()
    code = run_process(folder, StopRequest(folder), _analyse)
    if code == EXIT_DONE:
        start_after_training(folder)
    return code


def _analyse(folder: Path, stop: StopRequest) -> str:
    from lwal_core.ready_models.analyse import analyse_run  # brings torch, which a process that waits does not hold

    analyse_run(folder, stop)
    return ""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
