"""Agreement of several trees: against the pairwise scores, shuffles written out, and every shuffle of a small case."""

from __future__ import annotations

import math
import time
from itertools import combinations, permutations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.cluster.hierarchy import linkage

from lwal_core.analysis.trees.agreement import bakers_gamma, cophenetic_correlation
from lwal_core.analysis.trees.clades import robinson_foulds
from lwal_core.analysis.trees.seed_agreement import cross_agreement, default_shuffles, seed_agreement
from lwal_core.errors import AnalysisError


def trees(n: int, count: int, noise: float, seed: int = 0, method: str = "average") -> list[np.ndarray]:
    generator = np.random.default_rng(seed)
    points = generator.normal(size=(n, 3))
    return [linkage(points + noise * generator.normal(size=points.shape), method) for _ in range(count)]


def renamed(Z: np.ndarray, order: np.ndarray) -> np.ndarray:
    """The same tree with class ``order[i]`` called i."""
    n = len(Z) + 1
    number = np.concatenate([np.argsort(order), np.arange(n, 2 * n - 1)])
    out = Z.copy()
    out[:, :2] = number[Z[:, :2].astype(int)]
    return out


def pairwise(Zs: list[np.ndarray]) -> list[list[float]]:
    pairs = list(combinations(Zs, 2))
    return [
        [bakers_gamma(a, b) for a, b in pairs],
        [cophenetic_correlation(a, b) for a, b in pairs],
        [1 - robinson_foulds(a, b, normalized=True) for a, b in pairs],
    ]


def test_values_are_the_pairwise_scores() -> None:
    Zs = [*trees(9, 3, 0.3), linkage(np.eye(9), "average"), linkage(np.arange(9.0)[:, None], "single")]
    found = seed_agreement(Zs, 0)
    for score, expected in zip((found.gamma, found.cophenetic, found.shared), pairwise(Zs), strict=True):
        assert score.values == pytest.approx(expected, nan_ok=True)
        defined = [value for value in expected if not math.isnan(value)]
        assert score.n == len(defined) and score.mean == pytest.approx(np.mean(defined))
        assert score.sd == pytest.approx(np.std(defined, ddof=1)) and math.isnan(score.p)
    assert found.gamma.n == 3 and found.shuffles == 0  # two trees are stars


@given(st.integers(3, 9), st.integers(2, 4), st.sampled_from([0.2, 1.0, 5.0]), st.integers(0, 20))
@settings(max_examples=15)
def test_shuffles_written_out(n: int, count: int, noise: float, seed: int) -> None:
    Zs = trees(n, count, noise, seed)
    observed = [np.mean(values) for values in pairwise(Zs)]
    generator = np.random.default_rng(7)
    at_least = np.zeros(3)
    for _ in range(25):
        shuffled = [Zs[0], *(renamed(Z, generator.permutation(n)) for Z in Zs[1:])]
        at_least += [np.mean(v) >= o - 1e-9 for v, o in zip(pairwise(shuffled), observed, strict=True)]
    found = seed_agreement(Zs, 25, seed=7)
    assert [found.gamma.p, found.cophenetic.p, found.shared.p] == pytest.approx(((1 + at_least) / 26).tolist())


def test_p_against_every_shuffle() -> None:
    Zs = trees(4, 3, 0.4, 5)
    observed = [np.mean(values) for values in pairwise(Zs)]
    every = [np.array(order) for order in permutations(range(4))]
    at_least = np.zeros(3)
    for a, b in product(every, every):
        values = pairwise([Zs[0], renamed(Zs[1], a), renamed(Zs[2], b)])
        at_least += [np.mean(v) >= o - 1e-9 for v, o in zip(values, observed, strict=True)]
    exact = at_least / len(every) ** 2
    found = seed_agreement(Zs, 4000)
    tolerance = 4 * np.sqrt(exact * (1 - exact) / 4000) + 2 / 4000
    assert (np.abs(np.array([found.gamma.p, found.cophenetic.p, found.shared.p]) - exact) <= tolerance).all()


