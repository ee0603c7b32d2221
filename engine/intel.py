"""Which of Intel's GPU and NPU OpenVINO can compute on here, or why not. Loads neither torch nor OpenVINO.

OpenVINO is asked in a process of its own: its plugins load drivers, which may take long or crash.
"""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

IntelDevice = Literal["intel-gpu", "intel-npu"]
# What OpenVINO calls them; where it has several, this is the first.
PLUGINS: dict[IntelDevice, str] = {"intel-gpu": "GPU", "intel-npu": "NPU"}
NONE: dict[IntelDevice, str] = {
    "intel-gpu": "No Intel GPU was found on this machine.",
    "intel-npu": "No Intel NPU was found on this machine.",
}
_DRIVERS: dict[IntelDevice, str] = {
    "intel-gpu": "Install Intel's compute runtime for graphics (OpenCL and Level Zero).",
    "intel-npu": "Install Intel's NPU driver, and allow this user to use it.",
}
# The kernel's devices of each kind, on Linux.
_NODES: dict[IntelDevice, str] = {"intel-gpu": "drm/card[0-9]", "intel-npu": "accel/accel[0-9]"}
_CLASSES, _INTEL = Path("/sys/class"), "0x8086"
_SECONDS = 60


@dataclass(frozen=True)
class Found:
    """One kind of device.

    Attributes:
        name: as its maker calls it; empty where OpenVINO cannot use it.
        reason: why it cannot be used and what to do, in sentences; empty where it can.
    """

    name: str = ""
    reason: str = ""


@cache
def devices() -> dict[IntelDevice, Found]:
    """What is found of each kind. Where the system shows that there is none, OpenVINO is not asked."""
    if importlib.util.find_spec("openvino") is None:
        return dict.fromkeys(PLUGINS, Found(reason="openvino is not installed."))
    there = {kind: _there(kind) for kind in PLUGINS}
    told = _ask() if any(present is not False for present in there.values()) else {}
    return {kind: _found(kind, there[kind], told.get(plugin, {})) for kind, plugin in PLUGINS.items()}


def usable() -> dict[IntelDevice, str]:
    """The names of the devices that OpenVINO can use here."""
    return {kind: found.name for kind, found in devices().items() if found.name}


def _found(kind: IntelDevice, there: bool | None, told: dict[str, str]) -> Found:
    if told.get("name"):
        return Found(name=told["name"])
    if there is not True:
        return Found(reason=NONE[kind])
    why = f" ({told['reason']})" if told.get("reason") else ""
    return Found(reason=f"OpenVINO cannot use this machine's {PLUGINS[kind]}{why}. {_DRIVERS[kind]}")


def _there(kind: IntelDevice) -> bool | None:
    """Whether the system shows a device of this kind of Intel's; None where it does not tell."""
    if sys.platform != "linux":
        return None
    for vendor in _CLASSES.glob(f"{_NODES[kind]}*/device/vendor"):
        try:
            if vendor.read_text(encoding="ascii").strip() == _INTEL:
                return True
        except OSError:
            continue
    return False


def _ask() -> dict[str, dict[str, str]]:
    """OpenVINO's answer by plugin: {"name"} or {"reason"}; the same reason for each where it gives no answer."""
    command = [sys.executable, "-P", "-m", "engine.runtimes.openvino.probe", *PLUGINS.values()]
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_SECONDS, check=True)
        answer: dict[str, dict[str, str]] = json.loads(done.stdout.splitlines()[-1])
    except subprocess.TimeoutExpired:
        reason = f"it gave no answer within {_SECONDS} seconds"
    except (OSError, ValueError, IndexError, subprocess.CalledProcessError):
        reason = "it ended while it was asked"
    else:
        return answer
    return {plugin: {"reason": reason} for plugin in PLUGINS.values()}
