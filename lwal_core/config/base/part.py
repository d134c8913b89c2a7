"""What the parts of a configuration have in common."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Part(BaseModel):
    """Immutable; unknown options are refused, defaults are checked like everything else."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)
