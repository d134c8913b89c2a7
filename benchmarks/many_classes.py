"""A thousand classes: what learned labels make of batches that cannot have all of them, after equal samples seen.

Usage: ``.venv/bin/python benchmarks/many_classes.py [--epochs 5] [--per-class 12] [--device auto] [--json FILE]``. Images are drawn here:
ten outlines in ten colours with ten patterns, 32 pixels a side, with random place, size, turn, light and noise. Every training sees
``epochs * 1,000 * per_class`` images with the same small CNN from the same weights, Adam and learning rate.

One-hot is read by its head, LwAL by the nearest class mean over the training set; the last column reads one-hot by class means, too.
LwAL has a push weight of 1 and leaves each sample out of its own class mean.
"""

from __future__ import annotations

import argparse
import colorsys
import json
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import torch
from torch import Tensor

from lwal_core.config import TrainingConfig
from lwal_core.encoders import Classifier, SmallCNN
from lwal_core.methods import AdaptiveLabels, LabelMethod, OneHotLabels, StepContext, class_centroids
from lwal_core.training.batches import Batches
from lwal_core.training.devices import device_title, pick_device
from lwal_core.training.evaluation import embed, nearest_centroid
from lwal_core.training.gradient_caching import features_in_chunks
from lwal_core.training.sampling import Sampler

CLASSES, SIDE, TEST_PER_CLASS = 1_000, 32, 5
BALANCED = {"sampler": "balanced", "classes_per_batch": 64, "samples_per_class": 4}
LARGE = {"sampler": "balanced", "classes_per_batch": 256, "samples_per_class": 4, "chunk_size": 256}
TRAININGS: dict[str, tuple[dict[str, Any] | None, dict[str, Any]]] = {
    "One-hot, plain batches of 256": (None, {"batch_size": 256}),
    "One-hot, 64 x 4": (None, BALANCED),
    "LwAL, plain batches of 256": ({}, {"batch_size": 256}),
    "LwAL, 64 x 4, batch alone": ({}, BALANCED),
    "LwAL, 64 x 4, decay 0.3": ({"decay": 0.3}, BALANCED),
    "LwAL, 64 x 4, memory of 8": ({"memory_per_class": 8, "memory_warmup_steps": 20}, BALANCED),
    "LwAL, 256 x 4 in chunks of 256": ({}, LARGE),
}
"""By title: options of the labels, None for one-hot; and of the training."""


