"""A taxonomy from WordNet in the dialog: senses are chosen, previewed and kept."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

from lwal_core.taxonomy.store import all_taxonomies, find_taxonomy
from tests.app.conftest import text_of
from tests.app.test_taxonomy_picker import chosen, open_page, run
from tests.unit.taxonomy.test_wordnet import write_wordnet

NAMES = ("dogs", "wolf", "crane", "lawn mower", "unicorn")


@pytest.fixture
def small_wordnet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import nltk
    from nltk.corpus.reader.wordnet import WordNetCorpusReader

    write_wordnet(tmp_path / "corpora" / "wordnet")
    monkeypatch.setattr(nltk.data, "path", [str(tmp_path)])
    monkeypatch.setattr(nltk.corpus, "wordnet", nltk.corpus.util.LazyCorpusLoader("wordnet", WordNetCorpusReader, None))


@pytest.mark.skipif(find_spec("nltk") is None, reason="NLTK is not installed")
@pytest.mark.filterwarnings("ignore:The multilingual functions")
class TestSenses:
    def test_chosen_and_kept(self, small_wordnet: None) -> None:
        at = run(open_page(NAMES).button(key="taxonomy_own").click())
        run(at.button_group(key="taxonomy_from").set_value("WordNet (choose senses)"))
        assert "Not in WordNet and left out: unicorn" in text_of(at)
        box = at.selectbox(key="taxonomy_sense_0")
        assert box.label == "crane" and box.options == [
            "a long-necked bird (crane.n.01)", "lifts things (crane.n.02)", "Leave it out",
        ]  # fmt: skip
        assert "4 classes in 2 groups" in text_of(at)  # dogs and wolf; these and the bird
        run(box.select("crane.n.02"))
        run(at.button(key="taxonomy_keep").click())
        assert chosen(at) == "own-wordnet-my-senses" and not at.error
        kept = find_taxonomy(chosen(at))
        assert kept.synsets["crane"] == "crane.n.02" and kept.title == "WordNet, my senses"
        assert kept.named_clades(NAMES[:4]) == {
            frozenset({"dogs", "wolf"}): "canine",
            frozenset({"crane", "lawn mower"}): "machine",
        }
        assert "Left out: unicorn" in text_of(at)

    def test_all_left_out(self, small_wordnet: None) -> None:
        at = run(open_page(["crane", "dog"]).button(key="taxonomy_own").click())
        run(at.button_group(key="taxonomy_from").set_value("WordNet (choose senses)"))
        run(at.selectbox(key="taxonomy_sense_0").select(""))
        assert "One class has a sense" in at.error[0].value
        assert not [known for known in all_taxonomies() if known.own]


@pytest.mark.skipif(find_spec("nltk") is not None, reason="NLTK is installed")
def test_without_nltk_one_line_says_how_to_get_it() -> None:
    at = run(open_page(NAMES).button(key="taxonomy_own").click())
    assert "With NLTK a taxonomy can also be made of WordNet" in text_of(at)
    assert not at.get("button_group")
