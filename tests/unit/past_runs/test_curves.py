"""Curves of other programs: which columns are taken, and one row for each epoch."""

from __future__ import annotations

import json
import math
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lwal_core.errors import ImportFileError, LwalError
from lwal_core.past_runs.columns import is_epoch, is_step, meaning
from lwal_core.past_runs.curve_files import read_curves
from lwal_core.past_runs.epochs import MAX_OTHERS

LIGHTNING = """epoch,lr-SGD,step,train_loss_epoch,train_loss_step,val_acc,val_loss
,0.1,0,,,,
0,,49,,2.3,,
0,,93,,,0.4,1.9
0,,93,2.1,,,
,0.05,94,,,,
1,,99,,1.9,,
1,,187,,,0.5,1.7
1,,187,1.8,,,
"""
STATE = {
    "log_history": [
        {"epoch": 0.5, "loss": 2.0, "learning_rate": 1e-3, "step": 5},
        {"epoch": 1.0, "loss": 1.0, "learning_rate": 5e-4, "step": 10},
        {"epoch": 1.0, "eval_loss": 1.1, "eval_accuracy": 0.6, "eval_runtime": 3, "step": 10},
        {"epoch": 2.0, "loss": 0.5, "learning_rate": 0, "step": 20},
        {"epoch": 2.0, "eval_accuracy": 0.7, "step": 20},
        {"epoch": 2.0, "train_loss": 1.0, "train_runtime": 33.0, "step": 20, "total_flos": 1e17},
    ]
}


@pytest.fixture
def curves(tmp_path):
    def read(text: str, name: str = "metrics.csv"):
        file = tmp_path / name
        file.write_text(text)
        return read_curves(file)

    return read


class TestNames:
    @pytest.mark.parametrize(
        ("name", "part", "measure"),
        [
            ("train_loss", "train", "loss"),
            ("Loss/train", "train", "loss"),
            ("loss", "", "loss"),
            ("train_loss_epoch", "train", "loss"),
            ("val_acc", "val", "accuracy"),
            ("valAcc", "val", "accuracy"),
            ("eval_accuracy", "val", "accuracy"),
            ("eval_top1", "val", "accuracy"),
            ("test/acc@1", "test", "accuracy"),
            ("Test Accuracy (%)", "test", "accuracy"),
            ("lr-SGD", "", "rate"),
            ("learning_rate", "", "rate"),
            ("train/lr", "train", "rate"),
            ("epoch_time", "", "time"),
            ("train_runtime", "train", "time"),
            ("Seconds", "", "time"),
        ],
    )
    def test_that_are_known(self, name, part, measure):
        told = meaning(name)
        assert told is not None and (told.part, told.measure) == (part, measure)

    @pytest.mark.parametrize(
        "name",
        [
            "eval_top5",
            "acc@5",
            "f1",
            "balanced_accuracy",
            "grad_norm",
            "loss_kl",
            "train_val_loss",
            "accuracy_loss",
            "closs",
            "",
        ],
    )
    def test_that_say_something_else(self, name):
        assert meaning(name) is None

    def test_of_the_position(self):
        assert all(map(is_epoch, ["epoch", "Epoch", "EPOCHS"])) and not is_epoch("epoch_time")
        assert all(map(is_step, ["step", "global_step", "trainer/global_step", "Iteration"])) and not is_step(
            "train_loss_step"
        )

    @given(st.text(max_size=40))
    def test_any_text_is_read(self, name):
        meaning(name)


