"""The runs that come along: small, real, and reproducible, as bundles in ``examples/``.

A bundle names the sweep that made it in its tags. Pictures of CIFAR-10 are not passed on; the digits come with
scikit-learn.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from lwal_core.config import RunConfig
from lwal_core.errors import LwalError
from lwal_core.runs import Run
from lwal_core.runs.bundle import examine_bundle, keep_bundle, write_bundle
from lwal_core.runs.edits import set_tags
from lwal_core.runs.files import atomic_write

FOLDER = Path(__file__).resolve().parents[1] / "examples"
TAG = "example"
_SWEEP = "sweep:"
_SWEEP_TAG = re.compile(r"sweep:[a-z0-9-]{1,60}")  # tags are anybody's text, and this one is shown as a command


@dataclass(frozen=True)
class Example:
    """One bundle of ``examples/``: its file, what it trained, and the tags of its run."""

    path: Path
    config: RunConfig
    tags: tuple[str, ...]


def examples() -> list[Example]:
    """The examples that come along, by name; none where the library is installed without them."""
    found = []
    for path in sorted(FOLDER.glob("*.zip")):
        record = examine_bundle(path).record
        found.append(Example(path, record.config, tuple(record.tags)))
    return found


def open_examples() -> list[Run]:
    """Bring all examples into the home; those that are there already stay as they are.

    Raises:
        LwalError: None came along, or the home cannot be written.
    """
    paths = sorted(FOLDER.glob("*.zip"))
    if not paths:
        raise LwalError(f"There are no examples in {FOLDER}.", "They come with the project's clone.")
    return [keep_bundle(path)[0] for path in paths]


def made_by(tags: tuple[str, ...]) -> str:
    """The command that made a run with these tags; empty for one that is no example."""
    sweep = next((tag.removeprefix(_SWEEP) for tag in tags if _SWEEP_TAG.fullmatch(tag)), "")
    return f"lwal sweep docs/sweeps/{sweep}.yaml" if TAG in tags and sweep else ""


def pack_example(run: Run, path: Path) -> int:
    """Write a run as an example; gives the size in bytes. Pictures go along only where the data comes with the project."""
    run = set_tags(run, [*run.record.tags, TAG])
    built_in = run.config.data.name in ("digits", "shapes")
    data = write_bundle(run, images=built_in)
    atomic_write(path, lambda file: file.write(data))
    return len(data)
