"""Taxonomies from files: every format reads back what was written, and whatever is wrong is said."""

from __future__ import annotations

import csv
import io
import json
import time
from collections import deque
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lwal_core.errors import AnalysisError
from lwal_core.taxonomy import UNNAMED, Taxonomy, available_taxonomies, load_taxonomy
from lwal_core.taxonomy.files import MAX_BYTES, MAX_CLASSES, MAX_LEVELS, parse_taxonomy, taxonomy_newick
from lwal_core.taxonomy.record import checksum, record_of_taxonomy, taxonomy_of_record

PETS = {
    "Newick": "(((cat:1,dog:2)pet:3,cow)animal,(car,bus)vehicle);",
    "JSON": '{"animal": {"pet": ["cat", "dog"], "cow": null}, "vehicle": ["car", "bus"]}',
    "d3": json.dumps(
        {
            "children": [
                {"name": "animal", "height": 2, "children": [
                    {"name": "pet", "children": [{"name": "cat"}, {"name": "dog", "children": []}]}, {"name": "cow"},
                ]},
                {"name": "vehicle", "children": ["car", {"name": "bus", "wnid": "n1"}]},
            ]
        }
    ),
    "table": "class,parent\ncat,pet\ndog,pet\npet,animal\ncow,animal\ncar,vehicle\nbus,vehicle\n",
    "headless": "cat;pet\ndog;pet\npet;animal\ncow;animal\ncar;vehicle\nbus;vehicle",
    "tabs": "child\tparent\ncat\tpet\ndog\tpet\npet\tanimal\nanimal\t\ncow\tanimal\ncar\tvehicle\nbus\tvehicle",
}  # fmt: skip
CLADES = {
    frozenset({"cat", "dog"}): "pet",
    frozenset({"cat", "dog", "cow"}): "animal",
    frozenset({"car", "bus"}): "vehicle",
}


def read(text: str, file: str = "pets.txt") -> Taxonomy:
    return parse_taxonomy(text.encode(), file, "Pets")


def wrong(data: bytes | str, file: str = "pets.txt") -> AnalysisError:
    with pytest.raises(AnalysisError) as error:
        parse_taxonomy(data.encode() if isinstance(data, str) else data, file, "Pets")
    assert error.value.message and error.value.hint
    return error.value


# --- a tree of its own for the tests -------------------------------------------------------------------------------

Node = tuple[str, list[Any]]  # a name and nodes below it; a class has none


def leaves(node: Node) -> list[str]:
    name, below = node
    return [leaf for child in below for leaf in leaves(child)] if below else [name]


def naive_clades(node: Node) -> set[frozenset[str]]:
    everything = leaves(node)

    def walk(node: Node) -> set[frozenset[str]]:
        return {frozenset(leaves(node))}.union(*(walk(child) for child in node[1]))

    return {clade for clade in walk(node) if 2 <= len(clade) < len(everything)}


def naive_hops(node: Node) -> dict[tuple[str, str], int]:
    """Breadth first from every class over edges without directions."""
    edges: dict[int, list[int]] = {}
    name_of: dict[int, str] = {}

    def walk(node: Node) -> int:
        me = len(edges)
        edges[me] = []
        if not node[1]:
            name_of[me] = node[0]
        for child in node[1]:
            number = walk(child)
            edges[me].append(number)
            edges[number].append(me)
        return me

    walk(node)
    hops = {}
    for start, name in name_of.items():
        steps, queue = {start: 0}, deque([start])
        while queue:
            at = queue.popleft()
            for other in edges[at]:
                if other not in steps:
                    steps[other] = steps[at] + 1
                    queue.append(other)
        hops |= {(name, name_of[other]): count for other, count in steps.items() if other in name_of}
    return hops


def as_newick(node: Node, quote: bool) -> str:
    name, below = node
    text = "'" + name.replace("'", "''") + "'" if quote or not name.isalnum() else name
    return f"({','.join(as_newick(child, quote) for child in below)}){text}" if below else text


def as_groups(node: Node) -> Any:
    """Keys for groups, lists for classes alone."""
    _, below = node
    if all(not child[1] for child in below):
        return [child[0] for child in below]
    return {child[0]: as_groups(child) if child[1] else None for child in below}


