"""Print what OpenVINO finds of the plugins named as arguments, as one line of JSON; a process of its own."""

from __future__ import annotations

import json
import sys

from engine.runtimes.openvino.library import ov


def found(core: ov.Core, plugin: str) -> dict[str, str]:
    """{"name"} of the first device of `plugin`, or {"reason"} where it has none or does not load."""
    try:
        if not core.get_property(plugin, "AVAILABLE_DEVICES"):
            return {"reason": "its driver shows no device"}
        return {"name": str(core.get_property(plugin, "FULL_DEVICE_NAME"))}
    except RuntimeError as error:
        # the last line says what is missing, those before it where OpenVINO noticed
        lines = [line.strip() for line in str(error).splitlines() if line.strip()]
        return {"reason": lines[-1].rpartition('": ')[2].rstrip(".") if lines else type(error).__name__}


if __name__ == "__main__":
    here = ov.Core()
    print(json.dumps({plugin: found(here, plugin) for plugin in sys.argv[1:]}))
