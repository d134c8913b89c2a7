"""Features of frozen networks: equal to a plain forward pass, kept, taken up where they stopped, traceable to the images.

The weights are random ones in a file where the published ones would lie; nothing else is replaced.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision import models

from lwal_core.config import DataConfig, EncoderConfig
from lwal_core.data import Dataset, frozen, load_dataset
from lwal_core.data.array_cache import Stopped
from lwal_core.data.frozen import frozen_features, input_sides
from lwal_core.encoders import Classifier, build_encoder
from lwal_core.encoders.weights import LITE0_PACKAGE
from lwal_core.errors import DataError, TrainingError

FROZEN = EncoderConfig(name="frozen:resnet18", input_size=17)


@pytest.fixture(scope="module")
def some_weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of ResNet-18 with random numbers and batch statistics that keep activations alive."""
    path = tmp_path_factory.mktemp("weights") / "resnet18.pth"
    save_weights(path, seed=1)
    return path


@pytest.fixture(autouse=True)
def weights(some_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """It lies where the published file would."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    path = tmp_path / "torch" / "hub" / "checkpoints" / "resnet18-f37072fd.pth"
    path.parent.mkdir(parents=True)
    os.link(some_weights, path)  # who changes it writes another file
    return path


def save_weights(path: Path, seed: int) -> None:
    torch.manual_seed(seed)
    write_weights(path, models.resnet18(weights=None).state_dict())


def write_weights(path: Path, state: dict[str, torch.Tensor]) -> None:
    """A new file in the place of the old one, whose bytes other tests need."""
    path.unlink(missing_ok=True)
    torch.save(state, path)


@pytest.fixture(scope="module")
def digits() -> Dataset:
    """20 training and 90 test images, grey, 8 x 8."""
    return load_dataset(DataConfig(name="digits", per_class=2, test_fraction=0.05))


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Sizes of the batches that go through a network, which is made to take few at once."""
    seen: list[int] = []
    features = frozen.features_of

    def noted(backbone: object, images: torch.Tensor, sides: object) -> np.ndarray:
        seen.append(len(images))
        return features(backbone, images, sides)  # type: ignore[arg-type]

    monkeypatch.setattr(frozen, "features_of", noted)
    monkeypatch.setattr(frozen, "_LARGEST_BATCH", 16)
    monkeypatch.setattr(frozen, "_BATCHES_A_PART", 2)
    return seen


def direct(images: torch.Tensor, side: int, weights: Path, flatten: bool = False) -> torch.Tensor:
    """The same by other means: Pillow scales, torchvision's own network computes."""
    network = models.resnet18(weights=None)
    network.load_state_dict(torch.load(weights, weights_only=True))
    network.fc = torch.nn.Identity()
    if flatten:
        network.avgpool = torch.nn.Identity()
    scaled = np.stack(
        [
            [np.asarray(Image.fromarray(channel).resize((side, side), Image.Resampling.BILINEAR)) for channel in image]
            for image in images.float().numpy() / 255
        ]
    )
    x = torch.from_numpy(scaled).expand(-1, 3, -1, -1)
    x = (x - torch.tensor([0.485, 0.456, 0.406])[:, None, None]) / torch.tensor([0.229, 0.224, 0.225])[:, None, None]
    with torch.inference_mode():
        return network.eval()(x)


@pytest.mark.parametrize(
    ("data", "options", "side"),
    [
        ({"name": "digits", "per_class": 2, "test_fraction": 0.05}, {}, 64),
        ({"name": "digits", "per_class": 2, "test_fraction": 0.05}, {"input_size": 40, "flatten": True}, 40),
        ({"name": "shapes", "per_class": 2}, {"input_size": 17}, 17),
        ({"name": "digits", "per_class": 2, "test_fraction": 0.05, "image_size": 72}, {}, 72),
    ],
)
def test_equal_to_a_plain_forward_pass(data, options, side, weights):
    images = load_dataset(DataConfig.model_validate(data))
    found = frozen_features(images, EncoderConfig.model_validate({"name": "frozen:resnet18", **options}))
    for ours, pictures in ((found.x_train, images.x_train), (found.x_test, images.x_test)):
        expected = direct(pictures[:24], side, weights, options.get("flatten", False))
        assert ours.shape == (len(pictures), expected.shape[1])
        assert expected.std() > 0.05
        torch.testing.assert_close(ours[:24], expected, rtol=1e-3, atol=1e-3)


def test_everything_but_the_numbers_is_that_of_the_images(digits):
    found = frozen_features(digits, FROZEN)
    assert found.kind == "features"
    assert found.input_shape == (512,)
    assert found.x_train.dtype == torch.float32
    assert (found.name, found.class_names, found.taxonomy) == (digits.name, digits.class_names, digits.taxonomy)
    assert torch.equal(found.y_train, digits.y_train) and torch.equal(found.y_test, digits.y_test)
    assert found.notes == ("Features of a frozen ResNet-18 with ImageNet weights, from images of 17 x 17 pixels.",)
    assert found.original is digits
    assert found.original.fingerprint == digits.fingerprint != found.fingerprint
    ours, theirs = found.thumbnails(), digits.thumbnails()
    assert ours is not None and theirs is not None
    np.testing.assert_array_equal(ours[0], theirs[0])


def test_are_computed_once(digits, passes):
    first = frozen_features(digits, FROZEN)
    assert sum(passes) == len(digits.x_train) + len(digits.x_test)
    passes.clear()
    second = frozen_features(digits, FROZEN)
    assert passes == []
    assert torch.equal(first.x_train, second.x_train) and torch.equal(first.x_test, second.x_test)
    assert first.fingerprint == second.fingerprint


def test_images_weights_size_and_form_each_make_others(digits, weights, passes):
    other_images = load_dataset(DataConfig(name="digits", per_class=2, test_fraction=0.05, split_seed=1))
    prints = [frozen_features(digits, FROZEN).fingerprint]
    prints.append(frozen_features(other_images, FROZEN).fingerprint)
    prints.append(frozen_features(digits, FROZEN.model_copy(update={"input_size": 24})).fingerprint)
    prints.append(frozen_features(digits, FROZEN.model_copy(update={"flatten": True})).fingerprint)
    save_weights(weights, seed=2)
    prints.append(frozen_features(digits, FROZEN).fingerprint)
    assert len(set(prints)) == 5
    assert sum(passes) == 5 * len(digits.x_train) + 5 * len(digits.x_test)
    # What the dense encoder is like has no part in it.
    passes.clear()
    assert frozen_features(digits, FROZEN.model_copy(update={"hidden": 32, "dropout": 0.5})).fingerprint == prints[-1]
    assert passes == []


def test_where_training_ends_and_test_begins_within_a_batch_does_not_matter(digits, passes, tmp_path, monkeypatch):
    """20 training images: the border falls into a batch of 16, and between two of 10."""
    found = []
    for batch in (16, 10):
        monkeypatch.setenv("LWAL_HOME", str(tmp_path / f"home {batch}"))
        monkeypatch.setattr(frozen, "_LARGEST_BATCH", batch)
        found.append(frozen_features(digits, FROZEN))
    assert passes == [16] * 6 + [14] + [10] * 11
    torch.testing.assert_close(found[0].x_train, found[1].x_train, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(found[0].x_test, found[1].x_test, rtol=1e-4, atol=1e-4)


class TestStopping:
    def test_and_going_on_gives_the_same_and_repeats_at_most_a_part(self, digits, passes, tmp_path, monkeypatch):
        whole = frozen_features(digits, FROZEN)
        monkeypatch.setenv("LWAL_HOME", str(tmp_path / "another home"))
        passes.clear()
        with pytest.raises(Stopped):
            frozen_features(digits, FROZEN, should_stop=lambda: len(passes) == 5)  # two parts of two batches, and one
        assert len(passes) == 5
        passes.clear()
        resumed = frozen_features(digits, FROZEN)
        assert len(passes) == 7 - 4
        assert torch.equal(resumed.x_train, whole.x_train) and torch.equal(resumed.x_test, whole.x_test)

    def test_by_an_exception_of_the_progress_callback(self, digits, passes):
        def progress(done: int, total: int) -> None:
            if done >= 32:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            frozen_features(digits, FROZEN, progress=progress)
        passes.clear()
        frozen_features(digits, FROZEN)
        assert sum(passes) == 110 - 32

    def test_progress_rises_to_the_whole(self, digits, passes):
        seen: list[tuple[int, int]] = []
        frozen_features(digits, FROZEN, progress=lambda done, total: seen.append((done, total)))
        assert {total for _, total in seen} == {110}
        assert [done for done, _ in seen] == sorted(done for done, _ in seen)
        assert (seen[0][0], seen[-1][0]) == (0, 110)

    @pytest.mark.process
    def test_by_a_kill(self, digits, passes, tmp_path, monkeypatch):
        """Another process is killed while it computes; what it finished is used, and the result is the same."""
        script = (
            "import os, signal\n"
            "from lwal_core.config import DataConfig, EncoderConfig\n"
            "from lwal_core.data import frozen, load_dataset\n"
            "frozen._LARGEST_BATCH, frozen._BATCHES_A_PART = 16, 2\n"
            "data = load_dataset(DataConfig(name='digits', per_class=2, test_fraction=0.05))\n"
            "stop = lambda done, total: os.kill(os.getpid(), signal.SIGKILL) if done >= 48 else None\n"
            "frozen.frozen_features(data, EncoderConfig(name='frozen:resnet18', input_size=17), progress=stop)\n"
        )
        killed = subprocess.run([sys.executable, "-c", script], env={**os.environ, "OMP_NUM_THREADS": "1"}, timeout=120)
        assert killed.returncode == -9
        resumed = frozen_features(digits, FROZEN)
        assert sum(passes) == 110 - 32
        monkeypatch.setenv("LWAL_HOME", str(tmp_path / "another home"))
        torch.testing.assert_close(resumed.x_test, frozen_features(digits, FROZEN).x_test, rtol=1e-4, atol=1e-4)


def test_random_state_is_left_alone(digits):
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    frozen_features(digits, FROZEN)
    assert torch.equal(torch.rand(3), expected)


def test_a_dense_encoder_learns_from_them(digits):
    found = frozen_features(digits, FROZEN)
    torch.manual_seed(0)
    model = Classifier(build_encoder(FROZEN, found.input_shape), 10, *found.channel_mean_std())
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-2)
    losses = []
    for _ in range(15):
        loss = torch.nn.functional.cross_entropy(model(found.x_train), found.y_train)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert losses[-1] < 0.2 * losses[0]
    assert not any(parameter.shape[:1] == (64,) for parameter in model.parameters())  # no convolution is trained


@pytest.mark.parametrize(
    ("shape", "size", "expected"),
    [
        ((3, 32, 32), None, (64, 64)),
        ((1, 8, 8), None, (64, 64)),
        ((3, 64, 64), None, (64, 64)),
        ((3, 128, 128), None, (128, 128)),
        ((3, 128, 128), 64, (64, 64)),
        ((3, 20, 40), None, (32, 64)),
        ((3, 300, 1), 100, (100, 1)),
    ],
)
def test_sides(shape, size, expected):
    assert input_sides(shape, size) == expected


class TestRefusals:
    def test_vectors(self, tmp_path):
        x, y = np.random.default_rng(0).normal(size=(8, 3)), np.arange(8) % 2
        np.savez(tmp_path / "f.npz", x_train=x, y_train=y, x_test=x, y_test=y)
        data = load_dataset(DataConfig(name=f"features:{tmp_path / 'f.npz'}"))
        with pytest.raises(
            TrainingError, match=r"takes images, and features:.* has vectors\. Choose the dense encoder"
        ):
            frozen_features(data, FROZEN)

    def test_too_small_inputs(self, digits):
        with pytest.raises(TrainingError, match="at least 29 pixels"):
            frozen_features(digits, EncoderConfig(name="frozen:densenet121", input_size=28))

    def test_more_than_memory_holds(self, digits, monkeypatch):
        monkeypatch.setenv("LWAL_DATA_MEMORY", "0")
        monkeypatch.setattr("lwal_core.datafiles.limits.MEMORY_LIMIT_BYTES", 110 * 512 * 4 - 1)
        with pytest.raises(DataError, match=r"digits: 110 samples of 512 values .* Lower per_class or input_size\."):
            frozen_features(digits, FROZEN)
        monkeypatch.setattr("lwal_core.datafiles.limits.MEMORY_LIMIT_BYTES", 110 * 512 * 4)
        frozen_features(digits, FROZEN)

    def test_no_weights(self, digits, weights, monkeypatch):
        weights.unlink()
        monkeypatch.setattr(models.ResNet18_Weights.IMAGENET1K_V1.value, "url", "http://127.0.0.1:9/x-00000000.pth")
        with pytest.raises(TrainingError, match="cannot be downloaded"):
            frozen_features(digits, FROZEN)

    def test_an_encoder_that_is_trained(self, digits):
        with pytest.raises(ValueError, match="no frozen encoder"):
            frozen_features(digits, EncoderConfig(name="resnet18"))

    def test_weights_that_overflow(self, digits, weights):
        state = torch.load(weights, weights_only=True)
        state["bn1.weight"] *= float("inf")
        write_weights(weights, state)
        with pytest.raises(DataError, match=r"x_train has the value (nan|inf)"):
            frozen_features(digits, FROZEN)


def test_published_weights_tell_shapes_apart():
    """What ImageNet taught is worth something: nearest class mean on the features beats that on raw pixels."""
    pytest.importorskip(LITE0_PACKAGE.replace("-", "_"), reason=f"the weights are in the package {LITE0_PACKAGE}")
    shapes = load_dataset(DataConfig(name="shapes", per_class=20))
    few = Dataset.build(
        name="shapes", kind="images", x_train=shapes.x_train, y_train=shapes.y_train, x_test=shapes.x_test[::4],
        y_test=shapes.y_test[::4], class_names=shapes.class_names,
    )  # fmt: skip
    found = frozen_features(few, EncoderConfig(name="frozen:efficientnet_lite0"))

    def accuracy(x: torch.Tensor, t: torch.Tensor) -> float:
        means = torch.stack([x[few.y_train == label].mean(0) for label in range(16)])
        return (torch.cdist(t, means).argmin(1) == few.y_test).float().mean().item()

    raw = accuracy(few.x_train.flatten(1).float(), few.x_test.flatten(1).float())
    assert accuracy(found.x_train, found.x_test) > raw + 0.15, raw
