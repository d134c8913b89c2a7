"""Part of a run id stands for the run; several matches are listed, none is made up."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from lwal_core.cli.main import app
from lwal_core.cli.run_ids import whole_id
from lwal_core.errors import RunNotFound
from lwal_core.runs import runs_folder
from lwal_core.runs.trash import delete_run


@pytest.fixture
def ids(home) -> list[str]:
    names = ["20260101-000000-lwal-digits-s1-aaa111", "20260101-000001-lwal-digits-s2-bbb222", "20270101-onehot-ccc333"]
    for name in names:
        (runs_folder() / name).mkdir(parents=True)
    return names


def test_whole_ids_beginnings_and_endings(ids: list[str]) -> None:
    assert [whole_id(text) for text in (ids[0], "2027", "bbb222", "s2-bbb222")] == [ids[0], ids[2], ids[1], ids[1]]


def test_what_matches_nothing_or_is_too_short_stays_as_it_is(ids: list[str], tmp_path) -> None:
    assert [whole_id(text) for text in ("zzz", "20", "", "../x")] == ["zzz", "20", "", "../x"]


def test_several_matches_are_listed(ids: list[str]) -> None:
    with pytest.raises(RunNotFound, match=f"'20260101' could be {ids[1]}, {ids[0]}"):
        whole_id("20260101")


def test_no_home_yet(home) -> None:
    assert whole_id("anything") == "anything"


def test_commands_take_the_ending_and_the_trash_lists_it(make_run) -> None:
    run = make_run()
    ending = run.id[-6:]
    shown = CliRunner().invoke(app, ["show", ending])
    assert shown.exit_code == 0 and run.config.method_label() in shown.output
    assert "empty" in CliRunner().invoke(app, ["trash"]).output
    assert CliRunner().invoke(app, ["delete", ending]).exit_code == 0
    assert run.id in CliRunner().invoke(app, ["trash"]).output
    (listed,) = json.loads(CliRunner().invoke(app, ["trash", "--json"]).output)
    assert listed["id"] == run.id and listed["bytes"] > 0
    assert CliRunner().invoke(app, ["restore", ending]).exit_code == 0
    assert run.path.is_dir()


def test_a_deleted_run_is_not_found_among_the_others(make_run) -> None:
    run = make_run()
    delete_run(run.id)
    assert whole_id(run.id[-6:]) == run.id[-6:] and whole_id(run.id[-6:], deleted=True) == run.id
