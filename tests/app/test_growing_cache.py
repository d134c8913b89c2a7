"""What pages keep stays small while a run grows, and stays kept when none does."""

from __future__ import annotations

import gc
import threading
from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from app.common.background import SAME_SUBJECT, Background
from app.common.growing_cache import GROWING, growing_cache
from app.common.pages import page_names
from lwal_core.runs import Run, RunWriter
from tests.app.conftest import ENTRY


@pytest.fixture
def counted() -> tuple[Callable[[int, bool], list[int]], Counter[int]]:
    """A kept function and how often it was computed for each argument."""
    calls: Counter[int] = Counter()

    st.cache_resource.clear()

    @growing_cache(50, lambda state, growing: growing)
    def double(state: int, growing: bool) -> list[int]:
        calls[state] += 1
        return [2 * state]

    return double, calls


def test_finished_runs_are_computed_once_and_shared(
    counted: tuple[Callable[[int, bool], list[int]], Counter[int]],
) -> None:
    double, calls = counted
    first = [double(state, False) for state in range(30)]
    again = [double(state, False) for state in range(30)]
    assert first == [[2 * state] for state in range(30)]
    assert all(a is b for a, b in zip(first, again, strict=True))
    assert set(calls.values()) == {1}


def test_of_a_growing_run_only_the_newest_states_are_kept(
    counted: tuple[Callable[[int, bool], list[int]], Counter[int]],
) -> None:
    double, calls = counted
    for state in range(30):
        double(state, True)
    newest = range(30 - GROWING, 30)
    for state in newest:
        double(state, True)
    assert [calls[state] for state in newest] == [1] * GROWING
    double(0, True)
    assert calls[0] == 2


def test_growing_runs_do_not_push_finished_ones_out(
    counted: tuple[Callable[[int, bool], list[int]], Counter[int]],
) -> None:
    double, calls = counted
    kept = double(-1, False)
    for state in range(200):
        double(state, True)
    assert double(-1, False) is kept
    assert calls[-1] == 1


def _asked(
    background: Background[tuple[str, int], int], request: tuple[str, int], made: Counter[tuple[str, int]]
) -> None:
    def work() -> int:
        made[request] += 1
        return request[1]

    assert background.ask(request, lambda: work, 30) == request[1]


def test_newer_requests_about_a_subject_push_out_the_older_ones_alone() -> None:
    made: Counter[tuple[str, int]] = Counter()
    background: Background[tuple[str, int], int] = Background(
        "Nothing", "", 64, lambda request: request[0] if request[0] == "film" else None
    )
    for number in range(20):
        _asked(background, ("film", number), made)
        _asked(background, ("picture", number), made)
    for number in range(20):
        _asked(background, ("picture", number), made)
    assert {made["picture", number] for number in range(20)} == {1}
    _asked(background, ("film", 19), made)
    _asked(background, ("film", 20 - SAME_SUBJECT), made)
    _asked(background, ("film", 0), made)
    assert (made["film", 19], made["film", 20 - SAME_SUBJECT], made["film", 0]) == (1, 1, 2)


def test_what_is_in_the_making_is_never_forgotten() -> None:
    made: Counter[tuple[str, int]] = Counter()
    background: Background[tuple[str, int], int] = Background("Nothing", "", 2, lambda request: request[0])
    go = threading.Event()

    def slow() -> int:
        made["slow", 0] += 1
        assert go.wait(30)
        return -1

    assert background.ask(("film", -1), lambda: slow, 0) is None
    for number in range(10):
        _asked(background, ("film", number), made)
    assert background.seconds(("film", -1)) is not None
    go.set()
    assert background.ask(("film", -1), lambda: slow, 30) == -1
    assert made["slow", 0] == 1


def _page_variables(page: str) -> int:
    """How many sets of a page's variables are alive: each redraw makes one."""
    gc.collect()
    file = str(ENTRY.parents[1] / "pages" / f"{page}.py")
    return sum(type(found) is dict and found.get("__file__") == file for found in gc.get_objects())


@pytest.mark.parametrize("page", page_names())
def test_a_session_that_follows_a_training_keeps_nothing_of_its_earlier_redraws(
    page: str, make_run: Callable[..., Run], open_page: Callable[..., AppTest]
) -> None:
    for seed in (12, 123):
        make_run("onehot", seed=seed)
    run = make_run(status="running", epochs=2)
    writer, generator = RunWriter(run.path), np.random.default_rng(0)
    at = open_page(page, {"sel": run.id, "run": run.id})
    before = _page_variables(page)
    for epoch in range(3, 11):
        vectors = generator.normal(size=(10, 8))
        writer.labels(epoch, vectors, vectors)
        writer.metrics({"epoch": epoch, "step": 5 * epoch, "samples": 320 * epoch, "seconds": 0.5 * epoch,
                        "loss": 1 / epoch, "test_accuracy_mean": 0.9, "test_accuracy_own": 0.9})  # fmt: skip
        for slider in (found for found in at.select_slider if found.key == "epoch"):
            slider.set_value(epoch - 1)  # which the slider had at the last redraw
        at.run()
        assert not at.exception, at.exception
    assert before or page != "embeddings", "its variables were not found, so nothing is counted here"
    assert _page_variables(page) <= before + 2
