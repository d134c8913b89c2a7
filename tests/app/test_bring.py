"""Vectors from elsewhere on every page, and the dialog that brings them in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from lwal_core.imports import examine, keep
from lwal_core.runs import Run, list_runs, open_run
from lwal_core.runs.bundle import write_bundle
from tests_support import text_of

CSV = "name,x,y,z\ncat,1,2,0\ndog,1.5,2,0\ntruck,9,9,1\nship,8,9,2\n"
PAGES = ("home", "train", "curves", "embeddings", "hierarchy", "trees")


@pytest.fixture
def imported(tmp_path: Path) -> Run:
    file = tmp_path / "animals.csv"
    file.write_text(CSV)
    return keep(examine(file))[0]
