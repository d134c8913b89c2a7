"""Many sets two by two: equal to the measures of two sets; groups against chance by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from lwal_core.analysis import run_similarity
from lwal_core.analysis.run_similarity import group_test, samples_for, similarity_matrix
from lwal_core.analysis.similarity import linear_cka, neighbour_overlap, procrustes_distance
from lwal_core.errors import AnalysisError


def sets(count: int = 5, n: int = 40) -> list[np.ndarray]:
    generator = np.random.default_rng(0)
    common = generator.normal(size=(n, 3))
    return [common @ generator.normal(size=(3, 4 + r)) + 0.5 * generator.normal(size=(n, 4 + r)) for r in range(count)]


def test_each_cell_is_the_measure_of_two_sets() -> None:
    given = sets()
    found = similarity_matrix(given)
    assert found is not None and (found.samples, found.least_kept) == (40, 1.0)
    for i, X in enumerate(given):
        for j, Y in enumerate(given):
            assert found.values["cka"][i, j] == pytest.approx(linear_cka(X, Y), abs=1e-6)
            assert found.values["procrustes"][i, j] == pytest.approx(procrustes_distance(X, Y), abs=1e-7)
            assert found.values["neighbours"][i, j] == pytest.approx(neighbour_overlap(X, Y))


def test_wide_sets_are_compared_in_their_first_axes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_similarity, "MOST_AXES", 6)
    generator = np.random.default_rng(1)
    low = generator.normal(size=(60, 4))
    wide = [low @ generator.normal(size=(4, 30)) + 1e-3 * generator.normal(size=(60, 30)) for _ in range(3)]
    found = similarity_matrix(wide)
    assert found is not None and 0.99 < found.least_kept < 1
    for i in range(3):
        for j in range(i):
            assert found.values["procrustes"][i, j] == pytest.approx(procrustes_distance(wide[i], wide[j]), abs=2e-3)


def test_a_set_without_spread_is_undefined_and_the_others_are_not() -> None:
    found = similarity_matrix([*sets(2), np.ones((40, 3))])
    assert found is not None
    for values in found.values.values():
        assert np.isnan(values[2]).all() and np.isfinite(values[:2, :2]).all()
    assert sorted(found.order().tolist()) == [0, 1, 2]


def test_alike_sets_stand_side_by_side() -> None:
    generator = np.random.default_rng(2)
    a, b = generator.normal(size=(50, 4)), generator.normal(size=(50, 4))
    mixed = [base + 0.1 * generator.normal(size=base.shape) for base in (a, b, a, b, a)]
    found = similarity_matrix(mixed)
    assert found is not None
    assert {frozenset(part) for part in (found.order()[:3].tolist(), found.order()[2:].tolist())} & {
        frozenset({0, 2, 4})
    }


def test_what_cannot_be_compared_is_refused_and_what_nobody_wants_ends() -> None:
    for given in ([], [np.ones((3, 2)), np.ones((4, 2))], [np.ones((2_001, 1))]):
        with pytest.raises(AnalysisError):
            similarity_matrix(given)
    assert similarity_matrix(sets(), wanted=lambda: False) is None
    assert (samples_for(1), samples_for(50)) == (2_000, 819)


def test_groups_by_hand() -> None:
    """Two pairs of four members: three arrangements, and only the one that is there has both alike pairs together."""
    alike = np.array([[1, 0.9, 0.1, 0.2], [0.9, 1, 0.3, 0.2], [0.1, 0.3, 1, 0.7], [0.2, 0.2, 0.7, 1]])
    found = group_test(alike, [0, 0, 1, 1])
    assert (found.within, found.between) == (pytest.approx(0.8), pytest.approx(0.2))
    assert (found.p, found.least) == (pytest.approx(1 / 3), pytest.approx(1 / 3))
    assert group_test(alike, [0, 1, 0, 1]).p == 1.0


@pytest.mark.parametrize(("sizes", "ways"), [([2, 2], 3), ([3, 2], 10), ([2, 2, 2], 15), ([3, 1, 1], 10), ([1, 1], 1)])
def test_every_arrangement_is_tried_once(sizes: list[int], ways: int) -> None:
    found = run_similarity._all_arrangements(np.array(sizes))
    members = {frozenset(frozenset(np.flatnonzero(of == g).tolist()) for g in range(len(sizes))) for of in found}
    assert len(found) == len(members) == ways == run_similarity._arrangements(np.array(sizes))


def test_many_members_are_shuffled_and_groups_that_do_not_matter_are_not_found() -> None:
    generator = np.random.default_rng(3)
    noise = generator.normal(size=(20, 20))
    labels = np.repeat([0, 1], 10)
    assert group_test(noise + noise.T, labels).p > 0.05
    found = group_test(noise + noise.T + 5 * (labels[:, None] == labels), labels, seed=1)
    assert found.p == found.least == pytest.approx(1 / 10_000)


def test_one_group_or_single_members_have_no_test() -> None:
    for labels in ([0, 0, 0], [0, 1, 2]):
        assert math.isnan(group_test(np.eye(3), labels).p)
    with pytest.raises(AnalysisError):
        group_test(np.eye(3), [0, 1])
