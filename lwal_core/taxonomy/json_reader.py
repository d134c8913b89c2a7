"""Taxonomies from JSON: groups as keys, nodes with children as other programs write them, or records with parents."""

from __future__ import annotations

import json
import math
import re
from typing import Any, NamedTuple, TypeGuard

from lwal_core.errors import AnalysisError
from lwal_core.taxonomy.named_tree import MAX_LEVELS, NamedTree, shortened
from lwal_core.taxonomy.table_reader import Row, find_columns, head_key, tree_of_rows

_JSON_LD = {"@context", "@graph", "@id"}
_WNID = re.compile(r"n\d{8}")
_BRACKET = re.compile(r'"(?:[^"\\]|\\.)*+"|([\[{])|([\]}])', re.DOTALL)
_NAME_KEYS = ("name", "label", "labelname", "text", "title", "class", "id", "key")
"""Keys of a node's name as :func:`head_key` gives them; an earlier one is taken first."""
_CHILD_KEYS = frozenset(
    {"children", "subcategory", "subcategories", "subclasses", "subgroups", "nodes", "items", "hyponyms", "child"}
)
_NO_CHILD_KEYS = frozenset({"part", "parts"})
"""Lists of parts, which are no kinds."""
_TABLE_KEYS = ("categories", "data", "records", "links", "edges")
"""Keys of an object under which its table stands: COCO's, a data frame's, a graph's."""


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
    for match in _BRACKET.finditer(text):
        depth += (match.group(1) is not None) - (match.group(2) is not None)
        if depth > deepest:
            raise AnalysisError(
                f"The JSON is nested more than {deepest} deep; a tree of at most {MAX_LEVELS} levels is read.",
                "Leave out groups that hold a single group.",
            )
    try:
        return json.loads(text, object_pairs_hook=Pairs, parse_int=str)
    except json.JSONDecodeError as error:
        lines = [line for line in text.splitlines() if line.strip()]
        if len(lines) > 1 and all(line[:1] == "{" and line.rstrip()[-1:] == "}" for line in lines):
            return parse_json(f"[{','.join(lines)}]")  # one record per line
        raise AnalysisError(
            f"Not JSON: {error.msg} (line {error.lineno:,}, character {error.colno:,}).",
            'JSON looks like {"animal": ["cat", "dog"], "vehicle": ["car"]}.',
        ) from None


def read_json(value: Any) -> NamedTree:
    """Read a tree: nodes with ``name`` and ``children`` or keys alike, groups as keys, both mixed, or records.

    Args:
        value: What :func:`parse_json` gives.

    Raises:
        AnalysisError: Something stands where a class or a group is expected.
    """
    rows = _records(value)
    if rows is not None:
        return tree_of_rows(rows)
    tree = NamedTree()
    stack: list[tuple[Any, int]] = [(item, -1) for item in reversed(value if _is_list(value) else [value])]
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
        ids = [isinstance(child, str) and bool(_WNID.fullmatch(child)) for child in item.children]
        if any(ids) and not all(ids) and len(ids) < 4:
            raise AnalysisError(
                f"The JSON lists classes by number, such as {shortened(' '.join(map(str, item.children)))}, without groups.",
                "Choose a file that says which group each class belongs to: class,parent.",
            )
        name = (item.name or "").strip() or None
        if name is None and not item.children:
            raise AnalysisError("A class in the JSON has no name.", "Name every class.")
        node = tree.add(name, parent)
        stack += [(child, node) for child in reversed(item.children)]
    return tree


def _is_list(value: Any) -> TypeGuard[list[Any]]:
    return isinstance(value, list) and not isinstance(value, Pairs)


# --- nodes and groups as keys --------------------------------------------------------------------------------------


def _groups(pairs: Pairs) -> list[_Group]:
    """The one node that an object with a name is, or the groups that its keys name."""
    keys = [key for key, _ in pairs]
    if _JSON_LD & set(keys):
        raise AnalysisError(
            "The JSON is JSON-LD, whose links are not read.", "Save its classes and parents as a table: class,parent."
        )
    if len(set(keys)) < len(keys):
        twice = next(key for key in keys if keys.count(key) > 1)
        raise AnalysisError(
            f"The key {shortened(twice)} is twice in one object of the JSON.", "Put its entries together."
        )
    node = _node(pairs)
    return [_Group(key, _below(value)) for key, value in pairs] if node is None else [node]


def _node(pairs: Pairs) -> _Group | None:
    """The node that an object is; None if its keys are names of groups.

    Raises:
        AnalysisError: Its children are no list, or stand under a key that is not known.
    """
    known = {head_key(key): value for key, value in reversed(pairs)}
    below = [value for key, value in pairs if head_key(key) in _CHILD_KEYS]
    children = next((value for value in below if _is_list(value)), None)
    lists = [
        (key, value)
        for key, value in pairs
        if _is_list(value) and value and head_key(key) not in _CHILD_KEYS | _NO_CHILD_KEYS
    ]
    named = next((key for key in _NAME_KEYS if key in known), None)
    name = None if named is None else known[named]
    if not isinstance(name, str):
        nameless = name is None and not lists and children and _are_nodes(children)
        return _Group(None, children or []) if nameless else None
    if children is None and any(value is not None for value in below):
        raise AnalysisError(
            f"The children of {shortened(name)} are no list.",
            'A group looks like {"name": "pet", "children": ["cat", "dog"]}.',
        )
    if children is None and lists:
        if named != "name" and not any(isinstance(item, Pairs) for _, value in lists for item in value):
            return None  # a group that happens to be called text
        raise AnalysisError(
            f"{shortened(name)} has a list {shortened(lists[0][0])} but no children.",
            f"If it holds the classes of {shortened(name)}, call it children; else leave it out.",
        )
    return _Group(name, children or [])


