"""Files of ``torch.save``, read without running what is pickled in them. No torch in this process.

A process of its own with torch's restricted unpickler and limits on memory and time
(:mod:`lwal_core.torch_programs.untrusted_checkpoint`) hands their tensors back as safetensors.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

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


MAX_ANSWER_BYTES = 2**28


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


class TorchReader:
    """A process that reads files of ``torch.save``, one after the other; a context manager.

    Args:
        largest: Bytes of the largest file.
    """

    def __init__(self, largest: int) -> None:
        self._limit = TORCH_DATA_BYTES + largest
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> TorchReader:
        self._folder = tempfile.TemporaryDirectory(prefix="lwal-import-")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()
        self._folder.cleanup()

    @contextmanager
    def read(self, path: Path, tensor: str = "") -> Iterator[TorchContent]:
        """Read a file.

        Args:
            path: The file.
            tensor: Take the numbers of this tensor's layer alone; empty for those of all that may be label vectors.

        Yields:
            What it holds; the safetensors file is gone afterwards.

        Raises:
            ImportFileError: It holds anything but tensors, numbers, texts, lists and dictionaries, or is damaged, or too
                large. The next file is read all the same.
        """
        target = Path(self._folder.name) / "tensors.safetensors"
        process = self._started()
        try:
            answer = self._ask(process, {"source": str(path.absolute()), "target": str(target), "tensor": tensor})
        except TimeoutError:
            self._end()
            raise ImportFileError(
                f"{path.name!r} could not be read within {TORCH_SECONDS:.0f} s.", "Save its tensors as safetensors."
            ) from None
        except (OSError, ValueError):
            self._end()
            answer = {"problem": "it is damaged, or needs more memory than is allowed"}
        if problem := answer.get("problem"):
            raise ImportFileError(
                f"{path.name!r} cannot be read safely: {str(problem)[:300]}.",
                "Only tensors are read, nothing is unpickled beyond them; save the state_dict alone, best as safetensors.",
            )
        try:
            yield TorchContent(
                tuple(describe(*facts) for facts in answer["tensors"]), open_arrays(target), dict(answer["names"])
            )
        finally:
            target.unlink(missing_ok=True)

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            environment = {**code_environment(), "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
            self._process = subprocess.Popen(
                [sys.executable, "-m", "lwal_core.torch_programs.untrusted_checkpoint", str(self._limit)],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment, cwd=self._folder.name,
            )  # fmt: skip
        return self._process

    @staticmethod
    def _ask(process: subprocess.Popen[bytes], request: dict[str, str]) -> dict[str, Any]:
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(json.dumps(request).encode() + b"\n")  # names that are no UTF-8, too
        process.stdin.flush()
        answer = bytearray()
        end = time.monotonic() + TORCH_SECONDS
        while not answer.endswith(b"\n"):
            if not select.select([process.stdout], [], [], max(0.0, end - time.monotonic()))[0]:
                raise TimeoutError
            part = os.read(process.stdout.fileno(), 2**16)
            if not part or len(answer) > MAX_ANSWER_BYTES:
                raise ValueError("the process ended")
            answer += part
        found = orjson.loads(answer)
        if not isinstance(found, dict):
            raise ValueError("no answer")
        return found

    def _end(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.kill()
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                with suppress(OSError):  # what it was asked last may still be on the way
                    stream.close()
        process.wait()


@contextmanager
def torch_as_safetensors(path: Path) -> Iterator[TorchContent]:
    """Read one file of ``torch.save`` in a process of its own; see :meth:`TorchReader.read`."""
    with TorchReader(path.stat().st_size) as reader, reader.read(path) as content:
        yield content
