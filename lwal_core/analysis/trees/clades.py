"""Trees as sets of clades: Robinson-Foulds distance, support by other trees, recovery of a reference grouping.

A clade is the set of classes below an inner node. The root (all classes) and single classes belong to every tree and
are left out, so clades have 2 to n - 1 classes. Merges at one height are one node with several children: which of the
tied pairs was stored first is an accident, and a tree with all heights equal is a star without any clade.

Clades are kept as bits of whole numbers: a chain of 5,000 classes then takes 2 MB, where sets of indices would take
a gigabyte.

Source: D. Robinson, L. Foulds, *Comparison of phylogenetic trees*, Mathematical Biosciences 53 (1981).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lwal_core.analysis.base.linkage import FloatArray, check_linkage, check_pair, tie_levels
from lwal_core.errors import AnalysisError


class CladeSet(Set[frozenset[int]]):
    """A set of clades over the classes 0 to n - 1; behaves as a set of frozensets of class indices.

    Attributes:
        n: Number of classes.
        masks: The clades as whole numbers, bit i set when class i belongs.
    """

    __slots__ = ("masks", "n")

    def __init__(self, n: int, masks: Iterable[int]) -> None:
        self.n = n
        self.masks = frozenset(masks)

    def __contains__(self, clade: object) -> bool:
        if not isinstance(clade, Set) or not all(isinstance(i, int | np.integer) and 0 <= i < self.n for i in clade):
            return False
        return _mask(clade) in self.masks

    def __iter__(self) -> Iterator[frozenset[int]]:
        return (frozenset(_members(mask)) for mask in sorted(self.masks))

    def __len__(self) -> int:
        return len(self.masks)

    def __repr__(self) -> str:
        return f"CladeSet(n={self.n}, {len(self)} clades)"

    @classmethod
    def _from_iterable(cls, clades: Iterable[object]) -> set[object]:  # type: ignore[override]
        return set(clades)  # what the set operators of the base class return


def clades(Z: npt.ArrayLike) -> CladeSet:
    """The clades of a tree: sets of 2 to n - 1 class indices, tied merges counted as one node.

    Args:
        Z: Linkage ``[n - 1, 4]``.

    Returns:
        A set of frozensets of class indices, kept compactly.

    Raises:
        AnalysisError: not a linkage.
    """
    linkage = check_linkage(Z)
    return CladeSet(len(linkage) + 1, (mask for mask in _row_masks(linkage) if mask))


def robinson_foulds(Za: npt.ArrayLike, Zb: npt.ArrayLike, rooted: bool = True, normalized: bool = False) -> float:
    """Number of clades that are in one tree and not in the other.

    Args:
        Za: Linkage ``[n - 1, 4]``.
        Zb: Linkage over the same classes in the same order.
        rooted: True compares clades; False forgets the root and compares splits of the classes into two groups of at
            least two.
        normalized: Divide by the number of clades (splits) in both trees together, which gives 0 to 1.

    Returns:
        0 for equal trees. ``nan`` when no tree could differ: fewer than three classes (rooted) or four (unrooted);
        normalized also when neither tree has a clade.

    Raises:
        AnalysisError: not linkages, or different numbers of classes.
    """
    a, b = check_pair(Za, Zb)
    n = len(a) + 1
    if n <= (2 if rooted else 3):
        return math.nan
    first, second = ({mask for mask in _row_masks(linkage) if mask} for linkage in (a, b))
    if not rooted:
        first, second = _splits(first, n), _splits(second, n)
    different, total = len(first ^ second), len(first) + len(second)
    if not normalized:
        return float(different)
    return different / total if total else math.nan


def clade_support(reference_Z: npt.ArrayLike, replicate_Zs: Sequence[npt.ArrayLike]) -> FloatArray:
    """Share of replicate trees that contain each clade of a reference tree.

    Args:
        reference_Z: Linkage ``[n - 1, 4]``.
        replicate_Zs: Linkages over the same classes in the same order, for example of other seeds.

    Returns:
        ``[n - 1]``, 0 to 1, one value a row of the reference. ``nan`` for the root (every tree has it), for a row that
        is no clade of its own because it is tied with its parent, and everywhere when there is no replicate.

    Raises:
        AnalysisError: not linkages, or different numbers of classes.
    """
    reference = check_linkage(reference_Z, "the reference linkage")
    row_masks = _row_masks(reference)
    counts = dict.fromkeys((mask for mask in row_masks if mask), 0)
    for replicate_Z in replicate_Zs:
        _, replicate = check_pair(reference, replicate_Z)
        for mask in set(_row_masks(replicate)) & counts.keys():
            counts[mask] += 1
    if not replicate_Zs:
        return np.full(len(reference), math.nan)
    return np.array([counts[mask] / len(replicate_Zs) if mask else math.nan for mask in row_masks])


@dataclass(frozen=True)
class CladeRecovery:
    """How a tree treats the groups of a coarser reference, such as a taxonomy.

    A reference with several children a node says nothing about the order within it, so extra clades of the tree are
    refinements, not errors; only clades that cut across a group contradict it.

    Attributes:
        recovered: Number of reference groups that are clades of the tree.
        total: Number of reference groups.
        contradictions: Number of clades of the tree that overlap some group without one holding the other.
        clades: Number of clades of the tree.
    """

    recovered: int
    total: int
    contradictions: int
    clades: int

    @property
    def recall(self) -> float:
        """Share of the reference groups that the tree has, 0 to 1; ``nan`` without any group."""
        return self.recovered / self.total if self.total else math.nan


def clade_recovery(reference: Iterable[Iterable[int]], Z: npt.ArrayLike) -> CladeRecovery:
    """Compare a tree with a reference grouping of the same classes.

    Args:
        reference: Groups of class indices; those with fewer than 2 or with all n classes are left out.
        Z: Linkage ``[n - 1, 4]``.

    Raises:
        AnalysisError: not a linkage, or an index outside 0 to n - 1.
    """
    tree = clades(Z)
    groups = set()
    for group in reference:
        members = set(group)
        if any(not 0 <= i < tree.n for i in members):
            raise AnalysisError(
                f"A reference group names class {max(members, key=abs)}, the tree has the classes 0 to {tree.n - 1}.",
                "Give groups of class indices.",
            )
        if 2 <= len(members) < tree.n:
            groups.add(_mask(members))
    crossing = sum(any((clade & group) not in (0, clade, group) for group in groups) for clade in tree.masks)
    return CladeRecovery(len(groups & tree.masks), len(groups), crossing, len(tree))


def _row_masks(linkage: FloatArray) -> list[int]:
    """The clade of each row as bits; 0 for the root and for a row that is tied with its parent."""
    n = len(linkage) + 1
    masks = [1 << i for i in range(n)]
    levels = tie_levels(linkage[:, 2]).tolist()
    proper = [True] * (n - 1)
    for row, (left, right) in enumerate(linkage[:, :2].astype(np.intp).tolist()):
        masks.append(masks[left] | masks[right])
        for child in (left - n, right - n):
            if child >= 0 and levels[child] == levels[row]:
                proper[child] = False
    if proper:
        proper[-1] = False
    return [mask if keep else 0 for mask, keep in zip(masks[n:], proper, strict=True)]


def _splits(masks: set[int], n: int) -> set[int]:
    """Clades as splits of the classes, written as the side without class 0; both sides have at least two classes."""
    everything = (1 << n) - 1
    sides = {everything ^ mask if mask & 1 else mask for mask in masks}
    return {side for side in sides if 2 <= side.bit_count() <= n - 2}


def _mask(members: Iterable[int]) -> int:
    mask = 0
    for member in members:
        mask |= 1 << int(member)
    return mask


def _members(mask: int) -> list[int]:
    data = np.frombuffer(mask.to_bytes((mask.bit_length() + 7) // 8, "little"), dtype=np.uint8)
    found: list[int] = np.flatnonzero(np.unpackbits(data, bitorder="little")).tolist()
    return found
