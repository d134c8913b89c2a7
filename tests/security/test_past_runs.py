"""Trainings from strangers: each file is taken or refused with a sentence, and none does anything else."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from lwal_core.cli.files import import_
from lwal_core.errors import ImportFileError
from lwal_core.past_runs.curve_files import holds_curves, read_curves
from lwal_core.past_runs.keep import keep_predictions, keep_training
from lwal_core.past_runs.prediction_files import holds_predictions, read_predictions
from lwal_core.past_runs.series import open_series
from lwal_core.runs import list_runs, open_run
from tests.security.corpus.past_runs import PAST_RUNS
from tests.security.making import Bytes
from tests.security.measure import complaints


def _as_curves(path: Path) -> None:
    holds_curves(path)
    keep_training(None, (path, read_curves(path)))


def _as_predictions(path: Path) -> None:
    holds_predictions(path)
    keep_predictions(read_predictions(path))


WAYS: dict[str, Callable[[Path], None]] = {
    "curves": _as_curves,
    "predictions": _as_predictions,
    "lwal import": lambda path: import_(str(path)),
}


def test_curves_and_predictions(home: Path, scratch: Path, inbox: Path, tmp_path: Path) -> None:
    def bring(name: str, make: Bytes, way: str) -> None:
        path = inbox / name
        path.write_bytes(make())
        WAYS[way](path)

    ways = {what: [*WAYS][:2] if not what.startswith("index") else ["lwal import"] for what in PAST_RUNS}
    ways |= {what: [*WAYS] for what in PAST_RUNS if " for names" in what or " for classes" in what}  # which it prints
    acts = {f"{what}, as {way}": partial(bring, *PAST_RUNS[what], way) for what in PAST_RUNS for way in ways[what]}
    assert complaints(acts, home, scratch, inbox) == []
    assert not (tmp_path / "executed").exists()
    assert len(list_runs()) > 10
    for summary in list_runs():  # whatever was taken is a run whose numbers and names can be shown
        run = open_run(summary.id)
        assert run.status == "done" and all(name.isprintable() for name in (*run.class_names, *run.metrics().extra))
        for epoch in run.label_epochs():
            assert np.isfinite(run.vectors(epoch)).all()


def test_a_series_of_strangers_files_never_ends_the_command(home: Path, inbox: Path) -> None:
    good = b"name,x,y\na,1,2\nb,2,1\n"
    for i, (name, make) in enumerate([("x.csv", lambda: good), *PAST_RUNS.values()]):
        if Path(name).suffix in (".csv", ".npz") and i < 12:
            (inbox / f"epoch_{i}{Path(name).suffix}").write_bytes(make()[: 10**6])
    (inbox / "epoch_99.csv").write_bytes(good)
    (inbox / "epoch_98.csv").symlink_to("/dev/zero")
    series = open_series(inbox, "epoch_*")
    run = keep_training(series, None)
    assert run.label_epochs() == [0, 99] and len(series.left_out) >= 8


@pytest.mark.parametrize("pattern", ["../../etc/*", "/etc/passwd", "**/*", "*/../../*"])
def test_a_pattern_leads_nowhere_else(inbox: Path, pattern: str) -> None:
    with pytest.raises(ImportFileError):
        open_series(inbox, pattern)
