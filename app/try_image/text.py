"""Text about a tried image: sentences (markdown, names escaped) and tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from app.common.wording import counted, plain, shortened
from lwal_core.analysis.base.formatting import format_number, format_percent
from lwal_core.analysis.hierarchy import Hierarchy
from lwal_core.analysis.hierarchy.routing import Fork
from lwal_core.figures.labels import one_line
from lwal_core.figures.style import shorten
from lwal_core.inference import Answer
from lwal_core.runs import VectorSource

LISTED = 4  # names of a clade
UNUSUAL = 0.99
"""Share of the test samples that lie nearer to a class mean, from which an image is called unlike all that was seen."""


def verdict(who: str, answer: Answer, names: Sequence[str]) -> str:
    """What a model takes an image for, by both rules, and whether that is right."""
    order = np.argsort(answer.to_means, kind="stable")
    first = int(order[0])
    text = (
        f"**{plain(who)} takes it for {shortened(names[first])}.** Nearest class mean: {_away(answer.to_means, first)}"
    )
    if len(order) > 1:
        second = int(order[1])
        text += f", then {shortened(names[second])}, {_away(answer.to_means, second)}"
    text += f". By its own rule, the {answer.rule}, it is {shortened(names[answer.by_rule])}"
    text += ", too" if answer.by_rule == first else ""
    if answer.probabilities is not None:
        text += f" (probability {format_percent(float(answer.probabilities[answer.by_rule]))})"
    text += "."
    if answer.true_class is not None and 0 <= answer.true_class < len(names):
        right = answer.true_class == first
        text += " That is right." if right else f" The data set calls it {shortened(names[answer.true_class])}."
    return text


def _away(distances: np.ndarray, index: int) -> str:
    return f"{format_number(float(distances[index]))} away"


def stored_sentence(epoch: int, stored: int, answer: Answer, names: Sequence[str]) -> str:
    """Whether the evaluation during training said the same."""
    if epoch != answer.epoch:
        return f"The test results are those of epoch {epoch}, the model is that of epoch {answer.epoch}."
    if stored == answer.by_mean:
        return f"The evaluation after epoch {epoch} took it for the same class."
    if not 0 <= stored < len(names):
        return ""
    return (
        f"The evaluation after epoch {epoch} took it for {shortened(names[stored])}: two class means are all but equally far, or "
        "the files of the run do not belong together."
    )


def far_sentence(distance: float, others: np.ndarray) -> str:
    """Whether an image lies farther from all classes than test samples do; empty when it does not.

    Args:
        distance: To its nearest class mean.
        others: The same of test samples, ascending.
    """
    if not len(others):
        return ""
    share = float(np.searchsorted(others, distance, side="left")) / len(others)
    if share < UNUSUAL:
        return ""
    how = "all" if share == 1 else format_percent(share)
    return (
        f"It lies farther from every class mean than {how} of {len(others):,} test samples: the network was trained on nothing "
        "like it, and its answer means little."
    )


def distances_table(
    answer: Answer, names: Sequence[str], source: VectorSource, other: Answer | None = None, title: str = ""
) -> dict[str, list[Any]]:
    """One row per class, nearest first, by class means or by labels as the page looks at them.

    Args:
        answer: Of the run's model.
        names: C class names.
        source: What to sort by; methods that read no labels are sorted by class means.
        other: Of the baseline's model, over the same classes.
        title: What to call the baseline.
    """
    by = answer.to_labels if source == "labels" and answer.to_labels is not None else answer.to_means
    order = np.argsort(by, kind="stable")
    table: dict[str, list[Any]] = {
        "Class": [names[i] for i in order.tolist()],
        "To class mean": answer.to_means[order].tolist(),
    }
    if answer.to_labels is not None:
        table["To label"] = answer.to_labels[order].tolist()
    if answer.probabilities is not None:
        table["Probability"] = (100 * answer.probabilities[order]).tolist()
    if other is not None and other.probabilities is not None:
        table[f"{title}: probability"] = (100 * other.probabilities[order]).tolist()
    elif other is not None:
        table[f"To class mean, {title}"] = other.to_means[order].tolist()
    return table


def forks_title(h: Hierarchy, forks: Sequence[Fork]) -> str:
    """The finding, plain text."""
    end = shorten(one_line(h.names[forks[-1].taken]), 30)
    return f"Down the tree to {end} in {len(forks)} {'step' if len(forks) == 1 else 'steps'}"


def forks_sentence(h: Hierarchy, forks: Sequence[Fork], nearest: int) -> str:
    """Where the way was decided least clearly, and whether it ends at the nearest class."""
    end = forks[-1].taken
    closest = min(forks, key=lambda fork: (fork.other - fork.distance) / fork.other if fork.other else 0.0)
    near = f"{_clade(h, closest.taken)} ({format_number(closest.distance)})"
    far = f"{_clade(h, closest.left_out)} ({format_number(closest.other)})"
    text = "Both sides are equally far" if closest.tied else "Least clear was the choice"
    text += f" between {near} and {far}."
    if end != nearest:
        text += (
            f" The way ends at {shortened(h.names[end])} although {shortened(h.names[nearest])} is the nearest class: the clade of "
            f"{shortened(h.names[nearest])}, taken together, is farther away."
        )
    return text


def _clade(h: Hierarchy, node: int) -> str:
    if node < h.n:
        return shortened(h.names[node])
    members = h.members(node)
    if len(members) > LISTED:
        return f"{counted(len(members), 'class', 'classes')} around {shortened(h.names[int(members[0])])}"
    return plain(h.clade_name(node, LISTED))


def fork_table(h: Hierarchy, forks: Sequence[Fork]) -> dict[str, list[Any]]:
    """The numbers behind the way, one row per merge, from the root on."""
    return {
        "Step": list(range(1, len(forks) + 1)),
        "Goes to": [h.clade_name(fork.taken) for fork in forks],
        "Distance": [fork.distance for fork in forks],
        "Not to": [h.clade_name(fork.left_out) for fork in forks],
        "Distance of that": [fork.other for fork in forks],
    }