def as_nodes(node: Node) -> Any:
    name, below = node
    return {"name": name, "children": [as_nodes(child) for child in below]} if below else {"name": name}


def as_table(node: Node) -> str:
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow(["class", "parent"])

    def walk(node: Node, parent: str) -> None:
        writer.writerow([node[0], parent])
        for child in node[1]:
            walk(child, node[0])

    walk(node, "")
    return file.getvalue()


@st.composite
def trees(draw: st.DrawFn) -> Node:
    """Trees with names of every kind, each known from all others by its number."""
    count = draw(st.integers(3, 25))
    below: dict[int, list[int]] = {i: [] for i in range(count)}
    below[0].append(1)
    below[0].append(2)
    for i in range(3, count):
        below[draw(st.integers(0, i - 1))].append(i)
    words = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=6)
    names = [" ".join(f"{draw(words)} n{i}x".split()) for i in range(count)]  # no spelling comes twice

    def node(i: int) -> Node:
        return names[i], [node(j) for j in below[i]]

    return node(0)


@given(trees(), st.booleans(), st.booleans())
@settings(max_examples=120)
def test_any_tree_in_every_format(tree: Node, quote: bool, mark: bool) -> None:
    texts = {
        "a.nwk": as_newick(tree, quote) + ";",
        "b.json": json.dumps({tree[0]: as_groups(tree)}),
        "c.json": json.dumps(as_nodes(tree), ensure_ascii=False),
        "d.csv": as_table(tree),
    }
    names = leaves(tree)
    expected, hops = naive_clades(tree), naive_hops(tree)
    found = {
        file: parse_taxonomy(text.encode("utf-8-sig" if mark else "utf-8"), file, "any") for file, text in texts.items()
    }
    for taxonomy in found.values():
        assert set(taxonomy.classes) == set(names)
        assert taxonomy.clades(names) == expected
        distances = taxonomy.distances(names)
        assert all(distances[i, j] == hops[a, b] for i, a in enumerate(names) for j, b in enumerate(names))
    again = parse_taxonomy(taxonomy_newick(found["d.csv"]).encode(), "again.nwk", "any")
    assert again.parent_of_class == found["a.nwk"].parent_of_class
    assert again.named_clades(names) == found["a.nwk"].named_clades(names)
    stored = json.loads(json.dumps(record_of_taxonomy(found["a.nwk"])))
    assert record_of_taxonomy(taxonomy_of_record(stored)) == stored


@pytest.mark.parametrize("text", PETS.values(), ids=PETS)
def test_the_same_tree(text: str) -> None:
    taxonomy = read(text)
    assert set(taxonomy.classes) == {"cat", "dog", "cow", "car", "bus"}
    assert taxonomy.named_clades(taxonomy.classes) == CLADES
    names = ["cat", "dog", "cow", "bus"]
    assert taxonomy.distances(names).tolist() == [[0, 2, 3, 5], [2, 0, 3, 5], [3, 3, 0, 4], [5, 5, 4, 0]]
    assert taxonomy.groups == 3 and taxonomy.levels == 3
    assert taxonomy.title == "Pets" and "pets.txt" in taxonomy.source and taxonomy.made.startswith("Read as ")


def test_the_ending_of_the_name_wins_over_what_the_file_begins_with() -> None:
    assert set(read("(a),x\nb,x\n", "p.csv").classes) == {"(a)", "b"}
    assert "Not JSON" in wrong("cat,pet\n", "p.JSON").message
    assert "Not a Newick tree" in wrong("cat,pet\n", "C:\\files\\p.nwk").message
    assert "C:" not in read("(a,b);", "C:\\files\\p.nwk").source


def test_what_this_program_wrote_is_read_as_it_was() -> None:
    for name in available_taxonomies():
        known = load_taxonomy(name)
        again = parse_taxonomy(json.dumps(record_of_taxonomy(known)).encode(), "kept.json", "Mine")
        assert (again.title, again.name) == ("Mine", "Mine")
        assert checksum(again) == checksum(known)
        some = known.classes[:40]
        assert (again.distances(some) == known.distances(some)).all()


