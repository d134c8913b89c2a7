"""Many browsers at once while a training runs: errors, time of a redraw, memory of the web processes.

Usage: ``.venv/bin/python benchmarks/load.py [--sessions 25] [--minutes 10] [--processes 1 2 4] [--data digits] [--port 8690]``. Starts
``lwal serve`` on a home of its own with finished runs, hands a training in, and opens so many sessions over websockets that
speak the frame's own protocol: each looks at one page and redraws it every few seconds, the Train page every second as a
browser does. Several numbers of app processes are tried one after the other with the same sessions, and compared with the first
by ratios. Budgets: no error, and no growth of the web processes' memory once every page was drawn. Digits train some 150
epochs per minute, whose curves are longer each time; with ``--data shapes`` there are few, and what grows is a leak.

On a machine of two cores the training takes one and the sessions' own program part of the other, so that more than two processes
can gain little there: what they show is that nothing is lost, and what memory they take.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import random
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

WARM_SHARE = 0.3
"""Share of the time after which every page was drawn by somebody; memory is judged from there on."""


@dataclass
class Seen:
    """What all sessions saw of a service with so many app processes."""

    processes: int = 1
    epochs: int = 0
    each: list[float] = field(default_factory=list)
    """Megabytes of each app process at the end."""

    redraws: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    errors: list[str] = field(default_factory=list)
    memory: list[tuple[float, float]] = field(default_factory=list)


def main() -> int:
    """Print the figures; exit code 1 when a budget is broken."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sessions", type=int, default=25)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--port", type=int, default=8690)
    parser.add_argument("--data", default="digits", help="what is trained on; an epoch on shapes takes far longer")
    parser.add_argument("--processes", type=int, nargs="+", default=[1], help="app processes, one try after the other")
    parser.add_argument("--log", action="store_true", help="print the end of the service's log without an error, too")
    options = parser.parse_args()
    from benchmarks.pages import write_run

    found = []
    for processes in options.processes:
        with tempfile.TemporaryDirectory() as home:
            os.environ["LWAL_HOME"] = home
            for method in ("onehot", "lwal"):
                for seed in (12, 123, 1234):
                    write_run(method, seed, 10, 10)
            found.append(_try(Path(home), processes, options))
            _report(found[-1], options.sessions, options.minutes)
    if len(found) > 1:
        _compare(found)
    return 1 if any(seen.errors for seen in found) else 0


def _try(home: Path, processes: int, options: argparse.Namespace) -> Seen:
    """One service, its sessions, and its end."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [
        sys.executable,
        "-m",
        "lwal_core.cli",
        "serve",
        "--port",
        str(options.port),
        "--processes",
        str(processes),
    ]
    with open(home / "serve.log", "wb") as log:
        service = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
    try:
        seen = asyncio.run(
            _measure(options.sessions, options.minutes * 60, options.port, service.pid, options.data, processes)
        )
    finally:
        service.terminate()
        service.wait(60)
    if seen.errors or options.log:  # what the browser was not shown
        print((home / "serve.log").read_text("utf-8", "replace")[-20_000:])
    return seen


async def _measure(sessions: int, seconds: float, port: int, service: int, data: str, processes: int) -> Seen:
    from app.common.pages import page_names
    from lwal_core.config import RunConfig
    from lwal_core.jobs import cancel, submit
    from lwal_core.runs import create_run, open_run

    await asyncio.to_thread(_wait_for, f"http://127.0.0.1:{port}/_stcore/health")
    run = submit(create_run(RunConfig.parse({"data": {"name": data}, "training": {"epochs": 10_000, "device": "cpu"}})))
    while open_run(run.id).status != "running":
        await asyncio.sleep(0.5)
    while len(_web(service)) < processes or not await asyncio.to_thread(_all_up, port, processes):
        await asyncio.sleep(0.5)
    seen, end = Seen(processes=processes), time.monotonic() + seconds
    pages = page_names()
    tasks = [_session(pages[i % len(pages)], port, end, seen, random.Random(i)) for i in range(sessions)]
    await asyncio.gather(_watch_memory(service, end, seen), *tasks)
    trained = open_run(run.id)
    assert trained.status == "running", trained.status
    cancel(trained)
    seen.epochs = trained.metrics().epochs_done
    return seen


async def _session(page: str, port: int, end: float, seen: Seen, chance: random.Random) -> None:
    """One browser on one page: draws it, then redraws it until the end."""
    from streamlit.proto.BackMsg_pb2 import BackMsg
    from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
    from websockets.asyncio.client import connect

    await asyncio.sleep(chance.uniform(0, 5))  # and then, as a browser does, answer pings and send none
    try:
        cookie = await asyncio.to_thread(_first_page, port)
        async with connect(
            f"ws://127.0.0.1:{port}/_stcore/stream",
            subprotocols=["streamlit"],
            max_size=None,
            ping_interval=None,
            additional_headers={"Cookie": cookie} if cookie else {},
            open_timeout=60,
        ) as socket:
            fragment = ""
            while time.monotonic() < end:
                ask = BackMsg()
                ask.rerun_script.page_name = "" if page == "home" else page
                ask.rerun_script.query_string = ""
                if fragment:
                    ask.rerun_script.fragment_id, ask.rerun_script.is_auto_rerun = fragment, True
                started = time.monotonic()
                await socket.send(ask.SerializeToString())
                while True:
                    answer = ForwardMsg()
                    answer.ParseFromString(await asyncio.wait_for(socket.recv(), 120))
                    kind = answer.WhichOneof("type")
                    if kind == "auto_rerun" and answer.auto_rerun.fragment_id and page == "train":
                        fragment = answer.auto_rerun.fragment_id
                    if kind == "delta" and answer.delta.new_element.WhichOneof("type") == "exception":
                        seen.errors.append(f"{page}: {answer.delta.new_element.exception.message[:200]}")
                    if kind == "page_not_found":
                        seen.errors.append(f"{page}: no such page")
                    if kind == "script_finished":
                        if answer.script_finished == ForwardMsg.FINISHED_WITH_COMPILE_ERROR:
                            seen.errors.append(f"{page}: does not compile")
                        break
                seen.redraws[f"{page}, live part" if ask.rerun_script.fragment_id else page].append(
                    time.monotonic() - started
                )
                await asyncio.sleep(1.0 if fragment else chance.uniform(3, 8))
    except Exception as error:  # whatever ends a session is what this looks for
        seen.errors.append(f"{page}: {type(error).__name__}: {error}")


def _first_page(port: int, cookie: str = "") -> str:
    """Ask for the document as a browser does; the cookie that says which process it belongs to, if there is one."""
    asked = urllib.request.Request(f"http://127.0.0.1:{port}/", headers={"Accept": "text/html", "Cookie": cookie})
    with urllib.request.urlopen(asked, timeout=60) as answer:
        answer.read()
        return str(answer.headers.get("Set-Cookie") or "").partition(";")[0]


def _all_up(port: int, processes: int) -> bool:
    """Whether each process answers: the cookie for it is not replaced."""
    return processes == 1 or not any(_first_page(port, f"lwal_process_{port}={n}") for n in range(1, processes + 1))


def _web(service: int) -> list[psutil.Process]:
    """The app's processes, without proxy and worker."""
    return [p for p in psutil.Process(service).children() if {"streamlit", "app.web.process"} & set(p.cmdline())]


