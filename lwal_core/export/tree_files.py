"""Class tree as a file, in every format of the pages and the command line."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, cast

import numpy as np
import orjson

from lwal_core.analysis.hierarchy import Hierarchy
from lwal_core.analysis.hierarchy.subtree import TreePart
from lwal_core.analysis.trees.cuts import CutAt, cut_labels, group_names
from lwal_core.errors import ExportError
from lwal_core.export.itol import column_cells, itol_zip
from lwal_core.export.json_tree import tree_json
from lwal_core.export.newick import to_newick
from lwal_core.export.nexus import to_nexus
from lwal_core.export.tables import cut_csv, distances_csv, linkage_csv
from lwal_core.figures.clade_colors import group_marks
from lwal_core.figures.colouring import Colouring, LeafLooks
from lwal_core.sanitize import encodable
from lwal_core.security.redact import for_others

NEWICK_NAMES = ("strict", "safe")


class TreeFormat(NamedTuple):
    """What a format is called outside this module.

    Attributes:
        title: For people.
        suffix: Ending of file names, without the dot.
        media: Media type.
    """

    title: str
    suffix: str
    media: str


TREE_FORMATS: dict[str, TreeFormat] = {
    "newick": TreeFormat("Newick tree", "nwk", "text/x-nh"),
    "nexus": TreeFormat("NEXUS tree", "nex", "text/plain"),
    "itol": TreeFormat("Tree and annotations for iTOL", "zip", "application/zip"),
    "json": TreeFormat("JSON tree for D3 and scripts", "json", "application/json"),
    "csv": TreeFormat("Distances between classes", "csv", "text/csv"),
    "linkage": TreeFormat("Merges of the tree", "csv", "text/csv"),
    "cut": TreeFormat("Groups at the cut", "csv", "text/csv"),
    "groups": TreeFormat("Groups at the cut, JSON", "json", "application/json"),
    "svg": TreeFormat("Picture, SVG", "svg", "image/svg+xml"),
    "pdf": TreeFormat("Picture, PDF", "pdf", "application/pdf"),
    "png": TreeFormat("Picture, PNG", "png", "image/png"),
}
"""Formats of :func:`tree_file`."""


def tree_file(
    h: Hierarchy,
    format: str,
    *,
    cut: CutAt | None = None,
    caption: str = "",
    newick_names: str = "strict",
    clade_names: Mapping[int, str] | None = None,
    support: Sequence[float] | None = None,
    width_mm: float = 160,
    part: TreePart | None = None,
    columns: Mapping[str, Colouring] | None = None,
    strips: Sequence[Colouring] = (),
    looks: LeafLooks | None = None,
) -> bytes:
    """Write a class tree.

    Args:
        h: The tree.
        format: A key of :data:`TREE_FORMATS`: ``"newick"``, ``"nexus"``, ``"itol"`` (a zip), ``"json"``, ``"csv"``
            (distances between classes), ``"linkage"`` (one row per node, as CSV), ``"cut"`` (the group of each class at
            the cut, as CSV), ``"groups"`` (the groups with their classes, as JSON), ``"svg"``, ``"pdf"`` or ``"png"``.
        cut: None, a number of groups (``int``), a height (``float``) or top nodes. ``"cut"`` and ``"groups"`` need it,
            pictures, iTOL and JSON show the groups, the other formats hold the whole tree and take no notice of it.
        caption: Plain text: under a picture, at the head of NEXUS, in iTOL's README and in JSON.
        newick_names: Of Newick and NEXUS: ``"strict"`` (lossless quoting) or ``"safe"`` (ids that R, ete and iTOL
            read).
        clade_names: Names that people gave to nodes; not written into safe Newick.
        support: ``[n-1]`` share of other trees, 0 to 1, with the clade of each merge; in Newick, NEXUS, iTOL and JSON.
        width_mm: Width of a picture.
        part: What of the tree a picture shows; None for all. Other formats hold the whole tree.
        columns: Columns of the classes by title, in ``"itol"`` and ``"cut"``.
        strips: Columns that a picture shows beside the leaves.
        looks: Of the names in a picture.

    Returns:
        The file's bytes; text is UTF-8 without a byte order mark.

    Raises:
        ExportError: An unknown format or way to write names, groups without a cut, names that strict Newick and NEXUS
            cannot hold, a width that no picture can have.
        AnalysisError: A cut that does not fit the tree.

    Warns:
        UserWarning: Newick, NEXUS or iTOL of a tree with inversions (centroid and median linkage): they were lifted to length 0.
    """
    if format not in TREE_FORMATS:
        raise ExportError(f"There is no tree format {format!r}.", f"Use one of {', '.join(TREE_FORMATS)}.")
    if newick_names not in NEWICK_NAMES:
        raise ExportError(
            f"Names in Newick cannot be written as {newick_names!r}.", f"Use {' or '.join(NEWICK_NAMES)}."
        )
    caption = for_others(caption)
    clade_names = {node: for_others(name) for node, name in (clade_names or {}).items()}
    columns = {for_others(title): column.redacted() for title, column in (columns or {}).items()}
    shares = None if support is None else np.asarray(support, dtype=np.float64)
    if format in ("newick", "nexus"):
        named = clade_names if newick_names == "strict" or format == "nexus" else {}
        inner = [named.get(node) for node in range(h.n, 2 * h.n - 1)]
        mode = cast(Any, newick_names)
        if format == "nexus":
            text = to_nexus(h.linkage, h.names, mode=mode, inner_names=inner, support=shares, comment=caption)
            return text.encode()
        return (to_newick(h.linkage, h.names, mode=mode, inner_names=inner, support=shares) + "\n").encode()
    if format == "itol":
        return itol_zip(h, cut=cut, clade_names=clade_names, support=shares, caption=caption, columns=columns)
    if format == "json":
        about = {"caption": caption} if caption else {}
        return tree_json(h, cut=cut, clade_names=clade_names, support=shares, about=about)
    if format == "csv":
        return distances_csv(h.square(), h.names).encode()
    if format == "linkage":
        return linkage_csv(h.linkage, h.names).encode()
    if format in ("cut", "groups"):
        return _groups(h, format, cut, columns, clade_names, caption)
    # Drawing loads matplotlib, which none of the others needs.
    from lwal_core.export.pictures.dendrogram import dendrogram_picture

    buffer = io.BytesIO()
    dendrogram_picture(
        h, buffer, cast(Any, format), cut=cut, width_mm=width_mm, caption=caption or None, part=part, clade_names=clade_names,
        strips=[strip.redacted() for strip in strips], looks=looks and looks.redacted(),
    )  # fmt: skip
    return buffer.getvalue()


def _groups(
    h: Hierarchy,
    format: str,
    cut: CutAt | None,
    columns: Mapping[str, Colouring],
    clade_names: Mapping[int, str],
    caption: str,
) -> bytes:
    if cut is None:
        raise ExportError("Groups need a cut, and none was given.", f"Say how many groups, from 1 to {h.n}.")
    marks, labels = group_marks(h, cut), cut_labels(h, cut)
    names = group_names(h, [mark.node for mark in marks], clade_names)
    if format == "cut":
        cells = {title: column_cells(column) for title, column in columns.items()}
        named = any(mark.node in clade_names for mark in marks)  # else the file is what it was before groups had names
        return cut_csv(h.names, labels, cells, names if named else ()).encode()
    groups = [
        {"name": encodable(name), "color": mark.color, "classes": [encodable(h.names[i]) for i in np.flatnonzero(labels == number)]}
        for number, (name, mark) in enumerate(zip(names, marks, strict=True))
    ]  # fmt: skip
    about = {"format": "lwal-groups", "version": 1, "about": {"caption": encodable(caption)}, "groups": groups}
    return orjson.dumps(about, option=orjson.OPT_INDENT_2)
