"""Text tables as spreadsheets, pandas, R and word-vector tools write them: read as meant, or refused with the cause."""

from __future__ import annotations

import contextlib
import csv
import io

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lwal_core.datafiles.tables import read_table
from lwal_core.errors import ImportFileError

CATS = ("cat", "dog")
NAMES = st.text("abc ,;\"'é\tü-", min_size=1, max_size=6).filter(lambda text: text.strip(" \t'\"-"))
QUIET = settings(max_examples=150)


def read(folder, name, content):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_table(path)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", "name,a,b\ncat,1.5,2\ndog,2.5,1\n\n\n,,\n"),
        ("a.csv", "sep=,\nname,a,b\ncat,1.5,2\ndog,2.5,1\n"),
        ("a.csv", "\ufeffsep=;\r\nname;a;b\r\ncat;1,5;2\r\ndog;2,5;1\r\n"),
        ("a.csv", "name;a;b\ncat;1.5;2\ndog;2.5;1\n"),
        ("a.csv", "cat;1,5;2\ndog;2,5;1\n"),
        ("a.csv", 'cat,"1,5",2\ndog,"2,5",1\n'),
        ("a.csv", '"name", "a", "b"\n"cat", "1.5", "2"\n"dog", "2.5", "1"\n'),
        ("a.csv", "name,a,b,\ncat,1.5,2,\ndog,2.5,1,\n"),
        ("a.csv", "name,a,b\ncat,1.5,2,\ndog,2.5,1,\n"),
        ("a.csv", ",name,a,b\n,cat,1.5,2\n,dog,2.5,1\n"),
        ("a.csv", ",class,a,b\n0,cat,1.5,2\n1,dog,2.5,1\n"),
        ("a.csv", "Unnamed: 0,class,a,b\n0,cat,1.5,2\n1,dog,2.5,1\n"),
        ("a.csv", "id,name,a,b\n17,cat,1.5,2\n12,dog,2.5,1\n"),
        ("a.csv", "a,b,class\n1.5,2,cat\n2.5,1,dog\n"),
        ("a.csv", "1.5,2,cat\n2.5,1,dog\n"),
        ("a.csv", "# made by numpy.savetxt\nname,a,b\ncat,1.5,2\ndog,2.5,1\n"),
        ("a.csv", "token,0,1\ncat,1.5,2\ndog,2.5,1\n"),
        ("a.csv", "animal,0,1\ncat,1.5,2.0\ndog,2.5,1.0\n"),
        ("a.csv", "country,1990,1991\ncat,1.5,2\ndog,2.5,1\n"),
        ("a.csv", "land,1990,2000\ncat,1.5,2\ndog,2.5,1\n"),
        ("a.csv", "cat|1.5|2\ndog|2.5|1\n"),
        ("a.csv", "cat,1.5,2\rdog,2.5,1\r"),
        ("a.csv", "name\ta\tb\ncat\t1.5\t2\ndog\t2.5\t1\n"),
        ("a.tsv", "cat,1.5,2\ndog,2.5,1\n"),
        ("a.tsv", "name\ta\tb\ncat\t1.5\t2\ndog\t2.5\t1\n".encode("utf-16")),
        ("a.tsv", "name\ta\tb\ncat\t1.5\t2\ndog\t2.5\t1\n".encode("utf-16-le")),
        ("a.tsv", "cat\t1,5\t2\ndog\t2,5\t1\n".encode("utf-16-be")),
        ("a.txt", "cat 1.5 2\ndog 2.5 1\n"),
        ("a.txt", "2 2\ncat 1.5 2\ndog 2.5 1\n"),
        ("a.vec", "2 2\ncat 1.5 2 \ndog 2.5 1 \n"),
        ("a.txt", '"x1" "x2"\n"cat" 1.5 2\n"dog" 2.5 1\n'),
    ],
)  # fmt: skip
def test_two_classes_of_two_numbers(tmp_path, name, content):
    table = read(tmp_path, name, content)
    assert table.names == CATS
    np.testing.assert_array_equal(table.vectors, [[1.5, 2], [2.5, 1]])


@pytest.mark.parametrize(
    ("cells", "value"),
    [("1 234.5", 1234.5), ("1\u00a0234.5", 1234.5), ("1'234.5", 1234.5), ("\u22121.5", -1.5), ('"1,234.5"', 1234.5),
     ('"1,234,567"', 1_234_567), ("1e3", 1000), ("+.5", 0.5)],
)  # fmt: skip
def test_numbers_as_people_write_them(tmp_path, cells, value):
    assert read(tmp_path, "a.csv", f"cat,{cells},2\ndog,1,3\n").vectors.tolist() == [[value, 2], [1, 3]]


