"""record_epoch: what a slow loop finds, without a trace in the training."""

from __future__ import annotations

import gc
import random
import tracemalloc
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

import lwal_core as lwal
from lwal_core.integrations.batches import as_pictures
from lwal_core.integrations.tally import Tally
from lwal_core.integrations.torch import record_epoch, recorded
from lwal_core.integrations.watched import OF_TEST_SET
from lwal_core.recording.arrays import RecordError
from lwal_core.recording.open_runs import RecordWarning
from lwal_core.runs import Run, open_run
from tests.support.integrations import loaders, small_network, squares, start, train_epoch
from tests.support.own_loop import NAMES


def one_epoch(model: nn.Module, loader: Any, **options: Any) -> Run:
    """A run of one epoch, in which whatever goes wrong is an error."""
    with start("torch") as run:
        record_epoch(run, 1, model, loader, **options)
    return open_run(run.id)


def slow_means(features: Callable[[Tensor], Tensor], x: Tensor, y: Tensor) -> np.ndarray:
    """Class means by a loop over samples, in float64."""
    with torch.no_grad():
        z = features(x).double().numpy()
    sums, counts = [[0.0] * z.shape[1] for _ in NAMES], [0] * len(NAMES)
    for row, c in zip(z, y.tolist(), strict=True):
        counts[c] += 1
        for k, value in enumerate(row):
            sums[c][k] += value
    return np.array([[value / count for value in row] for row, count in zip(sums, counts, strict=True)])


def test_the_training_is_what_it_would_have_been() -> None:
    ends = []
    for recording in (False, True):
        torch.manual_seed(5)
        np.random.seed(5)  # noqa: NPY002
        random.seed(5)
        train, test = loaders()
        network = small_network()
        network[1].eval()  # a layer that somebody froze
        optimizer = torch.optim.SGD(network.parameters(), 1e-2)
        with start("torch") as run:
            for epoch in (1, 2):
                for x, y in train:
                    loss = nn.functional.cross_entropy(network(nn.functional.dropout(x, 0.1)), y)
                    optimizer.zero_grad()
                    loss.backward()
                    optimizer.step()
                if recording:
                    modes = [layer.training for layer in network.modules()]
                    record_epoch(run, epoch, network, DataLoader(test.dataset, 24, shuffle=True), train_loader=train)
                    assert [layer.training for layer in network.modules()] == modes
                    assert not any(layer._forward_hooks for layer in network.modules())
                    assert torch.is_grad_enabled()
        draws = torch.rand(3).tolist() + np.random.rand(3).tolist() + [random.random()]  # noqa: NPY002
        ends.append(({name: value.tolist() for name, value in network.state_dict().items()}, draws))
    assert ends[0] == ends[1]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.float16])
def test_class_means_of_every_precision(dtype: torch.dtype) -> None:
    network = small_network().to(dtype)
    train_mode = network.train()
    (x, y), (_, test) = squares(60, seed=1), loaders()
    run = one_epoch(train_mode, test)
    network.eval()
    assert np.abs(run.labels(1).centroids - slow_means(lambda x: network[:-1](x.to(dtype)), x, y)).max() < 1e-5


def test_channels_last_gives_the_same() -> None:
    network, (x, y) = small_network().to(memory_format=torch.channels_last), squares(60, seed=1)
    loader = DataLoader(TensorDataset(x.contiguous(memory_format=torch.channels_last), y), 24)
    run = one_epoch(network, loader)
    network.eval()
    assert np.abs(run.labels(1).centroids - slow_means(network[:-1], x, y)).max() < 1e-5
    plain = one_epoch(network, loaders()[1])
    assert (plain.samples().images == run.samples().images).all()  # type: ignore[union-attr]


