"""Projection algorithms (PCA, MDS, t-SNE, UMAP), each from a centred matrix and initial positions.

PCA; metric MDS by SMACOF (I. Borg, P. Groenen, *Modern Multidimensional Scaling*, 2005, chapter 8); t-SNE
(scikit-learn); UMAP (L. McInnes, J. Healy, J. Melville, https://arxiv.org/abs/1802.03426, umap-learn). All start from
PCA (D. Kobak, G. Linderman, https://doi.org/10.1038/s41587-020-00809-z): a seed then fixes the picture, and spectral
starts, which fail for a handful of points, are not needed.
"""

from __future__ import annotations

import math
import sys
import threading
import warnings
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lwal_core.errors import AnalysisError

Array = NDArray[np.float64]

# Projections that start from another one: steps so small that the sampling noise of UMAP stays below the real movement,
# and so many of them that the start is forgotten where it is wrong (trustworthiness no lower than that of a layout of
# its own).
WARM_LEARNING_RATE, WARM_EPOCHS = 0.02, 1_000

TSNE_EXAGGERATION = 12.0  # scikit-learn's default

# numba's threading layer may end the whole process when two threads enter parallel code at once.
_NUMBA = threading.Lock()
_TINY = float(np.finfo(np.float64).tiny)


def matrix(X: ArrayLike, what: str = "X") -> Array:
    """``X`` as a ``[n, K]`` float64 array.

    Raises:
        AnalysisError: No numbers, not two-dimensional, empty, or not finite; the message names the row.
    """
    try:
        array = np.asarray(X)
        if array.dtype.kind not in "fiub":
            raise TypeError
        array = array.astype(np.float64)
    except (TypeError, ValueError):
        raise AnalysisError(f"{what} does not hold real numbers.", "Give a [points, dimensions] array.") from None
    if array.ndim != 2 or 0 in array.shape:
        raise AnalysisError(
            f"{what} has shape {array.shape}; needed is [points, dimensions] with at least one of each.",
            "Give one row per point.",
        )
    bad = ~np.isfinite(array)
    if bad.any():
        row, column = (int(i) for i in np.argwhere(bad)[0])
        others = f"; {int(bad.any(axis=1).sum()):,} of {len(array):,} rows have such values" if len(array) > 1 else ""
        raise AnalysisError(
            f"{what} holds {array[row, column]} in row {row}, column {column}{others}. Needed are finite numbers.",
            "Leave these rows out, or take an epoch before the training diverged.",
        )
    return array


def prepare(X: Array, metric: str, what: str = "X") -> tuple[Array, int]:
    """Centre, and scale by a power of two (which rounds nothing) so that float32 libraries neither overflow nor lose
    digits.

    Args:
        X: ``[n, K]``, finite.
        metric: ``"cosine"`` first scales rows to length 1; Euclidean distances then grow with the cosine distances.
        what: Name for messages.

    Returns:
        The centred matrix and ``e``, where distances have to be multiplied by ``2 ** e`` to be those of ``X``.

    Raises:
        AnalysisError: A row is all zeros and the metric is ``"cosine"``.
    """
    exponent = int(np.frexp(np.abs(X).max())[1])
    X = np.ldexp(X, -exponent)
    if metric == "cosine":
        length = np.linalg.norm(X, axis=1, keepdims=True)
        if not length.all():
            raise AnalysisError(
                f"Row {int(np.argmin(length))} of {what} is all zeros and has no direction, so cosines are undefined.",
                "Use metric='euclidean' or leave the row out.",
            )
        X, exponent = X / length, 0
    return X - X.mean(axis=0), exponent


def distinct(X: Array, enough: int) -> int:
    """Number of different rows, counted only as far as ``enough``."""
    seen: set[bytes] = set()
    for row in X + 0.0:  # + 0.0 makes -0.0 equal to 0.0
        seen.add(row.tobytes())
        if len(seen) >= enough:
            break
    return len(seen)


def distances(X: Array) -> Array:
    """Euclidean distances ``[n, n]``."""
    from scipy.spatial.distance import pdist, squareform

    return np.asarray(squareform(pdist(X)), dtype=np.float64)


