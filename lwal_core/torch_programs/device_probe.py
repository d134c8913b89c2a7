"""Probe of torch and its devices by a matrix product: ``python -m lwal_core.torch_programs.device_probe``.

A process of its own, so that a driver that crashes or hangs takes nobody along; it prints one JSON object.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

SIZE = 256


def main() -> int:
    """Print what is found; always 0, as every trouble is a finding."""
    json.dump(look(), sys.stdout)
    return 0


def look() -> dict[str, Any]:
    """torch's version, the CUDA version that it was built for, and each device with the difference that it made."""
    try:
        import torch
    except Exception as error:  # a library that does not load raises whatever it likes
        return {"problem": f"torch cannot be imported: {_words(error)}"}
    found: dict[str, Any] = {
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "threads": torch.get_num_threads(),
        "devices": [],
    }
    names = [f"cuda:{index}" for index in range(torch.cuda.device_count())] if torch.cuda.is_available() else []
    if torch.backends.mps.is_available():
        names.append("mps")
    for name in names:
        found["devices"].append({"device": name, **_tried(torch.device(name))})
    return found


def _tried(device: torch.device) -> dict[str, Any]:
    import torch

    try:
        title = torch.cuda.get_device_name(device) if device.type == "cuda" else device.type
        memory = torch.cuda.mem_get_info(device)[1] if device.type == "cuda" else None
        return {"title": title, "memory": memory, "difference": difference(device)}
    except Exception as error:  # whatever the driver says is what is to be told
        return {"title": str(device), "problem": _words(error)}


def difference(device: torch.device) -> float:
    """Largest difference between a device's matrix product and the processor's, as a share of the largest entry."""
    import torch

    generator = torch.Generator().manual_seed(0)
    a, b = (torch.randn(SIZE, SIZE, generator=generator) for _ in range(2))
    right = a.double() @ b.double()
    got = (a.to(device) @ b.to(device)).cpu().double()
    return float((got - right).abs().max() / right.abs().max())


def _words(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]


if __name__ == "__main__":
    sys.exit(main())
