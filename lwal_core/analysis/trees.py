"""Comparing two trees of the same classes: everything in one place to import from.

The parts: :mod:`.agreement` (correlations of joining heights, Bk), :mod:`.clades` (Robinson-Foulds, support, recovery
of a grouping), :mod:`.untangling` (facing layouts), :mod:`.kendall` (the paper's tau per class), :mod:`.linkage`
(checks and walks they share).

A tree is scipy's linkage array; classes are matched by index. A score that is not defined is ``nan``, never 0.
"""

from __future__ import annotations

from lwal_core.analysis.agreement import (
    CORRELATIONS,
    bakers_gamma,
    cophenetic_correlation,
    cophenetic_distance_correlation,
    fowlkes_mallows,
)
from lwal_core.analysis.clades import (
    CladeRecovery,
    CladeSet,
    clade_recovery,
    clade_support,
    clades,
    robinson_foulds,
)
from lwal_core.analysis.kendall import (
    KendallNull,
    kendall_tau_by_class,
    kendall_tau_ceiling,
    kendall_tau_null,
    kendall_tau_permutation_p,
)
from lwal_core.analysis.untangling import UNTANGLE_METHODS, entanglement, untangle

__all__ = [
    "CORRELATIONS",
    "UNTANGLE_METHODS",
    "CladeRecovery",
    "CladeSet",
    "KendallNull",
    "bakers_gamma",
    "clade_recovery",
    "clade_support",
    "clades",
    "cophenetic_correlation",
    "cophenetic_distance_correlation",
    "entanglement",
    "fowlkes_mallows",
    "kendall_tau_by_class",
    "kendall_tau_ceiling",
    "kendall_tau_null",
    "kendall_tau_permutation_p",
    "robinson_foulds",
    "untangle",
]
