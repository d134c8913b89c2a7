"""References side by side: rows, what is said of them, and the command."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import pearsonr
from typer.testing import CliRunner

from lwal_core.cli.main import app
from lwal_core.results.references import answer, reference_rows
from lwal_core.results.run_tree import run_hierarchy
from lwal_core.taxonomy import load_taxonomy
from lwal_core.taxonomy.reference_matrix import ReferenceMatrix
from tests.support.runs import write_run

CIFAR = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]


def test_cpcc_is_the_correlation_with_path_lengths(home) -> None:
    h = run_hierarchy(write_run("lwal", class_names=CIFAR))
    taxonomy = load_taxonomy("cifar10")
    (row,) = reference_rows(h.names, h.square(), [taxonomy])
    at = np.triu_indices(10, 1)
    expected = pearsonr(h.square()[at], taxonomy.distances(CIFAR)[at]).statistic
    assert row.agreement.pearson == pytest.approx(expected) and row.what == "taxonomy" and row.classes == 10


def test_references_can_contradict_each_other(home) -> None:
    h = run_hierarchy(write_run("lwal", class_names=CIFAR))
    same = ReferenceMatrix("people", "similarity", tuple(reversed(CIFAR)), np.stack([h.square()[::-1, ::-1]] * 2))
    few = ReferenceMatrix("few", "distance", ("cat", "dog", "quasar"), np.ones((1, 3, 3)) - np.eye(3))
    rows = reference_rows(h.names, h.square(), [same, few])
    assert rows[0].agreement.spearman == pytest.approx(1) and rows[0].tau == pytest.approx(1) and rows[0].shown
    assert rows[0].agreement.ceiling == (pytest.approx(1), pytest.approx(1))
    assert rows[1].classes == 2 and "fewer than 3 classes" in rows[1].cells()[4]
    assert answer(rows).startswith("The distances agree with people better than chance")
    turned = ReferenceMatrix("others", "distance", same.names, same.repeats.max() - same.repeats)
    assert "1 of 2 references" in answer(reference_rows(h.names, h.square(), [same, turned]))


def test_the_command_reads_names_and_files(home, tmp_path: Path) -> None:
    run = write_run("lwal", class_names=CIFAR)
    np.savez(tmp_path / "people.npz", names=np.array(CIFAR), distance=load_taxonomy("cifar10").distances(CIFAR))
    (tmp_path / "tree.csv").write_text("class,parent\ncat,pet\ndog,pet\nship,thing\ntruck,thing\n")
    given = [
        "--reference",
        "cifar10",
        "--reference",
        str(tmp_path / "people.npz"),
        "--reference",
        str(tmp_path / "tree.csv"),
    ]
    rows = json.loads(CliRunner().invoke(app, ["agreement", run.id, *given, "--json"]).output)["rows"]
    assert [row["what"] for row in rows] == ["taxonomy", "distance", "taxonomy"]
    assert rows[0]["spearman"] == pytest.approx(rows[1]["spearman"])
    shown = CliRunner().invoke(app, ["agreement", run.id])
    assert shown.exit_code == 0 and "WordNet" in shown.output
    refused = CliRunner().invoke(app, ["agreement", run.id, "--reference", "nothing"])
    assert "no taxonomy 'nothing'" in str(refused.exception)
