"""Curves: did learning the labels pay off against the baseline?"""

import io
from functools import partial

import numpy as np
import pandas as pd
import streamlit as st

from app.common import curves_cache
from app.common.address import known_choice, renamed
from app.common.pages import page_path
from app.common.selection import link_to_train, selection, short_labels
from app.common.widgets import (
    AS_ON_SCREEN,
    FIGURE_HEIGHT,
    downloads,
    empty_state,
    errors_shown,
    figure,
    on_phone,
    question,
    theme,
)
from app.common.wording import plain
from app.curves.at_epoch import draw_at_epoch
from app.curves.calibration import draw_reliability
from app.curves.class_curves import choose_classes
from app.curves.differs import draw_differences
from app.curves.figure import curves_figure
from app.curves.forming import draw_forming
from app.curves.severity import draw_severity
from app.curves.table import draw_table
from lwal_core.analysis.comparison.bands import BAND_TITLES
from lwal_core.analysis.comparison.curve import measures_of
from lwal_core.analysis.comparison.short_verdict import short_verdict
from lwal_core.analysis.comparison.verdict import (
    choice_text,
    disagreement,
    finding_title,
    overhead,
    verdict,
    verdict_parts,
)
from lwal_core.export.pictures.curves import curves_picture
from lwal_core.export.tables import table_csv
from lwal_core.figures.curves import accuracy_figure
from lwal_core.glossary import explained
from lwal_core.results.run_curves import fractions_of
from lwal_core.runs import EVERY_READING, READING_TITLES, one_per_seed, open_run

QUANTITIES = ["Accuracy", "Losses", "Classes", "Measures"]
X_AXES = {"epoch": "Epochs", "step": "Steps", "samples": "Samples seen", "seconds": "Seconds of training"}
READINGS = {
    "as-used": "As used", "mean": "Nearest class mean", "own": "Own predictor", "features": "Nearest feature mean",
}  # fmt: skip
BANDS = {kind: title.capitalize() for kind, title in BAND_TITLES.items()}

chosen = selection()
labels = short_labels(chosen.groups)
runs = {labels[group.key]: one_per_seed(group.runs) for group in chosen.groups}
runs = {label: members for label, members in runs.items() if members}
imported = [plain(group.title) for group in chosen.groups if group.first.imported]
place_of_answer = question("Did it pay off?")
if imported:
    st.caption(f"Not here: {', '.join(imported)}. Imported vectors have no training to compare.")
if not runs:
    empty_state(
        "No curves yet",
        f"Accuracy by epoch would be here, against one-hot. {link_to_train()}",
        page=page_path("train"),
        action="Train and compare",
        icon=":material/show_chart:",
    )
    st.stop()

content = curves_cache.content(runs)
everyone = curves_cache.groups_curves(content, "as-used", runs)
fractions = fractions_of(curve for members in everyone.values() for curve in members)
measures = [*fractions, *measures_of(curve for members in everyone.values() for curve in members)]
quantities = QUANTITIES if measures else QUANTITIES[:-1]
renamed("curve", "Logged", QUANTITIES[-1])
if not measures and st.query_params.get("curve") == QUANTITIES[-1]:
    del st.query_params["curve"]  # nothing that is selected has logged anything of its own
if st.session_state.get("curve") not in (None, *quantities):
    st.session_state["curve"] = quantities[0]
known_choice("curve", "What to show", QUANTITIES)
known_choice("x", "The axis", X_AXES.values())
known_choice("predictor", "The rule to predict by", READINGS.values())
known_choice("band", "The band", BANDS.values())
by_features = curves_cache.groups_curves(content, "features", runs)
features_known = any(np.isfinite(curve.accuracy).any() for members in by_features.values() for curve in members)
readings = [each for each in READINGS if each != "features" or features_known]
if not features_known and st.query_params.get("predictor") == READINGS["features"]:
    del st.query_params["predictor"]  # nothing that is selected keeps features
if st.session_state.get("predictor") not in (None, *readings):
    st.session_state["predictor"] = readings[0]
