"""Fewer of something: evenly, or class by class."""

from __future__ import annotations

import numpy as np
import pytest

from lwal_core.analysis.base.subsample import subsample, subsample_per_class


@pytest.mark.parametrize(("count", "most"), [(3, 3), (200, 11), (7, 6), (1_000, 2)])
def test_both_ends_and_even_steps(count: int, most: int) -> None:
    items = list(range(0, 5 * count, 5))
    found = subsample(items, most)
    assert len(found) == len(set(found)) == min(count, most)
    assert found[0] == items[0] and found[-1] == items[-1]
    assert max(np.diff(found)) - min(np.diff(found)) <= 5


def test_few_stay_all() -> None:
    assert subsample((), 5) == []
    assert subsample((4, 5), 5) == [4, 5]


@pytest.mark.parametrize(("counts", "most"), [([50, 3, 7], 20), ([5, 5], 100), ([1], 1), ([100, 100, 100], 9)])
def test_samples_are_drawn_from_all_classes_in_turn(counts: list[int], most: int) -> None:
    y = np.repeat(np.arange(len(counts)), counts)
    chosen = subsample_per_class(y, most)
    taken = np.bincount(y[chosen], minlength=len(counts))
    assert len(chosen) == len(set(chosen.tolist())) == min(most, len(y))
    # The naive way: go round the classes, taking one of each that has one left.
    left, expected = list(counts), [0] * len(counts)
    while sum(expected) < min(most, len(y)):
        for c in range(len(counts)):
            if left[c] and sum(expected) < most:
                left[c] -= 1
                expected[c] += 1
    assert taken.tolist() == expected


def test_no_samples_at_all() -> None:
    assert subsample_per_class(np.array([], dtype=int), 5).tolist() == []
