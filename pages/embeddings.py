"""Embeddings: what is near what?"""

import streamlit as st

from app.embedding_picture import picture
from app.embedding_view import (
    CHART,
    METHODS,
    TRUST_HELP,
    answer,
    appearance,
    classes_table,
    download_entries,
    draw_class,
    draw_overview,
    draw_toolbar,
    notes,
    pick_clicked,
    trust,
    wait_for,
)
from app.hierarchy_chosen import CLASS
from app.projections import QualityRequest, ask, frame_request, layout_quality, nearness, request_like, sampled
from app.selection import pick_run
from app.widgets import (
    downloads,
    empty_state,
    epoch_slider,
    errors_shown,
    figure,
    page_path,
    plain,
    question,
    theme,
)
from lwal_core.errors import LwalError
from lwal_core.figures.embedding import HEIGHT
from lwal_core.runs import SOURCE_TITLES, open_run

question("What is near what?")
answer_slot = st.container()
choice = st.columns([2, 3], gap="medium", vertical_alignment="bottom")
with choice[0]:
    summary = pick_run()
if summary is None:
    empty_state(
        "No class vectors yet",
        "The classes of a run would be here as points, near each other where the network finds them alike. "
        "Train a run, or select finished ones in the sidebar.",
        page=page_path("train"),
        action="Train a run",
        icon=":material/scatter_plot:",
    )
    st.stop()
with errors_shown():
    run = open_run(summary.id)
with choice[1]:
    epoch = epoch_slider(run)
if epoch is None:
    empty_state(
        "This run has no labels yet", "The first are written before the first epoch. Pick another run, or wait."
    )
    st.stop()

names = run.class_names
n = len(names)
toolbar, options = draw_toolbar(n)
with errors_shown():
    near = nearness(run, epoch, options.source)
    one_hot = run.config.method.equidistant_labels
    answer_slot.markdown(answer(names, near, epoch, options.source, one_hot))
    samples = None
    if options.samples:
        try:
            samples = sampled(run)
        except LwalError as error:
            st.info(f"Test samples cannot be shown. {plain(str(error))}", icon=":material/info:")
    looks = appearance(run, epoch, options)

left, right = st.columns([2, 1], gap="medium")
with right:
    if st.session_state.get(CLASS) not in names:
        st.session_state[CLASS] = None
    picked = st.selectbox(
        "Class",
        names,
        None,
        key=CLASS,
        bind="query-params",
        placeholder="Find a class",
        help="Its nearest classes, mistakes and pictures. In two dimensions, a click on a point does the same.",
    )
    if picked is None:
        draw_overview(names, near)
    else:
        draw_class(run, near, names.index(picked), looks)
    if options.group_count:
        st.caption(f"Colours: {options.group_count} groups of the class tree ({looks.how}).")
        st.page_link(page_path("hierarchy"), label="See the tree", icon=":material/account_tree:")
with left, errors_shown():
    # The principal components are there at once, and all else is turned to them; they stand in for what takes longer.
    base_request = frame_request(run, epoch, options.source, options.dimensions)
    base = ask(base_request)
    if base is None:
        st.skeleton(height=HEIGHT)
        wait_for(base_request, "Laying out the classes")
        st.stop()
    request = request_like(base_request, epoch, n, options.method, options.seed, options.params, samples is not None)
    at_once = request_like(base_request, epoch, n, "pca", 0, {}, samples is not None)
    failure = None
    try:
        layouts = ask(request, base) or ask(at_once, base) or base
    except LwalError as error:
        failure, layouts = error, base
    shown = layouts.frames[epoch]
    known = layout_quality(layouts.request, epoch, shown.points)
    quality_line = "" if known is None else trust(known, shown, near)
    said = answer(names, near, epoch, options.source, one_hot)
    figure(
        picture(
            names,
            epoch,
            layouts,
            near,
            samples,
            looks,
            options,
            None if picked is None else names.index(picked),
            theme(),
        ),
        key=CHART,
        summary=f"{METHODS[shown.method]} in {options.dimensions} dimensions of {n:,} classes of {run.name}, "
        f"{SOURCE_TITLES[options.source].lower()} at epoch {epoch}. {said}",
        table=lambda: classes_table(names, shown, near, looks.groups),
        on_select=lambda: pick_clicked(CHART, names),
    )
    if failure is not None:
        st.error(f"{plain(str(failure))} Shown instead is PCA.", icon=":material/error:")
    elif layouts.request != request:
        wait_for(request, f"{METHODS[options.method]} is being computed. Until it is there, this is PCA")
    if known is None:
        wait_for(QualityRequest(layouts.request, epoch), "How far to believe this picture is being worked out")
    if quality_line:
        st.markdown(quality_line, help=TRUST_HELP)
    for note in notes(layouts, shown, epoch, samples if layouts.samples is not None else None, n):
        st.caption(plain(note))
with toolbar:
    downloads("Download", download_entries(run, layouts, epoch, shown, samples, looks.groups), key="embedding_download")
