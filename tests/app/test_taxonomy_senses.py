"""A taxonomy from WordNet in the dialog: senses as guessed are shown, changed, previewed and kept."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest

from app.taxonomy.senses import CHOSEN_BY_HAND
from lwal_core.taxonomy import load_taxonomy
from lwal_core.taxonomy.store import all_taxonomies, find_taxonomy
from tests.app.conftest import text_of
from tests.app.test_taxonomy_picker import chosen, open_page, run

NAMES = ("dogs", "wolf", "crane", "stork", "zzqq")


def open_senses(names: tuple[str, ...]) -> AppTest:
    at = run(open_page(names).button(key="taxonomy_own").click())
    return run(at.button_group(key="taxonomy_from").set_value("WordNet (choose senses)"))


def boxes(at: AppTest) -> dict[str, str]:
    return {box.label: str(box.key) for box in at.selectbox if str(box.key).startswith("taxonomy_sense_")}


def test_guessed_changed_and_kept() -> None:
    at = open_senses(NAMES)
    assert "Not in WordNet and left out: zzqq" in text_of(at)
    box = at.selectbox(key=boxes(at)["crane"])
    assert box.value == "crane.n.05" and box.options[-1] == "Leave it out"
    assert box.options[3].startswith("lifts and moves heavy objects") and box.options[3].endswith("(crane.n.04)")
    table = at.dataframe[0].value
    assert dict(zip(table["Class"], table["Means"], strict=True))["wolf"] == "wolf.n.01"
    assert table["Definition"][0].startswith("a member of the genus Canis")
    run(box.select("crane.n.04"))
    run(at.button(key="taxonomy_keep").click())
    assert chosen(at).startswith("own-wordnet-my-senses") and not at.error
    kept = find_taxonomy(chosen(at))
    assert kept.synsets["crane"] == "crane.n.04" and kept.title == "WordNet, my senses"
    assert kept.named_clades(NAMES[:4])[frozenset({"dogs", "wolf"})] == "canine"
    assert "chosen by hand" in kept.source and "Left out: zzqq" in text_of(at)


def test_the_last_word_of_a_name_that_is_not_there() -> None:
    at = open_senses(("dog", "cat", "chicken curry"))
    box = at.selectbox(key=boxes(at)["chicken curry"])
    assert box.value == "" and box.options[0].endswith("(curry.n.01)")
    run(box.select("curry.n.01"))
    assert "chicken curry" in list(at.dataframe[0].value["Class"])


def test_all_names_that_are_not_there_by_their_last_words() -> None:
    at = open_senses(("chicken curry", "carrot cake", "beet salad", "pizza", "qqzz"))
    run(at.toggle(key="taxonomy_last_words").set_value(True))
    table = at.dataframe[0].value
    means = dict(zip(table["Class"], table["Means"], strict=True))
    assert list(means) == ["chicken curry", "carrot cake", "beet salad", "pizza"]
    assert means["chicken curry"] == "curry.n.01" and means["carrot cake"].startswith("cake.n.")
    run(at.selectbox(key=boxes(at)["carrot cake"]).select(""))
    assert len(at.dataframe[0].value) == 3
    run(at.toggle(key="taxonomy_last_words").set_value(False))
    assert at.error  # the pizza alone is no taxonomy


def test_a_choice_stays_while_others_are_looked_for() -> None:
    names = load_taxonomy("cifar100_wordnet").classes
    at = open_senses(names)
    assert len(boxes(at)) == CHOSEN_BY_HAND and "The first 30 of" in text_of(at)
    run(at.text_input(key="taxonomy_sense_find").set_value("whale"))
    assert list(boxes(at)) == ["whale"]
    run(at.selectbox(key=boxes(at)["whale"]).select("whale.n.02"))
    run(at.text_input(key="taxonomy_sense_find").set_value("tiger"))
    table = at.dataframe[0].value
    assert dict(zip(table["Class"], table["Means"], strict=True))["whale"] == "whale.n.02"


def test_too_few_classes_are_no_taxonomy() -> None:
    at = open_senses(("crane", "dog"))
    run(at.selectbox(key=boxes(at)["crane"]).select(""))
    assert "One class has a sense" in at.error[0].value
    assert not [known for known in all_taxonomies() if known.own]
