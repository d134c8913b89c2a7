"""Columns of the classes in files of a tree: iTOL's annotations, groups, pictures."""

from __future__ import annotations

import csv
import io
import math
import re
import zipfile

import numpy as np
import pytest

from lwal_core.analysis.hierarchy import Hierarchy, build_hierarchy
from lwal_core.analysis.hierarchy.subtree import tree_part
from lwal_core.export.newick import safe_ids
from lwal_core.export.tree_files import tree_file
from lwal_core.figures.colouring import Colouring, LeafLooks, category_color

NAMES = ["cat", "dog", "=1+1", "ship"]
COLUMNS = {
    "group": Colouring.of_numbers("group", [0.25, math.nan, -3.0, 7.5]),
    "habitat\t<b>": Colouring.of_texts("habitat\t<b>", ["home\there", "=cmd"], [0, 1, -1, 0]),
    "latin": Colouring.of_texts("latin", ["Felis", "Canis"], [0, 1, -1, -1], label=True),
    "nothing": Colouring.of_texts("nothing", [], [-1] * 4),
}


@pytest.fixture
def h() -> Hierarchy:
    return build_hierarchy(np.random.default_rng(1).normal(size=(4, 3)), NAMES)


def table(data: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(data.decode("utf-8-sig"))))


def test_itol_has_a_file_a_column(h: Hierarchy) -> None:
    with zipfile.ZipFile(io.BytesIO(tree_file(h, "itol", cut=2, columns=COLUMNS))) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    ids = safe_ids(NAMES)

    def rows(name: str) -> list[list[str]]:
        return [line.split("\t") for line in files[name].decode().split("DATA\n", 1)[1].splitlines()]

    assert files["column_01_group_gradient.txt"].startswith(b"DATASET_GRADIENT\nSEPARATOR TAB\nDATASET_LABEL\tgroup\n")
    assert rows("column_01_group_gradient.txt") == [[ids[0], "0.25"], [ids[2], "-3.0"], [ids[3], "7.5"]]
    strip = files["column_02_habitat_b_strip.txt"].decode()
    assert "DATASET_LABEL\thabitat ‹b›\n" in strip and "LEGEND_LABELS\thome here\t=cmd\n" in strip
    assert rows("column_02_habitat_b_strip.txt") == [
        [ids[0], category_color(0), "home here"], [ids[1], category_color(1), "=cmd"], [ids[3], category_color(0), "home here"],
    ]  # fmt: skip
    assert [row[:2] for row in rows("column_03_latin_text.txt")] == [[ids[0], "Felis"], [ids[1], "Canis"]]
    assert not any("nothing" in name for name in files)
    assert all(name in files["README.txt"].decode() for name in files if name.startswith("column"))
    found = table(files["classes.csv"])
    assert found[0] == ["id", "class", "group", "habitat\t<b>", "latin", "nothing"]
    assert found[1][1:] == ["cat", "0.25", "home\there", "Felis", ""] and found[2][3] == "'=cmd"


def test_groups_have_the_columns_beside_them(h: Hierarchy) -> None:
    found = table(tree_file(h, "cut", cut=2, columns=COLUMNS))
    assert found[0] == ["class", "group", "group (column)", "habitat\t<b>", "latin", "nothing"]
    assert [row[2] for row in found[1:]] == ["0.25", "", "-3.0", "7.5"]
    assert [row[0] for row in found[1:]] == ["cat", "dog", "'=1+1", "ship"] and found[2][3] == "'=cmd"


def test_what_leaves_has_no_addresses(h: Hierarchy) -> None:
    private = {"of me@example.org": Colouring.of_texts("of me@example.org", ["/home/me/secret/a"], [0] * 4)}
    for format in ("itol", "cut", "svg"):
        data = tree_file(h, format, cut=2, columns=private, strips=list(private.values()))
        texts = [data]
        if format == "itol":
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                texts = [archive.read(name) for name in archive.namelist()]
        assert not any(b"example.org" in text or b"secret" in text for text in texts)


def test_pictures_have_strips_legend_and_coloured_names(h: Hierarchy) -> None:
    strips = [COLUMNS["habitat\t<b>"], COLUMNS["group"]]
    looks = LeafLooks(texts=("Felis", "", "", ""), stands_out=(True, True, False, True))
    data = tree_file(h, "svg", strips=strips, looks=looks, width_mm=85).decode()
    texts = re.findall(r"<text[^>]*>([^<]*)</text>", data)
    assert {"1 habitat &lt;b&gt;:", "home here", "=cmd", "2 group: −3", "7.5", "1", "2", "cat (Felis)", "dog"} <= set(
        texts
    )
    without = tree_file(h, "svg", width_mm=85).decode()
    assert data.count("<use ") > without.count("<use ")
    assert tree_file(h, "svg", strips=strips, looks=looks, width_mm=85).decode() == data
    closed = tree_part(h, closed=[2 * h.n - 3])
    assert tree_file(h, "pdf", strips=strips, looks=looks, part=closed).startswith(b"%PDF")
