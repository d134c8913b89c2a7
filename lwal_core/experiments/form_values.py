"""Values of the training form as run configurations and as command lines. No Streamlit."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lwal_core.config import METHODS, PAPER_SEEDS, PATH_DATA, DataConfig, EncoderConfig, Option, RunConfig, run_options
from lwal_core.config.data import HUB_OPTIONS
from lwal_core.config.encoder import model_path
from lwal_core.errors import ConfigError

SOURCES = {
    "folder:": "Your images",
    "digits": "Digits",
    "shapes": "Shapes",
    "pictograms": "Pictograms",
    "download": "Download",
    "table:": "Image table",
    "shards:": "Image shards",
    "hf-data:": "Hugging Face",
    "features:": "Feature file",
}
"""Where the form takes data from, and what it is called there; a reader's own images first, then what comes along."""
DOWNLOADS = {
    "mnist": "MNIST",
    "fashion_mnist": "Fashion-MNIST",
    "cifar10": "CIFAR-10",
    "cifar100": "CIFAR-100",
    "food101": "Food-101",
}
MORE_SOURCES = {
    "download": f"{', '.join(DOWNLOADS.values())}, from their makers' servers",
    "table:": "CSV, TSV or Parquet with paths of images and their classes",
    "shards:": "WebDataset: tar files of images, read in order",
    "hf-data:": "What its cache on the machine of this app has, or a folder of the library datasets",
    "features:": "An .npz file of features, as another network made them",
}
"""Of :data:`SOURCES` those that few need, and what each is."""
WANTED = {
    "folder:": "folder with your images",
    "table:": "table of your images",
    "shards:": "pattern of your shards, such as /data/*.tar,",
    "hf-data:": "data set is, as ORG/NAME or as a folder,",
    "features:": ".npz file with your features",
}
"""What the path of a data set of one's own leads to."""
MORE_TRAINING = ("weight_decay", "schedule", "warmup_epochs", "clip_norm", "patience", "precision")
"""Options of the training that the form has one by one under *More*."""
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
    methods: tuple[str, ...] = ("One-hot", "lwal-plus")
    seeds: str = ", ".join(map(str, PAPER_SEEDS))
    name: str = ""
    data: dict[str, Any] = field(default_factory=dict)
    encoder: dict[str, Any] = field(default_factory=dict)
    labels: dict[str, Any] = field(default_factory=dict)
    training: dict[str, Any] = field(default_factory=dict)


DEFAULT = RunConfig()
_PUT_BACK = {
    **{option: getattr(DEFAULT.training, option) for option in ("batch_size", "learning_rate")},
    "augment": DEFAULT.data.augment,
}
PRESETS: dict[str, dict[str, Any]] = {
    "Quick look": {"source": "digits", "methods": ["LwAL"], "seeds": "12", "epochs": 5},
    "Fair comparison": {
        "source": "digits",
        "methods": ["One-hot", "LwAL", "LwAL10"],
        "seeds": "12, 123, 1234",
        "epochs": 10,
    },
    "Known tree": {"source": "shapes", "methods": ["One-hot", "LwAL10"], "seeds": "12", "epochs": 8},
    "Told or found": {
        "source": "shapes",
        "methods": ["One-hot", "LwAL10", "Static, equiangular labels", "Static, taxonomy labels", "CPCC"],
        "seeds": "12",
        "epochs": 8,
    },
    "Pictograms": {
        "source": "pictograms",
        "methods": ["One-hot", "lwal-plus"],
        "seeds": "12",
        "epochs": 15,
        "batch_size": 128,
        "learning_rate": 3e-3,
        "augment": "crop_flip",
    },
    "lwal-plus": {"methods": ["One-hot", "lwal-plus"]},
    "Your images": {"source": "folder:", "methods": ["One-hot", "lwal-plus"], "seeds": "12", "epochs": 10},
}
"""Starting points of the form, by the name on their chip."""


def preset_values(name: str) -> dict[str, Any]:
    """What the form holds after a preset was chosen; ``""`` for none. What the pictograms alone set is put back by
    every other choice, the empty one as well."""
    return {**_PUT_BACK, **PRESETS.get(name, {})}


def method_choices() -> dict[str, dict[str, Any]]:
    """The form's label methods: what stands on the pill, and the options that it means."""
    return {
        title: {"name": name, **variant.options}
        for name, method in METHODS.items()
        if method.trainable
        for title, variant in method.choices().items()
    }


def method_sentences(chosen: Iterable[str] | None = None) -> dict[str, str]:
    """What methods are, in one sentence each, by what stands on the pill.

    Args:
        chosen: Which, in this order; names that are no method are left out. None for all of the form's.
    """
    every = {
        title: variant.sentence
        for method in METHODS.values()
        if method.trainable
        for title, variant in method.choices().items()
    }
    return every if chosen is None else {title: every[title] for title in chosen if title in every}


def recommended_methods() -> dict[str, str]:
    """The methods to begin with, by what stands on the pill: when to take each, in a few words."""
    return {
        title: variant.when
        for method in METHODS.values()
        if method.trainable
        for title, variant in method.choices().items()
        if variant.when
    }


