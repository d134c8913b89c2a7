"""Base of every part of a configuration: immutable, unknown options refused."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Part(BaseModel):
    """Immutable; unknown options are refused, defaults are checked like everything else."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)
