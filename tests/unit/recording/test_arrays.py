"""Arrays of any library become numpy, unchanged, and what is no array is refused by name."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from lwal_core.recording import arrays, predictions
from lwal_core.recording.arrays import RecordError, class_numbers, parts_of, rows_of, scalar, shape_of, table, to_numpy
from lwal_core.recording.predictions import class_shares, largest, nearest_means, thumbnails

NUMBERS = st.one_of(
    hnp.floating_dtypes(endianness="="), hnp.integer_dtypes(), hnp.unsigned_integer_dtypes(), hnp.boolean_dtypes()
)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.complex_numbers(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=12,
)


class Borrowed:
    """An array of a library that numpy knows by its protocol alone."""

    def __init__(self, values: np.ndarray) -> None:
        self.values, self.shape = values, values.shape

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        return self.values


@given(hnp.arrays(NUMBERS, hnp.array_shapes(min_dims=1, max_dims=4, max_side=4)))
def test_numpy_comes_as_a_copy(value: np.ndarray) -> None:
    found = to_numpy(value, "x")
    assert found.dtype == value.dtype and not np.shares_memory(found, value)
    np.testing.assert_array_equal(found, value)
    np.testing.assert_array_equal(to_numpy(Borrowed(value), "x"), value)
    assert shape_of(value, "x") == value.shape


@given(st.lists(st.lists(st.integers(-(2**20), 2**20), min_size=3, max_size=3), min_size=2, max_size=2))
def test_lists_are_tables(value: list[list[int]]) -> None:
    assert table(value, "x", "CK", {"C": 2}).tolist() == value


@given(ANYTHING)
def test_anything_is_an_array_or_one_sentence(value: Any) -> None:
    for read in (
        lambda: table(value, "labels", "CK", {"C": 2}),
        lambda: class_numbers(value, "targets", None, 3),
        lambda: scalar(value, "loss"),
        lambda: predictions.tested(value, value, None, None, classes=3, means=None, width=None),
        lambda: predictions.tested([0, 1], None, value, value, classes=3, means=None, width=2),
        lambda: thumbnails(value, [0, 1], 3),
    ):
        problem = None
        try:
            read()
        except RecordError as error:
            problem = error
        assert problem is None or (problem.argument and "\n" not in problem.message)


@pytest.mark.parametrize(
    "kind", ["float16", "bfloat16", "float32", "float64", "int8", "int64", "bool", "float8_e4m3fn"]
)
def test_torch_of_every_type(kind: str) -> None:
    torch = pytest.importorskip("torch")
    value = torch.tensor([[1.0, 0.0], [1.0, 1.0]]).to(getattr(torch, kind))
    if value.is_floating_point() and value.element_size() > 1:
        value.requires_grad_()
    np.testing.assert_array_equal(table(value, "x", "CK", {"C": 2}), [[1, 0], [1, 1]])
    rows = value if value.element_size() > 1 else value.float()
    np.testing.assert_array_equal(rows_of(rows, np.array([1]), "x"), [[1, 1]])


def test_torch_sparse_strided_and_elsewhere() -> None:
    torch = pytest.importorskip("torch")
    value = torch.arange(6.0).reshape(2, 3)
    np.testing.assert_array_equal(to_numpy(value.to_sparse(), "x"), value.numpy())
    np.testing.assert_array_equal(to_numpy(value.T, "x"), value.numpy().T)
    with pytest.raises(RecordError, match="x is a Tensor, which is no array"):
        to_numpy(torch.empty(2, 3, device="meta"), "x")
    assert scalar(value[0, 1], "x") == 1.0 and scalar(torch.tensor([2]), "x") == 2


def test_pandas() -> None:
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame({"a": [1.0, 2.0], "b": [3, 4]})
    np.testing.assert_array_equal(table(frame, "x", "CK", {"C": 2}), [[1, 3], [2, 4]])


@given(st.integers(0, 40), st.integers(1, 5), st.integers(1, 30))
def test_parts_are_the_whole(count: int, width: int, chunk: int) -> None:
    value = np.arange(count * width, dtype=np.float32).reshape(count, width)
    before, arrays.CHUNK_VALUES = arrays.CHUNK_VALUES, chunk
    try:
        parts = list(parts_of(value, "x", count, width))
    finally:
        arrays.CHUNK_VALUES = before
    assert all(part.size <= max(chunk, width) for _, part in parts)
    np.testing.assert_array_equal(np.concatenate([part for _, part in parts] or [value]), value)


@given(
    hnp.arrays(np.float32, st.tuples(st.integers(1, 12), st.just(3)), elements=st.floats(-9, 9, width=16)),
    hnp.arrays(np.float32, (4, 3), elements=st.floats(-9, 9, width=16)),
)
def test_the_nearest_mean_is_the_nearest(z: np.ndarray, means: np.ndarray) -> None:
    distances = [[float(((a.astype(float) - b) ** 2).sum()) for b in means] for a in z]
    found = nearest_means(z, means, len(z))
    for row, label in zip(distances, found, strict=True):
        assert row[label] <= min(row) + 1e-9


@given(hnp.arrays(np.float64, st.tuples(st.integers(1, 9), st.just(4)), elements=st.floats(-9, 9)))
def test_the_largest_score_is_the_first_of_the_largest(scores: np.ndarray) -> None:
    found, _ = largest(scores.tolist(), np.zeros(len(scores), np.int64), 4)
    assert found.tolist() == [row.index(max(row)) for row in scores.tolist()]


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans()), min_size=1, max_size=30))
def test_shares_of_a_class(samples: list[tuple[int, bool]]) -> None:
    y, hits = np.array([c for c, _ in samples]), np.array([hit for _, hit in samples])
    for c, share in enumerate(class_shares(hits, y, 5)):
        mine = [hit for each, hit in samples if each == c]
        assert np.isnan(share) if not mine else share == pytest.approx(sum(mine) / len(mine))


def test_thumbnails_are_spread_over_a_class_and_small() -> None:
    y = np.repeat([0, 2], 20)
    images = np.zeros((40, 96, 48, 3), np.uint8)
    images[:] = np.arange(40)[:, None, None, None]
    found, labels = thumbnails(images, y, 3)
    assert found.shape == (18, 48, 24, 3) and labels.tolist() == [0] * 9 + [2] * 9
    assert found[:9, 0, 0, 0].tolist() == [0, 2, 4, 6, 8, 11, 13, 15, 17]
    small, _ = thumbnails(images[:, :10, :7], y, 3)
    assert small.shape == (18, 10, 7, 3)  # not made larger
    with pytest.raises(RecordError, match=r"images has the shape \[40, 96, 48, 1\]"):
        thumbnails(images[..., :1], y, 3)
