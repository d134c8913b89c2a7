"""Newick: other packages read what we write, we read what they write, and bad text ends in nothing but our error."""

from __future__ import annotations

import io
import re
import time
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.cluster.hierarchy import cophenet, is_valid_linkage, leaves_list, linkage
from scipy.spatial.distance import squareform

from lwal_core.analysis.base import newick
from lwal_core.errors import AnalysisError, ExportError, ImportFileError
from lwal_core.export.newick import from_newick, safe_ids, to_newick

HOSTILE_NAMES = [
    "siamese cat", "o'neil", "x(y)", "a,b", "a:b", "x[c]", "semi;colon", "under_score", "日本の猫", "кошка", "قط",
    "-dash", "a  b", "'quoted'", "[&R]", "1e5", "<b>&amp;</b>", "=1+1",
]  # fmt: skip


def tree_over(n: int, seed: int = 0, method: str = "average") -> np.ndarray:
    return linkage(np.random.default_rng(seed).normal(size=(n, 4)), method)


def distances_by_name(z: np.ndarray, names: list[str]) -> dict[frozenset[str], float]:
    square = squareform(cophenet(z)) if len(names) > 1 else np.zeros((1, 1))
    return {frozenset((a, b)): square[i, j] for i, a in enumerate(names) for j, b in enumerate(names) if i < j}


def assert_same_distances(
    found: dict[frozenset[str], float], expected: dict[frozenset[str], float], rel: float
) -> None:
    assert found.keys() == expected.keys()
    for pair, distance in expected.items():
        assert found[pair] == pytest.approx(distance, rel=rel, abs=1e-12)


class TestOtherReaders:
    """The path between two tips, as other packages measure it, is the cophenetic distance that scipy gives."""

    def test_biopython(self) -> None:
        phylo = pytest.importorskip("Bio.Phylo")
        z = tree_over(len(HOSTILE_NAMES))
        tree = next(phylo.parse(io.StringIO(to_newick(z, HOSTILE_NAMES)), "newick"))
        tips = tree.get_terminals()
        found = {frozenset((a.name, b.name)): tree.distance(a, b) for a in tips for b in tips if a.name < b.name}
        # Biopython drops a quote at the very beginning of a name, whatever is written.
        expected = distances_by_name(z, [name.lstrip("'") for name in HOSTILE_NAMES])
        assert_same_distances(found, expected, rel=1e-9)

    def test_dendropy(self) -> None:
        dendropy = pytest.importorskip("dendropy")
        z = tree_over(len(HOSTILE_NAMES), seed=1)
        tree = dendropy.Tree.get(data=to_newick(z, HOSTILE_NAMES), schema="newick")
        matrix = tree.phylogenetic_distance_matrix()
        taxa = list(tree.taxon_namespace)
        found = {
            frozenset((a.label, b.label)): matrix.patristic_distance(a, b)
            for a in taxa
            for b in taxa
            if a.label < b.label
        }
        assert_same_distances(found, distances_by_name(z, HOSTILE_NAMES), rel=1e-9)

    def test_safe_ids_are_read_as_they_are(self) -> None:
        phylo, dendropy = pytest.importorskip("Bio.Phylo"), pytest.importorskip("dendropy")
        text = to_newick(tree_over(len(HOSTILE_NAMES)), HOSTILE_NAMES, mode="safe")
        ids = set(safe_ids(HOSTILE_NAMES))
        assert {tip.name for tip in next(phylo.parse(io.StringIO(text), "newick")).get_terminals()} == ids
        tree = dendropy.Tree.get(data=text, schema="newick", preserve_underscores=True)
        assert {taxon.label for taxon in tree.taxon_namespace} == ids

    def test_support_is_what_biopython_calls_confidence(self) -> None:
        phylo = pytest.importorskip("Bio.Phylo")
        z = tree_over(6)
        support = [0.0, 0.5, 0.951, 1.0, np.nan]
        tree = next(phylo.parse(io.StringIO(to_newick(z, list("abcdef"), support=support)), "newick"))
        confidences = sorted(clade.confidence for clade in tree.get_nonterminals() if clade.confidence is not None)
        assert confidences == [0, 50, 95, 100]
        assert tree.root.confidence is None


