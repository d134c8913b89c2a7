"""Predictions as tables and arrays: which class is which, and what is refused."""

from __future__ import annotations

from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lwal_core.errors import ImportFileError, LwalError
from lwal_core.past_runs.prediction_classes import MAX_CLASSES
from lwal_core.past_runs.prediction_files import holds_predictions, read_predictions

NAMED = "target,predicted\ndog,dog\ncat,dog\nant,ant\ncat,cat\n"


@pytest.fixture
def table(tmp_path):
    def read(text: str, names=None):
        file = tmp_path / "predictions.csv"
        file.write_text(text)
        return read_predictions(file, names=names)

    return read


class TestTables:
    def test_of_names(self, table):
        found = table(NAMED)
        assert found.names == ("ant", "cat", "dog")
        assert found.targets.tolist() == [2, 1, 0, 1] and found.predictions.tolist() == [2, 2, 0, 1]
        assert found.accuracy == 0.75

    def test_of_numbers(self, table):
        found = table("y_true\ty_pred\n0\t2\n2\t2\n")
        assert found.names == ("class 0", "class 1", "class 2") and found.targets.tolist() == [0, 2]
        assert table("label,pred\n0.0,1.0\n1.0,1\n").targets.tolist() == [0, 1]  # as pandas writes a column with holes
        assert table("label,pred\n0,1\n1,1\n", names=["a", "b", "c"]).names == ("a", "b", "c")

    def test_numbers_named_by_a_column(self, table):
        found = table("target,target_name,predicted,predicted_name\n0,ant,2,cat\n2,cat,2,cat\n")
        assert found.names == ("ant", "class 1", "cat")
        with pytest.raises(ImportFileError, match="is called 'ant' and 'bee'"):
            table("target,target_name,predicted\n0,ant,0\n0,bee,0\n")

    def test_scores_give_names_and_the_prediction(self, table):
        found = table("target,score_cat,score_ant\ncat,0.9,0.1\nant,0.8,0.2\n")
        assert (
            found.names == ("cat", "ant") and found.predictions.tolist() == [0, 0] and found.targets.tolist() == [0, 1]
        )
        np.testing.assert_array_equal(found.scores, np.float32([[0.9, 0.1], [0.8, 0.2]]))
        numbered = table("target,predicted,prob_0,prob_1\n0,0,0.9,0.1\n1,0,0.2,0.8\n")
        assert numbered.names == ("class 0", "class 1") and "For 1 samples the prediction is not" in numbered.notes[0]

    def test_a_class_that_does_not_occur_is_kept_where_it_has_scores(self, table):
        assert table("target,score_a,score_b,score_c\na,1,0,0\nb,0,1,0\n").names == ("a", "b", "c")

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("target,predicted\n", "no rows"),
            ("a,b\n1,2\n", "has the columns"),
            ("target,predicted\n0,\n", "a class is missing"),
            ("target,predicted\n-1,0\n", "class number -1"),
            ("target,predicted\n99999,0\n", "100,000 classes"),
            ("target,predicted\n0,0\n0,0\n", "1 class"),
            ("target,score_a,score_b\na,nan,1\n", "no finite number"),
            ("target,score_a,score_b\na,1e300,1\n", "no finite number"),
            ("target,score_a,score_b\na,x,1\n", "'x' is no number"),
            ("target,score_a,score_b\nz,1,0\n", "without a name or a score: 'z'"),
            ("target,score_a,score_a\na,1,0\n", "Several classes are named 'a'"),
            ("target,score_1,score_0\n1,1,0\n", "scores of the classes '1', '0'"),
            ("target,score_0,score_1\n2,1,0\n", "class number 2 and 2 scores"),
            ("target,predicted\n1,1,1\n2\n", "cells where"),
        ],
    )
    def test_what_does_not_fit_is_refused(self, table, text, said):
        with pytest.raises(ImportFileError, match=said) as caught:
            table(text)
        assert caught.value.hint

    def test_too_many_classes(self, table):
        with pytest.raises(ImportFileError, match=f"more than {MAX_CLASSES:,} classes"):
            table("target,predicted\n" + "".join(f"a{i},b{i}\n" for i in range(MAX_CLASSES + 1)))

    def test_names_that_do_not_fit(self, table):
        with pytest.raises(ImportFileError, match="class number 2 and 2 names"):
            table("target,predicted\n0,1\n2,0\n", names=["a", "b"])
        with pytest.raises(ImportFileError, match="scores of 2 classes and 3 names"):
            table("target,score_0,score_1\n0,1,0\n1,1,0\n", names=["a", "b", "c"])

    def test_names_are_text_of_anybody(self, table):
        found = table('target,predicted\n"=cmd(1)",<b>\n<b>,"a\u202eb"\n')
        assert found.names == ("<b>", "=cmd(1)", "a b")


