"""Curves: the verdict, both predictors, every control, and what cannot be compared."""

from __future__ import annotations

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from app.curves.at_epoch import at_epoch
from lwal_core.analysis.comparison.curve import Curve
from lwal_core.runs import RunWriter
from tests.app.conftest import text_of as shown


def text_of(at: AppTest) -> str:
    return shown(at).replace("\\", "")


@pytest.fixture
def compared(make_run):
    for seed, (base, ours) in {12: (0.90, 0.95), 123: (0.91, 0.96), 1234: (0.92, 0.94)}.items():
        make_run("onehot", seed=seed, accuracy=base, epochs=6)
        make_run("lwal", seed=seed, accuracy=ours, epochs=6)


def test_empty(open_page):
    assert "No curves yet" in text_of(open_page("curves"))


def test_the_answer_above_the_figure_has_at_most_twelve_words(open_page, compared):
    at = open_page("curves")
    elements = list(at.main)
    figure = next(i for i, element in enumerate(elements) if element.type == "plotly_chart")
    said = [e.value.replace("\\", "") for e in elements[:figure] if e.type in ("markdown", "caption")]
    (answer,) = [text for text in said if text.startswith("**")]
    assert answer == "**Undecided: no clear difference to one-hot in epochs.**" and len(answer.split()) <= 12
    below = "".join(e.value for e in elements[figure:] if e.type in ("markdown", "caption"))
    assert below.count("Predicting by") == 3 and "best accuracy shows" in below


def test_verdict_names_method_seeds_and_epochs(open_page, compared):
    text = text_of(open_page("curves"))
    assert "Predicting by the rule each method is used with" in text and "Predicting by nearest class mean" in text
    assert "LwAL reaches one-hot's best accuracy (91.0 %)" in text
    assert "n=3" in text
    assert "own predictor" in text


def test_table_has_one_row_a_method_baseline_first(open_page, compared):
    rows = open_page("curves", {"more_columns": "true"}).dataframe[0].value
    assert list(rows["Method"]) == ["One-hot"] * 3 + ["LwAL"] * 3
    alike = ["nearest class mean", "own predictor"]
    assert list(rows["Predicted by"]) == ["as used: largest output", *alike, "as used: nearest class mean", *alike]
    assert rows["Reached target"].tolist() == ["3 of 3"] * 6
    assert rows["Label work in a step"].tolist() == ["not measured"] * 6


def test_the_table_answers_in_five_columns(open_page, compared):
    at = open_page("curves")
    rows = at.table[0].value
    assert list(rows.columns) == [
        "Method", "Best accuracy", "To the baseline", "Epochs to the baseline's best", "Seeds",
    ]  # fmt: skip
    assert rows["Seeds"].tolist() == ["3", "3"] and rows["Method"].tolist() == [r"One\-hot", "LwAL"]
    assert rows["To the baseline"].tolist()[0] == "baseline" and not at.dataframe


def test_what_differs_is_said_in_the_legends_names_and_in_words(open_page, make_run):
    base, plain = make_run("onehot"), make_run("lwal")
    plus = make_run(options={"dim": "10x", "push_weight": 0.0, "leave_one_out": True})
    rows = open_page("curves", {"runs": [base.group, plain.group, plus.group]}).table[1].value
    assert [name.replace("\\", "") for name in rows["Method"]] == ["One-hot", "LwAL", "lwal-plus"]
    said = [text.replace("\\", "") for text in rows["Its settings"]]
    assert said == [
        "its defaults",
        "Label dimension 1x; Push weight 10; Leave a sample out of its own class mean off",
        "Label dimension 10x; Push weight 0; Leave a sample out of its own class mean on",
    ]
    assert "method." not in " ".join(said)


@pytest.mark.parametrize(
    "query",
    [
        {"curve": "Losses"},
        {"curve": "Losses", "log": "true"},
        {"x": "Samples seen"},
        {"x": "Seconds of training", "band": "95 % interval of the mean"},
        {"predictor": "Own predictor", "smoothing": "0.5", "seeds": "true"},
        {"target": "50"},
        {"target": "99.9"},
        {"smoothing": "nonsense", "target": "nonsense"},
    ],
)
def test_every_view_draws_from_its_address(open_page, compared, query):
    at = open_page("curves", query)
    assert len(at.get("plotly_chart")) == 1


