"""Taxonomies as other programs write them: understood, or refused with the cause and the way out; never another tree."""

from __future__ import annotations

import io
import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lwal_core.analysis.hierarchy import build_hierarchy
from lwal_core.errors import AnalysisError
from lwal_core.export.tree_files import tree_file
from lwal_core.taxonomy import UNNAMED, Taxonomy
from lwal_core.taxonomy.files import parse_taxonomy, taxonomy_newick

PAIRS = [("cat", "animal"), ("dog", "animal"), ("car", "vehicle"), ("bus", "vehicle")]
CLADES = {frozenset({"cat", "dog"}): "animal", frozenset({"car", "bus"}): "vehicle"}


def read(text: str, file: str) -> Taxonomy:
    return parse_taxonomy(text.encode(), file, "Mine")


def groups(text: str, file: str) -> dict[frozenset[str], str]:
    taxonomy = read(text, file)
    return taxonomy.named_clades(taxonomy.classes)


def refusal(text: str, file: str) -> AnalysisError:
    with pytest.raises(AnalysisError) as error:
        read(text, file)
    assert error.value.hint
    return error.value


def table(child: str, parent: str, swapped: bool = False) -> str:
    rows = [(child, parent), *PAIRS]
    return "\n".join(",".join(reversed(row) if swapped else row) for row in rows)


class TestTables:
    @pytest.mark.parametrize(
        ("child", "parent"),
        [
            ("fine", "coarse"), ("fine_label", "coarse_label"), ("class", "superclass"), ("Class", "Super Class"),
            ("label", "category"), ("category", "supercategory"), ("subcategory", "category"), ("species", "group"),
            ("species", "genus"), ("id", "parent_id"), ("child", "parent"), ("name", "parentName"), ("synset", "hypernym"),
            ("subclass", "superclass"), ("target", "source"), ("taxid", "parent tax_id"), ("member", "group"),
        ],
    )  # fmt: skip
    @pytest.mark.parametrize("swapped", [False, True])
    def test_heads_are_heads(self, child: str, parent: str, swapped: bool) -> None:
        assert groups(table(child, parent, swapped), "t.csv") == CLADES

    def test_other_columns_are_left_out(self) -> None:
        frame = pd.DataFrame(PAIRS, columns=["class", "superclass"]).assign(count=3, wnid=["n1", "n2", "n3", "n4"])
        assert groups(frame.to_csv(), "t.csv") == CLADES
        assert groups("sep=;\n" + frame.to_csv(sep=";", index=False), "t.csv") == CLADES

    @pytest.mark.parametrize("top", ["", "0", "-1", "NULL", "99"])
    def test_parents_by_id(self, top: str) -> None:
        rows = ["id,name,parent_id", f"99,thing,{top}", "10,animal,99", "20,vehicle,99"]
        rows += [f"{i},{name},{10 if parent == 'animal' else 20}" for i, (name, parent) in enumerate(PAIRS, 1)]
        found = read("\n".join(rows), "t.csv")
        assert found.named_clades(found.classes) == CLADES
        assert set(found.classes) == {"cat", "dog", "car", "bus"}

    @pytest.mark.parametrize("nothing", ["NA", "None", "null", "-", "", "nan", "N/A", "#N/A", "pet"])
    def test_a_group_without_a_parent(self, nothing: str) -> None:
        taxonomy = read(f"class,parent\ncat,pet\ndog,pet\npet,{nothing}\n", "t.csv")
        assert set(taxonomy.classes) == {"cat", "dog"}
        assert taxonomy.distances(["cat", "dog"])[0, 1] == 2
        assert set(taxonomy.parent_of_node) == {"pet"}

    @pytest.mark.parametrize("nothing", ["NA", "None", "null", "-", ""])
    def test_a_class_without_a_parent(self, nothing: str) -> None:
        assert (
            "The class 'owl' (line 4) has no parent"
            in refusal(f"cat,pet\ndog,pet\nrat,x\nowl,{nothing}", "t.csv").message
        )

    def test_none_is_a_name_where_it_has_a_row(self) -> None:
        assert groups("cat,none\ndog,none\nnone,animal\nowl,animal\n", "t.csv") == {frozenset({"cat", "dog"}): "none"}

    def test_the_only_class_of_a_group_has_its_name(self) -> None:
        taxonomy = read("name,supercategory\nperson,person\ncat,animal\ndog,animal\n", "t.csv")
        assert set(taxonomy.classes) == {"person", "cat", "dog"}
        assert taxonomy.distances(["person", "cat", "dog"]).tolist() == [[0, 4, 4], [4, 0, 2], [4, 2, 0]]

    @pytest.mark.parametrize(
        ("text", "what", "way_out"),
        [
            (
                "breed,group\nhusky,sled dogs\npoodle,companions\nspitz,sled dogs",
                "Line 1, breed,group, may be",
                "class,parent",
            ),
            ("animal,cat\nanimal,dog\nvehicle,car", "'animal' is in line 1 and again in line 2", "parent,child"),
            ("species,genus,family\nlion,Panthera,Felidae\n", "'genus' and 'family'", "Keep one"),
            ("cat,pet,animal\ndog,pet,animal\n", "3 columns, 2 are expected", "heads in the first line"),
            ("cat pet\ndog pet\n", "1 column, 2 are expected", "cat,pet"),
        ],
    )
    def test_what_is_not_clear_is_refused(self, text: str, what: str, way_out: str) -> None:
        error = refusal(text, "t.csv")
        assert what in error.message and way_out in error.hint


