"""Stream of images: decoded when they are asked for, in little memory.

An image is read as :func:`lwal_core.data.image_files.read_image` reads it, so that a folder gives the same pixels whether it
fits into memory or not. One that cannot be read is noted, and another of its class takes its place.
"""

from __future__ import annotations

import hashlib
import os
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from lwal_core.config.data import Square
from lwal_core.data.image_files import fitted, read_rgb, why_unreadable
from lwal_core.data.skipped import Skip, Skipped
from lwal_core.data.variation import Variation, own_chance
from lwal_core.datafiles.packed_names import PackedNames

_TRIES = 16
"""Images of a class that are tried in the place of one that cannot be read."""
_FORMAT = 1  # of fingerprints, to be raised when the same files shall mean other pixels


class Pictures(Protocol):
    """Encoded images by number."""

    def __len__(self) -> int:
        """How many there are."""

    def name(self, index: int) -> str:
        """What people call one: its path below the data set's folder."""

    def file(self, index: int) -> str | BinaryIO:
        """Its path, or its bytes as an open file."""

    def sizes(self) -> NDArray[np.int64]:
        """Bytes of each, -1 of what is not there."""


class Opened:
    """Some pictures as :class:`lwal_core.data.image_files.Files`.

    Args:
        pictures: All pictures.
        places: Their numbers; None for all.
    """

    def __init__(self, pictures: Pictures, places: NDArray[np.int64] | None = None) -> None:
        self.pictures, self.places = pictures, places

    def __len__(self) -> int:
        return len(self.pictures) if self.places is None else len(self.places)

    def __getitem__(self, position: int) -> str | BinaryIO:
        return self.pictures.file(position if self.places is None else int(self.places[position]))


class ImageFiles:
    """Files below a folder.

    Args:
        root: The folder.
        files: Paths below it.
    """

    def __init__(self, root: Path, files: Sequence[str]) -> None:
        self.root = str(root)
        self._names = PackedNames.of(os.path.relpath(file, root) for file in files)

    def __len__(self) -> int:
        return len(self._names)

    def name(self, index: int) -> str:
        """Path below the folder."""
        return self._names[index]

    def file(self, index: int) -> str:
        """Whole path."""
        return os.path.join(self.root, self.name(index))

    def sizes(self) -> NDArray[np.int64]:
        """Bytes of each, -1 of what is not there."""

        def size(index: int) -> int:
            try:
                return os.stat(self.file(index)).st_size
            except OSError:
                return -1

        return np.fromiter(map(size, range(len(self))), dtype=np.int64, count=len(self))


@dataclass(frozen=True, eq=False)
class ImageStream:
    """Images as samples ``[N, 3, size, size]`` uint8, read when asked for.

    Attributes:
        pictures: Where they come from, the other part of the data set included.
        labels: Class of every picture.
        places: Number of the picture of each row ``[N]``.
        size: Pixels a side.
        fit: How an image becomes a square.
        skipped: What could not be read so far, of the whole data set.
        spare: Pictures of the same part, from which one that cannot be read is replaced.
    """

    pictures: Pictures
    labels: NDArray[np.int64]
    places: NDArray[np.int64]
    size: int
    fit: Square
    skipped: Skipped
    spare: NDArray[np.int64]

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """``(N, 3, size, size)``."""
        return len(self.places), 3, self.size, self.size

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, rows: slice | Tensor) -> Tensor:
        """Some rows, decoded by threads; for a few at once, as :func:`lwal_core.data.samples.pieces` reads ahead."""
        wanted = torch.arange(len(self))[rows]
        shares = [share for share in wanted.split(max(1, -(-len(wanted) // (os.cpu_count() or 1)))) if len(share)]
        with warnings.catch_warnings(), ThreadPoolExecutor(max(1, len(shares))) as pool:
            warnings.simplefilter("ignore")
            found = list(pool.map(self._read, shares))
        self.skipped.add(skip for _, skips in found for skip in skips)
        return (
            torch.cat([images for images, _ in found]) if found else torch.empty(0, *self.shape[1:], dtype=torch.uint8)
        )

    def subset(self, rows: Tensor) -> ImageStream:
        """Some rows as a stream."""
        return replace(self, places=self.places[rows.numpy()])

    def at(self, size: int) -> ImageStream:
        """The same images at another size."""
        return replace(self, size=size)

    def read(self, rows: Tensor, variation: Variation | None = None, epoch: int = 0) -> tuple[Tensor, list[Skip]]:
        """Some rows.

        Args:
            rows: ``[B]``.
            variation: How they are varied; None for not at all.
            epoch: Of the variations.

        Returns:
            uint8 ``[B, 3, size, size]``, and what could not be read among them.
        """
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's remarks on odd metadata
            if variation is None:
                return self._read(rows)
            with own_chance():
                return self._read(rows, variation, epoch)

    def _read(self, rows: Tensor, variation: Variation | None = None, epoch: int = 0) -> tuple[Tensor, list[Skip]]:
        images = torch.zeros(len(rows), *self.shape[1:], dtype=torch.uint8)
        skips: list[Skip] = []
        for number, row in enumerate(rows.tolist()):
            self._fill(images[number], row, skips, variation, epoch)
        return images, skips

    def _fill(self, out: Tensor, row: int, skips: list[Skip], variation: Variation | None, epoch: int) -> None:
        first: Skip | None = None
        for place in self._candidates(row):
            try:
                image = self._decode(place, whole=variation is not None and variation.cuts)
            # A foreign file can fail in any way inside a decoder; the reason is reported beside its name.
            except Exception as error:
                skips.append(Skip(self.pictures.name(place), why_unreadable(Opened(self.pictures), place, error)))
                first = first or skips[-1]
                continue
            out.copy_(image if variation is None else variation.one(image, row, epoch))
            return
        assert first is not None
        skips.append(first._replace(alone=True))

    def _candidates(self, row: int) -> Iterator[int]:
        """The picture of a row, then others of its class that follow it."""
        place = int(self.places[row])
        yield place
        same = self.spare[self.labels[self.spare] == self.labels[place]]
        same = np.roll(same, -int(np.searchsorted(same, place, side="right")))
        yield from same[same != place][:_TRIES].tolist()

    def _decode(self, place: int, *, whole: bool) -> Tensor:
        """One image, uint8 ``[3, size, size]``, or of its own sides where the `whole` of it is wanted."""
        sides = (self.size, self.size)
        picture = read_rgb(self.pictures.file(place), sides)
        return _tensor(picture if whole else fitted(picture, sides, self.fit))


def stream_fingerprint(train: ImageStream, test: ImageStream, class_names: Sequence[str]) -> str:
    """SHA-256 over names and sizes of files, classes, split, size and fit: reading all of them would take as long as an epoch.

    A file whose content changes and keeps name and size is not noticed. It is the same for images in memory that come from
    these files.
    """
    digest = hashlib.sha256(f"stream-{_FORMAT};{train.size};{train.fit};{list(class_names)!r}".encode())
    sizes = train.pictures.sizes()
    for part in (train, test):
        digest.update(f"{len(part)};".encode())
        for place, label, size in zip(part.places, part.labels[part.places], sizes[part.places], strict=True):
            digest.update(f"{part.pictures.name(place)!r};{label};{size};".encode("utf-8", "surrogatepass"))
    return digest.hexdigest()


def _tensor(picture: Image.Image) -> Tensor:
    return torch.from_numpy(np.array(picture)).permute(2, 0, 1)
