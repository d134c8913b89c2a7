"""The dynamic cut: against R's package, a slow version with all distances, and on data whose groups are known."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from scipy.cluster.hierarchy import cophenet, linkage
from scipy.spatial.distance import squareform

from lwal_core.analysis.trees import dynamic_tree_cut
from lwal_core.errors import AnalysisError

Groups = set[frozenset[int]]
FROM_R = json.loads((Path(__file__).parents[3] / "fixtures" / "dynamic_tree_cut.json").read_text())
"""Made by dynamic_tree_cut.R beside it."""


def groups_of(labels: npt.NDArray[np.int64]) -> Groups:
    return {frozenset(np.flatnonzero(labels == k).tolist()) for k in set(labels.tolist()) - {0}}


def scipy_linkage(merges: list[list[float]]) -> npt.NDArray[np.float64]:
    """What R's ``hclust`` calls -1 to -n are leaves; positive numbers are merges, counted from 1."""
    n, sizes, rows = len(merges) + 1, [1] * (len(merges) + 1), []
    for first, second, height in merges:
        sides = [int(-part - 1 if part < 0 else n + part - 1) for part in (first, second)]
        sizes.append(sizes[sides[0]] + sizes[sides[1]])
        rows.append([*sides, height, sizes[-1]])
    return np.array(rows, dtype=np.float64)


@pytest.mark.parametrize("name", FROM_R)
def test_the_groups_are_those_of_the_package_for_r(name: str) -> None:
    Z = scipy_linkage(FROM_R[name]["merges"])
    assert len(FROM_R[name]["cuts"]) == 15
    for cut in FROM_R[name]["cuts"]:
        found = dynamic_tree_cut(Z, cut["min_size"], deep_split=cut["deep_split"])
        assert groups_of(found) == groups_of(np.array(cut["labels"]))


def slow(Z: npt.NDArray[np.float64], min_size: int) -> Groups:
    """From the top down: what a node is, asked of its parts; distances from the full cophenetic matrix."""
    n, D, heights = len(Z) + 1, squareform(cophenet(Z)), Z[:, 2]
    low = sorted(heights)[max(int((n - 1) * 0.05 + 0.5), 1) - 1]
    cut = low + 0.99 * (heights.max() - low)
    limit, gap = low + 0.73 * (cut - low), 0.75 * 0.27 * (cut - low)

    def core(members: list[int]) -> float:
        base = min_size / 2 + 1
        k = int(base + (len(members) - base) ** 0.5) if base < len(members) else len(members)
        inner = D[np.ix_(members[:k], members[:k])]
        return float(inner.sum() / (k * (k - 1)))

    found: list[tuple[list[int], float]] = []

    def branch(node: int) -> list[int] | None:
        """Members in order for one branch, None for several; closes those that meet as equals."""
        if node < n:
            return [node]
        a, b = (int(child) for child in Z[node - n, :2])
        at = heights[node - n]
        if (a < n) or (b < n):
            inner = [branch(child) for child in (a, b) if child >= n]
            singles = [child for child in (a, b) if child < n]
            return singles if not inner else None if inner[0] is None else inner[0] + singles
        a, b = sorted((a, b), key=lambda child: Z[child - n, 3])
        few, many = branch(a), branch(b)

        def bad(members: list[int] | None) -> bool:
            if members is None:
                return False
            return len(members) < min_size or core(members) > limit or at - core(members) < gap

        if bad(few) or bad(many):
            first, second = (many, few) if bad(few) else (few, many)
            return None if first is None else first + (second or [])
        found.extend((members, at) for members in (few, many) if members is not None)
        return None

    def walk(node: int) -> None:
        if node < n:
            return
        if heights[node - n] > cut:
            for child in Z[node - n, :2]:
                walk(int(child))
        elif (members := branch(node)) is not None:
            found.append((members, cut))

    walk(2 * n - 2)
    return {
        frozenset(members)
        for members, at in found
        if len(members) >= min_size and core(members) < limit and at - core(members) > gap
    }


@pytest.mark.parametrize("seed", range(12))
def test_against_a_slow_version(seed: int) -> None:
    generator = np.random.default_rng(seed)
    n = int(generator.integers(5, 60))
    centres = 4 * generator.normal(size=(max(2, n // 8), 3))
    points = centres[generator.integers(0, len(centres), n)] + generator.normal(size=(n, 3))
    for method in ("average", "complete", "single"):
        Z = np.asarray(linkage(points, method))
        for min_size in (2, 4):
            labels = dynamic_tree_cut(Z, min_size)
            assert groups_of(labels) == slow(Z, min_size)
            sizes = [int((labels == k).sum()) for k in range(1, labels.max() + 1)]
            assert sizes == sorted(sizes, reverse=True) and all(size >= min_size for size in sizes)


def test_three_groups_that_lie_apart() -> None:
    points = np.repeat([[0.0, 0], [50, 0], [0, 50]], [6, 4, 5], axis=0)
    points += np.random.default_rng(0).normal(size=points.shape)
    assert dynamic_tree_cut(linkage(points, "average")).tolist() == [1] * 6 + [3] * 4 + [2] * 5


def test_close_groups_beside_a_wide_one() -> None:
    """No single height parts the two tight groups and keeps the wide one together."""
    generator = np.random.default_rng(1)
    tight = [centre + 0.1 * generator.normal(size=(8, 2)) for centre in ([0, 0], [7, 0])]
    wide = np.array([30.0, 0]) + 3.5 * generator.normal(size=(12, 2))
    Z = np.asarray(linkage(np.vstack([*tight, wide]), "average"))
    D = squareform(cophenet(Z))
    assert D[0, 8] < D[16:, 16:].max()  # what would part the tight ones parts the wide one, too
    assert groups_of(dynamic_tree_cut(Z, 5)) == {
        frozenset(range(8)),
        frozenset(range(8, 16)),
        frozenset(range(16, 28)),
    }


def test_a_class_apart_is_in_no_group() -> None:
    points = np.array([[0.0], [0.1], [0.2], [10], [10.1], [10.2], [500]])
    labels = dynamic_tree_cut(linkage(points, "average"))
    assert labels[-1] == 0 and len(groups_of(labels)) >= 1 and (labels[:6] > 0).all()


def test_groups_are_clades_also_with_inversions() -> None:
    points = np.random.default_rng(3).normal(size=(40, 5))
    Z = np.asarray(linkage(points, "centroid"))
    assert (np.diff(Z[:, 2]) < 0).any()
    sets: list[frozenset[int]] = [frozenset({i}) for i in range(40)]
    for left, right, _, _ in Z:
        sets.append(sets[int(left)] | sets[int(right)])
    assert groups_of(dynamic_tree_cut(Z, 3)) <= set(sets)


def test_nothing_to_cut() -> None:
    assert dynamic_tree_cut(np.empty((0, 4))).tolist() == [0]
    assert dynamic_tree_cut([[0, 1, 1.0, 2]]).tolist() == [0, 0]
    flat = linkage(np.eye(8), "average")
    assert not dynamic_tree_cut(flat).any()
    chain = linkage(np.cumsum(np.arange(1.0, 400))[:, None], "single")
    assert len(dynamic_tree_cut(chain)) == 399


@pytest.mark.parametrize(
    ("options", "what"), [({"min_size": 1}, "min_size is 1"), ({"deep_split": 5}, "deep_split is 5")]
)
def test_options_out_of_range(options: dict[str, int], what: str) -> None:
    with pytest.raises(AnalysisError, match=what):
        dynamic_tree_cut(linkage(np.eye(4), "average"), **options)
