"""Server time of every page: the first look and a redraw, on runs of many classes.

Usage: ``.venv/bin/python benchmarks/pages.py [--classes 100] [--epochs 20] [--runs 0]``. Pages are driven as the tests
drive them, without a browser, so a figure holds the script, its figures and their serialisation, but no network. Every
redraw moves a control that changes the picture (the epoch, the number of groups), then one that does not.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from app.common.pages import page_names, page_path  # noqa: E402

REDRAWS = 9


def main() -> None:
    """Print one line per page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--classes", type=int, default=100)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--runs", type=int, default=0, help="further runs in the list")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        os.environ["LWAL_HOME"] = home
        for method in ("onehot", "lwal"):
            for seed in (12, 123, 1234):
                write_run(method, seed, options.classes, options.epochs)
        for seed in range(options.runs):
            write_run("lwal", 10_000 + seed, 3, 1)
        print(f"{options.classes} classes, {options.epochs} epochs, {6 + options.runs} runs")
        print(f"{'page':12}{'first':>10}{'redraw':>10}{'new view':>10}   ms")
        for page in page_names():
            first, same, other = measure(page)
            print(f"{page:12}{first:10.0f}{same:10.0f}{other:10.0f}")


def write_run(method: str | dict[str, object], seed: int, classes: int, epochs: int) -> str:
    """A finished run of random class vectors that form groups; ``method`` is its name, or all of its options. Gives the
    key of its group."""
    from lwal_core.config import RunConfig
    from lwal_core.runs import RunWriter, create_run, open_run
    from lwal_core.runs.record import DataInfo

    options = {"name": method} if isinstance(method, str) else method
    config = RunConfig.parse({"method": options, "training": {"epochs": epochs, "seed": seed}})
    run = create_run(config)
    writer = RunWriter(run.path)
    generator = np.random.default_rng(seed)
    dim, count = max(classes, 8), 20 * classes
    facts = DataInfo(
        fingerprint="0" * 64, kind="images", input_shape=[3, 32, 32], train_size=4 * count, test_size=count
    )
    writer.update(data=facts, class_names=[f"class {i}" for i in range(classes)], label_dim=dim, device="cpu")
    end = (
        generator.normal(size=(classes, dim))
        + 3 * generator.normal(size=(-(-classes // 5), dim)).repeat(5, 0)[:classes]
    )
    for epoch in range(epochs + 1):
        share = epoch / epochs
        vectors = (1 - share) * np.eye(classes, dim) + share * end
        writer.labels(epoch, vectors, vectors + 0.01)
        row: dict[str, float | int] = {
            "epoch": epoch,
            "step": 50 * epoch,
            "samples": count * epoch,
            "seconds": 0.5 * epoch,
        }
        if epoch:
            row |= {"loss": 1 / epoch, "pull": 0.9 / epoch, "push": 0.01 / epoch}
        for name in ("train_accuracy_mean", "train_accuracy_own", "test_accuracy_mean", "test_accuracy_own"):
            row[name] = 0.9 * (1 - 0.9 ** (epoch + 1)) + 0.005 * float(generator.normal())
        writer.metrics(row)
    y = np.arange(count) % classes
    pred = np.where(generator.random(count) < 0.9, y, generator.integers(0, classes, count))
    confusion = np.zeros((classes, classes), dtype=np.int64)
    np.add.at(confusion, (y, pred), 1)
    writer.evaluation(epochs, end[y] + 0.3 * generator.normal(size=(count, dim)), y, pred, confusion)
    writer.samples(generator.integers(0, 255, (2 * classes, 32, 32, 3), dtype=np.uint8), np.arange(2 * classes) // 2)
    writer.update(best_epoch=epochs)
    writer.move_to("done")
    return open_run(run.id).group


def measure(page: str, address: dict[str, list[str]] | None = None) -> tuple[float, float, float]:
    """Milliseconds of the first look, of a redraw of the same view, and of a view not drawn before (medians).

    Args:
        page: Its file's name.
        address: Query parameters that it is opened with.
    """
    from streamlit.testing.v1 import AppTest

    def timed() -> float:
        started = time.perf_counter()
        at.run()
        assert not at.exception, at.exception
        return 1000 * (time.perf_counter() - started)

    at = AppTest.from_file(str(ROOT / "app" / "main.py"), default_timeout=120)
    for key, value in (address or {}).items():
        at.query_params[key] = value
    at.run()
    at.switch_page(page_path(page))
    first = timed()
    while any("so far)" in caption.value for caption in at.caption):  # a layout is being made
        timed()
    same = [timed() for _ in range(REDRAWS)]
    other = []
    for step in range(REDRAWS):
        epoch = "left_epoch" if page == "trees" else "epoch"
        if epoch in at.session_state:
            at.session_state[epoch] = at.session_state[epoch] - 1
        elif page == "curves":
            at.session_state["smoothing"] = round(0.05 * (step + 1), 2)
        else:
            break
        other.append(timed())
    return first, statistics.median(same), statistics.median(other) if other else float("nan")


if __name__ == "__main__":
    main()
