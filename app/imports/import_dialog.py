"""Import dialog: a run, label vectors or checkpoints by epoch, previewed before they are saved."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import streamlit as st

from app.common.selection import select_groups
from app.common.widgets import changing, on_accent, show_error
from app.common.wording import plain
from app.imports import past_training
from app.imports.hub import draw_hub
from app.imports.uploads import UPLOADED, UploadedSeries, clear_old, incoming_folder, keep_file, keep_series
from lwal_core.errors import ImportFileError, LwalError
from lwal_core.figures.labels import one_line
from lwal_core.figures.style import shorten
from lwal_core.imports import (
    Incoming,
    TensorInfo,
    TensorRefusedError,
    examine,
    existing,
    import_folder,
    import_run,
    log_refused,
)
from lwal_core.past_runs.curve_files import holds_curves
from lwal_core.past_runs.series import LEFT_OUT
from lwal_core.runs import Run
from lwal_core.runs.paths import RECORD
from lwal_core.security.permissions import check_writable
from lwal_core.settings import settings

OPEN = "bring_open"
_FAILED, _FROM, _TENSOR, _NAMES, _NAME, _TOLD, _REFUSED = (
    "bring_failed",
    "bring_from",
    "bring_tensor",
    "bring_names",
    "bring_name",
    "bring_told",
    "bring_refused",
)
_UPLOAD, _PATH, _HUB = "Upload", "Path on the server", "Model hub"
ROWS_SHOWN, COLUMNS_SHOWN = 5, 6
MAX_NAMES_CHARACTERS = 200_000

_HELP = """**Run bundle** (.zip), as `lwal export RUN --format bundle` makes it.

**Table of label vectors** (.csv, .tsv, .txt, .npy, .npz, .safetensors): one row per class, its name and its numbers:
```
name,x,y,z
cat,0.2,1.5,-0.3
dog,0.1,1.4,-0.2
```
**Checkpoint** (.safetensors, .pt, .pth, .bin, .ckpt): the weights of a network; those of its classification head are read as
vectors of the classes, or another tensor that you choose. Nothing in it is executed.

**Curves** (.csv, trainer_state.json): numbers by epoch, `epoch,train_loss,test_accuracy`. **Predictions** (.csv, .parquet, .npz): a
row for each sample, `target,predicted`.

