"""RunConfig: the whole configuration of a run, its keys, and validation messages."""

from __future__ import annotations

import hashlib
import re
from typing import Any

import orjson
from pydantic import Field, SerializeAsAny, ValidationError, field_validator, model_validator

from lwal_core.config.base.method import METHODS, OPTIONS_OF_0_1, MethodConfig, baseline_method, parse_method
from lwal_core.config.base.part import Part
from lwal_core.config.data import EXTERNAL_DATA, IMAGE_DATA, IMPORTED_DATA, DataConfig
from lwal_core.config.encoder import EncoderConfig
from lwal_core.config.training import TrainingConfig
from lwal_core.errors import ConfigError
from lwal_core.sanitize import quoted

WHERE_AND_SEED = ("seed", "device", "devices", "nodes")
"""Training options that make no two experiments: repeats of one differ in the seed, and may run on different machines."""
_REPEATS = tuple("training." + option for option in WHERE_AND_SEED)


class RunConfig(Part):
    """Everything that decides what a training does. Equal configurations give equal results on one machine's CPU."""

    data: DataConfig = DataConfig()
    encoder: EncoderConfig = EncoderConfig()
    method: SerializeAsAny[MethodConfig] = Field(default_factory=lambda: parse_method({}))
    training: TrainingConfig = TrainingConfig()

    @field_validator("method", mode="before")
    @classmethod
    def _by_its_name(cls, values: Any) -> Any:
        return parse_method(values) if isinstance(values, dict) else values

    @model_validator(mode="after")
    def _fit_together(self) -> RunConfig:
        for option in self.data.varied if self.encoder.frozen else ():
            raise ValueError(
                f"data.{option} {getattr(self.data, option)} does not go with encoder {self.encoder.name}: a frozen network sees "
                f"each image once; leave {option} out, or train the network"
            )
        if self.training.watch.startswith("validation") and not (self.data.validation or self.data.may_have_validation):
            raise ValueError(
                f"training.watch {self.training.watch} needs a validation part; give one with validation, such as 0.1"
            )
        if self.data.scaling == "own" and not self.encoder.of_library:
            raise ValueError(
                f"data.scaling own needs a backbone of timm: or hf:, and encoder {self.encoder.name} is none"
            )
        if self.data.name.startswith(IMPORTED_DATA) != self.imported:
            raise ValueError(
                f"data {self.data.name} does not go with method {self.method.name}: imported vectors are not trained"
            )
        if self.data.name.startswith(EXTERNAL_DATA) and not self.external:
            raise ValueError(
                f"data {self.data.name} is known to another program, which recorded a run, and to nobody else"
            )
        if self.training.layer_decay != 1 and (self.encoder.frozen or not self.encoder.backbone):
            raise ValueError(
                f"training.layer_decay does not apply to encoder {self.encoder.name}, which is no backbone that is trained"
            )
        if self.encoder.backbone and self.data.name.startswith("features:"):
            raise ValueError(f"encoder {self.encoder.name} takes images; features go with the dense encoder")
        return self

    @classmethod
    def parse(cls, values: dict[str, Any]) -> RunConfig:
        """Validate nested plain values, e.g. ``{"data": {"name": "digits"}, "method": {"name": "lwal", "dim":
        "10x"}}``.

        Raises:
            ConfigError: with every problem at once in ``.problems``.
        """
        try:
            config = cls.model_validate(values)
            config = config._as_evaluated(values)
        except ValidationError as error:
            raise ConfigError([problem_of(e) for e in error.errors(include_url=False)]) from None
        try:
            orjson.dumps(config.to_dict())
        except (TypeError, ValueError):
            raise ConfigError([("", "a text holds what cannot be written as UTF-8")]) from None
        return config

    def _as_evaluated(self, values: dict[str, Any]) -> RunConfig:
        """With images scaled as the evaluation of a library's backbone does, where nothing else is said; a record that was made before
        there was a choice says nothing, is not parsed anew, and stays as it is."""
        given = values.get("data")
        said = isinstance(given, dict) and ("scaling" in given or given.get("crop_share") is not None)
        if said or not self.encoder.of_library or self.data.fit != "crop" or not self.data.name.startswith(IMAGE_DATA):
            return self
        return self.model_copy(update={"data": self.data.model_copy(update={"scaling": "own"})})

    def to_dict(self) -> dict[str, Any]:
        """Nested plain values; :meth:`parse` reads them back."""
        return self.model_dump(mode="json")

    def group_key(self) -> str:
        """12 hexadecimal digits that are equal for runs that differ in nothing but the seed and where they train.

        Of a run that another program recorded, data, method and what the program gave as its configuration count.
        """
        values = self._told()
        if self.external:
            method = {option: value for option, value in values["method"].items() if option != "nearest"}
            return _key({"data": {"name": self.data.name}, "method": method})
        for key in WHERE_AND_SEED:
            del values["training"][key]
        return _key(values)

    def _told(self) -> dict[str, Any]:
        """Nested plain values; without patience nothing is watched, so that option stands as release 0.1 wrote it, and
        without a validation part accuracy is that on the test set, as the default was called before there was one."""
        values = self.to_dict()
        if self.training.patience is None:
            values["training"]["watch"] = "test_accuracy_mean"
        elif self.training.watch == "accuracy" and not self.data.validation:
            values["training"]["watch"] = "test_accuracy"
        return values

    def workload(self) -> str:
        """Key shared by configurations whose epochs take equally long: the same data, encoder, method, batch and
        device."""
        values = self.to_dict()
        decisive = (
            "batch_size", "sampler", "classes_per_batch", "samples_per_class", "chunk_size", "device", "devices", "nodes", "optimizer",
            "precision", "channels_last", "compile",
        )  # fmt: skip
        values["training"] = {key: values["training"][key] for key in decisive}
        return _key(values)

    def method_label(self) -> str:
        """Name of the label method for tables and legends, e.g. ``"LwAL10, push 1"``."""
        return self.method.label()

    def method_spelled_out(self) -> str:
        """The label method for ids of runs and names of files, which stay when it gets another name."""
        return self.method.spelled_out()

    @property
    def imported(self) -> bool:
        """Whether this stands for vectors that somebody brought in a file: there is nothing to train."""
        return not self.method.trainable and not self.method.recorded

    @property
    def external(self) -> bool:
        """Whether a program of somebody's own trains this and records what comes of it: it has epochs, and cannot be started,
        continued or changed here."""
        return self.method.recorded

    @property
    def is_baseline(self) -> bool:
        """Whether others are measured against it: it has the method for that, or its program calls its own by that name."""
        if not self.external:
            return self.method.is_baseline
        base = baseline_method()
        return _bare(self.method_label()) in {_bare(base.title), _bare(base.model_fields["name"].default)}

    def as_baseline(self) -> RunConfig:
        """The same training with the method that others are measured against."""
        return RunConfig.parse({**self.to_dict(), "method": {"name": baseline_method().model_fields["name"].default}})

    def with_seed(self, seed: int) -> RunConfig:
        """The same configuration with another training seed."""
        return RunConfig.parse({**self.to_dict(), "training": {**self.training.model_dump(), "seed": seed}})