class TestParquet:
    pa = pytest.importorskip("pyarrow")

    def written(self, path, columns, **options):
        from pyarrow import parquet

        parquet.write_table(self.pa.table(columns), path, **options)
        return path

    def test_numbers_names_and_scores(self, tmp_path):
        file = self.written(
            tmp_path / "a.parquet", {"target": [0, 1, 1], "predicted": [0, 0, 1], "target_name": ["ant", "bee", "bee"]}
        )
        found = read_predictions(file)
        assert found.names == ("ant", "bee") and found.predictions.tolist() == [0, 0, 1]
        texts = {"target": ["b", "a"], "score_a": [0.5, 1.0], "score_b": [0.75, 0.0], "other": [[1], [2]]}
        named = read_predictions(self.written(tmp_path / "b.parquet", texts))
        assert named.names == ("a", "b") and named.targets.tolist() == [1, 0] and named.accuracy == 1

    def test_dictionaries_and_floats(self, tmp_path):
        columns = {
            "y_true": self.pa.array(["x", "y", "x"]).dictionary_encode(),
            "y_pred": self.pa.array(["x", "x", "x"]),
        }
        assert read_predictions(self.written(tmp_path / "a.parquet", columns)).accuracy == pytest.approx(2 / 3)
        whole = {"target": [0.0, 1.0], "predicted": [1.0, 1.0]}
        assert read_predictions(self.written(tmp_path / "b.parquet", whole)).targets.tolist() == [0, 1]

    @pytest.mark.parametrize(
        "columns",
        [
            {"target": [0, None], "predicted": [0, 1]},
            {"target": [[0], [1]], "predicted": [0, 1]},
            {"target": [b"a", b"b"], "predicted": [0, 1]},
            {"target": [0.5, 1.0], "predicted": [0, 1]},
            {"x": [0, 1]},
            {"target": [float("nan"), 1.0], "predicted": [0, 1]},
        ],
    )
    def test_what_holds_no_classes_is_refused(self, tmp_path, columns):
        with pytest.raises(ImportFileError):
            read_predictions(self.written(tmp_path / "a.parquet", columns))

    def test_one_long_text_in_every_row_is_kept_once(self, tmp_path):
        rows = 20_000  # of a text of 10^6 characters: 20 GB
        long = self.pa.DictionaryArray.from_arrays(np.zeros(rows, np.int32), ["x" * 10**6])
        short = self.pa.DictionaryArray.from_arrays(np.zeros(rows, np.int32), ["y"])
        file = self.written(tmp_path / "a.parquet", {"target": long, "predicted": short}, store_schema=False)
        assert file.stat().st_size < 10**6
        assert [len(name) for name in read_predictions(file).names] == [300, 1]

    @settings(max_examples=60, deadline=None)
    @given(st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), max_size=3), st.integers(0, 1200))
    def test_damage_anywhere_is_read_or_refused(self, tmp_path_factory, damage, end):
        file = tmp_path_factory.getbasetemp() / "damaged.parquet"
        data = bytearray(
            self.written(file, {"target": list(range(9)) * 9, "predicted": ["0", "1", "2"] * 27}).read_bytes()
        )
        for place, byte in damage:
            data[place % len(data)] = byte
        file.write_bytes(data[: max(end, 4)])
        with suppress(LwalError):
            assert len(read_predictions(file).targets) <= 81


