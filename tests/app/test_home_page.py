"""Home: the empty state, the list, the search, damaged runs, and text that nobody should trust."""

from __future__ import annotations

import json
import re
import shutil

import pytest
import streamlit as st

from app.home.run_board import REFRESH_SECONDS
from lwal_core.analysis.trees.clade_names import proposed_names, shown_names
from lwal_core.experiments.examples import pack_example
from lwal_core.figures.clade_colors import group_marks
from lwal_core.results.run_tree import run_hierarchy
from lwal_core.results.tree_spec import TreeSpec
from lwal_core.runs import RunWriter, list_runs
from lwal_core.runs.annotations import annotate_clade
from lwal_core.runs.paths import METRICS
from lwal_core.taxonomy import load_taxonomy
from tests.app.conftest import said, text_of

HOSTILE = "<img src=x onerror=alert(1)> **bold** $x$ :red[x] [link](javascript:x)"


def table(at):
    return at.dataframe[0].value


@pytest.fixture
def told(make_run, home, tmp_path, monkeypatch):
    """An example of pictograms, whose story an empty home tells; the home is empty again."""
    names = load_taxonomy("pictograms").classes
    for seed in (12, 1234):
        run = make_run(classes=len(names), class_names=list(names), images=True, seed=seed, data={"name": "pictograms"})
        pack_example(run, tmp_path / f"pictograms-lwal-s{seed}.zip")
        shutil.rmtree(run.path)
    for module in ("examples", "story"):
        monkeypatch.setattr(f"lwal_core.experiments.{module}.FOLDER", tmp_path)
    monkeypatch.setattr("app.home.story.FOLDER", tmp_path)
    monkeypatch.setattr("app.home.examples_gallery.FOLDER", tmp_path)


def test_empty_home_tells_the_story_in_one_sentence_with_a_figure_and_its_words(open_page, told):
    at = open_page()
    (title,) = at.header
    assert len(title.value.split()) <= 12 and not list_runs()
    (story,) = [each.proto.body for each in at.get("html")]
    assert story.count('<img src="data:image/png') == 23 and 'role="img" aria-label="Class tree of 23' in story
    assert "prefers-reduced-motion: no-preference" in story and "<script" not in story
    assert [button.label.partition("[")[2].partition("]")[0] or button.label for button in at.button] == [
        "Try it", "Your images", "Your model", "Your checkpoint", "Open the examples"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("key", "state"),
    [
        ("home_try", {"train_preset": "Pictograms", "train_source": "pictograms"}),
        ("home_images", {"train_source": "folder:"}),
        ("home_model", {"train_kind": "analyse"}),
    ],
)
def test_the_doors_lead_to_a_form_that_is_filled_in(open_page, key, state):
    at = open_page()
    at.button(key=key).click().run()
    assert not at.exception and at.header[0].value == "What shall be trained or analysed?"
    assert {name: at.session_state[name] for name in state} == state


def test_the_last_door_brings_a_checkpoint(open_page):
    at = open_page()
    at.button(key="bring").click().run()
    assert not at.exception and at.session_state["bring_open"]


def test_an_empty_home_without_examples_or_with_a_damaged_one_has_its_doors(open_page, monkeypatch, tmp_path):
    for module in ("lwal_core.experiments.story", "lwal_core.experiments.examples", "app.home.story"):
        monkeypatch.setattr(f"{module}.FOLDER", tmp_path)
    assert open_page().button(key="home_try").label
    (tmp_path / "pictograms-lwal-s1.zip").write_bytes(b"PK nothing")
    at = open_page()
    assert at.button(key="home_try").label and len(at.error) == 1


def test_groups_with_mean_and_deviation(open_page, make_run):
    for seed, accuracy in ((12, 0.95), (123, 0.97), (1234, 0.96)):
        make_run(seed=seed, accuracy=accuracy)
    make_run("onehot")
    at = open_page()
    rows = table(at).set_index("Name")
    assert rows.loc["LwAL on digits", ["Best test accuracy", "Read by"]].tolist() == [
        "96.0 ± 1.0 % (n=3)",
        "nearest class mean",
    ]
    assert rows.loc["LwAL on digits", "Seeds"] == 3
    assert rows.loc["One-hot on digits", ["Best test accuracy", "Read by"]].tolist() == [
        "95.0 % (n=1)",
        "largest output",
    ]


