"""Device checks of ``lwal doctor``: torch in its own process, NVIDIA driver against torch's CUDA."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from typing import Any

from lwal_core.doctor.findings import Finding
from lwal_core.system.child_processes import code_environment

CHECK_SECONDS = 90.0
"""torch takes some seconds to load, a GPU's first kernel some more; what takes longer than this hangs."""
DRIVER_SECONDS = 15.0
TOLERANCE = 1e-2
"""Largest relative difference from the processor's product. Rounding to TF32 makes some 1e-3; a broken kernel or a wrong
architecture makes numbers of another size, or nan."""
CHECK = (sys.executable, "-m", "lwal_core.torch_programs.device_probe")

_DRIVER = re.compile(r"Driver Version:\s*([\w.]+)")
_DRIVER_CUDA = re.compile(r"CUDA[\w ]*Version:\s*(\d+)\.(\d+)")


def start_check() -> subprocess.Popen[bytes] | Finding:
    """Start the process that loads torch, so that other things can be looked at meanwhile."""
    try:
        return subprocess.Popen(CHECK, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=code_environment())
    except OSError as error:
        return Finding("device", "problem", f"No process can be started: {error}", "Free some memory and try again.")


def device_findings(check: subprocess.Popen[bytes] | Finding) -> list[Finding]:
    """What the process found, and what the driver says."""
    if isinstance(check, Finding):
        return [check]
    driver = _driver_text()
    try:
        told, trouble = check.communicate(timeout=CHECK_SECONDS)
    except subprocess.TimeoutExpired:
        check.kill()
        check.communicate()
        return [
            Finding("device", "problem", f"The device did not answer in {CHECK_SECONDS:.0f} seconds.",
                    "See `nvidia-smi` and `dmesg`; restart the machine or the container."),
            *driver_findings(driver, None),
        ]  # fmt: skip
    try:
        facts = json.loads(told)
        devices, cuda = facts.get("devices", []), facts.get("cuda")
    except (ValueError, AttributeError):
        last = trouble.decode(errors="replace").strip().splitlines()[-1:] or [f"it ended with code {check.returncode}"]
        return [
            Finding("device", "problem", f"The process that tried the device failed: {last[0][:300]}",
                    "Update the driver, or install requirements.txt again."),
            *driver_findings(driver, None),
        ]  # fmt: skip
    return [*_told_by_torch(facts, devices), *driver_findings(driver, cuda, usable=bool(devices))]


def _told_by_torch(facts: dict[str, Any], devices: list[dict[str, Any]]) -> list[Finding]:
    if "problem" in facts:
        return [Finding("device", "problem", str(facts["problem"]), "Install requirements.txt again.")]
    if not devices:
        text = f"CPU, {os.cpu_count()} cores, {facts.get('threads')} threads for training; no GPU"
        return [Finding("device", "ok", text)]
    return [_device_finding(device, facts.get("cuda")) for device in devices]


def _device_finding(device: dict[str, Any], cuda: object) -> Finding:
    name = f"{device['device']} ({device.get('title', '')})"
    if "problem" in device:
        return Finding(
            "device", "problem", f"{name} is listed and a kernel on it fails: {device['problem']}",
            "Update the driver or install the torch wheel for this GPU; LWAL trains on the processor with --device cpu.",
        )  # fmt: skip
    difference = device["difference"]
    if not difference <= TOLERANCE:  # nan, too
        return Finding(
            "device", "problem", f"{name} computes a wrong matrix product: off by {difference:.2g} of its size",
            "Do not train on this device; test its memory, or update the driver.",
        )  # fmt: skip
    memory = f", {device['memory'] / 2**30:.0f} GiB" if device.get("memory") else ""
    built = f", CUDA {cuda}" if cuda and str(device["device"]).startswith("cuda") else ""
    return Finding("device", "ok", f"{name}{built}{memory}; its matrix product agrees with the processor's")


def _driver_text() -> str | None:
    """What ``nvidia-smi`` prints; None where it is not installed."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return None
    try:
        done = subprocess.run([program], capture_output=True, timeout=DRIVER_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"nvidia-smi failed: {error}"
    return (done.stdout or done.stderr).decode(errors="replace")


def driver_findings(text: str | None, cuda: str | None, *, usable: bool = False) -> list[Finding]:
    """The driver against the CUDA version that torch was built for.

    A driver runs every CUDA of its own major version and of older ones.

    Args:
        text: What ``nvidia-smi`` prints; None where it is not installed.
        cuda: The version that torch was built for, such as ``"12.6"``; None for none, or not known.
        usable: Whether torch found a GPU.
    """
    if text is None:
        if cuda and os.path.exists("/proc/driver/nvidia") and not usable:
            return [Finding("driver", "warning", "an NVIDIA driver is loaded, and nvidia-smi is not there",
                            "In a container: start it with --gpus all, or use deploy/compose.gpu.yaml.")]  # fmt: skip
        return []
    version, newest = _DRIVER.search(text), _DRIVER_CUDA.search(text)
    if newest is None:
        words = (text.strip().splitlines() or ["nvidia-smi prints nothing"])[0][:200]
        return [Finding("driver", "problem", words, "Install NVIDIA's driver again, or restart the machine.")]
    runs = f"driver {version[1] if version else '?'} runs CUDA up to {newest[1]}.{newest[2]}"
    if not cuda:
        return [Finding("driver", "warning", f"{runs}, and torch was built for the processor only",
                        "Install torch from https://download.pytorch.org/whl/ for that CUDA version.")]  # fmt: skip
    if int(cuda.split(".")[0]) > int(newest[1]):
        return [Finding("driver", "problem", f"{runs}, and torch was built for CUDA {cuda}",
                        "Update the driver, or install the torch wheel of an older CUDA version.")]  # fmt: skip
    if not usable:
        return [Finding("driver", "problem", f"{runs}, torch was built for CUDA {cuda}, and no GPU is usable",
                        "See CUDA_VISIBLE_DEVICES; in a container make it anew with `docker compose up --force-recreate`.")]  # fmt: skip
    return [Finding("driver", "ok", f"{runs}, torch was built for CUDA {cuda}")]