def test_one_run_has_no_spread_and_says_so(open_page, make_run):
    make_run()
    at = open_page("curves", {"more_columns": "true"})
    assert at.dataframe[0].value["Best accuracy"].tolist() == ["95.0 % (n=1)"] * 3


def test_different_data_is_not_compared_in_silence(open_page, make_run):
    make_run("onehot")
    other = make_run("lwal", data={"name": "shapes"})
    base = make_run("onehot")
    at = open_page("curves", {"runs": [base.group, other.group]})
    assert "different data" in text_of(at)


def test_more_than_the_method_differs(open_page, make_run):
    base, ours = make_run("onehot", epochs=3), make_run("lwal", epochs=5)
    assert "More than the label method differs" in text_of(open_page("curves", {"runs": [base.group, ours.group]}))


def test_run_in_its_first_epoch(open_page, make_run):
    run = make_run()
    lines = (run.path / "metrics.jsonl").read_bytes().splitlines(keepends=True)
    (run.path / "metrics.jsonl").write_bytes(lines[0])
    assert "No curves yet" in text_of(open_page("curves", {"runs": run.group}))


def test_older_runs_say_that_class_accuracies_were_not_recorded(open_page, compared):
    assert "was not recorded when these runs were trained" in text_of(open_page("curves", {"curve": "Classes"}))


def test_classes_are_drawn_where_they_were_recorded(open_page, make_run):
    run = make_run(classes=12, epochs=2)
    for epoch in range(3):
        vectors = run.vectors(epoch)
        RunWriter(run.path).labels(epoch, vectors, vectors, {"mean": np.linspace(0.2, 0.9, 12) * (epoch + 1) / 3})
    at = open_page("curves", {"curve": "Classes", "x": "Steps", "logx": "true"})
    assert len(at.get("plotly_chart")) == 1
    chosen = next(widget for widget in at.pills if widget.label == "Classes")
    assert chosen.value == [f"class {i}" for i in range(8)]  # the eight with the lowest accuracy at the end
    chosen.set_value([]).run()
    assert not at.exception and not at.error


def test_of_many_classes_one_is_searched_and_added(open_page, make_run):
    run = make_run(classes=30, epochs=1)
    for epoch in range(2):
        vectors = run.vectors(epoch)
        RunWriter(run.path).labels(epoch, vectors, vectors, {"mean": np.linspace(0.2, 0.9, 30)})
    at = open_page("curves", {"curve": "Classes"})
    add = next(widget for widget in at.selectbox if widget.label == "Add a class")
    add.set_value("class 29").run()
    assert not at.exception, at.exception
    chosen = next(widget for widget in at.pills if widget.label == "Classes").value
    assert chosen == [*(f"class {i}" for i in range(8)), "class 29"]


def test_many_groups_are_compared_in_a_table_at_an_epoch(open_page, make_run):
    made = [make_run("onehot", accuracy=0.9, classes=2, images=False)]
    made += [
        make_run(
            training={"epochs": 3, "seed": 12, "learning_rate": 0.001 * (i + 1)}, accuracy=0.8 + i / 200, classes=2
        )
        for i in range(20)
    ]
    at = open_page("curves", {"runs": [run.group for run in made]})
    rows = next(frame.value for frame in at.dataframe if "Rank" in frame.value)
    last = sorted((run.metrics().accuracy("mean")[-1] for run in made), reverse=True)
    assert rows["Mean, %"].tolist() == pytest.approx([100 * value for value in last])
    at.select_slider(key="curves_at").set_value(1).run()
    assert not at.exception
    rows = next(frame.value for frame in at.dataframe if "Rank" in frame.value)
    assert len(rows) == 21 and rows["Mean, %"].is_monotonic_decreasing
    first = sorted((run.metrics().accuracy("mean")[1] for run in made), reverse=True)
    assert rows["Mean, %"].tolist() == pytest.approx([100 * value for value in first])


