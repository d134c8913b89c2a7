"""Measures of neural collapse equal slow loops over samples, and values that are known beforehand."""

from __future__ import annotations

import math
from dataclasses import astuple

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lwal_core.analysis.collapse import ArrayError, NeuralCollapse, neural_collapse
from lwal_core.errors import LwalError


def simplex(classes: int, width: int, seed: int = 0) -> np.ndarray:
    """Corners of a regular simplex ``[C,D]`` around 0, in a random direction."""
    turned = np.linalg.qr(np.random.default_rng(seed).normal(size=(width, width)))[0]
    corners: np.ndarray = (np.eye(classes) - 1 / classes) @ turned[:classes]
    return corners


def by_loops(x: np.ndarray, y: np.ndarray, head: np.ndarray | None) -> NeuralCollapse:
    """The definitions, term by term; every class has samples and no two means are equal."""
    classes = sorted(set(y.tolist()))
    means = {c: sum(a for a, of in zip(x, y, strict=True) if of == c) / np.sum(y == c) for c in classes}
    center = sum(means.values()) / len(classes)
    within = sum(np.outer(a - means[of], a - means[of]) for a, of in zip(x, y.tolist(), strict=True)) / len(y)
    between = sum(np.outer(m - center, m - center) for m in means.values()) / len(classes)
    variance = {c: np.mean([np.sum((a - means[c]) ** 2) for a in x[y == c]]) for c in classes}
    pairs = [(c, d) for c in classes for d in classes if c != d]
    cdnv = np.mean([(variance[c] + variance[d]) / (2 * np.sum((means[c] - means[d]) ** 2)) for c, d in pairs])
    centred = np.array([means[c] - center for c in classes])
    gram, count = centred @ centred.T, len(classes)
    ideal = (np.eye(count) - np.ones((count, count)) / count) / math.sqrt(count - 1)
    cosines = [
        centred[i] @ centred[j] / np.linalg.norm(centred[i]) / np.linalg.norm(centred[j])
        for i in range(count)
        for j in range(count)
        if i != j
    ]
    nc3 = nc4 = math.nan
    if head is not None:
        rows = head[classes]
        nc3 = np.linalg.norm(rows / np.linalg.norm(rows) - centred / np.linalg.norm(centred))
        nearest = [min(classes, key=lambda c: np.sum((a - means[c]) ** 2)) for a in x]
        nc4 = np.mean([max(range(len(head)), key=lambda c: head[c] @ a) != n for a, n in zip(x, nearest, strict=True)])
    nc1 = np.trace(within @ np.linalg.pinv(between, rcond=1e-13, hermitian=True)) / count
    nc2 = np.linalg.norm(gram / np.linalg.norm(gram) - ideal)
    return NeuralCollapse(*map(float, (nc1, cdnv, nc2, np.std(cosines), nc3, nc4)))


