"""Projection of class vectors and samples to two or three dimensions, with exact solutions for small sets.

Up to ``n_components + 1`` different points fit exactly, and they are laid out that way whatever was asked for:
umap-learn raises for two and three points, and t-SNE has no neighbourhoods to keep. :attr:`Projection.note` says so.

Snapshots through training (:func:`project_snapshots`) are laid out from the last one backwards, so that the end of
the film is the picture that :func:`project` draws. Measured on 13 snapshots of 10 digit classes (K = 100), the mean
step from frame to frame relative to the spread, and the mean trustworthiness: UMAP frame by frame 0.72 and 0.75,
AlignedUMAP 0.87 and 0.74; here UMAP 0.21 and 0.87, MDS 0.13 and 0.90, PCA 0.13 and 0.85. The vectors themselves moved
by 0.16.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike

from lwal_core.analysis.projection import algorithms
from lwal_core.analysis.projection.algorithms import Array, matrix, prepare
from lwal_core.analysis.projection.quality import QUALITY_LIMIT, Jitter, Quality, movement, quality
from lwal_core.errors import AnalysisError

__all__ = [
    "ALGORITHM_VERSION", "MDS_LIMIT", "METHODS", "METHOD_NAMES", "PARAMS", "QUALITY_LIMIT", "Jitter", "Method",
    "Projection", "Quality", "align", "check_params", "fits_exactly", "jitter", "project", "project_snapshots",
    "project_with_samples", "quality",
]  # fmt: skip

Method = Literal["umap", "pca", "tsne", "mds"]
METHODS: tuple[str, ...] = get_args(Method)
METHOD_NAMES = {"umap": "UMAP", "pca": "PCA", "tsne": "t-SNE", "mds": "MDS"}
ALGORITHM_VERSION = 1  # to be raised when the same input would give another picture: caches key on it
MDS_LIMIT = 2_000  # points; SMACOF holds several [n, n] matrices, above it the classical solution is taken
MDS_PATIENCE = 0.1  # how much more stress a snapshot may have than a layout of its own, before it gets that one

_TIED = "Several directions hold the same variance, so which of them are shown is arbitrary."


@dataclass(frozen=True, eq=False)
class Projection:
    """A layout and how it came about.

    Attributes:
        points: ``[n, n_components]`` float64, read-only; centred on 0, with samples jointly.
        method: The method that was really used, one of :data:`METHODS`.
        requested: The method that was asked for.
        note: Why another layout took over, or what was capped; empty when everything went as asked.
        params: All parameters that were used, the seed too.
        explained: Share of the variance along each axis, ``[n_components]``, when the axes are principal components
            (``nan`` when there is no variance); else ``None``.
        stress: Kruskal's stress-1 for MDS, 0 when all distances are true; ``None`` otherwise, and for classical MDS.
        disparity: For a snapshot, the sum of squared distances to the next one after alignment, over the sum of
            squares of that one about its centre: 0 = same shape and size. ``nan`` where there is nothing to compare
            with.
    """

    points: Array
    method: str
    requested: str
    note: str = ""
    params: dict[str, Any] = field(default_factory=dict)
    explained: Array | None = None
    stress: float | None = None
    disparity: float = math.nan

    def __post_init__(self) -> None:
        self.points.setflags(write=False)


# --- parameters ----------------------------------------------------------------------------------------------------

_Check = tuple[Callable[[Any], bool], str]


def _whole(low: int) -> _Check:
    def check(value: Any) -> bool:
        return isinstance(value, (int, np.integer)) and not isinstance(value, bool) and bool(value >= low)

    return check, f"a whole number from {low}"


def _real(low: float, strict: bool = False) -> _Check:
    def check(value: Any) -> bool:
        if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
            return False
        return bool(math.isfinite(value) and (value > low if strict else value >= low))

    return check, f"a number {'above' if strict else 'from'} {low:g}"


def _one_of(*allowed: str) -> _Check:
    return (lambda value: isinstance(value, str) and value in allowed), " or ".join(map(repr, allowed))


_METRIC = ("euclidean", _one_of("euclidean", "cosine"))

PARAMS: dict[str, dict[str, tuple[Any, _Check]]] = {
    "umap": {
        "n_neighbors": (15, _whole(2)),
        "min_dist": (0.1, _real(0)),
        "spread": (1.0, _real(0, strict=True)),
        "n_epochs": (None, _whole(1)),  # None: umap-learn's choice by the number of points
        "init": ("pca", _one_of("pca", "spectral", "random")),
        "metric": _METRIC,
    },
    "tsne": {
        "perplexity": (30.0, _real(1)),
        "early_exaggeration": (algorithms.TSNE_EXAGGERATION, _real(1)),
        "max_iter": (1_000, _whole(250)),
        "metric": _METRIC,
    },
    "mds": {"max_iter": (300, _whole(1)), "metric": _METRIC},
    "pca": {"metric": _METRIC},
}
"""For each method its parameters: ``name -> (default, (check, what is allowed))``."""


def check_params(method: str, n_components: int, seed: int, params: dict[str, Any]) -> dict[str, Any]:
    """Fill in the defaults of a method and refuse what it does not know.

    Returns:
        All parameters of the method, and ``seed``.

    Raises:
        AnalysisError: Unknown method or parameter, or a value outside its range; all problems are named at once.
    """
    if method not in PARAMS:
        raise AnalysisError(f"Unknown projection method {method!r}.", f"Allowed: {', '.join(METHODS)}.")
    table, problems = PARAMS[method], []
    if isinstance(n_components, bool) or n_components not in (2, 3):
        problems.append(f"n_components={n_components!r} must be 2 or 3")
    if not _whole(0)[0](seed) or seed > 2**32 - 1:
        problems.append(f"seed={seed!r} must be a whole number from 0 to 4,294,967,295")
    for name, value in params.items():
        if name not in table:
            problems.append(f"{METHOD_NAMES[method]} has no parameter {name!r} (allowed: {', '.join(table)})")
            continue
        default, (check, allowed) = table[name]
        if not check(value) and not (value is None and default is None):
            problems.append(f"{name}={value!r} must be {allowed}")
    used = {name: params.get(name, default) for name, (default, _) in table.items()}
    if method == "umap" and not problems and used["min_dist"] > used["spread"]:
        problems.append(f"min_dist={used['min_dist']!r} must not be above spread={used['spread']!r}")
    if problems:
        raise AnalysisError("; ".join(problems) + ".", "Correct or leave out what is named here.")
    return {**used, "seed": int(seed)}


def _cap(method: str, n: int, used: dict[str, Any]) -> str:
    """Bring the neighbourhood down to what ``n`` points have, in place; the sentence that says so, or an empty one."""
    key, most = ("n_neighbors", n - 1) if method == "umap" else ("perplexity", (n - 1) / 3)
    asked = used[key]
    if asked <= most:
        return ""
    used[key] = most
    what = f"{most} neighbours" if method == "umap" else f"perplexity {most:.3g}"
    # Ten classes are the usual case: UMAP then gets 0.75 in trustworthiness where MDS gets 0.9.
    advice = " MDS and PCA show the distances of so few points better." if method == "umap" else ""
    return f"{METHOD_NAMES[method]} with {what} instead of {asked:g}, because there are only {n} points.{advice}"


# --- one layout ----------------------------------------------------------------------------------------------------


def project(X: ArrayLike, method: Method = "umap", n_components: int = 2, seed: int = 0, **params: Any) -> Projection:
    """Lay out points in 2 or 3 dimensions.

    Args:
        X: ``[n, K]`` finite numbers, one row per point.
        method: ``"umap"``, ``"pca"``, ``"tsne"`` or ``"mds"``.
        n_components: 2 or 3.
        seed: 0 to 2**32 - 1. The same seed gives the same picture on the same machine and versions; PCA and MDS need
            none.
        **params: Of the method, see :data:`PARAMS`; ``metric`` (``"euclidean"`` or ``"cosine"``) is known to all.

    Returns:
        The layout. Its ``note`` says what differs from the request: up to ``n_components + 1`` different points are
        laid out exactly, neighbours and perplexity are capped by the number of points, MDS of very many points is the
        classical one.

    Raises:
        AnalysisError: Unknown method or parameter, a value outside its range, an ``X`` that is empty or not finite.
    """
    used = check_params(method, n_components, seed, params)
    return _project(matrix(X), method, n_components, used)


def _project(X: Array, method: str, d: int, used: dict[str, Any]) -> Projection:
    n, used = len(X), dict(used)
    centred, exponent = prepare(X, used["metric"])
    scores, explained, tied = algorithms.pca(centred, d)
    different = algorithms.distinct(centred, d + 2)
    exact = different <= d + 1
    if method == "pca":
        note = _TIED if tied and not exact else ""
        return Projection(np.ldexp(scores, exponent), "pca", method, note, used, explained)
    if method == "mds":
        if exact or n > MDS_LIMIT:
            note = "" if exact else f"Classical MDS, which is PCA, because {n:,} points are above {MDS_LIMIT:,}."
            return Projection(np.ldexp(scores, exponent), "mds", method, note, used, None, 0.0 if exact else None)
        points = algorithms.turn_upright(algorithms.mds(centred, scores, used["max_iter"]))
        stress = algorithms.stress(points, algorithms.distances(centred))
        return Projection(np.ldexp(points, exponent), "mds", method, _TIED if tied else "", used, None, stress)
    if exact:
        note = _exact_note(METHOD_NAMES[method], n, different, d)
        used = {"metric": used["metric"], "seed": used["seed"]}
        return Projection(np.ldexp(scores, exponent), "pca", method, note, used, explained)
    note = _cap(method, n, used)
    points = algorithms.umap(centred, scores, used) if method == "umap" else algorithms.tsne(centred, scores, used)
    return Projection(points - points.mean(axis=0), method, method, note, used)


def fits_exactly(X: ArrayLike, n_components: int = 2, metric: str = "euclidean") -> bool:
    """Whether there are so few different points that they are laid out exactly, and at once, whatever the method.

    Raises:
        AnalysisError: ``X [n, K]`` is empty or not finite, or a row has no direction where the metric needs one.
    """
    centred, _ = prepare(matrix(X), metric)
    return algorithms.distinct(centred, n_components + 2) <= n_components + 1


def _exact_note(name: str, n: int, different: int, d: int) -> str:
    if n == 1:
        return f"There is one point only, so there is nothing for {name} to lay out."
    if different == 1:
        return f"All {n:,} points are equal, so there is nothing for {name} to lay out."
    what = f"{n} points" if different == n else f"{different} different points among {n:,}"
    return f"{what} fit exactly into {d} dimensions: laid out with true distances instead of by {name}."


def project_with_samples(
    vectors: ArrayLike, samples: ArrayLike, method: Method = "umap", n_components: int = 2, seed: int = 0, **params: Any
) -> tuple[Projection, Projection]:
    """Lay out class vectors ``[C, K]`` and samples ``[N, K]`` in one space, fitted jointly; N may be 0.

    Returns:
        The projection of the vectors and that of the samples; both carry the same note and parameters.

    Raises:
        AnalysisError: As :func:`project`, and for different K.
    """
    used = check_params(method, n_components, seed, params)
    V = matrix(vectors, "vectors")
    S = matrix(samples, "samples") if np.size(samples) else np.empty((0, V.shape[1]))
    if V.shape[1] != S.shape[1]:
        raise AnalysisError(
            f"vectors have {V.shape[1]} dimensions, samples have {S.shape[1]}; only one space can share a picture.",
            "Take both from the same run and epoch.",
        )
    joint = _project(np.vstack([V, S]), method, n_components, used)
    first, rest = joint.points[: len(V)].copy(), joint.points[len(V) :].copy()
    return replace(joint, points=first), replace(joint, points=rest)


# --- through training ----------------------------------------------------------------------------------------------


def align(points: ArrayLike, reference: ArrayLike) -> tuple[Array, float]:
    """Move, turn and mirror a layout, without rescaling, so that it lies as close as it can to another of the same
    points.

    Args:
        points: ``[n, d]``, the layout to move.
        reference: ``[n, d]``, where it shall lie.

    Returns:
        The aligned points ``[n, d]``, and the disparity (see :class:`Projection`).

    Raises:
        AnalysisError: The shapes differ, or a value is not finite.
    """
    P, R = matrix(points, "points"), matrix(reference, "reference")
    if P.shape != R.shape:
        raise AnalysisError(
            f"Projections of shapes {P.shape} and {R.shape} cannot be aligned.",
            "Give the same points in the same order.",
        )
    centre = R.mean(axis=0)
    P, R = P - P.mean(axis=0), R - centre
    P = _turned_to(P, R)
    return P + centre, _disparity(P, R)


def _turned_to(P: Array, R: Array) -> Array:
    """Orthogonal Procrustes (P. Schönemann, Psychometrika 31, 1966) of centred layouts."""
    left, _, right = np.linalg.svd(P.T @ R)
    return P @ (left @ right)


def _disparity(P: Array, R: Array) -> float:
    total = float((R**2).sum())
    return float(((P - R) ** 2).sum()) / total if total else math.nan


def project_snapshots(
    frames: Sequence[ArrayLike], method: Method = "mds", n_components: int = 2, seed: int = 0, **params: Any
) -> list[Projection]:
    """Lay out the same points at several moments so that what moves in the picture is what moved in the original space.

    The last frame is the picture of :func:`project`. Before it, PCA keeps the axes of the last frame: they mean the
    same throughout, and ``explained`` is the share of each frame's own variance. The other methods start each frame
    from the one after it and then turn it to match that one, without rescaling; matching neighbours is calmer than
    matching all to the last.

    Args:
        frames: ``T`` arrays ``[C, K]``, in order of time.
        method: ``"mds"`` is the calmest and truest for few points (figures above).
        n_components: 2 or 3.
        seed: As in :func:`project`.
        **params: As in :func:`project`.

    Raises:
        AnalysisError: As :func:`project`; also for no frames or frames of different shapes.
    """
    used = check_params(method, n_components, seed, params)
    arrays = [matrix(frame, f"frame {i}") for i, frame in enumerate(frames)]
    if not arrays or len({a.shape for a in arrays}) > 1:
        shapes = ", ".join(sorted({str(a.shape) for a in arrays})) or "none"
        raise AnalysisError(f"Snapshots have one shape, given: {shapes}.", "Give one snapshot or more, all of one run.")
    if method == "pca":
        return _on_last_axes(arrays, n_components, used)
    out = [_project(arrays[-1], method, n_components, used)]
    for array in arrays[-2::-1]:
        out.append(_before(out[-1], array, out[0].note))
    return out[::-1]


def _on_last_axes(arrays: list[Array], d: int, used: dict[str, Any]) -> list[Projection]:
    prepared = [prepare(array, used["metric"]) for array in arrays]
    # A frame whose points have all collapsed into one has no axes to lend.
    source = next((i for i in range(len(arrays) - 1, -1, -1) if prepared[i][0].any()), 0)
    axes = algorithms.principal_axes(prepared[source][0], d)
    note = _project(arrays[source], "pca", d, used).note
    out: list[Projection] = []
    for centred, exponent in reversed(prepared):
        scores = centred @ axes
        points, explained = np.ldexp(scores, exponent), algorithms.explained_share(scores, centred)
        disparity = _disparity(points, out[-1].points) if out else math.nan
        out.append(Projection(points, "pca", "pca", note, dict(used), explained, disparity=disparity))
    return out[::-1]


def _before(later: Projection, array: Array, note: str) -> Projection:
    """The frame before ``later``: started from it, and turned to match it; ``note`` is that of the last frame."""
    d, used = later.points.shape[1], dict(later.params)
    centred, exponent = prepare(array, used["metric"])
    exact = algorithms.distinct(centred, d + 2) <= d + 1
    stress = None
    # Points that coincide in the later frame may have to part in this one.
    start = algorithms.with_noise(later.points, used["seed"], 1e-6)
    if exact or later.method == "pca" or (later.method == "mds" and len(centred) > MDS_LIMIT):
        points = np.ldexp(algorithms.pca(centred, d)[0], exponent)
        if later.method in ("umap", "tsne"):  # whose units are not those of the vectors
            points = points * (np.linalg.norm(later.points) / (np.linalg.norm(points) or 1.0))
            note = "Too few different points in this frame: laid out exactly, at the size of the next frame."
        elif later.method != later.requested and not exact:
            note = "Laid out by PCA, as the last frame is."
        stress = 0.0 if exact and later.method == "mds" else None
    elif later.method == "mds":
        layout, stress = _mds_near(centred, np.ldexp(start, -exponent), used["max_iter"])
        points = np.ldexp(layout, exponent)
    elif later.method == "tsne":
        used["early_exaggeration"] = 1.0
        points = algorithms.tsne(centred, start, used, warm=True)
    else:
        used |= {"n_epochs": algorithms.WARM_EPOCHS, "learning_rate": algorithms.WARM_LEARNING_RATE}
        points = algorithms.umap_warm(centred, start, used)
    points = _turned_to(points - points.mean(axis=0), later.points)
    disparity = _disparity(points, later.points)
    # Turned points no longer lie on principal axes.
    return replace(later, points=points, note=note, params=used, explained=None, stress=stress, disparity=disparity)


def _mds_near(centred: Array, start: Array, max_iter: int) -> tuple[Array, float]:
    """MDS from a given start, unless a start of its own is clearly truer: calm is good, but not at the price of
    truth."""
    D = algorithms.distances(centred)
    near, own = (algorithms.mds(centred, s, max_iter) for s in (start, algorithms.pca(centred, start.shape[1])[0]))
    near_stress, own_stress = algorithms.stress(near, D), algorithms.stress(own, D)
    return (near, near_stress) if near_stress <= (1 + MDS_PATIENCE) * own_stress else (own, own_stress)


def jitter(layouts: Sequence[Projection] | Sequence[ArrayLike]) -> Jitter:
    """How far points move from frame to frame, and how much of that is shaking rather than drift.

    Args:
        layouts: ``[n, d]`` layouts of the same points, in order of time.
    """
    return movement(np.array([p.points if isinstance(p, Projection) else matrix(p) for p in layouts], dtype=np.float64))
