"""CPCC against numpy's correlation of loops over classes, its gradient by differences, and batches that have none."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from lwal_core.errors import AnalysisError, TrainingError
from lwal_core.methods import CorrelatedWithTree, OneHotLabels
from lwal_core.methods.class_tree import ancestor_heights, class_taxonomy, path_lengths

F64 = torch.float64
NAN = math.nan
TREE = torch.tensor([[0, 2, 4, 4], [2, 0, 4, 4], [4, 4, 0, 2], [4, 4, 2, 0]], dtype=F64)


def slow(features: torch.Tensor, y: list[int], tree: torch.Tensor) -> float:
    """Correlation of the distances of class means with the tree, pair by pair, by numpy."""
    rows = features.detach().numpy()
    classes = [c for c in sorted(set(y)) if not math.isnan(tree[c, c])]
    means = {c: np.mean([row for row, true in zip(rows, y, strict=True) if true == c], axis=0) for c in classes}
    pairs = [(a, b) for a in classes for b in classes if a < b]
    near = [math.dist(means[a], means[b]) for a, b in pairs]
    far = [float(tree[a, b]) for a, b in pairs]
    return float(np.corrcoef(near, far)[0, 1])


@pytest.mark.parametrize(
    ("y", "tree"),
    [
        pytest.param([0, 1, 2, 3, 0, 1, 1], TREE, id="usual"),
        pytest.param([0, 1, 3, 3], TREE, id="absent class"),
        pytest.param(
            [0, 1, 2, 3, 4, 4], torch.nn.functional.pad(TREE, (0, 1, 0, 1), value=NAN), id="one not in the tree"
        ),
    ],
)
def test_value_and_gradient_equal_slow_version(y, tree, context):
    generator = torch.Generator().manual_seed(4)
    features = torch.randn(len(y), 6, generator=generator, dtype=F64).requires_grad_()
    z = torch.randn(len(y), len(tree), generator=generator, dtype=F64)
    method = CorrelatedWithTree(tree, 0.5)
    out = method.step_loss(z, torch.tensor(y), context(range(len(y)), features))
    plain = OneHotLabels(len(tree))(z, torch.tensor(y)).total
    assert out.pull.item() == plain.item()
    assert out.total.item() == pytest.approx(plain.item() - 0.5 * slow(features, y, tree), abs=1e-10)
    out.total.backward()
    assert features.grad is not None
    for index in [(0, 0), (2, 3), (len(y) - 1, 5)]:
        values = []
        for sign in (1, -1):
            moved = features.detach().clone()
            moved[index] += sign * 1e-6
            values.append(-0.5 * slow(moved, y, tree))
        assert features.grad[index].item() == pytest.approx((values[0] - values[1]) / 2e-6, abs=1e-6)


def test_by_hand():
    """Means on a line at 0, 1, 5, 6: 1 within the pairs, 5, 6, 4, 5 across."""
    features = torch.tensor([[0.0], [1.0], [5.0], [6.0]])
    found = CorrelatedWithTree(TREE).correlation(features, torch.arange(4)).item()
    assert found == pytest.approx(float(np.corrcoef([1, 5, 6, 4, 5, 1], [2, 4, 4, 4, 4, 2])[0, 1]), abs=1e-6)
    assert 0.95 < found < 1


@pytest.mark.parametrize(
    ("features", "y"),
    [
        pytest.param([[1.0, 2]], [0], id="batch of one"),
        pytest.param([[1.0, 2], [0, 1]], [2, 2], id="one class"),
        pytest.param([[1.0, 2], [0, 1]], [0, 2], id="two classes"),
        pytest.param([[1.0, 1]] * 4, [0, 1, 2, 3], id="all means alike"),
        pytest.param([[0.0, 0], [1, 0], [0.5, 0.75**0.5]], [0, 1, 2], id="all distances alike"),
    ],
)
def test_without_a_correlation_cross_entropy_is_left(features, y, context):
    x, z = torch.tensor(features, requires_grad=True), torch.randn(len(y), 4, requires_grad=True)
    out = CorrelatedWithTree(TREE).step_loss(z, torch.tensor(y), context(range(len(y)), x))
    out.total.backward()
    assert out.total.item() == out.pull.item()
    assert x.grad is None or torch.equal(x.grad, torch.zeros_like(x))


def test_a_flat_tree_says_nothing():
    flat = 2 * (1 - torch.eye(4))
    found = CorrelatedWithTree(flat).correlation(torch.randn(8, 3), torch.arange(8) % 4)
    assert found.item() == 0


def test_the_tree_is_saved():
    state = CorrelatedWithTree(TREE).state_dict()
    assert torch.equal(state["path_lengths"], TREE)


@pytest.mark.parametrize(
    ("tree", "weight"), [(torch.zeros(2, 3), 1.0), (torch.zeros(1, 1), 1.0), (TREE, -1.0), (TREE, NAN)]
)
def test_options_out_of_range_are_refused(tree, weight):
    with pytest.raises(ValueError, match=r"path_lengths must be|weight must be"):
        CorrelatedWithTree(tree, weight)


# --- The tree of a data set's classes ---

SHAPES = ("solid circle", "striped circle", "solid oval", "solid square", "solid star")


def test_the_tree_that_fits_the_names():
    taxonomy = class_taxonomy(SHAPES)
    assert taxonomy.name == "shapes"
    assert path_lengths(taxonomy, SHAPES)[0].tolist() == [0, 2, 4, 6, 6]
    heights = ancestor_heights(taxonomy, SHAPES)
    assert heights[0, 1] < heights[0, 2] < heights[0, 3] == heights[0, 4]
    assert np.array_equal(heights, heights.T) and not heights.diagonal().any()


def test_a_class_that_the_tree_lacks_is_far_from_all_or_left_out():
    names = (*SHAPES, "zebra")
    taxonomy = class_taxonomy(names)
    assert np.isnan(path_lengths(taxonomy, names)[5]).all()
    assert set(ancestor_heights(taxonomy, names)[5, :5]) == {ancestor_heights(taxonomy, names).max()}


def test_nouns_that_no_shipped_tree_has_get_one_from_wordnet():
    names = ("bear", "giraffe", "school bus", "Sea-Lion", "qwxyz")
    taxonomy = class_taxonomy(names, "wordnet")
    lengths = path_lengths(taxonomy, names)
    assert max(lengths[0, 1], lengths[0, 3]) < lengths[0, 2] and np.isnan(lengths[4]).all()
    heights = ancestor_heights(taxonomy, names)
    assert heights[0, 1] < heights[0, 2] and np.isfinite(heights).all()


def test_no_tree_is_one_line():
    with pytest.raises(TrainingError, match="no taxonomy fits these classes"):
        class_taxonomy(("abc", "def", "ghi"))
    with pytest.raises(TrainingError, match="'shapes' knows 0 of these 3 classes"):
        class_taxonomy(("abc", "def", "ghi"), "shapes")
    with pytest.raises(AnalysisError, match="no taxonomy 'nothing'"):
        class_taxonomy(SHAPES, "nothing")
