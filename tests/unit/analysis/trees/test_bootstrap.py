"""Support by resampled samples: against resampling written out, and cases whose answer is known."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest
from scipy.cluster.hierarchy import linkage

from lwal_core.analysis.hierarchy import Hierarchy, build_hierarchy
from lwal_core.analysis.trees.bootstrap import bootstrap_support, resampled_means, scarce_classes
from lwal_core.errors import AnalysisError


def clustered(counts: list[int], dim: int = 5, spread: float = 1.0, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Samples around random class centres, in shuffled order."""
    generator = np.random.default_rng(seed)
    y = generator.permutation(np.repeat(np.arange(len(counts)), counts))
    return generator.normal(size=(len(counts), dim))[y] + spread * generator.normal(size=(len(y), dim)), y


def tree(z: np.ndarray, y: np.ndarray, method: str = "average", metric: str = "euclidean") -> Hierarchy:
    n = int(y.max()) + 1
    return build_hierarchy([z[y == c].mean(axis=0) for c in range(n)], [f"class {c}" for c in range(n)], method, metric)


def leaf_sets(Z: np.ndarray) -> list[frozenset[int]]:
    n = len(Z) + 1
    below = [frozenset([i]) for i in range(n)]
    for left, right in Z[:, :2].astype(int):
        below.append(below[left] | below[right])
    return below[n:]


@pytest.mark.parametrize(
    ("method", "metric"), [("average", "euclidean"), ("ward", "euclidean"), ("complete", "cosine")]
)
def test_against_resampling_written_out(method: str, metric: str) -> None:
    z, y = clustered([7, 3, 12, 5, 2, 9], spread=1.5)
    h, draws = tree(z, y, method, metric), 40
    generator = np.random.default_rng(5)
    means = np.empty((draws, 6, z.shape[1]))
    for c in range(6):
        own = z[y == c]
        for draw, picked in enumerate(generator.integers(0, len(own), size=(draws, len(own)))):
            means[draw, c] = own[picked].mean(axis=0)
    assert resampled_means(z, y, 6, draws, 5) == pytest.approx(means)
    found = [set(leaf_sets(linkage(vectors, method, metric))) for vectors in means]
    expected = [sum(clade in sets for sets in found) / draws for clade in leaf_sets(h.linkage)[:-1]]
    support = bootstrap_support(z, y, h, draws, seed=5)
    assert support[:-1] == pytest.approx(expected) and math.isnan(support[-1])
    assert 0 < min(expected) < 1 or 0 < np.mean(expected) < 1  # the case is not a trivial one


