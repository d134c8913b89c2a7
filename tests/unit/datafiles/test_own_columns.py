"""Columns of one's own: every form of a table is read as what it means, and what is wrong is said with its line."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lwal_core.datafiles.own_columns import MAX_CATEGORIES, FoundColumns, read_own_table
from lwal_core.errors import ImportFileError
from lwal_core.export.tables import csv_file, table_csv
from lwal_core.runs.own_columns import MAX_COLUMNS, MAX_TEXT, OwnColumn, OwnTable
from lwal_core.sanitize import seen

CLASSES = ("cat", "golden retriever", "house-finch", "truck", "ship")


def read(folder: Path, data: str | bytes, name: str = "traits.csv", classes: tuple[str, ...] = CLASSES) -> FoundColumns:
    path = folder / name
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return read_own_table(path, classes)


def values(column: OwnColumn) -> list[object]:
    """What a column says of each row."""
    if column.kind == "number":
        return list(column.numbers)
    return [column.texts[code] if code >= 0 else None for code in column.codes]


def as_dict(table: OwnTable) -> dict[str, list[object]]:
    return {column.name: values(column) for column in table.columns}


TRAITS = "class,weight,habitat,latin\ncat,4.5,home,Felis\nHouse Finch,NA,forest,Haemorhous\ntruck,2e3,,\nship,1000000,home,Navis\n"


def test_kinds_are_told_by_the_cells_and_names_matched_as_imports_do(tmp_path: Path) -> None:
    found = read(tmp_path, TRAITS)
    table = found.table
    assert (table.name, table.of, table.rows) == ("traits.csv", "class", ("cat", "house-finch", "truck", "ship"))
    assert as_dict(table) == {
        "weight": [4.5, None, 2000.0, 1e6],
        "habitat": ["home", "forest", None, "home"],
        "latin": ["Felis", "Haemorhous", None, "Navis"],
    }
    assert [column.kind for column in table.columns] == ["number", "category", "category"]
    assert found.notes == ("Without a row: 'golden retriever'.",)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("bom.csv", csv_file(TRAITS.encode())),
        ("crlf.csv", TRAITS.replace("\n", "\r\n").encode()),
        ("semicolons.csv", TRAITS.replace(",", ";").replace("4.5", "4,5").encode()),
        ("tabs.tsv", TRAITS.replace(",", "\t").encode()),
        ("quoted.csv", TRAITS.replace("cat", '"cat"').replace("home", '"home"').encode()),
        ("utf16.csv", TRAITS.encode("utf-16")),
        (
            "pandas.csv",
            "\n".join(f"{i - 1 if i else ''},{line}" for i, line in enumerate(TRAITS.splitlines())).encode(),
        ),
        ("sep.csv", ("sep=,\n" + TRAITS).encode()),
        ("empty_columns.csv", TRAITS.replace("\n", ",,\n").encode()),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_every_form_of_the_same_table_says_the_same(tmp_path: Path, name: str, data: bytes) -> None:
    assert as_dict(read(tmp_path, data, name).table) == as_dict(read(tmp_path, TRAITS).table)


def test_texts_of_which_each_row_has_its_own_are_labels(tmp_path: Path) -> None:
    classes = tuple(f"c{i}" for i in range(MAX_CATEGORIES + 2))
    rows = "".join(f"{name},text {i},{i % 3},t{i % 3},{i % (MAX_CATEGORIES + 1)}x\n" for i, name in enumerate(classes))
    table = read(tmp_path, "class,own,number,few,many\n" + rows, classes=classes).table
    assert {c.name: c.kind for c in table.columns} == {
        "own": "label",
        "number": "number",
        "few": "category",
        "many": "label",
    }


def test_rows_of_samples_are_numbers(tmp_path: Path) -> None:
    table = read(tmp_path, "index,who\n7,anna\n0,ben\n12,anna\n").table
    assert (table.of, table.rows, as_dict(table)) == ("sample", (0, 7, 12), {"who": ["ben", "anna", "anna"]})
    # The coordinates that the app writes name class and number; the classes come again.
    own = table_csv(["class", "test_index", "x"], [["cat", 3, 0.5], ["cat", 4, -0.5], ["ship", 9, 1.0]])
    table = read(tmp_path, own).table
    assert (table.of, table.rows, [c.name for c in table.columns]) == ("sample", (3, 4, 9), ["class", "x"])
    assert read(tmp_path, "index,class,x\n0,cat,1\n1,ship,2\n").table.of == "class"


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ("", "is empty"),
        ("class,a\n", "heads and no rows"),
        ("class\ncat\n", "line 1: one cell, 'class'"),
        ("class,a\ncat,1\ncat,2\n", "line 3: class 'cat' is in line 2 already"),
        ("class,a\ncat,1\nCAT,2\n", "line 3: class 'cat' is in line 2 already"),
        ("class,a\ncat,1\n,2\n", "line 3: column 1 ('class') is empty"),
        ("class,a\ncat,inf\nship,2\n", "line 2: 'inf' in column 2 ('a') is no finite number"),
        ("class,a\ncat,1e999\nship,2\n", "line 2: '1e999' in column 2 ('a') is no finite number"),
        ("class,a,a\ncat,1,2\n", "line 1: columns 2 and 3 are both called 'a'"),
        ("class,a,\ncat,1,2\n", "line 1: column 3 has no name"),
        ("class,a\ncat,1,2\nship,2\n", "line 2: 3 cells where 2 are expected"),
        ("class,a\ncat\nship,2\n", "line 2: 1 cells where 2 are expected"),
        ("class,a\nfrog,1\n", "names no class of this run: 'frog'"),
        ("kind,a\nfrog,1\n", "no column is called class or index; the first is 'kind'"),
        ("0,5\n2,3\n", "line 1: numbers where the heads are expected"),
        ("index,a\n-1,2\n", "line 2: '-1' in column 1 ('index') is no number of a test sample"),
        ("index,a\n1.5,2\n", "line 2: '1.5' in column 1 ('index') is no number of a test sample"),
        ("index,a\n3,2\n03,4\n", "line 3: sample 3 is in line 2 already"),
        (f"class,a\ncat,{'x' * (MAX_TEXT + 1)}\n", "line 2: 201 characters in column 2 ('a')"),
        ('class,a\ncat,"x\n', "quotation marks are not in pairs"),
        ("class,a\ncat,\0\0\n", "holds bytes that are no text"),
        ("class,a\ncat,B\xe4r\n".encode("latin-1"), "its text is not UTF-8"),
        ("class," + ",".join(map(str, range(MAX_COLUMNS + 1))) + "\n", "at most 65 are read"),
        ("class,a\ncat,\"1,234\"\n", "which may be 1234 or 1.234"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_in_one_line(tmp_path: Path, data: str | bytes, says: str) -> None:
    with pytest.raises(ImportFileError) as error:
        read(tmp_path, data)
    assert says in str(error.value) and "\n" not in str(error.value)


def test_ambiguous_names_and_other_endings_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ImportFileError, match="line 2: 'T SHIRT' may be any of the classes 't-shirt', 'T_Shirt'"):
        read(tmp_path, "class,a\nT SHIRT,1\n", classes=("t-shirt", "T_Shirt"))
    assert read(tmp_path, "class,a\nT_Shirt,1\n", classes=("t-shirt", "T_Shirt")).table.rows == ("T_Shirt",)
    for name in ("traits.xlsx", "traits", "traits.txt"):
        with pytest.raises(ImportFileError, match="no table that is read here"):
            read(tmp_path, TRAITS, name)
    with pytest.raises(ImportFileError, match="cannot be read"):
        read_own_table(tmp_path / "gone.csv", CLASSES)


def test_a_class_twice_with_the_same_values_is_one_row(tmp_path: Path) -> None:
    assert read(tmp_path, "class,a\ncat,1\nship,2\ncat,1\n").table.rows == ("cat", "ship")


# Nothing that a reader of tables takes for a comment, and no cell that means no value.
_names = st.lists(
    st.text(st.characters(exclude_categories=("Cs", "Cc", "Cf", "Zl", "Zp", "Cn", "Co")), min_size=1, max_size=12)
    .map(seen).filter(lambda name: name and name[0] not in "#'\"" and not name.startswith("sep=")),
    min_size=2, max_size=8, unique_by=lambda name: name.casefold(),
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(names=_names, delimiter=st.sampled_from(",;\t"), data=st.data())
def test_a_table_comes_back(
    tmp_path_factory: pytest.TempPathFactory, names: list[str], delimiter: str, data: st.DataObject
) -> None:
    count = len(names)
    numbers = data.draw(st.lists(st.none() | st.floats(-1e9, 1e9, allow_nan=False), min_size=count, max_size=count))
    words = data.draw(
        st.lists(st.sampled_from(["red", "deep blue", 'a "b", c', "x;y"]), min_size=count, max_size=count)
    )
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=delimiter)
    writer.writerow(["class", "amount", "word"])
    writer.writerows(
        [name, "" if x is None else repr(x), word] for name, x, word in zip(names, numbers, words, strict=True)
    )
    table = read(tmp_path_factory.mktemp("own"), out.getvalue(), classes=tuple(names)).table
    assert table.rows == tuple(names)
    found = as_dict(table)
    assert found["word"] == words
    assert found["amount"] == numbers
