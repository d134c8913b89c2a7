"""Everything that a GPU must show, in at most eight minutes: one table, one JSON.

    python benchmarks/gpu.py                        # on a GPU
    python benchmarks/gpu.py --device cpu --small   # the same parts, small, in about a minute; these are no GPU figures

Steps of the training loop's own modules with one-hot labels, LwAL and LwAL10, in float32 and bfloat16, with and without
channels-last memory and compilation, blocks of steps in turns; label work as a share of a step; images a second beside a plain
loop (benchmarks/stream.py); JPEG decoding by nvJPEG beside the processor; memory; `lwal doctor`; a training that is killed and
resumed. A part that would begin after the time is over is left out and said.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import torch
from PIL import Image

from benchmarks import stream
from lwal_core.config import EncoderConfig, TrainingConfig, parse_method
from lwal_core.encoders import Classifier, build_encoder
from lwal_core.methods import TaskInfo
from lwal_core.runs import open_run
from lwal_core.training.devices import device_title, pick_device
from lwal_core.training.label_overhead import label_seconds
from lwal_core.training.loop import _TrainingStep
from lwal_core.training.optimisation import Stepper, build_optimizer

SECONDS = 480.0
"""Longest that the program begins further parts."""
CLASSES = 100
METHODS: dict[str, dict[str, Any]] = {
    "one-hot": {"name": "onehot"},
    "LwAL": {"name": "lwal"},
    "LwAL10": {"name": "lwal", "dim": "10x"},
}


class Row(NamedTuple):
    """A line of the table: part, what, a figure with its unit, and what else is to be said."""

    part: str
    what: str
    value: float | None
    unit: str
    note: str = ""


class Mode(NamedTuple):
    """Arithmetic of a step."""

    name: str
    dtype: torch.dtype = torch.float32
    channels_last: bool = False
    compile: bool = False


MODES = (
    Mode("float32"),
    Mode("bfloat16", torch.bfloat16),
    Mode("bfloat16, channels-last", torch.bfloat16, True),
    Mode("bfloat16, channels-last, compiled", torch.bfloat16, True, True),
)


class Step:
    """The loop's own step on random images.

    Args:
        encoder: Name, with random weights.
        side: Pixels a side.
        method: Options of a label method.
        batch: Samples a step.
        device: Where.
        mode: Arithmetic.
    """

    def __init__(
        self, encoder: str, side: int, method: dict[str, Any], batch: int, device: torch.device, mode: Mode
    ) -> None:
        torch.manual_seed(0)
        trunk = build_encoder(EncoderConfig.model_validate({"name": encoder, "weights": "random"}), (3, side, side))
        features = int(trunk.out_features)  # type: ignore[arg-type]
        config = parse_method(method)
        self.method = config.build(TaskInfo(tuple(map(str, range(CLASSES))), 10_000, features, 0)).to(device)
        layer = config.output_layer(features, CLASSES)
        model = Classifier(trunk, self.method.dim, torch.full((3,), 0.5), torch.full((3,), 0.25), layer).to(device)
        if mode.channels_last:
            model.encoder.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.step = _TrainingStep(model, self.method, 10, None)
        training = TrainingConfig(clip_norm=None)
        optimizer = build_optimizer(self.step.parameters(), training)
        self.step.stepper = self.stepper = Stepper(optimizer, training, 1_000, mode.dtype, device)
        if mode.compile:
            model.encoder.compile()
        self.device, self.features, self.batch = device, features, batch
        self.x = torch.randint(0, 256, (batch, 3, side, side), dtype=torch.uint8, device=device)
        self.y = torch.arange(batch, device=device) % CLASSES
        self.rows = torch.arange(batch, device=device)
        self.step.train()

    def take(self, steps: int) -> float:
        """Seconds a step of so many; the device is waited for at the end alone, as in an epoch."""
        finish(self.device)
        started = time.perf_counter()
        for _ in range(steps):
            self.stepper.step(self.step(self.x, self.y, self.rows, 1).total, 0)
        finish(self.device)
        return (time.perf_counter() - started) / steps


def finish(device: torch.device) -> None:
    """Wait for the device."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def steps(device: torch.device, small: bool, until: float) -> Iterator[Row]:
    """Time and memory of a step with each method, network and arithmetic; share of the label work."""
    sizes = [("resnet18", 32, 8 if small else 512), ("resnet50", 32 if small else 224, 2 if small else 128)]
    for encoder, side, batch in sizes:
        modes = (MODES[0], MODES[2]) if small else MODES
        for mode in modes:
            part = f"step, {encoder} at {side}, batch {batch}, {mode.name}"
            if time.perf_counter() > until:
                yield Row(part, "left out", None, "", "the time was over")
                continue
            if device.type == "cuda":
                torch.cuda.reset_peak_memory_stats(device)
            try:
                measured = {name: Step(encoder, side, method, batch, device, mode) for name, method in METHODS.items()}
                for step in measured.values():
                    step.take(1 if small else 5)
                blocks, length = (1, 1) if small else (5, 10)
                seconds: dict[str, list[float]] = {name: [] for name in measured}
                for _ in range(blocks):
                    for name, step in measured.items():
                        seconds[name].append(step.take(length))
            except Exception as error:  # no compiler, no memory: said in the table, the other parts go on
                yield Row(part, "left out", None, "", f"{type(error).__name__}: {' '.join(str(error).split())[:120]}")
                continue
            base = seconds["one-hot"]
            for name, step in measured.items():
                ratio = statistics.median(own / other for own, other in zip(seconds[name], base, strict=True))
                middle = statistics.median(seconds[name])
                yield Row(part, name, 1000 * middle, "ms", f"{batch / middle:,.0f} images/s, {ratio:.3f} of one-hot's")
                if name != "one-hot":
                    work = label_seconds(step.method, step.y, step.rows, step.features, 1, 10)  # type: ignore[arg-type]
                    yield Row(
                        part, f"{name}, label work", 100 * work / middle, "% of its step", f"{1000 * work:.2f} ms"
                    )
            if device.type == "cuda":
                yield Row(part, "memory, three models", torch.cuda.max_memory_allocated(device) / 2**20, "MiB")
            del measured, step


