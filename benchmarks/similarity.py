"""Run-by-run similarity of many runs: CKA, Procrustes distance and neighbour overlap of each pair, and the permutation tests.

Usage: ``.venv/bin/python benchmarks/similarity.py [--runs 50] [--widths 10 512 2048]``. The sets are random and of one shape, so
that no shortcut for alike sets helps. Budget: 50 runs within 10 seconds, at each width.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from lwal_core.analysis.run_similarity import group_test, samples_for, similarity_matrix

BUDGET = 10.0


def main() -> int:
    """Print the figures; exit code 1 when the budget is broken."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--widths", type=int, nargs="+", default=[10, 512, 2048])
    options = parser.parse_args()
    samples, draw, late = samples_for(options.runs), np.random.default_rng(0), False
    print(f"{options.runs} runs, {samples:,} samples; {os.cpu_count()} cores, Python {platform.python_version()}")
    print(f"{'width':>6}{'matrix s':>10}{'tests s':>10}{'all s':>10}")
    for width in options.widths:
        sets = [draw.normal(size=(samples, width)).astype(np.float32) for _ in range(options.runs)]
        started = time.perf_counter()
        found = similarity_matrix(sets)
        matrix = time.perf_counter() - started
        assert found is not None
        for values in found.values.values():
            group_test(values, [at // 5 for at in range(options.runs)])
        whole = time.perf_counter() - started
        late |= whole > BUDGET
        print(f"{width:6}{matrix:10.1f}{whole - matrix:10.1f}{whole:10.1f}")
    return int(late)


if __name__ == "__main__":
    sys.exit(main())
