"""Configuration of a run that another program recorded."""

from __future__ import annotations

import argparse
import dataclasses
import math
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lwal_core.config import RunConfig, differences, run_options
from lwal_core.errors import ConfigError
from lwal_core.recording.options import configuration, data_name, flat_options

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
NESTED = st.recursive(
    SCALARS | st.binary(max_size=4) | st.sets(st.integers(), max_size=2),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6) | st.integers(), inner, max_size=4),
    max_leaves=20,
)


def config(
    method: str = "my-loss", data: str = "birds", seed: int = 1, epochs: int | None = None, **options: Any
) -> RunConfig:
    return configuration(method, data, seed, options, epochs)[0]


def test_its_group_is_method_data_and_options() -> None:
    key = config(lr=0.1).group_key()
    assert key == config(lr=0.1, seed=2).group_key() == config(lr=0.1, epochs=50).group_key()
    others = (config(lr=0.2), config(), config("other", lr=0.1), config(data="x", lr=0.1), config(lr=0.1, b=None))
    assert len({key, *(other.group_key() for other in others)}) == 6


def test_keys_of_other_configurations_are_those_of_release_0_1() -> None:
    assert RunConfig().group_key() == "2073de6136d3"
    assert RunConfig.parse({"method": {"name": "onehot"}}).group_key() == "66f21a3d5ffb"


def test_what_differs_is_what_it_told() -> None:
    found = differences([config(lr=0.1, depth=18), config("other", lr=0.2, depth=18)])
    assert found == {"method.name": ["my-loss", "other"], "config.lr": [0.1, 0.2]}
    found = differences([config(data="digits", lr=0.1), RunConfig()])
    assert found == {"method.name": ["my-loss", "lwal"]}  # what it was trained with is not known


def test_it_has_no_flag_and_no_place_in_forms() -> None:
    assert not {option.name for option in run_options()} & {"called", "options"}


def test_it_is_neither_imported_nor_trained() -> None:
    both = config()
    assert both.external and not both.imported and not both.method.trainable
    assert RunConfig().external is RunConfig().imported is False


@pytest.mark.parametrize("data", ["imported:a#1", "external:a"])
def test_data_that_another_knows_goes_with_no_method_of_ours(data: str) -> None:
    with pytest.raises(ConfigError):
        RunConfig.parse({"data": {"name": data}})
    assert data_name(data) == "external:" + data.partition(":")[2]


@given(NESTED)
def test_any_options_become_a_configuration_that_can_be_written(value: Any) -> None:
    options, _ = flat_options({"x": value})
    read = config(**{"x": value})
    assert RunConfig.parse(orjson.loads(orjson.dumps(read.to_dict()))) == read
    assert len(options) <= 200 and all(
        (name.startswith("x") and name.isprintable()) or "\u200c" in name for name in options
    )


@given(st.dictionaries(st.text(min_size=1, max_size=9).filter(str.isprintable), st.integers(-9, 9) | st.booleans()))
def test_plain_options_stay(value: dict[str, Any]) -> None:
    assert flat_options(value) == (value, [])


def test_namespaces_dataclasses_and_everything_else() -> None:
    @dataclasses.dataclass
    class Inner:
        rate: float = 0.1
        path: Path = Path("/x/y")

    space = argparse.Namespace(a=1, inner=Inner(), steps=[1, 2], nothing=[], number=np.float32(0.5), bad=math.nan)
    assert flat_options(space)[0] == {
        "a": 1, "inner.rate": 0.1, "inner.path": "/x/y", "steps.0": 1, "steps.1": 2, "nothing": "[]", "number": 0.5, "bad": "nan",
    }  # fmt: skip


def test_options_are_bounded() -> None:
    found, notes = flat_options({str(i): i for i in range(300)} | {"x" * 101: 1})
    assert len(found) == 200 and notes == ["101 options of config are left out: at most 200 are kept."]
    deep: dict[str, Any] = {}
    inner = deep
    for _ in range(5_000):
        inner["a"] = inner = {}
    assert len(flat_options(deep)[0]) == 1
    assert len(next(iter(flat_options({"a": "x" * 9_999})[0].values()))) == 500