def images(device: torch.device, small: bool, until: float) -> Iterator[Row]:
    """Images a second of our loop and of a plain one over the same files."""
    del until
    options = Namespace(
        images=120 if small else 4_000, size=32 if small else 224, batch=16 if small else 128, rounds=1 if small else 2,
        encoder="resnet18", device=device.type,
    )  # fmt: skip
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        os.environ["LWAL_HOME"], os.environ["LWAL_DATA_MEMORY"] = f"{folder}/home", "0"
        found = stream.speed(Path(folder), options)
    part = f"images from files, {options.encoder} at {options.size}, batch {options.batch}, {found['workers']} readers"
    for name, rate in found["images_a_second"].items():  # type: ignore[attr-defined]
        waiting = found["waiting"][name]  # type: ignore[index]
        yield Row(
            part, "our loop" if name == "ours" else "plain loop", rate, "images/s", f"waited {waiting:.0%} of the time"
        )
    yield Row(part, "ours / plain", float(found["ratio"]), "")  # type: ignore[arg-type]


def decoding(device: torch.device, small: bool, until: float) -> Iterator[Row]:
    """JPEG decoding by the processor, and by nvJPEG where there is one."""
    del until
    from torchvision.io import ImageReadMode, decode_jpeg

    generator = np.random.default_rng(0)
    files = []
    for _ in range(20 if small else 400):
        coarse = generator.integers(0, 256, (24, 32, 3), dtype=np.uint8)
        buffer = io.BytesIO()
        Image.fromarray(coarse).resize((500, 375), Image.Resampling.BICUBIC).save(buffer, "JPEG", quality=90)
        files.append(torch.frombuffer(bytearray(buffer.getvalue()), dtype=torch.uint8))
    for title, place in (("processor, one thread", "cpu"), ("nvJPEG", "cuda")):
        if place == "cuda" and device.type != "cuda":
            yield Row("decoding, 500 x 375", title, None, "", "no CUDA device")
            continue
        try:
            decode_jpeg(files[:4], mode=ImageReadMode.RGB, device=place)
            finish(device)
            started = time.perf_counter()
            decode_jpeg(files, mode=ImageReadMode.RGB, device=place)
            finish(device)
            yield Row("decoding, 500 x 375", title, len(files) / (time.perf_counter() - started), "images/s")
        except RuntimeError as error:
            yield Row("decoding, 500 x 375", title, None, "", f"{' '.join(str(error).split())[:120]}")


def doctor(device: torch.device, small: bool, until: float) -> Iterator[Row]:
    """What `lwal doctor` says of the device."""
    del small, until
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        started = time.perf_counter()
        said = subprocess.run(
            [sys.executable, "-m", "lwal_core.cli", "doctor"], capture_output=True, text=True, timeout=180,
            env={**os.environ, "LWAL_HOME": folder, "COLUMNS": "200"},
        )  # fmt: skip
    word = "NVIDIA" if device.type == "cuda" else "CPU"
    lines = [" ".join(line.split()) for line in said.stdout.splitlines() if word in line or "device" in line.lower()]
    yield Row(
        "lwal doctor", f"exit code {said.returncode}", time.perf_counter() - started, "s", (lines or [""])[0][:120]
    )


