"""Analyses are runs of the queue: made, cancelled, taken up and made again as trainings are."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from lwal_core.config import DataConfig, ReadyModelConfig
from lwal_core.errors import ConfigError, TrainingError
from lwal_core.jobs import cancel, create_analysis, duplicate, make_ready, retry, submit
from lwal_core.jobs.processes import run_command
from lwal_core.runs import Run, RunWriter, list_runs, open_run


def queued(**options: object) -> Run:
    ready = ReadyModelConfig.parse({"model": "timm:resnet18", "weights": "random", **options})
    return submit(create_analysis(ready, DataConfig(name="digits", per_class=5), seed=4))


def failed(run: Run) -> Run:
    RunWriter(run.path).move_to("failed", "no weights")
    return Run(run.path)


def test_it_waits_as_a_training_does_and_its_process_is_another_one(home: Path) -> None:
    run = queued()
    assert run.status == "queued" and run.record.job is not None and run.startable and run.config.external
    assert run.name == "resnet18 on digits" and [each.id for each in list_runs()] == [run.id]
    assert run_command(run) == [sys.executable, "-m", "lwal_core.ready_models", str(run.path)]


def test_it_is_cancelled_and_taken_up_again(home: Path) -> None:
    run = queued()
    cancel(run)
    assert open_run(run.id).status == "cancelled"
    again = submit(make_ready(open_run(run.id)))
    assert again.status == "queued" and again.record.ready_model == run.record.ready_model
    with pytest.raises(TrainingError, match="no epochs"):
        make_ready(failed(again), epochs=5)


def test_a_new_one_like_it_has_the_same_model(home: Path) -> None:
    run = failed(queued(layer="output"))
    twin = retry(run)
    assert (
        twin.record.ready_model == run.record.ready_model
        and twin.config == run.config
        and twin.record.made_from == run.id
    )
    other = duplicate(run, {"training": {"seed": 9}, "data": {"per_class": 7}})
    assert (other.config.training.seed, other.config.data.per_class) == (9, 7)
    assert other.config.method.listed()["config.data.per_class"] == 7
    for changes in ({"training": {"epochs": 3}}, {"method": {"called": "x"}}, {"encoder": {"name": "cnn"}}):
        with pytest.raises(ConfigError, match="leave it out"):
            duplicate(run, changes)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="per_class"):
        duplicate(run, {"data": {"per_class": 1}})


def test_paths_mean_the_same_wherever_the_worker_is(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "vit" / "a").mkdir(parents=True)
    (tmp_path / "vit" / "a" / "config.json").write_text("{}")
    local = queued(model="hf:vit/a", weights="w.safetensors").record.ready_model
    assert local is not None and (local.model, local.weights) == (f"hf:{tmp_path}/vit/a", f"{tmp_path}/w.safetensors")
    repository = queued(model="hf:google/vit").record.ready_model
    assert repository is not None and (repository.model, repository.weights) == ("hf:google/vit", "random")
