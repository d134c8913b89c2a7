"""Comparison tables: figures by hand and by scipy, what is undefined, and the command."""

from __future__ import annotations

import json
import math
import re
import statistics
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from scipy.cluster.hierarchy import linkage as scipy_linkage
from scipy.cluster.hierarchy import to_tree
from scipy.spatial.distance import cdist
from scipy.stats import kendalltau
from typer.testing import CliRunner

from lwal_core.cli.main import app
from lwal_core.config import RunConfig
from lwal_core.errors import AnalysisError, LwalError, RunNotFound
from lwal_core.experiments.comparison import compare_runs, select_runs
from lwal_core.experiments.comparison_table import TERMINAL_COLUMNS, ComparisonTable, EpochsToTarget, Figures
from lwal_core.results.run_tree import taxonomy_agreement
from lwal_core.runs import Run, RunWriter, create_run, list_runs, open_run
from lwal_core.taxonomy import load_taxonomy

CIFAR = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]


@pytest.fixture
def write(home: object) -> Callable[..., Run]:
    """Write a run with the given accuracies, one per epoch from epoch 0 on, half of it by the method's own predictor."""

    def write(
        method: str | dict[str, Any],
        seed: int,
        accuracy: Sequence[float | None],
        *,
        parameters: int | None = 1_000,
        seconds: float = 2.0,
        names: Sequence[str] = ("a", "b", "c"),
        vectors: np.ndarray | None = None,
        status: str = "done",
        tags: tuple[str, ...] = (),
        **config: Any,
    ) -> Run:
        epochs = max(len(accuracy) - 1, 1)
        options = {"name": method} if isinstance(method, str) else method
        training = {"epochs": epochs, "seed": seed, **config.pop("training", {})}
        run = create_run(RunConfig.parse({"method": options, "training": training, **config}), tags=tags)
        writer = RunWriter(run.path)
        writer.update(class_names=list(names), parameters=parameters)
        for epoch, value in enumerate(accuracy):
            row: dict[str, float | int] = {
                "epoch": epoch,
                "step": epoch,
                "samples": 10 * epoch,
                "seconds": seconds * epoch,
            }
            if value is not None:
                row |= {"test_accuracy_mean": value, "test_accuracy_own": value / 2}
            writer.metrics(row)
            table = np.random.default_rng(seed).normal(size=(len(names), 4)) if vectors is None else vectors
            writer.labels(epoch, table, table)
        if status != "queued":
            writer.move_to(status)  # type: ignore[arg-type]
        return open_run(run.id)

    return write


def only(**options: Any) -> ComparisonTable:
    """The table by nearest class mean, unless another reading is asked for."""
    (table,) = compare_runs(list_runs(), **{"reading": "mean", **options})
    return table


