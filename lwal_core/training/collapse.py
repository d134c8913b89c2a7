"""Neural collapse of outputs and features after an epoch, from the samples that the evaluation embeds anyway.

NC1, NC2, NC3 and CDNV are of the consolidation sample, which are training samples in evaluation mode. NC4 is of the test set, as in the
paper: the share of test samples for which the method's own rule and the nearest class mean of the training samples differ.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from lwal_core.analysis.collapse import ClassMoments, collapse_of
from lwal_core.config.base.method import Rule
from lwal_core.encoders import Classifier
from lwal_core.methods import LabelMethod
from lwal_core.methods.cosine_head import CosineHead
from lwal_core.methods.reduction import sum_over_processes
from lwal_core.runs.evaluation import Layer
from lwal_core.training.parallel import Team

MOST_NUMBERS = 2**25
"""Numbers of all class means of a layer up to which it is looked at: 256 MiB in float64."""


class CollapseWatch:
    """Reads the consolidation sample of one epoch.

    Args:
        model: Its features and outputs.
        method: Whose labels and head are compared with the class means.
        classes: C.
        rule: What the method is used with.
        team: The processes that have a share of the samples each.
        features: Whether features are looked at.
    """

    def __init__(
        self, model: Classifier, method: LabelMethod, classes: int, rule: Rule, team: Team, *, features: bool
    ) -> None:
        self._model, self._method, self._rule, self._team = model, method, rule, team
        device = model.head.weight.device
        self._device = torch.device("cpu") if device.type == "mps" else device  # which has no float64
        widths: dict[Layer, int] = {"outputs": model.head.out_features, "features": model.head.in_features}
        self._moments = {
            layer: ClassMoments(classes, width, self._array)
            for layer, width in widths.items()
            if classes * width <= MOST_NUMBERS and (features or layer == "outputs")
        }

    def add(self, features: Tensor, z: Tensor, y: Tensor) -> None:
        """Read samples: features ``[B,D]``, outputs ``[B,K]`` and classes ``[B]``."""
        of: dict[Layer, Tensor] = {"outputs": z, "features": features}
        for layer, moments in self._moments.items():
            moments.update(of[layer].float().to(self._device), y.to(self._device))

    def finish(self, own: Tensor, nearest: Mapping[Layer, Tensor | None]) -> dict[str, float]:
        """The measures under the names that ``metrics.jsonl`` has for them, without those that are not defined. Every process
        must call it.

        Args:
            own: Classes of the test samples by the method's own rule ``[N]``.
            nearest: By nearest class mean of each layer ``[N]``, None where it is not looked at.
        """
        found: dict[str, float] = {}
        for layer, moments in self._moments.items():
            head = self._head(layer)
            if self._team.size > 1:
                moments.share(sum_over_processes)
            total = sum_over_processes if self._team.size > 1 else None
            measures = asdict(collapse_of(moments, head, total))
            said = nearest[layer]
            if said is not None and len(own) and np.isfinite(measures["nc2"]):
                measures["nc4"] = float((said != own).double().mean())
            found |= {f"{layer}_{name}": value for name, value in measures.items() if np.isfinite(value)}
        return found

    def _head(self, layer: Layer) -> np.ndarray | None:
        """What the scores of the classes are made of in this layer, ``[C, width]``, around its mean: what is added to all rows
        alike decides nothing. None where there is no such thing."""
        rows: Tensor | None = self._method.label_table().detach().to(self._device).double()
        if layer == "features":
            beside, weights = self._method.class_head, _weights(self._model.head)
            if beside is not None:
                rows = _weights(beside)
            elif self._rule == "head":
                rows = weights
            else:
                rows = None if weights is None or rows is None else rows @ weights
        classes, width = self._moments[layer].mean.shape
        if rows is None or tuple(rows.shape) != (classes, width) or not bool(torch.isfinite(rows).all()):
            return None
        centred: np.ndarray = (rows - rows.mean(dim=0)).cpu().numpy()
        return centred

    def _array(self, values: np.ndarray) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(values)).to(self._device)


def _weights(head: torch.nn.Module) -> Tensor | None:
    """Rows of a linear head ``[outputs, features]``, float64; None for another kind."""
    weight = getattr(head, "weight", None)
    if not isinstance(head, torch.nn.Linear) or weight is None:
        return None
    weight = weight.detach()
    weight = (weight.cpu() if weight.device.type == "mps" else weight).double()
    return F.normalize(weight, dim=1) if isinstance(head, CosineHead) else weight
