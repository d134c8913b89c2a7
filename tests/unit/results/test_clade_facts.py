"""Lines of the card of a class or a clade, against numbers worked out by hand."""

from __future__ import annotations

import numpy as np

from lwal_core.analysis.hierarchy import Hierarchy, build_hierarchy
from lwal_core.analysis.trees.confusion import clade_measures
from lwal_core.results.clade_facts import MOST_MEMBERS, card_text, measured_facts, tree_facts

NAMES = ["cat", "dog", "car", "bus"]
COUNTS = np.array([[8, 2, 0, 0], [1, 7, 2, 0], [0, 0, 0, 0], [0, 0, 4, 6]])
PETS, CARS = 4, 5


def four() -> Hierarchy:
    return build_hierarchy([[0.0], [1.0], [10.0], [11.5]], NAMES)


def facts(node: int, counts: np.ndarray = COUNTS) -> dict[str, str]:
    h = four()
    return {fact.label: fact.text for fact in measured_facts(h, node, counts, clade_measures(counts, h))}


def test_a_clade() -> None:
    assert facts(PETS) == {
        "Accuracy": "75.0 % of 20 test samples",
        "Precision": "100 %",
        "Recall": "90.0 %",
        "Inside": "60.0 % of its mistakes: cat → dog (2), dog → cat (1)",
        "To outside": "dog → car (2)",
        "From outside": "nothing else",
    }
    assert facts(CARS)["From outside"] == "dog → car (2)"


def test_a_class() -> None:
    assert facts(1) == {
        "Accuracy": "70.0 % of 10 test samples",
        "Precision": "77.8 %",
        "Taken for": "car (2), cat (1)",
        "Taken for it": "cat (2)",
    }


def test_what_is_undefined_is_said_with_the_reason() -> None:
    car = facts(2)
    assert car["Accuracy"] == "undefined (no test samples)" and car["Precision"] == "0 %"
    empty = facts(PETS, np.zeros((4, 4), dtype=int))
    assert empty["Precision"] == "undefined (never predicted)" and empty["Recall"] == "undefined (no test samples)"
    assert empty["Inside"] == "no mistakes" and empty["To outside"] == "nothing else"


def test_all_classes_have_no_outside() -> None:
    assert set(facts(6)) == {"Accuracy", "Precision", "Recall", "Inside"}


def test_place_in_the_tree() -> None:
    found = {fact.label: fact.text for fact in tree_facts(four(), PETS, 0.75, 4)}
    assert found == {
        "Height": "1 label units",
        "Nearest clade": "car and bus, joined at 10.2",
        "Support": "75.0 % by 4 other seeds",
    }
    assert [fact.label for fact in tree_facts(four(), 0)] == ["Nearest clade"]
    assert [fact.label for fact in tree_facts(four(), 6)] == ["Height"]


def test_the_card_as_text_has_members_and_note_and_is_bounded() -> None:
    h = four()
    text = card_text(h, PETS, tree_facts(h, PETS), name="pets", note="at home", about="Test set after epoch 3.")
    lines = text.splitlines()
    assert lines[0] == "pets" and lines[1] == "Classes (2): cat, dog" and lines[2] == "Height: 1 label units"
    assert lines[-2:] == ["Note: at home", "Test set after epoch 3."]
    assert card_text(h, 0, ()) == "cat"
    n = MOST_MEMBERS + 50
    big = build_hierarchy(np.arange(n)[:, None] * 1.0, [f"c\n{i}" for i in range(n)], optimal_limit=0)
    assert " and 50 more" in card_text(big, 2 * n - 2, ()) and len(card_text(big, 2 * n - 2, ()).splitlines()) == 2
