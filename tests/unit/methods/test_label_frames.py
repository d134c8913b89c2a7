"""Fixed label vectors: their cosines against loops, closed forms and random trees."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.cluster.hierarchy import cophenet, linkage
from scipy.spatial.distance import squareform

from lwal_core.errors import ConfigError, TrainingError
from lwal_core.methods import static_vectors
from lwal_core.methods.label_frames import (
    DECAY,
    equiangular_labels,
    hierarchy_cosines,
    hierarchy_labels,
    random_labels,
)

SHAPES = ("solid circle", "striped circle", "solid oval", "striped oval", "solid square", "solid star", "solid plus")


@pytest.mark.parametrize(("classes", "dim"), [(2, 1), (2, 2), (3, 2), (10, 9), (10, 10), (7, 40)])
def test_equiangular(classes, dim):
    vectors = equiangular_labels(classes, dim, seed=3)
    assert vectors.shape == (classes, dim) and vectors.dtype == torch.float32
    expected = torch.full((classes, classes), -1 / (classes - 1)).fill_diagonal_(1)
    torch.testing.assert_close(vectors @ vectors.T, expected, atol=1e-5, rtol=0)


def test_more_than_one_class_above_the_dimension_has_no_equiangular_frame():
    with pytest.raises(ConfigError, match="K = 8 has no room for these vectors of 10 classes; it must be at least 9"):
        equiangular_labels(10, 8)


def test_too_many_classes_are_refused_and_many_are_quick():
    with pytest.raises(TrainingError, match="at most 4,096 classes; these are 4,097"):
        equiangular_labels(4_097, 4_097)
    with pytest.raises(TrainingError, match="these are 5,000"):
        hierarchy_labels(np.zeros((5_000, 5_000), dtype=np.float32), 5_000)
    assert random_labels(10_000, 8).shape == (10_000, 8)


def test_positions_come_from_the_seed_alone():
    before = torch.get_rng_state()
    for make in (equiangular_labels, random_labels):
        assert torch.equal(make(5, 8, 1), make(5, 8, 1))
        assert not torch.equal(make(5, 8, 1), make(5, 8, 2))
    assert torch.equal(torch.get_rng_state(), before)
    torch.testing.assert_close(random_labels(50, 3).norm(dim=1), torch.ones(50))


@st.composite
def trees(draw: st.DrawFn) -> np.ndarray:
    """Heights of common ancestors in a random tree with ties."""
    count = draw(st.integers(3, 12))
    points = draw(st.lists(st.integers(0, 30), min_size=count, max_size=count, unique=True))
    heights = squareform(cophenet(linkage(np.array(points, dtype=float)[:, None], "average")))
    return np.ceil(heights)


@settings(max_examples=30)
@given(trees())
def test_cosines_of_a_tree(heights):
    """They fall with the height, their vectors exist, and lower ones have none: the least of all s is the one that is taken."""
    cosines = hierarchy_cosines(heights)
    off = ~np.eye(len(heights), dtype=bool)
    order = np.argsort(heights[off])
    assert (np.diff(cosines[off][order]) <= 1e-12).all()
    np.testing.assert_allclose(cosines.diagonal(), 1)
    vectors = hierarchy_labels(heights, len(heights), seed=1).double().numpy()
    np.testing.assert_allclose(vectors @ vectors.T, cosines, atol=1e-5)
    alike = np.exp(-DECAY * heights / heights.max())
    least = (cosines[off] - alike[off]).mean() / (1 - alike[off]).mean()
    assert np.linalg.eigvalsh(cosines)[0] > -1e-9
    if least > -1 + 1e-9:
        below = least - 0.01
        assert np.linalg.eigvalsh((1 - below) * alike + below)[0] < 0


def test_a_tree_of_one_level_gives_the_equiangular_frame():
    flat = 1.0 - np.eye(6)
    np.testing.assert_allclose(hierarchy_cosines(flat)[0, 1:], -1 / 5)


def test_two_pairs_by_hand():
    """Heights 1 and 2: E has 1/e within and 1/e^2 across, rows sum to 1 + 1/e + 2/e^2 = r; q = 4 / r, s = -r / (4 - r)."""
    heights = np.array([[0, 1, 2, 2], [1, 0, 2, 2], [2, 2, 0, 1], [2, 2, 1, 0]], dtype=float)
    r = 1 + math.exp(-1) + 2 * math.exp(-2)
    s = -r / (4 - r)
    cosines = hierarchy_cosines(heights)
    assert cosines[0, 1] == pytest.approx((1 - s) * math.exp(-1) + s)
    assert cosines[0, 3] == pytest.approx((1 - s) * math.exp(-2) + s)


@pytest.mark.parametrize("source", ["etf", "random", "taxonomy"])
def test_static_labels_have_components_of_mean_square_one(source):
    vectors = static_vectors(source, SHAPES, seed=2)
    assert vectors.shape == (7, 7)
    torch.testing.assert_close(vectors.square().mean(dim=1), torch.ones(7), atol=1e-5, rtol=0)
    assert static_vectors(source, SHAPES, 20).shape == (7, 20)


def test_labels_of_a_taxonomy_are_as_near_as_it_says():
    vectors = static_vectors("taxonomy", SHAPES)
    cosines = (vectors @ vectors.T / 7).numpy()
    assert cosines[0, 1] > cosines[0, 2] > cosines[0, 4]
    assert cosines[0, 4] == pytest.approx(cosines[0, 5], abs=1e-5)
    with pytest.raises(TrainingError, match="no taxonomy fits"):
        static_vectors("taxonomy", ("abc", "def"))
