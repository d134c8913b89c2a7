"""Runs from afar: who may push in which mode, how much, and what becomes of it."""

from __future__ import annotations

import asyncio
import re
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import lwal_core as lwal
from app.common import sign_in
from app.web import push as door
from app.web.asgi import Message
from app.web.push import PLACE, Push
from lwal_core.recording.open_runs import RecordWarning
from lwal_core.recording.push import Pusher, PushError, check_address, push_run
from lwal_core.runs import Run, edits, list_runs, open_run
from lwal_core.runs.bundle import pusher_of, write_bundle
from lwal_core.security.identity import OWNERS, set_user_provider
from lwal_core.security.permissions import READ_ONLY, SHARES_ONLY
from lwal_core.security.push_tokens import new_token
from tests.security.conftest import Served, _running
from tests.support.raw_client import ask

Make = Callable[..., Run]
TOKEN, LINE = new_token("cluster")
OTHER, SECOND = new_token("laptop")


@pytest.fixture
def tokens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    file = tmp_path / "tokens"
    file.write_text(f"{LINE}\n{SECOND}\n")
    monkeypatch.setenv("LWAL_PUSH_TOKENS", str(file))
    return file


async def nothing_behind(*given: object) -> None:
    raise AssertionError("a push went on to the app")


def pushed(
    app: Push,
    body: bytes,
    token: str = TOKEN,
    *,
    method: str = "POST",
    length: int | None = -1,
    path: str = PLACE,
    parts: int = 2,
) -> tuple[int, str]:
    """Status and sentence for a push, straight to the middleware."""
    headers = [(b"authorization", f"Bearer {token}".encode())] if token else []
    if length is not None:
        headers.append((b"content-length", str(len(body) if length < 0 else length).encode()))
    cut = -(-len(body) // parts) or 1
    waiting = [body[i : i + cut] for i in range(0, len(body), cut)] or [b""]
    said: list[Message] = []

    async def receive() -> Message:
        if not waiting:
            return {"type": "http.disconnect"}
        piece = waiting.pop(0)
        return {"type": "http.request", "body": piece, "more_body": bool(waiting)}

    async def send(message: Message) -> None:
        said.append(message)

    scope: dict[str, Any] = {"type": "http", "method": method, "path": path, "headers": headers}
    asyncio.run(app(scope, receive, send))
    return said[0]["status"], said[1]["body"].decode().strip()


@pytest.fixture
def bundle(make_run: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> bytes:
    """A finished run of another home."""
    monkeypatch.setenv("LWAL_HOME", str(tmp_path / "cluster"))
    data = write_bundle(make_run())
    monkeypatch.setenv("LWAL_HOME", str(tmp_path / "server"))
    return data


def test_a_run_that_is_pushed_is_there_once(tokens: Path, bundle: bytes) -> None:
    app = Push(nothing_behind)
    status, said = pushed(app, bundle)
    (run,) = list_runs()
    assert (status, said) == (200, f"{run.id} new") and pusher_of(open_run(run.id).path) == "cluster"
    assert pushed(app, bundle, path="/lab" + PLACE) == (200, f"{run.id} there already") and len(list_runs()) == 1


@pytest.mark.parametrize(
    "mode", ["plain", "revoked", "no file", "read-only", "shares only", "sign-in", "sign-in, read-only"]
)
def test_who_may_push_in_which_mode(tokens: Path, bundle: bytes, monkeypatch: pytest.MonkeyPatch, mode: str) -> None:
    if mode == "revoked":
        tokens.write_text(SECOND)
    if mode == "no file":
        monkeypatch.delenv("LWAL_PUSH_TOKENS")
    if "read-only" in mode:
        monkeypatch.setenv(READ_ONLY, "1")
    if mode == "shares only":
        monkeypatch.setenv(SHARES_ONLY, "1")
    if "sign-in" in mode:
        monkeypatch.setenv(OWNERS, "ada@lab.org")
        set_user_provider(sign_in.person)
    try:
        with_token = pushed(Push(nothing_behind), bundle)[0]
        without = [
            pushed(Push(nothing_behind), bundle, token)[0] for token in ("", "x", "A" * 43, TOKEN[:-1], LINE.split()[1])
        ]
    finally:
        set_user_provider(lambda: None)
    expected = {"plain": 200, "sign-in": 200, "revoked": 401, "no file": 404}.get(mode, 403)
    assert with_token == expected and set(without) == {404 if mode == "no file" else 401}
    assert len(list_runs()) == (expected == 200)


def test_it_is_for_writing_alone(tokens: Path, bundle: bytes) -> None:
    app = Push(nothing_behind)
    pushed(app, bundle)
    for method in ("GET", "HEAD", "PUT", "DELETE", "OPTIONS"):
        status, said = pushed(app, b"", method=method) if method != "HEAD" else (405, "")
        assert status == 405 and "lwal" not in said


def test_the_size_and_the_number_are_limited(tokens: Path, bundle: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    app = Push(nothing_behind)
    monkeypatch.setenv("LWAL_MAX_UPLOAD_MB", "1")
    assert pushed(app, b"x", length=2**20 + 1)[0] == 413 and pushed(app, b"x", length=None)[0] == 411
    assert pushed(app, b"xyz", length=2)[0] == 413 and pushed(app, b"x", length=2)[0] == 408
    monkeypatch.setattr(door, "AN_HOUR", 4)
    assert pushed(app, bundle)[0] == 200 and pushed(app, bundle)[0] == 200
    assert pushed(app, bundle)[0] == 429 and pushed(app, bundle, OTHER)[0] == 200
    monkeypatch.setattr(door, "HOUR", 0.0)
    assert pushed(app, bundle)[0] == 200
    app._open["cluster"] = 1
    assert pushed(app, bundle)[0] == 429 and pushed(app, bundle, OTHER)[0] == 200
    app._open["third"] = 1
    assert pushed(app, bundle, OTHER)[0] == 429


@pytest.mark.parametrize(
    "change",
    [lambda b: b[:-30], lambda b: b"no zip", lambda b: b[:200] + bytes([b[200] ^ 255]) + b[201:], lambda b: b""],
)
def test_what_is_no_bundle_is_one_sentence_and_leaves_nothing(
    tokens: Path, bundle: bytes, change: Callable[[bytes], bytes]
) -> None:
    status, said = pushed(Push(nothing_behind), change(bundle))
    assert status == 422 and "\n" not in said and "/" not in said.replace("`lwal export`", "") and list_runs() == []


def test_a_later_state_takes_the_place_of_the_earlier_for_the_same_token_alone(
    tokens: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, server, cluster = Push(nothing_behind), str(tmp_path / "server"), str(tmp_path / "cluster")
    monkeypatch.setenv("LWAL_HOME", cluster)
    recorder = lwal.start_run(classes=["a", "b"], method="m", data="d")
    recorder.log(1, test_accuracy=0.5)
    first = write_bundle(Run(recorder.path), unfinished=True)  # type: ignore[arg-type]
    recorder.end("interrupted")
    recorder = lwal.resume_run(recorder.id)
    recorder.log(2, test_accuracy=0.7)
    recorder.finish()
    second = write_bundle(Run(recorder.path))  # type: ignore[arg-type]
    monkeypatch.setenv("LWAL_HOME", server)
    assert pushed(app, first) == (200, f"{recorder.id} new")
    assert (open_run(recorder.id).status, open_run(recorder.id).metrics().epochs_done) == ("interrupted", 1)
    edits.rename(open_run(recorder.id), "mine")
    edits.set_tags(open_run(recorder.id), ["kept"])
    assert pushed(app, second, OTHER)[1] != f"{recorder.id} new" and len(list_runs()) == 2
    assert pushed(app, second) == (200, f"{recorder.id} new") and len(list_runs()) == 2
    run = open_run(recorder.id)
    assert (run.status, run.metrics().epochs_done, run.name, run.record.tags) == ("done", 2, "mine", ["kept"])
    assert not [p for p in run.path.parent.iterdir() if p.name.startswith(".new")]


@pytest.mark.parametrize(
    ("url", "said"),
    [("lab.org", "no address"), ("ftp://lab.org", "no address"), ("https://u:p@lab.org", "no address"),
     ("https://lab.org?x=1", "no address"),
     ("http://lab.org", "for everybody to read"), ("http://localhost.evil.example", "for everybody to read"),
     ("https://a:b", "no address")],
)  # fmt: skip
def test_addresses_that_nothing_is_sent_to(url: str, said: str, make_run: Make) -> None:
    with pytest.raises(PushError, match=said):
        push_run(make_run(), url, token=TOKEN)
    with pytest.raises(PushError, match=said):
        lwal.start_run(classes=["a", "b"], method="m", data="d", push_to=url)
    assert len(list_runs()) == 1
    own = lwal.start_run(classes=["a", "b"], method="m", data="d")
    own.end("interrupted")
    with pytest.raises(PushError, match=said):
        lwal.resume_run(own.id, push_to=url)
    lwal.resume_run(own.id).finish()  # nobody holds it
    assert check_address("https://lab.org/lwal/") == "https://lab.org/lwal" and check_address("http://[::1]:8501")


def test_a_push_that_fails_never_ends_a_training(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LWAL_PUSH_TOKEN", TOKEN)
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with lwal.start_run(
            classes=["a", "b"], method="m", data="d", push_to="http://127.0.0.1:1", push_every=1
        ) as run:
            for epoch in (1, 2, 3):
                run.log(epoch, test_accuracy=0.5)
        assert isinstance(run._pusher, Pusher)
        run._pusher.wait()
    said = [str(each.message) for each in caught if each.category is RecordWarning]
    assert len(said) == 1 and "was not pushed: 127.0.0.1 cannot be reached" in said[0] and TOKEN not in said[0]
    assert open_run(run.id).status == "done" and open_run(run.id).metrics().epochs_done == 3


# --- a real server -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def app_with_tokens(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("pushed")
    (folder / "tokens").write_text(f"{LINE}\n")
    line = ["-m", "lwal_core.cli", "serve", "--no-worker", "--port"]
    with _running(folder, line, LWAL_PUSH_TOKENS=str(folder / "tokens")) as app:
        yield app


@pytest.mark.process
def test_runs_arrive_at_a_running_app(app_with_tokens: Served, make_run: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    app, url = app_with_tokens, f"http://127.0.0.1:{app_with_tokens.port}"
    run = make_run()
    assert push_run(run, url, token=TOKEN) == (run.id, True) and push_run(run, url + "/", token=TOKEN) == (
        run.id,
        False,
    )
    with pytest.raises(PushError, match="401"):
        push_run(run, url, token=OTHER)
    answer = ask(app.port, PLACE, method="POST", body=b"x", Authorization=f"Bearer {TOKEN}")
    assert answer.status == 422 and answer.headers["x-content-type-options"] == "nosniff"
    assert ask(app.port, PLACE, method="POST", Authorization=f"Bearer {TOKEN}", Host="evil.example").status == 421
    assert (
        ask(app.port, PLACE, method="POST", Authorization=f"Bearer {TOKEN}", Origin="https://evil.example").status
        == 403
    )
    monkeypatch.setenv("LWAL_PUSH_TOKEN", TOKEN)
    with lwal.start_run("far", classes=["a", "b"], method="m", data="d", push_to=url, push_every=1) as recorder:
        recorder.log(1, test_accuracy=0.5)
        recorder.log(2, test_accuracy=0.6)
        assert recorder._pusher is not None
        recorder._pusher.wait()
        assert open_run(recorder.id, app.home).status == "interrupted"
    recorder._pusher.wait()
    there = open_run(recorder.id, app.home)
    assert (there.status, there.metrics().epochs_done, there.name) == ("done", 2, "far")
    assert sorted(each.id for each in list_runs(app.home)) == sorted([run.id, recorder.id])
    log = app.log.read_text()
    assert re.search(rf"{recorder.id} was pushed with the token cluster", log) and TOKEN not in log
