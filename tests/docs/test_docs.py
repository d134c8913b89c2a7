"""What the documentation shows is run as it stands."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import yaml
from PIL import Image

from lwal_core.experiments.sweeps import parse_sweep, read_sweep
from lwal_core.export.newick import from_newick
from lwal_core.runs import list_runs

ROOT = Path(__file__).resolve().parents[2]
_BLOCK = re.compile(r"^```(?P<language>\w+)(?P<words>[^\n`]*)\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(file: str, language: str, word: str) -> list[tuple[str, set[str], str]]:
    """``(place, words after the language, code)`` of every block that carries the word."""
    text = (ROOT / "docs" / file).read_text(encoding="utf-8")
    found = []
    for match in _BLOCK.finditer(text):
        words = set(match["words"].split())
        if match["language"] == language and word in words:
            line = text.count("\n", 0, match.start()) + 2
            found.append((f"{file}:{line}", words, match["code"]))
    return found


RUNNABLE = blocks("library.md", "python", "runnable")
SWEEPS = blocks("experiments.md", "yaml", "sweep")


def test_every_block_is_found():
    assert [words - {"runnable"} for _, words, _ in RUNNABLE] == [set(), {"lightning"}, set(), {"slow"}]
    assert len(SWEEPS) == 2


@pytest.mark.parametrize(
    ("place", "words", "code"),
    [block for block in RUNNABLE if "slow" not in block[1]],
    ids=[block[0] for block in RUNNABLE if "slow" not in block[1]],
)
@pytest.mark.process
def test_code_runs_as_it_stands(
    place: str, words: set[str], code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    if "lightning" in words and importlib.util.find_spec("lightning") is None:
        pytest.skip("lightning is not installed")
    monkeypatch.chdir(tmp_path)  # trainers write where they stand
    names: dict[str, Any] = {"__name__": "example"}
    exec(compile(code, place, "exec"), names)
    assert {"accuracy", "newick"} & names.keys(), "nothing to check the example by"
    # A linear classifier has about 0.9 on these digits; half of them would mean that the labels did not learn.
    assert names.get("accuracy", 1.0) > 0.85
    if "newick" in names:
        linkage, order = from_newick(names["newick"])
        assert {order[int(leaf)] for leaf in linkage[0, :2]} == {"cat", "dog"}


@pytest.mark.process
def test_runs_from_python(home: Path, tmp_path: Path):
    ((_, _, code),) = [block for block in RUNNABLE if "slow" in block[1]]
    script = tmp_path / "example.py"
    script.write_text(code, encoding="utf-8")
    environment = {**os.environ, "LWAL_HOME": str(home), "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, str(script)], env=environment, capture_output=True, text=True, timeout=170)
    assert done.returncode == 0, done.stderr
    assert [run.status for run in list_runs()] == ["done", "done"]
    assert "| One-hot (baseline) |" in done.stdout and "| LwAL |" in done.stdout


@pytest.mark.parametrize(("place", "words", "code"), SWEEPS, ids=[block[0] for block in SWEEPS])
def test_sweep_files_are_sweeps(place: str, words: set[str], code: str):
    sweep = parse_sweep(code)
    expected = {"push-weight": 3 * 2 * 3, "cifar10-paper": 3 * 3}
    assert len(sweep.members) == expected[sweep.name]


def test_three_lines_in_the_introduction_are_the_ones_that_run():
    """The short form has no data and cannot run; its calls must be those of the long form."""
    text = (ROOT / "docs" / "library.md").read_text(encoding="utf-8")
    first = _BLOCK.search(text)
    assert first is not None
    long = RUNNABLE[0][2]
    for call in ("AdaptiveLabels(num_classes=10, dim=100)", "labels.predict("):
        assert call in first["code"] and call in long


def _seeds(name: str) -> set[int]:
    """Seeds of a sweep file, of its base or its grid."""
    content = yaml.safe_load((ROOT / "docs" / "sweeps" / f"{name}.yaml").read_text(encoding="utf-8"))
    listed = content.get("grid", {}).get("training.seed", content["base"]["training"].get("seed"))
    return set(listed) if isinstance(listed, list) else {listed}


def test_seeds_that_confirm_occur_in_no_look():
    """A look chooses what is tried; what confirms it must not have been seen by it. The first look at hybrid had the seeds 1 to 3."""
    looks = {"hybrid-few": [{1, 2, 3}, _seeds("hybrid-few-rates")], "hybrid": [{1, 2, 3}, _seeds("hybrid-few-rates")],
             "instruments": [_seeds("instruments-rates")]}  # fmt: skip
    names = {file.stem for file in (ROOT / "docs" / "sweeps").glob("*.yaml")}
    looks["hybrid-tuned"] = [{1, 2, 3}, *(_seeds(name) for name in names - {"hybrid-tuned"})]
    for name, seen in looks.items():
        assert len(_seeds(name)) == 5, name
        for before in seen:
            assert before and not _seeds(name) & before, name


@pytest.mark.parametrize(
    ("name", "configurations"),
    [
        ("digits", 6),
        ("shapes", 7),
        ("cifar10-frozen", 7),
        ("hybrid", 28),
        ("hybrid-few", 7),
        ("hybrid-tuned", 30),
        ("instruments", 33),
        ("pictograms", 9),
    ],
)
def test_the_sweeps_behind_the_results_are_all_methods_by_five_seeds(name: str, configurations: int, tmp_path: Path):
    folders = ("cifar10-images", "cifar10-instruments", "cifar10-instruments-cnn")
    for folder, place in product(folders, ("train/cat", "train/dog", "test/cat", "test/dog")):
        (tmp_path / folder / place).mkdir(parents=True)  # a sweep is refused where its data is missing
        for number in range(3):
            Image.new("RGB", (32, 32)).save(tmp_path / folder / place / f"{number}.jpg")
    content = (ROOT / "docs" / "sweeps" / f"{name}.yaml").read_text(encoding="utf-8")
    file = tmp_path / "sweep.yaml"
    for many, few in ((500, 2), (400, 3), (50, 3 if name == "hybrid-tuned" else 2)):
        content = content.replace(f"per_class: {many}", f"per_class: {few}")
    file.write_text(content, encoding="utf-8")
    sweep = read_sweep(file)
    assert sweep.name == name and len(sweep.members) == configurations * 5
    assert len({member.config.group_key() for member in sweep.members}) == configurations
