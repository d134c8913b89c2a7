"""Files of label vectors: one table whatever the format, classes found by name, and refusals in words."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import save_file

from lwal_core.datafiles import tables, text_rows
from lwal_core.errors import DataError
from lwal_core.export.tables import table_csv
from lwal_core.imports import label_vectors
from lwal_core.imports.label_vectors import class_vectors, read_vector_table

NAMES = ("cat", "dog", "pick-up truck")
VECTORS = np.array([[1, -2.5, 0], [0, 1e-3, 7], [3, 3, -1e10]], dtype=np.float32)


def write(folder: Path, name: str, content: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def text(names: tuple[str, ...] = NAMES, vectors: np.ndarray = VECTORS, delimiter: str = ",", head: str = "") -> str:
    rows = (delimiter.join([name, *(repr(float(v)) for v in row)]) for name, row in zip(names, vectors, strict=True))
    return head + "\n".join(rows) + "\n"


def npy(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array(stream, array, allow_pickle=True)
    return stream.getvalue()


def refusal(path: Path, class_names: tuple[str, ...] = NAMES) -> str:
    with pytest.raises(DataError) as caught:
        class_vectors(read_vector_table(path), class_names)
    assert caught.value.message.endswith(".")
    assert caught.value.hint
    return str(caught.value)


@pytest.fixture(params=["npy", "csv", "tsv", "safetensors", "named safetensors"])
def file(request, tmp_path) -> Path:
    match request.param:
        case "npy":
            return write(tmp_path, "v.npy", npy(VECTORS))
        case "csv":
            return write(tmp_path, "v.csv", text())
        case "tsv":
            return write(tmp_path, "v.TSV", text(delimiter="\t"))
        case "safetensors":
            save_file({"labels": VECTORS}, tmp_path / "v.safetensors")
        case _:
            save_file({"x": VECTORS}, tmp_path / "v.safetensors", metadata={"class_names": json.dumps(NAMES)})
    return tmp_path / "v.safetensors"


def test_every_format_gives_the_same_vectors(file):
    vectors = class_vectors(read_vector_table(file), NAMES)
    assert vectors.dtype == np.float32
    np.testing.assert_array_equal(vectors, VECTORS)


def test_names_decide_where_there_are_names(file):
    """Other classes, another order, and a class that is not wanted."""
    table = read_vector_table(file)
    if table.names is None:
        with pytest.raises(DataError, match="3 vectors without names for 2 classes"):
            class_vectors(table, ("dog", "cat"))
    else:
        np.testing.assert_array_equal(class_vectors(table, ("dog", "cat")), VECTORS[[1, 0]])


@pytest.mark.parametrize("dtype", ["f2", "f4", ">f8", "i1", "u8", "longdouble"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_numbers_of_every_type(tmp_path, dtype, order):
    values = np.array([[1, 2, 3], [4, 5, 6]], dtype=dtype, order=order)
    vectors = class_vectors(read_vector_table(write(tmp_path, "v.npy", npy(values))), ("a", "b"))
    assert vectors.tolist() == [[1, 2, 3], [4, 5, 6]]
    assert vectors.flags["C_CONTIGUOUS"]


@pytest.mark.parametrize(
    "head",
    [
        "",
        "class,x,y,z\n",
        ",0,1,2\n",
        "Name,0,1,2\n",
        "any,one,two,three\n",
        "\n \nCLASS_NAME,1,2,3\n",
        "\ufeffclass,x,y,z\n",
        "\ufeff",
    ],
)
def test_heads(tmp_path, head):
    table = read_vector_table(write(tmp_path, "v.csv", text(head=head)))
    assert table.names == NAMES
    np.testing.assert_array_equal(table.vectors, VECTORS)


def test_numbers_as_names(tmp_path):
    """The digits' classes are numbers, so a first row of numbers alone is no head."""
    table = read_vector_table(write(tmp_path, "v.csv", "0,1,2\n1,3,4\n"))
    assert table.names == ("0", "1")
    assert class_vectors(table, ("1", "0")).tolist() == [[3, 4], [1, 2]]


