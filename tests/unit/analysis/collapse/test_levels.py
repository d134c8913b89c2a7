"""Levels of a taxonomy, by hand on four classes and against loops over samples."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lwal_core.analysis.collapse import ArrayError, neural_collapse
from lwal_core.analysis.collapse.levels import OUTSIDE, epoch_of_share, level_accuracy, level_groups, level_nc1

FOUR = [["all", "animal"], ["all", "animal"], ["all", "vehicle"], ["all", "vehicle"]]
"""Cat, dog, car, truck."""


def test_four_classes_by_hand() -> None:
    coarse, fine = level_groups(FOUR)
    assert coarse.tolist() == [0, 0, 1, 1] and fine.tolist() == [0, 1, 2, 3]
    y = np.array([0, 0, 1, 1, 2, 2, 3, 3])
    pred = np.array([0, 1, 1, 0, 2, 0, 3, 3])  # a cat and a dog are mixed up, a car is taken for a cat
    assert level_accuracy(fine, y, pred) == 5 / 8
    assert level_accuracy(coarse, y, pred) == 7 / 8


def test_curves_of_four_classes_by_hand() -> None:
    """Groups are known after epoch 1, classes after epoch 3."""
    coarse, fine = level_groups(FOUR)
    y = np.array([0, 1, 2, 3])
    preds = [[2, 2, 2, 2], [0, 0, 2, 2], [0, 0, 2, 3], [0, 1, 2, 3]]
    curves = [[level_accuracy(groups, y, pred) for pred in preds] for groups in (coarse, fine)]
    assert curves == [[0.5, 1, 1, 1], [0.25, 0.5, 0.75, 1]]
    assert [epoch_of_share([0, 1, 2, 3], curve) for curve in curves] == [1, 3]


def test_classes_of_unequal_depth_stand_for_themselves_below_their_own() -> None:
    """A ship hangs at the root, a cat two groups lower: nodes with one child are no level, nor is what changes nothing."""
    paths = [
        ["all", "thing"],
        ["all", "living", "animal", "pet"],
        ["all", "living", "animal", "pet"],
        ["all", "living", "plant"],
    ]
    first, second, third = level_groups(paths)
    assert first.tolist() == [0, 1, 1, 1]  # the ship for itself
    assert second.tolist() == [0, 1, 1, 2]  # the plant's group has one class: itself
    assert third.tolist() == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        ([], []),
        ([["all"]], []),
        ([["all"], ["all"], ["all"]], [[0, 1, 2]]),  # no group: the classes alone
        ([None, None], []),
        ([["all", "a"], None, ["all", "a"], ["all", "b"]], [[0, OUTSIDE, 0, 1], [0, OUTSIDE, 1, 2]]),
        ([[], []], [[0, 1]]),
    ],
)  # fmt: skip
def test_few_classes_and_classes_outside(paths: list[list[str] | None], expected: list[list[int]]) -> None:
    assert [groups.tolist() for groups in level_groups(paths)] == expected


@given(st.data())
def test_each_level_refines_the_one_before_and_accuracy_never_rises(data: st.DataObject) -> None:
    paths = data.draw(st.lists(st.lists(st.sampled_from("ab"), max_size=4), min_size=2, max_size=8))
    # A node is named by the way to it, as in a tree.
    levels = level_groups([["", *("".join(way[: i + 1]) for i in range(len(way)))] for way in paths])
    assert levels[-1].tolist() == list(range(len(paths)))
    generator = np.random.default_rng(data.draw(st.integers(0, 2**16)))
    y, pred = generator.integers(0, len(paths), (2, 30))
    before = 1.0
    for coarse, fine in pairwise(levels):
        assert all(len(set(coarse[fine == group])) == 1 for group in set(fine)) and len(set(fine)) > len(set(coarse))
    for groups in levels:
        accuracy = level_accuracy(groups, y, pred)
        assert accuracy == np.mean([groups[a] == groups[b] for a, b in zip(y, pred, strict=True)]) <= before
        before = accuracy


def test_samples_of_classes_outside_are_left_out_and_taking_one_for_them_is_a_mistake() -> None:
    groups = np.array([0, OUTSIDE, 1])
    assert level_accuracy(groups, np.array([0, 1, 2, 2]), np.array([0, 1, 1, 2])) == 2 / 3
    assert math.isnan(level_accuracy(groups, np.array([1]), np.array([1])))


def test_nc1_of_a_level_is_that_of_its_groups() -> None:
    generator = np.random.default_rng(0)
    y = np.arange(40) % 4
    z = generator.normal(size=(40, 3)) + 4 * np.eye(4, 3)[y]
    coarse, fine = level_groups(FOUR)
    assert level_nc1(coarse, y, z) == neural_collapse(z, y // 2).nc1
    assert level_nc1(fine, y, z) == neural_collapse(z, y).nc1
    assert math.isnan(level_nc1(fine, y, np.zeros((40, 0))))
    assert (
        level_nc1(np.array([0, 0, OUTSIDE, 1]), y, z)
        == neural_collapse(z[y != 2], np.array([0, 0, 9, 1])[y[y != 2]]).nc1
    )


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.1, 0.5, 0.89, 0.9, 1.0], 3),
        ([0.95, 0.5, 1.0], 0),  # the untrained network counts
        ([np.nan, 0.5, np.nan], 1),
        ([np.nan], np.nan),
        ([], np.nan),
        ([0.5, 0.0], np.nan),
    ],
)
def test_epoch_of_ninety_percent(values: list[float], expected: float) -> None:
    np.testing.assert_equal(epoch_of_share(np.arange(len(values)), values), expected)


@pytest.mark.parametrize(
    ("y", "pred"), [([0, 1], [0]), ([0, 4], [0, 0]), ([0, -1], [0, 0]), ([0.5, 1], [0, 0]), ([[0], [1]], [[0], [1]])]
)
def test_numbers_that_are_no_classes_are_refused(y: list[int], pred: list[int]) -> None:
    with pytest.raises(ArrayError):
        level_accuracy(np.arange(4), np.array(y), np.array(pred))
    if len(y) == len(pred):
        with pytest.raises(ArrayError):
            level_nc1(np.arange(4), np.array(y), np.zeros((1, 2)))
