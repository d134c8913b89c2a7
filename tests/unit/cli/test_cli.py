"""The command line as a shell sees it: output, exit codes, one line for every foreseen error."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from Bio import Phylo
from PIL import Image

from lwal_core import __version__
from lwal_core.analysis.hierarchy import build_hierarchy
from lwal_core.cli.main import app
from lwal_core.export.newick import from_newick
from lwal_core.jobs import cancel
from lwal_core.results.run_tree import run_hierarchy
from lwal_core.runs import Run, annotate_clade, list_runs, open_run
from lwal_core.runs.metrics import append_metrics

ROOT = Path(__file__).resolve().parents[3]


def test_version(lwal):
    assert lwal("--version")[:2] == (0, __version__ + "\n")


def test_no_runs_leads_to_the_first(lwal):
    code, out, _ = lwal("runs")
    assert code == 0 and "lwal train --dataset digits" in out


def test_runs_are_listed_whole_even_through_a_pipe(lwal, make_run: Callable[..., Run]):
    run = make_run(name="mine")
    code, out, _ = lwal("runs")
    assert code == 0
    assert run.id in out and "LwAL" in out and "95.0%" in out and "…" not in out
    (row,) = json.loads(lwal("runs", "--json")[1])
    assert row["id"] == run.id and row["test_accuracy"] == pytest.approx(0.95) and row["name"] == "mine"


def test_imported_vectors_have_no_seed_and_no_epochs(lwal, tmp_path):
    table = tmp_path / "words.csv"
    table.write_text("name,x,y\ncat,0.2,1.5\ndog,0.1,1.4\n")
    assert lwal("import", str(table))[0] == 0
    assert lwal("runs")[1].splitlines()[1].split()[1:] == ["Imported", "labels", "words", "done"]


def test_a_damaged_run_is_a_row_and_not_the_end(lwal, make_run: Callable[..., Run]):
    broken, whole = make_run(seed=1), make_run(seed=2)
    (broken.path / "run.json").write_text("{")
    code, out, _ = lwal("runs")
    assert code == 0 and "damaged" in out and whole.id in out


def test_validation_and_measures_are_shown_where_there_are_any(lwal, make_run: Callable[..., Run]) -> None:
    plain, held = make_run(), make_run(seed=2)
    old = json.loads(lwal("show", plain.id, "--json")[1])["metrics"]
    assert not any("validation" in name or "macro" in name for row in old for name in row)
    measures = {"test_macro_f1": 0.5, "test_calibration_error": 0.125, "validation_accuracy_mean": 0.25}
    append_metrics(
        held.path, *({"epoch": e, "seconds": float(e), "test_accuracy_mean": 0.75, **measures} for e in range(4))
    )
    rows = json.loads(lwal("show", held.id, "--json")[1])["metrics"]
    assert [{name: row[name] for name in measures} for row in rows] == [measures] * 4
    assert "validation_accuracy_own" not in rows[0]
    assert "validation" in lwal("show", held.id)[1] and "25.0%" in lwal("show", held.id)[1]
    table = json.loads(lwal("compare", plain.id, held.id, "--json")[1])[0]["rows"][0]
    assert table["measures"]["test_macro_f1"]["values"] == [0.5, None] and "test_top5_accuracy" not in table["measures"]
    assert table["accuracy_at_chosen_epoch"]["values"] == [0.75, None]
    shown = lwal("compare", held.id, "--measures", "--markdown")[1]
    assert "calibration error" in shown and "12.5 %" in shown and "at chosen epoch" in shown
    assert "Best epochs were chosen on the validation part" in shown
    assert "macro F1" not in lwal("compare", held.id, "--markdown")[1]


def test_show(lwal, make_run: Callable[..., Run]):
    run = make_run(epochs=2)
    code, out, _ = lwal("show", run.id)
    assert code == 0 and "10 classes" in out and "95.0%" in out
    values = json.loads(lwal("show", run.id, "--json")[1])
    assert values["config"]["training"]["epochs"] == 2
    assert [row["epoch"] for row in values["metrics"]] == [0, 1, 2]
    assert values["metrics"][0]["loss"] is None  # no loss before the first step


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["show", "nothing-like-it"], 2, "There is no run"),
        (["show", "../../etc"], 2, "run"),
        (["train", "--epochs", "0"], 2, "epochs"),
        (["train", "--method", "magic"], 2, "magic"),
        (["train", "--dataset", "folder:/nowhere/at/all"], 2, "/nowhere/at/all"),
        (["train", "--set", "training.wait_decay=1"], 2, "wait_decay"),
        (["train", "--set", "weight_decay=1"], 2, "part.option=value"),
        (["no-such-command"], 2, "No such command"),
    ],
)
def test_errors_are_short_and_have_a_code(lwal, arguments: list[str], code: int, said: str):
    got, out, err = lwal(*arguments)
    assert got == code and said in err.replace("\n", " ") and not out
    assert "Traceback" not in err
    assert list_runs() == []


def test_all_problems_of_a_configuration_are_said_at_once(lwal):
    _, _, err = lwal("train", "--epochs", "0", "--batch-size", "1", "--set", "training.seed=-1")
    assert all(word in err for word in ("epochs", "batch_size", "seed"))


class TestExport:
    def test_newick_carries_the_names_that_people_gave_to_clades(self, lwal, make_run: Callable[..., Run]):
        run = make_run()
        h = run_hierarchy(run)
        members = [h.names[i] for i in h.members(h.n + 2)]
        annotate_clade(run.path, members, "the (odd) one's: own, name")
        _, out, _ = lwal("export", run.id, "--format", "newick")
        tree = Phylo.read(io.StringIO(out), "newick")
        (clade,) = [inner for inner in tree.get_nonterminals() if inner.name]
        assert clade.name == "the (odd) one's: own, name"
        assert sorted(leaf.name for leaf in clade.get_terminals()) == sorted(members)

    def test_names_that_are_proposed_are_there_when_asked(self, lwal, make_run: Callable[..., Run]):
        run = make_run(class_names=["grizzly bear", "polar bear", "taxi", "school bus", "ostrich", "penguin"])
        annotate_clade(run.path, ["grizzly bear", "polar bear"], "mine")
        _, out, _ = lwal("export", run.id)
        assert ")mine" in out and "bird" not in out
        _, out, _ = lwal("export", run.id, "--proposed-names")
        assert ")mine" in out and ")bird" in out and ")bear" not in out

    def test_newick_to_standard_output(self, lwal, make_run: Callable[..., Run]):
        run = make_run()
        code, out, _ = lwal("export", run.id)
        linkage, names = from_newick(out)
        h = build_hierarchy(run.vectors(3), run.class_names)
        assert code == 0 and sorted(names) == sorted(run.class_names)
        assert np.allclose(np.sort(linkage[:, 2]), np.sort(h.linkage[:, 2]), rtol=1e-6)

    @pytest.mark.parametrize("format", ["csv", "linkage", "cut"])
    def test_tables_open_in_a_spreadsheet(self, lwal, make_run: Callable[..., Run], tmp_path: Path, format: str):
        run, target = make_run(), tmp_path / "x.csv"
        arguments = ("export", run.id, "--format", format, "--cut", "3")
        assert lwal(*arguments, "-o", str(target))[0] == 0
        data = target.read_bytes()
        assert data.startswith(b"\xef\xbb\xbf") and not lwal(*arguments)[1].startswith("\ufeff")
        assert data.decode("utf-8-sig").splitlines() == lwal(*arguments)[1].splitlines()

    def test_inversions_are_one_line(self, lwal, tmp_path: Path):
        np.save(tmp_path / "inv.npy", [[0, 0], [1, 0], [0.5, 3**0.5 / 2], [5, 5]])
        assert lwal("import", str(tmp_path / "inv.npy"))[0] == 0
        run = list_runs()[0]
        for format in ("newick", "nexus", "itol", "html"):
            target = tmp_path / f"x.{format}"
            code, _, err = lwal("export", run.id, "--format", format, "--linkage", "centroid", "-o", str(target))
            assert code == 0
            assert err.splitlines() == [
                "lwal: 1 of 3 merges lie below one of their parts (inversions), first merge 1; they were lifted to that "
                "part's height, their lengths are 0.",
                f"wrote {target}",
            ]
        said = b"Some merges lie below one of their parts (inversions)"
        assert said in (tmp_path / "x.html").read_bytes()
        assert lwal("export", run.id, "--format", "html", "-o", str(tmp_path / "y.html"))[0] == 0
        assert said not in (tmp_path / "y.html").read_bytes()

    @pytest.mark.parametrize(("format", "start"), [("svg", b"<?xml"), ("png", b"\x89PNG"), ("pdf", b"%PDF")])
    def test_pictures(self, lwal, make_run: Callable[..., Run], tmp_path: Path, format: str, start: bytes):
        run, target = make_run(), tmp_path / f"tree.{format}"
        code, out, err = lwal("export", run.id, "--format", format, "--cut", "3", "-o", str(target))
        assert code == 0 and not out and str(target) in err
        assert target.read_bytes().startswith(start)
        if format == "svg":
            text = "".join(ElementTree.parse(target).getroot().itertext())
            assert "class 3" in text

    def test_distances_as_csv(self, lwal, make_run: Callable[..., Run]):
        run = make_run(classes=4)
        _, out, _ = lwal("export", run.id, "--format", "csv", "--epoch", "2")
        rows = list(csv.reader(io.StringIO(out)))
        vectors = run.vectors(2)
        assert tuple(rows[0][1:]) == run.class_names
        expected = np.linalg.norm(vectors[0] - vectors[3])
        assert float(rows[1][4]) == pytest.approx(float(expected), rel=1e-6)

    @pytest.mark.parametrize("format", ["nexus", "json", "linkage", "cut"])
    def test_text_to_standard_output(self, lwal, make_run: Callable[..., Run], format: str):
        run = make_run()
        code, out, _ = lwal("export", run.id, "--format", format, "--cut", "3")
        assert code == 0 and all(name in out for name in run.class_names)

    def test_report(self, lwal, make_run: Callable[..., Run], tmp_path: Path):
        run, target = make_run(), tmp_path / "run.html"
        code, out, err = lwal("export", run.id, "--format", "html", "--cut", "3", "-o", str(target))
        assert code == 0 and not out and str(target) in err
        assert b'max="10" value="3"' in target.read_bytes()

    def test_files_for_itol(self, lwal, make_run: Callable[..., Run], tmp_path: Path):
        run, target = make_run(), tmp_path / "tree.zip"
        code, out, err = lwal("export", run.id, "--format", "itol", "--cut", "3", "-o", str(target))
        assert code == 0 and not out and str(target) in err
        with zipfile.ZipFile(target) as archive:
            assert archive.read("tree.nwk").decode().count("c0") == 10
            assert "seed 12" in archive.read("README.txt").decode()

    @pytest.mark.parametrize("width", [85, 120, 180])
    def test_pictures_have_the_width_that_was_asked_for(
        self, lwal, make_run: Callable[..., Run], tmp_path: Path, width
    ):
        target = tmp_path / "tree.pdf"
        code, _, _ = lwal("export", make_run().id, "--format", "pdf", "--width", str(width), "-o", str(target))
        (box,) = re.findall(rb"/MediaBox \[ 0 0 ([0-9.]+) ", target.read_bytes())
        assert code == 0 and float(box) / 72 * 25.4 == pytest.approx(width, abs=0.1)

    def test_files_for_the_projector(self, lwal, make_run: Callable[..., Run], tmp_path: Path):
        run, target = make_run(), tmp_path / "run.zip"
        code, out, err = lwal("export", run.id, "--format", "projector", "--epoch", "2", "-o", str(target))
        assert code == 0 and not out and str(target) in err
        with zipfile.ZipFile(target) as archive:
            names = set(archive.namelist())
            rows = np.loadtxt(archive.open("tensors.tsv"), delimiter="\t")
        assert names == {"tensors.tsv", "metadata.tsv", "sprite.png", "projector_config.pbtxt", "README.txt"}
        assert np.allclose(rows[10:20], run.vectors(2)) and len(rows) == 20 + len(run.evaluation().y)

    def test_a_layer_is_named_by_itself_or_as_a_source(self, lwal, make_run: Callable[..., Run]):
        run = make_run(layers=True)
        code, out, _ = lwal("export", run.id, "--format", "csv", "--layer", "features")
        rows = list(csv.reader(io.StringIO(out)))
        means = run.vectors(3, "features").astype(np.float64)
        away = [[float(np.linalg.norm(one - other)) for other in means] for one in means]
        assert code == 0 and np.allclose([[float(cell) for cell in row[1:]] for row in rows[1:]], away, rtol=1e-3)
        for other in (["--source", "features"], ["--layer", "features", "--source", "centroids"]):
            assert lwal("export", run.id, "--format", "csv", *other)[1] == out
        assert lwal("export", run.id, "--format", "csv", "--layer", "outputs")[1] != out

    @pytest.mark.parametrize(
        "options",
        [
            "--format doc",
            "--epoch 99",
            "--source weights",
            "--layer middle",
            "--layer features --source labels",
            "--layer features",
            "--linkage ward --metric cosine",
            "--cut 11 --format svg",
            "--format projector --epoch 99",
            "--format cut",
            "--format svg --width 5",
        ],
    )
    def test_what_cannot_be_exported(self, lwal, make_run: Callable[..., Run], options: str):
        code, out, err = lwal("export", make_run().id, *options.split())
        assert code == 2 and err.startswith("lwal: ") and not out


class TestShare:
    def test_a_link_is_made_listed_and_taken_back(self, lwal, make_run: Callable[..., Run]):
        run = make_run()
        code, out, err = lwal("share", run.id, "--expires", "2d", "--note", "x [b]", "--url", "https://lwal.example/")
        assert code == 0 and re.fullmatch(r"https://lwal\.example/\?share=[\w-]{32}\n", out)
        (listed,) = json.loads(lwal("shares", "--json")[1])
        assert listed["state"] == "open" and listed["id"] in err and listed["runs"] == [run.id]
        assert out.strip()[-32:] not in lwal("shares", "--json")[1]
        assert "x [b]" in lwal("shares")[1]
        assert lwal("unshare", listed["id"])[0] == 0
        assert json.loads(lwal("shares", "--json")[1])[0]["state"] == "revoked"

    @pytest.mark.parametrize(
        "arguments", ["share RUN --expires never", "share RUN --expires 0d", "share RUN --epoch 9", "unshare ../x"]
    )
    def test_what_cannot_be_shared(self, lwal, make_run: Callable[..., Run], arguments: str):
        code, out, err = lwal(*arguments.replace("RUN", make_run().id).split())
        assert code == 2 and err.startswith("lwal: ") and not out
        assert "Nothing is shared" in lwal("shares")[1]


@pytest.mark.process
def test_doctor_finds_this_place_usable(lwal):
    code, out, _ = lwal("doctor", "--json")
    assert code == 0
    levels = {finding["subject"]: finding["level"] for finding in json.loads(out)}
    assert levels and "problem" not in levels.values()


@pytest.mark.process
def test_training_and_skipping_what_is_there(lwal):
    arguments = ["train", "--epochs", "1", "--seed", "3", "--set", "data.per_class=20", "--tag", "quick"]
    code, out, _ = lwal(*arguments)
    (run,) = list_runs()
    assert code == 0 and out.strip() == run.id and run.status == "done" and run.tags == ("quick",)
    code, out, err = lwal(*arguments, "--skip-existing")
    assert code == 0 and not out and "trained already" in err and len(list_runs()) == 1


@pytest.mark.process
def test_what_was_skipped_is_said_where_a_training_was_started(lwal, tmp_path):
    folder = tmp_path / "data"
    for name in "ab":
        (folder / name).mkdir(parents=True)
        for i in range(150):
            Image.new("RGB", (8, 8), (i, 0, 9 if name == "a" else 200)).save(folder / name / f"{i}.png")
    (folder / "a" / "zz.jpg").touch()
    (folder / "b" / "zz.heic").touch()
    arguments = ["train", "--dataset", f"folder:{folder}", "--epochs", "1", "--image-size", "8", "--seed", "1"]
    skipped, ignored = (
        "Skipped 1 of 301 images that cannot be read: 'a/zz.jpg'",
        "Ignored files that are no images: 1 (first: 'b/zz",
    )
    code, _, err = lwal(*arguments)
    assert code == 0 and err.count(skipped) == 1 and err.count(ignored) == 1
    shown = lwal("show", list_runs()[0].id)[1]
    assert skipped in shown and ignored in shown
    for i in range(7):
        (folder / "b" / f"{i}.png").write_bytes(b"")
    code, _, err = lwal(*arguments)
    assert code == 1 and "8 of 301 images" in err and "and 3 more, all in the run's log" in err
    failed = next(run for run in list_runs() if run.status == "failed")
    log = open_run(failed.id).log_tail(100)
    assert all(f"Cannot be read: 'b/{i}.png'" in log for i in range(7)) and "'a/zz.jpg'" in log


@pytest.mark.process
def test_ctrl_c_leaves_a_readable_run_marked_cancelled(home: Path):
    command = [sys.executable, "-m", "lwal_core.cli", "train", "--epochs", "500"]
    environment = {**os.environ, "LWAL_HOME": str(home), "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    )
    deadline = time.monotonic() + 90
    while not any(run.epochs_done >= 1 for run in list_runs()):
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.1)
    os.killpg(process.pid, signal.SIGINT)  # what a terminal sends
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err.decode()
    (run,) = list_runs()
    assert run.status == "cancelled" and run.id in out.decode() and b"Traceback" not in err
    assert run.epochs_done >= 1 and not run.problem


def test_every_command_stands_in_a_panel_of_the_help():
    assert app.registered_commands[0].rich_help_panel == "Begin"  # the first panel is that of the first command
    assert all(entry.rich_help_panel for entry in (*app.registered_commands, *app.registered_groups))


def test_the_reference_is_what_the_code_says():
    command = [sys.executable, "-m", "typer", "lwal_core.cli.main", "utils", "docs", "--name", "lwal"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    made = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    written = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    assert written.strip() == made.strip(), (
        "run: python -m typer lwal_core.cli.main utils docs --name lwal --output docs/cli.md"
    )


@pytest.mark.process
def test_runs_that_wait_behind_another_are_queued_and_can_be_cancelled(home: Path):
    command = [sys.executable, "-m", "lwal_core.cli", "train", "--epochs", "300", "--seed", "1", "--seed", "2"]
    environment = {**os.environ, "LWAL_HOME": str(home), "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        deadline = time.monotonic() + 90
        while [run.status for run in list_runs()].count("running") != 1:
            assert time.monotonic() < deadline and process.poll() is None
            time.sleep(0.1)
        first, second = sorted(list_runs(), key=lambda run: run.seed)
        assert (first.status, second.status) == ("running", "queued")
        cancel(open_run(second.id))
        assert open_run(second.id).status == "cancelled"
        cancel(open_run(first.id))
        process.communicate(timeout=60)
        assert {run.status for run in list_runs()} == {"cancelled"}
    finally:
        process.kill()


def test_import_and_bundle(lwal, tmp_path, make_run, monkeypatch):
    run = make_run(classes=3)
    target = tmp_path / "run.zip"
    assert lwal("export", run.id, "--format", "bundle", "-o", str(target))[0] == 0
    monkeypatch.setenv("LWAL_HOME", str(tmp_path / "second"))
    code, out, err = lwal("import", str(target), "--dry-run")
    assert (code, out) == (0, "") and run.id in err and list_runs() == []
    assert lwal("import", str(target))[1].splitlines()[-1] == run.id
    assert "very same run" in lwal("import", str(target))[2]
    table, names = tmp_path / "a.tsv", tmp_path / "names.txt"
    table.write_text("0.5\t1\n2\t3\n")
    names.write_text("left\nright\n")
    code, out, _ = lwal("import", str(table), "--names", str(names), "--name", "Sides")
    assert code == 0 and open_run(out.splitlines()[-1]).class_names == ("left", "right")
    code, _, err = lwal("import", str(tmp_path / "absent.csv"))
    assert code == 2 and err.count("\n") == 1


def test_export_makes_no_folder_and_lists_every_format(lwal, make_run, tmp_path):
    run = make_run()
    for arguments, words in (
        (["--format", "nwk"], "'nwk'. Use one of newick, nexus"),
        (["-o", str(tmp_path / "typo" / "x.nwk")], "no folder"),
        (["-o", str(tmp_path)], "is a folder"),
    ):
        code, _, err = lwal("export", run.id, *arguments)
        assert code == 2 and words in err and len(err.splitlines()) == 1
    assert not (tmp_path / "typo").exists()


def test_neural_collapse_is_in_what_machines_read(lwal, make_run: Callable[..., Run]) -> None:
    older, newer = make_run(), make_run(seed=2)
    collapse = {"features_nc1": 0.25, "outputs_nc4": 0.5}
    append_metrics(newer.path, {"epoch": 3, "seconds": 1.0, "test_accuracy_mean": 0.75, **collapse})
    rows = json.loads(lwal("show", newer.id, "--json")[1])["metrics"]
    assert {name: rows[3][name] for name in collapse} == collapse and rows[0]["features_nc1"] is None
    assert not any("nc1" in name for row in json.loads(lwal("show", older.id, "--json")[1])["metrics"] for name in row)
    row = json.loads(lwal("compare", older.id, newer.id, "--json")[1])[0]["rows"][0]
    assert {name: figures["values"] for name, figures in row["collapse"].items()} == {
        "outputs_nc4": [0.5, None], "features_nc1": [0.25, None]
    }  # fmt: skip
