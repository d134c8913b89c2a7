"""docs/science/speed.md says what its runs say: tables recomputed, sweep files and runs the same, figures by hand."""

from __future__ import annotations

import math
import re
import statistics
from pathlib import Path
from types import ModuleType

import pytest
from PIL import Image

from lwal_core.experiments.sweeps import read_sweep
from tools import speed_study

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    return speed_study


@pytest.fixture(scope="module")
def study(tool):
    return tool.Study(tool.read_rows())


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sweep files and what they need in order to be read: two images per class."""
    folder = tmp_path_factory.mktemp("sweeps")
    for data in ("cifar10-images", "cifar10-small"):
        for place in ("train/cat", "train/dog", "test/cat", "test/dog"):
            (folder / data / place).mkdir(parents=True)
            for number in range(2):
                Image.new("RGB", (32, 32)).save(folder / data / place / f"{number}.jpg")
    return folder


def test_the_tables_of_the_document_are_those_of_its_runs(tool, study):
    text = tool.DOCUMENT.read_text(encoding="utf-8")
    assert tool.filled(text, study) == text
    assert set(re.findall(r"<!-- table: ([a-z-]+) -->", text)) == set(tool.TABLES)


@pytest.mark.parametrize(
    "name",
    [
        "speed-digits",
        "speed-ablation",
        "speed-variants",
        "speed-features",
        "speed-shapes",
        "speed-cnn",
        "speed-cnn-ablation",
    ],
)
def test_what_was_run_is_what_the_sweep_files_say(tool, study, images, name):
    content = (ROOT / "docs" / "sweeps" / f"{name}.yaml").read_text(encoding="utf-8")
    file = images / f"{name}.yaml"
    file.write_text(content.replace("per_class: 500", "per_class: 2"), encoding="utf-8")
    sweep = read_sweep(file)
    configs = [member.config for member in sweep.members]
    planned = sorted(
        (c.training.batch_size, c.training.learning_rate, c.method_label(), c.training.seed, c.training.epochs)
        for c in configs
    )
    rows = [row for row in study.rows if row.sweep == name]
    done = sorted((row.batch_size, row.learning_rate, row.method, row.seed, len(row.mean) - 1) for row in rows)
    assert sweep.name == name and planned == done
    assert all(len(row.own) == len(row.mean) for row in rows)


def test_a_figure_of_the_document_by_hand(study):
    """Median epoch at one-hot's best of the same seed, from the rows alone."""

    def curves(method: str) -> dict[int, tuple[float, ...]]:
        return {
            row.seed: row.mean
            for row in study.rows
            if (row.sweep, row.batch_size, row.learning_rate, row.method) == ("speed-digits", 64, 0.001, method)
        }

    one_hot, variant = curves("One-hot"), curves("lwal-plus")
    first = [next(i for i, a in enumerate(variant[s]) if a >= max(one_hot[s])) for s in one_hot]
    scores = study.scores((64, 0.001), "mean", ("speed-digits",))
    assert len(one_hot) == 5
    assert scores["lwal-plus"].median_epochs == statistics.median(first)
    assert scores["One-hot"].median_epochs == statistics.median(c.index(max(c)) for c in one_hot.values())


def test_the_answer_says_what_the_settings_say(tool, study):
    """The counts of the answer, from medians alone: half of one-hot's epochs in all seeds, after training."""

    def halved(sweeps: tuple[str, ...], method: str, reading: str) -> int:
        found = 0
        for sweep in sweeps:
            for cell in study.cells(sweep):
                scores = study.scores(cell, reading, (sweep,))
                if method in scores and scores[method].reached == 5:
                    found += 0 < scores[method].median_epochs <= scores["One-hot"].median_epochs / 2
        return found

    digits, rest = ("speed-digits",), ("speed-shapes", "speed-cnn", "speed-features")
    by = {
        reading: (halved(digits, tool.VARIANT, reading), halved(rest, tool.VARIANT, reading))
        for reading in tool.READINGS
    }
    assert by == {"as-used": (4, 0), "own": (1, 0), "mean": (7, 4)}
    assert halved(digits + rest[:2], tool.LWAL, "as-used") == halved(digits + rest[:2], tool.LWAL10, "as-used") == 0
    text = " ".join(tool.DOCUMENT.read_text(encoding="utf-8").split())
    assert "halves one-hot's epochs in four of nine settings on digits and in none of ten on the other data" in text
    assert (
        "in seven of nine settings on digits and in four of ten elsewhere" in text and "in one of nine and none" in text
    )


def test_a_head_is_read_by_its_output_and_learned_labels_by_class_means(tool):
    one_hot, lwal = (tool.Row("s", "r", 64, 1e-3, method, 12, (0.1, 0.5), (0.2, 0.7)) for method in ("One-hot", "LwAL"))
    assert [row.curve("as-used").accuracy.tolist() for row in (one_hot, lwal)] == [[0.1, 0.5], [0.2, 0.7]]


def test_a_target_that_the_untrained_network_has_is_no_gain(tool):
    rows = [tool.Row("s", f"o{s}", 10, 0.1, "One-hot", s, (0.1, 0.3, 0.4), (0.1, 0.3, 0.4)) for s in (1, 2, 3)]
    rows += [tool.Row("s", f"l{s}", 10, 0.1, "LwAL10", s, (0.5, 0.6, 0.6), (0.5, 0.6, 0.6)) for s in (1, 2, 3)]
    rows += [tool.Row("s", f"m{s}", 10, 0.1, "LwAL", s, (0.1, 0.6, 0.6), (0.1, 0.6, 0.6)) for s in (1, 2, 3)]
    scores = tool.Study(rows).scores((10, 0.1), "as-used", ("s",))
    assert not tool._halved(scores, "LwAL10") and tool._halved(scores, "LwAL")


def test_seeds_that_never_get_there_are_counted(tool):
    def row(method: str, seed: int, *accuracy: float):
        return tool.Row("s", f"{method}{seed}", 10, 0.1, method, seed, accuracy, accuracy)

    rows = [row("One-hot", s, 0.1, 0.5, 0.6) for s in (1, 2, 3)]
    rows += [row("LwAL", 1, 0.1, 0.6, 0.6), row("LwAL", 2, 0.1, 0.2, 0.3), row("LwAL", 3, 0.1, 0.2, 0.3)]
    rows += [row("LwAL10", s, 0.1, 0.2, 0.3) for s in (1, 2, 3)]
    scores = tool.Study(rows).scores((10, 0.1), "own", ("s",))
    assert tool.when(scores["One-hot"]) == "2"
    assert tool.when(scores["LwAL"]) == "later (1 of 3)"
    assert tool.when(scores["LwAL10"]) == "never"
    assert math.isnan(tool._saved(scores, "LwAL10")) and not tool._halved(scores, "LwAL")


def test_rows_survive_the_file(tool, tmp_path: Path):
    rows = [tool.Row("s", "r", 64, 1e-4, 'LwAL, "odd" name', 12, (0.1, 1.0), (0.25, 359 / 360))]
    tool.write_rows(rows, tmp_path / "rows.csv")
    (back,) = tool.read_rows(tmp_path / "rows.csv")
    assert back.method == rows[0].method and back.learning_rate == 1e-4
    assert back.mean == (0.25, 0.99722)