# --- PCA -----------------------------------------------------------------------------------------------------------


def principal_axes(centred: Array, d: int) -> Array:
    """Directions of largest variance ``[K, d]``; columns beyond the rank are 0.

    Signs are a convention: the farthest point, or the first of several that are equally far, lies on the positive side.
    """
    from scipy.linalg import eigh, svd

    n, K = centred.shape
    if min(n, K) <= 256:
        directions = svd(centred, full_matrices=False)[2][:d].T
    elif n >= K:  # only the top is wanted: far cheaper than decomposing all of 10,000 x 1,280
        directions = eigh(centred.T @ centred, subset_by_index=[K - d, K - 1])[1][:, ::-1]
    else:
        values, vectors = eigh(centred @ centred.T, subset_by_index=[n - d, n - 1])
        directions = (centred.T @ vectors / np.sqrt(np.maximum(values, _TINY)))[:, ::-1]
    axes = np.zeros((K, d))
    axes[:, : directions.shape[1]] = directions
    scores = centred @ axes
    # A direction made of rounding noise would give a picture of rounding noise.
    axes[:, np.linalg.norm(scores, axis=0) <= 1e-12 * np.linalg.norm(centred)] = 0.0
    size = np.abs(scores)
    nearly = np.nextafter(size.max(axis=0) * (1 - 1e-6), -1)
    farthest = (size > nearly).argmax(axis=0)
    return axes * np.where(scores[farthest, np.arange(d)] < 0, -1.0, 1.0)


def explained_share(scores: Array, centred: Array) -> Array:
    """Share of the variance of ``centred`` along each column of ``scores``; ``nan`` when there is no variance."""
    total = float((centred**2).sum())
    return (scores**2).sum(axis=0) / total if total else np.full(scores.shape[1], np.nan)


def pca(centred: Array, d: int) -> tuple[Array, Array, bool]:
    """Scores ``[n, d]``, explained shares ``[d]``, and whether the last axis could be exchanged for another as good."""
    scores = centred @ principal_axes(centred, d + 1)
    share = explained_share(scores, centred)
    tied = bool(share[d - 1] > 1e-9 and share[d] > share[d - 1] * (1 - 1e-6))
    return scores[:, :d].copy(), share[:d].copy(), tied


def turn_upright(points: Array) -> Array:
    """A layout centred and turned to its own principal axes: a convention where orientation means nothing."""
    centred = points - points.mean(axis=0)
    return centred @ principal_axes(centred, points.shape[1])


# --- MDS, t-SNE and UMAP -------------------------------------------------------------------------------------------


def mds(centred: Array, start: Array, max_iter: int) -> Array:
    """Metric MDS from a start."""
    from sklearn.manifold import smacof

    layout, _ = smacof(
        distances(centred),
        n_components=start.shape[1],
        init=start,
        n_init=1,
        max_iter=max_iter,
        eps=1e-9,  # the default stops where a second run still moves points by 0.2 % of the extent
        normalized_stress=False,
    )
    return np.asarray(layout, dtype=np.float64)


def stress(points: Array, D: Array) -> float:
    """Kruskal's stress-1 of a layout against distances ``D``: 0 when all are true."""
    return math.sqrt(((distances(points) - D) ** 2).sum() / (D**2).sum()) if D.any() else 0.0


def tsne(centred: Array, start: Array, used: dict[str, Any], warm: bool = False) -> Array:
    """t-SNE from a start; a ``warm`` one is a finished layout, which early exaggeration would tear apart."""
    from sklearn.manifold import TSNE

    if not warm:  # scikit-learn's scale for a start that only orders the points
        start = start / max(float(start[:, 0].std()), _TINY) * 1e-4
    model = TSNE(
        n_components=start.shape[1],
        perplexity=used["perplexity"],
        early_exaggeration=1.0 if warm else used["early_exaggeration"],
        # scikit-learn's own rule without its floor of 50, above which a few points end anywhere: on 12 points of a line
        # Spearman's rho of the distances is -0.1 with the floor and 0.94 without.
        learning_rate=max(len(centred) / TSNE_EXAGGERATION / 4, 0.1),
        max_iter=used["max_iter"],
        init=start.astype(np.float32),
        method="exact" if len(centred) <= 500 else "barnes_hut",  # quick enough, and no far groups lumped together
        random_state=used["seed"],
    )
    return np.asarray(model.fit_transform(centred), dtype=np.float64)


