"""A recorded run leaves as a bundle or a link and comes back whole, without paths and addresses."""

from __future__ import annotations

import numpy as np
import pytest

import lwal_core as lwal
from lwal_core.config import RunConfig
from lwal_core.runs import open_run
from lwal_core.runs.bundle import import_bundle, write_bundle
from lwal_core.shares.snapshot import share_run
from tests.support.own_loop import train_own

OPTIONS = {"data": {"path": "/home/ann/birds/v2"}, "mail": "ann@example.org", "rate": 0.5}


def test_a_bundle_comes_back_whole(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = train_own(config=OPTIONS, data="/srv/sets/birds", method="mine of ann@example.org")
    file = tmp_path / "run.zip"
    file.write_bytes(write_bundle(run))
    monkeypatch.setenv("LWAL_HOME", str(tmp_path / "other"))
    found, new = import_bundle(file)
    assert new and found.config.external and found.status == "done" and found.name == run.name
    options = found.config.method.model_dump()["options"]
    assert options == {"data.path": "v2", "mail": "***", "rate": 0.5}
    assert found.config.data.title == "birds" and found.config.method_label() == "mine of ***"
    assert found.record.vectors == ["centroids", "labels"]
    for ours, theirs in ((run.metrics(), found.metrics()),):
        np.testing.assert_array_equal(ours.test_accuracy_own, theirs.test_accuracy_own)
        np.testing.assert_array_equal(ours.extra["spread"], theirs.extra["spread"])
    assert found.evaluation().predicted_by == "its own predictions"
    assert lwal.open_run(found.id).tree() == lwal.open_run(run.id, run.path.parents[1]).tree()


def test_a_bundle_of_anybodys_is_bounded() -> None:
    values = train_own(epochs=1).config.to_dict()
    for wrong in ({"options": {str(i): i for i in range(201)}}, {"options": {"x": "y" * 501}}, {"called": "x" * 121}):
        with pytest.raises(Exception, match=r"method"):
            RunConfig.parse({**values, "method": {**values["method"], **wrong}})


def test_a_link_shows_it() -> None:
    run, other = train_own(config=OPTIONS), train_own(method="other")
    share, _ = share_run(run, beside=[other])
    report = (run.path.parents[1] / "shares" / share.id / "report.html").read_text(encoding="utf-8")
    assert "my-loss" in report and "other" in report and "/home/ann" not in report and "ann@example" not in report
    assert open_run(run.id).status == "done"
