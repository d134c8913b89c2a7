"""Evaluation by two predictors: the method's own, and the nearest consolidated class mean.

Consolidated labels are class means of the embeddings in evaluation mode over a class-balanced sample of the training
set. The last batch's means, which the paper predicts with, are taken in training mode and lag behind the weights; see
docs/science.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import torch
from torch import Tensor

from lwal_core.config.base.method import Rule
from lwal_core.data.samples import Samples, piece_size, pieces, subset
from lwal_core.encoders import Classifier
from lwal_core.methods import LabelMethod, class_centroids, label_distances
from lwal_core.runs.evaluation import MOST_SCORE_BYTES
from lwal_core.training.batch_statistics import EvaluationBatches
from lwal_core.training.collapse import CollapseWatch
from lwal_core.training.layers import FeatureLayer, FeatureResult
from lwal_core.training.parallel import Team
from lwal_core.training.tally import Counted, Reader, Tally

Piece = tuple[Tensor, Tensor, Tensor | None, Tensor]
"""Of samples that are looked at together: features ``[B,D]``, embeddings ``[B,K]``, logits of a method's own head ``[B,C]``,
classes ``[B]``."""


@dataclass(frozen=True)
class EvaluationResult:
    """State of the model after an epoch; accuracies are fractions.

    ``centroids [C,K]`` consolidated class means, ``z [N,K]`` test embeddings and ``pred [N]`` their classes by nearest class mean,
    both in main memory; ``test`` what was counted of the test set; ``features`` the same of the features, where they are looked
    at; accuracies on the validation part are nan without one; ``scores [N,C]`` of the test set by the rule that the method is used
    with, where they come of a head of its own, which ``z`` does not tell; ``collapse`` measures of neural collapse by column, those
    that are defined.
    """

    centroids: Tensor
    z: Tensor
    pred: Tensor
    train_accuracy_mean: float
    train_accuracy_own: float
    test_accuracy_mean: float
    test_accuracy_own: float
    test: Counted
    features: FeatureResult | None = None
    test_accuracy_features: float = float("nan")
    class_accuracy_features: Tensor | None = None
    validation_accuracy_mean: float = float("nan")
    validation_accuracy_own: float = float("nan")
    scores: Tensor | None = None
    collapse: dict[str, float] = field(default_factory=dict)


@torch.no_grad()
def embed(model: Classifier, x: Samples) -> Tensor:
    """On the model's device, embeddings ``[N,K]`` of raw samples in evaluation mode; the model's mode is put back."""
    return torch.cat([_none(model), *(z for _, z in _outputs(model, x))])


def _outputs(
    model: Classifier, x: Samples, batches: EvaluationBatches | None = None
) -> Iterator[tuple[Tensor, Tensor]]:
    """Features ``[B,D]`` and embeddings ``[B,K]`` of raw samples in evaluation mode, piece by piece: features of all at once
    could take more memory than everything else together."""
    was_training = model.training
    model.eval()
    try:
        if batches is None:
            for part in pieces(x, model.head.weight.device):
                features = model.features(part)
                yield features, model.head(features)
        else:
            features = batches.features(model, x)
            for part in features.split(piece_size(x)):
                yield part, model.head(part)
    finally:
        model.train(was_training)


def _none(model: Classifier) -> Tensor:
    return model.head.weight.new_zeros((0, model.head.out_features))


@torch.no_grad()
def nearest_centroid(z: Tensor, centroids: Tensor) -> Tensor:
    """Index of the nearest row of ``centroids [C,K]`` for every row of ``z [N,K]``; ``[N]``."""
    found = [label_distances(part, centroids).argmin(dim=1) for part in z.split(_rows_at_once(len(centroids)))]
    return torch.cat(found)


class _Evaluation:
    """One pass over the consolidation sample, the test set and the validation part; of each, this process's share."""

    def __init__(
        self, model: Classifier, method: LabelMethod, num_classes: int, team: Team, batches: EvaluationBatches | None
    ) -> None:
        self.model, self.method, self.classes, self.team, self.batches = model, method, num_classes, team, batches
        self.device = model.head.weight.device

    def pieces(self, x: Samples, y: Tensor) -> Iterator[Piece]:
        """Outputs of this process's share of samples, with their classes."""
        own = self.team.share(len(y))
        if self.team.size > 1:
            x = subset(x, torch.arange(own.start, own.stop))
        at, y, head = 0, y[own].to(self.device), self.method.class_head
        for features, z in _outputs(self.model, x, self.batches):
            yield features, z, None if head is None else head(features), y[at : at + len(z)]
            at += len(z)

    def counted(
        self,
        parts: Iterable[tuple[Tensor, Tensor | None, Tensor]],
        reader: Reader,
        kept: list[tuple[Tensor, Tensor, Tensor]] | None = None,
        scores: list[Tensor] | None = None,
    ) -> Counted:
        """What the method says of samples, counted; those of ``kept`` are measured, too, and their embeddings and classes by
        nearest class mean and by the method's own rule are added to it."""
        tally = Tally(self.classes, self.device, scored=kept is not None)
        size = _rows_at_once(self.classes)
        for all_z, all_logits, all_y in parts:
            heads = [None] * -(-len(all_z) // size) if all_logits is None else all_logits.split(size)
            for z, logits, y in zip(all_z.split(size), heads, all_y.split(size), strict=True):
                reading = reader.read(z, logits)
                tally.add(reading, y)
                if kept is not None:
                    kept.append((z.cpu(), reading.mean.cpu(), reading.own.cpu()))
                if scores is not None and reading.scores is not None:
                    scores.append(reading.scores.cpu())
        return tally.finish()


@torch.no_grad()
def evaluate(
    model: Classifier,
    method: LabelMethod,
    x_sample: Samples,
    y_sample: Tensor,
    x_test: Samples,
    y_test: Tensor,
    num_classes: int,
    layer: FeatureLayer | None = None,
    rule: Rule = "labels",
    temperature: float | None = None,
    team: Team | None = None,
    validation: tuple[Samples, Tensor] | None = None,
    batches: EvaluationBatches | None = None,
) -> EvaluationResult:
    """Embed the consolidation sample, the test set and the validation part once and read them with both predictors.

    Each process of a team embeds its share of all three; what is counted is counted over all of them.

    Args:
        model: From raw samples to embeddings.
        method: Whose own rule is the other predictor.
        x_sample: Raw training samples ``[M,...]`` that the consolidated class means are taken from, in memory or as a stream.
        y_sample: Their classes ``[M]``.
        x_test: Raw test samples ``[N,...]``, likewise.
        y_test: Their classes ``[N]``.
        num_classes: C.
        layer: Reads the features in the same pass; None leaves them aside.
        rule: What the method is used with: whose scores are measured.
        temperature: What distances are divided by before a softmax; None for 1.
        team: The processes that share the work.
        validation: Raw samples and classes of the validation part.
        batches: Whose statistics batch norm takes, for a team of one; None for the running means of the training.
    """
    team = team or Team()
    run = _Evaluation(model, method, num_classes, team, batches)
    if layer is not None:
        layer.begin(team)
    was_training = method.training
    method.train(False)
    watch = CollapseWatch(model, method, num_classes, rule, team, features=layer is not None)
    sample = []
    for features, z, logits, y in run.pieces(x_sample, y_sample):
        if layer is not None:
            layer.add_sample(features, y)
        watch.add(features, z, y)
        sample.append((z, logits, y))
    classes = torch.cat([y_sample[:0].to(run.device), *(y for _, _, y in sample)])
    centroids, _ = class_centroids(torch.cat([_none(model), *(z for z, _, _ in sample)]), classes, num_classes)
    reader = Reader(method, centroids, rule, temperature or 1.0)
    train = run.counted(sample, reader)
    del sample

    def tested() -> Iterator[tuple[Tensor, Tensor | None, Tensor]]:
        for features, z, logits, y in run.pieces(x_test, y_test):
            if layer is not None:
                layer.add_test(features)
            yield z, logits, y

    none = torch.zeros(0, dtype=torch.int64)
    kept = [(_none(model).cpu(), none, none)]
    scores = _list_of_scores(method, rule, len(y_test), num_classes)
    test = run.counted(tested(), reader, kept, scores)
    parts = (piece[1:] for piece in run.pieces(*validation)) if validation is not None else None
    held = {} if parts is None else run.counted(parts, reader).accuracy
    method.train(was_training)
    z_test, near_outputs, said = map(torch.cat, zip(*kept, strict=True))
    pred, own = team.whole(near_outputs, len(y_test)), team.whole(said, len(y_test))
    by_features = None if layer is None else layer.result()
    near = None if by_features is None else by_features.pred == y_test.cpu()
    return EvaluationResult(
        centroids=centroids,
        z=team.whole(z_test, len(y_test)),
        pred=pred,
        train_accuracy_mean=train.accuracy["mean"],
        train_accuracy_own=train.accuracy["own"],
        test_accuracy_mean=test.accuracy["mean"],
        test_accuracy_own=test.accuracy["own"],
        test=test,
        features=by_features,
        test_accuracy_features=float("nan") if near is None else _share(near),
        class_accuracy_features=None if near is None else class_shares(near, y_test.cpu(), num_classes),
        validation_accuracy_mean=held.get("mean", float("nan")),
        validation_accuracy_own=held.get("own", float("nan")),
        scores=None if not scores else team.whole(torch.cat(scores), len(y_test)),
        collapse=watch.finish(own, {"outputs": pred, "features": None if by_features is None else by_features.pred}),
    )


def _list_of_scores(method: LabelMethod, rule: Rule, samples: int, classes: int) -> list[Tensor] | None:
    """A list for scores of test samples; None where outputs tell them, or they would take too much room."""
    if method.class_head is None or rule == "labels" or 2 * samples * classes > MOST_SCORE_BYTES:
        return None
    return [torch.zeros(0, classes)]


def consolidation_sample(y: Tensor, per_class: int, num_classes: int, seed: int) -> Tensor:
    """Indices of a class-balanced sample of the training set, ascending: up to ``per_class`` of every class,
    ``[M]``."""
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(y), generator=generator)
    chosen = [order[y[order] == c][:per_class] for c in range(num_classes)]
    return torch.cat(chosen).sort().values


def class_shares(hits: Tensor, y: Tensor, num_classes: int) -> Tensor:
    """Share of ``hits [N]`` in each class, ``[C]`` float32; nan for a class that ``y [N]`` lacks."""
    counts = torch.bincount(y, minlength=num_classes)
    right = torch.bincount(y[hits], minlength=num_classes)
    return right.float() / counts  # 0 / 0 is nan


def _rows_at_once(num_classes: int) -> int:
    # [rows,C] distances stay below some 64 MiB of float32, however many classes there are.
    return max(1, 2**24 // max(1, num_classes))


def _share(hits: Tensor) -> float:
    return float(hits.float().mean()) if len(hits) else float("nan")
