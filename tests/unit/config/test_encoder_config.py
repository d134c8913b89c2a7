"""Encoder options: what is filled in, what is refused, and that older configurations still say the same."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lwal_core.config import RunConfig
from lwal_core.config.encoder import BACKBONES, ENCODER_TITLES, EncoderConfig, EncoderName
from lwal_core.errors import ConfigError


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
        ({"name": "frozen:resnet18", "pretrained": False}, "frozen:resnet18 needs ImageNet weights"),
        ({"name": "frozen:small_cnn"}, "is not known"),
        ({"name": "frozen:resnet18", "input_size": 4}, "at least 8"),
        ({"name": "resnet101"}, "is not known"),
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
        st.none() | st.booleans() | st.integers(-10, 600) | st.sampled_from(list(ENCODER_TITLES)) | st.text(max_size=5),
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
    assert not config.frozen or (config.pretrained and config.backbone in BACKBONES)
