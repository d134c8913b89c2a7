"""Feature files: read as saved, or refused in words whatever is wrong with them; nothing is ever unpickled."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lwal_core.config import DataConfig
from lwal_core.data import Dataset, load_dataset
from lwal_core.datafiles import check_source, scan_features, source_stats
from lwal_core.errors import DataError


def arrays(**changes: Any) -> dict[str, Any]:
    generator = np.random.default_rng(0)
    values: dict[str, Any] = {
        "x_train": generator.normal(size=(12, 3)).astype(np.float32),
        "y_train": np.arange(12) % 3,
        "x_test": generator.normal(size=(6, 3)).astype(np.float32),
        "y_test": np.arange(6) % 3,
        "class_names": np.array(["cat", "dog", "Straße"]),
    }
    return {name: value for name, value in {**values, **changes}.items() if value is not None}


@pytest.fixture
def save(tmp_path: Path) -> Callable[..., Path]:
    def to_file(**changes: Any) -> Path:
        path = tmp_path / "features.npz"
        np.savez(path, **arrays(**changes))
        return path

    return to_file


def load(path: Path | str, **values: Any) -> Dataset:
    return load_dataset(DataConfig(name=f"features:{path}", **values))


def refusal(path: Path | str, **values: Any) -> DataError:
    with pytest.raises(DataError) as error:
        load(path, **values)
    assert error.value.hint
    return error.value


class TestRead:
    def test_values_labels_and_names_as_saved(self, save):
        data = load(save())
        assert data.kind == "features"
        assert data.class_names == ("cat", "dog", "Straße")
        assert data.input_shape == (3,)
        assert (data.x_train.dtype, data.y_train.dtype) == (torch.float32, torch.int64)
        np.testing.assert_array_equal(data.x_train, arrays()["x_train"])
        np.testing.assert_array_equal(data.y_test, arrays()["y_test"])
        assert data.thumbnails() is None

    def test_names_are_made_up_when_there_are_none(self, save):
        assert load(save(class_names=None)).class_names == ("class 0", "class 1", "class 2")

    @pytest.mark.parametrize("dtype", ["float64", "float16", "int8", "uint16", "bool", ">f4"])
    def test_any_real_type_of_features(self, save, dtype):
        x = np.array([[0, 1, 0]] * 12).astype(dtype)
        np.testing.assert_array_equal(load(save(x_train=x)).x_train, x.astype(np.float32))

    @pytest.mark.parametrize("dtype", ["uint8", "int16", ">i4", "uint64"])
    def test_any_whole_type_of_labels(self, save, dtype):
        assert load(save(y_train=(np.arange(12) % 3).astype(dtype))).fingerprint == load(save()).fingerprint

    def test_column_order_and_compression_do_not_matter(self, save, tmp_path):
        plain = load(save()).fingerprint
        np.savez_compressed(tmp_path / "packed.npz", **arrays(x_train=np.asfortranarray(arrays()["x_train"])))
        assert load(tmp_path / "packed.npz").fingerprint == plain

    def test_other_arrays_are_left_alone(self, save):
        assert load(save(extra=np.array([None]))).fingerprint == load(save()).fingerprint

    def test_subset(self, save):
        data = load(save(), per_class=2)
        assert np.bincount(data.y_train).tolist() == [2, 2, 2]
        assert "at most 4" in refusal(save(), per_class=5).hint

    def test_listing_and_facts(self, save):
        listing = scan_features(save())
        assert (listing.num_train, listing.num_test, listing.num_features, listing.num_classes) == (12, 6, 3, 3)
        path = save(class_names=None)
        assert scan_features(path).num_classes is None
        facts = source_stats(DataConfig(name=f"features:{path}", per_class=2))
        assert (facts.train, facts.test, facts.classes, facts.unit) == (6, 6, 3, "vectors")


X, Y = arrays()["x_train"], arrays()["y_train"]


class TestRefused:
    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"x_train": X.reshape(12, 3, 1)}, r"x_train must have shape [samples, features] but has (12, 3, 1)"),
            ({"x_train": X[:, 0]}, "x_train must have shape"),
            ({"x_train": X[:, :0]}, "samples without features"),
            ({"x_train": np.float32(3)}, "x_train must have shape"),
            ({"x_train": X.astype(complex)}, "x_train must hold real numbers but has type complex128"),
            ({"x_train": X.astype("U9")}, "x_train must hold real numbers"),
            ({"x_train": X.astype(object)}, "x_train must hold real numbers but has type object"),
            ({"x_train": X[:0], "y_train": Y[:0]}, "x_train is empty"),
            ({"x_train": X[:11]}, "x_train has 11 rows but y_train has 12 labels"),
            ({"x_test": X[:6, :2]}, "x_train has 3 features and x_test 2"),
            ({"y_train": Y.astype(float)}, "y_train must hold whole class numbers but has type float64"),
            ({"y_train": Y == 1}, "y_train must hold whole class numbers but has type bool"),
            ({"y_train": np.array(["cat"] * 12)}, "y_train must hold whole class numbers"),
            ({"y_train": np.array([None] * 12)}, "type object"),
            ({"y_train": np.eye(3, dtype=int)[Y]}, "y_train must have shape [samples] but has (12, 3)"),
            ({"y_train": Y - 1}, "y_train has the label -1 in row 0"),
            ({"y_train": Y + 1}, "y_train has the label 3 in row 2"),
            ({"y_test": np.array([0, 1, 2, 0, 1, 7])}, "y_test has the label 7 in row 5"),
            ({"y_test": np.array([0, 1, 2, 0, 1, 7]), "class_names": None}, "y_test has the label 7, of which y_train has no samples"),
            ({"y_train": Y * 2, "class_names": None}, "no training samples of classes 'class 1', 'class 3'"),
            ({"y_train": Y * 10**12, "class_names": None}, "has the label 1000000000000 in row 1"),
            ({"y_train": Y * 10_000, "class_names": None}, "at most 10,000 classes"),
            ({"y_train": np.full(12, 2**64 - 1, dtype=np.uint64)}, "has the label 18446744073709551615"),
            ({"y_train": Y * 0, "y_test": Y[:6] * 0, "class_names": None}, "a single class"),
            ({"class_names": np.array(["a", "b", "c", "d"])}, "no training samples of class 'd'"),
            ({"class_names": np.array(["a", "b"])}, "y_train has the label 2 in row 2"),
            ({"class_names": np.array(["a", "b", "a"])}, "class names 'a' occur more than once"),
            ({"class_names": np.array(["a", "", "c"])}, "a class name is empty"),
            ({"class_names": np.array([1, 2, 3])}, "class_names must be a list of texts"),
            ({"class_names": np.array([["a", "b", "c"]])}, "class_names must be a list of texts"),
            ({"class_names": np.array(["a", "b", "c"], dtype=object)}, "class_names must be a list of texts"),
            ({"class_names": np.array(["a", "b", "c" * 2_000])}, "names of up to 2,000 characters"),
            ({"class_names": np.array(["a", "b", "\ud800"])}, "no valid Unicode"),
            ({"x_test": X[:1], "y_test": Y[:1]}, "x_test has 1 sample; at least 2"),
            ({"x_test": None}, "lacks x_test; it has 'x_train', 'y_train', 'y_test', 'class_names'"),
            (dict.fromkeys(("x_train", "y_train", "x_test", "y_test")), "lacks x_train, y_train, x_test, y_test"),
        ],
    )  # fmt: skip
    def test_arrays(self, save, changes, message):
        assert message in refusal(save(**changes)).message

    @pytest.mark.parametrize("look", [load, lambda path: source_stats(DataConfig(name=f"features:{path}"))])
    def test_labels_from_1_without_names(self, save, look):
        path = save(y_train=Y + 1, y_test=arrays()["y_test"] + 1, class_names=None)
        with pytest.raises(
            DataError, match="y_train has labels from 1 to 3 and none is 0; labels start at 0"
        ) as caught:
            look(path)
        assert "Subtract 1" in caught.value.hint

    def test_a_column_of_labels_is_no_one_hot_table(self, save):
        assert refusal(save(y_train=Y[:, None])).hint == "Save y_train.ravel()."
        assert "argmax" in refusal(save(y_train=np.eye(3, dtype=int)[Y])).hint
        assert refusal(save(y_train=Y.astype(float))).hint == "Save y_train.astype(int)."

    @pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
    @pytest.mark.parametrize("part", ["x_train", "x_test"])
    def test_values_that_are_not_finite(self, save, part, value):
        x = arrays()[part].copy()
        x[4, 1] = value
        assert f"{part} has the value {value} in row 4, column 1" in refusal(save(**{part: x})).message

    def test_a_number_too_large_for_float32(self, save):
        x = X.astype(np.float64)
        x[1, 2] = 1e300
        assert "x_train has the value inf in row 1, column 2" in refusal(save(x_train=x)).message

    def test_no_such_file(self, tmp_path):
        assert refusal(tmp_path / "no.npz").message == f"There is no file '{tmp_path / 'no.npz'}'."

    def test_a_folder(self, tmp_path):
        assert "is not a file" in refusal(tmp_path).message

    def test_a_single_array(self, tmp_path):
        np.save(tmp_path / "x.npy", X)
        assert "no readable .npz file" in refusal(tmp_path / "x.npy").message

    @pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"hello", b"\x80\x04K\x01."])
    def test_something_else(self, tmp_path, content):
        (tmp_path / "x.npz").write_bytes(content)
        assert "no readable .npz file" in refusal(tmp_path / "x.npz").message

    def test_a_zip_of_something_else(self, tmp_path):
        with zipfile.ZipFile(tmp_path / "x.npz", "w") as archive:
            archive.writestr("readme.txt", "hello")
        assert "it has no arrays" in refusal(tmp_path / "x.npz").message

    def test_an_encrypted_member(self, save):
        path = save()
        content = bytearray(path.read_bytes())
        for signature, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
            content[content.index(signature) + flags] |= 1
        path.write_bytes(content)
        assert "no readable .npz file" in refusal(path).message

    def test_a_header_that_promises_too_much_is_refused_before_unpacking(self, save):
        """A few hundred bytes that claim 80 TB."""
        path = save()
        header = io.BytesIO()
        np.lib.format.write_array_header_1_0(header, {"descr": "<f8", "fortran_order": False, "shape": (10**10, 1_000)})
        labels = io.BytesIO()
        np.lib.format.write_array_header_1_0(labels, {"descr": "<i8", "fortran_order": False, "shape": (10**10,)})
        with zipfile.ZipFile(path, "w") as archive:
            for name in ("x_train", "x_test"):
                archive.writestr(f"{name}.npy", header.getvalue())
            for name in ("y_train", "y_test"):
                archive.writestr(f"{name}.npy", labels.getvalue())
        assert "GiB of memory" in refusal(path).message

    def test_values_that_end_early(self, save):
        path = save()
        with zipfile.ZipFile(path) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
        members["x_test.npy"] = members["x_test.npy"][:-8]
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in members.items():
                archive.writestr(name, content)
        assert "'x_test' in 'features.npz' is damaged or cut off" in refusal(path).message

    def test_nothing_is_unpickled(self, save, tmp_path):
        class Trap:
            def __reduce__(self) -> tuple:
                return Path.touch, (tmp_path / "sprung",)

        for name in ("x_train", "y_train", "class_names"):
            refusal(save(**{name: np.array([Trap()] * 3, dtype=object)}))
        load(save(extra=np.array([Trap()], dtype=object)))
        assert not (tmp_path / "sprung").exists()

    def test_check_source_says_the_same(self, save):
        path = save(y_train=Y.astype(float))
        with pytest.raises(DataError) as error:
            check_source(f"features:{path}")
        assert str(error.value) == str(refusal(path))


class TestAnyCorruption:
    """Whatever happens to the file, the answer is a data set or a sentence."""

    @staticmethod
    def outcome(path: Path) -> None:
        for look in (load, lambda p: source_stats(DataConfig(name=f"features:{p}"))):
            refusals = []
            try:
                look(path)
            except DataError as error:
                refusals.append(error)
            assert all(error.message and error.hint for error in refusals)

    @settings(max_examples=60)
    @given(data=st.data(), packed=st.booleans())
    def test_bytes_changed_cut_or_inserted(self, tmp_path, data, packed):
        path = tmp_path / "features.npz"
        (np.savez_compressed if packed else np.savez)(path, **arrays())
        content = bytearray(path.read_bytes())
        for _ in range(data.draw(st.integers(1, 6))):
            at = data.draw(st.integers(0, max(0, len(content) - 1)))
            match data.draw(st.sampled_from(["change", "cut", "insert", "drop"])):
                case "change":
                    content[at : at + 1] = data.draw(st.binary(min_size=1, max_size=1))
                case "cut":
                    del content[at:]
                case "insert":
                    content[at:at] = data.draw(st.binary(min_size=1, max_size=20))
                case "drop":
                    del content[at : at + data.draw(st.integers(1, 20))]
        path.write_bytes(content)
        self.outcome(path)

    @settings(max_examples=60)
    @given(data=st.data())
    def test_headers_rewritten(self, tmp_path, data):
        shape = st.lists(st.integers(-3, 20) | st.sampled_from([2**31, 2**63, 10**30]), max_size=3).map(tuple)
        kinds = st.sampled_from(
            ["<f4", "<f8", "|O", "<i8", "|V8", "<U4", "|b1", "<M8[s]", "<c8", "|S0", "[('a', '<i4')]", "nonsense"]
        )
        texts = st.builds(
            "{{'descr': {!r}, 'fortran_order': {}, 'shape': {}}}".format, kinds, st.booleans(), shape
        ) | st.text(max_size=60)
        path = tmp_path / "features.npz"
        np.savez(path, **arrays())
        with zipfile.ZipFile(path) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
        for name in data.draw(st.sets(st.sampled_from(sorted(members)), min_size=1)):
            text = data.draw(texts).encode("latin1", "replace") + b"\n"
            version = data.draw(st.sampled_from([b"\x01\x00", b"\x02\x00", b"\x03\x00", b"\x09\x00"]))
            length = len(text).to_bytes(2 if version == b"\x01\x00" else 4, "little")
            members[name] = b"\x93NUMPY" + version + length + text + members[name][128:]
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in members.items():
                archive.writestr(name, content)
        self.outcome(path)

    @settings(max_examples=60)
    @given(data=st.data())
    def test_arrays_of_any_shape_and_type(self, tmp_path, data):
        kinds = st.sampled_from(
            ["float32", "float64", "int64", "uint8", "bool", "complex64", "U3", "S3", "datetime64[s]"]
        )
        values = {}
        for name in arrays():
            if data.draw(st.booleans()):
                values[name] = arrays()[name]
            elif data.draw(st.booleans()):
                size = tuple(data.draw(st.lists(st.integers(0, 4), max_size=3)))
                values[name] = np.zeros(size, dtype=data.draw(kinds))
        path = tmp_path / "features.npz"
        np.savez(path, **values)
        self.outcome(path)
