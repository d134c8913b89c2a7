"""Decisions that stop at a group: by hand on four classes, and against a walk down the tree."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.cluster.hierarchy import linkage, to_tree

from lwal_core.analysis.stopping import stopped_decisions
from lwal_core.errors import AnalysisError

PETS_AND_VEHICLES = np.array([[0, 1, 1, 2], [2, 3, 1, 2], [4, 5, 2, 4]], dtype=float)
FLAT = np.array([[0, 1, 1, 2], [4, 2, 1, 3], [5, 3, 1, 4]], dtype=float)


def test_by_hand() -> None:
    scores = [[0.5, 0.4, 0.1, 0.0], [0.1, 0.2, 0.35, 0.35], [0.96, 0.02, 0.01, 0.01]]
    plain, half, most = stopped_decisions(scores, PETS_AND_VEHICLES, [1, 0, 0], [0.5, 0.9])
    # a class each, the third is right
    assert plain == (0.0, pytest.approx(1 / 3), 1.0, 1.0)
    # pets (right), vehicles (wrong), the first class (right); a group of two of four says half
    assert half == (0.5, pytest.approx(2 / 3), pytest.approx((0.5 + 0.5 + 1) / 3), pytest.approx(1 / 3))
    # pets are just 0.9, which does not exceed it: nothing is said of the first two
    assert most == (0.9, 1.0, pytest.approx(1 / 3), pytest.approx(1 / 3))


def test_merges_at_one_height_are_one_node() -> None:
    (_, half) = stopped_decisions([[0.4, 0.4, 0.1, 0.1]], FLAT, [0], [0.5])
    assert half == (0.5, 1.0, 0.0, 0.0)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 9), st.sampled_from([0.5, 0.7, 0.95]))
def test_it_is_a_walk_down_the_tree(seed: int, n: int, sureness: float) -> None:
    generator = np.random.default_rng(seed)
    Z = linkage(generator.normal(size=(n, 3)), "average")
    scores = generator.dirichlet(np.full(n, 0.3), size=6)
    targets = generator.integers(0, n, size=6)
    right = says = named = 0.0
    for row, true in zip(scores, targets, strict=True):
        node = to_tree(Z)
        while not node.is_leaf():
            sure = [c for c in (node.left, node.right) if sum(row[i] for i in c.pre_order()) > sureness]
            if not sure:
                break
            (node,) = sure
        classes = node.pre_order()
        right += true in classes
        says += 1 - math.log(len(classes)) / math.log(n)
        named += len(classes) == 1
    assert stopped_decisions(scores, Z, targets, [sureness])[1] == (
        sureness, pytest.approx(right / 6), pytest.approx(says / 6), pytest.approx(named / 6),
    )  # fmt: skip


def test_no_samples_are_undefined() -> None:
    found = stopped_decisions(np.zeros((0, 4)), FLAT, np.zeros(0, dtype=int))
    assert all(math.isnan(each.accuracy) for each in found)


@pytest.mark.parametrize("sureness", [0.4, 1.0, math.nan])
def test_a_sureness_that_leaves_several_ways_is_refused(sureness: float) -> None:
    with pytest.raises(AnalysisError, match="sureness"):
        stopped_decisions([[0.25] * 4], FLAT, [0], [sureness])


@pytest.mark.parametrize(("scores", "targets"), [([[0.5] * 3], [0]), ([[0.25] * 4], [4]), ([[0.25] * 4], [0, 1])])
def test_what_does_not_fit_the_tree_is_refused(scores: list, targets: list) -> None:
    with pytest.raises(AnalysisError):
        stopped_decisions(scores, FLAT, targets)
