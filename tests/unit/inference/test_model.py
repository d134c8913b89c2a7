"""Models as they come out of run folders, also of folders that are damaged, foreign or made to do harm."""

from __future__ import annotations

import io
import math
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from torchvision import models

from lwal_core.config import DataConfig, RunConfig, parse_method
from lwal_core.data import load_dataset
from lwal_core.datafiles.source_stats import image_shape
from lwal_core.errors import InferenceError
from lwal_core.imports.heads import TensorInfo, guess_label_table
from lwal_core.inference import DataGone, Question
from lwal_core.inference_server.answering import Answering
from lwal_core.inference_server.lru_cache import LRUCache
from lwal_core.inference_server.model import load_model
from lwal_core.methods import TaskInfo
from lwal_core.runs import Run, create_run, open_run
from lwal_core.training.loop import train_run

Have = Callable[..., Run]
CPU = torch.device("cpu")


def change_config(run: Run, *path: str, value: Any) -> None:
    file = run.path / "model" / "config.json"
    values = place = orjson.loads(file.read_bytes())
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    file.write_bytes(orjson.dumps(values))


def change_weights(run: Run, change: Callable[[dict[str, torch.Tensor]], Any]) -> None:
    file = run.path / "model" / "model.safetensors"
    state = load_file(file)
    change(state)
    save_file(state, file)


def test_a_model_gives_what_the_evaluation_stored(have: Have) -> None:
    run = have()
    model = load_model(run.path, CPU)
    data, stored = load_dataset(run.config.data), run.evaluation()
    z = model.outputs(data.x_test)[0].numpy()
    assert (z.astype(np.float16) == stored.z).mean() > 0.99  # the rest lie on the edge between two
    assert np.abs(z - stored.z.astype(np.float32)).max() <= np.abs(stored.z).max() * 2**-10
    assert model.class_names == data.class_names and model.shape == (1, 8, 8) and model.epoch == 1
    assert not model.classifier.training


@pytest.mark.parametrize("missing", ["model", "model/model.safetensors", "model/config.json"])
def test_a_folder_without_a_model(have: Have, missing: str) -> None:
    run = have()
    target = run.path / missing
    shutil.rmtree(target) if target.is_dir() else target.unlink()
    with pytest.raises(InferenceError, match=f"Run {run.id} has no model"):
        load_model(run.path, CPU)


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"\xff\xfe"])
def test_a_description_that_cannot_be_read(have: Have, content: bytes) -> None:
    run = have()
    (run.path / "model" / "config.json").write_bytes(content)
    with pytest.raises(InferenceError, match=r"model/config\.json cannot be read"):
        load_model(run.path, CPU)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("run", "encoder", "name"), "vision_transformer"),
        (("run",), 3),
        (("class_names",), None),
        (("epoch",), "last"),
        (("input_shape",), [1, "x"]),
    ],
)
def test_a_description_of_something_else(have: Have, path: tuple[str, ...], value: Any) -> None:
    run = have()
    change_config(run, *path, value=value)
    with pytest.raises(InferenceError, match="does not describe a model of this program"):
        load_model(run.path, CPU)


@pytest.mark.parametrize("shape", [[1, 4, 4], [1, 1_000_000, 1_000_000], [64]])
def test_a_network_that_cannot_be_rebuilt(have: Have, shape: list[int]) -> None:
    run = have()
    change_config(run, "run", "encoder", "name", value="small_cnn")
    change_config(run, "input_shape", value=shape)
    with pytest.raises(InferenceError, match="cannot be rebuilt"):
        load_model(run.path, CPU)


def test_a_network_far_larger_than_memory_takes_none(have: Have) -> None:
    run = have()
    change_config(run, "run", "encoder", "name", value="dense")
    change_config(run, "input_shape", value=[3, 100_000, 100_000])  # a layer of 92 TB
    with pytest.raises(InferenceError, match="do not fit"):
        load_model(run.path, CPU)


