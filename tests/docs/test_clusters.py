"""docs/clusters.md: its commands run as they stand on a real cluster, with stand-ins for the trainings."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lwal_core.runs import list_runs, open_run
from tests.support.documents import ROOT, blocks
from tests.support.slurm import Cluster, running_cluster

pytestmark = pytest.mark.process

MARK = "on a cluster"
BLOCKS = [block for block in blocks(ROOT / "docs" / "clusters.md") if block.mark.startswith(MARK)]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    yield from running_cluster()


def test_from_nothing_to_a_sweep_two_nodes_and_a_pilot(cluster: Cluster, home: Path, tmp_path: Path) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "lwal").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m lwal_core.cli "$@"\n', encoding="utf-8")
    (programs / "lwal").chmod(0o755)
    environment = {
        **os.environ, **cluster.environment, "PATH": f"{programs}{os.pathsep}{cluster.environment['PATH']}",
        "PYTHONPATH": f"{ROOT / 'tests' / 'support' / 'stand_in_site'}{os.pathsep}{ROOT}", "LWAL_HOME": str(home),
        "HOME": str(tmp_path), "OMP_NUM_THREADS": "1",
    }  # fmt: skip
    script = ["set -eu -o pipefail"]
    for block in BLOCKS:
        if block.mark != MARK:
            (tmp_path / block.mark.removeprefix(f"{MARK}: file ")).write_text(block.code, encoding="utf-8")
        else:
            script.append(block.code.replace("cpus: 1\n", "cpus: 1\nlook_seconds: 0.5\n"))  # not so patient
    done = subprocess.run(
        ["bash", "-c", "\n".join(script)], env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = {run.id: open_run(run.id) for run in list_runs()}
    assert [run.status for run in found.values()] == ["done"] * 4, done.stdout + done.stderr
    pilot, wide, *sweep = found.values()
    assert pilot.record.launcher is None and pilot.config.training.seed == 99
    assert wide.record.launcher is not None and wide.record.launcher.node == "n[1-2]"
    assert all(run.record.launcher is not None and run.record.launcher.state == "COMPLETED" for run in sweep)
    assert done.stdout.count('"name": "slurm"') == 2
    assert "SLURM answers; at most 20 jobs at once" in done.stdout
    assert (tmp_path / ".cache" / "lwal" / "slurm").stat().st_mode & 0o777 == 0o700
