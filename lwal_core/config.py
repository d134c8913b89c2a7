"""What a run is made of: data, encoder, label method and training, validated once and all at once.

Every option carries its unit, its allowed range and the reason for its default as the field's description; the command
line and the training form show the same sentences. No torch here: the web process builds and reads configurations.
"""

from __future__ import annotations

import hashlib
import re
from typing import Annotated, Any, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, field_validator, model_validator

from lwal_core.errors import ConfigError

MAX_LABEL_DIM = 65_536
"""Largest label dimension K: beyond it the label table of 10,000 classes alone takes 2.4 GiB."""

BUILT_IN_DATA = ("digits", "shapes")
PATH_DATA = ("folder:", "features:")
METHOD_NAMES = ("onehot", "lwal")
METHOD_TITLES = {"onehot": "One-hot", "lwal": "LwAL"}
PAPER_SEEDS = (12, 123, 1234)
"""The seeds of the paper's experiments (section 4 of arXiv:2209.04528)."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


class DataConfig(_Part):
    """Which data, and how it is cut into training and test images."""

    name: str = Field(
        "digits",
        description="Data set: digits (8 x 8 handwritten digits, built in), shapes (32 x 32 drawings with a known class tree), "
        "folder:PATH (train/<class>/*.png|jpg and test/<class>/..., or one level that is split), "
        "features:PATH.npz (x_train, y_train, x_test, y_test).",
    )
    image_size: int | None = Field(
        None, ge=8, le=512, description="Side of the square that images are resized to, in pixels (8 to 512). "
        "Empty: the data set's own size, 32 for folders.",
    )  # fmt: skip
    test_fraction: float = Field(
        0.2, ge=0.05, le=0.5, description="Share of the samples held out for testing where the data has no test set of its own "
        "(0.05 to 0.5).",
    )  # fmt: skip
    split_seed: int = Field(
        0, ge=0, le=2**31 - 1, description="Seed of the train/test split and of generated data. "
        "It is separate from the training seed, so that all seeds are tested on the same samples.",
    )  # fmt: skip
    per_class: int | None = Field(
        None, ge=2, le=1_000_000, description="Train on a balanced subset of this many samples a class. Empty: all.",
    )  # fmt: skip

    @field_validator("name")
    @classmethod
    def _known_name(cls, name: str) -> str:
        if name in BUILT_IN_DATA:
            return name
        for prefix in PATH_DATA:
            if name.startswith(prefix):
                if not name[len(prefix) :].strip():
                    raise ValueError(f"{name!r} names no path; write {prefix}PATH")
                return name
        raise ValueError(
            f"{name!r} is no data set; use one of {', '.join(BUILT_IN_DATA)}, folder:PATH or features:PATH.npz"
        )

    @property
    def title(self) -> str:
        """Short name for tables: the built-in name, or the last part of the path."""
        for prefix in PATH_DATA:
            if self.name.startswith(prefix):
                return self.name[len(prefix) :].rstrip("/").rsplit("/", 1)[-1] or self.name
        return self.name


class EncoderConfig(_Part):
    """The network between the input and the linear head."""

    name: Literal["auto", "small_cnn", "dense"] = Field(
        "auto", description="auto picks small_cnn for images and dense for features.",
    )  # fmt: skip
    width: int = Field(
        32, ge=4, le=512, description="Channels of the small CNN's first stage (4 to 512); each later stage has twice as many, "
        "up to four times.",
    )  # fmt: skip
    hidden: int = Field(
        768, ge=8, le=16_384, description="Units of the dense encoder's layer (8 to 16,384; the paper's 768)."
    )
    dropout: float = Field(0.1, ge=0.0, le=0.9, description="Dropout of the dense encoder (0 to 0.9; the paper's 0.1).")


LabelDim = Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]{0,5}x?$")]


class MethodConfig(_Part):
    """How classes are represented while the network trains (arXiv:2209.04528, section 3)."""

    name: Literal["onehot", "lwal"] = Field(
        "lwal", description="onehot: fixed labels. lwal: labels learned with the network."
    )
    dim: LabelDim = Field(
        "1x", description="Label dimension K: a number, or a multiple of the number of classes such as 1x (LwAL) "
        "or 10x (LwAL10).",
    )  # fmt: skip
    push_weight: float = Field(
        10.0, ge=0.0, le=1e4, description="Weight of the push loss, which drives samples of different classes apart in angle "
        "(0 to 10,000; the paper's 10, 0 switches it off).",
    )  # fmt: skip
    stationary_steps: int = Field(
        1, ge=1, le=1_000_000, description="Training steps between two label updates (the paper's 1: every step).",
    )  # fmt: skip
    warmup_steps: int = Field(
        0, ge=0, le=1_000_000, description="Training steps before the first label update (the paper tries 0, 2 and 5).",
    )  # fmt: skip
    decay: float = Field(
        1.0, gt=0.0, le=1.0, description="Share of the batch's class mean in the new label (above 0, up to 1; the paper's 1 "
        "replaces the label).",
    )  # fmt: skip
    leave_one_out: bool = Field(
        False, description="Leave a sample out of the class mean that it is pulled to, so that it cannot pull itself.",
    )  # fmt: skip

    @field_validator("dim", mode="before")
    @classmethod
    def _dim_text(cls, dim: object) -> object:
        return str(dim) if isinstance(dim, int) and not isinstance(dim, bool) else dim

    @model_validator(mode="after")
    def _only_what_applies(self) -> MethodConfig:
        if self.name == "onehot":
            default = MethodConfig()
            changed = [f for f in type(self).model_fields if f != "name" and getattr(self, f) != getattr(default, f)]
            if changed:
                raise ValueError(
                    f"{', '.join(changed)} {'does' if len(changed) == 1 else 'do'} not apply to onehot; leave it out"
                )
        return self

    def resolve_dim(self, num_classes: int) -> int:
        """Label dimension K for this many classes.

        Raises:
            ConfigError: K would be larger than :data:`MAX_LABEL_DIM`.
        """
        if self.name == "onehot":
            return num_classes
        k = int(self.dim[:-1]) * num_classes if self.dim.endswith("x") else int(self.dim)
        if k > MAX_LABEL_DIM:
            raise ConfigError(
                [("method.dim", f"{self.dim!r} gives K = {k:,} for {num_classes} classes; at most {MAX_LABEL_DIM:,}")]
            )
        return k

    def label(self) -> str:
        """Name for tables and legends: what differs from the paper's settings is written out."""
        if self.name == "onehot":
            return METHOD_TITLES["onehot"]
        title = {"1x": "LwAL", "10x": "LwAL10"}.get(self.dim, f"LwAL (K={self.dim.replace('x', ' C')})")
        default = MethodConfig()
        extras = [
            (
                self.push_weight != default.push_weight,
                "no push" if self.push_weight == 0 else f"push {self.push_weight:g}",
            ),
            (self.stationary_steps != 1, f"every {self.stationary_steps} steps"),
            (self.warmup_steps != 0, f"warm-up {self.warmup_steps}"),
            (self.decay != 1.0, f"decay {self.decay:g}"),
            (self.leave_one_out, "own sample left out"),
        ]
        return ", ".join([title, *(text for on, text in extras if on)])


