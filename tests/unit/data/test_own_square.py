"""Images of files as the evaluation of a library's backbone sees them: against timm's own transform, and as before where a run says
nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from lwal_core.config import RunConfig
from lwal_core.config.data import Square
from lwal_core.data import load_dataset
from lwal_core.data.image_files import read_image
from lwal_core.encoders.library import as_trained
from lwal_core.errors import ConfigError
from lwal_core.runs.record import RunRecord


def picture(height: int, width: int) -> Image.Image:
    """Smooth colours with some noise, so that another interpolation or another crop shows."""
    rows, columns = np.mgrid[:height, :width]
    smooth = np.stack([127 + 120 * np.sin(rows / 9), 127 + 120 * np.cos(columns / 7), (rows + columns) % 256], axis=-1)
    noise = np.random.default_rng(1).integers(-20, 20, smooth.shape)
    return Image.fromarray((smooth + noise).clip(0, 255).astype(np.uint8))


def config(folder: Path, encoder: str, **data: object) -> RunConfig:
    values = {"data": {"name": f"folder:{folder}", **data}, "encoder": {"name": encoder, "weights": "random"}}
    return RunConfig.parse(values)


@pytest.mark.parametrize("sides", [(301, 220), (220, 301), (64, 64), (40, 200), (500, 375)])
@pytest.mark.parametrize(
    "name", ["resnet10t", "vit_tiny_patch16_224", "efficientnet_b0.ra_in1k", "convnext_tiny.fb_in1k"]
)
def test_pixels_are_those_of_timm(tmp_path, sides, name):
    import timm
    from timm.data import create_transform, resolve_data_config

    picture(*sides).save(tmp_path / "a.png")
    data = as_trained(config(tmp_path, f"timm:{name}")).data
    about = resolve_data_config({}, pretrained_cfg=timm.get_pretrained_cfg(name).to_dict())
    theirs = create_transform(**about, is_training=False, normalize=False)(Image.open(tmp_path / "a.png"))
    ours = read_image(tmp_path / "a.png", data.image_size, fit=data.square)
    assert (data.square.share, data.square.scaling) == (about["crop_pct"], about["interpolation"])
    assert np.array_equal(ours, theirs.numpy())


def test_a_photograph_of_a_large_jpeg_is_nearly_the_same(tmp_path):
    """It is decoded at a half of its size."""
    import timm
    from timm.data import create_transform, resolve_data_config

    picture(1400, 1000).resize((2000, 2800)).save(tmp_path / "a.jpg", quality=95)
    data = as_trained(config(tmp_path, "timm:resnet10t")).data
    about = resolve_data_config({}, pretrained_cfg=timm.get_pretrained_cfg("resnet10t").to_dict())
    theirs = create_transform(**about, is_training=False, normalize=False)(Image.open(tmp_path / "a.jpg")).numpy()
    ours = read_image(tmp_path / "a.jpg", data.image_size, fit=data.square)
    assert np.abs(ours.astype(int) - theirs).mean() < 2


def test_a_record_without_the_choice_stays_as_it_was(tmp_path):
    for number in range(8):
        file = tmp_path / "ab"[number % 2] / f"{number}.png"
        file.parent.mkdir(exist_ok=True)
        picture(40 + number, 60).save(file)
    new = config(tmp_path, "timm:resnet10t", image_size=16)
    assert new.data.scaling == "own" and new.to_dict()["data"]["scaling"] == "own"
    written = new.to_dict()
    del written["data"]["scaling"], written["data"]["crop_share"]
    old = RunRecord.model_validate({"id": "x", "created": "2026-01-01T00:00:00Z", "config": written}).config
    assert old.data.square == Square() and as_trained(old).data.square == Square()
    assert (
        old.with_seed(3).data.square == Square() and RunConfig.parse(old.to_dict()) == old
    )  # resumed, repeated, retried
    assert old.group_key() != new.group_key()
    before, now = (load_dataset(as_trained(one).data) for one in (old, new))
    assert before.fingerprint != now.fingerprint and not torch.equal(before.x_train, now.x_train)
    plain = RunConfig.parse({"data": {"name": f"folder:{tmp_path}", "image_size": 16}})
    assert torch.equal(load_dataset(plain.data).x_train, before.x_train) and plain.data.scaling == "bicubic"


def test_fingerprints_of_streams_say_the_fit_as_they_did():
    assert [f"{Square()}", f"{Square('pad')}"] == ["crop", "pad"]
    assert (
        len({f"{Square('crop', share, mode)}" for share in (None, 0.9, 1.0) for mode in ("bicubic", "bilinear")}) == 6
    )


def test_what_is_said_goes_before(tmp_path):
    assert config(tmp_path, "timm:resnet10t", scaling="bilinear").data.square == Square("crop", None, "bilinear")
    assert as_trained(config(tmp_path, "timm:resnet10t", scaling="own", crop_share=0.7)).data.crop_share == 0.7
    assert config(tmp_path, "timm:resnet10t", fit="pad").data.square == Square("pad")
    assert (
        RunConfig.parse({"data": {"name": "digits"}, "encoder": {"name": "timm:resnet10t"}}).data.scaling == "bicubic"
    )
    with pytest.raises(ConfigError, match="needs a backbone of timm: or hf:"):
        config(tmp_path, "resnet18", scaling="own")
    with pytest.raises(ConfigError, match="crop_share is for images of files and fit crop"):
        config(tmp_path, "timm:resnet10t", fit="pad", crop_share=0.9)
