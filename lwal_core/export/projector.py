"""TensorBoard projector files: vectors, metadata, sprite.

Unpacked into a folder, ``tensorboard --logdir FOLDER`` shows them under "Projector"; https://projector.tensorflow.org
takes ``tensors.tsv`` and ``metadata.tsv`` by themselves.

The rules of the format: values are separated by tabs, lines by line feeds, and nothing is quoted, so no value may hold
either. ``tensors.tsv`` has no heading; ``metadata.tsv`` has one because it has several columns. The sprite is a square
of as many rows as columns of square pictures of one size, in the order of the points row by row from the upper left,
and at most 8,192 px wide; places after the last point stay empty.

Sources: https://github.com/tensorflow/docs/blob/master/site/en/guide/embedding.md (metadata and images),
https://github.com/tensorflow/tensorboard/issues/670 (square), ``projector_config.proto`` and ``data-provider.ts``
(8,192 px) in https://github.com/tensorflow/tensorboard/tree/master/tensorboard/plugins/projector.
"""

from __future__ import annotations

import io
import math
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from lwal_core.analysis.base.subsample import subsample_per_class
from lwal_core.errors import ExportError
from lwal_core.export.tables import no_formula
from lwal_core.figures.palette import class_color
from lwal_core.sanitize import encodable

KINDS = ("label", "class mean", "sample")
MOST_SAMPLES = 10_000
"""Test samples written at most, as many of each class as there are; the projector's own methods take no more."""
MOST_NUMBERS = 5_000_000
"""Numbers written at most: some 60 MB of text."""
MOST_SIDE, MOST_SPRITE = 64, 8_192
"""Pixels of a picture, and of the whole sprite, at most."""

_DATE = (1980, 1, 1, 0, 0, 0)  # the same content makes the same file
_README = """Class vectors and test samples of a run, for TensorBoard's embedding projector.

Unpack into a folder and run   tensorboard --logdir FOLDER   then choose "Projector",
or load tensors.tsv and metadata.tsv at https://projector.tensorflow.org.

{notes}
"""


@dataclass(frozen=True, eq=False)
class ProjectorPoints:
    """Points to write. N points of K numbers.

    Attributes:
        vectors: ``[N, K]``.
        kinds: ``[N]`` of :data:`KINDS`.
        classes: ``[N]`` class index of each point, the true one of a sample.
        predicted: ``[N]`` predicted class index; -1 for none.
        rows: ``[N]`` index of a sample in the test set; -1 for none.
    """

    vectors: npt.NDArray[np.float64]
    kinds: Sequence[str]
    classes: npt.NDArray[np.intp]
    predicted: npt.NDArray[np.intp]
    rows: npt.NDArray[np.intp]


