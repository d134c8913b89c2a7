"""Snapshot of runs for a shared link."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
import orjson

from lwal_core.analysis.hierarchy import Hierarchy
from lwal_core.errors import ExportError, LwalError
from lwal_core.export.pictures.card import tree_card
from lwal_core.results.report import run_report
from lwal_core.results.run_tree import names_of_nodes, proposed_names_of_nodes, run_hierarchy, run_taxonomy
from lwal_core.results.tree_spec import TreeSpec
from lwal_core.runs import Run, paths, read_annotations
from lwal_core.runs.bundle import files_for_others
from lwal_core.security.permissions import check_writable
from lwal_core.security.redact import for_others
from lwal_core.shares.opened import TAXONOMY
from lwal_core.shares.store import CARD, REPORT, Share, create_share
from lwal_core.taxonomy.record import record_of_taxonomy

MAX_FILE_BYTES = 512 * 2**20
MAX_BESIDE = 50
MAX_LABEL_BYTES = 64 * 2**20
"""Label tables and class means that come along, of all epochs and runs together; of more, epochs are left out evenly."""
MAX_EPOCHS, MAX_EPOCHS_BESIDE = 200, 1_000
"""Epochs of the run that is shared, and of all the runs beside it together."""
MAX_TAXONOMY_BYTES = 4 * 2**20


def share_run(
    run: Run,
    spec: TreeSpec | None = None,
    *,
    beside: Sequence[Run] = (),
    note: str = "",
    expires: datetime | None = None,
    pictures: bool = False,
) -> tuple[Share, str]:
    """Share a run as it is looked at now.

    Args:
        run: The run whose tree, map and tables are shown.
        spec: Which of its trees, cut into how many groups at first; None for that of the newest class means.
        beside: Runs whose curves and trees are shown too.
        note: For the owner's list.
        expires: Until when, with a time zone; None for no end.
        pictures: With a picture of each class, where the data are images.

    Returns:
        The snapshot and its token, which cannot be had again.

    Raises:
        ReadOnlyError: Nothing may be changed here.
        LwalError: The report cannot be made, or the snapshot not be kept.
    """
    check_writable("share anything")
    others = [other for other in {each.id: each for each in beside}.values() if other.id != run.id]
    if len(others) > MAX_BESIDE:
        raise ExportError(f"{len(others)} runs beside this one are too many.", f"Share at most {MAX_BESIDE}.")
    spec = spec or TreeSpec.of(run)
    report = run_report(run, spec, beside=others)
    files = {REPORT: report}
    of_run = [paths.RECORD, paths.METRICS, paths.EVALUATION, paths.ANNOTATIONS]
    kept = _kept_epochs(run, spec.epoch, MAX_EPOCHS, MAX_LABEL_BYTES // (2 if others else 1))
    drawn_from = [(run, of_run + _label_names(run, kept))]
    for other in others:
        most, room = max(1, MAX_EPOCHS_BESIDE // len(others)), MAX_LABEL_BYTES // 2 // len(others)
        epochs = _kept_epochs(other, spec.epoch, most, room)
        drawn_from.append((other, [paths.RECORD, paths.METRICS, *_label_names(other, epochs)]))
    for each, names in drawn_from:
        for name in names:
            _check(each.path / name)
        copies = files_for_others(each, names)
        files |= {f"runs/{each.id}/{name}": data for name, data in copies.items()}
    if pictures and (shown := _pictures(run)):
        files[f"runs/{run.id}/{paths.SAMPLES}"] = shown
    files |= _taxonomy(run) | _card(run, spec, run_hierarchy(run, spec))
    view = {**spec.view(), "classes": len(run.class_names)}
    return create_share(
        files,
        title=for_others(run.name),
        runs=[run.id, *(other.id for other in others)],
        view=view,
        note=note,
        expires=expires,
        in_app=True,
    )


def _kept_epochs(run: Run, shown: int, most: int, room: int) -> list[int]:
    """Epochs whose label tables come along: the one that is shown, and of the others as many as there is room for, evenly.

    Args:
        run: The run.
        shown: Epoch that is shown at first.
        most: How many at most.
        room: Bytes that their files may take.
    """
    epochs = run.label_epochs()
    if not epochs:
        return []
    size = sum(paths.label_file(run.path, epoch).stat().st_size for epoch in epochs)
    count = min(most, len(epochs) if size <= room else int(len(epochs) * room / size))
    if count < len(epochs):
        places = np.unique(np.linspace(0, len(epochs) - 1, count).round().astype(int)) if count > 1 else ()
        epochs = [epochs[place] for place in places] + [shown] * (shown in epochs)
    return sorted(set(epochs))


def _label_names(run: Run, epochs: Iterable[int]) -> list[str]:
    return [paths.label_file(run.path, epoch).relative_to(run.path).as_posix() for epoch in epochs]


def _pictures(run: Run) -> bytes:
    """The first thumbnail of each class as a file of thumbnails; empty where there are none."""
    samples = run.samples()
    if samples is None or not len(samples.y):
        return b""
    _, first = np.unique(samples.y, return_index=True)
    out = io.BytesIO()
    np.savez_compressed(out, images=samples.images[first], y=samples.y[first])
    return out.getvalue()


def _taxonomy(run: Run) -> dict[str, bytes]:
    """The reference that clades are named by, as a file; none where there is none."""
    try:
        taxonomy = run_taxonomy(run)
    except LwalError:
        return {}
    if taxonomy is None:
        return {}
    said = replace(taxonomy, source=for_others(taxonomy.source), made=for_others(taxonomy.made))
    try:
        data = orjson.dumps(record_of_taxonomy(said))
    except TypeError:  # a name that is no Unicode, brought by a file
        return {}
    return {TAXONOMY: data} if len(data) <= MAX_TAXONOMY_BYTES else {}


def _card(run: Run, spec: TreeSpec, h: Hierarchy) -> dict[str, bytes]:
    """The picture for chat windows as a file; none where it cannot be drawn, which is no reason to share nothing."""
    cut = spec.cut or h.default_groups
    named = {**proposed_names_of_nodes(run, h), **names_of_nodes(h, read_annotations(run.path))}
    when = "" if run.config.imported else f" after epoch {spec.epoch}"
    subtitle = f"{h.n:,} {'class' if h.n == 1 else 'classes'}, {spec.vectors_title.lower()}{when}"
    try:
        picture = tree_card(
            h,
            for_others(run.name),
            subtitle,
            cut=cut,
            clade_names={node: for_others(name) for node, name in named.items()},
        )
    except LwalError:
        return {}
    return {CARD: picture}


def _check(path: Path) -> None:
    """Refuse a file that cannot be copied; one that is not there (no test set yet, no named clades) is left out."""
    try:
        with open(path, "rb"):
            size = path.stat().st_size
    except FileNotFoundError:
        return
    except OSError as error:
        raise ExportError(f"{path.name} cannot be read: {error}.", "Check the run's folder.") from error
    if size > MAX_FILE_BYTES:
        raise ExportError(f"{path.name} is larger than {MAX_FILE_BYTES // 2**20} MiB.", "Share another run.")