def test_search(open_page, make_run):
    make_run(name="my birds")
    for epochs in range(3, 12):
        make_run("onehot", epochs=epochs)
    at = open_page()
    assert len(table(at)) == 10
    at.text_input(key="search").set_value("BIRDS").run()
    assert not at.exception
    assert list(table(at)["Name"]) == ["my birds"]
    at.text_input(key="search").set_value("no such thing").run()
    assert not at.exception
    assert "No run matches" in text_of(at)


def test_few_runs_have_no_search_field(open_page, make_run):
    make_run()
    assert "search" not in {field.key for field in open_page().text_input}


def test_columns_on_demand_and_order_by_any_of_them(open_page, make_run):
    make_run("onehot", epochs=4)
    make_run(epochs=3)
    at = open_page(query={"columns": "encoder.name"})
    assert list(table(at)["encoder.name"]) == ["auto", "auto"]
    at.selectbox(key="group_by").set_value("training.epochs").run()
    assert not at.exception
    assert next(iter(table(at).columns)) == "training.epochs" and list(table(at)["training.epochs"]) == ["3", "4"]
    assert list(table(open_page(query={"group_by": "Method"}))["Method"]) == ["LwAL", "One-hot"]


def test_nonsense_in_the_address_of_the_table_is_no_matter(open_page, make_run):
    make_run()
    at = open_page(query={"group_by": "<b>no", "columns": ["../x", "training.epochs"], "search": "*" * 300})
    assert not at.exception and "No run matches" in text_of(at)


def test_what_is_ticked_is_tagged_archived_and_deleted_at_once_and_comes_back(open_page, make_run):
    base, ours = make_run("onehot"), make_run()
    at = open_page()
    assert "All runs of the 2 ticked rows, every seed." in text_of(at)
    at.text_input(key="bulk_tags").set_value("first look, a").run()
    at.button(key="bulk_Add tags").click().run()
    assert {run.id: run.tags for run in list_runs()} == {run.id: ("first look", "a") for run in (base, ours)}
    at.button(key="bulk_Archive").click().run()
    assert not at.exception and all(run.archived for run in list_runs())
    at.button(key="bulk_undo").click().run()
    assert not any(run.archived for run in list_runs())
    at.multiselect(key="selected_groups").set_value([ours.group]).run()
    delete_button = next(button for button in at.button if button.label == "Delete")
    delete_button.click().run()
    assert not at.exception and [run.id for run in list_runs()] == [base.id]
    next(button for button in at.button if button.label == "Undo").click().run()
    assert {run.id for run in list_runs()} == {base.id, ours.id}


def test_those_that_train_are_cancelled_at_once(open_page, make_run):
    make_run(status="queued")
    make_run("onehot")
    at = open_page(query={"runs": [run.group for run in list_runs()]})
    assert at.button(key="bulk_Cancel").help == "Stops 1 run; what is trained so far is kept."
    at.button(key="bulk_Cancel").click().run()
    assert not at.exception and {run.status for run in list_runs()} == {"cancelled", "done"}


def test_search_is_in_the_address(open_page, make_run):
    make_run(name="my birds")
    make_run("onehot")
    assert list(table(open_page(query={"search": "birds"}))["Name"]) == ["my birds"]


def test_damaged_run_is_shown_with_its_reason_and_breaks_nothing(open_page, make_run):
    make_run()
    broken = make_run("onehot")
    (broken.path / "run.json").write_text("{")
    at = open_page()
    rows = table(at).set_index("Name")
    assert "damaged" in rows.loc[broken.id, "Status"]
    assert "1 run folder cannot be read" in text_of(at)


def test_only_damaged_runs(open_page, make_run):
    broken = make_run()
    (broken.path / "run.json").unlink()
    assert "cannot be read" in text_of(open_page())


@pytest.mark.parametrize(
    "damage", ["labels/epoch-0003.safetensors", "metrics.jsonl", "eval.safetensors", "samples.npz"]
)
def test_damaged_files_of_the_preview(open_page, make_run, damage):
    run = make_run()
    (run.path / damage).write_bytes(b"\x00\x01")
    at = open_page()
    assert damage != "samples.npz" or at.get("plotly_chart")  # without pictures


