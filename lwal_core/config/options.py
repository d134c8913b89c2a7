"""Every option of a run with its type, flag and help, read from the fields of the configurations."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin

from pydantic.fields import FieldInfo

from lwal_core.config.base.method import DEFAULT_METHOD, METHODS
from lwal_core.config.data import DataConfig
from lwal_core.config.encoder import EncoderConfig
from lwal_core.config.training import TrainingConfig

_FLAGS = {("data", "name"): "--dataset", ("encoder", "name"): "--encoder", ("method", "name"): "--method"}
"""Flags that are not called after their field."""


@dataclass(frozen=True)
class Option:
    """One option of a run.

    Attributes:
        part: ``data``, ``encoder``, ``method`` or ``training``.
        name: The field's name.
        field: The field; the first method's where several methods have the option.
        flag: On the command line, e.g. ``"--push-weight"``.
        methods: Names of the label methods that read it; empty for the other parts.
    """

    part: str
    name: str
    field: FieldInfo
    flag: str
    methods: tuple[str, ...] = ()

    @property
    def type(self) -> type:
        """``bool``, ``int``, ``float`` or ``str``, whether or not the option may be left empty."""
        return option_type(self.field)

    @property
    def choices(self) -> tuple[str, ...]:
        """Texts that are allowed; empty where more than a few are."""
        return get_args(self.field.annotation) if get_origin(self.field.annotation) is Literal else ()

    def extra(self, key: str) -> Any:
        """What the field says of itself beside title and description: ``term``, ``placeholder`` or ``file``."""
        extra = self.field.json_schema_extra
        return extra.get(key) if isinstance(extra, dict) else None

    @property
    def help(self) -> str:
        """First sentence of the description, with the default and the methods that read it."""
        if (self.part, self.name) == ("method", "name"):
            return f"Label method: {', '.join(name for name, method in METHODS.items() if method.trainable)}; default {self.field.default}"
        text = re.split(r"(?<=\.)\s+(?=[A-Z])", str(self.field.description or self.name.replace("_", " ")))[0].rstrip(
            "."
        )
        default = self.field.default
        if default is not None:
            shown = ("off", "on")[default] if isinstance(default, bool) else default
            text += f"; default {shown:g}" if isinstance(shown, float) else f"; default {shown}"
        return f"{', '.join(self.methods)}: {text}" if self.methods else text


def option_type(field: FieldInfo) -> type:
    """``bool``, ``int``, ``float`` or ``str``: what an option holds unless it is empty; a choice is a text."""
    kinds = [kind for kind in get_args(field.annotation) or (field.annotation,) if kind is not type(None)]
    kind: Any = str if get_origin(field.annotation) is Literal else kinds[0]
    return kind if kind in (bool, int, float) else str


def run_options() -> list[Option]:
    """Every option of a run, part by part, the registered label methods' among them.

    A flag that another option has already gets its part before it.
    """
    found: dict[tuple[str, str], tuple[FieldInfo, list[str]]] = {}
    for part, model in (("data", DataConfig), ("encoder", EncoderConfig)):
        found |= {(part, name): (field, []) for name, field in model.model_fields.items()}
    found["method", "name"] = (METHODS[DEFAULT_METHOD].model_fields["name"], [])
    for method_name, method in METHODS.items():
        if method.recorded:  # another program gives its options, no flag or form does
            continue
        for name, field in method.model_fields.items():
            if name != "name":
                found.setdefault(("method", name), (field, []))[1].append(method_name)
    found |= {("training", name): (field, []) for name, field in TrainingConfig.model_fields.items()}
    options: dict[str, Option] = {}
    for (part, name), (field, methods) in found.items():
        flag = _FLAGS.get((part, name), "--" + name.replace("_", "-"))
        flag = f"--{part}-{name}".replace("_", "-") if flag in options else flag
        options[flag] = Option(part, name, field, flag, tuple(methods))
    return list(options.values())
