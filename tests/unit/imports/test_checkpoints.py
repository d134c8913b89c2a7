"""Networks of others: which tensor is read, and that nothing in a file is executed."""

from __future__ import annotations

import os
import pickle
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from lwal_core.errors import LwalError
from lwal_core.imports import examine
from lwal_core.imports.heads import describe, guess_label_table


@pytest.fixture
def state() -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    return {
        "embed.weight": torch.randn(20, 6),
        "layer.weight": torch.randn(8, 6),
        "fc.weight": torch.randn(4, 8),
        "fc.bias": torch.randn(4),
        "running.norm": torch.randn(7, 8),
        "conv.weight": torch.randn(8, 3, 3, 3),
    }


def test_safetensors_takes_the_head(tmp_path, state):
    save_file(state, tmp_path / "model.safetensors")
    found = examine(tmp_path / "model.safetensors")
    assert (found.kind, found.tensor) == ("checkpoint", "fc.weight")
    np.testing.assert_array_equal(found.vectors, state["fc.weight"].numpy())
    assert {t.name for t in found.tensors if t.usable} == {"embed.weight", "layer.weight", "fc.weight", "running.norm"}


def test_another_tensor_can_be_chosen(tmp_path, state):
    save_file(state, tmp_path / "model.safetensors")
    assert examine(tmp_path / "model.safetensors", tensor="layer.weight").vectors.shape == (8, 6)
    for wrong, said in (("absent", "no tensor 'absent'"), ("conv.weight", r"shape \[8, 3, 3, 3\]")):
        with pytest.raises(LwalError, match=said):
            examine(tmp_path / "model.safetensors", tensor=wrong)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_half_and_double_precision(tmp_path, state, dtype):
    save_file({"fc.weight": state["fc.weight"].to(dtype), "b": state["fc.bias"]}, tmp_path / "m.safetensors")
    wanted = state["fc.weight"].to(dtype).to(torch.float32).numpy()
    np.testing.assert_array_equal(examine(tmp_path / "m.safetensors").vectors, wanted)


def test_torch_file_by_a_process_of_its_own(tmp_path, state, monkeypatch):
    torch.save({"epoch": 3, "state_dict": state, "note": "text"}, tmp_path / "model.pth")
    monkeypatch.chdir(tmp_path)  # a path as somebody types it; the process stands elsewhere
    found = examine(Path("model.pth"))
    assert found.tensor == "state_dict.fc.weight" and len(found.tensors) == len(state)
    np.testing.assert_array_equal(found.vectors, state["fc.weight"].numpy())


class _Hostile:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return (os.system, (f"touch '{self.path}'",))


@pytest.mark.parametrize("form", ["torch zip", "torch legacy", "bare pickle"])
def test_a_pickle_that_would_write_a_file_does_not(tmp_path, form):
    trace, file = tmp_path / "trace", tmp_path / "model.pt"
    if form == "bare pickle":
        file.write_bytes(pickle.dumps(_Hostile(trace)))
    else:
        torch.save({"fc.weight": _Hostile(trace)}, file, _use_new_zipfile_serialization=form == "torch zip")
    with pytest.raises(LwalError, match="cannot be read safely") as caught:
        examine(file)
    assert not trace.exists()
    assert "weights_only" not in str(caught.value)


def test_truncated_and_lying_headers(tmp_path, state):
    save_file(state, tmp_path / "whole.safetensors")
    data = (tmp_path / "whole.safetensors").read_bytes()
    for name, damaged in {
        "cut": data[: len(data) // 2],
        "header": data[:6],
        "huge": struct.pack("<Q", 2**62) + data[8:],
        "text": b"\x10\0\0\0\0\0\0\0{not json at all}",
    }.items():
        file = tmp_path / f"{name}.safetensors"
        file.write_bytes(damaged)
        with pytest.raises(LwalError):
            examine(file)


def test_a_torch_file_called_zip_says_what_to_do(tmp_path, state):
    torch.save(state, tmp_path / "model.zip")
    with pytest.raises(LwalError, match=r"\.pt"):
        examine(tmp_path / "model.zip")


def test_npz_whose_array_claims_more_than_it_holds(tmp_path):
    header = np.lib.format.header_data_from_array_1_0(np.zeros((4, 3), dtype=np.float32)) | {"shape": (10_000, 65_000)}
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive, archive.open("table.npy", "w") as stream:
        np.lib.format.write_array_header_1_0(stream, header)
        stream.write(b"\0" * 48)
    with pytest.raises(LwalError, match="MiB"):
        examine(tmp_path / "a.npz")


def test_likeliest_head():
    facts = [describe(name, (4, 8), "float32") for name in ("module.classifier.1.weight", "z.weight")]
    assert guess_label_table(facts) == "module.classifier.1.weight"
    assert guess_label_table(facts[1:]) == "z.weight"
    assert (
        guess_label_table(
            [describe("a", (1, 8), "float32"), describe("b", (4,), "float32"), describe("c", (4, 8), "bool")]
        )
        == ""
    )
