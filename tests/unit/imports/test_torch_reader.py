"""One process reads several files of torch.save, and one that ends it costs that file alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from lwal_core.errors import ImportFileError
from lwal_core.imports import tensors
from lwal_core.imports.tensors import TorchReader


@pytest.mark.process
def test_several_files_one_of_which_ends_the_process(tmp_path, monkeypatch):
    rows = torch.arange(12, dtype=torch.float32).reshape(4, 3)
    first = tmp_path / 'a "ä"\n.pt'
    torch.save({"fc.weight": rows, "fc.bias": rows[:, 0], "other.weight": rows + 1}, first)
    torch.save({"fc.weight": rows * 2}, tmp_path / "b.pt")
    with TorchReader(10**6) as reader:
        with reader.read(first) as content:
            assert {"fc.weight", "other.weight"} <= content.arrays.headers.keys()
            np.testing.assert_array_equal(content.arrays.read("fc.weight"), rows)
            file = content.arrays.path
        process = reader._process
        assert process is not None and not file.exists()
        with reader.read(first, "fc.weight") as content:  # the layer alone
            assert content.arrays.headers.keys() == {"fc.weight", "fc.bias"} and len(content.tensors) == 3
        assert reader._process is process
        process.kill()
        process.wait()
        with (
            pytest.raises(ImportFileError, match=r"b\.pt.*damaged, or needs more memory"),
            reader.read(tmp_path / "b.pt"),
        ):
            pass
        monkeypatch.setattr(tensors, "TORCH_SECONDS", 0.0)
        with pytest.raises(ImportFileError, match="could not be read within 0 s"), reader.read(tmp_path / "b.pt"):
            pass
        monkeypatch.undo()
        with reader.read(tmp_path / "b.pt") as content:
            np.testing.assert_array_equal(content.arrays.read("fc.weight"), rows * 2)
        folder = Path(reader._folder.name)
    assert not folder.exists() and reader._process is None
