"""Permutation test over which tree is of which set: against every arrangement, its level, degenerate sets."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest
from scipy.cluster.hierarchy import linkage

from lwal_core.analysis.trees import bakers_gamma, set_difference
from lwal_core.errors import AnalysisError


def trees(count: int, seed: int, noise: float = 1.0, n: int = 8) -> list[np.ndarray]:
    points = np.random.default_rng(seed).normal(size=(n, 3))
    generator = np.random.default_rng(100 + seed)
    return [linkage(points + noise * generator.normal(size=points.shape), "average") for _ in range(count)]


def test_against_every_arrangement():
    every = [*trees(3, 1), *trees(4, 2)]

    def less_alike(first: set[int]) -> float:
        within, between = [], []
        for i, j in combinations(range(7), 2):
            (within if (i in first) == (j in first) else between).append(bakers_gamma(every[i], every[j]))
        return float(np.mean(within) - np.mean(between))

    observed = less_alike({0, 1, 2})
    arranged = [less_alike(set(members)) for members in combinations(range(7), 3)]
    found = set_difference(every[:3], every[3:])
    assert found.less_alike == pytest.approx(observed)
    assert found.p == pytest.approx(np.mean([value >= observed - 1e-9 for value in arranged]))
    assert found.least == pytest.approx(1 / 35)


def test_sets_of_one_kind_are_rarely_told_apart():
    times = 200
    small = sum(set_difference(made[:5], made[5:]).p <= 0.05 for made in (trees(10, seed) for seed in range(times)))
    assert small / times <= 0.08
    assert set_difference(trees(5, 1, 0.1), trees(5, 2, 0.1)).p == pytest.approx(2 / 252)


def test_three_against_three_cannot_be_below_a_tenth():
    found = set_difference(trees(3, 1, 0.05), trees(3, 2, 0.05))
    assert found.p == pytest.approx(0.1) and found.least == pytest.approx(0.1)


def test_many_trees_are_arranged_by_chance_alike_each_time():
    first, second = trees(9, 1, 0.1), trees(9, 2, 0.1)
    assert set_difference(first, second) == set_difference(first, second)
    assert set_difference(first, second).p < 0.01


def test_one_against_one_and_flat_trees_are_undefined():
    flat = linkage(np.eye(8), "average")
    for found in (set_difference(trees(1, 1), trees(1, 2)), set_difference([flat] * 3, trees(3, 1))):
        assert math.isnan(found.p) or not found.p <= 0.05
    assert math.isnan(set_difference(trees(1, 1), trees(1, 2)).p)
    with pytest.raises(AnalysisError):
        set_difference([], trees(2, 1))