def projector_points(
    class_means: npt.ArrayLike | None,
    labels: npt.ArrayLike | None,
    samples: npt.ArrayLike | None = None,
    y: npt.ArrayLike = (),
    predicted: npt.ArrayLike = (),
    *,
    most_samples: int = MOST_SAMPLES,
) -> tuple[ProjectorPoints, list[str]]:
    """Put class vectors and test samples into one list of points.

    Samples are drawn class by class in turn (always the same ones), so that small classes are not lost. What has another
    number of columns than the class means (or, without these, the label table) cannot stand in one file and is left
    out, as are samples with values that are not finite.

    Args:
        class_means: ``[C, K]`` or None.
        labels: ``[C, K]`` label table, or None.
        samples: ``[N, K]`` embeddings of test samples, or None.
        y: ``[N]`` true class of each sample.
        predicted: ``[N]`` predicted class of each sample.
        most_samples: How many samples at most.

    Returns:
        The points (labels, then class means, then samples by index), and notes in plain English on what was left out.

    Raises:
        ExportError: No class vectors, ones that are not finite, too many numbers, or samples that do not fit ``y``.
    """
    tables = [(kind, np.asarray(table, dtype=np.float64)) for kind, table in zip(KINDS, (labels, class_means), strict=False)
              if table is not None]  # fmt: skip
    if not tables:
        raise ExportError("There are no class vectors to write.", "Give the class means or the label table.")
    count, width = tables[-1][1].shape
    notes: list[str] = []
    kept = []
    for kind, table in tables:
        if table.shape != (count, width):
            notes.append(f"The vectors of the kind {kind!r} have {table.shape[-1]:,} numbers, not {width:,}: left out.")
            continue
        broken = np.flatnonzero(~np.isfinite(table).all(axis=1))
        if len(broken):
            raise ExportError(
                f"The {kind} of class number {broken[0]} holds values that are not finite.",
                "Take an epoch before the training diverged.",
            )
        kept.append((kind, table))
    if len(kept) * count * width > MOST_NUMBERS:
        raise ExportError(
            f"{count:,} classes of {width:,} numbers are more than the projector can load (at most {MOST_NUMBERS:,}).",
            "Export the distances as CSV instead.",
        )
    own = np.arange(count)
    z, true, taken = np.zeros((0, width)), np.zeros(0, dtype=np.intp), np.zeros(0, dtype=np.intp)
    chosen = np.zeros(0, dtype=np.intp)
    if samples is not None:
        z, true, taken = np.asarray(samples), np.asarray(y, dtype=np.intp), np.asarray(predicted, dtype=np.intp)
        if z.ndim != 2 or not len(z) == len(true) == len(taken):
            raise ExportError(f"{z.shape} samples come with {len(true)} classes and {len(taken)} predictions.")
        if z.shape[1] == width:
            usable = np.flatnonzero(np.isfinite(z).all(axis=1) & (true >= 0) & (true < count))
            room = min(most_samples, MOST_NUMBERS // width - len(kept) * count)
            chosen = usable[subsample_per_class(true[usable], max(room, 0))]
            if len(chosen) < len(z):
                notes.append(f"Showing {len(chosen):,} of {len(z):,} test samples, as many of each class as there are.")
        else:
            notes.append(f"Test samples have {z.shape[1]:,} numbers, the classes {width:,}: left out.")
    rest = np.full(len(kept) * count, -1, dtype=np.intp)
    points = ProjectorPoints(
        vectors=np.vstack([*(table for _, table in kept), z[chosen].astype(np.float64).reshape(-1, width)]),
        kinds=[kind for kind, _ in kept for _ in range(count)] + [KINDS[2]] * len(chosen),
        classes=np.concatenate([*(own for _ in kept), true[chosen]]),
        predicted=np.concatenate([rest, taken[chosen]]),
        rows=np.concatenate([rest, chosen]),
    )
    return points, notes


def projector_zip(
    points: ProjectorPoints,
    names: Sequence[str],
    *,
    thumbnails: npt.ArrayLike | None = None,
    thumbnail_classes: npt.ArrayLike = (),
    tensor_name: str = "embedding",
    notes: Sequence[str] = (),
) -> bytes:
    """Write points as one zip file.

    It holds ``tensors.tsv``, ``metadata.tsv`` (class, kind, prediction, test_index), ``projector_config.pbtxt``,
    ``README.txt`` and, with thumbnails, ``sprite.png``: a class has its first thumbnail; a sample, of which no picture
    is kept, a tile in its class's colour.

    Args:
        points: The points.
        names: C class names, untrusted text; tabs and line breaks become blanks, names that are alike then get their
            class number.
        thumbnails: ``[M, H, W, 1 or 3]`` uint8 pictures, or None.
        thumbnail_classes: ``[M]`` class of each.
        tensor_name: What the projector calls the vectors.
        notes: Sentences for the README.

    Raises:
        ExportError: A class without a name.
    """
    if len(points.classes) and int(max(points.classes.max(), points.predicted.max())) >= len(names):
        raise ExportError(f"There are {len(names)} class names for a class number {int(points.classes.max())}.")
    shown = _plain_names(names)
    lines = ["\t".join(("class", "kind", "prediction", "test_index"))]
    for kind, own, taken, row in zip(
        points.kinds, points.classes.tolist(), points.predicted.tolist(), points.rows.tolist(), strict=True
    ):
        lines.append("\t".join((shown[own], kind, shown[taken] if taken >= 0 else "", str(row) if row >= 0 else "")))
    files: list[tuple[str, bytes]] = [
        ("tensors.tsv", _tensors(points.vectors)),
        ("metadata.tsv", ("\n".join(lines) + "\n").encode()),
    ]
    sprite = None if thumbnails is None else _sprite(points, np.asarray(thumbnails), np.asarray(thumbnail_classes))
    if sprite is not None:
        files.append(("sprite.png", sprite[0]))
    files.append(("projector_config.pbtxt", _config(tensor_name, sprite and sprite[1]).encode()))
    files.append(("README.txt", _README.format(notes="\n".join(notes)).encode("utf-8", "replace")))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files:
            method = zipfile.ZIP_STORED if name.endswith(".png") else zipfile.ZIP_DEFLATED
            archive.writestr(zipfile.ZipInfo(name, _DATE), content, method)
    return buffer.getvalue()


def _tensors(vectors: npt.NDArray[np.float64]) -> bytes:
    """Rows of numbers with nine significant digits, which bring any float32 back."""
    out = io.StringIO()
    np.savetxt(out, vectors + 0.0, fmt="%.9g", delimiter="\t", newline="\n")
    return out.getvalue().encode("ascii")


def _plain_names(names: Sequence[str]) -> list[str]:
    """Names on one line without tabs, different from each other."""
    texts = [" ".join(encodable(str(name)).split()) or "(no name)" for name in names]
    # Control characters are no white space to Python but may end a line elsewhere.
    texts = ["".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text) for text in texts]
    texts = [no_formula(text) for text in texts]  # a table of tabs is opened in spreadsheets, too
    seen: set[str] = set()
    for i, text in enumerate(texts):
        unique = text
        while unique in seen:
            unique = f"{unique} (class {i})"
        seen.add(unique)
        texts[i] = unique
    return texts


