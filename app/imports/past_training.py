"""Import of past trainings: curves, predictions, and checkpoints by epoch, uploaded or in a folder on the server."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import streamlit as st

from app.common.wording import plain
from app.imports.uploads import UploadedSeries
from lwal_core.errors import ImportFileError
from lwal_core.figures.labels import one_line
from lwal_core.imports import existing
from lwal_core.past_runs.curve_files import holds_curves, read_curves
from lwal_core.past_runs.epochs import Curves
from lwal_core.past_runs.keep import Labelling, keep_predictions, keep_training
from lwal_core.past_runs.prediction_files import holds_predictions, read_predictions
from lwal_core.past_runs.series import open_series
from lwal_core.runs import Run

METHOD, DATA, SEED, PATTERN, CURVES = "bring_method", "bring_data", "bring_seed", "bring_pattern", "bring_curves"
KEYS = (METHOD, DATA, SEED, PATTERN, CURVES)
"""Fields of the dialog that are emptied when it closes."""
Buttons = Callable[[Callable[[], tuple[Run, bool]]], None]


def draw_file(
    path: Path, names: Sequence[str] | None, names_field: Callable[[], None], name_key: str, buttons: Buttons
) -> bool:
    """Draw a file of curves or predictions; False for any other, of which nothing is drawn.

    Args:
        path: The file.
        names: Class names that were typed.
        names_field: Draws the field for them.
        name_key: Key of the field for the run's name.
        buttons: Draws the buttons, given what keeps the file.

    Raises:
        LwalError: It looks like one of them and cannot be read.
    """
    if holds_curves(path):
        curves = read_curves(path)
        _lines(_told(path, curves))
        _labelling_fields(path, name_key)
        buttons(lambda: (keep_training(None, (path, curves), _labelling(name_key)), True))
        return True
    if holds_predictions(path):
        predictions = read_predictions(path, names=names)
        _lines(predictions.described())
        names_field()
        _labelling_fields(path, name_key)
        buttons(lambda: (keep_predictions(predictions, _labelling(name_key)), True))
        return True
    return False


def draw_series(
    folder: Path, names: Sequence[str] | None, names_field: Callable[[], None], name_key: str, buttons: Buttons
) -> None:
    """Draw a folder of checkpoints, an epoch each.

    Args:
        folder: The folder, on the machine of the app.
        names: Class names that were typed.
        names_field: Draws the field for them.
        name_key: Key of the field for the run's name.
        buttons: Draws the buttons, given what keeps the run.

    Raises:
        LwalError: Nothing in it can be read.
    """
    pattern = st.text_input(
        "Checkpoints", key=PATTERN, placeholder="epoch_*.pt",
        help="The folder holds no run of this app. Names of the checkpoints in it, with * for what changes: each becomes an epoch. "
        "checkpoint-*/model.safetensors for files in folders.",
    )  # fmt: skip
    beside = st.text_input(
        "Curves", key=CURVES, placeholder="metrics.csv",
        help="If there are some: a file in the folder with numbers by epoch, CSV, trainer_state.json or an event file of TensorBoard.",
    )  # fmt: skip
    if not pattern.strip():
        st.caption("The folder is none of a run. Say what its checkpoints are called, and each becomes an epoch.")
        return
    file = existing(folder / beside.strip()) if beside.strip() else None
    _draw_found(folder, pattern.strip(), file, (), names, names_field, name_key, buttons)


def draw_uploaded_series(
    uploaded: UploadedSeries,
    names: Sequence[str] | None,
    names_field: Callable[[], None],
    name_key: str,
    buttons: Buttons,
) -> None:
    """Draw checkpoints that were uploaded together, an epoch each; arguments and errors otherwise as for :func:`draw_series`."""
    with_name = (names, names_field, name_key, buttons)
    endings = {path.suffix for path in uploaded.folder.glob("*")}
    if not endings:
        raise ImportFileError("There is no checkpoint among the files.", "Upload a file of curves alone.")
    pattern = f"*{endings.pop()}" if len(endings) == 1 else "*"
    _draw_found(uploaded.folder, pattern, uploaded.curves, uploaded.left_out, *with_name)


def _draw_found(
    folder: Path,
    pattern: str,
    curves_file: Path | None,
    left_out: Sequence[tuple[str, str]],
    names: Sequence[str] | None,
    names_field: Callable[[], None],
    name_key: str,
    buttons: Buttons,
) -> None:
    curves = None if curves_file is None else (curves_file, read_curves(curves_file))
    with st.spinner("Looking at the first checkpoint"):
        series = open_series(folder, pattern, names=names)
    series.left_out += left_out
    _lines([*([] if curves is None else _told(*curves)), *series.described(), *series.left_out_lines()])
    names_field()
    _labelling_fields(folder, name_key)
    buttons(lambda: (keep_training(series, curves, _labelling(name_key)), True))


def _told(path: Path, curves: Curves) -> list[str]:
    first, last = curves.epochs[0], curves.epochs[-1]
    return [f"{path.name}: curves of {len(curves.epochs):,} epochs, {first} to {last}", *curves.notes]


def _lines(lines: Sequence[str]) -> None:
    st.markdown("\n".join(f"- {plain(line)}" for line in lines))


def _labelling_fields(path: Path, name_key: str) -> None:
    st.text_input(
        "Name", key=name_key, max_chars=200, placeholder=one_line(path.stem)[:200], help="What to call it in lists."
    )
    with st.container(horizontal=True):
        st.text_input(
            "Method", key=METHOD, max_chars=100, placeholder="my-loss",
            help="What the method is called. Runs of one method and data but different seeds are one entry on every page.",
        )  # fmt: skip
        st.text_input(
            "Data", key=DATA, max_chars=100, placeholder="cifar10",
            help="What the data is called; one that this app knows is compared with its own trainings.",
        )  # fmt: skip
        st.number_input("Seed", 0, 2**31 - 1, 0, key=SEED, help="Training seed.")


def _labelling(name_key: str) -> Labelling:
    state = st.session_state
    return Labelling(state.get(name_key, ""), state.get(METHOD, ""), state.get(DATA, ""), int(state.get(SEED, 0)))
