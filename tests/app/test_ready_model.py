"""A model as it is: its run on the pages, and its form on Train or analyse."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest
from typer.testing import CliRunner

from lwal_core.cli.main import app
from lwal_core.config import DataConfig
from lwal_core.ready_models.analyse import analyse
from lwal_core.runs import RunWriter, list_runs, open_run
from tests.app.conftest import text_of as shown
from tests.unit.ready_models.conftest import pictures

__all__ = ["pictures"]


def text_of(at: AppTest) -> str:
    return shown(at).replace("\\", "")


@pytest.fixture
def form(open_page: Callable[..., AppTest]) -> AppTest:
    at = open_page("train")
    at.segmented_control(key="train_kind").set_value("analyse").run()
    assert not at.exception
    return at


def command(at: AppTest) -> list[str]:
    return [code.value for code in at.code if code.value.startswith("lwal analyse")]


def test_its_run_is_on_the_pages(pictures: Path, open_page: Callable[..., AppTest]) -> None:
    data = DataConfig(name=f"folder:{pictures}")
    run, other = (analyse(f"timm:test_{kind}", data, weights="random", device="cpu").run for kind in ("resnet", "vit"))
    for page in ("home", "curves", "hierarchy", "embeddings", "trees", "share"):
        at = open_page(page, {"runs": [run.group, other.group], "run": run.id, "left": run.id, "right": other.id})
        assert not at.exception and not at.error, (page, text_of(at))
        assert "test_resnet" in text_of(at), page


def test_the_form_starts_what_its_command_says(form: AppTest, home: Path) -> None:
    assert command(form) == ["lwal analyse --model timm:resnet18.a1_in1k --data digits"]
    assert form.button(key="train_start").label == "Start the analysis"
    form.text_input(key="ready_model").set_value("test_resnet").run()
    form.segmented_control(key="ready_weights").set_value("random").run()
    form.number_input(key="ready_seed").set_value(7).run()
    form.segmented_control(key="ready_layer").set_value("output").run()
    form.number_input(key="train_per_class").set_value(9).run()
    form.text_input(key="train_name").set_value("a name; rm -rf /").run()
    (line,) = command(form)
    form.button(key="train_start").click().run()
    assert not form.exception
    (ours,) = list_runs()
    assert CliRunner().invoke(app, [*shlex.split(line)[1:], "--no-wait"]).exit_code == 0
    theirs = next(run for run in list_runs() if run.id != ours.id)
    a, b = open_run(ours.id), open_run(theirs.id)
    assert a.record.ready_model == b.record.ready_model and a.config == b.config
    assert a.name == b.name == "a name; rm -rf /" and a.status == b.status == "queued"
    assert (a.config.training.seed, a.config.data.per_class) == (7, 9)


def test_the_queue_shows_it_from_waiting_to_its_accuracies(form: AppTest, pictures: Path) -> None:
    form.button(key="train_start").click().run()
    assert "no worker is there" in text_of(form)
    (summary,) = list_runs()
    writer = RunWriter(open_run(summary.id).path)
    writer.take()
    writer.begin()
    form.run()
    assert not form.exception and any("loading model and data" in str(each.proto) for each in form.get("progress"))
    writer.progress(1, 320, 1_000)
    form.run()
    assert any("320 of 1,000 images embedded" in str(each.proto) for each in form.get("progress"))
    writer.update(error="The weights of resnet18 are not on this machine. Get x.safetensors and put it into '/cache'.")
    writer.move_to("failed", "x")
    form.run()
    assert not form.exception and "put it into '/cache'" in text_of(form)
    assert {"Resume", "Analyse again"} <= {button.label for button in form.button}
    next(button for button in form.button if button.label == "Resume").click().run()
    assert not form.exception and open_run(summary.id).status == "queued"


def test_one_that_is_cancelled_while_it_waits(form: AppTest) -> None:
    form.button(key="train_start").click().run()
    next(button for button in form.button if button.label == "Cancel").click().run()
    assert not form.exception and [run.status for run in list_runs()] == ["cancelled"]


@pytest.mark.parametrize("name", ["a\x00b", "\u202ereversed", " "])
def test_names_of_models_that_are_none(form: AppTest, name: str) -> None:
    form.text_input(key="ready_model").set_value(name).run()
    assert not form.exception
    refused = name.strip() != ""
    assert form.button(key="train_start").disabled == refused
    assert ("names no model" in text_of(form)) == refused and bool(command(form)) != refused


def test_what_cannot_be_analysed_is_said_where_it_is_chosen(form: AppTest, tmp_path: Path) -> None:
    form.segmented_control(key="train_source").set_value("folder:").run()
    assert "No path is given" in text_of(form) and form.button(key="train_start").disabled and not command(form)
    form.session_state["train_more_sources"] = True
    form.run()
    form.radio(key="train_other_source").set_value("features:").run()
    form.text_input(key="train_path").set_value(str(tmp_path / "x.npz")).run()
    assert "takes images" in text_of(form) and form.button(key="train_start").disabled
    form.segmented_control(key="train_source").set_value("digits").run()
    form.segmented_control(key="ready_weights").set_value("file").run()
    assert "No file is given" in text_of(form) and form.button(key="train_start").disabled
    form.text_input(key="ready_file").set_value("mine.safetensors").run()
    assert not form.exception and not form.button(key="train_start").disabled
