"""Taxonomies from Newick: names of classes and groups; lengths, supports and comments are skipped."""

from __future__ import annotations

import re

from lwal_core.analysis.base.newick import NUMBER, parse_newick
from lwal_core.errors import AnalysisError
from lwal_core.taxonomy.named_tree import NO_PARENT, NamedTree

_PERCENT = rf"{NUMBER.pattern}%?"
_SUPPORT = re.compile(rf"(?:{_PERCENT})?(?:/(?:{_PERCENT})?)*")
"""Support of a group; some programs write several: 99.8/100."""
_SUPPORT_AND_NAME = re.compile(rf"{_PERCENT}:(.*)", re.DOTALL)
"""Support and name of a group, in quotes: '100.0:Felidae'."""


def read_newick(text: str) -> NamedTree:
    """Read one Newick tree.

    A number as the name of a group is its support in some other program, so the group has no name, unless the number
    stands in quotes.

    Raises:
        AnalysisError: The text is not one Newick tree, with the place.
    """
    newick, tree = parse_newick(text, AnalysisError), NamedTree()
    groups = set(newick.closed)
    for node, (name, parent) in enumerate(zip(newick.labels, newick.parents, strict=True)):
        if name is not None and node in groups:
            name = _group_name(name, node in newick.quoted)
        tree.add(name, parent)
    return tree


def _group_name(name: str, quoted: bool) -> str | None:
    if quoted:
        match = _SUPPORT_AND_NAME.fullmatch(name)
        name = match[1] if match else name
        return name if name.strip() else None
    return None if _SUPPORT.fullmatch(name) or name.casefold() in NO_PARENT else name


def group_label(name: str) -> str:
    """Name of a group that :func:`read_newick` reads back as it is, before it is quoted."""
    return f"100:{name}" if _SUPPORT_AND_NAME.fullmatch(name) else name
