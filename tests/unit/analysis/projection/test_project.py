"""Layouts against scikit-learn, scipy, naive loops and invariants; small and degenerate sets on purpose."""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.linalg import orthogonal_procrustes
from scipy.spatial.distance import pdist
from scipy.stats import spearmanr
from sklearn.decomposition import PCA
from sklearn.manifold import trustworthiness

from lwal_core.analysis.projection import (
    METHODS,
    Projection,
    align,
    fits_exactly,
    jitter,
    project,
    project_snapshots,
    project_with_samples,
    quality,
)
from lwal_core.errors import AnalysisError

# The package has functions of the same names as these modules.
project_module = sys.modules["lwal_core.analysis.projection.project"]
quality_module = sys.modules["lwal_core.analysis.projection.quality"]

QUICK = ("pca", "mds", "tsne")  # UMAP compiles for half a minute: its tests are few and at the end


def random(n: int, k: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, k))


def drifting(frames: int = 6, n: int = 12, k: int = 10) -> list[np.ndarray]:
    """Points that move straight and evenly from a random start to three groups."""
    start, end = random(n, k, 1), random(n, k, 2) + 6 * random(3, k, 3)[np.arange(n) % 3]
    return [(1 - t) * start + t * end for t in np.linspace(0, 1, frames)]


def turned(points: np.ndarray, degrees: float, mirror: bool = False) -> np.ndarray:
    angle = math.radians(degrees)
    R = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    return points @ R @ (np.diag([1.0, -1.0]) if mirror else np.eye(2))


# ----------------------------------------------------------------------------------------------------------- small sets


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("d", [2, 3])
def test_one_point_lies_in_the_middle(method: Any, d: int) -> None:
    p = project([[3.0, 4.0, 5.0]], method, d)
    assert p.points.shape == (1, d) and not p.points.any()
    assert p.requested == method and p.method == ("mds" if method == "mds" else "pca")
    assert ("one point only" in p.note) == (method in ("umap", "tsne"))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(("n", "d"), [(2, 2), (3, 2), (2, 3), (3, 3), (4, 3)])
def test_up_to_one_point_more_than_dimensions_is_exact(method: Any, n: int, d: int) -> None:
    X = random(n, 7)
    p = project(X, method, d)
    np.testing.assert_allclose(pdist(p.points), pdist(X), rtol=1e-9)
    if method in ("umap", "tsne"):
        assert p.method == "pca" and f"{n} points fit exactly into {d} dimensions" in p.note
        assert p.explained is not None and p.explained.sum() == pytest.approx(1)
    if method == "mds":
        assert p.stress == 0


@pytest.mark.parametrize("d", [2, 3])
def test_what_fits_exactly_is_what_is_laid_out_exactly(d: int) -> None:
    for X in (*(random(n, 7) for n in range(1, 7)), np.ones((9, 4)), np.repeat(random(d + 1, 5), 3, axis=0)):
        taken_over = project(X, "tsne", d, perplexity=1.0).method == "pca"
        assert fits_exactly(X, d) == taken_over == (len(np.unique(X, axis=0)) <= d + 1)
    ray = np.outer(np.arange(1.0, 9.0), [1.0, 0.0])  # one direction, eight lengths
    assert fits_exactly(ray, d, "cosine") and not fits_exactly(ray, d)
    with pytest.raises(AnalysisError):
        fits_exactly(np.zeros((3, 0)), d)


@pytest.mark.parametrize("method", METHODS)
def test_equal_points_stay_together(method: Any) -> None:
    p = project(np.full((7, 3), 2.5), method)
    assert p.points.shape == (7, 2) and not p.points.any()
    if method in ("umap", "tsne"):
        assert p.note.startswith("All 7 points are equal")
    if method == "pca":
        assert p.explained is not None and np.isnan(p.explained).all()


@pytest.mark.parametrize("method", METHODS)
def test_three_different_points_among_many_are_exact(method: Any) -> None:
    X = np.repeat(random(3, 5), 4, axis=0)
    p = project(X, method)
    np.testing.assert_allclose(pdist(p.points), pdist(X), atol=1e-9)
    if method in ("umap", "tsne"):
        assert "3 different points among 12" in p.note


