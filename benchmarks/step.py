"""What learned labels cost: a step of LwAL against one of one-hot, and the label work alone against a loop over classes.

Usage: ``.venv/bin/python benchmarks/step.py [--encoder resnet18] [--batch 128] [--pairs 9] [--device auto]``, or with ``--digits``
for the small network of the digits data and batches of 64, where a step takes a few milliseconds and labels weigh most.
Steps of the methods alternate in one run, so that whatever else the machine does meets all of them. The ratio is the median over
pairs; beside it stands the ratio of the shortest steps, which other work on the machine can hardly touch.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from lwal_core.config import EncoderConfig, parse_method
from lwal_core.encoders import Classifier, build_encoder
from lwal_core.methods import AdaptiveLabels, StepContext, TaskInfo
from lwal_core.methods.losses import pull_loss, push_loss
from lwal_core.training.devices import device_title, pick_device

CLASSES = 10
IMAGES, DIGITS = (3, 32, 32), (1, 8, 8)


def main() -> None:
    """Print both comparisons."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--digits", action="store_true")
    parser.add_argument("--encoder")
    parser.add_argument("--batch", type=int)
    parser.add_argument("--pairs", type=int)
    parser.add_argument("--device", default="auto")
    options = parser.parse_args()
    device = pick_device(options.device)
    print(f"device {device_title(device)}, {torch.get_num_threads()} threads, torch {torch.__version__}\n")
    shape, encoder, batch, pairs = (DIGITS, "auto", 64, 500) if options.digits else (IMAGES, "resnet18", 128, 9)
    batch = options.batch or batch
    whole_steps(options.encoder or encoder, shape, batch, options.pairs or pairs, device)
    label_work(batch, device)


def whole_steps(encoder: str, shape: tuple[int, int, int], batch: int, pairs: int, device: torch.device) -> None:
    """Time of a training step with each method, one after the other."""
    names = {
        "One-hot": {"name": "onehot"},
        "LwAL": {"name": "lwal"},
        "LwAL10": {"name": "lwal", "dim": "10x"},
        "Cosine head": {"name": "cosine"},
        "Hybrid": {"name": "hybrid"},
        "Hybrid, cosine head": {"name": "hybrid", "head": "cosine"},
    }
    steps = {title: _Step(encoder, shape, method, batch, device) for title, method in names.items()}
    for step in steps.values():
        for _ in range(2):  # the first step makes the optimiser's state
            step.take(device)
    seconds: dict[str, list[float]] = {title: [] for title in steps}
    for _ in range(pairs):
        for title, step in steps.items():
            seconds[title].append(step.take(device))
    base = steps["One-hot"]
    print(f"{encoder}, {shape[1]} x {shape[2]} pixels, {CLASSES} classes, batch {batch}, {pairs} pairs")
    columns = {
        "ms a step": 12,
        "ratio": 9,
        "quartiles": 18,
        "shortest": 10,
        "ratio ": 9,
        "operations": 12,
        "parameters added": 18,
    }
    print(f"{'method':22}" + "".join(f"{title:>{width}}" for title, width in columns.items()))
    for title, step in steps.items():
        ratios = [own / other for own, other in zip(seconds[title], seconds["One-hot"], strict=True)]
        low, middle, high = statistics.quantiles(ratios, n=4)
        added = step.parameters - base.parameters
        shortest = min(seconds[title])
        print(
            f"{title:22}{1000 * statistics.median(seconds[title]):12.2f}{middle:9.3f}{low:12.3f}–{high:.3f}"
            f"{1000 * shortest:10.2f}{shortest / min(seconds['One-hot']):9.3f}{step.label_operations(device):12,}{added:18,}"
        )


