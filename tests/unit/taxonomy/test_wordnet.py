"""WordNet's nouns: the compact file, what names can mean, the guess, and the taxonomies that come of it."""

from __future__ import annotations

import json
import math
from io import BytesIO
from itertools import combinations, product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lwal_core.errors import AnalysisError
from lwal_core.taxonomy import load_taxonomy, sense_guess, wordnet_taxonomy
from lwal_core.taxonomy.class_names import spelling_key
from lwal_core.taxonomy.class_senses import name_senses
from lwal_core.taxonomy.noun_synsets import Nouns, shipped_nouns
from lwal_core.taxonomy.record import checksum, record_of_taxonomy, taxonomy_of_record
from lwal_core.taxonomy.sense_guess import guess_senses
from lwal_core.taxonomy.wordnet import kinds_of, senses_of
from tests.unit.taxonomy.test_shipped_wordnet import naive_hops
from tools import make_wordnet

ROOT = Path(__file__).resolve().parents[3]
CHOSEN_BY_HAND = json.loads((ROOT / "tests" / "fixtures" / "wordnet_senses.json").read_text(encoding="utf-8"))

# Key: further lemma, hypernyms, gloss. A number at the end of a key is the sense.
SYNSETS: dict[str, tuple[str, list[str], str]] = {
    "entity": ("", [], "what is"),
    "thing": ("object", ["entity"], 'a thing; with a note; "an example"'),
    "animal": ("", ["thing"], "a living thing"),
    "pet": ("domestic_animal", ["animal"], "a tame animal"),
    "carnivore": ("", ["animal"], "eats meat"),
    "canine": ("", ["carnivore"], "like a dog"),
    "dog": ("domestic_dog", ["canine", "pet"], "barks"),
    "cat": ("true_cat", ["carnivore"], "meows"),
    "wolf": ("", ["canine"], "howls"),
    "bird": ("", ["animal"], "flies"),
    "crane": ("", ["bird"], "a long-necked bird"),
    "machine": ("", ["thing"], "has parts"),
    "crane_2": ("lifting_device", ["machine"], "lifts things"),
    "lawn_mower": ("mower", ["machine"], "cuts grass"),
    "t-shirt": ("", ["thing"], "is worn"),
}


def write_wordnet(path: Path) -> Path:
    """WordNet's files of the small database."""
    path.mkdir(parents=True)
    offsets = {key: 10 * number for number, key in enumerate(SYNSETS, start=1)}
    data, senses, counts = [], dict[str, list[str]](), []
    for key, (other, above, gloss) in SYNSETS.items():
        words = [key.removesuffix("_2"), *([other] if other else [])]
        pointers = [f"@{'i' if key == 'wolf' else ''} {offsets[name]:08d} n 0000" for name in above] + [
            "~ 00000010 n 0000"
        ]
        lemmas = " ".join(f"{word} {int(key.endswith('_2')):x}" for word in words)
        data.append(
            f"{offsets[key]:08d} 05 n {len(words):02x} {lemmas} {len(pointers):03d} {' '.join(pointers)} | {gloss}  \n"
        )
        for word in words:
            senses.setdefault(word, []).append(f"{offsets[key]:08d}")
    counts = ["crane%1:05:00:: 1 7\n", "crane%1:05:01:: 2 2\n", "crane%2:30:00:: 1 99\n"]
    index = [
        f"{word} n {len(found)} 1 @ {len(found)} 0 {' '.join(found)}  \n" for word, found in sorted(senses.items())
    ]
    licence = "  1 A line of the licence, which begins with two blanks.\n"
    (path / "data.noun").write_text(licence + "".join(data))
    (path / "index.noun").write_text(licence + "".join(index))
    (path / "cntlist.rev").write_text("".join(counts))
    (path / "noun.exc").write_text("wolves wolf\n")
    return path


@pytest.fixture
def small(tmp_path: Path) -> Nouns:
    """The small database in the form that comes along."""
    file = BytesIO()
    np.savez_compressed(file, **make_wordnet.nouns(write_wordnet(tmp_path / "wordnet")))  # type: ignore[arg-type]
    file.seek(0)
    return Nouns(file)


