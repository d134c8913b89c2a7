"""Readers of trees with names, for :mod:`lwal_core.taxonomy.files`: Newick, nested JSON, ``class,parent``.

All of them walk by loops, so that a file may be as deep as it likes before it is refused.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from lwal_core.analysis.base.newick import NUMBER, parse_newick
from lwal_core.errors import AnalysisError

MAX_NODES = 20_000
"""Classes and groups together."""
MAX_LEVELS = 100
"""Levels of groups; the deepest class of WordNet lies 19 below the top."""
MAX_NAME = 200
"""Characters of a name."""

_JSON_BRACKET = re.compile(r'"(?:[^"\\]|\\.)*+"|([\[{])|([\]}])', re.DOTALL)
_HEADERS = ({"class", "child", "name", "node"}, {"parent", "group"})


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
        self.names.append(None if name is None else _checked_name(name))
        self.parents.append(parent)
        self._depths.append(depth)
        return len(self.names) - 1


def _checked_name(name: str) -> str:
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


# --- Newick --------------------------------------------------------------------------------------------------------


def read_newick(text: str) -> NamedTree:
    """Read one Newick tree; lengths and comments are skipped.

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
    return name if name.strip() and (quoted or not NUMBER.fullmatch(name)) else None


# --- nested JSON ---------------------------------------------------------------------------------------------------


class Pairs(list[tuple[str, Any]]):
    """A JSON object as its keys and values; a dict would lose one of two that have the same key."""


class _Group(NamedTuple):
    """A name with what is below it; nothing below a class."""

    name: str | None
    children: list[Any]


def parse_json(text: str) -> Any:
    """The value of a JSON text; objects are :class:`Pairs`, whole numbers are texts.

    Raises:
        AnalysisError: No JSON, or nested deeper than a tree of :data:`MAX_LEVELS` levels.
    """
    depth, deepest = 0, 2 * (MAX_LEVELS + 2)
    for match in _JSON_BRACKET.finditer(text):
        depth += (match.group(1) is not None) - (match.group(2) is not None)
        if depth > deepest:
            raise AnalysisError(
                f"The JSON is nested more than {deepest} deep; a tree of at most {MAX_LEVELS} levels is read.",
                "Leave out groups that hold a single group.",
            )
    try:
        return json.loads(text, object_pairs_hook=Pairs, parse_int=str)
    except json.JSONDecodeError as error:
        raise AnalysisError(
            f"Not JSON: {error.msg} (line {error.lineno:,}, character {error.colno:,}).",
            'JSON looks like {"animal": ["cat", "dog"], "vehicle": ["car"]}.',
        ) from None


def read_json(value: Any) -> NamedTree:
    """Read nested JSON: objects with ``name`` and ``children``, or groups as keys; both may be mixed.

    Args:
        value: What :func:`parse_json` gives.

    Raises:
        AnalysisError: Something stands where a class or a group is expected.
    """
    tree = NamedTree()
    top = value if isinstance(value, list) and not isinstance(value, Pairs) else [value]
    stack: list[tuple[Any, int]] = [(item, -1) for item in reversed(top)]
    while stack:
        item, parent = stack.pop()
        if isinstance(item, Pairs):
            stack += [(group, parent) for group in reversed(_groups(item))]
            continue
        if isinstance(item, str):
            item = _Group(item, [])
        elif isinstance(item, list):
            item = _Group(None, item)
        elif not isinstance(item, _Group):
            raise _not_a_node(item)
        name = (item.name or "").strip() or None
        if name is None and not item.children:
            raise AnalysisError("A class in the JSON has no name.", "Name every class.")
        node = tree.add(name, parent)
        stack += [(child, node) for child in reversed(item.children)]
    return tree


def _groups(pairs: Pairs) -> list[_Group]:
    """The one node that an object with a name is, or the groups that its keys name."""
    keys = [key for key, _ in pairs]
    if len(set(keys)) < len(keys):
        twice = next(key for key in keys if keys.count(key) > 1)
        raise AnalysisError(f"The key {_short(twice)} is twice in one object of the JSON.", "Put its entries together.")
    values = dict(pairs)
    name, children = values.get("name"), values.get("children")
    if isinstance(name, str) or (keys == ["children"] and _are_nodes(children)):
        if not isinstance(children, list | None) or isinstance(children, Pairs):
            raise AnalysisError(
                f"The children of {_short(str(name))} are no list.",
                'A group looks like {"name": "pet", "children": ["cat", "dog"]}.',
            )
        return [_Group(name if isinstance(name, str) else None, children or [])]
    return [_Group(key, _below(value)) for key, value in pairs]


