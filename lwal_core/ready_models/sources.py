"""Where a model comes from: ``timm:NAME``, ``torchvision:NAME``, ``hf:ORG/REPO`` or ``hf:FOLDER``."""

from __future__ import annotations

from lwal_core.config import MODEL_SOURCES
from lwal_core.errors import TrainingError
from lwal_core.ready_models.model import ReadyModel


def load_model(name: str, weights: str | None = None, seed: int = 0) -> ReadyModel:
    """Build the model that a name stands for.

    Args:
        name: ``timm:NAME``, ``torchvision:NAME``, ``hf:ORG/REPO`` or ``hf:FOLDER``.
        weights: A file, ``"random"``, or None for the published ones, looked for on this machine first.
        seed: Of random weights.

    Raises:
        TrainingError: It names no model, or the model cannot be had; the message says which file to put where.
    """
    source, _, rest = name.strip().partition(":")
    if source not in MODEL_SOURCES or not rest:
        raise TrainingError(
            f"{name[:120]!r} names no model.", "Write timm:NAME, torchvision:NAME, hf:ORG/REPO or hf:FOLDER."
        )
    if source == "timm":
        from lwal_core.ready_models.timm_models import load_timm

        return load_timm(rest, weights, seed)
    if source == "torchvision":
        from lwal_core.ready_models.torchvision_models import load_torchvision

        return load_torchvision(rest, weights, seed)
    from lwal_core.ready_models.hub_models import load_hub

    return load_hub(rest, weights, seed)
