"""Sentences of the Embeddings page: the answer, the title, how reliable the picture is, notes (markdown, names escaped)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import orjson

from app.common.class_distances import ClassDistances
from app.common.evaluation import SampledTestSet
from app.common.projections import Projections
from app.common.wording import plain, unreadable_epochs
from lwal_core.analysis.base.formatting import format_number, format_percent
from lwal_core.analysis.projection import METHOD_NAMES, Projection, Quality
from lwal_core.runs import VectorSource


def answer(names: Sequence[str], near: ClassDistances, epoch: int | None, source: VectorSource, one_hot: bool) -> str:
    """The page's answer: the nearest pair and the class that stands alone, or why there is nothing to say. ``epoch`` is None for
    vectors that no training made."""
    when = "Before training, " if epoch == 0 else ""
    if not near.pairs:
        return f"There is one class, {plain(names[0])}: nothing to compare it with."
    i, j, distance = near.pairs[0]
    first, second = plain(names[i]), plain(names[j])
    if near.alone is None:
        return f"{when}{first} and {second}, the two classes, are {format_number(distance)} apart."
    if near.flat:
        if one_hot and source == "labels":
            return f"One-hot labels are all equally far apart ({format_number(distance)}): look at the class means."
        return f"{when}{'a' if when else 'A'}ll classes are equally far apart ({format_number(distance)})."
    far, _, _ = near.alone
    return f"{when}{first} and {second} are nearest, {format_number(distance)} apart; {plain(names[far])} is farthest from all."


def finding(names: Sequence[str], near: ClassDistances) -> str | None:
    """Title of the figure, plain text."""
    if near.alone is None or near.flat:
        return None
    i, j, distance = near.pairs[0]
    return f"{names[i]} and {names[j]} are nearest, {format_number(distance)} apart"


def reliability(q: Quality, shown: Projection, near: ClassDistances, *, brief: bool = False) -> str:
    """How far the picture can be believed; ``brief`` leaves out what :data:`RELIABILITY_HELP` says."""
    n, d = shown.points.shape
    space = f"{d}-D"
    if n < 2:
        return ""
    if near.flat and n > d + 1:
        return f"All distances are equal, which {space} cannot show: what looks near here is not."
    if n <= d + 1 and shown.method in ("pca", "mds"):
        return f"{n} points fit into {d} dimensions: all distances are true."
    parts = []
    if math.isnan(q.trustworthiness):
        parts.append(f"How much of the neighbourhoods {space} keeps is undefined ({n} classes).")
    else:
        parts.append(f"{space} keeps {format_percent(q.trustworthiness)} of the neighbourhoods")
        if math.isnan(q.distance_correlation):
            parts[0] += "."
        else:
            parts[0] += f"; rank correlation of distances {format_number(q.distance_correlation)}."
    if brief:
        return parts[0]
    if shown.explained is not None and not np.isnan(shown.explained).any():
        parts.append(
            f"The {'three' if d == 3 else 'two'} axes hold {format_percent(float(shown.explained.sum()))} of the variance."
        )
    if shown.method in ("umap", "tsne"):
        parts.append(
            f"{METHOD_NAMES[shown.method]} shows who is near whom; how far apart distant groups lie in it means little. "
            "The numbers in the hover text and the card are true distances."
        )
    return " ".join(parts)


RELIABILITY_HELP = (
    "Neighbourhoods: trustworthiness of the class vectors, 100 % when every class that looks near is near; classes that look near but "
    "are not lower it, the more the farther they are. Rank correlation: Spearman's, over all pairs of classes; 1 when the order of "
    "all distances is right. UMAP and t-SNE show who is near whom; how far apart distant groups lie in them means little. Numbers in the "
    "hover text and on the card are true distances."
)


def notes(layouts: Projections, shown: Projection, epoch: int, test: SampledTestSet | None, classes: int) -> list[str]:
    """What the reader should know about this picture, plain sentences."""
    found = [shown.note] if shown.note else []
    if layouts.left_out:
        found.append(unreadable_epochs(layouts.left_out))
    if not layouts.shared() and shown.method not in ("pca",) and test is None:
        found.append(f"With {classes:,} classes, every epoch is laid out on its own and turned to match the others.")
    if test is not None:
        count = len(test.y)
        which = f"{count:,} of {test.total:,}" if count < test.total else f"all {count:,}"
        other = f", when the samples lay elsewhere; epoch {test.epoch} shows both" if epoch != test.epoch else ""
        at = f"; classes of epoch {epoch}{other}" if other else ""
        found.append(f"Test samples: {which}, after epoch {test.epoch}{at}.")
    return found


def provenance(shown: Projection) -> str:
    """All parameters of a layout but its seed, as JSON."""
    known = {name: value for name, value in shown.params.items() if name != "seed"}
    return orjson.dumps(known, option=orjson.OPT_SERIALIZE_NUMPY).decode()
