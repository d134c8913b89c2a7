"""The short verdict: Yes, No or Undecided of curves that are worked out by hand, in at most twelve words."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lwal_core.analysis.comparison.short_verdict import short_verdict
from lwal_core.analysis.comparison.speed import compare
from tests.unit.analysis.comparison.small_curves import LWAL, ONE_HOT, SLOW, quick, runs

LATE = runs("One-hot", [0.1, 0.2, 0.3, 0.4, 0.9], [0.1, 0.2, 0.3, 0.9, 0.8], [0.1, 0.2, 0.3, 0.4, 0.9])
SOON = runs("LwAL", [0.1, 0.95, 0.9, 0.9, 0.9], [0.1, 0.95, 0.9, 0.9, 0.9], [0.1, 0.95, 0.9, 0.9, 0.9])


def said(base: list, other: list, target: float | None = None) -> str:
    return short_verdict(compare({"One-hot": base, "LwAL": other}, "One-hot", target=target))


def test_a_clear_difference_says_how_many_times_in_mean_epochs():
    # One-hot is at its best after 4, 3 and 4 epochs, LwAL there after 1 each: 11/3.
    assert said(LATE, SOON) == "Yes: LwAL is 3.7x faster."
    slow = runs("LwAL", *[[0.1, 0.2, 0.3, 0.4, 0.5, 0.9, 0.9]] * 2, [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.9])
    quick_base = runs("One-hot", *[[0.1, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9]] * 3)
    assert said(quick_base, slow) == "No: LwAL is 5.3x slower."  # (5 + 5 + 6) / 3


def test_what_the_seeds_do_not_tell_is_undecided():
    assert said(ONE_HOT[:2], LWAL[:2]) == "Undecided: LwAL reaches one-hot's best, too few seeds."
    assert said(ONE_HOT, ONE_HOT) == "Undecided: no clear difference to one-hot in epochs."
    assert said(ONE_HOT, SLOW) == "No: LwAL never reaches one-hot's best."
    some = [*LWAL[:2], *runs("LwAL", [0.1, 0.2, 0.3, 0.3, 0.3], first_seed=2)]
    assert said(ONE_HOT, some) == "Undecided: LwAL reaches one-hot's best in 2 of 3 seeds."


def test_without_a_baseline_or_another_method_nothing_is_said():
    assert short_verdict(compare({"One-hot": ONE_HOT}, "One-hot")) == "Undecided: nothing to compare with yet."
    assert short_verdict(compare({"LwAL": LWAL}, "One-hot")) == "Undecided: nothing to compare with yet."
    assert short_verdict(compare({}, "One-hot")) == "Undecided: nothing to compare with yet."
    flat = runs("One-hot", *[[0.9, 0.5, 0.5]] * 3)
    assert said(flat, LWAL) == "Undecided: one-hot never beats its untrained network."


def test_long_names_are_left_out():
    long = [f"One-hot ({'batch size 128, ' * k}seeds)" for k in (1, 2)]
    found = compare({long[0]: ONE_HOT[:2], long[1]: LWAL[:2]}, long[0])
    assert short_verdict(found) == "Undecided: it reaches the baseline's best, too few seeds."


def test_a_target_that_only_one_of_them_reaches():
    assert said(SLOW, LWAL, target=0.9) == "Yes: LwAL reaches the target, one-hot never."


accuracies = st.lists(st.floats(0, 1, allow_nan=False), min_size=2, max_size=6)


@quick
@given(
    st.lists(accuracies, min_size=1, max_size=4),
    st.lists(accuracies, min_size=1, max_size=4),
    st.sampled_from([None, 0.5]),
)
def test_never_more_than_twelve_words_and_always_one_of_three(base, other, target):
    text = said(runs("One-hot", *base), runs("LwAL", *other), target)
    assert text.partition(":")[0] in ("Yes", "No", "Undecided") and len(text.split()) <= 12
    assert "nan" not in text and "inf" not in text.replace("in ", "") and np.isfinite(len(text))
