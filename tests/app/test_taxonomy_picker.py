"""The choice of a reference taxonomy, on a small page of its own."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Widget

from app.common.wording import plain
from app.taxonomy.dialogs import preview
from app.taxonomy.matching import MATCHED_BY_HAND
from app.taxonomy.picker import NONE, reference_options
from lwal_core.taxonomy import load_taxonomy
from lwal_core.taxonomy.files import parse_taxonomy
from lwal_core.taxonomy.record import checksum
from lwal_core.taxonomy.store import all_taxonomies, find_taxonomy, matches, save_matches, save_taxonomy
from tests.app.conftest import text_of

PETS = ("pets.csv", b"class,parent\ncat,pet\ndog,pet\npet,animal\nhorse,animal\nship,vessel\n", "text/csv")
CLASSES = ("cat", "dog", "horse", "ship", "truck")
HOSTILE = ("<b>bold</b>", "$x$ *star* [a](b)", ":red[alarm]", "cat")


def page() -> None:
    import streamlit as st

    from app.taxonomy.picker import pick_taxonomy

    taxonomy = pick_taxonomy(st.session_state["names"])
    st.text("none" if taxonomy is None else taxonomy.name)


def open_page(names: Sequence[str] = CLASSES, **query: str) -> AppTest:
    at = AppTest.from_function(page, default_timeout=60)
    at.session_state["names"] = tuple(names)
    for key, value in query.items():
        at.query_params[key] = value
    return run(at)


def run(step: AppTest | Widget) -> AppTest:
    """Run the page, after a widget of it was moved."""
    at = step.run()
    assert not at.exception, at.exception
    return at


def chosen(at: AppTest) -> str:
    return str(at.text[0].value)


def own() -> list[str]:
    return [known.name for known in all_taxonomies() if known.own]


def bring(at: AppTest, file: tuple[str, bytes, str] = PETS) -> AppTest:
    run(at.button(key="taxonomy_own").click())
    return run(at.file_uploader[0].set_value(file))


class TestChoice:
    def test_the_fitting_one_is_the_default_and_none_is_there(self) -> None:
        at = open_page()
        assert chosen(at) == "cifar10"
        assert at.selectbox(key="reference").options[0] == "WordNet (CIFAR-10)"
        assert at.selectbox(key="reference").options[-1] == "None"
        assert chosen(run(at.selectbox(key="reference").select(NONE))) == "none"
        assert not at.caption

    def test_nothing_fits(self) -> None:
        at = open_page(["a", "b", "c"])
        assert chosen(at) == "none" and at.selectbox(key="reference").options == ["None"]

    def test_wordnet_is_proposed_where_nothing_fits(self) -> None:
        at = open_page(["bear", "giraffe", "school bus", "sea-lion", "zzqq"])
        assert chosen(at) == "wordnet-guessed"
        assert at.selectbox(key="reference").options == ["WordNet, senses as guessed", "None"]
        assert "check the senses" in at.caption[0].value and "Left out, not in WordNet: zzqq" in at.caption[0].value
        run(at.button(key="taxonomy_senses_open").click())
        assert at.dataframe[0].value["Means"].tolist() == [
            "bear.n.01", "giraffe.n.01", "school_bus.n.01", "sea_lion.n.01",
        ]  # fmt: skip
        run(at.button(key="taxonomy_keep").click())
        assert chosen(at) == "own-wordnet-my-senses"
        assert at.selectbox(key="reference").options[:2] == ["WordNet, my senses", "WordNet, senses as guessed"]
        other = open_page(["bear", "giraffe", "school bus", "sea-lion", "zzqq"])
        assert chosen(other) == "own-wordnet-my-senses"  # what somebody looked through comes before the guess

    @pytest.mark.parametrize("names", [[], ["cat"], ["cat", "dog"]])
    def test_a_few_classes(self, names: list[str]) -> None:
        assert chosen(open_page(names)) == "none"

    def test_the_address_is_obeyed(self) -> None:
        save_taxonomy(parse_taxonomy(PETS[1], PETS[0], "My pets"))
        assert chosen(open_page(reference="None")) == "none"
        assert chosen(open_page(reference="My pets")) == "own-my-pets"
        assert chosen(open_page(reference="nothing known")) == "cifar10"

    def test_others_are_offered_when_they_know_three_classes(self) -> None:
        kept = save_taxonomy(parse_taxonomy(b"(a,b,c);", "x.nwk", "Letters"))
        options = reference_options(load_taxonomy("cifar100").classes)
        assert next(iter(options)) == "cifar100" and "shapes" not in options and kept.name in options
        for name in options.keys() - {NONE, kept.name}:
            assert len(load_taxonomy(name).kept(load_taxonomy("cifar100").classes)) >= 3
        assert options["cifar100"] == "The superclasses of CIFAR-100"

    def test_labels_are_different_whatever_the_titles(self) -> None:
        for title in ("None", "WordNet (CIFAR-10)", "Pets", "pets", "Pets"):
            save_taxonomy(parse_taxonomy(PETS[1], PETS[0], title))
        labels = list(reference_options(CLASSES).values())
        assert len(set(labels)) == len(labels) and labels[-1] == "None" and labels[0] == "WordNet (CIFAR-10)"

    def test_the_default_follows_the_classes_and_a_choice_stays(self) -> None:
        kept = save_taxonomy(parse_taxonomy(PETS[1], PETS[0], "My pets"))
        at = open_page()
        at.session_state["names"] = load_taxonomy("shapes").classes
        assert chosen(run(at)) == "shapes"
        run(at.selectbox(key="reference").select(kept.name))
        at.session_state["names"] = CLASSES
        assert chosen(run(at)) == kept.name

    def test_a_choice_that_is_gone(self, home: Path) -> None:
        kept = save_taxonomy(parse_taxonomy(PETS[1], PETS[0], "My pets"))
        at = open_page(reference="My pets")
        (home / "taxonomies" / f"{kept.name}.json").write_text("{")
        assert chosen(run(at)) == "cifar10"


class TestLeftOut:
    def test_said_and_matched_by_hand(self) -> None:
        at = open_page([*load_taxonomy("cifar10").classes[:8], "lorry", "cats"])
        assert "Left out: lorry is not in WordNet. cat, cats share a class" in text_of(at)
        run(at.button(key="taxonomy_match").click())
        box = at.selectbox(key="taxonomy_match_0")
        assert box.label == "lorry" and box.options[0] == "No class of it"
        assert set(box.options[1:]) == {"ship", "truck"}, "only what no other name means"
        run(box.select("truck"))
        run(at.button(key="taxonomy_save").click())
        assert matches() == {"cifar10": {"lorry": "truck"}}
        assert "lorry" not in text_of(at) and not at.get("dialog")
        run(at.button(key="taxonomy_match").click())
        assert at.selectbox(key="taxonomy_match_0").value == "truck"
        run(at.selectbox(key="taxonomy_match_0").select(""))
        run(at.button(key="taxonomy_save").click())
        assert matches() == {} and "lorry is not in WordNet" in text_of(at)

    def test_two_names_for_one_class_are_refused(self) -> None:
        at = open_page([*load_taxonomy("cifar10").classes[:8], "liner", "lorry"])
        run(at.button(key="taxonomy_match").click())
        at.selectbox(key="taxonomy_match_0").select("ship")
        at.selectbox(key="taxonomy_match_1").select("ship")
        run(at.button(key="taxonomy_save").click())
        assert "cannot all mean 'ship'" in at.error[0].value.replace("\\", "") and matches() == {}
        assert at.button(key="taxonomy_cancel")
        run(at.button(key="taxonomy_cancel").click())
        assert not at.error and "Left out: liner, lorry" in text_of(at)

    def test_many(self) -> None:
        names = [*load_taxonomy("cifar100").classes, *(f"thing {i}" for i in range(24))]
        at = open_page(names)
        assert "and 12 more are not in the superclasses of CIFAR" in text_of(at)

    def test_names_are_escaped(self) -> None:
        save_matches("cifar10", {"<b>bold</b>": "dog", "$x$ *star* [a](b)": "ship"})
        at = open_page(HOSTILE, reference="WordNet (CIFAR-10)")
        assert "\\:red\\[alarm\\]" in text_of(at)
        run(at.button(key="taxonomy_match").click())
        assert at.selectbox(key="taxonomy_match_0").label == "\\:red\\[alarm\\]"
        assert at.selectbox(key="taxonomy_match_1").label == plain("<b>bold</b>")


class TestOwn:
    def test_brought_previewed_kept_and_chosen(self) -> None:
        at = bring(open_page())
        text = text_of(at).replace("\\", "")
        taxonomy = parse_taxonomy(PETS[1], PETS[0], "pets")
        assert "4 classes in 2 groups, 3 levels deep" in text
        assert f"Checksum {checksum(taxonomy)}" in text
        assert "Knows 4 of your 5 classes: cat, dog, horse, ship" in text and "Does not know truck" in text
        assert own() == []
        name = next(box for box in at.text_input if box.label == "Name")
        assert name.value == "pets"
        run(name.set_value("My pets"))
        run(at.button(key="taxonomy_keep").click())
        assert own() == ["own-my-pets"] and chosen(at) == "own-my-pets"
        assert find_taxonomy("own-my-pets").title == "My pets"
        assert "Left out: truck is not in My pets" in text_of(at)

    def test_matches_are_kept_with_it(self) -> None:
        at = bring(open_page(["cat", "dog", "horse", "liner"]))
        run(at.selectbox(key="taxonomy_match_0").select("ship"))
        run(at.button(key="taxonomy_keep").click())
        assert matches() == {"own-pets": {"liner": "ship"}} and not at.error
        assert len(find_taxonomy("own-pets").kept(["cat", "dog", "horse", "liner"])) == 4

    def test_cancel_keeps_nothing(self) -> None:
        at = bring(open_page())
        run(at.button(key="taxonomy_cancel").click())
        assert own() == [] and chosen(at) == "cifar10" and not at.file_uploader

    @pytest.mark.parametrize(
        ("file", "what"),
        [
            (("t.nwk", b"(a,b", ""), "the end of the text, without ';'"),
            (("t.json", b"{", ""), "Not JSON"),
            (("t.csv", b"a,b\nb,a\n", ""), "in a circle: a → b → a"),
            (("t.txt", b"", ""), "The file is empty."),
            (("t.csv", b"\xe4,b\n", ""), "no UTF-8 text"),
        ],
    )
    def test_what_cannot_be_read_is_said(self, file: tuple[str, bytes, str], what: str) -> None:
        at = bring(open_page(), file)
        assert what in at.error[0].value.replace("\\", "") and "\n\n" in at.error[0].value
        assert "taxonomy_keep" not in [button.key for button in at.button]

    def test_a_blank_name_is_refused(self) -> None:
        at = bring(open_page())
        run(next(box for box in at.text_input if box.label == "Name").set_value("  "))
        assert "has no name" in at.error[0].value

    def test_kept_ones_are_listed_and_deleted(self, home: Path) -> None:
        kept = save_taxonomy(parse_taxonomy(PETS[1], PETS[0], "*My* pets"))
        save_matches(kept.name, {"liner": "ship"})  # is not part of what was brought, nor of its checksum
        (home / "taxonomies" / "own-broken.json").write_text("{")
        at = open_page(reference="*My* pets")
        assert chosen(at) == kept.name
        run(at.button(key="taxonomy_own").click())
        assert f"\\*My\\* pets (4 classes, checksum {checksum(kept)})" in text_of(at)
        assert "own\\-broken" in text_of(at)
        assert [button.key for button in at.get("download_button")] == [f"taxonomy_newick_{kept.name}"]
        run(at.button(key=f"taxonomy_delete_{kept.name}").click())
        assert own() == [] and chosen(at) == "cifar10"
        run(at.button(key="taxonomy_delete_own-broken").click())
        assert "own\\-broken" not in text_of(at) and len(list((home / "taxonomies" / "trash").iterdir())) == 2

    def test_a_home_that_cannot_be_written(self, home: Path) -> None:
        at = bring(open_page())
        home.mkdir(parents=True, exist_ok=True)
        (home / "taxonomies").write_text("in the way")
        run(at.button(key="taxonomy_keep").click())
        assert "cannot be written" in at.error[0].value and chosen(at) == "cifar10"


class TestPreview:
    def test_a_taxonomy_without_groups_and_one_that_knows_little(self) -> None:
        flat = parse_taxonomy(b"(cat,dog,owl);", "t.nwk", "t")
        text = "\n".join(preview(["cat", "dog", "x"], flat))
        assert "in 0 groups, 1 level deep" in text and "side by side" in text and "Fewer than 3 known" in text
        assert "Cannot tell apart cat, cats" in "\n".join(preview(["cat", "cats"], flat))
        assert "Knows 0 of your 1 classes" in "\n".join(preview(["x"], flat))

    def test_more_names_than_boxes(self) -> None:
        tree = json.dumps({"a": [f"class {i}" for i in range(50)], "b": ["cat", "dog", "horse"]}).encode()
        at = bring(open_page([*CLASSES, *(f"thing {i}" for i in range(40))]), ("t.json", tree, ""))
        boxes = [box for box in at.selectbox if str(box.key).startswith("taxonomy_match_")]
        assert len(boxes) == MATCHED_BY_HAND
        assert "The first 30 of 42; the other 12 can be matched" in text_of(at)
