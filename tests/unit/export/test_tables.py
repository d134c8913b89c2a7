"""CSV: read back with the csv module and numpy, safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io
import math
import re

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.cluster.hierarchy import linkage, to_tree

from lwal_core.errors import AnalysisError, ExportError
from lwal_core.export import tables
from lwal_core.export.tables import (
    coordinates_csv,
    csv_file,
    cut_csv,
    distances_csv,
    joined_members,
    linkage_csv,
    table_csv,
)


def read(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline=""), strict=True))


class TestTable:
    def test_rfc_4180(self) -> None:
        text = table_csv(["a", "b"], [["x,y", 'say "hi"'], ["two\nlines", 1]])
        assert text == 'a,b\r\n"x,y","say ""hi"""\r\n"two\nlines",1\r\n'

    def test_kinds_of_cells(self) -> None:
        row = [None, True, np.False_, 3, np.int64(-4), -1.5, np.float32(0.5), math.nan, -0.0, 1e-30]
        cells = read(table_csv([str(i) for i in range(len(row))], [row]))[1]
        assert cells == ["", "true", "false", "3", "-4", "-1.5", "0.5", "nan", "0.0", "1e-30"]

    @pytest.mark.parametrize("start", [*"=+-@\t\r\n＝＋－＠"])
    def test_text_that_begins_like_a_formula(self, start: str) -> None:
        name = f"{start}cmd|' /C calc'!A0"
        rows = read(table_csv([name], [[name], [-1.0]]))
        assert rows == [["'" + name], ["'" + name], ["-1.0"]]

    def test_text_inside_which_a_formula_stands_is_left_alone(self) -> None:
        assert read(table_csv(["a"], [["1=1"], ["x-y"], ["'=1"]]))[1:] == [["1=1"], ["x-y"], ["'=1"]]

    def test_row_of_another_length(self) -> None:
        with pytest.raises(ExportError, match="Row 1 has 1 cells, the table has 2"):
            table_csv(["a", "b"], [[1, 2], [1]])

    def test_no_rows(self) -> None:
        assert table_csv(["a"], []) == "a\r\n"

    @example([["", ";="], ["a\t=1", "=x;'=y"]])
    @given(st.lists(st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\x00")), min_size=2, max_size=2)))
    def test_any_text_comes_back(self, rows: list[list[str]]) -> None:
        back = read(table_csv(["a", "b"], rows))[1:]
        assert all(not cell.startswith(("=", "+", "-", "@", "\t", "\r")) for row in back for cell in row)
        marks = re.compile(r"(^|[;\t])'")  # where an apostrophe may have been put: a spreadsheet may begin a cell there

        def unmarked(table: list[list[str]]) -> list[list[str]]:
            return [[marks.sub(r"\1", c) for c in row] for row in table]

        assert unmarked(back) == unmarked(rows)

    def test_lone_surrogate_can_be_encoded(self) -> None:
        assert table_csv(["a"], [["x\ud800"]]).encode("utf-8") == b"a\r\nx?\r\n"


class TestLinkage:
    def test_members_as_scipy_walks_the_tree(self) -> None:
        names = [f"class {i}" for i in range(15)]
        z = linkage(np.random.default_rng(0).normal(size=(15, 3)), "average")
        rows = read(linkage_csv(z, names))
        assert rows[0] == ["id", "left", "right", "height", "size", "members"]
        assert [int(row[0]) for row in rows[1:]] == list(range(29))
        _, nodes = to_tree(z, rd=True)
        for row, node in zip(rows[1:], nodes, strict=True):
            assert float(row[3]) == node.dist
            assert int(row[4]) == node.count
            assert row[5].split("; ") == [names[i] for i in node.pre_order()]
        assert rows[1][1:] == ["", "", "0.0", "1", "class 0"]
        assert [int(rows[-1][1]), int(rows[-1][2])] == z[-1, :2].tolist()

    @given(st.lists(st.text(st.sampled_from("ab;\\ …\"'"), min_size=1, max_size=6), min_size=2, max_size=6))
    def test_members_are_told_apart_whatever_their_names(self, names: list[str]) -> None:
        cell = joined_members(names)
        bare = cell.replace("\\\\", "\0").replace("\\;", "\1")
        parts = [part.removeprefix("\\") for part in bare.split("; ")]
        assert [part.replace("\1", ";").replace("\0", "\\") for part in parts] == names

    def test_names_with_a_separator(self) -> None:
        rows = read(linkage_csv([[0, 1, 1.0, 2], [2, 3, 2.0, 3]], ["Bär", "Hund; groß", "… and 2 more"]))
        assert [row[5] for row in rows[1:4]] == ["Bär", "Hund\\; groß", "\\… and 2 more"]
        assert rows[-1][5] == "\\… and 2 more; Bär; Hund\\; groß"
        assert read(linkage_csv([[0, 1, 1.0, 2]], ["siamese cat", 'dog "x"']))[-1][5] == 'siamese cat; dog "x"'

    def test_one_class(self) -> None:
        assert read(linkage_csv(np.zeros((0, 4)), ["=cat"])) == [
            ["id", "left", "right", "height", "size", "members"],
            ["0", "", "", "0.0", "1", "'=cat"],
        ]

    def test_chain_of_thousands_stays_small(self, monkeypatch: pytest.MonkeyPatch) -> None:
        n = 3000
        z = np.zeros((n - 1, 4))
        z[:, 0] = np.r_[0, n + np.arange(n - 2)]
        z[:, 1] = z[:, 2] = np.arange(1, n)
        z[:, 3] = np.arange(2, n + 1)
        text = linkage_csv(z, [f"c{i}" for i in range(n)])
        assert len(text) < 2_000_000
        last = read(text)[-1]
        assert last[4] == "3000"
        assert last[5].startswith("c0; c1; c2; ")
        assert last[5].endswith(f"c{tables.MAX_MEMBERS_LISTED - 1}; … and 2,950 more")

    def test_refused(self) -> None:
        with pytest.raises(ExportError, match="2 classes and 3 names"):
            linkage_csv([[0, 1, 1.0, 2]], ["a", "b", "c"])
        with pytest.raises(AnalysisError):
            linkage_csv([[0, 0, 1.0, 2]], ["a", "b"])


class TestOtherTables:
    def test_distances_come_back_to_the_last_bit(self) -> None:
        square = np.random.default_rng(1).normal(size=(4, 4))
        square[0, 1] = np.nan
        rows = read(distances_csv(square, ["a", "-b", "c", "d"]))
        assert rows[0] == ["class", "a", "'-b", "c", "d"]
        assert [row[0] for row in rows[1:]] == rows[0][1:]
        np.testing.assert_array_equal(np.array([row[1:] for row in rows[1:]], dtype=float), square)

    def test_distances_of_another_shape(self) -> None:
        with pytest.raises(ExportError, match=r"\(2, 3\)"):
            distances_csv(np.zeros((2, 3)), ["a", "b"])

    def test_no_classes(self) -> None:
        assert distances_csv(np.zeros((0, 0)), []) == "class\r\n"
        assert cut_csv([], []) == "class,group\r\n"

    def test_cut(self) -> None:
        named = cut_csv(["cat", "@dog"], np.array([1, 0]), group_names=["=one", "two"])
        assert named == "class,group,name\r\ncat,1,two\r\n'@dog,0,'=one\r\n"
        assert cut_csv(["cat", "@dog"], np.array([1, 0])) == "class,group\r\ncat,1\r\n'@dog,0\r\n"

    @pytest.mark.parametrize("labels", [[0], [0.5, 1.0], [[0, 1]], ["a", "b"]])
    def test_cut_that_does_not_fit(self, labels: object) -> None:
        with pytest.raises(ExportError, match="2 names need as many whole numbers"):
            cut_csv(["a", "b"], labels)  # type: ignore[arg-type]

    def test_coordinates(self) -> None:
        text = coordinates_csv(["a", "b"], np.array([[1.0, -2.0], [np.nan, 0.25]]), extra={"split": ["train", "test"]})
        assert text == "class,split,x,y\r\na,train,1.0,-2.0\r\nb,test,nan,0.25\r\n"
        assert coordinates_csv(["a"], np.zeros((1, 4))).startswith("class,x1,x2,x3,x4\r\n")
        assert coordinates_csv(["a"], np.zeros((1, 1)), axes=["PC 1"]).startswith("class,PC 1\r\n")

    @pytest.mark.parametrize(
        ("options", "match"),
        [({"axes": ["x"]}, "1 axes"), ({"extra": {"epoch": [1]}}, "'epoch' has 1 cells")],
    )
    def test_coordinates_that_do_not_fit(self, options: dict[str, object], match: str) -> None:
        with pytest.raises(ExportError, match=match):
            coordinates_csv(["a", "b"], np.zeros((2, 2)), **options)  # type: ignore[arg-type]
        with pytest.raises(ExportError, match=r"\(3, 2\)"):
            coordinates_csv(["a", "b"], np.zeros((3, 2)))


def test_a_file_has_one_byte_order_mark() -> None:
    data = cut_csv(["Bär"], [1]).encode()
    assert csv_file(data) == csv_file(csv_file(data)) == b"\xef\xbb\xbf" + data
