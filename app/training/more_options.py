"""Folded part of the training form: encoder, label options, images, optimiser, device."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app.common.wording import plain
from app.training.device_input import device_input
from app.training.encoder_input import encoder_input
from app.training.option_input import option_inputs, option_key
from lwal_core.config import IMAGE_DATA, DataConfig, EncoderConfig, Option, TrainingConfig
from lwal_core.config.training import MAX_BATCH
from lwal_core.experiments.form_values import class_options, image_options, label_options, training_options
from lwal_core.glossary import explained

OF_IMAGES = (*IMAGE_DATA, "shapes", "pictograms", "download")
"""Data sets whose images can be prepared."""
SIZED = (*IMAGE_DATA, "shapes", "pictograms")
"""Data sets whose images can have another size."""
SAMPLERS = {"plain": "Plain", "class-balanced": "Class-balanced", "balanced": "Balanced: classes x samples"}
BATCH_SIZES = {
    "plain": ("batch_size",),
    "class-balanced": ("batch_size",),
    "balanced": ("classes_per_batch", "samples_per_class"),
}
"""What a sampler is told of the size of a batch."""
OPTIMISERS = {"adam": "Adam", "adamw": "AdamW", "sgd": "SGD, momentum 0.9"}


@dataclass(frozen=True)
class MoreOptions:
    """What stands there: parts of :class:`~lwal_core.experiments.form_values.FormValues`, and where to say what is wrong."""

    encoder: dict[str, Any]
    labels: dict[str, Any]
    images: dict[str, Any]
    training: dict[str, Any]
    places: dict[str, DeltaGenerator]


def help_text(part: type, name: str) -> str:
    """Description of an option for markdown, as the command line shows it."""
    return plain(str(part.model_fields[name].description))  # type: ignore[attr-defined]


def more_options(
    kept: Callable[[str], dict[str, Any]],
    at_first: dict[str, Any],
    source: str,
    methods: Sequence[str],
    presets: Callable[[], object],
) -> MoreOptions:
    """Draw the part.

    Args:
        kept: Options of a control of the form, by its name.
        at_first: Value of each control at first, by its name.
        source: The data set that is chosen.
        methods: Titles of the label methods that are chosen.
        presets: Draws what the form can be filled in from.
    """
    state, pictures = st.session_state, list[Option]()
    more, coarse = training_options(), class_options()
    with st.expander("More", icon=":material/tune:"):
        presets()
        with st.container():
            encoder, tuning, places = encoder_input(
                kept, at_first["encoder"], help_text(EncoderConfig, "name") + "\n\n" + explained("Embedding")
            )
        with st.container():
            options = label_options(methods)
            if options:
                st.subheader("Label options", anchor=False)
                st.caption("Each applies to the methods that have it; the defaults are the paper's.")
                places |= option_inputs(options)
            places["method"] = st.empty()
        with st.container():
            if source in OF_IMAGES:
                st.subheader("Images", anchor=False)
                with st.container():  # it comes and goes: what is below keeps its place
                    places |= image_size_input(kept, at_first["image_size"], source)
                pictures = [option for option in image_options() if option.name != "fit" or source in IMAGE_DATA]
                places |= option_inputs(pictures)
        st.subheader("Optimiser, batch and device", anchor=False)
        sizes = _training(kept, at_first)
        places |= option_inputs(more)
        places |= option_inputs(coarse)
        st.text_input("Name", **kept("name"), placeholder="Made from method and data", max_chars=200,
                      help="How the runs are called in lists. Leave it empty for a name made from method and data.")  # fmt: skip
    given = {option.name: state[option_key(option)] for option in more}
    training = {k: state[f"train_{k}"] for k in ("epochs", "sampler", *sizes, "learning_rate", "optimizer", "device")}
    return MoreOptions(
        encoder=encoder,
        labels={option.name: state[option_key(option)] for option in options},
        images={option.name: state[option_key(option)] for option in (*pictures, *coarse)}
        | ({"validation": state.train_validation} if state.get("train_validation") else {}),
        training=training
        | {name: value for name, value in given.items() if value is not None}
        | ({"chunk_size": state.train_chunk_size} if state.get("train_chunk_size") else {})
        | tuning,
        places=places,
    )


def image_size_input(
    kept: Callable[[str], dict[str, Any]], at_first: int | None, source: str, without: str = "32"
) -> dict[str, DeltaGenerator]:
    """Draw the side of the images, where the data set leaves it open.

    Args:
        kept: As of :func:`more_options`.
        at_first: Pixels.
        source: The data set.
        without: What is said of the side where none is given.

    Returns:
        Where to say what is wrong with it.
    """
    if source not in SIZED:
        return {}
    st.number_input(
        "Image size, pixels", 8, 512, at_first, **kept("image_size"), placeholder=without, help=help_text(DataConfig, "image_size"),
    )  # fmt: skip
    return {"data.image_size": st.empty()}


def _training(kept: Callable[[str], dict[str, Any]], at_first: dict[str, Any]) -> tuple[str, ...]:
    """Draw learning rate, batch, device and parts of the data; gives the names of what the batch's size is told by."""
    a, b = st.columns(2)
    a.number_input(
        "Learning rate", 1e-6, 10.0, at_first["learning_rate"], format="%g", **kept("learning_rate"),
        help=help_text(TrainingConfig, "learning_rate"),
    )  # fmt: skip
    b.selectbox(
        "Sampler", list(SAMPLERS), **kept("sampler"), format_func=SAMPLERS.__getitem__, help=help_text(TrainingConfig, "sampler"),
    )  # fmt: skip
    sizes = BATCH_SIZES[st.session_state.train_sampler or at_first["sampler"]]
    for place, name in zip((a.container(), b.container()), sizes, strict=False):
        place.number_input(
            name.replace("_", " ").capitalize(), 1 if name == "samples_per_class" else 2, MAX_BATCH, at_first[name],
            **kept(name), help=help_text(TrainingConfig, name),
        )  # fmt: skip
    a.selectbox(
        "Optimiser", list(OPTIMISERS), **kept("optimizer"), format_func=OPTIMISERS.__getitem__,
        help=help_text(TrainingConfig, "optimizer"),
    )  # fmt: skip
    with b:
        device_input(kept("device"), help_text(TrainingConfig, "device"))
    a.number_input(
        "Training samples per class", 2, value=at_first["per_class"], **kept("per_class"), placeholder="All",
        help=help_text(DataConfig, "per_class"),
    )  # fmt: skip
    b.number_input(
        "Share for validation", 0.0, 0.5, at_first["validation"], 0.05, **kept("validation"),
        help=help_text(DataConfig, "validation"),
    )  # fmt: skip
    a.number_input(
        "Chunk size", 4, MAX_BATCH, at_first["chunk_size"], **kept("chunk_size"), placeholder="The whole batch",
        help=help_text(TrainingConfig, "chunk_size"),
    )  # fmt: skip
    return sizes
