"""Every check of the project with one summary line at the end; tests/README.md names the tiers.

Run it by ``make test``, or by ``make test-long`` for the repetitions alone. Browser tests need Chromium and nginx, those of several
app processes HAProxy, the queue's tests a Redis server, those of clusters SLURM: what is installed is used, else Debian's package
is installed when running as root; where neither can be had they are skipped with the reason, except in continuous integration,
where that is a failure. The same holds for pdftotext (poppler-utils), with which a test reads pictures as other people's readers do.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tests.support.tiers import folder_tier
from tools.browser import CHROMIUM_NAMES

ROOT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent
CORES = min(os.cpu_count() or 1, 8)
WORKERS = {"fault": 2 * CORES, "process": CORES, "unit": CORES + 1, "page": CORES, "browser": CORES, "long": CORES}
"""How many tests of a tier run at once; tests of faults mostly wait for something to happen, those of units now and then for
a disk."""
MEMORY = Path("/dev/shm")
"""A folder in memory on Linux: nobody waits there until what was written is on a disk."""
FREE_GIB, AVAILABLE_GIB = 2, 8
"""What must be free there, and of the machine's memory, for files of tests to lie in it; a tier needs less than one."""
ONE_THREAD = {"OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
"""Each process has one, as all cores are taken. Unless told, UMAP's compiler sets OpenMP to all cores from its first use on, torch's
as well, and threads that wait for each other by turning in circles take several times the processors' time of the work itself."""
RERUNS = {"browser": 1}
"""How often a test of a tier that failed is run again before it counts: tests/README.md says why."""
CHECKS = {
    "lint": [BIN / "ruff", "check", "."],
    "format": [BIN / "ruff", "format", "--check", "."],
    "types": [BIN / "mypy"],
    "import rules": [BIN / "lint-imports"],
}
# Numba keeps what it compiled: without this, whichever tests come to UMAP first would each wait for it.
COMPILE_UMAP = "import numpy, lwal_core.analysis.projection as p; p.project(numpy.eye(8), 'umap')"


def main(arguments: list[str]) -> int:
    """Run all tiers but ``long``, or those that are named; exit code 0 when everything is green."""
    # Bytecode is kept: hundreds of processes load this project.
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "", **ONE_THREAD}
    if unknown := [tier for tier in arguments if tier not in WORKERS]:
        print(f"no tier: {', '.join(unknown)}; there are {', '.join(WORKERS)}")
        return 2
    tiers = arguments or [tier for tier in WORKERS if tier != "long"]
    counts: Counter[str] = Counter()
    failed: list[str] = []
    for programs, package in (
        (("pdftotext",), "poppler-utils"),
        (("redis-server",), "redis-server"),
        (("nginx",), "nginx-light"),
        (("haproxy",), "haproxy"),
        (("slurmctld",), "slurmctld slurmd slurm-client munge"),
    ):
        problem = _missing(programs, package)
        if problem is not None:  # what needs it is skipped with its reason, in continuous integration it fails
            print(f"\nsome tests cannot run: {problem}")
    if "browser" in tiers and (problem := _missing(CHROMIUM_NAMES, "chromium")) is not None:
        tiers = [tier for tier in tiers if tier != "browser"]
        if os.environ.get("CI"):
            failed.append("browser tests")
        print(f"\nbrowser tests {'cannot run' if os.environ.get('CI') else 'skipped'}: {problem}")
    started = time.monotonic()
    with ThreadPoolExecutor() as pool:
        checks = None if arguments else pool.submit(_check, environment)
        for tier in tiers:
            counts.update(_pytest(tier, environment))
            if checks is not None:  # they run beside the first tier
                failed, checks = failed + checks.result(), None
    print(f"\nin all {time.monotonic() - started:.0f} s")
    if failed:
        print(f"\nfailed: {', '.join(failed)}")
    counts["failed"] += len(failed)
    print(f"\n{counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped")
    return 1 if counts["failed"] or not counts["passed"] else 0


def _run(command: list[object], environment: dict[str, str], **options: object) -> tuple[int, str]:
    """Exit code of a command, and the seconds that it took, by the clock and by processors."""
    started = time.monotonic()
    process = subprocess.Popen([str(part) for part in command], cwd=ROOT, env=environment, **options)  # type: ignore[call-overload]
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    cpu = usage.ru_utime + usage.ru_stime
    return process.returncode, f"{time.monotonic() - started:.0f} s, {cpu:.0f} s of CPU"


