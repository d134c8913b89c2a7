"""WordNet and names of clades: seconds of a process that asks for a taxonomy for the first time and again, and of naming.

Usage: ``.venv/bin/python benchmarks/wordnet.py [--repeats 5]``. Medians of processor seconds; the first one is that of new
processes, from the import of ``lwal_core.taxonomy`` done to the taxonomy of ten classes made.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np

from lwal_core.analysis.hierarchy import build_hierarchy
from lwal_core.analysis.trees.clade_names import proposed_names
from lwal_core.taxonomy import load_taxonomy, wordnet_taxonomy
from lwal_core.taxonomy.wordnet import senses_of

ROOT = Path(__file__).resolve().parents[1]
TEN = ["bear", "giraffe", "school bus", "n02084071", "sea-lion", "crane", "otter", "taxi", "ostrich", "tiger"]
FIRST = f"""
import time
from lwal_core.taxonomy import wordnet_taxonomy
from lwal_core.taxonomy.wordnet import senses_of
start = time.process_time()
wordnet_taxonomy({TEN!r})
made = time.process_time()
senses_of("bear")
print(made - start, time.process_time() - made)
"""


def seconds(work: Callable[[], Any], repeats: int) -> float:
    """Median processor seconds of some work."""
    taken = []
    for _ in range(repeats):
        start = time.process_time()
        work()
        taken.append(time.process_time() - start)
    return median(taken)


def row(what: str, taken: float, budget: float) -> None:
    """Print one line."""
    print(f"{what:<66}{taken:9.3f} s{budget:9.1f} s")


def main() -> None:
    """Print one line for each thing measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    repeats = parser.parse_args().repeats
    print(f"{'what':<66}{'median':>11}{'budget':>11}")
    firsts = [
        subprocess.run(
            [sys.executable, "-c", FIRST], cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout.split()
        for _ in range(repeats)
    ]
    row("taxonomy of ten classes, first of a process", median(float(first) for first, _ in firsts), 0.3)
    row("senses with their definitions, first of a process", median(float(senses) for _, senses in firsts), 0.3)
    row("taxonomy of ten classes, again", seconds(lambda: wordnet_taxonomy(TEN), repeats), 0.05)
    row("senses with their definitions, again", seconds(lambda: senses_of("bear"), repeats), 0.05)
    imagenet = load_taxonomy("imagenet")
    names = list(imagenet.classes)
    row("taxonomy of 1,000 classes, senses guessed", seconds(lambda: wordnet_taxonomy(names), repeats), 2.0)
    h = build_hierarchy(np.random.default_rng(0).normal(size=(1_000, 16)), names, optimal_limit=0)
    row("proposed names of the clades of 1,000 classes", seconds(lambda: proposed_names(h, imagenet), repeats), 1.0)
    size = (ROOT / "lwal_core" / "taxonomy" / "data" / "wordnet_nouns.npz").stat().st_size
    print(f"The nouns take {size / 1e6:.1f} MB of 6.")


if __name__ == "__main__":
    main()
