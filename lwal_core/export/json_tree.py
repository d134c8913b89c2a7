"""Class tree as JSON: nested for d3.hierarchy, or a flat list where nesting would be too deep.

Readers of JSON go down one level of their own stack for each level of the text, Python's stops at some hundreds of tree
levels and browsers at some thousands; a chain of merges is as deep as there are classes. Text is written without
recursion.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from lwal_core import __version__
from lwal_core.analysis.hierarchy import Hierarchy
from lwal_core.analysis.trees.cuts import CutAt
from lwal_core.errors import ExportError
from lwal_core.figures.clade_colors import group_marks
from lwal_core.sanitize import encodable

MAX_NESTED_LEVELS = 300


def tree_json(
    h: Hierarchy,
    *,
    cut: CutAt | None = None,
    clade_names: Mapping[int, str] | None = None,
    support: npt.ArrayLike | None = None,
    about: Mapping[str, Any] | None = None,
) -> bytes:
    """Write a class tree.

    Every node has ``id`` (0 to n-1 are classes, n+i is merge i), ``name`` (of a class or of a named clade, else null),
    ``height``, ``length`` (height of the parent minus its own, null at the root), ``size`` (classes below) and, where
    they are given, ``support`` (0 to 1), ``group`` and ``color`` (of the cut). Up to :data:`MAX_NESTED_LEVELS` levels
    the root comes as ``tree`` with ``children``, first drawn first, which ``d3.hierarchy`` takes as it is; deeper trees
    come as ``nodes``, parents before children, each with its ``parent``, which ``d3.stratify`` takes.

    Args:
        h: The tree.
        cut: None, a number of groups (``int``), a height (``float``) or top nodes.
        clade_names: Names that people gave to merges, by node.
        support: ``[n-1]`` share of other trees with each clade, nan where unknown; the root gets none.
        about: What else a reader should know, such as the caption; becomes ``about``.

    Raises:
        ExportError: Not one support a merge.
        AnalysisError: The tree has no such cut.
    """
    import orjson

    nodes = _nodes(h, cut, clade_names or {}, support)
    said = {key: _text(value) if isinstance(value, str) else value for key, value in (about or {}).items()}
    head = {"format": "lwal-tree", "version": 1, "program": f"LwAL Explorer {__version__}"}
    head |= {"linkage": h.method, "metric": h.metric, "classes": h.n, "about": said}
    start = orjson.dumps(head)[:-1]
    if _levels(h) > MAX_NESTED_LEVELS:
        parents = h.parents.tolist()
        rows = [
            {"id": node, "parent": parents[node] if parents[node] >= 0 else None, **nodes[node]}
            for node in range(2 * h.n - 2, -1, -1)
        ]
        return start + b',"nodes":' + orjson.dumps(rows) + b"}\n"
    children = h.children.tolist()
    parts: list[bytes] = [start, b',"tree":']
    stack: list[int | bytes] = [2 * h.n - 2]
    while stack:
        node = stack.pop()
        if isinstance(node, bytes):
            parts.append(node)
            continue
        text = orjson.dumps({"id": node, **nodes[node]})
        if node < h.n:
            parts.append(text)
        else:
            left, right = children[node - h.n]
            parts += [text[:-1], b',"children":[']
            stack += [b"]}", right, b",", left]
    return b"".join([*parts, b"}\n"])


def _nodes(
    h: Hierarchy, cut: CutAt | None, clade_names: Mapping[int, str], support: npt.ArrayLike | None
) -> list[dict[str, Any]]:
    heights = [0.0] * h.n + h.linkage[:, 2].tolist()
    parents, sizes = h.parents.tolist(), h.sizes.tolist()
    names = [*map(_text, h.names), *(_text(clade_names.get(node)) for node in range(h.n, 2 * h.n - 1))]
    nodes: list[dict[str, Any]] = [
        {
            "name": names[node],
            "height": heights[node],
            "length": heights[parents[node]] - heights[node] if parents[node] >= 0 else None,
            "size": sizes[node],
        }
        for node in range(2 * h.n - 1)
    ]
    if support is not None:
        shares = np.asarray(support, dtype=np.float64)
        if shares.shape != (h.n - 1,):
            raise ExportError(f"There are {shares.size} numbers of support for {h.n - 1} merges.")
        for row, share in enumerate(shares[:-1].tolist()):
            nodes[h.n + row]["support"] = None if np.isnan(share) else share
    if cut is not None:
        for number, mark in enumerate(group_marks(h, cut)):
            for node in _below(h, mark.node):
                nodes[node] |= {"group": number, "color": mark.color}
    return nodes


def _below(h: Hierarchy, top: int) -> list[int]:
    """A node and all nodes below it."""
    found, stack = [], [top]
    while stack:
        node = stack.pop()
        found.append(node)
        if node >= h.n:
            stack += h.children[node - h.n].tolist()
    return found


def _levels(h: Hierarchy) -> int:
    """Merges on the longest way from the root to a class."""
    levels = [0] * (2 * h.n - 1)
    for row, (left, right) in enumerate(h.children.tolist()):
        levels[h.n + row] = 1 + max(levels[left], levels[right])
    return levels[-1]


def _text(name: str | None) -> str | None:
    """JSON is UTF-8, and a lone surrogate (from a file name, say) has no such form."""
    return None if name is None else encodable(name)