with st.container(horizontal=True, vertical_alignment="bottom"):
    quantity = (
        st.segmented_control(
            "Show",
            quantities,
            default="Accuracy",
            required=True,
            key="curve",
            bind="query-params",
            help=explained("Pull loss", "Push loss", "Censored"),
        )
        or "Accuracy"
    )
    measure = ""
    if quantity == "Measures":
        known_choice("measure", "Measure", measures)
        if st.session_state.get("measure") not in (None, *measures):
            st.session_state["measure"] = measures[0]
        measure = st.selectbox(
            "Measure", measures, key="measure", bind="query-params", width=200,
            help="Accuracy on the other parts of the data, measures on the test set by the rule each method is used with, and what "
            "programs logged by names of their own.\n\n"
            + explained("Validation part", "Top-5 accuracy", "Balanced accuracy", "Macro F1", "Calibration error"),
        )  # fmt: skip
    reading = st.segmented_control(
        "Predict by", readings, format_func=READINGS.get, default="as-used", required=True,
        key="predictor", bind="query-params", wrap=True,
        help=explained("As used", "Nearest class mean", "Class mean", "Own predictor", *["Feature mean"] * features_known),
    ) or "as-used"  # fmt: skip
    with st.popover("More", icon=":material/tune:"):
        x = st.segmented_control(
            "Against", list(X_AXES), format_func=X_AXES.get, default="epoch", required=True, key="x", bind="query-params",
            wrap=True, help="Seconds are training alone: no loading, evaluation or writing.",
        ) or "epoch"  # fmt: skip
        band = st.selectbox(
            "Band over seeds", list(BANDS), format_func=BANDS.get, key="band", bind="query-params",
            help=explained("Seed", "Bootstrap interval"),
        )  # fmt: skip
        smoothing = st.slider(
            "Smoothing",
            0.0,
            0.95,
            0.0,
            0.05,
            key="smoothing",
            bind="query-params",
            help="Moving average; the raw line stays visible.",
        )
        show_seeds = st.toggle("Draw every seed", key="seeds", bind="query-params")
        log_x = st.toggle("Logarithmic x axis", key="logx", bind="query-params")
        log_y = st.toggle("Logarithmic losses", key="log", bind="query-params")
        target_percent = st.number_input(
            "Accuracy to reach, %", 0.1, 100.0, value=None, key="target", bind="query-params", placeholder="The baseline's best",
            help="How many epochs each method needs to get there. Empty: the best that the baseline reaches with the same seed.",
        )  # fmt: skip

with errors_shown():
    base = labels[chosen.baseline.key] if chosen.baseline else next(iter(runs))
    target = target_percent / 100 if target_percent else None
    curves, results = {}, {}
    told = dict.fromkeys((*READING_TITLES, reading))  # by features only who asks for them
    for each in told:
        curves[each] = curves_cache.groups_curves(content, each, runs)
        results[each] = curves_cache.comparison(content, each, base, target, runs)
    result = results[reading]
    by_title = {EVERY_READING[each]: compared for each, compared in results.items()}

place_of_answer.markdown(f"**{plain(short_verdict(result))}**")

title, floor, shown, colors = finding_title(result), None, curves[reading], None
of_accuracy = measure if measure in fractions else "Accuracy"
look = {"x": x, "band": band, "smoothing": smoothing, "log_x": log_x, "show_seeds": show_seeds}
if quantity != "Losses" and not on_phone():
    look["height"] = FIGURE_HEIGHT
if quantity == "Losses":
    title = ""
    draw = partial(curves_figure, "loss", content, reading, shown, log_y=log_y, **look)
    summary = f"Training losses against {X_AXES[x].lower()} of {', '.join(shown)}."
elif quantity == "Measures" and measure in fractions:
    shown = {label: [curve.with_measured(measure) for curve in members] for label, members in shown.items()}
    title = ""
    draw = partial(accuracy_figure, shown, measured=measure, **look)
    summary = f"{measure} against {X_AXES[x].lower()} of {', '.join(shown)}."
elif quantity == "Measures":
    title = ""
    draw = partial(curves_figure, "loss", content, reading, shown, log_y=log_y, measure=measure, **look)
    summary = f"{measure} against {X_AXES[x].lower()} of {', '.join(shown)}."
elif quantity == "Classes":
    found = choose_classes(runs, base, reading)
    if found is None:
        st.stop()
    shown, colors = found.curves, found.colors
    of_accuracy = found.quantity.capitalize()
    measured = "Test accuracy" if of_accuracy == "Accuracy" else of_accuracy
    title = f"{of_accuracy} of each class, {found.group}"
    draw = partial(accuracy_figure, shown, title=title, colors=colors, measured=measured, **look)
    summary = f"{title}, against {X_AXES[x].lower()}, by {EVERY_READING[reading]}."
