"""Widgets of every page: question and answer, figure with summary and table, empty and error states."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

from app.common.address import follow_default, known_choice
from app.common.background import session_id, session_lives
from app.common.wording import plain
from lwal_core.errors import LwalError
from lwal_core.figures.palette import Theme
from lwal_core.projections import Abandoned
from lwal_core.runs import Run
from lwal_core.security.permissions import read_only, read_only_reason

if TYPE_CHECKING:
    import plotly.graph_objects as go
    from streamlit.delta_generator import DeltaGenerator

EPOCH = "epoch"

FIGURE_HEIGHT = 600
"""Pixels of the first figure of a page: two thirds of a usual window. What has more rows than fit is higher."""

AS_ON_SCREEN = "Figure as on screen, HTML (opens offline)"
"""Label of the download that is the figure itself, whatever is chosen."""

PLOTLY_CONFIG: dict[str, Any] = {
    "displaylogo": False,
    "modeBarButtonsToRemove": ["select2d", "lasso2d", "autoScale2d"],
    "toImageButtonOptions": {"format": "svg"},
}

_TOOLS_OF_A_MOUSE = [
    "toImage", "zoom2d", "pan2d", "zoomIn2d", "zoomOut2d", "resetScale2d", "select2d", "lasso2d", "autoScale2d",
    "zoom3d", "pan3d", "orbitRotation", "tableRotation", "resetCameraDefault3d", "resetCameraLastSave3d",
]  # fmt: skip

INK_ON_ACCENT = "#0B1118"
"""Text on the dark theme's accent: 6 to 1, where white has 3."""


def go_to(page: str) -> None:
    """Go to a page, as :func:`app.common.pages.page_path` gives it. Its address begins anew: Streamlit refuses to leave a page whose
    widgets stand in the address unless it is told what the next one has."""
    st.switch_page(page, query_params={})


def theme() -> Theme:
    """The theme that the reader sees now."""
    return "dark" if st.context.theme.type == "dark" else "light"


def on_accent(label: str, *, enabled: bool = True) -> str:
    """Label of a ``type="primary"`` button, text without markdown: dark on the dark theme's light accent, where white
    would be hard to read. Its icon may stay white, for shapes need 3 to 1 only.

    Args:
        label: What it says.
        enabled: Whether it can be pressed; one that cannot has no accent.
    """
    return f':color[{label}]{{foreground="{INK_ON_ACCENT}"}}' if enabled and theme() == "dark" else label


def question(text: str, answer: str = "") -> DeltaGenerator:
    """The page's question, and its answer beside it: a number or a few words, made from the data (markdown).

    Returns:
        Place of the answer, for a page that knows it later.
    """
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key="question"):
        st.header(text, anchor=False, width="content")
        place = st.container(width="content")
    if answer:
        place.markdown(answer)
    return place


def on_phone() -> bool:
    """Whether the browser says that it is a phone's."""
    return "Mobi" in (st.context.headers.get("User-Agent") or "")


def plotly_config(more: dict[str, Any] | None = None) -> dict[str, Any]:
    """Plotly's options for a figure of a page.

    A phone has no mouse to hover with, so plotly shows a figure's tools all the time, over its title; there only the
    one for the full screen is left.

    Args:
        more: Options on top of the common ones.
    """
    config = {**PLOTLY_CONFIG, **(more or {})}
    return {**config, "modeBarButtonsToRemove": _TOOLS_OF_A_MOUSE} if on_phone() else config


def _scrolls_by(fig: go.Figure) -> go.Figure:
    """A figure as a phone needs it: a finger that moves over it scrolls the page instead of zooming into it. Space can
    still be turned."""
    if not on_phone() or any(trace.type.endswith("3d") for trace in fig.data):
        return fig
    still = fig.to_dict()  # the figure may be a cached one that others see, too
    still["layout"] = {**still["layout"], "dragmode": False}
    return type(fig)(still, skip_invalid=True)


def newest(key: str, callback: Callable[[], None]) -> Callable[[], None]:
    """A callback that calls the newest one that was given under this key, and holds nothing itself.

    Streamlit takes a figure or a table with other content for another element, and keeps the callback of every element
    that a session ever had. A callback that sees the variables of a page would keep all of them, once for every redraw.

    Args:
        key: Widget key.
        callback: What to do now.
    """
    st.session_state[f"{key}_callback"] = callback
    return partial(_call, f"{key}_callback")


def _call(name: str) -> None:
    st.session_state[name]()


