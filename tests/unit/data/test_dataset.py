"""What a data set must satisfy, its fingerprint, its statistics and its example images."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from lwal_core.config import DataConfig
from lwal_core.data import load_dataset
from lwal_core.data.dataset import Dataset, check, resized
from lwal_core.errors import DataError


def images(**changes: object) -> Dataset:
    generator = torch.Generator().manual_seed(0)
    values: dict = {
        "name": "tiny",
        "kind": "images",
        "x_train": torch.randint(0, 256, (6, 3, 4, 5), generator=generator, dtype=torch.uint8),
        "y_train": torch.tensor([0, 1, 2, 0, 1, 2]),
        "x_test": torch.randint(0, 256, (4, 3, 4, 5), generator=generator, dtype=torch.uint8),
        "y_test": torch.tensor([0, 0, 1, 0]),
        "class_names": ("a", "b", "c"),
    }
    return Dataset.build(**{**values, **changes})


def features(**changes: object) -> Dataset:
    values: dict = {
        "name": "tiny",
        "kind": "features",
        "x_train": torch.arange(12, dtype=torch.float32).reshape(6, 2),
        "y_train": torch.tensor([0, 1, 2, 0, 1, 2]),
        "x_test": torch.ones(4, 2),
        "y_test": torch.tensor([0, 0, 1, 0]),
        "class_names": ("a", "b", "c"),
    }
    return Dataset.build(**{**values, **changes})


class TestCheck:
    def test_a_class_may_be_absent_from_the_test_set(self):
        assert images().num_classes == 3
        assert images().input_shape == (3, 4, 5)
        assert features().input_shape == (2,)

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"class_names": ("a",), "y_train": torch.zeros(6, dtype=torch.int64)}, "1 classes; 2 to 10,000"),
            ({"class_names": ("a", "b", "b")}, "class names 'b' occur more than once"),
            ({"class_names": ("a", " ", "c")}, "a class name is empty"),
            ({"class_names": ("a", "b", "c", "d")}, "no training samples of class 'd'"),
            ({"y_train": torch.tensor([0, 1, 2, 0, 1, 3])}, "y_train has the label 3 in row 5"),
            ({"y_test": torch.tensor([0, -1, 0, 0])}, "y_test has the label -1 in row 1"),
            ({"y_train": torch.tensor([0, 1, 2, 0, 1])}, "for 6 samples"),
            ({"y_train": torch.tensor([0.0, 1, 2, 0, 1, 2])}, "y_train is torch.float32"),
            ({"x_test": torch.ones(1, 2), "y_test": torch.tensor([0])}, "1 test samples; at least 2"),
            ({"x_test": torch.ones(0, 2), "y_test": torch.zeros(0, dtype=torch.int64)}, "0 test samples"),
            ({"x_test": torch.ones(4, 3)}, "different shapes, (2,) and (3,)"),
            ({"x_train": torch.ones(6, 2, dtype=torch.float64)}, "x_train is torch.float64"),
            ({"x_train": torch.ones(6, 2, 1)}, "x_train is torch.float32 of shape (6, 2, 1)"),
        ],
    )  # fmt: skip
    def test_refusals_name_what_is_wrong(self, changes, message):
        with pytest.raises(DataError) as error:
            features(**changes)
        assert message in error.value.message
        assert error.value.hint

    @pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
    def test_a_value_that_is_not_finite_is_named_by_row_and_column(self, value):
        x = torch.zeros(3_000, 2_000)  # more than is looked at in one go
        x[2_900, 7] = value
        with pytest.raises(DataError, match=rf"x_train has the value {value} in row 2900, column 7"):
            features(x_train=x, y_train=torch.arange(3_000) % 3, x_test=torch.zeros(4, 2_000))

    @pytest.mark.parametrize("shape", [(6, 2, 4, 5), (6, 3, 4), (6, 3, 0, 5)])
    def test_images_have_one_or_three_channels_and_two_sides(self, shape):
        with pytest.raises(DataError, match="Images are uint8"):
            images(x_train=torch.zeros(shape, dtype=torch.uint8))

    def test_images_are_bytes(self):
        with pytest.raises(DataError, match=r"torch\.float32"):
            images(x_train=torch.zeros(6, 3, 4, 5))

    def test_can_be_asked_again(self):
        with pytest.raises(DataError, match="more than once"):
            check(replace(images(), class_names=("a", "a", "c")))


class TestFingerprint:
    def test_is_a_sha256_that_only_depends_on_contents(self):
        first, second = images(), images(name="other", notes=("a note",), taxonomy="shapes")
        assert first.fingerprint == second.fingerprint
        assert len(bytes.fromhex(first.fingerprint)) == 32

    def test_one_that_is_given_is_kept(self):
        assert features(fingerprint="ab").fingerprint == "ab"

    def test_memory_layout_does_not_matter(self):
        x = images().x_train
        turned = x.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2)
        assert not turned.is_contiguous()
        assert images(x_train=turned).fingerprint == images().fingerprint

    def test_one_pixel_one_label_or_one_name_changes_it(self):
        base = images()
        pixel = base.x_train.clone()
        pixel[5, 2, 3, 4] ^= 1
        test_pixel = base.x_test.clone()
        test_pixel[0, 0, 0, 0] ^= 1
        variants = [
            base,
            images(x_train=pixel),
            images(x_test=test_pixel),
            images(y_train=torch.tensor([1, 0, 2, 0, 1, 2])),
            images(y_test=torch.tensor([0, 0, 1, 1])),
            images(class_names=("a", "b", "d")),
            images(class_names=("b", "a", "c")),
            images(x_train=base.x_train.reshape(6, 3, 5, 4), x_test=base.x_test.reshape(4, 3, 5, 4)),
        ]
        assert len({variant.fingerprint for variant in variants}) == len(variants)

    def test_names_cannot_run_into_one_another(self):
        assert images(class_names=("a", "b1:", "c")).fingerprint != images(class_names=("a", "b", "1:c")).fingerprint


class TestStatistics:
    def test_images_agree_with_numpy(self):
        mean, std = images().channel_mean_std()
        pixels = images().x_train.numpy() / 255
        np.testing.assert_allclose(mean, pixels.mean((0, 2, 3)), rtol=1e-6)
        np.testing.assert_allclose(std, pixels.std((0, 2, 3)), rtol=1e-6)

    def test_features_agree_with_numpy_over_several_chunks(self):
        x = np.random.default_rng(0).normal(1e3, 1, (5_000, 1_000)).astype(np.float32)
        data = features(x_train=torch.from_numpy(x), y_train=torch.arange(5_000) % 3, x_test=torch.zeros(4, 1_000))
        mean, std = data.channel_mean_std()
        np.testing.assert_allclose(mean, x.mean(0, dtype=np.float64), rtol=1e-6)
        np.testing.assert_allclose(std, x.std(0, dtype=np.float64), rtol=1e-5)

    @pytest.mark.parametrize("constant", [0.0, 0.1, 1e30])
    def test_a_constant_feature_has_a_deviation_of_one(self, constant):
        mean, std = features(x_train=torch.full((6, 2), constant)).channel_mean_std()
        assert std.tolist() == [1, 1]
        assert mean.tolist() == pytest.approx([constant, constant])

    def test_constant_images_have_a_deviation_of_one(self):
        _, std = images(x_train=torch.full((6, 3, 4, 5), 200, dtype=torch.uint8)).channel_mean_std()
        assert std.tolist() == [1, 1, 1]


class TestThumbnails:
    def test_features_have_none(self):
        assert features().thumbnails() is None

    def test_features_of_images_have_those_of_the_images(self):
        x = torch.zeros(6, 2), torch.zeros(4, 2)
        made = features(x_train=x[0], x_test=x[1], y_test=images().y_test, original=images())
        found, expected = made.thumbnails(per_class=2), images().thumbnails(per_class=2)
        assert found is not None and expected is not None
        np.testing.assert_array_equal(found[0], expected[0])
        np.testing.assert_array_equal(found[1], expected[1])

    def test_come_from_the_test_set_and_else_from_the_training_set(self):
        found = images().thumbnails(per_class=2, size=5)
        assert found is not None
        pictures, labels = found
        assert labels.tolist() == [0, 0, 1, 2, 2]
        assert pictures.shape == (5, 4, 5, 3)
        assert pictures.dtype == np.uint8
        data = images()
        expected = [data.x_test[0], data.x_test[1], data.x_test[2], data.x_train[2], data.x_train[5]]
        for picture, image in zip(pictures, expected, strict=True):
            np.testing.assert_array_equal(picture, image.permute(1, 2, 0))

    def test_are_the_same_each_time_and_square_for_square_images(self):
        data = load_dataset(DataConfig(name="digits"))
        first, second = data.thumbnails(), data.thumbnails()
        assert first is not None and second is not None
        assert first[0].shape == (90, 48, 48, 3)
        np.testing.assert_array_equal(first[0], second[0])
        np.testing.assert_array_equal(np.bincount(first[1]), [9] * 10)

    @pytest.mark.parametrize("size", [1, 3, 7, 48])
    def test_any_size(self, size):
        found = images().thumbnails(size=size)
        assert found is not None
        assert found[0].shape[1:] == (max(1, round(4 * size / 5)), size, 3)


class TestResized:
    def test_whole_multiples_repeat_pixels(self):
        image = torch.tensor([[[[0, 255], [7, 9]]]], dtype=torch.uint8)
        np.testing.assert_array_equal(resized(image, (4, 6))[0, 0], np.kron([[0, 255], [7, 9]], np.ones((2, 3))))

    def test_reduction_averages(self):
        checkered = (torch.arange(64).reshape(8, 8) + torch.arange(8)[:, None]) % 2 * 255
        small = resized(checkered.to(torch.uint8)[None, None], (2, 2))
        assert ((small > 115) & (small < 140)).all()

    def test_chunks_do_not_show(self, monkeypatch):
        x = images().x_train
        whole = resized(x, (3, 3))
        monkeypatch.setattr("lwal_core.data.dataset._VALUES_AT_ONCE", 100)
        assert torch.equal(resized(x, (3, 3)), whole)


class TestNames:
    @pytest.mark.parametrize("name", ["imagenet", "MNIST", "", "Digits", "folder", "digits:"])
    def test_an_unknown_name_lists_the_forms(self, name):
        unchecked = DataConfig.model_construct(name=name)
        with pytest.raises(
            DataError,
            match=r"digits, shapes, pictograms, mnist, .*, folder:PATH, table:FILE, shards:PATTERN, hf-data:ORG/NAME, features:PATH\.npz",
        ):
            load_dataset(unchecked)