@pytest.mark.parametrize("name", available_taxonomies())
def test_newick_of_shipped_trees(name: str) -> None:
    known = load_taxonomy(name)
    again = parse_taxonomy(taxonomy_newick(known).encode(), "t.nwk", name)
    assert again.named_clades(known.classes) == known.named_clades(known.classes)


class TestNewick:
    def test_groups_without_a_name_and_with_one_that_comes_again(self) -> None:
        taxonomy = read("((a,b),(c,d)'',((e,f)misc,(g,h)misc)95,(i,j)'7');")
        found = taxonomy.named_clades(taxonomy.classes)
        by_name = {}
        for clade, name in found.items():
            by_name.setdefault(name, set()).add("".join(sorted(clade)))
        assert by_name == {UNNAMED: {"ab", "cd", "efgh"}, "misc": {"ef", "gh"}, "7": {"ij"}}
        assert "'7'" in taxonomy_newick(taxonomy) and "95" not in taxonomy_newick(taxonomy)

    def test_comments_lengths_quotes_and_underscores(self) -> None:
        taxonomy = read("[&R] ( 'o''neil':1e-3, siamese_cat[x]:.5 ,\n('a,b':0,\t'c(d)')x_y:1 )root:3 ;\n")
        assert taxonomy.classes == ("o'neil", "siamese cat", "a,b", "c(d)")
        assert taxonomy.named_clades(taxonomy.classes) == {frozenset({"a,b", "c(d)"}): "x y"}

    def test_a_group_with_a_single_child_counts_as_a_hop(self) -> None:
        assert read("(((a)b),c);").distances(["a", "c"])[0, 1] == 4

    @pytest.mark.parametrize(
        ("text", "what"),
        [
            ("(cat,dog)", "the end of the text, without ';' (line 1, character 10)"),
            ("(cat,dog));", "')' outside of all brackets (line 1, character 10)"),
            ("((cat,dog);", "1 '(' without ')' before the ';'"),
            ("(cat,\n,dog);", "a class without a name (line 2, character 1)"),
            ("(cat,'');", "a class with an empty name"),
            ("(cat,dog:);", "a ':' without a length"),
            ("(cat,dog:x);", "'x' where a branch length is expected"),
            ("(cat,dog)(a,b);", "'(' where ',' or ')' is expected"),
            ("(cat dog,b);", "'dog' where ',' or ')' is expected"),
            ("(cat,'dog);", "a quote ' that is never closed"),
            ("(cat,dog[);", "a comment [ that is never closed"),
            ("(cat,dog]);", "a ] without [ before it"),
            ("(cat,:1);", "':' without a branch before it"),
            ("(a,b);(c,d);", "text after the ';'"),
            ("();", "a class without a name"),
            ("(;", "1 '(' without ')'"),
        ],
    )
    def test_what_is_wrong_and_where(self, text: str, what: str) -> None:
        assert what in wrong(text, "t.nwk").message

    def test_nexus(self) -> None:
        assert "NEXUS" in wrong("#NEXUS\nBEGIN TREES;").message


