"""LwAL Explorer's library: train classifiers with learned label representations and study what the labels mean.

Importing this package is cheap: the names below are loaded when they are first used, and only :mod:`.methods`, :mod:`.encoders`,
:mod:`.data`, :mod:`.training`, :mod:`.inference_server`, :mod:`.torch_programs` and :mod:`.integrations` import torch. Types of
the names stand in ``__init__.pyi``.
"""

from importlib import import_module

__version__ = "0.1.0"

_PLACES = {
    "Recorder": "lwal_core.recording",
    "resume_run": "lwal_core.recording",
    "start_run": "lwal_core.recording",
    "compare": "lwal_core.notebook",
    "list_runs": "lwal_core.notebook",
    "open_run": "lwal_core.notebook",
}
"""Module of each name, loaded when it is first asked for."""

__all__ = ["Recorder", "compare", "list_runs", "open_run", "resume_run", "start_run"]


def __getattr__(name: str) -> object:
    if name not in _PLACES:
        raise AttributeError(f"module 'lwal_core' has no attribute {name!r}")
    value = getattr(import_module(_PLACES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_PLACES})
