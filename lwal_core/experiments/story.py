"""The first story: what the example with pictures and a taxonomy found, read from its bundles."""

from __future__ import annotations

import base64
import io
import math
import tempfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from lwal_core.analysis.base.formatting import format_mean_sd, format_number
from lwal_core.analysis.comparison.claims import Meaning
from lwal_core.analysis.hierarchy import Hierarchy
from lwal_core.experiments.examples import FOLDER, made_by
from lwal_core.figures.story import StoryGroup, story_groups
from lwal_core.results.run_tree import run_hierarchy, taxonomy_agreement, taxonomy_meaning
from lwal_core.results.tree_spec import TreeSpec
from lwal_core.runs import Run
from lwal_core.runs.bundle import unpack_bundle

DATA = "pictograms"
"""The data set that the story is about; its examples begin with this name."""
MOST_NAMED = 3
"""Groups that the sentence names."""


@dataclass(frozen=True, eq=False)
class Story:
    """What is told on a first visit.

    Attributes:
        method: Label of the method.
        seeds: Of the runs.
        seed: Of the run whose tree is drawn.
        trees: Its class trees by epoch.
        pictures: A picture of each of its C classes as a data address.
        groups: The groups of the taxonomy.
        taxonomy: What the taxonomy is called.
        meaning: Agreement of the distances with it; None where it is undefined.
        command: What makes the runs again; empty where that is not known.
    """

    method: str
    seeds: tuple[int, ...]
    seed: int
    trees: Mapping[int, Hierarchy]
    pictures: tuple[str, ...]
    groups: tuple[StoryGroup, ...]
    taxonomy: str
    meaning: Meaning | None
    command: str

    @property
    def found(self) -> tuple[StoryGroup, ...]:
        """Groups that the story tells of, those with most classes first, none inside another one of them."""
        told = [group for group in self.groups if group.told]
        outer = [g for g in told if not any(g.members < other.members for other in told)]
        return tuple(sorted(outer, key=lambda group: (-len(group.members), group.title)))

    def sentence(self) -> str:
        """What was found, in at most twelve words."""
        titles = [f"“{group.title}”" for group in self.found]
        if not titles:
            return "No group of the taxonomy was found in most runs."
        more = len(titles) - MOST_NAMED
        named = titles if more <= 0 else [*titles[:MOST_NAMED], f"{more} more"]
        together = named[0] if len(named) == 1 else f"{', '.join(named[:-1])} and {named[-1]}"
        runs, counts = len(self.seeds), {group.found for group in self.found}
        if counts == {runs}:
            return f"The network found {together} by itself."
        return f"The network found {together} in {f'{min(counts)} of {runs}' if len(counts) == 1 else 'most'} runs."

    def evidence(self) -> str:
        """How often, by what and what was not found, in a sentence or two."""
        runs = len(self.seeds)
        always = sum(group.found == runs for group in self.groups)
        times = "in the one run" if runs == 1 else f"in each of {runs} runs"
        agreement = chance = ""
        if self.meaning is not None:
            agreement = f" Kendall's tau with it is {format_mean_sd(list(self.meaning.taus.values()))}"
            chance = "." if math.isnan(self.meaning.p) else f", p {format_number(self.meaning.p, digits=2)}."
        return (
            f"{self.method}: {always} of {len(self.groups)} groups of the taxonomy are branches of the tree {times}."
            f"{agreement}{chance} The training sees one class name for each picture and no groups. "
            f"Drawn: seed {self.seed}, the one with most of them."
        )


def first_story() -> Story | None:
    """The story of the examples; None where none with a taxonomy came along. Nothing is written to a home.

    Raises:
        LwalError: A bundle is damaged. OSError: There is no place to unpack to.
    """
    paths = sorted(FOLDER.glob(f"{DATA}-*.zip"))
    if not paths:
        return None
    with tempfile.TemporaryDirectory(prefix="lwal-story-") as place:
        runs = []
        for number, path in enumerate(paths):
            folder = Path(place) / str(number)
            folder.mkdir()
            run = unpack_bundle(path, folder)
            if run.config.method.learns_labels:
                runs.append(run)
        return story_of(runs)


def story_of(runs: list[Run]) -> Story | None:
    """What these runs found, which differ in their seed alone; the first one with pictures is drawn, else the first. None where there is no
    run or no taxonomy fits."""
    from scipy.spatial.distance import squareform

    found: Counter[frozenset[int]] = Counter()
    titles: dict[frozenset[int], str] = {}
    taxonomy = ""
    for run in runs:
        h = run_hierarchy(run)
        agreement = taxonomy_agreement(run.class_names, squareform(h.distances))
        if agreement is None:
            return None
        taxonomy, number = agreement.taxonomy.title, {name: i for i, name in enumerate(run.class_names)}
        there, missing = agreement.groups_in(h.linkage)
        for known, clade in ((there, True), (missing, False)):
            for title, members in known:
                own = frozenset(number[member] for member in members)
                titles[own] = title
                found[own] += clade
    if not runs or not titles:
        return None
    drawn = next((run for run in runs if run.samples() is not None), runs[0])
    spec = TreeSpec.of(drawn)
    trees = {epoch: run_hierarchy(drawn, replace(spec, epoch=epoch)) for epoch in drawn.label_epochs()}
    return Story(
        method=drawn.config.method_label(),
        seeds=tuple(sorted(run.config.training.seed for run in runs)),
        seed=drawn.config.training.seed,
        trees=trees,
        pictures=_pictures(drawn),
        groups=tuple(story_groups(titles, found, len(runs))),
        taxonomy=taxonomy,
        meaning=taxonomy_meaning(runs),
        command=made_by(tuple(drawn.record.tags)),
    )


def _pictures(run: Run) -> tuple[str, ...]:
    """The first picture of each class as a PNG in a data address; empty where there is none."""
    from PIL import Image

    samples = run.samples()
    if samples is None:
        return ("",) * len(run.class_names)
    pictures = []
    for index in range(len(run.class_names)):
        own = np.flatnonzero(samples.y == index)
        if not len(own):
            pictures.append("")
            continue
        buffer = io.BytesIO()
        Image.fromarray(samples.images[own[0]].squeeze()).save(buffer, "PNG")
        pictures.append(f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}")
    return tuple(pictures)