@pytest.mark.parametrize("method", ["pca", "mds"])
def test_duplicates_lie_on_each_other(method: Any) -> None:
    points = project(np.repeat(random(6, 5), 3, axis=0), method).points.reshape(6, 3, 2)
    np.testing.assert_allclose(points, points[:, :1].repeat(3, axis=1), atol=1e-3 * np.abs(points).max())


@pytest.mark.parametrize("method", QUICK)
@pytest.mark.parametrize("d", [2, 3])
@pytest.mark.parametrize(("n", "k"), [(1, 1), (2, 1_200), (3, 1), (4, 3), (5, 9), (10, 1), (10, 1_200), (20, 2)])
def test_shape_and_finite(method: Any, d: int, n: int, k: int) -> None:
    p = project(random(n, k), method, d)
    assert p.points.shape == (n, d) and np.isfinite(p.points).all()
    np.testing.assert_allclose(p.points.mean(axis=0), 0, atol=1e-6 * np.abs(p.points).max())
    assert p.params["seed"] == 0


@pytest.mark.parametrize("method", QUICK)
def test_points_on_a_line_stay_in_order(method: Any) -> None:
    X = np.outer(np.arange(9.0), [1.0, 2.0, 3.0])
    assert quality(X, project(X, method).points).trustworthiness == pytest.approx(1)


@pytest.mark.parametrize("method", QUICK)
@pytest.mark.parametrize("d", [2, 3])
def test_tsne_and_friends_keep_well_separated_groups(method: Any, d: int) -> None:
    X = random(12, 6) + 20 * np.eye(6)[np.arange(12) % 3]
    p = project(X, method, d).points
    same = np.arange(12)[:, None] % 3 == np.arange(12) % 3
    D = np.linalg.norm(p[:, None] - p[None], axis=2)
    assert D[same].max() < D[~same].min()


def test_cap_of_the_perplexity_is_told() -> None:
    p = project(random(10, 4), "tsne")
    assert p.params["perplexity"] == 3 and "perplexity 3 instead of 30" in p.note and "only 10 points" in p.note


# -------------------------------------------------------------------------------------------------------------- methods


