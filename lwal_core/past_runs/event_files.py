"""Event files of TensorBoard, read with the ``tensorboard`` package, which an extra brings."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from lwal_core.datafiles.arrays import readable
from lwal_core.errors import ImportFileError
from lwal_core.past_runs.columns import is_epoch, meaning
from lwal_core.past_runs.epochs import MAX_VALUES, Curves, Row, curves_of

MAX_FILES, MAX_BYTES = 100, 256 * 2**20
"""Event files of one folder, and their bytes together."""
INSTALL_HINT = "Install it: pip install 'lwal-explorer[tensorboard]'; or save the curves as CSV."
_FRAME_BYTES = 16
"""Length and checksums around each event: https://www.tensorflow.org/tutorials/load_data/tfrecord."""
_ELAPSED = "wall time (elapsed)"


def read_events(path: Path) -> Curves:
    """Read the scalars of an event file, or of those in a folder.

    Args:
        path: A file with ``tfevents`` in its name, or a folder that holds some.

    Raises:
        ImportFileError: There are none, they are too large, they hold no scalars, or the package is not installed.
    """
    if path.is_dir():
        files = sorted(file for file in path.iterdir() if "tfevents" in file.name and file.is_file())
        if not files:
            raise ImportFileError(
                f"{path.name!r} holds no event files of TensorBoard.",
                "Their names hold tfevents; give the folder that they lie in.",
            )
    else:
        files = [path]
    size = sum(file.stat().st_size for file in files)
    if len(files) > MAX_FILES or size > MAX_BYTES:
        raise ImportFileError(
            f"{path.name!r} has {len(files):,} event files of {size / 2**20:,.0f} MiB.",
            f"At most {MAX_FILES} files and {MAX_BYTES // 2**20} MiB are read; those of one training are enough.",
        )
    scalars: list[tuple[float, float, str, float]] = []
    notes = []
    for file in files:
        with readable(file, "event"):
            read, whole = _scalars(file, MAX_VALUES - len(scalars))
        scalars += read
        if not whole:
            notes.append(f"{file.name!r} is cut off or damaged after {len(read):,} values; those before are read.")
    if not scalars:
        raise ImportFileError(
            f"{path.name!r} holds no scalars that can be read.",
            "Event files with losses and accuracies are written by add_scalar.",
        )
    return curves_of(path.name, _rows(scalars), notes)


def _scalars(file: Path, most: int) -> tuple[list[tuple[float, float, str, float]], bool]:
    """``(step, wall time, tag, value)`` of each scalar, and whether the file is whole."""
    try:
        from tensorboard.backend.event_processing.event_file_loader import RawEventFileLoader
        from tensorboard.compat.proto.event_pb2 import Event
    except ImportError:
        raise ImportFileError(
            f"{file.name!r} is an event file of TensorBoard, whose package is not installed.", INSTALL_HINT
        ) from None
    found: list[tuple[float, float, str, float]] = []
    used = 0
    for record in RawEventFileLoader(str(file.absolute())).Load():
        used += len(record) + _FRAME_BYTES
        event: Any = Event.FromString(record)
        for value in event.summary.value:
            number = _scalar(value)
            if number is not None:
                found.append((float(event.step), float(event.wall_time), str(value.tag), number))
            if len(found) > most:
                raise ImportFileError(
                    f"{file.name!r} has more than {MAX_VALUES:,} values.", "Give the file of one training."
                )
    return found, used == file.stat().st_size


def _scalar(value: Any) -> float | None:
    """The number of a summary: as torch writes it, or as a tensor of one number, as TensorFlow 2 and Keras do."""
    if value.HasField("simple_value"):
        return float(value.simple_value)
    # A shape is only what a file says; a tensor of more than one number is not built.
    if not value.HasField("tensor") or any(dim.size != 1 for dim in value.tensor.tensor_shape.dim):
        return None
    if value.metadata.plugin_data.plugin_name not in ("scalars", ""):
        return None
    from tensorboard.util.tensor_util import make_ndarray

    array = make_ndarray(value.tensor)
    return float(array.item()) if array.dtype.kind in "fiu" and array.size == 1 else None


def _rows(scalars: list[tuple[float, float, str, float]]) -> list[Row]:
    """A row for each step, with the time since the first value where no tag says seconds."""
    steps: dict[float, dict[str, float]] = {}
    epochs: dict[float, float] = {}
    times: dict[float, float] = {}
    for step, time, tag, value in scalars:
        if is_epoch(tag):
            epochs[step] = value
        else:
            steps.setdefault(step, {})[tag] = value
        times[step] = max(time, times.get(step, time))
    timed = any((told := meaning(tag)) is not None and told.measure == "time" for row in steps.values() for tag in row)
    start = min(time for _, time, _, _ in scalars)
    if not timed and all(math.isfinite(time) for time in times.values()):
        for step, row in steps.items():
            row[_ELAPSED] = times[step] - start
    return [Row(epochs.get(step), step, steps[step]) for step in sorted(steps)]