def label_options(chosen: Iterable[str]) -> list[Option]:
    """What the form asks for the chosen methods, which are named as on their pills; each option once."""
    choices = method_choices()
    found = [choices[title] for title in chosen if title in choices]
    return [
        option
        for option in run_options()
        if option.field.title and any(_takes(variant, option.name) for variant in found if option.part == "method")
    ]


def _takes(variant: Mapping[str, Any], option: str) -> bool:
    return METHODS[variant["name"]].takes(option, variant)


def image_options() -> list[Option]:
    """What the form asks about the images of a data set."""
    return [
        option
        for option in run_options()
        if option.part == "data" and option.field.title and option.name not in (*HUB_OPTIONS, "labels_from")
    ]


def class_options() -> list[Option]:
    """What the form asks about the classes of any data."""
    return [option for option in run_options() if (option.part, option.name) == ("data", "labels_from")]


def hub_options() -> list[Option]:
    """What the form asks about a data set that the library ``datasets`` reads."""
    return [option for option in run_options() if option.part == "data" and option.name in HUB_OPTIONS]


def backbone_options(encoder: str) -> list[Option]:
    """What the form asks about a backbone: its weights, inputs, and how it is fine-tuned; nothing for the small encoders.

    Args:
        encoder: Name of the encoder, as it was chosen or written.
    """
    try:
        config = EncoderConfig(name=encoder)
    except ValueError:
        return []
    if config.backbone is None:
        return []
    asked = {"weights", "ema_decay", "head_rate"} | (set() if config.frozen else {"freeze", "layer_decay"})
    asked |= {"input_size"} if config.frozen or config.of_library else set()
    return [option for option in run_options() if option.part in ("encoder", "training") and option.name in asked]


def training_options() -> list[Option]:
    """What the form asks about the training beside epochs, batch, optimiser and learning rate."""
    return [option for option in run_options() if option.part == "training" and option.name in MORE_TRAINING]


def names_a_file(labels: Mapping[str, Any], encoder: Mapping[str, Any] | None = None) -> bool:
    """Whether an option of a label method or of the encoder is the path of a file or a folder."""
    given = {"method": labels, "encoder": encoder or {}}
    return model_path(str(given["encoder"].get("name"))) is not None or any(
        option.extra("file")
        and str(given[option.part].get(option.name) or "").strip()
        not in ("", str(option.field.default), *(option.extra("words") or ()))
        for option in run_options()
        if option.part in given
    )


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


def data_config(form: FormValues) -> DataConfig:
    """The data that the form asks for.

    Raises:
        ConfigError: as for :func:`configurations`.
    """
    values, problems = _data_values(form)
    if problems:
        raise ConfigError(problems)
    return RunConfig.parse({"data": values}).data


def _data_values(form: FormValues) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """Values of the data's part of a configuration, and what is wrong with its path."""
    problems: list[tuple[str, str]] = []
    data: dict[str, Any] = {"name": form.source, **form.data}
    if form.source == "download":
        data["name"] = form.download
    elif form.source in PATH_DATA:
        if form.path.strip():
            data["name"] = form.source + form.path.strip()
        else:
            what = WANTED[form.source]
            problems.append(
                ("data.path", f"no path is given; write where the {what} is on the machine that runs this app")
            )
            data["name"] = "digits"
    return data, problems


def configurations(form: FormValues) -> list[RunConfig]:
    """The runs that the form asks for: every method with every seed.

    Raises:
        ConfigError: with every problem at once, named by its field (``data.path``, ``method.name``, ``training.epochs``
            ...).
    """
    data, problems = _data_values(form)
    choices = method_choices()
    methods = [choices[title] for title in form.methods if title in choices]
    if not methods:
        problems.append(("method.name", "no method is chosen; choose at least one"))
        methods = [{"name": DEFAULT.method.name}]
    try:
        seeds = parse_seeds(form.seeds)
    except ConfigError as error:
        problems += error.problems
        seeds = [0]
    configs: list[RunConfig] = []
    for method in methods:
        labels = {key: value for key, value in form.labels.items() if _takes(method, key) and value not in ("", None)}
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
    """The same trainings as ``lwal train`` commands, one per method."""
    by_group: dict[str, list[RunConfig]] = {}
    for config in configs:
        by_group.setdefault(config.group_key(), []).append(config)
    lines = []
    for group in by_group.values():
        values = group[0].to_dict()
        words = ["lwal", "train"]
        for option in run_options():
            value = values[option.part].get(option.name)
            changed = option.name in values[option.part] and value != option.field.default
            if (changed or (option.part, option.name) in ALWAYS) and option.name != "seed":
                words += _flag(option, value)
        for member in group:
            words += ["--seed", str(member.training.seed)]
        lines.append(shlex.join(words))
    return "\n".join(lines)


def _flag(option: Option, value: Any) -> list[str]:
    if isinstance(value, bool):
        return [option.flag if value else "--no-" + option.flag.removeprefix("--")]
    if value is None:  # no text stands for nothing
        return ["--set", f"{option.part}.{option.name}=null"]
    return [option.flag, f"{value:g}" if isinstance(value, float) else str(value)]