def test_decimal_commas_beside_points_between_thousands(tmp_path):
    assert read(tmp_path, "a.csv", "cat;1.234,5\ndog;2\n").vectors.tolist() == [[1234.5], [2]]


@pytest.mark.parametrize(
    "content",
    ["3.0000,0.0000,1.5000\n1.0000,2.0000,0.5000\n7.0000,1.0000,2.5000\n", "1,0,0\n0,1,0\n0,0,1\n", "1,0\n0,1\n",
     "3e+00,0e+00\n1e+00,2e+00\n", "x0,x1\n1,2\n3,4\n", "0,1,2\n0.5,0.1,0.2\n0.7,0.1,0.9\n"],
)  # fmt: skip
def test_numbers_alone_have_no_names(tmp_path, content):
    wanted = [row for row in csv.reader(io.StringIO(content)) if row[0][0] != "x"]
    wanted = wanted[1:] if wanted[0] == ["0", "1", "2"] else wanted
    table = read(tmp_path, "a.csv", content)
    assert table.names is None
    np.testing.assert_array_equal(table.vectors, np.array(wanted, dtype=np.float32))


def test_a_first_class_whose_numbers_follow_each_other_is_no_head(tmp_path):
    assert read(tmp_path, "a.csv", "cat,0,1,2\ndog,3,4,5\n").names == CATS
    assert read(tmp_path, "a.csv", "cat,1,2\ndog,3,nan\n").names == CATS


def test_heads_that_are_numbers_are_said(tmp_path):
    table = read(tmp_path, "a.csv", "token,0,1,2,3\ncat,0.018,-0.107,-0.516,-1.847\ndog,-2.112,-0.113,-0.651,0.233\n")
    assert table.names == CATS and table.vectors.shape == (2, 4)
    assert table.notes == ("Its first line is taken for heads: 'token', '0', '1' and so on.",)


def test_quotation_marks_are_characters_between_tabs(tmp_path):
    table = read(tmp_path, "a.tsv", "word\ta\tb\n\"\t1.5\t2\n'\t2.5\t1\ncat\t1\t1\n")
    assert table.names == ('"', "'", "cat")
    assert read(tmp_path, "b.tsv", '"say ""x"""\t1\n"a, b"\t2\n').names == ('say "x"', "a, b")
    assert read(tmp_path, "c.tsv", '"a\tb"\t1\t2\nc\t3\t4\n').names == ("a\tb", "c")


def test_a_line_break_in_a_name(tmp_path):
    assert read(tmp_path, "a.csv", 'name,a,b\n"big\ncat",1.5,2\ndog,2.5,1\n').names == ("big cat", "dog")


def test_blanks_in_names_between_blanks(tmp_path):
    table = read(tmp_path, "a.txt", "new york 1 2\nparis 3 4\nrome 5 6\n")
    assert table.names == ("new york", "paris", "rome") and table.vectors.shape == (3, 2)


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        ("name,x\nhünd,1\nkatze,2\n".encode("cp1252"), "not UTF-8; as Windows-1252, which older spreadsheets write, it would hold 'hünd'"),
        ('cat,"1,234",2\ndog,"2,000",3\n', "'1,234', which may be 1234 or 1.234"),
        ("cat,1,\ndog,2,3\n", "line 1: column 3 is empty"),
        ("cat,#N/A,3\ndog,5,2\n", "line 1: '#N/A' is not a number, in column 2"),
        ("cat,1,one\ndog,2,3\n", "line 1: 'one' is not a number, in column 3"),
        ("class,wnid,x\ncat,n1,1\ndog,n2,2\n", "line 2: 'n1' is not a number, in column 2 ('wnid')"),
        ("cat,12%\ndog,5%\n", "'12%' is not a number"),
        ('cat,1\n"dog,2\n', "its quotation marks are not in pairs"),
        ("cat,\ndog,\n", "line 1: one cell, 'cat'"),
        ("\n\n", "holds no vectors"),
    ],
)  # fmt: skip
def test_the_cause_is_said(tmp_path, content, cause):
    with pytest.raises(ImportFileError) as caught:
        read(tmp_path, "a.csv", content)
    assert cause in caught.value.message and caught.value.hint


@pytest.mark.parametrize(
    "options", [{}, {"index": False}, {"sep": ";", "decimal": ","}, {"sep": "\t"}, {"quoting": csv.QUOTE_ALL}]
)
def test_what_pandas_writes(tmp_path, options):
    values = np.random.default_rng(0).normal(size=(12, 4)).round(6)
    frame = pd.DataFrame(values).assign(name=[f"class, {i}" for i in range(12)])
    frame = frame[["name", 0, 1, 2, 3]]
    frame.to_csv(tmp_path / "a.csv", **options)
    table = read_table(tmp_path / "a.csv")
    assert table.names == tuple(frame["name"])
    np.testing.assert_array_equal(table.vectors, values.astype(np.float32))


