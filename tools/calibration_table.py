"""What a temperature does to the calibration of runs: docs/science/calibration.csv, and its tables in docs/results.md.

How to run it::

    python tools/calibration_table.py sweep:hybrid-few sweep:hybrid    # finished runs of $LWAL_HOME with these tags -> calibration.csv
    python tools/results_tables.py                                     # calibration.csv -> tables

Bundles keep no scores of test samples, so what they say has a row a run of its own in the file: the calibration error as it was
recorded, with the logarithms of the probabilities divided by 2, and divided by a temperature that was fitted. That is the one of
least cross-entropy (C. Guo et al. 2017, arXiv:1706.04599) on half of the test samples of each class, judged on the other half, both
ways round. No temperature changes a prediction. In the runs of these sweeps hybrid recorded the plain product of its two
probabilities; divided by 2 that is the geometric mean, by which it is read now.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from lwal_core.analysis.base.formatting import format_mean_sd
from lwal_core.analysis.comparison.calibration import calibration_error as error_of
from lwal_core.results.test_scores import scores_of_tests
from lwal_core.runs import Run, group_runs, list_runs, one_per_seed

FILE = Path(__file__).resolve().parents[1] / "docs" / "science" / "calibration.csv"
COLUMNS = ("sweep", "run", "data", "method", "seed", "as_recorded", "divided_by_2", "fitted", "temperature")
HEAD = ("label method", "as recorded", "divided by 2", "fitted on other samples", "temperature that was fitted")
_SMALLEST = 1e-30


def calibration_error(logits: NDArray[np.float64], y: NDArray[np.intp], temperature: float = 1.0) -> float:
    """Expected calibration error of the softmax of ``logits [N,C] / temperature`` for classes ``[N]``: a fraction."""
    return error_of(np.exp(log_softmax(logits / temperature, axis=1)), y)


def fitted_temperature(logits: NDArray[np.float64], y: NDArray[np.intp]) -> float:
    """The temperature from 0.02 to 50 of least mean cross-entropy of ``logits [N,C]`` with classes ``[N]``."""

    def loss(exponent: float) -> float:
        return float(-log_softmax(logits / np.exp(exponent), axis=1)[np.arange(len(y)), y].mean())

    return float(np.exp(minimize_scalar(loss, bounds=(np.log(0.02), np.log(50)), method="bounded").x))


def fitted_error(logits: NDArray[np.float64], y: NDArray[np.intp], seed: int = 0) -> float:
    """Calibration error of ``logits [N,C]`` where each half of the samples of every class is read with the other half's temperature."""
    first = np.zeros(len(y), bool)
    chance = np.random.default_rng(seed)
    for label in np.unique(y):
        places = chance.permutation(np.flatnonzero(y == label))
        first[places[: len(places) // 2]] = True
    errors = 0.0
    for fitted, judged in ((first, ~first), (~first, first)):
        temperature = fitted_temperature(logits[fitted], y[fitted])
        errors += judged.sum() * calibration_error(logits[judged], y[judged], temperature)
    return errors / len(y)


def row(run: Run, sweep: str) -> dict[str, str]:
    """A run's row of the file.

    Raises:
        RunError: It keeps no scores of its test samples.
    """
    tested = scores_of_tests(run)
    logits, y = np.log(tested.probabilities + _SMALLEST), tested.y
    numbers = (
        calibration_error(logits, y), calibration_error(logits, y, 2.0), fitted_error(logits, y), fitted_temperature(logits, y),
    )  # fmt: skip
    values = (sweep, run.id, run.config.data.title, run.config.method_label(), run.config.training.seed)
    return dict(zip(COLUMNS, [*map(str, values), *(f"{number:.5f}" for number in numbers)], strict=True))


def read_rows(path: Path = FILE) -> list[dict[str, str]]:
    """Every row of the file."""
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def calibration_table(rows: Iterable[dict[str, str]]) -> str:
    """A row for each label method, over seeds, in the order in which the rows name them: a Markdown table."""
    groups: dict[str, list[dict[str, str]]] = {}
    for each in rows:
        groups.setdefault(each["method"], []).append(each)
    lines = [HEAD, ("---",) * len(HEAD)]
    for method, members in groups.items():
        cells = [
            format_mean_sd(np.array([float(each[name]) for each in members]), "%" if name != "temperature" else "")
            for name in COLUMNS[5:]
        ]
        lines.append((method, *cells))
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tag", nargs="+", help="tag of runs; rows of other tags stay as they are")
    tags = parser.parse_args(arguments).tag
    sweeps = [tag.removeprefix("sweep:") for tag in tags]
    rows = [each for each in (read_rows() if FILE.exists() else []) if each["sweep"] not in sweeps]
    for tag, sweep in zip(tags, sweeps, strict=True):
        groups = group_runs(run for run in list_runs() if tag in run.tags and run.status == "done")
        for group in sorted(groups, key=lambda group: (not group.first.is_baseline, group.first.method_label)):
            rows += [row(run.opened(), sweep) for run in one_per_seed(group.runs)]
    with open(FILE, "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    print(f"{len(rows)} runs in {FILE}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