def killed(device: torch.device, small: bool, until: float) -> Iterator[Row]:
    """A training that is killed in the middle and resumed, beside one that is left alone."""
    del until
    epochs = 4 if small else 12
    command = [
        sys.executable, "-m", "lwal_core.cli", "train", "--dataset", "shapes", "--encoder", "small_cnn" if small else "resnet18",
        "--method", "lwal", "--dim", "10x", "--epochs", str(epochs), "--device", device.type,
    ]  # fmt: skip
    if small:
        command += ["--per-class", "20", "--width", "8"]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        os.environ["LWAL_HOME"] = folder
        environment = dict(os.environ)
        whole = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.split()[-1]
        parted = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        run_id = ""
        while parted.poll() is None:
            others = [
                each.name for each in (Path(folder) / "runs").iterdir() if each.name[0] != "." and each.name != whole
            ]
            run_id = others[0] if others else ""
            if run_id and len(open_run(run_id).metrics().epoch) > 1:
                record = json.loads((Path(folder) / "runs" / run_id / "run.json").read_text(encoding="utf-8"))
                owner = (record.get("owner") or {}).get("pid")
                if owner:
                    os.kill(int(owner), signal.SIGKILL)
                    break
            time.sleep(0.02)
        ended = parted.wait(timeout=60)
        if ended == 0:
            yield Row("killed and resumed", "not killed", None, "", "the training was over before")
            return
        done = len(open_run(run_id).metrics().epoch) - 1
        started = time.perf_counter()
        again = subprocess.run(
            [sys.executable, "-m", "lwal_core.cli", "resume", run_id], env=environment, capture_output=True, text=True
        )
        while open_run(run_id).status in ("queued", "running") and time.perf_counter() - started < 120:
            time.sleep(0.2)
        seconds = time.perf_counter() - started
        first, second = open_run(whole), open_run(run_id)
        equal = bool(np.array_equal(first.metrics().loss[1:], second.metrics().loss[1:]))
        yield Row(
            "killed and resumed", f"after {done} of {epochs} epochs", seconds, "s to the end",
            f"{second.status} (exit code {again.returncode}), accuracy {100 * float(second.accuracy()[-1]):.1f} % "
            f"beside {100 * float(first.accuracy()[-1]):.1f} %, losses {'equal to the bit' if equal else 'not equal to the bit'}",
        )  # fmt: skip


PARTS: dict[str, Callable[[torch.device, bool, float], Iterator[Row]]] = {
    "doctor": doctor, "killed": killed, "decoding": decoding, "images": images, "steps": steps,
}  # fmt: skip


def main() -> None:
    """Measure every part and print the table; write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="auto", help="auto, cuda or cpu")
    parser.add_argument("--small", action="store_true", help="little of everything, to see that every part works")
    parser.add_argument("--only", choices=list(PARTS), nargs="+", default=list(PARTS))
    parser.add_argument("--seconds", type=float, default=SECONDS, help="longest that further parts are begun")
    parser.add_argument("--json", type=Path, default=Path("gpu.json"))
    options = parser.parse_args()
    device = pick_device(options.device)
    where = f"{device_title(device)}, {torch.get_num_threads()} threads, torch {torch.__version__}"
    print(where)
    taken = device.type == "cuda" and not options.small
    if not taken:
        why = "a small trial" if device.type == "cuda" else "there is no CUDA device here, or cpu was asked for"
        print(f"GPU figures were not taken: {why}.")
    begun, rows = time.perf_counter(), []
    for name in options.only:
        if time.perf_counter() - begun > options.seconds:
            rows.append(Row(name, "left out", None, "", "the time was over"))
            continue
        try:
            for row in PARTS[name](device, options.small, begun + options.seconds):
                rows.append(row)
                print(line(row), flush=True)
        except Exception as error:  # one part that fails leaves the others their figures
            rows.append(Row(name, "failed", None, "", f"{type(error).__name__}: {' '.join(str(error).split())[:160]}"))
            print(line(rows[-1]), flush=True)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
    rows.append(Row("whole program", "seconds", time.perf_counter() - begun, "s"))
    rows.append(Row("whole program", "memory of the processor, peak", peak, "MiB"))
    print("\n".join(map(line, rows[-2:])))
    content = {"device": where, "gpu_figures": taken, "small": options.small, "rows": [row._asdict() for row in rows]}
    options.json.write_text(json.dumps(content, indent=2), encoding="utf-8")
    print(f"\nwritten to {options.json}")
    if any(row.what == "failed" for row in rows):
        sys.exit(1)


def line(row: Row) -> str:
    """A row of the table."""
    figure = "" if row.value is None else f"{row.value:,.2f}"
    return f"{row.part:62}{row.what:32}{figure:>12} {row.unit:14} {row.note}".rstrip()


if __name__ == "__main__":
    main()
