"""Taxonomy files, read and written: Newick, JSON, tables.

The groups are those of the file, with their names where they have some; distances are edges on the path between two
classes, whatever branch lengths the file gives.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from itertools import count, islice
from pathlib import PurePath
from typing import Literal

from lwal_core.datafiles.signatures import foreign_content
from lwal_core.datafiles.text_rows import text_encoding
from lwal_core.errors import AnalysisError
from lwal_core.sanitize import printable
from lwal_core.taxonomy.json_reader import Pairs, parse_json, read_json
from lwal_core.taxonomy.named_tree import MAX_LEVELS, MAX_NAME, MAX_NODES, NO_PARENT, NamedTree
from lwal_core.taxonomy.newick_reader import group_label, read_newick
from lwal_core.taxonomy.record import check_spellings, taxonomy_of_record
from lwal_core.taxonomy.reference import Taxonomy
from lwal_core.taxonomy.table_reader import read_table

__all__ = ["FORMATS", "MAX_BYTES", "MAX_CLASSES", "MAX_LEVELS", "MAX_NAME", "MAX_NODES", "Format", "parse_taxonomy",
           "taxonomy_newick"]  # fmt: skip

MAX_BYTES = 5 * 2**20
MAX_CLASSES = 10_000
"""As many as a data set may have."""

Format = Literal["Newick", "JSON", "table"]
FORMATS: dict[Format, tuple[str, ...]] = {
    "Newick": ("nwk", "newick", "tree", "tre", "nw"),
    "JSON": ("json", "jsonl"),
    "table": ("csv", "tsv"),
}
"""Endings of file names, by format."""
_OWN_TREE = "lwal-tree"
"""Format of the trees that :mod:`lwal_core.export.json_tree` writes."""
_BARE_LABEL = re.compile(r"[A-Za-z0-9.]*[A-Za-z][A-Za-z0-9.]*")


def parse_taxonomy(data: bytes, file_name: str, name: str) -> Taxonomy:
    """Read a taxonomy from a file.

    The format follows from the ending of the file's name, or from what the file begins with where the ending says
    nothing. A class is what has nothing below it. Several trees side by side are joined under a top without a name.

    - Newick: ``((cat,dog)pet,(car,bus)vehicle);``; lengths, comments and supports of groups are skipped.
    - JSON: ``{"animal": {"pet": ["cat", "dog"]}, "vehicle": ["car"]}``; nodes with ``name`` and ``children`` or keys
      alike; records with a class and its parent; or a file that this program wrote.
    - Table: rows ``class,parent``, for groups too; heads say which column is which.

    Args:
        data: The file's bytes, UTF-8 with or without a byte order mark, at most :data:`MAX_BYTES`.
        file_name: Its name, of which only the last part matters.
        name: What to call the taxonomy.

    Returns:
        A taxonomy whose distances are hops on the tree of the file.

    Raises:
        AnalysisError: It cannot be read, with what is wrong and where.
    """
    title = " ".join(printable(name).split())
    if not title:
        raise AnalysisError("The taxonomy has no name.", "Give it one that you will know it by.")
    if len(title) > MAX_NAME:
        raise AnalysisError(f"The name has {len(title):,} characters, at most {MAX_NAME} are allowed.", "Shorten it.")
    text = _decoded(data)
    file = printable(PurePath(file_name.replace("\\", "/")).name)[:80] or "without a name"
    kind = _format(file, text)
    source = f"The file {file} (SHA-256 {hashlib.sha256(data).hexdigest()[:12]})."
    if kind == "JSON":
        value = parse_json(text)
        known = dict(value) if isinstance(value, Pairs) else {}
        if known.get("format") == _OWN_TREE:
            if "tree" not in known:  # it is a list of nodes above 300 levels
                raise AnalysisError(
                    f"The tree is more than {MAX_LEVELS} levels deep.", "Choose a tree with fewer levels."
                )
            value = known["tree"]
        elif {"format", "classes", "tree"} <= known.keys():
            written = taxonomy_of_record(json.loads(text))
            return _renamed(written, title)
        tree = read_json(value)
    else:
        tree = read_newick(text) if kind == "Newick" else read_table(text)
    made = (
        f"Read as {kind if kind != 'table' else 'a table of classes and parents'}. The groups are those of the file; "
        "distances are the edges on the path between two classes in it."
    )
    return _taxonomy(tree, title, source, made)


def taxonomy_newick(taxonomy: Taxonomy) -> str:
    """A taxonomy's tree as one line of Newick with the names of its groups and without lengths.

    Everything but ``[A-Za-z0-9.]`` is quoted, and what would be read as no name; :func:`parse_taxonomy` reads it back to
    the same tree.
    """
    below: dict[str, list[tuple[str, bool]]] = {}
    root = ""
    for node, parent in taxonomy.parent_of_node.items():
        if parent is None:
            root = node
        else:
            below.setdefault(parent, []).append((node, False))
    for name in taxonomy.classes:
        below.setdefault(taxonomy.parent_of_class[name], []).append((name, True))
    parts: list[str] = []
    stack: list[str | tuple[str, bool]] = [(root, False)]
    while stack:
        item = stack.pop()
        if isinstance(item, str):
            parts.append(item)
        elif item[1]:
            parts.append(_quoted(item[0]))
        else:
            title = taxonomy.node_title(item[0])
            stack.append(f"){_quoted(group_label(title)) if title else ''}")
            for place, child in enumerate(reversed(below.get(item[0], []))):
                stack += [child] if place == 0 else [",", child]
            parts.append("(")
    return "".join(parts) + ";"


def _quoted(name: str) -> str:
    bare = _BARE_LABEL.fullmatch(name) and name.casefold() not in NO_PARENT
    return name if bare else "'" + name.replace("'", "''") + "'"


def _decoded(data: bytes) -> str:
    if len(data) > MAX_BYTES:
        raise AnalysisError(
            f"The file has {len(data) / 2**20:.1f} MiB, at most {MAX_BYTES // 2**20} MiB are read.",
            "Keep the part of the tree that has your classes.",
        )
    if foreign := foreign_content(data[:512]):
        raise AnalysisError(f"The file is {foreign[0]}.", foreign[1])
    if data.startswith(b"PK\x03\x04"):
        raise AnalysisError("The file is a zip archive, as Excel and LibreOffice write, too.", "Save it as CSV UTF-8.")
    encoding = text_encoding(data[: 2**10])
    try:
        text = data.decode(encoding).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        if encoding != "utf-8-sig":
            raise AnalysisError(
                f"The file is no {encoding.upper()[:6]} text throughout.", "Save it as UTF-8."
            ) from None
        raise AnalysisError(
            f"The file is no UTF-8 text: byte {error.start + 1:,} ({data[error.start]:#04x}) does not belong there.",
            "Save it as UTF-8, with or without a byte order mark.",
        ) from None
    if not text.strip():
        raise AnalysisError("The file is empty.", "Choose a file with a tree: Newick, JSON, or rows class,parent.")
    return text


def _format(file: str, text: str) -> Format:
    ending = file.rpartition(".")[2].lower()
    for kind, endings in FORMATS.items():
        if ending in endings:
            return kind
    start, end = text.lstrip()[:1], text.rstrip()[-1:]
    if start == "{" or (start == "[" and end == "]"):
        return "JSON"
    return "Newick" if start in ("(", "[") or text.lstrip()[:6].upper() == "#NEXUS" else "table"


def _renamed(taxonomy: Taxonomy, title: str) -> Taxonomy:
    return replace(taxonomy, name=title, title=title)


def _taxonomy(tree: NamedTree, title: str, source: str, made: str) -> Taxonomy:
    """A taxonomy of a tree; nodes are known by their names, or by a number where these are missing or come again."""
    inner = {parent for parent in tree.parents if parent >= 0}
    classes = {i: name for i, name in enumerate(tree.names) if i not in inner and name is not None}
    if len(classes) < 2:
        raise AnalysisError(
            "The tree has no class." if not classes else f"The tree has one class, {next(iter(classes.values()))!r}.",
            "A taxonomy needs at least two classes; a group that holds nothing counts as a class.",
        )
    if len(classes) > MAX_CLASSES:
        raise AnalysisError(
            f"The tree has {len(classes):,} classes, at most {MAX_CLASSES:,} are read.",
            "Keep the part of it that has your classes.",
        )
    check_spellings(list(classes.values()))
    known_as, titles = _node_names(tree, inner)
    parent_of_node: dict[str, str | None] = {}
    tops = [i for i, parent in enumerate(tree.parents) if parent < 0]
    root: str | None = None
    if len(tops) > 1:
        root = next(name for name in _numbered("top") if name not in titles and name not in known_as.values())
        parent_of_node[root], titles[root] = None, ""
    for i, node in known_as.items():
        parent_of_node[node] = known_as.get(tree.parents[i], root)
    parents = {name: known_as.get(tree.parents[i], root) for i, name in classes.items()}
    return Taxonomy(
        name=title,
        title=title,
        source=source,
        made=made,
        classes=tuple(parents),
        parent_of_class={name: parent for name, parent in parents.items() if parent is not None},
        parent_of_node=parent_of_node,
        title_of_node=titles,
    )


def _node_names(tree: NamedTree, inner: set[int]) -> tuple[dict[int, str], dict[str, str]]:
    """What each group is known by, and the titles of those that are called otherwise."""
    named = {name for i, name in enumerate(tree.names) if i in inner and name}
    known_as: dict[int, str] = {}
    titles: dict[str, str] = {}
    numbered: dict[str, Iterator[str]] = {}
    for i in sorted(inner):
        name = tree.names[i] or ""
        if name and name not in numbered:
            numbered[name] = islice(_numbered(name), 1, None)
            known_as[i] = name
            continue
        further = numbered.setdefault(name, islice(_numbered("group"), 1, None))
        known_as[i] = next(known for known in further if known not in named and known not in titles)
        titles[known_as[i]] = name
    return known_as, titles


def _numbered(stem: str) -> Iterator[str]:
    """``"pet"``, ``"pet 2"``, ``"pet 3"`` ..."""
    yield stem
    yield from (f"{stem} {number}" for number in count(2))
