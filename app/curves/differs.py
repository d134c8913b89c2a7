"""What differs between the groups: each by the name that the legend has, its label method and the rest in words."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from app.common.wording import plain
from lwal_core.config import differences
from lwal_core.config.words import DEFAULTS, method_options, other_options
from lwal_core.results.run_curves import comparability_notes
from lwal_core.runs import Run


def draw_differences(groups: Mapping[str, Run]) -> None:
    """Draw what differs, with a warning where accuracies do not compare.

    Args:
        groups: A run of each group, by its label in the figure.
    """
    st.subheader("What differs between them", anchor=False)
    for note in comparability_notes(groups):
        st.warning(plain(note), icon=":material/warning:")
    configs = [run.config for run in groups.values()]
    differing = differences(configs)
    if not differing:
        st.caption("Nothing but the seed." if len(configs) > 1 else "One configuration is selected.")
        return
    settings, others = method_options(configs), other_options(configs)
    if others and not any(key.startswith("data.") for key in differing):
        st.warning("More than the label method differs; the verdict mixes all of it.", icon=":material/warning:")
    table = {"Method": list(groups)}
    if set(settings) != {DEFAULTS}:
        table["Its settings"] = settings
    st.table(
        {plain(name): list(map(plain, cells)) for name, cells in (table | others).items()},
        border="horizontal",
        width="content",
        alt="Options that differ between the groups",
    )
