"""``pictograms``: drawings in three styles that come along, and which of them nearly repeat each other. No torch.

The files are those of ``drawings/``, made by ``tools/make_pictograms.py``: a table of 635 drawings and a sheet of each style
with a tile of each drawing in the order of the table. Who drew them and under which licences stands in ``drawings/README.md``.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

import numpy as np
from numpy.typing import NDArray

from lwal_core.datafiles.limits import held_out
from lwal_core.errors import DataError

STYLES = ("noto", "twemoji", "openmoji")
SIDE = 32
"""Pixels a side."""
COLUMNS = 32
"""Tiles in a row of a sheet."""
CREDIT = (
    "The drawings are from Noto Emoji (Google, Apache License 2.0), Twemoji (Twitter and contributors, CC BY 4.0) and OpenMoji "
    "(CC BY-SA 4.0), reduced to 32 pixels on white."
)


@dataclass(frozen=True, eq=False)
class PictogramTable:
    """Which drawings there are; each is there in every style.

    Attributes:
        class_names: C names.
        labels: Class of each drawing, int64 ``[N]``.
        kin: Number of the kin of each drawing, int64 ``[N]``: drawings that nearly repeat each other share one.
        test: Whether it is for testing, bool ``[N]``; a kin is so as a whole.
    """

    class_names: tuple[str, ...]
    labels: NDArray[np.int64]
    kin: NDArray[np.int64]
    test: NDArray[np.bool_]

    def validation(self, share: float, seed: int) -> NDArray[np.bool_]:
        """Which drawings of the training part are set apart for validation, bool ``[N]``; of each class whole kins.

        Args:
            share: Of the kins and of the drawings of each class, at most; 0 for none.
            seed: Of the draw.
        """
        apart = np.zeros(len(self.kin), dtype=np.bool_)
        for label in range(len(self.class_names)) if share else ():
            found, sizes = np.unique(self.kin[(self.labels == label) & ~self.test], return_counts=True)
            apart |= np.isin(self.kin, found[drawn_kins(sizes.tolist(), share, [seed, label])])
        return apart


def drawn_kins(sizes: Sequence[int], share: float, seed: Sequence[int]) -> list[int]:
    """Kins of one class that are set apart, drawn at random.

    One that would make more than the share of the drawings is passed over, so that a large kin stays where it is.

    Args:
        sizes: Drawings of each kin.
        share: Of the kins, and at most of the drawings.
        seed: Of the draw.

    Returns:
        Positions in `sizes`.
    """
    if len(sizes) < 2:
        return []
    kins_left, drawings_left = held_out(len(sizes), share), held_out(sum(sizes), share)
    chosen = []
    for number in np.random.default_rng(list(seed)).permutation(len(sizes)).tolist():
        if kins_left and sizes[number] <= drawings_left:
            chosen.append(number)
            kins_left, drawings_left = kins_left - 1, drawings_left - sizes[number]
    return chosen


@cache
def pictogram_table() -> PictogramTable:
    """The table of the drawings.

    Raises:
        DataError: The file is not there or damaged.
    """
    try:
        rows = list(csv.DictReader(_folder().joinpath("drawings.csv").read_text(encoding="utf-8").splitlines()))
        names = tuple(dict.fromkeys(row["class"] for row in rows))
        return PictogramTable(
            class_names=names,
            labels=np.array([names.index(row["class"]) for row in rows], dtype=np.int64),
            kin=np.array([int(row["kin"]) for row in rows], dtype=np.int64),
            test=np.array([row["part"] == "test" for row in rows]),
        )
    except (OSError, KeyError, ValueError) as error:
        raise _damaged() from error


def read_sheets() -> NDArray[np.uint8]:
    """The drawings in all styles.

    Returns:
        uint8 ``[N, 3 styles, 32, 32, 3 colours]``, N in the order of the table, styles in that of :data:`STYLES`.

    Raises:
        DataError: A file is not there or damaged.
    """
    from PIL import Image

    count, found = len(pictogram_table().labels), []
    rows = -(-count // COLUMNS)
    for style in STYLES:
        try:
            data = _folder().joinpath(f"{style}.webp").read_bytes()
            with Image.open(io.BytesIO(data), formats=["WEBP"]) as sheet:
                if sheet.size != (COLUMNS * SIDE, rows * SIDE):
                    raise ValueError(f"a sheet of {sheet.size}")
                pixels = np.asarray(sheet.convert("RGB"))
        except (OSError, ValueError) as error:
            raise _damaged() from error
        found.append(pixels.reshape(rows, SIDE, COLUMNS, SIDE, 3).swapaxes(1, 2).reshape(-1, SIDE, SIDE, 3)[:count])
    return np.stack(found, axis=1)


def _folder() -> Traversable:
    return files("lwal_core.datafiles").joinpath("drawings")


def _damaged() -> DataError:
    return DataError("The pictograms that come along cannot be read.", "Install the project again.")