@given(st.integers(2, 6), st.integers(1, 7), st.booleans(), st.integers(0, 2**16))
def test_any_vectors_give_what_loops_give(classes: int, width: int, with_head: bool, seed: int) -> None:
    generator = np.random.default_rng(seed)
    y = np.concatenate([np.arange(classes), generator.integers(0, classes, 20)])
    x = generator.normal(size=(len(y), width)) + 2 * generator.normal(size=(classes, width))[y]
    head = generator.normal(size=(classes, width)) if with_head else None
    found, expected = neural_collapse(x, y, head), by_loops(x, y, head)
    np.testing.assert_allclose(astuple(found), astuple(expected), rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize(("classes", "width"), [(3, 3), (10, 64), (40, 40)])
def test_a_collapsed_set_is_at_the_limits(classes: int, width: int) -> None:
    corners = simplex(classes, width)
    y = np.arange(5 * classes) % classes
    found = neural_collapse(3 * corners[y], y, 2 * corners)
    np.testing.assert_allclose(astuple(found), 0, atol=1e-12)


def test_a_square_of_means_by_hand() -> None:
    """Means at the corners of a square with a side of 2, each with two samples at 0.1 to left and right: the covariance within is
    0.01 in one direction, and between the classes 1 in both; distances are 2, 2 and the square root of 8."""
    corners = np.array([[1.0, 1.0], [1.0, -1.0], [-1.0, -1.0], [-1.0, 1.0]])
    x = np.concatenate([corners + np.array([0.1, 0]), corners - np.array([0.1, 0])])
    found = neural_collapse(x, np.arange(8) % 4, corners[:, ::-1])
    assert found.nc1 == pytest.approx(0.01 / 4)
    assert found.cdnv == pytest.approx(0.01 * (2 / 4 + 1 / 8) / 3)
    # Cosines are 0, 0 and -1, the Gram matrix has 2, 0 and -2, and a norm of the square root of 32.
    assert found.cosine_spread == pytest.approx(math.sqrt(2) / 3)
    apart, edge = 2 / math.sqrt(32), 0.25 / math.sqrt(3)
    at_own, beside, across = apart - 3 * edge, edge, -apart + edge
    assert found.nc2 == pytest.approx(math.sqrt(4 * at_own**2 + 8 * beside**2 + 4 * across**2))
    # The head swaps the two numbers: (1, 1) and (-1, -1) stay, the two others point to the opposite corner.
    assert found.nc3 == pytest.approx(math.sqrt(2 * 8) / math.sqrt(8))
    assert found.nc4 == 0.5


def test_random_classes_have_the_expected_value_of_wishart_matrices() -> None:
    """Where classes mean nothing, the scatters within and between are independent Wishart matrices with N - C and C - 1
    degrees of freedom, so that NC1 is ``D (N - C) / (C (C - D - 2))`` in the mean."""
    classes, width, count = 10, 3, 50
    generator, y = np.random.default_rng(3), np.arange(count) % classes
    found = [neural_collapse(generator.normal(size=(count, width)), y).nc1 for _ in range(1_500)]
    expected = width * (count - classes) / (classes * (classes - width - 2))
    assert np.mean(found) == pytest.approx(expected, abs=4 * np.std(found) / math.sqrt(len(found)))


def test_noise_around_known_means_has_the_closed_form() -> None:
    """Noise with the same variance in all directions: NC1 is that variance times the trace of the pseudo-inverse between the
    means, and CDNV the number of directions times the variance times the mean of one over the squared distances."""
    corners, sigma = 5 * simplex(4, 6), 0.2
    y = np.arange(40_000) % 4
    found = neural_collapse(corners[y] + sigma * np.random.default_rng(1).normal(size=(len(y), 6)), y)
    between = corners.T @ corners / 4
    assert found.nc1 == pytest.approx(sigma**2 * np.trace(np.linalg.pinv(between)) / 4, rel=0.02)
    assert found.cdnv == pytest.approx(6 * sigma**2 / np.sum((corners[0] - corners[1]) ** 2), rel=0.02)


@given(st.floats(-280, 280), st.integers(0, 2**16))
def test_scale_and_rotation_change_nothing(power: float, seed: int) -> None:
    generator = np.random.default_rng(seed)
    y = np.arange(30) % 5
    x = generator.normal(size=(30, 6)) + generator.normal(size=(5, 6))[y]
    head = generator.normal(size=(5, 6))
    turn = np.linalg.qr(generator.normal(size=(6, 6)))[0]
    before = neural_collapse(x, y, head)
    after = neural_collapse(10.0**power * (x @ turn), y, head @ turn)
    np.testing.assert_allclose(astuple(after), astuple(before), rtol=1e-6)


def test_a_shift_changes_no_measure_without_a_head() -> None:
    generator = np.random.default_rng(0)
    y = np.arange(30) % 5
    x = generator.normal(size=(30, 6)) + generator.normal(size=(5, 6))[y]
    np.testing.assert_allclose(
        astuple(neural_collapse(x + 1_000, y))[:4], astuple(neural_collapse(x, y))[:4], rtol=1e-9
    )


def test_a_table_that_is_read_by_the_nearest_row_is_a_head_with_a_bias() -> None:
    generator = np.random.default_rng(2)
    table, y = generator.normal(size=(4, 3)), np.arange(200) % 4
    x = generator.normal(size=(200, 3)) + table[y]
    found = neural_collapse(x, y, table, -0.5 * (table**2).sum(axis=1)).nc4
    means = np.stack([x[y == c].mean(axis=0) for c in range(4)])
    said, nearest = (np.linalg.norm(x[:, None] - rows, axis=2).argmin(axis=1) for rows in (table, means))
    assert 0 < found == np.mean(said != nearest)


@pytest.mark.parametrize(
    ("x", "y", "defined"),
    [
        (np.zeros((0, 3)), np.zeros(0, int), ""),
        (np.random.default_rng(0).normal(size=(9, 3)), np.zeros(9, int), ""),  # one class
        (np.zeros((6, 3)), np.arange(6) % 3, ""),
        (np.full((6, 3), 0.1), np.arange(6) % 3, ""),
        (np.random.default_rng(0).normal(size=(3, 3)), np.arange(3), "nc2 cosine_spread"),  # one sample a class
        (np.array([[0.0], [0.0], [1.0], [1.0], [0.1], [0.3]]), np.array([0, 0, 1, 1, 0, 2]), "nc1 cdnv nc2 cosine_spread"),
        (np.array([[1.0], [1.0], [1.0], [1.0], [0.1], [0.3]]), np.array([0, 0, 1, 1, 2, 2]), "nc1 nc2 cosine_spread"),
        (np.array([[1.0], [1.2], [-1.0], [-1.2], [0.5], [-0.5]]), np.array([0, 0, 1, 1, 2, 2]), "nc1 cdnv nc2"),
    ],
    ids=["none", "one class", "zeros", "equal", "one sample", "gap", "two equal means", "mean in the centre"],
)  # fmt: skip
def test_what_is_not_defined_is_nan(x: np.ndarray, y: np.ndarray, defined: str) -> None:
    found = neural_collapse(x, y)
    assert [name for name in vars(found) if not math.isnan(getattr(found, name))] == defined.split()


def test_tensors_lists_and_short_floats_are_read_as_they_are() -> None:
    generator = np.random.default_rng(0)
    y = np.arange(20) % 4
    x = (generator.normal(size=(20, 3)) + 3 * np.eye(4, 3)[y]).astype(np.float16)
    expected = astuple(neural_collapse(x.astype(np.float64), y))[:4]
    for given_x, given_y in (
        (x, y.astype(np.uint8)),
        (torch.from_numpy(x), torch.from_numpy(y)),
        (x.tolist(), y.tolist()),
    ):
        assert astuple(neural_collapse(given_x, given_y))[:4] == expected
    whole = np.round(10 * x).astype(np.int8)
    assert astuple(neural_collapse(whole, y))[:4] == astuple(neural_collapse(whole.astype(float), y))[:4]


def test_a_class_without_samples_is_left_out() -> None:
    generator = np.random.default_rng(0)
    y = np.arange(20) % 4
    x, head = generator.normal(size=(20, 3)) + 3 * np.eye(4, 3)[y], generator.normal(size=(6, 3))
    head[[1, 4]] = -100 * np.abs(head[[1, 4]])  # rows of classes that have no samples
    apart = np.array([0, 2, 3, 5])
    found, expected = neural_collapse(x, apart[y], head), neural_collapse(x, y, head[apart])
    assert astuple(found)[:5] == pytest.approx(astuple(expected)[:5])


@pytest.mark.parametrize(
    ("x", "y", "head", "bias"),
    [
        (np.zeros((3, 2)), np.arange(4), None, None),
        (np.zeros(3), np.arange(3), None, None),
        (np.zeros((3, 0)), np.arange(3), None, None),
        (np.zeros((3, 2)), np.array([0, 1, -1]), None, None),
        (np.zeros((3, 2)), np.array([0, 1, 2**40]), None, None),
        (np.zeros((3, 2)), np.array([0.0, 1.0, 1.5]), None, None),
        (np.array([[0, np.nan]] * 3), np.arange(3), None, None),
        (np.array([[0, np.inf]] * 3), np.arange(3), None, None),
        (np.array([["a", "b"]] * 3), np.arange(3), None, None),
        ([[1, 2], [3]], [0, 1], None, None),
        (torch.zeros(3, 2, requires_grad=True), np.arange(3), None, None),
        (np.zeros((3, 2)), np.arange(3), torch.zeros(3, 2, dtype=torch.bfloat16), None),
        (np.zeros((3, 2)), {"a": 1}, None, None),
        (np.zeros((3, 2)), np.arange(3), np.zeros((3, 3)), None),
        (np.zeros((3, 2)), np.arange(3), np.zeros((2, 2)), None),
        (np.zeros((3, 2)), np.arange(3), np.full((3, 2), np.nan), None),
        (np.zeros((3, 2)), np.arange(3), np.zeros((3, 2)), np.zeros(2)),
        (np.zeros((3, 2)), np.arange(3), None, np.zeros(3)),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(x: object, y: object, head: object, bias: object) -> None:
    with pytest.raises(ArrayError) as caught:
        neural_collapse(x, y, head, bias)  # type: ignore[arg-type]
    assert isinstance(caught.value, ValueError) and isinstance(caught.value, LwalError)
    assert "\n" not in str(caught.value)
