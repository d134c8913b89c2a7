"""The long fault test: real trainings while the app, the worker and the trainings are killed at random moments, and two
workers that share fifty real trainings.

    python tests/faults/long_run.py [--rounds 30] [--jobs 50] [--seed 0] [--folder /tmp/faults]

Prints one line a round and, at the end, what was lost. Exit code 0 when nothing was.
"""

from __future__ import annotations

import argparse
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from lwal_core.jobs import submit
from lwal_core.runs import Run, create_run, list_runs, open_run
from tests.faults.service import Service, check_done_once, kill, same_results, short

KILL_RUNS, KILL_EPOCHS = 4, 60


def main() -> int:
    """Run both parts; the number of runs that were lost or differ is the exit code's only say."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--jobs", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--slots", type=int, default=2)
    parser.add_argument("--folder", type=Path, default=Path("/tmp/faults"))
    options = parser.parse_args()
    shutil.rmtree(options.folder, ignore_errors=True)
    lost = kills(options.folder / "kills", options.rounds, options.seed, options.slots)
    lost += two_workers(options.folder / "jobs", options.jobs, options.slots)
    print(f"losses in all: {lost}")
    return 1 if lost else 0


def kills(folder: Path, rounds: int, seed: int, slots: int) -> int:
    """SIGKILL to a trainer, the worker or the app (with the frame behind it) at random moments."""
    if not rounds:
        return 0
    generator = np.random.default_rng(seed)
    home = folder / "home"
    service = Service(home, folder / "logs", real=True, LWAL_SLOTS=str(slots))
    app = _serve(service)
    runs: list[Run] = []
    killed = {"trainer": 0, "worker": 0, "app": 0}
    started = time.monotonic()
    try:
        for number in range(1, rounds + 1):
            if sum(run.active for run in list_runs(home)) < slots:
                batch = [create_run(short(len(runs) + i, KILL_EPOCHS), home=home) for i in range(KILL_RUNS)]
                runs += [submit(run) for run in batch]
            time.sleep(float(generator.uniform(1, 20)))
            what = str(generator.choice(list(killed)))
            if what == "trainer":
                trainings = service.trainings()
                if not trainings:
                    what = "worker"
                else:
                    kill(trainings[int(generator.integers(len(trainings)))].pid)
            if what == "worker":
                worker = _child(app, "worker")
                if worker:
                    kill(worker)
            if what == "app":
                app.kill()
                app.wait()
                app = _serve(service)
            killed[what] += 1
            done = sum(run.status == "done" for run in list_runs(home))
            print(f"round {number}: SIGKILL to the {what}; {done} of {len(runs)} runs done", flush=True)
        deadline = time.monotonic() + 1800
        while any(run.status != "done" for run in list_runs(home)) and time.monotonic() < deadline:
            time.sleep(1)
    finally:
        service.stop()
    print(f"kills: {killed}, {len(runs)} runs, {time.monotonic() - started:.0f} s", flush=True)
    return _losses(home, runs, folder)


def two_workers(folder: Path, jobs: int, slots: int) -> int:
    """Two workers, one queue; every run once, the last one compared with an undisturbed one."""
    if not jobs:
        return 0
    home = folder / "home"
    started = time.monotonic()
    runs = [submit(create_run(short(seed, 1), home=home)) for seed in range(jobs)]
    service = Service(home, folder / "logs", real=True, LWAL_SLOTS=str(slots))
    try:
        workers = [service.worker("--until-idle") for _ in range(2)]
        codes = [worker.wait(3600) for worker in workers]
    finally:
        service.stop()
    by_worker = [path.read_text().count(" starts") for path in sorted((folder / "logs").glob("*.log"))]
    print(f"two workers, {jobs} jobs: exit codes {codes}, trainings started by each {by_worker}, "
          f"{time.monotonic() - started:.0f} s", flush=True)  # fmt: skip
    return _losses(home, runs, folder, at_most=5) + abs(sum(by_worker) - jobs)


def _losses(home: Path, runs: list[Run], folder: Path, at_most: int | None = None) -> int:
    """Runs that are not done once and whole, or differ from the same run in peace."""
    lost, peace = 0, folder / "peace"
    service = Service(peace, folder / "peace-logs", real=True)
    compared = runs[:at_most]
    twins = {run.id: submit(create_run(run.config, home=peace)) for run in compared}
    service.worker("--until-idle", "--slots", "2").wait(3600)
    service.stop()
    for run in runs:
        try:
            check_done_once(run)
            if run.id in twins:
                same_results(open_run(twins[run.id].id, peace), open_run(run.id, home))
        except AssertionError as error:
            lost += 1
            print(f"LOST {run.id}: {str(error)[:2000]}", flush=True)
    print(f"{len(runs)} runs: each done exactly once, {len(compared)} compared bit for bit; losses: {lost}", flush=True)
    return lost


def _serve(service: Service) -> subprocess.Popen[bytes]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    return service.start(["serve", "--port", str(port)])


def _child(app: subprocess.Popen[bytes], word: str) -> int | None:
    import psutil

    try:
        children = psutil.Process(app.pid).children()
    except psutil.Error:
        return None
    return next((child.pid for child in children if word in child.cmdline()), None)


if __name__ == "__main__":
    sys.exit(main())
