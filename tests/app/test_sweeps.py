"""Train: a sweep is written, planned and given to the queue; its matrix says how far it is; cancel, retry, limit."""

from __future__ import annotations

import pytest

from app.training.sweep_file import EXAMPLE
from lwal_core.experiments.sweep_runs import submit_sweep, sweep_states
from lwal_core.experiments.sweeps import parse_sweep
from lwal_core.runs import RunWriter, list_runs, open_run
from tests.app.conftest import text_of

TEXT = """
name: small
base: {data: {name: digits, per_class: 20}, training: {epochs: 2}}
grid:
  method: [{name: onehot}, {name: lwal, dim: 10x}]
  training.seed: [1, 2]
"""


def moved(run_id: str, status: str) -> None:
    RunWriter(open_run(run_id).path).move_to(status)  # type: ignore[arg-type]


@pytest.fixture
def form(open_page):
    at = open_page("train")
    at.session_state["train_kind"] = "sweep"
    return at.run()


@pytest.fixture
def board(open_page):
    """The page with the sweeps unfolded."""

    def opened():
        at = open_page("train")
        at.session_state["sweep_board"] = True
        return at.run()

    return opened


class TestForm:
    def test_nothing_can_start_before_there_is_a_sweep(self, form):
        start = next(b for b in form.button if b.key == "train_start")
        assert start.disabled and "before anything starts" in text_of(form) and not form.exception

    def test_the_example_is_a_sweep_and_says_what_it_will_take(self, form):
        form.button(key="train_sweep_example").click().run()
        assert form.text_area[0].value == EXAMPLE and not form.error
        lines = form.table[0].value.to_numpy().ravel().tolist()
        assert lines[0].startswith("12 to train") and "not known before the first run" in lines[2]

    def test_it_starts_every_run_with_the_limit(self, form):
        form.text_area[0].set_value(TEXT).run()
        form.number_input(key="train_at_once").set_value(1).run()
        form.button(key="train_start").click().run()
        assert not form.exception and not form.error
        assert {run.tags for run in list_runs()} == {("sweep:small",)} and len(list_runs()) == 4
        assert {open_run(run.id).record.job.at_once for run in list_runs()} == {1}
        assert "4 waiting or being trained" in form.table[
            0
        ].value.to_string() and "Nothing is left to train." in text_of(form)

    def test_what_is_wrong_is_said_and_nothing_starts(self, form):
        form.text_area[0].set_value(TEXT.replace("epochs: 2", "epochs: 0") + "\nmore: 1").run()
        assert form.error and next(b for b in form.button if b.key == "train_start").disabled and list_runs() == []

    @pytest.mark.parametrize("text", ["[", "<script>alert(1)</script>", "name: x\ngrid: {training.seed: []}", "\x00"])
    def test_what_is_no_sweep(self, form, text: str):
        form.text_area[0].set_value(text).run()
        assert form.error and not form.exception and list_runs() == []


class TestBoard:
    def test_no_sweep_no_section(self, open_page, make_run):
        make_run()
        assert not any("Sweeps" in part.label for part in open_page("train").expander)

    def test_a_matrix_of_options_by_seeds(self, board):
        ids = submit_sweep(parse_sweep(TEXT))
        moved(ids[1], "failed")
        at = board()
        assert [box.options for box in at.selectbox if box.key == "sweep_shown"] == [["small: 3 waiting, 1 failed"]]
        table = at.dataframe[-1].value  # the first one shows the classes of the form's data
        assert table.to_numpy().tolist() == [["One-hot", "waiting", "✗ failed"], ["LwAL10", "waiting", "waiting"]]
        assert list(table) == ["Options", "Seed 1", "Seed 2"]

    def test_cancel_all_then_retry(self, board):
        ids = submit_sweep(parse_sweep(TEXT))
        moved(ids[0], "done")
        at = board()
        next(b for b in at.button if b.label == "Cancel all").click().run()
        assert not at.exception and [open_run(i).status for i in ids] == ["done", *["cancelled"] * 3]
        next(b for b in at.button if b.label == "Retry 3").click().run()
        assert not at.exception and [open_run(i).status for i in ids] == ["done", *["queued"] * 3]

    def test_the_limit(self, board):
        submit_sweep(parse_sweep(TEXT))
        at = board()
        next(n for n in at.number_input if n.label == "Runs at once, at most").set_value(2).run()
        next(b for b in at.button if b.label == "Set").click().run()
        assert not at.exception and {open_run(run.id).record.job.at_once for run in list_runs()} == {2}

    def test_several_runs_of_the_form_are_a_sweep(self, open_page):
        at = open_page("train")
        at.session_state["train_name"] = "<b>my runs</b>"
        at.session_state["train_methods"] = ["One-hot", "lwal-plus"]
        at.session_state["train_seeds"] = "1"
        at.run()
        next(b for b in at.button if b.key == "train_start").click().run()
        assert not at.exception
        (state,) = sweep_states(list_runs())
        assert state.name.startswith("b-my-runs-b-") and [label for label, _ in state.rows()] == [
            "One-hot",
            "lwal-plus",
        ]
