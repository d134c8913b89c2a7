"""The training form: every choice becomes a configuration, and its command line means the same."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any

import orjson
import pytest

from lwal_core.config import RunConfig, run_options
from lwal_core.config.data import DOWNLOADED_DATA
from lwal_core.config.methods.onehot import OneHot
from lwal_core.errors import ConfigError
from lwal_core.experiments.form_values import (
    DOWNLOADS,
    FormValues,
    backbone_options,
    command_lines,
    configurations,
    label_options,
    method_choices,
    names_a_file,
    recommended_methods,
)

OPTION_OF_FLAG = {option.flag: option for option in run_options()}


def read_back(line: str) -> list[RunConfig]:
    """What a command line asks for, read word by word."""
    words = shlex.split(line)
    assert words[:2] == ["lwal", "train"]
    values: dict[str, dict[str, Any]] = {}
    seeds, rest = [], iter(words[2:])
    for word in rest:
        option = OPTION_OF_FLAG.get(word.replace("--no-", "--"))
        if option and option.type is bool:
            values.setdefault(option.part, {})[option.name] = not word.startswith("--no-")
            continue
        text = next(rest)
        if word == "--seed":
            seeds.append(int(text))
        else:
            assert option is not None, word
            values.setdefault(option.part, {})[option.name] = text if option.type is str else orjson.loads(text)
    return [RunConfig.parse(values).with_seed(seed) for seed in seeds]


@pytest.mark.parametrize("method", [name for name in method_choices() if name != "Static labels"])
@pytest.mark.parametrize("encoder", ["auto", "resnet18", "frozen:efficientnet_lite0"])
def test_a_command_line_means_what_the_form_says(method: str, encoder: str) -> None:
    form = FormValues(
        source="download", download="cifar100", methods=(method,), seeds="3 4", encoder={"name": encoder},
        data={"per_class": 50} | ({"augment": "crop_flip"} if encoder == "resnet18" else {}),
        labels={"push_weight": 2.5, "decay": 0.5, "leave_one_out": True, "label_vectors": ""},
        training={"epochs": 4, "optimizer": "sgd", "learning_rate": 0.05},
    )  # fmt: skip
    configs = configurations(form)
    assert read_back(command_lines(configs)) == configs
    assert {config.data.name for config in configs} == {"cifar100"}


def test_static_labels_take_their_vectors_from_the_form() -> None:
    (config,) = configurations(
        FormValues(methods=("Static labels",), seeds="1", labels={"label_vectors": "/data/names.npy", "decay": 0.5})
    )
    assert config.method.label_vectors == "/data/names.npy"
    assert read_back(command_lines([config])) == [config]


def test_methods_with_made_vectors_keep_them_and_take_the_taxonomy_alone() -> None:
    form = FormValues(
        source="shapes", seeds="1", methods=("Static labels", "Static, equiangular labels", "Static, taxonomy labels", "CPCC", "MaxSup"),
        labels={"label_vectors": "/data/names.npy", "taxonomy": "shapes", "tree_weight": 2.0, "max_penalty": 0.2},
    )  # fmt: skip
    static, etf, taxonomy, cpcc, maxsup = (config.method for config in configurations(form))
    assert (static.label_vectors, static.taxonomy) == ("/data/names.npy", None)
    assert (etf.label_vectors, etf.taxonomy) == ("etf", None)
    assert (taxonomy.label_vectors, taxonomy.taxonomy) == ("taxonomy", "shapes")
    assert (cpcc.taxonomy, cpcc.tree_weight, maxsup.max_penalty) == ("shapes", 2.0, 0.2)
    lines = command_lines(configurations(form)).splitlines()
    assert [config for line in lines for config in read_back(line)] == configurations(form)


@pytest.mark.parametrize(
    ("methods", "asked"),
    [
        (("Static, equiangular labels",), set()),
        (("Static labels",), {"label_vectors"}),
        (("Static, taxonomy labels", "Static, equiangular labels"), {"taxonomy"}),
        (("CPCC",), {"taxonomy", "tree_weight"}),
        (("SupCon", "NONL"), {"contrast_temperature", "projection_dim"}),
        (("MaxSup", "unknown"), {"max_penalty"}),
    ],
)
def test_the_form_asks_for_what_the_chosen_methods_take(methods: tuple[str, ...], asked: set[str]) -> None:
    assert {option.name for option in label_options(methods)} == asked


def test_options_that_contradict_each_other_are_said() -> None:
    with pytest.raises(ConfigError, match="sees each image once"):
        configurations(
            FormValues(source="shapes", encoder={"name": "frozen:resnet18"}, data={"augment": "crop_flip"}, seeds="1")
        )


def test_the_form_offers_every_data_set_that_can_be_fetched() -> None:
    assert tuple(DOWNLOADS) == DOWNLOADED_DATA


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("auto", set()),
        ("nothing of the kind", set()),
        ("resnet18", {"weights", "freeze", "head_rate", "layer_decay", "ema_decay"}),
        ("timm:resnet50", {"weights", "freeze", "input_size", "head_rate", "layer_decay", "ema_decay"}),
        ("frozen:hf:a/b", {"weights", "input_size", "head_rate", "ema_decay"}),
    ],
)
def test_what_the_form_asks_about_a_backbone_applies_to_it(name: str, asked: set[str]) -> None:
    assert {option.name for option in backbone_options(name)} == asked


@pytest.mark.parametrize(
    ("encoder", "names"),
    [
        ({"name": "hf:/nets/vit"}, True), ({"name": "hf:a/b"}, False), ({"name": "resnet18", "weights": "/w.pth"}, True),
        ({"name": "resnet18", "weights": "random"}, False), ({}, False),
    ],
)  # fmt: skip
def test_files_that_an_encoder_names_are_looked_into_by_those_who_may(encoder: dict[str, str], names: bool) -> None:
    assert names_a_file({}, encoder) is names


def test_methods_that_are_recommended_say_when_in_a_few_words_as_the_documents_do() -> None:
    found = recommended_methods()
    assert 1 < len(found) <= 3 and set(found) <= set(method_choices())
    assert next(iter(found)) == OneHot.title  # what the others are measured against
    table = (Path(__file__).parents[3] / "docs" / "methods.md").read_text(encoding="utf-8")
    assert [line for title, when in found.items() if (line := f"| {title} | {when} |\n") not in table] == []
    assert max(len(when.split()) for when in found.values()) <= 8
    assert set(FormValues().methods) <= set(found)
