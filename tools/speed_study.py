"""The tables and the figure of docs/science/speed.md, from the curves of its runs in docs/science/speed.csv.

How to run it::

    python tools/speed_study.py collect docs/sweeps    # runs of the home that the sweep files name -> speed.csv
    python tools/speed_study.py render                 # speed.csv -> tables in speed.md, speed.svg
    python tools/speed_study.py render --check         # write nothing; say whether the tables are the file's

The file has one row per run: what was varied, and its test accuracy from epoch 0 on by both predictors. A table stands in
the document between ``<!-- table: NAME -->`` and ``<!-- end -->``. Epochs, censoring and intervals are those of
:mod:`lwal_core.analysis.comparison.speed`; nothing is computed here that a comparison of runs would compute otherwise.
"""

from __future__ import annotations

import argparse
import csv
import math
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from lwal_core.analysis.base.formatting import format_accuracy, format_mean_sd, format_number, format_points
from lwal_core.analysis.comparison.speed import Curve, GroupScore, compare

ROOT = Path(__file__).resolve().parents[1]
CURVES = ROOT / "docs" / "science" / "speed.csv"
DOCUMENT = ROOT / "docs" / "science" / "speed.md"
FIGURE = ROOT / "docs" / "science" / "speed.svg"
SWEEPS = ("speed-digits", "speed-ablation", "speed-variants", "speed-features", "speed-shapes", "speed-cnn",
          "speed-cnn-ablation")  # fmt: skip
DATA = {
    "speed-digits": "digits",
    "speed-shapes": "shapes",
    "speed-cnn": "CIFAR-10 from scratch",
    "speed-features": "CIFAR-10 features",
}
"""What the runs of the sweeps over settings were trained on."""
COLUMNS = ("sweep", "run", "batch_size", "learning_rate", "method", "seed", "own", "mean")
READINGS = {"as-used": "as used", "own": "own predictor", "mean": "nearest class mean"}

