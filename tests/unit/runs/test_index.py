"""Index of run summaries: as the folders say, whatever state it is in, and no folder read that it knows."""

from __future__ import annotations

import os
import shutil
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from lwal_core.config import RunConfig
from lwal_core.runs import Run, RunSummary, RunWriter, create_run, home, list_runs, listing
from lwal_core.runs.edits import rename
from lwal_core.runs.index import FILE, load_index


@pytest.fixture(autouse=True)
def indexed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "LEAST_RUNS", 1)


@pytest.fixture
def runs(make_run: Callable[..., Run]) -> list[Run]:
    return [
        make_run("onehot", seed=1),
        make_run("lwal", seed=2, name="a \N{LINE SEPARATOR} name"),
        _moved(create_run(RunConfig()), "failed"),  # without an epoch, so that its accuracies are nan
    ]


def _moved(run: Run, status: str) -> Run:
    RunWriter(run.path).move_to(status)  # type: ignore[arg-type]
    return run


def as_new_process() -> list[RunSummary]:
    """The list as a process makes it that has just started."""
    listing._cache.clear()
    listing._indexed.clear()
    listing._recent.clear()
    return list_runs()


def shown(runs: list[RunSummary]) -> list[str]:
    return [repr(run) for run in runs]  # nan is equal to itself there


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the folders that are read."""
    seen: list[str] = []
    read = listing._read_summary

    def noted(folder: Path) -> RunSummary:
        seen.append(folder.name)
        return read(folder)

    monkeypatch.setattr(listing, "_read_summary", noted)
    return seen


def test_a_new_process_reads_no_folder_and_gives_the_same(runs: list[Run], reads: list[str]):
    first = as_new_process()
    assert sorted(reads) == sorted(run.id for run in runs)
    reads.clear()
    assert shown(as_new_process()) == shown(first) and reads == []


def test_what_changed_is_read_again(runs: list[Run], reads: list[str]):
    as_new_process()
    rename(runs[1], "another")
    reads.clear()
    assert {run.name for run in as_new_process()} >= {"another"} and reads == [runs[1].id]
    reads.clear()
    assert {run.name for run in as_new_process()} >= {"another"} and reads == []


def test_runs_at_work_are_read_every_time(make_run: Callable[..., Run], reads: list[str]):
    run = make_run(status="queued")
    as_new_process()
    RunWriter(run.path).move_to("running")
    reads.clear()
    assert [one.status for one in as_new_process()] == ["running"] and reads == [run.id]


def test_what_was_deleted_is_gone_from_list_and_index(runs: list[Run]):
    as_new_process()
    shutil.rmtree(runs[0].path)
    assert {run.id for run in as_new_process()} == {runs[1].id, runs[2].id}
    assert set(load_index(home())) == {runs[1].id, runs[2].id}


def test_a_damaged_folder_is_not_kept(runs: list[Run], reads: list[str]):
    (runs[0].path / "run.json").write_text("{")
    assert sum(run.problem is not None for run in as_new_process()) == 1
    reads.clear()
    assert sum(run.problem is not None for run in as_new_process()) == 1 and reads == [runs[0].id]


def test_a_home_that_was_moved(runs: list[Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reads: list[str]):
    before = as_new_process()
    shutil.copytree(home(), tmp_path / "moved")  # times of the files stay
    monkeypatch.setenv("LWAL_HOME", str(tmp_path / "moved"))
    reads.clear()
    after = as_new_process()
    assert [run.id for run in after] == [run.id for run in before] and reads == []
    assert {run.folder for run in after} == {tmp_path / "moved" / "runs" / run.id for run in before}


def _garbage(path: Path) -> None:
    path.write_bytes(b"no database" * 1000)


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:5000])


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _changed(sql: str) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        with closing(sqlite3.connect(path)) as db, db:
            db.execute(sql)

    return change


@pytest.mark.parametrize(
    "spoil",
    [
        _garbage, _cut, _folder,
        _changed("UPDATE runs SET summary = x'7b'"),
        _changed("UPDATE runs SET summary = 'text', a = 'b'"),
        _changed("UPDATE runs SET summary = NULL"),
        _changed("""UPDATE runs SET summary = '{"id": 1, "seed": "x"}'"""),
        _changed("DROP TABLE runs"),
        _changed("PRAGMA user_version = 1"),
    ],
)  # fmt: skip
def test_whatever_state_it_is_in_the_folders_count(runs: list[Run], spoil: Callable[[Path], None]):
    first = as_new_process()
    spoil(home() / FILE)
    assert shown(as_new_process()) == shown(first)
    assert shown(as_new_process()) == shown(first)


def test_a_damaged_one_is_made_anew(runs: list[Run], reads: list[str]):
    as_new_process()
    _garbage(home() / FILE)
    as_new_process()
    as_new_process()
    reads.clear()
    assert len(as_new_process()) == 3 and reads == []


def test_another_process_that_writes_is_not_waited_for_long(runs: list[Run]):
    first = as_new_process()
    rename(runs[0], "another")
    with closing(sqlite3.connect(home() / FILE, isolation_level=None)) as db:
        db.execute("BEGIN EXCLUSIVE")
        assert len(as_new_process()) == len(first)


def test_read_only_writes_nothing(runs: list[Run], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("LWAL_READ_ONLY", "1")
    assert len(as_new_process()) == 3 and not (home() / FILE).exists()


def test_a_short_list_has_no_index(runs: list[Run], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(listing, "LEAST_RUNS", 4)
    assert len(as_new_process()) == 3 and not os.path.exists(home() / FILE)


class TestReuse:
    """A list that took long to make is given again for a moment."""

    @pytest.fixture(autouse=True)
    def long(self, runs: list[Run], monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(listing, "LONG_SECONDS", 0.0)
        monkeypatch.setattr(listing, "REUSE_SECONDS", 60.0)
        monkeypatch.setattr(
            listing, "summary_of", lambda folder, made=listing.summary_of: (time.sleep(0.1), made(folder))[1]
        )
        as_new_process()

    @pytest.fixture
    def looked_at(self, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        seen: list[str] = []
        monkeypatch.setattr(
            listing, "summary_of", lambda folder, made=listing.summary_of: (seen.append(folder), made(folder))[1]
        )
        return seen

    def test_no_folder_is_looked_at_again(self, looked_at: list[str]):
        assert len(list_runs()) == 3 and looked_at == []
        assert len(list_runs(fresh=True)) == 3 and len(looked_at) == 3

    def test_what_this_process_writes_is_seen_at_once(self, runs: list[Run]):
        rename(runs[0], "another")
        assert "another" in {run.name for run in list_runs()}

    def test_a_run_that_comes_or_goes_is_seen_at_once(self, runs: list[Run]):
        copy = runs[0].path.with_name(runs[0].id[:-6] + "abcdef")
        shutil.copytree(runs[0].path, copy)
        assert len(list_runs()) == 4
        shutil.rmtree(copy)
        assert len(list_runs()) == 3

    def test_the_list_is_the_callers_own(self):
        list_runs().clear()
        assert len(list_runs()) == 3
