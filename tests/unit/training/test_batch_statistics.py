"""Evaluation by the statistics of the batch, against batch norm written out and torch's own training mode."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest
import torch
from torch import nn

from lwal_core.config import RunConfig
from lwal_core.encoders import Classifier
from lwal_core.errors import ConfigError
from lwal_core.runs import create_run
from lwal_core.training.batch_statistics import EvaluationBatches, batch_statistics
from lwal_core.training.evaluation import embed
from lwal_core.training.loop import train_run


class Encoder(nn.Module):
    """A linear layer, batch norm and dropout; dropout is to stay off."""

    out_features = 5

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(3, 5), nn.BatchNorm1d(5), nn.Dropout(0.5))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.layers(x)
        return out


def network() -> Classifier:
    torch.manual_seed(4)
    model = Classifier(Encoder(), 4, torch.zeros(3), torch.ones(3))
    model.encoder.layers[1].running_mean.fill_(3.0)  # far from the statistics of any batch here
    return model.eval()


@pytest.mark.parametrize(("samples", "size"), [(2, 2), (7, 3), (20, 20), (21, 4), (5, 100)])
def test_every_sample_is_in_one_batch_and_batches_are_alike_in_size(samples: int, size: int) -> None:
    rows = EvaluationBatches(size, 1).rows(samples)
    assert sorted(torch.cat(rows).tolist()) == list(range(samples))
    sizes = [len(part) for part in rows]
    assert max(sizes) <= size and max(sizes) - min(sizes) <= 1


def test_no_samples_are_no_batches() -> None:
    assert EvaluationBatches(4, 1).rows(0) == ()
    assert EvaluationBatches(4, 1).features(network(), torch.zeros(0, 3)).shape == (0, 5)


def test_features_are_those_of_batch_norm_written_out() -> None:
    model, x = network(), torch.randn(11, 3, generator=torch.Generator().manual_seed(2)) * 2 + 1
    batches = EvaluationBatches(4, 7)
    found = batches.features(model, x)
    linear = model.encoder.layers[0]
    for rows in batches.rows(11):
        h = x[rows].double() @ linear.weight.double().T + linear.bias.double()
        variance = ((h - h.mean(dim=0)) ** 2).mean(dim=0)
        expected = (h - h.mean(dim=0)) / (variance + 1e-5).sqrt()
        torch.testing.assert_close(found[rows].double(), expected, rtol=1e-4, atol=1e-4)


def test_one_batch_is_torchs_training_mode_of_the_norm() -> None:
    model, x = network(), torch.randn(9, 3)
    twin = copy.deepcopy(model)
    twin.encoder.layers[1].train()
    torch.testing.assert_close(EvaluationBatches(9, 0).features(model, x), twin.features(x))


def test_nothing_of_the_network_is_changed() -> None:
    model = network()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    EvaluationBatches(4, 0).features(model, torch.randn(9, 3))
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert not any(part.training for part in model.modules())
    with pytest.raises(ZeroDivisionError), batch_statistics(model):
        1 / 0  # noqa: B018
    assert model.encoder.layers[1].track_running_stats and not model.encoder.layers[1].training


def test_an_encoder_without_batch_norm_says_the_same_as_ever() -> None:
    model = network()
    model.encoder.layers[1] = nn.LayerNorm(5)
    x = torch.randn(9, 3)
    torch.testing.assert_close(model.head(EvaluationBatches(4, 0).features(model, x)), embed(model, x))


def test_several_processes_are_refused() -> None:
    with pytest.raises(ConfigError, match="one process"):
        RunConfig.parse({"training": {"evaluation": "batch_statistics", "devices": 2}})


def test_a_run_is_trained_the_same_and_read_otherwise(home: Path) -> None:
    values = {"data": {"name": "shapes", "per_class": 8}, "encoder": {"name": "small_cnn", "width": 4}}
    rows = {}
    for evaluation in ("running_means", "batch_statistics"):
        training = {"epochs": 1, "batch_size": 32, "evaluation": evaluation}
        run = create_run(RunConfig.parse({**values, "training": training}))
        train_run(run.path)
        rows[evaluation] = run.metrics()
    usual, theirs = rows["running_means"], rows["batch_statistics"]
    assert list(usual.loss[1:]) == list(theirs.loss[1:])
    assert list(usual.test_accuracy_own) != list(theirs.test_accuracy_own)
