"""The web process stays light: whatever page is opened, torch is not imported by it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from lwal_core.runs import Run
from lwal_core.runs.paths import MODEL

pytestmark = pytest.mark.process

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = """
import json, sys
from app.common.pages import page_names, page_path
from streamlit.testing.v1 import AppTest
at = AppTest.from_file("app/main.py", default_timeout=120).run()
for page in page_names():
    at.switch_page(page_path(page)).run()
    assert not at.exception, (page, at.exception)
print("\\n" + json.dumps(sorted(sys.modules)))
"""


def test_every_page_opens_without_torch(make_run: Callable[..., Run]) -> None:
    make_run("onehot")
    make_run()
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-X", "importtime", "-c", SCRIPT]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    imported = set(json.loads(done.stdout.splitlines()[-1]))
    assert {"streamlit", "plotly", "lwal_core"} <= imported
    assert not imported & {"torch", "torchvision", "umap", "numba"}
    timed = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}
    assert "lwal_core" in timed and "torch" not in timed


LAYOUTS = """
import json, sys, time
from streamlit.testing.v1 import AppTest
at = AppTest.from_file("app/main.py", default_timeout=120)
at.query_params["projection"] = "UMAP"
at.run()
at.switch_page("../pages/embeddings.py").run()
waited = []
while said := [caption.value for caption in at.caption if "so far)" in caption.value]:
    waited += said
    time.sleep(0.2)
    at.run()
assert not at.exception, at.exception
(chart,) = at.get("plotly_chart")
print("\\n" + json.dumps([waited[:1], chart.proto.alt, sorted(sys.modules)]))
"""


def test_a_umap_is_shown_without_umap_in_the_web_process(make_run: Callable[..., Run], home: Path) -> None:
    make_run(classes=6, epochs=1)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", LAYOUTS], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    shutil.rmtree(home / "cache")  # with its queue, the worker ends
    assert done.returncode == 0, done.stderr[-2000:]
    waited, alt, imported = json.loads(done.stdout.splitlines()[-1])
    assert "UMAP is being computed" in waited[0]
    assert alt.startswith("UMAP in 2 dimensions of 6 classes")
    assert not set(imported) & {"torch", "umap", "numba", "pynndescent", "sklearn.manifold"}


TRIED = """
import json, sys
from streamlit.testing.v1 import AppTest
at = AppTest.from_file("app/main.py", default_timeout=120)
for key, value in {"try_image": "true", "try_source": "Test image"}.items():
    at.query_params[key] = value
at.run()
at.switch_page("../pages/embeddings.py").run()
assert not at.exception, at.exception
from lwal_core.inference import stop
from lwal_core.inference.client import _children
said = [caption.value for caption in at.caption]
stop()
print("\\n" + json.dumps([len(_children), said, sorted(sys.modules)]))
"""


def test_a_model_is_asked_without_torch_in_the_web_process(make_run: Callable[..., Run]) -> None:
    run = make_run()
    (run.path / MODEL).mkdir()
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", TRIED], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    children, said, imported = json.loads(done.stdout.splitlines()[-1])
    assert children == 1 or any("Asking the model" in text for text in said)
    assert "lwal_core.inference.client" in imported
    assert not [name for name in imported if name.startswith(("torch", "lwal_core.inference_server"))]
