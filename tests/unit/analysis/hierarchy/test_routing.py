"""The way down a class tree, against a recursion over nested tuples."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from lwal_core.analysis.hierarchy import Hierarchy, build_hierarchy
from lwal_core.analysis.hierarchy.routing import route
from lwal_core.errors import AnalysisError


def naive(h: Hierarchy, vectors: np.ndarray, z: np.ndarray) -> list[tuple[set[int], float, float]]:
    """Classes below the child that is taken, and both distances, at each merge: from scipy's rows alone."""
    below: dict[int, list[int]] = {i: [i] for i in range(h.n)}
    parts: dict[int, tuple[int, int]] = {}
    for row, (a, b, *_) in enumerate(h.linkage.tolist()):
        parts[h.n + row] = (int(a), int(b))
        below[h.n + row] = below[int(a)] + below[int(b)]

    def far(node: int) -> float:
        members: list[Any] = [vectors[i] for i in below[node]]
        mean = [sum(v[k] for v in members) / len(members) for k in range(len(z))]
        return math.dist(mean, z)

    way, node = [], 2 * h.n - 2
    while node in parts:
        a, b = parts[node]
        node = b if far(b) < far(a) else a
        way.append((set(below[node]), min(far(a), far(b)), max(far(a), far(b))))
    return way


@pytest.mark.parametrize("method", ["average", "ward", "single"])
@pytest.mark.parametrize("n", [2, 3, 10, 40])
def test_the_way_is_that_of_a_plain_recursion(n: int, method: str) -> None:
    generator = np.random.default_rng(n)
    vectors = generator.normal(size=(n, 6)).astype(np.float32) + 100
    h = build_hierarchy(vectors, [f"c{i}" for i in range(n)], method)
    for z in generator.normal(size=(5, 6)) + 100:
        forks = route(h, vectors, z)
        expected = naive(h, vectors.astype(np.float64), z)
        assert [set(h.members(fork.taken).tolist()) for fork in forks] == [way[0] for way in expected]
        assert [fork.distance for fork in forks] == pytest.approx([way[1] for way in expected], rel=1e-9)
        assert [fork.other for fork in forks] == pytest.approx([way[2] for way in expected], rel=1e-9)
        assert forks[0].node == 2 * n - 2 and forks[-1].taken < n
        for before, after in pairwise(forks):
            assert after.node == before.taken and set(h.children[after.node - n]) == {after.taken, after.left_out}


def test_a_class_mean_goes_down_to_its_own_class_where_groups_are_apart() -> None:
    vectors = np.array([[0.0, 0], [0, 1], [9, 0], [9, 1]])
    h = build_hierarchy(vectors, list("abcd"))
    for i, vector in enumerate(vectors):
        assert route(h, vectors, vector)[-1].taken == i


def test_the_end_need_not_be_the_nearest_class() -> None:
    # The class at 4 is nearest to 5.4, but its clade with 0 lies around 2 and the other one around 8.5.
    vectors = np.array([[0.0], [4.0], [8.0], [9.0]])
    h = build_hierarchy(vectors, list("abcd"))
    forks = route(h, vectors, [5.4])
    assert np.abs(vectors[:, 0] - 5.4).argmin() == 1
    assert forks[-1].taken == 2 and forks[0].distance == pytest.approx(3.1) and forks[0].other == pytest.approx(3.4)


def test_one_class_has_no_forks() -> None:
    assert route(build_hierarchy([[1.0, 2.0]], ["only"]), [[1.0, 2.0]], [0.0, 0.0]) == []


def test_a_tie_is_said_and_takes_the_first() -> None:
    vectors = np.array([[-1.0], [1.0]])
    h = build_hierarchy(vectors, ["a", "b"])
    (fork,) = route(h, vectors, [0.0])
    assert fork.tied and fork.taken == h.children[0, 0] and not route(h, vectors, [0.5])[0].tied


def test_what_does_not_fit_is_refused() -> None:
    vectors = np.eye(3)
    h = build_hierarchy(vectors, list("abc"))
    with pytest.raises(AnalysisError, match="do not go with a tree of 3 classes"):
        route(h, vectors, [1.0, 2.0])
    with pytest.raises(AnalysisError, match="nan in row 0"):
        route(h, vectors, [1.0, 2.0, math.nan])
