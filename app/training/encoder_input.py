"""Encoder of the training form, and the options of a backbone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app.training.option_input import option_inputs, option_key
from lwal_core.config import ENCODER_TITLES
from lwal_core.config.encoder import SUGGESTED_BACKBONES
from lwal_core.experiments.form_values import backbone_options

WRITTEN = "library"
"""Value of the choice that asks for a name."""


def encoder_input(
    kept: Callable[[str], dict[str, Any]], at_first: str, text: str
) -> tuple[dict[str, Any], dict[str, Any], dict[str, DeltaGenerator]]:
    """Draw the choice of the encoder, and its options where it is a backbone.

    A backbone of a library is written; names are looked up when the training starts, as listing those of a library would load
    it here.

    Args:
        kept: Options of a control of the form, by its name.
        at_first: Name of the encoder that is chosen at first.
        text: Help.

    Returns:
        Options of the encoder, options of the training, and ``"part.option" -> place`` for what is wrong.
    """
    titles = {**ENCODER_TITLES, WRITTEN: "Another backbone, of timm or Hugging Face"}
    st.selectbox(
        "Encoder",
        list(titles),
        list(titles).index(at_first),
        **kept("encoder"),
        format_func=titles.__getitem__,
        help=text,
    )
    name = st.session_state.get("train_encoder") or at_first
    if name == WRITTEN:
        st.text_input(
            "Backbone", **kept("backbone"), placeholder=SUGGESTED_BACKBONES[0], max_chars=1000,
            help="`timm:NAME`, `hf:ORG/REPO` or `hf:/FOLDER`; before it, `frozen:` trains a dense layer on its features. For instance "
            + ", ".join(f"`{each}`" for each in SUGGESTED_BACKBONES) + ".",
        )  # fmt: skip
        name = (st.session_state.get("train_backbone") or "").strip() or SUGGESTED_BACKBONES[0]
    places = {"encoder.name": st.empty()}
    options = backbone_options(name)
    if options:
        with st.expander("Weights and fine-tuning"):
            places |= option_inputs(options)
    places["encoder"] = st.empty()
    given: dict[str, dict[str, Any]] = {"encoder": {"name": name}, "training": {}}
    for option in options:
        value = st.session_state.get(option_key(option))
        if value not in ("", None):
            given[option.part][option.name] = value
    return given["encoder"], given["training"], places
