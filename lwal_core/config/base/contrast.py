"""Options that losses on directions share: the temperature of their softmax, and the width of the projection."""

from __future__ import annotations

from typing import Any

from pydantic import Field


def temperature_field() -> Any:
    """The field ``contrast_temperature``, the same in every method that has it."""
    return Field(
        0.1, ge=0.01, le=10.0, title="Temperature of the contrast", json_schema_extra={"term": "Contrast"},
        description="Cosines are divided by this before the softmax (0.01 to 10; 0.1 in the papers). Smaller values look at the nearest "
        "samples alone.",
    )  # fmt: skip


def projection_field() -> Any:
    """The field ``projection_dim``, the same in every method that has it."""
    return Field(
        "128", title="Projection dimension", description="Dimension K of the embeddings that are compared, which have length 1: a number "
        "(128 in the paper on SupCon), or a multiple of the number of classes such as 10x.",
    )  # fmt: skip
