"""NEXUS, iTOL and JSON: other readers find the same tree in them, whatever the classes are called."""

from __future__ import annotations

import csv
import io
import json
import re
import warnings
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.cluster.hierarchy import cophenet, linkage
from scipy.spatial.distance import squareform

from lwal_core.analysis.hierarchy import Hierarchy, build_hierarchy
from lwal_core.analysis.trees.cuts import balanced_cut
from lwal_core.errors import ExportError
from lwal_core.export.json_tree import MAX_NESTED_LEVELS
from lwal_core.export.newick import from_newick, safe_ids
from lwal_core.export.nexus import to_nexus
from lwal_core.export.tree_files import TREE_FORMATS, tree_file
from lwal_core.figures.clade_colors import group_marks

HOSTILE_NAMES = [
    "siamese cat", "o'neil", "x(y)", "a,b", "a:b", "x[c]", "semi;colon", "under_score", "日本の猫", "قط", "-dash",
    "'quoted'", "[&R]", "1e5", "3", "7", "END;", "<script>alert(1)</script>", "=1+1", '=cmd|"/c calc"!A1', "n" * 500,
]  # fmt: skip
ANY_NAME = st.text(st.characters(codec="utf-8"), max_size=12)


def tree_of(names: list[str], seed: int = 0, method: str = "average") -> Hierarchy:
    return build_hierarchy(np.random.default_rng(seed).normal(size=(len(names), 4)), names, method=method)


def chain(n: int) -> Hierarchy:
    """A tree as deep as it has classes: each class joins all those before it."""
    z = np.column_stack([np.r_[0, n + np.arange(n - 2)], np.arange(1, n), np.arange(1, n), np.arange(2, n + 1)])
    # No export but that of distances reads them.
    return Hierarchy(
        z.astype(float), np.arange(n), tuple(map(str, range(n))), "single", "euclidean", np.empty(0), False
    )


def cophenetic(h: Hierarchy) -> dict[frozenset[str], float]:
    square = squareform(cophenet(h.linkage))
    return {frozenset((a, b)): square[i, j] for i, a in enumerate(h.names) for j, b in enumerate(h.names) if i < j}


def between_tips_dendropy(text: str) -> dict[frozenset[str], float]:
    dendropy = pytest.importorskip("dendropy")
    tree = dendropy.Tree.get(data=text, schema="nexus", preserve_underscores=True)
    assert tree.is_rooted
    matrix, taxa = tree.phylogenetic_distance_matrix(), list(tree.taxon_namespace)
    return {
        frozenset((a.label, b.label)): matrix.patristic_distance(a, b)
        for i, a in enumerate(taxa)
        for b in taxa[i + 1 :]
    }


