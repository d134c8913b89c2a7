"""Train or analyse: the form, what it will do, and what is running."""

from typing import Any

import streamlit as st

from app.common.widgets import button_once, changing, errors_shown, on_accent, question
from app.common.wording import plain
from app.training.encoder_input import encoder_input
from app.training.live import live_trainings
from app.training.option_input import option_inputs, option_key
from app.training.preset_fill import fill, keep_filled
from app.training.problems import show_problems
from app.training.ready_model import analysis_form
from app.training.run_actions import manage_runs
from app.training.sweep_board import sweep_board
from app.training.sweep_file import sweep_form
from lwal_core.analysis.base.formatting import format_seconds
from lwal_core.config import IMAGE_DATA, DataConfig, EncoderConfig, Option, TrainingConfig
from lwal_core.config.data import HUB_DATA
from lwal_core.config.training import MAX_BATCH
from lwal_core.datafiles import source_stats
from lwal_core.errors import LwalError
from lwal_core.experiments.batch_classes import batch_advice, batch_classes, batch_text, check_batches, chunk_text
from lwal_core.experiments.form_values import (
    DEFAULT,
    DOWNLOADS,
    PRESETS,
    SOURCES,
    FormValues,
    command_lines,
    configurations,
    hub_options,
    image_options,
    label_options,
    method_choices,
    method_sentences,
    names_a_file,
)
from lwal_core.experiments.sweep_runs import form_tag
from lwal_core.glossary import explained
from lwal_core.jobs import check_device, check_may_queue, live_workers, submit
from lwal_core.runs import create_run, estimate_seconds, home
from lwal_core.security.permissions import check_writable

FORM = FormValues()
KINDS = {"train": "Train", "sweep": "Train a sweep", "analyse": "Analyse a model"}


def help_text(part: type, name: str) -> str:
    # Plain text, as the command line shows it: in Markdown, two of its asterisks would vanish.
    return plain(str(part.model_fields[name].description))


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
SAMPLERS = {"plain": "Plain", "class-balanced": "Class-balanced", "balanced": "Balanced: classes x samples"}
# What a sampler is told of the size of a batch.
BATCH_SIZES = {
    "plain": ("batch_size",),
    "class-balanced": ("batch_size",),
    "balanced": ("classes_per_batch", "samples_per_class"),
}
state = st.session_state
for key, value in AT_FIRST.items():
    st.session_state.setdefault(f"train_{key}", value)
keep_filled()


def kept(name: str) -> dict[str, Any]:
    """Options of a control of the form: its key, and that its value is in the address and outlasts a visit to another page."""
    return {"key": f"train_{name}", "persist_state": "session", "bind": "query-params"}


question("What shall be trained or analysed?")
live_trainings()
kind = st.segmented_control(
    "Task", list(KINDS), format_func=KINDS.__getitem__, default="train", required=True, **kept("kind"),
    help="Train a classifier or every combination of a grid, or look at a model that somebody else trained: its images go through it "
    "once.",
)  # fmt: skip
if kind == "sweep":
    sweep_form(*st.columns([3, 2], gap="large"))
    sweep_board()
    manage_runs()
    st.stop()
analysing = kind == "analyse"
# What comes and goes has a place of its own: a control that moves along with it would no longer write the address.
presets_place = st.container()
if not analysing:
    presets_place.pills(
        "Start from",
        list(PRESETS),
        **kept("preset"),
        on_change=apply_preset,
        help="Fills in the form; change it as you like.",
    )

left, right = st.columns([3, 2], gap="large")
problem_slots = {}
with left:  # noqa: SIM117
    with st.container(border=True):
        st.subheader("Data", anchor=False)
        st.segmented_control(
            "Data set", list(SOURCES), format_func=SOURCES.get, default=AT_FIRST["source"], required=True, **kept("source"),
            help=help_text(DataConfig, "name"),
        )  # fmt: skip
        source, pictures = st.session_state.train_source or FORM.source, list[Option]()
        path_place, hub_place, download_place = st.container(), st.container(), st.container()
        problem_slots["data.name"] = st.empty()
        preparation_place = st.container()
        if source.endswith(":"):
            path_place.text_input(
                "Path on the machine that runs this app", **kept("path"),
                placeholder=PATHS.get(source),
                help="Images: `train/<class>/*.png` and `test/<class>/*.png`, or one folder per class, which is then split. "
                "Hugging Face: what its cache has, as `ORG/NAME`, or a folder of the library datasets. "
                "A table: CSV, TSV or Parquet with `path`, `label` and perhaps `split`, paths relative to its folder. "
                "Features: an `.npz` with `x_train`, `y_train`, `x_test`, `y_test`.",
            )  # fmt: skip
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
        if source in (*IMAGE_DATA, "shapes", "pictograms", "download") and not analysing:
            pictures = [option for option in image_options() if option.name != "fit" or source in IMAGE_DATA]
            with preparation_place.expander("Preparation of images"):
                problem_slots |= option_inputs(pictures)
        if source in (*IMAGE_DATA, "shapes", "pictograms"):
            st.number_input(
                "Image size, pixels", 8, 512, AT_FIRST["image_size"], **kept("image_size"),
                placeholder="the model's own" if analysing else "32",
                help=help_text(DataConfig, "image_size"),
            )  # fmt: skip
            problem_slots["data.image_size"] = st.empty()

