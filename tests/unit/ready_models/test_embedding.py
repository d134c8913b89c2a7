"""A model runs over a data set: numbers equal a slow loop's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from lwal_core.data import Dataset
from lwal_core.errors import TrainingError
from lwal_core.ready_models import embedding
from lwal_core.ready_models.model import ReadyModel


class Small(nn.Module):
    """Features are what a linear layer makes of the pixels; then a head."""

    def __init__(self) -> None:
        super().__init__()
        self.body, self.head = nn.Linear(3 * 6 * 6, 5), nn.Linear(5, 4)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.head(torch.tanh(self.body(x.flatten(1))))
        return out


@pytest.fixture
def model() -> ReadyModel:
    torch.manual_seed(0)
    network = Small().eval()
    return ReadyModel("timm:small", network, network.head, lambda x: x.float() / 255, 6, (6, 6), (), "random")


@pytest.fixture
def dataset() -> Dataset:
    rng = np.random.default_rng(1)
    x = torch.from_numpy(rng.integers(0, 256, (60, 3, 6, 6), dtype=np.uint8))
    y = torch.arange(60) % 3
    return Dataset.build(name="d", kind="images", x_train=x[:40], y_train=y[:40], x_test=x[40:], y_test=y[40:],
                         class_names=("a", "b", "c"))  # fmt: skip


def slow(model: ReadyModel, image: Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Features and outputs of one image, in float64."""
    network: Any = model.network
    pixels = image.numpy().astype(np.float64).ravel() / 255
    weights = {name: value.detach().numpy().astype(np.float64) for name, value in network.named_parameters()}
    features = np.tanh(weights["body.weight"] @ pixels + weights["body.bias"])
    return features, weights["head.weight"] @ features + weights["head.bias"]


@pytest.mark.parametrize("layer", ["features", "output"])
def test_class_means_are_those_of_a_slow_loop(
    model: ReadyModel, dataset: Dataset, layer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedding, "_LARGEST_BATCH", 7)  # the last batch is a part of one
    told: list[tuple[int, int]] = []
    found = embedding.embed(model, dataset, layer=layer, chosen=[2, 0, 3], progress=lambda *at: told.append(at))
    which = ("features", "output").index(layer)
    for label in range(3):
        loop = [slow(model, x)[which] for x, y in zip(dataset.x_train, dataset.y_train, strict=True) if y == label]
        assert np.abs(found.class_means[label] - np.mean(loop, axis=0)).max() < 1e-5
    if layer == "features":
        assert found.feature_means is None
    else:  # the layer before is kept beside it
        assert found.feature_means is not None
        loop = [slow(model, x)[0] for x, y in zip(dataset.x_train, dataset.y_train, strict=True) if y == 1]
        assert np.abs(found.feature_means[1] - np.mean(loop, axis=0)).max() < 1e-5
    assert found.outputs is not None
    for row, image in enumerate(dataset.x_test):
        assert np.abs(found.outputs[row] - slow(model, image)[1][[2, 0, 3]]).max() < 1e-5
    assert told[-1] == (60, 60) and told == sorted(told)
    hits = 0
    train = [slow(model, x)[which] for x in dataset.x_train]
    for image, label in zip(dataset.x_test, dataset.y_test, strict=True):
        z = slow(model, image)[which]
        near = sorted(range(40), key=lambda i: ((train[i] - z) ** 2).sum())[:5]
        votes = [int((dataset.y_train[near] == c).sum()) for c in range(3)]
        hits += votes.index(max(votes)) == label
    assert embedding.nearest_neighbours_accuracy(found, dataset.y_train, dataset.y_test) == pytest.approx(hits / 20)


def test_a_model_without_a_head_has_features_and_no_outputs(dataset: Dataset) -> None:
    maps = nn.Conv2d(3, 7, 3)
    model = ReadyModel("hf:maps", maps, None, lambda x: x.float(), 6, (6, 6), (), "random")
    assert embedding.embed(model, dataset).test.shape == (20, 7)
    with pytest.raises(TrainingError, match="no outputs"):
        embedding.embed(model, dataset, layer="output")


def test_numbers_that_are_not_finite_and_vectors_are_refused(model: ReadyModel, dataset: Dataset) -> None:
    with torch.no_grad():
        model.network.body.weight[0, 0] = float("nan")  # type: ignore[index, union-attr]
    with pytest.raises(TrainingError, match="not finite"):
        embedding.embed(model, dataset)
    x = torch.ones(4, 3)
    y = torch.tensor([0, 1, 0, 1])
    vectors = Dataset.build(name="v", kind="features", x_train=x, y_train=y, x_test=x, y_test=y, class_names=("a", "b"))
    with pytest.raises(TrainingError, match="takes images"):
        embedding.embed(model, vectors)
