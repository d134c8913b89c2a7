"""Runs of 100 and of 1,000 classes, recorded: vectors drawn along a WordNet tree, mistakes among what lies near.

By hand, into a home: ``LWAL_HOME=/tmp/home python -m tests.support.many_classes``.
"""

from __future__ import annotations

import zlib
from collections import Counter
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

import lwal_core as lwal
from lwal_core.datafiles.own_columns import read_own_table
from lwal_core.export.tables import table_csv
from lwal_core.runs import Run, open_run
from lwal_core.runs.own_columns import keep_own_columns
from lwal_core.taxonomy import load_taxonomy

FloatArray = NDArray[np.float64]
CIFAR100, IMAGENET = "cifar100", "imagenet"
TREES = {CIFAR100: "cifar100_wordnet", IMAGENET: "imagenet"}
SHARPNESS = {CIFAR100: 16.0, IMAGENET: 34.0}
"""Of the last epoch's mistakes; see :func:`drawn_predictions`."""
MANY_KINDS = 8
"""Values of the column that the runs by hand have beside others."""


@cache
def class_names(data: str) -> tuple[str, ...]:
    """The 100 classes of CIFAR-100 or the 1,000 of ImageNet."""
    return tuple(load_taxonomy(data).classes)


@cache
def vectors_along_tree(data: str, seed: int = 12, dim: int = 32, noise: float = 0.6) -> FloatArray:
    """Class vectors ``[C, dim]``: the sum of a random step for each group of WordNet that holds the class, and one of its own.

    Groups take the same steps with every seed, classes others.

    Args:
        data: :data:`CIFAR100` or :data:`IMAGENET`.
        seed: Of the classes' own steps.
        dim: Numbers of a vector.
        noise: Size of the classes' own steps, where those of groups have 1.
    """
    tree, names = load_taxonomy(TREES[data]), class_names(data)
    common, own = np.random.default_rng(0), np.random.default_rng(seed)
    steps: dict[str, FloatArray] = {}
    vectors = noise * own.normal(size=(len(names), dim))
    known = tree.match(names)[0]
    for row, name in enumerate(names):
        for group in tree.ancestors(known[name]) if name in known else ():
            if group not in steps:
                steps[group] = common.normal(size=dim)
            vectors[row] += steps[group]
    return vectors


def drawn_predictions(vectors: FloatArray, y: NDArray[np.intp], sharpness: float, seed: int) -> NDArray[np.intp]:
    """Predicted classes ``[N]`` of samples of the classes ``y``: the nearer a class, the more often it is taken for another.

    Args:
        vectors: ``[C, K]`` class vectors.
        y: ``[N]`` true classes.
        sharpness: Odds fall by ``exp(-sharpness * squared distance / mean squared distance)``.
        seed: Of the draws.
    """
    squares = ((vectors**2).sum(axis=1)[:, None] + (vectors**2).sum(axis=1) - 2 * vectors @ vectors.T).clip(0)
    odds = np.exp(-sharpness * squares / squares.mean())
    upto = np.cumsum(odds / odds.sum(axis=1, keepdims=True), axis=1)
    draws = np.random.default_rng(seed).random(len(y))
    found = np.empty(len(y), dtype=np.intp)
    for label in np.unique(y):
        rows = y == label
        found[rows] = np.searchsorted(upto[label], draws[rows])
    return found.clip(0, len(vectors) - 1)


def record_many(
    data: str = CIFAR100, *, seed: int = 12, epochs: int = 3, samples: int = 20, method: str = "drawn", name: str = ""
) -> Run:
    """Record a run with class means, predictions and embeddings of every epoch.

    Args:
        data: :data:`CIFAR100` or :data:`IMAGENET`.
        seed: Of what is drawn.
        epochs: After epoch 0, whose vectors are noise alone.
        samples: Of the test set, for each class.
        method: What the run's method is called.
        name: Of the run.
    """
    other = seed + zlib.crc32(method.encode()) % 1_000  # methods of one seed differ
    names, end = class_names(data), vectors_along_tree(data, other)
    generator = np.random.default_rng(other)
    start = generator.normal(size=end.shape)
    y = np.arange(samples * len(names)) % len(names)
    title = name or f"{data} drawn"
    with lwal.start_run(title, classes=names, method=method, data=data, seed=seed, strict=True) as run:
        for epoch in range(epochs + 1):
            share = epoch / epochs
            means = share * end + (1 - share) * start
            run.log_labels(epoch, class_means=means)
            predictions = drawn_predictions(means, y, SHARPNESS[data] * (0.1 + 0.9 * share**3), other + epoch)
            embeddings = means[y] + 0.5 * generator.normal(size=(len(y), end.shape[1]))
            run.log_predictions(epoch, y, predictions=predictions, embeddings=embeddings)
            if epoch:
                run.log(epoch, train_loss=1 / epoch, seconds=2.0 * epoch)
    return open_run(run.id)


def keep_columns(run: Run, data: str) -> None:
    """Keep two columns of its classes with a run: ``kind``, a group of WordNet with some eight others, and ``letters`` of the
    name."""
    tree, names = load_taxonomy(TREES[data]), class_names(data)
    known = tree.match(names)[0]
    groups = [tree.ancestors(known[name])[::-1] if name in known else [""] for name in names]  # from the root down
    kinds = ["" for _ in names]
    for _ in range(30):
        if len(set(kinds)) > MANY_KINDS:
            break
        largest = Counter(kinds).most_common(1)[0][0]  # becomes the groups below it
        below = [up[up.index(largest) + 1 :][:1] if largest in up else up[:1] for up in groups]
        kinds = [(rest or [kind])[0] if kind == largest else kind for rest, kind in zip(below, kinds, strict=True)]
    kinds = [tree.node_title(kind) or "other" for kind in kinds]
    often = [kind for kind, _ in Counter(kinds).most_common(MANY_KINDS)]
    rows = [(name, kind if kind in often else "other", len(name)) for name, kind in zip(names, kinds, strict=True)]
    with TemporaryDirectory() as folder:
        path = Path(folder) / "columns.csv"
        path.write_text(table_csv(["class", "kind", "letters"], rows), encoding="utf-8")
        keep_own_columns(run.path, read_own_table(path, names).table)


if __name__ == "__main__":
    for method in ("drawn", "drawn otherwise"):
        for seed in (12, 123, 1234):
            recorded = record_many(CIFAR100, seed=seed, method=method, samples=100)
            keep_columns(recorded, CIFAR100)
            print(recorded.id)
    for seed in (12, 123):
        recorded = record_many(IMAGENET, seed=seed, samples=50)
        keep_columns(recorded, IMAGENET)
        print(recorded.id)
