"""Torch's optimisers without their wrappers for compilation, which a step that is not compiled has no use for.

Every process that takes one step would load the compiler of torch for them: a second or more, and as long again where the disk
is slow. The steps themselves are torch's own.
"""

from __future__ import annotations

import inspect
from typing import TypeVar

import torch

Kind = TypeVar("Kind", bound=type[torch.optim.Optimizer])

_WRAPPED = ("add_param_group", "zero_grad", "state_dict", "load_state_dict")


def eager(kind: Kind) -> Kind:
    """A class of torch's as a subclass whose functions are the ones inside the wrappers.

    Args:
        kind: One whose steps are not differentiated themselves, such as ``torch.optim.Adam``.

    Returns:
        A class of the same name; its steps give the same parameters, bit by bit.
    """
    functions = {name: inspect.unwrap(getattr(kind, name)) for name in _WRAPPED}
    body = {**functions, "step": torch.no_grad()(inspect.unwrap(kind.step))}
    return type(kind.__name__, (kind,), body)  # type: ignore[return-value]


SGD, Adam, AdamW = eager(torch.optim.SGD), eager(torch.optim.Adam), eager(torch.optim.AdamW)
