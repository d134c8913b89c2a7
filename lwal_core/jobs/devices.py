"""Devices of the machines that train, found without torch, so that a device that is nowhere is refused before a run waits.

Only upper bounds are found: a GPU that the driver lists may still be unusable for torch, which the training says.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Sequence
from pathlib import Path

from pydantic import BaseModel

from lwal_core.errors import ConfigError

NVIDIA = Path("/proc/driver/nvidia/gpus")
OTHER_DRIVERS = ("kfd", "dxg", "nvidia*", "nvhost*", "nvgpu*")
"""Device files of GPUs whose number is not listed there: AMD, Windows' subsystem for Linux, Jetson."""


class Devices(BaseModel):
    """Devices that torch can find on a machine at most; None where that is not known without torch.

    ``cuda``: number of GPUs. ``mps``: whether there may be Apple's.
    """

    cuda: int | None = None
    mps: bool | None = None

    def has(self, name: str) -> bool | None:
        """Whether ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps`` may be there; None where that is not known."""
        kind, _, index = name.partition(":")
        if kind == "mps":
            return self.mps
        if kind != "cuda":
            return True
        return None if self.cuda is None else int(index or 0) < self.cuda


def devices_here() -> Devices:
    """Devices of this machine, for this process's environment."""
    if sys.platform == "darwin":
        return Devices(cuda=0)
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    listed = len(visible_gpus())
    if chosen is not None or listed:
        return Devices(cuda=listed, mps=False)
    others = sys.platform != "linux" or any(next(Path("/dev").glob(name), None) for name in OTHER_DRIVERS)
    return Devices(cuda=None if others else 0, mps=False)


def visible_gpus() -> list[str]:
    """Names by which ``CUDA_VISIBLE_DEVICES`` would choose each GPU of this machine; found without loading torch."""
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    if chosen is not None:
        return [name.strip() for name in chosen.split(",") if name.strip() and name.strip() != "-1"]
    try:
        return [str(index) for index, _ in enumerate(os.listdir(NVIDIA))]
    except OSError:
        return []


def check_nodes(nodes: int, launchers: Collection[str]) -> None:
    """Refuse several nodes where none of those who would start the run can.

    Args:
        nodes: As configured.
        launchers: Of this command, or of the workers that are there; nobody can tell yet where there are none.

    Raises:
        ConfigError: All of them start processes of one machine.
    """
    if nodes > 1 and launchers and set(launchers) == {"process"}:
        raise ConfigError(
            [("training.nodes", f"{nodes} nodes need a cluster; LWAL_LAUNCHER=process trains on one machine.")],
            "Leave --nodes out, or give it to the queue of a worker with LWAL_LAUNCHER=slurm (--no-wait).",
        )


def check_device(name: str, machines: Sequence[Devices]) -> str:
    """Refuse a device that no machine has, as far as that is known.

    Args:
        name: As configured: ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
        machines: Devices of the machines of which one will train.

    Returns:
        A sentence where nobody can tell yet; empty where all is well.

    Raises:
        ConfigError: None of the machines has it.
    """
    if name in ("auto", "cpu"):
        return ""
    answers = [machine.has(name) for machine in machines]
    if True in answers:
        return ""
    if not answers or None in answers:
        return f"Whether {name} is there shows when the training starts: no machine that trains has said so."
    most = max(machine.cuda or 0 for machine in machines)
    found = "no GPU was found" if not most else f"found: cuda:0{f' to cuda:{most - 1}' if most > 1 else ''}"
    raise ConfigError([("training.device", f"no machine that would train this has {name} ({found}); use auto")])