def _are_nodes(children: list[Any]) -> bool:
    return any(
        isinstance(child, Pairs)
        and any(head_key(key) in _NAME_KEYS or head_key(key) in _CHILD_KEYS for key, _ in child)
        for child in children
    )


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
        f"{shortened(json.dumps(value), quote=False)} stands in the JSON where a class or a group is expected.",
        'Classes are texts and groups are objects: {"animal": ["cat", "dog"], "vehicle": ["car"]}.',
    )


# --- records -------------------------------------------------------------------------------------------------------


def _records(value: Any) -> list[Row] | None:
    """Rows of a table in any of the forms that data frames, COCO and graphs have; None for another JSON.

    Raises:
        AnalysisError: A table whose columns are not known.
    """
    if _is_list(value):
        _check_keys(value)
        return _rows_of_pairs(value) or _rows_of_objects(value)
    if not isinstance(value, Pairs) or not value:
        return None
    known = dict(value)
    keys, values = list(known), list(known.values())
    if {"columns", "data"} <= known.keys() and _is_list(known["columns"]):  # DataFrame.to_json(orient="split")
        return _rows(known["columns"], known["data"])
    if find_columns(keys) and all(isinstance(item, list) for item in values):  # one list or object per column
        columns = [[cell for _, cell in item] if isinstance(item, Pairs) else item for item in values]
        if len(set(map(len, columns))) == 1:
            return _rows(keys, [list(cells) for cells in zip(*columns, strict=True)])
    if all(isinstance(item, str) for item in values) and len(set(values)) < len(value):
        return _rows(["class", "parent"], [list(pair) for pair in value])  # {"cat": "pet", "dog": "pet"}
    if all(isinstance(item, Pairs) for item in values):  # orient="index"
        return _rows_of_objects([Pairs([*item, ("key", key)]) for key, item in value])
    tables = (_rows_of_objects(known[key]) for key in _TABLE_KEYS if key in known)
    return next((rows for rows in tables if rows), None)


def _check_keys(items: list[Any]) -> None:
    """Refuse records that would be read as classes without groups, or as groups that are called like a column."""
    if len(items) < 2 or not all(isinstance(item, Pairs) and item for item in items):
        return
    keys = [key for key, _ in items[0]]
    alike = all([key for key, _ in item] == keys for item in items)
    flat = not any(isinstance(cell, list) for item in items for _, cell in item)
    if alike and flat and not find_columns(keys) and (len(keys) > 1 or head_key(keys[0]) not in _NAME_KEYS):
        raise AnalysisError(
            f"The JSON is a list of records with {' and '.join(map(shortened, keys[:3]))}, which do not say what is a "
            "class and what its parent.",
            'Call them class and parent: [{"class": "cat", "parent": "pet"}].',
        )


def _rows_of_pairs(items: list[Any]) -> list[Row] | None:
    """Rows of a list of edges; the child is where no name comes twice. None where groups of two classes may be meant."""
    if not all(_is_list(item) and len(item) == 2 and all(isinstance(cell, str) for cell in item) for item in items):
        return None
    first, second = ({item[place] for item in items} for place in (0, 1))
    if len(first | second) == 2 * len(items):
        return None
    heads = ["class", "parent"] if len(first) >= len(second) else ["parent", "class"]
    return _rows(heads, items)


def _rows_of_objects(items: Any) -> list[Row] | None:
    """Rows of a list of flat objects whose keys are heads."""
    if not _is_list(items) or not items or not all(isinstance(item, Pairs) for item in items):
        return None
    heads = list(dict.fromkeys(key for item in items for key, _ in item))
    columns = find_columns(heads)
    if columns is None or any(head_key(head) in _CHILD_KEYS for head in heads):
        return None
    chosen = [heads[place] for place in columns if place >= 0]
    records = [dict(item) for item in items]
    return _rows(chosen, [[record.get(head) for head in chosen] for record in records])


def _rows(heads: list[Any], lines: Any) -> list[Row] | None:
    """Rows of a table, if its heads name classes and parents and these are texts or numbers."""
    columns = find_columns([str(head) for head in heads])
    if columns is None or not _is_list(lines) or not all(_is_list(line) and len(line) == len(heads) for line in lines):
        return None
    rows = []
    for number, line in enumerate(lines, start=1):
        name, parent, ident = (_cell(line[place]) if place >= 0 else "" for place in columns)
        if name is None or parent is None or ident is None:
            return None
        rows.append(Row(f"Record {number:,}", name, parent, ident))
    return rows


def _cell(value: Any) -> str | None:
    """Text of a name or a number, empty for none; None for what is neither."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return value if isinstance(value, str) else None
