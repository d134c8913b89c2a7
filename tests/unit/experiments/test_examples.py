"""The runs that come along: whole, small, what the documents say of them, and trainable again."""

from __future__ import annotations

import csv
import importlib.util
import re
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import t

from lwal_core.cli.main import main
from lwal_core.errors import LwalError
from lwal_core.experiments import examples as library
from lwal_core.experiments.examples import FOLDER, examples, made_by, open_examples, pack_example, studies
from lwal_core.runs import list_runs, open_run
from lwal_core.runs.bundle import examine_bundle

ROOT = Path(__file__).resolve().parents[3]
FILES = sorted(FOLDER.glob("*.zip"))
RESULTS = sorted((FOLDER / "results").glob("*.zip"))


def test_there_are_some_and_they_are_small():
    assert len(FILES) >= 10
    assert sum(file.stat().st_size for file in FILES + RESULTS) < 16 * 2**20


@pytest.mark.parametrize("file", FILES + RESULTS, ids=lambda file: file.stem)
def test_no_pictures_of_others_and_no_path_of_a_machine(file):
    names = zipfile.ZipFile(file).namelist()
    data = examine_bundle(file).record.config.data.name
    told = file.name == "pictograms-lwal-plus-s1234.zip"  # the story's
    assert ("samples.npz" in names) == ((data == "digits" and file in FILES) or told)
    assert data != "pictograms" or "eval.safetensors" not in names
    assert "/" not in data and "model/model.safetensors" not in names


def test_the_study_has_the_very_curves_of_the_examples():
    with open(ROOT / "docs" / "science" / "speed.csv", newline="", encoding="utf-8") as file:
        rows = {row["run"]: row for row in csv.DictReader(file)}
    studied = [run for run in open_examples() if any(tag.startswith("sweep:speed-") for tag in run.record.tags)]
    assert len(studied) >= 10
    for run in studied:
        metrics, row = run.metrics(), rows[run.id]
        assert made_by(tuple(run.record.tags)) == f"lwal sweep docs/sweeps/{row['sweep']}.yaml"
        assert (ROOT / "docs" / "sweeps" / f"{row['sweep']}.yaml").is_file()
        assert int(row["seed"]) == run.config.training.seed
        assert row["method"] == run.config.method_label()
        assert float(row["learning_rate"]) == run.config.training.learning_rate
        for predictor in ("mean", "own"):
            told = [float(value) for value in row[predictor].split()]
            np.testing.assert_allclose(told, metrics.accuracy(predictor), atol=6e-6)


def test_the_tables_of_results_are_those_of_the_bundles():
    """Every run of the sweep is among them; one mean and one interval are worked out from the records by hand as well."""
    spec = importlib.util.spec_from_file_location("results_tables", ROOT / "tools" / "results_tables.py")
    assert spec and spec.loader
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    open_examples(results=True)
    text = tool.DOCUMENT.read_text(encoding="utf-8")
    assert tool.filled(text) == text and text.count("| method |") == text.count("<!-- runs: sweep:") == 13
    study = tool.STUDY.read_text(encoding="utf-8")
    assert tool.filled(study) == study and study.count("<!-- study: ") == 1
    (row,) = re.findall(r"^\| Hybrid, cosine head \|.*$", study, re.MULTILINE)
    assert row.endswith("| **+6.6 (4.8 to 8.3)** |")  # worked out by hand below
    abstract = study.split("## Abstract")[1].split("##")[0]
    assert len(abstract.split()) <= 120 and set(re.findall(r"\d+\.\d(?!\d)", abstract)) == {"6.6", "4.8", "8.3"}
    for sweep, count in {
        "instruments": 165,
        "hybrid-few": 35,
        "digits": 30,
        "shapes": 35,
        "cifar10-frozen": 35,
        "cifar10-resnet18": 35,
    }.items():
        runs = [run for run in list_runs() if f"sweep:{sweep}" in run.tags]
        assert len(runs) == len({(run.data, run.method_label, run.seed) for run in runs}) == count
    best = [open_run(run.id).metrics().accuracy("own").max() for run in runs if run.method_label == "One-hot"]
    assert (
        f"| One-hot (baseline) | largest output | {100 * np.mean(best):.1f} ± {100 * np.std(best, ddof=1):.1f} % (n=5) |"
        in text
    )
    best_of = {
        (run.method_label, run.seed): 100 * np.nanmax(open_run(run.id).accuracy())
        for run in list_runs()
        if "sweep:hybrid-few" in run.tags
    }
    for one, other, told in [
        ("Hybrid, cosine head", "One-hot", "**+6.6 (4.8 to 8.3)**"),
        ("Hybrid", "One-hot", "+3.4 points (1.3 to 5.5)"),
        ("Hybrid, fixed labels", "One-hot", "+0.44 (−1.5 to 2.4)"),
        ("Hybrid", "Hybrid, fixed labels", "3.0 above that (1.7 to 4.2)"),
        ("Hybrid", "lwal-plus", "−0.44 (−1.2 to 0.29)"),
        ("Hybrid, cosine head", "lwal-plus", "2.7 above lwal-plus (1.9 to 3.6)"),
        ("Hybrid, cosine head", "Cosine head", "2.6 above the cosine head (1.6 to 3.5)"),
        ("lwal-plus", "Cosine head", "−0.16, −1.1 to 0.77"),
        ("Label smoothing", "One-hot", "−0.01 (−0.89 to 0.87)"),
    ]:
        differences = [best_of[one, seed] - best_of[other, seed] for seed in range(11, 16)]
        low, high = t.interval(0.95, 4, np.mean(differences), np.std(differences, ddof=1) / 5**0.5)
        numbers = [float(number.replace("−", "-")) for number in re.findall(r"[−\d]+\.\d+", told)]
        np.testing.assert_allclose(numbers, [np.mean(differences), low, high], atol=0.06)
        assert told in text


