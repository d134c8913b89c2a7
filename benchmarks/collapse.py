"""What neural collapse costs in an epoch: its work alone, against training steps and against the evaluation it is part of.

Usage: ``.venv/bin/python benchmarks/collapse.py [--encoder resnet18] [--classes 10] [--train 50000] [--pairs 5] [--threads 1]``.
Seconds are those of the processor, not of the clock, and the parts alternate in one run, so that other work on the machine meets all of
them. An epoch is its training steps, one measured and multiplied, and the evaluation, a piece measured and multiplied; the budget is 3 % of
it.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch
import torch.nn.functional as F

from lwal_core.config import EncoderConfig
from lwal_core.encoders import Classifier, build_encoder
from lwal_core.methods.onehot import OneHotLabels
from lwal_core.training.collapse import CollapseWatch
from lwal_core.training.parallel import Team

BUDGET = 0.03
BATCH, PIECE, PER_CLASS = 128, 512, 200


def main() -> None:
    """Print the shares."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--encoder", default="resnet18")
    parser.add_argument("--classes", type=int, default=10)
    parser.add_argument("--train", type=int, default=50_000, help="training samples of an epoch")
    parser.add_argument("--test", type=int, default=10_000, help="test samples")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    classes, sample = options.classes, min(PER_CLASS * options.classes, options.train)
    encoder = build_encoder(EncoderConfig(name=options.encoder), (3, 32, 32))
    model, method = Classifier(encoder, classes, torch.zeros(3), torch.ones(3)), OneHotLabels(classes)
    optimizer = torch.optim.SGD(model.parameters(), 0.01)
    x, y = torch.randint(0, 256, (PIECE, 3, 32, 32), dtype=torch.uint8), torch.arange(PIECE) % classes
    features = F.relu(
        torch.randn(sample, model.head.in_features)
        + torch.randn(classes, model.head.in_features)[torch.arange(sample) % classes]
    )
    of_class = torch.arange(sample) % classes
    z = model.head(features).detach()
    said = torch.arange(options.test) % classes

    def step() -> None:
        model.train()
        optimizer.zero_grad()
        method(model(x[:BATCH]), y[:BATCH]).total.backward()
        optimizer.step()

    @torch.no_grad()
    def evaluate() -> None:
        model.eval()
        model(x)

    @torch.no_grad()
    def watch() -> None:
        found = CollapseWatch(model, method, classes, "head", Team(), features=True)
        for part, outputs, own in zip(features.split(PIECE), z.split(PIECE), of_class.split(PIECE), strict=True):
            found.add(part, outputs, own)
        assert len(found.finish(said, {"outputs": said, "features": said})) == 12

    parts = {"step": step, "evaluate": evaluate, "watch": watch}
    for part in parts.values():
        part()
    seconds: dict[str, list[float]] = {name: [] for name in parts}
    for _ in range(options.pairs):
        for name, part in parts.items():
            seconds[name].append(taken(part))
    steps, pieces = options.train / BATCH, (sample + options.test) / PIECE
    shares = [
        watching / (steps * stepping + pieces * evaluating)
        for stepping, evaluating, watching in zip(*seconds.values(), strict=True)
    ]
    print(f"{options.encoder}, 32 pixels, {classes} classes, {options.train:,} training samples, {sample:,} looked at, "
          f"{options.threads} threads, torch {torch.__version__}")  # fmt: skip
    for name, values in seconds.items():
        print(f"{name:10}{statistics.median(values):9.4f} s of the processor")
    share = statistics.median(shares)
    print(f"share of an epoch {share:.3%} ({min(shares):.3%} to {max(shares):.3%}), budget {BUDGET:.0%}: "
          f"{'within' if share <= BUDGET else 'ABOVE'}")  # fmt: skip


def taken(part: Callable[[], None]) -> float:
    """Seconds of the processor that a part takes."""
    start = time.process_time()
    part()
    return time.process_time() - start


if __name__ == "__main__":
    main()
