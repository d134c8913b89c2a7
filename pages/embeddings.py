"""Embeddings: what is near what?"""

import streamlit as st

from app.common.class_distances import class_distances
from app.common.evaluation import layer_of, sampled_test_set
from app.common.pages import page_path
from app.common.projections import QualityRequest, ask, frame_request, projection_quality, request_like
from app.common.selection import link_to_train, pick_run_and_epoch, selection
from app.common.widgets import downloads, empty_state, errors_shown, figure, question, theme
from app.common.wording import plain
from app.embeddings.class_card import draw_class, draw_overview
from app.embeddings.downloads import download_entries
from app.embeddings.film import draw_film
from app.embeddings.picture import picture
from app.embeddings.report import View
from app.embeddings.text import RELIABILITY_HELP, answer, notes, reliability
from app.embeddings.toolbar import METHODS, class_styles, draw_toolbar
from app.embeddings.view import CHART, WITH_LASSO, classes_table, lassoed, pick_clicked, wait_for
from app.linked.class_history import draw_class_history
from app.linked.lasso import keep_lasso, kept_lasso
from app.linked.views import draw_linked
from app.tree.chosen_node import CLASS, forget_clade
from app.tree.toolbar import OTHER_WIDTHS, widths_that_differ
from app.try_image.placement import NOT_IN_FILM, with_trial
from app.try_image.view import draw_try_image
from lwal_core.errors import LwalError
from lwal_core.figures.embedding import HEIGHT
from lwal_core.results.tree_spec import TreeSpec
from lwal_core.runs import SOURCE_TITLES

LINKED = "embedding_linked"

question("What is near what?")
if not selection().runs():
    empty_state(
        "No class vectors yet",
        "The classes of a run would be here as points, near each other where the network finds them alike. "
        f"{link_to_train()}",
        page=page_path("train"),
        action="Train a run",
        icon=":material/scatter_plot:",
    )
    st.stop()
answer_slot = st.container()
run, epoch = pick_run_and_epoch()

names = run.class_names
n = len(names)
widths = widths_that_differ(selection().runs())
toolbar, options = draw_toolbar(run, epoch, features=bool(widths))
if widths and options.source == "features":
    st.caption(OTHER_WIDTHS.format(widths=widths))
with errors_shown():
    near = class_distances(run, epoch, options.source)
    one_hot = run.config.method.equidistant_labels
    after = None if run.config.imported else epoch
    answer_slot.markdown(answer(names, near, after, options.source, one_hot))
    samples = None
    if options.samples:
        try:
            samples = sampled_test_set(run, layer_of(options.source))
        except LwalError as error:
            st.info(f"Test samples cannot be shown. {plain(str(error))}", icon=":material/info:")
    styles = class_styles(run, epoch, options)

left, right = st.columns([2, 1], gap="medium")
# It stands below the picture but is asked first: a star in the picture shows where the image lands.
trial = draw_try_image(run, "centroids" if options.source == "features" else options.source)
with right:
    if st.session_state.get(CLASS) not in names:
        st.session_state[CLASS] = None
    picked = st.selectbox(
        "Class",
        names,
        None,
        key=CLASS,
        bind="query-params",
        on_change=forget_clade,
        placeholder="Find a class",
        help="Its nearest classes, mistakes and pictures. In two dimensions, a click on a point does the same.",
    )
    if picked is None:
        draw_overview(names, near, clickable=not options.film)
    else:
        draw_class(run, near, names.index(picked), styles)
        history = st.expander(
            "Through training", icon=":material/timeline:", on_change="rerun", key="class_history", bind="query-params"
        )
        if history.open:
            with history, errors_shown(go_on=True):
                draw_class_history(
                    run, TreeSpec.of(run, epoch, options.source, cut=options.group_count or None), names.index(picked)
                )
    if options.group_count:
        st.caption(f"Colours: {options.group_count} groups of the class tree ({styles.how}).")
        st.page_link(
            page_path("hierarchy"), label="See the tree", icon=":material/account_tree:",
            query_params={"tree_vectors": SOURCE_TITLES[options.source]} if widths else None,
        )  # fmt: skip
with left, errors_shown():
    # The principal components are there at once, and all else is turned to them; they stand in for what takes longer.
    base_request = frame_request(run, epoch, options.source, options.dimensions)
    base = ask(base_request)
    if base is None:
        st.skeleton(height=HEIGHT)
        wait_for(base_request, "Laying out the classes")
        st.stop()
    film = options.film and base.shared()
    still = samples is not None and not film
    request = request_like(base_request, epoch, n, options.method, options.seed, options.params, still)
    if film and len(request.epochs) < 2:
        request = base_request
    at_once = request_like(base_request, epoch, n, "pca", 0, {}, still)
    failure = None
    try:
        layouts = ask(request, base) or ask(at_once, base) or base
    except LwalError as error:
        failure, layouts = error, base
    shown = layouts.frames[epoch]
    known = projection_quality(layouts.request, epoch, shown.points)
    quality_line = "" if known is None else reliability(known, shown, near)
    said = answer(names, near, after, options.source, one_hot)
    chosen = None if picked is None else names.index(picked)
    what = f"{METHODS[shown.method]} in {options.dimensions} dimensions of {n:,} classes of {run.name}, "
    what += f"{SOURCE_TITLES[options.source].lower()}"
    if film:
        draw_film(run, layouts, epoch, styles, options, chosen, what)
        where = [NOT_IN_FILM] if trial else []
    else:
        fig = picture(names, epoch, layouts, near, samples, styles, options, chosen, kept_lasso(run), theme())
        fig, where = with_trial(fig, trial, layouts, epoch, theme())
        cloud = next((i for i, trace in enumerate(fig.data) if trace.name == "samples"), None)

        def selected() -> None:
            rows = None if samples is None or cloud is None else lassoed(CHART, samples, cloud)
            if rows is None:
                pick_clicked(CHART, names)
            else:
                keep_lasso(run, rows)
                st.session_state[LINKED] = True

        figure(
            fig,
            key=CHART,
            summary=f"{what} at epoch {epoch}. {said}",
            table=lambda: classes_table(names, shown, near, styles.groups),
            on_select=selected,
            config=None if cloud is None else WITH_LASSO,
        )
    if failure is not None:
        st.error(f"{plain(str(failure))} Shown instead is PCA.", icon=":material/error:")
    elif layouts.request != request:
        wait_for(request, f"{METHODS[options.method]} is being computed. Until it is there, this is PCA")
    if known is None:
        wait_for(QualityRequest(layouts.request, epoch), "How far to believe this picture is being worked out")
    if quality_line:
        st.markdown(quality_line, help=RELIABILITY_HELP)
    for note in notes(layouts, shown, epoch, samples if layouts.samples is not None else None, n):
        st.caption(plain(note))
    if options.film and not film:
        st.caption("A film needs labels of two epochs or more, few enough to lie in one frame of reference.")
    for note in where:
        st.caption(note)
with toolbar:
    moving = layouts if layouts.shared() else base
    view = View(run, epoch, layouts, moving, near, samples, styles, options, chosen, quality_line)
    downloads(
        "Download", download_entries(view, theme(), trial=trial is not None and not film), key="embedding_download"
    )

if n > 1:
    linked = st.expander(
        "Confusion, mistakes, pictures", icon=":material/hub:", on_change="rerun", key=LINKED, bind="query-params"
    )
    if linked.open:
        with linked, errors_shown():
            draw_linked(run, TreeSpec.of(run, epoch, options.source))
