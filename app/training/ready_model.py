"""Form of an analysis: which model is looked at as it is, what that will do, and its start."""

from __future__ import annotations

import shlex
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app.common.widgets import button_once, changing, errors_shown, on_accent
from app.common.wording import plain
from app.training.device_input import device_input
from app.training.more_options import image_size_input
from app.training.problems import mark_entries, show_problems
from lwal_core.config import MODEL_SOURCES, PATH_DATA, DataConfig, ReadyModelConfig, TrainingConfig
from lwal_core.config.encoder import RANDOM
from lwal_core.config.ready_model import MAX_MODEL, MAX_PATH
from lwal_core.datafiles import source_stats
from lwal_core.errors import LwalError
from lwal_core.experiments.form_values import FormValues, data_config
from lwal_core.jobs import check_device, check_may_queue, create_analysis, live_workers, submit
from lwal_core.runs import home
from lwal_core.security.permissions import check_writable

EXAMPLES = {"timm": "resnet18.a1_in1k", "torchvision": "resnet18", "hf": "google/vit-base-patch16-224"}
"""What stands in the field of a model while nobody has written anything, and is taken then."""
LAYERS = {"features": "Features", "output": "Outputs"}
WEIGHTS = {"published": "Published", RANDOM: "Random", "file": "File"}


def analysis_command(ready: ReadyModelConfig, data: DataConfig, *, seed: int, device: str, name: str) -> str:
    """The same analysis as an ``lwal analyse`` command."""
    words = ["lwal", "analyse", "--model", ready.model, "--data", data.name]
    words += ["--per-class", str(data.per_class)] if data.per_class else []
    words += ["--image-size", str(data.image_size)] if data.image_size else []
    words += ["--layer", ready.layer] if ready.layer != "features" else []
    words += ["--weights", ready.weights] if ready.weights else []
    words += ["--seed", str(seed)] if ready.random and seed else []
    words += ["--device", device] if device != "auto" else []
    words += ["--name", name] if name else []
    return shlex.join(words)


def analysis_form(
    left: DeltaGenerator, right: DeltaGenerator, form: FormValues, places: dict[str, DeltaGenerator]
) -> None:
    """Draw what is asked of a model, what its analysis will do, and the button that starts it.

    Args:
        left: Where the form is.
        right: Where it says what it will do.
        form: The data of the form, its name and its device.
        places: Below the entries of the data, by ``"part.option"``; those of the model are added.
    """
    with left:
        values, seed, device = _choices(places, form.source)
    with right, st.container(border=True):
        st.subheader("What this will do", anchor=False)
        asked = _checked(form, values, device, places)
        if asked is not None:
            ready, data = asked
            st.markdown("The same from a terminal:")
            line = analysis_command(ready, data, seed=seed, device=device, name=form.name.strip())
            st.code(line, language=None, wrap_lines=True)
        options = changing(disabled=asked is None)
        if button_once(
            on_accent("Start the analysis", enabled=not options["disabled"]), type="primary", icon=":material/play_arrow:",
            key="train_start", width="stretch", **options,
        ):  # fmt: skip
            with errors_shown():
                check_may_queue()
                submit(create_analysis(ready, data, seed=seed, device=device, name=form.name))
            st.toast(
                "In the queue, on this page; it goes on when the page is closed.",
                icon=":material/play_arrow:",
            )
            st.rerun()


def _choices(places: dict[str, DeltaGenerator], data: str) -> tuple[dict[str, Any], int, str]:
    """Draw the form; the model's values as :meth:`ReadyModelConfig.parse` takes them, seed and device."""
    with st.container(border=True):
        st.subheader("Model", anchor=False)
        source = st.segmented_control(
            "Library", list(MODEL_SOURCES), format_func=MODEL_SOURCES.__getitem__, default="timm", required=True,
            **_kept("library"),
        ) or "timm"  # fmt: skip
        called = st.text_input(
            "Model", **_kept("model"), placeholder=EXAMPLES[source], max_chars=MAX_MODEL,
            help="What the library calls it; of transformers ORG/REPO on huggingface.co, or a folder on the machine that runs this app.",
        )  # fmt: skip
        places["model"] = st.empty()
        layer = st.segmented_control(
            "Vectors", list(LAYERS), format_func=LAYERS.__getitem__, default="features", required=True, **_kept("layer"),
            help="Features are what the model's head is given, outputs what it makes of them.",
        )  # fmt: skip
        weights = st.segmented_control(
            "Weights", list(WEIGHTS), format_func=WEIGHTS.__getitem__, default="published", required=True, **_kept("weights"),
            help="Published ones are looked for on the machine that runs this app, then fetched. Random ones show what the network "
            "shows that has learned nothing.",
        )  # fmt: skip
        file, seed, place = "", 0, st.container()
        if weights == "file":
            file = place.text_input(
                "File of weights on the machine that runs this app", **_kept("file"), placeholder="/data/model.safetensors",
                max_chars=MAX_PATH,
            )  # fmt: skip
        if weights == RANDOM:
            seed = int(place.number_input("Seed of the weights", 0, 2**31 - 1, 0, **_kept("seed")))
        places["weights"] = st.empty()
        with st.expander("More", icon=":material/tune:"):
            st.text_input("Name", key="train_name", persist_state="session", bind="query-params", max_chars=200,
                          placeholder="Made from model and data")  # fmt: skip
            kept = {"key": "train_device", "persist_state": "session", "bind": "query-params"}
            device_input(kept, plain(str(TrainingConfig.model_fields["device"].description)))
            device = str(st.session_state.get("train_device") or "auto")
            st.number_input("Training images per class", 2, value=None, key="train_per_class", placeholder="All",
                            persist_state="session", bind="query-params",
                            help="Class means and nearest neighbours come from these.")  # fmt: skip
            with st.container():
                size = {"key": "train_image_size", "persist_state": "session", "bind": "query-params"}
                places |= image_size_input(lambda name: size, None, data, "The model's own")
        places["training"] = st.empty()
    model = f"{source}:{called.strip() or EXAMPLES[source]}"
    chosen = {"published": None, RANDOM: RANDOM, "file": file.strip()}[weights or "published"]
    if weights == "file" and not chosen:
        places["weights"].error("No file is given; write where it is, or choose other weights.")
    values = {"model": model, "layer": layer or "features", "weights": chosen}
    return values, seed, device.strip() or "auto"


def _checked(
    form: FormValues, values: dict[str, Any], device: str, places: dict[str, DeltaGenerator]
) -> tuple[ReadyModelConfig, DataConfig] | None:
    """The model and the data, once the form says what can be started; None with what is wrong beside its entry."""
    try:
        if form.source in PATH_DATA or values["weights"] not in (None, RANDOM):
            check_writable("look into files of this machine")
        ready, data = ReadyModelConfig.parse(values), data_config(form)
        ready.run_config(data, device=device)
        note = check_device(device, [worker.devices for worker in live_workers(home())])
        facts = source_stats(data)
    except LwalError as error:
        show_problems(error, places)
        return None
    if values["weights"] == "":
        mark_entries()
        return None
    st.table(
        {
            "Model": plain(ready.method_label()),
            "Images": f"{facts.train:,} for class means, {facts.test:,} to test; each goes through the model once",
            "Classes": f"{facts.classes:,}",
            "Result": "a run with class means, accuracies and confusion",
        },
        border="horizontal",
    )
    for line in (*facts.notes, *filter(None, [note])):
        st.caption(plain(line))
    return ready, data


def _kept(name: str) -> dict[str, Any]:
    return {"key": f"ready_{name}", "persist_state": "session", "bind": "query-params"}