def figure(
    fig: go.Figure,
    *,
    key: str,
    summary: str,
    table: Any | Callable[[], Any] | None = None,
    on_select: Any = "ignore",
    config: dict[str, Any] | None = None,
) -> Any:
    """A plotly figure with its text summary (for screen readers, too) and the numbers behind it in a folded table.

    Args:
        fig: The figure, styled by ``lwal_core.figures``.
        key: Widget key.
        summary: What the figure shows, one or two sentences of plain text.
        table: The numbers: a data frame or a dict of columns, or a function that makes one when the reader unfolds it.
        on_select: As for ``st.plotly_chart``; a function is called as :func:`newest` does it.
        config: Plotly options on top of the common ones.
    """
    event = st.plotly_chart(
        _scrolls_by(fig),
        key=key,
        theme=None,
        on_select=newest(key, on_select) if callable(on_select) else on_select,
        alt=summary,
        config=plotly_config(config),
    )
    if table is not None:
        folded = st.expander(
            "Numbers behind this figure", icon=":material/table:", on_change="rerun", key=f"{key}_numbers"
        )
        if folded.open:
            with folded:
                st.dataframe(table() if callable(table) else table, hide_index=True, alt=summary)
    return event


def epoch_slider(run: Run, *, label: str = "Epoch", beside: bool = False) -> int | None:
    """Slider over the epochs that have labels; shared by the pages and in the address. None when there is none.

    Args:
        run: The run.
        label: What it is called.
        beside: Whether the label stands before it instead of above it, as in a bar.
    """
    epochs = run.label_epochs()
    if not epochs:
        return None
    if len(epochs) == 1:
        return epochs[0]
    known_choice(EPOCH, "Epoch", map(str, epochs))
    follow_default(EPOCH, epochs[-1])
    if EPOCH in st.session_state and st.session_state[EPOCH] not in epochs:
        st.session_state[EPOCH] = epochs[-1]  # another run's epoch
    help = "Epoch 0 is the untrained network. The arrow keys move the slider when it has the focus."
    if beside:
        st.caption(label, help=help, width="content")
    chosen: int = st.select_slider(
        label,
        epochs,
        epochs[-1],
        key=EPOCH,
        bind="query-params",
        help=None if beside else help,
        label_visibility="collapsed" if beside else "visible",
    )
    return chosen


def empty_state(
    title: str,
    text: str,
    *,
    page: str | None = None,
    action: str = "",
    icon: str = ":material/info:",
    beside: Callable[[], None] | None = None,
) -> None:
    """What would be here, and the one step that gets there; ``beside`` draws other ways to get there."""
    with st.container(border=True):
        st.subheader(f"{icon} {title}", anchor=False)
        st.markdown(text)
        with st.container(horizontal=True):
            if page is not None and st.button(on_accent(action), type="primary", key=f"empty_{Path(page).stem}"):
                go_to(page)
            if beside is not None:
                beside()


def show_error(error: LwalError) -> None:
    """A foreseen error as a message with what to do about it; what follows is drawn all the same."""
    st.error(plain(error.message) + (f"\n\n{plain(error.hint)}" if error.hint else ""), icon=":material/error:")


def button_once(label: str, *, key: str, **options: Any) -> bool:
    """A button whose second press, made before the page has answered the first, does nothing; options as for
    ``st.button``."""
    pressed = f"{key}_presses"
    presses = st.session_state.setdefault(pressed, 0)
    # The next one is another button, so a press on this one that is still under way meets nothing.
    if not st.button(label, key=f"{key}_{presses}" if presses else key, **options):
        return False
    st.session_state[pressed] = presses + 1
    return True


def changing(help: str | None = None, *, disabled: bool = False) -> dict[str, Any]:
    """Options of a button that changes something: in read-only mode it is disabled and says why.

    The library refuses the change all the same; this only spares the reader the try.

    Args:
        help: What the button's help says otherwise.
        disabled: Whether it is disabled for a reason of its own.
    """
    locked = read_only()
    return {"disabled": disabled or locked, "help": read_only_reason() if locked else help}


@contextmanager
def errors_shown(*, go_on: bool = False) -> Iterator[None]:
    """Show a foreseen error as a message with what to do about it, and stop the page there.

    Args:
        go_on: Draw the rest of the page all the same, because it does not need what failed.
    """
    try:
        yield
    except LwalError as error:
        show_error(error)
        if not go_on:
            st.stop()


def downloads(
    label: str,
    entries: Sequence[tuple[str, str, str, Callable[[], bytes]]],
    *,
    key: str,
    above: Callable[[], None] | None = None,
) -> None:
    """A popover with download buttons; each file is made only when its button is pressed, and while somebody waits for it.

    Args:
        label: Text on the popover.
        entries: ``(button text, file name, media type, function that makes the bytes)``.
        key: Prefix of the widget keys.
        above: Draws what all the files have in common, such as a size; called inside the popover, before the buttons.
    """
    with st.popover(label, icon=":material/download:"):
        if above is not None:
            above()
        for index, (text, name, media, make) in enumerate(entries):
            st.download_button(
                text,
                partial(_file, session_id(), make, media),
                file_name=name,
                mime=media,
                on_click="ignore",
                key=f"{key}_{index}",
                width="stretch",
                type="tertiary",
            )


def _file(session: str, make: Callable[[], bytes], media: str) -> bytes:
    """A file for a session; not for one that is gone, when all the files before it are made."""
    if not session_lives(session):
        raise Abandoned
    if media != "text/csv":
        return make()
    from lwal_core.export.tables import csv_file

    return csv_file(make())
