"""Report of a run, for pages, command line and shared snapshots. No torch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from lwal_core.analysis.base.formatting import format_accuracy, format_number
from lwal_core.analysis.base.linkage import FloatArray
from lwal_core.analysis.base.subsample import subsample_per_class
from lwal_core.analysis.comparison.bands import band
from lwal_core.analysis.hierarchy import Hierarchy
from lwal_core.analysis.projection import project_with_samples
from lwal_core.errors import LwalError
from lwal_core.export.report.content import NO_SAMPLES, Curve, Map, Report, Table
from lwal_core.export.report.page import report_page
from lwal_core.figures.curves.lines import decimate
from lwal_core.figures.palette import method_colors
from lwal_core.results.run_curves import curve_of, distinct_labels
from lwal_core.results.run_tree import names_of_nodes, run_hierarchy, run_taxonomy, taxonomy_agreement, tree_caption
from lwal_core.results.tree_spec import TreeSpec
from lwal_core.runs import Evaluation, Run, read_annotations
from lwal_core.security.redact import for_others, without_paths

MOST_SAMPLES = 1_500
MOST_CONFUSIONS = 15
MOST_EPOCH_ROWS = 2_000
MOST_POINTS = 2_000  # of a curve, which is 400 units wide
MOST_CLASS_ROWS = 500

CITATION = (
    "Method: X. Yu, N. Verma, Improving Model Training via Self-learned Label Representations, arXiv:2209.04528 "
    "(https://arxiv.org/abs/2209.04528).",
    "Drawn with LwAL Explorer.",
)


def run_report(run: Run, spec: TreeSpec | None = None, *, beside: Sequence[Run] = ()) -> bytes:
    """Write a run as one HTML file.

    Args:
        run: The run whose tree, map, tables and configuration are shown.
        spec: Which of its trees; None for that of the newest class means. Without a cut there are at first the groups
            of ``Hierarchy.default_groups``.
        beside: Other runs whose curves are drawn beside this one's, such as the baseline's.

    Returns:
        HTML in UTF-8.

    Raises:
        RunError: The run has no such labels. AnalysisError: The tree is not defined for them. ExportError: There are
            too many classes for a report.
    """
    spec = spec or TreeSpec.of(run)
    h = run_hierarchy(run, spec)
    try:
        test = run.evaluation()
    except LwalError:  # a run that was stopped early has no test set yet, and the tree is worth showing all the same
        test = None
    record, config = run.record, run.config
    versions = ", ".join(f"{name} {version}" for name, version in sorted(record.versions.items()))
    facts = {
        "run": run.id,
        "created": f"{record.created:%Y-%m-%d %H:%M} UTC",
        "tree": f"epoch {spec.epoch}, {spec.vectors}, {spec.linkage} linkage, {spec.distance} distance",
        "data fingerprint": record.fingerprint,
        "device": record.device or "",
        "versions": versions,
    }
    for part, options in without_paths(config.model_dump(mode="json")).items():
        values = options if isinstance(options, dict) else {"": options}
        facts |= {f"{part}.{key}".rstrip("."): str(v) for key, v in values.items() if v is not None}
    named = names_of_nodes(h, read_annotations(run.path))
    report = Report(
        title=f"What did the labels learn? {for_others(run.name)}",
        answer=_answer(run, h),
        h=h,
        cut=spec.cut or h.default_groups,
        caption=tree_caption(run, spec),
        map=_map(run, spec, test if spec.vectors != "features" else _features(run)),
        clade_names={node: for_others(name) for node, name in named.items()},
        curves=_curves([run, *beside]),
        tables=[_classes(h, test), *_confused(h, test), _epochs(run)],
        facts={key: for_others(value) for key, value in facts.items() if value},
        citation=CITATION,
    )
    return report_page(report)


def _answer(run: Run, h: Hierarchy) -> str:
    """What the run shows, from its numbers."""
    metrics, data = run.metrics(), run.config.data.title
    said = f"{run.config.method_label()} on {data}, seed {run.config.training.seed}, {h.n:,} classes."
    if len(metrics) > 1:
        accuracy = float(metrics.accuracy(run.predictor())[-1])
        if accuracy == accuracy:
            said += (
                f" Test accuracy {format_accuracy(accuracy)} by {run.rule} after "
                f"{int(metrics.epoch[-1])} of {run.config.training.epochs} epochs."
            )
    if h.is_flat and h.n > 2:
        return said + " All classes are equally far apart, so this tree says nothing about them."
    if h.n > 1:
        left, right = h.children[-1].tolist()
        said += f" Farthest apart are {h.clade_name(left)} on one side and {h.clade_name(right)} on the other."
    found = taxonomy_agreement(h.names, h.square(), run_taxonomy(run))
    if found is not None and found.tau == found.tau:
        said += (
            f" Distances agree with {found.taxonomy.title} with Kendall's tau {format_number(found.tau)} "
            f"(mean over {len(found.kept)} classes)."
        )
    return said


def _features(run: Run) -> Evaluation | None:
    try:
        return run.evaluation("features")
    except LwalError:
        return None


def _map(run: Run, spec: TreeSpec, test: Evaluation | None) -> Map | None:
    """Classes by their two principal axes, with test samples where they lie in the same space."""
    if spec.vectors == "confusion":  # lies in no space
        return None
    epoch, vectors = spec.epoch, run.vectors(spec.epoch, spec.vectors)
    samples, of = NO_SAMPLES
    note = ""
    if test is not None and test.z.shape[1] == vectors.shape[1] and len(test.y):
        if test.epoch == epoch:
            kept = subsample_per_class(test.y, MOST_SAMPLES)
            samples, of = np.asarray(test.z[kept], dtype=np.float64), np.asarray(test.y[kept], dtype=np.intp)
            note = f"Dots: {len(kept):,} of {len(test.y):,} test samples, in the colours of their true classes' groups."
        else:
            note = f"Test samples are those of epoch {test.epoch} and are not shown beside classes of epoch {epoch}."
    fine = np.isfinite(samples).all(axis=1)
    try:
        classes, cloud = project_with_samples(vectors, samples[fine] if samples.size else samples, "pca", 2)
    except LwalError:
        return None
    shares = classes.explained if classes.explained is not None else (np.nan, np.nan)
    axes = [f"principal axis {i + 1}" + (f" ({s:.0%})" if s == s else "") for i, s in enumerate(shares[:2])]
    axes += [f"axis {i + 1}" for i in range(len(axes), 2)]
    points = cloud.points if len(cloud.points) else NO_SAMPLES[0]
    return Map(
        _two(classes.points), _two(points), of[fine] if samples.size else of, (axes[0], axes[1]),
        f"{classes.note} {note}".strip(),
    )  # fmt: skip


def _two(points: FloatArray) -> FloatArray:
    """Two columns, whatever the space has."""
    wide = np.zeros((len(points), 2))
    wide[:, : min(points.shape[1], 2)] = points[:, :2]
    return wide


def _curves(runs: Sequence[Run]) -> list[Curve]:
    """Test accuracy by epoch of each group of runs that differ in the seed only: mean over its seeds, one run per seed,
    at the epochs that all of them have, each method read as it is used."""
    groups: dict[str, dict[int, Run]] = {}
    # Of two runs of one seed the finished one counts, then the newer, but the report's own run before any other.
    for run in [*sorted(runs[1:], key=lambda each: (each.status == "done", each.record.created)), *runs[:1]]:
        if len(run.metrics()):
            groups.setdefault(run.group, {})[run.config.training.seed] = run
    order = [key for key in dict.fromkeys(run.group for run in runs) if key in groups]
    labels = distinct_labels({key: next(iter(groups[key].values())).config for key in order})
    colors = method_colors(list(labels.values()))
    curves = []
    for key in order:
        mean = band([curve_of(run) for run in groups[key].values()])
        shared = mean.n == len(groups[key])
        title = labels[key] + (f" (n={len(groups[key])})" if len(groups[key]) > 1 else "")
        x, y = mean.x[shared], mean.mean[shared]
        drawn = decimate(y, MOST_POINTS)
        curves.append(Curve(title, colors[labels[key]][0], x[drawn].tolist(), y[drawn].tolist()))
    return curves


def _classes(h: Hierarchy, test: Evaluation | None) -> Table:
    rows = []
    for i in h.order.tolist()[:MOST_CLASS_ROWS]:
        near, away = h.nearest(i, 1)
        mine = test.y == i if test is not None else np.zeros(0, dtype=bool)
        count = int(mine.sum())
        right = float((test.pred[mine] == i).mean()) if test is not None and count else None
        rows.append(
            (
                h.names[i],
                count,
                None if right is None else 100 * right,
                h.names[near[0]] if len(near) else "",
                float(away[0]) if len(near) else None,
            )
        )
    note = f"The first {MOST_CLASS_ROWS} of {h.n:,}." if h.n > MOST_CLASS_ROWS else ""
    return Table("Classes, in the order of the leaves",
                 ["class", "test samples", "accuracy, %", "nearest class", "at"], rows, note)  # fmt: skip


def _confused(h: Hierarchy, test: Evaluation | None) -> list[Table]:
    if test is None:
        return []
    wrong = np.array(test.confusion, dtype=np.int64)
    if wrong.shape != (h.n, h.n):
        return []
    np.fill_diagonal(wrong, 0)
    top = np.argsort(wrong, axis=None, kind="stable")[::-1][:MOST_CONFUSIONS]
    pairs = [(int(k // h.n), int(k % h.n)) for k in top.tolist() if wrong.flat[k]]
    distances = h.square()
    rows = [(h.names[i], h.names[j], int(wrong[i, j]), float(distances[i, j])) for i, j in pairs]
    return [
        Table(f"Most confused, test set after epoch {test.epoch}", ["true", "taken for", "times", "distance"], rows)
    ]


def _epochs(run: Run) -> Table:
    m = run.metrics()
    shown = np.unique(np.linspace(0, len(m) - 1, min(len(m), MOST_EPOCH_ROWS)).astype(np.int64)).tolist()
    rows = [
        (int(m.epoch[i]), *(None if v != v else float(v) for v in (m.seconds[i], m.loss[i])),
         *(None if v != v else 100 * float(v) for v in (m.test_accuracy_mean[i], m.test_accuracy_own[i])))
        for i in shown
    ]  # fmt: skip
    columns = ["epoch", "seconds", "loss", "nearest class mean, %", "own predictor, %"]
    note = f"{len(rows):,} of {len(m):,} epochs, evenly." if len(rows) < len(m) else ""
    return Table("Epochs, with test accuracy", columns, rows, note)
