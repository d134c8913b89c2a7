"""Projection task: input, method, parameters; the unit that is computed and cached."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from hashlib import blake2b
from importlib.metadata import PackageNotFoundError, version
from typing import Any, cast

import numpy as np

from lwal_core.analysis.projection import (
    ALGORITHM_VERSION,
    MDS_LIMIT,
    PARAMS,
    Method,
    Projection,
    check_params,
    fits_exactly,
    project,
    project_snapshots,
    project_with_samples,
)
from lwal_core.errors import AnalysisError

LIBRARIES = ("numpy", "scipy", "scikit-learn", "umap-learn", "pynndescent", "numba")
"""Whose versions are part of the key: another version may give another picture."""
MOMENT_SECONDS = 0.3
"""What may be computed where it is asked for; all else goes to a process of its own."""


@dataclass(frozen=True, eq=False)
class ProjectionTask:
    """Vectors, method and parameters; equal keys have equal projections.

    Attributes:
        frames: ``[C, K]`` vectors of the classes, one array an epoch, in order of time.
        method: One of :data:`lwal_core.analysis.projection.METHODS`.
        dimensions: 2 or 3.
        params: All parameters of the method, with ``seed``.
        samples: ``[S, K]`` samples to be projected jointly with the classes of the only frame; None for none.
    """

    frames: tuple[np.ndarray, ...]
    method: str
    dimensions: int
    params: dict[str, Any]
    samples: np.ndarray | None = None
    key: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "key", _digest(self))

    @staticmethod
    def make(
        frames: Sequence[np.ndarray],
        method: str,
        dimensions: int = 2,
        seed: int = 0,
        params: dict[str, Any] | None = None,
        samples: np.ndarray | None = None,
    ) -> ProjectionTask:
        """A task with the defaults filled in, so that saying a default and leaving it out are the same task.

        Raises:
            AnalysisError: A parameter that the method does not take, or not one frame where there are samples.
        """
        used = check_params(method, dimensions, seed, params or {})
        if not frames or (samples is not None and len(frames) != 1):
            raise AnalysisError(f"{len(frames)} frames cannot be projected.", "Give one or more, with samples one.")
        plain = {name: _plain(value, PARAMS[method].get(name, (0,))[0]) for name, value in used.items()}
        return ProjectionTask(tuple(frames), method, dimensions, plain, samples)

    def compute(self) -> list[Projection]:
        """Compute everything, here and now.

        Returns:
            A projection per frame; with samples, that of the classes and that of the samples.

        Raises:
            AnalysisError: There is no such projection of these vectors.
        """
        params = dict(self.params)
        seed, method = params.pop("seed"), cast(Method, self.method)
        if self.samples is not None:
            return list(project_with_samples(self.frames[0], self.samples, method, self.dimensions, seed, **params))
        if len(self.frames) == 1:
            return [project(self.frames[0], method, self.dimensions, seed, **params)]
        return project_snapshots(self.frames, method, self.dimensions, seed, **params)


def _plain(value: Any, default: Any) -> Any:
    """A parameter as Python's own number, of the kind that its default has: 30 and 30.0 are one perplexity."""
    value = value.item() if isinstance(value, np.generic) else value
    return float(value) if isinstance(default, float) else value


@cache
def _versions() -> tuple[str, ...]:
    """Versions of the libraries, asked of the installation so that none of them is imported."""

    def of(name: str) -> str:
        try:
            return version(name)
        except PackageNotFoundError:
            return "none"

    return tuple(f"{name} {of(name)}" for name in LIBRARIES)


def _digest(task: ProjectionTask) -> str:
    arrays = [*task.frames, *([] if task.samples is None else [task.samples])]
    about = [
        ALGORITHM_VERSION, _versions(), task.method, task.dimensions, task.params, task.samples is not None,
        [(array.dtype.str, array.shape) for array in arrays],
    ]  # fmt: skip
    digest = blake2b(json.dumps(about, sort_keys=True).encode(), digest_size=20)
    for array in arrays:
        digest.update(np.ascontiguousarray(array).data.cast("B") if array.size else b"")
    return digest.hexdigest()


def expected_seconds(task: ProjectionTask) -> float:
    """About how long a task takes on one core once its libraries are loaded, good to a factor of three.

    Fitted to measurements of 10 to 2,000 points with 10 to 512 dimensions.
    """
    points = len(task.frames[0]) + (0 if task.samples is None else len(task.samples))
    columns, frames = task.frames[0].shape[-1], len(task.frames)
    side = min(points, columns)
    seconds = 2e-9 * points * columns * side + 1e-8 * points * columns * frames
    if task.method == "mds" and points <= MDS_LIMIT:
        seconds += frames * (0.06 + 5e-6 * points**2)
    elif task.method == "tsne":
        seconds += frames * (0.1 + 6e-3 * points)
    elif task.method == "umap":
        seconds += frames * (0.1 + 2e-3 * points + 8e-7 * points**2)
    return seconds


def takes_a_moment(task: ProjectionTask) -> bool:
    """Whether a task is worth a process of its own: all but principal components of little, and sets so small that
    they are projected exactly.

    Raises:
        AnalysisError: The vectors hold values that are not finite, or none.
    """
    if expected_seconds(task) > MOMENT_SECONDS and task.method == "pca":
        return True
    if task.method == "pca":
        return False
    # The libraries behind the others take seconds to load, so their own time does not matter.
    arrays = task.frames if task.samples is None else (np.vstack([task.frames[0], task.samples]),)
    return not all(fits_exactly(array, task.dimensions, task.params["metric"]) for array in arrays)


# --- as bytes, for another process ----------------------------------------------------------------------------------


def task_bytes(task: ProjectionTask) -> bytes:
    """A task as bytes; :func:`read_task` reads them."""
    from safetensors.numpy import save

    about = {"method": task.method, "dimensions": task.dimensions, "params": task.params}
    arrays = {f"frame-{index:06d}": np.ascontiguousarray(frame) for index, frame in enumerate(task.frames)}
    if task.samples is not None:
        arrays["samples"] = np.ascontiguousarray(task.samples)
    arrays["about"] = np.frombuffer(json.dumps(about).encode(), dtype=np.uint8)
    payload = save(arrays)
    return blake2b(payload).digest() + payload


def read_task(data: bytes) -> ProjectionTask:
    """A task from its bytes.

    Raises:
        ValueError: They are damaged.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    checksum, payload = data[:64], data[64:]
    if blake2b(payload).digest() != checksum:
        raise ValueError("the request does not fit its checksum")
    try:
        arrays = load(payload)
        about = json.loads(arrays["about"].tobytes())
        frames = tuple(arrays[name] for name in sorted(arrays) if name.startswith("frame-"))
        return ProjectionTask(frames, about["method"], about["dimensions"], about["params"], arrays.get("samples"))
    except (SafetensorError, KeyError, TypeError) as error:
        raise ValueError(f"no request of this version: {error}") from error
