"""LRU cache bounded by count and bytes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class LRUCache(Generic[T]):
    """Things by key; those not used for longest go first.

    Args:
        most: Number of things, at least 1.
        size: Bytes of all together, the newest one apart.
        size_of: Bytes of one.
    """

    def __init__(self, most: int, size: int, size_of: Callable[[T], int]) -> None:
        self.most, self.size, self.size_of = most, size, size_of
        self._things: OrderedDict[Hashable, T] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """The thing under a key, made if it is not there."""
        if key not in self._things:
            self._things[key] = make()
        self._things.move_to_end(key)
        while len(self._things) > 1 and (len(self._things) > self.most or self._total() > self.size):
            self._things.popitem(last=False)
        return self._things[key]

    def keys(self) -> list[Hashable]:
        """Keys, those used last at the end."""
        return list(self._things)

    def clear(self) -> None:
        """Let go of everything."""
        self._things.clear()

    def _total(self) -> int:
        return sum(map(self.size_of, self._things.values()))
