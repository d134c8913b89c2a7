"""Runs two by two: which samples are compared, which runs are left out, what is answered, and the command."""

from __future__ import annotations

import json

import numpy as np
import pytest
from typer.testing import CliRunner

from lwal_core.analysis.similarity import linear_cka
from lwal_core.cli.main import app
from lwal_core.errors import AnalysisError
from lwal_core.results.run_similarity import run_similarity
from lwal_core.runs import RunWriter
from tests.support.runs import write_run


def test_outputs_and_features_are_compared_on_the_samples_that_all_have(home) -> None:
    runs = [write_run("lwal", seed=seed, layers=True) for seed in (1, 2)]
    outputs, features = (run_similarity(runs, layer) for layer in ("outputs", "features"))
    assert outputs is not None and features is not None
    assert (outputs.matrix.samples, features.matrix.samples) == (40, 20)
    one, other = (run.evaluation().z.astype(float) for run in runs)
    assert outputs.matrix.values["cka"][0, 1] == pytest.approx(linear_cka(one, other), abs=1e-6)
    assert features.matrix.values["cka"][0, 1] == pytest.approx(linear_cka(one[::2], other[::2]), abs=1e-6)


def test_runs_of_other_test_sets_are_left_out_and_said(home) -> None:
    runs = [write_run("lwal", seed=1), write_run("onehot", seed=1), write_run("lwal", seed=2, classes=7)]
    other = write_run("onehot", seed=2)
    found = other.evaluation()
    RunWriter(other.path).evaluation(found.epoch, found.z, np.roll(found.y, 1), found.pred, found.confusion)
    result = run_similarity([*runs, other])
    assert result is not None and result.runs == (runs[0].id, runs[1].id)
    assert set(result.left_out.values()) == {"Its test set is another one."}
    assert any("Left out: 2 of the runs" in note for note in result.notes())
    with pytest.raises(AnalysisError, match="two are the fewest"):
        run_similarity(runs[1:3])
    with pytest.raises(AnalysisError, match="keeps no features"):
        run_similarity(runs, "features")


def test_the_answer_says_what_so_few_runs_allow(home) -> None:
    runs = {(m, s): write_run(m, seed=s) for m in ("onehot", "lwal", "smoothing") for s in (1, 2, 3)}

    def answer(*chosen: tuple[str, int]) -> str:
        found = run_similarity([runs[each] for each in chosen])
        assert found is not None
        return found.answer()

    assert "no other to compare" in answer(("onehot", 1), ("onehot", 2))
    assert "train more seeds" in answer(("onehot", 1), ("lwal", 1))
    assert "Too few runs" in answer(*((m, s) for m in ("onehot", "lwal") for s in (1, 2)))
    # the vectors follow from the seed alone, so runs of one seed are the alike ones
    assert "not shown to be more alike" in answer(*runs)


def test_the_command_tells_the_same(home) -> None:
    runs = [write_run(m, seed=s) for m in ("onehot", "lwal") for s in (1, 2)]
    shown = CliRunner().invoke(app, ["similarity"])
    assert shown.exit_code == 0 and "Too few runs" in shown.output and "LwAL, seed 2" in shown.output
    values = json.loads(CliRunner().invoke(app, ["similarity", "--json"]).output)
    assert {each["id"] for each in values["runs"]} == {run.id for run in runs}
    assert np.diag(values["cka"]).tolist() == [1] * 4 and np.diag(values["procrustes"]).tolist() == [0] * 4
    wrong = CliRunner().invoke(app, ["similarity", "--layer", "logits"])
    assert wrong.exit_code and "is no layer" in str(wrong.exception)
