"""Backbones against torchvision's own networks: features, parameters, stems, normalisation, and what is refused."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torchvision import models
from torchvision.transforms import functional as vision

from lwal_core.config import EncoderConfig
from lwal_core.config.encoder import BACKBONES
from lwal_core.encoders import Classifier, DenseEncoder, SmallCNN, build_backbone, build_encoder
from lwal_core.encoders import backbone as backbone_module
from lwal_core.errors import TrainingError

TORCHVISION = ("resnet18", "resnet50", "efficientnet_b0", "densenet121")
CHANNELS = {
    "resnet18": 512,
    "resnet50": 2_048,
    "efficientnet_b0": 1_280,
    "densenet121": 1_024,
    "efficientnet_lite0": 1_280,
}
CLASSIFIER = {"resnet18": "fc", "resnet50": "fc", "efficientnet_b0": "classifier", "densenet121": "classifier"}
# Sides of the last feature map. Every stage halves and rounds up, but DenseNet's poolings inside round down.
SIDES = {
    ("resnet18", 28): 4, ("resnet18", 32): 4, ("resnet18", 64): 8, ("resnet18", 224): 7,
    ("densenet121", 32): 1, ("densenet121", 64): 2, ("densenet121", 224): 7,
    **{(name, size): side for name in ("resnet50", "efficientnet_b0", "efficientnet_lite0")
       for size, side in ((28, 1), (32, 1), (64, 2), (224, 7))},
}  # fmt: skip


def images(size: int, channels: int = 3, count: int = 2, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (count, channels, size, size), generator=generator, dtype=torch.uint8)


def build(name: str, size: int = 32, channels: int = 3, **options: object) -> nn.Module:
    return build_encoder(
        EncoderConfig.model_validate({"name": name, "pretrained": False, **options}), (channels, size, size)
    )


@pytest.fixture(scope="module")
def networks() -> dict[str, nn.Module]:
    """torchvision's networks by name, as far as they were asked for."""
    return {}


@pytest.fixture
def drawn_once(networks: dict[str, nn.Module], monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights are drawn once for all tests that only look at a network."""
    truly = backbone_module._network

    def known(name: str) -> nn.Module:
        if name not in networks:
            networks[name] = truly(name)
        return networks[name]

    monkeypatch.setattr(backbone_module, "_network", known)


@pytest.mark.usefixtures("drawn_once")
@pytest.mark.parametrize(("name", "size"), SIDES)
def test_shapes(name, size):
    side = SIDES[name, size]
    flattened = build(name, size, flatten=True).eval()
    assert flattened.out_features == CHANNELS[name] * side * side
    x = torch.zeros(1, 3, size, size)
    with torch.inference_mode():
        assert flattened(x).shape == (1, CHANNELS[name] * side * side)
    if size == 32:
        averaged = build(name, size).eval()
        assert averaged.out_features == CHANNELS[name]
        with torch.inference_mode():
            z = Classifier(averaged, 7, torch.zeros(3), torch.ones(3)).eval()(images(size))
        assert z.shape == (2, 7) and torch.isfinite(z).all()


def settled(network: nn.Module, x: torch.Tensor) -> nn.Module:
    """In evaluation mode, with batch statistics from `x`: those of a fresh network let some outputs fade to 1e-14."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 1.0
        if type(module).__name__ == "StochasticDepth":
            module.p = 0.0  # type: ignore[assignment]
    with torch.no_grad():
        network.train()(x)
    return network.eval()


@pytest.mark.parametrize("name", TORCHVISION)
def test_features_are_what_torchvision_hands_to_its_classifier(name):
    """Its own network with the last layer taken out and, to flatten, its pooling taken out as well."""
    size = 65  # above 64, where resnet18 has torchvision's stem too
    x = torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(1))
    torch.manual_seed(3)
    ours = settled(build(name, size), x)
    flattened = backbone_module.Backbone(ours.body, (3, size, size), flatten=True).eval()
    torch.manual_seed(3)
    theirs = settled(models.get_model(name, weights=None), x)
    setattr(theirs, CLASSIFIER[name], nn.Identity())
    with torch.inference_mode():
        averaged = theirs(x)
        if name == "densenet121":  # pools in its forward method
            whole = torch.relu(theirs.features(x)).flatten(1)
        else:
            theirs.avgpool = nn.Identity()
            whole = theirs(x)
        for network, expected in ((ours, averaged), (flattened, whole)):
            assert expected.std() > 0.01
            torch.testing.assert_close(network(x), expected, rtol=1e-4, atol=1e-4)
    assert whole.shape[1] > averaged.shape[1]


