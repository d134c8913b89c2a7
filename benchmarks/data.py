"""Share of an epoch that waits for data: batches alone against whole training steps, in one run.

Usage: ``.venv/bin/python benchmarks/data.py [--samples 10000] [--batch 128] [--device auto]``. Images of 32 x 32 pixels in
memory and a small CNN; ``resident`` lies on the training device, ``streamed`` comes from the host by a DataLoader.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import torch

from lwal_core.config import TrainingConfig
from lwal_core.encoders import Classifier, SmallCNN
from lwal_core.methods import AdaptiveLabels
from lwal_core.training.batches import Batches
from lwal_core.training.devices import device_title, pick_device
from lwal_core.training.sampling import Sampler


def main() -> None:
    """Print one line for each way to get at the data."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=10_000)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--device", default="auto")
    options = parser.parse_args()
    device = pick_device(options.device)
    x = torch.randint(0, 256, (options.samples, 3, 32, 32), dtype=torch.uint8)
    y = torch.arange(options.samples) % 10
    torch.manual_seed(0)
    model = Classifier(SmallCNN((3, 32, 32), 16), 10, torch.full((3,), 0.5), torch.ones(3)).to(device)
    labels = AdaptiveLabels(10, 10).to(device)
    optimizer = torch.optim.Adam(model.parameters())
    print(f"device {device_title(device)}, {options.samples:,} images, batch {options.batch}")
    print(f"{'data':10}{'epoch s':>10}{'waiting s':>11}{'share':>9}")
    for name, resident in (("resident", True), ("streamed", False)):
        batches = Batches(x, y, Sampler(y, TrainingConfig(batch_size=options.batch)), device, resident=resident)
        waiting, started = 0.0, time.perf_counter()
        iterator = batches.epoch(1)
        while True:
            asked = time.perf_counter()
            batch = next(iterator, None)
            if device.type == "cuda":
                torch.cuda.synchronize(device)
            waiting += time.perf_counter() - asked
            if batch is None:
                break
            loss = labels(model(batch.x), batch.y).total
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
        total = time.perf_counter() - started
        print(f"{name:10}{total:10.2f}{waiting:11.3f}{waiting / total:9.2%}")


if __name__ == "__main__":
    main()
