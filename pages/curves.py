"""Curves: did learning the labels pay off against the baseline?"""

import pandas as pd
import streamlit as st

from app import cache
from app.selection import selection, short_labels
from app.widgets import downloads, empty_state, errors_shown, figure, page_path, plain, question, theme
from lwal_core.analysis.speed import compare
from lwal_core.analysis.verdict import finding_title, summary_table, verdict
from lwal_core.config import differences
from lwal_core.export.tables import table_csv
from lwal_core.figures.curves import accuracy_figure, loss_figure
from lwal_core.runs import PREDICTOR_TITLES, one_per_seed, open_run

X_AXES = {"epoch": "Epochs", "samples": "Samples seen", "seconds": "Seconds of training"}
BANDS = {"sd": "± 1 sd", "interval": "95 % interval of the mean", "minmax": "Lowest to highest"}

chosen = selection()
labels = short_labels(chosen.groups)
runs = {labels[group.key]: one_per_seed(group.runs) for group in chosen.groups}
runs = {label: members for label, members in runs.items() if members}
imported = [plain(group.title) for group in chosen.groups if group.first.imported]
if imported:
    st.caption(f"Not here: {', '.join(imported)}. Imported vectors have no training to compare.")
if not runs:
    question("Did it pay off?")
    empty_state(
        "No curves yet",
        "Accuracy by epoch of the selected runs would be here, with a verdict against one-hot. "
        "Train a method and its one-hot baseline, or select finished runs in the sidebar.",
        page=page_path("train"),
        action="Train and compare",
        icon=":material/show_chart:",
    )
    st.stop()

heading = st.container()
with st.container(horizontal=True, vertical_alignment="bottom"):
    quantity = st.segmented_control(
        "Show", ["Accuracy", "Losses"], default="Accuracy", required=True, key="curve", bind="query-params"
    )
    x = st.segmented_control(
        "Against", list(X_AXES), format_func=X_AXES.get, default="epoch", required=True, key="x", bind="query-params",
        help="Seconds are training alone: no loading, evaluation or writing.",
    )  # fmt: skip
    predictor = st.segmented_control(
        "Predict by", list(PREDICTOR_TITLES), format_func=lambda p: PREDICTOR_TITLES[p].capitalize(), default="mean", required=True,
        key="predictor", bind="query-params",
        help="Nearest class mean is one rule for all methods: class means of the training set in evaluation mode. "
        "Own predictor is each method's: one-hot's largest logit, LwAL's nearest label as its last batch left it.",
    )  # fmt: skip
    with st.popover("Options", icon=":material/tune:"):
        band = st.selectbox("Band over seeds", list(BANDS), format_func=BANDS.get, key="band", bind="query-params")
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
        log_y = st.toggle("Logarithmic losses", key="log", bind="query-params")
        target_percent = st.number_input(
            "Accuracy to reach, %", 0.1, 100.0, value=None, key="target", bind="query-params", placeholder="The baseline's best",
            help="How many epochs each method needs to get there. Empty: the best that the baseline reaches with the same seed.",
        )  # fmt: skip

with errors_shown():
    curves = {label: cache.curves(members, predictor) for label, members in runs.items()}
    base = labels[chosen.baseline.key] if chosen.baseline else next(iter(runs))
    target = target_percent / 100 if target_percent else None
    result = compare(curves, base, target)
    other = "own" if predictor == "mean" else "mean"
    other_curves = {label: cache.curves(members, other) for label, members in runs.items()}
    other_result = compare(other_curves, base, target)

with heading:
    question("Did it pay off?", plain(verdict(result, PREDICTOR_TITLES[predictor])))
    st.caption(plain(verdict(other_result, PREDICTOR_TITLES[other])))

if quantity == "Losses":
    fig = loss_figure(curves, x=x, band=band, smoothing=smoothing, theme=theme(), log_y=log_y, show_seeds=show_seeds)
    summary = f"Training losses against {X_AXES[x].lower()} of {', '.join(curves)}."
else:
    floors = [curve.accuracy[0] for curve in curves.get(base, []) if len(curve.accuracy) and curve.epoch[0] == 0]
    fig = accuracy_figure(
        curves, x=x, band=band, smoothing=smoothing, theme=theme(), title=finding_title(result), baseline=base, target=target,
        floor=sum(floors) / len(floors) if floors and predictor == "mean" else None, show_seeds=show_seeds,
    )  # fmt: skip
    summary = finding_title(result) + f". Test accuracy against {X_AXES[x].lower()}, by {PREDICTOR_TITLES[predictor]}."


def numbers() -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "Method": label, "Seed": curve.seed, "Epoch": int(curve.epoch[i]), "Samples": curve.samples[i],
                "Seconds": curve.seconds[i], "Accuracy": curve.accuracy[i], "Loss": curve.loss[i],
            }
            for label, members in curves.items()
            for curve in members
            for i in range(len(curve.epoch))
        ]
    )  # fmt: skip


figure(fig, key="curves", summary=summary, table=numbers)

st.markdown("##### Method by method")
table = summary_table(result)
st.dataframe(pd.DataFrame(table), hide_index=True, alt="Accuracy, epochs and seconds to the target of each method",
             column_config={"Method": st.column_config.TextColumn(pinned=True)})  # fmt: skip
for note in result.notes:
    st.caption(plain(note))
downloads(
    "Download",
    [
        (
            "This table (CSV)",
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

st.markdown("##### What differs between them")
differing = differences([open_run(members[0].id).config for members in runs.values()])
if not differing:
    st.caption("Nothing but the seed." if len(runs) > 1 else "One configuration is selected.")
else:
    beyond = [key for key in differing if not key.startswith("method.")]
    if any(key.startswith("data.") for key in beyond):
        st.warning(
            "The groups were trained on different data, so their accuracies do not compare.", icon=":material/warning:"
        )
    elif beyond:
        st.warning("More than the label method differs; the verdict mixes all of it.", icon=":material/warning:")
    rows = [{"Option": key, **dict(zip(runs, map(str, values), strict=True))} for key, values in differing.items()]
    st.dataframe(pd.DataFrame(rows), hide_index=True, alt="Options that differ between the groups")
