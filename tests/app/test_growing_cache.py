"""What pages keep stays small while a run grows, and stays kept when none does."""

from __future__ import annotations

import gc
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

import app.common.background as background_module
from app.common.background import SAME_SUBJECT, Background, Wanted
from app.common.growing_cache import GROWING, growing_cache
from app.common.pages import page_names
from lwal_core.projections import Abandoned
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
    def work(wanted: Wanted) -> int:
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

    def slow(wanted: Wanted) -> int:
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


class Waiting:
    """Work that ends when it is told to, or when nobody waits for it."""

    def __init__(self) -> None:
        self.begun: list[int] = []
        self.dropped: list[int] = []
        self.go = threading.Event()

    def work(self, number: int) -> Callable[[], Callable[[Wanted], int]]:
        def made(wanted: Wanted) -> int:
            self.begun.append(number)
            while not self.go.wait(0.01):
                if not wanted():
                    self.dropped.append(number)
                    raise Abandoned
            return number

        return lambda: made

    def until(self, condition: Callable[[], bool]) -> None:
        end = time.monotonic() + 20
        while not condition():
            assert time.monotonic() < end, (self.begun, self.dropped)
            time.sleep(0.01)


@pytest.fixture
def sessions(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Who asks (``now``), and the sessions that a browser is connected to (``alive``)."""
    state: dict[str, Any] = {"now": "a", "alive": {"a", "b"}}
    monkeypatch.setattr(background_module, "session_id", lambda: state["now"])
    monkeypatch.setattr(background_module, "session_lives", lambda session: session in state["alive"])
    return state


def test_work_for_a_session_that_is_gone_is_dropped(sessions: dict[str, Any]) -> None:
    background: Background[tuple[int], int] = Background("Nothing", "", 8)
    waiting = Waiting()
    for number, who in ((0, "a"), (1, "a"), (1, "b")):
        sessions["now"] = who
        assert background.ask((number,), waiting.work(number), 0) is None
    waiting.until(lambda: sorted(waiting.begun) == [0, 1])
    sessions["alive"] = {"b"}
    waiting.until(lambda: waiting.dropped == [0])
    waiting.until(lambda: background.seconds((0,)) is None)
    assert background.seconds((1,)) is not None  # somebody else waits for it
    waiting.go.set()
    assert background.ask((1,), waiting.work(1), 20) == 1
    sessions["alive"] = {"a", "b"}
    assert background.ask((0,), waiting.work(0), 20) == 0  # asked for anew, made anew
    assert sorted(waiting.begun) == [0, 0, 1]


def test_a_page_that_does_not_ask_again_is_waited_for_no_longer_than_the_lease(
    sessions: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(background_module, "LEASE_SECONDS", 0.5)
    background: Background[tuple[int], int] = Background("Nothing", "", 8)
    waiting = Waiting()
    assert background.ask((0,), waiting.work(0), 0) is None
    assert background.ask((1,), waiting.work(1), 0) is None
    end = time.monotonic() + 1.5
    while time.monotonic() < end:
        assert background.seconds((1,)) is not None  # which asks again
        time.sleep(0.05)
    assert waiting.dropped == [0]
    waiting.go.set()


def test_a_session_waits_for_the_newest_of_a_lane_alone(sessions: dict[str, Any]) -> None:
    background: Background[tuple[int], int] = Background("Nothing", "", 64, lane=lambda request: request[0] % 2)
    waiting = Waiting()
    assert background.ask((1,), waiting.work(1), 0) is None
    for number in range(0, 64, 2):  # 32 slow ones in a row, as when somebody drags a slider
        assert background.ask((number,), waiting.work(number), 0) is None
    waiting.until(lambda: sum(background.seconds((number,)) is not None for number in range(64)) == 2)
    assert background.seconds((62,)) is not None and background.seconds((1,)) is not None
    waiting.go.set()


def test_what_is_dropped_before_it_begins_is_never_begun(sessions: dict[str, Any]) -> None:
    background: Background[tuple[int], int] = Background("Nothing", "", 8, lane=lambda request: "one", at_once=1)
    waiting, other = Waiting(), Waiting()
    sessions["now"] = "b"
    assert background.ask((0,), other.work(0), 0) is None
    other.until(lambda: other.begun == [0])
    sessions["now"] = "a"
    for number in (1, 2, 3):
        assert background.ask((number,), waiting.work(number), 0) is None
    other.go.set()
    waiting.go.set()
    assert background.ask((3,), waiting.work(3), 20) == 3
    waiting.until(lambda: background.seconds((1,)) is None and background.seconds((2,)) is None)
    assert waiting.begun == [3]


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
