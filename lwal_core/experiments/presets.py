"""Presets: the protocol of the paper's experiments (arXiv:2209.04528, section 4), lwal-plus, and the pictograms.

A preset of the paper says everything but the label method, which is what one compares; the method's own options are the
paper's by default (:class:`lwal_core.config.MethodConfig`). ``paper-fair/`` has the same training, and accuracies in evaluation
mode instead of the scripts' batch statistics. Those of text and AwA2 stand for a
feature file, whose layout is in docs/experiments.md. ``lwal-plus`` says the label method alone; those of the
pictograms, which come along and train in a minute, say everything.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from lwal_core.config import PAPER_SEEDS
from lwal_core.errors import ConfigError

PAPER_BATCH_PER_CLASS = 50
"""Samples of each class in an average batch: label updates take class means from one batch."""


@dataclass(frozen=True)
class Preset:
    """Settings under one name.

    Attributes:
        name: Such as ``"paper/cifar10-resnet50"``.
        title: For people, such as ``"CIFAR-10, ResNet-50"``.
        seeds: Training seeds of the experiment.
    """

    name: str
    title: str
    seeds: tuple[int, ...]
    _values: Mapping[str, Mapping[str, Any]]

    def values(self) -> dict[str, dict[str, Any]]:
        """Nested plain values for :meth:`lwal_core.config.RunConfig.parse`, without a seed; a copy."""
        return {part: copy.deepcopy(dict(options)) for part, options in self._values.items()}


class _Data(NamedTuple):
    title: str
    classes: int
    image_size: int  # 28 x 28 is enlarged to 56, everything else is 32
    epochs: int


class _Encoder(NamedTuple):
    title: str
    learning_rate: float


_DATA = {
    "mnist": _Data("MNIST", 10, 56, 10),
    "fashion_mnist": _Data("Fashion-MNIST", 10, 56, 10),
    "cifar10": _Data("CIFAR-10", 10, 32, 10),
    "cifar100": _Data("CIFAR-100", 100, 32, 20),
    "food101": _Data("Food-101", 101, 32, 20),
}
_ENCODERS = {
    "resnet50": _Encoder("ResNet-50", 1e-4),
    "efficientnet_b0": _Encoder("EfficientNet-B0", 1e-3),
    "densenet121": _Encoder("DenseNet-121", 1e-4),
}


_READINGS = {"paper": "batch_statistics", "paper-fair": "running_means"}
"""What batch norm takes when accuracies are measured: as the authors' scripts do it, and as one who uses the network has it."""


def _paper(family: str, data: str, encoder: str) -> Preset:
    facts, network = _DATA[data], _ENCODERS[encoder]
    return Preset(
        name=f"{family}/{data}-{encoder}",
        title=f"{facts.title}, {network.title}",
        seeds=PAPER_SEEDS,
        _values={
            "data": {"name": data, "image_size": facts.image_size},
            "encoder": {"name": encoder, "pretrained": True, "flatten": True},
            "training": {
                "epochs": facts.epochs,
                "batch_size": PAPER_BATCH_PER_CLASS * facts.classes,
                "learning_rate": network.learning_rate,
                "optimizer": "adam",
                "weight_decay": 0.0,
                "schedule": "constant",
                "evaluation": _READINGS[family],
            },
        },
    )


class _Vectors(NamedTuple):
    title: str
    classes: int  # AwA2: those of its 50 that the paper compares with WordNet


_VECTORS = {
    "imdb-bert": _Vectors("IMDB, BERT vectors", 2),
    "yelp-bert": _Vectors("Yelp polarity, BERT vectors", 2),
    "awa2-resnet101": _Vectors("AwA2, ResNet-101 features", 23),
}


def _paper_vectors(family: str, data: str) -> Preset:
    facts = _VECTORS[data]
    return Preset(
        name=f"{family}/{data}",
        title=f"{facts.title}, from the file {data}.npz",
        seeds=PAPER_SEEDS,
        _values={
            "data": {"name": f"features:{data}.npz"},
            "encoder": {"name": "dense", "hidden": 768, "dropout": 0.1},
            "training": {
                "epochs": 10,
                "batch_size": PAPER_BATCH_PER_CLASS * facts.classes,
                "learning_rate": 1e-4,
                "optimizer": "adam",
                "weight_decay": 0.0,
                "schedule": "constant",
                "evaluation": _READINGS[family],
            },
        },
    )


LWAL_PLUS = Preset(
    name="lwal-plus",
    title="LwAL10 without push, own sample left out; any data",
    seeds=PAPER_SEEDS,
    _values={"method": {"name": "lwal", "dim": "10x", "push_weight": 0.0, "leave_one_out": True}},
)
"""The variant of LwAL that was fastest in docs/science/speed.md, where its limits stand too."""

_PICTOGRAM_METHODS: dict[str, tuple[str, dict[str, Any]]] = {
    "one-hot": ("one-hot", {"name": "onehot"}),
    "smoothing": ("label smoothing", {"name": "smoothing"}),
    "lwal": ("LwAL", {"name": "lwal"}),
    "lwal10": ("LwAL10", {"name": "lwal", "dim": "10x"}),
    "lwal-plus": ("LwAL10 without push, own sample left out", LWAL_PLUS.values()["method"]),
    "hybrid": ("head and learned labels", {"name": "hybrid"}),
}


def _pictograms(name: str) -> Preset:
    title, method = _PICTOGRAM_METHODS[name]
    return Preset(
        name=f"pictograms/{name}",
        title=f"Pictograms, small CNN, {title}",
        seeds=PAPER_SEEDS,
        _values={
            "data": {"name": "pictograms", "augment": "crop_flip"},
            "method": method,
            "training": {"epochs": 15, "batch_size": 128, "learning_rate": 3e-3, "optimizer": "adam"},
        },
    )


PRESETS: dict[str, Preset] = {
    preset.name: preset
    for preset in (
        *(_paper("paper", data, encoder) for data in _DATA for encoder in _ENCODERS),
        *(_paper_vectors("paper", data) for data in _VECTORS),
        *(_paper("paper-fair", data, encoder) for data in _DATA for encoder in _ENCODERS),
        *(_paper_vectors("paper-fair", data) for data in _VECTORS),
        LWAL_PLUS,
        *map(_pictograms, _PICTOGRAM_METHODS),
    )
}
"""By name."""


def get_preset(name: str) -> Preset:
    """A preset by its name.

    Raises:
        ConfigError: There is none of this name.
    """
    if name not in PRESETS:
        raise ConfigError(
            [("preset", f"{name!r} is not known; names look like {next(iter(PRESETS))}")],
            "`lwal presets` lists them all.",
        )
    return PRESETS[name]


def merge_options(
    below: Mapping[str, Mapping[str, Any]], above: Mapping[str, Mapping[str, Any]]
) -> dict[str, dict[str, Any]]:
    """Nested values of a configuration, option by option from ``above`` where it has one and else from ``below``."""
    parts = dict.fromkeys([*below, *above])
    return {part: {**below.get(part, {}), **above.get(part, {})} for part in parts}
