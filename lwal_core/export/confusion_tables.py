"""Folded confusion matrices and measures of clades as CSV."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lwal_core.analysis.hierarchy import Hierarchy
from lwal_core.analysis.trees.confusion import CladeMeasures, FoldedConfusion
from lwal_core.errors import ExportError
from lwal_core.export.tables import MAX_MEMBERS_IN_FULL, MAX_MEMBERS_LISTED, MEMBER_SEPARATOR, joined_members, table_csv


def folded_confusion_csv(folded: FoldedConfusion, names: Sequence[str]) -> str:
    """Write a folded matrix: names in the first row and the first column, then numbers of samples, true in rows.

    Args:
        folded: The matrix.
        names: A name for each of its m tips.

    Raises:
        ExportError: There are more or fewer names.
    """
    if len(names) != len(folded.tips):
        raise ExportError(f"There are {len(names)} names for {len(folded.tips)} rows.")
    rows = ([name, *map(int, counts)] for name, counts in zip(names, folded.counts.tolist(), strict=True))
    return table_csv(["true / predicted", *names], rows)


def clade_measures_csv(measures: CladeMeasures, h: Hierarchy, named: Mapping[int, str] | None = None) -> str:
    """Write the measures of every class and clade, classes first; what is undefined is ``nan``.

    Args:
        measures: Of the tree's nodes.
        h: The tree.
        named: Names of clades.
    """
    given = named or {}
    limit = MAX_MEMBERS_LISTED if int(h.sizes[h.n :].sum()) > MAX_MEMBERS_IN_FULL else h.n
    columns = (
        measures.samples, measures.predicted, measures.correct, measures.stays, measures.accuracy, measures.precision,
        measures.recall, measures.f1, measures.inside,
    )  # fmt: skip
    rows = []
    for node, values in enumerate(zip(*(column.tolist() for column in columns), strict=True)):
        size = int(h.sizes[node])
        text = joined_members([h.names[i] for i in h.members(node)[:limit].tolist()])
        if size > limit:
            text += f"{MEMBER_SEPARATOR}… and {size - limit:,} more"
        name = h.names[node] if node < h.n else given.get(node, "")
        rows.append([node, name, size, *map(int, values[:4]), *values[4:], text])
    head = [
        "id",
        "name",
        "classes",
        "samples",
        "predicted",
        "correct",
        "stays",
        "accuracy",
        "precision",
        "recall",
        "f1",
    ]
    return table_csv([*head, "mistakes inside", "members"], rows)
