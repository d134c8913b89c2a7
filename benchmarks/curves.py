"""Curves of many runs: how the figure's time grows with them, and what the page takes.

Usage: ``.venv/bin/python benchmarks/curves.py [--epochs 50]``. The ratio is that of 200 groups to 20, which is ten times
as much to draw: near 10 when every line costs as much as before, lower when lines of one look share a trace. Page
times are those of ``benchmarks/pages.py``: the first look, a redraw, and a view not drawn before.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable

import numpy as np

from pages import measure, write_run

REPEATS = 9
PAGE_BUDGET = 150  # ms of a redraw
RATIO_BUDGET = 5.0


def main() -> None:
    """Print figures beside their budgets."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=50)
    epochs = parser.parse_args().epochs
    times = {count: figure_time(count, epochs) for count in (20, 200)}
    for count, milliseconds in times.items():
        print(f"figure of {count:3} groups, built and written as JSON: {milliseconds:6.0f} ms")
    print(f"ratio {times[200] / times[20]:.1f} (budget {RATIO_BUDGET:g})")
    with tempfile.TemporaryDirectory() as home:
        os.environ["LWAL_HOME"] = home
        groups = set()
        for number in range(40):
            for seed in range(5):
                options = {"name": "lwal", "push_weight": 1.0 + number} if number else {"name": "onehot"}
                groups.add(write_run(options, seed, 3, epochs))
        first, same, other = measure("curves", {"runs": sorted(groups)})
    print(f"page, 200 runs in 40 groups: first {first:.0f} ms, redraw {same:.0f} ms, new view {other:.0f} ms")
    print(f"(budget of a redraw: {PAGE_BUDGET} ms)")


def figure_time(count: int, epochs: int) -> float:
    """Median milliseconds of the accuracy figure of so many groups of one run."""
    from lwal_core.analysis.comparison.curve import Curve
    from lwal_core.figures.curves import accuracy_figure

    generator = np.random.default_rng(0)
    epoch = np.arange(epochs + 1.0)
    rise = 0.9 * (1 - 0.9 ** (epoch + 1))
    groups = {}
    for number in range(count):
        label = f"LwAL, push weight {number}"
        accuracy = rise + 0.005 * generator.normal(size=epoch.size)
        groups[label] = [Curve(f"run-{number}", label, label, 0, epoch, accuracy, 100 * epoch, 0.5 * epoch)]
    return median(lambda: accuracy_figure(groups).to_json())


def median(work: Callable[[], object]) -> float:
    """Milliseconds, after a first call that is not counted."""
    taken = []
    for _ in range(REPEATS + 1):
        started = time.perf_counter()
        work()
        taken.append(1000 * (time.perf_counter() - started))
    return statistics.median(taken[1:])


if __name__ == "__main__":
    main()