def test_quoted_names_blank_lines_and_windows_line_ends(tmp_path):
    table = read_vector_table(write(tmp_path, "v.csv", '"a, b",1,2\r\n\r\n"say ""x""",3, 4\r\n'))
    assert table.names == ("a, b", 'say "x"')
    assert table.vectors.tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize(
    "name", ["Pick_Up-Truck", "PICK-UP TRUCK", " pick  up\ttruck ", "pick_up_truck", "ｐick-up truck"]
)
def test_names_match_however_they_are_written(tmp_path, name):
    table = read_vector_table(write(tmp_path, "v.csv", text()))
    np.testing.assert_array_equal(class_vectors(table, (name, "cat")), VECTORS[[2, 0]])


def test_a_name_as_it_is_written_comes_before_one_that_is_alike(tmp_path):
    table = read_vector_table(write(tmp_path, "v.csv", "a_b,1\na b,2\n"))
    assert class_vectors(table, ("a b", "a_b")).tolist() == [[2], [1]]
    assert "2 vectors for class 'A-B', named 'a_b', 'a b'" in refusal(table.path, ("A-B",))


def test_names_of_our_own_exports_are_found(tmp_path):
    """Exports put an apostrophe in front of names that a spreadsheet would take for a formula."""
    names = ("-1", "=SUM", "cat")
    exported = table_csv(
        ["class", "x", "y"], [[name, *row] for name, row in zip(names, VECTORS[:, :2].tolist(), strict=True)]
    )
    vectors = class_vectors(read_vector_table(write(tmp_path, "v.csv", exported)), names)
    np.testing.assert_array_equal(vectors, VECTORS[:, :2])


def test_absent_classes_are_listed(tmp_path):
    path = write(tmp_path, "v.csv", text())
    assert "no vector for class 'bird'. It names 'cat', 'dog', 'pick-up truck'" in refusal(path, ("bird", "dog"))
    many = refusal(path, tuple(f"class {i}" for i in range(9)))
    assert "no vector for classes 'class 0', 'class 1', 'class 2', 'class 3', 'class 4' and 4 more" in many


def test_a_name_twice_is_refused_only_where_it_is_wanted(tmp_path):
    path = write(tmp_path, "v.csv", "cat,1\ndog,2\ncat,3\n")
    assert "2 vectors for class 'cat'" in refusal(path, ("cat", "dog"))
    assert class_vectors(read_vector_table(path), ("dog",)).tolist() == [[2]]


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "1e39"])
def test_values_that_are_not_finite_are_named_by_class(tmp_path, value):
    path = write(tmp_path, "v.csv", f"cat,1,2\ndog,3,{value}\n")
    assert "for class 'dog' in component 1" in refusal(path, ("cat", "dog"))
    assert class_vectors(read_vector_table(path), ("cat",)).tolist() == [[1, 2]]


@pytest.mark.parametrize("second", ["1,0", "1.0,-0.0", "1.00000000001,0"])
def test_classes_with_one_vector_are_refused(tmp_path, second):
    path = write(tmp_path, "v.csv", f"cat,1,0\ndog,{second}\nbird,0,0\n")
    assert "same vector for classes 'cat' and 'dog'" in refusal(path, ("bird", "cat", "dog"))