class TestReadsOthers:
    def test_written_by_biopython(self) -> None:
        phylo = pytest.importorskip("Bio.Phylo")
        z = tree_over(12, seed=3)
        names = [f"class {i}" for i in range(12)]
        tree = next(phylo.parse(io.StringIO(to_newick(z, names)), "newick"))
        out = io.StringIO()
        phylo.write(tree, out, "newick")  # five decimals
        back, back_names = from_newick(out.getvalue())
        found = distances_by_name(back, back_names)
        for pair, distance in distances_by_name(z, names).items():
            assert found[pair] == pytest.approx(distance, abs=1e-3)

    def test_written_by_dendropy(self) -> None:
        dendropy = pytest.importorskip("dendropy")
        z = tree_over(len(HOSTILE_NAMES), seed=4)
        tree = dendropy.Tree.get(data=to_newick(z, HOSTILE_NAMES), schema="newick")
        back, names = from_newick(tree.as_string(schema="newick"))
        assert_same_distances(distances_by_name(back, names), distances_by_name(z, HOSTILE_NAMES), rel=1e-9)

    def test_hand_written(self) -> None:
        z, names = from_newick("((cat:1,'siamese cat':1)carnivore:2,car_park:3)root:7;")
        assert names == ["cat", "siamese cat", "car park"]
        np.testing.assert_allclose(z, [[0, 1, 2, 2], [3, 2, 6, 3]])

    def test_comments_blanks_and_byte_order_mark(self) -> None:
        z, names = from_newick("\ufeff [&R] (\n a [&&NHX:x=1] : 1e0 [c],\tb:+1.0 ) ; \n")
        assert names == ["a", "b"]
        np.testing.assert_allclose(z, [[0, 1, 2, 2]])

    def test_polytomy_becomes_merges_at_one_height(self) -> None:
        z, names = from_newick("((a:1,b:1,c:1,d:1):1,e:2);")
        assert is_valid_linkage(z)
        assert z[:, 2].tolist() == [2, 2, 2, 4]
        assert z[:, 3].tolist() == [2, 3, 4, 5]
        assert [names[i] for i in leaves_list(z)] == list("abcde")

    def test_single_children_disappear(self) -> None:
        z, names = from_newick("(((a:1):1):1,(b:2):1);")
        assert names == ["a", "b"]
        np.testing.assert_allclose(z, [[0, 1, 6, 2]])

    def test_without_lengths_heights_are_levels(self) -> None:
        with pytest.warns(UserWarning, match="no branch lengths"):
            z, names = from_newick("((cat,dog,frog),(car,truck));")
        assert names == ["cat", "dog", "frog", "car", "truck"]
        assert z[:, 2].tolist() == [1, 1, 1, 2]

    def test_tie_of_merges_keeps_children_before_parents(self) -> None:
        z, _ = from_newick("(((a:0,b:0):0,(c:0,d:0):0):0,e:0);")
        assert is_valid_linkage(z)
        assert (z[:, 2] == 0).all()

    def test_small_heights_under_a_large_root_keep_their_digits(self) -> None:
        z, _ = from_newick("((a:1e-12,b:1e-12):1,c:1.000000000001);")
        assert z[0, 2] == 2e-12


