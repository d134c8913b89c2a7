"""Problems of the training form: each beside its entry."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app.common.wording import plain
from lwal_core.errors import ConfigError, LwalError

FOLDED = ("data.image_size", "encoder", "method", "training")
"""Parts whose options stand under *More*."""
IN_VIEW = ("method.name", "training.epochs", "training.seed", "training")
"""Those of them that do not."""
NOT_YET = "data.path"
"""What is asked for once a data set is chosen; that it is empty then is no mistake."""


def mark_entries(where: str = "") -> None:
    """Say that an entry is marked as wrong.

    Args:
        where: In which part of the form, where that is folded.
    """
    st.info(f"The form has an entry to mend; it is marked{f' {where}' if where else ''}.", icon=":material/edit:")


def show_problems(error: LwalError, places: Mapping[str, DeltaGenerator]) -> None:
    """Draw what is wrong with the form beside the entries that it comes from, and here that there is something.

    Args:
        error: Wrong options, or data that cannot be read.
        places: By ``"part.option"``; ``"data.name"`` is among them.
    """
    if not isinstance(error, ConfigError):
        places.get("data.path", places["data.name"]).error(plain(f"{error.message} {error.hint}"))
        st.info("The data cannot be read yet; the reason stands beside its path.", icon=":material/folder_off:")
        return
    for where, sentence in error.problems:
        place = places.get(where) or places.get(where.partition(".")[0])
        said = plain(f"{where}: {sentence}" if place is None else sentence[:1].upper() + sentence[1:] + ".")
        if where == NOT_YET and place is not None:
            place.info(said)
        else:
            (place or st).error(said)
    folded = [
        where for where, _ in error.problems if {where, where.partition(".")[0]} & set(FOLDED) and where not in IN_VIEW
    ]
    mark_entries("under *More*" if folded else "")