def _config(tensor_name: str, side: int | None) -> str:
    """``projector_config.pbtxt``, a text protocol buffer; what would need an escape in it is left out of the name."""
    name = "".join(c for c in tensor_name if c.isprintable() and c.isascii() and c not in "\"'\\") or "embedding"
    lines = [
        "embeddings {",
        f'  tensor_name: "{name}"',
        '  tensor_path: "tensors.tsv"',
        '  metadata_path: "metadata.tsv"',
    ]
    if side is not None:
        lines += [
            "  sprite {",
            '    image_path: "sprite.png"',
            f"    single_image_dim: {side}",
            f"    single_image_dim: {side}",
            "  }",
        ]
    return "\n".join([*lines, "}", ""])


def _sprite(
    points: ProjectorPoints, thumbnails: npt.NDArray[np.uint8], classes: npt.NDArray[np.integer]
) -> tuple[bytes, int] | None:
    """The sprite as a PNG and the side of one picture in px; None without usable thumbnails."""
    count = len(points.classes)
    if not count or thumbnails.ndim != 4 or not len(thumbnails) or thumbnails.dtype != np.uint8:
        return None
    if thumbnails.shape[3] not in (1, 3) or len(classes) != len(thumbnails):
        return None
    from PIL import Image

    grid = math.ceil(math.sqrt(count))
    side = max(1, min(MOST_SIDE, MOST_SPRITE // grid, max(thumbnails.shape[1:3])))
    sheet = np.zeros((grid * side, grid * side, 3), dtype=np.uint8)
    first = {int(c): i for i, c in reversed(list(enumerate(classes.tolist())))}
    pictures: dict[int, npt.NDArray[np.uint8]] = {}
    for place, (kind, own) in enumerate(zip(points.kinds, points.classes.tolist(), strict=True)):
        if kind == KINDS[2] or own not in first:
            color = class_color(own)
            tile: npt.ArrayLike = [int(color[i : i + 2], 16) for i in (1, 3, 5)]
        else:
            if own not in pictures:
                pictures[own] = _square(thumbnails[first[own]], side)
            tile = pictures[own]
        top, left = place // grid * side, place % grid * side
        sheet[top : top + side, left : left + side] = tile
    buffer = io.BytesIO()
    Image.fromarray(sheet).save(buffer, "PNG")
    return buffer.getvalue(), side


def _square(image: npt.NDArray[np.uint8], side: int) -> npt.NDArray[np.uint8]:
    """A picture scaled to fit a square, in its middle on black, ``[side, side, 3]``."""
    from PIL import Image

    height, width = image.shape[:2]
    scale = side / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    picture = Image.fromarray(image.squeeze(2) if image.shape[2] == 1 else image).convert("RGB")
    out = Image.new("RGB", (side, side))
    out.paste(picture.resize(size), ((side - size[0]) // 2, (side - size[1]) // 2))
    return np.asarray(out)
