"""Numbers on whether a class tree is real, for the Hierarchy page: other seeds, resampled samples, a taxonomy, the
baseline, mistakes. Computed once per tree and kept.

A part that cannot be had is a sentence (markdown) that says why and what to do, in the place of its numbers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from app.common.selection import Selection
from app.evidence.baseline_tree import baseline_run
from app.evidence.samples import Mistakes, SampleEvidence, mistakes_or_reason, sample_evidence_or_reason
from app.evidence.seeds import (
    BaselineEvidence,
    SeedEvidence,
    SeedTree,
    baseline_evidence_or_reason,
    no_other_seed,
    seed_evidence_or_reason,
    seed_trees,
)
from app.tree.stats import Agreement, TreeKey
from lwal_core.analysis.hierarchy import Hierarchy
from lwal_core.analysis.trees import (
    clade_support,
)
from lwal_core.runs import Run, open_run

MAJORITY = 0.5
"""A clade in more than this share of trees counts as found again."""


@dataclass(frozen=True, eq=False)
class Evidence:
    """All there is to say about a tree; a string says why a part is missing (markdown).

    Attributes:
        clades: Nodes of the clades, highest first.
        seeds: Other seeds of the same group.
        samples: Resampled test samples.
        taxonomy: Agreement with a taxonomy.
        baseline: The baseline's trees.
        mistakes: This run's mistakes against the taxonomy.
        baseline_mistakes: Those of the baseline's run of the same seed; None when there is none.
    """

    clades: tuple[int, ...]
    seeds: SeedEvidence | str
    samples: SampleEvidence | str
    taxonomy: Agreement | str
    baseline: BaselineEvidence | str
    mistakes: Mistakes | str
    baseline_mistakes: Mistakes | None

    def found_again(self, support: Sequence[float], n: int) -> int:
        """Number of the tree's clades in more than half of the trees behind a support."""
        return sum(support[node - n] > MAJORITY for node in self.clades)


def evidence(chosen: Selection, run: Run, key: TreeKey, h: Hierarchy, found: Agreement | None) -> Evidence:
    """Everything about a tree of at least three classes that is not flat.

    Args:
        chosen: The selection, which has the other seeds and the baseline.
        run: The run of the tree.
        key: What the tree is made of.
        h: The tree.
        found: Its agreement with a taxonomy, if there is one.
    """
    nodes = [node for node, share in _proper(h) if share]
    nodes.sort(key=lambda node: (-float(h.linkage[node - h.n, 2]), -node))
    own = SeedTree(key.spec, run.config.training.seed, key.stamp)
    group = next((group for group in chosen.groups if group.key == run.group), None)
    others, absent = seed_trees(group.runs if group else (), own, h)
    mistakes = mistakes_or_reason(run, found)
    same = baseline_run(chosen, run)
    theirs = None if isinstance(same, str) else mistakes_or_reason(open_run(same.id), found)
    return Evidence(
        clades=tuple(nodes),
        seeds=seed_evidence_or_reason(key, h, own, others, absent) if others else no_other_seed(absent, key.spec.epoch),
        samples=sample_evidence_or_reason(run, key, h),
        taxonomy=found or "No reference taxonomy that comes with the app fits these classes.",
        baseline=baseline_evidence_or_reason(chosen, run, key, h, (own, *others)),
        mistakes=mistakes,
        baseline_mistakes=theirs if isinstance(theirs, Mistakes) else None,
    )


# --- parts ---------------------------------------------------------------------------------------------------------


def _proper(h: Hierarchy) -> list[tuple[int, bool]]:
    """Every merge and whether it is a clade: not the root, not tied with its parent."""
    return [(h.n + row, not math.isnan(share)) for row, share in enumerate(clade_support(h.linkage, [h.linkage]))]
