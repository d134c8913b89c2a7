"""The sweep of methods: rates by the validation part, the first images of each class, a table with both layers."""

from __future__ import annotations

import json

import pytest
import yaml

from lwal_core.config import RunConfig
from lwal_core.experiments.sweeps import parse_sweep
from lwal_core.results.run_tree import run_hierarchy, run_taxonomy, taxonomy_agreement
from lwal_core.results.tree_spec import TreeSpec
from lwal_core.runs import Run, list_runs
from lwal_core.runs.bundle import import_bundle
from lwal_core.runs.edits import set_tags
from tools import instrument_sweep as tool
from tools import results_tables
from tools.layer_table import HEAD, layer_table

DOCUMENT = {
    "base": {"training": {"epochs": 2, "seed": 1}},
    "grid": {
        "together": [{"data": {"name": "shapes", "validation": 0.1}}],
        "method": ["onehot", {"name": "lwal"}],
        "training.learning_rate": [0.001, 0.01],
    },
}


def with_validation(run: Run, mean: float, own: float) -> None:
    """Let a written run have had a validation part."""
    path = run.path / "metrics.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    found = [row | {"validation_accuracy_mean": mean, "validation_accuracy_own": own} for row in rows]
    path.write_text("".join(json.dumps(row) + "\n" for row in found))


def test_the_sweep_has_the_rates_that_did_best_on_the_validation_part(make_run, tmp_path):
    """One-hot is judged by its head, LwAL by class means; the other column says the contrary."""
    for method, rate, good in (
        ("onehot", 0.001, 0.7),
        ("onehot", 0.01, 0.6),
        ("lwal", 0.001, 0.5),
        ("lwal", 0.01, 0.8),
    ):
        training = {"epochs": 2, "seed": 1, "learning_rate": rate}
        run = make_run(method, data={"name": "shapes", "validation": 0.1}, training=training, epochs=2)
        with_validation(run, *((1 - good, good) if method == "onehot" else (good, 1 - good)))
    runs = [run.opened() for run in list_runs()]
    assert tool.best_rates(DOCUMENT, runs, tmp_path) == [0.001, 0.01]
    assert tool.best_rates(DOCUMENT, runs[1:], tmp_path).count(None) == 1  # a rate is missing
    sweep = parse_sweep(tool.sweep_text(DOCUMENT, [0.001, 0.01]), tmp_path)
    assert [(m.config.method.name, m.config.training.learning_rate, m.config.training.seed) for m in sweep.members] == [
        (method, rate, seed) for method, rate in (("onehot", 0.001), ("lwal", 0.01)) for seed in tool.SEEDS
    ]
    assert "1 of 2 have 0.001, as no rate was tried for them" in tool.sweep_text(DOCUMENT, [None, 0.01])


def test_the_sweep_file_is_what_the_tool_writes_of_the_sweep_of_rates():
    document, text = yaml.safe_load(tool.RATES.read_text()), tool.SWEEP.read_text()
    told = yaml.safe_load(text)["grid"]["together"]
    assert len(told) == len(tool.settings(document)) == 33
    rates = [one["training"]["learning_rate"] for one in told]
    body = [line for line in tool.sweep_text(document, rates).splitlines() if not line.startswith("#")]
    assert body == [line for line in text.splitlines() if not line.startswith("#")]
    assert set(rates) <= {*document["grid"]["training.learning_rate"]}
    for one in told:
        RunConfig.parse(one)
    assert document["base"]["training"]["seed"] not in tool.SEEDS


def test_the_first_images_of_each_class_are_taken_once(tmp_path):
    for part in ("train", "test"):
        for name in ("cat", "dog"):
            (tmp_path / "all" / part / name).mkdir(parents=True)
            for number in range(4):
                (tmp_path / "all" / part / name / f"{number}.jpg").write_bytes(bytes([number]))
    for _ in range(2):
        assert tool.link_images(tmp_path / "all", tmp_path / "few", {"train": 3, "test": 2}) == 10
    found = sorted(path.relative_to(tmp_path / "few").as_posix() for path in (tmp_path / "few").rglob("*.jpg"))
    assert (
        len(found) == 10 and found[0] == "test/cat/0.jpg" and (tmp_path / "few/train/dog/2.jpg").read_bytes() == b"\x02"
    )


def test_packed_runs_come_back_with_what_the_table_needs(make_run, tmp_path, monkeypatch):
    run = make_run("lwal", layers=True, data={"name": "shapes", "validation": 0.1})
    before = layer_table(list_runs())
    ((path, size),) = results_tables.pack([run], tmp_path / "results", "instruments")
    assert path.name == "instruments-shapes-lwal-s12.zip" and size == path.stat().st_size < 40_000
    monkeypatch.setenv("LWAL_HOME", str(tmp_path / "another"))
    import_bundle(path)
    assert layer_table(list_runs()) == before


def test_the_table_has_both_layers_of_each_method(make_run):
    names = ["cat", "dog", "horse", "deer", "truck", "ship", "frog", "bird", "airplane", "automobile"]
    runs = [make_run("lwal", seed=seed, layers=True, class_names=names) for seed in (1, 2)]
    make_run("onehot", seed=1, class_names=names)
    head, _, onehot, lwal = (line.strip("| ").split(" | ") for line in layer_table(list_runs()).splitlines())
    assert tuple(head) == HEAD
    assert onehot[0] == "One-hot" and lwal[:2] == ["LwAL", "0.001"]
    assert lwal[2] == "95.0 ± 0 % (n=2)" and lwal[4] == "76.0 ± 0 % (n=2)" and onehot[4] == "—"
    taus = []
    for run in runs:
        h = run_hierarchy(run, TreeSpec.of(run, vectors="features"))
        taus.append(taxonomy_agreement(h.names, h.square(), run_taxonomy(run)).tau)
    assert float(lwal[6].split()[0]) == pytest.approx(sum(taus) / 2, abs=0.006)
    assert lwal[10] == "—"  # these runs have no measures of collapse


def test_runs_of_any_sweep_are_packed_by_their_tag(make_run, tmp_path, monkeypatch, capsys):
    run = make_run("onehot", data={"name": "pictograms"}, seed=21)
    set_tags(run, ["sweep:pictograms"])
    make_run("lwal", data={"name": "pictograms"}, seed=21)  # of no sweep
    monkeypatch.setattr(results_tables, "RESULTS", tmp_path / "results")
    assert results_tables.main(["--pack", "sweep:pictograms"]) == 0
    assert [path.name for path in (tmp_path / "results").iterdir()] == ["pictograms-one-hot-s21.zip"]
    assert capsys.readouterr().out.startswith("1 bundles, 0.0 MiB")
    assert results_tables.main(["--pack", "sweep:nothing"]) == 1
