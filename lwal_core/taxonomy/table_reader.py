"""Taxonomies from tables: a row names a class or a group and its parent.

Which column is which is told by its head: ``class,parent``, ``fine,coarse``, ``parent,child``, ``id,name,parent_id`` and
others alike; two columns without heads are the class and its parent.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import NamedTuple

from lwal_core.errors import AnalysisError
from lwal_core.taxonomy.named_tree import MAX_NODES, NO_PARENT, NamedTree, checked_name, shortened

CLASS_HEADS = (
    "name", "names", "classname", "childname", "scientificname", "nametxt", "preflabel", "labelname", "fine", "finelabel",
    "fineclass", "finename", "species", "child", "label", "labels", "title", "text", "class", "subclass", "subcategory",
    "subgroup", "member", "node", "leaf", "item", "hyponym", "synset", "target", "category", "term", "concept", "klasse",
    "classe", "clase", "id", "childid", "classid", "nodeid", "taxid", "key", "wnid",
)  # fmt: skip
"""Heads of the column that names classes, without blanks and in lower case; an earlier one is taken first."""
_PARENT_STARTS = ("parent", "super", "coarse", "hypernym", "subclassof", "subtypeof")
_GROUP_HEADS = frozenset({
    "group", "category", "cluster", "family", "genus", "source", "broader", "isa", "gruppe", "oberklasse", "groupe", "grupo",
})  # fmt: skip
"""Heads of the column of parents, where no other begins like one of :data:`_PARENT_STARTS`."""
_IDS = frozenset({"id", "childid", "classid", "nodeid", "taxid", "key", "wnid", "concept", "term", "synset"})
_NO_ID = frozenset({"0", "-1"})
"""Parents that other programs write for the top, beside :data:`NO_PARENT`."""


class Columns(NamedTuple):
    """Places of the columns of a table; ``id`` is -1 where classes are not numbered beside their names."""

    name: int
    parent: int
    id: int


class Row(NamedTuple):
    """A class or a group and its parent, which may be given by its id, and where that stands."""

    place: str
    name: str
    parent: str
    id: str


def find_columns(heads: Sequence[str]) -> Columns | None:
    """Columns that heads name; None if they are no heads of classes and parents.

    Raises:
        AnalysisError: Several columns of parents.
    """
    keys = [head_key(head) for head in heads]
    parents = [i for i, key in enumerate(keys) if key.startswith(_PARENT_STARTS)]
    parents = parents or [i for i, key in enumerate(keys) if key in _GROUP_HEADS]
    parents = [i for i in parents if not keys[i].endswith("id")] or parents
    known = [i for i, key in enumerate(keys) if key in CLASS_HEADS and i not in parents]
    if not known or not parents:
        return None
    if len(parents) > 1:
        named = " and ".join(shortened(heads[i]) for i in parents)
        raise AnalysisError(
            f"Several columns may hold the parents: {named}.",
            "Keep one, and write the parents of its groups in rows of their own: cat,pet and pet,animal.",
        )
    name = min(known, key=lambda i: CLASS_HEADS.index(keys[i]))
    numbered = [i for i in known if keys[i] in _IDS and i != name]
    return Columns(name, parents[0], numbered[0] if numbered else -1)


def head_key(head: str) -> str:
    """A head as it is looked up: ``Parent_ID`` and ``parentId`` are one."""
    return re.sub(r"[\W_]+", "", head).casefold()


def read_table(text: str) -> NamedTree:
    """Read a table; semicolons and tabs part columns, too.

    A name that is the parent of another is a group. Groups without a row, or without a parent, are at the top.

    Raises:
        AnalysisError: A row that is none, a name twice, a class without a parent, or groups in a circle.
    """
    return tree_of_rows(_rows(text))


def tree_of_rows(rows: Iterable[Row]) -> NamedTree:
    """Tree of classes and their parents.

    Raises:
        AnalysisError: A name twice or none, a class without a parent, or groups in a circle.
    """
    place_of: dict[str, str] = {}
    parent_of: dict[str, str] = {}
    for place, name, parent, _ in _with_names(list(islice(rows, MAX_NODES + 1))):
        if not name:
            raise AnalysisError(f"{place} names no class.", "A row looks like cat,pet: a class and its group.")
        if name in parent_of:
            same = parent_of[name] == parent
            raise AnalysisError(
                f"{shortened(name)} is in {place_of[name]} and again in {place[0].lower()}{place[1:]}"
                + ("." if same else f", with the parents {shortened(parent_of[name])} and {shortened(parent)}."),
                "Give each class and each group one row. If the group comes first, write parent,child as the first line.",
            )
        parent_of[name], place_of[name] = parent, place[0].lower() + place[1:]
    if parent_of and all(";" in parent for parent in parent_of.values()):
        raise AnalysisError(
            f"The parents are whole paths, such as {shortened(next(iter(parent_of.values())))}.",
            "Write one group beside each class, and its own group in a row of its own: cat,pet and pet,animal.",
        )
    children: dict[str, list[str]] = {}
    for name, parent in parent_of.items():
        if parent and parent != name:
            children.setdefault(parent, []).append(name)
    for name, parent in parent_of.items():
        if not parent and name not in children:
            raise AnalysisError(
                f"The class {shortened(name)} ({place_of[name]}) has no parent.",
                "Write the group that it belongs to beside it; only a group at the top has none, or NA, null or -.",
            )
    # The only class of a group may have its name: person, person.
    alone = {name for name, parent in parent_of.items() if parent == name and name not in children}
    tree = NamedTree()
    tops = [name for name in dict.fromkeys([*children, *parent_of]) if parent_of.get(name, "") in ("", name)]
    stack = [(name, -1) for name in reversed(tops)]
    while stack:
        name, above = stack.pop()
        node = tree.add(name, above)
        stack += [(child, node) for child in reversed(children.get(name, ()))]
        if name in alone:
            tree.add(name, node)
    left = parent_of.keys() - set(tree.names)
    if left:
        raise _circle(parent_of, next(name for name in parent_of if name in left))
    return tree


def _with_names(rows: list[Row]) -> Iterator[Row]:
    """Rows with the names of parents instead of their ids, and none instead of what means none."""
    if len(rows) > MAX_NODES:
        raise AnalysisError(
            f"The table has more than {MAX_NODES:,} rows, which is the most that is read.",
            "Keep the part of it that has your classes.",
        )
    rows = [Row(row.place, *(checked_name(cell) for cell in row[1:])) for row in rows]
    name_of = {row.id: row.name for row in rows if row.id}
    names = {row.name for row in rows}
    by_id = sum(row.parent in name_of for row in rows) > sum(row.parent in names for row in rows)
    nothing = NO_PARENT | _NO_ID if by_id else NO_PARENT
    for row in rows:
        parent = name_of.get(row.parent, row.parent) if by_id else row.parent
        unknown = parent == row.parent and parent not in names
        yield row._replace(parent="" if unknown and parent.casefold() in nothing else parent)


def _rows(text: str) -> Iterator[Row]:
    """Lines that hold something, without the heads."""
    lines = _cells(text)
    first = next(lines, None)
    if first is None:
        return
    _cut_empty(first[1], 2)
    columns, width = find_columns(first[1]), len(first[1])
    if not columns:
        columns, width = Columns(0, 1, -1), 2
        some = list(islice(lines, MAX_NODES))
        _check_heads(first[1], some)
        lines = chain([first], some, lines)
    for line, cells in lines:
        _cut_empty(cells, width)
        if len(cells) != width:
            raise AnalysisError(
                f"Line {line:,} has {len(cells)} column{'s' if len(cells) > 1 else ''}, {width} are expected"
                + (": the class and its parent." if width == 2 else " as in the first line."),
                'A row looks like cat,pet; names with a comma stand in quotes: "dog, large",pet. '
                "Of more columns, class and parent are read by their heads in the first line.",
            )
        ident = cells[columns.id] if columns.id >= 0 else ""
        yield Row(f"Line {line:,}", cells[columns.name], cells[columns.parent], ident)


def _cut_empty(cells: list[str], width: int) -> None:
    while len(cells) > width and not cells[-1].strip():
        cells.pop()


def _check_heads(first: list[str], rest: list[tuple[int, list[str]]]) -> None:
    """Refuse a first line of which one cell is a head of parents, and that nothing else in the table says again."""
    keys = [head_key(cell) for cell in first]
    if len(keys) != 2 or not any(key.startswith(_PARENT_STARTS) or key in _GROUP_HEADS for key in keys):
        return
    again = Counter(cell.strip() for _, cells in rest for cell in cells)
    if not any(again[cell.strip()] for cell in first):
        raise AnalysisError(
            f"Line 1, {shortened(','.join(first), quote=False)}, may be the heads of the columns or a class and its parent.",
            "Write class,parent or parent,child as the first line.",
        )


def _cells(text: str) -> Iterator[tuple[int, list[str]]]:
    """Number and cells of every line that holds something."""
    marked = re.match(r"\s*sep=([,;\t])[^\S\r\n]*(?=[\r\n])", text, re.IGNORECASE)  # a spreadsheet's own first line
    lines = [re.sub(r'"[^"]*"', "", line) for line in text.splitlines()[: 2**10] if line.strip()]
    alike = {mark: sum(line.count(mark) == lines[0].count(mark) > 0 for line in lines) for mark in "\t;,|"}
    delimiter = marked[1] if marked else max(alike, key=alike.__getitem__)  # a comma may stand within names
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True, skipinitialspace=True)
    while True:
        try:
            cells = next(reader, None)
        except csv.Error as error:
            raise AnalysisError(
                f"Not a table: {error} (line {reader.line_num:,}).", 'Close quotes, and double a " inside of them.'
            ) from None
        if cells is None:
            return
        if marked and cells[0].strip().casefold().startswith("sep="):
            marked = None
            continue
        if any(cell.strip() for cell in cells):
            yield reader.line_num, cells


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
