"""Claims of the paper, four cards with what these runs say to each."""

from __future__ import annotations

import streamlit as st

from app.common import curves_cache
from app.common.pages import page_path
from app.common.selection import Selection, short_labels
from app.common.widgets import errors_shown, figure, theme
from app.common.wording import plain
from lwal_core.analysis.comparison.claims import Claim, four_claims
from lwal_core.figures.claims import claim_figure
from lwal_core.results.run_curves import comparability_notes
from lwal_core.runs import READING_TITLES, one_per_seed

_BADGES = {
    "yes": ("Yes", ":material/check:", "green"),
    "no": ("No", ":material/close:", "orange"),
    "open": ("Open", ":material/question_mark:", "gray"),
}


def draw_claims(chosen: Selection) -> None:
    """Four cards from the selected runs; nothing when no run is selected."""
    labels = short_labels(chosen.groups)
    runs = {labels[group.key]: one_per_seed(group.runs) for group in chosen.groups}
    runs = {label: members for label, members in runs.items() if members}
    if not runs:
        return
    with errors_shown(go_on=True):
        one_hot = chosen.baseline is not None and chosen.baseline.first.is_baseline
        base = labels[chosen.baseline.key] if chosen.baseline and one_hot else ""
        meanings = {label: found for label, members in runs.items() if (found := curves_cache.meaning(members))}
        content = curves_cache.content(runs)
        readings = {
            title: curves_cache.comparison(content, reading, base, None, runs)  # type: ignore[arg-type]
            for reading, title in READING_TITLES.items()
        }
        show_claims(four_claims(readings[READING_TITLES["as-used"]], meanings, readings))
        for note in comparability_notes({label: members[0].opened() for label, members in runs.items()}):
            st.warning(plain(note), icon=":material/warning:")


def show_claims(claims: tuple[Claim, ...], key: str = "claims", *, linked: bool = True) -> None:
    """Draw claims as cards of equal height.

    Args:
        claims: From :func:`lwal_core.analysis.comparison.claims.four_claims`, whatever runs they were made from.
        key: Prefix of the widget keys.
        linked: Whether the runs are in the home, so that other pages can show more of them.
    """
    rows = max(len(claim.points) for claim in claims)
    for column, claim in zip(st.columns(len(claims)), claims, strict=True):
        with column, st.container(border=True, height="stretch"):
            text, icon, color = _BADGES[claim.answer]
            with st.container(horizontal=True, vertical_alignment="center"):
                st.markdown(f"**{claim.question}**")
                st.badge(text, icon=icon, color=color)  # type: ignore[arg-type]
            if claim.number:
                st.subheader(plain(claim.number), anchor=False)
            st.caption(plain(claim.sentence))
            if claim.points:
                figure(
                    claim_figure(claim.points, unit=claim.unit, line=claim.line, rows=rows, theme=theme()),
                    key=f"{key}_{claim.question}",
                    summary=f"{claim.question} {claim.sentence}",
                    config={"displayModeBar": False},
                )
            if claim.evidence:
                with st.popover("How we know", type="tertiary"):
                    for line in claim.evidence:
                        st.markdown(f"- {plain(line)}")
                    if not linked:
                        continue
                    page, link = ("trees", "Trees") if claim.question == "Meaningful?" else ("curves", "Curves")
                    st.page_link(page_path(page), label=f"All of it on {link}", icon=":material/arrow_forward:")
