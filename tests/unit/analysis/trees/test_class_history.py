"""Nearest classes through the epochs and the moments when pairs come together, against loops and other packages."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.cluster.hierarchy import cophenet
from scipy.spatial.distance import squareform

from lwal_core.analysis.hierarchy import Hierarchy, build_hierarchy
from lwal_core.analysis.trees.class_history import NONE, neighbour_history, pair_moments
from lwal_core.errors import AnalysisError


def walk(epochs: int, n: int, seed: int = 0) -> list[np.ndarray]:
    """Class vectors that wander."""
    steps = np.random.default_rng(seed).normal(size=(epochs, n, 3))
    return list(np.cumsum(steps, axis=0))


def distance(a: np.ndarray, b: np.ndarray, metric: str) -> float:
    if metric == "euclidean":
        return math.dist(a, b)
    if metric == "correlation":
        a, b = a - a.mean(), b - b.mean()
    return 1 - sum(x * y for x, y in zip(a, b, strict=True)) / math.hypot(*a) / math.hypot(*b)


@pytest.mark.parametrize("metric", ["euclidean", "cosine", "correlation"])
@pytest.mark.parametrize("n", [2, 3, 9])
def test_against_a_loop(n: int, metric: str) -> None:
    films, epochs = walk(12, n), list(range(0, 24, 2))
    for index in range(n):
        found = neighbour_history(iter(films), epochs, index, k=3, metric=metric)
        others = [j for j in range(n) if j != index]
        table = [{j: distance(V[index], V[j], metric) for j in others} for V in films]
        assert found.neighbours.tolist() == sorted(others, key=table[-1].__getitem__)[:3]
        for at, row in enumerate(table):
            assert found.nearest[at] == min(others, key=row.__getitem__)
            np.testing.assert_allclose(found.distances[at], [row[j] for j in found.neighbours], rtol=1e-9)
        since = epochs[-1]
        for at in range(len(films) - 1, -1, -1):
            if min(others, key=table[at].__getitem__) != found.neighbours[0]:
                break
            since = epochs[at]
        assert found.since == since
        spelled = [nearest for first, last, nearest in found.stretches() for _ in range(first, last + 1, 2)]
        assert spelled == found.nearest.tolist()
        assert all(a[2] != b[2] for a, b in zip(found.stretches(), found.stretches()[1:], strict=False))


def test_equal_distances_have_no_nearest_class() -> None:
    one_hot, later = np.eye(4), np.array([[0.0], [1], [3], [7]])
    found = neighbour_history([one_hot, np.pad(later, ((0, 0), (0, 3)))], [0, 1], 0)
    assert found.nearest.tolist() == [NONE, 1] and found.since == 1
    assert found.stretches() == [(0, 0, NONE), (1, 1, 1)]
    flat = neighbour_history([one_hot.astype(np.float32)], [0], 2)
    assert flat.since is None and flat.distances.shape == (1, 3)


def test_values_that_are_not_finite_are_gaps() -> None:
    films = walk(4, 5)
    films[1][3, 0] = np.nan
    found = neighbour_history(films, [0, 1, 2, 3], 0)
    assert (
        found.nearest[1] == NONE
        and np.isnan(found.distances[1]).all()
        and np.isfinite(found.distances[[0, 2, 3]]).all()
    )
    assert found.since is not None and found.since >= 2


def test_one_class_has_no_neighbours() -> None:
    found = neighbour_history([np.ones((1, 2))], [0], 0)
    assert found.neighbours.tolist() == [] and found.nearest.tolist() == [NONE] and found.since is None


def test_identical_vectors() -> None:
    found = neighbour_history([np.zeros((3, 2)), [[0, 0], [0, 0], [1, 0]]], [0, 1], 0)
    assert found.nearest.tolist() == [NONE, 1] and found.distances[-1].tolist() == [0, 1]


@pytest.mark.parametrize(
    ("snapshots", "epochs", "index", "k", "says"),
    [
        ([], [], 0, 5, "0 snapshots"),
        ([np.eye(2)], [0, 1], 0, 5, "1 snapshots"),
        ([np.eye(2), np.eye(2)], [1, 0], 0, 5, "epochs"),
        ([np.eye(2), np.eye(3)], [0, 1], 0, 5, "shape"),
        ([np.zeros(3)], [0], 0, 5, "shape"),
        ([np.eye(2)], [0], 2, 5, "class number 2"),
        ([np.eye(2)], [0], -1, 5, "class number -1"),
        ([np.eye(2)], [0], 0, 0, "k = 0"),
    ],
)
def test_refused_with_a_reason(snapshots: list[np.ndarray], epochs: list[int], index: int, k: int, says: str) -> None:
    with pytest.raises(AnalysisError, match=says):
        neighbour_history(snapshots, epochs, index, k)


# --- pairs in the tree ----------------------------------------------------------------------------------------------


def trees_of(films: list[np.ndarray]) -> dict[int, Hierarchy]:
    n = len(films[0])
    return {epoch: build_hierarchy(V, [f"c{i}" for i in range(n)]) for epoch, V in enumerate(films)}


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("n", [3, 4, 9])
def test_pairs_against_the_cophenetic_distances(n: int, seed: int) -> None:
    """A pair is a clade of its own when both join each other lower than anything else."""
    trees = trees_of([np.round(V) for V in walk(6, n, seed)])  # rounded, so that there are ties
    found = pair_moments(trees, min(3, n))
    for at, h in trees.items():
        C = squareform(cophenet(h.linkage))
        groups = h.cut(k=min(3, n))
        for i in range(n):
            for j in range(n):
                if i == j:
                    continue
                others = [x for x in range(n) if x not in (i, j)]
                alone = all(min(C[i, x], C[j, x]) > C[i, j] + 1e-9 for x in others)
                if not h.is_flat:
                    assert (found.partner[at, i] == j) == alone
                    assert (found.groups[at, i] == found.groups[at, j]) == (groups[i] == groups[j])
    for i in range(n):
        for j in range(i + 1, n):
            for since, holds in (
                (found.clade_since(i, j), found.partner[:, i] == j),
                (found.together_since(i, j), found.groups[:, i] == found.groups[:, j]),
            ):
                expected = None
                for at in range(5, -1, -1):
                    if not holds[at]:
                        break
                    expected = at
                if not any(h.is_flat for h in trees.values()):
                    assert since == expected
    assert found.pairs() == sorted(
        ((i, j, e) for i in range(n) for j in range(i + 1, n) if (e := found.clade_since(i, j)) is not None),
        key=lambda pair: (pair[2], pair[:2]),
    )


def test_moments_of_a_known_film() -> None:
    far = np.array([[0.0], [15], [20], [31]])
    near = np.array([[0.0], [1], [20], [31]])
    nearer = np.array([[0.0], [1], [20], [21.5]])
    found = pair_moments(trees_of([np.eye(4), np.pad(far, ((0, 0), (0, 3))), np.pad(near, ((0, 0), (0, 3))),
                                   np.pad(nearer, ((0, 0), (0, 3)))]), 2)  # fmt: skip
    assert found.clade_since(0, 1) == 2 and found.clade_since(2, 3) == 2 and found.clade_since(1, 2) is None
    assert found.together_since(2, 3) == 1 and found.together_since(0, 1) == 2 and found.together_since(0, 2) is None
    assert (found.groups[0] == NONE).all() and (found.partner[0] == NONE).all()  # one-hot labels
    assert found.pairs() == [(0, 1, 2), (2, 3, 2)]


@pytest.mark.parametrize("seed", range(3))
def test_who_comes_and_goes_against_a_loop(seed: int) -> None:
    n = 7
    found = pair_moments(trees_of(walk(8, n, seed)), 3)
    for i in range(n):
        around = [{j for j in range(n) if j != i and g[j] == g[i]} for g in found.groups.tolist()]
        expected = [
            (at, tuple(sorted(around[at] - around[at - 1])), tuple(sorted(around[at - 1] - around[at])))
            for at in range(1, 8)
            if around[at] != around[at - 1]
        ]
        assert [tuple(change) for change in found.changes(i)] == expected
        assert set(found.company(i)) == set().union(*around)
        now = [j in around[-1] for j in found.company(i)]
        assert now == sorted(now, reverse=True)
    ever = {(i, int(j)) for partner in found.partner.tolist() for i, j in enumerate(partner) if j > i}
    pairs = found.ever_pairs()
    assert set(pairs) == ever and len(pairs) == len(ever)
    assert pairs[: len(found.pairs())] == [(i, j) for i, j, _ in found.pairs()]


@pytest.mark.parametrize("n", [1, 2])
def test_too_few_classes_for_clades(n: int) -> None:
    found = pair_moments(trees_of(walk(3, n)), 1)
    assert found.pairs() == [] and (found.partner == NONE).all()
    assert n == 1 or found.together_since(0, 1) == 0


def test_trees_that_do_not_belong_together() -> None:
    with pytest.raises(AnalysisError, match="no tree"):
        pair_moments({}, 2)
    other = build_hierarchy(walk(1, 3)[0], ["a", "b", "c"])
    with pytest.raises(AnalysisError, match="different classes"):
        pair_moments({**trees_of(walk(1, 3)), 1: other}, 2)
    with pytest.raises(AnalysisError):
        pair_moments(trees_of(walk(1, 3)), 4)