class TestFigures:
    def test_by_hand(self, write: Callable[..., Run]):
        write("onehot", 1, [0.1, 0.5, 0.8, 0.7], parameters=1_000, seconds=2)
        write("onehot", 2, [0.1, 0.4, 0.6, 0.9], parameters=1_000, seconds=4)
        write("lwal", 1, [0.2, 0.8, 0.7, 0.6], parameters=1_250, seconds=3)
        write("lwal", 2, [0.3, 0.5, 0.6, 0.7], parameters=1_250, seconds=3)
        base, lwal = only().rows
        assert (base.label, base.is_baseline, base.seeds) == ("One-hot", True, (1, 2))
        assert base.best.values == (0.8, 0.9) and base.best.mean == pytest.approx(0.85)
        assert base.best.sd == pytest.approx(statistics.stdev([0.8, 0.9]))
        assert base.mean.values == pytest.approx(((0.5 + 0.8 + 0.7) / 3, (0.4 + 0.6 + 0.9) / 3))
        assert base.to_target.values == (2, 3)  # its own best
        assert base.seconds.values == (2, 4) and base.seconds.text == "3.0 ± 1.4 s (n=2)"
        assert base.best.text == "85.0 ± 7.1 % (n=2)" and base.parameters_text == "1,000 (baseline)"
        assert lwal.to_target.values[0] == 1 and math.isnan(lwal.to_target.values[1])
        assert lwal.to_target.targets == (0.8, 0.9) and lwal.to_target.reached == 1
        assert lwal.to_target.text == "1 epoch (n=1 of 2); 1 never within 3 epochs"
        assert (lwal.parameters, lwal.parameters_added, lwal.parameters_text) == (1_250, 250, "+250 (+25.0 %)")

    def test_never_reached_is_said_and_is_never_the_last_epoch(self, write: Callable[..., Run]):
        for seed in (1, 2):
            write("onehot", seed, [0.1, 0.9])
            write("lwal", seed, [0.1, 0.2])
        row = only().rows[1]
        assert row.to_target.text == "never reached within 1 epoch (n=2)"
        values = row.to_dict()["epochs_to_target"]
        assert values["mean"] is None and values["values"] == [None, None]
        assert (values["reached"], values["of"], values["trained"]) == (0, 2, [1, 1])

    def test_a_given_target(self, write: Callable[..., Run]):
        write("onehot", 1, [0.1, 0.5, 0.8])
        write("lwal", 1, [0.1, 0.7, 0.8])
        assert [row.to_target.values for row in only(target=0.7).rows] == [(2,), (1,)]
        for target in (0, 1.5, -1):
            with pytest.raises(AnalysisError, match="fraction"):
                compare_runs(list_runs(), target=target)

    def test_the_predictor_that_is_asked_for(self, write: Callable[..., Run]):
        write("onehot", 1, [0.1, 0.5, 0.8])
        assert only().rows[0].best.mean == 0.8 and only(reading="own").rows[0].best.mean == 0.4
        assert "nearest class mean" in only().title and "own predictor" in only(reading="own").title

    def test_by_default_each_method_is_read_as_it_is_used(self, write: Callable[..., Run]):
        """The method's own rule (half the accuracy here) for heads, also beside labels, and the nearest class mean for learned
        labels alone."""
        heads = ["onehot", "smoothing", "cosine", "lwr", "labelemb"]
        write("hybrid", 1, [0.1, 0.6])
        for method in (*heads, "lwal", "static"):
            write(method, 1, [0.1, 0.8])
        (table,) = compare_runs(list_runs())
        read = {row.method: (row.best.mean, row.rule) for row in table.rows}
        assert sorted(read.values()) == [
            (0.3, "product of head and class means"),
            *[(0.4, "largest output")] * 5,
            *[(0.8, "nearest class mean")] * 2,
        ]
        assert read["LwAL"][1] == read["Static labels"][1] == "nearest class mean"
        assert table.verdict.startswith("Predicting by the rule each method is used with, LwAL reaches")
        assert {row.rule for row in only().rows} == {""}
        listed = {run.method: (run.test_accuracy, run.rule) for run in list_runs()}
        assert (listed["onehot"], listed["lwal"]) == ((0.4, "largest output"), (0.8, "nearest class mean"))
        assert listed["hybrid"] == (0.3, "product of head and class means")

    def test_the_verdict_says_where_the_rules_disagree(self, write: Callable[..., Run]):
        write("onehot", 1, [0.1, 0.9])
        write("lwal", 1, [0.1, 0.8])
        found = compare_runs(list_runs())[0].verdict
        assert (
            "prediction: LwAL by the rule each method is used with (+35 points); one-hot by nearest class mean ("
            in found
        )

    def test_fewer_and_as_many_parameters(self, write: Callable[..., Run]):
        write("onehot", 1, [0.1, 0.5], parameters=1_000)
        write("lwal", 1, [0.1, 0.5], parameters=1_000)
        write("smoothing", 1, [0.1, 0.5], parameters=900)
        write("labelemb", 1, [0.1, 0.5], parameters=None)
        write("lwr", 1, [0.1, 0.5], parameters=10)
        write("lwr", 2, [0.1, 0.5], parameters=11)
        texts = {row.method: row.parameters_text for row in only().rows}
        assert texts["LwAL"] == "none" and texts["Label smoothing"] == "−100 (−10.0 %)"
        assert texts["Label embedding network"] == texts["Retrospection"] == "undefined (not counted)"

    def test_text_of_one_value_and_of_none(self):
        assert Figures((0.5,), "%").text == "50.0 % (n=1)" and math.isnan(Figures((0.5,)).sd)
        assert Figures((math.nan,), "", "two classes").text == "undefined (two classes)"
        assert Figures((math.nan,), "", "why").to_dict() == {
            "mean": None,
            "sd": None,
            "n": 0,
            "values": [None],
            "reason": "why",
        }
        assert EpochsToTarget((), (), ()).text == "undefined (accuracy was not measured)"