def test_a_row_of_the_table_leaves_out_who_has_no_value_there():
    epoch = np.arange(3.0)
    measured = Curve("a", "a", "a", 0, epoch, np.array([0.1, 0.5, 0.7]), epoch, epoch)
    holed = Curve("b", "b", "b", 0, epoch, np.array([0.1, np.nan, 0.9]), epoch, epoch)
    rows = at_epoch({"a": [measured], "b": [holed]}, "b", 1)
    assert [(row["Method"], row["Mean, %"], row["To the baseline, points"]) for row in rows] == [("a", 50.0, None)]
    rows = at_epoch({"a": [measured], "b": [holed]}, "b", 2)
    assert [row["Method"] for row in rows] == ["b", "a"]
    assert rows[1]["To the baseline, points"] == pytest.approx(-20.0)
    assert at_epoch({"a": []}, "a", 0) == []


@pytest.fixture
def measured(make_run):
    """Two methods with a validation part and measures; of the third, an older run, nothing of the kind is known."""
    made = {}
    for method in ("onehot", "lwal", "smoothing"):
        run = made[method] = make_run(method, epochs=3)
        if method == "smoothing":
            continue
        writer = RunWriter(run.path)
        for epoch in range(4):
            row = {
                "epoch": epoch,
                "seconds": 0.5 * epoch,
                "test_accuracy_mean": 0.5 + 0.1 * epoch,
                "test_accuracy_own": 0.5 + 0.1 * epoch,
            }
            held = 0.9 - 0.1 * abs(epoch - 2)
            row |= {"validation_accuracy_mean": held, "validation_accuracy_own": held, "test_calibration_error": 0.125}
            writer.metrics(row)
            bins = np.zeros((3, 15))
            bins[:, 14], bins[:, 7] = (30, 29, 27), (10, 5, 6)
            vectors = run.vectors(epoch)
            shares = {rule: np.full(10, 0.75) for rule in ("mean", "own")}
            precision = {f"precision_{rule}": np.full(10, 0.625) for rule in ("mean", "own")}
            writer.labels(epoch, vectors, vectors, shares, measured=precision | {"calibration": bins})
    return made


def test_the_part_that_the_best_epoch_was_chosen_on_is_said_once(open_page, compared):
    assert text_of(open_page("curves")).count("Best epochs were chosen on the test set") == 1


def test_the_verdict_compares_at_the_epoch_that_the_validation_part_chooses(open_page, measured):
    at = open_page("curves", {"runs": [measured["onehot"].group, measured["lwal"].group]})
    text = text_of(at)
    assert (
        "est accuracy at the epoch chosen on the validation part is the same" in text
        and "Best epochs were chosen on the validation part" in text
    )
    assert at.table[0].value["At chosen epoch"].tolist() == [r"70\.0 %"] * 2
    text = text_of(open_page("curves"))
    assert "were chosen on a validation part, the others on the test set" in text


@pytest.mark.parametrize("name", ["Training accuracy", "Validation accuracy", "Calibration error"])
def test_other_parts_and_measures_are_drawn(open_page, measured, name):
    at = open_page("curves", {"curve": "Measures", "measure": name})
    assert not at.exception and not at.error
    assert at.selectbox(key="measure").options == ["Training accuracy", "Validation accuracy", "Calibration error"]
    charts = [chart.proto.spec for chart in at.get("plotly_chart")]
    assert name in charts[0] and len(charts) == (2 if name == "Calibration error" else 1)
    if len(charts) == 2:
        # 30 samples sure of 29/30 and right in 27/30, 10 sure of a half and right in 6: (2 + 1) / 40
        assert "One-hot, error 7.50 %" in charts[1] and "Smoothing" not in charts[1]


def test_precision_of_the_classes(open_page, measured):
    at = open_page("curves", {"curve": "Classes", "of_class": "Precision", "classes_of": "One-hot"})
    assert not at.exception and not at.error
    assert "Precision of each class, One-hot" in at.get("plotly_chart")[0].proto.spec
    at = open_page("curves", {"curve": "Classes", "of_class": "Precision", "classes_of": "Label smoothing"})
    assert "precision of each class was not recorded" in text_of(at)


