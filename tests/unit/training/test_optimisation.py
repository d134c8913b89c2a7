"""Learning rate over time, clipping, batches: against loops and closed forms."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch

from lwal_core.config import TrainingConfig
from lwal_core.training.batches import Batches
from lwal_core.training.determinism import epoch_order
from lwal_core.training.optimisation import Stepper, build_optimizer, learning_rate, pick_dtype
from lwal_core.training.sampling import Sampler

CPU = torch.device("cpu")


def rates(steps_per_epoch: int = 10, **options: object) -> list[float]:
    training = TrainingConfig.model_validate({"epochs": 4, "learning_rate": 0.5, **options})
    return [learning_rate(training, step, steps_per_epoch) for step in range(4 * steps_per_epoch)]


class TestLearningRate:
    def test_constant(self) -> None:
        assert set(rates()) == {0.5}

    def test_cosine_is_torchs(self) -> None:
        optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.5)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=40)
        expected = []
        for _ in range(40):
            expected.append(optimizer.param_groups[0]["lr"])
            optimizer.step()
            schedule.step()
        assert rates(schedule="cosine") == pytest.approx(expected, rel=1e-9)

    def test_warmup_rises_evenly_to_the_full_rate(self) -> None:
        got = rates(warmup_epochs=1.0)
        assert got[:10] == pytest.approx([0.5 * (i + 1) / 11 for i in range(10)])
        assert set(got[10:]) == {0.5}
        assert all(b > a > 0 for a, b in pairwise(got[:11]))

    def test_warmup_then_cosine_starts_full_and_ends_near_zero(self) -> None:
        got = rates(warmup_epochs=1.0, schedule="cosine")
        assert got[10] == pytest.approx(0.5) and 0 < got[-1] < 0.01
        assert all(b < a for a, b in pairwise(got[10:]))

    def test_warmup_longer_than_the_training(self) -> None:
        got = rates(warmup_epochs=1000.0, schedule="cosine")
        assert all(math.isfinite(rate) and 0 < rate <= 0.5 for rate in got)


class TestStepper:
    def test_clipping_limits_the_whole_gradient(self) -> None:
        def stepped(clip: float | None) -> torch.Tensor:
            weight = torch.nn.Parameter(torch.tensor([3.0, 4.0]))
            training = TrainingConfig(optimizer="sgd", learning_rate=1.0, clip_norm=clip)
            stepper = Stepper(build_optimizer([weight], training), training, 5, torch.float32, CPU)
            stepper.step((weight * torch.tensor([30.0, 40.0])).sum(), 0)
            return weight.detach() - torch.tensor([3.0, 4.0])

        assert torch.allclose(stepped(None), torch.tensor([-30.0, -40.0]))
        assert torch.allclose(stepped(5.0), torch.tensor([-3.0, -4.0]), atol=1e-4)  # the same direction, length 5
        assert torch.allclose(stepped(100.0), torch.tensor([-30.0, -40.0]))

    def test_mixed_precision_is_close_to_full(self) -> None:
        torch.manual_seed(0)
        layer, x = torch.nn.Linear(64, 8), torch.randn(32, 64)
        training = TrainingConfig()
        stepper = Stepper(build_optimizer(layer.parameters(), training), training, 5, torch.bfloat16, CPU)
        with stepper.autocast():
            low = layer(x)
        assert low.dtype is torch.bfloat16
        assert torch.allclose(low.float(), layer(x), atol=0.05)

    @pytest.mark.parametrize(("precision", "dtype"), [("auto", torch.float32), ("bfloat16", torch.bfloat16)])
    def test_dtype(self, precision: str, dtype: torch.dtype) -> None:
        assert pick_dtype(precision, CPU) is dtype


def plain(y: torch.Tensor, size: int, seed: int, processes: int = 1) -> Sampler:
    return Sampler(y, TrainingConfig(batch_size=size, seed=seed), processes)


class TestBatches:
    x, y = torch.arange(23).reshape(23, 1), torch.arange(23) % 4

    @pytest.mark.parametrize("resident", [True, False])
    def test_every_sample_once_in_the_order_of_the_epoch(self, resident: bool) -> None:
        batches = Batches(self.x, self.y, plain(self.y, 5, 7), CPU, resident=resident)
        seen = list(batches.epoch(3))
        assert [len(batch.y) for batch in seen] == [5, 5, 5, 5, 3] and batches.per_epoch == 5
        rows = torch.cat([batch.rows for batch in seen])
        assert torch.equal(rows, epoch_order(23, 7, 3))
        assert torch.equal(torch.cat([batch.x for batch in seen]).flatten(), rows)
        assert torch.equal(torch.cat([batch.y for batch in seen]), rows % 4)

    def test_a_last_batch_of_one_is_left_out(self) -> None:
        assert [
            len(batch.y) for batch in Batches(self.x[:21], self.y[:21], plain(self.y[:21], 5, 0), CPU).epoch(1)
        ] == [5, 5, 5, 5]

    def test_fewer_samples_than_a_batch(self) -> None:
        assert [len(batch.y) for batch in Batches(self.x[:3], self.y[:3], plain(self.y[:3], 64, 0), CPU).epoch(1)] == [
            3
        ]

    def test_processes_share_each_batch_evenly(self) -> None:
        whole = list(Batches(self.x, self.y, plain(self.y, 6, 7), CPU).epoch(1))
        parts = [
            list(Batches(self.x, self.y, plain(self.y, 6, 7, 3), CPU, rank=rank, processes=3).epoch(1))
            for rank in range(3)
        ]
        assert len({len(part) for part in parts}) == 1
        for number, batch in enumerate(whole[:3]):
            shares = [part[number].rows for part in parts]
            assert {len(share) for share in shares} == {2}
            assert sorted(torch.cat(shares).tolist()) == sorted(batch.rows.tolist())

    def test_epochs_have_other_orders(self) -> None:
        batches = Batches(self.x, self.y, plain(self.y, 23, 7), CPU)
        first, second = (next(batches.epoch(epoch)).rows for epoch in (1, 2))
        assert not torch.equal(first, second)