def test_hostile_names_are_text(open_page, make_run):
    make_run(name=HOSTILE, class_names=[HOSTILE, "b", "c"])
    at = open_page()
    markdown = "\n".join(str(m.value) for m in at.markdown)
    assert "\\<img" in markdown or "<img" not in markdown
    assert ":red[x]" not in markdown


@pytest.mark.parametrize(("classes", "images", "shown"), [(4, True, 4), (4, False, 0), (41, True, 0)])
def test_the_preview_has_a_picture_at_each_leaf_where_they_fit(open_page, make_run, classes, images, shown):
    make_run(classes=classes, images=images)
    at = open_page()
    trees = [json.loads(element.proto.spec) for element in at.get("plotly_chart")]
    assert [len(tree["layout"].get("images", ())) for tree in trees if "merges" in str(tree["data"])] == [shown]


@pytest.mark.parametrize("classes", [1, 2, 3])
def test_few_classes(open_page, make_run, classes):
    make_run(classes=classes)
    open_page()


@pytest.mark.parametrize("status", ["queued", "running", "cancelled", "failed", "interrupted"])
def test_unfinished_runs(open_page, make_run, status):
    make_run(status=status)
    open_page()


def test_two_groups_that_read_alike_are_told_apart(open_page, make_run):
    make_run(epochs=3)
    make_run(epochs=4)
    names = set(table(open_page())["Name"])
    assert names == {"LwAL on digits (epochs 3)", "LwAL on digits (epochs 4)"}


def test_the_selection_is_in_the_address_and_comes_back_from_it(open_page, make_run):
    make_run("onehot")
    make_run()
    at = open_page()
    assert len(at.query_params["runs"]) == 2
    lwal = next(run.group for run in list_runs() if run.method == "lwal")
    again = open_page(query={"runs": lwal})
    assert again.multiselect(key="selected_groups").value == [lwal]


def test_an_address_with_nonsense_says_so_and_stays(open_page, make_run):
    run = make_run()
    query = {"runs": ["../../etc", "zzz"], "baseline": "<script>", "run": "../x", "epoch": "9999"}
    at = open_page(query=query)
    assert at.multiselect(key="selected_groups").value == []
    assert "2 entries of the address's selection are not here" in text_of(at)
    assert said(at, "runs") == query["runs"]
    at.multiselect(key="selected_groups").set_value([run.group]).run()
    assert "not here" not in text_of(at) and said(at, "runs") == [run.group]


def test_ticks_of_the_table_are_the_selection(open_page, make_run):
    base, ours = make_run("onehot"), make_run()
    at = open_page()
    key = "home_table__2"
    assert at.session_state[key]["selection"]["rows"] == [0, 1]
    at.multiselect(key="selected_groups").set_value([base.group]).run()
    names = at.dataframe[0].value["Name"].tolist()
    assert [names[row] for row in at.session_state[key]["selection"]["rows"]] == ["One-hot on digits"]
    assert ours.group not in said(at, "runs")


VEHICLES_FIRST = ["airplane", "ship", "automobile", "truck", "cat", "dog", "horse", "deer", "bird", "frog"]
"""Classes of CIFAR-10: runs of the tests have their vectors along a line, so that neighbours here are neighbours there."""


def beside(at):
    """What stands beside the title."""
    return next(each.value.replace("\\", "") for each in at.caption)


def test_the_first_answer_names_the_groups_of_the_newest_labels_as_hierarchy_does_and_colours_them(open_page, make_run):
    make_run("onehot", class_names=VEHICLES_FIRST)
    run = make_run(class_names=VEHICLES_FIRST)
    at = open_page()
    title = at.header[0].value.replace("\\", "")
    assert title.startswith("Labels put apart: ") and "vertebrate" in title and len(title.split()) <= 12
    told = next(str(each.value) for each in open_page("hierarchy").markdown if str(each.value).startswith("At "))
    names = told.replace("\\", "").rstrip(".").partition(": ")[2].split(", ")
    assert len(names) > 1 and [name for name in names if name not in title] == []
    h = run_hierarchy(run, TreeSpec.of(run))
    colors = {mark.color for mark in group_marks(h, h.default_groups)}
    (tree,) = [each.proto.spec for each in at.get("plotly_chart") if "merges" in each.proto.spec]
    assert len(colors) > 1 and [color for color in colors if color not in tree] == []


