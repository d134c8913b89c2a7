"""Penultimate features beside the outputs: class means, predictions and a sample of the test set, in the same pass.

Features of a whole data set may take more memory than everything else together, so they come in pieces and none is kept but
those of the sample.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from lwal_core.analysis.base.subsample import subsample_per_class
from lwal_core.methods import label_distances
from lwal_core.methods.reduction import sum_over_processes
from lwal_core.runs import FeatureSample
from lwal_core.runs.evaluation import MOST_FEATURE_BYTES, samples_kept
from lwal_core.training.parallel import Team

EACH_EPOCH_BYTES = 16 * 2**20
"""Class means of the features, in float32, up to which every label snapshot has them; larger ones are kept of the best epoch
alone."""
MOST_BYTES = 256 * 2**20
"""The same, above which features are left aside."""
_NUMBERS_AT_ONCE = 2**24
"""Sums and distances are taken of so many numbers at a time, whatever comes in a piece."""


@dataclass(frozen=True)
class FeatureResult:
    """Features after an epoch.

    ``means [C,D]`` consolidated class means, float32; ``pred [N]`` classes of the test samples by nearest of them; ``rows [M]``
    places of the samples in the test set whose features ``z [M,D]`` are kept. All but ``means`` lie in main memory.
    """

    means: Tensor
    pred: Tensor
    rows: Tensor
    z: Tensor

    def sample(self, *, with_means: bool) -> FeatureSample:
        """As the run folder keeps it of the best epoch."""
        return FeatureSample(
            self.rows.numpy(), self.z.numpy(), self.pred.numpy(), self.means.cpu().numpy() if with_means else None
        )


class FeatureLayer:
    """Features of a network, read in one pass: first the consolidation sample, then the test set.

    Args:
        classes: C.
        width: Numbers of a feature vector, D.
        y_test: Classes of the test samples ``[N]``, in their order.
    """

    def __init__(self, classes: int, width: int, y_test: Tensor) -> None:
        self.classes, self.width = classes, width
        chosen = subsample_per_class(y_test.cpu().numpy(), samples_kept(width, MOST_FEATURE_BYTES))
        self.rows = torch.from_numpy(chosen.astype(np.int64))
        self._count = len(y_test)
        self.begin()

    @property
    def bytes(self) -> int:
        """Bytes of the class means in float32."""
        return 4 * self.classes * self.width

    @property
    def kept_each_epoch(self) -> bool:
        """Whether label snapshots have the class means."""
        return self.bytes <= EACH_EPOCH_BYTES

    def begin(self, team: Team | None = None) -> None:
        """Forget what was read: another epoch begins.

        Args:
            team: The processes that have a share of the samples each.
        """
        self._team = team or Team()
        self._sums: Tensor | None = None
        self._means: Tensor | None = None
        self._pred: list[Tensor] = []
        self._kept: list[Tensor] = []
        own = self._team.share(self._count)
        self._at = own.start
        self._own = torch.searchsorted(self.rows, torch.tensor([own.start, own.stop])).tolist()  # rows in this share

    def add_sample(self, features: Tensor, y: Tensor) -> None:
        """Count features ``[B,D]`` of the consolidation sample with their classes ``[B]``; sums are in float64."""
        if features.device.type == "mps":  # which has no float64
            features, y = features.cpu(), y.cpu()
        if self._sums is None:
            self._sums = torch.zeros(self.classes, self.width + 1, dtype=torch.float64, device=features.device)
        size = max(1, _NUMBERS_AT_ONCE // self.width)
        for part, of in zip(features.split(size), y.split(size), strict=True):
            self._sums[:, :-1].index_add_(0, of, part.double())
        self._sums[:, -1] += torch.bincount(y, minlength=self.classes)

    def add_test(self, features: Tensor) -> None:
        """Read features ``[B,D]`` of the next test samples, after the whole consolidation sample."""
        means = self.means().to(features.device)
        for part in features.float().split(max(1, _NUMBERS_AT_ONCE // max(self.classes, self.width))):
            self._pred.append(label_distances(part, means).argmin(dim=1).cpu())
        first, last = torch.searchsorted(self.rows, torch.tensor([self._at, self._at + len(features)])).tolist()
        if last > first:
            self._kept.append(features[(self.rows[first:last] - self._at).to(features.device)].float().cpu())
        self._at += len(features)

    def means(self) -> Tensor:
        """Class means ``[C,D]`` float32 of what was counted, by all processes; the row of a class without samples is 0. Every
        process must call it."""
        if self._means is None:
            sums = torch.zeros(self.classes, self.width + 1, dtype=torch.float64) if self._sums is None else self._sums
            sums = sum_over_processes(sums)
            self._means = (sums[:, :-1] / sums[:, -1:].clamp_min(1)).float()
        return self._means

    def result(self) -> FeatureResult:
        """What was read, by all processes; the test samples were all of them. Every process must call it."""
        means = self.means()
        pred = torch.cat([torch.zeros(0, dtype=torch.int64), *self._pred])
        kept = torch.cat([torch.zeros(0, self.width), *self._kept])
        if self._team.size > 1:
            first, last = self._own
            whole = kept.new_zeros((len(self.rows), self.width))
            whole[first:last] = kept
            kept = sum_over_processes(whole)
        return FeatureResult(means, self._team.whole(pred, self._count), self.rows, kept)


def feature_layer(classes: int, width: int, y_test: Tensor) -> FeatureLayer | None:
    """The features of a network, where they are narrow enough to be kept; arguments as for :class:`FeatureLayer`."""
    layer = FeatureLayer(classes, width, y_test)
    return layer if layer.bytes <= MOST_BYTES else None


def note_on_features(classes: int, width: int) -> str:
    """What of the features is not kept, a sentence; empty where all is."""
    size = 4 * classes * width
    if size <= EACH_EPOCH_BYTES:
        return ""
    what = f"Class means of the features ({classes:,} classes of {width:,} numbers) would take {size / 2**20:,.0f} MiB"
    if size <= MOST_BYTES:
        return f"{what} an epoch, so they are kept of the best epoch alone."
    return f"{what}, so features are not looked at."
