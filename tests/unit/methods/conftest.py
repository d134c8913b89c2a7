"""What the tests of label methods share."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from lwal_core.methods import StepContext


@pytest.fixture
def context() -> Callable[..., StepContext]:
    """Facts of a step; what a test does not name has no influence on the method that it tests."""

    def make(
        rows: list[int] | Tensor = (), features: Tensor | None = None, epoch: int = 1, epochs: int = 10
    ) -> StepContext:
        features = torch.zeros(len(rows), 1) if features is None else features
        return StepContext(torch.as_tensor(rows, dtype=torch.long), features, epoch, epochs)

    return make
