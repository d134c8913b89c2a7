"""Pair of class trees: what each side is, matched by class name and untangled. Computed once per pair and kept."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import streamlit as st

from app.common import run_cache
from app.common.selection import all_groups, group_titles
from app.tree.stats import TreeKey
from lwal_core.analysis.hierarchy import Hierarchy
from lwal_core.analysis.hierarchy.polytomies import multiway
from lwal_core.analysis.trees import (
    CladeRecovery,
    bakers_gamma,
    clade_recovery,
    clades,
    cophenetic_correlation,
    robinson_foulds,
)
from lwal_core.analysis.trees.correspondence import Correspondence, correspondence
from lwal_core.analysis.trees.discordant_classes import Placement, placements
from lwal_core.analysis.trees.matching import Facing, Matched, common_cuts, face, matched, taxonomy_tree
from lwal_core.runs import RunSummary, open_run
from lwal_core.taxonomy import Taxonomy
from lwal_core.taxonomy.proposal import PROPOSED, PROPOSED_TITLE
from lwal_core.taxonomy.store import all_taxonomies, find_taxonomy, fitting_taxonomy


class TaxonomyKey(NamedTuple):
    """A reference taxonomy as one side of the comparison, by its name, and what it says."""

    name: str
    digest: str = ""


Key = TreeKey | TaxonomyKey


@dataclass(frozen=True, eq=False)
class Pair:
    """Two trees matched by class name and turned to face each other.

    Attributes:
        keys: What the sides are.
        labels: What to call them, plain text.
        matched: The trees over the shared classes, as they come.
        facing: The same turned.
    """

    keys: tuple[Key, Key]
    labels: tuple[str, str]
    matched: Matched
    facing: Facing

    @property
    def n(self) -> int:
        """Number of shared classes."""
        return self.matched.left.n

    @property
    def names(self) -> tuple[str, ...]:
        """The shared classes in the order of their numbers."""
        return self.matched.left.names

    @cached_property
    def cuts(self) -> tuple[int, ...]:
        """Numbers of groups that both trees can be cut into."""
        return common_cuts(self.matched.left, self.matched.right)

    @cached_property
    def clades(self) -> tuple[int, int, int]:
        """Number of clades of the left tree, of the right tree, and of those in both."""
        a, b = (clades(h.linkage).masks for h in (self.matched.left, self.matched.right))
        return len(a), len(b), len(a & b)

    @cached_property
    def placements(self) -> list[Placement]:
        """All classes, the most misplaced first."""
        return placements(self.matched.left, self.matched.right)

    @cached_property
    def tree_scores(self) -> tuple[float, float, float]:
        """Cophenetic correlation, Baker's gamma, Robinson-Foulds normalised."""
        a, b = self.matched.left.linkage, self.matched.right.linkage
        return cophenetic_correlation(a, b), bakers_gamma(a, b), robinson_foulds(a, b, normalized=True)

    @cached_property
    def recovery(self) -> CladeRecovery | None:
        """How the tree of a run treats the groups of a taxonomy; None when not just one side is a taxonomy."""
        is_taxonomy = [isinstance(key, TaxonomyKey) for key in self.keys]
        if sum(is_taxonomy) != 1:
            return None
        trees = [self.matched.left, self.matched.right]
        reference, tree = trees if is_taxonomy[0] else trees[::-1]
        return clade_recovery(clades(reference.linkage), tree.linkage)

    @cached_property
    def alike(self) -> tuple[Correspondence, Correspondence]:
        """For each node of the left tree the most similar one of the right, and the other way round, as they face."""
        left, right = self.facing.left, self.facing.right
        return correspondence(left, right), correspondence(right, left)

    @cached_property
    def mean_match(self) -> float:
        """Mean Jaccard index of the clades of both trees with their best matches; nan where neither has a clade."""
        scores = [self.alike[i].jaccard[node] for i in (0, 1) for node in self.clade_nodes[i]]
        return sum(scores) / len(scores) if scores else math.nan

    @cached_property
    def clade_nodes(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Nodes that are clades, on the left and on the right: not the root, tied merges as one."""
        left, right = (
            tuple(node for node in multiway(h).children if node != 2 * h.n - 2)
            for h in (self.facing.left, self.facing.right)
        )
        return left, right

    @property
    def flat(self) -> tuple[str, ...]:
        """Names of the sides that join all classes at one height."""
        trees = (self.matched.left, self.matched.right)
        return tuple(label for label, h in zip(self.labels, trees, strict=True) if h.n > 2 and h.is_flat)

    def groups(self, k: int) -> tuple[list[frozenset[int]], list[frozenset[int]]]:
        """The groups of both trees at a cut, top to bottom in the figure."""
        left, right = (
            [frozenset(h.members(top).tolist()) for top in h.cut_nodes(k=k).tolist()]
            for h in (self.facing.left, self.facing.right)
        )
        return left, right


@st.cache_resource(max_entries=100, show_spinner="Matching the trees")
def pair(left: Key, right: Key, labels: tuple[str, str], method: str) -> Pair:
    """Match two trees and untangle them; shared by all readers, never change it.

    Raises:
        LwalError: A tree cannot be made, or they have no class in common.
    """
    found: list[Hierarchy | None] = [_run_tree(key) if isinstance(key, TreeKey) else None for key in (left, right)]
    for i, key in enumerate((left, right)):
        if isinstance(key, TaxonomyKey):
            other = found[1 - i]
            taxonomy = find_taxonomy(key.name, () if other is None else other.names)
            found[i] = taxonomy_tree(taxonomy, taxonomy.classes if other is None else other.names)
    a, b = found
    assert a is not None and b is not None
    both = matched(a, b)
    return Pair((left, right), labels, both, face(both.left, both.right, method))


def _run_tree(key: TreeKey) -> Hierarchy:
    return run_cache.hierarchy(key.spec, optimal=key.optimal)


def taxonomies(runs: Sequence[RunSummary]) -> dict[str, str]:
    """The reference taxonomies that fit the classes of some run (WordNet's proposal among them), and own ones that know two
    of them: names, titles."""
    found: dict[str, str] = {}
    own = [find_taxonomy(known.name) for known in all_taxonomies() if known.own]
    for names in {tuple(open_run(run.id).class_names): None for run in {run.group: run for run in runs}.values()}:
        fitting = fitting_taxonomy(names)
        if fitting is not None:
            found[fitting.name] = taxonomy_title(fitting)
        found |= {taxonomy.name: taxonomy_title(taxonomy) for taxonomy in own if len(taxonomy.kept(names)) > 1}
    return found


def taxonomy_title(taxonomy: Taxonomy) -> str:
    """What to call a taxonomy at the beginning of a line, plain text."""
    return taxonomy.title[:1].upper() + taxonomy.title[1:]


def side_labels(left: Key, right: Key) -> tuple[str, str]:
    """What to call two trees: the method and whatever else tells them apart, plain text."""
    parts = [_label_parts(key) for key in (left, right)]
    if isinstance(left, TaxonomyKey) or isinstance(right, TaxonomyKey):
        a, b = (f"{p[0]} ({p[3]})" if p[3] else p[0] for p in parts)
        return (a, b) if a != b else (f"{a} (left)", f"{b} (right)")
    if parts[0][0] == parts[1][0] and parts[0][1] != parts[1][1]:  # same method, other options
        parts = [(title, "", *rest) for _, title, *rest in parts]
    labels = []
    for own, other in (parts, parts[::-1]):
        more = [text for i, text in enumerate(own) if i > 1 and text and (i == 3 or text != other[i])]
        labels.append(f"{own[0]} ({', '.join(more)})")
    return labels[0], labels[1]


def _label_parts(key: Key) -> Any:
    """Method, group, seed, epoch, vectors, linkage, distance."""
    if isinstance(key, TaxonomyKey):
        return (PROPOSED_TITLE if key.name == PROPOSED else taxonomy_title(find_taxonomy(key.name)), *[""] * 6)
    spec, run = key.spec, open_run(key.spec.run)
    title = group_titles(all_groups()).get(run.group, run.config.method_label())
    if run.config.imported:
        return (title, *[""] * 4, spec.linkage, spec.distance)
    return (
        run.config.method_label(), title, f"seed {run.config.training.seed}", f"epoch {spec.epoch}",
        spec.vectors_title.lower(), spec.linkage, spec.distance,
    )  # fmt: skip
