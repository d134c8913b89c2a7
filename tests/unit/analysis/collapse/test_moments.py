"""Moments of samples in pieces are those of all samples at once, whatever is held, and wherever they were read."""

from __future__ import annotations

from dataclasses import astuple

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lwal_core.analysis.collapse import ArrayError, ClassMoments, collapse_of, moments, neural_collapse


def tensor(values: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(values))


@given(st.data())
def test_any_pieces_and_any_split_give_what_all_samples_give(data: st.DataObject) -> None:
    classes, width, count = data.draw(st.integers(2, 5)), data.draw(st.integers(1, 6)), data.draw(st.integers(8, 40))
    generator = np.random.default_rng(data.draw(st.integers(0, 2**16)))
    y = np.concatenate([np.arange(classes), generator.integers(0, classes, count)])
    if data.draw(st.booleans()):
        y.sort()  # classes one after the other: each piece brings new ones
    x = (100 + generator.normal(size=(len(y), width)) + 3 * generator.normal(size=(classes, width))[y]).astype(
        np.float32
    )
    torch_too, piece = data.draw(st.booleans()), data.draw(st.integers(1, 15))
    cut = data.draw(st.integers(0, len(y)))

    def read(rows: slice) -> ClassMoments:
        found = ClassMoments(classes, width, tensor if torch_too else None)
        for at in range(rows.start, rows.stop, piece):
            part = slice(at, min(at + piece, rows.stop))
            found.update(*((tensor(x[part]), tensor(y[part])) if torch_too else (x[part], y[part])))
        return found

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(moments, "MOST_HELD", data.draw(st.sampled_from([0, 3 * width, 10**6])))
        first, second = read(slice(0, cut)), read(slice(cut, len(y)))
        first.merge(second)
        found = collapse_of(first)
    expected = neural_collapse(x.astype(np.float64), y)
    np.testing.assert_allclose(astuple(found), astuple(expected), rtol=1e-5, atol=1e-9)


def test_parts_of_several_processes_add_up() -> None:
    """Each process sums its part with those of the others, one number at a time."""
    generator = np.random.default_rng(0)
    y = np.arange(60) % 4
    x = generator.normal(size=(60, 5)) + 2 * generator.normal(size=(4, 5))[y]
    parts = [ClassMoments(4, 5) for _ in range(3)]
    for part, rows in zip(parts, np.array_split(np.arange(60), [13, 13]), strict=True):  # the second has no samples
        part.update(x[rows], y[rows])
    given_before = [vars(part).copy() for part in parts]

    def together(step: int) -> np.ndarray:
        """What the sum is when all processes come to their ``step``-th one."""
        seen: list[np.ndarray] = []
        for part, before in zip(parts, given_before, strict=True):
            vars(part).update(before)
            sums: list[np.ndarray] = []

            def total(values: np.ndarray, sums: list[np.ndarray] = sums) -> np.ndarray:
                sums.append(values)
                return known[len(sums) - 1] if len(sums) <= len(known) else values

            part.share(total)
            collapse_of(part, total=total)
            seen.append(sums[step])
        return np.sum(seen, axis=0)

    known: list[np.ndarray] = []
    for step in range(4):
        known.append(together(step))
    for part, before in zip(parts, given_before, strict=True):
        vars(part).update(before)
        left = iter(known)
        part.share(lambda _, left=left: next(left))
        found = collapse_of(part, total=lambda _, left=left: next(left))
        np.testing.assert_allclose(astuple(found), astuple(neural_collapse(x, y)), rtol=1e-9)


def test_a_spread_far_below_the_means_is_not_lost() -> None:
    """Far from 0 the sum of squares less the square of the sum would be rounding alone."""
    generator = np.random.default_rng(0)
    y = np.arange(4_000) % 4
    noise = generator.normal(size=(4_000, 3))
    corners = np.array([[1.0, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 1]])
    near = neural_collapse(corners[y] + 1e-6 * noise, y)
    for most_held in (0, 10**6):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(moments, "MOST_HELD", most_held)
            far = ClassMoments(4, 3)
            far.update(1e3 + corners[y] + 1e-6 * noise, y)
        assert collapse_of(far).nc1 == pytest.approx(near.nc1, rel=1e-4)
        assert collapse_of(far).cdnv == pytest.approx(near.cdnv, rel=1e-4)


def test_vectors_too_wide_for_second_moments_have_no_nc1_beyond_what_is_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moments, "MOST_WIDTH", 3)
    monkeypatch.setattr(moments, "MOST_HELD", 30)
    generator, y = np.random.default_rng(0), np.arange(40) % 4
    x = generator.normal(size=(40, 4)) + 3 * np.eye(4)[y]
    found = ClassMoments(4, 4)
    for at in range(0, 40, 10):
        found.update(x[at : at + 10], y[at : at + 10])
    first, *others = astuple(collapse_of(found))
    assert np.isnan(first)
    np.testing.assert_allclose(others, astuple(neural_collapse(x, y))[1:], rtol=1e-9)


def test_moments_of_other_sizes_are_not_added() -> None:
    with pytest.raises(ArrayError, match="3 classes of 2 numbers"):
        ClassMoments(3, 2).merge(ClassMoments(3, 4))