class TestTables:
    def test_a_plain_one(self, curves):
        found = curves("epoch,train_loss,test_accuracy,train_acc,seconds,lr\n1,2,0.5,0.6,10,0.1\n2,1,0.7,0.9,21,0.01\n")
        assert found.epochs == (1, 2)
        assert found.row(1) == {
            "train_loss": 1,
            "test_accuracy": 0.7,
            "train_accuracy": 0.9,
            "seconds": 21,
            "learning_rate": 0.01,
        }
        assert "'test_accuracy' is read as test accuracy" in found.notes[-1]

    def test_lightning(self, curves):
        found = curves(LIGHTNING)
        assert found.shifted and found.epochs == (1, 2)
        np.testing.assert_array_equal(found.columns["train_loss"], [2.1, 1.8])
        np.testing.assert_array_equal(found.columns["test_accuracy"], [0.4, 0.5])
        np.testing.assert_array_equal(
            found.columns["learning_rate"], [0.1, 0.05]
        )  # rows without an epoch go with the next that has one
        np.testing.assert_array_equal(found.others["val_loss"], [1.9, 1.7])
        assert "1 is added" in found.notes[0]

    def test_keras_calls_the_accuracy_of_training_accuracy(self, curves):
        found = curves("epoch,accuracy,loss,val_accuracy,val_loss\n0,0.3,2,0.35,1.9\n1,0.4,1.8,0.38,1.8\n")
        assert found.row(0) == {"train_loss": 2, "test_accuracy": 0.35, "train_accuracy": 0.3, "val_loss": 1.9}

    def test_percent_becomes_a_fraction(self, curves):
        found = curves("epoch,val_acc\n1,50\n2,60.5\n3,0.5\n")
        np.testing.assert_allclose(found.columns["test_accuracy"], [0.5, 0.605, 0.005], rtol=1e-12)
        assert "in percent" in found.notes[-1]
        assert curves("epoch,val_acc\n1,0.5\n2,1\n").columns["test_accuracy"].tolist() == [0.5, 1]
        assert curves("epoch,acc\n1,50 %\n2,60%\n").columns["test_accuracy"].tolist() == [0.5, 0.6]

    @pytest.mark.parametrize("values", ["-0.1 0.5", "50 101", "1e300 1"])
    def test_what_is_no_accuracy_is_left_aside_and_said(self, curves, values):
        first, second = values.split()
        found = curves(f"epoch,val_acc\n1,{first}\n2,{second}\n")
        assert not found.columns and "are no accuracies" in found.notes[0]
        assert found.others["val_acc"].tolist() == [float(first), float(second)]

    def test_a_test_at_the_end_is_no_curve(self, curves):
        found = curves("epoch,val_acc,test_acc\n1,0.5,\n2,0.6,\n3,0.7,0.65\n")
        assert found.columns["test_accuracy"].tolist() == [0.5, 0.6, 0.7]
        assert curves("epoch,val_acc,test_acc\n1,0.5,0.4\n2,0.6,0.5\n").columns["test_accuracy"].tolist() == [0.4, 0.5]

    def test_epochs_stay_where_they_do_not_begin_at_0(self, curves):
        assert curves("epoch,loss\n3,2\n7,1\n").epochs == (3, 7)
        untrained = curves("epoch,loss,val_acc\n0,,0.1\n1,2,0.5\n")  # a test before training
        assert untrained.epochs == (0, 1) and not untrained.shifted

    def test_an_epoch_that_stands_there_twice(self, curves):
        found = curves("epoch,train_loss,val_acc\n1,2,0.5\n2,1,0.6\n2,0.9,0.7\n")
        assert found.row(1) == {"train_loss": 0.9, "test_accuracy": 0.7}
        assert "the last value of an epoch counts" in found.notes[0]

    def test_steps_without_epochs(self, curves):
        found = curves(
            "step,train_loss,val_acc\n" + "".join(f"{s},{s},{'' if s % 4 else s / 100}\n" for s in range(1, 13))
        )
        assert found.epochs == (1, 2, 3)
        assert found.columns["test_accuracy"].tolist() == [0.04, 0.08, 0.12]
        assert found.columns["train_loss"].tolist() == [2.5, 6.5, 10.5]  # the mean of four steps
        assert curves("step,loss\n1,3\n2,2\n3,1\n").epochs == (1, 2, 3)
        assert curves("step,loss\n1000,3\n2000,2\n").epochs == (1, 2)

    def test_rows_without_numbers_of_either(self, curves):
        found = curves("train_loss,val_acc\n2,0.5\n1,0.6\n")
        assert found.epochs == (1, 2) and "numbered from 1" in found.notes[0]

    def test_seconds_of_each_epoch_are_summed_up(self, curves):
        assert curves("epoch,epoch_time\n1,5\n2,6\n3,7\n").columns["seconds"].tolist() == [5, 11, 18]
        assert curves("epoch,time\n1,5\n2,6\n3,7\n").columns["seconds"].tolist() == [5, 6, 7]
        assert curves("epoch,seconds\n1,5\n2,4.5\n3,5.5\n").columns["seconds"].tolist() == [5, 9.5, 15]

    def test_no_finite_number_is_left_out_and_counted(self, curves):
        found = curves("epoch,loss,val_acc\n1,nan,0.5\n2,inf,0.6\n3,1e999,0.7\n4,1,0.8\n")
        assert "3 values that are no finite numbers" in found.notes[0]
        assert np.isnan(found.columns["train_loss"][:3]).all() and found.row(0) == {"test_accuracy": 0.5}

    @pytest.mark.parametrize("epoch", ["-1", "10001", "1e300", "nan", "inf"])
    def test_an_epoch_that_is_none_is_left_out(self, curves, epoch):
        found = curves(f"epoch,loss\n1,2\n{epoch},1\n")
        assert found.epochs == (1,) and any("1 rows have no whole number" in note for note in found.notes)

    def test_decimal_commas_and_other_encodings(self, curves, tmp_path):
        assert curves("epoch;val_acc\n1;0,5\n2;0,75\n").columns["test_accuracy"].tolist() == [0.5, 0.75]
        (tmp_path / "u.csv").write_bytes("epoch,val_acc\n1,0.5\n".encode("utf-16"))
        assert read_curves(tmp_path / "u.csv").columns["test_accuracy"].tolist() == [0.5]

    def test_further_columns_keep_their_names_as_text(self, curves):
        found = curves('epoch,loss,"=cmd()",\u202ebell,epoch_time,note\n1,2,3,4,5,word\n2,1,3,4,5,word\n')
        assert set(found.others) == {"=cmd()", "bell"} and found.columns.keys() == {"train_loss", "seconds"}
        many = curves("epoch," + ",".join(f"m{i}" for i in range(300)) + "\n1" + ",1" * 300 + "\n")
        assert len(many.others) == MAX_OTHERS and sum("first" in note for note in many.notes) == 2

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("1,2\n3,4\n", "no line of heads"),
            ("epoch,loss\n", "no line of heads"),
            ("epoch,loss\n1,word\n", "no numbers by epoch"),
            ("epoch,loss\nnan,1\n", "no numbers by epoch"),
            ("\0\0", "no text"),
        ],
    )
    def test_what_holds_no_curves_is_refused(self, curves, text, said):
        with pytest.raises(ImportFileError, match=said) as caught:
            curves(text)
        assert caught.value.hint


