"""Snapshot of runs for a shared link."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from lwal_core.errors import ExportError
from lwal_core.results.report import run_report
from lwal_core.results.tree_spec import TreeSpec
from lwal_core.runs import Run, paths
from lwal_core.runs.bundle import files_for_others
from lwal_core.security.permissions import check_writable
from lwal_core.security.redact import for_others
from lwal_core.shares.store import REPORT, Share, create_share

MAX_FILE_BYTES = 512 * 2**20
MAX_BESIDE = 50


def share_run(
    run: Run,
    spec: TreeSpec | None = None,
    *,
    beside: Sequence[Run] = (),
    note: str = "",
    expires: datetime | None = None,
) -> tuple[Share, str]:
    """Share a run as it is looked at now.

    Args:
        run: The run whose tree, map and tables are shown.
        spec: Which of its trees, cut into how many groups at first; None for that of the newest class means.
        beside: Runs whose curves are shown too.
        note: For the owner's list.
        expires: Until when, with a time zone; None for no end.

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
    label_file = paths.label_file(run.path, spec.epoch).relative_to(run.path).as_posix()
    drawn_from = (paths.RECORD, paths.METRICS, label_file, paths.EVALUATION, paths.ANNOTATIONS)
    for each, names in [(run, drawn_from), *((other, (paths.RECORD, paths.METRICS)) for other in others)]:
        for name in names:
            _check(each.path / name)
        copies = files_for_others(each, names)
        files |= {f"runs/{each.id}/{name}": data for name, data in copies.items()}
    view = {**spec.view(), "classes": len(run.class_names)}
    return create_share(
        files,
        title=for_others(run.name),
        runs=[run.id, *(other.id for other in others)],
        view=view,
        note=note,
        expires=expires,
    )


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