def umap(centred: Array, start: Array, used: dict[str, Any]) -> Array:
    """UMAP from a start, or from its own when ``used["init"]`` is not ``"pca"``."""
    library = _import_umap()
    init: Any = used["init"]
    if init == "pca":
        # umap-learn stretches the start to a box of side 10 and divides by the extent of each axis, which must not be
        # 0.
        init = with_noise(start, used["seed"], 1e-4).astype(np.float32)
    with _NUMBA, warnings.catch_warnings():
        # Understood: a seed means one thread.
        warnings.filterwarnings("ignore", message="n_jobs value .* overridden")
        model = library.UMAP(
            n_neighbors=used["n_neighbors"],
            n_components=start.shape[1],
            min_dist=used["min_dist"],
            spread=used["spread"],
            n_epochs=used["n_epochs"],
            init=init,
            random_state=used["seed"],
            n_jobs=1,
        )
        return np.asarray(model.fit_transform(centred.astype(np.float32)), dtype=np.float64)


def umap_warm(centred: Array, start: Array, used: dict[str, Any]) -> Array:
    """UMAP's graph and optimiser from a finished layout, which the UMAP class would stretch to a square box first."""
    _import_umap()
    from umap.layouts import optimize_layout_euclidean
    from umap.umap_ import find_ab_params, fuzzy_simplicial_set, make_epochs_per_sample

    random = np.random.RandomState(used["seed"])  # the type that umap-learn takes
    exactly = len(centred) < 4096  # where umap-learn itself turns to approximate neighbours
    with _NUMBA:
        source = (distances(centred) if exactly else centred).astype(np.float32)
        metric = "precomputed" if exactly else "euclidean"
        # float32 and return_dists as in the UMAP class, or numba compiles everything a second time
        graph = fuzzy_simplicial_set(source, used["n_neighbors"], random, metric, return_dists=False)[0].tocoo()
        graph.sum_duplicates()
        graph.data[graph.data < graph.data.max() / WARM_EPOCHS] = 0.0  # would not be drawn even once
        graph.eliminate_zeros()
        a, b = find_ab_params(used["spread"], used["min_dist"])
        layout = np.array(start, dtype=np.float32, order="C")
        layout = optimize_layout_euclidean(
            layout,
            layout,
            graph.row,
            graph.col,
            WARM_EPOCHS,
            len(layout),
            make_epochs_per_sample(graph.data, WARM_EPOCHS),
            a,
            b,
            random.randint(-(2**31) + 1, 2**31 - 1, 3).astype(np.int64),
            initial_alpha=WARM_LEARNING_RATE,
            move_other=True,
        )
    return np.asarray(layout, dtype=np.float64)


def with_noise(start: Array, seed: int, size: float) -> Array:
    """A start with seeded noise: points that coincide would feel no force and never part. ``size`` is in extents."""
    extent = float(np.abs(start).max()) or 1.0
    return start + size * extent * np.random.default_rng(seed).standard_normal(start.shape)


def _import_umap() -> Any:
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Tensorflow not installed")  # only parametric UMAP needs it
            import umap

            _keep_compiled()
    except (ImportError, RuntimeError) as error:  # RuntimeError: numba finds no folder that it may write its cache to
        raise AnalysisError(
            f"UMAP cannot be loaded ({error}).",
            "Set NUMBA_CACHE_DIR to a writable folder, or choose pca, mds or tsne.",
        ) from error
    return umap


@lru_cache(maxsize=1)
def _keep_compiled() -> None:
    """Numba's cache on disk, switched on for all functions of umap-learn: each process would compile most of them anew,
    which takes ten seconds."""
    from numba.core.dispatcher import Dispatcher

    modules = [module for name, module in sys.modules.items() if name.partition(".")[0] in ("umap", "pynndescent")]
    for module in modules:
        for function in list(vars(module).values()):
            if isinstance(function, Dispatcher):
                function.enable_caching()
