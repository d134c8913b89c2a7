"""Samplers: rows of the training set, batch by batch.

A label that is a class mean needs several samples of its class in a batch. Three ways to draw batches:

- ``plain``: every sample once an epoch, in a random order.
- ``class-balanced``: every class equally often. In an epoch each class gives an equal share of the samples; a class with
  fewer is gone through several times, of one with more a random part is taken, another one each epoch.
- ``balanced``: P classes with M samples each in every batch (A. Hermans, L. Beyer, B. Leibe, "In Defense of the Triplet
  Loss", arXiv:1703.07737, section 2). Classes take turns, and so do the samples of a class.

An epoch is as many samples as the training set has, whole batches of ``balanced`` alone.
The order is a function of seed and epoch, so that resuming needs no history. No images here: whatever makes batches of
rows can use it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from lwal_core.config import TrainingConfig
from lwal_core.errors import TrainingError
from lwal_core.training.determinism import epoch_order


class Sampler:
    """The rows of each batch of an epoch.

    Args:
        y: Classes of the training set, ``[N]``.
        training: Sampler, batch size and seed.
        processes: Processes that share each batch, at least 1.

    Attributes:
        count: Samples of the training set, N.
        per_epoch: Batches of an epoch, at least 1.

    Raises:
        TrainingError: There are fewer classes than a batch is to have.
    """

    def __init__(self, y: Tensor, training: TrainingConfig, processes: int = 1) -> None:
        self.count, self.size, self.seed = len(y), training.step_size, training.seed
        self.kind = training.sampler
        self.classes_per_batch = training.classes_per_batch
        self.per_epoch = training.batches_per_epoch(self.count, processes)
        if self.kind != "plain":
            order = torch.argsort(y, stable=True).numpy()
            counts = torch.bincount(y).numpy()
            parts = np.split(order, np.cumsum(counts)[:-1])
            self._rows_of_class: list[np.ndarray] = [part for part in parts if len(part)]
        if self.kind == "balanced" and training.classes_per_batch > len(self._rows_of_class):
            raise TrainingError(
                f"A batch is to have samples of {training.classes_per_batch} classes, and the training set has "
                f"{len(self._rows_of_class)}.",
                f"Use --classes-per-batch {len(self._rows_of_class)} or fewer.",
            )

    def epoch(self, epoch: int) -> Iterator[Tensor]:
        """Rows of each batch, int64 ``[B]``, of an epoch counted from 1."""
        if self.kind == "balanced":
            yield from self._classes_by_samples(epoch)
            return
        order = epoch_order(self.count, self.seed, epoch)
        if self.kind == "class-balanced":
            order = self._equal_shares(epoch)[order]
        for start in range(self.per_epoch):
            yield order[start * self.size : (start + 1) * self.size]

    def _equal_shares(self, epoch: int) -> Tensor:
        """N rows, every class as often as any other, or once more."""
        generator = _generator(self.seed, epoch)
        classes = len(self._rows_of_class)
        shares = np.full(classes, self.count // classes)
        shares[generator.permutation(classes)[: self.count % classes]] += 1
        drawn = [
            _Deck(rows, generator).deal(share) for rows, share in zip(self._rows_of_class, shares.tolist(), strict=True)
        ]
        return torch.from_numpy(np.concatenate(drawn))

    def _classes_by_samples(self, epoch: int) -> Iterator[Tensor]:
        generator = _generator(self.seed, epoch)
        decks = [_Deck(rows, generator) for rows in self._rows_of_class]
        turns = _Deck(np.arange(len(decks)), generator)
        samples = self.size // self.classes_per_batch
        for _ in range(self.per_epoch):
            drawn = [decks[place].deal(samples) for place in turns.deal(self.classes_per_batch).tolist()]
            yield torch.from_numpy(np.concatenate(drawn))


class _Deck:
    """Cards that are dealt in a random order, all of them before one comes again."""

    def __init__(self, cards: np.ndarray, generator: np.random.Generator) -> None:
        self.cards, self.generator = cards, generator
        self.left = generator.permutation(cards)

    def deal(self, count: int) -> np.ndarray:
        """The next cards; different ones as long as there are enough."""
        dealt: Sequence[np.ndarray] = [self.left[:count]]
        self.left = self.left[count:]
        missing = count - len(dealt[0])
        while missing:
            fresh = self.generator.permutation(self.cards)
            # Those that were dealt just now come last, so that a hand holds none of them twice.
            again = np.isin(fresh, dealt[-1])
            fresh = np.concatenate([fresh[~again], fresh[again]])
            dealt = [*dealt, fresh[:missing]]
            self.left = fresh[missing:]
            missing = count - sum(map(len, dealt))
        return np.concatenate(dealt)


def _generator(seed: int, epoch: int) -> np.random.Generator:
    return np.random.default_rng([seed, epoch])