def test_severity_of_decisions_is_told_where_a_taxonomy_fits(open_page, make_run):
    names = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
    for seed in (12, 123, 1234):
        for method in ("hybrid", "lwal"):
            make_run(method, seed=seed, class_names=names, epochs=2)
    at = open_page("curves", {"curves_severity": "true"})
    text = text_of(at)
    assert "Decisions of LwAL by its own tree" in text and "Not here: Hybrid" in text
    rows = next(frame.value for frame in at.dataframe if "decides by" in frame.value)
    assert rows["decides by"].tolist() == [
        "likeliest class",
        "least cost by the reference",
        "least cost by its own tree",
    ]
    at.segmented_control(key="severity_tree").set_value("Each method's own tree").run()
    assert not at.exception and at.segmented_control(key="severity_tree").value == "Each method's own tree"


def test_severity_says_why_it_is_not_known(open_page, compared):
    assert "No reference taxonomy fits" in text_of(open_page("curves", {"curves_severity": "true"}))


ANIMALS = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]


def test_collapse_is_drawn_by_layer_and_measure(open_page, make_run):
    for seed in (12, 123, 1234):
        for method, factor in (("onehot", 1.0), ("lwal", 2.0)):
            run = make_run(method, seed=seed)
            rows = [
                {
                    "epoch": e,
                    "test_accuracy_own": 0.5,
                    "test_accuracy_mean": 0.5,
                    "features_nc1": factor * (1 + seed / 1e5) / (1 + e),
                    "outputs_nc3": 0.5,
                }
                for e in range(4)
            ]
            RunWriter(run.path).metrics(*rows)
    at = open_page("curves", {"curves_forming": "true"})
    assert "After the last epoch NC1 of the features is 0.5" in text_of(at)
    assert "with one-hot the samples of a class lie closer together" in text_of(at)
    at.segmented_control(key="forming_layer").set_value("Outputs").run()
    at.selectbox(key="forming_measure").set_value("nc3").run()
    assert not at.exception and "After the last epoch NC3 of the outputs is 0.5" in text_of(at)
    at.selectbox(key="forming_measure").set_value("cdnv").run()
    assert "was not recorded when these runs were trained, or is not defined" in text_of(at) and not at.exception


def test_levels_are_drawn_where_a_taxonomy_fits(open_page, make_run):
    for seed in (12, 123, 1234):
        for method in ("onehot", "lwal"):
            make_run(method, seed=seed, class_names=ANIMALS, layers=True)
    at = open_page("curves", {"curves_forming": "true", "forming": "Levels"})
    assert "With LwAL the 10 classes get to 90 % of their final accuracy" in text_of(at)
    rows = next(frame.value for frame in at.dataframe if "Level" in frame.value)
    assert rows["Method"].tolist() == ["One-hot"] * (len(rows) // 2) + ["LwAL"] * (len(rows) // 2)
    assert rows["Level"].tolist()[0] == "2 groups" and rows["Level"].tolist()[-1] == "10 classes"
    at.segmented_control(key="forming_of_level").set_value("NC1").run()
    at.selectbox(key="forming_method").set_value("One-hot").run()
    assert not at.exception and not at.error


def test_older_runs_have_neither_collapse_nor_levels_and_say_so(open_page, compared):
    assert "was not recorded when these runs were trained" in text_of(open_page("curves", {"curves_forming": "true"}))
    levels = text_of(open_page("curves", {"curves_forming": "true", "forming": "Levels"}))
    assert "No reference taxonomy fits the classes" in levels


@pytest.mark.parametrize("value", ["", "nonsense", "<b>x</b>", "Levels\n# x"])
def test_any_address_of_the_section_draws(open_page, make_run, value):
    make_run("onehot", class_names=ANIMALS, layers=True)
    names = ("forming", "forming_layer", "forming_measure", "forming_method", "forming_of_level")
    for what in ("Collapse", "Levels"):
        at = open_page("curves", {"curves_forming": "true", **dict.fromkeys(names, value), "forming": what})
        assert not at.exception
