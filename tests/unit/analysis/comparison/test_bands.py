"""Bands against the statistics module, smoothing against weights written out."""

from __future__ import annotations

import math
import statistics

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lwal_core.analysis.comparison.bands import band, common_grid, smooth
from lwal_core.errors import AnalysisError
from tests.unit.analysis.comparison.small_curves import curve, quick, runs

nan = math.nan


class TestBand:
    def test_unequal_lengths_and_holes_against_the_statistics_module(self) -> None:
        group = runs("LwAL", [0.1, 0.5, 0.7, 0.8], [0.2, nan, 0.9], [0.3, 0.6])
        found = band(group)
        columns = [[0.1, 0.2, 0.3], [0.5, 0.6], [0.7, 0.9], [0.8]]
        assert found.x.tolist() == [0, 1, 2, 3]
        assert found.n.tolist() == [3, 2, 2, 1]
        np.testing.assert_allclose(found.mean, [statistics.fmean(c) for c in columns])
        np.testing.assert_allclose(found.sd, [*(statistics.stdev(c) for c in columns[:3]), nan])
        np.testing.assert_allclose(found.low, found.mean - found.sd)
        assert math.isnan(found.low[3]) and math.isnan(found.high[3])

    def test_range_band(self) -> None:
        found = band(runs("LwAL", [0.1, 0.5], [0.2, 0.4], [0.3, nan]), kind="minmax")
        assert found.low.tolist() == [0.1, 0.4]
        assert found.high.tolist() == [0.3, 0.5]

    def test_interval_band_against_scipy(self) -> None:
        from scipy import stats

        values = [0.31, 0.35, 0.42, 0.4]
        found = band([curve([v], seed) for seed, v in enumerate(values)], kind="interval")
        expected = stats.ttest_1samp(values, 0).confidence_interval(0.95)
        np.testing.assert_allclose([found.low[0], found.high[0]], [expected.low, expected.high])

    def test_seconds_are_read_along_straight_lines_and_end_with_the_run(self) -> None:
        fast, slow = curve([0.0, 0.4], second=1.0), curve([0.0, 0.8], seed=1, second=4.0)
        found = band([fast, slow], x="seconds")
        assert found.x.tolist() == [0, 1, 4]
        assert found.n.tolist() == [2, 2, 1]
        np.testing.assert_allclose(found.mean, [0.0, (0.4 + 0.2) / 2, 0.8])

    def test_one_seed_keeps_its_points_and_has_no_band(self) -> None:
        found = band([curve([0.1, 0.5, 0.4])], x="seconds", kind="minmax")
        assert found.x.tolist() == [0, 2, 4]
        assert found.mean.tolist() == [0.1, 0.5, 0.4]
        assert np.isnan(found.low).all() and np.isnan(found.sd).all()

    def test_a_given_grid_and_a_long_one(self) -> None:
        group = [curve(np.linspace(0, 1, 400), seed, second=1 + seed / 7) for seed in range(3)]
        assert common_grid(group).size == 500
        found = band(group, x="seconds", grid=[0.0, 0.5, 1e9])
        assert found.n.tolist() == [3, 3, 0]
        assert math.isnan(found.mean[2])

    def test_other_quantities(self) -> None:
        found = band([curve([0.1, 0.2], push=[nan, 0.3])], quantity="push")
        assert (found.x.tolist(), found.mean.tolist()) == ([1], [0.3])

    @pytest.mark.parametrize("x", ["epoch", "samples", "seconds"])
    def test_nothing_to_show(self, x: str) -> None:
        for group in ([], [curve([nan, nan])]):
            found = band(group, x=x)  # type: ignore[arg-type]
            assert not found.n.any() and found.x.size == found.mean.size == 0

    def test_unknown_choice(self) -> None:
        with pytest.raises(AnalysisError, match="'steps'"):
            band([], x="steps")  # type: ignore[arg-type]

    @quick
    @given(st.lists(st.lists(st.integers(0, 100), min_size=1, max_size=6), min_size=1, max_size=5), st.randoms())
    def test_order_does_not_matter_and_the_mean_lies_inside(self, counts: list[list[int]], random: object) -> None:
        group = [curve(np.array(c) / 100, seed) for seed, c in enumerate(counts)]
        mixed = list(group)
        random.shuffle(mixed)  # type: ignore[attr-defined]
        for kind in ("sd", "interval", "minmax"):
            one, two = band(group, kind=kind), band(mixed, kind=kind)
            np.testing.assert_allclose(one.mean, two.mean)
            np.testing.assert_allclose(one.high, two.high)
            several = one.n >= (3 if kind == "interval" else 2)
            assert np.array_equal(np.isfinite(one.low), several)
            assert (one.low[several] <= one.mean[several] + 1e-12).all()
            assert (one.high[several] >= one.mean[several] - 1e-12).all()


class TestSmooth:
    @pytest.mark.parametrize("weight", [0.0, 0.3, 0.9])
    def test_against_weights_written_out(self, weight: float) -> None:
        y = [0.5, 1.0, nan, 0.2, 0.8]
        expected = []
        for i in range(len(y)):
            seen = [v for v in y[: i + 1] if not math.isnan(v)]
            weights = [weight ** (len(seen) - 1 - j) for j in range(len(seen))]
            mean = sum(w * v for w, v in zip(weights, seen, strict=True)) / sum(weights)
            expected.append(nan if math.isnan(y[i]) else mean)
        np.testing.assert_allclose(smooth(y, weight), expected)

    def test_does_not_touch_its_input(self) -> None:
        y = np.array([1.0, 0.0])
        smooth(y, 0.5)
        assert y.tolist() == [1, 0]

    @pytest.mark.parametrize("weight", [1.0, -0.1, nan])
    def test_refuses_a_weight(self, weight: float) -> None:
        with pytest.raises(AnalysisError, match="smoothing weight"):
            smooth([1.0], weight)

    @quick
    @given(st.lists(st.floats(-5, 5), max_size=20), st.floats(0, 0.99), st.floats(-5, 5))
    def test_adding_a_constant_shifts_the_result(self, y: list[float], weight: float, more: float) -> None:
        np.testing.assert_allclose(smooth(np.array(y) + more, weight), smooth(y, weight) + more, atol=1e-9)
