"""ImageNet weights: taken from a folder, fetched from a server, refused in words; never run as code.

The server is a real one on this machine, and torchvision's own download code talks to it; only the address is replaced.
"""

from __future__ import annotations

import hashlib
import logging
import pickle
import zipfile
from pathlib import Path

import pytest
import torch
from torchvision import models

from lwal_core.config import EncoderConfig
from lwal_core.config.encoder import BACKBONES
from lwal_core.encoders import EfficientNetLite0, build_backbone, build_encoder
from lwal_core.encoders.weights import LITE0_FILE, pretrained_weights, weights_folder
from lwal_core.errors import TrainingError

FILES = {
    "resnet18": "resnet18-f37072fd.pth",
    "resnet50": "resnet50-0676ba61.pth",
    "efficientnet_b0": "efficientnet_b0_rwightman-7f5810bc.pth",
    "densenet121": "densenet121-a639ec97.pth",
    "efficientnet_lite0": LITE0_FILE,
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A torch home of this test's own; whoever asks the network is sent to a port where nobody answers."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    for name in BACKBONES:
        if name != "efficientnet_lite0":
            value = models.get_model_weights(name)["IMAGENET1K_V1"].value
            monkeypatch.setattr(value, "url", f"http://127.0.0.1:9/{value.url.rpartition('/')[2]}")
    path = tmp_path / "torch" / "hub" / "checkpoints"
    path.mkdir(parents=True)
    return path


def random_state(name: str, seed: int = 5) -> dict[str, torch.Tensor]:
    torch.manual_seed(seed)
    state: dict[str, torch.Tensor] = models.get_model(name, weights=None).state_dict()
    return state


def lite0_state() -> dict[str, torch.Tensor]:
    """The network's state under the names that the published file uses."""
    torch.manual_seed(5)
    result = {}
    for name, value in EfficientNetLite0().state_dict().items():
        part, _, rest = name.partition(".")
        if part == "blocks":
            number, layer, kind, leaf = rest.split(".")
            norm = {"expand": "_bn0", "depthwise": "_bn1", "project": "_bn2"}[layer]
            result[f"_blocks.{number}.{norm if kind == 'norm' else f'_{layer}_conv'}.{leaf}"] = value
        else:
            kind, _, leaf = rest.partition(".")
            old = {"stem.conv": "_conv_stem", "stem.norm": "_bn0", "head.conv": "_conv_head", "head.norm": "_bn1"}
            result[f"{old[f'{part}.{kind}']}.{leaf}"] = value
    return result | {"_fc.weight": torch.zeros(1_000, 1_280), "_fc.bias": torch.zeros(1_000)}


def refusal(name: str = "resnet18") -> TrainingError:
    with pytest.raises(TrainingError) as caught:
        build_backbone(name, (3, 32, 32), pretrained=True)
    assert caught.value.hint
    return caught.value


@pytest.mark.parametrize("name", BACKBONES)
def test_a_file_that_lies_there_is_what_is_loaded(name, folder):
    assert weights_folder() == folder
    state = lite0_state() if name == "efficientnet_lite0" else random_state(name)
    torch.save(state, folder / FILES[name])
    backbone = build_encoder(EncoderConfig(name=name, pretrained=True), (3, 32, 32))
    assert backbone.weights_sha256 == hashlib.sha256((folder / FILES[name]).read_bytes()).hexdigest()
    loaded, expected = list(backbone.body.state_dict().values()), list(state.values())
    # The classifier's scale and offset come last in every file and are left out.
    assert len(loaded) == len(expected) - 2
    assert all(torch.equal(ours, theirs) for ours, theirs in zip(loaded, expected, strict=False))


def test_files_are_those_that_torchvision_names():
    for name in BACKBONES:
        if name != "efficientnet_lite0":
            assert models.get_model_weights(name)["IMAGENET1K_V1"].url.endswith("/" + FILES[name])


def test_older_names_in_densenets_file_are_understood(folder):
    """As published: norm.1 instead of norm1. torchvision's own loader renames them too."""
    state = random_state("densenet121")
    older = {}
    for key, value in state.items():
        for part in ("norm", "conv"):
            for number in "12":
                key = key.replace(f".{part}{number}.", f".{part}.{number}.") if "denselayer" in key else key
        older[key] = value
    assert older.keys() != state.keys()
    torch.save(older, folder / FILES["densenet121"])
    loaded = build_backbone("densenet121", (3, 32, 32), pretrained=True).state_dict()
    assert torch.equal(
        loaded["body.features.denseblock3.denselayer7.conv2.weight"],
        state["features.denseblock3.denselayer7.conv2.weight"],
    )


def test_a_file_that_is_not_the_published_one_is_remarked_on(folder, caplog):
    torch.save(random_state("resnet18"), folder / FILES["resnet18"])
    with caplog.at_level(logging.WARNING):
        pretrained_weights("resnet18")
    assert "is not the published file" in caplog.text


class TestDownload:
    def test_is_made_once_checked_and_kept(self, web_server, folder, monkeypatch):
        address, served = web_server.address, web_server.folder
        state = random_state("resnet18")
        torch.save(state, served / "new.pth")
        sha256 = hashlib.sha256((served / "new.pth").read_bytes()).hexdigest()
        published = (served / "new.pth").rename(served / f"resnet18-{sha256[:8]}.pth")
        monkeypatch.setattr(models.ResNet18_Weights.IMAGENET1K_V1.value, "url", f"{address}/{published.name}")
        first = build_backbone("resnet18", (3, 32, 32), pretrained=True)
        assert torch.equal(first.body.conv1.weight, state["conv1.weight"])
        assert [path.name for path in folder.iterdir()] == [published.name]
        published.unlink()
        second = build_backbone("resnet18", (3, 32, 32), pretrained=True)
        assert web_server.asked == [f"/{published.name}"]
        assert first.weights_sha256 == second.weights_sha256 == sha256

    def test_that_was_altered_on_the_way_is_not_kept(self, web_server, folder, monkeypatch):
        address, served = web_server.address, web_server.folder
        torch.save(random_state("resnet18"), served / "resnet18-00000000.pth")
        monkeypatch.setattr(models.ResNet18_Weights.IMAGENET1K_V1.value, "url", f"{address}/resnet18-00000000.pth")
        error = refusal()
        assert "invalid hash value" in error.message
        assert not list(folder.iterdir())

    def test_of_a_file_that_is_not_there(self, web_server, monkeypatch):
        url = f"{web_server.address}/resnet18-f37072fd.pth"
        monkeypatch.setattr(models.ResNet18_Weights.IMAGENET1K_V1.value, "url", url)
        assert f"cannot be downloaded from {web_server.address}/resnet18-f37072fd.pth" in refusal().message

    @pytest.mark.parametrize("name", [name for name in BACKBONES if name != "efficientnet_lite0"])
    def test_without_a_network_the_address_the_file_and_the_folder_are_named(self, name, folder):
        error = refusal(name)
        assert f"The ImageNet weights of {BACKBONES[name]} are not on this machine" in error.message
        assert f"http://127.0.0.1:9/{FILES[name]}" in error.message
        assert "Connection refused" in error.message
        assert f"Download {FILES[name]} elsewhere and put it into '{folder}'" in error.hint

    def test_into_a_folder_that_cannot_be_made(self, folder, monkeypatch):
        folder.rmdir()
        folder.write_text("in the way")
        assert "cannot be downloaded" in refusal().message

    def test_that_stands_still_is_given_up(self, monkeypatch):
        """A server that takes the connection and never answers."""
        import socket

        monkeypatch.setattr("lwal_core.datafiles.downloads.NETWORK_TIMEOUT", 0.3)
        with socket.create_server(("127.0.0.1", 0)) as silent:
            address = f"http://127.0.0.1:{silent.getsockname()[1]}/resnet18-f37072fd.pth"
            monkeypatch.setattr(models.ResNet18_Weights.IMAGENET1K_V1.value, "url", address)
            assert "timed out" in refusal().message
        assert socket.getdefaulttimeout() is None


class TestWrongFiles:
    @pytest.mark.parametrize("content", [b"", b"<html>Sign in to continue</html>", b"\x80\x02."])
    def test_no_weights_at_all(self, folder, content):
        (folder / FILES["resnet18"]).write_bytes(content)
        error = refusal()
        assert f"'{folder / FILES['resnet18']}' is no whole weights file" in error.message
        assert "Delete it" in error.hint

    def test_cut_off(self, folder):
        torch.save(random_state("resnet18"), folder / "whole")
        whole = (folder / "whole").read_bytes()
        (folder / FILES["resnet18"]).write_bytes(whole[: len(whole) // 2])
        assert "no whole weights file" in refusal().message

    def test_of_another_network(self, folder):
        torch.save(random_state("efficientnet_b0"), folder / FILES["resnet18"])
        assert "do not belong to ResNet-18: 'Missing key(s)" in refusal().message

    def test_with_another_number_of_classes(self, folder):
        torch.save(models.resnet18(num_classes=10).state_dict(), folder / FILES["resnet18"])
        assert "size mismatch for fc.weight" in refusal().message

    @pytest.mark.parametrize(
        "value", [[1, 2], torch.zeros(3), {"model": {"conv1.weight": torch.zeros(1)}}, {1: torch.zeros(1)}]
    )
    def test_something_else_that_was_saved(self, folder, value):
        torch.save(value, folder / FILES["resnet18"])
        assert f"holds no weights but {type(value).__name__}" in refusal().message

    @pytest.mark.parametrize("form", ["pickle", "zip"])
    def test_code_is_not_run(self, folder, tmp_path, form):
        """Both of torch's file forms hold a pickle, which could call any function."""
        witness = tmp_path / "witness"

        class Attack:
            def __reduce__(self) -> tuple[object, ...]:
                return Path.touch, (witness,)

        path = folder / FILES["resnet18"]
        if form == "pickle":
            path.write_bytes(pickle.dumps({"conv1.weight": Attack()}, protocol=2))
            pickle.loads(path.read_bytes())  # it is a working attack ...
            assert witness.exists()
            witness.unlink()
        else:
            torch.save({"conv1.weight": Attack()}, path)
            assert zipfile.is_zipfile(path)
        assert "no whole weights file" in refusal().message
        assert not witness.exists()  # ... that does not come through
