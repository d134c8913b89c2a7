"""Neural collapse of vectors of samples (NC1 to NC4) and class-distance normalised variance.

Late in a training with one-hot labels and cross-entropy the features of a class draw together to their mean, and the class means
come to stand at equal distances: to a classifier that has collapsed, every class is equally unlike every other. The measures say how
near that is; each is 0 in the limit. Classes count alike: the centre is the mean of the class means.

Sources: V. Papyan, X. Y. Han, D. Donoho, *Prevalence of neural collapse during the terminal phase of deep learning training*, PNAS 117
(2020), arXiv:2008.08186 (NC1, NC3, NC4, spread of the cosines); Z. Zhu et al., *A geometric analysis of neural collapse with
unconstrained features*, NeurIPS 2021, arXiv:2105.02375 (NC2 as one number); T. Galanti, A. György, M. Hutter, *On the role of neural
collapse in transfer learning*, ICLR 2022, arXiv:2112.15121 (CDNV).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from lwal_core.analysis.collapse.moments import MOST_HELD, ArrayError, ClassMoments, host

FloatArray = npt.NDArray[np.float64]
_CELLS = 2**22  # of pairs of classes that are looked at together
_EPS = float(np.finfo(np.float64).eps)
_SAME = 1e-12  # class means that differ by less, beside their size, differ by rounding


@dataclass(frozen=True)
class NeuralCollapse:
    """Measures of one set of vectors; each is 0 in the limit and nan where it is not defined.

    Attributes:
        nc1: Trace of the covariance within the classes times the pseudo-inverse of the covariance between them, divided by C;
            both divide by counts. It changes neither with scale nor with rotation, as do the others but NC3 and NC4.
        cdnv: Mean over all pairs of classes of ``(variance of one + variance of the other) / (2 x squared distance of their
            means)``; the variance of a class is the mean squared distance to its mean.
        nc2: Frobenius distance between the Gram matrix of the centred class means, divided by its norm, and that of a regular
            simplex, ``(I - 1/C) / sqrt(C - 1)``.
        cosine_spread: Standard deviation of the cosines between the centred means of every two classes. The cosines alone say
            whether angles are equal, NC2 whether lengths are as well.
        nc3: Frobenius distance between the rows of the head and the centred class means, each divided by its norm. Often the
            square of it is printed.
        nc4: Share of the samples for which the largest score of the head and the nearest class mean say different classes.
    """

    nc1: float = math.nan
    cdnv: float = math.nan
    nc2: float = math.nan
    cosine_spread: float = math.nan
    nc3: float = math.nan
    nc4: float = math.nan


def neural_collapse(
    features: npt.ArrayLike,
    targets: npt.ArrayLike,
    head: npt.ArrayLike | None = None,
    bias: npt.ArrayLike | None = None,
) -> NeuralCollapse:
    """The measures of vectors of samples.

    Not defined (nan) is: all but NC4 where no class has two samples; all of one class alone, or where all class means are
    equal; CDNV where two class means are equal; the spread of the cosines where a class mean lies in the centre of all; NC3 and NC4
    without a head. A class without samples is left out.

    Args:
        features: ``[N,D]``, finite.
        targets: Classes ``[N]``, whole numbers from 0.
        head: Weights ``[C,D]`` of the classes; ``head @ features`` are their scores. C is the highest class + 1 without it.
        bias: ``[C]``, added to the scores; 0 when left out. A label table that is read by the nearest row is a head with a
            bias of minus half the squared length of each row.

    Raises:
        ArrayError: Shapes do not fit, or values are not finite or no classes; a ``ValueError``.
    """
    x, y = _samples(features, targets)
    weights, offsets = _head(head, bias, x.shape[1])
    if weights is None:
        y = np.unique(y, return_inverse=True)[1]  # so that the highest class takes no memory
    elif len(y) and y.max() >= len(weights):
        raise ArrayError(f"The head has {len(weights):,} classes, and targets go up to {y.max():,}.")
    if not len(y):
        return NeuralCollapse()
    largest = float(np.abs(x).max()) or 1.0  # of what is divided by it, no square over- or underflows
    size = max(1, MOST_HELD // max(4 * x.shape[1], 1 if weights is None else len(weights)))
    parts = [slice(at, at + size) for at in range(0, len(y), size)]
    moments = ClassMoments(int(y.max()) + 1 if weights is None else len(weights), x.shape[1])
    for part in parts:
        moments.update(x[part].astype(np.float64) / largest, y[part])
    found = collapse_of(moments, weights)
    if weights is None or math.isnan(found.nc2):
        return found
    there = np.flatnonzero(moments.count > 0)
    centers = moments.mean[there]
    differ = 0
    for part in parts:
        scaled = x[part].astype(np.float64) / largest
        said = (scaled @ weights.T + offsets / largest).argmax(axis=1)
        nearest = there[((centers**2).sum(axis=1) - 2 * scaled @ centers.T).argmin(axis=1)]
        differ += int((said != nearest).sum())
    return replace(found, nc4=differ / len(y))


def collapse_of(
    moments: ClassMoments, head: FloatArray | None = None, total: Callable[[Any], Any] | None = None
) -> NeuralCollapse:
    """The measures of samples that were read in pieces, all but NC4, which asks each sample again.

    Args:
        moments: Of all samples.
        head: Weights of the classes ``[C,D]``; None without.
        total: Sums an array over the processes that read a part of the samples each; every one of them must call this function
            then, after :meth:`ClassMoments.share`. None for one process.
    """
    total = total or (lambda part: part)
    count, mean, spread = host(moments.count), host(moments.mean), host(moments.spread)
    there = count > 0
    classes = int(there.sum())
    centred = mean[there] - mean[there].mean(axis=0) if classes else mean[there]
    defined = classes > 1 and bool(np.isfinite(centred).all()) and bool(np.isfinite(spread).all())
    if not defined or np.abs(centred).max() <= _SAME * np.abs(mean).max():
        return NeuralCollapse()
    values, directions = _between(centred)
    within = float(host(total(moments.within(directions)))[0])
    several = bool((count > 1).any())
    nc2, cosines, cdnv = _pairs(centred, spread[there] / count[there], float(np.sqrt((values**2).sum())) * classes)
    return NeuralCollapse(
        nc1=within / float(count.sum()) / classes if several else math.nan,
        cdnv=cdnv if several else math.nan,
        nc2=nc2,
        cosine_spread=cosines,
        nc3=math.nan if head is None else _self_duality(head[there], centred),
    )


def _between(centred: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Eigenvalues ``[R]`` above rounding of the covariance between the classes, and directions ``[D,R]`` with ``directions @
    directions.T`` as its pseudo-inverse."""
    classes, width = centred.shape
    narrow = width < classes
    values, vectors = np.linalg.eigh((centred.T @ centred if narrow else centred @ centred.T) / classes)
    kept = values > values[-1] * max(classes, width) * _EPS
    values, vectors = values[kept], vectors[:, kept]
    if narrow:
        return values, vectors / np.sqrt(values)
    return values, centred.T @ vectors / (math.sqrt(classes) * values)


