"""Names that other programs give to accuracies: which are read as what, and what is said where no curve shows any."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import pytest

import lwal_core as lwal
from lwal_core.runs import Run, open_run

TEST, VALIDATION = "test_accuracy_own", "validation_accuracy_own"


def recorded(*epochs: dict[str, Any], predictions: bool = False) -> tuple[Run, list[str]]:
    with warnings.catch_warnings(record=True):
        warnings.simplefilter("always")
        run = lwal.start_run("x", classes=["a", "b"], method="m", data="d")
        for epoch, numbers in enumerate(epochs, 1):
            run.log(epoch, **numbers)
            if predictions:
                run.log_predictions(epoch, [0, 1, 1, 1], predictions=[0, 1, 1, 0])
        run.finish()
    found = open_run(run.id)
    return found, found.record.warnings


def column(run: Run, name: str) -> list[float]:
    return [float(value) for value in getattr(run.metrics(), name)]


@pytest.mark.parametrize(
    ("given", "name"),
    [
        *((given, TEST) for given in ("test_accuracy", "test_acc", "eval_accuracy", "eval_acc")),
        *(
            (given, VALIDATION)
            for given in ("validation_accuracy", "val_accuracy", "val_acc", "valid_acc", "validation_acc")
        ),
        ("train_acc", "train_accuracy_own"),
    ],
)
def test_usual_names(home: object, given: str, name: str) -> None:
    run, _ = recorded({given: 0.5}, {given: 0.75})
    assert column(run, name) == [0.5, 0.75] and given not in run.metrics().extra


def test_accuracy_alone_is_nobodys_and_it_is_said_where_no_curve_has_one(home: object) -> None:
    run, said = recorded({"accuracy": 0.9, "val_acc": 0.5, "loss": 1.0})
    assert run.metrics().extra["accuracy"].tolist() == [0.9] and math.isnan(column(run, TEST)[0])
    (line,) = said
    assert "accuracy, validation_accuracy_own" in line and "Log it as test_accuracy" in line


@pytest.mark.parametrize("numbers", [{"loss": 1.0}, {"train_acc": 0.5}, {"accuracy": 0.5, "test_acc": 0.4}])
def test_nothing_is_said_where_there_is_nothing_to_say(home: object, numbers: dict[str, float]) -> None:
    assert recorded(numbers)[1] == []


def test_predictions_are_a_test_accuracy(home: object) -> None:
    run, said = recorded({"accuracy": 0.9}, predictions=True)
    assert said == [] and column(run, TEST) == [0.75]


def test_two_names_of_one_column_are_two_columns(home: object) -> None:
    run, _ = recorded({"eval_accuracy": 0.5, "test_accuracy": 0.6}, {"test_acc": 0.1, "test_accuracy": 0.7})
    assert column(run, TEST) == [0.6, 0.7]
    assert run.metrics().extra["eval_accuracy"][0] == 0.5 and run.metrics().extra["test_acc"][1] == 0.1
    run, _ = recorded({"test_acc": 0.5, "eval_acc": 0.4}, {"eval_acc": 0.3, "test_acc": 0.6})
    assert column(run, TEST) == [0.5, 0.6] and np.array_equal(run.metrics().extra["eval_acc"], [0.4, 0.3])
