"""Embeddings: what is near what?"""

import streamlit as st

from app.common.class_distances import class_distances
from app.common.pages import page_path
from app.common.projections import QualityRequest, ask, frame_request, projection_quality
from app.common.selection import link_to_train, selection
from app.common.widgets import downloads, empty_state, errors_shown, figure, on_phone, question, theme
from app.common.wording import plain
from app.embeddings.class_card import draw_class, draw_overview, draw_sample
from app.embeddings.colours import class_styles, draw_legend, own_values, sample_column
from app.embeddings.downloads import download_entries
from app.embeddings.drawn import choose, wanted_samples
from app.embeddings.film import draw_film
from app.embeddings.hover_pictures import pictures_on_hover
from app.embeddings.picture import PHONE_HEIGHT, beside_points, picture
from app.embeddings.report import View
from app.embeddings.side_by_side import draw_side_by_side
from app.embeddings.text import RELIABILITY_HELP, answer, notes, reliability
from app.embeddings.toolbar import METHODS, draw_controls
from app.embeddings.view import CHART, SAMPLE, WITH_LASSO, classes_table, lassoed, pick_clicked, wait_for
from app.hierarchy.own_columns import draw_your_columns
from app.linked.class_history import draw_class_history
from app.linked.lasso import keep_lasso, kept_lasso
from app.linked.views import draw_linked
from app.tree.chosen_node import CLASS, forget_clade
from app.tree.toolbar import OTHER_WIDTHS, widths_that_differ
from app.try_image.placement import NOT_IN_FILM, with_trial
from app.try_image.view import draw_try_image
from lwal_core.figures.embedding import HEIGHT
from lwal_core.figures.maps.waiting import stand_in, waiting
from lwal_core.results.tree_spec import TreeSpec
from lwal_core.runs import SOURCE_TITLES

LINKED = "embedding_linked"

answer_slot = question("What is near what?")
if not selection().runs():
    empty_state(
        "No class vectors yet",
        f"The classes of a run would be here as points. {link_to_train()}",
        page=page_path("train"),
        action="Train a run",
        icon=":material/scatter_plot:",
    )
    st.stop()
widths = widths_that_differ(selection().runs())
toolbar, run, epoch, options = draw_controls(features=bool(widths))
names = run.class_names
n = len(names)
if widths and options.source == "features":
    st.caption(f"Features: the outputs have different widths ({widths}).", help=OTHER_WIDTHS.format(widths=widths))
with errors_shown():
    near = class_distances(run, epoch, options.source)
    after = None if run.config.imported else epoch
    said = answer(names, near, after, options.source, run.config.method.equidistant_labels)
    answer_slot.markdown(said)
    chosen_samples = wanted_samples(run, epoch, options)
    samples = None if isinstance(chosen_samples, str) else chosen_samples
    styles = class_styles(run, options.tree(run, epoch), options.group_count, options.colour, epoch)

left, right = st.columns([5, 2], gap="medium")
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
        draw_sample(run, st.session_state.get(SAMPLE), names.index(picked))
        draw_class(run, near, names.index(picked), styles)
        history = st.expander(
            "Through training", icon=":material/timeline:", on_change="rerun", key="class_history", bind="query-params"
        )
        if history.open:
            with history, errors_shown(go_on=True):
                draw_class_history(
                    run, TreeSpec.of(run, epoch, options.source, cut=options.group_count or None), names.index(picked)
                )
    if styles.how:
        count = f"{options.group_count} groups of the class tree" if options.group_count else plain(styles.how)
        st.caption(f"Colours: {count}.", help=plain(styles.how) if options.group_count else None)
    if options.group_count:
        st.page_link(
            page_path("hierarchy"), label="See the tree", icon=":material/account_tree:",
            query_params={"tree_vectors": SOURCE_TITLES[options.source]} if widths else None,
        )  # fmt: skip
