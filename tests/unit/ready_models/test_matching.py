"""Outputs of a model that stand for the classes of a data set."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lwal_core.ready_models.matching import matching_outputs

OUTPUTS = ["tench, Tinca tinca", "crane", "grey seal", "crane", "maillot, tank suit"]


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("Tench", 0),
        ("tinca_tinca", 0),
        ("tank-suit", 4),
        ("grey  seal", 2),
        ("crane", None),
        ("seal", None),
        ("", None),
    ],
)
def test_names_are_compared_without_case_and_by_each_synonym(name: str, found: int | None) -> None:
    assert matching_outputs([name], OUTPUTS) == [found]


def test_an_output_stands_for_one_class_only() -> None:
    assert matching_outputs(["tench", "Tinca tinca", "maillot"], OUTPUTS) == [None, None, 4]


def test_the_same_names_in_the_same_order_match_even_where_some_repeat() -> None:
    assert matching_outputs(["a", "b", "A"], ["A", "b", "a"]) == [0, 1, 2]


@given(
    st.lists(st.text("abcXY _-", min_size=1), min_size=1, max_size=8, unique_by=lambda t: t.casefold()), st.randoms()
)
def test_whatever_is_matched_has_the_same_name(names: list[str], random: object) -> None:
    outputs = list(names)
    random.shuffle(outputs)  # type: ignore[attr-defined]
    plain = [" ".join(n.casefold().replace("_", " ").replace("-", " ").split()) for n in outputs]
    for name, number in zip(names, matching_outputs(names, outputs), strict=True):
        own = " ".join(name.casefold().replace("_", " ").replace("-", " ").split())
        assert number is None or plain[number] == own
        if plain.count(own) == 1:
            assert number is not None