def _bare(name: str) -> str:
    """A name without case, blanks and hyphens: ``"one-hot"``, ``"One Hot"`` and ``"onehot"`` are one."""
    return re.sub(r"[\s_-]+", "", name).casefold()


def differences(configs: list[RunConfig], *, ignore: tuple[str, ...] = _REPEATS) -> dict[str, list[Any]]:
    """Which options differ between configurations.

    Returns:
        ``"part.option" -> values in the order of the configurations``, only for options of which two differ. A
        configuration that does not have the option has None there: another label method's, or what only the program
        knows that recorded the run.
    """
    flat = [_flat(config) for config in configs]
    keys = [key for key in dict.fromkeys(key for row in flat for key in row) if key not in ignore]
    return {
        key: [row.get(key) for row in flat] for key in keys if len({repr(row[key]) for row in flat if key in row}) > 1
    }


def _flat(config: RunConfig) -> dict[str, Any]:
    """Options as ``"part.option" -> value``; of a run that another program recorded those that it told."""
    if config.external:
        return {"data.name": config.data.name, **config.method.listed(), "training.seed": config.training.seed}
    return {f"{part}.{key}": value for part, options in config._told().items() for key, value in options.items()}


def _key(values: dict[str, Any]) -> str:
    """12 hexadecimal digits of a configuration, as release 0.1 made them."""
    for part in ("data", "encoder", "training"):
        if part in values:
            values[part] = _without_later(values[part], type(RunConfig.model_fields[part].default))
    values["method"] = {**OPTIONS_OF_0_1, **_without_later(values["method"], METHODS[values["method"]["name"]])}
    return hashlib.sha256(orjson.dumps(values, option=orjson.OPT_SORT_KEYS)).hexdigest()[:12]


def _without_later(options: dict[str, Any], part: type[Part]) -> dict[str, Any]:
    """Options of a part without those that are marked ``since`` and stand at their defaults: one that came later makes no other
    experiments of the runs before it."""
    extras = {name: field.json_schema_extra for name, field in part.model_fields.items()}
    later = {name for name, extra in extras.items() if isinstance(extra, dict) and "since" in extra}
    return {
        name: value for name, value in options.items() if name not in later or value != part.model_fields[name].default
    }


def problem_of(error: Any) -> tuple[str, str]:
    """One of pydantic's errors as ``(field, sentence)`` in our voice."""
    field = ".".join(str(part) for part in error["loc"]) or "options"
    given = error.get("input")
    context = error.get("ctx", {})
    kind = error["type"]
    bounds = {
        "greater_than_equal": ("ge", "at least"),
        "greater_than": ("gt", "above"),
        "less_than_equal": ("le", "at most"),
        "less_than": ("lt", "below"),
    }
    if kind == "extra_forbidden":
        return field, f"unknown option {quoted(error['loc'][-1])}"
    if kind == "value_error":
        return field, str(context.get("error", error["msg"]))
    if kind in bounds:
        key, words = bounds[kind]
        return field, f"{quoted(given)} is out of range; it must be {words} {context[key]:,}"
    if kind == "literal_error":
        return field, f"{quoted(given)} is not known; use {context['expected']}"
    if kind == "string_pattern_mismatch":
        rule = (
            "a number or a multiple of the classes such as 10x"
            if field.endswith("dim")
            else "auto, cpu, mps, cuda or cuda:N"
        )
        return field, f"{quoted(given)} is not allowed; it must be {rule}"
    return field, f"{quoted(given)}: {re.sub('^Input', 'it', error['msg'])}"
