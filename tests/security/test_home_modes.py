"""What another user of the machine gets of a home: nothing of a new one, and no lock that stops its owner without end."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from lwal_core.cli.main import main
from lwal_core.runs import Run
from lwal_core.runs.home_folder import private_umask
from lwal_core.system import locks

NOBODY = 65_534
AS_NOBODY = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
LOOK = """
import os, sys
for path in sys.argv[1:]:
    for act in (os.listdir, lambda p: open(p, "rb").close(), lambda p: os.open(p, os.O_RDWR | os.O_CREAT)):
        try:
            act(path)
        except OSError:
            continue
        print(path)
"""

pytestmark = pytest.mark.skipif(
    os.getuid() != 0 or shutil.which("setpriv") is None, reason="only root may become another user"
)


@pytest.fixture
def open_folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder that everybody may enter, as pytest's own are closed; the home is in it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        monkeypatch.setenv("LWAL_HOME", str(folder / "home"))
        yield folder


def command(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["lwal", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    return int(ended.value.code or 0)


@pytest.mark.parametrize("umask", [0o000, 0o022])
def test_another_user_sees_nothing_of_a_new_home(
    open_folder: Path, make_run: Callable[..., Run], monkeypatch: pytest.MonkeyPatch, umask: int
) -> None:
    before = os.umask(umask)
    try:
        private_umask()  # as every command begins
        run = make_run()
        assert command(monkeypatch, "share", run.id) == 0 and command(monkeypatch, "export", run.id, "-o", "-") == 0
    finally:
        os.umask(before)
    home = open_folder / "home"
    paths = [home, *home.rglob("*")]
    assert len(paths) > 20 and home.stat().st_mode & 0o777 == 0o700
    assert not [path for path in paths if stat.S_IMODE(path.stat().st_mode) & 0o077 and not path.is_symlink()]
    (open_folder / "seen").touch(0o644)
    looked = [*AS_NOBODY, sys.executable, "-S", "-c", LOOK, *map(str, paths), str(open_folder / "seen")]
    seen = set(subprocess.run(looked, capture_output=True, text=True, check=True).stdout.split())
    assert seen == {str(open_folder / "seen")}  # and the other user can look at all


def test_another_user_s_lock_is_not_waited_for_without_end(
    open_folder: Path, make_run: Callable[..., Run], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """In a home that its owner has opened to others."""
    run = make_run()
    home = open_folder / "home"
    (home / "shares").mkdir(exist_ok=True)
    (home / "shares" / ".lock").touch()
    for path in [home, *home.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)
    holding = "import fcntl, sys, time; f = open(sys.argv[1]); fcntl.flock(f, fcntl.LOCK_EX); print('held', flush=True); time.sleep(60)"
    with subprocess.Popen(
        [*AS_NOBODY, sys.executable, "-S", "-c", holding, str(home / "shares" / ".lock")], stdout=subprocess.PIPE
    ) as held:
        assert held.stdout is not None and held.stdout.readline() == b"held\n"
        monkeypatch.setattr(locks, "SECONDS", 0.5)
        start = time.monotonic()
        assert command(monkeypatch, "share", run.id) != 0
        assert time.monotonic() - start < 10
        held.kill()
    told = capfd.readouterr().err
    assert "has been locked by another process" in told and "Traceback" not in told
