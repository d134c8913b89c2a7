"""Unreadable images of a stream: each is named once, and too many end the training."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable
from typing import NamedTuple

from lwal_core.data.image_files import MAX_UNREADABLE_SHARE
from lwal_core.errors import DataError
from lwal_core.system.log import event

_LISTED = 5


class Skip(NamedTuple):
    """An image that cannot be read: its name, why, and whether no other of its class could take its place."""

    name: str
    reason: str
    alone: bool = False


class Skipped:
    """Counts what cannot be read of a data set.

    Args:
        source: The data set, as the user wrote it.
        total: Its images.

    Attributes:
        reasons: Why, by name.
        report: Called with what is new, each time there is some; None for nobody.
        follows: Whether another process decides when there are too many: this one goes on until all have told each other.
    """

    def __init__(self, source: str, total: int) -> None:
        self.source, self.total = source, total
        self.reasons: dict[str, str] = {}
        self.report: Callable[[dict[str, str]], None] | None = None
        self.follows = False
        self._told = 0
        self._alone: Skip | None = None

    def share(self, gather: Callable[[str], list[str]]) -> None:
        """Note what the processes that train together found since the last time; all must call it at the same point.

        Args:
            gather: Gives the texts of all processes for that of this one.

        Raises:
            DataError: As :meth:`add`, in all of them.
        """
        new = list(self.reasons.items())[self._told :]
        mine = [[name, reason, self._alone is not None and self._alone.name == name] for name, reason in new]
        found = [Skip(*row) for text in gather(json.dumps(mine)) for row in json.loads(text)]
        self._note(found)
        self._told = len(self.reasons)
        self._check()

    def add(self, found: Iterable[Skip]) -> None:
        """Note images that cannot be read.

        Raises:
            DataError: There are more than 1 % of all, or one has no other of its class to take its place.
        """
        self._note(list(found))
        if not self.follows:
            self._check()

    def _note(self, found: list[Skip]) -> None:
        new = {skip.name: skip.reason for skip in found if skip.name not in self.reasons}
        self.reasons |= new
        for name, reason in new.items():
            event("image.skipped", f"Cannot be read: {name!r} ({reason})", level=logging.WARNING)
        if new and self.report is not None:
            self.report(new)
        self._alone = self._alone or next((skip for skip in found if skip.alone), None)

    def _check(self) -> None:
        alone = self._alone
        if alone is not None:
            raise DataError(
                f"{alone.name!r} in {self.source!r} cannot be read ({alone.reason}), and neither can the others of its class.",
                "Repair or remove them.",
            )
        if len(self.reasons) > MAX_UNREADABLE_SHARE * self.total:
            raise DataError(
                f"{self.sentence()}, more than {MAX_UNREADABLE_SHARE:.0%}.",
                "Repair or remove them; skipped.csv in the folder of the run names those that were found so far.",
            )

    def sentence(self) -> str:
        """How many cannot be read, and the first of them."""
        listed = "; ".join(f"{name!r} ({reason})" for name, reason in list(self.reasons.items())[:_LISTED])
        more = f"; and {len(self.reasons) - _LISTED:,} more" if len(self.reasons) > _LISTED else ""
        return f"{len(self.reasons):,} of {self.total:,} images in {self.source!r} cannot be read: {listed}{more}"