class TestFile:
    def test_what_the_tool_makes(self, small: Nouns) -> None:
        assert len(small) == len(SYNSETS)
        dog = small.number("dog.n.01")
        assert dog == small.number("n00000070") == 6 and small.offset(6) == "n00000070" and small.name(6) == "dog.n.01"
        assert [small.name(above) for above in small.hypernyms(6)] == ["canine.n.01", "pet.n.01"]
        assert [small.name(above) for above in small.hypernyms(8)] == ["canine.n.01"]  # an instance hypernym
        assert small.words(6) == ("dog", "domestic dog") and small.definition(1) == "a thing; with a note"
        for absent in ("dog.n.02", "dog.n.1000", "unicorn.n.01", "n00000071", "n99999999", "dog", "dog.v.01", "", "n7"):
            assert small.number(absent) is None, absent

    def test_senses_with_their_counts(self, small: Nouns) -> None:
        assert {small.name(s): count for s, count in small.senses("crane").items()} == {
            "crane.n.01": 7,
            "crane.n.02": 2,
        }
        for name in ("Dogs", "domestic dog", "DOMESTIC_DOG", " dog ", "DomesticDog", "domestic-dogs"):
            assert [small.name(sense) for sense in small.senses(name)] == ["dog.n.01"], name
        for name in ("wolves", "Lawn-Mower", "lawn mowers", "T-shirt", "t shirt", "TShirts", "mower"):
            assert len(small.senses(name)) == 1, name
        for name in ("", "unicorn", "*", "../dog", "dog.n.01", "\x00", "猫", "\ud800"):
            assert len(small.senses(name)) == (name == "../dog"), name

    def test_the_shipped_file(self) -> None:
        nouns = shipped_nouns()
        assert len(nouns) == 82_115  # noun synsets of WordNet 3.0, by its own table of numbers
        tops = [s for s in range(len(nouns)) if not nouns.hypernyms(s)]
        assert [nouns.name(s) for s in tops] == ["entity.n.01"]
        dog = nouns.number("dog.n.01")
        assert dog is not None and nouns.offset(dog) == "n02084071"
        assert nouns.words(dog) == ("dog", "domestic dog", "Canis familiaris")
        assert nouns.definition(dog).startswith("a member of the genus Canis")
        assert all(nouns.number(nouns.name(s)) == s for s in range(0, len(nouns), 397))

    @pytest.mark.skipif(not Path("/usr/share/wordnet/cntlist.rev").is_file(), reason="wordnet-base is not installed")
    def test_it_is_what_the_tool_makes(self) -> None:
        made = make_wordnet.nouns(Path("/usr/share/wordnet"))
        with np.load(make_wordnet.TARGET) as kept:
            assert set(made) == set(kept.files)
            assert all((made[name] == kept[name]).all() for name in made)


class TestNames:
    @pytest.mark.parametrize(
        ("name", "synset"),
        [
            ("school bus", "school_bus.n.01"),
            ("SchoolBuses", "school_bus.n.01"),
            ("school_bus", "school_bus.n.01"),
            ("n02084071", "dog.n.01"),
            ("n02085620-Chihuahua", "chihuahua.n.03"),
            ("sea-lion", "sea_lion.n.01"),
            ("african elephant", "african_elephant.n.01"),
            ("grizzly+bear", "grizzly.n.01"),
            ("geese", "goose.n.01"),
            ("GreyWolves", "timber_wolf.n.01"),
            ("crème brûlée", "creme_brulee.n.01"),
            ("T-shirt/top", "jersey.n.03"),
            ("tench, Tinca tinca", "tench.n.01"),
            ("Saluki, gazelle hound", "saluki.n.01"),
            ("001.Black_footed_Albatross", "black-footed_albatross.n.01"),
            ("crane (wading bird)", "crane.n.05"),
            ("bear.n.01", "bear.n.01"),
            ("Bear.n.01", "bear.n.01"),
        ],
    )
    def test_spellings(self, name: str, synset: str) -> None:
        assert senses_of(name)[0].synset == synset

    @pytest.mark.parametrize(
        "name", ["", "x", "7", "1990", "aquarium fish", "n12", "n99999999", "猫", "qwx", ",;/", "()"]
    )
    def test_not_there(self, name: str) -> None:
        assert senses_of(name) == []

    def test_senses_are_told(self) -> None:
        first, second = senses_of("bear")
        assert first == ("bear.n.01", ("bear",), first.definition) and "mammals" in first.definition
        assert second.synset == "bear.n.02" and "investor" in second.definition

    def test_last_words(self) -> None:
        assert kinds_of("zz " * 100_000 + "curry")[0].synset == "curry.n.01"  # soon, too
        assert kinds_of("chicken curry")[0].synset == "curry.n.01"
        assert kinds_of("lobster_roll_sandwich")[0].synset == "sandwich.n.01"
        assert kinds_of("curry") == [] and kinds_of("zz qq") == []


