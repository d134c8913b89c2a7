"""What is said of neural collapse of two methods follows from their last values, paired by seed."""

from __future__ import annotations

import numpy as np
import pytest

from lwal_core.analysis.comparison.curve import Curve
from lwal_core.analysis.comparison.forming import collapse_answer, last_values


def curve(seed: int, *values: float) -> Curve:
    """A run with this measure by epoch."""
    epoch = np.arange(len(values), dtype=float)
    return Curve("run", "group", "method", seed, epoch, epoch * np.nan, epoch, epoch, extra={"nc1": np.array(values)})


def test_the_last_value_counts_and_the_untrained_network_does_not() -> None:
    assert last_values([curve(1, 5, 3, 2), curve(2, 5, 3, np.nan), curve(3, 5), curve(4, np.nan, np.nan)], "nc1") == {
        1: 2,
        2: 3,
    }
    assert last_values([curve(1, 5, 3)], "nc2") == {}


@pytest.mark.parametrize(
    ("ours", "said"),
    [
        ([1.0, 1.1, 1.05], ": with LwAL the samples of a class lie closer together"),
        ([3.0, 3.1, 3.05], ": with one-hot the samples of a class lie closer together"),
        ([1.0, 3.0, 2.1], "which is not clear"),
        ([1.0], "Of 1 paired seed there is no interval"),
    ],
)
def test_a_difference_is_told_as_far_as_it_is_clear(ours: list[float], said: str) -> None:
    base = [curve(seed, 9, value) for seed, value in enumerate((2.0, 2.1, 2.0))]
    groups = {"One-hot": base, "LwAL": [curve(seed, 9, value) for seed, value in enumerate(ours)]}
    answer = collapse_answer(groups, "One-hot", "nc1", "NC1 of the features")
    assert said in answer and answer.startswith("After the last epoch NC1 of the features is")


def test_one_method_and_no_value() -> None:
    assert (
        collapse_answer({"LwAL": [curve(1, 9, 2)]}, "One-hot", "nc1", "NC1")
        == "After the last epoch NC1 is 2 (n=1) with LwAL."
    )
    assert "not defined" in collapse_answer({"LwAL": [curve(1, 9)]}, "LwAL", "nc1", "NC1")
    other = {"One-hot": [curve(1, 9, 2)], "LwAL": [curve(2, 9, 2)]}
    assert "nothing is paired" in collapse_answer(other, "One-hot", "nc1", "NC1")
