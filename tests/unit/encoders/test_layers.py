"""Stem, blocks and layers of backbones: against timm's own grouping; what is frozen stays, to the bit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from lwal_core.config import EncoderConfig, TrainingConfig
from lwal_core.encoders import Classifier, SmallCNN, build_encoder
from lwal_core.encoders.layers import encoder_layers, freeze_parts, layers_of
from lwal_core.errors import TrainingError
from lwal_core.training.optimisation import RATE_SCALE, build_optimizer, parameter_groups

SMALL = [
    "test_resnet", "test_vit", "test_efficientnet", "test_convnext", "test_byobnet", "test_mambaout", "test_nfnet", "cait_xxs24_224",
    "swin_tiny_patch4_window7_224", "densenet121", "mobilenetv3_small_050", "coat_tiny", "regnety_002",
]  # fmt: skip


@pytest.mark.parametrize("name", SMALL)
def test_layers_and_rates_are_timms(name: str) -> None:
    """Ids are those of timm's grouping, and rates those of its own groups for layer-wise decay, with its classifier."""
    import timm
    from timm.models import group_parameters
    from timm.optim import param_groups_layer_decay

    with torch.device("meta"):
        network = timm.create_model(name, num_classes=3)
    matcher = network.group_matcher(coarse=False)
    found = layers_of([name for name, _ in network.named_parameters()], matcher)
    assert dict(found.number) == dict(group_parameters(network, matcher, reverse=True))
    theirs = {
        id(parameter): group["lr_scale"]
        for group in param_groups_layer_decay(network, layer_decay=0.7, weight_decay_exclude_1d=False)
        for parameter in group["params"]
    }
    with torch.device("meta"):
        bare = timm.create_model(name, num_classes=0)
    ours = layers_of([name for name, _ in bare.named_parameters()], matcher)
    for own, parameter in network.named_parameters():
        if own in ours.number:
            assert 0.7 ** (ours.last - ours.number[own]) == pytest.approx(theirs[id(parameter)]), own


def backbone(name: str, **options: Any) -> nn.Module:
    given = {"name": name, "weights": "random", **options}
    return build_encoder(EncoderConfig.model_validate(given), (3, 32, 32))


def family(name: str, vit: Path) -> nn.Module:
    """Names and shapes alone: drawing weights takes seconds."""
    with torch.device("meta"):
        if name == "hf":
            return backbone(f"hf:{vit}")
        return backbone(name, **({"input_size": 32} if name == "timm:test_resnet" else {}))


FROZEN_STEMS = {
    "resnet18": "body.conv1 body.bn1",
    "densenet121": "body.features.conv0 body.features.norm0",
    "efficientnet_b0": "body.0.0 body.0.1",
    "efficientnet_lite0": "body.stem.conv body.stem.norm",
    "timm:test_resnet": "network.conv1 network.bn1",
    "hf": "network.model.vit.embeddings",
}
AFTER_BLOCKS = {"densenet121": "body.features.norm5", "hf": "network.model.vit.layernorm"}


@pytest.mark.parametrize("name", FROZEN_STEMS)
def test_what_is_frozen_in_each_family(name: str, vit: Path) -> None:
    encoder = family(name, vit)

    def learning(freeze: str) -> set[str]:
        encoder.requires_grad_(True)
        freeze_parts(encoder, freeze)
        return {own for own, parameter in encoder.named_parameters() if parameter.requires_grad}

    everything = learning("none")
    stem = {own for own in everything if own.startswith(tuple(f"{part}" for part in FROZEN_STEMS[name].split()))}
    assert learning("stem") == everything - stem and stem
    assert learning("blocks") == {own for own in everything if own.startswith(AFTER_BLOCKS.get(name, "nothing"))}
    norms = learning("all-but-norm")
    assert norms and all(encoder.get_parameter(own).ndim == 1 for own in norms) and norms < everything


@pytest.mark.parametrize("freeze", ["stem", "blocks", "all-but-norm"])
def test_frozen_parts_and_their_statistics_stay_to_the_bit(freeze: str, vit: Path) -> None:
    encoder = backbone("timm:test_resnet", input_size=32)
    freeze_parts(encoder, freeze)
    model = Classifier(encoder, 3, torch.zeros(3), torch.ones(3))
    before = {name: value.clone() for name, value in model.state_dict().items()}
    optimizer = build_optimizer(parameter_groups(model, encoder, TrainingConfig()), TrainingConfig(weight_decay=0.1))
    for _ in range(2):
        optimizer.zero_grad()
        model.train()(torch.randint(0, 256, (4, 3, 32, 32), dtype=torch.uint8)).square().sum().backward()
        optimizer.step()
    changed = {name for name, value in model.state_dict().items() if not torch.equal(value, before[name])}
    learning = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    moved = {
        f"encoder.{name}.{own}"
        for name, module in encoder.named_modules() if module.training and isinstance(module, nn.BatchNorm2d)
        for own in ("running_mean", "running_var", "num_batches_tracked")
    }  # fmt: skip
    assert changed == learning | moved
    assert bool(moved) == (freeze != "blocks")  # of a residual network every block is frozen then


def test_an_encoder_without_layers_is_refused() -> None:
    cnn = SmallCNN((3, 32, 32))
    for wrong in (lambda: freeze_parts(cnn, "stem"), lambda: encoder_layers(cnn)):
        with pytest.raises(TrainingError):
            wrong()


def test_rates_of_head_and_layers() -> None:
    """By hand: ResNet-18 has a stem, eight blocks and the head."""
    encoder = backbone("resnet18")
    step = nn.ModuleDict({"model": Classifier(encoder, 3, torch.zeros(3), torch.ones(3)), "method": nn.Linear(2, 2)})
    plain = parameter_groups(step, encoder, TrainingConfig())
    assert [id(p) for p in plain] == [id(p) for p in step.parameters()]
    groups = parameter_groups(step, encoder, TrainingConfig(layer_decay=0.5, head_rate=10))
    scale = {id(parameter): group[RATE_SCALE] for group in groups for parameter in group["params"]}
    assert len(scale) == len(plain)
    assert scale[id(encoder.body.conv1.weight)] == 0.5**9
    assert scale[id(encoder.body.layer2[1].conv1.weight)] == 0.5**5
    assert scale[id(encoder.body.layer4[1].bn2.bias)] == 0.5
    assert scale[id(step["model"].head.weight)] == scale[id(step["method"].weight)] == 10
