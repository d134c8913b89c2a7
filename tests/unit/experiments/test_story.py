"""The first story: what every run found, counted by hand from the class means; one sentence of at most twelve words."""

from __future__ import annotations

import shutil
from itertools import combinations

import numpy as np
import pytest
from scipy.cluster.hierarchy import cophenet, linkage, to_tree
from scipy.spatial.distance import squareform

from lwal_core.experiments import story as library
from lwal_core.experiments.examples import pack_example
from lwal_core.experiments.story import Story, first_story, story_of
from lwal_core.figures.story import StoryGroup, story_groups
from lwal_core.runs import Run, RunWriter
from lwal_core.runs.bundle import import_bundle
from lwal_core.taxonomy import load_taxonomy

NAMES = list(load_taxonomy("cifar10").classes)


def told(found: dict[str, int], runs: int = 3, sizes: dict[str, int] | None = None) -> Story:
    numbers = iter(range(1_000))
    titles = {frozenset(next(numbers) for _ in range((sizes or {}).get(title, 2))): title for title in found}
    groups = story_groups(titles, {own: found[title] for own, title in titles.items()}, runs)
    return Story("LwAL", tuple(range(runs)), 0, {}, (), tuple(groups), "the groups", None, "")


@pytest.mark.parametrize(
    ("found", "runs", "sentence"),
    [
        ({"face": 3, "food": 3, "vehicle": 1}, 3, "The network found “face” and “food” by itself."),
        ({"face": 3}, 3, "The network found “face” by itself."),
        ({"face": 2, "food": 2, "tool": 1}, 3, "The network found “face” and “food” in 2 of 3 runs."),
        ({"face": 3, "food": 4, "tool": 1}, 5, "The network found “face” and “food” in most runs."),
        ({"face": 1, "food": 0}, 3, "No group of the taxonomy was found in most runs."),
        ({"face": 1, "food": 0}, 1, "The network found “face” by itself."),
        (dict.fromkeys(("a", "b", "c", "d", "e"), 2), 2, "The network found “a”, “b”, “c” and 2 more by itself."),
    ],
)
def test_the_sentence_says_what_the_numbers_say_in_twelve_words(found, runs, sentence):
    story = told(found, runs)
    assert story.sentence() == sentence and len(sentence.split()) <= 12
    assert f"{sum(count == runs for count in found.values())} of {len(found)} groups" in story.evidence()


def test_larger_groups_are_named_first():
    assert told({"a": 2, "b": 2}, 2, {"b": 5}).sentence() == "The network found “b” and “a” by itself."


def clades_by_hand(run: Run) -> set[frozenset[int]]:
    """Leaves below each merge by scipy's own tree of the class means after the last epoch."""
    means = run.labels(run.label_epochs()[-1]).centroids.astype(np.float64)
    nodes = [to_tree(linkage(means, "average"))]
    found = set()
    while nodes:
        node = nodes.pop()
        found.add(frozenset(node.pre_order()))
        nodes += [child for child in (node.left, node.right) if child is not None]
    return found


def test_counts_are_those_of_the_class_means(make_run):
    runs = [make_run(classes=10, class_names=NAMES, images=True, seed=seed) for seed in (1, 2, 3)]
    story = story_of(runs)
    assert story is not None and story.seeds == (1, 2, 3) and sorted(story.trees) == runs[0].label_epochs()
    for group in story.groups:
        assert group.found == sum(group.members in clades_by_hand(run) for run in runs)
    for one, other in combinations(story.groups, 2):
        assert not one.members & other.members or one.members < other.members or other.members < one.members
    assert all(picture.startswith("data:image/png;base64,") for picture in story.pictures) and len(story.pictures) == 10


def test_groups_that_are_there_are_found_and_an_order_of_classes_is_no_matter(make_run):
    """Class means that are the taxonomy's own places: all its groups are clades."""
    apart = squareform(cophenet(load_taxonomy("cifar10").linkage(NAMES)))
    values, vectors = np.linalg.eigh(-0.5 * (np.eye(10) - 0.1) @ apart**2 @ (np.eye(10) - 0.1))
    places = (vectors * np.sqrt(np.maximum(values, 0))).astype(np.float32)
    run = make_run(classes=10, class_names=NAMES)
    for epoch in run.label_epochs():
        RunWriter(run.path).labels(epoch, places, places)
    story = story_of([run])
    assert story is not None and all(group.found == 1 and group.told for group in story.groups)


def test_without_a_taxonomy_or_a_run_there_is_no_story(make_run):
    assert story_of([]) is None and story_of([make_run(class_names=["qwx", "zzy", "kkv"], classes=3)]) is None


def test_the_example_tells_one(monkeypatch, tmp_path):
    story = first_story()
    assert story is not None and story.method == "lwal-plus" and story.seeds == (12, 123, 1234)
    assert len(story.trees) == 9 and all(story.pictures) and len(story.sentence().split()) <= 12
    assert story.command == "lwal sweep docs/sweeps/pictograms-example.yaml"
    monkeypatch.setattr(library, "FOLDER", tmp_path)
    assert first_story() is None


def test_a_reduced_example_is_a_run_with_the_same_class_means_and_one_picture_a_class(make_run, home, tmp_path):
    run = make_run(classes=4, images=True, seed=1234, data={"name": "pictograms"})
    pack_example(run, tmp_path / "pictograms-lwal-s1234.zip")
    before = {epoch: run.labels(epoch) for epoch in run.label_epochs()}
    shutil.rmtree(run.path)
    again, _ = import_bundle(tmp_path / "pictograms-lwal-s1234.zip")
    assert again.label_epochs() == list(before) and "features" not in again.sources()
    for epoch, snapshot in before.items():
        np.testing.assert_array_equal(again.labels(epoch).centroids, snapshot.centroids)
    samples = again.samples()
    assert samples is not None and sorted(samples.y) == [0, 1, 2, 3]


def test_colours_follow_the_group_around():
    inner = StoryGroup("plant food", frozenset({1, 2}), 2, 2)
    assert not inner.told and inner.color is None
