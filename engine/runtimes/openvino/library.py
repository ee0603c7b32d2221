"""OpenVINO itself, imported here and nowhere else, with its usage statistics switched off.

Importing OpenVINO sends a message to its makers where the package openvino_telemetry is installed. Without that package
it takes a stub of its own, so the import of it is refused in this process; nothing is written to the user's folder.
"""

from __future__ import annotations

import sys

sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]

import openvino as ov
import openvino.opset15 as ops

__all__ = ["ops", "ov"]
