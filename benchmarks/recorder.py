"""What recording costs: an epoch of ResNet-18 at 32 pixels whose evaluation pass is recorded, against one with the program's own.

Usage: ``.venv/bin/python benchmarks/recorder.py [--rounds 4] [--steps 10] [--batch 32] [--device auto]``, about two minutes on two
cores. Each round trains some steps and then evaluates a fifth as many batches, as CIFAR-10 has them, three times on the same
weights, in another order each round: by a plain loop, by the same loop watched (``recorded``), and by ``record_epoch``. The cost is what
the pass takes longer than the plain one, writing included, as a share of the round's training and plain pass; processor time is the
steadier of the two where other programs run.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch
from torch import nn
from torchvision.models import resnet18

import lwal_core as lwal
from lwal_core.integrations.torch import record_epoch, recorded
from lwal_core.training.devices import device_title, pick_device

CLASSES, SIDE, BUDGET = 10, 32, 0.02


def main() -> None:
    """Print each figure in a line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--device", default="auto")
    options = parser.parse_args()
    device = pick_device(options.device)
    print(f"device {device_title(device)}, {torch.get_num_threads()} threads, torch {torch.__version__}")
    torch.manual_seed(0)
    network = resnet18(num_classes=CLASSES)
    network.conv1, network.maxpool = nn.Conv2d(3, 64, 3, padding=1, bias=False), nn.Identity()  # type: ignore[assignment]
    network.to(device)
    optimizer = torch.optim.SGD(network.parameters(), 1e-2)
    batches = [
        (torch.rand(options.batch, 3, SIDE, SIDE), torch.arange(options.batch) % CLASSES)
        for _ in range(max(1, options.steps // 5))
    ]

    def train() -> None:
        network.train()
        for step in range(options.steps):
            x, y = batches[step % len(batches)]
            loss = nn.functional.cross_entropy(network(x.to(device)), y.to(device))
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()

    @torch.no_grad()
    def evaluate(loader: Any) -> float:
        network.eval()
        hits = torch.zeros((), device=device, dtype=torch.int64)
        for x, y in loader:
            hits += (network(x.to(device)).argmax(1) == y.to(device)).sum()
        return hits.item() / (len(batches) * options.batch)

    with (
        tempfile.TemporaryDirectory() as home,
        lwal.start_run(classes=list("0123456789"), method="resnet18", data="noise", home=home, strict=True) as run,
    ):

        def watch(epoch: int) -> None:
            with recorded(run, epoch, network, batches) as loader:
                evaluate(loader)

        passes: dict[str, Callable[[int], Any]] = {
            "plain": lambda epoch: evaluate(batches),
            "recorded": watch,
            "record_epoch": lambda epoch: record_epoch(run, epoch, network, batches),
        }
        seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in ("train", *passes)}
        for epoch in range(options.rounds + 1):  # the first warms up and writes the pictures
            seconds["train"].append(_timed(train, device))
            names = list(passes)[epoch % 3 :] + list(passes)[: epoch % 3]
            for name in names:
                seconds[name].append(_timed(lambda name=name, epoch=epoch: passes[name](epoch), device))  # type: ignore[misc]
    for name, values in seconds.items():
        print(f"{name} {1000 * statistics.median(wall for wall, _ in values[1:]):.1f} ms a round")
    for name in ("recorded", "record_epoch"):
        for clock, title in enumerate(("time", "processor time")):
            costs = [
                (own[clock] - plain[clock]) / (trained[clock] + plain[clock])
                for trained, plain, own in zip(*(seconds[key][1:] for key in ("train", "plain", name)), strict=True)
            ]
            low, middle, high = statistics.quantiles(costs, n=4)
            print(
                f"cost of {name} {middle:.2%} of an epoch's {title}, quartiles {low:.2%} to {high:.2%}, budget {BUDGET:.0%}"
            )


def _timed(work: Callable[[], Any], device: torch.device) -> tuple[float, float]:
    """Seconds on the wall, and of all processors."""
    started, before = time.perf_counter(), time.process_time()
    work()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - started, time.process_time() - before


if __name__ == "__main__":
    main()