class TestAgainstTheTaxonomy:
    def test_the_same_as_scipy_class_by_class(self, write: Callable[..., Run]):
        expected = []
        for seed in (1, 2):
            vectors = np.random.default_rng(seed).normal(size=(10, 6)).astype(np.float32)
            write("lwal", seed, [0.1, 0.5], names=CIFAR, vectors=vectors)
            own, hops = cdist(vectors, vectors), load_taxonomy("cifar10").distances(CIFAR)
            others = [[j for j in range(10) if j != i] for i in range(10)]
            expected.append(np.mean([kendalltau(own[i, o], hops[i, o]).statistic for i, o in enumerate(others)]))
        (row,) = only().rows
        assert row.taxonomy == "cifar10" and row.tau.values == pytest.approx(expected)
        assert row.tau.mean == pytest.approx(np.mean(expected)) and row.tau.sd == pytest.approx(
            np.std(expected, ddof=1)
        )

    def test_groups_found_are_those_that_scipys_tree_has(self, write: Callable[..., Run]):
        expected = []
        for seed in (1, 2):
            vectors = np.random.default_rng(seed).normal(size=(10, 6)).astype(np.float32)
            vectors[CIFAR.index("cat")] = vectors[CIFAR.index("dog")] + 0.01  # so that one group is found
            write("lwal", seed, [0.1, 0.5], names=CIFAR, vectors=vectors)
            root = to_tree(scipy_linkage(vectors, "average"), rd=True)[1]
            clades = {frozenset(CIFAR[i] for i in node.pre_order()) for node in root}
            groups = load_taxonomy("cifar10").clades(CIFAR)
            expected.append(sum(group in clades for group in groups) / len(groups))
        (row,) = only().rows
        assert min(expected) > 0 and row.recall.values == pytest.approx(expected)
        assert row.to_dict()["taxonomy_groups_found"]["taxonomy"] == "cifar10"

    @pytest.mark.parametrize(
        ("names", "vectors", "reason"),
        [
            (["a", "b", "c"], None, "no taxonomy for these classes"),
            (CIFAR, np.eye(10), "for no class do the distances differ"),
        ],
    )
    def test_undefined_with_the_reason(self, write: Callable[..., Run], names: list[str], vectors: Any, reason: str):
        write("onehot", 1, [0.1, 0.5], names=names, vectors=vectors)
        (row,) = only().rows
        assert row.tau.text == f"undefined ({reason})" and math.isnan(row.tau.mean)
        assert row.to_dict()["kendall_tau"]["reason"] == reason
        assert row.recall.text.startswith("undefined (")

    def test_a_guessed_taxonomy_is_said_to_be_one(self, write: Callable[..., Run]):
        names, vectors = ["bear", "wolf", "taxi", "school bus"], np.array([[0.0], [1], [9], [11]])
        write("lwal", 1, [0.1, 0.5], names=names, vectors=vectors)
        content = only()
        assert content.rows[0].taxonomy == "wordnet-guessed" and content.rows[0].tau.mean > 0
        assert any("as guessed" in note for note in content.notes)

    def test_a_seed_without_labels_is_left_out_and_the_rest_counted(self, write: Callable[..., Run]):
        vectors = np.random.default_rng(0).normal(size=(10, 6))
        write("lwal", 1, [0.1, 0.5], names=CIFAR, vectors=vectors)
        broken = write("lwal", 2, [0.1, 0.5], names=CIFAR, vectors=vectors)
        for file in (broken.path / "labels").iterdir():
            file.unlink()
        (row,) = only().rows
        assert row.tau.text.endswith("(n=1 of 2)") and "no labels yet" in row.tau.reason

    def test_names_that_the_taxonomy_lacks_or_that_mean_one_class_are_left_out(self):
        names = [*CIFAR[:8], "ships", "ship", "spoon"]
        vectors = np.random.default_rng(3).normal(size=(11, 4))
        found = taxonomy_agreement(names, cdist(vectors, vectors))
        assert found is not None and found.names == tuple(CIFAR[:8]) and found.kept == tuple(range(8))
        assert np.array_equal(found.own, cdist(vectors[:8], vectors[:8])) and len(found.taus) == 8
        assert taxonomy_agreement(["x", "y", "z"], np.zeros((3, 3))) is None