def test_two_names_of_one_row_are_refused(tmp_path):
    assert "same vector for classes 'Cat' and 'CAT'" in refusal(write(tmp_path, "v.csv", text()), ("Cat", "CAT"))


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("v.csv", "", "holds no vectors"),
        ("v.csv", "class,x,y\n", "holds no vectors"),
        ("v.csv", "cat\ndog\n", "line 1: one cell"),
        ("v.csv", "cat,1,2\n\ndog,3\n", "line 3: 2 cells where 3 are expected"),
        ("v.csv", "cat,1,2\ndog,3,4,5\n", "line 2: 4 cells where 3 are expected"),
        ("v.csv", "class,x\ncat,1\ndog,one\n", "line 3: 'one' is not a number"),
        ("v.csv", "class:x:y\ncat:1:2\n", "line 1: one cell"),
        ("v.csv", 'cat,1\n"dog,2\n', "no readable .csv file"),
        ("v.csv", b"cat,1\n\xff\xfe,2\n", "no readable .csv file"),
        ("v.tsv", "cat:1:2\n", "line 1: one cell"),
        ("v.npy", b"", "no readable .npy file"),
        ("v.npy", b"cat,1,2\n", "no readable .npy file"),
        ("v.npy", npy(VECTORS)[:-4], "cut off"),
        ("v.npy", npy(VECTORS[0]), "shape (3,)"),
        ("v.npy", npy(VECTORS[None]), "shape (1, 3, 3)"),
        ("v.npy", npy(VECTORS[:, :0]), "shape (3, 0)"),
        ("v.npy", npy(np.zeros((2, 65_537), dtype=np.int8)), "shape (2, 65537)"),
        ("v.npy", npy(VECTORS.astype(complex)), "type complex128"),
        ("v.npy", npy(VECTORS > 0), "type bool"),
        ("v.npy", npy(np.array([["a", "b"]])), "type <U1"),
        ("v.npy", npy(np.array([[{}, ()]], dtype=object)), "type object"),
        ("v.safetensors", b"", "no readable .safetensors file"),
        ("v.safetensors", b"\xff" * 100, "no readable .safetensors file"),
    ],
    ids=lambda value: None if isinstance(value, bytes) else str(value)[:40],
)
def test_what_is_no_table_is_refused(tmp_path, name, content, words):
    assert words in refusal(write(tmp_path, name, content))


@pytest.mark.parametrize(
    ("shape", "words"),
    [((900_000, 250), "cut off"), ((999_999, 65_536), "244.1 GiB as float32"), ((-1, 4), "no readable .npy file")],
)
def test_a_header_that_promises_too_much_takes_no_memory(tmp_path, shape, words):
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": "<f4", "fortran_order": False, "shape": shape})
    assert words in refusal(write(tmp_path, "v.npy", stream.getvalue() + bytes(64)))


def test_an_archive_of_one_array_is_read_whatever_its_ending(tmp_path):
    np.savez(tmp_path / "v.npz", labels=VECTORS)
    (tmp_path / "v.npz").rename(tmp_path / "v.npy")
    np.testing.assert_array_equal(read_vector_table(tmp_path / "v.npy").vectors, VECTORS)


def test_safetensors_with_more_or_other_than_one_table(tmp_path):
    path = tmp_path / "v.safetensors"
    save_file({"a": VECTORS, "b": VECTORS}, path)
    assert "holds 2 arrays: 'a', 'b'" in refusal(path)
    save_file({"a": VECTORS, "step": np.array(3)}, path, metadata={"class_names": json.dumps(NAMES)})
    assert read_vector_table(path).names == NAMES
    save_file({}, path)
    assert "holds 0 arrays." in refusal(path)
    save_file({"a": VECTORS[0]}, path)
    assert "shape (3,)" in refusal(path)
    save_file({"a": VECTORS > 0}, path)
    assert "type bool" in refusal(path)


def test_bfloat16(tmp_path):
    header = json.dumps({"a": {"dtype": "BF16", "shape": [2, 1], "data_offsets": [0, 4]}}).encode()
    path = write(tmp_path, "v.safetensors", len(header).to_bytes(8, "little") + header + b"\0\0\x80\x3f")
    assert class_vectors(read_vector_table(path), ("a", "b")).tolist() == [[0], [1]]


@pytest.mark.parametrize(
    ("class_names", "words"),
    [
        ('["cat", "dog"]', "3 vectors in 'a' and 2 class names in 'class_names'"),
        ('["cat", "dog", 3]', "is no list of texts"),
        ('{"cat": 1.5}', "is no list of texts"),
        ("cat, dog", "is no list of texts"),
        ("[" * 100_000, "is no list of texts"),
    ],
)
def test_names_in_metadata_that_are_no_names(tmp_path, class_names, words):
    save_file({"a": VECTORS}, tmp_path / "v.safetensors", metadata={"class_names": class_names})
    assert words in refusal(tmp_path / "v.safetensors")