FRAME = pd.DataFrame(PAIRS, columns=["name", "parent"])
NESTED = [("animal", ["cat", "dog"]), ("vehicle", ["car", "bus"])]


def nested(name: str, below: str, **more: object) -> str:
    """One tree in the keys of some program."""
    top = [{name: group, below: [{name: one, **more} for one in ones], **more} for group, ones in NESTED]
    return json.dumps({name: "thing", below: top, **more})


def category(number: int, name: str, parent: str) -> dict[str, object]:
    return {"supercategory": parent, "id": number, "name": name}


CATEGORIES = [category(i, *pair) for i, pair in enumerate(PAIRS)]
JSONS = {
    **{f"frame, {form}": FRAME.to_json(orient=form) for form in ("records", "columns", "index", "split", "table")},
    "frame, lists": json.dumps(FRAME.to_dict(orient="list")),
    "frame by class": FRAME.set_index("name").to_json(orient="index"),
    "frame, lines": FRAME.to_json(orient="records", lines=True),
    "fine and coarse": FRAME.set_axis(["fine", "coarse"], axis=1).assign(n=0.5).to_json(orient="records"),
    "dictionary": json.dumps(dict(PAIRS)),
    "edges": json.dumps(PAIRS),
    "edges from above": json.dumps([(parent, name) for name, parent in [*PAIRS, ("animal", "x"), ("vehicle", "x")]]),
    "plotly": json.dumps({"labels": [name for name, _ in PAIRS], "parents": [parent for _, parent in PAIRS]}),
    "COCO": json.dumps({"images": [], "annotations": [{"id": 1, "bbox": [0.5]}], "categories": CATEGORIES}),
    "COCO, categories": json.dumps(CATEGORIES),
    "graph": json.dumps(
        {"directed": True, "nodes": [{"id": "cat"}], "links": [{"source": p, "target": c} for c, p in PAIRS]}
    ),
    "jsTree": nested("text", "children", icon="x", state={"opened": True}),
    "jsTree, flat": json.dumps(
        [{"id": f"j{name}", "parent": "#", "text": name} for name, _ in NESTED]
        + [{"id": name, "parent": f"j{parent}", "text": name} for name, parent in PAIRS]
    ),
    "d3 with id": nested("id", "children", value=3),
    "d3, collapsed": nested("name", "_children", children=None),
    "d3 with parents": nested("name", "children", parent="null"),
    "label": nested("label", "children"),
    "title and key": nested("title", "children", key="0-0"),
    "Open Images": nested("LabelName", "Subcategory", Part=[{"LabelName": "leg"}]),
    "nodes": nested("text", "nodes"),
    "name and id": nested("name", "children", id=7, label="n1"),
    "ids for the frame": json.dumps(
        [{"id": 1, "name": "animal", "parent_id": None}, {"id": 2, "name": "vehicle", "parent_id": None}]
        + [{"id": 3 + i, "name": n, "parent_id": 1.0 if p == "animal" else 2.0} for i, (n, p) in enumerate(PAIRS)]
    ),
}