def test_groups_that_may_be_chance_and_groups_without_names_are_said_to_be(open_page, make_run):
    mixed = ["airplane", "cat", "ship", "dog", "automobile", "horse", "truck", "deer", "bird", "frog"]
    make_run(class_names=mixed)
    title = open_page().header[0].value
    assert title == "The groups of labels are not shown to be better than chance." and len(title.split()) <= 12
    make_run(name="unnamed", data={"name": "shapes"}, class_names=["ax", "by", "cz", "dw", "ev", "fu"])
    title = open_page().header[0].value
    assert title.startswith("Labels make 3 groups: ") and {"ax", "by", "cz", "dw", "ev", "fu"} == set(
        re.findall(r"\b[a-z]{2}\b", title.partition(": ")[2])
    )
    make_run(name="many", data={"name": "shapes"}, class_names=[f"x{chr(97 + i)}" for i in range(20)])
    title = open_page().header[0].value
    assert title.startswith("Labels make ") and title.endswith(" groups; none of them has a name.")


def test_names_that_people_gave_are_told_first_and_as_many_as_twelve_words_hold(open_page, make_run):
    run = make_run(class_names=[f"k{i}" for i in range(12)], data={"name": "shapes"})
    h = run_hierarchy(run, TreeSpec.of(run))
    for number, mark in enumerate(group_marks(h, h.default_groups)):
        if mark.node >= h.n:
            annotate_clade(run.path, [h.names[i] for i in h.members(mark.node)], f"a b c d e f {number}")
    title = open_page().header[0].value.replace("\\", "")
    assert title.startswith("Labels put apart: a b c d e f") and len(title.split()) <= 12


def test_home_tells_of_finished_labels_before_newer_ones_in_training_and_before_the_baseline(open_page, make_run):
    def drawn(at):
        (tree,) = [json.loads(each.proto.spec) for each in at.get("plotly_chart") if "merges" in each.proto.spec]
        return tree["layout"]["title"]["text"]

    make_run("onehot")
    at = open_page()
    assert at.header[0].value.startswith("Class means ") and "One-hot" in drawn(at)
    assert beside(at) == "Train a method that learns labels to compare with."
    make_run()
    make_run("smoothing")
    make_run(options={"dim": "10x"}, status="running", epochs=3)
    assert drawn(open_page()) == "LwAL on digits, seed 12"


def test_the_answer_is_a_sentence_and_the_four_claims_unfold(open_page, make_run):
    for seed, (base, ours) in {12: (0.90, 0.95), 123: (0.91, 0.96), 1234: (0.92, 0.975)}.items():
        make_run("onehot", seed=seed, accuracy=base, epochs=6)
        make_run("lwal", seed=seed, accuracy=ours, epochs=6)
    at = open_page()
    assert beside(at).startswith("LwAL beside one-hot: better by 5.2 points, ")
    assert "Faster?" not in "".join(str(each.value) for each in at.markdown)
    at.session_state["home_claims"] = True
    at.run()
    assert not at.exception
    text = "\n".join(str(part.value).replace("\\", "") for part in [*at.markdown, *at.caption, *at.subheader])
    for question in ("Faster?", "Better?", "Cheap?", "Meaningful?"):
        assert f"**{question}**" in text
    assert "+5.2 points" in text and "1 times" in text
    assert "No taxonomy fits these classes" in text


def test_an_answer_of_no_says_by_how_much(open_page, make_run):
    for seed, (base, ours) in {12: (0.95, 0.90), 123: (0.96, 0.91), 1234: (0.975, 0.92)}.items():
        make_run("onehot", seed=seed, accuracy=base, epochs=6)
        make_run("lwal", seed=seed, accuracy=ours, epochs=6)
    assert beside(open_page()).startswith("LwAL beside one-hot: worse by 5.2 points, ")


@pytest.mark.parametrize(
    ("methods", "said_first"),
    [
        (("lwal",), "Train one-hot with the same seeds to compare LwAL with."),
        (("onehot",), "Train a method that learns labels to compare with."),
        (("lwal", "onehot"), "LwAL beside one-hot: better undecided, faster undecided."),
    ],
)
def test_the_answer_says_what_is_missing_in_twelve_words(open_page, make_run, methods, said_first):
    for method in methods:
        make_run(method)
    at = open_page()
    assert beside(at) == said_first and len(said_first.split()) <= 12 and len(at.header[0].value.split()) <= 12