ONEHOT, SMOOTHING, LWAL, LWAL10 = "One-hot", "Label smoothing", "LwAL", "LwAL10"
PUSH1 = "lwal-plus, push 1"
VARIANT = "lwal-plus"
HEADS = (ONEHOT, SMOOTHING)
"""Methods that are used by their head's largest output; all others here by the nearest class mean."""
_BLOCK = re.compile(r"(<!-- table: ([a-z0-9-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


@dataclass(frozen=True)
class Row:
    """One run: what was varied, and its accuracies by epoch as fractions, the untrained network first."""

    sweep: str
    run: str
    batch_size: int
    learning_rate: float
    method: str
    seed: int
    own: tuple[float, ...]
    mean: tuple[float, ...]

    def curve(self, reading: str, label: str | None = None) -> Curve:
        """As a comparison takes it. Samples and seconds are not kept: the machine had other work."""
        used = "own" if self.method in HEADS else "mean"
        accuracy = np.array(getattr(self, used if reading == "as-used" else reading))
        unknown = np.full(accuracy.shape, np.nan)
        return Curve(
            self.run, self.method, label or self.method, self.seed, np.arange(len(accuracy)), accuracy, unknown, unknown
        )


def read_rows(path: Path = CURVES) -> list[Row]:
    """Every run of the file."""
    with open(path, encoding="utf-8", newline="") as file:
        return [
            Row(
                row["sweep"], row["run"], int(row["batch_size"]), float(row["learning_rate"]), row["method"],
                int(row["seed"]), _fractions(row["own"]), _fractions(row["mean"]),
            )
            for row in csv.DictReader(file)
        ]  # fmt: skip


def write_rows(rows: Iterable[Row], path: Path = CURVES) -> None:
    """Accuracies with five decimals, finer than one image of any test set here."""
    with open(path, "w", encoding="utf-8", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(COLUMNS)
        for row in rows:
            values = [getattr(row, column) for column in COLUMNS[:6]]
            values[3] = f"{row.learning_rate:g}"
            out.writerow([*values, *(" ".join(f"{v:.5f}" for v in curve) for curve in (row.own, row.mean))])


def collect(folder: Path) -> list[Row]:
    """Runs of the home that the sweep files name, each by its file's combination and the newest of its seed."""
    from lwal_core.experiments.sweeps import read_sweep
    from lwal_core.runs import list_runs, open_run

    rows, runs = [], list_runs()
    for name in SWEEPS:
        sweep = read_sweep(folder / f"{name}.yaml")
        for member, found in zip(sweep.members, sweep.found_in(runs), strict=True):
            if found is None or found.status != "done":
                print(f"not trained: {name}: {member.title}", file=sys.stderr)
                continue
            metrics = open_run(found.id).metrics()
            training = member.config.training
            own, mean = (tuple(float(v) for v in metrics.accuracy(p)) for p in ("own", "mean"))
            rows.append(
                Row(name, found.id, training.batch_size, training.learning_rate, found.method_label, training.seed,
                    own, mean)
            )  # fmt: skip
    return rows


# --- what the tables say ---------------------------------------------------------------------------------------------


class Study:
    """The runs, by what was varied."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self.rows = rows
        self._scores: dict[tuple[object, ...], dict[str, GroupScore]] = {}  # several tables take the same ones

    def cells(self, sweep: str) -> list[tuple[int, float]]:
        """Batch size and learning rate of every cell of a sweep."""
        return sorted({(row.batch_size, row.learning_rate) for row in self.rows if row.sweep == sweep})

    def scores(
        self, cell: tuple[int, float], reading: str, sweeps: Sequence[str], base_reading: str | None = None
    ) -> dict[str, GroupScore]:
        """Every method of a cell against one-hot with the same batch, learning rate and seed.

        Args:
            cell: Batch size and learning rate.
            reading: Whose accuracy.
            sweeps: Where the runs are.
            base_reading: Of the one-hot baseline, where it is not the same.
        """
        asked = (cell, reading, tuple(sweeps), base_reading)
        if asked not in self._scores:
            self._scores[asked] = self._compared(*asked)
        return self._scores[asked]

    def _compared(
        self, cell: tuple[int, float], reading: str, sweeps: Sequence[str], base_reading: str | None
    ) -> dict[str, GroupScore]:
        groups: dict[str, list[Curve]] = {}
        for row in self.rows:
            if row.sweep in sweeps and (row.batch_size, row.learning_rate) == cell:
                groups.setdefault(row.method, []).append(row.curve(reading))
        baseline = ONEHOT
        if base_reading not in (None, reading):
            baseline = "baseline"
            groups[baseline] = [
                row.curve(str(base_reading), baseline)
                for row in self.rows
                if row.sweep in sweeps and (row.batch_size, row.learning_rate) == cell and row.method == ONEHOT
            ]
        return compare(groups, baseline).groups

    def tuned(self, sweep: str, batch: int, reading: str) -> dict[str, tuple[float, GroupScore]]:
        """Each method at the learning rate with its best mean accuracy over the epochs, against one-hot at its own."""
        chosen: dict[str, tuple[float, list[Curve]]] = {}
        for method in dict.fromkeys(row.method for row in self.rows if row.sweep == sweep):
            by_rate = {
                rate: [
                    row.curve(reading)
                    for row in self.rows
                    if (row.sweep, row.batch_size, row.learning_rate, row.method) == (sweep, batch, rate, method)
                ]
                for size, rate in self.cells(sweep)
                if size == batch
            }
            best = max(by_rate, key=lambda rate: np.mean([curve.accuracy[1:].mean() for curve in by_rate[rate]]))
            chosen[method] = (best, by_rate[best])
        scores = compare({method: curves for method, (_, curves) in chosen.items()}, ONEHOT).groups
        return {method: (rate, scores[method]) for method, (rate, _) in chosen.items()}


def when(score: GroupScore) -> str:
    """``"3"`` or ``"3 (4 of 5)"``: the median epoch at the target, and how many seeds got there if not all did."""
    if not score.reached:
        return "never"
    median = "later" if math.isinf(score.median_epochs) else format_number(score.median_epochs)
    return median if score.reached == score.n else f"{median} ({score.reached} of {score.n})"


def gained(score: GroupScore) -> str:
    """Paired difference of the best accuracy in points, with its interval."""
    difference = score.best_difference
    if not difference.defined:
        return "baseline" if not difference.n else difference.undefined_text
    low, high = difference.interval.low, difference.interval.high
    text = f"{_plain(difference.mean, signed=True)} ({_plain(low)} to {_plain(high)})"
    return f"**{text}**" if difference.clear else text


def epochs_table(study: Study, sweep: str, methods: Sequence[str]) -> str:
    """Median epochs to the best of one-hot under the same settings, by each reading."""
    lines = _header(["samples per class in a batch", "learning rate", "reading", *methods])
    for reading in READINGS:
        for cell in study.cells(sweep):
            scores = study.scores(cell, reading, (sweep,))
            lines.append(_line([_per_class(sweep, cell[0]), f"{cell[1]:g}", READINGS[reading],
                                *(when(scores[m]) if m in scores else "" for m in methods)]))  # fmt: skip
    return "\n".join(lines)


def best_table(study: Study, sweep: str, methods: Sequence[str]) -> str:
    """Best accuracy of one-hot, and paired differences to it."""
    lines = _header(["samples per class in a batch", "learning rate", "reading", "One-hot, best",
                     *(m for m in methods if m != ONEHOT)])  # fmt: skip
    for reading in READINGS:
        for cell in study.cells(sweep):
            scores = study.scores(cell, reading, (sweep,))
            base = format_mean_sd(scores[ONEHOT].values("best"), "%", show_n=False)
            lines.append(_line([_per_class(sweep, cell[0]), f"{cell[1]:g}", READINGS[reading], base,
                                *(gained(scores[m]) if m in scores else "" for m in methods if m != ONEHOT)]))  # fmt: skip
    return "\n".join(lines)


def tuned_table(study: Study, sweep: str, methods: Sequence[str]) -> str:
    """Every method at the learning rate that suits it best."""
    lines = _header(["samples per class in a batch", "reading", *methods])
    for reading in READINGS:
        for batch in sorted({size for size, _ in study.cells(sweep)}):
            tuned = study.tuned(sweep, batch, reading)
            cells = [f"{when(score)} at {rate:g}" for rate, score in (tuned[m] for m in methods)]
            lines.append(_line([_per_class(sweep, batch), READINGS[reading], *cells]))
    return "\n".join(lines)


def fewest_table(study: Study, sweep: str, methods: Sequence[str], targets: Sequence[float]) -> str:
    """Each method in the setting where it gets to a fixed accuracy soonest, all seeds counted."""
    lines = _header(["test accuracy", "reading", *methods])
    for reading in READINGS:
        for target in targets:
            cells = []
            for method in methods:
                found = []
                for batch, rate in study.cells(sweep):
                    curves = [
                        row.curve(reading)
                        for row in study.rows
                        if (row.sweep, row.batch_size, row.learning_rate, row.method) == (sweep, batch, rate, method)
                    ]
                    score = compare({method: curves}, "", target).groups[method]
                    mean = float(np.mean(score.to_target())) if score.reached == score.n else math.inf
                    found.append((mean, batch, rate))
                mean, batch, rate = min(found)
                never = math.isinf(mean)
                cells.append(
                    "not in every seed" if never else f"{format_number(mean)} ({_per_class(sweep, batch)}, {rate:g})"
                )
            lines.append(_line([format_accuracy(target), READINGS[reading], *cells]))
    return "\n".join(lines)


def readout_table(study: Study, sweep: str) -> str:
    """Labels and read-out apart: all against the best of one-hot's own head."""
    lines = _header(["samples per class in a batch", "learning rate", "one-hot, own head", "one-hot, class mean",
                     "lwal-plus, own labels", "lwal-plus, class mean", "untrained, K = C",
                     "untrained, K = 10 C"])  # fmt: skip
    for cell in study.cells(sweep):
        own = study.scores(cell, "own", (sweep,))
        mean = study.scores(cell, "mean", (sweep,), base_reading="own")
        floors = [_floor(study, sweep, cell, method) for method in (ONEHOT, VARIANT)]
        lines.append(_line([_per_class(sweep, cell[0]), f"{cell[1]:g}", when(own[ONEHOT]), when(mean[ONEHOT]),
                            when(own[VARIANT]), when(mean[VARIANT]), *floors]))  # fmt: skip
    return "\n".join(lines)


def ablation_table(study: Study, cell: tuple[int, float], sweeps: Sequence[str]) -> str:
    """One change at a time, in one setting."""
    pairs = [
        f"{what}, {words}" for words in ("as used", "own", "class mean") for what in ("epochs", "best against one-hot")
    ]
    lines = _header(["method", *pairs, "mean over epochs, class mean"])
    used, own, mean = (study.scores(cell, reading, sweeps) for reading in READINGS)
    order = [ONEHOT, SMOOTHING, LWAL, LWAL10, *(label for label in own if label.lower().startswith("lwal"))]
    for label in dict.fromkeys(order):
        average = format_mean_sd(mean[label].values("mean"), "%", show_n=False)
        cells = [text for scores in (used, own, mean) for text in (when(scores[label]), gained(scores[label]))]
        lines.append(_line([label, *cells, average]))
    return "\n".join(lines)


def claim_table(study: Study, methods: Sequence[str]) -> str:
    """In how many settings a method needs at most half of one-hot's epochs."""
    lines = _header(["data", "reading", "settings", *methods])
    for sweep, title in DATA.items():
        for reading, words in READINGS.items():
            cells = study.cells(sweep)
            counts = [
                sum(_halved(study.scores(cell, reading, (sweep,)), method) for cell in cells)
                if any(row.sweep == sweep and row.method == method for row in study.rows)
                else ""
                for method in methods
            ]
            lines.append(_line([title, words, str(len(cells)), *map(str, counts)]))
    return "\n".join(lines)


METHODS = (ONEHOT, SMOOTHING, LWAL, LWAL10, PUSH1, VARIANT)
FEW = (ONEHOT, SMOOTHING, LWAL10, VARIANT)
TABLES: dict[str, Callable[[Study], str]] = {
    "claim": lambda study: claim_table(study, [m for m in METHODS if m != ONEHOT]),
    "digits-epochs": lambda study: epochs_table(study, "speed-digits", METHODS),
    "digits-best": lambda study: best_table(study, "speed-digits", METHODS),
    "digits-tuned": lambda study: tuned_table(study, "speed-digits", METHODS),
    "digits-fewest": lambda study: fewest_table(study, "speed-digits", METHODS, (0.95, 0.97, 0.98)),
    "digits-readout": lambda study: readout_table(study, "speed-digits"),
    "ablation": lambda study: ablation_table(study, (256, 0.001), ("speed-digits", "speed-ablation", "speed-variants")),
    "cnn-ablation": lambda study: ablation_table(study, (100, 0.001), ("speed-cnn", "speed-cnn-ablation")),
    "shapes-epochs": lambda study: epochs_table(study, "speed-shapes", METHODS),
    "shapes-best": lambda study: best_table(study, "speed-shapes", METHODS),
    "cnn-epochs": lambda study: epochs_table(study, "speed-cnn", METHODS),
    "cnn-best": lambda study: best_table(study, "speed-cnn", METHODS),
    "features-epochs": lambda study: epochs_table(study, "speed-features", FEW),
    "features-best": lambda study: best_table(study, "speed-features", FEW),
}
"""What stands between the marks of this name in the document."""


def filled(text: str, study: Study) -> str:
    """The document with every table made anew.

    Raises:
        KeyError: A mark names no table.
    """
    return _BLOCK.sub(lambda found: f"{found[1]}{TABLES[found[2]](study)}\n{found[3]}", text)


def draw(study: Study, path: Path = FIGURE) -> None:
    """Share of one-hot's epochs that the best variant saves on digits, over the samples of a class in a batch."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    matplotlib.rcParams.update({"svg.hashsalt": "speed", "svg.fonttype": "none", "font.size": 10})
    figure, axes = plt.subplots(1, 3, figsize=(10.4, 3.4), sharey=True, layout="constrained")
    cells = study.cells("speed-digits")
    for ax, (reading, title) in zip(axes, READINGS.items(), strict=True):
        for method, colour in ((VARIANT, "#0072b2"), (SMOOTHING, "#7f7f7f")):
            for rate, dash in ((1e-4, ":"), (1e-3, "-"), (1e-2, "--")):
                sizes = [size for size, r in cells if r == rate]
                saved = [_saved(study.scores((size, rate), reading, ("speed-digits",)), method) for size in sizes]
                ax.plot([size / 10 for size in sizes], [100 * s for s in saved], dash, color=colour, marker="o",
                        markersize=4, label=f"{method}, rate {rate:g}")  # fmt: skip
        ax.axhline(50, color="#bbbbbb", linewidth=1)
        ax.axhline(0, color="#222222", linewidth=0.8)
        ax.set(title=title.capitalize(), xlabel="samples of a class in a batch", xscale="log")
        ax.set_xticks([6.4, 25.6, 50], ["6", "26", "50"])
        ax.minorticks_off()
        ax.spines[["top", "right"]].set_visible(False)
    axes[0].set_ylabel("epochs saved, % of one-hot's")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2, frameon=False, fontsize=8)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


# --- small things ----------------------------------------------------------------------------------------------------

_CLASSES = {"speed-shapes": 16}


def _per_class(sweep: str, batch: int) -> str:
    return format_number(batch / _CLASSES.get(sweep, 10), digits=2)


def _floor(study: Study, sweep: str, cell: tuple[int, float], method: str) -> str:
    values = [
        row.mean[0]
        for row in study.rows
        if row.sweep == sweep and (row.batch_size, row.learning_rate) == cell and row.method == method
    ]
    return format_accuracy(float(np.mean(values)))


def _saved(scores: dict[str, GroupScore], method: str) -> float:
    """Share of one-hot's median epochs that a method saves; nan where fewer than half of its seeds get there."""
    ours, theirs = scores[method].median_epochs, scores[ONEHOT].median_epochs
    return 1 - ours / theirs if math.isfinite(ours) and theirs > 0 else math.nan


def _halved(scores: dict[str, GroupScore], method: str) -> bool:
    """Whether every seed gets there, with a median of at most half of one-hot's and not before any training: a target that
    the untrained network has says nothing about learning."""
    score = scores.get(method)
    return score is not None and score.reached == score.n and score.median_epochs > 0 and _saved(scores, method) >= 0.5


def _plain(fraction: float, *, signed: bool = False) -> str:
    return format_points(fraction, signed=signed).removesuffix(" points").removesuffix(" point")


def _fractions(text: str) -> tuple[float, ...]:
    return tuple(map(float, text.split()))


def _header(names: Sequence[str]) -> list[str]:
    return [_line(names), "|---" * len(names) + "|"]


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    collecting = commands.add_parser("collect", help="write speed.csv from the runs of the home")
    collecting.add_argument("sweeps", type=Path, help="folder with the sweep files and the images they name")
    rendering = commands.add_parser("render", help="write the tables and the figure from speed.csv")
    rendering.add_argument("--check", action="store_true", help="write nothing")
    given = parser.parse_args(arguments)
    if given.command == "collect":
        rows = collect(given.sweeps)
        write_rows(rows)
        print(f"{len(rows)} runs -> {CURVES}")
        return 0
    study = Study(read_rows())
    before = DOCUMENT.read_text(encoding="utf-8")
    after = filled(before, study)
    if given.check:
        print("the tables are the file's" if before == after else "the tables differ from the file")
        return int(before != after)
    DOCUMENT.write_text(after, encoding="utf-8")
    draw(study)
    return 0


if __name__ == "__main__":
    sys.exit(main())
