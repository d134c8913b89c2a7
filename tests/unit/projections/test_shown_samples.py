"""Which test samples a picture shows, of which epoch, and which of them have a picture of their own."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from lwal_core.analysis.base.subsample import subsample_per_class
from lwal_core.errors import RunError
from lwal_core.projections.shown_samples import chosen_samples, picture_rows, sample_epoch
from lwal_core.runs import Run, RunWriter

Make = Callable[..., Run]


def test_thumbnails_are_found_again_in_the_test_set(make_run: Make) -> None:
    from lwal_core.config import DataConfig
    from lwal_core.data import load_dataset
    from lwal_core.data.dataset import resized

    data = load_dataset(DataConfig(name="digits", per_class=20))
    found = data.thumbnails()
    assert found is not None
    thumbnails, labels = found
    y = data.y_test.numpy()
    run = make_run(images=False)
    writer = RunWriter(run.path)
    assert run.record.data is not None
    writer.update(data=run.record.data.model_copy(update={"test_size": len(y)}))
    writer.samples(thumbnails, labels)
    writer.evaluation(3, np.zeros((len(y), 8)), y, y, np.diag(np.bincount(y, minlength=10)))
    run = Run(run.path)
    rows = picture_rows(run)
    assert y[rows].tolist() == labels.tolist()
    own = resized(data.x_test[rows], thumbnails.shape[1:3]).expand(-1, 3, -1, -1).permute(0, 2, 3, 1).numpy()
    np.testing.assert_array_equal(own, thumbnails)
    shown = chosen_samples(run, most=len(rows) // 10 * 10 - 40)
    assert np.isin(shown.rows, rows).all()  # those with a picture come first


def test_pictures_whose_samples_are_not_known_belong_to_none(make_run: Make) -> None:
    assert picture_rows(make_run(images=False)).tolist() == []
    run = make_run()  # two pictures of each class of four samples: not what a training keeps
    assert picture_rows(run).tolist() == []


def test_samples_of_an_epoch_and_of_the_best_one(make_run: Make) -> None:
    run = make_run(layers=True)
    assert [sample_epoch(run, "outputs", epoch) for epoch in (0, 1, 3)] == [0, 1, None]
    assert sample_epoch(run, "features", 1) is None and sample_epoch(make_run(), "outputs", 1) is None
    first, best = chosen_samples(run, "outputs", 1), chosen_samples(run)
    assert first.epoch == 1 and best.epoch == 3 and first.rows.tolist() == best.rows.tolist() == list(range(40))
    assert first.total == best.total == 40
    np.testing.assert_array_equal(first.z, run.evaluation(epoch=1).z)
    with pytest.raises(RunError):
        chosen_samples(run, "outputs", 99)


def test_what_is_not_finite_is_left_out(make_run: Make) -> None:
    run = make_run()
    known = run.evaluation()
    z = known.z.astype(np.float32)
    z[[2, 5]] = np.nan
    RunWriter(run.path).evaluation(known.epoch, z, known.y, known.pred, known.confusion)
    found = chosen_samples(run)
    assert set(range(40)) - set(found.rows.tolist()) == {2, 5} and found.total == 40
    RunWriter(run.path).evaluation(known.epoch, np.zeros((40, 0)), known.y, known.pred, known.confusion)
    with pytest.raises(RunError, match="no embeddings"):
        chosen_samples(run)


def test_samples_that_go_first_take_the_place_of_others_of_their_class() -> None:
    y = np.repeat(np.arange(3), [50, 10, 5])
    first = np.zeros(65, dtype=bool)
    first[[40, 41, 55, 64]] = True
    found = subsample_per_class(y, 9, first=first)
    assert np.bincount(y[found]).tolist() == [3, 3, 3] and set(np.flatnonzero(first)) <= set(found.tolist())
    assert subsample_per_class(y, 9).tolist() == subsample_per_class(y, 9, first=np.zeros(65, dtype=bool)).tolist()