def test_trees_that_ignore_the_classes_are_not_significant() -> None:
    """Under chance p is uniform: of 60 sets of unrelated trees about 1 in 20 is below 0.05."""
    ps = []
    for seed in range(60):
        generator = np.random.default_rng(seed)
        found = seed_agreement([linkage(generator.normal(size=(10, 3)), "average") for _ in range(3)], 99)
        ps.append((found.gamma.p, found.cophenetic.p))
    assert 0.35 < np.mean(ps) < 0.65 and np.mean(np.array(ps) <= 0.05) < 0.15


def test_equal_trees() -> None:
    (tree,) = trees(12, 1, 0)
    found = seed_agreement([tree] * 4)
    assert found.gamma.values == pytest.approx([1] * 6) and found.shared.values == pytest.approx([1] * 6)
    assert found.gamma.sd == pytest.approx(0) and found.gamma.p == found.shared.p == 1 / 1000


def test_order_of_trees_does_not_matter_to_the_values() -> None:
    Zs = trees(8, 4, 1.0)
    a, b = seed_agreement(Zs, 0), seed_agreement(Zs[::-1], 0)
    assert sorted(a.gamma.values) == pytest.approx(sorted(b.gamma.values))
    assert a.shared.mean == pytest.approx(b.shared.mean)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_few_classes(n: int) -> None:
    Z = linkage(np.arange(n, dtype=float)[:, None] ** 2) if n > 1 else np.zeros((0, 4))
    found = seed_agreement([Z, Z])
    defined = n == 3
    for score in (found.gamma, found.cophenetic, found.shared):
        assert score.n == int(defined) and math.isnan(score.mean) != defined and math.isnan(score.p) != defined
        assert math.isnan(score.sd)
    assert not defined or found.gamma.p == pytest.approx(1 / 3, abs=0.06)  # one of three trees is the same


def test_flat_trees_are_undefined() -> None:
    star = linkage(np.eye(5), "average")
    found = seed_agreement([star, star, *trees(5, 1, 0)], 19)
    assert math.isnan(found.gamma.mean) and math.isnan(found.gamma.p) and found.gamma.n == 0
    assert found.shared.mean == 0 and found.shared.n == 2 and found.shared.p == 1


def test_two_methods_against_each_other() -> None:
    first, second = trees(7, 3, 0.5, 1), [*trees(7, 1, 0.5, 2), linkage(np.eye(7), "average")]
    found = cross_agreement(first, second)
    assert found.gamma.shape == found.shared.shape == (3, 2)
    for i, a in enumerate(first):
        for j, b in enumerate(second):
            assert found.gamma[i, j] == pytest.approx(bakers_gamma(a, b), nan_ok=True)
            assert found.shared[i, j] == pytest.approx(1 - robinson_foulds(a, b, normalized=True))


def test_what_is_refused() -> None:
    (a,), (b,) = trees(4, 1, 0), trees(5, 1, 0)
    with pytest.raises(AnalysisError, match="no pair"):
        seed_agreement([a])
    with pytest.raises(AnalysisError, match="same classes"):
        seed_agreement([a, b])
    with pytest.raises(AnalysisError, match="negative"):
        seed_agreement([a, a], -1)
    with pytest.raises(AnalysisError, match="0 trees"):
        cross_agreement([], [a])
    with pytest.raises(AnalysisError, match="same classes"):
        cross_agreement([a], [b])


def test_fewer_shuffles_for_more_classes() -> None:
    counts = [default_shuffles(n, 3) for n in (2, 100, 200, 400, 700, 1000)]
    assert counts == sorted(counts, reverse=True) and counts[0] == 999 and counts[-1] == 0
    assert default_shuffles(100, 10) == 999
    found = seed_agreement(trees(1000, 3, 0.2))
    assert found.shuffles == 0 and math.isnan(found.gamma.p) and found.gamma.n == 3


def test_time_for_a_hundred_classes_and_ten_seeds() -> None:
    Zs = trees(100, 10, 0.2)
    start = time.perf_counter()
    assert seed_agreement(Zs).gamma.p == 0.001
    assert time.perf_counter() - start < 6  # under 1 s alone on one core
