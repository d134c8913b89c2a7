"""Reference matrices from files: what is read, what the numbers are, and what is refused in one line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lwal_core.errors import LwalError
from lwal_core.taxonomy import reference_matrix
from lwal_core.taxonomy.reference_matrix import read_matrix

NAMES = ["cat", "dog", "car"]
DISTANCES = np.array([[0, 1, 3], [1, 0, 2], [3, 2, 0]], dtype=float)


def table(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def arrays(path: Path, **values: object) -> Path:
    np.savez(path, **values)  # type: ignore[arg-type]
    return path


def test_a_table_with_rows_in_another_order_and_half_of_the_cells(tmp_path: Path) -> None:
    found = read_matrix(table(tmp_path / "d.csv", ";cat;dog;car\ncar;3;2;0\ncat;0;;\ndog;1;0;\n"))
    assert (found.names, found.kind, found.title) == (("cat", "dog", "car"), "distance", "d")
    np.testing.assert_array_equal(found.repeats, DISTANCES[None])


@pytest.mark.parametrize("ending", ["csv", "tsv"])
@settings(max_examples=25, deadline=None)
@given(st.data())
def test_what_is_written_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, ending: str, data: st.DataObject
) -> None:
    n = data.draw(st.integers(3, 6))
    values = np.array(
        [[0 if i == j else data.draw(st.integers(1, 99)) for j in range(n)] for i in range(n)], dtype=float
    )
    names = [f"class {i}" for i in range(n)]
    mark = "\t" if ending == "tsv" else ","
    rows = [
        mark.join(["name", *names]),
        *(mark.join([name, *map(str, row)]) for name, row in zip(names, values, strict=True)),
    ]
    found = read_matrix(table(tmp_path_factory.mktemp("m") / f"m.{ending}", "\n".join(rows)))
    assert found.names == tuple(names) and found.kind == "distance"
    np.testing.assert_allclose(found.repeats[0], (values + values.T) / 2)


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet=',;\t\n"catdog0123.-eé\x00 ', max_size=80))
def test_any_text_is_a_matrix_or_one_line_of_error(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = table(tmp_path_factory.mktemp("m") / "m.csv", text)
    found = error = None
    try:
        found = read_matrix(path)
    except LwalError as refused:
        error = refused
    assert (found is None) == (error is not None and error.message != "" and "\n" not in error.message)
    assert found is None or found.repeats.shape == (1, len(found.names), len(found.names))


def test_similarities_are_turned_and_repeats_stay_apart(tmp_path: Path) -> None:
    repeats = np.stack([4 - DISTANCES, 4 - 2 * DISTANCES])
    found = read_matrix(arrays(tmp_path / "s.npz", names=np.array(NAMES), similarity=repeats))
    assert found.kind == "similarity" and found.repeats.shape == (2, 3, 3)
    assert np.argsort(found.repeats[0][np.triu_indices(3, 1)]).tolist() == [0, 2, 1]
    np.testing.assert_allclose(found.repeats[1, 0], [0, 0, 4])  # the most alike two are 0 apart


def test_confusions_are_shares_of_both_directions(tmp_path: Path) -> None:
    counts = np.array([[8, 2, 0], [4, 16, 0], [0, 1, 9]])
    found = read_matrix(arrays(tmp_path / "c.npz", class_names=np.array(NAMES), matrix=counts))
    assert found.kind == "confusion"
    alike = np.array([(0.2 + 0.2) / 2, 0, (0 + 0.1) / 2])  # cat and dog, cat and car, dog and car
    np.testing.assert_allclose(found.repeats[0][np.triu_indices(3, 1)], alike.max() - alike)


def test_names_are_matched_like_those_of_taxonomies(tmp_path: Path) -> None:
    found = read_matrix(arrays(tmp_path / "m.npz", names=np.array(["polar bear", "cats", "Dog"]), distance=DISTANCES))
    assert found.kept(["dog", "Polar_Bear", "cat", "fish"]) == {0: 2, 1: 0, 2: 1}
    assert found.kept(["cat", "Cats"]) == {}  # two names for one class


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "empty"),
        ("x,cat,dog\ncat,0,1\ndog,1,0\n", "2 classes"),
        ("x,cat,dog,car\ncat,0,1,2\ndog,1,0,3\nbus,2,3,0\n", "do not name the same"),
        ("x,cat,dog,car\ncat,0,1,2\ndog,1,0,three\ncar,2,3,0\n", "Row 3 has 'three'"),
        ("x,cat,dog,car\ncat,0,,2\ndog,,0,3\ncar,2,3,0\n", "on either side"),
        ("x,cat,dog,car\ncat,0,inf,2\ndog,1,0,3\ncar,2,3,0\n", "not finite"),
        ("x,cat,Cat,car\ncat,0,1,2\nCat,1,0,3\ncar,2,3,0\n", "is there twice"),
        ("x,cat,dog,car\ncat,1,1,1\ndog,1,1,1\ncar,1,1,1\n", "not clear"),
    ],
)
def test_what_is_no_matrix_is_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(LwalError, match=said):
        read_matrix(table(tmp_path / "m.csv", text))


def test_arrays_that_do_not_fit_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = np.array(NAMES)
    for said, values in {
        "has the arrays": {"names": names},
        "has the shape": {"names": names, "matrix": np.ones((3, 4))},
        "holds no texts": {"names": np.arange(3), "matrix": DISTANCES},
        "3 classes": {"names": names[:2], "matrix": DISTANCES},
    }.items():
        with pytest.raises(LwalError, match=said):
            read_matrix(arrays(tmp_path / "m.npz", **values))
    with pytest.raises(LwalError, match="the type object"):
        read_matrix(arrays(tmp_path / "m.npz", names=np.array(NAMES), matrix=DISTANCES.astype(object)), "distance")
    with pytest.raises(LwalError, match="is below 0"):
        read_matrix(arrays(tmp_path / "m.npz", names=names, matrix=-DISTANCES), "distance")
    with pytest.raises(LwalError, match="kind 'nearness'"):
        read_matrix(tmp_path / "m.npz", "nearness")  # type: ignore[arg-type]
    with pytest.raises(LwalError, match="cannot be read"):
        read_matrix(tmp_path / "none.csv")
    monkeypatch.setattr(reference_matrix, "MAX_BYTES", 10)
    with pytest.raises(LwalError, match="at most"):
        read_matrix(arrays(tmp_path / "m.npz", names=names, matrix=DISTANCES))