class TestTaxonomy:
    @pytest.mark.parametrize("name", ["cifar10", "cifar100_wordnet", "imagenet", "awa2", "fashion_mnist"])
    def test_hops_and_groups_are_those_of_the_shipped_ones(self, name: str) -> None:
        shipped = load_taxonomy(name)
        made = wordnet_taxonomy(shipped.classes, shipped.synsets)
        assert (made.distances(shipped.classes) == shipped.distances(shipped.classes)).all()
        assert made.named_clades(made.classes) == shipped.named_clades(shipped.classes)
        assert made.senses == shipped.synsets and made.offsets == shipped.offsets and made.unmatched == ()
        by_offset = wordnet_taxonomy(shipped.classes, shipped.offsets)
        assert checksum(by_offset) == checksum(made)

    def test_names_at_once(self) -> None:
        names = ["bear", "giraffe", "school bus", "n02084071", "sea-lion", "unicornfish tank"]
        taxonomy = wordnet_taxonomy(names)
        assert taxonomy.senses == {
            "bear": "bear.n.01", "giraffe": "giraffe.n.01", "school bus": "school_bus.n.01", "n02084071": "dog.n.01",
            "sea-lion": "sea_lion.n.01",
        }  # fmt: skip
        assert taxonomy.unmatched == ("unicornfish tank",)
        nouns = shipped_nouns()
        up = {nouns.offset(s): [nouns.offset(a) for a in nouns.hypernyms(s)] for s in range(len(nouns))}
        D = taxonomy.distances(names[:5])
        for i, j in combinations(range(5), 2):
            assert D[i, j] == D[j, i] == naive_hops(taxonomy.offsets[names[i]], taxonomy.offsets[names[j]], up)
        stored = taxonomy_of_record(json.loads(json.dumps(record_of_taxonomy(taxonomy))))
        assert (stored.distances(names[:5]) == D).all()
        assert "guessed" in taxonomy.source and "guessed" in taxonomy.made

    def test_senses_that_are_given(self) -> None:
        names = ["crane", "truck", "excavator", "stork"]
        assert wordnet_taxonomy(names[:3]).senses["crane"] == "crane.n.04"
        assert wordnet_taxonomy(names).senses["crane"] == "crane.n.05"
        taxonomy = wordnet_taxonomy(names, {"crane": "crane.n.05", "truck": "n04490091", "stork": None})
        assert taxonomy.senses == {"crane": "crane.n.05", "truck": "truck.n.01", "excavator": "power_shovel.n.01"}
        assert taxonomy.unmatched == ("stork",)
        by_hand = wordnet_taxonomy(names[:2], {"crane": "crane.n.05", "truck": "truck.n.01"})
        assert "chosen by hand" in by_hand.source and "guessed" not in by_hand.made

    def test_words_for_one_thing(self) -> None:
        names = ["car", "automobile", "truck", "motor truck"]
        taxonomy = wordnet_taxonomy(names)
        assert taxonomy.named_clades(names) == {frozenset(names[:2]): "car", frozenset(names[2:]): "truck"}
        D = taxonomy.distances(names)
        assert D[0, 1] == D[2, 3] == 0 and D[0, 2] == 2

    def test_a_class_above_another_one(self) -> None:
        taxonomy = wordnet_taxonomy(["animal", "dog", "cat"])
        assert taxonomy.clades(taxonomy.classes) == {frozenset({"dog", "cat"})}

    @pytest.mark.parametrize(("names", "known"), [(["zzqq"], 0), (["dog"], 1), (["dog", "zzqq"], 1)])
    def test_too_few(self, names: list[str], known: int) -> None:
        taxonomy = wordnet_taxonomy(names)
        assert len(taxonomy.classes) == known and len(taxonomy.unmatched) == len(names) - known
        assert taxonomy.groups == 0 and taxonomy.distances(taxonomy.classes).shape == (known, known)

    @pytest.mark.parametrize(
        ("names", "senses", "what"),
        [
            ([], None, "No classes were given"),
            (["dog", "dog"], None, "'dog' is there twice"),
            (["sea lion", "Sea-Lion"], None, "differ only in case"),
            (["dog", "cat"], {"Dog": "dog.n.01"}, "'Dog', which is no class"),
            (["dog", "cat"], {"dog": "dog.n.77"}, "no noun 'dog.n.77', chosen for 'dog'"),
            (["dog", "cat"], {"dog": "dog"}, "no noun 'dog'"),
            (["dog", "cat"], {"dog": "run.v.01"}, r"no noun 'run\.v\.01'"),
            (["dog", "cat"], {"dog": "n00000001"}, "no noun 'n00000001'"),
            (["dog", "cat"], {"dog": 7}, "no noun 7"),
        ],
    )
    def test_what_is_wrong(self, names: list[str], senses: dict[str, str] | None, what: str) -> None:
        with pytest.raises(AnalysisError, match=what) as error:
            wordnet_taxonomy(names, senses)
        assert error.value.hint and "\n" not in str(error.value)

    @settings(max_examples=30, deadline=None)
    @given(
        st.lists(
            st.text(max_size=30) | st.sampled_from(["dog", "cats", "a,b", "n02084071x", "(", "1. "]),
            min_size=1,
            max_size=12,
        )
    )
    def test_any_names(self, names: list[str]) -> None:
        different = list({spelling_key(name): name for name in names}.values())
        taxonomy = wordnet_taxonomy(different)
        assert sorted([*taxonomy.classes, *taxonomy.unmatched]) == sorted(different)
        D = taxonomy.distances(taxonomy.classes)
        assert (D == D.T).all() and np.isfinite(D).all() and not np.diag(D).any()


