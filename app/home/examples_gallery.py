"""Gallery of the examples on an empty Home, read from their bundles."""

from __future__ import annotations

import streamlit as st

from app.common.widgets import figure, show_error, theme
from app.common.wording import plain
from app.home.claims import show_claims
from app.tree.stats import TreeKey
from app.tree.view import Drawing, tree_figure
from lwal_core.analysis.base.formatting import format_mean_sd
from lwal_core.errors import LwalError
from lwal_core.experiments.examples import FOLDER, Study, studies
from lwal_core.figures.curves import accuracy_figure
from lwal_core.results.tree_spec import TreeSpec


def draw_gallery() -> None:
    """The four claims as the examples answer them, a tree, curves, and the command that made each; nothing without
    examples."""
    try:
        found = _studies(tuple((path.name, path.stat().st_mtime_ns) for path in sorted(FOLDER.glob("*.zip"))))
    except LwalError as error:
        show_error(error)
        return
    except OSError as error:
        st.caption(plain(f"The examples cannot be unpacked to be shown: {error.strerror}."))
        return
    if not found:
        return
    by_title = {study.title: study for study in found}
    st.subheader("What the paper claims, and what the examples show", anchor=False)
    with st.container(horizontal=True, vertical_alignment="center"):
        title = st.segmented_control(
            "Examples on", list(by_title), default=found[0].title, required=True, key="gallery", bind="query-params",
            wrap=True, label_visibility="collapsed",
        )  # fmt: skip
        st.badge("Examples, not your runs", icon=":material/science:", color="violet")
    study = by_title[title]
    show_claims(study.claims, "gallery_claims", linked=False)
    left, right = st.columns(2, gap="large")
    with left:
        _tree(study)
    with right:
        figure(
            accuracy_figure(study.curves, theme=theme(), height=320, title=f"Test accuracy on {study.title}"),
            key="gallery_curves",
            summary=f"Test accuracy by epoch of the examples on {study.title}: {', '.join(study.curves)}.",
        )
    _runs(study)


@st.cache_resource(max_entries=2, show_spinner="Reading the examples")
def _studies(files: tuple[tuple[str, int], ...]) -> list[Study]:
    return studies()


def _tree(study: Study) -> None:
    if study.tree is None:
        return
    key = TreeKey(TreeSpec(f"example {study.title}", 0), True, 0)
    st.markdown(f"**Which classes the labels put near which** ({plain(study.tree_of)})")
    figure(
        tree_figure(key, Drawing(None, 1, "right", theme=theme()), study.tree),
        key="gallery_tree",
        summary=f"Class tree of the example {study.tree_of}, on {study.title}.",
    )


def _runs(study: Study) -> None:
    """The examples themselves: method, seeds, accuracy; and how each was made."""
    seeds = {label: [curve.seed for curve in curves] for label, curves in study.curves.items()}
    st.dataframe(
        {
            "Method": list(study.accuracies),
            "Seeds": [", ".join(map(str, sorted(seeds[label]))) for label in study.accuracies],
            "Best test accuracy": [format_mean_sd(values, "%") for values in study.accuracies.values()],
            "Read by": [curves[0].rule for curves in study.curves.values()],
            "Status": ["example"] * len(study.accuracies),
        },
        hide_index=True,
        alt=f"Examples on {study.title} with seeds and best test accuracy",
    )
    for command in study.commands:
        st.caption("All of these were made by")
        st.code(command, language=None, wrap_lines=True)
