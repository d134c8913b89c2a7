"""Weights of a stranger: read as tensors, or refused in a sentence; nothing in them is run."""

from __future__ import annotations

import os
import pickle
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save_file

from lwal_core.encoders.weight_files import head_rows, read_weights
from lwal_core.errors import TrainingError

STATE = {"fc.weight": torch.arange(6.0).reshape(3, 2), "fc.bias": torch.zeros(3)}


class Evil:
    """Runs a command where it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (f"touch {self.marker}",)


@pytest.mark.parametrize("wrap", [
    lambda s: s, lambda s: {"state_dict": s, "epoch": 3}, lambda s: {"model": {f"module.{k}": v for k, v in s.items()}},
    lambda s: {"state_dict": {"old.weight": torch.ones(1)}, "state_dict_ema": s},
])  # fmt: skip
def test_what_programs_put_around_weights_is_taken_off(tmp_path: Path, wrap: object) -> None:
    torch.save(wrap(STATE), tmp_path / "w.pth")  # type: ignore[operator]
    read = read_weights(tmp_path / "w.pth")
    assert read.keys() == STATE.keys() and torch.equal(read["fc.weight"], STATE["fc.weight"])
    assert head_rows(read, "fc") == head_rows(read, ("aux", "fc")) == 3 and head_rows(read, None) is None


def test_safetensors_are_read(tmp_path: Path) -> None:
    save_file(STATE, tmp_path / "w.safetensors")
    assert torch.equal(read_weights(tmp_path / "w.safetensors")["fc.weight"], STATE["fc.weight"])


@pytest.mark.parametrize("ending", ["pth", "bin", "ckpt"])
def test_a_pickle_that_runs_something_is_refused_and_not_run(tmp_path: Path, ending: str) -> None:
    marker = tmp_path / "marker"
    torch.save({"fc.weight": torch.ones(2, 2), "more": Evil(marker)}, tmp_path / f"new.{ending}")
    (tmp_path / f"old.{ending}").write_bytes(pickle.dumps(Evil(marker)))
    for file in (f"new.{ending}", f"old.{ending}"):
        with pytest.raises(TrainingError, match="cannot be read"):
            read_weights(tmp_path / file)
    assert not marker.exists()


@given(st.binary(max_size=200), st.sampled_from(["pth", "safetensors", "bin"]))
def test_bytes_that_are_no_weights_are_one_sentence(tmp_path: Path, content: bytes, ending: str) -> None:
    file = tmp_path / f"w.{ending}"
    file.write_bytes(content)
    with pytest.raises(TrainingError) as caught:
        read_weights(file)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 800


@pytest.mark.parametrize("content", [[1, 2], {}, {"a": 1, "b": 2}, torch.ones(3)])
def test_a_file_without_named_tensors_is_refused(tmp_path: Path, content: object) -> None:
    torch.save(content, tmp_path / "w.pth")
    with pytest.raises(TrainingError, match="no weights by name"):
        read_weights(tmp_path / "w.pth")


def test_what_is_no_file_of_weights_is_refused(tmp_path: Path) -> None:
    (tmp_path / "w.txt").write_text("1 2")
    for path, said in (
        (tmp_path / "w.txt", "no file of weights"),
        (tmp_path, "are no file"),
        (tmp_path / "no.pth", "are no file"),
    ):
        with pytest.raises(TrainingError, match=said):
            read_weights(path)
