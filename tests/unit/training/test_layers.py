"""Features beside the outputs: class means, predictions and samples equal those of slow loops, whatever the pieces."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load_file

from lwal_core.config import RunConfig
from lwal_core.data import load_dataset
from lwal_core.encoders import Classifier, build_encoder
from lwal_core.errors import RunError
from lwal_core.runs import Run, create_run, open_run
from lwal_core.training import layers
from lwal_core.training.evaluation import consolidation_sample
from lwal_core.training.layers import FeatureLayer, feature_layer, note_on_features
from lwal_core.training.loop import train_run


@given(st.data())
def test_any_pieces_give_the_means_and_predictions_of_a_loop(data: st.DataObject) -> None:
    classes, width = data.draw(st.integers(1, 5)), data.draw(st.integers(1, 4))
    count, tested = data.draw(st.integers(1, 12)), data.draw(st.integers(0, 12))
    generator = np.random.default_rng(data.draw(st.integers(0, 2**16)))
    features, y = generator.normal(size=(count, width)).astype(np.float32), generator.integers(0, classes, count)
    test, y_test = generator.normal(size=(tested, width)).astype(np.float32), generator.integers(0, classes, tested)
    pieces, at_once = data.draw(st.integers(1, 5)), data.draw(st.sampled_from([1, 7, 2**24]))
    layer = FeatureLayer(classes, width, torch.from_numpy(y_test))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(layers, "_NUMBERS_AT_ONCE", at_once)
        for _ in range(2):  # the second begins anew
            layer.begin()
            for at in range(0, count, pieces):
                layer.add_sample(torch.from_numpy(features[at : at + pieces]), torch.from_numpy(y[at : at + pieces]))
            for at in range(0, tested, pieces):
                layer.add_test(torch.from_numpy(test[at : at + pieces]))
            found = layer.result()
    means = np.zeros((classes, width))
    for label in range(classes):
        if (y == label).any():
            means[label] = features[y == label].astype(np.float64).mean(axis=0)
    np.testing.assert_allclose(found.means.numpy(), means, rtol=1e-6, atol=1e-7)
    away = [[np.linalg.norm(sample - mean) for mean in found.means.numpy()] for sample in test]
    for guess, distances in zip(found.pred.tolist(), away, strict=True):
        assert distances[guess] <= min(distances) + 1e-5
    np.testing.assert_array_equal(found.z.numpy(), test[found.rows.numpy()])
    assert found.rows.tolist() == list(range(tested))  # so few are all kept


def test_sums_are_taken_in_float64() -> None:
    """Far from zero, float32 sums of 100,000 values are wrong in the third digit behind the point."""
    values = (10_000 + np.random.default_rng(0).normal(size=(100_000, 1))).astype(np.float32)
    layer = FeatureLayer(1, 1, torch.zeros(0, dtype=torch.int64))
    for part in torch.from_numpy(values).split(1_000):
        layer.add_sample(part, torch.zeros(len(part), dtype=torch.int64))
    assert layer.means().item() == pytest.approx(values.astype(np.float64).mean(), abs=6e-4)  # float32 keeps no more


@pytest.mark.parametrize(
    ("width", "rows"), [(64, 2_000), (16_384, 2_000), (131_072, 256)]
)  # 64 MiB of float16 are 256 vectors of 131,072
def test_wide_features_are_kept_of_fewer_samples_as_many_of_each_class(width: int, rows: int) -> None:
    y = torch.arange(5_000) % 4
    layer = FeatureLayer(4, width, y)
    assert len(layer.rows) == rows and torch.bincount(y[layer.rows]).tolist() == [rows // 4] * 4


@pytest.mark.parametrize(
    ("classes", "width", "each_epoch", "looked_at"),
    [(1_000, 2_048, True, True), (100, 131_072, False, True), (1_000, 131_072, False, False)],
)
def test_what_is_kept_follows_from_its_size_and_is_said(
    classes: int, width: int, each_epoch: bool, looked_at: bool
) -> None:
    layer = feature_layer(classes, width, torch.zeros(1, dtype=torch.int64))
    assert (layer is not None) == looked_at and (layer is None or layer.kept_each_epoch == each_epoch)
    said = note_on_features(classes, width)
    assert bool(said) != each_epoch and ("best epoch alone" in said) == (looked_at and not each_epoch)


def trained(**training: object) -> Run:
    values = {
        "data": {"name": "digits"},
        "method": {"name": "lwal", "dim": "10x"},
        "training": {"epochs": 2, "batch_size": 32, "device": "cpu", "seed": 3, **training},
    }
    run = create_run(RunConfig.parse(values))
    train_run(run.path)
    return open_run(run.id)


def network(run: Run) -> Classifier:
    """The saved network of the best epoch."""
    data = load_dataset(run.config.data)
    state = {
        name: torch.from_numpy(value) for name, value in load_file(run.path / "model" / "model.safetensors").items()
    }
    encoder = build_encoder(run.config.encoder, data.input_shape)
    model = Classifier(encoder, len(state["head.weight"]), state["mean"], state["std"])
    model.load_state_dict({name: value for name, value in state.items() if name in model.state_dict()})
    return model.eval()


def test_a_training_keeps_both_layers() -> None:
    """Of the best epoch they are those of the saved network, run over all data at once."""
    run = trained()
    data, best = load_dataset(run.config.data), run.record.best_epoch
    assert best is not None and run.record.format == 2
    assert run.sources() == ("centroids", "features", "labels")
    model, rows = (
        network(run),
        consolidation_sample(data.y_train, run.config.training.consolidation_per_class, 10, run.config.data.split_seed),
    )
    with torch.no_grad():
        train, test = model.features(data.x_train[rows]).numpy(), model.features(data.x_test).numpy()
    y = data.y_train[rows].numpy()
    means = np.stack([train[y == label].astype(np.float64).mean(axis=0) for label in range(10)])
    np.testing.assert_allclose(run.vectors(best, "centroids", layer="features"), means, rtol=1e-4, atol=1e-5)
    assert run.vectors(best).shape == (10, 100) and run.vectors(best, "features").shape == means.shape
    found = run.evaluation("features")
    assert found.layer == "features" and found.rows is not None and found.z.dtype == np.float16
    np.testing.assert_allclose(found.z, test[found.rows].astype(np.float16), rtol=2e-3, atol=1e-3)
    guesses = np.linalg.norm(test[:, None] - means, axis=2).argmin(axis=1)
    assert (guesses[found.rows] != found.pred).sum() <= 1  # a tie may fall to either side
    accuracy = run.metrics().test_accuracy_features[best]
    assert accuracy == pytest.approx((guesses == data.y_test.numpy()).mean(), abs=0.005)
    assert accuracy == pytest.approx(np.trace(found.confusion) / found.confusion.sum())
    by_class = run.labels(best).accuracy("features")
    np.testing.assert_allclose(by_class, np.diag(found.confusion) / found.confusion.sum(axis=1), rtol=1e-6)


def test_wide_features_have_means_of_the_best_epoch_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layers, "EACH_EPOCH_BYTES", 100)
    run = trained()
    best = run.record.best_epoch
    assert best is not None and run.sources() == ("centroids", "labels")
    assert run.vectors(best, "features").shape[0] == 10
    with pytest.raises(RunError, match="no feature means of epoch 0"):
        run.vectors(0, "features")
    assert run.record.data is not None and "best epoch alone" in run.record.data.notes[-1]
    assert run.evaluation("features").z.shape[1] == run.vectors(best, "features").shape[1]


def test_features_that_are_too_wide_are_left_aside_and_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layers, "EACH_EPOCH_BYTES", 100)
    monkeypatch.setattr(layers, "MOST_BYTES", 100)
    run = trained(epochs=1)
    with pytest.raises(RunError, match="keeps no features"):
        run.evaluation("features")
    assert np.isnan(run.metrics().test_accuracy_features).all()
    assert run.record.data is not None and "not looked at" in run.record.data.notes[-1]
