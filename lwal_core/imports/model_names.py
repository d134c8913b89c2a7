"""Class names that lie beside a checkpoint: ``config.json`` of transformers and timm, and the order of ImageNet's classes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import orjson

from lwal_core.imports.names import MAX_NAMES, as_names
from lwal_core.taxonomy import load_taxonomy

CONFIG = "config.json"
MAX_CONFIG_BYTES = 16 * 2**20
IMAGENET = "imagenet"
"""What stands for the names of ImageNet's classes where names are given."""
IMAGENET_CLASSES = 1_000
_KEYS = ("id2label", "label_names", "class_names", "label2id")
_PARTS = ("pretrained_cfg", "model_args")
_UNNAMED = re.compile(r"(LABEL|class)[_ ]?\d+", re.I)  # what transformers writes where nobody gave names


def names_in_config(file: Path, count: int) -> tuple[tuple[str, ...] | None, tuple[str, ...]]:
    """Class names from ``config.json`` in the folder of a checkpoint.

    Args:
        file: The checkpoint.
        count: Its classes.

    Returns:
        The names, or None where there are none that fit; and sentences about those that do not.
    """
    config = file.parent / CONFIG
    try:
        if not config.is_file() or config.stat().st_size > MAX_CONFIG_BYTES:
            return None, ()
        content = orjson.loads(config.read_bytes())
    except (OSError, ValueError):
        return None, (f"{CONFIG} beside it cannot be read and is left aside.",)
    if not isinstance(content, Mapping):
        return None, ()
    for part in (content, *(content[key] for key in _PARTS if isinstance(content.get(key), Mapping))):
        for key in _KEYS:
            value = part.get(key)
            listed = isinstance(value, Mapping | list) and 0 < len(value) <= MAX_NAMES
            names = as_names(value) if listed else None
            if names is None or all(_UNNAMED.fullmatch(name) for name in names):
                continue
            if len(names) == count:
                return tuple(names), ()
            return None, (f"{CONFIG} beside it names {len(names):,} classes, which do not fit {count:,} vectors.",)
    return None, ()


def imagenet_names() -> tuple[str, ...]:
    """The names of ImageNet's 1,000 classes in the order of their numbers."""
    return load_taxonomy(IMAGENET).classes


def given_names(given: Sequence[str], count: int) -> Sequence[str]:
    """Names as somebody gave them; the word ``imagenet`` alone stands for those of ImageNet's 1,000 classes."""
    alone = len(given) == 1 and given[0].strip().lower() == IMAGENET
    return imagenet_names() if alone and count == IMAGENET_CLASSES else given


def imagenet_note(count: int) -> tuple[str, ...]:
    """The offer of ImageNet's names for as many classes without a name."""
    if count != IMAGENET_CLASSES:
        return ()
    return (
        f"ImageNet has {count:,} classes, too: the word {IMAGENET} in the place of the names gives its names in its order.",
    )