with left, errors_shown():
    # The principal components are there at once, and all else is turned to them; they stand in for what takes longer.
    base_request = frame_request(run, epoch, options.source, options.dimensions)
    base = ask(base_request)
    if base is None:
        st.skeleton(height=PHONE_HEIGHT if on_phone() else HEIGHT)
        wait_for(base_request, "Laying out the classes")
        st.stop()
    drawn = choose(run, base, epoch, options, samples)
    layouts, film = drawn.layouts, drawn.film
    shown = layouts.frames[drawn.epoch]
    known = projection_quality(layouts.request, drawn.epoch, shown.points) if not layouts.moving else None
    chosen = None if picked is None else names.index(picked)
    what = f"{METHODS[shown.method]} in {options.dimensions} dimensions of {n:,} classes of {run.name}, "
    what += f"{SOURCE_TITLES[options.source].lower()}"
    asked = METHODS[options.method]
    mark = "" if drawn.ready or drawn.failure else f"{asked} is being computed"
    where = []
    if film:
        draw_film(run, layouts, drawn.epoch, styles, options, chosen, what, mark)
        where = [NOT_IN_FILM] if trial else []
    else:
        lasso = kept_lasso(run)
        fig = picture(
            run, drawn.epoch, layouts, near, drawn.samples, styles, options, chosen, lasso, theme(), on_phone(),
            *beside_points(run, drawn.epoch, styles, options, on_phone()),
        )  # fmt: skip
        if mark:
            fig = stand_in(fig, f"PCA, until {asked} is there", theme()) if drawn.first else waiting(fig, mark, theme())
        else:
            fig, where = with_trial(fig, trial, layouts, drawn.epoch, theme())

        def selected() -> None:
            rows = None if drawn.samples is None else lassoed(CHART, drawn.samples)
            if rows is None:
                pick_clicked(CHART, names, drawn.samples)
            else:
                keep_lasso(run, rows)
                st.session_state[LINKED] = True

        figure(
            fig,
            key=CHART,
            summary=f"{what} at epoch {drawn.epoch}. {said}",
            table=lambda: classes_table(names, shown, near, styles.groups, own_values(run)),
            on_select=selected,
            config=None if drawn.samples is None else WITH_LASSO,
        )
        pictures_on_hover(run, drawn.samples)
    # One line, whether something is awaited or not: nothing below it jumps.
    if drawn.failure is not None:
        st.error(f"{plain(str(drawn.failure))} Shown instead is {METHODS[shown.method]}.", icon=":material/error:")
    elif mark:
        wait_for(drawn.request, mark)
    elif known is None and not layouts.moving:
        wait_for(QualityRequest(layouts.request, drawn.epoch), "How far to believe this picture is being worked out")
    facts = [] if known is None or mark else [reliability(known, shown, near, brief=True)]
    facts += [plain(note) for note in notes(layouts, shown, drawn.epoch, drawn.samples, n)] if not mark else []
    facts += [plain(chosen_samples)] if isinstance(chosen_samples, str) else []
    if options.film and not film:
        facts.append("A film needs labels of two epochs or more, few enough to lie in one frame of reference.")
    if styles.column or styles.sample_column:
        of_samples = None if film or drawn.samples is None else sample_column(run, styles, drawn.samples.rows.tolist())
        draw_legend(run, styles, of_samples, bool(drawn.samples) and not film)
    if any(facts):
        st.caption(" ".join(filter(None, facts)), help=RELIABILITY_HELP)
    for note in where:
        st.caption(note)
with toolbar:
    ready = drawn.ready and drawn.epoch == epoch
    view = View(
        run, epoch, layouts if ready else base, layouts if layouts.shared() and film else base, near,
        drawn.samples if ready else None, styles, options, chosen,
        "" if known is None or not ready else reliability(known, shown, near),
    )  # fmt: skip
    downloads(
        "Download", download_entries(view, theme(), trial=trial is not None and not film), key="embedding_download"
    )

if n > 1:
    beside = st.expander(
        "Side by side", icon=":material/splitscreen_right:", on_change="rerun", key="side_by_side", bind="query-params"
    )
    if beside.open:
        with beside:
            draw_side_by_side(run, epoch, options)
    linked = st.expander(
        "Confusion, mistakes, pictures", icon=":material/hub:", on_change="rerun", key=LINKED, bind="query-params"
    )
    if linked.open:
        with linked, errors_shown():
            draw_linked(run, TreeSpec.of(run, epoch, options.source))
draw_your_columns(run)
