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


SEVERAL = """
import os, sys, time
from lwal_core.jobs import service
service.RESTART_SECONDS, service.QUICK_SECONDS, service.SLOW_RESTART_SECONDS = 0.1, 20.0, 0.2
folder, proxy, *apps = sys.argv[1:]
commands = [[sys.executable, "-c", app, folder] for app in apps]
worker = [sys.executable, "-c", "import sys, time; open(sys.argv[1] + '/worker', 'a').write('w'); time.sleep(60)", folder]
read, write = os.pipe()
front = [sys.executable, "-c", proxy, folder, str(read)]
sys.exit(service.run_several(commands, front, read, worker, dict(os.environ), folder, lambda *said: print(*said, flush=True)))
"""
STAY = "import time; time.sleep(60)"
DIES_TWICE = """
import os, sys, time
with open(sys.argv[1] + "/starts", "a+") as f: f.write("x"); f.seek(0); n = len(f.read())
if n < 3: os.kill(os.getpid(), 9)
time.sleep(60)
"""
STOPS = "import os, signal, sys, time\nwhile not ({when}): time.sleep(0.02)\nos.kill(os.getppid(), signal.SIGTERM); time.sleep(60)"


def several(tmp_path: Path, proxy: str, *apps: str) -> tuple[int, list[str]]:
    """Exit code of a service of several processes, and what it reported."""
    command = [sys.executable, "-c", SEVERAL, str(tmp_path), proxy, *apps]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert not done.stderr
    return done.returncode, done.stdout.splitlines()


def test_one_of_several_that_dies_is_started_again_and_one_worker_is_there(tmp_path: Path) -> None:
    when = "os.path.exists(sys.argv[1] + '/starts') and os.path.getsize(sys.argv[1] + '/starts') > 2 and os.fstat(int(sys.argv[2]))"
    code, said = several(tmp_path, STOPS.format(when=when), STAY, DIES_TWICE, STAY)
    assert code == 0
    assert said == ["app.lost The app process 2 was ended by SIGKILL (Killed); it is started again."] * 2
    assert (tmp_path / "worker").read_text() == "w"


def test_one_of_several_that_never_comes_to_work_is_tried_on(tmp_path: Path) -> None:
    counts = "open(sys.argv[1] + '/starts', 'a').write('x')"
    when = "os.path.exists(sys.argv[1] + '/starts') and os.path.getsize(sys.argv[1] + '/starts') > 6"
    code, said = several(tmp_path, STOPS.format(when=when), f"import sys; {counts}; sys.exit(7)", STAY)
    assert code == 0
    assert (
        "app.lost The app process 1 exited with code 7 without an error message, 3 times soon after its start." in said
    )


def test_several_that_never_come_to_work_are_given_up(tmp_path: Path) -> None:
    code, said = several(tmp_path, STAY, "import sys; sys.exit(7)", "import sys; sys.exit(0)")
    assert code == 1
    assert sum("3 times soon after its start" in line for line in said) >= 2


def test_a_proxy_that_never_comes_to_work_ends_the_service(tmp_path: Path) -> None:
    code, said = several(tmp_path, "import sys; sys.exit(1)", STAY)
    assert code == 1
    assert said[-1].startswith("proxy.lost The reverse proxy exited with code 1")