def _pairs(centred: FloatArray, variance: FloatArray, norm: float) -> tuple[float, float, float]:
    """NC2, spread of the cosines, and CDNV, from some rows of the Gram matrix at a time; ``norm`` is that of all of it."""
    classes = len(centred)
    squares = (centred**2).sum(axis=1)
    simplex, cosines, normalised = 0.0, [0.0, 0.0], 0.0
    rows = max(1, _CELLS // classes)
    pairs = classes * (classes - 1)
    lengths = np.sqrt(squares)
    for at in range(0, classes, rows):
        own = np.arange(at, min(at + rows, classes))
        itself = np.arange(len(own)), own  # the pairs of a class with itself, which count for NC2 alone
        gram = centred[own] @ centred.T
        ideal = np.full(gram.shape, -1.0 / classes)
        ideal[itself] += 1.0
        simplex += float(((gram / norm - ideal / math.sqrt(classes - 1)) ** 2).sum())
        sums = squares[own, None] + squares
        apart = sums - 2 * gram
        apart[itself] = np.inf
        apart[apart <= _SAME * sums] = np.nan
        normalised += float(((variance[own, None] + variance) / (2 * apart)).sum())
        # Around the value of a simplex, so that the difference of two nearly equal sums is not taken.
        with np.errstate(divide="ignore", invalid="ignore"):
            cosine = gram / (lengths[own, None] * lengths) + 1 / (classes - 1)
        cosine[itself] = 0.0
        cosines = [cosines[0] + float(cosine.sum()), cosines[1] + float((cosine**2).sum())]
    mean = cosines[0] / pairs
    spread = math.sqrt(max(0.0, cosines[1] / pairs - mean**2)) if math.isfinite(mean) else math.nan
    if lengths.min() <= _SAME * lengths.max():
        spread = math.nan
    return math.sqrt(simplex), spread, normalised / pairs


def _self_duality(head: FloatArray, centred: FloatArray) -> float:
    largest = np.abs(head).max()
    if not largest or not math.isfinite(largest):
        return math.nan
    scaled = head / largest
    return float(np.linalg.norm(scaled / np.linalg.norm(scaled) - centred / np.linalg.norm(centred)))


def _samples(features: npt.ArrayLike, targets: npt.ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    x, y = _array(features, "features"), _array(targets, "targets")
    if x.ndim != 2 or x.shape[1] < 1 or y.shape != x.shape[:1]:
        raise ArrayError(f"features {x.shape} and targets {y.shape} do not fit.", "Give [N, D] and [N].")
    x = _numbers(x, "features")
    if y.dtype.kind not in "iu" and y.size:
        raise ArrayError(f"targets are of the type {y.dtype}.", "Give whole numbers from 0.")
    if y.size and not 0 <= y.min() <= y.max() < 2**31:
        raise ArrayError(f"targets go from {y.min()} to {y.max()}.", "Give whole numbers from 0.")
    return x, y.astype(np.intp)


def _head(
    head: npt.ArrayLike | None, bias: npt.ArrayLike | None, width: int
) -> tuple[FloatArray | None, FloatArray | float]:
    if head is None:
        if bias is not None:
            raise ArrayError("A bias is given without a head.")
        return None, 0.0
    weights = _array(head, "head")
    if weights.ndim != 2 or weights.shape[1] != width or not len(weights):
        raise ArrayError(f"The head is {weights.shape}, features have {width:,} numbers.", f"Give [C, {width}].")
    weights = _numbers(weights, "head").astype(np.float64)
    if bias is None:
        return weights, 0.0
    offsets = _numbers(_array(bias, "bias"), "bias").astype(np.float64)
    if offsets.shape != (len(weights),):
        raise ArrayError(f"The bias is {offsets.shape}, the head has {len(weights):,} classes.", "Give [C].")
    return weights, offsets


def _array(given: npt.ArrayLike, what: str) -> np.ndarray:
    try:
        return np.asarray(given)
    except (TypeError, ValueError, RuntimeError) as error:  # torch raises the last for tensors with gradients
        reason = " ".join(str(error).split())[:200]
        raise ArrayError(
            f"{what} cannot be read as an array ({reason}).", "Give numpy arrays, or lists of one length."
        ) from None


def _numbers(values: np.ndarray, what: str) -> np.ndarray:
    if values.dtype.kind not in "fiub":
        raise ArrayError(f"{what} is of the type {values.dtype}.", "Give numbers.")
    values = values if values.dtype.kind == "f" else values.astype(np.float64)
    if not np.isfinite(values).all():
        raise ArrayError(f"{what} has values that are no finite number.", "Leave these samples out.")
    return values
