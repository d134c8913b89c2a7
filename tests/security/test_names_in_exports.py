"""Whatever a class, a run, a tag, a note or a clade is called: it arrives as text in every file that leaves the house."""

from __future__ import annotations

import codecs
import io
import json
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import cycle
from typing import Any

import dendropy
import numpy as np
import pytest
from Bio import Phylo
from hypothesis import given, settings
from hypothesis import strategies as some
from markdown_it import MarkdownIt
from streamlit.testing.v1 import AppTest

from lwal_core.analysis.hierarchy import Hierarchy, build_hierarchy
from lwal_core.errors import LwalError
from lwal_core.export.figure_page import Section, view_page
from lwal_core.export.itol import itol_zip
from lwal_core.export.json_tree import tree_json
from lwal_core.export.newick import safe_ids, to_newick
from lwal_core.export.nexus import to_nexus
from lwal_core.export.projector import projector_points, projector_zip
from lwal_core.export.report.drawings import tree_svg
from lwal_core.export.tables import linkage_csv, table_csv
from lwal_core.export.text_tables import latex_table, markdown_table
from lwal_core.export.tree_files import TREE_FORMATS, tree_file
from lwal_core.runs import Run, annotate_clade, edits
from lwal_core.runs.own_columns import OwnColumn, OwnTable, keep_own_columns
from lwal_core.sanitize import encodable, printable, seen
from lwal_core.shares import share_run
from tests.security.hostile_names import (
    BLANK,
    ELEMENT,
    NAMES,
    SURROGATES,
    check_csv,
    check_html,
    check_xml,
    is_formula,
    newick_tips,
    unpacked,
)
from tests.security.page_files import offered_files

Make = Callable[..., Run]
PAGE_NAME = f"<{ELEMENT}>\"'[x](http://evil.example)`*_|${{7*7}}"
LATEX_WORD = re.compile(r"\\([a-zA-Z]+)")
LATEX_WORDS = {
    "begin", "end", "centering", "toprule", "midrule", "bottomrule", "caption", "textbackslash", "textasciitilde",
    "textasciicircum", "textless", "textgreater", "textbar", "textasciigrave", "pm", "times", "ldots", "usepackage",
}  # fmt: skip


def tree_of(names: list[str]) -> Hierarchy:
    return build_hierarchy(np.random.default_rng(1).normal(size=(len(names), 5)), names)


def check_file(name: str, data: bytes) -> None:
    """Read a file by its ending, with a reader that is not ours where there is one."""
    ending = name.rpartition(".")[2]
    if ending == "html":
        check_html(data)
    elif ending == "csv":
        check_csv(data)
    elif ending == "svg":
        check_xml(data)
    elif ending == "json":
        json.loads(data)
    elif ending == "nwk":
        newick_tips(data.decode())
    elif ending == "nex":
        dendropy.Tree.get(data=data.decode(), schema="nexus", preserve_underscores=True)
    elif ending == "tsv":
        rows = data.decode().rstrip("\n").split("\n")
        assert len({row.count("\t") for row in rows}) == 1
        assert not any(is_formula(cell) for row in rows for cell in row.split("\t"))
    elif ending == "zip":
        for inner, content in unpacked(data):
            if inner != "metrics.csv":  # numbers by the name of their column
                check_file(inner, content)
    elif ending == "pdf":
        assert data.startswith(b"%PDF-") and not re.search(rb"/(JavaScript|JS|URI|Launch|OpenAction)\b", data)
    elif ending == "png":
        assert data.startswith(b"\x89PNG")
    else:
        assert ending in ("txt", "pbtxt", "npy", "npz", "safetensors", "jsonl"), name


KEPT = tuple(dict.fromkeys(map(printable, NAMES)))
"""What a record makes of them: a blank for each character that cannot be seen."""


@pytest.fixture
def hostile_run(make_run: Make) -> Run:
    run = make_run(class_names=list(KEPT), name=PAGE_NAME, epochs=2)
    assert run.class_names == KEPT
    h = tree_of(list(KEPT))
    for at, clade_name in enumerate(NAMES[:80]):
        if clade_name.strip() and len(clade_name) <= 80:
            annotate_clade(run.path, [KEPT[at], KEPT[at + 1], KEPT[-1]], clade_name, note=clade_name)
    assert h.n == len(KEPT) >= 100
    heads = list(dict.fromkeys(seen(name)[:80].strip() for name in NAMES if seen(name)[:80].strip()))[:20]
    texts, codes = tuple(encodable(name)[:200] for name in NAMES[:30]), tuple(i % 30 for i in range(len(KEPT)))
    columns = [
        OwnColumn(name=head, kind=kind, texts=texts, codes=codes)
        for head, kind in zip(heads, cycle(("category", "label")), strict=False)
    ]
    numbers = OwnColumn(name="=1+1|", kind="number", numbers=tuple(map(float, range(len(KEPT)))))
    own = OwnTable(name=heads[0], of="class", rows=tuple(KEPT), columns=(*columns, numbers), changed=datetime.now(UTC))
    keep_own_columns(run.path, own)
    return edits.set_tags(run, [name[:60] for name in NAMES[:25] if name.strip()])


