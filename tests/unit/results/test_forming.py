"""Levels and collapse of whole runs, from what their folders keep."""

from __future__ import annotations

import numpy as np
import pytest

from lwal_core.analysis.collapse import neural_collapse
from lwal_core.errors import RunError
from lwal_core.results.forming import collapse_curves, level_curves, run_levels
from lwal_core.runs import RunWriter, list_runs
from lwal_core.taxonomy import load_taxonomy
from tests.support.runs import write_run

NAMES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]


def test_levels_of_a_run_are_those_of_loops_over_its_samples() -> None:
    run = write_run(class_names=NAMES, layers=True, accuracy=0.6)
    found = run_levels(run)
    taxonomy = load_taxonomy("cifar10")
    depth = [taxonomy.ancestors(name)[::-1] for name in NAMES]
    assert found.groups[0] == 2 and found.groups[-1] == 10 and found.titles[-1] == "10 classes"
    animals = {"bird", "cat", "deer", "dog", "frog", "horse"}
    assert {tuple(way[:2]) for way, name in zip(depth, NAMES, strict=True) if name in animals} != {
        tuple(way[:2]) for way, name in zip(depth, NAMES, strict=True) if name not in animals
    }
    coarse = np.array([name in animals for name in NAMES])
    for column, epoch in enumerate(run.tested_epochs()):
        each = run.evaluation(epoch=epoch)
        assert found.accuracy[0, column] == np.mean(coarse[each.y] == coarse[each.pred])
        assert found.accuracy[-1, column] == np.mean(each.y == each.pred)
        assert found.nc1[-1, column] == pytest.approx(neural_collapse(each.z, each.y).nc1, nan_ok=True)
        assert found.nc1[0, column] == pytest.approx(
            neural_collapse(each.z, coarse[each.y].astype(int)).nc1, nan_ok=True
        )
    assert np.isnan(run_levels(run, with_nc1=False).nc1).all()
    curves = level_curves(run, found)
    assert list(curves) == found.titles
    np.testing.assert_array_equal(curves["10 classes"].samples, run.metrics().samples)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"layers": True}, "No reference taxonomy fits"),
        ({"class_names": NAMES}, "No samples of each epoch are kept"),
    ],
)
def test_what_is_missing_is_said(options: dict[str, object], said: str) -> None:
    with pytest.raises(RunError, match=said):
        run_levels(write_run(**options))  # type: ignore[arg-type]


def test_samples_that_are_no_finite_number_have_no_nc1() -> None:
    run = write_run(class_names=NAMES, layers=True)
    each = run.evaluation(epoch=2)
    RunWriter(run.path).tested(2, np.full(each.z.shape, np.nan), each.y, each.pred, each.rows)
    found = run_levels(run)
    assert np.isnan(found.nc1[:, 2]).all() and np.isfinite(found.nc1[-1, 3]) and np.isfinite(found.accuracy).all()


def test_collapse_curves_leave_out_runs_without_it() -> None:
    write_run("onehot")
    run = write_run("lwal")
    RunWriter(run.path).metrics({"epoch": 3, "features_nc2": 0.5})
    (curve,) = collapse_curves(list_runs(), "features")
    assert curve.run_id == run.id and list(curve.extra) == ["nc2"] and curve.extra["nc2"][-1] == 0.5
    assert collapse_curves(list_runs(), "outputs") == []
