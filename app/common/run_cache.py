"""What pages compute once and keep. Keys are run id, epoch and options, with the file's time in them so that a resumed
run is read anew."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import streamlit as st

from app.common.growing_cache import growing_cache
from lwal_core.analysis.comparison.claims import Meaning
from lwal_core.analysis.comparison.curve import Curve
from lwal_core.analysis.comparison.speed import Comparison, compare
from lwal_core.analysis.hierarchy import Hierarchy, build_hierarchy
from lwal_core.results import run_curves, run_tree
from lwal_core.results.run_curves import run_curve
from lwal_core.results.run_tree import run_hierarchy
from lwal_core.runs import LabelSnapshot, Predictor, Run, RunSummary, VectorSource, open_run, run_folder
from lwal_core.runs.annotations import Notes, read_annotations
from lwal_core.runs.paths import ANNOTATIONS, EVALUATION, METRICS, SAMPLES, label_file
from lwal_core.taxonomy import Taxonomy
from lwal_core.taxonomy.record import checksum


class Content(NamedTuple):
    """What groups of runs hold, to be a cache key.

    Attributes:
        groups: Label of each group, with id and time of each of its runs.
        growing: Whether one of the runs is in training.
    """

    groups: tuple[tuple[str, tuple[tuple[str, int], ...]], ...]
    growing: bool


def _stamp(run_id: str, name: str) -> int:
    try:
        return (run_folder(run_id) / name).stat().st_mtime_ns
    except OSError:
        return 0


def file_stamp(run_id: str, name: str) -> int:
    """Time of a file in the run folder, to be part of a cache key; 0 when it is not there."""
    return _stamp(run_id, name)


def label_stamp(run_id: str, epoch: int) -> int:
    """Time of a label snapshot, to be part of a cache key."""
    try:
        return label_file(run_folder(run_id), epoch).stat().st_mtime_ns
    except OSError:
        return 0


def snapshot(run: Run, epoch: int) -> LabelSnapshot:
    """Label table and class means of an epoch."""
    return _snapshot(run.id, epoch, label_stamp(run.id, epoch))


def hierarchy(
    run: Run, epoch: int, source: VectorSource, method: str, metric: str, *, optimal: bool = True
) -> Hierarchy:
    """Class tree of a run; computing the leaf order of 1,000 classes takes seconds, so it is done once.

    With ``optimal=False`` the leaves come in the plain order of the linkage.
    """
    return _hierarchy(run.id, epoch, source, method, metric, optimal, label_stamp(run.id, epoch))


def confusion(run: Run) -> tuple[int, np.ndarray]:
    """Epoch and confusion matrix ``[C,C]`` of the test set; the embeddings in the same file are not kept.

    Raises:
        RunError: No epoch has been evaluated yet, or the file is damaged.
    """
    return _confusion(run.id, _stamp(run.id, EVALUATION))


def curves(runs: list[RunSummary], predictor: Predictor) -> list[Curve]:
    """Accuracy curves of runs."""
    return [_curve(run.id, predictor, _stamp(run.id, METRICS), run) for run in runs]


def content(runs: Mapping[str, list[RunSummary]]) -> Content:
    """What groups of runs hold now: their labels, and each run's id with the time of its metrics."""
    groups = tuple(
        (label, tuple((run.id, _stamp(run.id, METRICS)) for run in members)) for label, members in runs.items()
    )
    return Content(groups, any(run.active for members in runs.values() for run in members))


@growing_cache(50, lambda key, *_: key.growing)
def groups_curves(key: Content, predictor: Predictor, _runs: Mapping[str, list[RunSummary]]) -> dict[str, list[Curve]]:
    """Accuracy curves of groups of runs whose :func:`content` is ``key``; shared: never change it."""
    return {label: curves(members, predictor) for label, members in _runs.items()}


@growing_cache(50, lambda key, *_: key.growing)
def comparison(
    key: Content, predictor: Predictor, baseline: str, target: float | None, _runs: Mapping[str, list[RunSummary]]
) -> Comparison:
    """All groups against the baseline; arguments as for :func:`groups_curves` and
    :func:`lwal_core.analysis.comparison.speed.compare`."""
    return compare(groups_curves(key, predictor, _runs), baseline, target)


@st.cache_data(max_entries=50, show_spinner=False)
def curves_caption(key: Content, predictor: Predictor, _runs: Mapping[str, list[RunSummary]]) -> str:
    """What a reader needs to make the figure again; arguments as for :func:`groups_curves`."""
    return run_curves.curves_caption(_runs, predictor)


