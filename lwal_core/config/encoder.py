"""Which network to train."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from lwal_core.config._part import Part


class EncoderConfig(Part):
    """The network between the input and the linear head."""

    name: Literal["auto", "small_cnn", "dense"] = Field(
        "auto", description="auto picks small_cnn for images and dense for features.",
    )  # fmt: skip
    width: int = Field(
        32, ge=4, le=512, description="Channels of the small CNN's first stage (4 to 512); each later stage has twice as many, "
        "up to four times.",
    )  # fmt: skip
    hidden: int = Field(
        768, ge=8, le=16_384, description="Units of the dense encoder's layer (8 to 16,384; the paper's 768)."
    )
    dropout: float = Field(0.1, ge=0.0, le=0.9, description="Dropout of the dense encoder (0 to 0.9; the paper's 0.1).")
