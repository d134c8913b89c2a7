"""JSON format of taxonomies, shipped and saved.

A record has ``format`` (1), ``name``, ``title``, ``source``, ``made``, optionally ``data_set``, and

- ``classes``: a list of ``{"name", "parent"}``, optionally with ``synset``, ``offset`` and ``aliases``;
- ``tree``: a list of ``{"node", "parent"}``, the root with the parent null; a node that is called otherwise than it is
  known has a ``title``, an empty one when it has no name;
- for distances that are not those of the tree either ``distances``, a matrix of hops in the order of the classes, or
  ``hypernyms``, the offsets above each offset.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lwal_core.analysis.base.linkage import FloatArray
from lwal_core.errors import AnalysisError
from lwal_core.taxonomy.class_names import spelling_key
from lwal_core.taxonomy.named_tree import MAX_LEVELS, MAX_NODES
from lwal_core.taxonomy.reference import Taxonomy

FORMAT = 1


def taxonomy_of_record(record: Any) -> Taxonomy:
    """Make a taxonomy of what a file holds.

    Args:
        record: The parsed JSON.

    Raises:
        AnalysisError: It is no taxonomy of this format, or one that contradicts itself.
    """
    if not isinstance(record, Mapping):
        raise _damaged("it is no JSON object")
    if record.get("format") != FORMAT:
        raise AnalysisError(
            f"The taxonomy has the format {record.get('format')!r}, this version reads {FORMAT}.",
            "Use the version of the program that wrote it.",
        )
    classes, nodes = _entries(record, "classes", "name"), _entries(record, "tree", "node")
    parent_of_node: dict[str, Any] = {entry["node"]: entry.get("parent") for entry in nodes}
    parent_of_class: dict[str, Any] = {entry["name"]: entry.get("parent") for entry in classes}
    _check_tree(parent_of_class, parent_of_node)
    aliases = {entry["name"]: tuple(_texts(entry.get("aliases", []))) for entry in classes}
    taxonomy = Taxonomy(
        name=_text(record, "name"),
        title=_text(record, "title"),
        source=_text(record, "source"),
        made=_text(record, "made"),
        data_set=_text(record, "data_set") if "data_set" in record else "",
        classes=tuple(parent_of_class),
        parent_of_class=parent_of_class,
        parent_of_node=parent_of_node,
        synsets={entry["name"]: _text(entry, "synset") for entry in classes if "synset" in entry},
        offsets={entry["name"]: _text(entry, "offset") for entry in classes if "offset" in entry},
        title_of_node={entry["node"]: _text(entry, "title") for entry in nodes if "title" in entry},
        aliases={name: further for name, further in aliases.items() if further},
        hops=_matrix(record["distances"], len(classes)) if "distances" in record else None,
        hypernyms=_hypernyms(record["hypernyms"]) if "hypernyms" in record else None,
    )
    if taxonomy.hypernyms is not None and len(taxonomy.offsets) < len(classes):
        raise _damaged("classes without an offset stand beside the hypernyms")
    return taxonomy


def record_of_taxonomy(taxonomy: Taxonomy) -> dict[str, Any]:
    """What a file holds of a taxonomy; matches made by hand are no part of it."""

    def class_entry(name: str) -> dict[str, Any]:
        entry: dict[str, Any] = {"name": name, "parent": taxonomy.parent_of_class[name]}
        if name in taxonomy.synsets:
            entry["synset"] = taxonomy.synsets[name]
        if name in taxonomy.offsets:
            entry["offset"] = taxonomy.offsets[name]
        if name in taxonomy.aliases:
            entry["aliases"] = list(taxonomy.aliases[name])
        return entry

    def node_entry(node: str) -> dict[str, Any]:
        entry: dict[str, Any] = {"node": node, "parent": taxonomy.parent_of_node[node]}
        return entry | ({"title": taxonomy.title_of_node[node]} if node in taxonomy.title_of_node else {})

    record: dict[str, Any] = {
        "format": FORMAT, "name": taxonomy.name, "title": taxonomy.title, "source": taxonomy.source,
        "made": taxonomy.made,
    }  # fmt: skip
    if taxonomy.data_set:
        record["data_set"] = taxonomy.data_set
    record["classes"] = [class_entry(name) for name in taxonomy.classes]
    record["tree"] = [node_entry(node) for node in taxonomy.parent_of_node]
    if taxonomy.hops is not None:
        record["distances"] = taxonomy.hops.astype(np.int64).tolist()
    if taxonomy.hypernyms is not None:
        record["hypernyms"] = {node: list(above) for node, above in taxonomy.hypernyms.items()}
    return record


def checksum(taxonomy: Taxonomy) -> str:
    """Twelve hexadecimal digits that change with the classes, the tree, the distances and the matches by hand, but not
    with names and sentences about them."""
    record = record_of_taxonomy(taxonomy)
    content = {key: record.get(key) for key in ("classes", "tree", "distances", "hypernyms")}
    text = json.dumps([content, dict(taxonomy.matches)], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def check_spellings(names: Sequence[str]) -> None:
    """See that class names can be told apart in any spelling.

    Raises:
        AnalysisError: Two names are equal but for case, blanks, underscores and hyphens.
    """
    seen: dict[str, str] = {}
    for name in names:
        key = spelling_key(name)
        if seen.get(key) == name:
            raise AnalysisError(f"The class {name!r} is there twice.", "Give each class one place in the tree.")
        if key in seen:
            raise AnalysisError(
                f"The classes {seen[key]!r} and {name!r} differ only in case, blanks, underscores or hyphens, which do "
                "not matter when classes are matched.",
                "Give them names that differ in letters.",
            )
        seen[key] = name


def _damaged(what: str) -> AnalysisError:
    return AnalysisError(
        f"This is no taxonomy as this program writes it: {what}.", "Take the file as it was written, or make it anew."
    )


def _text(entry: Mapping[str, Any], key: str) -> str:
    value = entry.get(key)
    if not isinstance(value, str):
        raise _damaged(f"{key!r} is no text")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise _damaged(f"{key!r} cannot be written as UTF-8") from None
    return value


def _texts(values: Any) -> list[str]:
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise _damaged("a list of texts is none")
    return values


def _entries(record: Mapping[str, Any], key: str, name: str) -> list[Mapping[str, Any]]:
    entries = record.get(key)
    if not isinstance(entries, list) or not entries or not all(isinstance(entry, Mapping) for entry in entries):
        raise _damaged(f"{key!r} is no list of objects")
    names = [_text(entry, name) for entry in entries]
    if len(set(names)) < len(names):
        raise _damaged(f"a {name} is there twice in {key!r}")
    if name == "name":
        check_spellings(names)
    return entries


def _check_tree(parent_of_class: Mapping[str, Any], parent_of_node: Mapping[str, Any]) -> None:
    roots = [node for node, parent in parent_of_node.items() if parent is None]
    if len(roots) != 1:
        raise _damaged(f"it has {len(roots)} nodes without a parent instead of one")
    for parent in [*parent_of_class.values(), *(parent for parent in parent_of_node.values() if parent is not None)]:
        if not isinstance(parent, str) or parent not in parent_of_node:
            raise _damaged(f"the parent {parent!r} is no node")
    if len(parent_of_node) + len(parent_of_class) > MAX_NODES:
        raise _damaged(f"it has more than {MAX_NODES:,} classes and groups")
    depth = {roots[0]: 0}
    for start in parent_of_node:
        node, path = start, dict[str, None]()
        while node not in depth:
            if node in path:
                raise _damaged(f"the node {node!r} is above itself")
            path[node] = None
            node = parent_of_node[node]
        for below, name in enumerate(reversed(path), start=depth[node] + 1):
            depth[name] = below
    if max(depth.values()) > MAX_LEVELS:
        raise _damaged(f"it is more than {MAX_LEVELS} levels deep")


def _matrix(values: Any, n: int) -> FloatArray:
    try:
        matrix: FloatArray = np.array(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise _damaged("'distances' is no matrix of numbers") from None
    if matrix.shape != (n, n) or not (matrix == matrix.T).all() or np.diag(matrix).any() or (matrix < 0).any():
        raise _damaged(f"'distances' is no symmetric matrix of {n} rows")
    return matrix


def _hypernyms(values: Any) -> dict[str, tuple[str, ...]]:
    if not isinstance(values, Mapping):
        raise _damaged("'hypernyms' is no object")
    return {str(node): tuple(_texts(above)) for node, above in values.items()}
