"""Tree specification: which vectors of a run make a class tree, by which linkage and distance, and where it is cut.

One place for the defaults, the words for each choice and what cannot be meant. No torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from lwal_core.analysis.hierarchy import CONFUSION, EUCLIDEAN_METHODS, METHODS, METRICS, check_rule
from lwal_core.errors import RunError
from lwal_core.runs import SOURCE_TITLES, Run, VectorSource

VECTORS: tuple[VectorSource, ...] = cast(tuple[VectorSource, ...], tuple(SOURCE_TITLES))
LINKAGES, DISTANCES = METHODS, METRICS
DEFAULT_VECTORS: VectorSource = "centroids"
DEFAULT_LINKAGE, DEFAULT_DISTANCE = "average", "euclidean"

VECTORS_TITLES: dict[str, str] = SOURCE_TITLES
LINKAGE_TITLES = {name: name.capitalize() for name in LINKAGES}
DISTANCE_TITLES = {name: name.capitalize() for name in DISTANCES}
"""What each choice is called at the beginning of a line."""


def _one_of(choices: Sequence[str], default: str) -> str:
    first, *rest = sorted(choices, key=lambda choice: choice != default)
    return ", ".join([first, *rest[:-1]]) + f" or {rest[-1]}"


VECTORS_HELP = (
    "centroids (class means), features (class means of the features), labels (label table) or confusion (confusion matrix, "
    "which has a distance and an epoch of its own)"
)
LINKAGE_HELP = _one_of(LINKAGES, DEFAULT_LINKAGE)
DISTANCE_HELP = _one_of(DISTANCES, DEFAULT_DISTANCE)
"""The choices as the command line's help lists them, the default first."""

LAYER_HELP = "features (class means of what the last layer is given, as --source features) or outputs"
_FILE_WORDS = {"centroids": "means", "features": "features", "labels": "labels", "confusion": "confusion"}
CONFUSION_RULE = "1 − the share of test samples that two classes are taken for each other, the mean of both directions"
"""How distances are made of a confusion matrix."""


@dataclass(frozen=True)
class TreeSpec:
    """A class tree of a run; equal specifications are the same tree as long as the run's files are the same.

    Attributes:
        run: Id of the run.
        epoch: Epoch of the class vectors.
        vectors: ``"centroids"`` for the class means, ``"features"`` for those of the features, ``"labels"`` for the label
            table, ``"confusion"`` for the confusion matrix, which has a distance of its own and an epoch of its own.
        linkage: One of :data:`LINKAGES`.
        distance: Between class vectors, one of :data:`DISTANCES`.
        cut: Number of groups at first; None where nothing is cut, or where whoever draws chooses.

    Raises:
        RunError: There are no such vectors. AnalysisError: There is no such linkage or distance, or the two do not go
            together.
    """

    run: str
    epoch: int
    vectors: VectorSource = DEFAULT_VECTORS
    linkage: str = DEFAULT_LINKAGE
    distance: str = DEFAULT_DISTANCE
    cut: int | None = None

    def __post_init__(self) -> None:
        if self.vectors not in SOURCE_TITLES:
            raise RunError(f"{self.vectors!r} is no source of class vectors.", f"Use {' or '.join(SOURCE_TITLES)}.")
        if self.vectors == CONFUSION:
            object.__setattr__(self, "distance", CONFUSION)
        elif self.distance == CONFUSION:
            raise RunError("Only a confusion matrix has the distance 'confusion'.", f"Use {' or '.join(DISTANCES)}.")
        check_rule(self.linkage, self.distance)

    @classmethod
    def of(
        cls,
        run: Run,
        epoch: int | None = None,
        vectors: str | None = None,
        linkage: str = DEFAULT_LINKAGE,
        distance: str = DEFAULT_DISTANCE,
        cut: int | None = None,
    ) -> TreeSpec:
        """Specification of a run's tree; fields as above, ``epoch=None`` for the newest epoch with labels, ``vectors=None`` for
        the class means, or what there is in their place. A confusion matrix
        is that of the best epoch, whichever is asked for.

        Raises:
            RunError: As above, or the run has no labels yet. AnalysisError: As above.
        """
        vectors = vectors or run.sources(confusion=True)[0]
        if vectors == CONFUSION:
            at = confusion_epoch(run)
        elif epoch is None and vectors == "features" and vectors not in run.sources() and run.record.best_epoch:
            at = run.record.best_epoch  # of wide features the only one
        else:
            at = last_epoch(run) if epoch is None else epoch
        return cls(run.id, at, cast(VectorSource, vectors), linkage, distance, cut)

    def at(self, run: str, epoch: int) -> TreeSpec:
        """The same choices for another run or epoch."""
        return replace(self, run=run, epoch=epoch)

    @property
    def vectors_title(self) -> str:
        """``"Class means"``, ``"Feature means"``, ``"Label table"`` or ``"Confusion matrix"``."""
        return VECTORS_TITLES[self.vectors]

    @property
    def rule(self) -> str:
        """How the tree is made of the vectors, a sentence."""
        if self.vectors == CONFUSION:
            return f"{LINKAGE_TITLES[self.linkage]} linkage of distances that are {CONFUSION_RULE}."
        return f"{LINKAGE_TITLES[self.linkage]} linkage of {self.distance} distances."

    @property
    def file_stem(self) -> str:
        """The choices as part of a file's name: ``"means-average-euclidean"``."""
        return f"{vectors_file_word(self.vectors)}-{self.linkage}-{self.distance}"

    def view(self) -> dict[str, Any]:
        """The choices as a share's manifest keeps them."""
        return {
            "epoch": self.epoch, "vectors": self.vectors, "linkage": self.linkage, "distance": self.distance,
            "groups": self.cut,
        }  # fmt: skip


def last_epoch(run: Run) -> int:
    """The newest epoch with a label snapshot.

    Raises:
        RunError: There is none yet.
    """
    epochs = run.label_epochs()
    if not epochs:
        raise RunError(f"Run {run.id} has no labels yet.", "The first ones are written before the first epoch.")
    return epochs[-1]


def confusion_epoch(run: Run) -> int:
    """The epoch whose confusion matrix was kept.

    Raises:
        RunError: None was.
    """
    if run.record.best_epoch is None:
        raise RunError(f"Run {run.id} has no confusion matrix.", "Look at class means.")
    return run.record.best_epoch


def allowed_linkage(linkage: str, distance: str) -> str:
    """The linkage, or the default one where it needs Euclidean distances and these are others."""
    return DEFAULT_LINKAGE if linkage in EUCLIDEAN_METHODS and distance != "euclidean" else linkage


def with_layer(vectors: str | None, layer: str | None) -> str | None:
    """The vectors that are meant where a layer is named beside them, or alone.

    Raises:
        RunError: There is no such layer, or the vectors are of the outputs alone.
    """
    if layer not in (None, "outputs", "features"):
        raise RunError(f"{layer!r} is no layer.", "Use outputs or features.")
    if layer is None or (layer == "outputs" and vectors != "features"):
        return vectors
    if layer == "outputs" or vectors not in (None, "centroids", "features"):
        raise RunError(f"{vectors!r} is not of the {layer}.", "Leave one of the two out.")
    return "features"


def vectors_file_word(vectors: VectorSource) -> str:
    """The vectors as part of a file's name: ``"means"``, ``"features"``, ``"labels"`` or ``"confusion"``."""
    return _FILE_WORDS[vectors]
