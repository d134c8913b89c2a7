"""The app and the worker as ``lwal serve`` starts them together."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.process

TELL = "import json, os, sys; open(sys.argv[1], 'w').write(json.dumps(dict(os.environ)))"
TOGETHER = """
import os, sys
from lwal_core.jobs.service import run_together
tell, folder = sys.argv[1:]
app = [sys.executable, "-c", tell + "; import time; [time.sleep(0.05) for _ in range(400) if not os.path.exists(sys.argv[2])]",
       folder + "/app.json", folder + "/worker.json"]
worker = [sys.executable, "-c", tell, folder + "/worker.json"]
sys.exit(run_together(app, worker, dict(os.environ), folder, print))
"""


@pytest.mark.parametrize(("given", "expected"), [(None, "2"), ("7", "7")])
def test_the_app_has_few_heaps_and_the_trainings_as_many_as_they_want(
    tmp_path: Path, given: str | None, expected: str
) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "MALLOC_ARENA_MAX"}
    if given is not None:
        environment["MALLOC_ARENA_MAX"] = given
    subprocess.run([sys.executable, "-c", TOGETHER, TELL, str(tmp_path)], env=environment, check=True, timeout=60)
    app, worker = (json.loads((tmp_path / f"{name}.json").read_text()) for name in ("app", "worker"))
    assert app["MALLOC_ARENA_MAX"] == expected
    assert worker.get("MALLOC_ARENA_MAX") == given


AGAIN = """
import os, sys
from lwal_core.jobs import service
service.RESTART_SECONDS = 0.1
tell, count = sys.argv[1:]
app = [sys.executable, "-c", tell, count]
sys.exit(service.run_together(app, None, dict(os.environ), ".", lambda *said: print(*said)))
"""


def started(tmp_path: Path, then: str) -> tuple[int, int, list[str]]:
    """Exit code of the service, starts of its app, and what it reported; the app counts its starts and does ``then``."""
    counter = tmp_path / "starts"
    app = f"import os, sys\nwith open(sys.argv[1], 'a+') as f: f.write('x'); f.seek(0); n = len(f.read())\n{then}"
    done = subprocess.run([sys.executable, "-c", AGAIN, app, str(counter)], capture_output=True, text=True, timeout=60)
    return done.returncode, len(counter.read_text()), done.stdout.splitlines()


def test_an_app_that_is_killed_comes_back(tmp_path: Path) -> None:
    code, starts, said = started(tmp_path, "if n < 3: os.kill(os.getpid(), 9)")
    assert (code, starts) == (0, 3)
    assert said == ["app.lost The app was ended by SIGKILL (Killed); it is started again."] * 2


def test_an_app_that_never_comes_to_work_is_given_up(tmp_path: Path) -> None:
    code, starts, said = started(tmp_path, "sys.exit(7)")
    assert (code, starts) == (7, 3)
    assert said[-1] == "app.lost The app exited with code 7 without an error message, 3 times soon after its start."
