"""What a curve keeps and what it refuses."""

from __future__ import annotations

import math

import numpy as np
import pytest

from lwal_core.analysis.comparison.curve import Curve
from lwal_core.errors import AnalysisError

nan = math.nan


class TestCurve:
    def test_keeps_its_own_read_only_floats(self) -> None:
        given_accuracy = np.array([0.1, 0.2])
        made = Curve("r", "g", "LwAL", 1, np.array([0, 1]), given_accuracy, np.array([0, 10]), np.array([0, 1]))
        given_accuracy[0] = 0.9
        assert made.accuracy[0] == 0.1
        assert made.epoch.dtype == np.float64
        assert np.isnan(made.push).all()
        with pytest.raises(ValueError, match="read-only"):
            made.accuracy[0] = 1

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"accuracy": [0.1]}, "accuracy has shape"),
            ({"accuracy": [10.0, 97.8]}, "ranges from 10 to 97.8"),
            ({"epoch": [1, 1]}, "epochs do not increase"),
            ({"epoch": [0, nan]}, "epochs do not increase"),
            ({"seconds": [2, 1]}, "seconds run backwards"),
            ({"push": [1, 2, 3]}, "push has shape"),
            ({"epoch": [], "accuracy": [], "samples": [], "seconds": []}, "epoch has shape"),
        ],
    )
    def test_refuses(self, change: dict[str, object], message: str) -> None:
        columns = {"epoch": [0, 1], "accuracy": [0.1, 0.2], "samples": [0, 1], "seconds": [0, 1], **change}
        with pytest.raises(AnalysisError, match=message):
            Curve("r", "g", "LwAL", 0, **columns)  # type: ignore[arg-type]