def test_files_that_are_too_large_are_refused(tmp_path, monkeypatch):
    path = tmp_path / "v.npy"
    with path.open("wb") as stream:
        stream.truncate(label_vectors.MAX_FILE_BYTES + 1)
    assert "at most 512 MiB are read" in refusal(path)
    monkeypatch.setattr(text_rows, "_MAX_LINE", 20)
    assert "line 2: longer than 20 characters" in refusal(write(tmp_path, "v.csv", "cat,1\ndog,2.000000000000000000\n"))
    monkeypatch.setattr(tables, "MAX_ROWS", 2)
    assert "shape (3, 1)" in refusal(write(tmp_path, "v.csv", "cat,1\ndog,2\nbird,3\nfish,4\n"))


def test_paths_that_are_no_vector_file(tmp_path):
    assert "There is no file" in refusal(tmp_path / "absent.npy")
    (tmp_path / "folder.npy").mkdir()
    assert "is not a file" in refusal(tmp_path / "folder.npy")
    assert "ends in '.txt'" in refusal(write(tmp_path, "v.txt", text()))
    assert "cannot be reached" in refusal(Path("nul\0.csv"))


def test_reading_needs_no_torch():
    code = "import sys, lwal_core.imports.label_vectors; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], timeout=60, check=False).returncode == 0


@settings(max_examples=150)
@given(
    st.lists(st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=8), min_size=2, max_size=5,
             unique_by=lambda name: name.strip()),
    st.integers(1, 4),
    st.booleans(),
    st.data(),
)  # fmt: skip
def test_what_csv_writers_write_is_read_back(tmp_path, names, dim, head, data):
    names = [name.strip() or "x" for name in names]
    finite = st.floats(width=32, allow_nan=False, allow_infinity=False)
    rows = data.draw(st.lists(st.lists(finite, min_size=dim, max_size=dim), min_size=len(names), max_size=len(names)))
    stream = io.StringIO(newline="")
    writer = csv.writer(stream)
    if head:
        writer.writerow(["class", *(f"x{i}" for i in range(dim))])
    elif tables._is_head([names[0], "0"], [["x", "0"]], []):
        return  # a first class called "name" needs a line of heads above it
    writer.writerows([name, *row] for name, row in zip(names, rows, strict=True))
    path = tmp_path / "v.csv"
    path.write_text(stream.getvalue(), encoding="utf-8", newline="")
    table = read_vector_table(path)
    assert table.names == tuple(names)
    np.testing.assert_array_equal(table.vectors, np.array(rows, dtype=np.float32))


def assert_table_or_refusal(path: Path, class_names: tuple[str, ...]) -> None:
    refused = None
    try:
        vectors = class_vectors(read_vector_table(path), class_names)
    except DataError as error:
        refused = error
    if refused is None:
        assert vectors.shape[0] == len(class_names) and np.isfinite(vectors).all()
    else:
        assert refused.message and refused.hint


@settings(max_examples=300)
@given(
    st.sampled_from(["v.npy", "v.csv", "v.tsv", "v.safetensors"]),
    st.binary(max_size=60) | st.text(st.sampled_from('cat,"\n\t1.-e∞;'), max_size=60).map(str.encode),
)
def test_any_bytes_are_a_table_or_refused_in_words(tmp_path, name, content):
    path = write(tmp_path, name, content)
    assert_table_or_refusal(path, ("cat", "t"))


@settings(max_examples=200)
@given(st.data())
def test_damaged_arrays_are_a_table_or_refused_in_words(tmp_path, data):
    """Good files with a few bytes changed."""
    save_file({"a": VECTORS}, tmp_path / "good.safetensors", metadata={"class_names": json.dumps(NAMES)})
    good = data.draw(st.sampled_from([npy(VECTORS), (tmp_path / "good.safetensors").read_bytes()]))
    content = bytearray(good)
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path = write(tmp_path, "v.npy" if good[:6] == b"\x93NUMPY" else "v.safetensors", bytes(content))
    assert_table_or_refusal(path, NAMES)