class TestJson:
    def test_mixed_forms_numbers_and_groups_without_a_name(self) -> None:
        digits = read('{"even": [0, 2, {"square": [4, 16]}], "odd": [1, {"name": "3"}], "big": {"100": {}, "200": []}}')
        assert set(digits.classes) == {"0", "2", "4", "16", "1", "3", "100", "200"}
        assert digits.named_clades(digits.classes)[frozenset({"4", "16"})] == "square"
        lists = read('[["a", "b"], ["c", "d"], "e"]')
        assert set(lists.named_clades(lists.classes).values()) == {UNNAMED}

    def test_a_group_that_is_called_children_or_name(self) -> None:
        people = read('{"children": ["boy", "girl"], "adults": ["man", "woman"]}')
        assert set(people.named_clades(people.classes).values()) == {"children", "adults"}
        assert read('{"children": ["boy", "girl"]}').classes == ("boy", "girl")
        assert read('{"name": {"first": ["a", "b"], "last": ["c", "d"]}}').groups == 2

    @pytest.mark.parametrize(
        ("text", "what"),
        [
            ("{", "Not JSON"),
            ('{"a": ["b", "c"],}', "Not JSON"),
            ('{"a": ["b", 0.5]}', "0.5 stands in the JSON where a class"),
            ('{"a": true}', "true stands in the JSON"),
            ('{"a": [null, "b"]}', "null stands in the JSON"),
            ('{"a": ["b", ""]}', "no name"),
            ('{"a": ["b", []]}', "no name"),
            ('{"a": ["b", "c"], "a": ["d"]}', "The key 'a' is twice"),
            ('{"name": "a", "children": "b"}', "The children of 'a' are no list"),
            ('{"name": "a", "children": {"b": []}}', "The children of 'a' are no list"),
            ('{"a": ["\\ud800", "b"]}', "no proper text"),
            ("{}", "no class"),
            ("[]", "no class"),
            ('{"a": []}', "one class, 'a'"),
            ('{"a": "b"}', "one class, 'b'"),
            ('{"a": ["b", "c"], "d": ["b"]}', "The class 'b' is there twice"),
            ('{"format": 2, "classes": [], "tree": []}', "has the format 2"),
            ('{"format": 1, "classes": [], "tree": []}', "'classes' is no list"),
        ],
    )
    def test_what_is_wrong(self, text: str, what: str) -> None:
        assert what in wrong(text).message


class TestTable:
    def test_quotes_blank_lines_and_columns_of_a_spreadsheet(self) -> None:
        taxonomy = read(
            'Class,Parent,,\r\n\r\n"dog, large",pet,,\r\n"a ""b""", pet ,,\r\n,,\r\npet,animal,,\r\ncow,animal,,\r\n'
        )
        assert set(taxonomy.classes) == {"dog, large", 'a "b"', "cow"}
        assert taxonomy.named_clades(taxonomy.classes) == {frozenset({"dog, large", 'a "b"'}): "pet"}

    @pytest.mark.parametrize(
        ("text", "what"),
        [
            ("cat,pet\ncat,pet\n", "'cat' is in line 1 and again in line 2."),
            ("cat,pet\ndog,pet\ncat,farm\n", "again in line 3, with the parents 'pet' and 'farm'"),
            ("a,b\nb,c\nc,a\nx,y\nz,y\n", "in a circle: a → b → c → a"),
            ("cat,pet\ndog,\n", "The class 'dog' (line 2) has no parent"),
            ("cat,pet\ndog\n", "Line 2 has 1 column,"),
            ("cat,pet,animal\n", "Line 1 has 3 columns"),
            ("cat,pet\n,pet\n", "Line 2 names no class"),
            ('cat,pet\n"dog,pet\n', "Not a table"),
            ("class,parent\n", "no class"),
            ("cat,pet\n", "one class, 'cat'"),
            ("Cat,pet\ncat,farm\n", "differ only in case"),
            ("big_cat,pet\nbig-cat,farm\n", "differ only in case"),
        ],
    )
    def test_what_is_wrong(self, text: str, what: str) -> None:
        assert what in wrong(text, "t.csv").message

    def test_a_long_circle_is_cut_short(self) -> None:
        assert wrong("\n".join(f"n{i},n{(i + 1) % 500}" for i in range(500)), "t.csv").message.count("→") == 5


