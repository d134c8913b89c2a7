"""Which layer is the classifier: of usual networks, wrapped ones, and none."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn
from torchvision import models

from lwal_core.integrations.classifier import HeadWatch, class_rows, find_head, unwrapped
from lwal_core.recording.arrays import RecordError


class Small(nn.Module):
    """A network with everything in one list, and an embedding and a hidden layer of as many rows."""

    def __init__(self, classes: int = 7) -> None:
        super().__init__()
        self.codes = nn.Embedding(classes, 4)
        self.layers = nn.Sequential(nn.Linear(4, classes), nn.ReLU(), nn.Linear(classes, classes))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.layers(x)
        return out


@pytest.mark.parametrize(
    ("make", "name"),
    [
        (lambda: models.resnet18(num_classes=7), "fc"),
        (lambda: models.mobilenet_v2(num_classes=7), "classifier.1"),
        (lambda: models.squeezenet1_1(num_classes=7), "classifier.1"),
        (lambda: models.vit_b_32(num_classes=7, image_size=32), "heads.head"),
        (lambda: nn.Sequential(nn.Linear(4, 7), nn.Linear(7, 7)), "1"),
        (Small, "layers.2"),
    ],
    ids=["resnet", "mobilenet", "squeezenet", "vit", "sequential", "small"],
)
def test_the_classifier_is_found(make: Any, name: str) -> None:
    with torch.device("meta"):
        model = make()
    assert find_head(model, 7) is model.get_submodule(name)
    assert class_rows(find_head(model, 7), 7).shape[0] == 7  # type: ignore[union-attr]


def test_it_may_be_named() -> None:
    model = Small()
    assert find_head(model, 7, "layers.0") is model.layers[0] is find_head(model, 7, model.layers[0])
    with pytest.raises(RecordError, match=r"no layer 'fc'.*layers\.2"):
        find_head(model, 7, "fc")


@pytest.mark.parametrize(
    "model",
    [
        nn.Sequential(nn.Linear(4, 3)),
        nn.Embedding(7, 4),
        nn.Identity(),
        nn.ModuleDict({"layers": nn.ModuleList([nn.Linear(4, 7), nn.Linear(7, 5)])}),
    ],
    ids=["other classes", "embedding", "nothing", "hidden layer"],
)
def test_one_that_is_not_there_is_said(model: nn.Module) -> None:
    with pytest.raises(RecordError, match=r"No layer of \w+ has weights for 7 classes. Name the layer: head="):
        find_head(model, 7)


def test_wrappers_come_off() -> None:
    model = Small()
    assert unwrapped(torch.compile(nn.DataParallel(model), backend="eager")) is model  # type: ignore[arg-type]

    class FullyShardedDataParallel(Small):
        pass

    with pytest.raises(RecordError, match="of which each process has a part"):
        unwrapped(FullyShardedDataParallel())


def test_features_are_what_it_was_given_last() -> None:
    model, x = Small(), torch.randn(3, 4)
    with HeadWatch(model.layers[2]) as watch:
        model(torch.randn(2, 4))
        out = model(x)
        features, given = watch.taken()
        assert torch.equal(features, model.layers[:2](x)) and torch.equal(given, out) and not features.requires_grad
        with pytest.raises(RecordError, match="ran without its classifier"):
            watch.taken()
    assert not model.layers[2]._forward_hooks


def test_maps_are_averaged_and_tokens_refused() -> None:
    layer = nn.Conv2d(4, 7, 1)
    with HeadWatch(layer) as watch:
        x = torch.randn(2, 4, 3, 5)
        layer(x)
        assert torch.allclose(watch.taken()[0], x.mean((2, 3)))
    layer = nn.Linear(4, 7)
    with HeadWatch(layer) as watch:
        layer(torch.randn(2, 9, 4))
        with pytest.raises(RecordError, match=r"the shape \[2, 9, 4\].*\[B, K\]"):
            watch.taken()
