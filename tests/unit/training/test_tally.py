"""Measures counted piece by piece, against scikit-learn and loops over samples."""

from __future__ import annotations

from typing import cast

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk
from torch import Tensor

from lwal_core.methods import LabelMethod, LabelsBesideHead, OneHotLabels, Outputs
from lwal_core.training.tally import BINS, Counted, Reader, Reading, Tally


def drawn(seed: int, count: int, classes: int) -> tuple[Tensor, Tensor]:
    """Logits that are right more often than not, and classes of which the last may be missing."""
    generator = torch.Generator().manual_seed(seed)
    y = torch.randint(0, classes, (count,), generator=generator)
    scores = torch.randn(count, classes, generator=generator) * 2
    scores[torch.arange(count), y] += 1.5
    return scores, y


def counted(scores: Tensor, y: Tensor, *, sizes: tuple[int, ...] = ()) -> Counted:
    """What a tally makes of scores ``[N,C]`` that come in pieces of these sizes and the rest."""
    tally = Tally(scores.shape[1], scores.device)
    left = len(y) - sum(sizes)
    for part, classes in zip(scores.split([*sizes, left]), y.split([*sizes, left]), strict=True):
        pred = part.argmax(dim=1)
        tally.add(Reading((pred + 1) % scores.shape[1], pred, pred, part), classes)
    return tally.finish()


def calibration_error(scores: Tensor, y: Tensor) -> float:
    """Sample by sample, as equation 3 of arXiv:1706.04599 says."""
    bins: list[list[tuple[float, bool]]] = [[] for _ in range(BINS)]
    for row, label in zip(scores.double().softmax(dim=1).tolist(), y.tolist(), strict=True):
        confidence = max(row)
        place = next(m for m in range(BINS) if confidence <= (m + 1) / BINS or m == BINS - 1)
        bins[place].append((confidence, row.index(confidence) == label))
    error = 0.0
    for members in filter(None, bins):
        sure = sum(confidence for confidence, _ in members) / len(members)
        right = sum(hit for _, hit in members) / len(members)
        error += len(members) / len(y) * abs(right - sure)
    return error


@pytest.mark.parametrize(("count", "classes"), [(1, 2), (400, 3), (500, 7), (3_000, 40)])
def test_measures_are_those_of_scikit_learn(count: int, classes: int) -> None:
    scores, y = drawn(classes, count, classes)
    pred, there = scores.argmax(dim=1), sorted(set(y.tolist()))
    found = counted(scores, y, sizes=(count // 3,))
    assert found.accuracy["own"] == pytest.approx(sk.accuracy_score(y, pred))
    with np.errstate(all="ignore"):
        precision, recall, _, _ = sk.precision_recall_fscore_support(
            y, pred, labels=range(classes), zero_division=np.nan
        )
    np.testing.assert_allclose(found.class_precision["own"], precision, rtol=1e-6)
    np.testing.assert_allclose(found.class_accuracy["own"], recall, rtol=1e-6)
    assert found.measures["balanced_accuracy"] == pytest.approx(np.nanmean(recall))
    assert found.measures["macro_f1"] == pytest.approx(
        sk.f1_score(y, pred, labels=there, average="macro", zero_division=0.0)
    )
    assert found.measures["calibration_error"] == pytest.approx(calibration_error(scores, y), abs=1e-6)
    if classes > 5:
        top = sk.top_k_accuracy_score(y, scores, k=5, labels=range(classes))
        assert found.measures["top5_accuracy"] == pytest.approx(top)
    else:
        assert "top5_accuracy" not in found.measures


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 60), st.integers(2, 9), st.data())
def test_pieces_do_not_matter(seed: int, count: int, classes: int, data: st.DataObject) -> None:
    scores, y = drawn(seed, count, classes)
    first = data.draw(st.integers(0, count))
    whole, parts = counted(scores, y), counted(scores, y, sizes=(first, data.draw(st.integers(0, count - first))))
    assert whole.accuracy == parts.accuracy
    assert whole.measures == pytest.approx(parts.measures)
    assert whole.calibration is not None and parts.calibration is not None
    assert torch.equal(whole.calibration[0], parts.calibration[0])
    for rule in ("mean", "own"):
        assert torch.equal(whole.class_accuracy[rule].nan_to_num(-1), parts.class_accuracy[rule].nan_to_num(-1))


def test_equal_scores_and_those_that_are_no_number_count_against() -> None:
    """A network that says the same of every class has no top five."""
    y = torch.arange(8)
    flat, broken = counted(torch.zeros(8, 8), y), counted(torch.full((8, 8), float("nan")), y)
    assert flat.measures["top5_accuracy"] == broken.measures["top5_accuracy"] == 0
    assert flat.measures["calibration_error"] == pytest.approx(0.0)  # right in one of eight, and as sure as that
    assert broken.calibration is not None and torch.isfinite(broken.calibration).all()


def test_nothing_to_count() -> None:
    found = counted(torch.zeros(0, 6), torch.zeros(0, dtype=torch.int64))
    assert found.measures == {} and found.calibration is None and np.isnan(found.accuracy["own"])


def test_scores_are_those_of_the_rule_that_the_method_is_used_with() -> None:
    generator = torch.Generator().manual_seed(3)
    z, means = torch.randn(20, 4, generator=generator), torch.randn(6, 4, generator=generator)
    logits = torch.randn(20, 6, generator=generator)
    distances = torch.cdist(z.double(), means.double())
    hybrid = cast(LabelMethod, LabelsBesideHead(6, 5, 4))
    labels = Reader(hybrid, means, "labels", temperature=0.5).read(z, logits)
    assert labels.scores is not None and torch.equal(labels.used, distances.argmin(dim=1))
    torch.testing.assert_close(labels.scores.softmax(1), (-2 * distances).softmax(1).float())
    product = Reader(hybrid, means, "product").read(z, logits)
    wanted = (logits.double().softmax(1) * (-distances).softmax(1)).sqrt()
    assert product.scores is not None and torch.equal(product.used, wanted.argmax(dim=1))
    torch.testing.assert_close(product.scores.softmax(1), (wanted / wanted.sum(1, keepdim=True)).float())
    head = Reader(cast(LabelMethod, OneHotLabels(6)), torch.randn(6, 6, generator=generator), "head").read(logits, None)
    assert head.scores is logits and torch.equal(head.used, logits.argmax(dim=1))


def test_a_method_without_a_score_for_each_class_has_no_calibration() -> None:
    class Odd(OneHotLabels):
        """Reads two outputs as three classes."""

        def read(self, outputs: Outputs) -> Tensor:
            return outputs.z[:, 0].gt(0).long() + outputs.z[:, 1].gt(0).long()

    reading = Reader(cast(LabelMethod, Odd(3)), torch.zeros(3, 2), "head").read(torch.randn(9, 2), None)
    assert reading.scores is None
    tally = Tally(3, torch.device("cpu"))
    tally.add(reading, torch.arange(9) % 3)
    assert set(tally.finish().measures) == {"balanced_accuracy", "macro_f1"}