def main() -> None:
    """Train them one after the other and print a row each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--per-class", type=int, default=12)
    parser.add_argument("--width", type=int, default=16)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    device = pick_device(options.device)
    train, test = (draw(count, seed) for count, seed in ((options.per_class, 1), (TEST_PER_CLASS, 2)))
    print(
        f"device {device_title(device)}, {torch.get_num_threads()} threads, {len(train[1]):,} training and {len(test[1]):,} test images"
    )
    columns = "".join(f"{f'epoch {epoch}':>9}" for epoch in range(1, options.epochs + 1))
    print(f"{'test accuracy, %':34}{columns}{'class means':>13}{'steps':>8}{'seconds':>9}")
    rows = []
    for title, (labels, training) in TRAININGS.items():
        row = {"title": title, **trained(labels, training, train, test, options, device)}
        rows.append(row)
        shown = "".join(f"{100 * accuracy:9.1f}" for accuracy in row["accuracy"])
        print(f"{title:34}{shown}{100 * row['by_means'][-1]:13.1f}{row['steps']:8,}{row['seconds']:9.1f}", flush=True)
    if options.json:
        options.json.write_text(
            json.dumps({"options": {k: str(v) for k, v in vars(options).items()}, "rows": rows}, indent=1)
        )


def trained(
    labels: dict[str, Any] | None, training: dict[str, Any], train: tuple[Tensor, Tensor], test: tuple[Tensor, Tensor],
    options: argparse.Namespace, device: torch.device,
) -> dict[str, Any]:  # fmt: skip
    """Accuracies after each epoch as the method is used and by class means, steps, and seconds of training alone."""
    config = TrainingConfig.model_validate({"seed": options.seed, **training})
    torch.manual_seed(options.seed)
    encoder = SmallCNN((3, SIDE, SIDE), options.width)
    method: LabelMethod = OneHotLabels(CLASSES)
    if labels is not None:
        method = AdaptiveLabels(CLASSES, CLASSES, push_weight=1.0, leave_one_out=True, **labels)
    model = Classifier(encoder, CLASSES, torch.full((3,), 0.4), torch.full((3,), 0.25)).to(device)
    method = method.to(device)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    batches = Batches(*train, Sampler(train[1], config), device)
    x_test, y_test = (part.to(device) for part in test)
    accuracy, by_means, steps, seconds = [], [], 0, 0.0
    for epoch in range(1, options.epochs + 1):
        started = time.perf_counter()
        model.train()
        for batch in batches.epoch(epoch):
            features = features_in_chunks(model, batch.x, config.chunk_size)
            loss = method.step_loss(
                model.head(features), batch.y, StepContext(batch.rows, features, epoch, options.epochs)
            )
            optimizer.zero_grad(set_to_none=True)
            loss.total.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            steps += 1
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        seconds += time.perf_counter() - started
        means, _ = class_centroids(embed(model, batches.x), batches.y, CLASSES)
        z = embed(model, x_test)
        by_means.append(_share(nearest_centroid(z, means) == y_test))
        accuracy.append(_share(z.argmax(1) == y_test) if labels is None else by_means[-1])
    return {"accuracy": accuracy, "by_means": by_means, "steps": steps, "seconds": seconds}


def _share(hits: Tensor) -> float:
    return float(hits.float().mean())


def draw(per_class: int, seed: int) -> tuple[Tensor, Tensor]:
    """Images uint8 ``[N,3,32,32]`` and their classes ``[N]``: hundreds are outlines, tens colours, ones patterns."""
    generator = np.random.default_rng(seed)
    y = np.repeat(np.arange(CLASSES), per_class)
    images = np.concatenate([_images(part, generator) for part in np.array_split(y, max(1, len(y) // 1_000))])
    return torch.from_numpy(images), torch.from_numpy(y)


def _images(y: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    count = len(y)

    def between(low: float, high: float) -> np.ndarray:
        return generator.uniform(low, high, (count, 1, 1))

    place = np.arange(SIDE) - (SIDE - 1) / 2
    across, down = place[None, None, :] - between(-4, 4), place[None, :, None] - between(-4, 4)
    turn, size = between(-0.35, 0.35), between(9, 13)
    u = (across * np.cos(turn) + down * np.sin(turn)) / size
    v = (down * np.cos(turn) - across * np.sin(turn)) / size
    inside = _chosen(y // 100, _outlines(u, v))
    pattern = np.where(_chosen(y % 10, _patterns(u, v)), 1.0, 0.35)
    hues = [colorsys.hsv_to_rgb(tone / 9, 0.9, 1.0) if tone < 9 else (1.0, 1.0, 1.0) for tone in range(10)]
    colour = np.array(hues)[y // 10 % 10][:, :, None, None] * between(0.75, 1.0)[:, None]
    ground = between(0.0, 0.25)[:, None]
    image = np.where(inside[:, None], colour * pattern[:, None], ground) + generator.normal(
        0, 0.04, (count, 3, SIDE, SIDE)
    )
    return (255 * image.clip(0, 1)).astype(np.uint8)


def _chosen(which: np.ndarray, masks: list[np.ndarray]) -> np.ndarray:
    return np.choose(which[:, None, None], masks)


def _outlines(u: np.ndarray, v: np.ndarray) -> list[np.ndarray]:
    radius, far, near = np.hypot(u, v), np.maximum(abs(u), abs(v)), np.minimum(abs(u), abs(v))
    return [
        radius < 1,  # disc
        far < 0.85,  # square
        (v < 0.7) & (1.7 * abs(u) - v < 1),  # triangle
        abs(u) + abs(v) < 1.15,  # diamond
        (radius < 1) & (radius > 0.5),  # ring
        (near < 0.35) & (far < 1),  # cross
        (abs(u) < 1.1) & (abs(v) < 0.45),  # bar
        (np.hypot(u, v + 0.45) < 1.1) & (v > -0.45),  # half a disc
        radius < 0.75 + 0.3 * np.cos(5 * np.arctan2(v, u)),  # star
        (far < 0.95) & (far > 0.45),  # frame
    ]


def _patterns(u: np.ndarray, v: np.ndarray) -> list[np.ndarray]:
    def stripes(along: np.ndarray, number: float) -> np.ndarray:
        return np.cos(np.pi * number * along) > 0

    return [
        np.ones_like(u, dtype=bool), stripes(u, 2), stripes(u, 4), stripes(v, 2), stripes(v, 4), stripes(u + v, 2.5), stripes(u - v, 2.5),
        stripes(u, 2.5) ^ stripes(v, 2.5), u > 0, v > 0,
    ]  # fmt: skip


if __name__ == "__main__":
    main()
