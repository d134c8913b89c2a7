"""Runs that end, told by the browser: what is told and of whom; and the control on Train."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from app.common import run_notices
from app.common.run_notices import ACTIVE, ENDED, ON, SINGLE, Notice, notices
from lwal_core.config import RunConfig
from lwal_core.experiments.sweeps import TAG_PREFIX
from lwal_core.jobs import submit
from lwal_core.runs import RunSummary, RunWriter, create_run
from lwal_core.security.identity import Person, acting_as

pytestmark = pytest.mark.page


def summary(name: str, status: str, *tags: str, **more: Any) -> RunSummary:
    values = {"method_label": "LwAL", "data_title": "digits", "seed": 12, "number": 1, **more}
    return RunSummary(name, more.pop("title", name), datetime.now(UTC), status, tags=tags, **values)


def test_only_what_was_active_and_has_ended_is_told() -> None:
    runs = [
        summary("a", "done"), summary("b", "failed"), summary("c", "running"), summary("d", "done"), summary("e", "cancelled"),
        summary("f", "interrupted"),
    ]  # fmt: skip
    assert notices({"a", "b", "c", "e", "f"}, runs) == [
        Notice("a:done", "Done: a, seed 12", "LwAL on digits"),
        Notice("b:failed", "Failed: b, seed 12", "LwAL on digits"),
    ]  # nobody is told of what somebody cancelled, or of what will be taken up again
    assert notices((), runs) == [] and notices({"gone"}, []) == []


def test_of_a_sweep_failures_and_the_end_are_told() -> None:
    runs = [summary("a", "done", "sweep:s"), summary("b", "failed", "sweep:s"), summary("c", "running", "sweep:s")]
    assert [each.title for each in notices({"a", "b", "c"}, runs)] == ["Failed: b, seed 12"]
    runs[2] = summary("c", "done", "sweep:s")
    (end,) = notices({"c"}, runs)
    assert (end.title, end.body) == ("Sweep ended: s", "2 done, 1 failed")
    assert run_notices.SWEEP == TAG_PREFIX


def test_many_at_once_are_one() -> None:
    runs = [summary(f"r{number}", "done") for number in range(SINGLE + 1)]
    (one,) = notices({run.id for run in runs}, runs)
    assert (one.title, one.body) == ("4 runs ended", "4 done")


@pytest.mark.parametrize("name", ["<img src=x onerror=alert(1)>", "a\n\nb\x1b[31m", "x" * 5_000, "", "‮evil"])
def test_a_name_is_one_short_line(name: str) -> None:
    run = RunSummary("a", name, datetime.now(UTC), "done", seed=1)
    (told,) = notices({"a"}, [run])
    assert told.title.startswith("Done: ") and len(told.title) < 150
    assert "\n" not in told.title and "\x1b" not in told.title and "‮" not in told.title


def test_where_people_sign_in_they_are_told_of_their_own() -> None:
    runs = [summary("a", "done", by="ada@x.org"), summary("b", "done", by="bob@x.org"), summary("c", "done")]
    assert run_notices._own(runs) == runs
    with acting_as(Person("ada@x.org", "owner")):
        assert [run.id for run in run_notices._own(runs)] == ["a"]


def drawn(at: AppTest) -> int:
    """How often the component stands on a page."""
    return sum(each.proto.component_name == "run_notices" for each in at.get("bidi_component"))


def test_train_has_the_control_and_other_pages_ask_nothing_until_it_is_on(
    open_page: Callable[..., AppTest], make_run: Callable[..., Any]
) -> None:
    make_run()
    assert drawn(open_page("train")) == 0  # nothing runs that could end
    submit(create_run(RunConfig.parse({"data": {"name": "digits"}})))
    assert drawn(open_page("train")) == 1
    at = open_page("hierarchy")
    assert drawn(at) == 0 and at.session_state[ON] is False and ACTIVE not in at.session_state
    at.session_state[ON] = True
    assert drawn(at.run()) == 1


def test_a_run_that_ends_while_it_is_on_is_told_once(open_page: Callable[..., AppTest]) -> None:
    run = submit(create_run(RunConfig.parse({"data": {"name": "digits"}})))
    at = open_page("curves")
    at.session_state[ON] = True
    at.run()
    assert at.session_state[ACTIVE] == {run.id} and at.session_state[ENDED] == []
    RunWriter(run.path).move_to("running", "")
    RunWriter(run.path).move_to("done", "")
    for _ in range(2):
        at.run()
        assert [each.tag for each in at.session_state[ENDED]] == [f"{run.id}:done"]
    assert not at.exception
