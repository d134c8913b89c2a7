"""From what the training form holds to run configurations, and to the same thing as command lines. No Streamlit."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, field
from typing import Any

from lwal_core.config import PAPER_SEEDS, PATH_DATA, RunConfig
from lwal_core.errors import ConfigError

SOURCES = {"digits": "Digits", "shapes": "Shapes", "folder:": "Image folder", "features:": "Feature file"}
METHODS: dict[str, dict[str, str]] = {
    "One-hot": {"name": "onehot"},
    "LwAL": {"name": "lwal", "dim": "1x"},
    "LwAL10": {"name": "lwal", "dim": "10x"},
}
LABEL_OPTIONS = ("push_weight", "stationary_steps", "warmup_steps", "decay", "leave_one_out")
MAX_RUNS_PER_SUBMISSION = 50
"""Methods times seeds in one go; a queue longer than this is better made by several commands."""


@dataclass(frozen=True)
class FormValues:
    """The form as it stands; every value may be anything a browser sent."""

    source: str = "digits"
    path: str = ""
    methods: tuple[str, ...] = ("One-hot", "LwAL10")
    seeds: str = ", ".join(map(str, PAPER_SEEDS))
    name: str = ""
    data: dict[str, Any] = field(default_factory=dict)
    encoder: dict[str, Any] = field(default_factory=dict)
    labels: dict[str, Any] = field(default_factory=dict)
    training: dict[str, Any] = field(default_factory=dict)


PRESETS: dict[str, dict[str, Any]] = {
    "Quick look": {"source": "digits", "methods": ["LwAL"], "seeds": "12", "epochs": 5},
    "Fair comparison": {
        "source": "digits",
        "methods": ["One-hot", "LwAL", "LwAL10"],
        "seeds": "12, 123, 1234",
        "epochs": 10,
    },
    "Known tree": {"source": "shapes", "methods": ["One-hot", "LwAL10"], "seeds": "12", "epochs": 8},
    "Your images": {"source": "folder:", "methods": ["One-hot", "LwAL10"], "seeds": "12", "epochs": 10},
}
"""Starting points of the form, by the name on their chip."""


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
    if form.source in PATH_DATA:
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
        labels = form.labels if method["name"] == "lwal" else {}
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
    default = RunConfig()
    by_group: dict[str, list[RunConfig]] = {}
    for config in configs:
        by_group.setdefault(config.group_key(), []).append(config)
    lines = []
    for group in by_group.values():
        config = group[0]
        words = ["lwal", "train", "--dataset", config.data.name, "--method", config.method.name]
        options = {
            "--image-size": (config.data.image_size, default.data.image_size),
            "--per-class": (config.data.per_class, default.data.per_class),
            "--encoder": (config.encoder.name, default.encoder.name),
            "--epochs": (config.training.epochs, None),
            "--batch-size": (config.training.batch_size, default.training.batch_size),
            "--learning-rate": (config.training.learning_rate, default.training.learning_rate),
            "--optimizer": (config.training.optimizer, default.training.optimizer),
            "--device": (config.training.device, default.training.device),
        }
        if config.method.name != "onehot":
            options |= {
                "--dim": (config.method.dim, default.method.dim),
                "--push-weight": (config.method.push_weight, default.method.push_weight),
                "--stationary-steps": (config.method.stationary_steps, default.method.stationary_steps),
                "--warmup-steps": (config.method.warmup_steps, default.method.warmup_steps),
                "--decay": (config.method.decay, default.method.decay),
            }
        for option, (value, usual) in options.items():
            if value != usual:
                words += [option, f"{value:g}" if isinstance(value, float) else str(value)]
        if config.method.leave_one_out:
            words.append("--leave-one-out")
        for member in group:
            words += ["--seed", str(member.training.seed)]
        lines.append(shlex.join(words))
    return "\n".join(lines)