class TrainingConfig(_Part):
    """Optimisation, and how the accuracy is taken."""

    epochs: int = Field(10, ge=1, le=10_000, description="Passes over the training data (1 to 10,000; the paper's 10).")
    batch_size: int = Field(
        64, ge=2, le=65_536, description="Samples a step (2 to 65,536). LwAL's class means come from one batch: several "
        "samples of every class a batch keep them steady (the paper's 50 a class).",
    )  # fmt: skip
    learning_rate: float = Field(1e-3, gt=0.0, le=10.0, description="Step size of the optimiser (above 0, up to 10).")
    optimizer: Literal["adam", "adamw", "sgd"] = Field(
        "adam", description="adam (the paper's), adamw, or sgd with momentum 0.9."
    )
    weight_decay: float = Field(0.0, ge=0.0, le=1.0, description="Weight decay (0 to 1).")
    seed: int = Field(
        12, ge=0, le=2**31 - 1, description="Seed of the initial weights, the order of the samples and dropout. "
        "Two runs with one seed are equal bit for bit on the CPU.",
    )  # fmt: skip
    device: str = Field(
        "auto", pattern=r"^(auto|cpu|mps|cuda(:[0-9]{1,2})?)$", description="auto (a GPU if there is one), cpu, cuda, cuda:N or mps.",
    )  # fmt: skip
    consolidation_per_class: int = Field(
        200, ge=1, le=1_000_000, description="Training samples a class from which the consolidated labels (class means in "
        "evaluation mode) are taken after each epoch.",
    )  # fmt: skip


