"""Files of ``torch.save``, read without running what is pickled in them. No torch in this process.

A process of its own with torch's restricted unpickler and limits on memory and time
(:mod:`lwal_core.torch_programs.untrusted_checkpoint`) hands their tensors back as safetensors.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import orjson

from lwal_core.datafiles.arrays import ArrayFile, open_arrays
from lwal_core.errors import ImportFileError
from lwal_core.imports.heads import TensorInfo, describe
from lwal_core.system.child_processes import code_environment

TORCH_SECONDS = 120.0
"""A file of 2 GiB is read in some 10 s; importing torch takes 3 to 20 s on a busy machine."""
TORCH_DATA_BYTES = 2 * 2**30
"""Private memory of the reading process above the file's size: torch itself takes about half of it."""
TORCH_ENDINGS = (".pt", ".pth", ".bin", ".ckpt", ".tar")


@dataclass(frozen=True, eq=False)
class TorchContent:
    """What a file of ``torch.save`` holds.

    Attributes:
        tensors: All its tensors.
        arrays: A safetensors file with those that may be label vectors.
        names: Lists of texts by what they are called, such as ``{"names": ["cat", "dog"]}``.
    """

    tensors: tuple[TensorInfo, ...]
    arrays: ArrayFile
    names: dict[str, list[str]]


@contextmanager
def torch_as_safetensors(path: Path) -> Iterator[TorchContent]:
    """Read a file of ``torch.save`` in a process of its own.

    Yields:
        What it holds; the safetensors file is gone afterwards.

    Raises:
        ImportFileError: It holds anything but tensors, numbers, texts, lists and dictionaries, or is damaged, or too
            large.
    """
    with tempfile.TemporaryDirectory(prefix="lwal-import-") as folder:
        target = Path(folder) / "tensors.safetensors"
        environment = {**code_environment(), "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
        limit = TORCH_DATA_BYTES + path.stat().st_size
        try:
            done = subprocess.run(
                [sys.executable, "-m", "lwal_core.torch_programs.untrusted_checkpoint", str(path.absolute()), str(target), str(limit)],
                stdin=subprocess.DEVNULL, capture_output=True, env=environment, cwd=folder, timeout=TORCH_SECONDS, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise ImportFileError(
                f"{path.name!r} could not be read within {TORCH_SECONDS:.0f} s.", "Save its tensors as safetensors."
            ) from None
        try:
            answer = orjson.loads(done.stdout)
            problem = answer.get("problem")
        except (ValueError, AttributeError):
            answer, problem = {}, "it is damaged, or needs more memory than is allowed"
        if problem:
            raise ImportFileError(
                f"{path.name!r} cannot be read safely: {str(problem)[:300]}.",
                "Only tensors are read, nothing is unpickled beyond them; save the state_dict alone, best as safetensors.",
            )
        yield TorchContent(
            tuple(describe(*facts) for facts in answer["tensors"]), open_arrays(target), dict(answer["names"])
        )
