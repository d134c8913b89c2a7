"""Choice of a device, from what the machines that train have."""

from __future__ import annotations

from typing import Any

import streamlit as st

from lwal_core.jobs import devices_here, live_workers
from lwal_core.runs import home


def device_names() -> list[str]:
    """Devices that there are on the machines that train, or on this one while none says: ``auto``, ``cpu``, ``cuda:0`` ..."""
    machines = [worker.devices for worker in live_workers(home())] or [devices_here()]
    gpus = max((machine.cuda or 0 for machine in machines), default=0)
    names = ["auto", "cpu", *(f"cuda:{index}" for index in range(gpus))]
    return [*names, "mps"] if any(machine.mps for machine in machines) else names


def device_input(options: dict[str, Any], help: str) -> None:
    """Draw the choice; another device can be written.

    Args:
        options: Key of the control, and how its value is kept.
        help: Help.
    """
    names = device_names()
    written = st.session_state.get(options["key"])
    st.selectbox(
        "Device",
        list(dict.fromkeys([*names, *([written] if written else [])])),
        0,
        accept_new_options=True,
        help=help,
        **options,
    )
