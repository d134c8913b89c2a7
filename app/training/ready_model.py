"""Command that analyses a model without training, made from the training form."""

from __future__ import annotations

import shlex

import streamlit as st

from app.common.wording import plain
from lwal_core.config import DataConfig

SOURCES = {
    "timm": ("timm:", "resnet18.a1_in1k"),
    "torchvision": ("torchvision:", "resnet18"),
    "transformers": ("hf:", "google/vit-base-patch16-224"),
}
"""Start of a model's name, and an example, by the library that has it."""


def analysis_command(library: str, model: str, data: DataConfig, *, output: bool, random: bool) -> str:
    """The line that analyses a model as it is.

    Args:
        library: One of :data:`SOURCES`.
        model: What the library calls it.
        data: The data; its size and subset go along, the rest does not apply.
        output: Whether vectors are the model's outputs rather than its features.
        random: Whether its weights are drawn rather than fetched.
    """
    words = ["lwal", "analyse", "--model", SOURCES[library][0] + model, "--data", data.name]
    words += ["--per-class", str(data.per_class)] if data.per_class else []
    words += ["--image-size", str(data.image_size)] if data.image_size else []
    words += ["--layer", "output"] * output + ["--weights", "random"] * random
    return shlex.join(words)


def ready_model(data: DataConfig | None) -> None:
    """Draw the choices and the command.

    Args:
        data: The data of the form; None while it has none that can be read.
    """
    with st.expander("Analyse a model as it is", icon=":material/biotech:"):
        st.caption(
            "A model that somebody else trained becomes a run without training: class means, head vectors, accuracies and confusion "
            "on the data of the form. It runs from a terminal of this machine."
        )
        library = st.segmented_control("Library", list(SOURCES), default="timm", key="ready_library") or "timm"
        example = SOURCES[library][1]
        model = st.text_input("Model", key="ready_model", placeholder=example, max_chars=200).strip() or example
        layer = st.segmented_control("Vectors", ["Features", "Outputs"], default="Features", key="ready_layer",
                                     help="Features are what the model's head is given, outputs what it makes of them.")  # fmt: skip
        random = st.toggle(
            "Random weights", key="ready_random", help="What the network shows that has learned nothing."
        )
        if data is None:
            st.caption("The command stands here when the data of the form can be read.")
        elif data.name.startswith("features:"):
            st.caption(plain("A model takes images; choose other data than features."))
        else:
            line = analysis_command(library, model, data, output=layer == "Outputs", random=random)
            st.code(line, language=None, wrap_lines=True)
