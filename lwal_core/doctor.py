"""``lwal doctor``: is everything there that training and the app need, and what to do where it is not."""

from __future__ import annotations

import os
import platform
import shutil
import sys
import tempfile
from dataclasses import dataclass
from importlib import metadata
from typing import Literal

from lwal_core import __version__
from lwal_core.permissions import read_only
from lwal_core.runs import home, list_runs

MIN_FREE_GIB = 1.0
"""Below this a training may fill the disk: a run with 1,000 classes writes some 100 MB."""


@dataclass(frozen=True)
class Finding:
    """One line of the report."""

    subject: str
    level: Literal["ok", "warning", "problem"]
    text: str
    fix: str = ""


def examine() -> list[Finding]:
    """Look at versions, the training device, the home folder and the runs in it."""
    return [_versions(), _device(), _write_access(), _free_space(), _runs()]


def _versions() -> Finding:
    packages = ("torch", "torchvision", "streamlit", "plotly", "scipy", "scikit-learn", "umap-learn")
    found, missing = [f"lwal {__version__}", f"python {platform.python_version()}"], []
    for package in packages:
        try:
            found.append(f"{package} {metadata.version(package)}")
        except metadata.PackageNotFoundError:
            missing.append(package)
    if missing:
        return Finding(
            "versions",
            "problem",
            f"missing: {', '.join(missing)}",
            f"{sys.executable} -m pip install -r requirements.txt",
        )
    return Finding("versions", "ok", ", ".join(found))


def _device() -> Finding:
    try:
        import torch
    except ImportError as error:
        return Finding("device", "problem", f"torch cannot be imported: {error}", "Install requirements.txt again.")
    if not torch.cuda.is_available():
        built = torch.version.cuda
        if built and shutil.which("nvidia-smi"):
            return Finding(
                "device", "warning", f"torch was built for CUDA {built}, nvidia-smi is there, and no GPU is usable",
                "Compare the driver's CUDA version (nvidia-smi) with torch's; install a matching torch wheel.",
            )  # fmt: skip
        return Finding(
            "device", "ok", f"CPU, {os.cpu_count()} cores, {torch.get_num_threads()} threads for training; no GPU"
        )
    name = torch.cuda.get_device_name(0)
    try:
        # A listed device is not a working one: run a kernel and read its result back.
        value = float((torch.ones(8, 8, device="cuda") @ torch.ones(8, 8, device="cuda")).sum())
    except RuntimeError as error:
        return Finding(
            "device",
            "problem",
            f"{name} is listed and a kernel on it fails: {error}",
            "Update the driver or the torch wheel.",
        )
    if value != 512.0:
        return Finding("device", "problem", f"{name} computed {value} instead of 512", "Do not train on this device.")
    return Finding("device", "ok", f"{name}, CUDA {torch.version.cuda}, {torch.cuda.device_count()} device(s)")


def _write_access() -> Finding:
    folder = home()
    if read_only():
        return Finding("home", "ok", f"{folder} is shown and not changed: this installation is in read-only mode")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        return Finding(
            "home", "problem", f"{folder} cannot be written: {error}", "Set LWAL_HOME to a folder of your own."
        )
    return Finding("home", "ok", f"{folder} can be written")


def _free_space() -> Finding:
    folder = home()
    existing = next(p for p in (folder, *folder.parents) if p.exists())
    free = shutil.disk_usage(existing).free / 2**30
    if free < MIN_FREE_GIB:
        return Finding(
            "disk", "warning", f"{free:.2f} GiB free in {existing}", "Free some space or set LWAL_HOME to another disk."
        )
    return Finding("disk", "ok", f"{free:,.1f} GiB free")


def _runs() -> Finding:
    found = list_runs()
    damaged = [run for run in found if run.problem]
    if damaged:
        first = damaged[0]
        return Finding(
            "runs", "warning", f"{len(damaged)} of {len(found)} run folders are damaged; {first.id}: {first.problem}",
            "Restore the folder from a copy, or move it out of the runs folder.",
        )  # fmt: skip
    return Finding("runs", "ok", f"{len(found)} runs")