class TestNexus:
    def test_dendropy_finds_the_distances_and_the_names(self) -> None:
        h = tree_of(HOSTILE_NAMES)
        found = between_tips_dendropy(tree_file(h, "nexus").decode())
        assert found == pytest.approx(cophenetic(h))

    def test_classes_called_by_numbers_are_not_taken_for_taxon_numbers(self) -> None:
        h = tree_of([str(i) for i in range(10)], seed=1)  # the classes of digits: taxon 1 is called 0
        assert between_tips_dendropy(tree_file(h, "nexus").decode()) == pytest.approx(cophenetic(h))

    def test_biopython_reads_safe_names(self) -> None:
        phylo = pytest.importorskip("Bio.Phylo")
        h = tree_of(HOSTILE_NAMES)
        text = tree_file(h, "nexus", newick_names="safe", clade_names={h.n: "a pair"}).decode()
        tree = next(phylo.parse(io.StringIO(text), "nexus"))
        ids = safe_ids(h.names)
        assert {tip.name for tip in tree.get_terminals()} == set(ids)
        expected = cophenetic(h)
        for i in range(3):
            for j in range(i):
                assert tree.distance(ids[i], ids[j]) == pytest.approx(
                    expected[frozenset((h.names[i], h.names[j]))], abs=1e-4
                )

    def test_names_and_support_of_merges_are_metacomments(self) -> None:
        dendropy = pytest.importorskip("dendropy")
        h = tree_of(list("abcdef"), seed=2)
        names = {h.n + 1: 'cats, "big"] = [&R] ones\n', 2 * h.n - 2: "all"}
        text = tree_file(h, "nexus", clade_names=names, support=[0.5, 0.951, 0.0, np.nan, 1.0]).decode()
        tree = dendropy.Tree.get(data=text, schema="nexus")
        inner = {frozenset(leaf.taxon.label for leaf in node.leaf_iter()): node for node in tree.internal_nodes()}

        def said(row: int) -> dict[str, str]:
            annotations = inner[frozenset(h.names[i] for i in h.members(h.n + row))].annotations
            return {a.name: str(a.value).strip('"') for a in annotations}

        assert said(0) == {"support": "50"}
        assert said(1) == {"support": "95", "name": "cats; 'big') ~ (&R) ones"}
        assert said(2) == {"support": "0"}
        assert said(3) == {}
        assert said(4) == {"name": "all"}  # every tree has the root

    def test_the_caption_cannot_leave_its_comment(self) -> None:
        h = tree_of(["a", "b"])
        text = tree_file(h, "nexus", caption="run ] END; [").decode()
        assert text.splitlines()[1] == "[run ) END; (]"
        assert between_tips_dendropy(text) == pytest.approx(cophenetic(h))

    @settings(max_examples=60)
    @given(st.lists(ANY_NAME, min_size=2, max_size=8))
    def test_any_names_come_back_or_are_refused(self, names: list[str]) -> None:
        written = [" ".join("".join(c if c.isprintable() else " " for c in name).split()) for name in names]
        z = linkage(np.random.default_rng(0).normal(size=(len(names), 4)), "average")
        if any(not name or name.isspace() for name in names) or len(set(names)) < len(names):
            with pytest.raises(ExportError):
                to_nexus(z, names)
        elif "" in written or len(set(written)) < len(written):  # different names that one line makes alike
            found = re.findall(r"^    \d+ (.*?),?$", to_nexus(z, names), re.M)
            assert len(set(found)) == len(names)
        # DendroPy's names do not tell case apart, and it ends the list at a taxon whose whole name is a semicolon, quoted or not.
        elif len({name.casefold() for name in written}) == len(written) and ";" not in written:
            found = between_tips_dendropy(to_nexus(z, names))
            assert {name for pair in found for name in pair} == set(written)
        ids = between_tips_dendropy(to_nexus(z, names, mode="safe"))
        assert {name for pair in ids for name in pair} == set(safe_ids(names))


