"""From run folders to curves: class accuracies where they were recorded, label work where it was measured."""

from __future__ import annotations

import math

import numpy as np
import pytest

from lwal_core.errors import RunError
from lwal_core.results.run_curves import class_curves, curves_caption, run_curve
from lwal_core.runs import RunWriter, list_runs, open_run


def test_class_curves_are_read_back_by_class_seed_and_predictor(make_run):
    for seed in (1, 2):
        run = make_run(seed=seed, classes=3, epochs=2)
        for epoch in range(3):
            vectors = run.vectors(epoch)
            shares = np.array([0.1 * seed, 0.2 * epoch, math.nan])
            RunWriter(run.path).labels(epoch, vectors, vectors, {"mean": shares, "own": shares / 2})
    found = class_curves(list_runs())
    assert list(found) == ["class 0", "class 1", "class 2"]
    assert [curve.seed for curve in found["class 0"]] == [1, 2]
    np.testing.assert_allclose(found["class 1"][0].accuracy, [0, 0.2, 0.4], atol=1e-7)
    assert np.isnan(found["class 2"][0].accuracy).all()
    np.testing.assert_allclose(class_curves(list_runs(), "own")["class 1"][0].accuracy, [0, 0.1, 0.2], atol=1e-7)


def test_older_runs_recorded_none(make_run):
    run = make_run()
    assert class_curves(list_runs()) == {}
    assert run.labels(0).accuracy("mean") is None
    assert math.isnan(run_curve(list_runs()[0]).label_share)


def test_class_accuracies_that_do_not_fit_are_damage(make_run):
    run = make_run(classes=3)
    vectors = run.vectors(0)
    RunWriter(run.path).labels(0, vectors, vectors, {"mean": np.zeros(2)})
    with pytest.raises(RunError, match="do not fit 3 classes"):
        run.labels(0)


def test_label_share_by_hand(make_run):
    run = make_run()
    RunWriter(run.path).update(label_seconds=0.01)  # 5 batches of an epoch that takes half a second
    assert run_curve(list_runs()[0]).label_share == pytest.approx(0.1)
    assert math.isnan(run_curve(list_runs()[0]).output_share)
    RunWriter(run.path).update(output_seconds=0.02)
    assert run_curve(list_runs()[0]).output_share == pytest.approx(0.2)
    assert open_run(run.id).record.label_seconds == 0.01


def test_caption_names_methods_seeds_data_and_versions(make_run):
    make_run("onehot", seed=3)
    make_run("lwal", seed=4)
    groups = {run.method_label: [run] for run in list_runs()}
    caption = curves_caption(groups, "own")
    for said in ("One-hot: seed 3", "LwAL: seed 4", "own predictor", "digits", "fingerprint 000000000000", "lwal "):
        assert said in caption
