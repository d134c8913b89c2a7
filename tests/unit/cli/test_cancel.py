"""``lwal cancel`` of several runs: one that has ended in the meantime keeps no other from being cancelled."""

from __future__ import annotations

from collections.abc import Callable

from lwal_core.config import RunConfig
from lwal_core.jobs import submit
from lwal_core.runs import Run, create_run, open_run


def test_one_of_several_has_ended(
    make_run: Callable[..., Run], lwal: Callable[..., tuple[int, str, str]], home: object
) -> None:
    first, last = (submit(create_run(RunConfig.parse({"training": {"seed": seed}}))) for seed in (1, 2))
    ended = make_run()
    code, out, err = lwal("cancel", first.id, ended.id, last.id)
    assert out.split() == [first.id, "cancelled", last.id, "cancelled"]
    assert {open_run(run.id).status for run in (first, last)} == {"cancelled"}
    assert code == 1 and f"Run {ended.id} is done; there is nothing to cancel." in " ".join(err.split())


def test_all_of_them_wait(lwal: Callable[..., tuple[int, str, str]], home: object) -> None:
    run = submit(create_run(RunConfig()))
    assert lwal("cancel", run.id)[0] == 0 and open_run(run.id).status == "cancelled"