@pytest.mark.page
def test_every_download_of_every_page(make_run: Make, hostile_run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The files are made as the pages offer them, each is read by its ending; and no name is part of a file's name."""
    make_run("onehot", class_names=list(KEPT), name=PAGE_NAME, epochs=2)

    def look(page: str, at: AppTest) -> None:
        assert check_markdown(at) > 10, page

    files = offered_files(hostile_run, monkeypatch, look)
    for name, data in files.items():
        assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,150}", name), name
        check_file(name, data)
        assert data.startswith(codecs.BOM_UTF8) == name.endswith(".csv"), name  # umlauts in a spreadsheet
    endings = [name.rpartition(".")[2] for name in files]
    assert {"svg", "pdf", "png", "html", "csv", "nwk", "nex", "zip", "json"} <= set(endings) and len(endings) >= 30


# What Streamlit makes of text beyond Markdown: colours, icons, formulas.
DIRECTIVES = (":red[hot]", "$x^2$", ":material/delete:", "](http://evil", "https://evil", "www.evil", "{{7*7}}`")


def check_markdown(at: AppTest) -> int:
    """Nothing that a page hands to Streamlit as Markdown holds a name as it is; returns how many texts were read."""
    count = 0
    reader = MarkdownIt("commonmark", {"html": True}).enable(["strikethrough", "table"])
    for text in texts_read_as_markdown(at):
        count += 1
        tokens = reader.parse(text)
        inner = [child for token in tokens for child in (token.children or [])] + tokens
        found = [t.content for t in inner if t.type in ("html_inline", "html_block", "image")]
        assert set(found) <= {"<class>"}, text  # a help of ours that says how folders are called
        assert not [t for t in inner if t.type == "link_open" and "evil" in str(t.attrs)], text
        assert not [d for d in DIRECTIVES if d in text and "manage_" not in text], text
    return count


def texts_read_as_markdown(at: AppTest) -> Iterator[str]:
    """Bodies, labels and helps of all that is drawn; code and what plotly draws are not read so."""
    for node in at._tree:
        proto = getattr(node, "proto", None)
        if proto is None or getattr(node, "type", "") in ("code", "iframe", "plotly_chart", "unknown"):
            continue
        for field in ("body", "label", "help", "text"):
            if isinstance(found := getattr(proto, field, None), str) and found:
                yield found
        if getattr(node, "type", "") in ("button_group", "pills", "segmented_control"):
            yield from (option.content for option in proto.options)


def test_every_format_of_a_tree() -> None:
    names = list(NAMES)
    h = tree_of(names)
    clades = {h.n + i: name for i, name in enumerate(names[: h.n - 2])}
    for kind, known in TREE_FORMATS.items():
        for mode in ("strict", "safe") if kind in ("newick", "nexus") else ("strict",):
            data = tree_file(h, kind, cut=7, caption=PAGE_NAME, newick_names=mode, clade_names=clades)
            check_file(f"tree.{known.suffix}", data)
    assert sorted(newick_tips(tree_file(h, "newick", clade_names=clades).decode())) == sorted(names)
    assert sorted(newick_tips(tree_file(h, "newick", newick_names="safe").decode())) == sorted(safe_ids(names))
    values = json.loads(tree_file(h, "json", clade_names=clades))

    def leaves(node: dict[str, Any]) -> list[str]:
        return [node["name"]] if "children" not in node else [x for child in node["children"] for x in leaves(child)]

    assert sorted(leaves(values["tree"])) == sorted(names)


@pytest.mark.parametrize("name", NAMES)
def test_other_readers_find_the_name_in_newick_and_nexus(name: str) -> None:
    names, linkage = ["first", name, "third"], np.array([[0, 1, 1.0, 2], [2, 3, 2.0, 3]])
    text = to_newick(linkage, names, inner_names=[name, None])
    own = newick_tips(text)
    assert sorted(own) == sorted(names)
    tree = dendropy.Tree.get(data=text, schema="newick", preserve_underscores=True)
    if "\n" not in name and "\r" not in name:  # DendroPy folds line ends in labels
        assert {taxon.label for taxon in tree.taxon_namespace} >= {"first", "third"} and len(tree.leaf_nodes()) == 3
    assert len(Phylo.read(io.StringIO(to_newick(linkage, names, mode="safe")), "newick").get_terminals()) == 3
    try:
        nexus = to_nexus(linkage, names, inner_names=[name, None], comment=name)
    except LwalError:
        assert not name.strip() or not any(c.isprintable() and not c.isspace() for c in name)
        return
    read = dendropy.Tree.get(data=nexus, schema="nexus", preserve_underscores=True)
    assert len(read.leaf_nodes()) == 3 and len(read.taxon_namespace) == 3