def test_examples_for_whoever_has_not_trained_yet(open_page):
    at = open_page()
    at.button(key="examples").click().run()
    assert not at.exception and not at.error
    statuses = set(table(at)["Status"])
    assert statuses == {"example"}
    assert "lwal sweep docs/sweeps/" in text_of(at)


def test_the_examples_answer_the_claims_before_anything_is_opened(open_page, monkeypatch, home):
    monkeypatch.setenv("LWAL_READ_ONLY", "1")
    at = open_page()
    assert not at.get("plotly_chart") and len(at.get("html")) == 1
    at.session_state["home_examples"] = True
    at.run()
    assert not at.exception
    text = text_of(at).replace("\\", "")
    for question in ("Faster?", "Better?", "Cheap?", "Meaningful?"):
        assert f"**{question}**" in text
    assert "Examples, not your runs" in text
    (command,) = [code.value for code in at.code]
    assert command.startswith("lwal sweep docs/sweeps/")
    assert set(table(at)["Status"]) == {"example"}
    assert len(at.get("plotly_chart")) >= 5  # one a claim, the tree, the curves
    assert not list_runs()  # nothing was kept


def test_table_and_preview_follow_a_training_and_keep_the_ticks(open_page, make_run, monkeypatch):
    """The board is a fragment with a clock while something trains, and none while nothing does."""
    clocks = []
    fragment = st.fragment
    monkeypatch.setattr(st, "fragment", lambda draw, run_every=None: (clocks.append(run_every), fragment(draw))[1])
    done = make_run()
    at = open_page()
    assert clocks[-1] is None
    running = make_run("onehot", status="running", epochs=1)
    at.run()
    assert clocks[-1] == REFRESH_SECONDS and not at.exception
    at.multiselect(key="selected_groups").set_value([done.group]).run()
    key, before = "home_table__2", table(at).set_index("Name")
    ticks, shown = at.session_state[key]["selection"]["rows"], at.dataframe[0].proto.id
    last = json.loads((running.path / METRICS).read_text().splitlines()[-1])
    RunWriter(running.path).metrics({**last, "epoch": last["epoch"] + 1})
    at.run()
    after = table(at).set_index("Name")
    assert [rows.loc["One-hot on digits", "Epochs"][:4] for rows in (before, after)] == ["1 of", "2 of"]
    assert at.dataframe[0].proto.id == shown and at.session_state[key]["selection"]["rows"] == ticks
    assert at.multiselect(key="selected_groups").value == [done.group]


def test_groups_that_were_tested_on_other_samples_are_said_not_to_compare(open_page, make_run):
    lwal, onehot = make_run(), make_run("onehot")
    at = open_page("home", {"runs": [lwal.group, onehot.group]})
    assert not at.warning
    data = onehot.record.data
    RunWriter(onehot.path).update(data=data.model_copy(update={"test_size": data.test_size + 7}))
    at.run()
    (said_now,) = [plain.value.replace("\\", "") for plain in at.warning]
    assert f"LwAL {data.test_size:,}, One-hot {data.test_size + 7:,}" in said_now and "not of one test set" in said_now
    shapes = make_run("onehot", data={"name": "shapes"})
    at = open_page("home", {"runs": [lwal.group, shapes.group]})
    assert any("trained on different data" in each.value for each in at.warning)


def test_clades_of_the_tree_have_the_names_that_people_gave_and_those_of_the_taxonomy(open_page, make_run):
    run = make_run(class_names=list(load_taxonomy("cifar10").classes))
    h = run_hierarchy(run, TreeSpec.of(run))
    proposed = shown_names(proposed_names(h, load_taxonomy("cifar10")), h.n)
    node = h.n  # the lowest merge
    annotate_clade(run.path, [h.names[i] for i in h.members(node)], "my own")
    charts = [str(json.loads(each.proto.spec)) for each in open_page().get("plotly_chart")]
    told = next(chart for chart in charts if "my own" in chart)
    others = [name for clade, name in proposed.items() if clade != node]
    assert others and [name for name in others if name not in told] == []