def test_weights_that_are_cut_or_no_weights(have: Have) -> None:
    run = have()
    file = run.path / "model" / "model.safetensors"
    whole = file.read_bytes()
    for content in (whole[: len(whole) // 2], b"", b"x" * 100):
        file.write_bytes(content)
        with pytest.raises(InferenceError, match="is not a whole weights file"):
            load_model(run.path, CPU)


@pytest.mark.parametrize(
    "change",
    [
        lambda state: state.pop("labels"),
        lambda state: state.pop("head.weight"),
        lambda state: state.pop("head.bias"),
        lambda state: state.update(extra=torch.zeros(1)),
        lambda state: state.update(centroids=torch.zeros(3, 16)),
        lambda state: state["head.bias"].fill_(float("nan")),
        lambda state: state.update({"head.bias": torch.zeros(17)}),
    ],
)
def test_weights_of_another_network(have: Have, change: Callable[[dict[str, torch.Tensor]], Any]) -> None:
    run = have()
    change_weights(run, change)
    with pytest.raises(InferenceError, match="The weights do not fit the network"):
        load_model(run.path, CPU)


def test_a_model_of_other_classes_is_not_asked(home: Path, have: Have) -> None:
    run = have()
    change_config(run, "class_names", value=[f"other {i}" for i in range(10)])
    with pytest.raises(InferenceError, match="was trained on other classes"):
        Answering(home).answer(Question(run.id, "thumbnail", 0))


def test_vectors_have_no_image(home: Path, have: Have) -> None:
    run = have()
    record = run.path / "run.json"
    values = orjson.loads(record.read_bytes())
    values["config"]["data"]["name"] = "features:/nowhere.npz"
    record.write_bytes(orjson.dumps(values))
    with pytest.raises(InferenceError, match="trained on vectors from a file"):
        Answering(home).answer(Question(run.id, image=b""))


def test_data_that_is_not_on_this_machine_is_not_downloaded(
    home: Path, have: Have, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = have()
    monkeypatch.setenv("LWAL_DATA", str(home / "nothing"))
    for name in ("mnist", f"folder:{home / 'gone'}"):
        change_config(run, "run", "data", value={"name": name})
        change_config(run, "run", "encoder", "name", value="auto")
        with pytest.raises(DataGone, match="The test image cannot be loaded"):
            Answering(home).answer(Question(run.id, "test", 0))
    assert not (home / "nothing").exists()


def test_an_image_file_of_the_data_is_the_test_image(home: Path, have: Have) -> None:
    run = have()
    data = load_dataset(run.config.data)
    buffer = io.BytesIO()
    Image.fromarray(data.x_test[7, 0].numpy()).save(buffer, "PNG")
    answering = Answering(home)
    file, test = (
        answering.answer(Question(run.id, *q)) for q in (("upload", 0, False, buffer.getvalue()), ("test", 7))
    )
    assert (file.z == test.z).all() and file.true_class is None and not file.hint
    # A negative of a negative is the image itself.
    buffer.seek(0)
    Image.fromarray(255 - data.x_test[7, 0].numpy()).save(buffer, "PNG")
    dark = answering.answer(Question(run.id, "upload", 0, True, buffer.getvalue()))
    assert (dark.z == test.z).all()
    light = answering.answer(Question(run.id, "upload", 0, False, buffer.getvalue()))
    assert (light.seen == 255 - test.seen).all() and "Exchange light and dark" in light.hint


def test_a_frozen_network_goes_before_the_model(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    path = tmp_path / "torch" / "hub" / "checkpoints" / "resnet18-f37072fd.pth"
    path.parent.mkdir(parents=True)
    torch.manual_seed(1)
    torch.save(models.resnet18(weights=None).state_dict(), path)
    config = {
        "data": {"name": "digits", "per_class": 2, "test_fraction": 0.05},
        "encoder": {"name": "frozen:resnet18", "input_size": 32, "hidden": 16},
        "training": {"epochs": 1, "device": "cpu", "batch_size": 10},
    }
    run = create_run(RunConfig.parse(config))
    train_run(run.path)
    stored, answering = open_run(run.id).evaluation(), Answering(home)
    for i in (0, 40, 89):
        answer = answering.answer(Question(run.id, "test", i))
        assert np.abs(answer.z - stored.z[i]).max() <= np.abs(stored.z).max() * 2**-9
        assert answer.by_mean == stored.pred[i] and answer.true_class == stored.y[i]
    assert answer.seen.shape == (32, 32, 1) and answer.steps[-1] == "Scaled to 32 x 32 pixels for the frozen network."

    # Another weights file makes other features: it is not taken for the same data.
    torch.manual_seed(2)
    torch.save(models.resnet18(weights=None).state_dict(), path)
    with pytest.raises(DataGone, match="its fingerprint differs"):
        Answering(home).answer(Question(run.id, "test", 0))
    path.unlink()
    monkeypatch.setattr("socket.socket.connect", lambda *args: (_ for _ in ()).throw(OSError("no network")))
    with pytest.raises(InferenceError, match="ImageNet weights of ResNet-18 are not on this machine"):
        Answering(home).answer(Question(run.id, "test", 0))


def test_a_cosine_head_comes_with_the_model(home: Path, have: Have) -> None:
    run = have("cosine")
    model, data, stored = load_model(run.path, CPU), load_dataset(run.config.data), run.evaluation()
    features, head = model.classifier.features(data.x_test), model.classifier.head
    for i in (0, 11, 40):
        row = features[i].tolist()
        cosines = [
            math.fsum(a * b for a, b in zip(row, w, strict=True)) / math.hypot(*row) / math.hypot(*w)
            for w in head.weight.tolist()
        ]
        answer = Answering(home).answer(Question(run.id, "test", i))
        assert answer.z == pytest.approx([float(head.scale) * c for c in cosines], abs=1e-4)  # type: ignore[arg-type]
        assert answer.z == pytest.approx(stored.z[i].astype(np.float32), abs=1e-2)
        assert (answer.by_rule, answer.rule) == (cosines.index(max(cosines)), "largest output")


@pytest.mark.parametrize(("name", "rule"), [("nonl", "largest output"), ("supcon", "nearest label")])
def test_output_layers_of_other_kinds_come_with_the_model(home: Path, have: Have, name: str, rule: str) -> None:
    run, answering = have(name), Answering(home)
    model, data, stored = load_model(run.path, CPU), load_dataset(run.config.data), run.evaluation()
    z, _ = model.outputs(data.x_test)
    np.testing.assert_allclose(z.numpy(), stored.z.astype(np.float32), atol=1e-2)
    length = z.norm(dim=1)
    assert bool((z.abs() <= 10.001).all()) if name == "nonl" else torch.allclose(length, torch.ones(len(z)), atol=1e-5)
    answer = answering.answer(Question(run.id, "test", 11))
    assert (answer.by_mean, answer.rule) == (stored.pred[11], rule)
    away = [math.dist(z[11].tolist(), label) for label in run.vectors(1, "labels").tolist()]
    assert answer.by_rule == (int(z[11].argmax()) if name == "nonl" else away.index(min(away)))


def test_a_head_beside_labels_comes_with_the_model(home: Path, have: Have) -> None:
    """Product of both, with probabilities from plain loops: what the evaluation measured, and what an image is told."""
    run = have("hybrid")
    model, data, stored = load_model(run.path, CPU), load_dataset(run.config.data), run.evaluation()
    z, logits = (out.double().tolist() for out in model.outputs(data.x_test))
    means = run.vectors(1).tolist()
    right, answering = 0, Answering(home)
    for i, (row, outputs, true) in enumerate(zip(z, logits, data.y_test.tolist(), strict=True)):
        away = [math.dist(row, mean) for mean in means]
        products = [math.exp((a - b) / 2) for a, b in zip(outputs, away, strict=True)]
        taken = products.index(max(products))
        right += taken == true
        if i in (0, 11, 40):
            answer = answering.answer(Question(run.id, "test", i))
            assert (answer.by_rule, answer.rule) == (taken, "product of head and class means")
            assert answer.by_mean == stored.pred[i] == away.index(min(away)) and answer.to_labels is None
            assert answer.probabilities == pytest.approx([p / sum(products) for p in products], abs=1e-5)
    metrics = run.metrics()
    assert right / len(z) == pytest.approx(metrics.test_accuracy_own[1], abs=1e-6)
    assert metrics.test_accuracy_own[1] != metrics.test_accuracy_mean[1]
    tensors = [
        TensorInfo(name, tuple(tensor.shape), "float32", usable=tensor.ndim == 2)
        for name, tensor in load_file(run.path / "model" / "model.safetensors").items()
    ]
    assert guess_label_table(tensors) == "labels"  # and not the head beside them, when the file is imported


@pytest.mark.parametrize(
    "change",
    [
        lambda state: state.pop("aux_head.scale"),
        lambda state: state.update({"aux_head.bias": torch.zeros(10)}),
        lambda state: state.update({"aux_head.weight": torch.zeros(10, 3)}),
        lambda state: state["aux_head.weight"].fill_(float("nan")),
    ],
)
def test_a_head_of_another_method(have: Have, change: Callable[[dict[str, torch.Tensor]], Any]) -> None:
    run = have("hybrid")
    change_weights(run, change)
    with pytest.raises(InferenceError, match="The weights do not fit the network"):
        load_model(run.path, CPU)


@pytest.mark.parametrize("name", ["onehot", "smoothing", "lwr", "labelemb", "lwal"])
def test_the_own_rule_is_that_of_the_method(name: str) -> None:
    config = parse_method({"name": name})
    method = config.build(TaskInfo(tuple("abcd"), 20, 5, 0))
    z = torch.randn(50, method.dim, generator=torch.Generator().manual_seed(1))
    if config.rule == "head":
        expected = [int(np.argmax(row)) for row in z.numpy()]
    else:
        table = method.label_table().numpy()
        expected = [int(np.argmin([np.linalg.norm(row - label) for label in table])) for row in z.numpy()]
    assert method.predict(z).tolist() == expected


def test_the_shape_of_images_is_that_of_the_data_set() -> None:
    for values in ({"name": "digits"}, {"name": "digits", "image_size": 16}, {"name": "shapes", "per_class": 2}):
        config = DataConfig.model_validate(values)
        assert image_shape(config) == load_dataset(config).input_shape
    assert image_shape(DataConfig(name="cifar10")) == (3, 32, 32) == image_shape(DataConfig(name="folder:x"))
    assert image_shape(DataConfig(name="mnist", image_size=14)) == (1, 14, 14)
    assert image_shape(DataConfig(name="features:x.npz")) is None


def test_what_was_used_last_is_kept() -> None:
    made: list[str] = []

    def make(key: str) -> Callable[[], str]:
        return lambda: made.append(key) or key  # type: ignore[func-returns-value]

    kept: LRUCache[str] = LRUCache(2, 100, len)
    for key in ("a", "b", "a", "c", "a", "b"):
        assert kept.get(key, make(key)) == key
    assert made == ["a", "b", "c", "b"] and kept.keys() == ["a", "b"]
    small: LRUCache[str] = LRUCache(9, 5, len)
    for key in ("aaa", "bb", "c", "dddddddd"):
        small.get(key, make(key))
        assert sum(map(len, small.keys())) <= 5 or small.keys() == [key]  # type: ignore[arg-type]
    assert small.keys() == ["dddddddd"]  # the newest stays even where it alone is too large
    small.clear()
    assert small.keys() == []


def test_a_model_that_was_trained_on_is_loaded_anew(home: Path, have: Have) -> None:
    run, answering = have(), Answering(home)
    first = answering.answer(Question(run.id, "thumbnail", 0))
    change_weights(run, lambda state: state["head.bias"].add_(1.0))
    second = answering.answer(Question(run.id, "thumbnail", 0))
    assert second.z == pytest.approx(first.z + 1, abs=1e-5)
