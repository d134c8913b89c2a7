"""Models of timm, torchvision and transformers: built, prepared for as they ask for, their weights found or refused."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from lwal_core.encoders.backbone import build_backbone
from lwal_core.encoders.weights import lite0_file
from lwal_core.errors import TrainingError
from lwal_core.ready_models.sources import load_model

VIT: dict[str, Any] = {
    "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 24, "image_size": 32, "patch_size": 8,
}  # fmt: skip


@pytest.fixture
def vit(tmp_path: Path) -> Path:
    """A tiny vision transformer of transformers, with drawn weights and two named classes, as a folder."""
    from transformers import ViTConfig, ViTForImageClassification, ViTImageProcessor

    torch.manual_seed(0)
    config = ViTConfig(**VIT, id2label={0: "grey seal", 1: "tench"}, label2id={"grey seal": 0, "tench": 1})
    ViTForImageClassification(config).save_pretrained(tmp_path / "vit")
    ViTImageProcessor(size={"height": 32, "width": 32}, image_mean=[0.1, 0.2, 0.3]).save_pretrained(tmp_path / "vit")
    return tmp_path / "vit"


def photograph() -> np.ndarray:
    """A smooth picture ``[90,70,3]``."""
    rows, columns = np.mgrid[0:90, 0:70]
    return np.stack([rows * 2, columns * 3, 255 - rows - columns], axis=2).astype(np.uint8)


def test_pictures_are_prepared_as_timm_does_it() -> None:
    import timm
    from timm.data import create_transform, resolve_model_data_config

    model = load_model("timm:test_resnet", "random")
    settings = resolve_model_data_config(timm.create_model("test_resnet"))
    theirs = create_transform(**settings, is_training=False)(Image.fromarray(photograph()))
    ours = model.prepare(torch.from_numpy(photograph()).permute(2, 0, 1)[None])[0]
    assert ours.shape == theirs.shape == (3, *model.input_size)
    assert (ours - theirs).abs().mean() < 0.02 and (ours - theirs).abs().max() < 0.3  # rounding between two passes


def test_random_weights_are_those_of_the_seed() -> None:
    first, again, other = (load_model("timm:test_resnet", "random", seed) for seed in (1, 1, 2))
    image = torch.from_numpy(photograph()).permute(2, 0, 1)[None]
    assert torch.equal(first.run(image)[0], again.run(image)[0]) and not torch.equal(
        first.run(image)[0], other.run(image)[0]
    )
    assert first.weights == "random" and first.class_names == () and first.head is first.network.get_classifier()  # type: ignore[operator]


def test_published_lite0_weights_give_the_features_of_the_own_network() -> None:
    model = load_model("timm:tf_efficientnet_lite0")
    own = build_backbone("efficientnet_lite0", (3, 64, 64), pretrained=True).eval()
    x = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1
    with torch.inference_mode():
        theirs = model.network.forward_features(x).mean((2, 3))  # type: ignore[operator]
        assert (theirs - own(x)).abs().max() < 1e-4 * own(x).abs().max()
    published = torch.load(lite0_file(), weights_only=True)
    assert torch.equal(model.head_vectors(), published["_fc.weight"])  # type: ignore[arg-type]
    assert len(model.class_names) == 1000 and model.class_names[0].startswith("tench")


def test_weights_of_a_file_bring_their_own_number_of_classes_and_names(tmp_path: Path) -> None:
    import timm

    torch.manual_seed(3)
    saved = timm.create_model("test_resnet", num_classes=4).eval()
    torch.save({"state_dict": saved.state_dict()}, tmp_path / "mine.pth")
    (tmp_path / "config.json").write_text(json.dumps({"label_names": ["a", "b", "c", "d"]}))
    model = load_model("timm:test_resnet", str(tmp_path / "mine.pth"))
    image = torch.from_numpy(photograph()).permute(2, 0, 1)[None]
    features, outputs = model.run(image)
    assert model.class_names == ("a", "b", "c", "d") and outputs is not None and outputs.shape == (1, 4)
    with torch.inference_mode():
        assert torch.allclose(outputs, saved(model.prepare(image)), atol=1e-5)
        assert torch.allclose(saved.get_classifier()(features), outputs, atol=1e-5)
    with pytest.raises(TrainingError, match=r"do not belong to timm's test_vit") as caught:
        load_model("timm:test_vit", str(tmp_path / "mine.pth"))
    assert "\n" not in str(caught.value)


def test_torchvision(tmp_path: Path) -> None:
    from torchvision import models

    torch.manual_seed(0)
    saved = models.squeezenet1_1(num_classes=3).eval()
    torch.save(saved.state_dict(), tmp_path / "mine.pth")
    model = load_model("torchvision:squeezenet1_1", str(tmp_path / "mine.pth"))
    image = torch.from_numpy(photograph()).permute(2, 0, 1)[None]
    features, outputs = model.run(image)
    assert features.shape == (1, 512) and outputs is not None and outputs.shape == (1, 3)
    preset = models.SqueezeNet1_1_Weights.DEFAULT.transforms()
    with torch.inference_mode():
        assert torch.equal(outputs, saved(preset(image)))
    with pytest.raises(TrainingError, match="torchvision's alexnet"):
        load_model("torchvision:alexnet", str(tmp_path / "mine.pth"))


def test_transformers(vit: Path) -> None:
    from transformers import ViTForImageClassification, ViTImageProcessor

    model = load_model(f"hf:{vit}")
    image = torch.from_numpy(photograph()).permute(2, 0, 1)[None]
    features, outputs = model.run(image)
    saved = ViTForImageClassification.from_pretrained(vit).eval()
    given = ViTImageProcessor.from_pretrained(vit)(images=photograph(), return_tensors="pt")
    with torch.inference_mode():
        theirs = saved(**given)
        assert torch.allclose(outputs, theirs.logits, atol=1e-4)  # type: ignore[arg-type]
        assert torch.allclose(saved.classifier(features), theirs.logits, atol=1e-4)
    assert model.class_names == ("grey seal", "tench") and model.input_size == (32, 32)
    drawn = load_model(f"hf:{vit}", "random", 5)
    assert drawn.class_names == () and not torch.equal(drawn.head_vectors(), model.head_vectors())  # type: ignore[arg-type]


def test_code_of_a_repository_is_never_run(vit: Path, tmp_path: Path) -> None:
    config = json.loads((vit / "config.json").read_text())
    config |= {
        "model_type": "mine",
        "auto_map": {"AutoConfig": "mine.Mine", "AutoModelForImageClassification": "mine.Net"},
    }
    (vit / "config.json").write_text(json.dumps(config))
    (vit / "mine.py").write_text(f"open({str(tmp_path / 'marker')!r}, 'w')\n")
    with pytest.raises(TrainingError, match="cannot be used as an image model") as caught:
        load_model(f"hf:{vit}")
    assert "\n" not in str(caught.value) and not (tmp_path / "marker").exists()


def test_files_of_a_folder_that_are_missing_or_damaged(vit: Path) -> None:
    whole = (vit / "model.safetensors").read_bytes()
    (vit / "model.safetensors").write_bytes(whole[:-40])
    with pytest.raises(TrainingError, match="cannot be used as an image model"):
        load_model(f"hf:{vit}")
    (vit / "model.safetensors").unlink()
    with pytest.raises(TrainingError, match=r"has no weights.*model\.safetensors"):
        load_model(f"hf:{vit}")
    from safetensors.torch import load, save_file

    state = {name: value for name, value in load(whole).items() if not name.startswith("classifier")}
    save_file(state, vit / "model.safetensors", {"format": "pt"})
    with pytest.raises(TrainingError, match=r"have no 'classifier\.bias'"):
        load_model(f"hf:{vit}")


def test_offline_it_says_which_file_goes_where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("torch.hub.get_dir", lambda: str(tmp_path / "hub"))
    with pytest.raises(
        TrainingError,
        match=r"not on this machine.*model\.safetensors from https://huggingface.co/timm/resnet18.a1_in1k",
    ):
        load_model("timm:resnet18")
    with pytest.raises(TrainingError, match=r"not on this machine.*https://huggingface.co/google/vit-base elsewhere"):
        load_model("hf:google/vit-base")

    def no_network(*given: object, **more: object) -> None:
        raise OSError("no network")

    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", no_network)
    with pytest.raises(TrainingError, match=r"Download resnet18-\w+\.pth elsewhere and put it into '.*checkpoints'"):
        load_model("torchvision:resnet18")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("resnet18", "names no model"), ("timm:", "names no model"), ("timm:resnet_18x", "Did you mean"), ("timm:hf_hub:a/b", "no model"),
        ("timm:../x", "no model"), ("torchvision:resnet_18", "Did you mean"), ("torchvision:fcn_resnet50", "no classifier"),
        ("hf:../../etc", "neither ORG/REPO nor"), ("hf:a/b/c", "neither ORG/REPO nor"), ("hf:" + "x" * 5_000, "neither ORG/REPO nor"),
    ],
)  # fmt: skip
def test_names_that_name_nothing(name: str, said: str) -> None:
    with pytest.raises(TrainingError, match=said) as caught:
        load_model(name)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize(("library", "name"), [("timm", "timm:resnet18"), ("transformers", "hf:google/vit-base")])
def test_a_library_that_is_missing_is_one_sentence(library: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in [m for m in sys.modules if m.partition(".")[0] == library]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(TrainingError, match=f"pip install {library}"):
        load_model(name)