class _Step:
    """A network, a method and an optimiser on random images."""

    def __init__(
        self, encoder: str, shape: tuple[int, int, int], method: dict[str, Any], batch: int, device: torch.device
    ) -> None:
        torch.manual_seed(0)
        trunk = build_encoder(EncoderConfig.model_validate({"name": encoder}), shape)
        features = int(trunk.out_features)  # type: ignore[arg-type]
        task = TaskInfo(tuple(map(str, range(CLASSES))), 1_000, features, 0)
        config = parse_method(method)
        self.method = config.build(task).to(device)
        layer = config.output_layer(features, CLASSES)
        self.model = Classifier(trunk, self.method.dim, torch.zeros(shape[0]), torch.ones(shape[0]), layer).to(device)
        self.model.encoder.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        parameters = [*self.model.parameters(), *self.method.parameters()]
        self.parameters = sum(p.numel() for p in parameters)
        self.optimizer = torch.optim.Adam(parameters)
        self.x = torch.randint(0, 256, (batch, *shape), dtype=torch.uint8, device=device)
        self.y = torch.arange(batch, device=device) % CLASSES

    def take(self, device: torch.device) -> float:
        """Seconds of one step."""
        _finish(device)
        started = time.perf_counter()
        features = self.model.features(self.x)
        context = StepContext(torch.arange(len(self.y), device=device), features, 1, 10)
        loss = self.method.step_loss(self.model.head(features), self.y, context)
        self.optimizer.zero_grad(set_to_none=True)
        loss.total.backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()
        _finish(device)
        return time.perf_counter() - started

    def label_operations(self, device: torch.device) -> int:
        """Operations of the label work in a step, forward and backward, each a launch on a GPU."""
        with torch.no_grad():
            features = self.model.features(self.x)
            z = self.model.head(features)
        wanted = [z.requires_grad_(), features.requires_grad_(), *self.method.parameters()]
        context = StepContext(torch.arange(len(self.y), device=device), features, 1, 10)
        with _Watch() as watch:
            torch.autograd.grad(self.method.step_loss(z, self.y, context).total, wanted, allow_unused=True)
        return watch.calls


def label_work(batch: int, device: torch.device, dim: int = 128) -> None:
    """Labels and losses alone, forward and backward, for more and more classes."""
    print(f"\nlabel work alone, batch {batch}, K = {dim}: ours against a loop over the classes")
    columns = {
        "classes": 8, "ours ms": 10, "loop ms": 10, "loop/ours": 11, "calls": 8, "loop calls": 12, "largest tensor": 16, "B x C x K": 14,
    }  # fmt: skip
    print("".join(f"{title:>{width}}" for title, width in columns.items()))
    for classes in (10, 100, 1_000, 10_000):
        generator = torch.Generator().manual_seed(classes)
        z = torch.randn(batch, dim, generator=generator).to(device)
        y = torch.randint(0, classes, (batch,), generator=generator).to(device)
        labels = AdaptiveLabels(classes, dim).to(device)
        start = labels.labels.clone()

        def ours(z: Tensor = z, y: Tensor = y, labels: nn.Module = labels) -> None:
            leaf = z.clone().requires_grad_()
            labels(leaf, y).total.backward()

        def loop(z: Tensor = z, y: Tensor = y, start: Tensor = start) -> None:
            leaf = z.clone().requires_grad_()
            rows = [leaf[y == c].mean(0) if bool((y == c).any()) else start[c] for c in range(len(start))]
            (pull_loss(leaf, y, torch.stack(rows)) + 10 * push_loss(leaf, y)).backward()

        (a, calls, largest), (b, loop_calls, _) = (_measured(work, device) for work in (ours, loop))
        print(
            f"{classes:8,}{1000 * a:10.2f}{1000 * b:10.2f}{b / a:11.1f}{calls:8,}{loop_calls:12,}{largest:16,}"
            f"{batch * classes * dim:14,}"
        )


def _measured(work: Any, device: torch.device) -> tuple[float, int, int]:
    """Median seconds of some calls; operations and numbers in the largest tensor of one."""
    with _Watch() as watch:
        work()
    times = []
    while len(times) < 5 or (sum(times) < 1.0 and len(times) < 50):
        _finish(device)
        started = time.perf_counter()
        work()
        _finish(device)
        times.append(time.perf_counter() - started)
    return statistics.median(times), watch.calls, watch.largest


class _Watch(TorchDispatchMode):
    """Counts operations and keeps the size of the largest tensor that one of them made, in numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = self.largest = 0

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = function(*args, **(kwargs or {}))
        self.calls += 1
        parts = result if isinstance(result, tuple | list) else [result]
        self.largest = max([self.largest, *(part.numel() for part in parts if isinstance(part, Tensor))])
        return result


def _finish(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


if __name__ == "__main__":
    main()
