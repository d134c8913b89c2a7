"""Dialog that chooses a folder of images without typing: below the allowed roots, or a zip file that is brought."""

from __future__ import annotations

from pathlib import Path

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from app.common.widgets import changing, on_accent, show_error
from app.common.wording import counted, plain
from lwal_core.datafiles.folder_browser import ROOTS, FolderView, allowed_roots, folder_contents, view_folder
from lwal_core.datafiles.uploaded_images import MAX_FILES, UploadedImages, keep_images, uploaded_images
from lwal_core.errors import LwalError
from lwal_core.security.permissions import check_upload, check_writable
from lwal_core.settings import settings

OPEN = "train_choice_open"
SOURCE, PATH = "train_source", "train_path"
"""Controls of the form that a choice fills in."""
SHOWN = 30
"""Sub-folders that are drawn, each with what it holds; others are found by a part of their name."""
COUNTED = 50_000
"""Entries that are read to say what the folder itself holds."""
EARLIER = 8
"""Uploads of before that are offered."""
_HERE, _ZIP = "On this machine", "Zip file"
_UNPACKING = "Each image is unpacked and looked at"
_FROM, _ROOT, _PARTS, _FIND, _FILE, _KEPT = (
    f"train_choice_{name}" for name in ("from", "root", "parts", "find", "file", "kept")
)


def choose_folder() -> None:
    """The button that opens the dialog, and the dialog while it is open."""
    st.button(
        "Browse or upload", icon=":material/folder_open:", key="train_choice", on_click=_open,
        **changing("Choose a folder of images on the machine that runs this app, or bring one as a zip file."),
    )  # fmt: skip
    if st.session_state.get(OPEN):
        _dialog()


def _open() -> None:
    st.session_state[OPEN] = True


def _close() -> None:
    for key in (OPEN, _KEPT, _FIND):
        st.session_state.pop(key, None)


@st.dialog("Your images", width="medium", on_dismiss=_close)
def _dialog() -> None:
    if not st.session_state.get(OPEN):
        st.rerun()  # a button of the dialog has just closed it
    where = st.segmented_control(
        "From", [_HERE, _ZIP], default=_HERE if allowed_roots() else _ZIP, required=True, key=_FROM, label_visibility="collapsed"
    )  # fmt: skip
    try:
        if where == _ZIP:
            _upload()
        else:
            _browse()
    except LwalError as error:
        show_error(error)
        if where == _HERE and st.session_state.get(_PARTS):
            st.button("Back to the top", key="train_choice_top", on_click=_go, args=((),))


def _browse() -> None:
    check_writable("look into files of this machine")
    roots = allowed_roots()
    if not roots:
        st.info(
            f"`{ROOTS}` says below which folders one can be chosen here, such as `{ROOTS}=/data`; "
            + ("what it names is not there." if settings().data_roots else "it is not set.")
            + " A path can be written into the form all the same.",
            icon=":material/folder_off:",
        )
        return
    root = roots[0]
    if len(roots) > 1:
        root = st.selectbox("Below", roots, format_func=str, key=_ROOT, on_change=_go, args=((),))
    view = view_folder(root, tuple(st.session_state.get(_PARTS) or ()))
    _head(view)
    names = _found(view)
    more = [f"{len(names) - SHOWN:,} more: write a part of the name."] if len(names) > SHOWN else []
    more += (
        [f"{counted(view.left_out, 'folder')} left out: links that lead out, or names that cannot be written."]
        if view.left_out
        else []
    )
    more += [] if view.whole else ["This folder has more entries than are read."]
    if more:
        st.caption(plain(" ".join(more)))
    rows = st.container(gap="xxsmall")
    for name in names[:SHOWN]:
        rows.button(
            f"**{plain(name)}**: {folder_contents(view, name).said()}", icon=":material/folder:", type="tertiary",
            key=f"train_choice_in_{'/'.join((*view.parts, name))}", on_click=_go, args=((*view.parts, name),),
        )  # fmt: skip


def _head(view: FolderView) -> None:
    """Where one is, the way up, and the button that takes this folder."""
    held = folder_contents(view, most=COUNTED)
    st.markdown(f"{plain(str(view.path))}  \n{held.said()}")
    options = changing("A folder for each class, or train/ and test/ with such folders.", disabled=not held.usable)
    with st.container(horizontal=True):
        st.button("Up", icon=":material/arrow_upward:", key="train_choice_up", on_click=_go, args=(view.parts[:-1],),
                  disabled=not view.parts)  # fmt: skip
        st.button(
            on_accent("Use this folder", enabled=not options["disabled"]), type="primary", key="train_choice_use", on_click=_use,
            args=(view.path,), **options,
        )  # fmt: skip


def _found(view: FolderView) -> list[str]:
    """Sub-folders whose name has what was written; the field is there where there are many."""
    if len(view.names) <= SHOWN:
        return list(view.names)
    part = st.text_input("Find a folder", key=_FIND, placeholder="A part of its name", max_chars=200).strip().casefold()
    return [name for name in view.names if part in name.casefold()]


def _upload() -> None:
    most = settings().max_upload_mb
    upload = st.file_uploader(
        "Zip file of class folders", ["zip"], max_upload_size=most, key=_FILE,
        help="`class/*.jpg`, or `train/class/*` and `test/class/*`. It is kept in the home of this app under its checksum; `lwal gc` "
        "frees what no run uses.",
    )  # fmt: skip
    if upload is None:
        st.caption(f"A folder for each class, up to {most:,} MB and {MAX_FILES:,} files.")
        _earlier()
        return
    check_writable("bring images")
    check_upload(upload.size)
    images = _taken(upload)
    for note in images.notes:
        st.caption(plain(note))
    _offer(images, on_accent(f"Use {plain(images.title)}"), primary=True)


def _taken(upload: UploadedFile) -> UploadedImages:
    """What is kept of an upload, which is looked at once.

    Raises:
        LwalError: It is not taken.
    """
    known: tuple[str, UploadedImages | LwalError] | None = st.session_state.get(_KEPT)
    if known is None or known[0] != upload.file_id:
        bar = st.progress(0.0, _UNPACKING)
        try:
            known = (
                upload.file_id,
                keep_images(upload, upload.name, on_progress=lambda share: bar.progress(share, _UNPACKING)),
            )
        except LwalError as error:
            known = upload.file_id, error
        bar.empty()
        st.session_state[_KEPT] = known
    if isinstance(known[1], LwalError):
        raise known[1]
    return known[1]


def _earlier() -> None:
    kept = uploaded_images()[:EARLIER]
    if kept:
        check_writable("look into files of this machine")
        st.caption("Brought before")
        for images in kept:
            _offer(images, f"Use {plain(images.title)}")


def _offer(images: UploadedImages, label: str, *, primary: bool = False) -> None:
    st.button(
        label, icon=":material/folder_zip:", key=f"train_choice_zip_{images.path.parent.name}", on_click=_use, args=(images.path,),
        type="primary" if primary else "tertiary", **changing(),
    )  # fmt: skip


def _go(parts: tuple[str, ...]) -> None:
    st.session_state[_PARTS] = parts
    st.session_state.pop(_FIND, None)


def _use(path: Path) -> None:
    st.session_state[SOURCE], st.session_state[PATH] = "folder:", str(path)
    _close()
