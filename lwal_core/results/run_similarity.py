"""Runs held against each other on the test set that they share. No torch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lwal_core.analysis.base.formatting import format_number
from lwal_core.analysis.base.subsample import subsample_per_class
from lwal_core.analysis.run_similarity import (
    MEASURE_TITLES,
    MOST_AXES,
    GroupTest,
    Measure,
    SimilarityMatrix,
    group_test,
    samples_for,
    similarity_matrix,
)
from lwal_core.errors import AnalysisError, LwalError
from lwal_core.runs import Layer, Run

MOST_RUNS = 50
FEWEST = 2
"""Runs that are compared."""
SIGNIFICANT = 0.05


@dataclass(frozen=True, eq=False)
class RunSimilarity:
    """How alike runs are on the test set that they share.

    Attributes:
        layer: Outputs or features.
        runs: Ids of the runs that are compared.
        groups: Key of the group of each; runs of one group differ in nothing but the seed.
        matrix: Their similarities.
        tests: By measure, whether runs of one group are more alike.
        left_out: Why runs are missing, by id.
    """

    layer: Layer
    runs: tuple[str, ...]
    groups: tuple[str, ...]
    matrix: SimilarityMatrix
    tests: dict[Measure, GroupTest]
    left_out: dict[str, str]

    def answer(self, measure: Measure = "cka") -> str:
        """Whether two seeds of one method are more alike than two methods, a sentence of plain text."""
        found, title = self.tests[measure], MEASURE_TITLES[measure]
        sizes = [self.groups.count(key) for key in set(self.groups)]
        if len(sizes) < 2:
            return "All runs are of one method with one configuration: there is no other to compare it with."
        if max(sizes) < 2:
            return "There is one seed of each method, so seeds cannot be compared: train more seeds."
        sign = -1 if measure == "procrustes" else 1
        numbers = f"{title} {format_number(sign * found.within)} within a method, {format_number(sign * found.between)} between methods"
        if not np.isfinite(found.p):
            return f"Whether two seeds of one method are more alike than two methods is undefined ({title})."
        p = f"p = {format_number(found.p, digits=2)}"
        if found.least > SIGNIFICANT:
            few = f"so few runs allow none below {format_number(found.least, digits=2)}"
            return f"Too few runs to tell whether two seeds of one method are more alike than two methods ({numbers}; {p}, {few})."
        if found.p <= SIGNIFICANT:
            return f"Two seeds of one method are more alike than two methods ({numbers}; {p})."
        return f"Two seeds of one method are not shown to be more alike than two methods ({numbers}; {p})."

    def notes(self) -> list[str]:
        """What a reader should know beside the figures, one sentence each."""
        notes = [
            f"Compared on {self.matrix.samples:,} test samples that all of them have, as many of each class as there are, after the epoch "
            "whose model each run keeps. The test shares the runs out over the methods anew; runs of one seed begin with the same numbers, "
            "which can make two methods more alike."
        ]
        if self.matrix.least_kept < 1:
            share = format_number(100 * self.matrix.least_kept)
            notes.append(
                f"Procrustes distances are of the first {MOST_AXES} axes of each run, which hold at least {share} % of its variance."
            )
        if self.left_out:
            reasons = sorted(set(self.left_out.values()))
            notes.append(f"Left out: {len(self.left_out):,} of the runs. {' '.join(reasons)}")
        return notes


def run_similarity(
    runs: Sequence[Run], layer: Layer = "outputs", wanted: Callable[[], bool] = lambda: True
) -> RunSimilarity | None:
    """Compare runs two by two on the test set that the first of them has.

    Args:
        runs: The runs, at most :data:`MOST_RUNS` of which are looked at.
        layer: Outputs of the networks, or the features that their last layer makes them of.
        wanted: Asked between steps; work ends where it says no.

    Returns:
        None when it is not wanted any more.

    Raises:
        AnalysisError: Fewer than two runs have embeddings of the same test samples.
    """
    kept: list[tuple[Run, NDArray[np.float32], NDArray[np.intp]]] = []
    left_out: dict[str, str] = {run.id: f"At most {MOST_RUNS} runs are compared." for run in runs[MOST_RUNS:]}
    shared = classes = None
    for run in runs[:MOST_RUNS]:
        if not wanted():
            return None
        try:
            found = run.evaluation(layer)
        except LwalError as error:
            left_out[run.id] = error.message
            continue
        rows = np.arange(len(found.y)) if found.rows is None else found.rows.astype(np.intp)
        usable = np.isfinite(found.z).all(axis=1)
        if not found.z.shape[1] or not usable.any():
            left_out[run.id] = "It has no embeddings of test samples that are finite numbers."
            continue
        if run.config.external and found.rows is None:
            left_out[run.id] = "It was recorded by a program, so which test samples it kept is not known."
            continue
        rows, z, y = rows[usable], found.z[usable].astype(np.float32), found.y[usable].astype(np.intp)
        if shared is None:
            shared, classes = dict(zip(rows.tolist(), y.tolist(), strict=True)), run.class_names
        elif run.class_names != classes or any(
            shared.get(row, label) != label for row, label in zip(rows.tolist(), y.tolist(), strict=True)
        ):
            left_out[run.id] = "Its test set is another one."
            continue
        else:
            there = set(rows.tolist())
            if len(there & shared.keys()) < FEWEST:
                left_out[run.id] = "It keeps other test samples."
                continue
            shared = {row: label for row, label in shared.items() if row in there}
        kept.append((run, z, rows))
    if len(kept) < FEWEST or shared is None:
        reason = next(iter(left_out.values()), "")
        raise AnalysisError(
            f"{len(kept)} of the runs can be compared, two are the fewest. {reason}".strip(),
            "Select runs with one test set.",
        )
    common = np.array(sorted(shared), dtype=np.intp)
    y = np.array([shared[row] for row in common.tolist()])
    common = common[subsample_per_class(y, samples_for(len(kept)))]
    matrix = similarity_matrix([z[np.searchsorted(rows, common)] for _, z, rows in kept], wanted=wanted)
    if matrix is None:
        return None
    groups = tuple(run.group for run, _, _ in kept)
    numbers = np.unique(groups, return_inverse=True)[1].tolist()
    signs: dict[Measure, float] = {"cka": 1.0, "procrustes": -1.0, "neighbours": 1.0}
    tests = {name: group_test(sign * matrix.values[name], numbers) for name, sign in signs.items()}
    return RunSimilarity(layer, tuple(run.id for run, _, _ in kept), groups, matrix, tests, left_out)
