"""Distances between the classes of a run in the original space, and which are nearest. Computed once and kept."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import streamlit as st

from app.common import run_cache
from lwal_core.analysis.hierarchy import FLAT_TOLERANCE
from lwal_core.projections.defaults import class_frames
from lwal_core.runs import Run, VectorSource, open_run

LISTED = 5


@dataclass(frozen=True, eq=False)
class ClassDistances:
    """Distances between the classes in the original space.

    Attributes:
        distances: ``[C, C]``.
        neighbours: ``[C, min(C - 1, 5)]`` nearest classes, nearest first.
        pairs: The nearest pairs with their distances.
        alone: The class whose nearest class is farthest, that class, and their distance; None for fewer than 3 classes.
        flat: Whether all classes are equally far apart.
    """

    distances: np.ndarray
    neighbours: np.ndarray
    pairs: tuple[tuple[int, int, float], ...]
    alone: tuple[int, int, float] | None
    flat: bool


def class_distances(run: Run, epoch: int, source: VectorSource) -> ClassDistances:
    """Distances between the classes at an epoch.

    Raises:
        LwalError: The epoch cannot be read or holds values that are not finite.
    """
    return _class_distances(run.id, epoch, source, run_cache.label_stamp(run.id, epoch))


@st.cache_resource(max_entries=100, show_spinner=False)
def _class_distances(run_id: str, epoch: int, source: VectorSource, stamp: int) -> ClassDistances:
    from scipy.spatial.distance import pdist, squareform

    vectors = class_frames(open_run(run_id), (epoch,), source)[0][epoch]
    D = squareform(pdist(vectors.astype(np.float64)))
    n = len(D)
    away = D + np.diag(np.full(n, np.inf))
    order = np.argsort(away, axis=1, kind="stable")[:, : min(n - 1, LISTED)]
    upper = np.triu_indices(n, 1)
    flat_pairs = D[upper]
    first = np.argsort(flat_pairs, kind="stable")[:LISTED]
    pairs = tuple((int(upper[0][i]), int(upper[1][i]), float(flat_pairs[i])) for i in first)
    alone = None
    if n > 2:
        far = int(np.argmax(away.min(axis=1)))
        alone = (far, int(order[far, 0]), float(away[far].min()))
    flat = n > 2 and float(np.ptp(flat_pairs)) <= FLAT_TOLERANCE * float(flat_pairs.max())
    return ClassDistances(D, order, pairs, alone, flat)
