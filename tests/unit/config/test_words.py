"""Options in words: titles of fields, values, what stands away from its default."""

from __future__ import annotations

from lwal_core.config import RunConfig
from lwal_core.config.words import method_options, option_label, other_options, value_text


def config(method: str = "lwal", **parts: dict[str, object]) -> RunConfig:
    return RunConfig.parse({"method": {"name": method, **parts.pop("options", {})}, **parts})


def test_a_field_says_its_title_and_one_without_says_its_name() -> None:
    lwal = type(config().method)
    assert option_label("method.push_weight", lwal) == "Push weight"
    assert option_label("method.distance_temperature", lwal) == "Distance temperature"
    assert option_label("method.dim", lwal) == "Label dimension"
    assert option_label("data.name") == "Data set" and option_label("config.lr") == "Lr"


def test_values() -> None:
    assert [value_text(v) for v in (True, False, None, 0.5, 10.0, 3, "10x")] == [
        "on", "off", "not set", "0.5", "10", "3", "10x",
    ]  # fmt: skip


def test_a_method_says_what_is_not_at_its_default() -> None:
    assert method_options([config("onehot"), config(options={"push_weight": 0.5})]) == [
        "its defaults", "Push weight 0.5",
    ]  # fmt: skip


def test_two_of_one_method_say_what_tells_them_apart() -> None:
    assert method_options([config(), config(options={"decay": 0.5})]) == ["Decay 1", "Decay 0.5"]


def test_other_parts_are_listed_by_label() -> None:
    assert other_options([config(), config("onehot")]) == {}
    found = other_options([config(training={"epochs": 3}), config("onehot", data={"name": "shapes"})])
    assert found == {"Data set": ["digits", "shapes"], "Epochs": ["3", "10"]}


def test_what_another_program_did_not_tell_is_no_value() -> None:
    from tests.unit.config.test_external import config as recorded

    found = other_options([recorded(lr=0.1, depth=18), recorded("other", lr=0.2, depth=18)])
    assert found == {"Lr": ["0.1", "0.2"]}
    assert method_options([recorded(lr=0.1)]) == ["its defaults"]