class TestJson:
    @pytest.mark.parametrize("text", JSONS.values(), ids=JSONS)
    def test_the_same_tree(self, text: str) -> None:
        taxonomy = read(text, "t.json")
        assert set(taxonomy.classes) == {"cat", "dog", "car", "bus"}
        assert taxonomy.named_clades(taxonomy.classes) == CLADES

    def test_specimen_with_labels(self) -> None:
        text = '{"label":"thing","children":[{"label":"animal","children":[{"label":"cat"},{"label":"dog"}]},{"label":"car"}]}'
        taxonomy = read(text, "label.json")
        assert taxonomy.named_clades(taxonomy.classes) == {frozenset({"cat", "dog"}): "animal"}
        assert taxonomy.distances(["cat", "dog", "car"]).tolist() == [[0, 2, 3], [2, 0, 3], [3, 3, 0]]

    def test_groups_that_are_called_like_a_key(self) -> None:
        assert groups('{"text": ["letter", "book"], "label": ["tag", "mark"]}', "t.json") == {
            frozenset({"letter", "book"}): "text",
            frozenset({"tag", "mark"}): "label",
        }
        assert groups('{"text": "letter", "image": ["photo", "drawing"]}', "t.json") == {
            frozenset({"photo", "drawing"}): "image"
        }

    @pytest.mark.parametrize(
        ("value", "what", "way_out"),
        [
            (
                [{"breed": "husky", "kind": "dog"}, {"breed": "siam", "kind": "cat"}],
                "records with 'breed' and 'kind'",
                "parent",
            ),
            (
                [{"name": "husky", "kind": "dog"}, {"name": "siam", "kind": "cat"}],
                "records with 'name' and 'kind'",
                "parent",
            ),
            ([{"pet": "cat"}, {"pet": "dog"}], "records with 'pet'", "class and parent"),
            (
                {"name": "pet", "kinds": [{"name": "cat"}, {"name": "dog"}]},
                "a list 'kinds' but no children",
                "children",
            ),
            ({"label": "pet", "kinds": [{"label": "cat"}]}, "a list 'kinds' but no children", "children"),
            ({"text": "pet", "children": True}, "The children of 'pet' are no list", "children"),
            ([category(1, "cat", ""), category(2, "dog", "")], "The class 'cat' (record 1) has no parent", "group"),
            (
                [{"name": "cat", "parent": "a"}, {"name": "cat", "parent": "b"}],
                "record 1 and again in record 2",
                "one row",
            ),
        ],
    )
    def test_what_is_not_clear_is_refused(self, value: object, what: str, way_out: str) -> None:
        error = refusal(json.dumps(value), "t.json")
        assert what in error.message and way_out in error.hint

    def test_our_own_tree(self) -> None:
        names = ["cat", "dog", "car", "bus", "'1'"]
        tree = build_hierarchy(np.array([[0.0], [1], [10], [11.5], [30]]), names)
        data = tree_file(tree, "json", clade_names={len(names): "pet"})
        taxonomy = parse_taxonomy(data, "digits.json", "Mine")
        assert set(taxonomy.classes) == set(names)
        assert taxonomy.named_clades(names) == {
            frozenset({"cat", "dog"}): "pet",
            frozenset({"car", "bus"}): UNNAMED,
            frozenset({"cat", "dog", "car", "bus"}): UNNAMED,
        }


class TestNewick:
    @pytest.mark.parametrize(
        "support", ["95", "99.8/100", "100/0.99/1", "/87", "98/", "95%", "1e-2", "NA", "NaN", "'100.0:'"]
    )
    def test_supports_are_no_names(self, support: str) -> None:
        found = groups(f"(((cat:1,lion:1){support}:2,dog),owl)root;", "t.nwk")
        assert found == {frozenset({"cat", "lion"}): UNNAMED, frozenset({"cat", "lion", "dog"}): UNNAMED}

    @pytest.mark.parametrize(
        "label", ["'100.0:Felidae'", "'98:Felidae'", '"0.98:Felidae"', "'100%:Felidae'", "Felidae", '"Felidae"']
    )
    def test_a_support_before_a_name(self, label: str) -> None:
        assert groups(f"((cat:1,lion:1){label}:1,dog:1);", "t.nwk") == {frozenset({"cat", "lion"}): "Felidae"}

    def test_double_quotes_are_quotes(self) -> None:
        assert read('(("cat","dog")pet,"car");', "t.nwk").classes == ("cat", "dog", "car")

    @pytest.mark.parametrize(
        "name", ["95", "99.8/100", "4:3", "100:100:x", "NA", "3: x", "'", '"', 'a "b"', "-", "null"]
    )
    def test_any_name_of_a_group_is_read_back(self, name: str) -> None:
        taxonomy = read(json.dumps({name: ["cat", "dog"], "other": ["car", "bus"]}), "t.json")
        assert groups(taxonomy_newick(taxonomy), "t.nwk") == taxonomy.named_clades(taxonomy.classes)
        assert name in taxonomy.named_clades(taxonomy.classes).values()


