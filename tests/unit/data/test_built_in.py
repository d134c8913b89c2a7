"""The built-in data sets: digits are split fairly, shapes are reproducible, distinguishable and not trivial."""

from __future__ import annotations

from importlib.machinery import ModuleSpec
from pathlib import Path

import numpy as np
import pytest
import torch

from lwal_core.config import DataConfig
from lwal_core.data import Dataset, load_dataset
from lwal_core.data import shapes as shapes_module
from lwal_core.data.shapes import CLASS_NAMES, FAMILIES, OUTLINES, draw_class
from lwal_core.datafiles import source_stats
from lwal_core.errors import DataError


def rows(x: torch.Tensor) -> set[bytes]:
    return {image.numpy().tobytes() for image in x}


class TestDigits:
    def test_agrees_with_scikit_learn(self):
        from sklearn.datasets import load_digits

        found = load_digits()
        data = load_dataset(DataConfig(name="digits"))
        assert data.class_names == tuple("0123456789")
        assert data.input_shape == (1, 8, 8)
        assert data.x_train.dtype == torch.uint8
        levels = torch.cat([data.x_train, data.x_test]).double().flatten(1) * 16 / 255
        assert torch.equal(levels.round().sum(0), torch.from_numpy(found.data.sum(0)))
        assert (int(data.x_train.min()), int(data.x_train.max())) == (0, 255)

    def test_without_scikit_learn_s_file_a_sentence_says_so(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
        for found in (None, ModuleSpec("sklearn", None, origin=str(tmp_path / "__init__.py"))):
            monkeypatch.setattr("lwal_core.data.digits.find_spec", lambda name, found=found: found)
            with pytest.raises(DataError, match="digits of scikit-learn cannot be read"):
                load_dataset(DataConfig(name="digits"))

    @pytest.mark.parametrize("fraction", [0.05, 0.2, 0.5])
    def test_split_is_stratified_and_complete(self, fraction):
        from sklearn.datasets import load_digits

        data = load_dataset(DataConfig(name="digits", test_fraction=fraction))
        of_class = np.bincount(load_digits().target)
        held = np.bincount(data.y_test)
        np.testing.assert_array_equal(np.bincount(data.y_train) + held, of_class)
        assert (abs(held - fraction * of_class) <= 0.5).all()
        # All scans differ, so equal numbers of distinct images mean that none is in both parts.
        assert len(rows(data.x_train) | rows(data.x_test)) == len(rows(torch.from_numpy(load_digits().data))) == 1_797

    def test_seed_decides_the_split(self):
        first, again, other = (load_dataset(DataConfig(name="digits", split_seed=seed)) for seed in (3, 3, 4))
        assert first.fingerprint == again.fingerprint != other.fingerprint
        assert rows(first.x_test) != rows(other.x_test)

    def test_subsets_are_balanced_nested_and_leave_the_test_set_alone(self):
        full, large, small = (load_dataset(DataConfig(name="digits", per_class=n)) for n in (None, 50, 10))
        np.testing.assert_array_equal(np.bincount(large.y_train), [50] * 10)
        assert rows(small.x_train) < rows(large.x_train) < rows(full.x_train)
        assert torch.equal(small.x_test, full.x_test)

    def test_a_subset_larger_than_a_class_is_refused(self):
        with pytest.raises(DataError, match=r"per_class is 150, but class '8' has only 139 .* Use at most 139"):
            load_dataset(DataConfig(name="digits", per_class=150))

    @pytest.mark.parametrize("size", [8, 16, 20])
    def test_image_size(self, size):
        data = load_dataset(DataConfig(name="digits", image_size=size, per_class=2))
        assert data.input_shape == (1, size, size)

    def test_too_large(self):
        with pytest.raises(DataError, match="GiB"):
            load_dataset(DataConfig.model_construct(name="digits", image_size=4_096))


@pytest.fixture(scope="module")
def shapes() -> Dataset:
    return load_dataset(DataConfig(name="shapes"))


class TestShapes:
    def test_sizes_and_names(self, shapes):
        assert shapes.x_train.shape == (2_400, 3, 32, 32)
        assert shapes.x_test.shape == (800, 3, 32, 32)
        np.testing.assert_array_equal(np.bincount(shapes.y_train), [150] * 16)
        np.testing.assert_array_equal(np.bincount(shapes.y_test), [50] * 16)
        assert shapes.taxonomy == "shapes"
        assert shapes.class_names[:4] == ("solid circle", "striped circle", "solid oval", "striped oval")
        assert shapes.class_names[-1] == "striped tee"

    def test_names_follow_family_shape_and_fill(self):
        order = [(fill, shape) for members in FAMILIES.values() for shape in members for fill in ("solid", "striped")]
        assert tuple(f"{fill} {shape}" for fill, shape in order) == CLASS_NAMES
        assert {shape for members in FAMILIES.values() for shape in members} == set(OUTLINES)

    def test_bytes_are_the_same_on_every_machine(self, shapes):
        """Recorded once; a run's record of its data is only worth something if another machine draws the same."""
        assert shapes.fingerprint == "4b540249c77b87ec6cf0efa6fcbf641e01af861f479ced0e2b534f075a11a7a3"

    def test_seed_decides(self):
        first, again, other = (load_dataset(DataConfig(name="shapes", split_seed=s, per_class=2)) for s in (1, 1, 2))
        assert first.fingerprint == again.fingerprint != other.fingerprint
        assert not rows(first.x_train) & rows(other.x_train)

    def test_fewer_images_are_a_prefix_and_the_test_set_stays(self, shapes):
        few = load_dataset(DataConfig(name="shapes", per_class=3))
        assert torch.equal(few.x_train, shapes.x_train[: 3 * 16])
        assert torch.equal(few.x_test, shapes.x_test)

    def test_chunks_do_not_show(self, monkeypatch):
        whole = draw_class(3, 7, 16, [0, 0])
        monkeypatch.setattr(shapes_module, "_CHUNK_VALUES", 2 * 32 * 32)
        np.testing.assert_array_equal(draw_class(3, 7, 16, [0, 0]), whole)

    def test_no_image_occurs_twice(self, shapes):
        assert len(rows(shapes.x_train) | rows(shapes.x_test)) == 3_200

    @pytest.mark.parametrize("size", [16, 17, 48])
    def test_image_size(self, size):
        data = load_dataset(DataConfig(name="shapes", image_size=size, per_class=2))
        assert data.input_shape == (3, size, size)

    def test_too_small_to_see(self):
        with pytest.raises(DataError, match="image_size 8 is too small"):
            load_dataset(DataConfig(name="shapes", image_size=8))

    def test_too_large_to_hold(self):
        with pytest.raises(DataError, match=r"shapes: .* GiB of memory; at most 4 GiB"):
            load_dataset(DataConfig(name="shapes", image_size=512, per_class=1_000))

    def test_colours_and_places_say_nothing(self, shapes):
        """Nearest mean image and nearest neighbour on raw pixels stay near chance (6 %), far from a network's 80 %."""
        x, t = (part[:1_600, :, ::2, ::2].flatten(1).float() / 255 for part in (shapes.x_train, shapes.x_test))
        means = torch.stack([x[shapes.y_train[:1_600] == label].mean(0) for label in range(16)])
        nearest_mean = torch.cdist(t, means).argmin(1)
        nearest_neighbour = shapes.y_train[torch.cdist(t, x).argmin(1)]
        for predicted in (nearest_mean, nearest_neighbour):
            assert (predicted == shapes.y_test).float().mean() < 0.25

    def test_the_ground_contrasts_with_the_shape(self, shapes):
        """Brightness at the corners against the most different spot near the middle."""
        luma = (shapes.x_test.float() * torch.tensor([0.299, 0.587, 0.114])[:, None, None]).sum(1) / 255
        corners = torch.stack([luma[:, :3, :3], luma[:, :3, -3:], luma[:, -3:, :3], luma[:, -3:, -3:]]).mean((2, 3))
        middle = luma[:, 8:24, 8:24].flatten(1)
        contrast = (middle - corners.median(0).values[:, None]).abs().max(1).values
        assert (contrast > 0.25).float().mean() > 0.99


@pytest.fixture(scope="module")
def grid() -> tuple[np.ndarray, np.ndarray]:
    """Coordinates from -1.2 to 1.2 on 600 x 600 points."""
    axis = ((np.arange(600) + 0.5) / 250 - 1.2).astype(np.float32)
    return np.broadcast_to(axis[None, None, :], (1, 600, 600)), np.broadcast_to(axis[None, :, None], (1, 600, 600))


class TestOutlines:
    """The implicit functions against what geometry says, on a fine grid."""

    @pytest.mark.parametrize(
        ("shape", "area"),
        [
            ("circle", np.pi * 0.82**2),
            ("oval", np.pi * 1.0 * 0.52),
            ("triangle", 3 * np.sqrt(3) / 4 * 1.1**2),
            ("square", 1.44**2),
            ("star", 5 * 1.1 * 0.46 * np.sin(np.pi / 5)),
            ("sun", 11 * 1.08 * 0.7 * np.sin(np.pi / 11)),
            ("plus", 2 * (1.9 * 0.6) - 0.6**2),
            ("tee", 1.7 * 0.6 + 0.6 * (0.95 + 0.3)),
        ],
    )
    def test_areas(self, grid, shape, area):
        inside = (OUTLINES[shape](*grid) < 0).mean() * 2.4**2
        assert inside == pytest.approx(area, rel=0.01)

    @pytest.mark.parametrize(
        ("shape", "turns"),
        [("triangle", 3), ("square", 4), ("star", 5), ("sun", 11), ("plus", 4), ("circle", 7), ("oval", 2), ("tee", 1)],
    )
    def test_symmetry(self, grid, shape, turns):
        x, y = grid
        angle = 2 * np.pi / turns
        turned = np.cos(angle) * x - np.sin(angle) * y, np.sin(angle) * x + np.cos(angle) * y
        plain, rotated = OUTLINES[shape](x, y), OUTLINES[shape](*(part.astype(np.float32) for part in turned))
        assert ((plain < 0) != (rotated < 0)).mean() < 1e-3

    def test_each_pair_of_shapes_differs_however_turned(self, grid):
        """No shape can pass for another: even the best of 24 rotations leaves a tenth of their area different."""
        x, y = (part[:, ::6, ::6] for part in grid)
        inside = {}
        for shape, outline in OUTLINES.items():
            turned = []
            for angle in np.arange(24) * 2 * np.pi / 24:
                c, s = np.float32(np.cos(angle)), np.float32(np.sin(angle))
                turned.append(outline(c * x - s * y, s * x + c * y) < 0)
            inside[shape] = np.stack(turned)
        names = list(OUTLINES)
        for i, first in enumerate(names):
            for second in names[i + 1 :]:
                different = (inside[first][:1] ^ inside[second]).mean((1, 2, 3)).min()
                assert different > 0.1 * inside[first][0].mean(), (first, second)

    def test_fills_differ_inside_the_shape(self):
        """Striped shapes vary more from pixel to pixel than solid ones of the same outline."""
        for solid in range(0, 16, 2):
            steps = []
            for class_index in (solid, solid + 1):
                images = draw_class(class_index, 40, 32, [0, 5]).astype(np.float32)
                steps.append(np.abs(np.diff(images[:, :, 10:22, 10:22], axis=3)).mean())
            assert steps[1] > 1.3 * steps[0], CLASS_NAMES[solid]


@pytest.mark.parametrize(
    "values",
    [
        {"name": "digits"},
        {"name": "digits", "test_fraction": 0.33, "per_class": 20},
        {"name": "shapes", "per_class": 4},
        {"name": "shapes", "per_class": 2, "image_size": 24},
    ],
)
def test_facts_told_beforehand_are_the_facts(values):
    config = DataConfig(**values)
    data, facts = load_dataset(config), source_stats(config)
    assert (facts.train, facts.test, facts.classes) == (len(data.y_train), len(data.y_test), data.num_classes)
    assert facts.unit == "images"
