"""Columns of one's own that a run has, as colourings for the pages; read once a file."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from app.common.run_cache import file_stamp
from lwal_core.figures.colouring import Colouring
from lwal_core.results.own_columns import own_colourings
from lwal_core.runs import Run, run_folder
from lwal_core.runs.own_columns import OwnTable, read_own_columns
from lwal_core.runs.paths import COLUMNS


def own_tables(run: Run) -> tuple[OwnTable, ...]:
    """The tables that people brought for a run.

    Raises:
        RunError: The file that holds them is damaged.
    """
    return _tables(run.id, columns_stamp(run))


def columns_stamp(run: Run) -> int:
    """Time of the file of own columns, to be part of a cache key; 0 when there is none."""
    return file_stamp(run.id, COLUMNS)


def colourings(run: Run) -> dict[str, Colouring]:
    """The class columns of a run by their titles, each with a value a class in the run's order: colours, shapes, texts and a
    legend. Empty where nobody brought any; shared, so never change one.

    Raises:
        RunError: The file that holds them is damaged.
    """
    return _colourings(run.id, tuple(run.class_names), columns_stamp(run))


def sample_colourings(run: Run, rows: Sequence[int]) -> dict[str, Colouring]:
    """The sample columns of a run by their titles, each with a value a test sample; shared, so
    never change one.

    Args:
        run: The run.
        rows: Numbers of the samples that are shown, such as ``SampledTestSet.rows``.

    Raises:
        RunError: The file that holds them is damaged.
    """
    return _sample_colourings(run.id, tuple(int(row) for row in rows), columns_stamp(run))


@st.cache_resource(max_entries=50, show_spinner=False)
def _tables(run_id: str, stamp: int) -> tuple[OwnTable, ...]:
    return read_own_columns(run_folder(run_id))


@st.cache_resource(max_entries=50, show_spinner=False)
def _sample_colourings(run_id: str, rows: tuple[int, ...], stamp: int) -> dict[str, Colouring]:
    return own_colourings(_tables(run_id, stamp), "sample", rows)


@st.cache_resource(max_entries=50, show_spinner=False)
def _colourings(run_id: str, class_names: tuple[str, ...], stamp: int) -> dict[str, Colouring]:
    return own_colourings(_tables(run_id, stamp), "class", class_names)