class TestGuess:
    @pytest.mark.parametrize(
        "names",
        [
            ["seal", "walrus", "otter", "dolphin"],
            ["crane", "stork", "heron"],
            ["crane", "bulldozer", "truck"],
            ["mouse", "keyboard", "laptop"],
            ["cat", "dog", "ship", "truck", "bat"],
            ["hot dog", "taco", "scallops"],
        ],
    )
    def test_no_choice_scores_more(self, names: list[str]) -> None:
        """Against all choices, scored by loops over pairs with hops from a search."""
        nouns = shipped_nouns()
        candidates = [name_senses(name, nouns) for name in names]
        reached = [s for found in candidates for s in found]
        for synset in reached:
            reached += nouns.hypernyms(synset)
        up = {str(s): [str(a) for a in nouns.hypernyms(s)] for s in reached}
        hops = {
            (a, b): naive_hops(str(a), str(b), up)
            for one, other in combinations(candidates, 2)
            for a, b in product(one, other)
        }

        def score(choice: tuple[int, ...]) -> float:
            near = sum((1 + hops[a, b]) ** -2 for a, b in combinations(choice, 2) if hops[a, b] > 0)
            shares = (
                (found[s] + 3) / sum(count + 3 for count in found.values())
                for s, found in zip(choice, candidates, strict=True)
            )
            return near + sum(map(math.log, shares))

        guessed = tuple(s for s in guess_senses(candidates, nouns) if s is not None)
        assert score(guessed) == pytest.approx(max(map(score, product(*candidates))), abs=1e-4)

    def test_the_first_of_equal_ones(self, small: Nouns) -> None:
        crane = {small.number(f"crane.n.{i:02d}"): 0 for i in (1, 2)}
        assert guess_senses([crane, {}], small) == [small.number("crane.n.01"), None]
        assert guess_senses([], small) == [] and guess_senses([{}], small) == [None]

    @pytest.mark.parametrize(("data_set", "there", "right"), [("AwA2", 50, 50), ("Food-101", 53, 53), ("COCO", 77, 69)])
    def test_right_senses(self, data_set: str, there: int, right: int) -> None:
        """How many classes have a sense, and in how many it is the one that was chosen by hand; the documents say both."""
        by_hand = CHOSEN_BY_HAND[data_set]
        taxonomy = wordnet_taxonomy(list(by_hand))
        assert len(taxonomy.classes) >= there
        assert sum(taxonomy.senses.get(name) in found for name, found in by_hand.items()) >= right

    def test_of_very_many_senses_the_rarer_ones_are_left_out(self, monkeypatch: pytest.MonkeyPatch) -> None:
        nouns = shipped_nouns()
        candidates = [name_senses(name, nouns) for name in ("seal", "walrus", "otter")]
        monkeypatch.setattr(sense_guess, "MOST_SENSES", 3)
        assert guess_senses(candidates, nouns) == [next(iter(found)) for found in candidates]
        monkeypatch.setattr(sense_guess, "MOST_SENSES", 6)
        assert nouns.number("otter.n.02") in guess_senses(candidates, nouns)
