"""Backbones of timm and transformers as encoders: one step each, features, sizes, weights; hostile names and files."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from lwal_core.config import EncoderConfig, RunConfig
from lwal_core.config.data import Square
from lwal_core.data import load_dataset
from lwal_core.data.frozen import frozen_features
from lwal_core.data.image_files import read_image
from lwal_core.encoders import Classifier, build_encoder
from lwal_core.encoders.hub_networks import hub_classifier
from lwal_core.encoders.library import LibraryEncoder, as_trained
from lwal_core.errors import TrainingError


def build(name: str, side: int | None = None, **options: Any) -> LibraryEncoder:
    values = {"name": name, "weights": "random", "input_size": side, **options}
    encoder = build_encoder(EncoderConfig.model_validate(values), (3, 24, 24))
    assert isinstance(encoder, LibraryEncoder)
    return encoder


def pictures(count: int = 4, side: int = 24) -> Tensor:
    return torch.randint(0, 256, (count, 3, side, side), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    ("name", "side", "features"),
    [("resnet50", 64, 2_048), ("vit_small_patch16_224", 32, 384), ("convnext_tiny", 32, 768)],
)
def test_a_step_of_the_usual_families(name: str, side: int, features: int) -> None:
    """The outputs of timm's own network, and a gradient for every parameter."""
    import timm

    torch.manual_seed(0)
    encoder = build(f"timm:{name}", side)
    model = Classifier(encoder, 5, torch.zeros(3), torch.ones(3))
    assert encoder.out_features == features and torch.equal(model.mean, torch.tensor(encoder_mean(name)))
    torch.manual_seed(0)
    own = timm.create_model(name, num_classes=0, **({"img_size": side} if name.startswith("vit") else {}))
    x = model.normalise(pictures())
    larger = torch.nn.functional.interpolate(x, (side, side), mode="bicubic", antialias=True)
    with torch.no_grad():
        assert torch.allclose(model.eval().features(pictures()), own.eval()(larger), atol=1e-5)
    before = [parameter.detach().clone() for parameter in model.parameters()]
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    model.train()(pictures()).square().sum().backward()
    assert all(parameter.grad is not None and torch.isfinite(parameter.grad).all() for parameter in model.parameters())
    optimizer.step()
    assert any(not torch.equal(a, b) for a, b in zip(before, model.encoder.parameters(), strict=False))


def encoder_mean(name: str) -> list[float]:
    import timm

    return list(timm.get_pretrained_cfg(name).mean)


def test_the_network_says_size_and_interpolation_unless_told() -> None:
    def sizes(data: dict[str, Any], **encoder: Any) -> tuple[int | None, int | None]:
        config = as_trained(RunConfig.parse({"data": data, "encoder": {"weights": "random", **encoder}}))
        return config.data.image_size, config.encoder.input_size

    folder = {"name": "folder:/data/birds"}
    assert sizes(folder, name="timm:resnet10t") == (176, 176)  # timm's page of the model
    assert sizes(folder, name="frozen:timm:resnet10t", weights="x.pth") == (176, 176)
    assert sizes({**folder, "image_size": 64}, name="timm:resnet10t") == (64, 64)
    assert sizes(folder, name="timm:resnet10t", input_size=96) == (96, 96)
    assert sizes({"name": "cifar10"}, name="timm:resnet10t") == (None, 176)
    plain = RunConfig.parse({"data": folder, "encoder": {"name": "resnet18"}})
    assert as_trained(plain) is plain
    assert build("timm:resnet10t").interpolation == "bicubic" and build("timm:test_resnet", 32).sides == (32, 32)


def test_weights_of_a_file_with_other_classes(tmp_path: Path) -> None:
    import timm

    torch.manual_seed(3)
    saved = timm.create_model("test_vit", num_classes=7).eval()
    torch.save(saved.state_dict(), tmp_path / "mine.pth")
    encoder = build("timm:test_vit", weights=str(tmp_path / "mine.pth")).eval()
    x = torch.randn(2, 3, *encoder.sides)
    with torch.no_grad():
        assert torch.allclose(saved.get_classifier()(encoder(x)), saved(x), atol=1e-5)
    with pytest.raises(TrainingError, match="do not belong to timm's test_resnet"):
        build("timm:test_resnet", weights=str(tmp_path / "mine.pth"))
    with pytest.raises(TrainingError, match="are no file"):
        build("timm:test_vit", weights=str(tmp_path / "none.pth"))


def test_a_transformers_network_is_that_of_the_library(vit: Path) -> None:
    from transformers import ViTForImageClassification

    encoder = build(f"hf:{vit}", weights="pretrained").eval()
    saved = ViTForImageClassification.from_pretrained(vit).eval()
    x = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        assert torch.allclose(saved.classifier(encoder(x)), saved(x).logits, atol=1e-5)
        assert build(f"hf:{vit}", 48)(x).shape == (2, 16)  # places are interpolated
    assert encoder.sides == (32, 32) and encoder.interpolation == "bilinear"
    assert [values.tolist() for values in encoder.input_mean_std] == [
        pytest.approx([0.1, 0.2, 0.3]), pytest.approx([0.4, 0.5, 0.6]),
    ]  # fmt: skip
    drawn = build(f"hf:{vit}").eval()
    with torch.no_grad():
        assert not torch.allclose(drawn(x), encoder(x))


