"""The wheel carries the whole project and adds one name to an environment."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what ``pip install`` of the wheel puts into an environment."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"  # a copy: a build leaves files behind, and takes in those of the build before
    for name in ("lwal_core", "app", "pages", ".streamlit", "examples"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "setup.py", "MANIFEST.in", "README.md", "LICENSE", "NOTICE"):
        shutil.copy(ROOT / name, source / name)
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "-q",
        "--no-deps",
        "--no-build-isolation",
        "-w",
        str(folder),
        str(source),
    ]
    subprocess.run(command, check=True, timeout=300, cwd=folder)
    (wheel,) = folder.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(folder / "site")
    return folder / "site"


def test_one_package_and_everything_that_the_app_needs(installed: Path) -> None:
    assert sorted(path.name for path in installed.iterdir() if not path.name.endswith(".dist-info")) == ["lwal_core"]
    web = installed / "lwal_core" / "_web"
    for needed in ("app/server.py", "app/icon.png", "pages/home.py", ".streamlit/config.toml", "examples/README.md"):
        assert (web / needed).is_file(), needed
    assert not list(web.rglob("secrets.toml"))
    for data in (
        *(ROOT / "lwal_core").rglob("*.json"),
        *(ROOT / "lwal_core").rglob("*.npz"),
        *(ROOT / "lwal_core/export/templates").iterdir(),
        *(ROOT / "lwal_core/datafiles/drawings").iterdir(),
    ):
        assert (installed / data.relative_to(ROOT)).is_file(), data


def test_it_serves_beside_a_package_of_the_users_own_and_sends_nothing(installed: Path, tmp_path: Path) -> None:
    own = tmp_path / "work" / "app"
    own.mkdir(parents=True)
    (own / "__init__.py").write_text("raise RuntimeError('the package of somebody else was imported')")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, "PYTHONPATH": str(installed), "LWAL_HOME": str(tmp_path / "home")}
    command = [sys.executable, "-m", "lwal_core.cli", "serve", "--no-worker", "--port", str(port)]
    with open(tmp_path / "log", "wb") as log:
        process = subprocess.Popen(command, cwd=own.parent, env=environment, stdout=log, stderr=log)
    try:
        answer = ""
        deadline = time.monotonic() + 120
        while answer != "ok" and time.monotonic() < deadline:
            assert process.poll() is None, (tmp_path / "log").read_text()
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=5) as reply:
                    answer = reply.read().decode()
            except OSError:
                time.sleep(0.2)
        assert answer == "ok"
    finally:
        process.terminate()
        process.wait(30)
    text = (tmp_path / "log").read_text()
    assert "usage statistics" not in text and "Traceback" not in text
