"""Comparing two trees of the same classes: everything in one place to import from.

The parts: :mod:`.agreement` (correlations of joining heights, Bk), :mod:`.clades` (Robinson-Foulds, support, recovery
of a grouping), :mod:`.clade_matching` (clades that correspond, graded), :mod:`.consensus` (one tree for several),
:mod:`.bootstrap` (support by resampled samples), :mod:`.seed_agreement` (all pairs of several trees against chance),
:mod:`.severity` (how bad mistakes are), :mod:`.untangling` (facing layouts), :mod:`.dynamic_cut` (groups at heights of
their own), :mod:`.kendall` (the paper's tau per class), :mod:`.linkage` (checks and walks they share).

A tree is scipy's linkage array; classes are matched by index. A score that is not defined is ``nan``, never 0.
"""

from __future__ import annotations

from lwal_core.analysis.trees.agreement import (
    CORRELATIONS,
    bakers_gamma,
    cophenetic_correlation,
    cophenetic_distance_correlation,
    fowlkes_mallows,
)
from lwal_core.analysis.trees.bootstrap import bootstrap_support, scarce_classes
from lwal_core.analysis.trees.clade_matching import CladeMatch, best_matching_clades, transfer_support
from lwal_core.analysis.trees.clades import (
    CladeRecovery,
    CladeSet,
    clade_recovery,
    clade_support,
    clades,
    robinson_foulds,
)
from lwal_core.analysis.trees.consensus import Consensus, majority_consensus, tree_of_clades
from lwal_core.analysis.trees.dynamic_cut import dynamic_tree_cut
from lwal_core.analysis.trees.kendall import (
    KendallNull,
    default_permutations,
    kendall_tau_by_class,
    kendall_tau_ceiling,
    kendall_tau_null,
    kendall_tau_permutation_p,
)
from lwal_core.analysis.trees.seed_agreement import (
    CrossAgreement,
    PairScore,
    SeedAgreement,
    SetDifference,
    cross_agreement,
    default_shuffles,
    seed_agreement,
    set_difference,
)
from lwal_core.analysis.trees.severity import (
    chance_severity,
    common_ancestor_heights,
    hierarchical_distance_at_k,
    mistake_severity,
)
from lwal_core.analysis.trees.untangling import UNTANGLE_METHODS, entanglement, untangle

__all__ = [
    "CORRELATIONS",
    "UNTANGLE_METHODS",
    "CladeMatch",
    "CladeRecovery",
    "CladeSet",
    "Consensus",
    "CrossAgreement",
    "KendallNull",
    "PairScore",
    "SeedAgreement",
    "SetDifference",
    "bakers_gamma",
    "best_matching_clades",
    "bootstrap_support",
    "chance_severity",
    "clade_recovery",
    "clade_support",
    "clades",
    "common_ancestor_heights",
    "cophenetic_correlation",
    "cophenetic_distance_correlation",
    "cross_agreement",
    "default_permutations",
    "default_shuffles",
    "dynamic_tree_cut",
    "entanglement",
    "fowlkes_mallows",
    "hierarchical_distance_at_k",
    "kendall_tau_by_class",
    "kendall_tau_ceiling",
    "kendall_tau_null",
    "kendall_tau_permutation_p",
    "majority_consensus",
    "mistake_severity",
    "robinson_foulds",
    "scarce_classes",
    "seed_agreement",
    "set_difference",
    "transfer_support",
    "tree_of_clades",
    "untangle",
]
