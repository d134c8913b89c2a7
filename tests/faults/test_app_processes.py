"""``lwal serve --processes 2``: browsers that stay with their process, uploads and pushes, and a process that is killed."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import psutil
import pytest
from websockets.exceptions import ConnectionClosed

from lwal_core.recording.push import push_run
from lwal_core.runs import Run, list_runs
from lwal_core.security.push_tokens import new_token
from tests.faults.service import ROOT
from tests.support.local_server import free_port
from tests.support.raw_client import ask, handshake, process_answers, session

TOKEN, LINE = new_token("cluster")


class Several(NamedTuple):
    """A service of two app processes."""

    port: int
    service: psutil.Process
    log: Path
    home: Path

    def cookie(self, number: int) -> str:
        return f"lwal_process_{self.port}={number}"

    def process(self, number: int) -> psutil.Process:
        """An app process."""
        return next(
            child
            for child in self.service.children()
            if any(word.endswith(f"/{number}.sock") for word in child.cmdline())
        )


def wait_for(condition: Callable[[], bool], several: Several, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert several.service.is_running() and time.monotonic() < deadline, several.log.read_text()
        time.sleep(0.2)


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Several]:
    if shutil.which("haproxy", path=f"{os.environ.get('PATH', '')}:/usr/sbin") is None:
        if os.environ.get("CI"):
            pytest.fail("HAProxy is not installed (Debian's haproxy)")
        pytest.skip("HAProxy is not installed (Debian's haproxy)")
    folder, port = tmp_path_factory.mktemp("several"), free_port()
    (folder / "tokens").write_text(f"{LINE}\n")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LWAL_")} | {
        "LWAL_HOME": str(folder / "home"), "PYTHONPATH": str(ROOT), "LWAL_HOSTS": "lwal.example.org", "LWAL_METRICS": "1",
        "LWAL_PROCESSES": "2", "LWAL_PUSH_TOKENS": str(folder / "tokens"),
    }  # fmt: skip
    command = [sys.executable, "-m", "lwal_core.cli", "serve", "--port", str(port)]
    with open(folder / "log", "wb") as log:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
    made = Several(port, psutil.Process(process.pid), folder / "log", folder / "home")
    try:
        wait_for(lambda: listens(port) and process_answers(port, 1) and process_answers(port, 2), made)
        yield made
    finally:
        left = made.service.children(recursive=True)
        process.terminate()
        assert process.wait(45) == 0
        assert not [child for child in left if child.is_running() and child.status() != psutil.STATUS_ZOMBIE]


def listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def test_there_is_one_worker(several: Several) -> None:
    commands = [child.cmdline() for child in several.service.children()]
    assert sum(command[-1] == "worker" for command in commands) == 1
    assert sum("app.web.process" in command for command in commands) == 2


@pytest.mark.parametrize("number", [1, 2])
def test_a_session_and_its_uploads_meet_in_one_process(several: Several, number: int) -> None:
    with session(several.port, cookie=several.cookie(number)) as opened:
        for name in ("a", "b", "c"):
            assert opened.upload(b"x" * 50_000, name).status in (200, 204)
        other = session_elsewhere(several, opened.id, 3 - number)
        assert other == 404


def session_elsewhere(several: Several, session_id: str, number: int) -> int:
    """Status of an upload for a session that another process holds."""
    from tests.support.raw_client import upload

    return upload(several.port, session_id, b"x", cookie=several.cookie(number)).status


def test_without_a_cookie_everything_still_meets(several: Several) -> None:
    with session(several.port) as opened:
        for name in ("a", "b", "c"):
            assert opened.upload(b"x" * 100, name).status in (200, 204)


def test_the_doors_are_as_with_one_process(several: Several) -> None:
    assert ask(several.port, "/", Host="evil.example").status == 421
    assert ask(several.port, "/", Host=f"lwal.example.org:{several.port}").status == 200
    assert handshake(several.port, origin="http://evil.example") == 403
    assert handshake(several.port, origin=f"http://127.0.0.1:{several.port}") == 101
    assert ask(several.port, "/_lwal/push", method="POST", body=b"x", Authorization="Bearer none").status == 401
    told = [ask(several.port, f"/_stcore/metrics?process={number}").body for number in (1, 2)]
    assert all(b"active_sessions" in each for each in told)


def test_a_run_is_pushed_and_seen_by_all(several: Several, make_run: Callable[..., Run]) -> None:
    run = make_run()
    push_run(run, f"http://127.0.0.1:{several.port}", token=TOKEN)
    assert [found.id for found in list_runs(several.home)] == [run.id]


def test_a_process_that_is_killed_takes_only_its_sessions_along(several: Several) -> None:
    with (
        session(several.port, cookie=several.cookie(1)) as lost,
        session(several.port, cookie=several.cookie(2)) as kept,
    ):
        several.process(1).kill()
        with pytest.raises(ConnectionClosed):
            lost.run()
        kept.run()
        assert kept.upload(b"x", "after").status in (200, 204)
        with session(several.port, cookie=several.cookie(1)) as moved:  # by now at the other one
            assert moved.upload(b"x").status in (200, 204)
        wait_for(lambda: process_answers(several.port, 1), several)
        kept.run()
    assert "The app process 1 was ended by SIGKILL (Killed); it is started again." in several.log.read_text()
    with session(several.port, cookie=several.cookie(1)) as again:
        assert again.upload(b"x").status in (200, 204)