chosen_data = {k: v for k in ("image_size", "per_class") if (v := state.get(f"train_{k}")) is not None}
chosen_data |= {option.name: state[option_key(option)] for option in of_hub}
if analysing:
    analysed = FormValues(source=source, path=state.get("train_path") or "", name=state.train_name or "",
                          download=state.get("train_download") or FORM.download, data=chosen_data)  # fmt: skip
    analysis_form(left, right, analysed, problem_slots)
    sweep_board()
    manage_runs()
    st.stop()

with left:
    with st.container(border=True):
        st.subheader("Model and labels", anchor=False)
        st.pills(
            "Label methods", list(method_choices()), selection_mode="multi", default=AT_FIRST["methods"], **kept("methods"),
            help="Each method is trained with each seed.\n"
            + "".join(f"\n- {title}: {plain(said)}" for title, said in method_sentences().items())
            + "\n\n" + explained("LwAL"),
        )  # fmt: skip
        st.caption(
            "  \n".join(
                f"**{title}**: {plain(said)}" for title, said in method_sentences(state.train_methods or ()).items()
            )
        )
        problem_slots["method.name"] = st.empty()
        with st.container():
            encoder, tuning, places = encoder_input(kept, AT_FIRST["encoder"], help_text(EncoderConfig, "name"))
        problem_slots |= places
        with st.expander("Label options"):
            st.caption("Each applies to the methods that have it; the defaults are the paper's.")
            options = label_options(st.session_state.train_methods or ())
            problem_slots |= option_inputs(options)
            problem_slots["method"] = st.empty()
    with st.container(border=True):
        st.subheader("Training", anchor=False)
        a, b = st.columns(2)
        a.number_input(
            "Epochs",
            1,
            10_000,
            AT_FIRST["epochs"],
            **kept("epochs"),
            help=help_text(TrainingConfig, "epochs") + "\n\n" + explained("Epoch", "Step"),
        )
        b.text_input(
            "Seeds",
            AT_FIRST["seeds"],
            **kept("seeds"),
            help=help_text(TrainingConfig, "seed") + " One run per seed.\n\n" + explained("Seed"),
        )
        problem_slots["training.epochs"] = a.empty()
        problem_slots["training.seed"] = b.empty()
        st.text_input("Name", **kept("name"), placeholder="Made from method and data", max_chars=200,
                      help="How the runs are called in lists. Leave it empty for a name made from method and data.")  # fmt: skip
        with st.expander("Optimiser, batch and device"):
            a, b = st.columns(2)
            a.number_input(
                "Learning rate", 1e-6, 10.0, AT_FIRST["learning_rate"], format="%g", **kept("learning_rate"),
                help=help_text(TrainingConfig, "learning_rate"),
            )  # fmt: skip
            b.selectbox(
                "Sampler", list(SAMPLERS), **kept("sampler"), format_func=SAMPLERS.get, help=help_text(TrainingConfig, "sampler"),
            )  # fmt: skip
            sizes = BATCH_SIZES[state.train_sampler or AT_FIRST["sampler"]]
            for place, name in zip((a.container(), b.container()), sizes, strict=False):
                place.number_input(
                    name.replace("_", " ").capitalize(), 1 if name == "samples_per_class" else 2, 65_536, AT_FIRST[name],
                    **kept(name), help=help_text(TrainingConfig, name),
                )  # fmt: skip
            a.selectbox(
                "Optimiser", ["adam", "adamw", "sgd"], **kept("optimizer"),
                format_func={"adam": "Adam", "adamw": "AdamW", "sgd": "SGD, momentum 0.9"}.get, help=help_text(TrainingConfig, "optimizer"),
            )  # fmt: skip
            b.text_input("Device", AT_FIRST["device"], **kept("device"), help=help_text(TrainingConfig, "device"))
            a.number_input(
                "Training samples per class", 2, value=AT_FIRST["per_class"], **kept("per_class"), placeholder="All",
                help=help_text(DataConfig, "per_class"),
            )  # fmt: skip
            b.number_input(
                "Share for validation", 0.0, 0.5, AT_FIRST["validation"], 0.05, **kept("validation"),
                help=help_text(DataConfig, "validation"),
            )  # fmt: skip
            a.number_input(
                "Chunk size", 4, MAX_BATCH, AT_FIRST["chunk_size"], **kept("chunk_size"), placeholder="The whole batch",
                help=help_text(TrainingConfig, "chunk_size"),
            )  # fmt: skip
        problem_slots["training"] = st.empty()  # outside, where it is seen while the options are folded

