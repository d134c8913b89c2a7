"""Options of an analysis: model, layer, weights, names."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, ValidationError, field_validator

from lwal_core.config.base.part import Part
from lwal_core.config.data import EXTERNAL_DATA, IMPORTED_DATA, DataConfig
from lwal_core.config.encoder import RANDOM
from lwal_core.config.methods.external import EXTERNAL_METHOD, MAX_OPTION_TEXT
from lwal_core.config.run import RunConfig, problem_of
from lwal_core.errors import ConfigError
from lwal_core.sanitize import printable, quoted

MODEL_SOURCES = {"timm": "timm", "torchvision": "torchvision", "hf": "transformers"}
"""Start of a model's name, and the library that has it."""
Layer = Literal["features", "output"]
MAX_MODEL, MAX_PATH, MAX_NAMES, MAX_NAME = 1_000, 4_000, 50_000, 300
MAX_NAMES_TEXT = 2 * 2**20
"""Characters of all names together; they stand in the run's record."""
_LONGEST_CALLED = 80


class ReadyModelConfig(Part):
    """A model as it is: what an analysis embeds the data of its run with."""

    model: str = Field(
        max_length=MAX_MODEL, description="timm:NAME, torchvision:NAME, hf:ORG/REPO of huggingface.co, or hf:FOLDER."
    )
    layer: Layer = Field(
        "features", description="features: what the model's head is given; output: what the head makes of them."
    )
    weights: str | None = Field(
        None, max_length=MAX_PATH, description="A file of weights, or the word random. Empty: the published ones."
    )
    names: tuple[Annotated[str, StringConstraints(max_length=MAX_NAME)], ...] | None = Field(
        None, max_length=MAX_NAMES, description="Names of the model's outputs. Empty: those that are known of it."
    )
    taxonomy: str | None = Field(
        None, max_length=MAX_NAME, description="Reference hierarchy of the classes. Empty: the data's own."
    )

    @field_validator("model")
    @classmethod
    def _names_a_model(cls, model: str) -> str:
        model = model.strip()
        source, _, rest = model.partition(":")
        if source not in MODEL_SOURCES or not rest.strip() or printable(model) != model:
            raise ValueError(
                f"{quoted(model, 120)} names no model; write timm:NAME, torchvision:NAME, hf:ORG/REPO or hf:FOLDER"
            )
        return model

    @field_validator("weights")
    @classmethod
    def _weights_or_none(cls, weights: str | None) -> str | None:
        weights = (weights or "").strip() or None
        if weights is not None and printable(weights) != weights:
            raise ValueError(f"{quoted(weights, 120)} names no file")
        return weights

    @field_validator("names")
    @classmethod
    def _not_too_long(cls, names: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if names is not None and sum(map(len, names)) > MAX_NAMES_TEXT:
            raise ValueError(f"the names have more than {MAX_NAMES_TEXT:,} characters together")
        return None if names is None else tuple(map(printable, names))

    @classmethod
    def parse(cls, values: dict[str, Any]) -> ReadyModelConfig:
        """Validate plain values, e.g. ``{"model": "timm:resnet18", "weights": "random"}``.

        Raises:
            ConfigError: with every problem at once in ``.problems``.
        """
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            raise ConfigError([problem_of(e) for e in error.errors(include_url=False)]) from None

    @property
    def random(self) -> bool:
        """Whether the weights are drawn by the run's seed."""
        return self.weights == RANDOM

    @property
    def short_name(self) -> str:
        """The last part of the model's name."""
        return self.model.partition(":")[2].rstrip("/").rpartition("/")[2] or self.model

    def method_label(self) -> str:
        """What the run's method is called: the model, and what was changed of it."""
        name = self.model
        if len(name) > _LONGEST_CALLED:
            name = f"{name.partition(':')[0]}:…{name[10 - _LONGEST_CALLED :]}"
        about = [*(["random weights"] * self.random), *(["output"] * (self.layer == "output"))]
        return f"{name} ({', '.join(about)})" if about else name

    def run_name(self, data: DataConfig) -> str:
        """Name of the run where nobody gave one."""
        return f"{self.short_name} on {data.title}"[:120]

    def run_config(self, data: DataConfig, *, seed: int = 0, device: str = "auto", **found: str) -> RunConfig:
        """Configuration of the run.

        Args:
            data: The data that is embedded.
            seed: Of random weights.
            device: As in a training.
            **found: What is known when the model is there: ``weights``, a checksum, and ``input_size``.

        Raises:
            ConfigError: The data are no images of this machine, or a value is out of its range.
        """
        if data.name.startswith(("features:", IMPORTED_DATA, EXTERNAL_DATA)):
            raise ConfigError(
                [("data.name", f"a model takes images, and {quoted(data.title, 120)} has none; choose other data")]
            )
        asked = (
            self.weights if self.random else "published" if self.weights is None else self.weights.rpartition("/")[2]
        )
        options = {
            "model": self.model[:MAX_OPTION_TEXT],
            "layer": self.layer,
            "weights": (asked or "")[:MAX_OPTION_TEXT],
            **found,
        }
        changed = data.model_dump(exclude_defaults=True, exclude={"name"})
        return RunConfig.parse(
            {
                "data": data.model_dump(),
                "method": {
                    "name": EXTERNAL_METHOD,
                    "called": self.method_label(),
                    "options": options | {f"data.{name}": value for name, value in changed.items()},
                },
                "training": {"seed": seed, "epochs": 1, "device": device},
            }
        )
