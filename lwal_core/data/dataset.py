"""Data set: training and test samples, class names, fingerprint.

Images stay uint8 (a quarter of the memory of floats; the training loop scales each batch), features are float32. What fits
is kept in memory, so that an epoch never waits for a disk; images of a larger folder are streams
(:mod:`lwal_core.data.stream`). Both are :class:`lwal_core.data.samples.Samples`.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from lwal_core.data.samples import Samples, subset
from lwal_core.data.stream import ImageStream, stream_fingerprint
from lwal_core.datafiles.limits import MAX_CLASSES, MIN_TEST_SAMPLES, check_present, named
from lwal_core.errors import DataError
from lwal_core.sanitize import seen

Kind = Literal["images", "features"]

MAX_VALUE = 1e30
"""Largest absolute value of a feature: beyond it, differences and squares leave the range of float32."""
_VALUES_AT_ONCE = 4_000_000  # pixels or features that are widened to 8-byte numbers at once
_MEASURED, _MEASURED_VALUES = 1_024, 2**27
"""Images and values of a stream from which mean and deviation are taken."""


class Marks(NamedTuple):
    """Fingerprints of a data set, see :class:`Dataset`."""

    fingerprint: str
    pixels: str

    def agree(self, others: Marks) -> bool:
        """Whether two data sets are the same as far as both tell: by pixels where both know them, else by names and sizes of
        files. Up to release 0.2 the fingerprint of what was in memory was that of the pixels."""
        if self.pixels and others.pixels:
            return self.pixels == others.pixels
        return others.fingerprint in {self.fingerprint, self.pixels} or self.fingerprint == others.pixels


@dataclass(frozen=True, eq=False)
class Dataset:
    """Samples, labels and class names. Make one with :meth:`build`, which checks it.

    Attributes:
        name: As in the configuration, e.g. "digits" or "folder:/data/birds".
        kind: "images" or "features".
        x_train: uint8 ``[N, 1 or 3, H, W]`` or float32 ``[N, D]``, in memory or as a stream.
        y_train: int64 ``[N]``, values 0..C-1.
        x_test: As `x_train`, ``[M, ...]``.
        y_test: int64 ``[M]``.
        class_names: C names.
        fingerprint: Hexadecimal SHA-256 of arrays, shapes, types and class names, or of what they were computed from: of images of
            files, in memory or not, that of :func:`lwal_core.data.stream.stream_fingerprint`.
        pixels: Of images of files that are in memory, the SHA-256 of their arrays as well; releases up to 0.2 had it as the
            fingerprint.
        files: Of images of files, training and test part as streams, whether or not they are in memory.
        notes: What was skipped or deserves a second look, one sentence each.
        taxonomy: Name of the reference hierarchy over these classes, where there is one.
        set_apart: Rows of the training set that the data itself holds out for validation, such as those of ``val/``; ascending.
        original: Of features that were computed from images: the images, sample by sample, with their own fingerprint.
    """

    name: str
    kind: Kind
    x_train: Samples
    y_train: torch.Tensor
    x_test: Samples
    y_test: torch.Tensor
    class_names: tuple[str, ...]
    fingerprint: str
    notes: tuple[str, ...] = ()
    taxonomy: str | None = None
    original: Dataset | None = None
    set_apart: torch.Tensor | None = None
    pixels: str = ""
    files: tuple[ImageStream, ImageStream] | None = None

    @classmethod
    def build(
        cls,
        *,
        name: str,
        kind: Kind,
        x_train: Samples,
        y_train: torch.Tensor,
        x_test: Samples,
        y_test: torch.Tensor,
        class_names: tuple[str, ...],
        notes: tuple[str, ...] = (),
        taxonomy: str | None = None,
        original: Dataset | None = None,
        set_apart: torch.Tensor | None = None,
        fingerprint: str | None = None,
        pixels: str = "",
        files: tuple[ImageStream, ImageStream] | None = None,
    ) -> Dataset:
        """Check the parts, take their fingerprints unless they are given, and put them together.

        Parts that are no tensors need one that is given, or their files.

        Raises:
            DataError: The parts do not make a data set that can be trained on, see :func:`check`.
        """
        if fingerprint is None:
            fingerprint, pixels = _fingerprints(x_train, y_train, x_test, y_test, class_names, files)
        dataset = cls(
            name, kind, x_train, y_train, x_test, y_test, class_names, fingerprint, notes, taxonomy, original, set_apart,
            pixels, files,
        )  # fmt: skip
        check(dataset)
        return dataset

    @property
    def marks(self) -> Marks:
        """What tells it from others."""
        return Marks(self.fingerprint, self.pixels)

    def without(self, rows: torch.Tensor) -> Dataset:
        """The data set without some rows ``[V]`` of its training part, with the fingerprints that it has then."""
        left = torch.from_numpy(np.setdiff1d(np.arange(len(self.y_train)), rows.numpy(), assume_unique=True))
        x_train, y_train = subset(self.x_train, left), self.y_train[left]
        files = None if self.files is None else (self.files[0].subset(left), self.files[1])
        marks = _fingerprints(x_train, y_train, self.x_test, self.y_test, self.class_names, files)
        return replace(
            self, x_train=x_train, y_train=y_train, set_apart=None, files=files, fingerprint=marks[0], pixels=marks[1]
        )

    @property
    def num_classes(self) -> int:
        """C, the number of classes."""
        return len(self.class_names)

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one sample: ``(channels, height, width)`` or ``(features,)``."""
        return tuple(self.x_train.shape[1:])

    def channel_mean_std(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean and standard deviation over the training samples, to normalise inputs with; of a stream, over some of them that
        are evenly spread.

        Returns:
            float32 ``[channels]`` of pixels scaled to 0..1, or ``[D]`` of features. The deviation of a constant channel
            is given as 1, so that dividing by it is harmless.
        """
        x = self.x_train if isinstance(self.x_train, torch.Tensor) else _evenly_spread(self.x_train)
        if self.kind == "images":
            count = x.numel() // x.shape[1]
            total = squares = torch.zeros(x.shape[1], dtype=torch.int64)
            for chunk in _chunks(x):
                wide = chunk.to(torch.int64)  # whole numbers add up exactly, in any order
                total, squares = total + wide.sum((0, 2, 3)), squares + (wide * wide).sum((0, 2, 3))
            mean = total.double() / count
            variance = squares.double() / count - mean * mean
            mean, std = mean / 255, variance.clamp(min=0).sqrt() / 255
        else:
            chunks, count = _chunks(x), len(x)
            mean = torch.stack([chunk.double().sum(0) for chunk in chunks]).sum(0) / count
            std = (torch.stack([(chunk.double() - mean).square().sum(0) for chunk in chunks]).sum(0) / count).sqrt()
        # A spread below the resolution of the numbers is rounding, not information.
        mean, std = mean.float(), std.float()
        return mean, torch.where(std > 1e-7 * mean.abs(), std, torch.ones_like(std))

    def thumbnails(self, per_class: int = 9, size: int = 48) -> tuple[NDArray[np.uint8], NDArray[np.int64]] | None:
        """A few example images of every class, evenly spread over its test images, or training images if it has none.

        Args:
            per_class: At most this many of each class.
            size: Pixels of the longer side.

        Returns:
            uint8 ``[M, h, w, 3]`` sorted by class and their labels ``[M]``; None for feature data, unless the images that
            the features were computed from are known.
        """
        if self.original is not None:
            return self.original.thumbnails(per_class, size)
        if self.kind != "images":
            return None
        chosen, labels = [], []
        train, test = (x.at(size) if isinstance(x, ImageStream) else x for x in (self.x_train, self.x_test))
        for label in range(self.num_classes):
            images, rows = test, torch.nonzero(self.y_test == label).flatten()
            if len(rows) == 0:
                images, rows = train, torch.nonzero(self.y_train == label).flatten()
            count = min(per_class, len(rows))
            chosen.append(images[rows[torch.arange(count) * len(rows) // max(count, 1)]])
            labels += [label] * count
        height, width = self.input_shape[1:]
        longer = max(height, width)
        target = (max(1, round(height * size / longer)), max(1, round(width * size / longer)))
        pictures = resized(torch.cat(chosen), target).expand(-1, 3, -1, -1)
        return np.ascontiguousarray(pictures.permute(0, 2, 3, 1).numpy()), np.array(labels, dtype=np.int64)


def _fingerprints(
    x_train: Samples,
    y_train: torch.Tensor,
    x_test: Samples,
    y_test: torch.Tensor,
    class_names: tuple[str, ...],
    files: tuple[ImageStream, ImageStream] | None,
) -> tuple[str, str]:
    """Fingerprint of a data set, and that of its pixels where these are another."""
    arrays = ""
    if isinstance(x_train, torch.Tensor) and isinstance(x_test, torch.Tensor):
        arrays = fingerprint_of((x_train, y_train, x_test, y_test), class_names)
    return (arrays, "") if files is None else (stream_fingerprint(*files, class_names), arrays)


def _evenly_spread(x: Samples) -> torch.Tensor:
    """Samples of a stream, as many as are enough for its mean and fit well into memory."""
    count = min(len(x), _MEASURED, max(1, _MEASURED_VALUES // math.prod(x.shape[1:])))
    return x[torch.arange(count) * len(x) // count]


def _chunks(x: torch.Tensor, samples: int | None = None) -> tuple[torch.Tensor, ...]:
    """`x` in parts of so many samples, or of as many as keep a widened copy of one part small."""
    return x.split(samples or max(1, _VALUES_AT_ONCE // x[0].numel()))


def resized(images: torch.Tensor, target: tuple[int, int]) -> torch.Tensor:
    """Images at another size: whole multiples repeat pixels (crisp), anything else is interpolated with antialiasing.

    Args:
        images: uint8 ``[N, channels, H, W]``.
        target: New height and width in pixels.
    """
    height, width = images.shape[2:]
    if (height, width) == target:
        return images
    if target[0] % height == 0 and target[1] % width == 0:
        return images.repeat_interleave(target[0] // height, 2).repeat_interleave(target[1] // width, 3)
    result = torch.empty((*images.shape[:2], *target), dtype=torch.uint8)
    at_once = min(len(chunks[0]) for chunks in (_chunks(result), _chunks(images)))
    for part, chunk in zip(_chunks(result, at_once), _chunks(images, at_once), strict=True):
        smooth = torch.nn.functional.interpolate(chunk.float(), target, mode="bilinear", antialias=True)
        part.copy_(smooth.round().clamp(0, 255))
    return result


def fingerprint_of(arrays: Sequence[torch.Tensor], class_names: Sequence[str]) -> str:
    """SHA-256 over types, shapes, little-endian bytes and class names.

    Every part states its length, so that none can pose as another.
    """
    digest = hashlib.sha256()
    for array in (part.numpy() for part in arrays):
        canonical = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
        digest.update(f"{canonical.dtype.str}{canonical.shape};".encode())
        digest.update(canonical.reshape(-1).view(np.uint8).data)
    for encoded in (name.encode("utf-8", "surrogatepass") for name in class_names):
        digest.update(f"{len(encoded)}:".encode() + encoded)
    return digest.hexdigest()


def check(dataset: Dataset) -> None:
    """What every data set must satisfy, wherever it came from.

    Raises:
        DataError: Fewer than two classes, names that repeat, sizes that do not fit, labels out of range, a class
            without training samples, too few test samples, or a value that is not finite.
    """
    name, classes = dataset.name, dataset.num_classes
    if not 2 <= classes <= MAX_CLASSES:
        raise DataError(
            f"{name}: {classes:,} classes; 2 to {MAX_CLASSES:,} are allowed.",
            "Provide samples of at least two classes.",
        )
    names = [seen(one) for one in dataset.class_names]
    repeated = [one for one, times in Counter(names).items() if times > 1 and one]
    if repeated or not all(names):
        what = f"the class names {named(repeated)} occur more than once" if repeated else "a class name is empty"
        raise DataError(f"{name}: {what}.", "Give each class a name of its own.")
    for part, x, y in (("train", dataset.x_train, dataset.y_train), ("test", dataset.x_test, dataset.y_test)):
        _check_arrays(f"{name}: x_{part}", dataset.kind, x)
        _check_labels(f"{name}: y_{part}", y, len(x), dataset.class_names)
    if dataset.x_train.shape[1:] != dataset.x_test.shape[1:]:
        shapes = f"{tuple(dataset.x_train.shape[1:])} and {tuple(dataset.x_test.shape[1:])}"
        raise DataError(
            f"{name}: training and test samples have different shapes, {shapes}.", "Prepare both in the same way."
        )
    check_present(name, torch.bincount(dataset.y_train, minlength=classes).tolist(), dataset.class_names)
    if len(dataset.y_test) < MIN_TEST_SAMPLES:
        raise DataError(
            f"{name}: {len(dataset.y_test)} test samples; at least {MIN_TEST_SAMPLES} are needed.",
            "Hold out more samples.",
        )


def _check_arrays(what: str, kind: Kind, x: Samples) -> None:
    if not isinstance(x, torch.Tensor):
        return  # a stream has images of one shape alone
    if kind == "images":
        if x.dtype != torch.uint8 or x.dim() != 4 or x.shape[1] not in (1, 3) or 0 in x.shape[2:]:
            raise DataError(
                f"{what} is {x.dtype} of shape {tuple(x.shape)}.", "Images are uint8 [N, 1 or 3, height, width]."
            )
        return
    if x.dtype != torch.float32 or x.dim() != 2 or x.shape[1] == 0:
        raise DataError(f"{what} is {x.dtype} of shape {tuple(x.shape)}.", "Features are float32 [N, D].")
    start = 0
    for chunk in _chunks(x) if len(x) else ():
        wrong = torch.nonzero(~(chunk.abs() <= MAX_VALUE))
        if len(wrong):
            row, column = (int(position) for position in wrong[0])
            raise DataError(
                f"{what} has the value {x[start + row, column].item()} in row {start + row}, column {column} "
                "(counted from 0, as float32).",
                f"Values are finite numbers of at most {MAX_VALUE:g}; remove the row or replace the value.",
            )
        start += len(chunk)


def _check_labels(what: str, y: torch.Tensor, samples: int, class_names: tuple[str, ...]) -> None:
    if y.dtype != torch.int64 or y.dim() != 1 or len(y) != samples:
        raise DataError(
            f"{what} is {y.dtype} of shape {tuple(y.shape)} for {samples:,} samples.", "Labels are int64 [N]."
        )
    wrong = torch.nonzero((y < 0) | (y >= len(class_names))).flatten()
    if len(wrong):
        row = int(wrong[0])
        raise DataError(
            f"{what} has the label {int(y[row])} in row {row} (counted from 0), but labels run from 0 to "
            f"{len(class_names) - 1}, one for each class with training samples or a name.",
            "Number the classes from 0 without gaps, and leave out classes without training samples.",
        )
