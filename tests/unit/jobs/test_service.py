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