def test_opened_twice_they_are_there_once():
    first = open_examples()
    assert [run.id for run in open_examples()] == [run.id for run in first]
    assert len(list_runs()) == len(FILES) and all(run.status == "done" for run in list_runs())


def test_without_any_it_is_a_sentence(monkeypatch, tmp_path):
    monkeypatch.setattr(library, "FOLDER", tmp_path)
    assert examples() == []
    with pytest.raises(LwalError, match="no examples"):
        open_examples()


def test_pictures_go_along_only_with_built_in_data(make_run, tmp_path):
    pack_example(make_run(), tmp_path / "a.zip")
    pack_example(make_run(data={"name": "folder:/somewhere/pets"}), tmp_path / "b.zip")
    assert "samples.npz" in zipfile.ZipFile(tmp_path / "a.zip").namelist()
    assert "samples.npz" not in zipfile.ZipFile(tmp_path / "b.zip").namelist()
    assert made_by(tuple(examine_bundle(tmp_path / "a.zip").record.tags)) == ""


@pytest.mark.process
def test_rebuilding_trains_what_is_here_and_leaves_the_rest(make_run, tmp_path, monkeypatch, capfd):
    short = {"epochs": 1, "batch_size": 512}
    pack_example(make_run(training=short), tmp_path / "a.zip")
    pack_example(make_run(data={"name": "folder:/absent/pets"}), tmp_path / "b.zip")
    before = {name: (tmp_path / name).read_bytes() for name in ("a.zip", "b.zip")}
    monkeypatch.setattr(library, "FOLDER", tmp_path)
    monkeypatch.setattr(sys, "argv", ["lwal", "examples", "rebuild"])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code in (0, None)
    told = capfd.readouterr()
    assert "a.zip" in told.out and "left as it is: b.zip" in told.err
    assert (tmp_path / "b.zip").read_bytes() == before["b.zip"]
    assert (tmp_path / "a.zip").read_bytes() != before["a.zip"]
    assert len(examine_bundle(tmp_path / "a.zip").record.class_names) == 10


def test_bundles_are_looked_at_without_keeping_them():
    found = studies()
    assert not list_runs()
    assert sum(len(study.examples) for study in found) == len(FILES)
    kept = {
        (run.config.data.name, run.config.method_label(), run.config.training.seed): run.metrics()
        for run in open_examples()
    }
    titles = ["CIFAR-10, ResNet-18", "CIFAR-10, frozen features", "pictograms", "digits"]
    assert [study.title for study in found] == titles
    for study in found:
        (data,) = {example.config.data.name for example in study.examples}
        for label, curves in study.curves.items():
            for curve in curves:
                np.testing.assert_array_equal(
                    curve.accuracy, kept[data, label, curve.seed].accuracy("own" if label == "One-hot" else "mean")
                )
        assert len(study.claims) == 4 and study.tree is not None
