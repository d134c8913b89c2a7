"""The demo: small runs on data that comes along, trained once before the app is shown."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from lwal_core.config import PAPER_SEEDS, RunConfig
from lwal_core.experiments.presets import get_preset, merge_options


class DemoData(StrEnum):
    """Data sets of the demo."""

    PICTOGRAMS = "pictograms"
    DIGITS = "digits"


METHODS: dict[DemoData, tuple[str, ...]] = {
    DemoData.PICTOGRAMS: ("one-hot", "lwal-plus"),
    DemoData.DIGITS: ("one-hot", "LwAL", "LwAL10"),
}
"""What is trained on each, as the terminal says it."""
_EPOCHS = {DemoData.PICTOGRAMS: 8, DemoData.DIGITS: 10}
_WIDTH = 16
"""Channels of the first stage on pictograms: half of the presets', a third of the time, and as far after eight epochs."""
_ON_DIGITS: tuple[dict[str, Any], ...] = ({"name": "onehot"}, {"name": "lwal"}, {"name": "lwal", "dim": "10x"})


def demo_configs(data: DemoData, epochs: int | None = None) -> list[RunConfig]:
    """The runs of the demo: every method with the paper's three seeds.

    Args:
        data: On what.
        epochs: Passes over the training data; None for as many as take a minute or two on two processor cores.

    Raises:
        ConfigError: `epochs` is out of range.
    """
    if data is DemoData.DIGITS:
        bases: list[dict[str, dict[str, Any]]] = [{"data": {"name": "digits"}, "method": m} for m in _ON_DIGITS]
    else:
        presets = [get_preset(f"pictograms/{name}").values() for name in METHODS[data]]
        bases = [merge_options(preset, {"encoder": {"width": _WIDTH}}) for preset in presets]
    length = _EPOCHS[data] if epochs is None else epochs
    return [
        RunConfig.parse(merge_options(base, {"training": {"epochs": length, "seed": seed}}))
        for base in bases
        for seed in PAPER_SEEDS
    ]
