"""Example runs: small, real and reproducible, shipped as bundles in ``examples/``.

A bundle names the sweep that made it in its tags. Pictures of CIFAR-10 are not passed on; the digits come with
scikit-learn, the pictograms with the project. What lies in ``examples/results/`` are further runs behind docs/results.md,
for whoever wants to check it.
"""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np

from lwal_core.analysis.comparison.claims import Claim, four_claims
from lwal_core.analysis.comparison.curve import Curve
from lwal_core.analysis.comparison.speed import compare
from lwal_core.analysis.hierarchy import Hierarchy
from lwal_core.config import BUILT_IN_DATA, RunConfig
from lwal_core.config.encoder import encoder_title
from lwal_core.errors import LwalError
from lwal_core.experiments.small_bundle import reduced
from lwal_core.results.run_curves import curve_of, distinct_labels
from lwal_core.results.run_tree import run_hierarchy, taxonomy_meaning
from lwal_core.runs import READING_TITLES, Reading, Run
from lwal_core.runs.bundle import examine_bundle, import_bundle, unpack_bundle, write_bundle
from lwal_core.runs.edits import set_tags
from lwal_core.runs.files import atomic_write
from lwal_core.system.child_processes import WEB_ROOT

FOLDER = WEB_ROOT / "examples"
RESULTS = "results"
"""Folder of the further runs; their test samples and the label tables between the first and the last stay behind."""
TAG = "example"
DRAWN_SEED = 1234
"""Seed of the pictograms' run whose tree is the first thing that Home shows: of the three that of whose tree most branches are groups
that most of the runs found."""
_SWEEP = "sweep:"
_SWEEP_TAG = re.compile(r"sweep:[a-z0-9-]{1,60}")  # tags are anybody's text, and this one is shown as a command


@dataclass(frozen=True)
class Example:
    """One bundle of ``examples/``: its file, what it trained, and the tags of its run."""

    path: Path
    config: RunConfig
    tags: tuple[str, ...]


def examples(*, results: bool = False) -> list[Example]:
    """The examples that come along, by name; none where the library is installed without them.

    Args:
        results: The further runs behind docs/results.md, too.
    """
    found = []
    for path in _files(results):
        record = examine_bundle(path).record
        found.append(Example(path, record.config, tuple(record.tags)))
    return found


def open_examples(*, results: bool = False) -> list[Run]:
    """Bring all examples into the home; those that are there already stay as they are.

    Args:
        results: The further runs behind docs/results.md, too.

    Raises:
        LwalError: None came along, or the home cannot be written.
    """
    paths = _files(results)
    if not paths:
        raise LwalError(f"There are no examples in {FOLDER}.", "They come with the project's clone.")
    return [import_bundle(path)[0] for path in paths]


def _files(results: bool) -> list[Path]:
    return sorted(FOLDER.glob("*.zip")) + (sorted((FOLDER / RESULTS).glob("*.zip")) if results else [])


@dataclass(frozen=True, eq=False)
class Study:
    """What the examples on one data set show.

    Attributes:
        title: The data set and the network.
        examples: Their bundles.
        accuracies: Best test accuracies over the epochs by method, one per seed, as fractions.
        curves: By method, one per seed, each read as the method is used.
        claims: The paper's four claims, answered from these runs alone.
        tree: Of the class means after the last epoch of a run that learned its labels; None when there is none.
        tree_of: That run's method and seed.
    """

    title: str
    examples: tuple[Example, ...]
    accuracies: dict[str, list[float]]
    curves: dict[str, list[Curve]]
    claims: tuple[Claim, ...]
    tree: Hierarchy | None
    tree_of: str

    @property
    def commands(self) -> tuple[str, ...]:
        """The commands that made the runs, each once."""
        return tuple(dict.fromkeys(filter(None, (made_by(example.tags) for example in self.examples))))


