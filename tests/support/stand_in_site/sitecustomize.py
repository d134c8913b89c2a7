"""Loaded by Python itself where this folder is on its path: workers and jobs of the test cluster then train by
tests/faults/stand_in.py instead of with torch. Of several nodes the first trains alone."""

from __future__ import annotations

import sys
from pathlib import Path

if {"submitit.core._submit", "worker"} & set(sys.orig_argv):
    from lwal_core.jobs import processes

    _PROGRAM = Path(__file__).resolve().parents[2] / "faults" / "stand_in.py"

    def _launch_command(folder: Path, count: int, place: processes.NodePlace | None = None) -> list[str]:
        if place is not None and place.rank > 0:
            return ["true"]
        return [sys.executable, str(_PROGRAM), "train", str(folder)]

    processes.launch_command = _launch_command
