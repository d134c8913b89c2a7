"""Train or analyse: the form, what it will do, and what is running."""

from typing import Any

import streamlit as st

from app.common.widgets import question
from app.training.choices import method_input, source_input
from app.training.folder_choice import choose_folder
from app.training.live import live_trainings
from app.training.more_options import SIZED, help_text, more_options
from app.training.option_input import option_inputs, option_key
from app.training.plan import draw_plan
from app.training.preset_fill import fill, keep_filled
from app.training.ready_model import analysis_form
from app.training.run_actions import manage_runs
from app.training.run_view import draw_run, watched_run
from app.training.sweep_board import sweep_board
from app.training.sweep_file import sweep_form
from lwal_core.config import TrainingConfig
from lwal_core.config.data import HUB_DATA
from lwal_core.datafiles.source_stats import FOLDER_PREFIX
from lwal_core.experiments.form_values import (
    DEFAULT,
    DOWNLOADS,
    PRESETS,
    FormValues,
    hub_options,
)
from lwal_core.glossary import explained

FORM = FormValues()
KINDS = {"train": "Train", "sweep": "Train a sweep", "analyse": "Analyse a model"}


def apply_preset() -> None:
    fill(st.session_state.get("train_preset") or "")


AT_FIRST: dict[str, Any] = {
    "source": FORM.source, "path": "", "download": FORM.download,
    "methods": list(FORM.methods), "seeds": FORM.seeds, "name": "", "image_size": None,
    "per_class": None, "validation": DEFAULT.data.validation,
    "encoder": "auto", "backbone": "", "epochs": DEFAULT.training.epochs, "batch_size": DEFAULT.training.batch_size,
    "learning_rate": DEFAULT.training.learning_rate, "optimizer": "adam", "device": "auto", "sampler": "plain",
    "chunk_size": None, "classes_per_batch": DEFAULT.training.classes_per_batch, "samples_per_class": DEFAULT.training.samples_per_class,
}  # fmt: skip
# What the path of a data set looks like.
PATHS = {
    "folder:": "/data/my-images", "table:": "/data/images.csv", "shards:": "/data/*.tar", "hf-data:": "ORG/NAME or /data/my-set",
    "features:": "/data/features.npz",
}  # fmt: skip
state = st.session_state
for key, value in AT_FIRST.items():
    st.session_state.setdefault(f"train_{key}", value)
keep_filled()


def kept(name: str) -> dict[str, Any]:
    """Options of a control of the form: its key, and that its value is in the address and outlasts a visit to another page."""
    return {"key": f"train_{name}", "persist_state": "session", "bind": "query-params"}


def presets() -> None:
    """What the form can be filled in from."""
    st.pills(
        "Start from", list(PRESETS), **kept("preset"), on_change=apply_preset, help="Fills in the form; change it as you like.",
    )  # fmt: skip


if watched_run():
    draw_run(watched_run())
    st.stop()
with question("What shall be trained or analysed?"):
    kind = st.segmented_control(
        "Task", list(KINDS), format_func=KINDS.__getitem__, default="train", required=True, label_visibility="collapsed", **kept("kind"),
        help="Train a classifier or every combination of a grid, or look at a model that somebody else trained: its images go through "
        "it once.",
    )  # fmt: skip
if kind == "sweep":
    left, right = st.columns([3, 2], gap="large")
    sweep_form(left, right)
    with right:
        live_trainings()
    sweep_board()
    manage_runs()
    st.stop()
analysing = kind == "analyse"
left, right = st.columns([3, 2], gap="large")
problem_slots = {}
with left:  # noqa: SIM117
    with st.container(border=True):
        source = source_input(kept, FORM.source)
        # What comes and goes has a place of its own: a control that moves along with it would no longer write the address.
        path_place, hub_place, download_place = st.container(), st.container(), st.container()
        problem_slots["data.name"] = st.empty()
        if source.endswith(":"):
            line = path_place.container(horizontal=True, vertical_alignment="bottom")
            line.text_input(
                "Path on the machine that runs this app", **kept("path"),
                placeholder=PATHS.get(source),
                help="Images: `train/<class>/*.png` and `test/<class>/*.png`, or one folder per class, which is then split. "
                "Hugging Face: what its cache has, as `ORG/NAME`, or a folder of the library datasets. "
                "A table: CSV, TSV or Parquet with `path`, `label` and perhaps `split`, paths relative to its folder. "
                "Features: an `.npz` with `x_train`, `y_train`, `x_test`, `y_test`.",
            )  # fmt: skip
            if source == FOLDER_PREFIX:
                with line:
                    choose_folder()
            problem_slots["data.path"] = path_place.empty()
        of_hub = hub_options() if source == HUB_DATA else []
        if of_hub:
            with hub_place.expander("Subset and columns"):
                problem_slots |= option_inputs(of_hub)
        if source == "download":
            download_place.selectbox(
                "Which", list(DOWNLOADS), list(DOWNLOADS).index(AT_FIRST["download"]),
                format_func=DOWNLOADS.__getitem__, **kept("download"),
                help="Fetched by the training from its makers' server on first use, and kept in the folder LWAL_DATA.",
            )  # fmt: skip

asked = ("image_size", "per_class") if source in SIZED else ("per_class",)
chosen_data = {k: v for k in asked if (v := state.get(f"train_{k}")) is not None}
chosen_data |= {option.name: state[option_key(option)] for option in of_hub}
if analysing:
    analysed = FormValues(source=source, path=state.get("train_path") or "", name=state.train_name or "",
                          download=state.get("train_download") or FORM.download, data=chosen_data)  # fmt: skip
    analysis_form(left, right, analysed, problem_slots)
    with right:
        live_trainings()
    sweep_board()
    manage_runs()
    st.stop()

with left:
    with st.container(border=True):
        methods = method_input(kept, FORM.methods)
        problem_slots["method.name"] = st.empty()
        a, b = st.columns(2)
        a.number_input(
            "Epochs", 1, 10_000, AT_FIRST["epochs"], **kept("epochs"),
            help=help_text(TrainingConfig, "epochs") + "\n\n" + explained("Epoch", "Step"),
        )  # fmt: skip
        b.text_input(
            "Seeds", AT_FIRST["seeds"], **kept("seeds"),
            help=help_text(TrainingConfig, "seed") + " One run per seed.\n\n" + explained("Seed"),
        )  # fmt: skip
        problem_slots["training.epochs"] = a.empty()
        problem_slots["training.seed"] = b.empty()
        problem_slots["training"] = st.empty()
    more = more_options(kept, AT_FIRST, source, methods, presets)
    problem_slots |= more.places

form = FormValues(
    source=source,
    path=state.get("train_path") or "",
    download=state.get("train_download") or FORM.download,
    methods=methods,
    seeds=state.train_seeds or "",
    name=state.train_name or "",
    data=chosen_data | more.images,
    encoder=more.encoder,
    labels=more.labels,
    training=more.training,
)
with right:
    with st.container(border=True, key="train_plan"):
        draw_plan(form, problem_slots)
    live_trainings()

sweep_board()
manage_runs()
