"""Optional packages of the integrations."""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from lwal_core.errors import LwalError


class MissingPackageError(LwalError, ImportError):
    """A package is not installed."""


def needed(*modules: str) -> Any:
    """A module that an integration stands on.

    Args:
        *modules: Its names, the usual one first; one that the program has imported already is preferred.

    Raises:
        MissingPackageError: None is installed; the message says which to install.
    """
    tops = {name: name.partition(".")[0] for name in modules}
    names = sorted(modules, key=lambda name: tops[name] not in sys.modules)  # stable: else the order as it is given
    for name in names:
        if tops[name] in sys.modules or find_spec(tops[name]) is not None:
            return import_module(name)
    package = tops[modules[0]]
    raise MissingPackageError(f"{package} is not installed.", f"pip install {package}.")