def test_far_groups_have_full_support() -> None:
    generator = np.random.default_rng(1)
    y = np.repeat(np.arange(8), 20)
    centres = np.array([[100 * (c // 4), 20 * (c // 2), 5 * c] for c in range(8)])
    z = centres[y] + 0.1 * generator.normal(size=(160, 3))
    assert bootstrap_support(z, y, tree(z, y))[:-1].tolist() == [1.0] * 6


def test_a_coin_toss_has_about_half() -> None:
    """Three classes on a line, the middle one's mean between the others but for sampling noise."""
    generator = np.random.default_rng(2)
    y = np.repeat(np.arange(3), 400)
    z = np.array([-1.0, 0.0, 1.0])[y, None] + generator.normal(size=(1200, 1))
    z -= np.array([z[y == c].mean() for c in range(3)])[y, None] - np.array([-1.0, 0.0, 1.001])[y, None]
    support = bootstrap_support(z, y, tree(z, y), draws=1000)
    assert support[0] == pytest.approx(0.5, abs=0.06)


def test_clades_of_another_tree_have_the_support_of_these_samples() -> None:
    z = np.repeat(np.array([[0.0], [1.0], [10.0], [11.5]]), 5, axis=0)
    y = np.repeat(np.arange(4), 5)
    other = build_hierarchy([[0.0], [10.0], [1.0], [30.0]], list("abcd"))
    assert [set(other.members(4 + row)) for row in range(2)] == [{0, 2}, {0, 1, 2}]
    assert bootstrap_support(z, y, other)[:-1].tolist() == [0, 0]
    assert bootstrap_support(z, y, tree(z, y))[:-1].tolist() == [1, 1]


def test_the_stored_precision_will_do() -> None:
    z, y = clustered([30] * 10, dim=8, seed=3)
    h = tree(z, y)
    exact, stored = bootstrap_support(z, y, h), bootstrap_support(z.astype(np.float16), y.astype(np.int32), h)
    assert stored[:-1] == pytest.approx(exact[:-1], abs=0.05)


def test_seeds_and_order_of_samples() -> None:
    z, y = clustered([6, 9, 4, 8, 5], spread=2)
    h = tree(z, y)
    a = bootstrap_support(z, y, h, seed=1)
    assert np.array_equal(a, bootstrap_support(z, y, h, seed=1), equal_nan=True)
    assert not np.array_equal(a, bootstrap_support(z, y, h, seed=2), equal_nan=True)
    shuffle = np.random.default_rng(0).permutation(len(y))
    assert bootstrap_support(z[shuffle], y[shuffle], h, 800)[:-1] == pytest.approx(
        bootstrap_support(z, y, h, 800)[:-1], abs=0.08
    )


def test_many_samples_are_drawn_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    z, y = clustered([50, 40, 60])
    whole = resampled_means(z, y, 3, 9, 0)
    monkeypatch.setattr("lwal_core.analysis.trees.bootstrap._DRAWS_AT_ONCE", 120)
    assert resampled_means(z, y, 3, 9, 0) == pytest.approx(whole)


def test_classes_with_few_samples_are_named() -> None:
    assert scarce_classes([0, 0, 1, 3, 3, 3], 5).tolist() == [1, 2, 4]
    assert scarce_classes([], 2).tolist() == [0, 1]
    z, y = clustered([1, 1, 1, 1], seed=4)
    assert bootstrap_support(z, y, tree(z, y))[:-1].tolist() == [1, 1]  # nothing varies


@pytest.mark.parametrize("n", [1, 2, 3])
def test_few_classes(n: int) -> None:
    z, y = clustered([5] * n)
    support = bootstrap_support(z, y, tree(z, y), draws=20)
    assert support.shape == (n - 1,)
    assert np.isnan(support).tolist() == [False] * max(n - 2, 0) + [True] * min(n - 1, 1)


def test_a_flat_tree_has_no_clade_to_support() -> None:
    z = np.repeat(np.eye(4), 3, axis=0)
    assert np.isnan(bootstrap_support(z, np.repeat(np.arange(4), 3), tree(z, np.repeat(np.arange(4), 3)))).all()


def test_what_is_refused() -> None:
    z, y = clustered([4, 4, 4])
    h = tree(z, y)
    for bad_z, bad_y, draws, match in [
        (z, y, 0, "draws"),
        (z[:-1], y, 5, "shape"),
        (z[:, 0], y, 5, "shape"),
        (z, y.astype(float), 5, "float64"),
        (np.where(np.arange(12)[:, None] == 3, np.nan, z), y, 5, "1 of 12 samples are not finite"),
        (z, y + 1, 5, "classes 1 to 3"),
        (z, y - 1, 5, "classes -1 to 1"),
        (z[y != 1], y[y != 1], 5, "'class 1' has no sample"),
        (z[y == 1], y[y == 1], 5, "'class 0' and 1 more have no sample"),
    ]:
        with pytest.raises(AnalysisError, match=match):
            bootstrap_support(bad_z, bad_y, h, draws)


def test_time_for_a_hundred_classes() -> None:
    z, y = clustered([100] * 100, dim=64)
    h = tree(z, y)
    start = time.perf_counter()
    bootstrap_support(z.astype(np.float16), y, h)
    assert time.perf_counter() - start < 10  # about 1 s alone on one core