KEYS = st.sampled_from(
    ["name", "parent", "children", "id", "class", "group", "columns", "data", "text", "categories", "a", ""]
)
VALUES = st.none() | st.booleans() | st.integers(0, 3) | st.floats() | st.sampled_from(["a", "b", "c", "NA", ""])
JSON = st.recursive(VALUES, lambda v: st.lists(v, max_size=3) | st.dictionaries(KEYS, v, max_size=4), max_leaves=15)


@given(JSON)
@settings(max_examples=500)
def test_any_json_is_a_tree_or_refused(value: object) -> None:
    try:
        taxonomy = read(json.dumps(value), "t.json")
    except AnalysisError:
        return
    assert len(taxonomy.classes) >= 2


CELLS = st.sampled_from(["a", "b", "c", "d", "NA", "", "0", "class", "parent", "id", "name", "group", " x "])


@given(st.lists(st.lists(CELLS, min_size=1, max_size=4), max_size=8), st.sampled_from(",;\t"))
@settings(max_examples=500)
def test_any_table_is_a_tree_or_refused(rows: list[list[str]], mark: str) -> None:
    try:
        taxonomy = read("\n".join(mark.join(row) for row in rows), "t.csv")
    except AnalysisError:
        return
    assert len(taxonomy.classes) >= 2


@given(
    st.lists(st.sampled_from("abcdefgh"), min_size=2, max_size=8, unique=True),
    st.lists(st.integers(0, 2), min_size=8, max_size=8),
    st.sampled_from(["records", "columns", "index", "split", "table", "csv"]),
    st.booleans(),
)
@settings(max_examples=100)
def test_any_data_frame_comes_back(names: list[str], of: list[int], form: str, swapped: bool) -> None:
    frame = pd.DataFrame({"class": names, "superclass": [f"group {of[i]}" for i in range(len(names))]})
    if swapped:
        frame = frame[["superclass", "class"]]
    buffer = io.StringIO()
    frame.to_csv(buffer) if form == "csv" else frame.to_json(buffer, orient=form)
    taxonomy = read(buffer.getvalue(), "t.csv" if form == "csv" else "t.json")
    assert set(taxonomy.classes) == set(names)
    same = np.array([[of[i] == of[j] for j in range(len(names))] for i in range(len(names))])
    hops = taxonomy.distances(names)
    assert ((hops == 2) == (same & ~np.eye(len(names), dtype=bool))).all()


@pytest.mark.parametrize(
    ("heads", "mark"),
    [("prefLabel,broader", ","), ("term,is_a", ","), ("class,subclass of", ","), ("hyponym,hypernym", ","), ("Klasse;Oberklasse", ";"),
     ("class|parent", "|"), ('"class", "parent"', '", "')],
)  # fmt: skip
def test_further_heads_and_marks(heads: str, mark: str) -> None:
    rows = [f'"{mark.join(pair)}"' if '"' in mark else mark.join(pair) for pair in PAIRS]
    assert groups("\n".join([heads, *rows]), "a.csv") == CLADES


def test_commas_within_names_do_not_part_columns() -> None:
    rows = "cat, small\tanimal\ndog, large\tanimal\ncar, red\tvehicle\nbus, red\tvehicle\n"
    assert read(rows, "a.tsv").classes == ("cat, small", "dog, large", "car, red", "bus, red")


def test_names_are_taken_before_numbers() -> None:
    ncbi = "tax_id,parent_tax_id,rank,name_txt\n1,1,no rank,root\n2,1,domain,Bacteria\n3,1,domain,Archaea\n"
    assert read(ncbi, "a.csv").classes == ("Bacteria", "Archaea")
    assert read("concept,prefLabel,broader\nc1,cat,c3\nc2,dog,c3\nc3,pet,\n", "a.csv").classes == ("cat", "dog")


@pytest.mark.parametrize(
    ("text", "file", "cause"),
    [
        ('{"0": ["n01440764", "tench"], "1": ["n01443537", "goldfish"]}', "a.json", "lists classes by number"),
        ('[[0, "n01440764", "tench"], [1, "n01443537", "goldfish"]]', "a.json", "lists classes by number"),
        ('{"@context": "x", "@graph": [{"@id": "a"}]}', "a.json", "JSON-LD"),
        ("RS_1\td__B;p__A\nRS_2\td__B;p__C\n", "a.tsv", "whole paths"),
        ("<!DOCTYPE html><html>", "a.json", "a web page"),
        ("version https://git-lfs.github.com/spec/v1\r\noid x\r\n", "a.nwk", "Git LFS"),
    ],
)
def test_what_is_no_taxonomy_is_said(text: str, file: str, cause: str) -> None:
    assert cause in refusal(text, file).message
