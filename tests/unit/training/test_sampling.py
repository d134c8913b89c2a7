"""Samplers: what each batch holds, that an epoch is one pass's worth of samples, and that seed and epoch decide the order."""

from __future__ import annotations

from collections import Counter
from math import ceil, floor

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from lwal_core.config import RunConfig, TrainingConfig
from lwal_core.errors import ConfigError, TrainingError
from lwal_core.training.batches import Batches
from lwal_core.training.sampling import Sampler

COUNTS = st.lists(st.integers(1, 30), min_size=2, max_size=7)


def classes_of(counts: list[int], seed: int = 0) -> Tensor:
    y = torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts))
    return y[torch.randperm(len(y), generator=torch.Generator().manual_seed(seed))]


def batches(y: Tensor, epoch: int = 1, seed: int = 5, **options: object) -> list[list[int]]:
    sampler = Sampler(y, TrainingConfig.model_validate({"seed": seed, **options}))
    found = [rows.tolist() for rows in sampler.epoch(epoch)]
    assert len(found) == sampler.per_epoch
    return found


@settings(max_examples=60, deadline=None)
@given(COUNTS, st.integers(2, 4), st.integers(1, 6), st.integers(0, 99))
def test_a_balanced_batch_has_as_many_samples_of_as_many_classes(counts, per_batch, samples, epoch):
    y = classes_of(counts)
    if per_batch > len(counts):
        with pytest.raises(TrainingError, match=f"Use --classes-per-batch {len(counts)} or fewer"):
            batches(y, sampler="balanced", classes_per_batch=per_batch, samples_per_class=samples)
        return
    found = batches(y, epoch, sampler="balanced", classes_per_batch=per_batch, samples_per_class=samples)
    assert len(found) == max(1, len(y) // (per_batch * samples))
    turns, uses = Counter(), Counter()
    for rows in found:
        held = Counter(y[rows].tolist())
        assert len(held) == per_batch and set(held.values()) == {samples}
        for c in held:
            mine = [row for row in rows if y[row] == c]
            assert len(set(mine)) == min(samples, counts[c])  # different ones as long as there are enough
        turns.update(held.keys())
        uses.update(rows)
    # Classes take turns: none is a round behind another; and so do the samples of a class.
    assert max(turns.values()) - min(turns[c] for c in range(len(counts))) <= 2
    for c in range(len(counts)):
        mine = [uses[row] for row in range(len(y)) if y[row] == c]
        assert max(mine) - min(mine) <= 2


@settings(max_examples=60, deadline=None)
@given(COUNTS, st.integers(2, 20), st.integers(0, 99))
def test_class_balanced_gives_every_class_its_share_of_an_epoch(counts, size, epoch):
    y = classes_of(counts)
    found = batches(y, epoch, sampler="class-balanced", batch_size=size)
    plain = batches(y, epoch, batch_size=size)
    assert list(map(len, found)) == list(map(len, plain))
    left_out = len(y) - sum(map(len, found))
    assert left_out <= 1
    held = Counter(y[[row for rows in found for row in rows]].tolist())
    share = len(y) / len(counts)
    for c, count in enumerate(counts):
        assert floor(share) - left_out <= held[c] <= ceil(share)
        uses = Counter(row for rows in found for row in rows if y[row] == c)
        # All samples of a class before one comes again; one may have been left out with the last batch.
        assert max(uses.values(), default=0) <= ceil(ceil(share) / count)


@pytest.mark.parametrize(
    "options",
    [
        {"batch_size": 8},
        {"sampler": "class-balanced", "batch_size": 8},
        {"sampler": "balanced", "classes_per_batch": 2, "samples_per_class": 4},
    ],
)
def test_seed_and_epoch_decide_the_order_and_nothing_else(options):
    y = classes_of([40, 10, 20, 30])
    sampler = Sampler(y, TrainingConfig.model_validate({"seed": 5, **options}))
    first = [rows.tolist() for rows in sampler.epoch(1)]
    torch.rand(3)  # what others draw does not matter
    third = [rows.tolist() for rows in sampler.epoch(3)]
    assert third == batches(y, 3, **options) and first == batches(y, 1, **options)  # as a resumed training has it
    assert first != third and first != batches(y, 1, seed=6, **options)
    assert 96 <= sum(map(len, first)) <= 100


def test_processes_have_equal_shares_of_each_class_in_a_balanced_batch():
    y = classes_of([20] * 6)
    training = TrainingConfig(sampler="balanced", classes_per_batch=3, samples_per_class=4)
    x = torch.arange(len(y))
    parts = [
        list(Batches(x, y, Sampler(y, training, 2), torch.device("cpu"), rank=rank, processes=2).epoch(1))
        for rank in (0, 1)
    ]
    whole = [rows.tolist() for rows in Sampler(y, training).epoch(1)]
    for rows, one, two in zip(whole, *parts, strict=True):
        assert sorted(rows) == sorted([*one.rows.tolist(), *two.rows.tolist()])
        assert Counter(one.y.tolist()) == Counter(two.y.tolist()) == dict.fromkeys(set(y[rows].tolist()), 2)


def test_a_class_without_training_samples_is_never_drawn():
    y = torch.tensor([0, 2, 2, 0, 2, 0, 4, 4])
    for options in ({"sampler": "class-balanced", "batch_size": 4}, {"sampler": "balanced", "classes_per_batch": 3}):
        held = {int(y[row]) for rows in batches(y, **options) for row in rows}
        assert held == {0, 2, 4}


def test_the_size_of_a_balanced_batch_is_a_product():
    balanced = {"sampler": "balanced", "classes_per_batch": 8, "samples_per_class": 4}
    assert TrainingConfig.model_validate(balanced).step_size == 32
    assert TrainingConfig.model_validate(balanced | {"batch_size": 32}).step_size == 32
    for values, words in (
        (balanced | {"batch_size": 128}, "batch_size 128 does not go with .* 8 x 4 = 32 samples"),
        ({"samples_per_class": 3}, "samples_per_class: for the balanced sampler alone"),
        (balanced | {"classes_per_batch": 32_768}, "131,072 samples is too large"),
    ):
        with pytest.raises(ConfigError, match=words):
            RunConfig.parse({"training": values})


def test_samplers_are_other_experiments_and_the_default_is_that_of_older_runs():
    plain, balanced = RunConfig(), RunConfig.parse({"training": {"sampler": "balanced"}})
    assert plain.group_key() == "2073de6136d3" != balanced.group_key()
    assert plain.workload() != balanced.workload()
