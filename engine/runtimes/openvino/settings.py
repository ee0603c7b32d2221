"""How a model is computed: kept in the graph's own file, where OpenVINO and OpenVINO GenAI find it too.

OpenVINO reads `<rt_info><runtime_options>` of a model as defaults of its compile options.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Container
from dataclasses import dataclass, replace
from pathlib import Path

from engine.runtimes.openvino.limits import EXACT, MODEL


@dataclass(frozen=True)
class Settings:
    """The arithmetic of a model.

    Attributes:
        precision: "f32", "bf16" (processors) or "f16" (Intel's GPU and NPU), of activations and products.
        group: columns of an activation that are rounded to 8 bits together; 0 leaves them as they are.
        cache: type of the key-value cache: "f32", "f16", "bf16", "u8" (processors) or "i8" (Intel's GPU).
    """

    precision: str = "f32"
    group: int = EXACT
    cache: str = "f32"

    @property
    def words(self) -> str:
        """The arithmetic in words."""
        base = {"bf16": "bfloat16", "f16": "float16"}.get(self.precision, "float32")
        return f"{base}, activations in 8 bits by {self.group}" if self.group else base

    @property
    def options(self) -> dict[str, str]:
        """As OpenVINO's compile options."""
        return {
            "INFERENCE_PRECISION_HINT": self.precision,
            "DYNAMIC_QUANTIZATION_GROUP_SIZE": str(self.group),
            "KV_CACHE_PRECISION": self.cache,
        }

    def on(self, device: str, native: Container[str]) -> Settings:
        """The same, or the nearest that `device` computes in; `native` are OpenVINO's names of what the processor
        multiplies itself. What is missing is more exact than what was chosen, but for float16 in place of bfloat16."""
        precision, cache = self.precision, self.cache
        if device == "intel-gpu":
            precision = "f16" if precision == "bf16" else precision
            cache = {"bf16": "f16", "u8": "i8"}.get(cache, cache)
        elif precision == "f16" or (precision == "bf16" and "BF16" not in native):
            # built on a machine that has it, opened on one that has not
            cache = "f32" if cache == precision else cache
            precision = "f32"
        if device == "cpu" and cache == "i8":
            cache = "u8"
        return replace(self, precision=precision, cache=cache)


def write(folder: Path, settings: Settings) -> None:
    """Put `settings` into the graph in `folder`, in place of those that it has."""
    tree = ET.parse(folder / MODEL)
    root = tree.getroot()
    info = root.find("rt_info")
    if info is None:
        info = ET.SubElement(root, "rt_info")
    for old in info.findall("runtime_options"):
        info.remove(old)
    options = ET.SubElement(info, "runtime_options")
    for name, value in settings.options.items():
        ET.SubElement(options, name, value=value)
    tree.write(folder / MODEL, encoding="utf-8", xml_declaration=True)


def read(folder: Path) -> Settings:
    """The settings that the graph in `folder` holds; the exact ones where it holds none."""
    found = {}
    # the end of the file alone: the graph before it may be megabytes long
    with (folder / MODEL).open("rb") as file:
        file.seek(0, 2)
        file.seek(max(0, file.tell() - 16384))
        tail = file.read().decode("utf-8", "ignore")
    start, end = tail.rfind("<runtime_options"), tail.rfind("</runtime_options>")
    if 0 <= start < end:
        found = {item.tag: item.get("value", "") for item in ET.fromstring(tail[start:end] + "</runtime_options>")}
    exact = Settings()
    return Settings(
        found.get("INFERENCE_PRECISION_HINT", exact.precision),
        int(found.get("DYNAMIC_QUANTIZATION_GROUP_SIZE", exact.group)),
        found.get("KV_CACHE_PRECISION", exact.cache),
    )