@pytest.mark.parametrize("shape", [(30, 5), (5, 30), (270, 300), (300, 270)])
@pytest.mark.parametrize("d", [2, 3])
def test_pca_is_that_of_scikit_learn(shape: tuple[int, int], d: int) -> None:
    X = random(*shape) * np.linspace(3, 1, shape[1])
    p = project(X, "pca", d)
    model = PCA(d, svd_solver="full").fit(X)
    np.testing.assert_allclose(np.abs(p.points), np.abs(model.transform(X)), rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(p.explained, model.explained_variance_ratio_, rtol=1e-9)


def test_signs_do_not_depend_on_those_of_the_input() -> None:
    X = random(9, 4)
    np.testing.assert_allclose(project(X, "pca").points, project(X @ np.diag([1, -1, -1, 1]), "pca").points, atol=1e-12)
    for p in (project(X, "pca").points, project(X, "mds").points):
        assert (p[np.abs(p).argmax(axis=0), [0, 1]] > 0).all()


@pytest.mark.parametrize("method", ["pca", "mds"])
def test_turning_the_space_does_not_turn_the_picture(method: Any) -> None:
    X = random(9, 4)
    Q = np.linalg.qr(random(4, 4, 5))[0]
    np.testing.assert_allclose(project(X @ Q + 7, method).points, project(X, method).points, atol=1e-6)


def test_a_second_component_that_does_not_exist_is_zero() -> None:
    p = project(np.arange(5.0)[:, None], "pca")
    np.testing.assert_allclose(p.points, [[2, 0], [1, 0], [0, 0], [-1, 0], [-2, 0]], atol=1e-12)
    np.testing.assert_allclose(p.explained, [1, 0], atol=1e-12)


def test_one_hot_vectors_have_no_preferred_directions_and_the_note_says_so() -> None:
    assert "arbitrary" in project(np.eye(10), "pca").note
    assert "arbitrary" in project(np.eye(10), "mds").note
    assert project(random(10, 4), "pca").note == ""


def test_mds_of_a_flat_set_has_true_distances() -> None:
    X = random(12, 2) @ random(2, 40, 1)
    p = project(X, "mds")
    np.testing.assert_allclose(pdist(p.points), pdist(X), rtol=1e-9)
    assert p.stress == pytest.approx(0, abs=1e-9)


def test_mds_has_less_stress_than_pca_and_reports_it() -> None:
    X = random(15, 10)
    p, other = project(X, "mds"), project(X, "pca")

    def stress(points: np.ndarray) -> float:
        above = below = 0.0
        for i in range(15):
            for j in range(i):
                true = math.dist(X[i], X[j])
                above += (math.dist(points[i], points[j]) - true) ** 2
                below += true**2
        return math.sqrt(above / below)

    assert p.stress == pytest.approx(stress(p.points)) and p.stress < stress(other.points)


def test_mds_of_very_many_points_is_classical_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(project_module, "MDS_LIMIT", 20)
    X = random(21, 5)
    p = project(X, "mds")
    np.testing.assert_array_equal(p.points, project(X, "pca").points)
    assert "Classical MDS" in p.note and "21 points" in p.note and p.stress is None


@pytest.mark.parametrize("method", QUICK)
def test_cosine_sees_directions_only(method: Any) -> None:
    X = random(12, 5)
    longer = X * np.linspace(1, 9, 12)[:, None]
    same = project(longer, method, metric="cosine").points
    np.testing.assert_allclose(same, project(X, method, metric="cosine").points, atol=1e-6 * np.abs(same).max())


@pytest.mark.parametrize("method", ["pca", "mds"])
@pytest.mark.parametrize("factor", [1e200, 1e-200])
def test_extreme_magnitudes(method: Any, factor: float) -> None:
    X = random(10, 5)
    np.testing.assert_allclose(project(X * factor, method).points / factor, project(X, method).points, atol=1e-6)


@pytest.mark.parametrize("method", QUICK)
def test_the_same_seed_gives_the_same_picture(method: Any) -> None:
    X = random(15, 6)
    assert np.array_equal(project(X, method, seed=3).points, project(X, method, seed=3).points)
    assert np.array_equal(X, random(15, 6)), "the input must stay as it is"


def test_points_are_read_only() -> None:
    with pytest.raises(ValueError, match="read-only"):
        project(random(4, 3), "pca").points[0, 0] = 1


# --------------------------------------------------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("X", "message"),
    [
        ([[1.0, 2.0], [math.nan, 0.0], [0.0, math.inf]], r"nan in row 1, column 0; 2 of 3 rows"),
        ([[math.inf]], "inf in row 0"),
        (np.empty((0, 3)), r"shape \(0, 3\)"),
        (np.empty((3, 0)), r"shape \(3, 0\)"),
        ([1.0, 2.0], r"shape \(2,\)"),
        ([["a", "b"]], "real numbers"),
        ([[1j, 2.0]], "real numbers"),
        ([[1.0], [1.0, 2.0]], "real numbers"),
    ],
)
def test_what_is_no_set_of_points_is_refused(X: Any, message: str) -> None:
    with pytest.raises(AnalysisError, match=message):
        project(X, "pca")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"method": "som"}, "Unknown projection method 'som'. Allowed: umap, pca, tsne, mds"),
        ({"method": "umap", "perplexity": 3}, r"UMAP has no parameter 'perplexity' \(allowed: n_neighbors, min_dist"),
        ({"n_components": 4}, "n_components=4 must be 2 or 3"),
        ({"n_components": True}, "n_components=True"),
        ({"seed": -1}, "seed=-1"),
        ({"seed": 1.5}, "seed=1.5"),
        ({"n_neighbors": 1}, "n_neighbors=1 must be a whole number from 2"),
        ({"n_neighbors": True}, "n_neighbors=True"),
        ({"min_dist": 2.0}, "min_dist=2.0 must not be above spread=1.0"),
        ({"min_dist": math.nan}, "min_dist=nan must be a number from 0"),
        ({"metric": "manhattan"}, "metric='manhattan' must be 'euclidean' or 'cosine'"),
        ({"method": "tsne", "max_iter": 10}, "max_iter=10 must be a whole number from 250"),
        ({"n_neighbors": 0, "spread": 0}, "n_neighbors=0 .*; spread=0 must be a number above 0"),
    ],
)
def test_wrong_parameters_are_refused_with_what_is_allowed(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(AnalysisError, match=message):
        project(random(5, 3), **arguments)


def test_a_zero_row_has_no_direction() -> None:
    with pytest.raises(AnalysisError, match="Row 2 of X is all zeros"):
        project([[1.0, 0], [0, 1.0], [0, 0], [1, 1]], "pca", metric="cosine")


# --------------------------------------------------------------------------------------------------------- with samples


def test_vectors_and_samples_share_a_space() -> None:
    V, S = random(4, 6), random(30, 6, 1)
    v, s = project_with_samples(V, S, "pca")
    np.testing.assert_array_equal(np.vstack([v.points, s.points]), project(np.vstack([V, S]), "pca").points)
    alone, none = project_with_samples(V, np.empty((0, 6)), "pca")
    np.testing.assert_array_equal(alone.points, project(V, "pca").points)
    assert none.points.shape == (0, 2)


def test_vectors_and_samples_of_different_spaces_are_refused() -> None:
    with pytest.raises(AnalysisError, match="vectors have 3 dimensions, samples have 4"):
        project_with_samples(random(5, 3), random(5, 4))
    with pytest.raises(AnalysisError, match="samples holds nan in row 1"):
        project_with_samples(random(5, 1), [[1.0], [math.nan]])


# ------------------------------------------------------------------------------------------------------------ alignment


@pytest.mark.parametrize("mirror", [False, True])
@pytest.mark.parametrize("degrees", [0, 30, 180, 271])
def test_align_undoes_a_known_rotation_and_reflection(degrees: float, mirror: bool) -> None:
    X = random(6, 2) + np.array([5, 1])
    aligned, disparity = align(turned(X, degrees, mirror) + 9.0, X)
    np.testing.assert_allclose(aligned, X, atol=1e-12)
    assert disparity == pytest.approx(0, abs=1e-24)


def test_align_is_scipys_procrustes_and_does_not_rescale() -> None:
    P, R = random(8, 3), random(8, 3, 1)
    p, r = P - P.mean(axis=0), R - R.mean(axis=0)
    aligned, disparity = align(P, R)
    expected = p @ orthogonal_procrustes(p, r)[0]
    np.testing.assert_allclose(aligned, expected + R.mean(axis=0), atol=1e-12)
    assert disparity == pytest.approx(((expected - r) ** 2).sum() / (r**2).sum())
    assert align(2 * R, R)[1] == pytest.approx(1), "twice the size is a difference"
    assert math.isnan(align(P, np.zeros((8, 3)))[1])
    with pytest.raises(AnalysisError, match="cannot be aligned"):
        align(P, R[:5])


# ------------------------------------------------------------------------------------------------------------ snapshots


@pytest.mark.parametrize("method", QUICK)
def test_the_last_snapshot_is_the_picture_of_its_own(method: Any) -> None:
    frames = drifting()
    out = project_snapshots(frames, method)
    alone = project(frames[-1], method)
    assert len(out) == 6 and np.array_equal(out[-1].points, alone.points) and out[-1].note == alone.note
    assert math.isnan(out[-1].disparity) and all(p.disparity >= 0 for p in out[:-1])


@pytest.mark.parametrize("method", QUICK)
def test_snapshots_that_do_not_change_do_not_move(method: Any) -> None:
    X = drifting()[-1]
    out = project_snapshots([X, X, X], method)
    assert jitter(out).relative < (0.02 if method == "tsne" else 1e-4)
    assert out[0].disparity < 1e-3


def test_a_turned_space_does_not_turn_the_mds_snapshot() -> None:
    X = drifting()[-1]
    Q = np.linalg.qr(random(10, 10, 5))[0]
    out = project_snapshots([X @ Q, X], "mds")
    np.testing.assert_allclose(out[0].points, out[1].points, atol=1e-2)


def test_even_drift_looks_like_even_drift() -> None:
    for method in ("pca", "mds"):
        moved = jitter(project_snapshots(drifting(12), method))
        assert moved.relative < 0.25 and moved.roughness < 0.7, method


def test_pca_snapshots_lie_on_the_axes_of_the_last() -> None:
    frames = drifting()
    model = PCA(2).fit(frames[-1])
    out = project_snapshots(frames, "pca")
    for frame, p in zip(frames, out, strict=True):
        centred = frame - frame.mean(axis=0)
        shown = centred @ model.components_.T
        np.testing.assert_allclose(np.abs(p.points), np.abs(shown), atol=1e-9)
        np.testing.assert_allclose(p.explained, (shown**2).sum(axis=0) / (centred**2).sum(), atol=1e-9)


def test_mds_snapshots_are_as_true_as_mds_of_each_frame() -> None:
    frames = drifting()
    for frame, p in zip(frames, project_snapshots(frames, "mds"), strict=True):
        own = project(frame, "mds").stress
        assert p.stress is not None and own is not None and p.stress <= (1 + project_module.MDS_PATIENCE) * own + 1e-9


@pytest.mark.parametrize("method", METHODS)
def test_snapshots_of_three_classes_are_exact(method: Any) -> None:
    frames = drifting(n=3)
    out = project_snapshots(frames, method)
    for frame, p in zip(frames, out, strict=True):
        if method != "pca":  # PCA keeps the plane of the last frame
            np.testing.assert_allclose(pdist(p.points), pdist(frame), rtol=1e-9)


@pytest.mark.parametrize("method", QUICK)
def test_frames_in_which_all_points_are_equal(method: Any) -> None:
    frames = [np.zeros((8, 4)), random(8, 4), np.ones((8, 4)), random(8, 4, 1), np.zeros((8, 4))]
    for part in (frames, frames[:-1]):
        out = project_snapshots(part, method)
        for frame, p in zip(part, out, strict=True):
            assert np.isfinite(p.points).all() and bool(p.points.any()) == bool(np.ptp(frame, axis=0).any())


def test_snapshots_that_do_not_belong_together_are_refused() -> None:
    with pytest.raises(AnalysisError, match=r"\(3, 2\), \(4, 2\)"):
        project_snapshots([random(3, 2), random(4, 2)])
    with pytest.raises(AnalysisError, match="given: none"):
        project_snapshots([])
    with pytest.raises(AnalysisError, match="frame 1 holds nan in row 2"):
        project_snapshots([random(3, 1), [[1.0], [2.0], [math.nan]]])


# --------------------------------------------------------------------------------------------------------------- jitter


def test_jitter_of_even_movement_by_hand() -> None:
    frames = [np.array([[-1.0, 0], [1, 0]]) + t * np.array([3.0, 4.0]) for t in range(4)]
    step, spread, relative, roughness = jitter(frames)
    assert (step, spread, relative) == pytest.approx((5, 1, 5)) and roughness == pytest.approx(0)


def test_jitter_of_points_thrown_anew_and_of_a_random_walk() -> None:
    noise = np.random.default_rng(0).normal(size=(400, 20, 2))
    assert jitter(list(noise)).roughness == pytest.approx(math.sqrt(3), rel=0.03)
    assert jitter(list(noise.cumsum(axis=0))).roughness == pytest.approx(math.sqrt(2), rel=0.03)


def test_jitter_against_loops_and_without_enough_frames() -> None:
    frames = [random(5, 2, s) for s in range(3)]
    steps = [math.dist(frames[t][i], frames[t + 1][i]) for t in range(2) for i in range(5)]
    assert jitter(frames).step == pytest.approx(sum(steps) / len(steps))
    assert all(map(math.isnan, jitter(frames[:1]))) and all(map(math.isnan, jitter([])))
    assert math.isnan(jitter(frames[:2]).roughness) and math.isnan(jitter([np.zeros((3, 2))] * 3).relative)


# -------------------------------------------------------------------------------------------------------------- quality


@pytest.mark.parametrize(("n", "k"), [(3, 1), (5, 2), (10, 4), (40, 5), (40, 15)])
def test_quality_is_that_of_scikit_learn_and_scipy(n: int, k: int) -> None:
    X, points = random(n, 6), random(n, 2, 1)
    q = quality(X, points, n_neighbors=k)
    assert q.trustworthiness == pytest.approx(trustworthiness(X, points, n_neighbors=k))
    assert q.distance_correlation == pytest.approx(spearmanr(pdist(X), pdist(points)).statistic)
    assert (q.n_used, q.n_neighbors) == (n, k)


def test_quality_caps_the_neighbourhood_below_half() -> None:
    assert quality(random(7, 3), random(7, 2), n_neighbors=50).n_neighbors == 3


def test_quality_of_a_perfect_picture() -> None:
    X = random(20, 2)
    q = quality(X, turned(X, 40, mirror=True) * 3)
    assert q.trustworthiness == pytest.approx(1) and q.distance_correlation == pytest.approx(1)


def test_quality_is_undefined_where_there_is_nothing_to_rank() -> None:
    for n in (1, 2):
        assert all(map(math.isnan, quality(random(n, 3), random(n, 2))[:2]))
    assert all(map(math.isnan, quality(np.eye(6, dtype=np.float32) * 0.1, random(6, 2))[:2])), "all equally far apart"
    assert math.isnan(quality(random(6, 3), np.zeros((6, 2))).distance_correlation)
    assert quality(np.repeat(random(3, 4), 3, axis=0), random(9, 2)).trustworthiness <= 1


def test_quality_of_many_points_takes_a_seeded_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quality_module, "QUALITY_LIMIT", 50)
    X = random(400, 3)
    one, two = quality(X, X[:, :2], seed=1), quality(X, X[:, :2], seed=1)
    assert one == two and one.n_used == 50 and one != quality(X, X[:, :2], seed=2)
    assert one.distance_correlation == pytest.approx(spearmanr(pdist(X), pdist(X[:, :2])).statistic, abs=0.1)