@pytest.mark.usefixtures("drawn_once")
@pytest.mark.parametrize("name", TORCHVISION)
def test_parameters_are_those_of_torchvision_without_its_classifier(name):
    """The published counts, https://pytorch.org/vision/stable/models.html, less 1,000 x (features + 1)."""
    published = models.get_model_weights(name)["IMAGENET1K_V1"].meta["num_params"]
    assert sum(p.numel() for p in build(name, 96).parameters()) == published - 1_000 * (CHANNELS[name] + 1)


@pytest.mark.usefixtures("drawn_once")
def test_resnet18_has_a_small_stem_for_small_images_only_and_never_with_imagenet_weights():
    """The CIFAR stem: 3 x 3 filters instead of 7 x 7 and no pooling, so 3 * 64 * (49 - 9) weights fewer."""
    small, large = build("resnet18", 64), build("resnet18", 65)
    assert sum(p.numel() for p in large.parameters()) - sum(p.numel() for p in small.parameters()) == 3 * 64 * (49 - 9)
    assert not any(isinstance(part, nn.MaxPool2d) for part in small.modules())
    assert any(isinstance(part, nn.MaxPool2d) for part in large.modules())
    trained = build_backbone("resnet18", (3, 32, 32), pretrained=True, load_weights=False)
    assert trained.body.conv1.kernel_size == (7, 7)
    assert build("resnet50", 32).body.conv1.kernel_size == (7, 7)


@pytest.mark.parametrize("name", BACKBONES)
def test_gradients_reach_every_parameter(name):
    torch.manual_seed(0)
    model = Classifier(build(name, 32), 5, torch.full((3,), 0.5), torch.full((3,), 0.25)).train()
    for module in model.modules():
        if type(module).__name__ == "StochasticDepth":
            module.p = 0.0  # a block that is left out has no gradient, and that is right
    model(images(32, count=4)).square().mean().backward()
    without = [name for name, p in model.named_parameters() if p.grad is None or not torch.isfinite(p.grad).all()]
    assert not without
    reached = [p.grad.abs().max() > 0 for p in model.parameters() if p.grad is not None]
    assert sum(reached) > 0.95 * len(reached)  # a unit that is never active has none


@pytest.mark.parametrize("name", BACKBONES)
def test_evaluation_is_the_same_each_time_and_sample_by_sample(name):
    x = images(32, count=4)
    model = settled(Classifier(build(name, 32), 5, torch.full((3,), 0.5), torch.full((3,), 0.25)), x)
    with torch.inference_mode():
        first = model(x)
        assert first.std(0).min() > 1e-3
        assert torch.equal(first, model(x))
        alone = torch.cat([model(one[None]) for one in x])
        assert (alone - first).abs().max() < 0.01 * first.std()  # in training mode they differ by more than a deviation


@pytest.mark.parametrize("name", BACKBONES)
def test_one_seed_gives_one_network(name):
    states = []
    for _ in range(2):
        torch.manual_seed(11)
        states.append(build(name, 32).state_dict())
    assert all(torch.equal(states[0][key], states[1][key]) for key in states[0])