def _are_nodes(children: Any) -> bool:
    return isinstance(children, list) and any(isinstance(child, Pairs) and "name" in dict(child) for child in children)


def _below(value: Any) -> list[Any]:
    """What a group's value holds, as a list."""
    if value is None or value == "":
        return []
    if isinstance(value, Pairs):
        return [value] if value else []
    if isinstance(value, list):
        return value
    if isinstance(value, str):
        return [value]
    raise _not_a_node(value)


def _not_a_node(value: Any) -> AnalysisError:
    return AnalysisError(
        f"{_short(json.dumps(value), quote=False)} stands in the JSON where a class or a group is expected.",
        'Classes are texts and groups are objects: {"animal": ["cat", "dog"], "vehicle": ["car"]}.',
    )


# --- class,parent --------------------------------------------------------------------------------------------------


def read_table(text: str) -> NamedTree:
    """Read rows of ``class,parent`` with or without a header; semicolons and tabs part columns, too.

    A name that is the parent of another is a group. Groups without a row, or with an empty parent, are at the top.

    Raises:
        AnalysisError: A row that is none, a name twice, a class without a parent, or groups in a circle.
    """
    parent_of: dict[str, str] = {}
    line_of: dict[str, int] = {}
    for line, cells in _rows(text):
        name, parent = (_checked_name(cell) for cell in cells)
        if not name:
            raise AnalysisError(f"Line {line:,} names no class.", "A row looks like cat,pet: a class and its group.")
        if name in parent_of:
            same = parent_of[name] == parent
            raise AnalysisError(
                f"{_short(name)} is in line {line_of[name]:,} and again in line {line:,}"
                + ("." if same else f", with the parents {_short(parent_of[name])} and {_short(parent)}."),
                "Give each class and each group one row.",
            )
        parent_of[name], line_of[name] = parent, line
    children: dict[str, list[str]] = {}
    for name, parent in parent_of.items():
        if parent:
            children.setdefault(parent, []).append(name)
    for name, parent in parent_of.items():
        if not parent and name not in children:
            raise AnalysisError(
                f"The class {_short(name)} (line {line_of[name]:,}) has no parent.",
                "Write the group that it belongs to after the comma; only a group at the top has none.",
            )
    tree = NamedTree()
    tops = [name for name in dict.fromkeys([*children, *parent_of]) if not parent_of.get(name)]
    stack = [(name, -1) for name in reversed(tops)]
    while stack:
        name, above = stack.pop()
        node = tree.add(name, above)
        stack += [(child, node) for child in reversed(children.get(name, ()))]
    left = parent_of.keys() - set(tree.names)
    if left:
        raise _circle(parent_of, next(name for name in parent_of if name in left))
    return tree


def _rows(text: str) -> Iterator[tuple[int, tuple[str, str]]]:
    """Lines that hold something, without the header, as two cells."""
    head = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = next((mark for mark in ",;\t" if mark in head), ",")
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    first, rows = True, 0
    while True:
        try:
            cells = next(reader, None)
        except csv.Error as error:
            raise AnalysisError(
                f"Not a table: {error} (line {reader.line_num:,}).", 'Close quotes, and double a " inside of them.'
            ) from None
        if cells is None:
            return
        while len(cells) > 2 and not cells[-1].strip():
            cells.pop()
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != 2:
            raise AnalysisError(
                f"Line {reader.line_num:,} has {len(cells)} column{'s' if len(cells) > 1 else ''}, 2 are expected: "
                "the class and its parent.",
                'A row looks like cat,pet; names with a comma stand in quotes: "dog, large",pet.',
            )
        if first and all(cell.strip().casefold() in known for cell, known in zip(cells, _HEADERS, strict=True)):
            first = False
            continue
        first, rows = False, rows + 1
        if rows > MAX_NODES:
            raise AnalysisError(
                f"The table has more than {MAX_NODES:,} rows, which is the most that is read.",
                "Keep the part of it that has your classes.",
            )
        yield reader.line_num, (cells[0], cells[1])


def _circle(parent_of: dict[str, str], start: str) -> AnalysisError:
    """Every name left over leads into a circle: follow the parents until one comes again."""
    path: dict[str, None] = {}
    node = start
    while node not in path:
        path[node] = None
        node = parent_of[node]
    names = list(path)
    circle = [*names[names.index(node) :], node]
    shown = " → ".join(circle if len(circle) <= 6 else [*circle[:3], "…", *circle[-2:]])
    return AnalysisError(
        f"The parents go in a circle: {shown}.", "A group cannot lie within itself; change one parent."
    )


def _short(text: str, *, quote: bool = True) -> str:
    text = text if len(text) <= 40 else text[:39] + "…"
    return repr(text) if quote else text