class TestItol:
    def unpacked(self, data: bytes) -> dict[str, str]:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return {name: archive.read(name).decode() for name in archive.namelist()}

    def rows(self, text: str) -> list[list[str]]:
        head, _, data = text.partition("\nDATA\n")
        assert head.splitlines()[1] == "SEPARATOR TAB"
        return [line.split("\t") for line in data.splitlines()]

    def test_every_name_stands_beside_its_id(self) -> None:
        names = [*HOSTILE_NAMES, "tab\tand\nline", ""]
        files = self.unpacked(tree_file(tree_of(names), "itol"))
        ids = safe_ids(names)
        labels = self.rows(files["labels.txt"])
        assert [row[0] for row in labels] == ids and all(len(row) == 2 for row in labels)
        assert not any("<" in row[1] or ">" in row[1] for row in labels)
        table = list(csv.reader(io.StringIO(files["classes.csv"])))
        assert [row[0] for row in table[1:]] == ids
        assert not any(row[1].startswith(("=", "+", "-", "@")) for row in table)
        assert sorted(from_newick(files["tree.nwk"])[1]) == sorted(i.replace("_", " ") for i in ids)

    def test_groups_have_the_colours_and_members_that_they_have_in_the_app(self) -> None:
        h = tree_of([f"c{i}" for i in range(24)], seed=3)
        files = self.unpacked(tree_file(h, "itol", cut=9))
        ids, marks, groups = safe_ids(h.names), group_marks(h, 9), h.cut(k=9)
        strip = {row[0]: row[1:] for row in self.rows(files["groups_strip.txt"])}
        assert strip == {ids[i]: [marks[groups[i]].color, f"group {groups[i]}"] for i in range(h.n)}
        assert (
            len({(row[1], row[3]) for row in self.rows(files["groups_symbols.txt"])}) == 9
        )  # nine marks from 7 colours
        legend = dict(line.split("\t", 1) for line in files["groups_strip.txt"].splitlines() if "\t" in line)
        assert len({len(legend[f"LEGEND_{what}"].split("\t")) for what in ("SHAPES", "COLORS", "LABELS")}) == 1

    def test_two_leaves_name_their_clade(self) -> None:
        phylo = pytest.importorskip("Bio.Phylo")
        h = tree_of([f"c{i}" for i in range(12)], seed=4)
        files = self.unpacked(tree_file(h, "itol", cut=4, clade_names={h.n + 8: "high ones"}))
        tree, ids = next(phylo.parse(io.StringIO(files["tree.nwk"]), "newick")), safe_ids(h.names)

        def below(place: str) -> set[str]:
            return {tip.name for tip in tree.common_ancestor(place.split("|")).get_terminals()}

        for row, mark in zip(self.rows(files["groups_branches.txt"]), group_marks(h, 4), strict=True):
            assert below(row[0]) == {ids[i] for i in h.members(mark.node)}
            assert row[1] == ("branch" if mark.node < h.n else "clade") and row[2] == mark.color
        assert [below(row[0]) for row in self.rows(files["labels.txt"]) if row[1] == "high ones"] == [
            {ids[i] for i in h.members(h.n + 8)}
        ]

    def test_the_same_tree_gives_the_same_bytes(self) -> None:
        h = tree_of(list("abcd"))
        assert tree_file(h, "itol", cut=2) == tree_file(h, "itol", cut=2)


class TestJson:
    def test_d3_finds_the_tree(self) -> None:
        h = tree_of(HOSTILE_NAMES, seed=5)
        read = json.loads(tree_file(h, "json", cut=3, clade_names={h.n: "a pair"}, support=[0.25] * (h.n - 1)))
        seen = {}
        stack = [(read["tree"], None)]
        while stack:
            node, parent = stack.pop()
            seen[node["id"]] = node
            if parent is None:
                assert node["length"] is None
            else:
                assert node["length"] == pytest.approx(parent["height"] - node["height"])
            children = node.get("children", [])
            assert bool(children) == (node["id"] >= h.n)
            assert node["size"] == (sum(child["size"] for child in children) or 1)
            stack += [(child, node) for child in children]
        assert [seen[i]["name"] for i in range(h.n)] == HOSTILE_NAMES
        assert seen[h.n]["name"] == "a pair" and seen[h.n]["support"] == 0.25 and "support" not in seen[2 * h.n - 2]
        assert [seen[h.n + row]["height"] for row in range(h.n - 1)] == h.linkage[:, 2].tolist()
        assert [seen[i]["group"] for i in range(h.n)] == h.cut(k=3).tolist()
        assert "group" not in seen[2 * h.n - 2]

    def test_flat_when_nesting_would_be_too_deep(self) -> None:
        nested, flat = (json.loads(tree_file(chain(MAX_NESTED_LEVELS + more), "json")) for more in (1, 2))
        assert "nodes" not in nested and "tree" not in flat
        known = set()
        for node in flat["nodes"]:
            assert node["parent"] is None if not known else node["parent"] in known
            known.add(node["id"])
        assert known == set(range(2 * (MAX_NESTED_LEVELS + 2) - 1))


