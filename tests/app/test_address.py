"""What the address asks for: runs, epochs and options that are here, are not here, or stand outside the selection."""

from __future__ import annotations

import pytest

from lwal_core.jobs.gc import delete
from lwal_core.runs.edits import archive
from tests.app.conftest import said, text_of


@pytest.mark.parametrize("page", ["hierarchy", "embeddings", "share"])
@pytest.mark.parametrize("gone", ["deleted", "archived", "unknown"])
def test_a_run_that_is_not_here_is_said_and_the_address_stays(open_page, make_run, page, gone):
    make_run(seed=123)
    run = make_run(seed=12)
    if gone == "deleted":
        delete(run.id)
    elif gone == "archived":
        archive(run)
    wanted = "nothing" if gone == "unknown" else run.id
    at = open_page(page, {"run": wanted})
    text = text_of(at).replace("\\", "")
    assert f"The run {wanted} is not here" in text
    assert ("archive" in text) == (gone == "archived")
    assert said(at, "run") == [wanted] and not at.get("plotly_chart")
    at.button(key="address_forget").click().run()
    assert "is not here" not in text_of(at) and said(at, "run") not in ([], [wanted])


def test_a_run_outside_the_selection_joins_it_and_is_shown(open_page, make_run):
    chosen, outside = make_run(seed=12), make_run("onehot", seed=12)
    at = open_page("hierarchy", {"runs": [chosen.group], "run": outside.id})
    assert at.session_state["selected_run"] == outside.id
    assert at.session_state["selected_groups"] == [chosen.group, outside.group]
    assert "joined the selection" in text_of(at)


def test_an_older_run_of_the_same_seed_is_shown(open_page, make_run):
    older, newer = make_run(seed=12), make_run(seed=12)
    assert older.group == newer.group
    at = open_page("hierarchy", {"run": older.id})
    assert at.session_state["selected_run"] == older.id


@pytest.mark.parametrize(
    ("name", "value"), [("epoch", "99"), ("linkage", "Nearest"), ("tree_distance", "x"), ("tree_vectors", "y")]
)
def test_an_option_that_is_not_here_is_said_and_the_address_stays(open_page, make_run, name, value):
    make_run()
    at = open_page("hierarchy", {name: value})
    assert f"{value} is not here" in text_of(at) and said(at, name) == [value]
    assert not at.get("plotly_chart")
    at.button(key="address_forget").click().run()
    assert "is not here" not in text_of(at) and len(at.get("plotly_chart")) == 1


def test_epoch_0_and_1_group_come_from_the_address(open_page, make_run):
    make_run()
    at = open_page("hierarchy", {"epoch": "0", "groups": "1"})
    assert at.session_state["epoch"] == 0 and at.session_state["groups"] == 1


def test_the_training_form_is_read_from_the_address_and_its_defaults_are_left_out(open_page):
    query = {
        "train_source": "Shapes", "train_epochs": "3", "train_seeds": "7", "train_methods": ["LwAL"],
        "train_encoder": "Dense", "train_batch_size": "32",
    }  # fmt: skip
    at = open_page("train", query)
    assert at.session_state["train_source"] == "shapes" and at.session_state["train_epochs"] == 3
    assert at.session_state["train_seeds"] == "7" and at.session_state["train_methods"] == ["LwAL"]
    at.number_input(key="train_epochs").set_value(4).run()
    assert "train_learning_rate" not in at.query_params