@QUIET
@given(
    names=st.lists(NAMES, min_size=2, max_size=6, unique_by=str.strip),
    delimiter=st.sampled_from(",;|"), quoting=st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL, csv.QUOTE_NONNUMERIC]),
    end=st.sampled_from(["\n", "\r\n"]), encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]), head=st.booleans(), data=st.data(),
)  # fmt: skip
def test_every_dialect_of_csv_is_read_back(tmp_path, names, delimiter, quoting, end, encoding, head, data):
    number = st.floats(width=32, allow_nan=False, allow_infinity=False)
    rows = data.draw(st.lists(st.lists(number, min_size=3, max_size=3), min_size=len(names), max_size=len(names)))
    stream = io.StringIO(newline="")
    writer = csv.writer(stream, delimiter=delimiter, quoting=quoting, lineterminator=end)
    if head:
        writer.writerow(["class", "x0", "x1", "x2"])
    writer.writerows([name, *row] for name, row in zip(names, rows, strict=True))
    table = read(tmp_path, "a.csv", stream.getvalue().encode(encoding))
    assert table.names == tuple(name.strip() for name in names)
    np.testing.assert_array_equal(table.vectors, np.array(rows, dtype=np.float32))


@QUIET
@given(
    ending=st.sampled_from(["csv", "tsv", "txt", "vec"]),
    content=st.binary(max_size=80) | st.text(st.sampled_from('cat,;"\'\n\r\t 012.-+e#|\u00a0\ufeff\0'), max_size=80).map(str.encode)
    | st.text(st.sampled_from("cat,;\n 01."), max_size=60).map(lambda text: text.encode("utf-16")),
)  # fmt: skip
def test_any_bytes_are_a_table_or_refused_in_words(tmp_path, ending, content):
    with contextlib.suppress(ImportFileError):
        table = read(tmp_path, f"a.{ending}", content)
        assert table.vectors.ndim == 2 and (table.names is None or len(table.names) == len(table.vectors))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.txt", "# 2 classes, 2 numbers\ncat 1.5 2\ndog 2.5 1\n# end of 2\n"),
        ("a.csv", "Unnamed: 0.1,Unnamed: 0,name,x,y\n0,0,cat,1.5,2\n1,1,dog,2.5,1\n"),
        ("a.csv", "rank,name,e0,e1\n1,cat,1.5,2\n2,dog,2.5,1\n"),
        ("a.csv", "class,class_id,e0,e1\ncat,7,1.5,2\ndog,3,2.5,1\n"),
    ],
    ids=["comments with numbers", "index of an index", "rank", "number after the name"],
)
def test_comments_and_numbers_of_rows_are_no_components(tmp_path, name, content):
    found = read(tmp_path, name, content)
    assert found.names == CATS
    np.testing.assert_array_equal(found.vectors, np.array([[1.5, 2], [2.5, 1]], dtype=np.float32))


def test_numbers_that_are_vectors_stay(tmp_path):
    assert read(tmp_path, "a.txt", "# 1.5 2\ndog 2.5 1\n").names == ("#", "dog")
    assert read(tmp_path, "a.csv", "x,y,label\n0,2,cat\n1,1,dog\n").vectors.shape == (2, 2)
    assert read(tmp_path, "a.csv", "e0,label,e1\n0,cat,2\n1,dog,1\n").vectors.shape == (2, 2)
    assert read(tmp_path, "a.csv", "12_34,1.5,2\n12_35,2.5,1\n").names == ("12_34", "12_35")


def test_utf16_without_a_mark_and_bytes_that_are_no_text(tmp_path):
    assert read(tmp_path, "a.csv", "名称,一,二\n猫,1.5,2\n狗,2.5,1\n".encode("utf-16-le")).names == ("猫", "狗")
    for content, cause in (
        (b"name,x,y\ncat,1,2\n\0\0\0dog,2,1\n", "line 3: holds bytes that are no text"),
        (b"\0" * 5000, "no text"),
        ("name,x\ncat,1\n".encode("utf-16")[:-1], "not UTF-16 throughout"),
        (b'name,v\ncat,"[1, 2]"\ndog,"[2, 1]"\n', "is not a number"),
        (b"404: Not Found", "one cell, '404: Not Found'"),
    ):
        with pytest.raises(ImportFileError, match=cause):
            read(tmp_path, "a.csv", content)
