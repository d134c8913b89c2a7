"""Entanglement of two trees face to face, and untangling by turning nodes.

Entanglement measures a layout, not the trees: 0 does not mean that two trees are equal, and models must not be ranked
by it.

Source: T. Galili, *dendextend*, Bioinformatics 31 (2015); the names of the methods are that package's.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence

import numpy as np
import numpy.typing as npt

from lwal_core.analysis.base.linkage import FloatArray, IntArray, check_pair, node_sizes
from lwal_core.errors import AnalysisError

UNTANGLE_METHODS = ("step2side", "step1side", "labels", "ladderize", "none")
_MAX_ROUNDS = 10
_SMALLEST_POWER = 1e-50  # stands for L = 0: every line that is not horizontal then counts 1
_GAIN = 1e-12  # share of the total; a smaller gain is the rounding of two equal sums


def entanglement(
    left_order: Sequence[Hashable] | npt.NDArray[np.generic],
    right_order: Sequence[Hashable] | npt.NDArray[np.generic],
    L: float = 1.5,
) -> float:
    """How tangled two facing orders of the same names are.

    The sum over all names of the distance between its two places, to the power L, divided by that sum for an order and
    its mirror image.

    Args:
        left_order: Names or indices from top to bottom; no duplicates.
        right_order: The same names in the other tree's order.
        L: Power of a line's slope, from 0 up; 0 counts the lines that are not horizontal.

    Returns:
        0 when all lines are horizontal, and for a single name; 1 for mirror images. With ``L < 1`` other orders can
        exceed 1. ``nan`` for no names.

    Raises:
        AnalysisError: different or duplicate names, or an L that is negative or not finite.
    """
    left, right = list(left_order), list(right_order)
    power = _check_power(L)
    place = {name: i for i, name in enumerate(left)}
    if len(place) != len(left) or len(set(right)) != len(right):
        raise AnalysisError("An order holds a name twice.", "Give every class a name of its own.")
    if set(right) != place.keys():
        strange = [name for name in right if name not in place] + [name for name in left if name not in set(right)]
        raise AnalysisError(
            f"The two orders hold different names, for example {strange[0]!r}.",
            "Reduce both to the names that they share.",
        )
    n = len(left)
    if n < 2:
        return math.nan if n == 0 else 0.0
    positions = np.array([place[name] for name in right])
    weight = _line_weights(n, power)
    here = np.arange(n)
    return float(weight[np.abs(here - positions)].sum() / weight[np.abs(2 * here - (n - 1))].sum())


def untangle(
    Za: npt.ArrayLike, Zb: npt.ArrayLike, method: str = "step2side", L: float = 1.5
) -> tuple[IntArray, IntArray]:
    """Turn the nodes of two facing trees so that fewer lines between them cross.

    Both trees start in the leaf order of scipy (first child of a row on top). ``"step1side"`` goes through the nodes
    of the left tree from the root down and turns one where that lowers the entanglement; ``"step2side"`` does so for
    both sides in turn until one stands still, at most ten rounds; ``"labels"`` sorts the right tree by the places in
    the left one; ``"ladderize"`` puts the larger child of every node on top, in each tree for itself; ``"none"``
    leaves both as they are. All are deterministic; the steps find a local optimum.

    Args:
        Za: Linkage of the left tree, ``[n - 1, 4]``.
        Zb: Linkage of the right tree, over the same classes in the same order.
        method: See above.
        L: Power of a line's slope in the entanglement.

    Returns:
        The class indices from top to bottom of the left and of the right tree, ``[n]`` each.

    Raises:
        AnalysisError: not linkages, different numbers of classes, unknown method, or an L that is negative or not
            finite.
    """
    a, b = check_pair(Za, Zb)
    power = _check_power(L)
    if method not in UNTANGLE_METHODS:
        raise AnalysisError(
            f"{method!r} is no way to untangle; allowed are {', '.join(UNTANGLE_METHODS)}.", "Choose one of them."
        )
    left, right = _Layout(a), _Layout(b)
    if method == "labels":
        right.sort_by_mean_place(_places(left.order()))
    elif method == "ladderize":
        left.put_larger_first()
        right.put_larger_first()
    elif method == "step1side":
        left.turn_towards(right.order(), power)
    elif method == "step2side":
        _untangle_both(left, right, power)
    return left.order(), right.order()


def _untangle_both(left: _Layout, right: _Layout, power: float) -> None:
    """Alternate passes over both sides, at least one each, until one stands still.

    Going on until both stand still would sometimes lower the entanglement further, but would no longer be the
    published method, whose leaf orders these are.
    """
    left.turn_towards(right.order(), power)
    right.turn_towards(left.order(), power)
    for _ in range(_MAX_ROUNDS - 1):
        if not left.turn_towards(right.order(), power) or not right.turn_towards(left.order(), power):
            return


class _Layout:
    """A tree with an order of the two children at every node."""

    def __init__(self, linkage: FloatArray) -> None:
        self.n = len(linkage) + 1
        self.children = linkage[:, :2].astype(np.intp).tolist()
        self.sizes: list[int] = node_sizes(linkage).tolist()

    def order(self) -> IntArray:
        """Class indices from top to bottom."""
        n = self.n
        order = np.empty(n, dtype=np.intp)
        start = [0] * (2 * n - 1)
        for row in range(n - 2, -1, -1):
            top, bottom = self.children[row]
            start[top] = start[n + row]
            start[bottom] = start[n + row] + self.sizes[top]
        order[start[:n]] = np.arange(n)
        return order

    def sort_by_mean_place(self, place: IntArray) -> None:
        """Sort the children of every node by value: a class's place, a node's mean of its children's values."""
        value: list[float] = place.astype(np.float64).tolist()
        for row, (top, bottom) in enumerate(self.children):
            if value[bottom] < value[top]:
                self.children[row] = [bottom, top]
            value.append((value[top] + value[bottom]) / 2)

    def put_larger_first(self) -> None:
        for row, (top, bottom) in enumerate(self.children):
            if self.sizes[bottom] > self.sizes[top]:
                self.children[row] = [bottom, top]

    def turn_towards(self, other_order: IntArray, power: float) -> bool:
        """One pass from the root down: turn a node if that lowers the entanglement with a fixed order.

        Returns whether any node was turned.

        Turning a node moves only its own block of leaves, so only that block's share of the sum is computed.
        """
        n = self.n
        if n < 2:
            return False
        weight = _line_weights(n, power)
        here = np.arange(n)
        target = _places(other_order)[self.order()]  # the place on the other side of the class at each place here
        least_gain = _GAIN * float(weight[np.abs(here - target)].sum())
        start = [0] * (2 * n - 1)
        turned = False
        for row in range(n - 2, -1, -1):
            top, bottom = self.children[row]
            first, split, last = start[n + row], start[n + row] + self.sizes[top], start[n + row] + self.sizes[n + row]
            block, places = target[first:last], here[first:last]
            swapped = np.concatenate((target[split:last], target[first:split]))
            now = float(weight[np.abs(places - block)].sum())
            if now - float(weight[np.abs(places - swapped)].sum()) > least_gain:
                target[first:last] = swapped
                self.children[row] = [bottom, top]
                top, bottom = bottom, top
                turned = True
            start[top], start[bottom] = first, first + self.sizes[top]
        return turned


def _places(order: IntArray) -> IntArray:
    place = np.empty(len(order), dtype=np.intp)
    place[order] = np.arange(len(order))
    return place


def _line_weights(n: int, power: float) -> FloatArray:
    """``(d / (n - 1)) ** power`` for the slopes d = 0 to n - 1; scaled so that no power overflows."""
    return (np.arange(n) / (n - 1)) ** power


def _check_power(L: float) -> float:
    if not (isinstance(L, int | float | np.integer | np.floating) and math.isfinite(L) and L >= 0):
        raise AnalysisError(f"L = {L!r} is not a power from 0 up.", "Give a number such as 1.5.")
    return float(L) or _SMALLEST_POWER
