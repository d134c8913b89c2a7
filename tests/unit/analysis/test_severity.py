"""Decisions under a tree: by hand on four classes, against loops, and against scikit-learn's discounted gain."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import ndcg_score

from lwal_core.analysis.severity import (
    conditional_risk_minimisation,
    expected_costs,
    hierarchical_distance_at_k,
    ordered_preference_at_k,
)
from lwal_core.analysis.trees import common_ancestor_heights
from lwal_core.errors import AnalysisError

# cat and dog are animals, car and bus are vehicles.
PETS_AND_VEHICLES = np.array([[0, 1, 1, 2], [2, 3, 1, 2], [4, 5, 2, 4]], dtype=float)
HEIGHTS = common_ancestor_heights(PETS_AND_VEHICLES)
CAT, DOG, CAR, BUS = range(4)


@st.composite
def cases(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Probabilities, costs and targets of up to six classes, with ties and zeros."""
    classes, count = draw(st.integers(2, 6)), draw(st.integers(1, 8))
    numbers = st.integers(0, 5)
    scores = np.array([[draw(numbers) for _ in range(classes)] for _ in range(count)], dtype=float)
    scores[:, draw(st.integers(0, classes - 1))] += 1
    costs = np.array([[0 if i == j else draw(st.integers(1, 4)) for j in range(classes)] for i in range(classes)])
    return scores, costs, np.array([draw(st.integers(0, classes - 1)) for _ in range(count)])


def test_a_small_lead_gives_way_to_two_classes_that_lie_together() -> None:
    scores = [[0.4, 0.0, 0.3, 0.3], [0.9, 0.05, 0.05, 0.0]]
    costs = expected_costs(scores, HEIGHTS)
    # cat: 0.6 vehicles, each 2 away; car: 0.4 cat, 2 away, and 0.3 bus, 1 away
    assert costs[0].tolist() == pytest.approx([1.2, 1.6, 1.1, 1.1])
    assert conditional_risk_minimisation(scores, HEIGHTS).tolist() == [CAR, CAT]


def test_distance_at_k_by_hand() -> None:
    scores = [[0.4, 0.1, 0.3, 0.2], [0.1, 0.6, 0.1, 0.2]]  # cat car bus dog; dog bus cat car
    targets = [CAT, CAT]
    assert hierarchical_distance_at_k(scores, HEIGHTS, targets, 1) == pytest.approx((0 + 1) / 2)
    assert hierarchical_distance_at_k(scores, HEIGHTS, targets, 2) == pytest.approx((0 + 2 + 1 + 2) / 4)
    assert hierarchical_distance_at_k(scores, HEIGHTS, targets, 4) == pytest.approx((0 + 1 + 2 + 2) / 4)


def test_the_order_counts_for_preference_and_not_for_distance() -> None:
    near_first, far_first = [[0.1, 0.5, 0.3, 0.1]], [[0.1, 0.3, 0.5, 0.1]]  # dog before car, car before dog
    assert hierarchical_distance_at_k(near_first, HEIGHTS, [CAT], 2) == 1.5
    assert hierarchical_distance_at_k(far_first, HEIGHTS, [CAT], 2) == 1.5
    # gains of cat, dog, car, bus: 1, 1/2, 0, 0; the best two are 1 and 1/2
    best = 1 + 0.5 / math.log2(3)
    assert ordered_preference_at_k(near_first, HEIGHTS, [CAT], 2) == pytest.approx(0.5 / best)
    assert ordered_preference_at_k(far_first, HEIGHTS, [CAT], 2) == pytest.approx(0.5 / math.log2(3) / best)
    assert ordered_preference_at_k([[0.5, 0.3, 0.1, 0.1]], HEIGHTS, [CAT], 4) == 1


@settings(max_examples=100, deadline=None)
@given(cases())
def test_risk_minimisation_never_raises_expected_cost(case: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    scores, costs, _ = case
    chosen = conditional_risk_minimisation(scores, costs)
    for row, decision in zip(scores, chosen, strict=True):
        expected = [
            sum(row[true] * costs[true, taken] for true in range(len(row))) / row.sum() for taken in range(len(row))
        ]
        assert expected[decision] <= expected[int(row.argmax())] + 1e-12
        assert expected[decision] == pytest.approx(min(expected))


@settings(max_examples=60, deadline=None)
@given(cases())
def test_equal_distances_leave_the_likeliest_class(case: tuple[np.ndarray, np.ndarray, np.ndarray]) -> None:
    scores, costs, _ = case
    scores = scores + np.arange(scores.shape[1]) / 64  # no ties
    flat = np.where(np.eye(len(costs), dtype=bool), 0, 1)
    assert conditional_risk_minimisation(scores, flat).tolist() == scores.argmax(axis=1).tolist()


@settings(max_examples=60, deadline=None)
@given(cases(), st.integers(1, 6))
def test_distance_at_k_is_a_loop(case: tuple[np.ndarray, np.ndarray, np.ndarray], k: int) -> None:
    scores, costs, targets = case
    k = min(k, scores.shape[1])
    found = []
    for row, true in zip(scores, targets, strict=True):
        order = sorted(range(len(row)), key=lambda c, row=row: (-row[c], c))
        found += [costs[true, c] for c in order[:k]]
    assert hierarchical_distance_at_k(scores, costs, targets, k) == pytest.approx(np.mean(found))


@settings(max_examples=60, deadline=None)
@given(cases(), st.integers(1, 6))
def test_preference_is_scikit_learns_discounted_gain(case: tuple[np.ndarray, np.ndarray, np.ndarray], k: int) -> None:
    scores, costs, targets = case
    scores = scores + np.arange(scores.shape[1], 0, -1) / 64  # no ties, which scikit-learn averages over
    k = min(k, scores.shape[1])
    gains = 1 - costs / costs.max(axis=1, keepdims=True)
    expected = ndcg_score(gains[targets], scores, k=k)
    assert ordered_preference_at_k(scores, costs, targets, k) == pytest.approx(expected)


@pytest.mark.parametrize("scores", [[[0.5, -0.1, 0, 0]], [[math.nan, 1, 0, 0]], [[0, 0, 0, 0]], [1, 2, 3, 4], [[]]])
def test_scores_that_are_no_probabilities_are_refused(scores: list) -> None:
    with pytest.raises(AnalysisError):
        conditional_risk_minimisation(scores, HEIGHTS)


def test_distances_that_do_not_fit_are_refused() -> None:
    for wrong in (HEIGHTS[:3, :3], HEIGHTS + 1, -HEIGHTS, np.where(HEIGHTS > 0, np.inf, 0)):
        with pytest.raises(AnalysisError):
            expected_costs([[0.25] * 4], wrong)
    with pytest.raises(AnalysisError):
        hierarchical_distance_at_k([[0.25] * 4], HEIGHTS, [4], 1)
    for k in (0, 5, True):
        with pytest.raises(AnalysisError):
            hierarchical_distance_at_k([[0.25] * 4], HEIGHTS, [0], k)


def test_no_samples_are_undefined() -> None:
    none, targets = np.zeros((0, 4)), np.zeros(0, dtype=int)
    assert math.isnan(hierarchical_distance_at_k(none, HEIGHTS, targets, 1))
    assert math.isnan(ordered_preference_at_k(none, HEIGHTS, targets, 2))
    assert conditional_risk_minimisation(none, HEIGHTS).shape == (0,)
