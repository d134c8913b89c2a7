"""Pictograms: the parts share no drawing, in no style and no near copy; counts told beforehand hold; damage is told in a line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lwal_core.config import DataConfig, RunConfig
from lwal_core.data import Dataset, load_dataset
from lwal_core.data.validation import split_validation
from lwal_core.datafiles import pictograms as files
from lwal_core.datafiles import source_stats
from lwal_core.datafiles.pictograms import drawn_kins, pictogram_table, read_sheets
from lwal_core.errors import ConfigError, DataError
from lwal_core.taxonomy import load_taxonomy, taxonomy_for


@pytest.fixture(scope="module")
def data() -> Dataset:
    return load_dataset(DataConfig(name="pictograms"))


def blurred(images: torch.Tensor) -> torch.Tensor:
    """A 3 x 3 mean of each image, as one row, of a range of 0 to 1."""
    return torch.nn.functional.avg_pool2d(images.float() / 255, 3, 1, 1, count_include_pad=False).flatten(1)


def test_sizes_and_names(data: Dataset):
    assert data.x_train.shape == (1_470, 3, 32, 32) and data.x_test.shape == (435, 3, 32, 32)
    assert data.num_classes == 23 and data.class_names[0] == "aircraft" and "land vehicle" in data.class_names
    assert int(np.bincount(data.y_test).min()) >= 6  # two drawings of each class in three styles
    assert taxonomy_for(data.class_names) == data.taxonomy == "pictograms"
    assert load_taxonomy("pictograms").classes == data.class_names


def test_bytes_are_the_same_on_every_machine(data: Dataset):
    """Recorded once: the sheets are without loss."""
    assert data.fingerprint == "a8ce2c9dcb8d9713be13b1803c76feb59e17e30e036f349ab4471708a65bcd11"


def test_the_grounds_are_white_and_a_tile_is_one_drawing_in_every_style(data: Dataset):
    """In another style a drawing is nearer to itself than to others."""
    corners = data.x_train[:, :, [0, 0, -1, -1], [0, -1, 0, -1]]
    assert (corners == 255).float().mean() > 0.9
    x = blurred(torch.from_numpy(read_sheets().reshape(-1, 32, 32, 3).transpose(0, 3, 1, 2).copy()))
    for first, second in ((0, 1), (0, 2), (1, 2)):
        distances = torch.cdist(x[first::3], x[second::3])
        assert (distances.diagonal() < distances.median(1).values).float().mean() > 0.7


def test_no_drawing_and_no_near_copy_of_it_is_in_both_parts(data: Dataset):
    """By pixels alone, without the table: mirrored or not, no test image is as near to a training image of its class as twins
    are. The rule that made the parts blurs less; the closest pair left is a smile and a wink."""
    x, t = blurred(data.x_train), blurred(data.x_test)
    mirrored = blurred(data.x_train.flip(3))
    distances = torch.minimum(torch.cdist(t, x), torch.cdist(t, mirrored)) / x.shape[1] ** 0.5
    distances[data.y_test[:, None] != data.y_train[None]] = 1
    assert float(distances.min()) > 0.045
    table = pictogram_table()
    assert not set(table.kin[table.test]) & set(table.kin[~table.test])
    assert int(table.test.sum()) * 3 == len(data.y_test)


def test_a_kin_has_one_class():
    table = pictogram_table()
    assert len(set(zip(table.kin.tolist(), table.labels.tolist(), strict=True))) == len(set(table.kin.tolist()))


@pytest.mark.parametrize("seed", [0, 7])
def test_validation_takes_whole_kins_and_leaves_the_test_part(data: Dataset, seed: int):
    config = DataConfig(name="pictograms", validation=0.2, split_seed=seed)
    left, part = split_validation(load_dataset(config), config)
    assert part is not None and torch.equal(left.x_test, data.x_test)
    stats = source_stats(config)
    assert (stats.train, stats.validation, stats.test) == (len(left.y_train), len(part.y), len(left.y_test))
    assert stats.per_class == tuple(np.bincount(left.y_train).tolist())
    assert len(left.y_train) + len(part.y) == len(data.y_train) and 0.1 < len(part.y) / len(data.y_train) < 0.2
    table = pictogram_table()
    apart = table.validation(0.2, seed)
    assert not set(table.kin[apart]) & set(table.kin[~apart])
    assert set(part.y.tolist()) == set(range(23))


def test_other_seeds_set_others_apart():
    table = pictogram_table()
    assert (table.validation(0.2, 0) != table.validation(0.2, 1)).any()
    assert not table.validation(0.0, 0).any()


@pytest.mark.parametrize(
    "values", [{}, {"per_class": 3, "image_size": 24}, {"per_class": 4, "validation": 0.3}, {"image_size": 64}]
)
def test_facts_told_beforehand_are_the_facts(values: dict[str, float]):
    config = DataConfig(name="pictograms", **values)
    left, part = split_validation(load_dataset(config), config)
    facts = source_stats(config)
    assert (facts.train, facts.test, facts.classes) == (len(left.y_train), len(left.y_test), left.num_classes)
    assert facts.validation == (0 if part is None else len(part.y))
    assert left.input_shape == (3, config.image_size or 32, config.image_size or 32)


def test_a_subset_larger_than_the_smallest_class_is_refused():
    with pytest.raises(DataError, match=r"per_class is 22, but class 'cat face' has only 21 .* Use at most 21"):
        load_dataset(DataConfig(name="pictograms", per_class=22))


def test_too_large():
    with pytest.raises(DataError, match="GiB"):
        load_dataset(DataConfig.model_construct(name="pictograms", image_size=4_096))


def test_the_share_for_testing_does_not_apply():
    with pytest.raises(ConfigError, match="test_fraction does not apply to pictograms"):
        RunConfig.parse({"data": {"name": "pictograms", "test_fraction": 0.3}})


def test_the_drawings_are_credited(data: Dataset):
    notice = (Path(__file__).parents[3] / "NOTICE").read_text(encoding="utf-8")
    said = files._folder().joinpath("README.md").read_text(encoding="utf-8")
    for word in ("Noto Emoji", "Apache License 2.0", "Twemoji", "CC BY 4.0", "OpenMoji", "CC BY-SA 4.0"):
        assert word in notice and word in said and word in data.notes[0]
    assert "Apache License" in files._folder().joinpath("LICENSE-APACHE.txt").read_text(encoding="utf-8")
    assert sum(len(file.read_bytes()) for file in files._folder().iterdir()) < 2_000_000


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("drawings.csv", b"class,code\nbird,1f426\n"),
        ("drawings.csv", b"\xff"),
        ("noto.webp", b"RIFF"),
        ("noto.webp", None),
    ],
)
def test_damage_is_told_in_a_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, content: bytes | None):
    for file in files._folder().iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / name).unlink() if content is None else (tmp_path / name).write_bytes(content)
    monkeypatch.setattr(files, "_folder", lambda: tmp_path)
    pictogram_table.cache_clear()
    try:
        with pytest.raises(DataError, match="cannot be read"):
            load_dataset(DataConfig(name="pictograms"))
    finally:
        pictogram_table.cache_clear()


@given(st.lists(st.integers(1, 30), max_size=40), st.floats(0.01, 0.5), st.integers(0, 99))
def test_what_is_drawn_stays_below_the_share_and_leaves_something(sizes: list[int], share: float, seed: int):
    chosen = drawn_kins(sizes, share, [seed])
    taken = sum(sizes[number] for number in chosen)
    assert len(set(chosen)) == len(chosen) <= max(1, share * len(sizes) + 0.5)
    assert taken <= max(1, share * sum(sizes) + 0.5)
    assert not chosen or taken < sum(sizes)
