"""Names as one block of bytes, which processes share without copies."""

from __future__ import annotations

import os
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray


class PackedNames:
    """Names by number.

    Args:
        block: Their bytes, one after the other, uint8.
        ends: Where each ends in the block ``[N]``, int64.
    """

    def __init__(self, block: NDArray[np.uint8], ends: NDArray[np.int64]) -> None:
        self.block, self.ends = block, ends

    @classmethod
    def of(cls, names: Iterable[str]) -> PackedNames:
        """The names of an iterable."""
        encoded = [os.fsencode(name) for name in names]
        ends = np.cumsum([len(name) for name in encoded], dtype=np.int64)
        return cls(np.frombuffer(b"".join(encoded), dtype=np.uint8), ends)

    def __len__(self) -> int:
        return len(self.ends)

    def __getitem__(self, number: int) -> str:
        start = self.ends[number - 1] if number else 0
        return os.fsdecode(self.block[start : self.ends[number]].tobytes())
