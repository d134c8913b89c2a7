"""Cost of a long list of runs, in seconds of processor time, with its index and without.

Usage: ``.venv/bin/python benchmarks/many_runs.py [--runs 10000]``, about two minutes. One short run is trained; its record and curves are
copied into a temporary home under other seeds and tags. The budget is that of a page: 0.5 s for a process that starts.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import orjson

from lwal_core.runs import group_runs, list_runs, listing
from lwal_core.runs.index import FILE

BUDGET = 0.5


def main() -> None:
    """Print each figure in a line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=10_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        _fill(home, options.runs)
        for title, prepare in (
            ("a process that starts, without index", lambda: (home / FILE).unlink(missing_ok=True)),
            ("a process that starts, with index", lambda: None),
        ):
            prepare()
            listing._cache.clear()
            listing._indexed.clear()
            listing._recent.clear()
            _say(title, lambda: list_runs(home), BUDGET if "with index" in title else None)
        _say("the same process again", lambda: list_runs(home, fresh=True), BUDGET)
        runs = list_runs(home)
        _say("grouped", lambda: group_runs(runs), BUDGET)
        _say("searched for a tag", lambda: [run for run in runs if "sweep:s3" in run.tags], BUDGET)
        print(f"index {(home / FILE).stat().st_size / 2**20:.1f} MiB for {len(runs):,} runs")


def _say(title: str, act, budget: float | None) -> None:  # type: ignore[no-untyped-def]
    start = time.process_time()
    act()
    seconds = time.process_time() - start
    print(f"{title:40} {seconds:6.2f} s" + (f"   budget {budget:g} s" if budget else ""), flush=True)


def _fill(home: Path, count: int) -> None:
    command = [sys.executable, "-m", "lwal_core.cli", "train", "--per-class", "20", "--epochs", "5", "--method", "lwal"]
    subprocess.run(command, check=True, env=os.environ | {"LWAL_HOME": str(home)}, stdout=subprocess.DEVNULL)
    (made,) = list_runs(home)
    folder = home / "runs" / made.id
    record, curves = orjson.loads((folder / "run.json").read_bytes()), (folder / "metrics.jsonl").read_bytes()
    for number in range(1, count):
        copy = home / "runs" / f"{made.id[:-6]}{number:06x}"
        copy.mkdir()
        record |= {"id": copy.name, "tags": [f"sweep:s{number // 200}"]}
        record["config"]["training"] |= {"seed": number % 10, "epochs": 5 + number // 10}
        (copy / "run.json").write_bytes(orjson.dumps(record))
        (copy / "metrics.jsonl").write_bytes(curves)


if __name__ == "__main__":
    main()
