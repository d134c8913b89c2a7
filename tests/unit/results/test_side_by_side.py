"""Two spaces of the same classes held against each other, class by class: against loops, known cases and what cannot be compared."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial import procrustes

from lwal_core.analysis.similarity import neighbour_overlap, neighbours_in_common
from lwal_core.errors import AnalysisError
from lwal_core.figures.maps.side_by_side import MARKED, change_color, side_figure
from lwal_core.results.side_by_side import Comparison, Side, compare_sides, laid_beside, most_different, usual_k
from lwal_core.runs import Run, RunWriter

Make = Callable[..., Run]


def in_common_by_loop(X: np.ndarray, Y: np.ndarray, k: int) -> list[int]:
    found = []
    for i in range(len(X)):
        near = []
        for Z in (X, Y):
            away = sorted((float(np.sqrt(((Z[i] - Z[j]) ** 2).sum())), j) for j in range(len(Z)) if j != i)
            near.append({j for _, j in away[:k]})
        found.append(len(near[0] & near[1]))
    return found


@given(st.integers(4, 14), st.integers(1, 12), st.integers(0, 10_000))
def test_neighbours_in_common_against_a_loop(n: int, k: int, seed: int) -> None:
    k = min(k, n - 1)
    generator = np.random.default_rng(seed)
    X, Y = generator.normal(size=(n, 3)), generator.normal(size=(n, 7))
    found = neighbours_in_common(X, Y, k)
    assert found.tolist() == in_common_by_loop(X, Y, k)
    assert found.mean() / k == pytest.approx(neighbour_overlap(X, Y, k))
    turned = X @ np.linalg.qr(generator.normal(size=(3, 3)))[0] * 4.5 - 17
    assert neighbours_in_common(X, turned, k).tolist() == [k] * n


def test_spaces_that_know_nothing_of_each_other_have_as_many_in_common_as_chance_gives() -> None:
    generator = np.random.default_rng(1)
    n, k = 200, 10
    found = np.mean([neighbours_in_common(*generator.normal(size=(2, n, 60)), k).mean() for _ in range(4)])
    chance = Comparison(("",) * n, k, np.zeros(n, np.intp), (np.zeros((n, 1), np.intp),) * 2).by_chance
    assert chance == pytest.approx(k * k / (n - 1)) and found == pytest.approx(chance, rel=0.25)


def test_what_has_no_neighbours_is_refused() -> None:
    X = np.random.default_rng(0).normal(size=(5, 2))
    for bad, k in ((np.ones((5, 2)), 2), (X, 5), (X, 0)):
        with pytest.raises(AnalysisError):
            neighbours_in_common(X, bad, k)
    with pytest.raises(AnalysisError):
        neighbours_in_common(X, X[:4], 2)
    with pytest.raises(AnalysisError):
        neighbours_in_common(X, np.full((5, 2), np.nan), 2)


def test_a_class_that_went_elsewhere_is_found(make_run: Make) -> None:
    run, other = make_run(classes=12), make_run(classes=12, seed=13)
    vectors = run.vectors(3).astype(np.float64)
    moved = vectors.copy()
    moved[4] = vectors[11] + 0.01  # from its neighbours to the far end
    RunWriter(other.path).labels(3, moved, moved)
    left, right = Side(run, 3, "centroids"), Side(other, 3, "centroids")
    found = compare_sides(left, right, 3)
    assert found.common.tolist() == in_common_by_loop(vectors, moved.astype(np.float32).astype(np.float64), 3)
    assert found.order[0] == 4 and found.common[4] == 0
    assert found.nearest[1][4][0] == 11
    said = most_different(found, found.names)
    assert said.startswith("class 4 differs most: 0 of 3 nearest classes in common (mean ")
    rows = list(csv.reader(io.StringIO(found.csv(left, right).decode(), newline="")))
    assert len(rows) == 13 and rows[1][:3] == ["class 4", "0", "1.0"]
    assert rows[1][5:] == [run.id, "centroids", "3", other.id, "centroids", "3", "3"]
    same = compare_sides(left, left)
    assert most_different(same, same.names) == "All classes have the same 5 nearest classes on both sides."
    assert same.k == usual_k(12) == 5


def test_two_layers_of_one_run(make_run: Make) -> None:
    run = make_run(layers=True)
    found = compare_sides(Side(run, 3, "centroids"), Side(run, 3, "features"))
    assert (found.common == found.k).all()  # here the features are the outputs backwards


def test_what_cannot_be_held_side_by_side_says_why(make_run: Make) -> None:
    run = make_run(classes=6)
    others = Side(make_run(class_names=[*"abcdef"]), 3, "centroids")
    with pytest.raises(AnalysisError, match="other classes"):
        compare_sides(Side(run, 3, "centroids"), others)
    flat = make_run("onehot", classes=6, dim=6)
    RunWriter(flat.path).labels(3, np.eye(6), np.eye(6))
    with pytest.raises(AnalysisError, match="equally far apart"):
        compare_sides(Side(run, 3, "centroids"), Side(flat, 3, "labels"))
    for count in (1, 2, 3):
        few = Side(make_run(classes=count), 3, "centroids")
        with pytest.raises(AnalysisError, match="nothing can differ"):
            compare_sides(few, few)
    assert [usual_k(n) for n in (4, 5, 7, 11, 1_000)] == [1, 2, 3, 5, 5]


def test_the_right_picture_is_laid_on_the_left_one() -> None:
    generator = np.random.default_rng(3)
    left = generator.normal(size=(9, 2))
    mirrored = (left * [1, -1]) @ np.array([[0.0, 1.0], [-1.0, 0.0]]) * 7 + 100
    one, other, left_over = laid_beside(left, mirrored)
    np.testing.assert_allclose(one, other, atol=1e-9)
    assert left_over == pytest.approx(0, abs=1e-12)
    right = generator.normal(size=(9, 2))
    one, other, left_over = laid_beside(left, right)
    _, _, scaled = procrustes(left, right)  # which scales the one best, too: 2 - 2 sqrt(1 - d) at one size
    assert left_over == pytest.approx(2 - 2 * np.sqrt(1 - scaled))
    np.testing.assert_allclose(laid_beside(left, np.ones((9, 2)))[1], np.zeros((9, 2)), atol=1e-12)
    with pytest.raises(AnalysisError):
        laid_beside(left, right[:8])


def test_the_colour_tells_the_difference_and_the_picked_have_rings() -> None:
    assert change_color(0) == "#56B4E9" and change_color(1) == "#D55E00" and change_color(0.5) == "#968974"
    points = np.random.default_rng(0).normal(size=(4, 2))
    fig = side_figure(points, ["a", "<b>", "c", "d"], [0, 1, 0.5, 0], chosen=[2, 0], hover=["0", "1", "2", "3"])
    classes = next(trace for trace in fig.data if trace.name == "classes")
    for (index,), x, color, text in zip(
        classes.customdata, classes.x, classes.marker.color, classes.hovertext, strict=True
    ):
        assert x == points[index, 0] and color == change_color([0, 1, 0.5, 0][index]) and text.endswith(str(index))
    assert [index for (index,) in classes.customdata] == [
        2,
        0,
        1,
        3,
    ]  # whose names come first: the picked, then what differs most
    assert "&lt;b&gt;" in classes.hovertext[2]
    rings = next(trace for trace in fig.data if trace.name == MARKED)
    assert list(rings.x) == points[[2, 0], 0].tolist()
    with pytest.raises(AnalysisError):
        side_figure(points, ["a", "b", "c", "d"], [0, 1])
    with pytest.raises(AnalysisError):
        side_figure(points, ["a", "b", "c", "d"], [0] * 4, chosen=[4])
