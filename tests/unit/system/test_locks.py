"""Locks: one holder at a time, released with the process, never waited for without end, and refused where there are none."""

from __future__ import annotations

import errno
import os
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lwal_core.cli.main import main
from lwal_core.config import RunConfig
from lwal_core.doctor import checks
from lwal_core.runs import create_run, list_runs
from lwal_core.runs.home_folder import HomeError, check_home, private_umask
from lwal_core.runs.paths import make_home
from lwal_core.shares import store
from lwal_core.system import locks
from lwal_core.system.locks import LocksUnsupportedError, LockTimeoutError, file_lock, try_lock, wait_for_lock


@contextmanager
def holder(path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that holds a lock by the system's own call."""
    code = (
        "import fcntl, sys, time\nfile = open(sys.argv[1], 'a')\nfcntl.flock(file, fcntl.LOCK_EX)\n"
        "print('held', flush=True)\ntime.sleep(60)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE)
    assert process.stdout is not None and process.stdout.readline()
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def no_locks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system without flock."""

    def unsupported(descriptor: int, *, blocking: bool) -> bool:
        raise OSError(errno.ENOSYS, os.strerror(errno.ENOSYS))

    monkeypatch.setattr(locks, "lock_descriptor", unsupported)


class TestOneHolder:
    def test_threads_of_one_process_exclude_each_other(self, tmp_path: Path):
        path, count = tmp_path / "count", [0]

        def add() -> None:
            for _ in range(50):
                with file_lock(tmp_path / "lock"):
                    before = count[0]
                    time.sleep(0.0001)
                    count[0] = before + 1

        threads = [threading.Thread(target=add) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert count == [200] and not path.exists()

    def test_another_process_and_its_death(self, tmp_path: Path):
        path = tmp_path / "lock"
        with holder(path) as process:
            assert try_lock(path) is None
            os.kill(process.pid, signal.SIGKILL)
            with wait_for_lock(path, 5.0):
                assert try_lock(path) is None

    def test_a_folder_can_be_locked(self, tmp_path: Path):
        with file_lock(tmp_path):
            assert try_lock(tmp_path) is None
        held = try_lock(tmp_path)
        assert held is not None
        held.close(), held.close()

    def test_what_the_file_holds_stays(self, tmp_path: Path):
        path = tmp_path / "number"
        path.write_text("42")
        with file_lock(path):
            assert path.read_text() == "42"
        assert path.read_text() == "42"


class TestTimeouts:
    def test_a_lock_that_is_never_given_free_is_told_in_a_sentence(self, tmp_path: Path):
        path = tmp_path / "lock"
        with holder(path), pytest.raises(LockTimeoutError, match=r"The record .* another process for 0\.2 seconds"):
            wait_for_lock(path, 0.2, "The record")

    def test_somebody_elses_lock_does_not_hang_a_share(self, home: Path, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(locks, "SECONDS", 0.2)
        (home / "shares").mkdir(parents=True)
        with (
            holder(home / "shares" / ".lock"),
            pytest.raises(LockTimeoutError, match="The list of shared snapshots has been locked"),
        ):
            store.create_share({store.REPORT: b"x"}, title="t", runs=[], view={})
        assert store.list_shares() == []


@pytest.mark.usefixtures("no_locks")
class TestNoLocks:
    def test_no_run_is_left_behind(self, home: Path):
        with pytest.raises(LocksUnsupportedError, match=f"The home {home} cannot lock files"):
            create_run(RunConfig.parse({}))
        assert list_runs() == []

    @pytest.mark.parametrize("command", [["train", "--per-class", "3"], ["worker"], ["serve"]])
    def test_one_line_at_the_start(
        self, home: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], command: list[str]
    ):
        monkeypatch.setattr("sys.argv", ["lwal", *command])
        with pytest.raises(SystemExit) as stopped:
            main()
        (line,) = capfd.readouterr().err.splitlines()
        assert stopped.value.code == 2 and "cannot lock files (Function not implemented)" in line
        assert list_runs() == [] and not list(home.glob(".lock-*"))

    def test_the_doctor_says_so(self, home: Path):
        home.mkdir(exist_ok=True)  # the doctor looks at it and never makes it
        found = checks._home()
        assert found.level == "problem" and "cannot lock files" in found.text and "LWAL_HOME" in found.fix


class TestHome:
    @pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
    def test_a_new_home_and_its_files_are_its_users_alone(
        self, home: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], umask: int, tmp_path: Path
    ):
        table = tmp_path / "table.csv"
        table.write_text("a,1,2\nb,2,3\n")
        before = os.umask(umask)
        try:
            monkeypatch.setattr("sys.argv", ["lwal", "import", str(table)])
            with pytest.raises(SystemExit) as stopped:
                main()
            assert os.umask(umask) == umask  # given back
        finally:
            os.umask(before)
        assert stopped.value.code == 0, capfd.readouterr().err
        modes = {path: stat.S_IMODE(path.stat().st_mode) for path in [home, *home.rglob("*")]}
        assert len(modes) > 4
        assert all(mode == (0o700 if path.is_dir() else 0o600) for path, mode in modes.items()), modes

    def test_a_home_that_is_there_stays_as_it_is(self, home: Path):
        home.mkdir(parents=True)
        home.chmod(0o2770)
        make_home()
        assert stat.S_IMODE(home.stat().st_mode) == 0o2770
        before = os.umask(0o002)
        try:
            private_umask()
            assert os.umask(0) == 0o007  # a group goes on working together, others stay outside
        finally:
            os.umask(before)

    def test_the_doctor_warns_when_everybody_may_read(self, home: Path):
        home.mkdir(parents=True)
        home.chmod(0o755)
        found = checks._home()
        assert found.level == "warning" and "can be read by everybody" in found.text and "chmod" in found.fix
        home.chmod(0o750)
        assert checks._home().level == "ok"

    def test_a_home_that_is_a_file(self, home: Path):
        home.parent.mkdir(parents=True, exist_ok=True)
        home.write_text("")
        with pytest.raises(HomeError, match=r"cannot be written \(Not a directory\)"):
            check_home()