class TestTrainerState:
    def test_of_transformers(self, curves):
        found = curves(json.dumps(STATE), "trainer_state.json")
        assert found.epochs == (1, 2) and not found.shifted
        assert found.columns["train_loss"].tolist() == [1.5, 0.5]  # the mean of what is logged within an epoch
        assert found.columns["test_accuracy"].tolist() == [0.6, 0.7]
        assert found.columns["learning_rate"].tolist() == [5e-4, 0]
        assert math.isnan(found.columns["seconds"][0]) and found.columns["seconds"][1] == 33

    @pytest.mark.parametrize(
        "content", ["{}", "[]", "3", '{"log_history": 3}', '{"log_history": [3]}', "{", '{"log_history": []}']
    )
    def test_that_is_none(self, curves, content):
        with pytest.raises(ImportFileError):
            curves(content, "a.json")

    def test_numbers_beyond_any_range(self, curves):
        found = curves(
            '{"log_history": [{"epoch": 1, "loss": 1e999, "eval_accuracy": 0.5}, {"epoch": 2, "loss": '
            + "9" * 400
            + ', "eval_loss": NaN}]}',
            "a.json",
        )
        assert found.row(0) == {"test_accuracy": 0.5}


CELLS = st.one_of(st.integers(-3, 12).map(str), st.floats(width=32).map(str), st.text(max_size=4), st.just(""))


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.sampled_from(["epoch", "step", "loss", "train_loss", "val_acc", "lr", "time", "x", ""]),
        min_size=1,
        max_size=5,
    ),
    st.lists(st.lists(CELLS, min_size=1, max_size=5), max_size=8),
)
def test_any_table_gives_finite_numbers_by_ascending_epochs_or_a_sentence(tmp_path_factory, heads, rows):
    file = tmp_path_factory.getbasetemp() / "any.csv"
    file.write_text("\n".join(",".join(cells) for cells in [heads, *rows]), encoding="utf-8", errors="replace")
    try:
        found = read_curves(file)
    except LwalError:
        return
    assert list(found.epochs) == sorted(set(found.epochs)) and found.epochs[0] >= 0
    for values in (*found.columns.values(), *found.others.values()):
        assert values.shape == (len(found.epochs),) and not np.isinf(values).any()
    for name in ("test_accuracy", "train_accuracy"):
        known = found.columns.get(name, np.array([]))
        assert ((known >= 0) & (known <= 1) | np.isnan(known)).all()


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200), st.sampled_from(["a.csv", "a.json", "a.txt"]))
def test_any_bytes_are_read_or_refused(tmp_path_factory, content, name):
    file = tmp_path_factory.getbasetemp() / name
    file.write_bytes(content)
    with suppress(LwalError):
        assert read_curves(file).epochs
