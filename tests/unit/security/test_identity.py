"""Who may do what where people sign in: roles from the lists, viewers change nothing, nobody fills the queue alone."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lwal_core.cli.main import main
from lwal_core.errors import LwalError, TrainingError
from lwal_core.jobs import cancel, check_may_queue, make_ready, retry, submit
from lwal_core.runs import Run, create_run, list_runs, open_run
from lwal_core.runs.bundle import write_bundle
from lwal_core.security.identity import (
    ALLOWED,
    MAX_QUEUED,
    OWNERS,
    SECRETS,
    Person,
    Role,
    auth_enabled,
    role_of,
    set_user_provider,
)
from lwal_core.security.permissions import ReadOnlyError, check_writable, read_only, read_only_reason
from lwal_core.settings import settings
from lwal_core.shares import share_run
from lwal_core.taxonomy.files import parse_taxonomy
from lwal_core.taxonomy.store import save_taxonomy
from tests.unit.security.test_permissions import TREE, WRITERS, state, vectors_file

Make = Callable[..., Run]


@pytest.fixture
def acting() -> Iterator[Callable[[str, Role], None]]:
    """Be somebody from now on."""
    yield lambda address, role: set_user_provider(lambda: Person(address, role))
    set_user_provider(lambda: None)


@pytest.fixture
def lists(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(OWNERS, "Ada@Lab.org; @chairs.lab.org")
    monkeypatch.setenv(ALLOWED, " bob@else.org, @lab.org ,")


@pytest.mark.parametrize(
    ("address", "role"),
    [
        ("ada@lab.org", "owner"),
        ("ADA@LAB.ORG", "owner"),
        ("anyone@chairs.lab.org", "owner"),
        ("grace@lab.org", "viewer"),
        ("bob@else.org", "viewer"),
        ("eve@else.org", "stranger"),
        ("eve@evil-lab.org", "stranger"),
        ("eve@sub.lab.org", "stranger"),
        ("eve@lab.org.evil.com", "stranger"),
        ("eve@evil.com@lab.org", "stranger"),
        ("ada@lab.org\n", "owner"),  # blanks around it are no part of it
        ("ada@lab.org,eve@else.org", "stranger"),
        ("a b@lab.org", "stranger"),
        ("@lab.org", "stranger"),
        ("lab.org", "stranger"),
        ("", "stranger"),
    ],
)
def test_roles(lists: None, address: str, role: str) -> None:
    assert role_of(address) == role


@given(st.text())
def test_without_lists_everybody_is_a_stranger(address: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv(OWNERS, raising=False)
        patch.setenv(ALLOWED, " , ;")
        assert role_of(address) == "stranger" and not auth_enabled()
        patch.setenv(ALLOWED, "*")
        assert role_of(address) in ("viewer", "stranger") and role_of("x@y.z") == "viewer" and auth_enabled()


def test_who_is_no_owner_changes_nothing(home: Path, make_run: Make, acting) -> None:
    run = make_run(status="queued")
    taxonomy = save_taxonomy(parse_taxonomy(TREE, "tree.nwk", name="mine")).name
    share = share_run(run)[0].id
    vectors_file(run)  # one of the writers makes it, too
    roles: tuple[Role, ...] = ("viewer", "stranger")
    for role in roles:
        acting("grace@lab.org", role)
        for name, write in WRITERS.items():
            before = {path: content for path, (_, content) in state(home).items()}
            with pytest.raises(ReadOnlyError, match="only owners"):
                write(run, taxonomy, share)
            assert {path: content for path, (_, content) in state(home).items()} == before, name


def test_an_owner_may_and_read_only_mode_binds_owners_too(acting, monkeypatch: pytest.MonkeyPatch) -> None:
    acting("ada@lab.org", "owner")
    check_writable("do anything")
    assert not read_only()
    monkeypatch.setenv("LWAL_READ_ONLY", "1")
    with pytest.raises(ReadOnlyError, match="LWAL_READ_ONLY"):
        check_writable("do anything")
    assert "read-only" in read_only_reason()
    monkeypatch.delenv("LWAL_READ_ONLY")
    acting("grace@lab.org", "viewer")
    assert read_only() and "viewer" in read_only_reason()


def test_who_asked_is_recorded_and_stays_in_the_house(home: Path, make_run: Make, acting) -> None:
    acting("ada@lab.org", "owner")
    run = submit(make_run(status="queued"))
    assert open_run(run.id).record.job is not None and open_run(run.id).record.job.by == "ada@lab.org"
    assert list_runs()[0].by == "ada@lab.org"
    cancel(run)
    assert open_run(run.id).record.job is not None and b"ada@lab.org" not in write_bundle(open_run(run.id))


def test_one_person_s_runs_are_limited_and_others_are_not(
    home: Path, make_run: Make, acting, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(MAX_QUEUED, "2")
    config = make_run().config
    old = make_run(status="cancelled", seed=7)
    acting("ada@lab.org", "owner")
    first, _ = submit(create_run(config)), submit(create_run(config))
    before = len(list_runs())
    for refused in (lambda: retry(old), lambda: make_ready(old), lambda: check_may_queue()):
        with pytest.raises(TrainingError, match="2 of your runs wait"):
            refused()
    assert len(list_runs()) == before and open_run(old.id).status == "cancelled"
    # One that is handed in all the same does not hang about as queued.
    late = create_run(config)
    with pytest.raises(TrainingError, match="limit of 2"):
        submit(late)
    assert open_run(late.id).status == "cancelled"
    acting("bob@lab.org", "owner")
    assert submit(create_run(config)).status == "queued"
    with pytest.raises(TrainingError, match="1 of your runs"):
        check_may_queue(2)
    set_user_provider(lambda: None)  # a terminal
    for _ in range(3):
        submit(create_run(config))
    acting("ada@lab.org", "owner")
    cancel(first)
    check_may_queue()


@pytest.mark.parametrize("value", ["0", "-1", "1.5", "many", "9" * 30])
def test_limits_that_are_none_are_refused(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv(MAX_QUEUED, value)
    with pytest.raises(LwalError, match=MAX_QUEUED):
        settings().max_queued_per_user  # noqa: B018


def test_a_server_without_its_secrets_does_not_start(
    home: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(SECRETS, str(home / "nowhere.toml"))
    monkeypatch.setattr("lwal_core.jobs.service.run_together", lambda *_: pytest.fail("it started"))
    monkeypatch.setattr(sys, "argv", ["lwal", "serve"])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 2 and SECRETS in capfd.readouterr().err
