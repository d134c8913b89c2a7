"""Classes of predictions: numbers or names as they stand in a file, and which class each is."""

from __future__ import annotations

import re
from array import array
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lwal_core.datafiles.cells import like_number
from lwal_core.datafiles.limits import named
from lwal_core.errors import ImportFileError
from lwal_core.imports.model_names import given_names
from lwal_core.sanitize import printable

MAX_CLASSES = 2_000
"""Classes of a confusion matrix that is made of a file: 32 MB."""
MAX_NAME = 300
_WHOLE = re.compile(r"[+]?0*(\d{1,9})(\.0*)?")


class Codes:
    """Texts of a column by number, each distinct one once.

    Args:
        file: Name of the file, for messages.
    """

    def __init__(self, file: str) -> None:
        self.file = file
        self.texts: dict[str, int] = {}

    def code(self, cell: object) -> int:
        """The number of a text.

        Raises:
            ImportFileError: There are too many different ones.
        """
        text = " ".join(printable(str(cell)[: 2 * MAX_NAME]).split())[:MAX_NAME]
        code = self.texts.setdefault(text, len(self.texts))
        if code > 2 * MAX_CLASSES:
            raise ImportFileError(
                f"{self.file!r} has more than {MAX_CLASSES:,} classes.",
                "Targets and predictions are classes, as numbers or names.",
            )
        return code


def resolve(
    codes: Codes,
    columns: Sequence[array[int] | NDArray[np.int64]],
    *,
    scored: Sequence[str] | int | None,
    own: Sequence[str] | None,
    given: Sequence[str] | None,
) -> tuple[list[NDArray[np.int64]], tuple[str, ...], str]:
    """Classes of coded columns.

    Args:
        codes: The texts behind the codes.
        columns: Codes ``[N]`` each.
        scored: Names of the classes that have scores, or how many; None without scores.
        own: Names of the classes by number that the file has beside.
        given: Names that somebody gave.

    Returns:
        Class numbers ``[N]`` of each column, the class names, and where those come from.

    Raises:
        ImportFileError: A text is no class, there are too few or too many classes, or names do not fit.
    """
    file = codes.file
    texts = list(codes.texts)
    numbers = [int(found[1]) if (found := _WHOLE.fullmatch(text)) else None for text in texts]
    names, by = _known_names(file, scored, own, given)
    count = scored if isinstance(scored, int) else len(names) if names is not None else None
    if names is not None and all(text in names for text in texts):
        place = {name: i for i, name in enumerate(names)}
        classes = [place[text] for text in texts]
    elif all(number is not None for number in numbers):
        classes = [number for number in numbers if number is not None]
        largest = max(classes)
        if count is not None and largest >= count:
            raise ImportFileError(
                f"{file!r} has the class number {largest:,} and {count:,} {'names' if names is not None else 'scores'}.",
                "Classes are numbered from 0.",
            )
        count = largest + 1 if count is None else count
    elif all(map(like_number, texts)):
        wrong = next(text for text, number in zip(texts, numbers, strict=True) if number is None)
        raise ImportFileError(
            f"{file!r} has the class number {wrong[:40]}.", f"Classes are numbered from 0 to {MAX_CLASSES - 1:,}."
        )
    elif names is not None or isinstance(scored, int):
        unknown = [
            text for text, number in zip(texts, numbers, strict=True) if text not in (names or ()) and number is None
        ]
        raise ImportFileError(f"{file!r} has classes without a name or a score: {named(unknown)}.", "Name every class.")
    else:
        if "" in texts:
            raise ImportFileError(f"{file!r} has an empty cell among its classes.", "Fill it in, or leave the row out.")
        names, by = tuple(sorted(texts)), "from the file, in the order of the alphabet"
        place = {name: i for i, name in enumerate(names)}
        classes, count = [place[text] for text in texts], len(names)
    total = count if count is not None else len(names or ())
    if not 2 <= total <= MAX_CLASSES:
        raise ImportFileError(
            f"{file!r} has {total:,} class{'' if total == 1 else 'es'}.",
            f"Between 2 and {MAX_CLASSES:,} classes can be shown.",
        )
    if names is None:
        names, by = tuple(f"class {i}" for i in range(total)), "numbered, as the file names none"
    lookup = np.array(classes, dtype=np.int64)
    return [lookup[np.asarray(column)] for column in columns], names, by


def _known_names(
    file: str, scored: Sequence[str] | int | None, own: Sequence[str] | None, given: Sequence[str] | None
) -> tuple[tuple[str, ...] | None, str]:
    """Names that are known before the classes are looked at, each once and not empty."""
    many = scored if isinstance(scored, int) else len(scored) if scored is not None else None
    if given is not None:
        chosen, by = tuple(given_names(given, many or 1_000)), "as given"
    elif own is not None:
        chosen, by = tuple(own), "from the file"
    elif scored is not None and not isinstance(scored, int):
        chosen, by = tuple(scored), "from the columns of scores"
    else:
        return None, ""
    cleaned = tuple(" ".join(printable(name).split())[:MAX_NAME] or f"class {i}" for i, name in enumerate(chosen))
    if many is not None and len(cleaned) != many:
        raise ImportFileError(
            f"{file!r} has scores of {many:,} classes and {len(cleaned):,} names.", "Each class needs one name."
        )
    twice = {name for name in cleaned if cleaned.count(name) > 1} if len(cleaned) <= MAX_CLASSES else set()
    if twice:
        raise ImportFileError(
            f"Several classes are named {named(sorted(twice))}.", "Each class needs a name of its own."
        )
    return cleaned, by
