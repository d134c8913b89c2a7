"""Proxy anchor: learned label vectors, each pulled together with the samples of its class and pushed from all others.

Source: S. Kim et al., "Proxy Anchor Loss for Deep Metric Learning", CVPR 2020, arXiv:2003.13911, as the library
pytorch-metric-learning has it. The paper gives the proxies a hundred times the network's learning rate; here they have the same.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from lwal_core.errors import TrainingError
from lwal_core.methods.base import LabelLoss, LabelModule
from lwal_core.methods.losses import at_least_float32
from lwal_core.methods.reduction import gather_over_processes, rows_of_all_processes

INSTALL_HINT = "Install it with pip install 'lwal-explorer[metric]'."


class ProxyLabels(LabelModule):
    """Embeddings and one learned proxy a class, compared by angle; where a batch is split between processes, over all of it.

    Args:
        num_classes: C, at least 2.
        dim: K, at least 1; the paper's 512.
        margin: Cosine by which a sample must be nearer to its proxy, and farther from others, than 0; the paper's 0.1.
        scale: Factor of cosines before the softmax, above 0; the paper's 32.
        seed: Of the proxies. They come from a generator of their own, so that the layer that makes ``z`` starts as it does
            without them.

    Attributes:
        loss: The library's module, which has the proxies as its parameter.

    Raises:
        ValueError: An argument is out of range.
        TrainingError: The library is not installed.
    """

    def __init__(
        self, num_classes: int, dim: int = 128, margin: float = 0.1, scale: float = 32.0, *, seed: int = 0
    ) -> None:
        super().__init__()
        if num_classes < 2 or dim < 1 or not 0 < scale < torch.inf or not -1 <= margin <= 1:
            raise ValueError(
                "num_classes must be at least 2, dim at least 1, scale finite and above 0, margin in [-1, 1]; got "
                f"{num_classes}, {dim}, {scale} and {margin}"
            )
        try:
            from pytorch_metric_learning.losses import ProxyAnchorLoss  # type: ignore[import-not-found,import-untyped]
        except ImportError as error:
            raise TrainingError(
                f"Proxies need the library pytorch-metric-learning, which cannot be imported: {error}.", INSTALL_HINT
            ) from error
        self.num_classes, self.dim = num_classes, dim
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            self.loss: Any = ProxyAnchorLoss(num_classes, dim, margin=margin, alpha=scale)

    def forward(self, z: Tensor, y: Tensor) -> LabelLoss:
        """Loss of embeddings ``z [B,K]`` and classes ``y [B]``; there is no push.

        Raises:
            ValueError: ``z`` is not ``[B,dim]``.
        """
        if z.ndim != 2 or z.shape[1] != self.dim:
            raise ValueError(f"z must be [B,{self.dim}]; got {tuple(z.shape)}")
        z = at_least_float32(z)
        with torch.autocast(z.device.type, enabled=False):
            loss: Tensor = self.loss(rows_of_all_processes(z), gather_over_processes(y))
        return LabelLoss(loss, loss, loss.new_zeros(()))

    def predict(self, z: Tensor) -> Tensor:
        """Class of the proxy at the smallest angle, ``[B]``."""
        table = self.label_table()
        return (at_least_float32(z).to(table.dtype) @ table.T).argmax(dim=1)

    def label_table(self) -> Tensor:
        """The proxies at length 1, ``[C,K]``."""
        return F.normalize(self.loss.proxies.detach(), dim=1)
