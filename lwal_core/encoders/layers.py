"""Layers of a backbone in order, for frozen parts and rates by layer.

Which parameters are which layer is said by patterns of their names, as timm's ``group_matcher`` gives them; the backbones of
torchvision and of transformers have patterns of the same form here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import nn

from lwal_core.encoders.still import KeepsStill
from lwal_core.errors import TrainingError

WITH_THE_ONE_BEFORE = (99_999,)
"""Suffix of a pattern whose parameters belong to the layer before them; timm's ``MATCH_PREV_GROUP``."""

MATCHERS: dict[str, dict[str, Any]] = {
    "resnet": {"stem": r"^(?:conv1|bn1)\.", "blocks": r"^layer(\d+)\.(\d+)"},
    "densenet": {
        "stem": r"^features\.(?:conv0|norm0)\.",
        "blocks": [
            (r"^features\.denseblock(\d+)\.denselayer(\d+)", None),
            (r"^features\.transition(\d+)", WITH_THE_ONE_BEFORE),
        ],
    },
    "efficientnet": {"stem": r"^0\.", "blocks": [(r"^([1-7])\.(\d+)", None), (r"^8\.", WITH_THE_ONE_BEFORE)]},
    "lite0": {"stem": r"^stem\.", "blocks": [(r"^blocks\.(\d+)", None), (r"^head\.", WITH_THE_ONE_BEFORE)]},
    "transformers": {
        "stem": r"^(?!.*\b(?:layers?|blocks?|stages?)\.\d).*?(?:embed|conv_stem|\bstem)",
        "blocks": r"^.*?\b(?:layers?|blocks?|stages?|h)\.(\d+)(?:\.(?:layers?|blocks?)\.(\d+))?",
    },
}
"""Patterns by family, each applied to the parameters' names in the network. Stems come first: a name is what the first
pattern that fits it says."""


@dataclass(frozen=True)
class Layers:
    """The layer of every parameter of a network.

    Attributes:
        number: By the parameter's name in the network; 0 is the stem, a number more is a layer later.
        last: Number of what follows the last block, which the head belongs to.
    """

    number: Mapping[str, int]
    last: int

    def kept(self, freeze: str) -> set[str]:
        """Names of the parameters that stay.

        Args:
            freeze: ``"stem"`` or ``"blocks"``.
        """
        return {
            name for name, number in self.number.items() if number == 0 or (freeze == "blocks" and number < self.last)
        }


def layers_of(names: Iterable[str], matcher: Mapping[str, Any] | Callable[[str], Any]) -> Layers:
    """Number the layers of a network.

    Args:
        names: Of its parameters.
        matcher: A pattern, or a list of patterns with suffixes, for ``"stem"`` and for ``"blocks"``; what is in a pattern's
            groups are whole numbers that order the blocks. Or a function from a name to a number.
    """
    if not isinstance(matcher, Mapping):
        given = {name: float(matcher(name)) for name in names}
        after = float(matcher("head.weight"))
        order = {number: place for place, number in enumerate(sorted({*given.values(), after}))}
        return Layers({name: order[number] for name, number in given.items()}, order[after])
    patterns: list[tuple[re.Pattern[str], tuple[float, ...], tuple[float, ...] | None]] = [
        (re.compile(pattern), (float(place),), suffix)
        for place, given in enumerate(matcher.values())
        if given is not None
        for pattern, suffix in ([(given, None)] if isinstance(given, str) else given)
    ]
    places: dict[str, tuple[float, ...]] = {}
    for name in names:
        for pattern, place, suffix in patterns:
            if found := pattern.match(name):
                groups = tuple(float(group) for group in found.groups() if group is not None)
                places[name] = (*place, *groups, *(suffix or ()))
                break
        else:
            places[name] = (float("inf"),)
    numbers: dict[tuple[float, ...], int] = {}
    number = -1
    for place in sorted(set(places.values())):
        if number < 0 or place[-1] != WITH_THE_ONE_BEFORE[0]:
            number += 1
        numbers[place] = number
    after = numbers.get((float("inf"),), number + 1)
    return Layers({name: numbers[place] for name, place in places.items()}, after)


def encoder_layers(encoder: nn.Module) -> Layers:
    """Layers of an encoder's parameters, by their names in the encoder.

    Raises:
        TrainingError: It is no backbone, or its library does not say which parts are its stem and its blocks.
    """
    prefix, network, matcher = encoder.layered() if isinstance(encoder, KeepsStill) else ("", encoder, None)
    if not matcher:
        raise TrainingError(
            "The layers of this encoder are not known, so that none can be kept or have a rate of its own.",
            "Leave out freeze and layer_decay.",
        )
    found = layers_of([name for name, _ in network.named_parameters()], matcher)
    return Layers({prefix + name: number for name, number in found.number.items()}, found.last)


def freeze_parts(encoder: nn.Module, freeze: str) -> None:
    """Keep parts of an encoder as they are: no gradient, and batch norm in evaluation mode whatever the encoder's is.

    Args:
        encoder: A backbone.
        freeze: ``"none"``, ``"stem"``, ``"blocks"`` or ``"all-but-norm"``.

    Raises:
        TrainingError: The encoder's layers are not known.
    """
    if freeze == "none":
        return
    if not isinstance(encoder, KeepsStill):
        raise TrainingError(f"freeze {freeze} takes a backbone; {type(encoder).__name__} is none.", "Leave out freeze.")
    normalising = {name: module for name, module in encoder.named_modules() if "Norm" in type(module).__name__}
    if freeze == "all-but-norm":
        learning = {
            f"{name}.{own}" for name, module in normalising.items() for own, _ in module.named_parameters(recurse=False)
        }
        kept = {name for name, _ in encoder.named_parameters()} - learning
    else:
        kept = encoder_layers(encoder).kept(freeze)
    for name, parameter in encoder.named_parameters():
        if name in kept:
            parameter.requires_grad_(False)
    encoder.kept_still = tuple(
        module
        for module in normalising.values()
        if getattr(module, "running_mean", None) is not None
        and not any(parameter.requires_grad for parameter in module.parameters(recurse=False))
    )
    encoder.train(encoder.training)
