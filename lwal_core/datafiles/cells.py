"""Cells of text tables: what is a number, and how names are compared."""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path

from lwal_core.errors import ImportFileError

_WHOLE = re.compile(r"[+-]?\d{1,18}")
_COMMA_GROUPS = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+(\.\d*)?([eE][+-]?\d+)?")
_COMMA_DECIMALS = re.compile(r"[+-]?(\d+|[1-9]\d{0,2}(\.\d{3})+),\d+([eE][+-]?\d+)?")
GAPS = re.compile(r"(?<=\d)[ \u00a0\u2009\u202f'\u2019](?=\d{3})")
"""Blanks and apostrophes between thousands."""


def name_key(name: str) -> str:
    """The name without what people write differently: capitals, underscores, hyphens and repeated blanks."""
    # Tables for spreadsheets carry an apostrophe in front of names that begin like a formula.
    text = unicodedata.normalize("NFKC", name).removeprefix("'").casefold()
    return re.sub(r"[\s_\-]+", " ", text).strip() or name


def like_number(cell: str) -> bool:
    """Whether a cell is a number, with decimal comma or thousands separators, too."""
    if "_" in cell:  # Python's own 1_000, and names such as 12_34
        return False
    try:
        float(cell)
    except ValueError:
        plain = GAPS.sub("", cell).replace("\u2212", "-")
        return bool(plain != cell and re.fullmatch(r"[+-]?[\d.,]+", plain)) or bool(
            _COMMA_GROUPS.fullmatch(plain) or _COMMA_DECIMALS.fullmatch(plain)
        )
    return True


def is_fraction(cell: str) -> bool:
    """Whether a cell is a number with a decimal mark."""
    return any(mark in cell for mark in ".,") and like_number(cell)


def is_whole(cell: str) -> bool:
    """Whether a cell is a whole number."""
    return bool(_WHOLE.fullmatch(cell))


def is_series(cells: Sequence[str]) -> bool:
    """Whole numbers that rise by equal steps, from 0 or 1 or as years do."""
    if not cells or not all(map(is_whole, cells)):
        return False
    values = [int(cell) for cell in cells]
    steps = {after - before for before, after in itertools.pairwise(values)} or {1}
    return len(steps) == 1 and min(steps) >= 1 and ((values[0] in (0, 1) and steps == {1}) or 1000 <= values[0] <= 2999)


def find_separators(path: Path, cells: Sequence[str], delimiter: str) -> tuple[str, str]:
    """The mark before decimals and the one between thousands.

    Raises:
        ImportFileError: Numbers such as 1,234 alone, which may mean either.
    """
    plain = [GAPS.sub("", cell) for cell in cells if "," in cell]
    plain = [cell for cell in plain if like_number(cell)]
    if not plain:
        return ".", ""
    groups = [cell for cell in plain if _COMMA_GROUPS.fullmatch(cell)]
    decimals = [cell for cell in plain if _COMMA_DECIMALS.fullmatch(cell)]
    pointed = any("." in cell and "," not in cell and like_number(cell) for cell in cells)
    if len(groups) == len(plain) and (pointed or len(decimals) < len(plain)):
        return ".", ","
    if (
        len(decimals) == len(plain)
        and (len(groups) < len(plain) or delimiter == ";")
        and not (pointed and delimiter == ",")
    ):
        return ",", "."
    if len(groups) == len(plain):
        value = groups[0]
        raise ImportFileError(
            f"{path.name!r} has the number {value!r}, which may be {value.replace(',', '')} or {value.replace(',', '.')}.",
            "Save numbers without marks between thousands, and decimals with a point.",
        )
    return ".", ""