class TestWriting:
    def test_known_text(self) -> None:
        z = np.array([[0, 1, 2.0, 2], [2, 3, 6.5, 3]])
        assert to_newick(z, ["cat", "o'neil", "c.3"]) == "(c.3:3.25,(cat:1,'o''neil':1):2.25);"
        assert to_newick(z, ["cat", "dog", "car"], scale=1) == "(car:6.5,(cat:2,dog:2):4.5);"
        assert to_newick(z, ["cat", "o'neil", "c.3"], mode="safe") == "(c02_c_3:3.25,(c00_cat:1,c01_o_neil:1):2.25);"

    def test_one_class(self) -> None:
        assert to_newick(np.zeros((0, 4)), ["a b"]) == "'a b';"
        z, names = from_newick("'a b';")
        assert z.shape == (0, 4)
        assert names == ["a b"]

    def test_two_classes(self) -> None:
        assert to_newick([[0, 1, 0.0, 2]], ["a", "b"]) == "(a:0,b:0);"

    def test_inner_names_and_support_share_the_slot(self) -> None:
        z = tree_over(4)
        text = to_newick(z, list("abcd"), inner_names={0: "big cats", 2: "all"}, support=[0.95, 0.5, 1.0])
        assert "'big cats':" in text
        assert text.count("[&&NHX:support=95]") == 1
        assert ")50:" in text
        assert text.endswith(")all;")
        assert "100" not in re.sub(r":[0-9.e-]+", "", text)  # the root has no support
        back, names = from_newick(text)
        assert_same_distances(distances_by_name(back, names), distances_by_name(z, list("abcd")), rel=1e-9)

    def test_inner_names_in_safe_mode_never_meet_a_tip(self) -> None:
        text = to_newick(tree_over(3), ["x", "y", "z"], mode="safe", inner_names=["x", "00_x"])
        labels = re.findall(r"[A-Za-z]\w*", re.sub(r":[0-9.e-]+", "", text))
        assert len(labels) == len(set(labels)) == 5

    def test_many_digits_and_no_negative_zero(self) -> None:
        z = tree_over(30) / np.array([1, 1, 3e8, 1])
        z[0, 2] = 0.0
        lengths = re.findall(r":([^,();]+)", to_newick(z, [f"n{i}" for i in range(30)]))
        assert len(lengths) == 58
        assert all(re.fullmatch(r"\d+(\.\d+)?(e-\d+)?", length) for length in lengths)
        assert max(len(length.split("e")[0]) for length in lengths) >= 12

    def test_inversion_is_clamped_with_a_warning(self) -> None:
        # An equilateral triangle: the centroid of two corners is nearer to the third than they are to each other.
        corners = np.array([[0, 0], [1, 0], [0.5, np.sqrt(3) / 2]])
        z = linkage(corners, "centroid")
        assert z[1, 2] < z[0, 2]
        with pytest.warns(UserWarning, match="1 of 2 merges"):
            text = to_newick(z, ["a", "b", "c"])
        assert "-" not in text
        back, _ = from_newick(text)
        np.testing.assert_allclose(back[:, 2], [z[0, 2], z[0, 2]])
        with pytest.raises(ExportError, match="inversions"):
            to_newick(z, ["a", "b", "c"], inversions="refuse")

    def test_float_noise_is_no_inversion(self) -> None:
        z = np.array([[0, 1, 1.0, 2], [2, 3, 1.0 - 1e-15, 3]])
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert to_newick(z, ["a", "b", "c"]) == "(c:0.5,(a:0.5,b:0.5):0);"

    @pytest.mark.parametrize(
        ("names", "match"),
        [
            (["a", "a", "b"], "'a' is used by class 0 and class 1"),
            (["a", "", "b"], "empty name"),
            (["a", " \t", "b"], "empty name"),
            (["a", "\ud800", "b"], "UTF-8"),
            (["a", "b"], "joins 3 classes and 2 names"),
            ([], "0 classes"),
        ],
    )
    def test_refused_names(self, names: list[str], match: str) -> None:
        with pytest.raises(ExportError, match=match):
            to_newick(tree_over(3), names)

    def test_safe_mode_takes_any_names(self) -> None:
        text = to_newick(tree_over(3), ["a", "a", "\ud800"], mode="safe")
        assert {"c00_a", "c01_a", "c02"} == set(re.findall(r"c\d\d\w*", text))

    @pytest.mark.parametrize(
        "bad",
        [
            [[0, 1, np.nan, 2], [2, 3, 1, 3]],
            [[0, 1, -1.0, 2], [2, 3, 1, 3]],
            [[0, 0, 1.0, 2], [2, 3, 1, 3]],
            [[0, 4, 1.0, 2], [2, 3, 1, 3]],
            [[0, 1, 1.0]],
        ],
    )
    def test_refused_linkages(self, bad: list[list[float]]) -> None:
        with pytest.raises(AnalysisError):
            to_newick(bad, ["a", "b", "c"])

    @pytest.mark.parametrize(
        ("options", "match"),
        [
            ({"scale": 0.0}, "scale"),
            ({"scale": float("nan")}, "scale"),
            ({"mode": "loose"}, "mode"),
            ({"inversions": "keep"}, "inversions"),
            ({"support": [95.0, 1.0]}, "share from 0 to 1"),
            ({"support": [0.5]}, "1 entries"),
            ({"inner_names": {5: "x"}}, "merge 5"),
        ],
    )
    def test_refused_options(self, options: dict[str, object], match: str) -> None:
        with pytest.raises(ExportError, match=match):
            to_newick(tree_over(3), ["a", "b", "c"], **options)  # type: ignore[arg-type]

    def test_overflow_is_refused(self) -> None:
        with pytest.raises(ExportError, match="too large"):
            to_newick([[0, 1, 1e308, 2]], ["a", "b"], scale=10)


