"""Balanced sample of a stream: how many of each class, whether any row is as likely as another, and how much is held."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from lwal_core.integrations.sample import BalancedSample


def sampled(y: np.ndarray, batch: int, classes: int, each: int) -> tuple[np.ndarray, ...]:
    sample = BalancedSample(classes, each)
    for start in range(0, len(y), batch):
        part = y[start : start + batch]
        sample.offer(part, lambda rows, start=start: (start + rows,))
    return sample.arrays()


@given(
    y=st.lists(st.integers(0, 4), max_size=300).map(lambda values: np.array(values, np.int64)),
    batch=st.integers(1, 70),
    each=st.integers(1, 9),
)
def test_of_each_class_as_many_as_there_are(y: np.ndarray, batch: int, each: int) -> None:
    found = sampled(y, batch, 5, each)
    if not len(y):
        assert found == ()
        return
    classes, rows = found
    assert (y[rows] == classes).all() and (np.diff(rows) > 0).all()
    assert np.bincount(classes, minlength=5).tolist() == np.minimum(np.bincount(y, minlength=5), each).tolist()


def test_batches_do_not_matter() -> None:
    y = np.random.default_rng(1).integers(0, 3, 2_000)
    one, many = sampled(y, 2_000, 3, 5), sampled(y, 7, 3, 5)
    assert (one[1] == many[1]).all()


def test_every_row_is_as_likely_as_any_other() -> None:
    rows = np.concatenate(
        [sampled(np.arange(4_000) % 40, 500, 40, 50)[1], sampled(np.zeros(4_000, int), 100, 1, 2_000)[1]]
    )
    shares = np.bincount(rows // 1_000, minlength=4) / 1_000
    assert np.abs(shares - 1).max() < 0.1  # 4 standard deviations


def test_only_rows_that_may_stay_are_taken() -> None:
    taken = 0
    sample = BalancedSample(2, 10)

    def take(rows: np.ndarray) -> tuple[np.ndarray]:
        nonlocal taken
        taken += len(rows)
        return (rows,)

    for _ in range(400):
        sample.offer(np.arange(100) % 2, take)
    assert taken < 2_000  # of 40,000
    assert len(sample.arrays()[0]) == 20
