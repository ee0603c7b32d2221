"""Every name of TensorRT's Python API that the runtime uses exists in NVIDIA's bindings; no GPU is needed for that.

The bindings are a small package of their own (tensorrt_cu13_bindings). Their libraries are replaced by empty ones.
"""

from __future__ import annotations

import ast
import json
import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parents[2] / "engine" / "runtimes" / "tensorrt"
# file -> expression -> the class of what it holds; "" is the module itself
HOLDERS = {
    "compile.py": {
        "trt": "", "builder": "Builder", "config": "IBuilderConfig", "parser": "OnnxParser",
        "profile": "IOptimizationProfile", "kept": "ITimingCache", "parser.get_error(0)": "ParserError",
        "trt.Logger": "Logger", "trt.MemoryPoolType": "MemoryPoolType", "trt.IProgressMonitor": "IProgressMonitor",
    },
    "loaded.py": {
        "trt": "", "context": "IExecutionContext", "self._engine": "ICudaEngine", "self._runtime": "Runtime",
        "trt.Logger": "Logger", "trt.TensorIOMode": "TensorIOMode",
    },
}  # fmt: skip
MONITOR = ("phase_start", "phase_finish", "step_complete")  # overridden rather than called
EXPORTS = (
    "createInferBuilder_INTERNAL createInferRefitter_INTERNAL createInferRuntime_INTERNAL getPluginRegistry "
    "createNvOnnxParserRefitter_INTERNAL createNvOnnxParser_INTERNAL getBuilderPluginRegistry getNvOnnxParserVersion "
    "initLibNvInferPlugins"
)
PROBE = """
import json, sys
import tensorrt_bindings as trt
wanted = json.loads(sys.argv[1])
print(json.dumps([name for name in wanted if not __import__("functools").reduce(
    lambda holder, part: getattr(holder, part, None), name.split("."), trt)]))
"""


def used() -> set[str]:
    """The dotted names, below the module, that the runtime's two files take from TensorRT."""
    found = {f"IProgressMonitor.{name}" for name in MONITOR}
    for file, holders in HOLDERS.items():
        tree = ast.parse((HERE / file).read_text(encoding="utf-8"))
        if file == "loaded.py":  # elsewhere the same names hold other things
            tree = next(node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "Engine")
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and ast.unparse(node.value) in holders:
                found.add(f"{holders[ast.unparse(node.value)]}.{node.attr}".lstrip("."))
    return found


def missing(names: list[str], scratch: Path) -> list[str]:
    """Those of `names` that the installed bindings lack."""
    source = scratch / "empty.c"
    source.write_text("".join(f"void *{name}(void) {{ return 0; }}\n" for name in EXPORTS.split()))
    for library in ("libnvinfer.so.11", "libnvinfer_plugin.so.11", "libnvonnxparser.so.11"):
        command = ["cc", "-shared", "-fPIC", f"-Wl,-soname,{library}", "-o", str(scratch / library), str(source)]
        subprocess.run(command, check=True)
    done = subprocess.run(
        [sys.executable, "-c", PROBE, json.dumps(names)], capture_output=True, text=True, check=True,
        env={**os.environ, "LD_LIBRARY_PATH": str(scratch)},
    )  # fmt: skip
    found: list[str] = json.loads(done.stdout)
    return found


@pytest.mark.skipif(
    sys.platform != "linux" or find_spec("tensorrt_bindings") is None or find_spec("tensorrt_libs") is not None
    or shutil.which("cc") is None,
    reason="needs tensorrt_cu13_bindings alone, and a C compiler, on Linux",
)  # fmt: skip
def test_every_name_that_is_used_exists(tmp_path: Path) -> None:
    names = used()
    assert {
        "Builder.build_serialized_network",
        "IExecutionContext.execute_async_v3",
        "ICudaEngine.get_tensor_mode",
    } <= names
    assert len(names) > 25
    assert missing(sorted(names), tmp_path) == []
    assert missing(["Builder.platform_has_fast_fp16"], tmp_path) == ["Builder.platform_has_fast_fp16"]
