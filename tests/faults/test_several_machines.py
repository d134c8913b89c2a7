"""Several machines with one home and one queue on a server: a real Redis and a real PostgreSQL, started by the test; the
machines are workers that go by different names."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lwal_core.errors import SettingsError, TrainingError
from lwal_core.jobs import live_workers, submit
from lwal_core.jobs.queue import Queue
from lwal_core.runs import create_run, open_run
from tests.faults.service import Service, check_done_once, hand_in, kill, short, wait_until
from tests.support.local_server import free_port


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def takes_queries(url: str) -> bool:
    """Whether a PostgreSQL server has started: its port is open a moment before."""
    import psycopg

    try:
        psycopg.connect(url, connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


@pytest.fixture
def redis_url(tmp_path: Path) -> Iterator[str]:
    """A Redis server of this test alone."""
    pytest.importorskip("redis")
    program = shutil.which("redis-server")
    if program is None:
        if os.environ.get("CI"):
            pytest.fail("redis-server is not installed; tests/run_all.py installs it")
        pytest.skip("redis-server is not installed (Debian's package of the same name)")
    port = free_port()
    command = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(tmp_path)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_until(lambda: answers(port), 20)
    yield f"redis://127.0.0.1:{port}/0"
    server.terminate()
    server.wait()


@pytest.fixture
def postgres_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A PostgreSQL server of this test alone; it refuses to run as root, so it runs as its own user there."""
    pytest.importorskip("psycopg")
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not programs:
        pytest.skip("PostgreSQL's server is not installed (Debian's package postgresql)")
    if os.geteuid() == 0 and subprocess.run(["id", "postgres"], capture_output=True, check=False).returncode:
        pytest.skip("PostgreSQL does not run as root, and there is no user postgres")
    folder = Path("/tmp") / f"lwal-postgres-{os.getpid()}-{time.time_ns()}"
    folder.mkdir()
    user = {"user": "postgres"} if os.geteuid() == 0 else {}
    if user:
        shutil.chown(folder, "postgres")
    port, data = free_port(), folder / "data"
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": "/", **user}
    subprocess.run([str(programs[-1]), "-D", str(data), "-A", "trust", "-U", "lwal", "-N"], check=True, **quiet)
    command = [str(programs[-1].with_name("postgres")), "-D", str(data), "-p", str(port), "-k", str(folder), "-F"]
    server = subprocess.Popen(command, **quiet)
    url = f"postgresql://lwal@127.0.0.1:{port}/postgres"
    wait_until(lambda: takes_queries(url), 30)
    yield url
    server.send_signal(2)  # SIGINT: a fast shutdown
    server.wait(20)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.parametrize("server", ["redis_url", "postgres_url"])
def test_two_workers_on_two_machines(
    server: str,
    request: pytest.FixtureRequest,
    make_service: Callable[..., Service],
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    url = request.getfixturevalue(server)
    monkeypatch.setenv("LWAL_QUEUE_URL", url)
    runs = hand_in(8, home)
    assert not (home / "queue" / "queue.db").exists()
    assert Queue(home).run_ids() == [run.id for run in runs]
    service = make_service(LWAL_QUEUE_URL=url, STAND_IN_EPOCH_SECONDS="0.3")
    for host in ("one", "two"):
        service.worker("--slots", "1", STAND_IN_HOST=host)
    wait_until(lambda: {worker.owner.host for worker in live_workers(home)} == {"one", "two"}, 60, service.log)
    wait_until(lambda: all(open_run(run.id).status == "done" for run in runs), 120, service.log)
    hosts = set()
    for run in runs:
        check_done_once(run)
        record = open_run(run.id).record
        assert len(record.history) == 3, record.history
        hosts.add(record.owner.host)
    assert hosts == {"one", "two"}  # both did their share


def test_a_server_that_forgets_everything_and_comes_back(
    redis_url: str, make_service: Callable[..., Service], home: Path, monkeypatch: pytest.MonkeyPatch
):
    """What a server lost is found in the home; while none can be reached, runs are handed in all the same."""
    away = f"redis://127.0.0.1:{free_port()}/0"
    monkeypatch.setenv("LWAL_QUEUE_URL", away)
    (run,) = hand_in(1, home)
    with pytest.raises(TrainingError, match="cannot be reached"):
        Queue(home).run_ids()
    assert open_run(run.id).status == "queued"
    service = make_service()
    assert service.worker("--until-idle", LWAL_QUEUE_URL=redis_url).wait(60) == 0, service.log()
    check_done_once(run)


def test_a_machine_that_went_silent_is_taken_for_dead_by_a_steady_clock(
    make_service: Callable[..., Service], home: Path, monkeypatch: pytest.MonkeyPatch
):
    """A worker and its training on another machine die; this one waits for signs of life, then goes on."""
    from lwal_core.jobs import recovery

    run = submit(create_run(short(1, 40)))
    service = make_service(STAND_IN_EPOCH_SECONDS="0.2")
    far = service.worker(STAND_IN_HOST="far")
    wait_until(lambda: open_run(run.id).metrics().epochs_done >= 1, 60, service.log)
    watching = recovery.Recovery(home, Queue(home), lambda line: None)
    now = [1000.0]
    monkeypatch.setattr(recovery.time, "monotonic", lambda: now[0])
    watching.sweep()
    now[0] += 10 * recovery.SILENT_SECONDS
    watching.sweep()  # alive: its lock is held, and its files change
    assert open_run(run.id).record.status == "running"
    far.kill()
    for training in service.trainings():
        kill(training.pid)
    wait_until(lambda: not service.trainings())
    watching = recovery.Recovery(home, Queue(home), lambda line: None)
    watching.sweep()
    now[0] += recovery.SILENT_SECONDS / 2
    watching.sweep()
    assert open_run(run.id).record.status == "running"  # not yet
    now[0] += recovery.SILENT_SECONDS
    watching.sweep()
    after = open_run(run.id)
    assert after.record.status == "queued"
    assert [c.status for c in after.record.history][-2:] == ["interrupted", "queued"]
    assert "on far ended without an error message" in after.record.history[-2].reason


def test_addresses_of_something_else_are_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("LWAL_QUEUE_URL", "http://example.org")
    with pytest.raises(SettingsError, match=r"'http://\.\.\.'"):
        Queue(Path("/nowhere"))
    assert "secret" not in Queue(Path("/nowhere"), "redis://:secret@host:6379/1").title
