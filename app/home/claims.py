"""Claims of the paper, four cards with what runs say to each."""

from __future__ import annotations

import streamlit as st

from app.common.pages import page_path
from app.common.widgets import figure, theme
from app.common.wording import plain
from lwal_core.analysis.comparison.claims import Claim
from lwal_core.figures.claims import claim_figure

_BADGES = {
    "yes": ("Yes", ":material/check:", "green"),
    "no": ("No", ":material/close:", "orange"),
    "open": ("Undecided", ":material/question_mark:", "gray"),
}


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