class TestLimits:
    @pytest.mark.parametrize("data", [b"", b"  \n", b"\xef\xbb\xbf", b"\xef\xbb\xbf \r\n"])
    def test_empty(self, data: bytes) -> None:
        assert wrong(data).message == "The file is empty."

    def test_encodings(self) -> None:
        for encoding in ("utf-16", "utf-16-le", "utf-16-be", "utf-32"):
            assert parse_taxonomy("(ab,b);".encode(encoding), "t.nwk", "t").classes == ("ab", "b")
        assert "no UTF-16 text" in wrong("(a,b);".encode("utf-16")[:-1]).message
        assert "byte 2 (0xe4)" in wrong("(ä,b);".encode("latin-1")).message
        assert read("(ä,猫);").classes == ("ä", "猫")
        assert parse_taxonomy("(ä,猫);".encode("utf-8-sig"), "t.nwk", "t").classes == ("ä", "猫")

    def test_too_many_bytes(self) -> None:
        assert "5.0 MiB, at most 5 MiB" in wrong(b" " * (MAX_BYTES + 1)).message

    @pytest.mark.parametrize(
        "text",
        [
            "(" * 1_000_000 + "a,b" + ")" * 1_000_000 + ";",
            '{"a":' * 1_000_000 + '["b","c"]' + "}" * 1_000_000,
            "[" * 1_000_000 + "]" * 1_000_000,
            '{"a":[' * 300 + '"b","c"' + "]}" * 300,
            "\n".join(f"n{i},n{i + 1}" for i in range(200_000)),
            "\n".join(f"n{i},n{i + 1}" for i in range(5_000)),
            "(" + ",".join(f"n{i}" for i in range(500_000)) + ");",
            json.dumps([f"n{i}" for i in range(300_000)]),
            "('" * 1_500_000,
            "[" * 4_000_000,
            "," * 4_000_000,
        ],
        ids=["newick", "objects", "lists", "deep objects", "long chain", "chain", "wide", "many", "quotes", "[", ","],
    )
    def test_deep_wide_and_endless(self, text: str) -> None:
        start = time.process_time()  # another's work on the machine does not count
        wrong(text)
        assert time.process_time() - start < 3

    @pytest.mark.parametrize("levels", [MAX_LEVELS, MAX_LEVELS + 1])
    def test_the_deepest_tree_in_every_format(self, levels: int) -> None:
        node: Node = ("n0", [])
        for i in range(1, levels + 1):
            node = (f"g{i}", [node, (f"n{i}", [])])
        texts = (as_newick(node, False) + ";", json.dumps({node[0]: as_groups(node)}), json.dumps(as_nodes(node)))
        for text in (*texts, as_table(node)):
            if levels > MAX_LEVELS:
                assert "deep" in wrong(text).message
            else:
                assert read(text).levels == levels

    def test_classes(self) -> None:
        names = [f"n{i}" for i in range(MAX_CLASSES + 1)]
        assert "10,001 classes, at most 10,000" in wrong(f"({','.join(names)});").message
        assert len(read(f"({','.join(names[1:])});").classes) == MAX_CLASSES

    def test_names(self) -> None:
        assert "201 characters" in wrong("(a,%s);" % ("b" * 201)).message
        for name, what in (("  ", "has no name"), ("x" * 201, "201 characters")):
            with pytest.raises(AnalysisError, match=what):
                parse_taxonomy(b"(a,b);", "t.nwk", name)

    @given(st.binary(max_size=60), st.sampled_from(["a.nwk", "a.json", "a.csv", "a", ""]))
    @settings(max_examples=300)
    def test_any_bytes_are_read_or_refused(self, data: bytes, file: str) -> None:
        try:
            taxonomy = parse_taxonomy(data, file, "any")
        except AnalysisError:
            return
        assert len(taxonomy.classes) >= 2

    @given(st.text("(),;:'[]{}\"ab 1\n_", max_size=40), st.sampled_from(["a.nwk", "a.json", "a.csv"]))
    @settings(max_examples=400)
    def test_any_brackets_are_read_or_refused(self, text: str, file: str) -> None:
        try:
            taxonomy = read(text, file)
        except AnalysisError:
            return
        again = read(taxonomy_newick(taxonomy), "b.nwk")
        assert again.clades(taxonomy.classes) == taxonomy.clades(taxonomy.classes)


def test_hops_of_many_classes_are_quick() -> None:
    """A thousand classes against the formula of a complete tree: ten by ten by ten."""
    groups = {str(i): {f"{i}{j}": [f"{i}{j}{k}" for k in range(10)] for j in range(10)} for i in range(10)}
    taxonomy = read(json.dumps(groups))
    start = time.perf_counter()
    distances = taxonomy.distances(taxonomy.classes)
    linkage = taxonomy.linkage(taxonomy.classes)
    assert time.perf_counter() - start < 2
    digits = np.array([[int(c) for c in name] for name in taxonomy.classes])
    same = (digits[:, None] == digits).cumprod(2).sum(2)
    assert (distances == 2 * (3 - same)).all()
    assert linkage.shape == (999, 4) and set(linkage[:, 2]) == {1, 2, 3}
