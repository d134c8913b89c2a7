"""Label dimension as configurations write it: a number, or a multiple of the number of classes."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, StringConstraints

from lwal_core.config.base.method import MAX_LABEL_DIM
from lwal_core.errors import ConfigError


def _text(dim: object) -> object:
    return str(dim) if isinstance(dim, int) and not isinstance(dim, bool) else dim


LabelDim = Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]{0,5}x?$"), BeforeValidator(_text)]
"""``"64"`` or ``"10x"``; a whole number is taken, too."""


def label_dim(dim: str, num_classes: int, option: str) -> int:
    """Label dimension K for this many classes.

    Args:
        dim: A :data:`LabelDim`.
        num_classes: C.
        option: The field's name, for the message.

    Raises:
        ConfigError: K would be larger than :data:`~lwal_core.config.base.method.MAX_LABEL_DIM`.
    """
    k = int(dim[:-1]) * num_classes if dim.endswith("x") else int(dim)
    if k > MAX_LABEL_DIM:
        raise ConfigError(
            [(f"method.{option}", f"{dim!r} gives K = {k:,} for {num_classes} classes; at most {MAX_LABEL_DIM:,}")]
        )
    return k
