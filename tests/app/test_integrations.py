"""Trainings by other libraries: what they record is what a slow loop finds, and stands on every page."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from lwal_core.runs import Run, open_run
from tests.app.conftest import text_of
from tests.support.integrations import TRAININGS, compare_with_slow_loop

PAGES = ("home", "embeddings", "hierarchy", "trees", "share")


@pytest.mark.parametrize("library", TRAININGS)
def test_a_training_is_recorded_and_opens_on_every_page(
    library: str, tmp_path: Path, open_page: Callable[..., AppTest], make_run: Callable[..., Run]
) -> None:
    ours = make_run("onehot", seed=12, classes=6, accuracy=0.7)
    trained = TRAININGS[library](tmp_path / "training")
    run = open_run(trained.run_id)
    assert run.status == "done" and not run.record.warnings
    compare_with_slow_loop(run, trained)
    for page in PAGES:
        at = open_page(page, {"runs": run.group, "run": run.id, "left": run.id, "right": run.id})
        assert not at.exception and not at.error, text_of(at)
    at = open_page("curves", {"runs": [ours.group, run.group], "baseline": ours.group})
    said = text_of(at).replace("\\", "")
    assert not at.error and run.config.method_label() in said and "ne-hot" in said and "shared seed" in said, said
