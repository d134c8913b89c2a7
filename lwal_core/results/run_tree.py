"""Class tree of a run, its caption, and its agreement with a reference taxonomy. No torch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from lwal_core.analysis.base.linkage import FloatArray
from lwal_core.analysis.comparison.claims import Meaning
from lwal_core.analysis.hierarchy import OPTIMAL_ORDER_LIMIT, Hierarchy, build_hierarchy
from lwal_core.analysis.trees import clades, default_permutations, kendall_tau_by_class, kendall_tau_permutation_p
from lwal_core.analysis.trees.clade_names import proposed_names, shown_names
from lwal_core.errors import AnalysisError
from lwal_core.results.tree_spec import TreeSpec, last_epoch
from lwal_core.runs import (
    SOURCE_TITLES,
    Run,
    VectorSource,
)
from lwal_core.runs.annotations import Notes
from lwal_core.security.redact import for_others
from lwal_core.taxonomy import Taxonomy
from lwal_core.taxonomy.store import find_taxonomy, fitting_taxonomy


def run_hierarchy(run: Run, spec: TreeSpec | None = None, *, optimal: bool = True) -> Hierarchy:
    """The class tree of a run.

    Args:
        run: The run, wherever its folder is.
        spec: Which of its trees; None for that of the newest class means with the default rule.
        optimal: Whether neighbouring leaves are as near as possible; without, they come in the linkage's own order,
            which costs nothing.

    Raises:
        RunError: The run has no such snapshot. AnalysisError: The tree is not defined for these vectors.
    """
    spec = spec or TreeSpec.of(run)
    h = build_hierarchy(
        run.vectors(spec.epoch, spec.vectors),
        run.class_names,
        spec.linkage,
        spec.distance,
        optimal_limit=OPTIMAL_ORDER_LIMIT if optimal else 0,
    )
    return replace(h, of_features=spec.vectors == "features")


def names_of_nodes(h: Hierarchy, notes: Notes) -> dict[int, str]:
    """The names that people gave to clades of this tree, by node."""
    nodes = {h.clade_of(members): entry.name for members, entry in notes.items() if entry.name}
    return {node: name for node, name in nodes.items() if node is not None}


def proposed_names_of_nodes(run: Run, h: Hierarchy) -> dict[int, str]:
    """Names for clades of a run's tree that nobody named: by the taxonomy of its classes, or a word of their names."""
    return shown_names(proposed_names(h, run_taxonomy(run)), h.n)


def tree_caption(run: Run, spec: TreeSpec) -> str:
    """One sentence under a tree that lets a reader make it again: what, from which data, by which rule, seed and
    versions."""
    return run_caption(run, spec.epoch, spec.vectors, spec.rule)


def run_caption(run: Run, epoch: int, source: VectorSource, how: str) -> str:
    """What the class vectors of a picture are and where they come from, how the picture was made of them (a sentence),
    and the versions."""
    record, config, origin = run.record, run.config, run.record.origin
    versions = ", ".join(
        f"{name} {version}" for name, version in record.versions.items() if name in ("lwal", "torch", "scipy")
    )
    how, count = f"{how} {versions}.", len(run.class_names)
    if origin is not None:
        tensor = f", tensor {origin.tensor}" if origin.tensor else ""
        when = "" if config.imported else f" after epoch {epoch}"
        return (
            f"Vectors of {count} classes{when} from {for_others(origin.file)}{tensor} "
            f"(SHA-256 {origin.sha256[:12]}). {how}"
        )
    fingerprint = f" (fingerprint {record.fingerprint[:12]})" if record.fingerprint else ""
    return (
        f"{SOURCE_TITLES[source]} of {count} classes by {config.method_label()} after epoch {epoch} of "
        f"{config.training.epochs}, {for_others(config.data.title)}{fingerprint}, seed {config.training.seed}. {how}"
    )


Group = tuple[str, tuple[str, ...]]
"""A taxonomy's group: its name and its classes."""