class TestSafeIds:
    def test_readable_and_unique(self) -> None:
        assert safe_ids(["siamese cat", "Überraschung!", "日本", "", "cat", "cat"]) == [
            "c00_siamese_cat", "c01_Uberraschung", "c02", "c03", "c04_cat", "c05_cat",
        ]  # fmt: skip

    def test_as_many_digits_as_needed(self) -> None:
        assert safe_ids(["x"] * 1001)[7] == "c0007_x"
        assert safe_ids([]) == []

    @given(st.lists(st.text(), max_size=120))
    def test_any_names(self, names: list[str]) -> None:
        ids = safe_ids(names)
        assert len(set(ids)) == len(names)
        assert all(re.fullmatch(r"[A-Za-z0-9_]+", one) for one in ids)


class TestMalformed:
    @pytest.mark.parametrize(
        ("text", "match"),
        [
            ("", "no tree"),
            ("  \n", "no tree"),
            ("[only a comment]", "no tree"),
            (";", "too early"),
            ("(a:1,b:1)", "without ';'"),
            ("(a:1,b:1;", r"1 '\(' without '\)'.*character 9"),
            ("(a:1,b:1));", r"'\)' outside.*character 10"),
            ("a,b;", "outside"),
            ("(a:1,:1);", "without a branch"),
            ("(a:1,);", "without a name"),
            ("(a:1,'':1);", "empty name"),
            ("(a:1,' ':1);", "empty name"),
            ("(a:1,\na:1);", "'a' a second time.*line 2, character 1"),
            ("(a_b:1,'a b':1);", "'a b' a second time"),
            ("(a:1,b);", "1 of 2 branches"),
            ("(a:1,b:x);", "'x' where a branch length"),
            ("(a:1,b:nan);", "'nan' where"),
            ("(a:1,b:1_0);", "'1_0' where"),
            ("(a:1,b:1e999);", "branch length 1e999"),
            ("(a:1,b:-1);", "branch length -1"),
            ("(a:1,b:);", "':' without a length"),
            ("(a:1 b:1);", "'b' where"),
            ("(siamese cat:1,b:1);", "'cat' where"),
            ("(o'neil:1,b:1);", "never closed"),
            ("('o:1,b:1);", "never closed"),
            ("(a[x:1,b:1);", r"comment \[ that is never closed"),
            ("(a]:1,b:1);", r"\] without \["),
            ("(a:1(b:1));", r"'\(' where"),
            ("(a:1,b:1);(c:1,d:1);", "after the ';'"),
            ("#NEXUS\nBEGIN TREES;", "NEXUS"),
            ("(a:1e308,(b:1e308,c:1e308):1e308);", "too large"),
        ],
    )
    def test_message_names_the_fault(self, text: str, match: str) -> None:
        with pytest.raises(ImportFileError, match=match):
            from_newick(text)

    def test_not_ultrametric(self) -> None:
        with pytest.raises(ImportFileError, match=r"not a dendrogram.*between 1 and 3"):
            from_newick("((a:1,b:1):2,c:1);")

    def test_tolerance(self) -> None:
        text = "((a:1,b:1.00001):2,c:3);"
        assert from_newick(text)[0].shape == (2, 4)
        with pytest.raises(ImportFileError, match="not a dendrogram"):
            from_newick(text, tolerance=1e-9)

    def test_size_limits(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(newick, "MAX_CHARACTERS", 10)
        with pytest.raises(ImportFileError, match="at most 10"):
            from_newick("(aaaa:1,bbbb:1);")
        monkeypatch.undo()
        with pytest.raises(ImportFileError, match="branches"):
            from_newick("(" * (newick.MAX_BRANCHES + 1))

    @settings(max_examples=200)
    @given(st.text(alphabet="()[]',:;ab_ 1.-e\n\x00日\ud800&#", max_size=60))
    def test_fuzz_of_syntax(self, text: str) -> None:
        self.read_or_refuse(text)

    @settings(max_examples=100)
    @given(st.text(max_size=200))
    def test_fuzz_of_any_text(self, text: str) -> None:
        self.read_or_refuse(text)

    @settings(max_examples=100)
    @given(st.data())
    def test_fuzz_of_a_damaged_tree(self, data: st.DataObject) -> None:
        text = to_newick(tree_over(6), ["siamese cat", "o'neil", "x[c]", "a,b", "e", "f"])
        start = data.draw(st.integers(0, len(text)))
        end = data.draw(st.integers(start, min(len(text), start + 5)))
        self.read_or_refuse(text[:start] + data.draw(st.text(alphabet="()[]',:;a1", max_size=3)) + text[end:])

    @staticmethod
    def read_or_refuse(text: str) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                z, names = from_newick(text)
            except ImportFileError:
                return
        assert z.shape == (len(names) - 1, 4)
        assert len(names) == 1 or is_valid_linkage(z)


NAMES = st.text(min_size=1, max_size=12).filter(lambda name: not name.isspace())


class TestRoundTrip:
    @settings(max_examples=100)
    @given(
        st.lists(NAMES, min_size=1, max_size=25, unique=True), st.integers(0, 1000), st.sampled_from(["single", "ward"])
    )
    def test_any_names(self, names: list[str], seed: int, method: str) -> None:
        z = tree_over(len(names), seed, method) if len(names) > 1 else np.zeros((0, 4))
        back, back_names = from_newick(to_newick(z, names))
        assert sorted(back_names) == sorted(names)
        assert_same_distances(distances_by_name(back, back_names), distances_by_name(z, names), rel=1e-9)

    @settings(max_examples=60)
    @given(
        st.lists(st.sampled_from([0.0, 1.0, 2.0, 1e-300, 1e300]), min_size=1, max_size=15).map(sorted),
        st.integers(0, 99),
    )
    def test_ties_and_extreme_heights(self, heights: list[float], seed: int) -> None:
        rng = np.random.default_rng(seed)
        n = len(heights) + 1
        alive, rows, sizes = list(range(n)), [], [1] * n
        for row, height in enumerate(heights):
            a, b = (alive.pop(int(rng.integers(len(alive)))) for _ in range(2))
            sizes.append(sizes[a] + sizes[b])
            rows.append([a, b, height, sizes[-1]])
            alive.append(n + row)
        z, names = np.array(rows), [f"c {i}" for i in range(n)]
        back, back_names = from_newick(to_newick(z, names))
        found, expected = distances_by_name(back, back_names), distances_by_name(z, names)
        for pair, distance in expected.items():
            assert found[pair] == pytest.approx(distance, rel=1e-9)

    def test_leaf_order_is_kept(self) -> None:
        z = linkage(np.random.default_rng(2).normal(size=(20, 3)), "average", optimal_ordering=True)
        names = [f"class {i}" for i in range(20)]
        back, back_names = from_newick(to_newick(z, names))
        assert back_names == [names[i] for i in leaves_list(z)]
        assert leaves_list(back).tolist() == list(range(20))

    def test_scale(self) -> None:
        z, names = tree_over(7), list("abcdefg")
        back, back_names = from_newick(to_newick(z, names, scale=1), scale=1)
        assert_same_distances(distances_by_name(back, back_names), distances_by_name(z, names), rel=1e-9)


class TestDepth:
    def test_million_brackets(self) -> None:
        started = time.process_time()
        assert from_newick("(" * 10**6 + "a" + ")" * 10**6 + ";")[1] == ["a"]
        assert time.process_time() - started < 10  # 1 to 3 s; the limit is for machines that do other things too

    def test_chain_of_merges_there_and_back(self) -> None:
        n = 30_000
        z = np.zeros((n - 1, 4))
        z[:, 0] = np.r_[0, n + np.arange(n - 2)]
        z[:, 1] = z[:, 2] = np.arange(1, n)
        z[:, 3] = np.arange(2, n + 1)
        back, names = from_newick(to_newick(z, [str(i) for i in range(n)]))
        assert names == [str(i) for i in range(n)]
        np.testing.assert_array_equal(back, z)
