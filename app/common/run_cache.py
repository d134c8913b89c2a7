"""Cache of runs' trees, labels and notes: computed once and kept. Keys are run id, epoch and options, with the file's time in
them so that a resumed run is read anew."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import streamlit as st

from lwal_core.analysis.hierarchy import Hierarchy
from lwal_core.results.run_tree import run_hierarchy
from lwal_core.results.tree_spec import TreeSpec
from lwal_core.runs import LabelSnapshot, Run, open_run, run_folder
from lwal_core.runs.annotations import Notes, read_annotations
from lwal_core.runs.paths import ANNOTATIONS, EVALUATION, label_file
from lwal_core.taxonomy import Taxonomy
from lwal_core.taxonomy.record import checksum


def file_stamp(run_id: str, name: str) -> int:
    """Time of a file in the run folder, to be part of a cache key; 0 when it is not there."""
    try:
        return (run_folder(run_id) / name).stat().st_mtime_ns
    except OSError:
        return 0


def label_stamp(run_id: str, epoch: int) -> int:
    """Time of a label snapshot, to be part of a cache key."""
    try:
        return label_file(run_folder(run_id), epoch).stat().st_mtime_ns
    except OSError:
        return 0


def snapshot(run: Run, epoch: int) -> LabelSnapshot:
    """Label table and class means of an epoch."""
    return _snapshot(run.id, epoch, label_stamp(run.id, epoch))


def hierarchy(spec: TreeSpec, *, optimal: bool = True) -> Hierarchy:
    """Class tree of a run; computing the leaf order of 1,000 classes takes seconds, so it is done once.

    With ``optimal=False`` the leaves come in the plain order of the linkage.
    """
    return _hierarchy(replace(spec, cut=None), optimal, spec_stamp(spec))


def spec_stamp(spec: TreeSpec) -> int:
    """Time of the file that the vectors of a tree are from, to be part of a cache key."""
    if spec.vectors == "confusion":
        return file_stamp(spec.run, EVALUATION)
    return label_stamp(spec.run, spec.epoch)


@st.cache_data(max_entries=500, show_spinner=False)
def _snapshot(run_id: str, epoch: int, stamp: int) -> LabelSnapshot:
    return open_run(run_id).labels(epoch)


@st.cache_data(max_entries=300, show_spinner="Building the tree")
def _hierarchy(spec: TreeSpec, optimal: bool, stamp: int) -> Hierarchy:
    return run_hierarchy(open_run(spec.run), spec, optimal=optimal)


@lru_cache(maxsize=64)
def taxonomy_digest(taxonomy: Taxonomy) -> str:
    """What a taxonomy says, in twelve digits, to be part of a cache key: an own one's name can come back with another
    tree, and classes matched by hand change what any of them says."""
    return f"{taxonomy.name} {checksum(taxonomy)}"


def notes(run: Run) -> Notes:
    """Names and notes of the run's clades.

    Raises:
        RunError: The file that holds them is damaged.
    """
    return _notes(run.id, file_stamp(run.id, ANNOTATIONS))


@st.cache_resource(max_entries=100, show_spinner=False)
def _notes(run_id: str, stamp: int) -> Notes:
    return read_annotations(run_folder(run_id))
