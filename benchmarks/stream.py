"""Images from files: our loop beside a plain one, and memory that does not grow with the data.

    python benchmarks/stream.py                       # speed: both loops, one after the other, in turns
    python benchmarks/stream.py --memory 20000 100000 # peak memory of a training on so many images

Speed: one training of ours (one-hot labels, streamed) and a plain loop over torchvision's ImageFolder and DataLoader, with the
same network, optimiser, crops, batch, workers and files, each for an epoch, in one process and in turns; images a second of
the epochs alone, the medians, their ratio, and the share of the time that each waited for data.

Memory: the images are a few hundred distinct JPEG files under as many names as are asked for (hard links), so that disk and
page cache say nothing; each training runs in a process of its own, and the largest sum over it and its readers of the memory
that is theirs alone, or shared and counted by its part (PSS), is reported.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil
from PIL import Image

CLASSES, DISTINCT = 10, 300


def make_folder(root: Path, images: int, side: int) -> None:
    """``train/<class>/`` with so many images and ``test/<class>/`` with a tenth of them, hard links to a few hundred files."""
    generator = np.random.default_rng(0)
    distinct = root / "distinct"
    distinct.mkdir(parents=True)
    for number in range(DISTINCT):
        coarse = generator.integers(0, 256, (12, 16, 3), dtype=np.uint8)
        picture = Image.fromarray(coarse).resize((side * 4 // 3, side), Image.Resampling.BICUBIC)
        picture.save(distinct / f"{number}.jpg", quality=90)
    for part, count in (("train", images), ("test", max(2 * CLASSES, images // 10))):
        for name in range(CLASSES):
            (root / "photos" / part / f"class{name}").mkdir(parents=True)
        for number in range(count):
            target = root / "photos" / part / f"class{number % CLASSES}" / f"{number}.jpg"
            os.link(distinct / f"{number % DISTINCT}.jpg", target)


def configuration(folder: Path, options: argparse.Namespace) -> object:
    """The training that both parts measure: one epoch of one-hot labels."""
    from lwal_core.config import RunConfig

    return RunConfig.parse(
        {
            "data": {"name": f"folder:{folder}", "image_size": options.size, "augment": "random_resized_crop"},
            "encoder": {"name": options.encoder} | ({} if options.encoder == "small_cnn" else {"weights": "random"}),
            "method": {"name": "onehot"},
            "training": {"epochs": 1, "batch_size": options.batch, "device": options.device, "optimizer": "sgd", "learning_rate": 0.01,
                         "consolidation_per_class": 20},
        }
    )  # fmt: skip


def ours(config: object) -> tuple[float, float]:
    """Images a second of an epoch of our loop, and the share of it that was spent waiting for data."""
    from lwal_core.runs import create_run, open_run
    from lwal_core.training.batches import Batches
    from lwal_core.training.loop import train_run

    waited: list[Batches] = []
    before = Batches.epoch

    def noted(self: Batches, epoch: int) -> object:
        waited.append(self)
        return before(self, epoch)

    Batches.epoch = noted  # type: ignore[assignment, method-assign]
    try:
        run = create_run(config)  # type: ignore[arg-type]
        train_run(run.path)
    finally:
        Batches.epoch = before  # type: ignore[method-assign]
    metrics = open_run(run.id).metrics()
    seconds = float(metrics.seconds[-1])
    return float(metrics.samples[-1]) / seconds, waited[-1].waited / seconds


def plain(config: object, workers: int) -> tuple[float, float]:
    """The same of a loop as one would write it: ImageFolder, DataLoader, cross-entropy."""
    import torch
    from torch.utils.data import DataLoader
    from torchvision.datasets import ImageFolder
    from torchvision.transforms import v2

    from lwal_core.encoders import Classifier, build_encoder
    from lwal_core.training.devices import pick_device
    from lwal_core.training.optimisation import pick_dtype

    data, training = config.data, config.training  # type: ignore[attr-defined]
    transform = v2.Compose(
        [v2.PILToTensor(), v2.RandomResizedCrop(data.image_size, antialias=True), v2.RandomHorizontalFlip()]
    )
    device = pick_device(training.device)
    dtype = pick_dtype(training.precision, device)
    loader = DataLoader(
        ImageFolder(Path(data.name.removeprefix("folder:")) / "train", transform),
        batch_size=training.batch_size, shuffle=True, num_workers=workers, pin_memory=device.type == "cuda",
    )  # fmt: skip
    torch.manual_seed(0)
    encoder = build_encoder(config.encoder, (3, data.image_size, data.image_size))  # type: ignore[attr-defined]
    model = Classifier(encoder, CLASSES, torch.full((3,), 0.5), torch.full((3,), 0.25)).to(device)
    optimizer = torch.optim.SGD(model.parameters(), lr=training.learning_rate, momentum=0.9)
    model.train()
    count, waited, started = 0, 0.0, time.perf_counter()
    asked = started
    for x, y in loader:
        waited += time.perf_counter() - asked
        x, y = x.to(device, non_blocking=True), y.to(device, non_blocking=True)
        with torch.autocast(device.type, dtype, enabled=dtype is not torch.float32):
            loss = torch.nn.functional.cross_entropy(model(x), y)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        count += len(y)
        asked = time.perf_counter()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    seconds = time.perf_counter() - started
    return count / seconds, waited / seconds


def speed(root: Path, options: argparse.Namespace) -> dict[str, object]:
    """Both loops in turns."""
    import torch

    from lwal_core.data.samples import worker_count

    make_folder(root, options.images, options.size * 3 // 2)
    config = configuration(root / "photos", options)
    found: dict[str, list[tuple[float, float]]] = {"ours": [], "plain": []}
    for _ in range(options.rounds):
        found["plain"].append(plain(config, worker_count()))
        found["ours"].append(ours(config))
        print(*(f"{name} {rate:.1f} images/s, waited {share:.0%}" for name, ((rate, share), *_) in
                ((name, rows[-1:]) for name, rows in found.items())), sep="   ", flush=True)  # fmt: skip
    rates = {name: statistics.median(rate for rate, _ in rows) for name, rows in found.items()}
    return {
        "images": options.images, "size": options.size, "encoder": options.encoder, "batch": options.batch,
        "workers": worker_count(), "threads": torch.get_num_threads(), "rounds": options.rounds,
        "images_a_second": rates, "ratio": rates["ours"] / rates["plain"],
        "ratios": [our / their for (our, _), (their, _) in zip(found["ours"], found["plain"], strict=True)],
        "waiting": {name: statistics.median(share for _, share in rows) for name, rows in found.items()},
    }  # fmt: skip


def memory(root: Path, images: int, options: argparse.Namespace) -> dict[str, object]:
    """Peak memory of a training on so many images, which is stopped after some batches of its epoch where that is asked for."""
    make_folder(root / str(images), images, options.size)
    config = configuration(root / str(images) / "photos", options)
    code = (
        "import sys, json; from lwal_core.config import RunConfig; from lwal_core.runs import create_run;"
        "from lwal_core.training.loop import Cancelled, train_run\n"
        f"run = create_run(RunConfig.parse(json.loads(sys.argv[1]))); left = iter([False] * {options.batches})\n"
        "try: train_run(run.path, lambda: next(left, True))\nexcept Cancelled: pass"
    )
    child = subprocess.Popen([sys.executable, "-c", code, json.dumps(config.to_dict())])  # type: ignore[attr-defined]
    peak, process = 0, psutil.Process(child.pid)
    started = time.perf_counter()
    while child.poll() is None:
        total = 0
        try:
            for one in (process, *process.children(recursive=True)):
                total += one.memory_full_info().pss
        except psutil.Error:
            continue  # a reader that ends just now
        peak = max(peak, total)
        time.sleep(0.05)
    assert child.returncode == 0
    shutil.rmtree(root / str(images))
    return {"images": images, "peak_mib": peak / 2**20, "seconds": time.perf_counter() - started}


def main() -> None:
    """Measure, print, and write a JSON where that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--memory", type=int, nargs="+", metavar="IMAGES", help="measure memory with so many training images"
    )
    parser.add_argument("--images", type=int, default=600, help="training images of the speed part")
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--encoder", default="timm:mobilenetv3_small_050")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--device", default="cpu")
    parser.add_argument(
        "--batches", type=int, default=40, help="batches after which a training of the memory part is stopped"
    )
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    os.environ["LWAL_DATA_MEMORY"] = "0"
    with tempfile.TemporaryDirectory() as folder:
        os.environ["LWAL_HOME"] = str(Path(folder) / "home")
        if options.memory:
            found: dict[str, object] = {"memory": [memory(Path(folder), count, options) for count in options.memory]}
        else:
            found = {"speed": speed(Path(folder), options)}
    print(json.dumps(found, indent=2))
    if options.json:
        options.json.write_text(json.dumps(found, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()