form = FormValues(
    source=source,
    path=state.get("train_path") or "",
    download=state.get("train_download") or FORM.download,
    methods=tuple(state.train_methods or ()),
    seeds=state.train_seeds or "",
    name=state.train_name or "",
    data=chosen_data
    | {option.name: state[option_key(option)] for option in pictures}
    | ({"validation": state.train_validation} if state.get("train_validation") else {}),
    encoder=encoder,
    labels={option.name: state[option_key(option)] for option in options},
    training={k: state[f"train_{k}"] for k in ("epochs", "sampler", *sizes, "learning_rate", "optimizer", "device")}
    | ({"chunk_size": state.train_chunk_size} if state.get("train_chunk_size") else {})
    | tuning,
)

with right, st.container(border=True):
    st.subheader("What this will do", anchor=False)
    configs, facts, device_note = [], None, ""
    try:
        if source.endswith(":") or names_a_file(form.labels, form.encoder):
            check_writable("look into files of this machine")
        configs = configurations(form)
        device_note = check_device(form.training["device"], [worker.devices for worker in live_workers(home())])
        found = source_stats(configs[0].data)
        check_batches(found.per_class, configs[0].training)
        facts = found
    except LwalError as error:
        show_problems(error, problem_slots)
    if configs and facts:
        training = configs[0].training
        held = f", {facts.validation:,} validation" if facts.validation else ""
        batches = training.batches_per_epoch(facts.train)
        methods = list(dict.fromkeys(c.method_label() for c in configs))
        seconds = [estimate_seconds(c) for c in configs]
        known = [s for s in seconds if s is not None]
        st.table(
            {
                "Data": f"{facts.train:,} training{held} and {facts.test:,} test {facts.unit}",
                "Classes": f"{facts.classes:,}",
                "Runs": f"{len(configs)} ({', '.join(methods)}; {len(configs) // len(methods)} seed{'s' * (len(configs) > len(methods))})",
                "Steps": f"{batches:,} an epoch, {batches * training.epochs:,} a run",
                "A batch": batch_text(batch_classes(facts.per_class, training)),
                "Time": f"about {format_seconds(sum(known) * len(configs) / len(known))}, from runs like these"
                if known
                else "not known before the first run like this",
            },
            border="horizontal",
        )
        learned = any(config.method.learns_labels for config in configs)
        advice = batch_advice(facts.per_class, training) if learned else ""
        for note in (*facts.notes, *filter(None, [device_note, advice, chunk_text(training)])):
            st.caption(plain(note))
        st.markdown("The same from a terminal:")
        st.code(command_lines(configs), language=None, wrap_lines=True)
    if button_once(
        on_accent(f"Start {len(configs)} training{'s' * (len(configs) != 1)}" if configs and facts else "Start training"),
        type="primary", icon=":material/play_arrow:", key="train_start", width="stretch", **changing(disabled=not (configs and facts)),
    ):  # fmt: skip
        with errors_shown():
            check_may_queue(len(configs))
            tag = form_tag(form.name) if len(configs) > 1 else ""
            for config in configs:
                submit(create_run(config, name=form.name, tags=(tag,) if tag else ()), tag=tag)
        st.toast(
            f"{len(configs)} in the queue, at the top of this page; they go on when it is closed.",
            icon=":material/play_arrow:",
        )
        st.rerun()

sweep_board()
manage_runs()
