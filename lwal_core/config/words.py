"""Options of configurations in words, as tables for people say them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lwal_core.config.base.part import Part
from lwal_core.config.run import RunConfig, differences

_CALLED = {"data.name": "Data set", "encoder.name": "Encoder", "method.dim": "Label dimension"}
"""Of options whose field is named too briefly to stand alone, and has no title."""
DEFAULTS = "its defaults"
"""What stands for a method's options where none is set."""
UNKNOWN = "–"
"""What stands for an option that a configuration does not have."""


def option_label(key: str, part: type[Part] | None = None) -> str:
    """What an option is called: the title of its field, else the name in words.

    Args:
        key: ``"part.option"``, as :func:`~lwal_core.config.run.differences` gives it.
        part: The configuration that has the field; None where only the name is known.
    """
    option = key.partition(".")[2]
    field = part.model_fields.get(option) if part is not None else None
    words = option.replace("_", " ")
    return _CALLED.get(key) or (field.title if field is not None else None) or words[:1].upper() + words[1:]


def value_text(value: Any) -> str:
    """An option's value in words: ``on``, ``off``, ``not set``, a number, a text."""
    if value is None:
        return "not set"
    if isinstance(value, bool):
        return "on" if value else "off"
    return f"{value:g}" if isinstance(value, float) else str(value)


def method_options(configs: Sequence[RunConfig]) -> list[str]:
    """Each configuration's label method in words: its options that are not at their defaults, or differ from those of another
    configuration with the same method, e.g. ``"Label dimension 10x; Push weight 0"``. Of a method that another program trains
    the defaults are not known, and its options are among :func:`other_options`.
    """
    found = []
    for config in configs:
        differing = differences([other for other in configs if other.method.name == config.method.name])
        kind = type(config.method)
        said = [
            f"{option_label(key, kind)} {value_text(value)}"
            for key, value in config.method.listed().items()
            if key.startswith("method.") and key != "method.name"
            if key in differing or value != kind.model_fields[key.partition(".")[2]].default
        ]
        found.append("; ".join(said) or DEFAULTS)
    return found


def other_options(configs: Sequence[RunConfig]) -> dict[str, list[str]]:
    """What differs beside the label method: values in words by the option's label, in the order of the configurations; empty where
    nothing does."""
    found: dict[str, list[str]] = {}
    for key, values in differences(list(configs)).items():
        part = key.partition(".")[0]
        if part == "method":
            continue
        owner = getattr(configs[0], part, None)
        label = option_label(key, type(owner) if isinstance(owner, Part) else None)
        label = f"{label} ({part})" if label in found else label
        found[label] = [
            UNKNOWN if value is None and config.external != (part == "config") else value_text(value)
            for config, value in zip(configs, values, strict=True)
        ]
    return found