def test_frozen_features_are_those_of_the_network(vit: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("LWAL_HOME", str(tmp_path / "home"))
    config = as_trained(
        RunConfig.parse({"data": {"name": "digits", "per_class": 2}, "encoder": {"name": f"frozen:hf:{vit}"}})
    )
    data = load_dataset(config.data)
    found = frozen_features(data, config.encoder)
    encoder = build(f"hf:{vit}", weights="pretrained").eval()
    with torch.no_grad():
        larger = torch.nn.functional.interpolate(data.x_test[:5].expand(-1, 3, -1, -1) / 255, (32, 32), mode="bilinear")
        mean, std = (values.view(1, 3, 1, 1) for values in encoder.input_mean_std)
        assert torch.allclose(found.x_test[:5], encoder((larger - mean) / std), atol=1e-4)
    assert "its published weights, from images of 32 x 32 pixels" in found.notes[-1]


NAMES = [
    "timm:", "timm:../x", "timm:a/b", "timm:hf_hub:a/b", "timm:a\nb", "timm:" + "x" * 200, "hf:", "hf:a", "hf:../../etc", "hf:a/b/c",
    "hf:a/../b", "hf:./../x", "hf:/data/../etc", "hf:a..b/c", "hf:./a\x1b[2J", "hf:" + "x" * 5_000, "hf:/" + "x" * 5_000, "keras:vgg",
    "frozen:timm:", "frozen:frozen:timm:resnet18", "timm:résnet", "hf:https://evil.example/x",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_hostile_names_are_refused_before_anything_is_looked_at(name: str) -> None:
    from lwal_core.errors import ConfigError

    with pytest.raises(ConfigError) as caught:
        RunConfig.parse({"encoder": {"name": name}})
    (field, sentence), *more = caught.value.problems
    assert field == "encoder.name" and not more and sentence.isprintable() and len(sentence) < 450


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"model_type": "mine", "auto_map": {"AutoConfig": "mine.Mine"}}, "of the kind 'mine'"),
        ({"model_type": "timm_wrapper", "architecture": "hf_hub:a/b"}, "of the kind 'timm_wrapper'"),
        ({"model_type": "bert"}, "cannot be used as an image classifier"),
        ({"num_hidden_layers": 10**9}, "at most 2,000"),
        ({"backbone": "a/b", "use_pretrained_backbone": True}, "asks for a further model"),
        ({"model_type": ["vit"]}, "of the kind"),
        ({"hidden_size": "many"}, "cannot be used"),
        ({"hidden_size": -4}, "cannot be used"),
    ],
)
def test_configurations_of_strangers(vit: Path, change: dict[str, Any], said: str) -> None:
    values = json.loads((vit / "config.json").read_text()) | change
    with pytest.raises(TrainingError, match=said) as caught, torch.device("meta"):
        hub_classifier("hf:x/y", values, None)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 600


def test_images_of_files_are_cut_as_its_image_processor_cuts_them(vit: Path, tmp_path: Path) -> None:
    """BitImageProcessor scales the shorter side to 40 pixels and keeps the middle 32."""
    from transformers import AutoImageProcessor

    about = {
        "image_processor_type": "BitImageProcessor", "size": {"shortest_edge": 40}, "crop_size": {"height": 32, "width": 32},
        "do_resize": True, "do_center_crop": True, "do_rescale": True, "do_normalize": True, "resample": 2,
        "image_mean": [0.0] * 3, "image_std": [1.0] * 3,
    }  # fmt: skip
    (vit / "preprocessor_config.json").write_text(json.dumps(about))
    pixels = np.random.default_rng(0).integers(0, 256, (9, 13, 3), dtype=np.uint8)
    Image.fromarray(pixels).resize((130, 90)).save(tmp_path / "a.png")
    data = as_trained(
        RunConfig.parse({"data": {"name": f"folder:{tmp_path}"}, "encoder": {"name": f"hf:{vit}", "weights": "random"}})
    ).data
    assert (data.image_size, data.square) == (32, Square("crop", 0.8, "bilinear"))
    theirs = AutoImageProcessor.from_pretrained(vit)(Image.open(tmp_path / "a.png"), return_tensors="np").pixel_values[
        0
    ]
    ours = read_image(tmp_path / "a.png", 32, fit=data.square) / 255
    assert np.abs(ours - theirs).mean() < 0.004  # one of 255 grey levels


def test_code_and_kernels_that_a_configuration_names_are_left_out(vit: Path) -> None:
    values = json.loads((vit / "config.json").read_text())
    hostile = {
        "auto_map": {"AutoConfig": "mine.Mine"},
        "_attn_implementation": "someone/kernel",
        "torch_dtype": "float16",
    }
    network, _, taken = hub_classifier("hf:x/y", {**values, **hostile}, None)
    assert not set(hostile) & set(taken) and next(network.parameters()).dtype is torch.float32
    assert network.config._attn_implementation in ("sdpa", "eager")


def test_offline_it_says_which_file_goes_where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("torch.hub.get_dir", lambda: str(tmp_path / "hub"))
    for name, place in (
        ("timm:vit_tiny_patch16_224", r"model\.safetensors from https://huggingface.co/timm/vit_tiny"),
        ("hf:google/vit-base", r"https://huggingface.co/google/vit-base elsewhere"),
    ):
        with pytest.raises(TrainingError, match=f"not on this machine.*{place}") as caught:
            build(name, 32, weights="pretrained")
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("library", "name"), [("timm", "timm:resnet18"), ("transformers", "hf:x/y")])
def test_a_library_that_is_missing_is_one_sentence(
    library: str, name: str, vit: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in [m for m in sys.modules if m.partition(".")[0] == library]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(TrainingError, match=f"pip install {library}"):
        build(name if library == "timm" else f"hf:{vit}", 32)


def test_images_that_a_network_does_not_take_are_refused_before_training() -> None:
    with (
        pytest.raises(TrainingError, match="inception_v3 does not take images of 16 x 16 pixels"),
        torch.device("meta"),
    ):
        build("timm:inception_v3", 16)
    with pytest.raises(TrainingError, match="takes images"):
        build_encoder(EncoderConfig(name="timm:resnet18", pretrained=False), (12,))
