"""Neural collapse that a training writes is that of the saved network, run over all samples at once."""

from __future__ import annotations

from typing import Any

import numpy as np
import orjson
import pytest
import torch
from safetensors.numpy import load_file

from lwal_core.analysis.collapse import neural_collapse
from lwal_core.config import RunConfig
from lwal_core.data import load_dataset
from lwal_core.encoders import Classifier, build_encoder
from lwal_core.runs import Run, create_run, open_run
from lwal_core.runs.metrics import COLLAPSE
from lwal_core.training import collapse
from lwal_core.training.evaluation import consolidation_sample
from lwal_core.training.loop import train_run


def trained(method: dict[str, Any], epochs: int = 1) -> Run:
    values = {
        "data": {"name": "digits", "per_class": 30},
        "encoder": {"name": "dense", "width": 32},
        "method": method,
        "training": {"epochs": epochs, "batch_size": 32, "device": "cpu", "seed": 3, "consolidation_per_class": 12},
    }
    run = create_run(RunConfig.parse(values))
    train_run(run.path)
    return open_run(run.id)


@pytest.mark.parametrize(
    "method",
    [
        {"name": "onehot"},
        {"name": "cosine"},
        {"name": "lwal", "dim": "2x"},
        {"name": "hybrid", "branch_dim": "1x"},
    ],
    ids=lambda method: method["name"],
)
def test_both_layers_are_those_of_the_saved_network(method: dict[str, Any]) -> None:
    run = trained(method)
    best, data = run.record.best_epoch, load_dataset(run.config.data)
    assert best is not None
    state = {n: torch.from_numpy(v) for n, v in load_file(run.path / "model" / "model.safetensors").items()}
    encoder = build_encoder(run.config.encoder, data.input_shape)
    head = run.config.method.output_layer(int(encoder.out_features), 10)  # type: ignore[arg-type]
    model = Classifier(encoder, len(state["head.weight"]), state["mean"], state["std"], head)
    model.load_state_dict({name: value for name, value in state.items() if name in model.state_dict()})
    model.eval()
    rows = consolidation_sample(data.y_train, 12, 10, run.config.data.split_seed)
    y = data.y_train[rows].numpy()
    assert len(y) == 120
    with torch.no_grad():
        features, features_test = model.features(data.x_train[rows]), model.features(data.x_test)
        z, z_test = model.head(features), model.head(features_test)
    labels, metrics = state["labels"].double(), run.metrics()
    weights = state["head.weight"].double()
    scores = z_test
    if method["name"] == "cosine":
        weights = torch.nn.functional.normalize(weights, dim=1)
    if method["name"] == "lwal":
        weights, scores = labels @ weights, -torch.cdist(z_test.double(), labels)
    own = scores.argmax(dim=1)
    if method["name"] == "hybrid":
        weights = state["aux_head.weight"].double()
        logits = torch.log_softmax(features_test @ weights.float().T + state["aux_head.bias"], 1)
        own = (logits + torch.log_softmax(-torch.cdist(z_test, state["centroids"]), 1)).argmax(dim=1)
    for layer, x, test, table in (("outputs", z, z_test, labels), ("features", features, features_test, weights)):
        expected = neural_collapse(x.double().numpy(), y, (table - table.mean(dim=0)).numpy())
        found = {name: getattr(metrics, f"{layer}_{name}")[best] for name in COLLAPSE}
        means = np.stack([x.numpy()[y == label].mean(axis=0) for label in range(10)])
        nearest = np.linalg.norm(test.numpy()[:, None] - means, axis=2).argmin(axis=1)
        assert found.pop("nc4") == pytest.approx(np.mean(nearest != own.numpy()), abs=0.02), (
            layer
        )  # a tie may fall to either side
        for name, value in found.items():
            assert value == pytest.approx(getattr(expected, name), rel=2e-3), (layer, name)
        assert metrics.collapse(layer).keys() == COLLAPSE.keys()  # type: ignore[arg-type]


def test_a_layer_whose_means_are_too_large_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collapse, "MOST_NUMBERS", 100)  # outputs have 10 x 10 numbers, features 10 x 32
    metrics = trained({"name": "onehot"}).metrics()
    assert metrics.collapse("features") == {} and len(metrics.collapse("outputs")) == len(COLLAPSE)


def test_a_run_without_the_columns_has_none_of_them_and_is_read() -> None:
    run = trained({"name": "onehot"})
    path, ours = run.path / "metrics.jsonl", ("outputs_", "features_")
    rows = [orjson.loads(line) for line in path.read_bytes().splitlines()]
    older = [{name: value for name, value in row.items() if not name.startswith(ours)} for row in rows]
    assert len(older[0]) < len(rows[0])
    path.write_bytes(b"".join(orjson.dumps(row) + b"\n" for row in older))
    metrics = open_run(run.id).metrics()
    assert metrics.collapse("outputs") == metrics.collapse("features") == metrics.extra == {}
    np.testing.assert_array_equal(metrics.test_accuracy_own, run.metrics().test_accuracy_own)