class TestArrays:
    def saved(self, path, **arrays):
        np.savez(path, **arrays)
        return path

    def test_z_y_and_pred(self, tmp_path):
        z = np.arange(8).reshape(4, 2)
        found = read_predictions(self.saved(tmp_path / "a.npz", z=z, y=[0, 1, 1, 0], pred=[0, 1, 0, 0]))
        np.testing.assert_array_equal(found.embeddings, z.astype(np.float32))
        assert found.accuracy == 0.75 and found.scores is None

    def test_z_and_y_alone(self, tmp_path):
        found = read_predictions(self.saved(tmp_path / "a.npz", z=np.eye(4), y=np.array([0, 1, 1, 0], np.uint8)))
        assert found.predictions is None and found.accuracy is None

    def test_names_that_are_pickled_are_told(self, tmp_path):
        names = np.array(["a", "b"], dtype=object)
        found = read_predictions(self.saved(tmp_path / "a.npz", y=[0, 1], pred=[1, 1], class_names=names))
        assert found.names == ("class 0", "class 1")
        assert "'class_names' are not read, as they are Python objects" in " ".join(found.notes)

    def test_probabilities_and_names(self, tmp_path):
        proba = np.array([[0.6, 0.3, 0.1], [0.1, 0.2, 0.7]])
        found = read_predictions(
            self.saved(tmp_path / "a.npz", y=[0, 1], proba=proba, class_names=np.array(["a", "b", "c"]))
        )
        assert found.names == ("a", "b", "c") and found.predictions.tolist() == [0, 2]

    def test_names_for_classes(self, tmp_path):
        found = read_predictions(self.saved(tmp_path / "a.npz", y=np.array(["b", "a"]), pred=np.array([b"a", b"a"])))
        assert found.names == ("a", "b") and found.targets.tolist() == [1, 0] and found.predictions.tolist() == [0, 0]

    @pytest.mark.parametrize(
        ("arrays", "said"),
        [
            ({"y": [0, 1], "pred": [0, 1, 1]}, "2 true classes in 'y' and 3 rows in 'pred'"),
            ({"y": [0, 1], "z": np.full((2, 2), np.nan)}, "no finite number in row 0"),
            ({"y": [0, 0.5], "pred": [0, 1]}, "no classes"),
            ({"y": [0, np.inf], "pred": [0, 1]}, "no classes"),
            ({"y": [0, -1], "pred": [0, 1]}, "class number -1"),
            ({"y": [0, 10**12], "pred": [0, 1]}, "class number 10000000000"),
            ({"y": [0, 3], "proba": np.eye(2)}, "class number 3 and 2 scores"),
            ({"y": np.array([0, "a"], dtype=object), "pred": [0, 1]}, "pickled"),
            ({"y": [0, 1], "z": np.array([["a", "b"], ["c", "d"]])}, "type <U1"),
            ({"y": np.zeros(0), "pred": np.zeros(0)}, "0 samples"),
            ({"x": [1]}, "holds no predictions"),
        ],
    )
    def test_what_does_not_fit_is_refused(self, tmp_path, arrays, said):
        with pytest.raises(ImportFileError, match=said) as caught:
            read_predictions(self.saved(tmp_path / "a.npz", **arrays))
        assert caught.value.hint


class TestWhatIsTakenForPredictions:
    @pytest.mark.parametrize(
        ("name", "text", "is_one"),
        [
            ("a.csv", NAMED, True),
            ("a.tsv", "label\tpred\n0\t1\n", True),
            ("a.csv", "name,x,y\ncat,1,2\ndog,2,1\n", False),
            ("a.csv", "label,x,y\ncat,1,2\ndog,2,1\n", False),
            ("a.csv", "target,x\ncat,1\n", False),
            ("a.csv", "epoch,loss\n1,2\n", False),
            ("a.json", NAMED, False),
            ("a.csv", "", False),
        ],
    )
    def test_tables(self, tmp_path, name, text, is_one):
        (tmp_path / name).write_text(text)
        assert holds_predictions(tmp_path / name) is is_one

    def test_arrays(self, tmp_path):
        np.savez(tmp_path / "a.npz", y=[0, 1], pred=[1, 1])
        np.savez(tmp_path / "b.npz", labels=np.eye(3), names=np.array(list("abc")))
        np.savez(tmp_path / "c.npz", x_train=np.eye(3), y_train=[0, 1, 2])
        assert [holds_predictions(tmp_path / f"{name}.npz") for name in "abcd"] == [True, False, False, False]


@settings(max_examples=120, deadline=None)
@given(
    st.lists(
        st.sampled_from(["target", "predicted", "score_a", "score_b", "score_0", "target_name", "x"]),
        min_size=2,
        max_size=5,
    ),
    st.lists(
        st.lists(
            st.one_of(st.integers(-2, 5).map(str), st.text(max_size=3), st.floats().map(str)), min_size=1, max_size=5
        ),
        max_size=8,
    ),
)
def test_any_table_gives_classes_in_range_or_a_sentence(tmp_path_factory, heads, rows):
    file = tmp_path_factory.getbasetemp() / "any.csv"
    file.write_text("\n".join(",".join(cells) for cells in [heads, *rows]), encoding="utf-8", errors="replace")
    try:
        found = read_predictions(file)
    except LwalError:
        return
    assert len(set(found.names)) == len(found.names) >= 2
    assert found.predictions is not None and len(found.predictions) == len(found.targets) > 0
    for column in (found.targets, found.predictions):
        assert 0 <= column.min() <= column.max() < len(found.names)
    assert found.scores is None or (
        np.isfinite(found.scores).all() and found.scores.shape == (len(found.targets), len(found.names))
    )
