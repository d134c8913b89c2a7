"""Training curves of runs and of groups, computed once and kept while the files are the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple

import streamlit as st

from app.common.growing_cache import growing_cache
from app.common.run_cache import file_stamp
from lwal_core.analysis.comparison.claims import Meaning
from lwal_core.analysis.comparison.curve import Curve
from lwal_core.analysis.comparison.speed import Comparison, compare
from lwal_core.results import run_curves, run_tree
from lwal_core.results.run_curves import run_curve
from lwal_core.runs import Reading, RunSummary, open_run
from lwal_core.runs.paths import METRICS


class Content(NamedTuple):
    """What groups of runs hold, to be a cache key.

    Attributes:
        groups: Label of each group, with id and time of each of its runs.
        growing: Whether one of the runs is in training.
    """

    groups: tuple[tuple[str, tuple[tuple[str, int], ...]], ...]
    growing: bool


def curves(runs: list[RunSummary], reading: Reading = "as-used") -> list[Curve]:
    """Accuracy curves of runs."""
    return [_curve(run.id, reading, file_stamp(run.id, METRICS), run) for run in runs]


def content(runs: Mapping[str, list[RunSummary]]) -> Content:
    """What groups of runs hold now: their labels, and each run's id with the time of its metrics."""
    groups = tuple(
        (label, tuple((run.id, file_stamp(run.id, METRICS)) for run in members)) for label, members in runs.items()
    )
    return Content(groups, any(run.active for members in runs.values() for run in members))


@growing_cache(50, lambda key, *_: key.growing)
def groups_curves(key: Content, reading: Reading, _runs: Mapping[str, list[RunSummary]]) -> dict[str, list[Curve]]:
    """Accuracy curves of groups of runs whose :func:`content` is ``key``; shared: never change it."""
    return {label: curves(members, reading) for label, members in _runs.items()}


@growing_cache(50, lambda key, *_: key.growing)
def comparison(
    key: Content, reading: Reading, baseline: str, target: float | None, _runs: Mapping[str, list[RunSummary]]
) -> Comparison:
    """All groups against the baseline; arguments as for :func:`groups_curves` and
    :func:`lwal_core.analysis.comparison.speed.compare`."""
    return compare(groups_curves(key, reading, _runs), baseline, target)


@st.cache_data(max_entries=50, show_spinner=False)
def curves_caption(key: Content, reading: Reading, _runs: Mapping[str, list[RunSummary]]) -> str:
    """What a reader needs to make the figure again; arguments as for :func:`groups_curves`."""
    return run_curves.curves_caption(_runs, reading)


def class_curves(
    runs: list[RunSummary], reading: Reading, quantity: Literal["accuracy", "precision"] = "accuracy"
) -> dict[str, list[Curve]]:
    """Accuracy or precision of each class by epoch, one curve a seed; empty where it was not recorded."""
    stamps = tuple(file_stamp(run.id, METRICS) for run in runs)
    return _class_curves(tuple(run.id for run in runs), reading, stamps, runs, quantity)


def meaning(runs: list[RunSummary]) -> Meaning | None:
    """Agreement of the newest class means of a group's runs with the taxonomy of its classes; None without one."""
    return _meaning(tuple((run.id, file_stamp(run.id, METRICS)) for run in runs))


@st.cache_data(max_entries=200, show_spinner=False)
def _meaning(runs: tuple[tuple[str, int], ...]) -> Meaning | None:
    return run_tree.taxonomy_meaning([open_run(run_id) for run_id, _ in runs])


@growing_cache(
    50, lambda run_ids, reading, stamps, runs, quantity: any(run.active for run in runs), spinner="Reading the classes"
)
def _class_curves(
    run_ids: tuple[str, ...],
    reading: Reading,
    stamps: tuple[int, ...],
    _runs: list[RunSummary],
    quantity: Literal["accuracy", "precision"],
) -> dict[str, list[Curve]]:
    return run_curves.class_curves(_runs, reading, quantity)


@growing_cache(2_000, lambda run_id, reading, stamp, run: run.active)
def _curve(run_id: str, reading: Reading, stamp: int, _run: RunSummary) -> Curve:
    return run_curve(_run, reading)
