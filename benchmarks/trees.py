"""Class trees: time, traces and JSON size of the figures, untangling, every metric, two facing trees that are folded,
unfolded, searched and matched, folded confusion matrices and areas, at the sizes they are made for.

Usage: ``.venv/bin/python benchmarks/trees.py [--repeats 3] [--only facing] [--classes 100 1000 10000]``. Medians of processor
seconds in this process; linkage is not counted, since it is scipy's. Each line has its budget beside it.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, get_args

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import plotly.io as pio

from lwal_core.analysis.hierarchy import Hierarchy, build_hierarchy
from lwal_core.analysis.hierarchy.subtree import tree_part
from lwal_core.analysis.trees import (
    bakers_gamma,
    best_matching_clades,
    clade_recovery,
    clade_support,
    clades,
    cophenetic_correlation,
    cophenetic_distance_correlation,
    dynamic_tree_cut,
    entanglement,
    fowlkes_mallows,
    kendall_tau_by_class,
    robinson_foulds,
    transfer_support,
    untangle,
)
from lwal_core.analysis.trees.confusion import clade_measures, fold_confusion, largest_first
from lwal_core.analysis.trees.correspondence import Correspondence, correspondence
from lwal_core.analysis.trees.matching import face
from lwal_core.figures import dendrogram_figure
from lwal_core.figures.confusion import folded_confusion_figure, matrix_grid
from lwal_core.figures.space_filling import AreaColours, Kind, space_filling_figure
from lwal_core.figures.tanglegram import tanglegram_figure

BRANCHES = 40
"""Open on each side of two facing trees, and rows of a folded confusion matrix."""
KINDS: tuple[Kind, ...] = get_args(Kind)


def seconds(work: Callable[[], Any], repeats: int) -> tuple[float, Any]:
    """Median processor seconds of some work, and what it gave."""
    taken, result = [], None
    for _ in range(repeats):
        start = time.process_time()
        result = work()
        taken.append(time.process_time() - start)
    return median(taken), result


def row(what: str, taken: float, budget: float, more: str = "") -> None:
    """Print one line."""
    print(f"{what:<58}{taken:9.3f} s{budget:9.2f} s  {more}")


def tree(n: int, method: str = "average", seed: int = 0, optimal_limit: int = 0) -> Hierarchy:
    """A tree of clustered random vectors."""
    r = np.random.default_rng(seed)
    x = 3 * r.normal(size=(max(n // 20, 1), 16))[np.arange(n) % max(n // 20, 1)] + r.normal(size=(n, 16))
    return build_hierarchy(x, [f"class {i:05d}" for i in range(n)], method, optimal_limit=optimal_limit)


def figures(repeats: int) -> None:
    """Dendrograms of 10,000 leaves and of a chain."""
    large = tree(10_000)
    dendrogram_figure(tree(3))  # plotly's own start-up
    for what, part in (("all leaves", None), ("60 branches open", tree_part(large, most_tips=60))):
        for orientation in ("right", "radial"):
            taken, fig = seconds(
                lambda part=part, side=orientation: dendrogram_figure(large, 12, side, part=part), repeats
            )
            size = f"{len(fig.data)} traces, {len(pio.to_json(fig)) / 1e6:.2f} MB as JSON"
            row(f"dendrogram, 10,000 classes, {what}, {orientation}", taken, 1.5, size)
    taken, _ = seconds(lambda: tree_part(large, most_tips=60), repeats)
    row("part of 10,000 classes with 60 branches", taken, 1.5)
    chain = build_hierarchy(
        np.cumsum(np.arange(1, 5_001, dtype=float))[:, None], [f"c{i}" for i in range(5_000)], "single", optimal_limit=0
    )
    depth = len(chain.path_to_root(0))
    taken, _ = seconds(lambda: dendrogram_figure(chain, 12), repeats)
    row("dendrogram, single linkage, 5,000 classes", taken, 1.5, f"{depth:,} merges deep")


def metrics(repeats: int) -> None:
    """Untangling and every metric on 1,000 classes."""
    left, right = tree(1_000), tree(1_000, seed=1)
    za, zb = left.linkage, right.linkage
    taken, orders = seconds(lambda: untangle(za, zb), repeats)
    row("untangle, step2side, 1,000 classes", taken, 2.0, f"entanglement {entanglement(*orders):.3f}")
    taken, _ = seconds(lambda: face(left, right), repeats)
    row("two trees of 1,000 classes turned to face each other", taken, 2.0)
    da, db = left.square(), right.square()
    groups = [members for members in clades(zb) if len(members) > 30]
    works: dict[str, Callable[[], Any]] = {
        "cophenetic correlation of two trees": lambda: cophenetic_correlation(za, zb),
        "cophenetic correlation with the distances": lambda: cophenetic_distance_correlation(za, left.distances),
        "Baker's gamma": lambda: bakers_gamma(za, zb),
        "Fowlkes-Mallows at 30 groups": lambda: fowlkes_mallows(za, zb, 30),
        "Fowlkes-Mallows at every number of groups up to 100": lambda: [
            fowlkes_mallows(za, zb, k) for k in range(2, 101)
        ],
        "Robinson-Foulds": lambda: robinson_foulds(za, zb, normalized=True),
        "Kendall's tau of every class": lambda: kendall_tau_by_class(da, db),
        "recovery of a taxonomy's groups": lambda: clade_recovery(groups, za),
        "clade support over 10 trees": lambda: clade_support(za, [zb] * 10),
        "best matching clades": lambda: best_matching_clades(za, zb),
        "transfer support over 10 trees": lambda: transfer_support(za, [zb] * 10),
        "dynamic cut": lambda: dynamic_tree_cut(za),
        "entanglement": lambda: entanglement(left.order.tolist(), right.order.tolist()),
    }
    for what, work in works.items():
        taken, _ = seconds(work, repeats)
        row(f"{what}, 1,000 classes", taken, 1.0)


Nodes = tuple[Sequence[int], Sequence[int]]
NONE: Nodes = ((), ())


def draw_facing(
    trees: tuple[Hierarchy, Hierarchy],
    alike: tuple[Correspondence, Correspondence],
    closed: Nodes = NONE,
    opened: Nodes = NONE,
    picked: Nodes = NONE,
) -> tuple[Any, str]:
    """The figure of two facing trees, as a page makes it, and its JSON."""
    left, right = (tree_part(h, None, closed[i], opened[i], BRANCHES) for i, h in enumerate(trees))
    fig = tanglegram_figure(*trees, parts=(left, right), alike=alike, color_by="match", picked=picked)
    return fig, str(pio.to_json(fig))


def facing(repeats: int, classes: Sequence[int]) -> None:
    """Two facing trees at 40 branches a side: what a fold, an unfold and a search cost when the pair is matched already, and
    what matching costs once."""
    for n in classes:
        pair = face(tree(n), tree(n, seed=1))
        trees, size = (pair.left, pair.right), f"{n:,} classes"
        taken, there = seconds(partial(correspondence, *trees), repeats)
        row(f"best match of every clade, {size}", taken, 0.1 if n <= 1_000 else 3.0)
        alike = (there, correspondence(pair.right, pair.left))
        drawn = tree_part(pair.left, most_tips=BRANCHES).merges.tolist()
        node = max(drawn[:-1], key=lambda node: (there.partner(node) is not None, int(pair.left.sizes[node])))
        partner = there.partner(node)
        both: Nodes = ([node], [] if partner is None or partner < n else [partner])
        chosen = n // 2
        ways = (pair.left.path_to_root(chosen)[1:], pair.right.path_to_root(chosen)[1:])
        for what, work in (
            ("fold on both sides", partial(draw_facing, trees, alike, both)),
            ("unfold on both sides", partial(draw_facing, trees, alike, NONE, both)),
            ("search a class", partial(draw_facing, trees, alike, NONE, ways, ((chosen,), (chosen,)))),
        ):
            taken, (fig, text) = seconds(work, repeats)
            more = f"{len(fig.data)} traces, {len(text) / 1e6:.2f} MB as JSON"
            row(f"{what}, {size}", taken, 0.15 if n <= 1_000 else 1.0, more)


def folded(repeats: int) -> None:
    """A confusion matrix folded to 40 rows, the measures of every clade, and the tree as areas."""
    for n in (100, 1_000, 3_000):
        h, r = tree(n), np.random.default_rng(0)
        y = r.integers(0, n, 50 * n)
        counts = np.zeros((n, n), dtype=np.int64)
        np.add.at(counts, (y, np.where(r.random(len(y)) < 0.7, y, r.integers(0, n, len(y)))), 1)
        size = f"{n:,} classes"

        def matrix(h: Hierarchy = h, counts: np.ndarray = counts) -> Any:
            part = largest_first(h, BRANCHES)
            found = fold_confusion(counts, part)
            return folded_confusion_figure(found, matrix_grid(part, found.tips))

        taken, fig = seconds(matrix, repeats)
        row(f"confusion matrix folded to {BRANCHES} rows, {size}", taken, 0.3, f"{len(pio.to_json(fig)) / 1e6:.2f} MB")
        taken, measures = seconds(partial(clade_measures, counts, h), repeats)
        row(f"precision, recall, F1 of every clade, {size}", taken, 0.3)
        colours = AreaColours("accuracy", measures.accuracy, percent=True)
        for kind in KINDS:
            shape = partial(space_filling_figure, kind, tree_part(h, most_tips=60), measures.samples[:n], colours)
            taken, fig = seconds(shape, repeats)
            row(f"{kind}, 60 branches open, {size}", taken, 0.15, f"{len(pio.to_json(fig)) / 1e6:.2f} MB")


def main() -> None:
    """Print one line for each thing measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument(
        "--only", choices=["figures", "metrics", "facing", "folded"], help="one part; all of them unless given"
    )
    parser.add_argument("--classes", type=int, nargs="+", default=[100, 1_000, 10_000], help="of the facing trees")
    options = parser.parse_args()
    print(f"{'what':<58}{'median':>11}{'budget':>11}")
    parts: dict[str, Callable[[], None]] = {
        "figures": lambda: figures(options.repeats),
        "metrics": lambda: metrics(options.repeats),
        "facing": lambda: facing(options.repeats, options.classes),
        "folded": lambda: folded(options.repeats),
    }
    for name, part in parts.items():
        if options.only in (None, name):
            part()


if __name__ == "__main__":
    main()
