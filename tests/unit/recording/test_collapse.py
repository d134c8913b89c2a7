"""Neural collapse of a loop of one's own is in the columns that the app's trainings have, and wrong arguments are named."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import lwal_core as lwal
from lwal_core.analysis.collapse import neural_collapse
from lwal_core.recording.arrays import RecordError
from lwal_core.runs import open_run
from tests.support.own_loop import NAMES

Y = np.arange(60) % 6
Z = np.random.default_rng(0).normal(size=(60, 4)) + 3 * np.eye(6, 4)[Y]
HEAD = np.random.default_rng(1).normal(size=(6, 4))


def start() -> lwal.Recorder:
    return lwal.start_run("birds", classes=NAMES, method="my-loss", data="birds-v2", strict=True)


def test_measures_are_columns_of_the_run_beside_other_numbers() -> None:
    with start() as run:
        run.log(1, train_loss=0.5)
        run.log_collapse(1, Z, Y, HEAD, np.ones(6))
        run.log_collapse(1, Z[:, :2].tolist(), Y.tolist(), layer="outputs")
        run.log_collapse(2, Z[:6], Y[:6])  # one sample of each class: NC1 is not defined
    metrics = open_run(run.id).metrics()
    expected = neural_collapse(Z.astype(np.float32), Y, HEAD.astype(np.float32), np.ones(6))
    for name, column in metrics.collapse("features").items():
        assert column[0] == pytest.approx(getattr(expected, name)), name
    assert metrics.loss[0] == 0.5 and np.isnan(metrics.features_nc1[1]) and metrics.features_nc2[1] > 0
    assert metrics.collapse("outputs").keys() == {"nc1", "cdnv", "nc2", "cosine_spread"} and metrics.extra == {}


@pytest.mark.parametrize(
    ("argument", "given"),
    [
        ("features", {"features": Z[:, 0]}),
        ("features", {"features": np.full_like(Z, np.nan)}),
        ("targets", {"targets": Y[:-1]}),
        ("targets", {"targets": Y + 1}),
        ("head", {"head": HEAD[:, :3]}),
        ("head", {"head": HEAD[:5]}),
        ("bias", {"bias": np.zeros(6)}),
        ("bias", {"head": HEAD, "bias": np.zeros(5)}),
        ("layer", {"layer": "neck\n\x1b[31m"}),
    ],
)
def test_what_does_not_fit_is_named(argument: str, given: dict[str, Any]) -> None:
    with start() as run:
        with pytest.raises(RecordError) as caught:
            run.log_collapse(1, **{"features": Z, "targets": Y, **given})
        assert caught.value.argument == argument and "\n" not in str(caught.value)
