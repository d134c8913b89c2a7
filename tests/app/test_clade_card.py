"""Card of what was picked in the tree: numbers, pictures, text to copy."""

from __future__ import annotations

from collections.abc import Callable

from streamlit.testing.v1 import AppTest

from app.tree.chosen_node import CLADE
from app.tree.clade_card import MOST_PICTURES, facts_text, member_pictures
from lwal_core.results.clade_facts import Fact
from lwal_core.results.run_tree import run_hierarchy
from lwal_core.results.tree_spec import TreeSpec
from lwal_core.runs import Run, annotate_clade
from tests.app.conftest import text_of

Open = Callable[..., AppTest]
Make = Callable[..., Run]


def test_a_clade_has_numbers_and_can_be_copied_with_name_and_note(open_page: Open, make_run: Make) -> None:
    run = make_run("lwal", classes=8, accuracy=0.6)
    h = run_hierarchy(run, TreeSpec.of(run, 3))
    node = next(node for node in range(8, 14) if h.sizes[node] >= 2)
    members = [h.names[i] for i in h.members(node)]
    annotate_clade(run.path, members, "my *pets*", "seen <b>twice</b>")
    at = open_page("hierarchy", {"support": "true"})
    at.session_state[CLADE] = tuple(members)
    at.run()
    assert not at.exception
    said = text_of(at)
    assert "**Accuracy**" in said and "**Recall**" in said and "**Inside**" in said and "**From outside**" in said
    (copied,) = [block.value for block in at.code if "my *pets*" in block.value]
    assert "seen <b>twice</b>" in copied and "Height: " in copied and "Test set after epoch" in copied
    assert f"Classes ({len(members)}): " in copied


def test_without_test_results_the_card_says_so_and_stays(open_page: Open, make_run: Make) -> None:
    run = make_run("lwal", classes=4)
    (run.path / "eval.safetensors").unlink()
    at = open_page("hierarchy", {"tree_class": "class 1"})
    assert not at.error and "**Accuracy**" not in text_of(at)
    assert any("Nearest clade: " in block.value for block in at.code)


def test_pictures_are_spread_over_the_classes(make_run: Make) -> None:
    run = make_run("lwal", classes=40)
    h = run_hierarchy(run, TreeSpec.of(run, 3))
    found = member_pictures(run, h, 2 * h.n - 2)
    assert len(found) == MOST_PICTURES == len({name for name, _ in found})
    assert found[0][0] == h.names[h.order[0]] and found[-1][0] == h.names[h.order[-1]]
    assert all(source.startswith("data:image/png") for _, source in found)
    bare = make_run("lwal", classes=4, images=False)
    assert member_pictures(bare, run_hierarchy(bare, TreeSpec.of(bare, 3)), 4) == []


def test_names_on_the_card_are_shown_as_they_are() -> None:
    text = facts_text([Fact("Taken for", "**b** [x](http://evil.org) (3)"), Fact("Accuracy", "70 %")])
    assert text.startswith("**Accuracy** 70 %  \n**Taken for** \\*\\*b\\*\\* \\[x\\]\\(http")