@dataclass(frozen=True, eq=False)
class TaxonomyAgreement:
    """Class distances beside the reference taxonomy that fits the classes; the paper's hierarchy score.

    Attributes:
        taxonomy: The taxonomy.
        kept: Indices of the n classes that it has, ascending; of several names for one class none is kept.
        names: Their names.
        own: Distances between them, ``[n, n]``.
        hops: Hops between them in the taxonomy, ``[n, n]``.
        taus: Kendall's tau-b of each class's distances with its hops, ``[n]``; nan where it is undefined.
    """

    taxonomy: Taxonomy
    kept: tuple[int, ...]
    names: tuple[str, ...]
    own: FloatArray
    hops: FloatArray
    taus: FloatArray

    @property
    def tau(self) -> float:
        """Mean over the classes with a tau; nan when no class has one."""
        defined = self.taus[~np.isnan(self.taus)]
        return float(defined.mean()) if defined.size else math.nan

    def groups_in(self, linkage: npt.ArrayLike) -> tuple[list[Group], list[Group]]:
        """The taxonomy's groups of the kept classes that are clades of a tree, and those that are not.

        A class that the taxonomy does not have may stand anywhere in the tree, also inside a group.

        Args:
            linkage: ``[C - 1, 4]``, over all C classes.

        Returns:
            ``(found, missing)``: name of each group and its classes, sorted.
        """
        kept = frozenset(self.kept)
        number = dict(zip(self.names, self.kept, strict=True))
        own = {clade & kept for clade in clades(linkage)}
        found: list[Group] = []
        missing: list[Group] = []
        for members, title in self.taxonomy.named_clades(self.names).items():
            recovered = frozenset(number[member] for member in members) in own
            (found if recovered else missing).append((title, tuple(sorted(members))))
        return found, missing


def named_taxonomy(run: Run) -> str | None:
    """Name of the taxonomy that the program named which recorded a run; None where it named none, or it is not here."""
    named = run.record.data.taxonomy if run.config.external and run.record.data else None
    with suppress(AnalysisError):  # deleted since, or never in this home
        return find_taxonomy(named).name if named else None
    return None


def run_taxonomy(run: Run) -> Taxonomy | None:
    """The taxonomy that the program named which recorded a run, else the one that fits the classes; None without."""
    named = named_taxonomy(run)
    return find_taxonomy(named) if named else fitting_taxonomy(run.class_names)


def taxonomy_agreement(
    names: Sequence[str], distances: FloatArray, taxonomy: Taxonomy | None = None
) -> TaxonomyAgreement | None:
    """How class distances agree with a reference taxonomy.

    Args:
        names: C class names.
        distances: Distances between the classes, ``[C, C]``.
        taxonomy: The taxonomy; by default the one that fits the classes.

    Returns:
        None when no taxonomy is given and none fits. One that is given may know few of the classes or none, and then
        ``kept`` is short and no class has a tau.
    """
    if taxonomy is None:
        taxonomy = fitting_taxonomy(names)
    if taxonomy is None:
        return None
    kept = tuple(taxonomy.kept(names))
    known = tuple(names[i] for i in kept)
    hops, own = taxonomy.distances(known), distances[np.ix_(kept, kept)]
    return TaxonomyAgreement(taxonomy, kept, known, own, hops, kendall_tau_by_class(own, hops))


def taxonomy_meaning(runs: Sequence[Run]) -> Meaning | None:
    """Agreement of the newest class means of a group's runs, one per seed, with the taxonomy of their classes, and
    whether it is more than that of shuffled classes; None without a taxonomy."""
    found = {run.config.training.seed: each for run in runs if (each := _means_agreement(run)) is not None}
    if not found:
        return None
    first = next(iter(found.values()))
    distances = [each.own for each in found.values() if each.names == first.names and not math.isnan(each.tau)]
    shuffles = default_permutations(len(first.names), len(distances)) if distances else 0
    p = kendall_tau_permutation_p(distances, first.hops, shuffles) if shuffles else math.nan
    return Meaning(first.taxonomy.name, {seed: each.tau for seed, each in found.items()}, p)


def _means_agreement(run: Run) -> TaxonomyAgreement | None:
    if not run.label_epochs():  # curves alone
        return None
    vectors = run.vectors(last_epoch(run), run.sources()[0])
    if len(vectors) < 2 or not np.isfinite(vectors).all():
        return None
    from scipy.spatial.distance import pdist, squareform

    reference = run_taxonomy(run)
    if reference is None:
        return None
    return taxonomy_agreement(run.class_names, squareform(pdist(vectors.astype(np.float64))), reference)
