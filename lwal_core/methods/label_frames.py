"""Fixed label vectors that are made, not looked up: equiangular, random, or as near as a taxonomy says.

Sources: the simplex equiangular tight frame of Y. Yang et al., "Inducing Neural Collapse in Imbalanced Learning", NeurIPS 2022
(arXiv:2203.09081), which is fixed there as a classifier; the hierarchy-aware frame of T. Liang and J. Davis, "Inducing Neural
Collapse to a Fixed Hierarchy-Aware Frame for Reducing Mistake Severity", ICCV 2023 (arXiv:2303.05689), as its authors' code
makes it. Here the vectors are targets of static labels, not the weights of a classifier.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from lwal_core.analysis.base.linkage import FloatArray
from lwal_core.errors import ConfigError, TrainingError
from lwal_core.methods.adaptive import initial_labels

DECAY = 2.0
"""How fast cosines fall with the height of the common ancestor; the authors' for CIFAR-100."""
MOST_CLASSES = 4_096
"""Classes whose vectors are made: their number cubed is what the eigenvalues take, a minute for so many."""
_ROUNDING = 1e-9


def equiangular_labels(num_classes: int, dim: int, seed: int = 0) -> Tensor:
    """Unit vectors ``[C,K]`` whose cosines are all ``-1 / (C - 1)``, in a random position.

    Raises:
        ConfigError: K is smaller than C - 1: no more than K + 1 vectors can be that far apart.
        TrainingError: There are more than :data:`MOST_CLASSES`.
    """
    _check_count(num_classes)
    cosines = np.full((num_classes, num_classes), -1 / (num_classes - 1))
    np.fill_diagonal(cosines, 1)
    return _placed(cosines, dim, seed)


def random_labels(num_classes: int, dim: int, seed: int = 0) -> Tensor:
    """Unit vectors ``[C,K]`` in random directions, for any K."""
    return initial_labels(num_classes, dim, seed, "random")


def hierarchy_labels(heights: FloatArray, dim: int, seed: int = 0) -> Tensor:
    """Unit vectors ``[C,K]`` whose cosines fall with the height of the lowest common ancestor, in a random position.

    Args:
        heights: Of the ancestors, an ultrametric ``[C,C]``, 0 on the diagonal and nowhere else.
        dim: K.
        seed: Of the position.

    Raises:
        ConfigError: K is smaller than C - 1.
        TrainingError: There are more than :data:`MOST_CLASSES`.
    """
    _check_count(len(heights))
    return _placed(hierarchy_cosines(heights), dim, seed)


def hierarchy_cosines(heights: FloatArray) -> FloatArray:
    """``(1 - s) exp(-2 h / max h) + s``, with the smallest s for which vectors with these cosines exist, ``[C,C]``.

    For a tree of one level all cosines are ``-1 / (C - 1)``: the equiangular frame. The authors try 100 values of s; with ``E``
    the exponentials and ``q`` the sum of the entries of its inverse, the smallest is ``-1 / (q - 1)``, at least -1.

    Args:
        heights: As for :func:`hierarchy_labels`.
    """
    alike = np.exp(-DECAY * heights / heights.max())
    q = np.linalg.solve(alike, np.ones(len(alike))).sum()
    least = -1.0 if q <= 2 else -1 / (q - 1)
    cosines: FloatArray = (1 - least) * alike + least
    return cosines


def _check_count(classes: int) -> None:
    if classes > MOST_CLASSES:
        raise TrainingError(
            f"Equiangular labels and those of a taxonomy are made for at most {MOST_CLASSES:,} classes; these are {classes:,}.",
            "Use random labels, or vectors from a file.",
        )


def _placed(cosines: FloatArray, dim: int, seed: int) -> Tensor:
    """Vectors ``[C,K]`` with the given cosines ``[C,C]``, turned at random."""
    values, vectors = np.linalg.eigh(cosines)
    rank = int((values > _ROUNDING * values[-1]).sum())
    if dim < rank:
        count = len(cosines)
        raise ConfigError(
            [
                (
                    "method.vector_dim",
                    f"K = {dim:,} has no room for these vectors of {count:,} classes; it must be at least {rank:,}",
                )
            ]
        )
    factor = vectors[:, -rank:] * np.sqrt(values[-rank:])
    generator = torch.Generator().manual_seed(seed)
    turn = torch.linalg.qr(torch.randn(dim, rank, generator=generator, dtype=torch.float64)).Q
    return (torch.from_numpy(factor) @ turn.T).float()
