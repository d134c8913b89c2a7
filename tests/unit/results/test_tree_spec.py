"""The specification of a tree: defaults, what is refused and how, and that equal ones are one cache key."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import pytest

from lwal_core.analysis.hierarchy import build_hierarchy
from lwal_core.errors import AnalysisError, RunError
from lwal_core.results.run_tree import run_hierarchy, tree_caption
from lwal_core.results.tree_spec import (
    DISTANCE_HELP,
    DISTANCES,
    LINKAGE_HELP,
    LINKAGES,
    VECTORS,
    VECTORS_HELP,
    TreeSpec,
    allowed_linkage,
)
from lwal_core.runs import Run
from lwal_core.runs.paths import EVALUATION

Make = Callable[..., Run]


def test_the_default_is_the_newest_class_means_by_average_linkage(make_run: Make) -> None:
    run = make_run(epochs=3)
    spec = TreeSpec.of(run)
    assert spec == TreeSpec(run.id, 3, "centroids", "average", "euclidean", None)
    assert {spec: 1}[TreeSpec.of(run, 3)] == 1 and spec != TreeSpec.of(run, 2)
    made = build_hierarchy(run.vectors(3, "centroids"), run.class_names, "average", "euclidean")
    assert run_hierarchy(run).linkage.tolist() == made.linkage.tolist() == run_hierarchy(run, spec).linkage.tolist()


@pytest.mark.parametrize("vectors", [each for each in VECTORS if each != "confusion"])  # that: test_confusion_tree.py
@pytest.mark.parametrize(("linkage", "distance"), list(product(LINKAGES, DISTANCES)))
def test_every_choice_is_a_tree_or_refused(make_run: Make, vectors: str, linkage: str, distance: str) -> None:
    run = make_run(layers=True, classes=4)
    if linkage in ("ward", "centroid", "median") and distance != "euclidean":
        assert allowed_linkage(linkage, distance) == "average"
        with pytest.raises(AnalysisError, match="Euclidean distances only"):
            TreeSpec.of(run, None, vectors, linkage, distance)
        return
    assert allowed_linkage(linkage, distance) == linkage
    spec = TreeSpec.of(run, 1, vectors, linkage, distance)
    h = run_hierarchy(run, spec)
    assert (h.method, h.metric) == (linkage, distance)
    assert h.linkage.tolist() == build_hierarchy(run.vectors(1, vectors), h.names, linkage, distance).linkage.tolist()
    assert f"{linkage.capitalize()} linkage of {distance} distances" in tree_caption(run, spec)
    assert spec.view()["vectors"] == vectors and spec.file_stem.endswith(f"-{linkage}-{distance}")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"vectors": "weights"}, "'weights' is no source of class vectors"),
        ({"linkage": "nearest"}, "no linkage method 'nearest'"),
        ({"distance": ""}, "no distance ''"),
    ],
)
def test_what_is_refused_is_named(make_run: Make, options: dict[str, str], sentence: str) -> None:
    with pytest.raises((AnalysisError, RunError), match=sentence):
        TreeSpec.of(make_run(), **options)


def test_a_run_without_labels_has_no_newest_epoch(make_run: Make) -> None:
    run = make_run()
    for file in (run.path / "labels").iterdir():
        file.unlink()
    with pytest.raises(RunError, match="no labels yet"):
        TreeSpec.of(run, vectors="centroids")
    assert TreeSpec.of(run).vectors == "confusion"
    (run.path / EVALUATION).unlink()
    with pytest.raises(RunError, match="no labels yet"):
        TreeSpec.of(run)


def test_another_run_or_epoch_keeps_the_choices() -> None:
    spec = TreeSpec("a", 3, "labels", "ward", "euclidean", 4)
    assert spec.at("b", 1) == TreeSpec("b", 1, "labels", "ward", "euclidean", 4)


def test_help_of_the_command_line_lists_every_choice() -> None:
    assert all(word in LINKAGE_HELP for word in LINKAGES) and all(word in DISTANCE_HELP for word in DISTANCES)
    assert all(word in VECTORS_HELP for word in VECTORS) and LINKAGE_HELP.startswith("average, ")