def test_markdown_and_latex_tables_stay_tables() -> None:
    rows = [(name, name) for name in (*NAMES, *BLANK, *SURROGATES)]
    tokens = (
        MarkdownIt("commonmark", {"html": True})
        .enable(["table", "strikethrough"])
        .parse(markdown_table(["a", "b"], rows))
    )
    kinds = [token.type for token in tokens]
    assert kinds.count("tr_open") == len(rows) + 1 and kinds.count("table_open") == 1
    inner = [child for token in tokens for child in token.children or []]
    assert {child.type for child in inner} == {"text", "text_special"} or {c.type for c in inner} == {"text"}
    shown = ["".join(c.content for c in token.children or []) for token in tokens if token.type == "inline"][2::2]
    for (name, _), text in zip(rows, shown, strict=True):
        assert text == "".join(c if c.isprintable() else " " for c in name).strip(), name
    for bare in (
        "http://evil",
        "https://evil",
        "www.evil",
        "{{",
        "${",
    ):  # links and templates of sites that add their own
        assert bare not in markdown_table(["a", "b"], rows)
    latex = latex_table(["a", "b"], rows, caption=" ".join(NAMES))
    assert set(LATEX_WORD.findall(latex.replace("\\\\", ""))) <= LATEX_WORDS
    body = latex.split("\\midrule\n")[1].split("\\bottomrule")[0]
    assert body.count("\n") == len(rows)
    for line in body.splitlines():
        bare = re.sub(r"\\[{}$&#%_]", "", line)
        assert bare.endswith(r" \\") and bare.count("&") == 1 and not re.search(r"[#%_~^]", bare)
        assert bare.count("{") == bare.count("}")


@pytest.mark.parametrize("name", [*NAMES, *BLANK, *SURROGATES])
def test_a_cell_of_a_table_is_no_formula(name: str) -> None:
    rows = check_csv(table_csv(["class", "twice"], [(name, f"{name}; {name}"), (-1.5, 2)]).encode())
    assert len(rows) == 3 and rows[2] == ["-1.5", "2"]
    kept = name.encode("utf-8", "replace").decode()
    assert re.sub("'", "", rows[1][0]) == re.sub("'", "", kept)


@settings(max_examples=60)
@given(some.lists(some.text(some.characters(), max_size=30), min_size=2, max_size=6, unique=True))
def test_any_text(names: list[str]) -> None:
    h = tree_of(names)
    check_csv(table_csv(names, [names]).encode())
    check_csv(linkage_csv(h.linkage, names).encode())
    section = Section(names[0], names, columns=names, rows=[names], notes=names, verbatim=names[0])
    check_html(view_page(title=names[0], summary=names[1], caption=names[0], sections=[section]))
    check_xml(tree_svg(h).svg.encode("utf-8", "replace"))
    assert len(newick_tips(to_newick(h.linkage, names, mode="safe"))) == len(names)
    json.loads(tree_json(h, clade_names={h.n: names[0]}, about={"caption": names[1]}))
    check_file("x.zip", itol_zip(h, cut=2, clade_names={h.n: names[0]}, caption=names[1]))
    points, notes = projector_points(np.eye(len(names), 3), None)
    check_file("x.zip", projector_zip(points, names, notes=notes))
    assert markdown_table(names, [names]).count("\n") == 3
    assert latex_table(["a", "b"], [(names[0], names[1])]).count("\n") == 11
    for write in (to_newick, to_nexus):
        try:
            text = write(h.linkage, names)
        except LwalError:
            continue  # blank, repeated or not UTF-8, and it says so
        if write is to_newick:
            assert sorted(newick_tips(text)) == sorted(names)


def test_the_snapshot_of_a_link_and_its_note(hostile_run: Run) -> None:
    share, _ = share_run(hostile_run, note=PAGE_NAME)
    assert share.note == PAGE_NAME
    reports = list(hostile_run.path.parents[1].rglob("*.html"))
    assert len(reports) == 1
    page = check_html(reports[0].read_bytes())
    assert PAGE_NAME in "".join(page.text)