def test_quality_refuses_what_does_not_belong_together() -> None:
    with pytest.raises(AnalysisError, match="4 originals and 5 points"):
        quality(random(4, 2), random(5, 2))
    with pytest.raises(AnalysisError, match="n_neighbors=0"):
        quality(random(4, 2), random(4, 2), n_neighbors=0)


# ----------------------------------------------------------------------------------------------------------------- UMAP


@pytest.mark.parametrize(("n", "k", "d"), [(4, 3, 2), (5, 3, 3), (10, 1_200, 2), (10, 1, 2)])
def test_umap_of_few_points(n: int, k: int, d: int) -> None:
    p = project(random(n, k), "umap", d)
    assert p.method == "umap" and p.points.shape == (n, d) and np.isfinite(p.points).all()
    assert p.params["n_neighbors"] == n - 1 and f"UMAP with {n - 1} neighbours instead of 15" in p.note


def test_umap_of_duplicates_and_equal_distances() -> None:
    for X in (np.repeat(random(5, 4), 3, axis=0), np.eye(10)):
        assert np.isfinite(project(X, "umap").points).all()


@pytest.mark.filterwarnings("error")
def test_what_umap_compiles_is_kept_for_other_processes() -> None:
    from umap.umap_ import compute_membership_strengths as function  # one that umap-learn itself does not keep

    project(random(8, 3), "umap")
    assert Path(function.stats.cache_path).is_dir()
    assert sum(function.stats.cache_hits.values()) + sum(function.stats.cache_misses.values()) > 0


