"""Child processes: started with the same code, detached from the terminal."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

CODE_ROOT = Path(__file__).resolve().parents[2]
"""Folder that holds the package ``lwal_core``."""
_INSTALLED_WEB = Path(__file__).resolve().parents[1] / "_web"
WEB_ROOT = _INSTALLED_WEB if _INSTALLED_WEB.is_dir() else CODE_ROOT
"""Folder with app, pages, Streamlit's settings and examples: the clone, or the inside of an installed wheel."""
LOG_BYTES = 1_000_000
"""Size from which a log is begun anew."""


def code_environment() -> dict[str, str]:
    """The environment of a child process that is to find the same code."""
    environment = dict(os.environ)
    # The package may be used from a clone without being installed.
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [str(CODE_ROOT), environment.get("PYTHONPATH", "")]))
    # `python -m` would look for modules in the working directory first: a random.py of the user's own would be run.
    environment["PYTHONSAFEPATH"] = "1"
    # Threads that wait should sleep: on a machine with other work, spinning ones slow a small network down twenty times.
    environment.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    return environment


def start_detached(module: str, arguments: list[str], log: Path | None = None) -> subprocess.Popen[bytes]:
    """Start ``python -m module`` in a session of its own, so that closing the terminal or the app does not end it.

    Args:
        module: The module.
        arguments: Of the command line.
        log: Where its output is appended; None for nowhere.
    """
    output = subprocess.DEVNULL if log is None else open(log, "wb" if _large(log) else "ab")  # noqa: SIM115
    try:
        return subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=code_environment(),
            start_new_session=True,
        )
    finally:
        if not isinstance(output, int):
            output.close()


def _large(log: Path) -> bool:
    return log.exists() and log.stat().st_size > LOG_BYTES