class TestGroups:
    def test_each_data_set_has_a_table_of_its_own(self, write: Callable[..., Run]):
        write("onehot", 1, [0.1, 0.5])
        write("lwal", 1, [0.1, 0.9], data={"name": "shapes"})
        tables = {table.data: table for table in compare_runs(list_runs())}
        assert tables["digits"].baseline == "One-hot" and tables["shapes"].baseline is None
        (row,) = tables["shapes"].rows
        assert row.to_target.text == "undefined (no baseline)" and "no baseline" in tables["shapes"].title
        assert row.parameters_text == "1,000 (no baseline)"

    def test_what_differs_besides_the_method_is_said(self, write: Callable[..., Run]):
        write("onehot", 1, [0.1, 0.5])
        write("lwal", 1, [0.1, 0.5])
        assert not any("more than the label method" in note for note in only().notes)
        write("lwal", 1, [0.1, 0.5], training={"learning_rate": 0.01})
        table = only()
        assert [row.label for row in table.rows] == [
            "One-hot",
            "LwAL (learning rate 0.01)",
            "LwAL (learning rate 0.001)",
        ]
        assert any("training.learning_rate (0.01, 0.001)" in note for note in table.notes)

    def test_the_newest_run_of_a_seed_counts_and_the_rest_is_noted(self, write: Callable[..., Run]):
        write("onehot", 1, [0.1, 0.5])
        newest = write("onehot", 1, [0.1, 0.6])
        write("onehot", 2, [0.1])
        write("onehot", 3, [0.1, 0.7, 0.8], training={"epochs": 1}, status="cancelled")
        (row,) = only().rows
        assert row.runs[0] == newest.id and row.seeds == (1, 3)
        notes = " ".join(only().notes)
        assert "1 run without a finished epoch is left out" in notes
        assert (
            "1 run is left out: there is a newer" in notes and "1 run in the table is not trained to the end" in notes
        )

    def test_accuracy_that_was_never_measured(self, write: Callable[..., Run]):
        write("onehot", 1, [0.1, 0.5])
        write("lwal", 1, [None, None])
        row = only().rows[1]
        assert row.best.text == row.to_target.text == "undefined (accuracy was not measured)"
        assert row.seconds.text == "2 s (n=1)"

    @pytest.mark.parametrize("how", ["method", "label", "method label", "group", "id"])
    def test_the_baseline_that_is_asked_for(self, write: Callable[..., Run], how: str):
        write("onehot", 1, [0.1, 0.5])
        run = write({"name": "lwal", "dim": "10x"}, 1, [0.1, 0.9])
        name = {"method": "lwal", "label": "LwAL10", "method label": "LwAL10", "group": run.group, "id": run.id}[how]
        table = only(baseline=name)
        assert table.baseline == "LwAL10" and [row.is_baseline for row in table.rows] == [True, False]
        assert table.rows[1].to_target.targets == (0.9,)

    @pytest.mark.parametrize("called", ["onehot", "One-hot", "one hot"])
    def test_what_a_program_calls_one_hot_is_the_baseline_where_none_was_trained_here(
        self, write: Callable[..., Run], called: str
    ):
        own = {"name": "external", "called": called}
        write(own, 1, [0.1, 0.5])
        write({"name": "external", "called": "one-hot with mixup"}, 1, [0.1, 0.9])
        table = only()
        assert table.baseline == called and table.rows[1].to_target.targets == (0.5,)
        write("onehot", 1, [0.1, 0.3])
        write(own, 2, [0.1, 0.5])  # newer
        assert only().rows[0].is_baseline and only().rows[0].best.mean == 0.3

    def test_a_baseline_that_is_not_there(self, write: Callable[..., Run]):
        write("onehot", 1, [0.1, 0.5])
        with pytest.raises(LwalError, match="'magic'"):
            compare_runs(list_runs(), baseline="magic")

    def test_nothing_at_all(self):
        assert compare_runs([]) == []

    def test_only_runs_without_an_epoch(self, write: Callable[..., Run]):
        write("onehot", 1, [0.1])
        table = only()
        assert table.rows == () and "nothing to compare" in table.verdict and "1 run without" in table.notes[0]

    def test_selection(self, write: Callable[..., Run]):
        a = write("onehot", 1, [0.1, 0.5], tags=("mine",))
        b = write("lwal", 1, [0.1, 0.5], tags=("mine", "b"))
        c = write("lwal", 2, [0.1, 0.5])
        runs = list_runs()
        chosen = {
            word: {run.id for run in select_runs(runs, list(word))}
            for word in [(), ("mine",), (a.id, "mine"), (c.id,), (b.group,), (a.id, c.id)]
        }
        assert list(chosen.values()) == [
            {a.id, b.id, c.id},
            {a.id, b.id},
            {a.id, b.id},
            {c.id},
            {b.id, c.id},
            {a.id, c.id},
        ]
        with pytest.raises(RunNotFound, match="'nobody'"):
            select_runs(runs, [a.id, "nobody"])
        (c.path / "run.json").write_text("{")
        with pytest.raises(LwalError, match="damaged"):
            select_runs(list_runs(), [c.id])
        assert len(select_runs(list_runs(), [])) == 2
        vectors = write({"name": "imported"}, 1, [0.1], data={"name": "imported:words"})  # has had no training
        assert len(select_runs(list_runs(), [])) == 2
        assert [run.id for run in select_runs(list_runs(), [vectors.id])] == [vectors.id]


