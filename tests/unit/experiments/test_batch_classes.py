"""How many samples of a class a batch has, against batches that are drawn."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import hypergeom

from lwal_core.config import TrainingConfig
from lwal_core.experiments.batch_classes import batch_advice, batch_classes, batch_text


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(1, 300), min_size=1, max_size=12), st.integers(2, 400))
def test_plain_batches_against_the_hypergeometric_law(counts, size):
    found = batch_classes(counts, TrainingConfig(batch_size=size))
    total, drawn = sum(counts), min(size, sum(counts))
    expected = [float(hypergeom(total, count, drawn).cdf(1)) for count in counts]
    assert found.size == drawn and found.mean == pytest.approx(drawn / len(counts))
    assert found.thin == pytest.approx(np.mean(expected), abs=1e-9)
    assert found.fewest == pytest.approx(drawn * min(counts) / total)


def test_plain_batches_against_batches_that_are_drawn():
    counts, size = [500, 100, 20, 380], 64
    y = np.repeat(np.arange(4), counts)
    generator = np.random.default_rng(0)
    drawn = np.array([np.bincount(generator.choice(y, size, replace=False), minlength=4) for _ in range(2_000)])
    found = batch_classes(counts, TrainingConfig(batch_size=size))
    assert found.thin == pytest.approx((drawn <= 1).mean(), abs=0.01)
    assert found.fewest == pytest.approx(drawn.mean(axis=0).min(), abs=0.1)


@pytest.mark.parametrize(
    ("counts", "options", "text", "advice"),
    [
        ([140] * 10, {}, "64 samples, 6.4 of a class on average; 0.85 % of the classes have one or none", ""),
        ([26] * 1000, {"batch_size": 256}, "97", "balanced sampler with 64 classes and 4 samples each"),
        ([5_000, 40, 40], {"batch_size": 64}, "21 of a class", "the class-balanced sampler has them"),
        ([5_000, 40, 40], {"batch_size": 64, "sampler": "class-balanced"}, "64 samples, 21 of a class on average", ""),
        ([50] * 20, {"sampler": "balanced"}, "32 samples, 4 of each of 8 classes", ""),
        ([50] * 20, {"sampler": "balanced", "samples_per_class": 1}, "is that sample", "several samples of a class: 4"),
    ],
)
def test_what_the_form_says(counts, options, text, advice):
    training = TrainingConfig.model_validate(options)
    found = batch_classes(counts, training)
    assert text in batch_text(found)
    given_advice = batch_advice(counts, training)
    assert advice in given_advice and bool(advice) == bool(given_advice)
    assert not math.isnan(found.thin)


def test_what_is_advised_is_enough():
    for counts in ([26] * 1000, [5_000, 40, 40], [3] * 50):
        assert batch_advice(counts, TrainingConfig(batch_size=16))
    assert not batch_advice([26] * 1000, TrainingConfig(sampler="balanced", classes_per_batch=64))
    assert not batch_advice([26] * 1000, TrainingConfig(batch_size=4_000))
    assert not batch_advice([5_000, 40, 40], TrainingConfig(sampler="class-balanced"))
