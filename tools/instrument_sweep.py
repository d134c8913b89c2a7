"""The sweep behind the table of methods in docs/results.md: its images, and a learning rate for each method.

How to run it::

    python tools/instrument_sweep.py --images FOLDER    # links the first images of train/ and test/ beside the sweeps
    lwal sweep docs/sweeps/instruments-rates.yaml       # three rates for each method and data set, one seed
    python tools/instrument_sweep.py                    # best rate on the validation part -> docs/sweeps/instruments.yaml
    lwal sweep docs/sweeps/instruments.yaml             # five other seeds; started again, it goes on where it stopped
    lwal compare sweep:instruments
    python tools/results_tables.py --pack sweep:instruments --last    # bundles of these runs -> examples/results

The document then has the tables between ``<!-- layers: sweep:instruments DATA -->`` and ``<!-- end -->``, with DATA one of
cifar10-instruments, cifar10-instruments-cnn and shapes; ``python tools/results_tables.py`` fills them in.
Of several rates with one accuracy the smallest is taken. Methods whose rates were not trained get 0.001, and the file says so.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import yaml

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from lwal_core.config import RunConfig
from lwal_core.experiments.presets import merge_options
from lwal_core.experiments.sweeps import absolute_paths
from lwal_core.runs import Run, list_runs

SWEEPS = Path(__file__).resolve().parents[1] / "docs" / "sweeps"
RATES = SWEEPS / "instruments-rates.yaml"
SWEEP = SWEEPS / "instruments.yaml"
IMAGES = {
    "cifar10-instruments": {"train": 500, "test": 200},
    "cifar10-instruments-cnn": {"train": 200, "test": 200},
    "cifar10-images": {"train": 400, "test": 200},  # of the sweeps hybrid and hybrid-few
}
"""Folders of images beside the sweeps, with the images a class of each part. Each has a name of its own, because runs of one folder
are compared in one table."""
SEEDS = (12, 123, 1234, 12345, 123456)
USUAL_RATE = 0.001

Values = dict[str, dict[str, Any]]


def link_images(source: Path, target: Path, per_class: Mapping[str, int]) -> int:
    """Hard links (copies where there can be none) to the first images of each class; gives their number."""
    count = 0
    for part, most in per_class.items():
        for folder in sorted(path for path in (source / part).iterdir() if path.is_dir()):
            (target / part / folder.name).mkdir(parents=True, exist_ok=True)
            for image in sorted(folder.iterdir())[:most]:
                place = target / part / folder.name / image.name
                if not place.exists():
                    try:
                        os.link(image, place)
                    except OSError:
                        place.write_bytes(image.read_bytes())
                count += 1
    return count


def settings(document: dict[str, Any]) -> list[tuple[Values, dict[str, Any]]]:
    """Every data set of the sweep of rates with every method."""
    methods = [{"name": m} if isinstance(m, str) else m for m in document["grid"]["method"]]
    return list(product(document["grid"]["together"], methods))


def validation_accuracy(run: Run) -> float:
    """At the epoch whose model is kept, by the rule that the method is used with."""
    metrics = run.metrics()
    accuracy = metrics.accuracy(run.predictor(), "validation")
    return float(accuracy[metrics.epoch == run.record.best_epoch][0])


def best_rates(document: dict[str, Any], runs: Sequence[Run], folder: Path) -> list[float | None]:
    """For each of :func:`settings` the rate of the highest validation accuracy; None where a rate is missing."""
    base: Values = document["base"]
    found = {(run.config.group_key(), run.config.training.seed): run for run in runs}
    chosen: list[float | None] = []
    for data, method in settings(document):
        scored = []
        for rate in document["grid"]["training.learning_rate"]:
            over = {**data, "method": method, "training": {"learning_rate": rate}}
            config = RunConfig.parse(absolute_paths(merge_options(base, over), folder))
            run = found.get((config.group_key(), config.training.seed))
            if run is not None:
                scored.append((-validation_accuracy(run), rate))
        whole = len(scored) == len(document["grid"]["training.learning_rate"])
        chosen.append(min(scored)[1] if whole else None)
    return chosen


def sweep_text(document: dict[str, Any], rates: Sequence[float | None]) -> str:
    """The sweep as a file."""
    base = {"training": {k: v for k, v in document["base"]["training"].items() if k != "seed"}}
    missing = sum(rate is None for rate in rates)
    lines = [
        "# Methods told, methods that find, and controls, on three data sets: made by tools/instrument_sweep.py, which says how to run it.",
        "# Rates: best of three on a validation part (instruments-rates.yaml, a seed that is not here)"
        + (f"; {missing} of {len(rates)} have {USUAL_RATE:g}, as no rate was tried for them." if missing else "."),
        "# CIFAR-10 by a dense layer on frozen features, 500 training images a class; by a small CNN from scratch, 200; shapes, 100;",
        "# each less a tenth for validation. The images stand beside this file, in the folders that are named.",
        "name: instruments",
        f"base: {_flow(base)}",
        "grid:",
        "  together:",
    ]
    for (data, method), rate in zip(settings(document), rates, strict=True):
        lines.append(f"    - {_flow({'method': method, 'training': {'learning_rate': rate or USUAL_RATE}, **data})}")
    return "\n".join([*lines, f"  training.seed: {_flow(list(SEEDS))}", ""])


def _flow(value: Any) -> str:
    return yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=10_000).strip()


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=Path, help="folder with train/ and test/ of CIFAR-10")
    given = parser.parse_args(arguments)
    if given.images is not None:
        for name, per_class in IMAGES.items():
            print(f"{link_images(given.images, SWEEPS / name, per_class):,} images in {SWEEPS / name}")
        return 0
    document = yaml.safe_load(RATES.read_text(encoding="utf-8"))
    runs = [
        run.opened() for run in list_runs() if run.status == "done" and run.seed == document["base"]["training"]["seed"]
    ]
    rates = best_rates(document, runs, SWEEPS)
    for (data, method), rate in zip(settings(document), rates, strict=True):
        print(f"{rate or 'not tried'}\t{_flow(method)}\t{data['data']['name']}")
    SWEEP.write_text(sweep_text(document, rates), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
