"""Base of backbones whose parts may be frozen."""

from __future__ import annotations

from typing import Any

from torch import nn


class KeepsStill(nn.Module):
    """A backbone whose batch norms in :attr:`kept_still` stay in evaluation mode, so that their statistics do not move.

    Attributes:
        kept_still: Set by :func:`lwal_core.encoders.layers.freeze_parts`.
    """

    kept_still: tuple[nn.Module, ...] = ()

    def train(self, mode: bool = True) -> Any:
        """Training mode for everything but what is kept still."""
        super().train(mode)
        for module in self.kept_still:
            module.eval()
        return self

    def layered(self) -> tuple[str, nn.Module, Any]:
        """Start of the parameters' names, the network behind them, and the patterns of its layers, see
        :func:`lwal_core.encoders.layers.layers_of`."""
        raise NotImplementedError
