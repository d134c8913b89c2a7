"""First visit: what the example found as one sentence and one figure, and four doors."""

from __future__ import annotations

import streamlit as st

from app.common.pages import page_path
from app.common.widgets import go_to, on_accent, show_error, theme
from app.common.wording import plain
from app.home.example_runs import examples_button
from app.home.examples_gallery import draw_gallery
from app.home.guide import start_guide
from app.imports.import_dialog import import_button
from lwal_core.errors import LwalError
from lwal_core.experiments.examples import FOLDER
from lwal_core.experiments.form_values import preset_values
from lwal_core.experiments.story import Story, first_story
from lwal_core.figures.story import story_page
from lwal_core.glossary import explained
from lwal_core.security.permissions import read_only

TITLE = "What did the labels learn?"


def draw_story() -> None:
    """The story of an empty home; where no example came along, the doors alone."""
    story = None
    try:
        story = _story(tuple((path.name, path.stat().st_mtime_ns) for path in sorted(FOLDER.glob("*.zip"))))
    except LwalError as error:
        show_error(error)
    except OSError as error:
        st.caption(plain(f"The examples cannot be unpacked to be shown: {error.strerror}."))
    if story is None:
        st.header(TITLE, anchor=False)
        st.caption("Nothing is trained yet, and no example came along.")
    else:
        st.header(
            plain(story.sentence()), anchor=False,
            help=f"{plain(story.evidence())}\n\n{explained('Label', 'LwAL', 'Taxonomy')}",
        )  # fmt: skip
        st.html(_page(story))
    _doors()
    if story is not None:
        part = st.expander(
            "More examples, and what they say to the paper's claims", on_change="rerun", key="home_examples"
        )
        if part.open:
            with part:
                draw_gallery()


@st.cache_resource(max_entries=2, show_spinner="Reading the example")
def _story(files: tuple[tuple[str, int], ...]) -> Story | None:
    return first_story()


def _page(story: Story) -> str:
    found = [group.title for group in story.found]
    last = max(story.trees)
    summary = (
        f"Class tree of {len(story.pictures)} kinds of pictograms after epoch {last}, {story.method}, seed {story.seed}. "
        f"Groups of the taxonomy that were found: {', '.join(found) or 'none'}."
    )
    return story_page(
        story.trees, story.pictures, story.groups, source=story.taxonomy, summary=summary, theme=theme()
    )  # fmt: skip


def _doors() -> None:
    """What to do next: one filled button, three plain ones, and the examples; nothing of it that changes where nothing may."""
    with st.container(horizontal=True):
        if not read_only():
            if st.button(on_accent("Try it"), type="primary", icon=":material/play_arrow:", key="home_try",
                         help="Fills in the training form: the same pictograms, a shorter training of some two minutes."):  # fmt: skip
                start_guide()
            if st.button(
                "Your images",
                icon=":material/image:",
                key="home_images",
                help="A folder for each class, or one zip file.",
            ):
                _fill("Your images")
                go_to(page_path("train"))
            if st.button(
                "Your model",
                icon=":material/neurology:",
                key="home_model",
                help="A trained classifier looks at your images.",
            ):
                st.session_state["train_kind"] = "analyse"
                go_to(page_path("train"))
        import_button("Your checkpoint")
        examples_button()


def _fill(preset: str) -> None:
    st.session_state["train_preset"] = preset
    for name, value in preset_values(preset).items():
        st.session_state[f"train_{name}"] = value
