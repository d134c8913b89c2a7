"""What the curve figures draw, read back from the figure: values, bands, names, axes, and nothing that is not there."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import plotly.graph_objects as go
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lwal_core.analysis.comparison.curve import Curve
from lwal_core.errors import AnalysisError
from lwal_core.figures.curves import accuracy_figure, loss_figure
from lwal_core.figures.curves.labels import MAX_LABELS, spread_labels
from lwal_core.figures.curves.lines import MAX_POINTS, decimate
from lwal_core.figures.palette import ONE_HOT_GREY, method_colors

nan = math.nan


def curve(accuracy: Sequence[float], seed: int = 0, label: str = "LwAL", *, second: float = 2.0, **more: Any) -> Curve:
    epoch = np.arange(len(accuracy), dtype=float)
    values = {"epoch": epoch, "samples": 100 * epoch, "seconds": second * epoch, **more}
    return Curve(f"{label}-{seed}", label, label, seed, accuracy=np.array(accuracy, dtype=float), **values)


def runs(label: str, *accuracies: Sequence[float], **more: Any) -> list[Curve]:
    return [curve(a, seed, label, **more) for seed, a in enumerate(accuracies)]


THREE = {
    "One-hot": runs("One-hot", [0.1, 0.5, 0.8], [0.1, 0.6, 0.9]),
    "LwAL": runs("LwAL", [0.2, 0.8, 0.9], [0.4, 0.9, 0.94]),
    "LwAL10": runs("LwAL10", [0.1, 0.7, 0.7], [0.1, 0.8, 0.8]),
}


def traces(fig: go.Figure) -> dict[str, Any]:
    return {trace.name: trace for trace in fig.data}


def names(fig: go.Figure) -> list[str]:
    """The names at the right edge, from the top down."""
    found = [a for a in fig.layout.annotations if a.x == 1 and a.xanchor == "left"]
    return [a.text.replace("<br>", " ") for a in sorted(found, key=lambda a: -a.y)]


def written(fig: go.Figure) -> str:
    return " ".join([fig.layout.title.text or "", *(a.text for a in fig.layout.annotations)])


class TestAccuracy:
    def test_line_is_the_mean_in_percent_and_the_band_its_spread(self) -> None:
        drawn = traces(accuracy_figure(THREE))
        np.testing.assert_allclose(drawn["LwAL"].y, [30, 85, 92])
        sd = 10 * math.sqrt(2)  # of 20 and 40
        assert drawn["LwAL band"].y[0] == pytest.approx(30 - sd)
        assert drawn["LwAL band"].y[-1] == pytest.approx(30 + sd)
        assert drawn["LwAL band"].fill == "toself"
        assert list(drawn) == ["One-hot band", "One-hot", "LwAL band", "LwAL", "LwAL10 band", "LwAL10"]

    def test_band_is_cut_at_what_an_accuracy_can_be(self) -> None:
        drawn = traces(accuracy_figure({"LwAL": runs("LwAL", [0.0, 0.9], [0.02, 1.0])}))
        assert min(drawn["LwAL band"].y) == 0
        assert max(drawn["LwAL band"].y) == 100

    def test_hover_compares_all_groups_with_mean_sd_and_count(self) -> None:
        fig = accuracy_figure(THREE)
        assert fig.layout.hovermode == "x unified"
        assert traces(fig)["LwAL"].text[1] == "85.0 ± 7.1 % (n=2)"
        assert [t.hoverinfo for t in fig.data if t.name.endswith("band")] == ["skip"] * 3
        assert fig.layout.xaxis.unifiedhovertitle.text == "epoch %{x}"

    def test_colours_belong_to_the_method(self) -> None:
        drawn = traces(accuracy_figure(THREE))
        assert drawn["One-hot"].line.color == ONE_HOT_GREY
        for label, (color, dash) in method_colors(list(THREE)).items():
            assert (drawn[label].line.color, drawn[label].line.dash) == (color, dash)

    def test_axes_have_units(self) -> None:
        fig = accuracy_figure(THREE)
        assert fig.layout.yaxis.title.text == "Test accuracy"
        assert fig.layout.yaxis.ticksuffix == " %"
        assert fig.layout.xaxis.title.text == "Epoch"
        assert accuracy_figure(THREE, x="samples").layout.xaxis.title.text == "Training samples seen"

    @pytest.mark.parametrize(("second", "unit", "last"), [(2.0, "s", 4), (300.0, "min", 10), (7200.0, "h", 4)])
    def test_seconds_are_shown_in_a_fitting_unit(self, second: float, unit: str, last: float) -> None:
        fig = accuracy_figure({"LwAL": [curve([0.1, 0.5, 0.6], second=second)]}, x="seconds")
        assert fig.layout.xaxis.title.text == f"Training time ({unit})"
        assert fig.data[0].x[-1] == pytest.approx(last)

    def test_over_seconds_all_groups_have_one_grid(self) -> None:
        groups = {"One-hot": [curve([0.1, 0.5], label="One-hot")], "LwAL": [curve([0.2, 0.4, 0.8], second=1.5)]}
        drawn = traces(accuracy_figure(groups, x="seconds"))
        assert drawn["LwAL"].x.tolist() == [0, 1.5, 2, 3]
        np.testing.assert_allclose(drawn["LwAL"].y, [20, 40, 40 + 40 / 3, 80])
        assert drawn["One-hot"].x.tolist() == [0, 1.5, 2]

    def test_names_stand_at_the_line_ends_in_their_order(self) -> None:
        fig = accuracy_figure(THREE)
        assert names(fig) == ["LwAL", "One-hot", "LwAL10"]
        assert not fig.layout.showlegend
        assert fig.layout.margin.r >= 7 * len("One-hot")

    def test_long_names_are_wrapped_and_have_room(self) -> None:
        label = "Label embedding network, second variant with a very long name"
        fig = accuracy_figure({label: [curve([0.1, 0.2])]})
        text = fig.layout.annotations[0].text
        assert "<br>" in text
        assert fig.layout.margin.r >= 7 * max(map(len, text.split("<br>")))
        assert fig.layout.margin.r <= 140

    def test_untrusted_names_are_escaped_everywhere(self) -> None:
        fig = accuracy_figure({"<b>x</b>": [curve([0.1, 0.2])]}, title="a <i>title</i>", baseline="<b>x</b>")
        assert "<b>x" not in written(fig)
        assert "&lt;b&gt;x&lt;/b&gt;" in written(fig)
        assert "<i>" not in fig.layout.title.text
        assert "<b>&lt;b&gt;" in traces(fig)["<b>x</b>"].hovertemplate

    def test_target_and_floor(self) -> None:
        fig = accuracy_figure(THREE, target=0.95, floor=0.05)
        dashed = {s.line.dash: s.y0 for s in fig.layout.shapes if s.xref == "paper"}
        assert dashed == {"dash": pytest.approx(95), "dot": pytest.approx(5)}
        assert "target 95.0\N{NO-BREAK SPACE}%" in names(fig)
        assert "untrained 5.00\N{NO-BREAK SPACE}%" in names(fig)
        low, high = fig.layout.yaxis.range
        assert low < 5 and high > 95

    def test_baseline_draws_its_mean_best(self) -> None:
        fig = accuracy_figure(THREE, baseline="One-hot")
        assert [s.y0 for s in fig.layout.shapes if s.line.dash == "dash"] == [pytest.approx(85)]
        assert "one-hot's best 85.0\N{NO-BREAK SPACE}%" in names(fig)
        assert "target 80.0\N{NO-BREAK SPACE}%" in names(accuracy_figure(THREE, baseline="One-hot", target=0.8))
        missing = accuracy_figure(THREE, baseline="Label smoothing")
        assert not [s for s in missing.layout.shapes if s.line.dash == "dash"]

    def test_smoothing_keeps_the_raw_line_and_tells_raw_values(self) -> None:
        fig = accuracy_figure({"LwAL": [curve([0.0, 1.0, 0.0])]}, smoothing=0.5)
        drawn = traces(fig)
        np.testing.assert_allclose(drawn["LwAL raw"].y, [0, 100, 0])
        np.testing.assert_allclose(drawn["LwAL"].y, [0, 100 * 2 / 3, 100 * 2 / 7])
        assert drawn["LwAL raw"].opacity < 0.5
        assert drawn["LwAL"].text[1] == "100 % (n=1)"
        assert "smoothed 0.5" in fig.layout.title.text.lower()

    def test_one_seed_has_no_band_and_says_so(self) -> None:
        fig = accuracy_figure({"LwAL": [curve([0.1, 0.5])]})
        assert [t.name for t in fig.data] == ["LwAL"]
        assert "One seed (n=1), no band" in fig.layout.title.text

    @pytest.mark.parametrize(
        ("band", "words"), [("sd", "± 1 sd"), ("interval", "95 % interval"), ("minmax", "lowest to highest")]
    )
    def test_says_what_the_band_is(self, band: Any, words: str) -> None:
        assert f"{words}" in accuracy_figure(THREE, band=band).layout.title.text
        assert "2 seeds" in accuracy_figure(THREE, band=band).layout.title.text

    def test_other_counts_are_written_at_the_names(self) -> None:
        fig = accuracy_figure({**THREE, "Label smoothing": [curve([0.1, 0.3])]})
        assert "Label smoothing (n=1)" in written(fig).replace("<br>", " ")
        assert "One-hot" in names(fig)
        assert "2 seeds unless n says otherwise" in fig.layout.title.text

    def test_the_name_of_a_line_that_ends_early_stands_beside_its_end(self) -> None:
        fig = accuracy_figure(
            {"LwAL": [curve([0.1, 0.5, 0.9])], "One-hot": [curve(np.linspace(0.1, 0.8, 21).tolist())]}
        )
        (early,) = [a for a in fig.layout.annotations if a.text == "LwAL"]
        assert early.xref == "x" and 2 < early.x < 4  # nothing leads through the 18 epochs that it was not trained
        assert names(fig)[-1] == "One-hot" and "LwAL" not in names(fig)
        assert all(s.x1 < 4 for s in fig.layout.shapes if s.xref == "x" and s.x0 == 2)

    def test_where_seeds_drop_out_the_line_turns_pale(self) -> None:
        fig = accuracy_figure({"LwAL": runs("LwAL", [0.1, 0.5, 0.7, 0.8], [0.1, 0.5])})
        drawn = traces(fig)
        np.testing.assert_allclose(drawn["LwAL"].y, [10, 50, nan, nan])
        np.testing.assert_allclose(drawn["LwAL some seeds"].y, [nan, 50, 70, 80])
        assert drawn["LwAL some seeds"].opacity < drawn["LwAL"].opacity
        assert list(drawn["LwAL some seeds"].hoverinfo) == ["skip", "skip", "text", "text"]
        assert drawn["LwAL some seeds"].text[3] == "80.0 % (n=1)"
        assert "pale: only some seeds" in fig.layout.title.text
        assert max(x for x in drawn["LwAL band"].x if x is not None) == 1

    def test_seeds_on_demand(self) -> None:
        drawn = traces(accuracy_figure(THREE, show_seeds=True))
        np.testing.assert_allclose(drawn["LwAL seeds"].y, [20, 80, 90, nan, 40, 90, 94, nan])
        assert "LwAL seeds" not in traces(accuracy_figure(THREE))

    def test_live_view_keeps_its_frame(self) -> None:
        first = accuracy_figure({"LwAL": [curve([0.1])]}, x_max=10, y_range=(0, 1))
        later = accuracy_figure({"LwAL": [curve([0.1, 0.5, 0.9])]}, x_max=10, y_range=(0, 1))
        for fig in (first, later):
            assert fig.layout.xaxis.range[0] < 0 < 10 < fig.layout.xaxis.range[1]
        assert first.layout.xaxis.range == later.layout.xaxis.range
        assert first.layout.yaxis.range == later.layout.yaxis.range == (0, 100)
        assert first.layout.margin == later.layout.margin
        assert first.layout.uirevision == later.layout.uirevision

    def test_a_single_point_can_be_seen(self) -> None:
        fig = accuracy_figure({"LwAL": [curve([0.1])]})
        assert fig.data[0].mode == "lines+markers"
        low, high = fig.layout.xaxis.range
        assert low < 0 < high
        low, high = fig.layout.yaxis.range
        assert low < 10 < high

    def test_groups_without_values_are_named_not_drawn(self) -> None:
        fig = accuracy_figure({"LwAL": [curve([0.1, 0.2])], "One-hot": [], "LwAL10": [curve([nan], label="LwAL10")]})
        assert [t.name for t in fig.data] == ["LwAL"]
        assert "no values yet: One-hot, LwAL10" in fig.layout.title.text

    @pytest.mark.parametrize("groups", [{}, {"LwAL": []}, {"LwAL": [curve([nan, nan])]}])
    @pytest.mark.parametrize("x", ["epoch", "samples", "seconds"])
    def test_nothing_to_draw(self, groups: dict[str, list[Curve]], x: Any) -> None:
        fig = accuracy_figure(groups, x=x)
        assert not fig.data
        assert not fig.layout.xaxis.visible
        assert ("No accuracy measured yet" if groups else "No runs chosen") in written(fig)
        assert accuracy_figure(groups, x=x, x_max=5).layout.xaxis.visible

    def test_an_unmeasured_epoch_is_bridged(self) -> None:
        drawn = traces(accuracy_figure({"LwAL": [curve([0.1, nan, 0.5])]}))
        assert drawn["LwAL"].x.tolist() == [0, 2]

    def test_no_tick_above_100_percent(self) -> None:
        aliases = accuracy_figure(THREE).layout.yaxis.labelalias
        assert aliases["105 %"] == aliases["100.5 %"] == ""
        assert "100 %" not in aliases

    def test_height_and_themes(self) -> None:
        light, dark = (accuracy_figure(THREE, theme=theme, height=300, title="Found") for theme in ("light", "dark"))
        assert light.layout.height == dark.layout.height == 300
        assert light.layout.font.color != dark.layout.font.color
        assert light.layout.paper_bgcolor == "rgba(0,0,0,0)"
        assert light.layout.title.text.startswith("Found")

    def test_a_long_title_is_wrapped_for_a_phone(self) -> None:
        fig = accuracy_figure(THREE, title="LwAL reaches 97.8 % after 4.3 epochs, one-hot after 9")
        assert fig.layout.title.text.startswith("LwAL reaches 97.8 % after 4.3 epochs,<br>one-hot after 9<br>")
        assert fig.layout.margin.t > accuracy_figure(THREE).layout.margin.t


class TestMany:
    def test_long_runs_are_thinned(self) -> None:
        rng = np.random.default_rng(0)
        drawn = traces(accuracy_figure({"LwAL": [curve(rng.random(5000))]}))
        assert len(drawn["LwAL"].x) <= MAX_POINTS
        assert (drawn["LwAL"].x[0], drawn["LwAL"].x[-1]) == (0, 4999)

    def test_two_hundred_runs(self) -> None:
        rng = np.random.default_rng(0)
        groups = {f"LwAL, push {i}": [curve(rng.random(300))] for i in range(200)}
        fig = accuracy_figure({"One-hot": [curve(np.zeros(300), label="One-hot")], **groups}, baseline="One-hot")
        assert fig.layout.hovermode == "closest"
        assert sum(len(t.x) for t in fig.data) < 25_000
        assert len(names(fig)) == MAX_LABELS + 1  # and the target
        assert "One-hot" in names(fig)
        assert f"{MAX_LABELS} of 201 lines named" in fig.layout.title.text
        assert len(fig.to_json()) < 2_000_000

    def test_two_hundred_seeds(self) -> None:
        rng = np.random.default_rng(0)
        group = [curve(rng.random(300), seed) for seed in range(200)]
        fig = accuracy_figure({"LwAL": group}, show_seeds=True)
        assert sum(len(t.x) for t in fig.data) < 30_000


class TestLoss:
    def losses(self, label: str, *, pull: bool = True, scale: float = 1.0) -> list[Curve]:
        more = {"pull": [nan, 1.0, 0.4], "push": [0.2, 0.1, -0.1]} if pull else {}
        return [curve([0.1, 0.5, 0.6], s, label, loss=[nan, 2.0 * scale, scale + s / 10], **more) for s in range(2)]

    def test_a_panel_for_each_loss_that_is_there(self) -> None:
        fig = loss_figure({"One-hot": self.losses("One-hot", pull=False), "LwAL": self.losses("LwAL")})
        panels = {t.yaxis for t in fig.data}
        assert panels == {"y", "y2", "y3"}
        assert [t.name for t in fig.data if t.yaxis == "y2" and t.hoverinfo != "skip"] == ["LwAL"]
        texts = [a.text for a in fig.layout.annotations]
        assert {"Total loss", "Pull loss (cross-entropy, nats)", "Push loss (mean cosine)"} <= set(texts)
        domains = [fig.layout[axis].domain for axis in ("yaxis", "yaxis2", "yaxis3")]
        assert domains[0][0] > domains[1][1] > domains[1][0] > domains[2][1] > domains[2][0] == 0
        assert fig.layout.xaxis.anchor == "y3"

    def test_panels_without_values_are_left_out(self) -> None:
        fig = loss_figure({"One-hot": self.losses("One-hot", pull=False)})
        assert {t.yaxis for t in fig.data} == {"y"}
        drawn = traces(fig)
        assert drawn["One-hot"].x.tolist() == [1, 2]
        np.testing.assert_allclose(drawn["One-hot"].y, [2.0, 1.05])
        assert drawn["One-hot"].text[1] == "1.05 ± 0.07 (n=2)"

    def test_one_loss_alone(self) -> None:
        fig = loss_figure({"LwAL": self.losses("LwAL")}, quantities=("push",))
        np.testing.assert_allclose(traces(fig)["LwAL"].y, [0.2, 0.1, -0.1])

    def test_logarithmic_where_possible_and_said_where_not(self) -> None:
        fig = loss_figure({"LwAL": self.losses("LwAL")}, log_y=True)
        assert (fig.layout.yaxis.type, fig.layout.yaxis2.type) == ("log", "log")
        assert fig.layout.yaxis3.type != "log"
        assert "push axis linear: values of 0 or below" in fig.layout.title.text
        low, high = fig.layout.yaxis.range  # exponents
        assert 10**low < 1.0 and 10**high > 2.0

    def test_on_a_log_axis_names_are_placed_by_exponent_and_lines_by_value(self) -> None:
        fig = loss_figure({"LwAL": self.losses("LwAL")}, quantities=("loss",), log_y=True)
        name = next(a for a in fig.layout.annotations if a.text == "LwAL")
        tie = fig.layout.shapes[0]
        assert name.y == pytest.approx(math.log10(1.05), abs=0.05)
        assert tie.y0 == pytest.approx(1.05)
        assert tie.y1 == pytest.approx(10**name.y)

    def test_band_below_zero_stays_on_a_log_axis(self) -> None:
        wild = [curve([0.1, 0.2], s, loss=[1.0, value]) for s, value in enumerate((0.01, 1.0, 0.01))]
        fig = loss_figure({"LwAL": wild}, quantities=("loss",), log_y=True)
        assert min(traces(fig)["LwAL band"].y) > 0

    @pytest.mark.parametrize("quantities", [("total",), ()])
    def test_refuses(self, quantities: Any) -> None:
        with pytest.raises(AnalysisError, match="Unknown losses"):
            loss_figure({}, quantities=quantities)

    def test_nothing_to_draw(self) -> None:
        assert "No runs chosen" in written(loss_figure({}))
        assert "No loss recorded yet" in written(loss_figure({"LwAL": [curve([0.1])]}, log_y=True))

    def test_heights(self) -> None:
        groups = {"LwAL": self.losses("LwAL")}
        assert loss_figure(groups, height=500).layout.height == 500
        assert loss_figure(groups).layout.height > loss_figure(groups, quantities=("loss", "push")).layout.height


@pytest.mark.parametrize("figure", [accuracy_figure, loss_figure])
def test_figures_are_plain_json(figure: Any) -> None:
    groups = {"LwAL": [curve([0.1, nan, 0.3], seed, loss=[1, 2, nan]) for seed in range(2)]}
    assert json.loads(figure(groups, x="seconds", smoothing=0.3, show_seeds=True).to_json())["data"]


class TestSpreadLabels:
    def test_free_labels_stay(self) -> None:
        assert spread_labels([10, 90, 50], [10, 10, 10], 0, 100) == [10, 90, 50]

    def test_two_on_one_spot_move_apart_evenly(self) -> None:
        assert spread_labels([50, 50], [10, 20], 0, 100) == pytest.approx([42.5, 57.5])

    def test_ends_hold(self) -> None:
        assert spread_labels([0, 100], [10, 10], 0, 100) == pytest.approx([5, 95])

    def test_none(self) -> None:
        assert spread_labels([], [], 0, 100) == []

    @settings(max_examples=40)
    @given(st.lists(st.tuples(st.floats(0, 300), st.integers(10, 40)), min_size=1, max_size=7))
    def test_never_overlap_keep_their_order_and_stay_inside(self, labels: list[tuple[float, int]]) -> None:
        wanted, heights = [w for w, _ in labels], [float(h) for _, h in labels]
        centres = spread_labels(wanted, heights, 0, 300)
        order = np.argsort(wanted, kind="stable")
        for below, above in pairwise(order):
            assert centres[above] - centres[below] >= (heights[above] + heights[below]) / 2 - 1e-9
        assert centres[order[0]] >= heights[order[0]] / 2 - 1e-9
        assert centres[order[-1]] <= 300 - heights[order[-1]] / 2 + 1e-9

    @settings(max_examples=15)
    @given(st.lists(st.floats(50, 250), min_size=2, max_size=4))
    def test_moves_as_little_as_a_general_optimiser(self, wanted: list[float]) -> None:
        from scipy.optimize import minimize

        wanted = sorted(wanted)
        found = minimize(
            lambda c: float(((c - wanted) ** 2).sum()),
            x0=np.linspace(30, 270, len(wanted)),
            constraints=[{"type": "ineq", "fun": lambda c: np.diff(c) - 20}],
            method="SLSQP",
        )
        np.testing.assert_allclose(spread_labels(wanted, [20.0] * len(wanted), -1e9, 1e9), found.x, atol=0.05)


class TestDecimate:
    def test_short_series_are_kept(self) -> None:
        assert decimate(np.arange(10.0), 10).tolist() == list(range(10))

    @settings(max_examples=30)
    @given(st.integers(20, 3000), st.integers(4, 60), st.integers(0, 10))
    def test_keeps_ends_and_extremes(self, size: int, limit: int, seed: int) -> None:
        y = np.random.default_rng(seed).random(size)
        kept = decimate(y, limit)
        assert kept.size == size if size <= limit else kept.size <= limit
        assert (kept[0], kept[-1]) == (0, size - 1)
        assert (np.diff(kept) > 0).all()
        assert y[kept].max() == y.max() and y[kept].min() == y.min()

    def test_nan(self) -> None:
        y = np.full(100, nan)
        y[37] = 1.0
        assert 37 in decimate(y, 10)


def test_logarithmic_x_leaves_the_untrained_network_out_and_says_so() -> None:
    epoch = np.arange(4.0)
    run = Curve("r", "g", "LwAL", 0, epoch, np.array([0.1, 0.5, 0.8, 0.9]), 100 * epoch, epoch, step=7 * epoch)
    figure = accuracy_figure({"LwAL": [run]}, x="step", log_x=True)
    assert figure.layout.xaxis.type == "log"
    assert list(figure.data[-1].x) == [7, 14, 21]
    low, high = figure.layout.xaxis.range
    assert low < np.log10(7) and np.log10(21) < high < 2
    assert "no place for the" in figure.layout.title.text.replace("<br>", " ")
    assert all(7 <= shape.x0 <= 100 for shape in figure.layout.shapes)


class TestJoined:
    """Above so many groups lines of one look share a trace; what is drawn stays each run's own values."""

    @staticmethod
    def drawn_lines(fig: go.Figure) -> dict[str, list[tuple[float, float, float]]]:
        """``name -> [(x, y, told)]`` as a reader of the figure finds them, point by point; gaps left out."""
        found: dict[str, list[tuple[float, float, float]]] = {}
        for trace in fig.data:
            if trace.text is None:
                continue
            for x, y, text, told in zip(trace.x, trace.y, trace.text, trace.customdata, strict=True):
                if not math.isnan(y):
                    found.setdefault(text, []).append((x, y, told))
        return found

    def test_every_run_is_there_with_its_own_values_and_gaps(self) -> None:
        rng = np.random.default_rng(1)
        groups = {f"LwAL, push {i}": [curve(rng.random(6))] for i in range(40)}
        holed = rng.random(6)
        holed[3] = nan
        groups["LwAL, holed"] = [curve(holed)]
        fig = accuracy_figure(groups)
        assert len(fig.data) <= 10
        found = self.drawn_lines(fig)
        assert set(found) == set(groups)
        for label, (of,) in groups.items():
            expected = [(e, 100 * a, 100 * a) for e, a in zip(of.epoch, of.accuracy, strict=True) if a == a]
            np.testing.assert_allclose(found[label], expected)

    def test_a_gap_stands_between_two_runs(self) -> None:
        fig = accuracy_figure({f"LwAL, push {i}": [curve([0.1, 0.2, 0.3])] for i in range(30)})
        for trace in fig.data:
            for before, after in pairwise(range(len(trace.x))):
                assert trace.text[before] == trace.text[after] or "" in (trace.text[before], trace.text[after])
            assert [math.isnan(x) for x in trace.x] == [text == "" for text in trace.text]

    def test_bands_keep_their_outlines(self) -> None:
        groups = {f"LwAL, push {i}": runs("LwAL", [0.1, 0.2 + i / 100], [0.3, 0.4 + i / 100]) for i in range(25)}
        points = {
            (x, round(y, 6))
            for trace in accuracy_figure(groups).data
            if trace.fill == "toself"
            for x, y in zip(trace.x, trace.y, strict=True)
            if not math.isnan(y)
        }
        sd = 10 * math.sqrt(2)
        assert points == {(0, round(20 + s, 6)) for s in (-sd, sd)} | {
            (1, round(30 + i + s, 6)) for i in range(25) for s in (-sd, sd)
        }

    def test_where_seeds_drop_out_it_is_told_once_where_all_are_and_pale_after(self) -> None:
        groups = {f"LwAL, push {i}": runs("LwAL", [0.1, 0.2, 0.3], [0.1, 0.2]) for i in range(25)}
        drawn = [trace for trace in accuracy_figure(groups).data if trace.text is not None]
        pale = [trace for trace in drawn if trace.opacity == 0.4]
        assert sum(int(np.isfinite(trace.y).sum()) for trace in pale) == 2 * 25  # the last full point and the one after
        full = [trace for trace in drawn if trace.opacity != 0.4]
        assert sum(int(np.isfinite(trace.y).sum()) for trace in full) == 2 * 25

    def test_losses_of_many_are_joined_in_their_own_panels(self) -> None:
        groups = {
            f"LwAL, push {i}": [curve([0.1, 0.2], loss=np.array([1.0 + i, 0.5]), pull=np.array([0.2, 0.1 + i]))]
            for i in range(30)
        }
        fig = loss_figure(groups)
        for axis, name in (("y", "loss"), ("y2", "pull")):
            told = sorted(v for t in fig.data if (t.yaxis or "y") == axis for v in t.customdata if not math.isnan(v))
            assert told == pytest.approx(sorted(v for (of,) in groups.values() for v in getattr(of, name)))