else:
    untrained = result.base.values("untrained") if result.base else np.empty(0)
    if reading == "mean" and np.isfinite(untrained).any():
        floor = float(np.nanmean(untrained))
    # On the page the answer says what the title would.
    draw = partial(
        curves_figure, "accuracy", content, reading, shown, baseline=base, target=target, floor=floor, **look
    )
    summary = f"{title}. Test accuracy against {X_AXES[x].lower()}, by {EVERY_READING[reading]}."


def numbers() -> pd.DataFrame:
    every = [curve for members in shown.values() for curve in members]
    return pd.DataFrame(
        [
            {
                "Class" if quantity == "Classes" else "Method": label, "Seed": curve.seed, "Epoch": int(curve.epoch[i]),
                "Steps": curve.step[i], "Samples": curve.samples[i], "Seconds": curve.seconds[i],
                of_accuracy: curve.accuracy[i], "Loss": curve.loss[i],
                **{name: curve.extra[name][i] if name in curve.extra else np.nan for name in measures_of(every)},
            }
            for label, members in shown.items()
            for curve in members
            for i in range(len(curve.epoch))
        ]
    )  # fmt: skip


figure(draw(theme=theme()), key="curves", summary=summary, table=numbers)
with st.expander("The verdict in sentences", icon=":material/notes:"):
    first, further = verdict_parts(result, EVERY_READING[reading])
    st.markdown(plain(f"{first} {disagreement(by_title)} {further} {overhead(result)}"))
    for each in told:
        if each != reading:
            st.caption(plain(verdict(results[each], EVERY_READING[each])))
if quantity == "Accuracy":
    draw_at_epoch(shown, base)
if measure == "Calibration error":
    draw_reliability(runs)
caption = curves_cache.curves_caption(content, reading, runs)


of_losses = quantity == "Losses" or (quantity == "Measures" and measure not in fractions)


def picture(file_format: str) -> bytes:
    buffer = io.BytesIO()
    curves_picture(
        shown, buffer, file_format, quantity="loss" if of_losses else "accuracy",
        measure="" if measure in fractions else measure, measured=measure if measure in fractions else "", x=x, kind=band,
        smoothing=smoothing, log_x=log_x, log_y=log_y, title=title, caption=caption, floor=floor,
        target=target, colors=colors, show_seeds=show_seeds,
    )  # fmt: skip
    return buffer.getvalue()


def page() -> bytes:
    from lwal_core.export.figure_page import figure_page

    return figure_page(
        lambda look: draw(theme=look), title=title or measure or "Training losses", summary=summary, caption=caption
    )


table = draw_table(by_title, result, caption)
st.caption(plain(choice_text(result)))
unlike = " (total loss alone)" if quantity == "Losses" else ""
with st.container(horizontal=True):
    downloads(
        "Figure",
        [
            (AS_ON_SCREEN, "curves.html", "text/html", page),
            *(
                (f"Picture, {kind.upper()}{unlike}", f"curves.{kind}", media, partial(picture, kind))
                for kind, media in {"svg": "image/svg+xml", "pdf": "application/pdf", "png": "image/png"}.items()
            ),
        ],
        key="curves_figure",
    )
    downloads(
        "Table",
        [
            (
                "All columns (CSV)",
                "comparison.csv",
                "text/csv",
                lambda: table_csv(list(table[0]), [list(row.values()) for row in table]).encode(),
            ),
            (
                "Every epoch (CSV)",
                "curves.csv",
                "text/csv",
                lambda: table_csv(list(numbers().columns), numbers().itertuples(index=False, name=None)).encode(),
            ),
        ],
        key="curves_download",
    )

forming = st.expander(
    "How the classes form", icon=":material/grain:", on_change="rerun", key="curves_forming", bind="query-params"
)
if forming.open:
    with forming, errors_shown(go_on=True):
        draw_forming(runs, base, result.lead.label if result.lead else base, content, band)

severe = st.expander(
    "How severe are the mistakes?",
    icon=":material/stairs:",
    on_change="rerun",
    key="curves_severity",
    bind="query-params",
)
if severe.open:
    with severe, errors_shown(go_on=True):
        draw_severity(runs, base)

draw_differences({label: open_run(members[0].id) for label, members in runs.items()})