def _megabytes(process: psutil.Process) -> float:
    """Memory of a process; what several share is divided by their number (PSS), where the system tells."""
    facts = process.memory_full_info()
    return float(getattr(facts, "pss", facts.rss)) / 1e6


async def _watch_memory(service: int, end: float, seen: Seen) -> None:
    """Memory of the web processes together, every five seconds."""
    web, start = _web(service), time.monotonic()
    while time.monotonic() < end:
        seen.memory.append((time.monotonic() - start, sum(map(_megabytes, web))))
        await asyncio.sleep(5)
    seen.each = [_megabytes(process) for process in web]


def _wait_for(address: str) -> None:
    deadline = time.monotonic() + 90
    while True:
        try:
            with urllib.request.urlopen(address, timeout=2):
                return
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.3)


def _report(seen: Seen, sessions: int, minutes: float) -> None:
    several = "es" * (seen.processes > 1)
    print(f"\n{sessions} sessions, {minutes:g} minutes, {seen.processes} app process{several}, a training of {seen.epochs} epochs "
          f"meanwhile; {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, Python {platform.python_version()}")  # fmt: skip
    print(f"{'page':20}{'redraws':>10}{'median':>10}{'p95':>10}   ms")
    for page, times in sorted(seen.redraws.items()):
        print(f"{page:20}{len(times):10}{np.median(times) * 1000:10.0f}{np.percentile(times, 95) * 1000:10.0f}")
    every = _all(seen)
    print(f"{'all':20}{len(every):10}{np.median(every) * 1000:10.0f}{np.percentile(every, 95) * 1000:10.0f}")
    at, memory = np.array(seen.memory).T
    warm = at >= WARM_SHARE * at[-1]
    slope = np.polyfit(at[warm] / 60, memory[warm], 1)[0] if warm.sum() > 2 else float("nan")
    print(f"memory of the app: {memory[0]:.0f} MB at first, {memory[warm][0]:.0f} MB when warm, {memory[-1]:.0f} MB "
          f"at the end, {memory.max():.0f} MB at most; {slope:+.2f} MB per minute when warm")  # fmt: skip
    minute = [f"{memory[at // 60 == m].mean():.0f}" for m in range(int(at[-1] // 60) + 1)]
    print(
        f"mean of every minute: {' '.join(minute)} MB; each process at the end: {' '.join(f'{m:.0f}' for m in seen.each)} MB"
    )
    print(f"errors: {len(seen.errors)}", *seen.errors[:10], sep="\n  ")


def _all(seen: Seen) -> list[float]:
    return [seconds for times in seen.redraws.values() for seconds in times]


def _compare(found: list[Seen]) -> None:
    """Each number of processes beside the first, as ratios."""
    first = _all(found[0])
    print(f"\nbeside {found[0].processes} app process{'es' * (found[0].processes > 1)}, as ratios")
    print(f"{'processes':>10}{'redraws':>10}{'median':>10}{'p95':>10}{'memory':>10}{'errors':>10}")
    for seen in found:
        every = _all(seen)
        ratios = (
            len(every) / len(first),
            np.median(every) / np.median(first),
            np.percentile(every, 95) / np.percentile(first, 95),
            sum(seen.each) / sum(found[0].each),
        )
        print(f"{seen.processes:10}" + "".join(f"{ratio:10.2f}" for ratio in ratios) + f"{len(seen.errors):10}")


if __name__ == "__main__":
    sys.exit(main())
