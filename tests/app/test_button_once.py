"""A button that counts one press, however often it is pressed before the page has answered."""

from __future__ import annotations

from streamlit.testing.v1 import AppTest


def script() -> None:
    import streamlit as st

    from app.common.widgets import button_once

    st.session_state.setdefault("starts", 0)
    if button_once("Start", key="go"):
        st.session_state["starts"] += 1


def test_two_presses_of_what_the_browser_still_shows_count_once():
    at = AppTest.from_function(script).run()
    at.button(key="go").click()
    pressed = at._tree.get_widget_states()  # what a browser sends that has not been answered yet
    at._run(pressed)
    at._run(pressed)
    assert not at.exception and at.session_state["starts"] == 1
    at.button[0].click().run()  # the button that is drawn now
    assert at.session_state["starts"] == 2