@st.cache_data(max_entries=500, show_spinner=False)
def _snapshot(run_id: str, epoch: int, stamp: int) -> LabelSnapshot:
    return open_run(run_id).labels(epoch)


@st.cache_data(max_entries=300, show_spinner="Building the tree")
def _hierarchy(
    run_id: str, epoch: int, source: VectorSource, method: str, metric: str, optimal: bool, stamp: int
) -> Hierarchy:
    run = open_run(run_id)
    if not optimal:
        return build_hierarchy(run.vectors(epoch, source), run.class_names, method, metric, optimal_limit=0)
    return run_hierarchy(run, epoch, source, method=method, metric=metric)[0]


@st.cache_data(max_entries=100, show_spinner=False)
def _confusion(run_id: str, stamp: int) -> tuple[int, np.ndarray]:
    evaluation = open_run(run_id).evaluation()
    return evaluation.epoch, evaluation.confusion


def class_curves(runs: list[RunSummary], predictor: Predictor) -> dict[str, list[Curve]]:
    """Accuracy of each class by epoch, one curve a seed; empty where it was not recorded."""
    stamps = tuple(_stamp(run.id, METRICS) for run in runs)
    return _class_curves(tuple(run.id for run in runs), predictor, stamps, runs)


def meaning(runs: list[RunSummary]) -> Meaning | None:
    """Agreement of the newest class means of a group's runs with the taxonomy of its classes; None without one."""
    return _meaning(tuple((run.id, _stamp(run.id, METRICS)) for run in runs))


@st.cache_data(max_entries=200, show_spinner=False)
def _meaning(runs: tuple[tuple[str, int], ...]) -> Meaning | None:
    return run_tree.taxonomy_meaning([open_run(run_id) for run_id, _ in runs])


@growing_cache(
    50, lambda run_ids, predictor, stamps, runs: any(run.active for run in runs), spinner="Reading the classes"
)
def _class_curves(
    run_ids: tuple[str, ...], predictor: Predictor, stamps: tuple[int, ...], _runs: list[RunSummary]
) -> dict[str, list[Curve]]:
    return run_curves.class_curves(_runs, predictor)


@growing_cache(2_000, lambda run_id, predictor, stamp, run: run.active)
def _curve(run_id: str, predictor: Predictor, stamp: int, _run: RunSummary) -> Curve:
    return run_curve(_run, predictor)


@lru_cache(maxsize=64)
def taxonomy_digest(taxonomy: Taxonomy) -> str:
    """What a taxonomy says, in twelve digits, to be part of a cache key: an own one's name can come back with another
    tree, and classes matched by hand change what any of them says."""
    return f"{taxonomy.name} {checksum(taxonomy)}"


def class_distances(vectors: np.ndarray) -> np.ndarray:
    """Euclidean distances between class vectors, ``[C,C]``."""
    from scipy.spatial.distance import pdist, squareform

    return squareform(pdist(vectors.astype(np.float64)))


def class_pictures(run: Run) -> tuple[str, ...]:
    """A picture of every class as a PNG in a data address, empty where there is none; no pictures for other data than
    images."""
    return _class_pictures(run.id, len(run.class_names), _stamp(run.id, SAMPLES))


@st.cache_data(max_entries=50, show_spinner=False)
def _class_pictures(run_id: str, count: int, stamp: int) -> tuple[str, ...]:
    samples = open_run(run_id).samples()
    if samples is None or samples.images.dtype != np.uint8 or samples.images.shape[3] not in (1, 3):
        return ("",) * count
    from PIL import Image

    pictures = []
    for index in range(count):
        found = np.flatnonzero(samples.y == index)
        if not len(found):
            pictures.append("")
            continue
        image = Image.fromarray(samples.images[found[0]].squeeze())
        buffer = io.BytesIO()
        image.save(buffer, "PNG")
        pictures.append(f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}")
    return tuple(pictures)


def notes(run: Run) -> Notes:
    """Names and notes of the run's clades.

    Raises:
        RunError: The file that holds them is damaged.
    """
    return _notes(run.id, _stamp(run.id, ANNOTATIONS))


@st.cache_resource(max_entries=100, show_spinner=False)
def _notes(run_id: str, stamp: int) -> Notes:
    return read_annotations(run_folder(run_id))