**A checkpoint for each epoch**: all of them at once, with a file of curves if there is one. Larger ones, and event files of
TensorBoard: by the path of their folder on the server, or `lwal import DIR --series 'epoch_*.pt'` and `lwal import --curves DIR`."""


def import_button(label: str = "Import labels or a run") -> None:
    """The button that opens the dialog, and the dialog while it is open."""
    st.button(
        label, icon=":material/upload_file:", key="bring",
        on_click=_open, **changing("Look at a colleague's run, or at the label vectors of any other model."),
    )  # fmt: skip
    told = st.session_state.pop(_TOLD, None) if not st.session_state.get(OPEN) else None
    if told:
        st.toast(told, icon=":material/check_circle:")
    if st.session_state.get(OPEN):
        _dialog()


def _open() -> None:
    _close()
    st.session_state[OPEN] = True


def _close() -> None:
    for key in (OPEN, _FAILED, _TENSOR, _NAMES, _NAME, *past_training.KEYS):
        st.session_state.pop(key, None)


@st.dialog("Import labels or a run", width="large", on_dismiss=_close)
def _dialog() -> None:
    if not st.session_state.get(OPEN):
        st.rerun()  # a button of the dialog has just closed it
    where = st.segmented_control(
        "From", [_UPLOAD, _PATH, _HUB], default=_UPLOAD, required=True, key=_FROM, label_visibility="collapsed"
    )
    path: Path | None = None
    try:
        source = ""
        if where == _HUB:
            path, source = draw_hub(incoming_folder(), clear_old, _forget_choices)
        else:
            found = _uploaded() if where == _UPLOAD else _on_server()
            if isinstance(found, UploadedSeries):
                path = found.folder
                past_training.draw_uploaded_series(found, _given_names(), _names_field, _NAME, _buttons)
                return
            path = found
        if path is None:
            return
        given = (_given_names(), _names_field, _NAME, _buttons)
        if existing(path).is_dir() and not holds_curves(existing(path)):
            if (existing(path) / RECORD).exists():
                _draw_folder(existing(path))
            else:
                past_training.draw_series(existing(path), *given)
            return
        if st.session_state.get(_TENSOR) is None and past_training.draw_file(existing(path), *given):
            return
        incoming = examine(path, tensor=st.session_state.get(_TENSOR), names=_given_names())
        incoming = replace(incoming, source=source)
    except LwalError as error:
        show_error(error)
        # Once, not with each run of the page.
        if path is not None and st.session_state.get(_REFUSED) != (path.name, error.message):
            st.session_state[_REFUSED] = (path.name, error.message)
            log_refused(path.name, error)
        if isinstance(error, TensorRefusedError):
            _draw_tensors(error.others)
        if st.session_state.get(_TENSOR) or _given_names():
            st.button("Start again", key="bring_again", on_click=_forget_choices)
        return
    _draw(incoming)


def _forget_choices() -> None:
    st.session_state.pop(_TENSOR, None)
    st.session_state.pop(_NAMES, None)


def _uploaded() -> Path | UploadedSeries | None:
    uploads = st.file_uploader(
        "File", [ending.removeprefix(".") for ending in UPLOADED], max_upload_size=settings().max_upload_mb, key="bring_file",
        accept_multiple_files=True, help=_HELP, on_change=_forget_choices,
    )  # fmt: skip
    if not uploads:
        st.caption(
            f"A run bundle, a table of vectors, a checkpoint, curves or predictions of up to {settings().max_upload_mb:,} MB, or a "
            "checkpoint for each epoch; the question mark says more."
        )
        return None
    return keep_file(uploads[0]) if len(uploads) == 1 else keep_series(uploads)


def _on_server() -> Path | None:
    text = st.text_input(
        "Path", key="bring_path", placeholder="/data/colleague/run.zip", on_change=_forget_choices,
        help="A file, or the folder of a run or of checkpoints, on the machine that runs this app. " + _HELP,
    )  # fmt: skip
    if not text.strip():
        st.caption("For files too large to upload.")
        return None
    check_writable("import files")  # nor is a reader told what lies on this machine
    return Path(text.strip())


def _given_names() -> list[str] | None:
    text = str(st.session_state.get(_NAMES) or "").strip()
    return text.splitlines() if text else None


def _draw_folder(path: Path) -> None:
    st.markdown(
        f"The folder of a run: {plain(path.name)}. It is copied into this home after the same checks as a bundle."
    )
    _buttons(lambda: import_folder(path, name=st.session_state.get(_NAME, "")))


def _draw(incoming: Incoming) -> None:
    st.markdown("\n".join(f"- {plain(line)}" for line in incoming.described()))
    if incoming.kind == "checkpoint":
        if st.session_state.get(_TENSOR) is None:
            st.session_state[_TENSOR] = incoming.tensor
        _draw_tensors(incoming.tensors)
    if incoming.vectors is not None:
        _draw_rows(incoming)
        _names_field()
    st.text_input(
        "Name", key=_NAME, max_chars=200, placeholder=one_line(incoming.path.stem)[:200] if incoming.bundle is None else "As in the bundle",
        help="What to call it in lists.",
    )  # fmt: skip
    _buttons(lambda: import_run(incoming, name=st.session_state.get(_NAME, "")))


def _names_field() -> None:
    st.text_area(
        "Class names, one a line", key=_NAMES, max_chars=MAX_NAMES_CHARACTERS, height=100,
        placeholder="As shown above", help="In the order of the rows. Empty: the names shown above. The word imagenet alone: "
        "the names of ImageNet's 1,000 classes.",
    )  # fmt: skip


def _draw_tensors(tensors: Sequence[TensorInfo]) -> None:
    """The choice among those of a file's tensors that may be label vectors; none is chosen while the likeliest is refused."""
    usable = {tensor.name: tensor for tensor in tensors if tensor.usable}
    st.selectbox(
        "Tensor to read as labels",
        list(usable),
        None,
        key=_TENSOR,
        placeholder="Choose another one",
        format_func=lambda name: f"{shorten(one_line(name), 60)} [{', '.join(f'{n:,}' for n in usable[name].shape)}]",
        help=f"{len(usable):,} tensors of the file have a row for each of 2 to 10,000 classes. "
        "The last linear layer of a classifier has one row per class.",
    )


def _draw_rows(incoming: Incoming) -> None:
    assert incoming.vectors is not None
    classes, width = incoming.vectors.shape
    part = incoming.vectors[:ROWS_SHOWN, :COLUMNS_SHOWN]
    table: dict[str, object] = {"Class": [shorten(one_line(name), 40) for name in incoming.names[: len(part)]]}
    table |= {str(k): part[:, k] for k in range(part.shape[1])}
    st.dataframe(table, hide_index=True, alt="The first vectors")
    st.caption(f"The first {len(part)} of {classes:,} rows and {part.shape[1]} of {width:,} columns.")


def _buttons(make: Callable[[], tuple[Run, bool]]) -> None:
    failed = st.session_state.get(_FAILED)
    if failed is not None:
        show_error(failed)
    with st.container(horizontal=True):
        st.button(on_accent("Keep"), type="primary", key="bring_keep", on_click=_keep, args=(make,), **changing())
        st.button("Cancel", key="bring_cancel", on_click=_close)


def _keep(make: Callable[[], tuple[Run, bool]]) -> None:
    st.session_state.pop(_FAILED, None)
    try:
        run, new = make()
    except LwalError as error:
        st.session_state[_FAILED] = error
        return
    except OSError as error:
        st.session_state[_FAILED] = ImportFileError(
            f"It cannot be kept: {error}.", "See that the home has room and can be written."
        )
        return
    select_groups([run.group])
    _close()
    # A toast from a dialog's own callback would take the dialog's place in the page: the next full run tells.
    left_out = [line for line in run.record.warnings if line.startswith(LEFT_OUT)]
    told = f"{plain(run.name)} is kept." if new else f"{plain(run.name)} is here already."
    st.session_state[_TOLD] = "\n\n".join([told, *map(plain, left_out)])
