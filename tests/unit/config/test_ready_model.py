"""Options of an analysis: what names a model, and the configuration of its run."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lwal_core.config import DataConfig, ReadyModelConfig, RunConfig
from lwal_core.config.methods.external import MAX_TITLE
from lwal_core.errors import ConfigError

HOSTILE = ["", "resnet18", "timm:", "timm: ", "http://x", "pickle:x", "timm:a\x00b", "hf:a\nb", "hf:" + "a" * 2_000, "timm:\u202eb",
           "torchvision:\ud800"]  # fmt: skip


@pytest.mark.parametrize("model", HOSTILE)
def test_names_that_are_none(model: str) -> None:
    with pytest.raises(ConfigError, match="model") as caught:
        ReadyModelConfig.parse({"model": model})
    assert len(str(caught.value)) < 1_000 and "\x00" not in str(caught.value)


@given(
    st.text(),
    st.sampled_from(["timm:", "torchvision:", "hf:", ""]),
    st.sampled_from(["features", "output"]),
    st.none() | st.text(),
)
def test_whatever_is_written_is_refused_in_words_or_makes_a_run(
    text: str, source: str, layer: str, weights: str | None
) -> None:
    try:
        ready = ReadyModelConfig.parse({"model": source + text, "layer": layer, "weights": weights})
    except ConfigError:
        return
    config = ready.run_config(DataConfig(name="digits", per_class=5), seed=3, device="cpu")
    label = config.method_label()
    assert 0 < len(label) <= MAX_TITLE and label.isprintable()
    assert RunConfig.parse(orjson.loads(orjson.dumps(config.to_dict()))) == config
    assert ReadyModelConfig.parse(orjson.loads(orjson.dumps(ready.model_dump(mode="json")))) == ready
    assert not config.method.trainable and config.training.epochs == 1 and config.training.seed == 3


def test_options_that_are_told_are_those_of_an_analysis_of_before() -> None:
    """Runs of an earlier release, which were recorded at once, are repeats of the same model on the same data."""
    ready = ReadyModelConfig.parse({"model": "timm:resnet18", "weights": "random"})
    found = {"weights": "random", "input_size": "224x224"}
    config = ready.run_config(DataConfig(name="cifar10", per_class=200), seed=1, **found)
    before = RunConfig.parse(
        {
            "data": {"name": "cifar10"},
            "method": {
                "name": "external",
                "called": "timm:resnet18 (random weights)",
                "options": {"model": "timm:resnet18", "layer": "features", "data.per_class": 200, **found},
            },
            "training": {"seed": 5},
        }
    )
    assert config.group_key() == before.group_key()


@pytest.mark.parametrize("data", ["features:/a.npz", "imported:a#12345678", "external:mine"])
def test_data_without_images_are_refused(data: str) -> None:
    with pytest.raises(ConfigError, match="takes images"):
        ReadyModelConfig.parse({"model": "timm:resnet18"}).run_config(DataConfig(name=data))


def test_names_have_a_limit() -> None:
    parse = ReadyModelConfig.parse
    assert parse({"model": "timm:x", "names": ("a\nb", "c")}).names == ("a b", "c")
    for names in (("x" * 400,), ("x",) * 60_000, ("x" * 300,) * 8_000):
        with pytest.raises(ConfigError, match="names"):
            parse({"model": "timm:x", "names": names})
