"""Groups of a run's classes: by a rule or a kept name, with the names and colours that the tree has."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from lwal_core.errors import AnalysisError, RunError
from lwal_core.figures.clade_colors import group_marks
from lwal_core.results.cuts import groups_of
from lwal_core.results.run_tree import run_hierarchy
from lwal_core.runs import Run, annotate_clade, keep_cut

Make = Callable[..., Run]


def test_groups_of_a_rule_are_those_of_the_tree(make_run: Make) -> None:
    run = make_run(classes=6, epochs=1)
    h = run_hierarchy(run)
    found = groups_of(run, "groups=3")
    np.testing.assert_array_equal(found.labels, h.cut(k=3))
    assert found.colors == tuple(mark.color for mark in group_marks(h, 3))
    assert len(set(zip(found.colors, found.symbols, strict=True))) == 3
    assert found.title == "3 groups"
    assert sorted(i for g in range(3) for i in found.members(g).tolist()) == list(range(6))
    assert all(h.sizes[top] <= 2 for top in _tops(run, "size=2"))


def _tops(run: Run, rule: str) -> list[int]:
    h, found = run_hierarchy(run), groups_of(run, rule)
    return [h.smallest_clade(found.members(group).tolist()) for group in range(len(found.names))]


def test_names_that_people_gave_are_the_groups(make_run: Make) -> None:
    run = make_run(classes=6, epochs=1)
    top = next(top for top in _tops(run, "groups=2") if top >= 6)
    h = run_hierarchy(run)
    annotate_clade(run.path, [h.names[i] for i in h.members(top)], "birds")
    assert "birds" in groups_of(run, "groups=2").names


def test_a_kept_cut_goes_first_and_stays(make_run: Make) -> None:
    run = make_run(classes=4, epochs=1)
    a, b, c, d = run.class_names
    keep_cut(run.path, "2", [("first", (d, a)), ("second", (b, c))])
    found = groups_of(run, "2")
    assert found.labels.tolist() == [0, 1, 1, 0]
    assert found.names == ("first", "second") and found.title == "2"
    assert found.classes(run.class_names) == [("first", (a, d)), ("second", (b, c))]


@pytest.mark.parametrize("cut", ["birds", "", "groups=x", "tree"])
def test_no_such_cut_is_said_with_those_that_are_kept(make_run: Make, cut: str) -> None:
    run = make_run(classes=4, epochs=1)
    keep_cut(run.path, "coarse", [("all", run.class_names)])
    with pytest.raises(RunError, match="has no cut") as caught:
        groups_of(run, cut)
    assert "coarse" in str(caught.value)


def test_a_cut_that_the_tree_does_not_have(make_run: Make) -> None:
    with pytest.raises(AnalysisError, match="k=5"):
        groups_of(make_run(classes=4, epochs=1), "groups=5")


def test_a_kept_cut_of_other_classes_is_refused(make_run: Make) -> None:
    run = make_run(classes=3, epochs=1)
    keep_cut(run.path, "less", [("some", run.class_names[:2])])
    with pytest.raises(RunError, match="lacks the class"):
        groups_of(run, "less")
    keep_cut(run.path, "more", [("all", (*run.class_names, "unicorn"))])
    with pytest.raises(RunError, match="unicorn"):
        groups_of(run, "more")
