"""Pictures of test samples on the Embeddings page: under the mouse, of the one that was clicked on, of those in a lasso."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import streamlit as st
from PIL import Image
from streamlit.testing.v1 import AppTest

from app.common import evaluation
from app.common.evaluation import picture_tiles, pictured_samples, sample_sheet, sampled_test_set
from app.common.pages import page_path
from app.embeddings import hover_pictures
from app.embeddings.hover_pictures import chosen_tiles
from app.embeddings.view import CHART, SAMPLE, pick_clicked
from app.tree.chosen_node import CLASS
from lwal_core.runs import Run, RunWriter
from tests.app.conftest import ENTRY, text_of

Make = Callable[..., Run]


@pytest.fixture
def pictured(make_run: Make) -> Run:
    """A run with the pictures that a training keeps: here all four samples of each class, of one grey each."""
    run = make_run(accuracy=0.6)
    y = run.evaluation().y
    rows = np.argsort(y, kind="stable")
    grey = np.broadcast_to((6 * rows)[:, None, None, None], (40, 16, 16, 3)).astype(np.uint8)
    RunWriter(run.path).samples(grey, y[rows])
    return run


def test_every_sample_has_its_own_picture(pictured: Run) -> None:
    kept = pictured_samples(pictured)
    assert set(kept) == set(range(40))
    sheet = sample_sheet(pictured, [7, 3, 99])
    assert sheet is not None and sheet[1] == 2
    seen = np.unique(sheet[0][..., 0][sheet[0][..., 3] > 0]).tolist()
    assert seen == [18, 42]
    assert sample_sheet(pictured, [99]) is None


def test_tiles_of_classes_and_samples(pictured: Run, make_run: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    samples = sampled_test_set(pictured)
    tiles, classes, of_samples = chosen_tiles(pictured, samples)
    assert len(tiles) == 40 and len(classes) == 10 and min(of_samples) >= 0
    strip = np.asarray(Image.open(io.BytesIO(base64.b64decode(picture_tiles(pictured, tiles).split(",")[1]))))
    for place, row in zip(of_samples, samples.rows.tolist(), strict=True):
        assert abs(int(strip[24, 48 * place + 24, 0]) - 6 * row) <= 2  # JPEG
    monkeypatch.setattr(hover_pictures, "MOST_TILES", 12)
    tiles, classes, of_samples = chosen_tiles(pictured, samples)
    assert len(tiles) == 12 and min(classes) >= 0 and of_samples.count(-1) == 28
    assert chosen_tiles(make_run(images=False), None) == ([], [], [])
    few = make_run()  # pictures whose samples are not known: of classes alone
    assert set(chosen_tiles(few, sampled_test_set(few))[2]) == {-1} and min(chosen_tiles(few, None)[1]) >= 0


def test_a_click_on_a_sample_shows_it_and_one_on_a_class_does_not(pictured: Run) -> None:
    samples, names = sampled_test_set(pictured), pictured.class_names

    def click(custom: Any) -> None:
        st.session_state[CHART] = {"selection": {"points": [{"customdata": custom}]}}
        pick_clicked(CHART, names, samples)

    click([int(samples.y[5]), 5])
    assert st.session_state[SAMPLE] == samples.rows[5] and st.session_state[CLASS] == names[samples.y[5]]
    click([3])
    assert st.session_state[SAMPLE] is None and st.session_state[CLASS] == names[3]
    click([2, 10_000])
    assert st.session_state[SAMPLE] is None
    st.session_state.clear()


def test_the_page_tells_of_the_sample_that_was_clicked_on(pictured: Run) -> None:
    test = evaluation.predictions(pictured)
    wrong = int(np.flatnonzero(test.y != test.pred)[0])
    at = AppTest.from_file(str(ENTRY), default_timeout=120)
    at.query_params["run"], at.query_params["tree_class"] = pictured.id, pictured.class_names[test.y[wrong]]
    at.session_state[SAMPLE] = wrong
    at.switch_page(page_path("embeddings"))
    at.run()
    assert not at.exception
    assert f"**Test sample {wrong}**: taken for {pictured.class_names[test.pred[wrong]]}" in text_of(at)
    at.session_state[SAMPLE] = 10_000
    assert not at.run().exception and "**Test sample" not in text_of(at)
