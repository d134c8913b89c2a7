"""Agreement of a run's class distances with several references side by side: taxonomies and matrices. No torch."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from lwal_core.analysis.base.formatting import format_number, undefined
from lwal_core.analysis.base.linkage import FloatArray
from lwal_core.analysis.trees import kendall_tau_by_class
from lwal_core.analysis.trees.matrix_agreement import MatrixAgreement, matrix_agreement
from lwal_core.results.run_tree import run_taxonomy
from lwal_core.runs import Run
from lwal_core.taxonomy import FEWEST_MATCHES, Taxonomy
from lwal_core.taxonomy.reference_matrix import ReferenceMatrix
from lwal_core.taxonomy.store import all_taxonomies, find_taxonomy

SIGNIFICANT = 0.05
COLUMNS = ("reference", "what it is", "classes", "tau by class", "Spearman", "p", "noise ceiling", "Kendall", "CPCC")


@dataclass(frozen=True)
class ReferenceRow:
    """Agreement with one reference.

    Attributes:
        title: What to call it.
        what: ``"taxonomy"``, or what a matrix held.
        classes: How many of the classes it has.
        repeats: Times that it was measured.
        tau: Mean over the classes of Kendall's tau-b of a class's distances; nan where undefined.
        agreement: Over pairs of classes.
    """

    title: str
    what: str
    classes: int
    repeats: int
    tau: float
    agreement: MatrixAgreement

    @property
    def shown(self) -> bool:
        """Whether it agrees better than chance."""
        return self.agreement.p <= SIGNIFICANT

    def cells(self) -> tuple[str, ...]:
        """One text for each of :data:`COLUMNS`."""
        found = self.agreement
        why = f"fewer than {FEWEST_MATCHES} classes" if self.classes < FEWEST_MATCHES else "all distances are equal"
        ceiling = "one measurement"
        if found.ceiling is not None:
            ceiling = (
                f"{format_number(found.ceiling.lower)} to {format_number(found.ceiling.upper)} ({self.repeats} repeats)"
            )
        tested = "too many classes" if math.isfinite(found.spearman) else why
        return (
            self.title,
            self.what,
            f"{self.classes:,}",
            format_number(self.tau, reason=why),
            format_number(found.spearman, reason=why),
            format_number(found.p, digits=2) if math.isfinite(found.p) else undefined(tested),
            ceiling,
            format_number(found.kendall, reason=why),
            format_number(found.pearson, reason=why),
        )


def knowing(run: Run) -> list[Taxonomy]:
    """The taxonomies that know three of a run's classes: its own first, then shipped ones and those that were brought."""
    first = run_taxonomy(run)
    every = [find_taxonomy(known.name) for known in all_taxonomies() if first is None or known.name != first.name]
    found = [each for each in every if len(each.kept(run.class_names)) >= FEWEST_MATCHES]
    return found if first is None else [first, *found]


def reference_rows(
    names: Sequence[str], distances: FloatArray, references: Iterable[Taxonomy | ReferenceMatrix]
) -> list[ReferenceRow]:
    """Hold class distances against references.

    Args:
        names: C class names.
        distances: Between the classes, ``[C, C]``.
        references: Any; one that knows few of the classes has undefined numbers.
    """
    return [_row(names, distances, each) for each in references]


def _row(names: Sequence[str], distances: FloatArray, reference: Taxonomy | ReferenceMatrix) -> ReferenceRow:
    kept = reference.kept(names)
    own = np.asarray(distances, dtype=np.float64)[
        np.ix_(np.array(list(kept), dtype=int), np.array(list(kept), dtype=int))
    ]
    if isinstance(reference, Taxonomy):
        values, what = reference.distances([names[i] for i in kept])[None], "taxonomy"
    else:
        rows = np.array(list(kept.values()), dtype=int)
        values, what = reference.repeats[:, rows][:, :, rows], reference.kind
    if len(kept) < FEWEST_MATCHES:
        none = MatrixAgreement(math.nan, math.nan, math.nan, math.nan, 0, None)
        return ReferenceRow(reference.title, what, len(kept), len(values), math.nan, none)
    taus = kendall_tau_by_class(own, values.mean(axis=0))
    known = taus[np.isfinite(taus)]
    return ReferenceRow(
        reference.title, what, len(kept), len(values), float(known.mean()) if known.size else math.nan,
        matrix_agreement(own, values),
    )  # fmt: skip


def answer(rows: Sequence[ReferenceRow]) -> str:
    """With which references the distances agree better than chance, a sentence of plain text."""
    tested = [row for row in rows if math.isfinite(row.agreement.p)]
    if not tested:
        return "Agreement with the references could not be tested."
    shown = [row for row in tested if row.shown]
    best = max(tested, key=lambda row: row.agreement.spearman)
    most = f"most with {best.title} (Spearman {format_number(best.agreement.spearman)})"
    if len(tested) == 1:
        agree = "agree" if shown else "are not shown to agree"
        return f"The distances {agree} with {best.title} better than chance (Spearman {format_number(best.agreement.spearman)})."
    if len(shown) == len(tested):
        return f"The distances agree with all {len(tested)} references better than chance, {most}."
    if not shown:
        return f"The distances are not shown to agree with any of {len(tested)} references."
    count = f"{len(shown)} of {len(tested)} references"
    return f"The distances agree with {count} better than chance, {most}: the answer depends on the reference."