def test_umap_keeps_groups_and_is_fixed_by_the_seed() -> None:
    X = random(40, 8) + 15 * np.eye(8)[np.arange(40) % 4]
    one, two, other = (project(X, "umap", seed=s) for s in (5, 5, 6))
    assert np.array_equal(one.points, two.points) and not np.array_equal(one.points, other.points)
    assert one.note == "" and one.params["n_neighbors"] == 15
    assert quality(X, one.points).trustworthiness > 0.9


def test_umap_snapshots_are_calm_and_end_where_umap_does() -> None:
    frames = drifting(5)
    out = project_snapshots(frames, "umap", seed=1)
    apart = [project(frame, "umap", seed=1) for frame in frames]
    calm, restless = jitter(out), jitter(align_all(apart))
    assert np.array_equal(out[-1].points, apart[-1].points)
    assert calm.relative < 0.75 * restless.relative
    kept = np.mean([quality(f, p.points).trustworthiness for f, p in zip(frames, out, strict=True)])
    alone = np.mean([quality(f, p.points).trustworthiness for f, p in zip(frames, apart, strict=True)])
    assert kept > alone - 0.05
    again = project_snapshots(frames, "umap", seed=1)
    assert all(np.array_equal(a.points, b.points) for a, b in zip(out, again, strict=True))


def align_all(layouts: list[Projection]) -> list[np.ndarray]:
    """Each layout turned to match the one after it."""
    out = [layouts[-1].points]
    for p in layouts[-2::-1]:
        out.append(align(p.points, out[-1])[0])
    return out[::-1]


def test_umap_snapshots_with_collapsed_frames() -> None:
    frames = [np.zeros((8, 4)), random(8, 4), np.repeat(random(2, 4), 4, axis=0), random(8, 4, 1)]
    out = project_snapshots(frames, "umap")
    assert all(np.isfinite(p.points).all() for p in out)
    assert "Too few different points" in out[0].note and "Too few" in out[2].note and "Too few" not in out[1].note
