"""Every check of the project, one after the other, with one summary line at the end.

Run it by ``make test``. Browser tests need Chromium and nginx, the queue's tests a Redis server: what is installed is used, else
Debian's package is installed when running as root; where neither can be had they are skipped with the reason, except in
continuous integration, where that is a failure. The same holds for pdftotext (poppler-utils), with which a test reads
pictures as other people's readers do.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")


def main() -> int:
    """Run all checks; exit code 0 when every one is green."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    steps = {
        "lint": [BIN / "ruff", "check", "."],
        "format": [BIN / "ruff", "format", "--check", "."],
        "types": [BIN / "mypy"],
        "import rules": [BIN / "lint-imports"],
    }
    failed = [name for name, command in steps.items() if not _passes(name, command, environment)]
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    for programs, package in (
        (("pdftotext",), "poppler-utils"),
        (("redis-server",), "redis-server"),
        (("nginx",), "nginx-light"),
    ):
        problem = _missing(programs, package)
        if problem is not None:  # what needs it is skipped with its reason, in continuous integration it fails
            print(f"\nsome tests cannot run: {problem}")
    # Unit and page tests share the cores, each worker with one thread; browser tests have the machine to themselves.
    fast = ["-m", "not browser", "-n", "auto", "--dist", "worksteal"]
    _pytest("unit and page tests", fast, {**environment, "OMP_NUM_THREADS": "1"}, counts)
    problem = _chromium_problem()
    if problem is None:
        _pytest("browser tests", ["-m", "browser"], environment, counts)
    elif os.environ.get("CI"):
        failed.append("browser tests")
        print(f"\nbrowser tests cannot run: {problem}")
    else:
        print(f"\nbrowser tests skipped: {problem}")
    if failed:
        print(f"\nfailed: {', '.join(failed)}")
    counts["failed"] += len(failed)
    print(f"\n{counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped")
    return 1 if counts["failed"] or not counts["passed"] else 0


def _passes(name: str, command: list[object], environment: dict[str, str]) -> bool:
    print(f"\n== {name}", flush=True)
    return subprocess.run([str(part) for part in command], cwd=ROOT, env=environment, check=False).returncode == 0


def _pytest(name: str, options: list[str], environment: dict[str, str], counts: dict[str, int]) -> None:
    """Run pytest and add its counts; a pytest that ends without a report counts as one failure."""
    print(f"\n== {name}", flush=True)
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [sys.executable, "-m", "pytest", "-q", "--durations=8", f"--junitxml={report}", *options]
        code = subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode
        if not report.exists():
            counts["failed"] += 1
            return
        suite = ElementTree.parse(report).getroot().find("testsuite")
    numbers = {
        key: int(suite.get(key, 0)) if suite is not None else 0 for key in ("tests", "failures", "errors", "skipped")
    }
    bad = numbers["failures"] + numbers["errors"]
    counts["failed"] += max(bad, 1 if code not in (0, 1) else 0)
    counts["skipped"] += numbers["skipped"]
    counts["passed"] += numbers["tests"] - bad - numbers["skipped"]
    print(f"{name}: {time.monotonic() - started:.0f} s", flush=True)


def _chromium_problem() -> str | None:
    """Make sure that there is a Chromium; otherwise say why not."""
    return _missing(CHROMIUM_NAMES, "chromium")


def _found(programs: tuple[str, ...]) -> bool:
    path = os.environ.get("PATH", "") + ":/usr/sbin"  # where Debian keeps servers
    return any(shutil.which(program, path=path) for program in programs)


def _missing(programs: tuple[str, ...], package: str) -> str | None:
    """Make sure that one of these programs is there, with Debian's package if need be; otherwise say why not."""
    if _found(programs):
        return None
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return f"{package} is not installed and cannot be installed without root and apt; install the package {package}"
    print(f"\n== installing {package}", flush=True)
    # Services are not started: the tests start servers of their own.
    environment = {**os.environ, "RUNLEVEL": "1", "DEBIAN_FRONTEND": "noninteractive"}
    quiet = {"cwd": "/", "check": False, "stdout": subprocess.DEVNULL, "env": environment}
    subprocess.run(["apt-get", "update", "-q"], **quiet)  # type: ignore[call-overload]
    subprocess.run(["apt-get", "install", "-y", "-q", "--no-install-recommends", package], **quiet)  # type: ignore[call-overload]
    return None if _found(programs) else f"apt-get could not install the package {package}"


if __name__ == "__main__":
    sys.exit(main())