class TestNormalisation:
    def test_an_untrained_network_takes_the_statistics_of_the_data(self):
        model = Classifier(build("resnet18"), 4, torch.tensor([0.1, 0.2, 0.3]), torch.tensor([1.0, 2.0, 3.0]))
        assert model.mean.tolist() == pytest.approx([0.1, 0.2, 0.3])

    @pytest.mark.usefixtures("drawn_once")
    @pytest.mark.parametrize("name", TORCHVISION)
    def test_a_trained_one_takes_what_torchvision_prepares_its_inputs_with(self, name):
        encoder = build_backbone(name, (3, 64, 64), pretrained=True, load_weights=False)
        model = Classifier(encoder, 4, torch.zeros(3), torch.ones(3))
        preset = models.get_model_weights(name)["IMAGENET1K_V1"].transforms()
        x = images(64)
        expected = vision.normalize(x.float() / 255, preset.mean, preset.std)
        torch.testing.assert_close(model.normalise(x), expected)

    def test_the_lite_network_has_a_normalisation_of_its_own(self):
        encoder = build_backbone("efficientnet_lite0", (3, 32, 32), pretrained=True, load_weights=False)
        model = Classifier(encoder, 4, torch.zeros(3), torch.ones(3))
        x = images(32)
        torch.testing.assert_close(model.normalise(x), (x.float() - 127) / 128)

    @pytest.mark.parametrize("trained", [False, True])
    def test_grey_images_are_repeated(self, trained):
        encoder = build_backbone("efficientnet_lite0", (1, 32, 32), pretrained=trained, load_weights=False)
        model = Classifier(encoder, 4, torch.tensor([0.3]), torch.tensor([0.2])).eval()
        grey = images(32, channels=1)
        if trained:
            assert model.normalise(grey).shape == (2, 3, 32, 32)
        colour = Classifier(encoder, 4, torch.full((3,), 0.3), torch.full((3,), 0.2)).eval()
        colour.head = model.head
        with torch.inference_mode():
            torch.testing.assert_close(model(grey), colour(grey.repeat(1, 3, 1, 1)))

    def test_a_saved_model_needs_no_weights_file(self):
        """The state of a classifier goes into one that was built without looking for weights."""
        config, state = EncoderConfig(name="efficientnet_lite0"), {}
        for fill in (1.0, 2.0):
            encoder = build_encoder(config, (3, 32, 32), load_weights=False)
            model = Classifier(encoder, 4, torch.zeros(3), torch.ones(3))
            if fill == 1.0:
                state = {name: torch.full_like(value, fill) for name, value in model.state_dict().items()}
            else:
                model.load_state_dict(state)
                assert model.mean.tolist() == [1, 1, 1]


class TestRefusals:
    @pytest.mark.parametrize("name", BACKBONES)
    def test_features(self, name):
        with pytest.raises(TrainingError, match=r"takes images; this data has 1,280 features .* dense encoder"):
            build_encoder(EncoderConfig(name=name, pretrained=False), (1_280,))

    @pytest.mark.usefixtures("drawn_once")
    @pytest.mark.parametrize("name", BACKBONES)
    def test_the_smallest_images(self, name):
        smallest = 29 if name == "densenet121" else 8
        encoder = build(name, smallest).eval()
        assert encoder(torch.zeros(1, 3, smallest, smallest)).shape == (1, CHANNELS[name])
        with pytest.raises(
            TrainingError, match=rf"at least {smallest} pixels a side; these are {smallest - 1} x {smallest - 1}"
        ):
            build(name, smallest - 1)

    def test_densenet_could_not_take_smaller_ones(self):
        with pytest.raises(RuntimeError, match="too small"):
            models.densenet121(weights=None).eval()(torch.zeros(1, 3, 28, 28))

    def test_a_flattened_map_that_is_too_long(self, monkeypatch):
        with pytest.raises(TrainingError, match=r"2,048 x 8 x 9 = 147,456 numbers; at most 131,072"):
            build_backbone("resnet50", (3, 256, 288), pretrained=False, flatten=True)
        monkeypatch.setattr(backbone_module, "MAX_FEATURES", 8_191)
        with pytest.raises(TrainingError, match=r"512 x 4 x 4 = 8,192"):
            build("resnet18", 32, flatten=True)

    def test_a_frozen_encoder_is_trained_on_features(self):
        config = EncoderConfig(name="frozen:resnet50", hidden=32)
        encoder = build_encoder(config, (2_048,))
        assert isinstance(encoder, DenseEncoder)
        assert encoder.out_features == 32
        with pytest.raises(TrainingError, match="trained on features"):
            build_encoder(config, (3, 32, 32))


def test_the_small_encoders_are_built_as_before():
    assert isinstance(build_encoder(EncoderConfig(), (1, 8, 8)), SmallCNN)
    assert isinstance(build_encoder(EncoderConfig(), (12,)), DenseEncoder)
    assert build_encoder(EncoderConfig(name="dense", hidden=9), (1, 8, 8)).layers[1].in_features == 64
    with pytest.raises(TrainingError, match="small CNN takes images"):
        build_encoder(EncoderConfig(name="small_cnn"), (12,))