class Two(nn.Module):
    """A network of two inputs, whose outputs are in a mapping or a tuple."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.body, self.head, self.kind = small_network()[:-1], nn.Linear(8, len(NAMES)), kind

    def forward(self, pixels: Tensor, scale: Tensor) -> Any:
        logits = self.head(self.body(pixels) * scale[:, None])
        return {"aux": logits[:, :2], "logits": logits} if self.kind == "mapping" else (logits[:, :2], logits)


@pytest.mark.parametrize("kind", ["mapping", "tuple"])
def test_mappings_tuples_and_several_inputs(kind: str) -> None:
    (x, y), network = squares(60, seed=1), Two(kind)
    scale = torch.linspace(0.5, 2, len(y))
    batches: list[Any] = list(zip(x.split(24), scale.split(24), y.split(24), strict=True))
    if kind == "mapping":
        batches = [{"labels": c, "scale": s, "pixels": p} for p, s, c in batches]
    run = one_epoch(network, batches)
    network.eval()
    assert np.abs(run.labels(1).centroids - slow_means(lambda x: network.body(x) * scale[:, None], x, y)).max() < 1e-5
    assert run.samples() is not None
    strange = [{"a": x, "b": scale, "c": y}]
    again = one_epoch(network, strange, unpack=lambda batch: ((batch["a"], batch["b"]), batch["c"]))
    assert np.allclose(again.labels(1).centroids, run.labels(1).centroids, atol=1e-6)


def test_means_of_training_samples_give_accuracy_by_the_nearest() -> None:
    network = small_network()
    train, test = loaders()
    train_epoch(network, train, torch.optim.Adam(network.parameters(), 1e-2))
    run = one_epoch(network, test, train_loader=train)
    network.eval()
    (x, y), (x_test, y_test) = squares(120), squares(60, seed=1)
    means = slow_means(network[:-1], x, y)
    assert np.abs(run.labels(1).centroids - means).max() < 1e-5
    with torch.no_grad():
        z = network[:-1](x_test).double().numpy()
    near = [min(range(6), key=lambda c: sum((row - means[c]) ** 2)) for row in z]
    assert run.metrics().test_accuracy_mean[0] == pytest.approx(np.mean(np.array(near) == y_test.numpy()))
    assert run.labels(1).accuracy("mean") is not None and run.record.data.notes == []  # type: ignore[union-attr]
    alone = one_epoch(network, test)
    assert np.isnan(alone.metrics().test_accuracy_mean[0]), "means of the samples that are measured are no rule"
    assert alone.record.data.notes == [OF_TEST_SET]  # type: ignore[union-attr]


def test_a_network_without_scores_is_read_by_the_nearest_mean() -> None:
    network = nn.Sequential(*small_network()[:-1], nn.Linear(8, 20))
    train, test = loaders()
    with pytest.raises(RecordError, match="No layer of Sequential has weights for 6 classes"):
        one_epoch(network, test)
    with pytest.raises(RecordError, match=r"gives no \[B, 6\] scores. Give a train_loader"):
        one_epoch(network, test, head="5")
    run = one_epoch(network, test, head="5", train_loader=train)
    assert np.isfinite(run.metrics().test_accuracy_mean[0]) and np.isnan(run.metrics().test_accuracy_own[0])
    assert run.record.vectors == ["centroids"]


class Breaks(nn.Module):
    """A network that ends in an error."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.body, self.error = small_network(), error

    def forward(self, x: Tensor) -> Tensor:
        self.body(x)
        raise self.error


@pytest.mark.parametrize("error", [RuntimeError("no memory left"), KeyboardInterrupt()])
def test_an_error_in_the_network_leaves_it_as_it_was(error: BaseException) -> None:
    network, (_, test) = Breaks(error).train(), loaders()
    state = torch.get_rng_state()
    run = lwal.start_run(classes=NAMES, method="m", data="d")
    if isinstance(error, Exception):
        with pytest.warns(RecordWarning, match=r"record_epoch\(\): RuntimeError: no memory left It is left out"):
            assert record_epoch(run, 1, network, test) is None
    else:
        with pytest.raises(KeyboardInterrupt):
            record_epoch(run, 1, network, test)
    assert all(layer.training and not layer._forward_hooks for layer in network.modules())
    assert torch.equal(torch.get_rng_state(), state) and torch.is_grad_enabled() and run.recording
    run.finish()
    assert open_run(run.id).label_epochs() == []


@pytest.mark.parametrize(
    ("batches", "sentence"),
    [
        ([], "The loader gave no samples"),
        ([torch.zeros(2, 3, 16, 16)], "A batch is a Tensor"),
        ([(torch.zeros(2, 3, 16, 16), torch.tensor([0, 6]))], r"targets has the value 6 at \[1\]"),
        ([(torch.zeros(2, 3, 16, 16), torch.tensor([0, 1, 2]))], r"targets has the shape \[3\]"),
        ([(torch.zeros(2, 3, 16, 16), torch.zeros(2, 6))], r"targets has the shape \[2, 6\]"),
        ([(torch.full((6, 3, 16, 16), torch.nan), torch.arange(6))], "the value nan"),
        ([{"pixels": torch.zeros(2, 3, 16, 16)}], "Name the classes labels"),
    ],
    ids=["none", "no classes", "no class", "too many", "soft", "nan", "mapping"],
)
def test_strange_batches_are_said(batches: list[Any], sentence: str) -> None:
    with pytest.raises(RecordError, match=sentence):
        one_epoch(small_network(), batches)