class RunConfig(_Part):
    """Everything that decides what a training does. Equal configurations give equal results on one machine's CPU."""

    data: DataConfig = DataConfig()
    encoder: EncoderConfig = EncoderConfig()
    method: MethodConfig = MethodConfig()
    training: TrainingConfig = TrainingConfig()

    @classmethod
    def parse(cls, values: dict[str, Any]) -> RunConfig:
        """Validate nested plain values, e.g. ``{"data": {"name": "digits"}, "method": {"name": "lwal", "dim":
        "10x"}}``.

        Raises:
            ConfigError: with every problem at once in ``.problems``.
        """
        try:
            return cls.model_validate(values)
        except ValidationError as error:
            raise ConfigError([_problem(e) for e in error.errors(include_url=False)]) from None

    def to_dict(self) -> dict[str, Any]:
        """Nested plain values; :meth:`parse` reads them back."""
        return self.model_dump(mode="json")

    def group_key(self) -> str:
        """12 hexadecimal digits that are equal for runs that differ in nothing but the training seed and the device."""
        values = self.to_dict()
        del values["training"]["seed"], values["training"]["device"]
        return hashlib.sha256(orjson.dumps(values, option=orjson.OPT_SORT_KEYS)).hexdigest()[:12]

    def workload(self) -> str:
        """Key shared by configurations whose epochs take equally long: the same data, encoder, method, batch and
        device."""
        values = self.to_dict()
        values["training"] = {key: values["training"][key] for key in ("batch_size", "device", "optimizer")}
        return hashlib.sha256(orjson.dumps(values, option=orjson.OPT_SORT_KEYS)).hexdigest()[:12]

    def method_label(self) -> str:
        """Name of the label method for tables and legends, e.g. ``"LwAL10, push 1"``."""
        return self.method.label()

    def with_seed(self, seed: int) -> RunConfig:
        """The same configuration with another training seed."""
        return RunConfig.parse({**self.to_dict(), "training": {**self.training.model_dump(), "seed": seed}})


def differences(
    configs: list[RunConfig], *, ignore: tuple[str, ...] = ("training.seed", "training.device")
) -> dict[str, list[Any]]:
    """Which options differ between configurations.

    Returns:
        ``"part.option" -> values in the order of the configurations``, only for options that are not all equal.
    """
    flat = [
        {f"{part}.{key}": value for part, options in c.to_dict().items() for key, value in options.items()}
        for c in configs
    ]
    keys = [key for key in (flat[0] if flat else {}) if key not in ignore]
    return {key: [row[key] for row in flat] for key in keys if len({repr(row[key]) for row in flat}) > 1}


def _problem(error: Any) -> tuple[str, str]:
    """One pydantic error as ``(field, sentence)`` in our voice."""
    field = ".".join(str(part) for part in error["loc"])
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
        return field, f"unknown option {error['loc'][-1]!r}"
    if kind == "value_error":
        return field, str(context.get("error", error["msg"]))
    if kind in bounds:
        key, words = bounds[kind]
        return field, f"{given!r} is out of range; it must be {words} {context[key]:,}"
    if kind == "literal_error":
        return field, f"{given!r} is not known; use {context['expected']}"
    if kind == "string_pattern_mismatch":
        rule = (
            "a number or a multiple of the classes such as 10x"
            if field.endswith("dim")
            else "auto, cpu, mps, cuda or cuda:N"
        )
        return field, f"{given!r} is not allowed; it must be {rule}"
    return field, f"{given!r}: {re.sub('^Input', 'it', error['msg'])}"
