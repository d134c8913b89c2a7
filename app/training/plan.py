"""What the training form will do: facts in a table, Start, the data with pictures, the same as a command."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app.common.widgets import button_once, changing, errors_shown, on_accent
from app.common.wording import counted, plain
from app.training.problems import show_problems
from lwal_core.analysis.base.formatting import format_seconds
from lwal_core.config import DataConfig, RunConfig, TrainingConfig
from lwal_core.datafiles import SourceStats, source_stats
from lwal_core.errors import LwalError
from lwal_core.experiments.batch_classes import batch_advice, batch_classes, batch_text, check_batches, chunk_text
from lwal_core.experiments.data_preview import PICTURED, Preview, source_preview
from lwal_core.experiments.form_values import FormValues, command_lines, configurations, names_a_file
from lwal_core.experiments.sweep_runs import form_tag
from lwal_core.experiments.told_taxonomy import check_told_taxonomy
from lwal_core.figures.labels import one_line
from lwal_core.jobs import check_device, check_may_queue, live_workers, submit
from lwal_core.runs import create_run, estimate_seconds, home
from lwal_core.security.permissions import check_writable

LISTED = 1_000
"""Classes that the table of the data lists."""


def draw_plan(form: FormValues, places: Mapping[str, DeltaGenerator]) -> None:
    """Draw it; who presses Start gives the runs to the queue.

    Args:
        form: What was filled in.
        places: By ``"part.option"``, where to say what is wrong.
    """
    configs, facts, seen, note = list[RunConfig](), None, Preview(()), ""
    try:
        if form.source.endswith(":") or names_a_file(form.labels, form.encoder):
            check_writable("look into files of this machine")
        configs = configurations(form)
        note = check_device(form.training["device"], [worker.devices for worker in live_workers(home())])
        found = source_stats(configs[0].data)
        check_batches(found.per_class, configs[0].training)
        seen = preview_of(configs[0].data, found)
        check_told_taxonomy(configs, seen.class_names)
        facts = found
    except LwalError as error:
        show_problems(error, places)
    with st.container(key="train_start_place"):
        _start(form, configs if facts else [])
    if facts is None:
        return
    st.table(_facts(configs, facts), border="horizontal")
    training = configs[0].training
    learned = any(config.method.learns_labels for config in configs)
    advice = batch_advice(facts.per_class, training) if learned else ""
    for said in (*facts.notes, *filter(None, [note, advice, chunk_text(training)])):
        st.caption(plain(said))
    _draw_preview(facts, seen)
    with st.expander("Steps, and the same from a terminal", icon=":material/terminal:"):
        st.table(_steps(training, facts), border="horizontal")
        st.code(command_lines(configs), language=None, wrap_lines=True)


@st.cache_data(max_entries=16, ttl=120, show_spinner=False)
def _cached_preview(text: str, facts: SourceStats, _data: DataConfig) -> Preview:
    return source_preview(_data)


def preview_of(data: DataConfig, facts: SourceStats) -> Preview:
    """Classes and thumbnails of a data set, read once while its counts stay the same.

    Args:
        data: The data.
        facts: Its counts.

    Raises:
        DataError: It cannot be read.
    """
    return _cached_preview(data.model_dump_json(), facts, data)


def _facts(configs: list[RunConfig], facts: SourceStats) -> dict[str, str]:
    held = f", {facts.validation:,} validation" if facts.validation else ""
    methods = list(dict.fromkeys(config.method_label() for config in configs))
    known = [seconds for config in configs if (seconds := estimate_seconds(config)) is not None]
    return {
        "Data": f"{facts.train:,} training{held} and {facts.test:,} test {facts.unit}",
        "Classes": f"{facts.classes:,}",
        "Runs": f"{len(configs)} ({plain(', '.join(methods))}; {counted(len(configs) // len(methods), 'seed')})",
        "Time": f"about {format_seconds(sum(known) * len(configs) / len(known))}, from runs like these"
        if known
        else "not known before the first run like this",
    }


def _steps(training: TrainingConfig, facts: SourceStats) -> dict[str, str]:
    batches = training.batches_per_epoch(facts.train)
    return {
        "Steps": f"{batches:,} an epoch, {batches * training.epochs:,} a run",
        "A batch": batch_text(batch_classes(facts.per_class, training)),
    }


def _start(form: FormValues, configs: list[RunConfig]) -> None:
    label = f"Start {counted(len(configs), 'training')}" if configs else "Start training"
    options = changing(disabled=not configs)
    if not button_once(
        on_accent(label, enabled=not options["disabled"]), type="primary", icon=":material/play_arrow:", key="train_start",
        width="stretch", **options,
    ):  # fmt: skip
        return
    with errors_shown():
        check_may_queue(len(configs))
        tag = form_tag(form.name) if len(configs) > 1 else ""
        for config in configs:
            submit(create_run(config, name=form.name, tags=(tag,) if tag else ()), tag=tag)
    st.toast(
        f"{len(configs)} in the queue, on this page; they go on when it is closed.",
        icon=":material/play_arrow:",
    )
    st.rerun()


def _draw_preview(facts: SourceStats, seen: Preview) -> None:
    """Classes with their training samples and some pictures."""
    names = seen.class_names or tuple(f"Class {index + 1}" for index in range(facts.classes))
    rows: dict[str, list[object]] = {
        "Class": [one_line(name) for name in names[:LISTED]],
        "Training": list(facts.per_class[:LISTED]) or [None] * min(len(names), LISTED),
    }
    if any(seen.strips):
        strips = [*seen.strips, *[""] * len(names)]
        rows["Pictures"] = [strips[index] or None for index in range(min(len(names), LISTED))]
    with st.container(key="train_preview"):
        st.dataframe(
            rows,
            hide_index=True,
            height=min(len(rows["Class"]), 6) * 36 + 40,
            row_height=36,
            alt=f"Classes of the data with their training samples{' and pictures' if any(seen.strips) else ''}",
            column_config={
                "Class": st.column_config.TextColumn(width="small"),
                "Training": st.column_config.NumberColumn(width="small"),
                "Pictures": st.column_config.ImageColumn(width=290),
            },
        )
        if len(names) > LISTED:
            st.caption(f"The first {LISTED:,} of {len(names):,} classes.")
        if any(seen.strips) and len(names) > PICTURED:
            st.caption(f"Pictures of the first {PICTURED} classes.")
        if seen.unreadable:
            first = plain(one_line(seen.unreadable[0].rpartition("/")[2]))
            st.warning(
                f"{counted(len(seen.unreadable), 'image')} of those looked at cannot be read, such as {first}; the "
                "training leaves such images out, where they are no more than 1 %.",
                icon=":material/broken_image:",
            )
