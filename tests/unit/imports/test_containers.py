"""What people bring under the names of arrays and checkpoints: read rightly, or refused with the cause and the way out."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file as save_arrays
from safetensors.torch import save_file

from lwal_core.errors import ImportFileError
from lwal_core.imports import examine
from lwal_core.imports.tensors import TorchReader

ROWS = torch.arange(12, dtype=torch.float32).reshape(4, 3) / 4 - 1
NAMES = ["ant", "bee", "cat", "dog"]


@pytest.fixture(scope="module")
def torch_reader() -> Iterator[TorchReader]:
    """The process that reads files of torch: one for all files here, as it is for those of one training."""
    with TorchReader(2**20) as reader:
        yield reader


@pytest.fixture(autouse=True)
def one_process(torch_reader: TorchReader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lwal_core.imports.incoming.torch_as_safetensors", torch_reader.read)


def refusal(path, **options) -> str:
    with pytest.raises(ImportFileError) as caught:
        examine(path, **options)
    assert caught.value.hint
    return str(caught.value)


class TestNames:
    def test_of_another_count_are_refused(self, tmp_path):
        np.savez(tmp_path / "a.npz", vectors=ROWS.numpy(), names=np.array(NAMES[:3]))
        assert "has 4 vectors in 'vectors' and 3 class names in 'names'" in refusal(tmp_path / "a.npz")
        assert examine(tmp_path / "a.npz", names=NAMES).names == tuple(NAMES)

    def test_fit_one_of_several_tables(self, tmp_path):
        np.savez(tmp_path / "a.npz", labels=ROWS.numpy(), x=np.zeros((7, 3)), class_names=np.array(NAMES))
        found = examine(tmp_path / "a.npz")
        assert (found.tensor, found.names) == ("labels", tuple(NAMES))

    def test_a_feature_file_is_called_one(self, tmp_path):
        np.savez(
            tmp_path / "a.npz", x_train=np.zeros((9, 3)), y_train=np.arange(9) % 3, class_names=np.array(NAMES[:3])
        )
        assert "is a feature file" in refusal(tmp_path / "a.npz")

    def test_as_bytes(self, tmp_path):
        np.savez(tmp_path / "a.npz", vectors=ROWS.numpy(), names=np.array([name.encode() for name in NAMES]))
        assert examine(tmp_path / "a.npz").names == tuple(NAMES)

    def test_as_objects_are_said_not_to_be_read(self, tmp_path):
        np.savez(tmp_path / "a.npz", vectors=ROWS.numpy(), names=np.array(NAMES, dtype=object))
        found = examine(tmp_path / "a.npz")
        assert found.names[0] == "class 0" and found.named_by == "numbered"
        assert "The names in 'names' are not read" in found.notes[0] and "dtype=str" in found.notes[0]

    @pytest.mark.parametrize("key", ["class_names", "names", "classes"])
    def test_in_metadata_beside_further_tensors(self, tmp_path, key):
        tensors = {"labels": ROWS, "step": torch.tensor(3), "temperature": torch.tensor([1.0])}
        save_file(tensors, tmp_path / "a.safetensors", {key: json.dumps(NAMES)})
        found = examine(tmp_path / "a.safetensors")
        assert found.names == tuple(NAMES)
        np.testing.assert_array_equal(found.vectors, ROWS)

    @pytest.mark.parametrize(
        "beside",
        [
            {"names": NAMES},
            {"words": tuple(NAMES)},
            {"meta": {"CLASSES": NAMES}},
            {"config": {"id2label": dict(enumerate(NAMES))}},
        ],
    )
    def test_in_a_torch_file(self, tmp_path, beside):
        torch.save({"embeddings": ROWS, **beside}, tmp_path / "a.pt")
        assert examine(tmp_path / "a.pt").names == tuple(NAMES)


class TestTypes:
    @pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float8_e4m3fn, torch.float8_e5m2])
    @pytest.mark.parametrize("beside", [{}, {"step": torch.tensor([1.0])}])
    def test_short_floats_as_torch_reads_them(self, tmp_path, dtype, beside):
        """Every code of 8 bits that is a finite number, and the same in bfloat16."""
        codes = torch.arange(256, dtype=torch.uint8)
        values = codes.view(dtype).float() if dtype.itemsize == 1 else torch.linspace(-3, 3, 256).to(dtype).float()
        table = values[values.isfinite()][:240].reshape(8, 30).to(dtype)
        save_file({"fc.weight": table, **beside}, tmp_path / "a.safetensors")
        found = examine(tmp_path / "a.safetensors")
        np.testing.assert_array_equal(found.vectors, table.float())
        assert any("float8" in note for note in found.notes) == (dtype.itemsize == 1)

    def test_scaled_rows_are_multiplied_and_said(self, tmp_path):
        numbers, scale = torch.arange(-10, 10, dtype=torch.int8).reshape(4, 5), torch.tensor([[0.5], [0.25], [2], [1]])
        save_file({"fc.weight": numbers, "fc.weight_scale": scale}, tmp_path / "a.safetensors")
        found = examine(tmp_path / "a.safetensors")
        np.testing.assert_array_equal(found.vectors, numbers.float() * scale)
        assert found.tensor == "fc.weight" and "multiplied by 'fc.weight_scale'" in found.notes[0]

    @pytest.mark.parametrize(
        "tensors",
        [
            {
                "fc.weight": torch.zeros(20, 1, dtype=torch.uint8),
                "fc.weight.absmax": torch.ones(2),
                "fc.weight.quant_map": torch.ones(16),
            },
            {
                "fc.qweight": torch.zeros(2, 4, dtype=torch.int32),
                "fc.scales": torch.ones(1, 4),
                "fc.qzeros": torch.zeros(1, 1),
            },
            {
                "fc.weight": torch.zeros(4, 3, dtype=torch.int8),
                "fc.weight_scale": torch.ones(4, 1),
                "fc.weight_zero_point": torch.zeros(4, 1),
            },
        ],
    )
    def test_packed_weights_are_refused(self, tmp_path, tensors):
        save_file({**tensors, "embed.weight": ROWS}, tmp_path / "a.safetensors")
        assert "packed or scaled whole numbers" in refusal(tmp_path / "a.safetensors")

    def test_a_convolution_of_1x1(self, tmp_path):
        save_file(
            {"classifier.1.weight": ROWS[:, :, None, None].contiguous(), "stem.weight": torch.ones(8, 3, 3, 3)},
            tmp_path / "a.safetensors",
        )
        np.testing.assert_array_equal(examine(tmp_path / "a.safetensors").vectors, ROWS)
        save_file({"head.weight": ROWS[:, :, None, None].contiguous()}, tmp_path / "b.safetensors")
        np.testing.assert_array_equal(examine(tmp_path / "b.safetensors").vectors, ROWS)

    def test_a_head_of_too_many_rows(self, tmp_path):
        save_file({"head.weight": torch.zeros(21_841, 2), "layers.3.mlp.fc2.weight": ROWS}, tmp_path / "a.safetensors")
        said = refusal(tmp_path / "a.safetensors")
        assert "'head.weight'" in said and "21,841 rows" in said and "10,000" in said
        assert examine(tmp_path / "a.safetensors", tensor="layers.3.mlp.fc2.weight").vectors.shape == (4, 3)

    def test_no_head_is_said(self, tmp_path):
        save_file({"layers.0.weight": ROWS, "layers.1.weight": ROWS + 1}, tmp_path / "a.safetensors")
        assert examine(tmp_path / "a.safetensors").notes[0].startswith("No tensor is named like a classification head")


class TestVectorsOneByOne:
    def test_by_name(self, tmp_path):
        vectors = dict(zip(NAMES, ROWS, strict=True))
        torch.save(vectors, tmp_path / "a.pt")
        torch.save({"vectors": vectors}, tmp_path / "b.pt")
        save_file({name: row.clone() for name, row in vectors.items()}, tmp_path / "c.safetensors")
        np.savez(tmp_path / "d.npz", **{name: row.numpy() for name, row in vectors.items()})
        for name in ("a.pt", "b.pt", "c.safetensors", "d.npz"):
            found = examine(tmp_path / name)
            assert (found.kind, found.names) == ("table", tuple(NAMES))
            np.testing.assert_array_equal(found.vectors, ROWS)

    def test_in_a_list_of_more_than_ten(self, tmp_path):
        rows = torch.arange(24, dtype=torch.float32).reshape(12, 2)
        torch.save(list(rows), tmp_path / "a.pt")
        found = examine(tmp_path / "a.pt")
        np.testing.assert_array_equal(found.vectors, rows)
        assert found.names[11] == "class 11" and "one by one, in a list" in found.notes[0]

    @pytest.mark.parametrize("value", [{"cat": np.zeros(3)}, [np.zeros(3), np.zeros(2)]])
    def test_pickled_in_an_array(self, tmp_path, value):
        np.save(tmp_path / "a.npy", np.array(value, dtype=object), allow_pickle=True)
        np.savez(tmp_path / "b.npz", vectors=np.array(value, dtype=object))
        for name in ("a.npy", "b.npz"):
            said = refusal(tmp_path / name)
            assert "pickled Python objects" in said and "numpy.savez" in said


class TestOtherFiles:
    @pytest.mark.parametrize("name", ["a.npy", "a.npz", "a.safetensors", "a.pth", "a.bin", "a.csv", "a.zip", "a.txt"])
    @pytest.mark.parametrize(
        ("content", "cause", "way"),
        [
            (
                b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 123456\n",
                "a pointer of Git LFS",
                "git lfs pull",
            ),
            (b"<!DOCTYPE html><html><body>404</body></html>", "a web page", "Download the file itself"),
            (b"\xef\xbb\xbf\n<HTML><head>", "a web page", "Download the file itself"),
            (b"\x89HDF\r\n\x1a\n" + bytes(90), "an HDF5 file", "Save its vectors"),
            (b"\x1f\x8b\x08" + bytes(90), "packed with gzip", "Unpack it"),
            (b"GGUF\x03\0\0\0", "a GGUF file", "safetensors"),
        ],
    )
    def test_are_called_what_they_are(self, tmp_path, name, content, cause, way):
        (tmp_path / name).write_bytes(content)
        said = refusal(tmp_path / name)
        assert cause in said and way in said

    def test_torchscript(self, tmp_path):
        torch.jit.trace(torch.nn.Linear(2, 2), torch.ones(1, 2)).save(tmp_path / "a.pt")
        said = refusal(tmp_path / "a.pt")
        assert "TorchScript" in said and "state_dict()" in said

    def test_a_whole_model(self, tmp_path):
        torch.save(torch.nn.Linear(2, 2), tmp_path / "a.pt")
        said = refusal(tmp_path / "a.pt")
        assert "torch.nn.modules.linear.Linear" in said and "a whole model" in said and "weights_only" not in said

    def test_safetensors_by_another_ending(self, tmp_path):
        save_file({"fc.weight": ROWS, "fc.bias": ROWS[:, 0].clone()}, tmp_path / "a.safetensors")
        found = examine((tmp_path / "a.safetensors").rename(tmp_path / "pytorch_model.bin"))
        np.testing.assert_array_equal(found.vectors, ROWS)
        assert found.notes == ("It is a safetensors file called .bin, and read as what it is.",)

    @pytest.mark.parametrize("name", ["model.pth.tar", "model.ckpt", "model.bin"])
    def test_endings_of_torch(self, tmp_path, name):
        torch.save({"state_dict": {"fc.weight": ROWS, "fc.bias": ROWS[:, 0]}, "epoch": 3}, tmp_path / name)
        assert examine(tmp_path / name).tensor == "state_dict.fc.weight"

    def test_parts_of_a_model(self, tmp_path):
        places = {
            "vit.encoder.layer.0.output.dense.weight": "model-00001-of-00002.safetensors",
            "classifier.weight": "model-00002-of-00002.safetensors",
        }
        (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": places}))
        said = refusal(tmp_path / "model.safetensors.index.json")
        assert "'classifier.weight' is in 'model-00002-of-00002.safetensors'" in said
        save_file({"vit.layer.0.weight": ROWS}, tmp_path / "model-00001-of-00002.safetensors")
        assert "part 1 of 2" in examine(tmp_path / "model-00001-of-00002.safetensors").notes[0]

    def test_an_index_that_is_none(self, tmp_path):
        for content in ("[]", "{}", "{", '{"weight_map": 3}', '{"weight_map": {}}'):
            (tmp_path / "a.index.json").write_text(content)
            refusal(tmp_path / "a.index.json")


def test_the_terminal_and_the_dialog_say_the_same(tmp_path):
    """Both show these lines, the dialog with Markdown escaped."""
    save_file({"fc.weight": ROWS.to(torch.float8_e5m2)}, tmp_path / "a.safetensors")
    lines = examine(tmp_path / "a.safetensors").described()
    assert lines[1:] == [
        "4 classes in 3 dimensions; names numbered, as the file names none: class 0, class 1, class 2, class 3",
        "Its numbers are float8_e5m2, of two or three digits.",
    ]


def test_layers_stored_as_inputs_by_classes_are_read_by_columns(tmp_path):
    kernel = np.arange(40, dtype="f4").reshape(8, 5)
    np.savez(tmp_path / "jax.npz", **{"params/head/kernel": kernel, "params/head/bias": np.zeros(5, "f4")})
    save_arrays({"dense.kernel": kernel, "dense.bias": np.zeros(5, "f4")}, tmp_path / "keras.safetensors")
    save_arrays({"fc.weight": kernel, "fc.bias": np.zeros(8, "f4")}, tmp_path / "torch.safetensors")
    for file, expected in (("jax.npz", kernel.T), ("keras.safetensors", kernel.T), ("torch.safetensors", kernel)):
        found = examine(tmp_path / file)
        np.testing.assert_array_equal(found.vectors, expected)
        assert any("by columns" in note for note in found.notes) == (file != "torch.safetensors")


def test_weights_beside_the_scales_of_fake_quantisation_are_plain(tmp_path):
    weight = np.eye(5, 8, dtype="f4")
    save_arrays({"fc.weight": weight, "fc.weight_fake_quant.scale": np.full(5, 9, "f4")}, tmp_path / "q.safetensors")
    np.testing.assert_array_equal(examine(tmp_path / "q.safetensors").vectors, weight)


def test_a_head_of_one_row_is_named_as_the_cause(tmp_path):
    save_arrays(
        {"fc.weight": np.ones((1, 8), "f4"), "blocks.0.mlp.fc1.weight": np.ones((9, 8), "f4")},
        tmp_path / "b.safetensors",
    )
    with pytest.raises(ImportFileError, match="has one row, which tells two"):
        examine(tmp_path / "b.safetensors")


@pytest.mark.parametrize("key", ["class_to_idx", "label2id", "idx_to_class", "id2label"])
def test_names_by_number_and_numbers_by_name(tmp_path, key):
    pairs = {"b": 1, "a": 0} if key in ("class_to_idx", "label2id") else {"1": "b", "0": "a"}
    weight = np.eye(2, dtype="f4")
    save_arrays({"fc.weight": weight}, tmp_path / "m.safetensors", metadata={key: json.dumps(pairs)})
    assert examine(tmp_path / "m.safetensors").names == ("a", "b")


def test_the_only_texts_of_an_archive_are_names_whatever_they_are_called(tmp_path):
    np.savez(tmp_path / "a.npz", np.eye(2), np.array(["a", "b"]))
    assert examine(tmp_path / "a.npz").names == ("a", "b")
    np.savez(tmp_path / "b.npz", vectors=np.eye(2), class_names=np.array([["a"], ["b"]]))
    assert examine(tmp_path / "b.npz").names == ("a", "b")


def test_zip_archives_texts_and_foreign_endings_are_said(tmp_path):
    with zipfile.ZipFile(tmp_path / "w.zip", "w") as archive:
        archive.writestr("words.csv", "cat,1\ndog,2\n")
    (tmp_path / "w.csv").write_bytes((tmp_path / "w.zip").read_bytes())
    (tmp_path / "m.safetensors").write_text("Entry not found")
    (tmp_path / "m.h5").write_bytes(b"\x89HDF\r\n\x1a\n")
    for file, cause in (
        ("w.zip", "no run bundle; it holds 'words.csv'"),
        ("w.csv", "is a zip archive"),
        ("m.safetensors", "text, which begins with 'Entry not found'"),
        ("m.h5", "an HDF5 file"),
    ):
        with pytest.raises(ImportFileError, match=cause):
            examine(tmp_path / file)
