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
    assert tool.filled(text) == text and text.count("| method |") == text.count("<!-- runs: sweep:") == 14
    study = tool.STUDY.read_text(encoding="utf-8")
    assert tool.filled(study) == study and study.count("<!-- study: ") == 1
    (row,) = re.findall(r"^\| Hybrid, cosine head \|.*$", study, re.MULTILINE)
    assert row.endswith("| **+6.6 (4.8 to 8.3)** | +1.4 (−1.1 to 3.9) |")  # worked out by hand below
    abstract = study.split("## Abstract")[1].split("##")[0]
    assert len(abstract.split()) <= 120 and set(re.findall(r"\d+\.\d(?!\d)", abstract)) == {"6.6", "4.8", "8.3"}
    for sweep, count in {
        "instruments": 165,
        "hybrid-few": 35,
        "hybrid": 35,
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
    curves = {
        (sweep, run.method_label, run.seed): 100 * open_run(run.id).accuracy()
        for run in list_runs()
        for sweep in ("hybrid-few", "hybrid")
        if f"sweep:{sweep}" in run.tags
    }
    for sweep, measure, one, other, told in HYBRID:
        of = [[measure(curves[sweep, method, seed]) for method in (one, other)] for seed in range(11, 16)]
        differences = -np.diff(of, axis=1)[:, 0]
        low, high = t.interval(0.95, 4, np.mean(differences), np.std(differences, ddof=1) / 5**0.5)
        numbers = [float(number.replace("−", "-")) for number in re.findall(r"[−\d]+\.\d+", told)]
        found = np.array([np.mean(differences), low, high])
        assert np.abs(numbers - found).max() < 0.06, told
        assert told in text
    for share, epochs in (
        (0.75, {"Hybrid, cosine head": 2.6, "One-hot": 6.8}),
        (0.9, {"Hybrid, cosine head": 6.0, "One-hot": 11.8}),
    ):
        for method, told in epochs.items():
            reached = [
                np.argmax(curves["hybrid", method, seed] >= share * _best(curves["hybrid", "One-hot", seed]))
                for seed in range(11, 16)
            ]
            assert f"{np.mean(reached):.1f}" == f"{told:.1f}"
    assert "75 and 90 % of one-hot's best come after 2.6 and 6.0 epochs, one-hot needs 6.8 and 11.8" in text


def _best(curve):
    return np.nanmax(curve)


def _mean(curve):
    return np.nanmean(curve[1:])


HYBRID = [
    ("hybrid-few", _best, "Hybrid, cosine head", "One-hot", "**+6.6 (4.8 to 8.3)**"),
    ("hybrid-few", _best, "Hybrid", "One-hot", "+3.4 points (1.3 to 5.5)"),
    ("hybrid-few", _best, "Hybrid, fixed labels", "One-hot", "+0.44 (−1.5 to 2.4)"),
    ("hybrid-few", _best, "Hybrid", "Hybrid, fixed labels", "3.0 above that (1.7 to 4.2)"),
    ("hybrid-few", _best, "Hybrid", "lwal-plus", "−0.44 (−1.2 to 0.29)"),
    ("hybrid-few", _best, "Hybrid, cosine head", "lwal-plus", "2.7 above lwal-plus (1.9 to 3.6)"),
    ("hybrid-few", _best, "Hybrid, cosine head", "Cosine head", "2.6 above the cosine head (1.6 to 3.5)"),
    ("hybrid-few", _best, "lwal-plus", "Cosine head", "−0.16, −1.1 to 0.77"),
    ("hybrid-few", _best, "Label smoothing", "One-hot", "−0.01 (−0.89 to 0.87)"),
    ("hybrid", _best, "Hybrid, cosine head", "One-hot", "+1.4 points (−1.1 to 3.9) with a cosine head"),
    ("hybrid", _best, "Hybrid", "One-hot", "+1.3 (−1.5 to 4.1) with a linear one"),
    ("hybrid", _best, "lwal-plus", "One-hot", "−2.3 (−4.4 to −0.2)"),
    ("hybrid", _mean, "Hybrid, cosine head", "One-hot", "7.6 points higher (6.0 to 9.3)"),
    ("hybrid", _mean, "Hybrid, fixed labels", "One-hot", "−2.5 points (−4.8 to −0.3)"),
    ("hybrid", _mean, "Hybrid", "Hybrid, fixed labels", "8.7 above that (6.4 to 11.0)"),
    ("hybrid", _mean, "lwal-plus", "One-hot", "3.2 points in the mean over all epochs, 1.8 to 4.6"),
    ("hybrid", _mean, "Cosine head", "One-hot", "3.7 points over one-hot in the mean over all epochs (2.3 to 5.2)"),
    ("hybrid", _mean, "Hybrid, cosine head", "Cosine head", "3.9 more (2.4 to 5.4)"),
]
"""What docs/results.md says of learned labels beside a head: sweep, measure, method, method that is taken away, the words."""


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
