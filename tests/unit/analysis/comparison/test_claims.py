"""The four claims against comparisons worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.spatial.distance import pdist, squareform

from lwal_core.analysis.comparison.claims import Meaning, four_claims
from lwal_core.analysis.comparison.curve import Curve
from lwal_core.analysis.comparison.speed import compare
from lwal_core.analysis.trees import kendall_tau_by_class, kendall_tau_permutation_p
from lwal_core.taxonomy import load_taxonomy


def runs(label, *rows, second=2.0, **more):
    out = []
    for seed, row in enumerate(rows):
        epoch = np.arange(len(row), dtype=float)
        clock = (second + 0.01 * seed * second) * epoch
        out.append(Curve(f"{label}-{seed}", label, label, seed, epoch, np.array(row), 100 * epoch, clock, **more))
    return out


BASE = runs("One-hot", [0.1, 0.5, 0.6, 0.7, 0.8], [0.1, 0.4, 0.5, 0.7, 0.8], [0.1, 0.5, 0.7, 0.8, 0.9], parameters=100)
FAST = runs("LwAL", [0.1, 0.9, 0.9, 0.9, 0.9], [0.1, 0.8, 0.8, 0.8, 0.88], [0.1, 0.6, 0.95, 0.95, 0.95], parameters=110)


def test_faster_better_cheap_and_meaningful():
    meanings = {
        "LwAL": Meaning("WordNet", {0: 0.5, 1: 0.6, 2: 0.55}, p=0.001),
        "One-hot": Meaning("WordNet", {0: 0.1, 1: 0.2, 2: 0.2}),
    }
    faster, better, cheap, meaningful = four_claims(compare({"One-hot": BASE, "LwAL": FAST}, "One-hot"), meanings)
    # By hand: epochs 1, 1, 2 against 4, 4, 4; differences -3, -3, -2.
    assert faster.answer == "yes" and faster.number == "−2.67 epochs" and "67 % fewer" in faster.sentence
    # Bests .9, .88, .95 against .8, .8, .9: +10, +8, +5 points.
    assert better.number == "+7.7 points" and better.answer == "yes"
    assert cheap.number == "1 times" and cheap.answer == "yes"
    assert (
        "Parameters added: +10 (+10.0 %)." in cheap.evidence and "Label work in a step: not measured." in cheap.evidence
    )
    assert meaningful.answer == "yes" and meaningful.number == "tau 0.55"
    assert (
        "more than chance (p = 0.001). That is more than that of one-hot's class means (0.17)." in meaningful.sentence
    )
    assert [point.label for point in meaningful.points] == ["LwAL", "One-hot"]


@pytest.mark.parametrize(
    ("taus", "p", "answer", "words"),
    [
        # Seeds that agree with each other far above 0 are no evidence about the classes.
        ({0: 0.3, 1: 0.31, 2: 0.3}, 0.12, "open", "not shown to be more than chance (p = 0.12)."),
        # More than chance, and yet less than one-hot's: two statements.
        ({0: 0.506, 1: 0.5, 2: 0.51}, 0.002, "yes", "less than that of one-hot's class means (0.54)."),
        ({0: 0.5, 1: 0.6, 2: 0.54}, 0.002, "yes", "not shown to differ from that of one-hot's class means (0.54)."),
        ({0: 0.5, 1: 0.6}, 0.002, "open", "Too few shared seeds to tell it from that of one-hot's class means (0.54)."),
        ({0: 0.5, 1: 0.6, 2: 0.54}, math.nan, "open", "chance was not tested."),
    ],
)
def test_meaning_is_chance_over_classes_then_the_baseline(taus, p, answer, words):
    meanings = {"LwAL": Meaning("WordNet", taus, p), "One-hot": Meaning("WordNet", {0: 0.54, 1: 0.545, 2: 0.535})}
    meaningful = four_claims(compare({"One-hot": BASE, "LwAL": FAST}, "One-hot"), meanings)[3]
    assert meaningful.answer == answer and words in meaningful.sentence


def test_labels_without_meaning_are_rarely_called_meaningful():
    """Class vectors that have nothing to do with the taxonomy, but share most of their geometry over the seeds, as
    trainings on the same data do: an interval over seeds says yes to one in four."""
    hops = load_taxonomy("cifar10").distances(load_taxonomy("cifar10").classes)
    n, seeds, times = len(hops), 3, 120
    generator, said = np.random.default_rng(0), 0
    comparison = compare({"One-hot": BASE, "LwAL": FAST}, "One-hot")
    for _ in range(times):
        shared = generator.normal(size=(n, 16))
        own = [squareform(pdist(shared + 0.1 * generator.normal(size=shared.shape))) for _ in range(seeds)]
        taus = {seed: float(np.mean(kendall_tau_by_class(each, hops))) for seed, each in enumerate(own)}
        meaning = Meaning("WordNet", taus, kendall_tau_permutation_p(own, hops, 99))
        said += four_claims(comparison, {"LwAL": meaning})[3].answer == "yes"
    assert said / times <= 0.07


def test_two_seeds_have_no_interval_and_no_answer():
    faster, better, cheap, _ = four_claims(compare({"One-hot": BASE[:2], "LwAL": FAST[:2]}, "One-hot"), {})
    assert [claim.answer for claim in (faster, better, cheap)] == ["open"] * 3
    assert "interval undefined (2 seeds are too few)" in better.evidence[0]
    assert all(math.isnan(point.low) for claim in (faster, better, cheap) for point in claim.points)


def test_slower_worse_and_dear_is_said():
    slow = runs("LwAL", [0.1, 0.2, 0.3, 0.4, 0.4], [0.1, 0.2, 0.3, 0.3, 0.35], [0.1, 0.2, 0.3, 0.4, 0.45], second=4.0)
    faster, better, cheap, meaningful = four_claims(compare({"One-hot": BASE, "LwAL": slow}, "One-hot"), {})
    assert faster.answer == "no" and faster.number == "0 of 3 seeds" and "never reaches" in faster.sentence
    assert better.answer == "no"
    assert cheap.answer == "no" and cheap.number == "2 times"
    assert meaningful.answer == "open" and "No taxonomy" in meaningful.sentence


def test_the_time_of_an_epoch_is_explained_by_its_parts():
    """By hand: epochs of 2.4 and 2 s, so 20 % more. Labels take 10 % of 2.4 s and 2 % of 2 s: 12 - 2 points of the baseline's
    epoch; the output layer 5 % and 1 %: 6 - 1; what is left of the 20 is 5."""
    base = runs("One-hot", *[[0.1, 0.5]] * 3, label_share=0.02, output_share=0.01)
    mine = runs("LwAL", *[[0.1, 0.5]] * 3, second=2.4, label_share=0.1, output_share=0.05)
    cheap = four_claims(compare({"One-hot": base, "LwAL": mine}, "One-hot"), {})[2]
    assert cheap.number == "1.2 times"
    assert (
        "Beside one-hot's, an epoch takes +20 %: +10 points of label work, +5 of the output layer with its optimiser step, "
        "and +5 that neither explains (other work on the machine, caches)."
    ) in cheap.evidence
    without = four_claims(compare({"One-hot": BASE, "LwAL": mine}, "One-hot"), {})[2]
    assert not any("label work," in sentence for sentence in without.evidence)


def test_some_seeds_get_there_is_open():
    some = runs("LwAL", [0.1, 0.9], [0.1, 0.2], [0.1, 0.9])
    faster = four_claims(compare({"One-hot": BASE, "LwAL": some}, "One-hot"), {})[0]
    assert faster.answer == "open" and faster.number == "2 of 3 seeds"


def test_one_seed_is_never_a_yes():
    claims = four_claims(compare({"One-hot": BASE[:1], "LwAL": FAST[:1]}, "One-hot"), {"LwAL": Meaning("t", {0: 0.9})})
    assert {claim.answer for claim in claims} == {"open"}
    assert all(math.isnan(point.low) for claim in claims for point in claim.points)


def test_the_first_method_leads_not_the_best():
    groups = {"One-hot": BASE, "LwAL": BASE, "LwAL10": FAST}
    faster = four_claims(compare(groups, "One-hot"), {})[0]
    assert faster.answer == "open" and [point.label for point in faster.points] == ["LwAL", "LwAL10"]


@pytest.mark.parametrize(
    ("groups", "word"),
    [
        ({}, "Train a method"),
        ({"One-hot": BASE}, "Train a method"),
        ({"LwAL": FAST}, "Train one-hot on the same data with the same seeds, or record it,"),
    ],
)
def test_nothing_to_answer_from(groups, word):
    claims = four_claims(compare(groups, "One-hot"), {})
    assert word in claims[0].sentence
    assert {claim.answer for claim in claims} == {"open"} and not any(claim.number for claim in claims)


def test_baseline_never_better_than_untrained():
    flat = runs("One-hot", [0.5, 0.4, 0.3])
    assert "no target" in four_claims(compare({"One-hot": flat, "LwAL": FAST}, "One-hot"), {})[0].sentence


def test_undefined_tau():
    meaningful = four_claims(
        compare({"One-hot": BASE, "LwAL": FAST}, "One-hot"), {"LwAL": Meaning("t", {0: math.nan})}
    )[3]
    assert meaningful.answer == "open" and "undefined" in meaningful.sentence