def _check(environment: dict[str, str]) -> list[str]:
    """Compile UMAP, then lint, types and import rules; prints all at once and returns the names of those that failed."""
    print(f"\n== UMAP compiled: {_run([sys.executable, '-c', COMPILE_UMAP], environment)[1]}", flush=True)
    failed, report = [], ""
    for name, command in CHECKS.items():
        with tempfile.TemporaryFile("w+") as output:
            code, seconds = _run(command, environment, stdout=output, stderr=subprocess.STDOUT)
            output.seek(0)
            report += f"\n== {name}: {seconds}\n{output.read()}"
        if code:
            failed.append(name)
    print(report, flush=True)
    return failed


def _pytest(tier: str, environment: dict[str, str]) -> Counter[str]:
    """Run a tier and count; a pytest that ends without a report counts as one failure."""
    print(f"\n== {tier} tests", flush=True)
    reruns = RERUNS.get(tier, 0)
    place = _place()
    with tempfile.TemporaryDirectory(dir=place, prefix="lwal", ignore_cleanup_errors=True) as folder:
        os.chmod(folder, 0o755)  # tests look at files as another user
        report = Path(folder) / "report.xml"
        command = [
            *(sys.executable, "-m", "pytest", "-q", "-m", tier, "--durations=8", f"--junitxml={report}"),
            *(f"--basetemp={folder}/t", "-o", "tmp_path_retention_policy=failed"),
            *("-n", WORKERS[tier], "--dist", "worksteal"),
            # The plugin for that costs a third of a short test's time, even where nothing is run again.
            *(("-rR", "--rerun-show-tracebacks", "--reruns", reruns) if reruns else ("-p", "no:rerunfailures")),
        ]  # fmt: skip
        code, seconds = _run([*command, *_files(tier)], {**environment, "TMPDIR": folder})
        if not report.exists():
            return Counter(failed=1)
        root = ElementTree.parse(report).getroot()
    suite = root.find("testsuite")
    numbers = {key: int(suite.get(key, 0)) if suite is not None else 0 for key in ("failures", "errors", "skipped")}
    runs = [(case.get("classname"), case.get("name")) for case in root.iter("testcase")]
    tests = len(set(runs))
    bad = numbers["failures"] + numbers["errors"]
    again = f", {len(runs) - tests} of {tests} run again after a failure" if tier in RERUNS else ""
    print(f"{tier} tests: {seconds}{again}", flush=True)
    return Counter(
        passed=tests - bad - numbers["skipped"],
        failed=max(bad, 1 if code not in (0, 1) else 0),
        skipped=numbers["skipped"],
    )


def _place() -> Path | None:
    """Where the files of tests lie: in memory if there is plenty, else where this system keeps temporary files."""
    if not (MEMORY.is_dir() and os.access(MEMORY, os.W_OK)):
        return None
    free, available = shutil.disk_usage(MEMORY).free, psutil.virtual_memory().available
    return MEMORY if free >= FREE_GIB * 2**30 and available >= AVAILABLE_GIB * 2**30 else None


def _files(tier: str) -> list[Path]:
    """Files with tests of a tier: by their folder, or because they name its marker. The others need not be loaded."""
    return [
        path
        for path in sorted((ROOT / "tests").rglob("test_*.py"))
        if tier == folder_tier(path) or f"mark.{tier}" in path.read_text("utf-8")
    ]


def _found(programs: tuple[str, ...]) -> bool:
    path = os.environ.get("PATH", "") + ":/usr/sbin"  # where Debian keeps servers
    return any(shutil.which(program, path=path) for program in programs)


def _missing(programs: tuple[str, ...], package: str) -> str | None:
    """Make sure that one of these programs is there, with Debian's packages if need be; otherwise say why not."""
    if _found(programs):
        return None
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return f"{package} is not installed and cannot be installed without root and apt; install the package {package}"
    print(f"\n== installing {package}", flush=True)
    # Services are not started: the tests start servers of their own.
    environment = {**os.environ, "RUNLEVEL": "1", "DEBIAN_FRONTEND": "noninteractive"}
    quiet = {"cwd": "/", "check": False, "stdout": subprocess.DEVNULL, "env": environment}
    subprocess.run(["apt-get", "update", "-q"], **quiet)  # type: ignore[call-overload]
    subprocess.run(["apt-get", "install", "-y", "-q", "--no-install-recommends", *package.split()], **quiet)  # type: ignore[call-overload]
    return None if _found(programs) else f"apt-get could not install the package {package}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
