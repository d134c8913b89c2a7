"""Encoder options: what is filled in, what is refused, and that older configurations still say the same."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lwal_core.config import RunConfig
from lwal_core.config.encoder import BACKBONES, ENCODER_TITLES, EncoderConfig, EncoderName, encoder_title
from lwal_core.errors import ConfigError
from lwal_core.experiments.sweeps import absolute_paths
from lwal_core.security.redact import without_paths


def problem(**options: object) -> str:
    with pytest.raises(ConfigError) as caught:
        RunConfig.parse({"encoder": options})
    return caught.value.problems[0][1]


def test_every_encoder_has_a_title():
    assert list(ENCODER_TITLES) == list(get_args(EncoderName))


@pytest.mark.parametrize(
    ("name", "given", "expected"),
    [
        ("auto", None, None),
        ("dense", None, None),
        ("resnet18", None, False),
        ("resnet18", True, True),
        ("resnet50", None, True),
        ("efficientnet_b0", False, False),
        ("densenet121", None, True),
        ("efficientnet_lite0", None, True),
        ("frozen:resnet18", None, True),
        ("frozen:efficientnet_lite0", True, True),
    ],
)
def test_whether_pretrained_is_said(name, given, expected):
    config = EncoderConfig.model_validate({"name": name, "pretrained": given})
    assert config.pretrained is expected
    assert EncoderConfig.model_validate(config.model_dump()) == config
    if given is None:
        assert EncoderConfig(name=name) == config


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "small_cnn", "pretrained": True}, "pretrained does not apply to small_cnn"),
        ({"pretrained": False}, "pretrained does not apply to auto"),
        ({"name": "dense", "flatten": True, "input_size": 64}, "flatten, input_size do not apply to dense"),
        ({"name": "resnet18", "width": 64}, "width does not apply to resnet18"),
        ({"name": "resnet50", "hidden": 64, "dropout": 0.5}, "hidden, dropout do not apply to resnet50"),
        ({"name": "densenet121", "input_size": 64}, "input_size does not apply to densenet121"),
        ({"name": "frozen:resnet18", "width": 64}, "width does not apply to frozen:resnet18"),
        ({"name": "frozen:resnet18", "pretrained": False}, "frozen:resnet18 needs weights"),
        ({"name": "frozen:small_cnn"}, "is not known"),
        ({"name": "frozen:resnet18", "input_size": 4}, "at least 8"),
        ({"name": "resnet101"}, "is not known"),
        ({"name": "timm:resnet50", "flatten": True}, "flatten does not apply to timm:resnet50"),
        ({"name": "frozen:timm:resnet50", "weights": "random"}, "frozen:timm:resnet50 needs weights"),
        ({"name": "frozen:timm:resnet50", "freeze": "stem"}, "freeze does not apply"),
        (
            {"name": "small_cnn", "freeze": "stem", "weights": "a.pth"},
            "pretrained, weights, freeze do not apply to small_cnn",
        ),
        ({"name": "resnet50", "weights": "mine.txt"}, "neither pretrained nor random nor the path of a file"),
        ({"name": "resnet50", "weights": "a\nb.pth"}, "neither pretrained nor random nor the path of a file"),
        ({"name": "hf:a/b", "weights": "mine.pth"}, "a file of weights does not go with hf:a/b"),
    ],
)
def test_what_does_not_apply_is_refused(options, message):
    assert message in problem(**options)


def test_what_applies_is_taken():
    frozen = EncoderConfig(name="frozen:efficientnet_lite0", hidden=64, dropout=0.0, input_size=96, flatten=True)
    assert (frozen.frozen, frozen.backbone) == (True, "efficientnet_lite0")
    trained = EncoderConfig(name="resnet50", flatten=True, pretrained=False)
    assert (trained.frozen, trained.backbone) == (False, "resnet50")
    assert EncoderConfig().backbone is None and not EncoderConfig().frozen


@pytest.mark.parametrize(
    ("given", "pretrained", "weights"),
    [
        ({}, True, None),
        ({"weights": "pretrained"}, True, None),
        ({"weights": "random"}, False, None),
        ({"weights": ""}, True, None),
        ({"weights": "/w/mine.pth"}, True, "/w/mine.pth"),
        ({"weights": "random", "pretrained": True}, False, None),
        ({"pretrained": False}, False, None),
    ],
)
@pytest.mark.parametrize("name", ["resnet50", "timm:resnet50.a1_in1k"])
def test_weights_by_a_word_or_a_file(name, given, pretrained, weights):
    config = EncoderConfig.model_validate({"name": name, **given})
    assert (config.pretrained, config.weights) == (pretrained, weights)
    assert EncoderConfig.model_validate(config.model_dump()) == config


def test_paths_in_an_encoder_are_made_absolute_and_left_out_of_what_is_shared(tmp_path):
    values = {"encoder": {"name": "frozen:hf:./nets/vit", "weights": "random"}}
    made = absolute_paths(values, tmp_path)
    assert made["encoder"] == {"name": f"frozen:hf:{tmp_path}/nets/vit", "weights": "random"}
    assert absolute_paths({"encoder": {"name": "hf:a/b", "weights": "w.pth"}}, tmp_path)["encoder"] == {
        "name": "hf:a/b", "weights": f"{tmp_path}/w.pth",
    }  # fmt: skip
    config = RunConfig.parse({"encoder": {"name": f"hf:{tmp_path}/vit"}}).to_dict()
    shared = without_paths(config)
    assert shared["encoder"]["name"] == "hf:./vit" and RunConfig.parse(shared)
    file = RunConfig.parse({"encoder": {"name": "resnet50", "weights": f"{tmp_path}/w.pth"}}).to_dict()
    assert without_paths(file)["encoder"]["weights"] == "w.pth"


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("resnet18", "ResNet-18"), ("timm:resnet50.a1_in1k", "resnet50.a1_in1k"), ("hf:google/vit", "vit"),
        ("frozen:hf:/nets/vit/", "Dense layer on frozen vit"),
    ],
)  # fmt: skip
def test_titles_of_backbones_of_libraries(name, title):
    assert encoder_title(name) == title


@pytest.mark.parametrize(
    "older",
    [
        {},
        {"name": "auto", "width": 8, "hidden": 16, "dropout": 0.5},
        {"name": "dense", "width": 32, "hidden": 64, "dropout": 0.0},
        {"name": "small_cnn", "width": 64, "hidden": 768, "dropout": 0.1},
    ],
)
def test_older_configurations_mean_what_they_meant(older):
    config = EncoderConfig.model_validate(older)
    assert {key: getattr(config, key) for key in older} == older
    assert (config.pretrained, config.flatten, config.input_size) == (None, False, None)


@given(
    st.dictionaries(
        st.sampled_from(list(EncoderConfig.model_fields)),
        st.none()
        | st.booleans()
        | st.integers(-10, 600)
        | st.sampled_from([*ENCODER_TITLES, "random", "a.pth"])
        | st.text(max_size=5)
        | st.text(max_size=9).map("timm:{}".format)
        | st.text(max_size=9).map("hf:{}".format),
    )
)
def test_any_options_are_taken_or_refused_in_words(options):
    try:
        config = RunConfig.parse({"encoder": options}).encoder
    except ConfigError as error:
        problems = error.problems
    else:
        problems = None
    if problems is not None:
        assert problems and all(sentence for _, sentence in problems)
        return
    assert (config.pretrained is None) == (config.backbone is None)
    assert not config.frozen or (config.pretrained and (config.backbone in BACKBONES or config.of_library))
