"""The published weights of EfficientNet-Lite0 under the names that they have in timm's ``tf_efficientnet_lite0``."""

from __future__ import annotations

import re
from collections.abc import Mapping

from torch import Tensor

_REPEATS = (1, 2, 2, 3, 3, 4, 1)
"""Blocks of each of the seven stages."""
_TOP = {"_conv_stem": "conv_stem", "_bn0": "bn1", "_conv_head": "conv_head", "_bn1": "bn2", "_fc": "classifier"}
_INNER = {
    "_expand_conv": "conv_pw", "_bn0": "bn1", "_depthwise_conv": "conv_dw", "_bn1": "bn2", "_project_conv": "conv_pwl",
    "_bn2": "bn3",
}  # fmt: skip
_FIRST = {"_depthwise_conv": "conv_dw", "_bn1": "bn1", "_project_conv": "conv_pw", "_bn2": "bn2"}
_BLOCK = re.compile(r"_blocks\.(\d+)\.(_\w+)\.(\w+)")


def is_lite0(state: Mapping[str, Tensor]) -> bool:
    """Whether these are the published weights, by their names."""
    return "_conv_stem.weight" in state and "_blocks.15._bn2.weight" in state and "_blocks.16._bn2.weight" not in state


def lite0_for_timm(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights by timm's names."""
    places = [f"{stage}.{repeat}" for stage, repeats in enumerate(_REPEATS) for repeat in range(repeats)]
    renamed = {}
    for name, value in state.items():
        found = _BLOCK.fullmatch(name)
        if found:
            block, part, leaf = int(found[1]), found[2], found[3]
            renamed[f"blocks.{places[block]}.{(_INNER if block else _FIRST)[part]}.{leaf}"] = value
        else:
            part, _, leaf = name.partition(".")
            renamed[f"{_TOP.get(part, part)}.{leaf}"] = value
    return renamed
