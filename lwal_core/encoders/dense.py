"""The paper's encoder for precomputed features: one dense layer (arXiv:2209.04528, section 4)."""

from __future__ import annotations

from torch import Tensor, nn


class DenseEncoder(nn.Module):
    """Linear layer, ReLU, batch norm, dropout.

    Args:
        in_features: Length of a feature vector; images are flattened.
        hidden: Units.
        dropout: Share of units dropped in training mode.

    Attributes:
        out_features: Equal to ``hidden``.
    """

    def __init__(self, in_features: int, hidden: int = 768, dropout: float = 0.1) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Flatten(),
            nn.Linear(in_features, hidden),
            nn.ReLU(inplace=True),
            nn.BatchNorm1d(hidden),
            nn.Dropout(dropout),
        )
        self.out_features = hidden

    def forward(self, x: Tensor) -> Tensor:
        """Features ``[B,hidden]`` of normalised samples ``[B,...]`` with ``in_features`` numbers each."""
        out: Tensor = self.layers(x)
        return out
