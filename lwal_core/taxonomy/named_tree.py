"""Tree of names that a reader of taxonomies fills, with its limits."""

from __future__ import annotations

from lwal_core.errors import AnalysisError

MAX_NODES = 20_000
"""Classes and groups together."""
MAX_LEVELS = 100
"""Levels of groups; the deepest class of WordNet lies 19 below the top."""
MAX_NAME = 200
"""Characters of a name."""
NO_PARENT = frozenset({"", "na", "n/a", "#n/a", "<na>", "nan", "none", "null", "nil", "-", "--", "–", "—", "#"})
"""What other programs write where there is no name, in lower case."""


class NamedTree:
    """Nodes in an order that has parents before their children.

    Attributes:
        names: Name of each node, None for one without.
        parents: Number of the node above each; -1 for a node at the top.
    """

    def __init__(self) -> None:
        self.names: list[str | None] = []
        self.parents: list[int] = []
        self._depths: list[int] = []

    def add(self, name: str | None, parent: int) -> int:
        """Add a node below another one and give its number.

        Raises:
            AnalysisError: Too many nodes, too many levels, or a name that cannot be kept.
        """
        if len(self.names) == MAX_NODES:
            raise AnalysisError(
                f"The tree has more than {MAX_NODES:,} classes and groups, which is the most that is read.",
                "Keep the part of it that has your classes.",
            )
        depth = 0 if parent < 0 else self._depths[parent] + 1
        if depth > MAX_LEVELS:
            raise AnalysisError(
                f"The tree is more than {MAX_LEVELS} levels deep, which is the most that is read.",
                "Leave out groups that hold a single group.",
            )
        self.names.append(None if name is None else checked_name(name))
        self.parents.append(parent)
        self._depths.append(depth)
        return len(self.names) - 1


def checked_name(name: str) -> str:
    """A name with single blanks.

    Raises:
        AnalysisError: It is too long, or no text.
    """
    text = " ".join(name.split())
    if len(text) > MAX_NAME:
        raise AnalysisError(
            f"The name {text[:40] + '…'!r} has {len(text):,} characters, at most {MAX_NAME} are read.", "Shorten it."
        )
    try:
        text.encode()
    except UnicodeEncodeError:
        raise AnalysisError(f"The name {text!r} is no proper text.", "Write it anew, as UTF-8.") from None
    return text


def shortened(text: str, *, quote: bool = True) -> str:
    """Text of a file as a message quotes it."""
    text = text if len(text) <= 40 else text[:39] + "…"
    return repr(text) if quote else text
