"""Tables of label vectors: with and without names, wrong in every way that people get them wrong."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import save_file

from lwal_core.errors import LwalError
from lwal_core.imports import examine, import_run
from lwal_core.runs import list_runs, open_run

QUIET = settings(max_examples=150)


def test_csv_with_names(csv_file):
    found = examine(csv_file)
    assert (found.kind, found.names, found.named_by) == ("table", ("cat", "dog", "truck"), "from the file")
    np.testing.assert_array_equal(found.vectors, np.array([[1, 2], [1.5, 2], [9, 9]], dtype=np.float32))


def test_text_without_names_is_numbers_only(tmp_path):
    file = tmp_path / "tensors.tsv"
    file.write_text("0.5\t1\t2\n0.25\t3\t4\n1\t5\t6\n")
    found = examine(file)
    np.testing.assert_array_equal(found.vectors, [[0.5, 1, 2], [0.25, 3, 4], [1, 5, 6]])
    assert found.names == ("class 0", "class 1", "class 2")


def test_whole_numbers_in_the_first_column_are_names(tmp_path):
    file = tmp_path / "digits.csv"
    file.write_text("0,0.5,1\n1,0.2,3\n")
    assert examine(file).names == ("0", "1")


def test_byte_order_mark_and_windows_lines(tmp_path):
    file = tmp_path / "a.csv"
    file.write_bytes("﻿name,x\r\nkatze,1\r\nhünd,2\r\n".encode())
    assert examine(file).names == ("katze", "hünd")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name,x\ncat,1\ndog,nan\n", "'dog'"),
        ("name,x\ncat,1\ndog,inf\n", "'dog'"),
        ("name,x,y\ncat,1,2\ndog,1\n", "line 3"),
        ("name,x\ncat,1\ncat,2\n", "'cat'"),
        ("name,x\ncat,1\n", "1 vector"),
        ("name,x\n", "no vectors"),
        ("name,x\ncat,one\ndog,two\n", "not a number"),
        ("", "empty"),
    ],
    ids=["nan", "infinite", "ragged", "same name twice", "one class", "head alone", "words", "empty"],
)
def test_wrong_tables_are_refused_by_name(tmp_path, text, said):
    file = tmp_path / "a.csv"
    file.write_text(text)
    with pytest.raises(LwalError, match=said):
        examine(file)


def test_wrong_encoding_is_a_sentence(tmp_path):
    file = tmp_path / "a.csv"
    file.write_bytes("name,x\nh\xfcnd,1\nkatze,2\n".encode("latin-1"))
    with pytest.raises(LwalError, match=r"a\.csv"):
        examine(file)


def test_npy_and_npz(tmp_path, vectors):
    np.save(tmp_path / "a.npy", vectors)
    np.testing.assert_array_equal(examine(tmp_path / "a.npy").vectors, vectors)
    names = np.array(["cat", "dog", "ship", "truck"])
    np.savez(tmp_path / "b.npz", bias=vectors[:, 0], table=vectors, class_names=names)
    found = examine(tmp_path / "b.npz")
    assert (found.tensor, found.names) == ("table", tuple(names))
    np.testing.assert_array_equal(found.vectors, vectors)


def test_pickled_arrays_are_not_read(tmp_path):
    np.save(tmp_path / "a.npy", np.array([{"a": 1}, {"b": 2}], dtype=object), allow_pickle=True)
    np.savez(tmp_path / "b.npz", table=np.array([[{}], [{}]], dtype=object))
    for name in ("a.npy", "b.npz"):
        with pytest.raises(LwalError):
            examine(tmp_path / name)


def test_safetensors_table_with_names(tmp_path, vectors):
    save_file({"labels": vectors}, tmp_path / "a.safetensors", {"class_names": '["a", "b", "c", "d"]'})
    assert examine(tmp_path / "a.safetensors").names == ("a", "b", "c", "d")


def test_names_can_be_given(tmp_path, vectors):
    np.save(tmp_path / "a.npy", vectors)
    assert examine(tmp_path / "a.npy", names=["a", "b", " ", "d"]).names == ("a", "b", "class 2", "d")
    with pytest.raises(LwalError, match="2 class names were given for 4"):
        examine(tmp_path / "a.npy", names=["a", "b"])


def test_endings_and_absent_files(tmp_path):
    (tmp_path / "a.xlsx").write_bytes(b"x")
    with pytest.raises(LwalError, match=r"'\.xlsx'"):
        examine(tmp_path / "a.xlsx")
    with pytest.raises(LwalError, match="no file"):
        examine(tmp_path / "absent.csv")


def test_kept_as_a_run(csv_file):
    run, new = import_run(examine(csv_file), name="  Animals\nof  mine ")
    assert new and run.name == "Animals of mine" and run.status == "done" and run.label_epochs() == [0]
    again = open_run(run.id)
    assert again.class_names == ("cat", "dog", "truck")
    np.testing.assert_array_equal(again.vectors(0), [[1, 2], [1.5, 2], [9, 9]])
    origin = again.record.origin
    assert origin is not None and origin.file == "animals.csv" and origin.shape == [3, 2] and len(origin.sha256) == 64
    (summary,) = list_runs()
    assert summary.imported and summary.problem is None and summary.method_label == "Imported labels"


def test_two_files_are_no_repeats_of_one(tmp_path, csv_file):
    other = tmp_path / "other" / "animals.csv"
    other.parent.mkdir()
    other.write_text("name,x,y\ncat,1,3\ndog,1.5,2\n")
    first, second = import_run(examine(csv_file))[0], import_run(examine(other))[0]
    assert first.group != second.group


@pytest.mark.parametrize("width", [1, 2_000])
def test_narrow_and_wide(tmp_path, width):
    np.save(tmp_path / "a.npy", np.eye(2, width, dtype=np.float64))
    assert import_run(examine(tmp_path / "a.npy"))[0].vectors(0).shape == (2, width)


@QUIET
@given(data=st.binary(max_size=400), ending=st.sampled_from(["csv", "tsv", "npy", "npz", "safetensors", "zip"]))
def test_random_bytes_end_in_a_sentence(tmp_path, data, ending):
    file = tmp_path / f"a.{ending}"
    file.write_bytes(data)
    try:
        found = examine(file)
    except LwalError:
        return
    assert found.vectors is not None and np.isfinite(found.vectors).all()


@QUIET
@given(where=st.integers(0, 10_000), value=st.integers(0, 255), ending=st.sampled_from(["npy", "npz", "safetensors"]))
def test_one_wrong_byte_ends_in_a_sentence_or_a_table(tmp_path, vectors, where, value, ending):
    file = tmp_path / f"a.{ending}"
    if ending == "npy":
        np.save(file, vectors)
    elif ending == "npz":
        np.savez_compressed(file, table=vectors, names=np.array(list("abcd")))
    else:
        save_file({"fc.weight": vectors, "fc.bias": vectors[:, 0].copy()}, file)
    data = bytearray(file.read_bytes())
    data[where % len(data)] = value
    file.write_bytes(data)
    try:
        found = examine(file)
    except LwalError:
        return
    assert found.vectors is not None and np.isfinite(found.vectors).all() and len(found.names) == len(found.vectors)
