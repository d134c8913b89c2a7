"""Read-only mode as the pages show it: all of them draw, and what would change something is disabled with the reason."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from app.common.pages import page_names
from app.tree.chosen_node import CLADE
from lwal_core.results.run_tree import run_hierarchy
from lwal_core.runs import Run
from lwal_core.security.permissions import READ_ONLY
from lwal_core.shares import list_shares


@pytest.mark.parametrize("page", page_names())
def test_every_page_draws(
    open_page: Callable[..., AppTest], make_run: Callable[..., Run], monkeypatch: pytest.MonkeyPatch, page: str
) -> None:
    make_run("onehot")
    run = make_run()
    monkeypatch.setenv(READ_ONLY, "1")
    at = open_page(page, {"run": run.id})
    if page == "hierarchy":
        h = run_hierarchy(run)
        at.session_state[CLADE] = tuple(h.names[i] for i in h.members(h.n + 2))
        at.run()
        assert not at.exception
    changing = [
        button for button in at.button if button.label.startswith(("Start", "Keep", "Make a link", "Cancel", "Import"))
    ]
    assert all(button.disabled and "read-only" in button.help for button in changing)
    assert len(changing) == {"home": 2, "train": 1, "hierarchy": 1, "share": 1}.get(page, 0)


def test_a_click_that_comes_all_the_same_changes_nothing(
    open_page: Callable[..., AppTest], make_run: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page that was open before the mode was set still has its buttons."""
    run = make_run()
    at = open_page("share", {"run": run.id})
    monkeypatch.setenv(READ_ONLY, "1")
    next(b for b in at.button if b.label == "Make a link").click().run()
    assert not at.exception and not list(at.code) and list_shares() == []


def test_nobody_is_told_what_lies_on_the_machine(
    open_page: Callable[..., AppTest], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Paths in the form are answered alike, whether anything is there or not."""
    (tmp_path / "secret-class").mkdir()
    monkeypatch.setenv(READ_ONLY, "1")
    at = open_page("train")
    answers = set()
    for path in (tmp_path, tmp_path / "nowhere"):
        at.session_state["train_source"] = "folder:"
        at.session_state["train_path"] = str(path)
        at.run()
        assert not at.exception
        answers.add(tuple(error.value for error in at.error))
    assert len(answers) == 1 and "look into files of this machine" in str(answers)
