"""Keyboard control of films; plotly draws its buttons for the mouse only."""

from __future__ import annotations

import streamlit as st

from lwal_core.export.rendering import asset

_keyboard = st.components.v2.component(
    "film_controls_by_keyboard",
    js=asset("plotly_keyboard.js")
    + """
const everywhere = new WeakMap();
export default function () {
  if (everywhere.get(document.body)) return;
  const undo = controlsByKeyboard(document.body);
  everywhere.set(document.body, undo);
  return () => { undo(); everywhere.delete(document.body); };
}
""",
)


def film_keyboard(key: str) -> None:
    """Make the films on the page usable by keyboard; call it after the film."""
    _keyboard(key=key)