class TestCommand:
    def compare(self, *arguments: str) -> str:
        result = CliRunner().invoke(app, ["compare", *arguments])
        assert result.exit_code == 0, result.exception
        return result.output

    def test_text(self, write: Callable[..., Run]):
        write("onehot", 1, [0.1, 0.9])
        write("lwal", 1, [0.1, 0.2])
        text = self.compare()
        shown = [
            column
            for column in TERMINAL_COLUMNS
            if column not in ("Kendall tau", "taxonomy groups found", "at chosen epoch")
        ]
        assert all(column in text for column in shown)
        assert "Kendall" not in text and "taxonomy groups" not in text  # these classes have no taxonomy
        assert "One-hot (baseline)" in text and "never reached within 1 epoch" in text
        assert only(reading="as-used").verdict in text

    def test_json_of_runs_named_by_id(self, write: Callable[..., Run]):
        runs = [write(method, 1, [0.1, 0.9]) for method in ("onehot", "lwal", "smoothing")]
        (table,) = json.loads(self.compare(runs[0].id, runs[1].id, "--json"))
        assert [row["runs"] for row in table["rows"]] == [[runs[0].id], [runs[1].id]]
        assert table["rows"][1]["best_accuracy"]["mean"] == 0.9 and table["rows"][1]["best_accuracy"]["sd"] is None

    def test_both_predictors(self, write: Callable[..., Run]):
        write("onehot", 1, [0.1, 0.9])
        tables = json.loads(self.compare("--predictor", "both", "--json"))
        assert [(t["predictor"], t["rows"][0]["best_accuracy"]["mean"]) for t in tables] == [
            ("mean", 0.9),
            ("own", 0.45),
        ]

    def test_markdown_is_one_table_whatever_the_names_are(self, write: Callable[..., Run], tmp_path: Any):
        write("onehot", 1, [0.1, 0.9], data={"name": "folder:/tmp/a|b`<i>"})
        text = self.compare("--markdown")
        rows = [line for line in text.splitlines() if line.startswith("|")]
        assert len(rows) == 3 and len({re.sub(r"\\\\.", "", row).count("|") for row in rows}) == 1
        assert r"a\|b\`\<i\>" in text

    def test_columns_without_any_number_are_left_out_of_tables_and_kept_in_json(self, write: Callable[..., Run]):
        write("lwal", 1, [0.1, 0.9], parameters=None, seconds=math.nan)
        write("smoothing", 1, [0.1, 0.8], parameters=None, seconds=math.nan)
        (table,) = compare_runs(list_runs())
        heads = {"method", "read by", "best accuracy", "mean accuracy"}
        assert {*table.shown()[0]} == heads
        for text in (self.compare(), self.compare("--markdown")):
            assert "undefined" not in text and "best accuracy" in text and "seconds per epoch" not in text
        (values,) = json.loads(self.compare("--json"))
        assert values["rows"][0]["epochs_to_target"]["mean"] is None and "kendall_tau" in values["rows"][0]
        write("smoothing", 2, [0.1, 0.8], parameters=10)
        assert "seconds per epoch" in only().shown()[0]  # one row has it

    def test_no_baseline_is_named(self, write: Callable[..., Run]):
        write("lwal", 1, [0.1, 0.9])
        text = self.compare()
        assert "no one-hot run is here to compare with" in " ".join(text.split()).lower() and "o  run" not in text
        write("lwal", 1, [0.1, 0.9], data={"name": "shapes"})
        write("smoothing", 1, [0.1, 0.9], data={"name": "shapes"})
        shown = " ".join(self.compare().split())
        assert shown.count("To compare with one of them: --baseline") == 1  # of one method there is nothing to choose
        assert "--baseline smoothing" in shown.lower() or "--baseline lwal" in shown.lower()
        assert "no smoothing run is here" in " ".join(self.compare("--baseline", "smoothing").split()).lower()

    def test_no_runs_leads_to_the_first(self):
        assert "lwal demo" in self.compare()
        assert json.loads(self.compare("--json")) == []

    @pytest.mark.parametrize("arguments", [["nobody"], ["--json", "--markdown"], ["--target", "95"]])
    def test_refusals(self, write: Callable[..., Run], arguments: list[str]):
        write("onehot", 1, [0.1, 0.9])
        result = CliRunner().invoke(app, ["compare", *arguments])
        assert isinstance(result.exception, LwalError)
