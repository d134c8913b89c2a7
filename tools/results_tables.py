"""The tables of docs/results.md and docs/science/index.md whose runs come along as bundles, from those bundles.

How to run it::

    python tools/results_tables.py            # the bundles of examples/ -> tables in both documents
    python tools/results_tables.py --check    # write nothing; say whether the tables are those of the bundles
    python tools/results_tables.py --pack sweep:pictograms    # runs of $LWAL_HOME with this tag -> bundles of examples/results/

A table stands in the document between ``<!-- runs: TAG READING -->`` and ``<!-- end -->`` (``TAG READING DATA`` for one
data set of several), and is what ``lwal compare --predictor READING --markdown TAG`` prints below its title after
``lwal examples open --results``, but for the columns of time: these runs were trained beside other work, so their
seconds compare nothing. Between ``<!-- layers: TAG DATA -->`` and ``<!-- end -->`` stands a row for each method with
outputs beside features (``tools/layer_table.py``), and between ``<!-- calibration: SWEEP DATA -->`` and ``<!-- end -->`` what a temperature
does to calibration (``tools/calibration_table.py``). Below
``<!-- study: TAG... -->`` stands every method against one-hot (``tools/study_table.py``), and below
``<!-- tuned: TAG DATA -->`` every method with its learning rate, chosen by validation accuracy.
DATA is the last part of the data's name, such as ``shapes``.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import cast

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from lwal_core.experiments.comparison import compare_runs, select_runs
from lwal_core.experiments.examples import open_examples, pack_example
from lwal_core.experiments.tuned import tuned_table
from lwal_core.runs import Reading, Run, group_runs, list_runs, one_per_seed
from tools.calibration_table import calibration_table, read_rows
from tools.layer_table import layer_table
from tools.study_table import study_table

DOCUMENT = Path(__file__).resolve().parents[1] / "docs" / "results.md"
STUDY = DOCUMENT.parent / "science" / "index.md"
RESULTS = DOCUMENT.parents[1] / "examples" / "results"
TIMES = ("seconds per epoch", "time of an epoch", "label work in a step")
_LAYERS = re.compile(r"(<!-- layers: (\S+) (\S+) -->\n).*?(<!-- end -->)", re.DOTALL)
_CALIBRATION = re.compile(r"(<!-- calibration: (\S+) (\S+) -->\n).*?(<!-- end -->)", re.DOTALL)
_STUDY = re.compile(r"(<!-- study: ([^>]+?) -->\n).*?(<!-- end -->)", re.DOTALL)
_TUNED = re.compile(r"(<!-- tuned: (\S+) (\S+) -->\n).*?(<!-- end -->)", re.DOTALL)
_BLOCK = re.compile(r"(<!-- runs: (\S+) (as-used|own|mean)(?: (\S+))? -->\n).*?(<!-- end -->)", re.DOTALL)


def filled(text: str) -> str:
    """The document with every marked table made anew from the runs of the home.

    Raises:
        LwalError: No run of the home has the tag that a mark names.
    """
    runs = list_runs()

    def table(found: re.Match[str]) -> str:
        tables = compare_runs(select_runs(runs, [found[2]]), reading=cast(Reading, found[3]))
        # A heading of the document says what the data is; a folder's name does not.
        of = [one for one in tables if found[4] in (None, re.split("[:/]", one.data)[-1])]
        bodies = [_without_times(one.markdown().split("\n", 2)[2]) for one in of]
        return found[1] + "\n".join(bodies) + found[5]

    def layers(found: re.Match[str]) -> str:
        chosen = [run for run in select_runs(runs, [found[2]]) if run.opened().config.data.title == found[3]]
        return found[1] + layer_table(chosen) + "\n" + found[4]

    def calibration(found: re.Match[str]) -> str:
        rows = [each for each in read_rows() if (each["sweep"], each["data"]) == (found[2], found[3])]
        return found[1] + calibration_table(rows) + "\n" + found[4]

    def study(found: re.Match[str]) -> str:
        return found[1] + study_table(runs, found[2].split()) + "\n" + found[3]

    def tuned(found: re.Match[str]) -> str:
        chosen = [run for run in select_runs(runs, [found[2]]) if run.opened().config.data.title == found[3]]
        return found[1] + tuned_table(chosen) + "\n" + found[4]

    text = _TUNED.sub(tuned, _STUDY.sub(study, text))
    return _CALIBRATION.sub(calibration, _LAYERS.sub(layers, _BLOCK.sub(table, text)))


def _without_times(text: str) -> str:
    """A Markdown table without its columns of time, and what stands below it as it is."""
    lines = text.split("\n")
    table = [line.strip("|").split("|") for line in lines if line.startswith("|")]
    kept = [index for index, name in enumerate(table[0]) if name.strip() not in TIMES]
    cut = ["|".join(["", *(cells[index] for index in kept), ""]) for cells in table]
    return "\n".join([*cut, *lines[len(table) :]])


def pack(runs: Sequence[Run], folder: Path, sweep: str, *, first: bool = True) -> list[tuple[Path, int]]:
    """Bundles as stand behind the tables, with their sizes in bytes. They are called after data, method and seed, and after the sweep
    where its name does not begin with the data's: another sweep may have the same runs under other settings."""
    packed = []
    for run in runs:
        title = run.config.data.title
        method = re.sub(r"[^a-z0-9]+", "-", run.config.method_spelled_out().lower()).strip("-")
        path = (
            folder / f"{'' if sweep.startswith(title) else sweep + '-'}{title}-{method}-s{run.config.training.seed}.zip"
        )
        packed.append((path, pack_example(run, path, first=first)))
    return packed


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing")
    parser.add_argument(
        "--pack", metavar="TAG", help="write bundles of the finished runs with this tag, one of each seed"
    )
    parser.add_argument(
        "--last", action="store_true", help="with --pack: class means of the last epoch alone, half the size"
    )
    given = parser.parse_args(arguments)
    if given.pack:
        groups = group_runs(run for run in list_runs() if given.pack in run.tags and run.status == "done")
        packed = pack(
            [run.opened() for group in groups for run in one_per_seed(group.runs)],
            RESULTS,
            given.pack.removeprefix("sweep:"),
            first=not given.last,
        )
        print(f"{len(packed)} bundles, {sum(size for _, size in packed) / 2**20:.1f} MiB, in {RESULTS}")
        return int(not packed)
    with tempfile.TemporaryDirectory() as home:
        os.environ["LWAL_HOME"] = home
        open_examples(results=True)
        before = {path: path.read_text(encoding="utf-8") for path in (DOCUMENT, STUDY)}
        after = {path: filled(text) for path, text in before.items()}
    if given.check:
        print("the tables are those of the bundles" if before == after else "the tables differ from the bundles")
        return int(before != after)
    for path, text in after.items():
        path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
