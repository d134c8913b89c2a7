"""The number of groups at first against a loop over every cut, and on trees whose groups are known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lwal_core.analysis.hierarchy import build_hierarchy
from lwal_core.analysis.hierarchy.first_cut import first_groups, widest_gap


def names(n: int) -> list[str]:
    return [f"c{i}" for i in range(n)]


def by_loop(heights: list[int]) -> int:
    """Every number of groups in turn: how far the height falls below the merge that a cut undoes, of that merge's height."""
    n, falling = len(heights) + 1, sorted(heights, reverse=True)
    best, found = 0.0, 0
    for k in range(2 if n <= 4 else 3, n):
        if n > 4 and k > 1.5 * math.sqrt(n):
            break
        undone, left = falling[k - 2], falling[k - 1]
        if undone > left and (undone - left) / undone > best + 1e-12:
            best, found = (undone - left) / undone, k
    if found:
        return found
    widest = 0
    for k in range(2, n):
        if falling[k - 2] - falling[k - 1] > widest:
            widest, found = falling[k - 2] - falling[k - 1], k
    return found or 1


@given(st.lists(st.integers(1, 60), min_size=2, max_size=80))
@example([5] * 9)
@example([5] * 8 + [9])
@example([1, 2, 3, 4])
def test_as_a_loop_over_all_cuts(heights: list[int]) -> None:
    assert first_groups(np.array(heights, dtype=np.float64)) == by_loop(heights)


@pytest.mark.parametrize(
    ("places", "groups"),
    [
        ([0, 1, 10, 11.5], 2),  # merges at 1, 1.5, about 10
        ([0, 1, 10, 20], 3),  # single linkage: merges at 1, 9, 10
        ([0, 1, 2, 50, 51, 52, 100, 101, 102], 3),
        ([0, 1, 2, 3, 4, 100, 101, 102, 103, 104, 120, 121, 122, 123], 3),  # two groups are 80 apart, three 16
        ([0, 1, 3, 6], 3),  # merges at 1, 2, 3: the fall to a half is the larger one
        ([0, 4, 10, 19], 2),  # merges at 4, 6, 9: both fall to two thirds
        ([0, 1, 3], 2),
        ([0, 1], 2),
        ([0], 1),
    ],
)
def test_of_trees_whose_groups_are_known(places: list[float], groups: int) -> None:
    assert build_hierarchy(np.array(places)[:, None], names(len(places)), "single").default_groups == groups


def test_two_even_groups_stay_two() -> None:
    assert build_hierarchy(np.repeat(np.eye(2), 5, axis=0) + 0.0, names(10), "single").default_groups == 2


def test_a_flat_tree_is_one_group() -> None:
    assert build_hierarchy(np.eye(5), names(5)).default_groups == 1


@pytest.mark.parametrize("method", ["average", "centroid", "median"])
@pytest.mark.parametrize(("n", "most"), [(10, 4), (23, 7), (100, 15)])
def test_there_are_three_to_about_the_square_root(method: str, n: int, most: int) -> None:
    found = {
        build_hierarchy(np.random.default_rng(seed).normal(size=(n, 3)), names(n), method).default_groups
        for seed in range(10)
    }
    assert found <= set(range(3, most + 1)) and len(found) > 1


def test_the_unit_of_the_heights_does_not_matter() -> None:
    heights = np.random.default_rng(0).gamma(2, size=40)
    assert first_groups(heights) == first_groups(1e-8 * heights) == first_groups(1e8 * heights)


def test_the_widest_gap() -> None:
    assert widest_gap(np.array([1.0, 2, 3, 9])) == 2 and widest_gap(np.array([1.0, 7, 8, 9])) == 4
    assert widest_gap(np.array([1.0, 2, 3])) == 2  # of equal gaps that with the fewest groups
