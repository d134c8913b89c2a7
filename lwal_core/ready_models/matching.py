"""Which output of a model stands for which class of a data set, told by their names."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence


def matching_outputs(classes: Sequence[str], outputs: Sequence[str]) -> list[int | None]:
    """The output of each class; None for a class that no output has the name of, or several have.

    Names are compared without case, and ``_`` and ``-`` count as spaces. An output that has several names, such as
    ``tench, Tinca tinca``, has each of them.

    Args:
        classes: C names of a data set.
        outputs: Names of a model's outputs.
    """
    if [_plain(name) for name in classes] == [_plain(name) for name in outputs]:
        return list(range(len(classes)))
    whole: dict[str, set[int]] = defaultdict(set)
    parts: dict[str, set[int]] = defaultdict(set)
    for number, name in enumerate(outputs):
        whole[_plain(name)].add(number)
        for part in name.split(","):
            parts[_plain(part)].add(number)
    found: list[int | None] = []
    for name in classes:
        numbers = whole.get(_plain(name)) or parts.get(_plain(name)) or set()
        found.append(next(iter(numbers)) if len(numbers) == 1 else None)
    taken = [number for number in found if number is not None]
    return [number if number is not None and taken.count(number) == 1 else None for number in found]


def _plain(name: str) -> str:
    return " ".join(name.casefold().replace("_", " ").replace("-", " ").split())
