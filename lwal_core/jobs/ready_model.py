"""Runs that analyse a ready model: created, and repeated with changes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from lwal_core.config import DataConfig, ReadyModelConfig, RunConfig
from lwal_core.errors import ConfigError
from lwal_core.runs import Run, create_run
from lwal_core.security.permissions import check_writable

ABOUT_A_MODEL = "config.json"
"""File that a folder with a model of transformers has."""
_CHANGEABLE = {"data": None, "training": {"seed", "device"}}


def create_analysis(
    ready: ReadyModelConfig,
    data: DataConfig,
    *,
    seed: int = 0,
    device: str = "auto",
    name: str = "",
    home: str | os.PathLike[str] | None = None,
) -> Run:
    """Make the folder of a new, queued run that embeds a data set with a model as it is.

    Args:
        ready: The model; paths in it are relative to the working directory.
        data: The data.
        seed: Of random weights.
        device: As in a training.
        name: A name for people; one is made of model and data where it is empty.
        home: Where; default ``$LWAL_HOME`` or ``./var``.

    Raises:
        ReadOnlyError: Nothing may be changed here.
        ConfigError: The data are no images, or a value is out of its range.
    """
    check_writable("analyse a model")
    config = ready.run_config(data, seed=seed, device=device)
    return create_run(config, name=name or ready.run_name(data), home=home, ready_model=with_absolute_paths(ready))


def with_absolute_paths(ready: ReadyModelConfig) -> ReadyModelConfig:
    """The same model wherever its process runs: a file of weights and a folder with a model by their absolute paths."""
    changes: dict[str, Any] = {}
    if ready.weights is not None and not ready.random:
        changes["weights"] = _absolute(ready.weights)
    source, _, place = ready.model.partition(":")
    folder = _absolute(place)
    if source == "hf" and os.path.isfile(os.path.join(folder, ABOUT_A_MODEL)):
        changes["model"] = f"{source}:{folder}"
    return ReadyModelConfig.parse(ready.model_dump() | changes) if changes else ready


def changed_analysis(run: Run, changes: dict[str, dict[str, object]]) -> RunConfig:
    """Configuration of an analysis with other data, seed or device.

    Raises:
        ConfigError: Something else is to be changed, or the changed options are no configuration.
    """
    ready = run.record.ready_model
    assert ready is not None
    for part, options in changes.items():
        allowed = _CHANGEABLE.get(part, set())
        for option in options:
            if allowed is not None and option not in allowed:
                raise ConfigError([(f"{part}.{option}", "an analysis has its data, a seed and a device; leave it out")])
    values = run.config.to_dict()
    training = values["training"] | changes.get("training", {})
    base = RunConfig.parse({"data": values["data"] | changes.get("data", {}), "training": {**training}})
    return ready.run_config(base.data, seed=base.training.seed, device=base.training.device)


def _absolute(path: str) -> str:
    try:
        return str(Path(path).expanduser().resolve())
    except (OSError, ValueError, RuntimeError):  # a loop of links, an unknown user's home
        return path  # refused when it is read