def studies() -> list[Study]:
    """The examples read from their bundles, a study each data set; those that a taxonomy fits come first.

    Nothing is written to a home, so this works in read-only mode, too; the files are unpacked into a folder of the
    system's that is gone afterwards.

    Raises:
        LwalError: A bundle is damaged. OSError: There is no place to unpack to.
    """
    by_data: dict[str, list[Example]] = {}
    for example in examples():
        by_data.setdefault(_title(example.config), []).append(example)
    found = [_study(title, members) for title, members in by_data.items()]
    return sorted(found, key=lambda study: not study.claims[-1].number)


_FOLDERS = {"cifar10-few": "CIFAR-10", "cifar10-images": "CIFAR-10", "cifar10-instruments": "CIFAR-10"}
"""Image folders of the sweep files, by what is in them."""


def _title(config: RunConfig) -> str:
    """The data, and the network where it is not the default: "CIFAR-10, ResNet-18"."""
    data, name = _FOLDERS.get(config.data.title, config.data.title), config.encoder.name
    if name == "auto":
        return data
    return f"{data}, {'frozen features' if name.startswith('frozen:') else encoder_title(name)}"


def _study(title: str, members: list[Example]) -> Study:
    with tempfile.TemporaryDirectory(prefix="lwal-examples-") as place:
        runs = []
        for number, example in enumerate(members):
            folder = Path(place) / str(number)
            folder.mkdir()
            runs.append(unpack_bundle(example.path, folder))
        # One-hot leads, then the methods by the length of their names: LwAL10 before its variants.
        order = sorted(runs, key=lambda run: (not run.config.method.is_baseline, len(run.config.method_label())))
        labels = distinct_labels({run.group: run.config for run in order})
        by_method: dict[str, list[Run]] = {}
        for run in order:
            by_method.setdefault(labels[run.group], []).append(run)
        readings = {
            reading: {label: [curve_of(run, reading) for run in same] for label, same in by_method.items()}
            for reading in cast(tuple[Reading, ...], tuple(READING_TITLES))
        }
        meanings = {label: found for label, same in by_method.items() if (found := taxonomy_meaning(same))}
        base = next((label for label, same in by_method.items() if same[0].config.method.is_baseline), "")
        learned = next((run for run in order if not run.config.method.is_baseline), None)
        compared = {READING_TITLES[reading]: compare(curves, base) for reading, curves in readings.items()}
        curves = readings["as-used"]
        return Study(
            title=title,
            examples=tuple(members),
            accuracies={label: [float(np.nanmax(c.accuracy)) for c in same] for label, same in curves.items()},
            curves=curves,
            claims=four_claims(compared[READING_TITLES["as-used"]], meanings, compared),
            tree=run_hierarchy(learned) if learned else None,
            tree_of=f"{learned.config.method_label()}, seed {learned.config.training.seed}" if learned else "",
        )


def made_by(tags: tuple[str, ...]) -> str:
    """The command that made a run with these tags; empty for one that is no example."""
    sweep = next((tag.removeprefix(_SWEEP) for tag in tags if _SWEEP_TAG.fullmatch(tag)), "")
    return f"lwal sweep docs/sweeps/{sweep}.yaml" if TAG in tags and sweep else ""


def pack_example(run: Run, path: Path, *, first: bool = True) -> int:
    """Write a run as an example; gives the size in bytes. Pictures go along only where the data comes with the project,
    and what only stands behind a table of the documents is packed without test samples and without the label tables
    between the first and the last, and on demand without the `first` one. Of pictograms, which have more numbers and pictures than all
    others together, the class means and one picture a class go along, and those between the first and the last of
    :data:`DRAWN_SEED` alone."""
    run = set_tags(run, list(dict.fromkeys([*run.record.tags, TAG])))
    whole = path.parent.name != RESULTS
    built_in = run.config.data.name in BUILT_IN_DATA
    if run.config.data.name == "pictograms":
        with tempfile.TemporaryDirectory(prefix="lwal-example-") as place:
            drawn = run.config.training.seed == DRAWN_SEED and run.config.method.learns_labels
            data = write_bundle(reduced(run, Path(place) / run.id), images=drawn, evaluation=False, between=drawn)
    else:
        data = write_bundle(run, images=built_in and whole, evaluation=whole, between=whole, first=first)
    atomic_write(path, lambda file: file.write(data))
    return len(data)
