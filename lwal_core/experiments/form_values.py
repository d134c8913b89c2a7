"""From what the training form holds to run configurations, and to the same thing as command lines. No Streamlit."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from typing import Any

import orjson

from lwal_core.config import METHOD_OPTIONS, PAPER_SEEDS, PATH_DATA, RunConfig
from lwal_core.errors import ConfigError
from lwal_core.experiments.presets import LWAL_PLUS

SOURCES = {
    "digits": "Digits",
    "shapes": "Shapes",
    "download": "Download",
    "folder:": "Image folder",
    "features:": "Feature file",
}
DOWNLOADS = {
    "mnist": "MNIST",
    "fashion_mnist": "Fashion-MNIST",
    "cifar10": "CIFAR-10",
    "cifar100": "CIFAR-100",
    "food101": "Food-101",
}
METHODS: dict[str, dict[str, str]] = {
    "One-hot": {"name": "onehot"},
    "LwAL": {"name": "lwal", "dim": "1x"},
    "LwAL10": {"name": "lwal", "dim": "10x"},
    "Label smoothing": {"name": "smoothing"},
    "Retrospection": {"name": "lwr"},
    "Label embedding network": {"name": "labelemb"},
    "Static labels": {"name": "static"},
}
LABEL_OPTIONS = ("push_weight", "stationary_steps", "warmup_steps", "decay", "leave_one_out", "label_vectors")
FLAGS = {
    ("data", "name"): "--dataset",
    ("data", "image_size"): "--image-size",
    ("data", "per_class"): "--per-class",
    ("encoder", "name"): "--encoder",
    ("method", "name"): "--method",
    ("method", "dim"): "--dim",
    ("method", "push_weight"): "--push-weight",
    ("method", "stationary_steps"): "--stationary-steps",
    ("method", "warmup_steps"): "--warmup-steps",
    ("method", "decay"): "--decay",
    ("method", "label_vectors"): "--label-vectors",
    ("training", "epochs"): "--epochs",
    ("training", "batch_size"): "--batch-size",
    ("training", "learning_rate"): "--learning-rate",
    ("training", "optimizer"): "--optimizer",
    ("training", "device"): "--device",
    ("training", "devices"): "--devices",
}
"""Options with a flag of their own; all others are given by ``--set``."""
ALWAYS = (("data", "name"), ("method", "name"), ("training", "epochs"))
"""Options that a command line says even where they have their default, because a reader wants to know them."""
MAX_RUNS_PER_SUBMISSION = 50
"""Methods times seeds in one go; a queue longer than this is better made by several commands."""


@dataclass(frozen=True)
class FormValues:
    """The form as it stands; every value may be anything a browser sent."""

    source: str = "digits"
    path: str = ""
    download: str = "cifar10"
    methods: tuple[str, ...] = ("One-hot", "LwAL10")
    seeds: str = ", ".join(map(str, PAPER_SEEDS))
    name: str = ""
    data: dict[str, Any] = field(default_factory=dict)
    encoder: dict[str, Any] = field(default_factory=dict)
    labels: dict[str, Any] = field(default_factory=dict)
    training: dict[str, Any] = field(default_factory=dict)


DEFAULT = RunConfig()
LWAL_PLUS_OPTIONS = {option: LWAL_PLUS.values()["method"][option] for option in ("push_weight", "leave_one_out")}
PRESETS: dict[str, dict[str, Any]] = {
    "Quick look": {"source": "digits", "methods": ["LwAL"], "seeds": "12", "epochs": 5},
    "Fair comparison": {
        "source": "digits",
        "methods": ["One-hot", "LwAL", "LwAL10"],
        "seeds": "12, 123, 1234",
        "epochs": 10,
    },
    "Known tree": {"source": "shapes", "methods": ["One-hot", "LwAL10"], "seeds": "12", "epochs": 8},
    "lwal-plus": {"methods": ["One-hot", "LwAL10"], **LWAL_PLUS_OPTIONS},
    "Your images": {"source": "folder:", "methods": ["One-hot", "LwAL10"], "seeds": "12", "epochs": 10},
}
"""Starting points of the form, by the name on their chip."""


def preset_values(name: str) -> dict[str, Any]:
    """What the form holds after a preset was chosen; ``""`` for none. What lwal-plus sets is put back by every other choice,
    the empty one as well."""
    return {**{option: getattr(DEFAULT.method, option) for option in LWAL_PLUS_OPTIONS}, **PRESETS.get(name, {})}


def parse_seeds(text: str) -> list[int]:
    """Seeds from text such as ``12, 123 1234``; each once, in order.

    Raises:
        ConfigError: Something in it is no whole number, or there is none.
    """
    words = text.replace(",", " ").replace(";", " ").split()
    if not words:
        raise ConfigError(
            [("training.seed", "no seed is given; write one or several whole numbers such as 12, 123, 1234")]
        )
    bad = [word for word in words if not (word.isascii() and word.isdigit() and len(word) <= 10)]
    if bad:
        raise ConfigError(
            [("training.seed", f"{bad[0][:40]!r} is no seed; write whole numbers from 0 on such as 12, 123, 1234")]
        )
    return list(dict.fromkeys(map(int, words)))


def configurations(form: FormValues) -> list[RunConfig]:
    """The runs that the form asks for: every method with every seed.

    Raises:
        ConfigError: with every problem at once, named by its field (``data.path``, ``method.name``, ``training.epochs``
            ...).
    """
    problems: list[tuple[str, str]] = []
    data: dict[str, Any] = {"name": form.source, **form.data}
    if form.source == "download":
        data["name"] = form.download
    elif form.source in PATH_DATA:
        if form.path.strip():
            data["name"] = form.source + form.path.strip()
        else:
            what = "folder with your images" if form.source == "folder:" else ".npz file with your features"
            problems.append(
                ("data.path", f"no path is given; write where the {what} is on the machine that runs this app")
            )
            data["name"] = "digits"
    methods = [METHODS[name] for name in form.methods if name in METHODS]
    if not methods:
        problems.append(("method.name", "no method is chosen; choose at least one"))
        methods = [METHODS["LwAL"]]
    try:
        seeds = parse_seeds(form.seeds)
    except ConfigError as error:
        problems += error.problems
        seeds = [0]
    configs: list[RunConfig] = []
    for method in methods:
        own = METHOD_OPTIONS[method["name"]]
        labels = {key: value for key, value in form.labels.items() if key in own and value not in ("", None)}
        values = {"data": data, "encoder": form.encoder, "method": {**method, **labels}}
        for seed in seeds:
            try:
                configs.append(RunConfig.parse({**values, "training": {**form.training, "seed": seed}}))
            except ConfigError as error:
                problems += [problem for problem in error.problems if problem not in problems]
    if len(methods) * len(seeds) > MAX_RUNS_PER_SUBMISSION:
        problems.append(
            (
                "training.seed",
                f"{len(methods) * len(seeds)} runs at once are too many; at most {MAX_RUNS_PER_SUBMISSION}",
            )
        )
    if problems:
        raise ConfigError(problems)
    return configs


def command_lines(configs: list[RunConfig]) -> str:
    """The same trainings as ``lwal train`` commands, one a method."""
    default = RunConfig().to_dict()
    by_group: dict[str, list[RunConfig]] = {}
    for config in configs:
        by_group.setdefault(config.group_key(), []).append(config)
    lines = []
    for group in by_group.values():
        words = ["lwal", "train"]
        for part, options in group[0].to_dict().items():
            for option, value in options.items():
                key = (part, option)
                if key == ("training", "seed") or (value == default[part][option] and key not in ALWAYS):
                    continue
                if key in FLAGS:
                    words += [FLAGS[key], f"{value:g}" if isinstance(value, float) else str(value)]
                elif key == ("method", "leave_one_out"):
                    words.append("--leave-one-out")
                else:
                    words += ["--set", f"{part}.{option}={orjson.dumps(value).decode()}"]
        for member in group:
            words += ["--seed", str(member.training.seed)]
        lines.append(shlex.join(words))
    return "\n".join(lines)
