"""Placing something new in a layout: the same axes as the layout's own, and a mean between neighbours."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lwal_core.analysis.projection import project
from lwal_core.analysis.projection.out_of_sample import axes_behind, place_out_of_sample
from lwal_core.errors import AnalysisError


@pytest.mark.parametrize("shape", [(10, 4), (10, 300), (3, 7)])
def test_axes_are_those_of_the_projection(shape: tuple[int, int]) -> None:
    X = np.random.default_rng(1).normal(size=shape) + 5
    shown = project(X, "pca")
    axes = axes_behind(X, shown.points)
    # Independent: the right singular vectors, up to sign.
    own = np.linalg.svd(X - X.mean(axis=0), full_matrices=False)[2][:2].T
    assert np.abs((axes * own).sum(axis=0)) == pytest.approx(1, abs=1e-9)
    # A point of the set lands where it lies.
    for i in range(len(X)):
        assert (X[i] - X.mean(axis=0)) @ axes == pytest.approx(shown.points[i], abs=1e-9)


def test_an_axis_without_variance_is_zero() -> None:
    X = np.outer(np.arange(4.0), [1.0, 0.0, 0.0])  # on a line
    axes = axes_behind(X, project(X, "pca").points)
    assert np.abs(axes[:, 0]) == pytest.approx([1, 0, 0])
    assert not axes[:, 1].any()
    assert not axes_behind(np.ones((3, 2)), np.zeros((3, 2))).any()


def naive(distances: list[float], points: list[list[float]], k: int) -> list[float]:
    """By loops: sort, weigh, add."""
    order = sorted(range(len(distances)), key=lambda i: (distances[i], i))[:k]
    zero = [i for i in order if distances[i] == 0]
    weights = dict.fromkeys(zero, 1.0) if zero else {i: distances[i] ** -2 for i in order}
    total = sum(weights.values())
    return [sum(w * points[i][a] for i, w in weights.items()) / total for a in range(len(points[0]))]


@given(
    st.lists(st.tuples(st.floats(0.01, 100), st.floats(-9, 9), st.floats(-9, 9)), min_size=1, max_size=12),
    st.integers(1, 6),
)
def test_the_mean_between_neighbours_is_that_of_loops(rows: list[tuple[float, float, float]], k: int) -> None:
    distances, points = [row[0] for row in rows], [list(row[1:]) for row in rows]
    found = place_out_of_sample(distances, points, k)
    assert found.place.tolist() == pytest.approx(naive(distances, points, k), abs=1e-9)
    assert found.weights.sum() == pytest.approx(1) and len(found.nearest) == min(k, len(rows))
    assert (np.diff(found.weights) <= 1e-12).all()  # the nearest counts most


def test_what_coincides_with_a_point_is_placed_on_it() -> None:
    points = [[0.0, 0.0], [4.0, 0.0], [0.0, 4.0]]
    assert place_out_of_sample([3, 0, 1], points).place.tolist() == [4, 0]
    assert place_out_of_sample([0, 0, 1], points).place.tolist() == [2, 0]  # between two that it coincides with


def test_one_and_two_points() -> None:
    assert place_out_of_sample([7], [[1.0, 2.0, 3.0]]).place.tolist() == [1, 2, 3]
    assert place_out_of_sample([1, 1], [[0.0, 0.0], [2.0, 2.0]]).place.tolist() == [1, 1]
    assert place_out_of_sample([1, 2], [[0.0, 0.0], [5.0, 0.0]]).place.tolist() == pytest.approx([1, 0])  # 4 : 1


def test_distances_far_out_of_the_usual_range() -> None:
    points = [[0.0, 0.0], [5.0, 0.0]]
    for scale in (1e-300, 1e300):
        assert place_out_of_sample([scale, 2 * scale], points).place.tolist() == pytest.approx([1, 0])


def test_what_is_not_finite_is_left_out_or_refused() -> None:
    points = [[0.0, 0.0], [5.0, 0.0]]
    assert place_out_of_sample([math.nan, 1], points).place.tolist() == [5, 0]
    with pytest.raises(AnalysisError, match="No distance is a finite number"):
        place_out_of_sample([math.nan, math.inf], points)
    with pytest.raises(AnalysisError, match="do not go with 2 points"):
        place_out_of_sample([1.0], points)
    with pytest.raises(AnalysisError, match="0 neighbours"):
        place_out_of_sample([1.0, 1.0], points, 0)
    with pytest.raises(AnalysisError, match="do not go with"):
        axes_behind(np.ones((3, 2)), np.ones((2, 2)))