def test_a_class_without_samples_has_no_mean() -> None:
    x, y = squares(60, seed=1)
    with pytest.warns(RecordWarning, match="1 classes have no sample, 'goose' among them"):
        run = one_epoch(small_network(), [(x[y < 5], y[y < 5])])
    assert run.record.vectors == ["labels"] and np.isnan(run.labels(1).accuracy("own")[5])  # type: ignore[index]


def test_memory_does_not_grow_with_the_number_of_samples() -> None:
    def peak(batches: int) -> int:
        tally, alive = Tally(6), []
        generator = torch.Generator().manual_seed(0)

        def stream() -> Iterator[tuple[Tensor, Tensor]]:
            for _ in range(batches):
                yield torch.rand(500, 64, generator=generator), torch.rand(500, 6, generator=generator)

        gc.collect()
        tracemalloc.start()
        for z, scores in stream():
            x = torch.zeros(500, 3, 8, 8)
            alive += [weakref.ref(z), weakref.ref(x)]
            tally.add(z, np.arange(500) % 6, scores, lambda rows, x=x: as_pictures(x, rows))
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        del z, x, scores
        gc.collect()
        assert not any(each() is not None for each in alive)
        assert tally.tested().z.shape == (2_000, 64)
        return most

    few, many = peak(10), peak(40)  # 5,000 and 20,000 samples
    assert many < few + 2**17


def test_a_pass_of_the_programs_own_costs_none() -> None:
    network, (_, test) = small_network(), loaders()
    calls = 0

    def count(*_: Any) -> None:
        nonlocal calls
        calls += 1

    network.register_forward_hook(count)
    with start("torch") as run:
        with recorded(run, 1, network, test) as batches:
            network.eval()
            hits = sum(int((network(x).argmax(1) == y).sum()) for x, y in batches)
        assert calls == 3 == len(batches) and batches.batch_size == 24
        with recorded(run, 2, network, test) as batches:
            next(iter(batches))  # a pass that was broken off is none
    read = open_run(run.id)
    assert read.label_epochs() == [1] and read.metrics().test_accuracy_own[0] == pytest.approx(hits / 60)


def test_an_error_in_a_pass_of_the_programs_own_is_the_programs() -> None:
    network, (_, test) = small_network(), loaders()
    with pytest.raises(ZeroDivisionError), start("torch") as run, recorded(run, 1, network, test) as batches:
        assert network(next(iter(batches))[0]).mean() / 0 and 1 / 0
    assert not network[-1]._forward_hooks and open_run(run.id).status == "failed"


def test_other_processes_of_a_distributed_training_run_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "1")
    with start("torch") as run:
        assert record_epoch(run, 1, Breaks(RuntimeError()), loaders()[1]) is None
        with recorded(run, 1, Breaks(RuntimeError()), loaders()[1]) as batches:
            assert isinstance(batches, DataLoader)


def test_a_share_of_the_test_set_is_said() -> None:
    data = loaders()[1].dataset
    sampler = torch.utils.data.DistributedSampler(data, num_replicas=2, rank=0)  # type: ignore[arg-type,var-annotated]
    with pytest.warns(RecordWarning, match="one of 2 shares of its samples"):
        run = one_epoch(small_network(), DataLoader(data, 24, sampler=sampler))
    assert run.evaluation().confusion.sum() == 30


@pytest.mark.parametrize(
    ("x", "options", "pixels"),
    [
        (torch.full((1, 3, 2, 2), 200, dtype=torch.uint8), {}, 200),
        (torch.full((1, 1, 2, 2), 0.5), {}, 128),
        (torch.full((1, 3, 2, 2), 200.0), {}, 200),
        (torch.full((1, 3, 2, 2), 1.0), {"mean": [0.25] * 3, "std": [0.5] * 3}, 191),
        (torch.tensor([-4.0, 0.0, 4.0, 4.0]).reshape(1, 1, 2, 2), {}, None),
    ],
    ids=["uint8", "grey", "to 255", "normalised", "unknown"],
)
def test_pictures_are_told_by_their_range(x: Tensor, options: dict[str, Any], pixels: int | None) -> None:
    found = as_pictures(x, np.array([0]), **options)
    assert found.shape == (1, 2, 2, 3) and found.dtype == np.uint8
    if pixels is None:
        assert found[0, :, :, 0].tolist() == [[0, 128], [255, 255]]
    else:
        assert (found == pixels).all()


def test_large_pictures_become_thumbnails() -> None:
    assert as_pictures(torch.rand(2, 3, 96, 64), np.array([1])).shape == (1, 48, 32, 3)