class TestEveryFormat:
    TEXT = tuple(name for name, known in TREE_FORMATS.items() if known.suffix not in ("svg", "pdf", "png"))

    @pytest.mark.parametrize("format", TEXT)
    @pytest.mark.parametrize("n", [1, 2, 3])
    def test_few_classes(self, format: str, n: int) -> None:
        h = tree_of(["only", "second", "third"][:n])
        data = tree_file(h, format, cut=1)
        assert data
        if format == "nexus" and n > 1:
            assert between_tips_dendropy(data.decode()) == pytest.approx(cophenetic(h))
        if format == "json":
            assert json.loads(data)["tree"]["size"] == n

    @pytest.mark.parametrize("format", TEXT)
    def test_ties(self, format: str) -> None:
        h = build_hierarchy(np.eye(6), list("abcdef"))  # one-hot: every distance is equal
        data = tree_file(h, format, cut=2)
        if format == "nexus":
            assert list(between_tips_dendropy(data.decode()).values()) == pytest.approx([np.sqrt(2)] * 15)

    @pytest.mark.parametrize("format", [name for name in TEXT if name != "csv"])
    def test_a_chain_of_ten_thousand(self, format: str) -> None:
        data = tree_file(chain(10_000), format, cut=4)
        assert len(data) > 10_000
        if format == "nexus":
            body = re.search(r"\[&R\] (.*;)", data.decode())
            assert body is not None
            z, _ = from_newick(body[1])
            assert z[:, 2].tolist() == list(range(1, 10_000))

    @pytest.mark.parametrize("format", ["newick", "nexus", "itol"])
    def test_inversions_are_lifted_and_said(self, format: str) -> None:
        points = np.array([[0.0, 0], [1, 0], [0.5, np.sqrt(3) / 2 * 1.02]])
        h = build_hierarchy(points, list("abc"), method="centroid")
        assert h.has_inversions
        with pytest.warns(UserWarning, match="inversions"):
            tree_file(h, format)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            tree_file(h, "json")

    def test_groups_of_a_cut_at_several_heights(self) -> None:
        h = build_hierarchy(np.random.default_rng(2).normal(size=(9, 3)), [f"c{i}" for i in range(9)])
        tops = balanced_cut(h, 3)
        named = {top: "some" for top in tops if top >= h.n}
        groups = json.loads(tree_file(h, "groups", cut=tops, clade_names=named))["groups"]
        assert [set(group["classes"]) for group in groups] == [{h.names[i] for i in h.members(top)} for top in tops]
        assert len({group["name"] for group in groups}) == len(tops)
        rows = list(csv.DictReader(io.StringIO(tree_file(h, "cut", cut=tops, clade_names=named).decode())))
        assert all(row["class"] in groups[int(row["group"])]["classes"] for row in rows)
        assert all(row["name"] == groups[int(row["group"])]["name"] for row in rows)
        colors = {group["color"] for group in groups}
        with zipfile.ZipFile(io.BytesIO(tree_file(h, "itol", cut=tops))) as archive:
            drawn = "".join(archive.read(name).decode() for name in archive.namelist())
        assert all(color in drawn for color in colors)
        svg = tree_file(h, "svg", cut=tops).decode()
        assert all(color.lower() in svg.lower() for color in colors)
        assert f"{len(tops)} groups, cut at several heights" in re.sub(r"\s+", " ", svg)

    def test_unknown_ones_are_refused_with_those_there_are(self) -> None:
        with pytest.raises(ExportError, match="nexus"):
            tree_file(tree_of(list("ab")), "phyloxml")

    def test_support_of_another_tree_is_refused(self) -> None:
        for format in ("newick", "nexus", "itol", "json"):
            with pytest.raises(ExportError):
                tree_file(tree_of(list("abcd")), format, support=[0.5, 0.5])

    def test_linkage_is_scipys(self) -> None:
        rng = np.random.default_rng(7).normal(size=(9, 4))
        h = build_hierarchy(rng, [f"c{i}" for i in range(9)])
        rows = list(csv.DictReader(io.StringIO(tree_file(h, "linkage").decode())))
        merges = np.array([[float(r["left"]), float(r["right"]), float(r["height"])] for r in rows[9:]])
        merges[:, :2].sort()
        np.testing.assert_allclose(merges, linkage(rng, "average")[:, :3], rtol=1e-9)
