"""What may import what, where the import linter cannot say it."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HEAVY = {
    "torch", "transformers", "onnx", "onnxruntime", "onnxruntime_genai", "openvino", "llama_cpp", "accelerate", "peft",
}  # fmt: skip


@pytest.mark.parametrize("module", ["gui.app", "engine.cli", "engine.worker.client", "engine.recipe.validate"])
def test_importing_it_loads_no_heavy_library(module: str) -> None:
    code = f"import sys, {module}; print(' '.join(sorted({HEAVY!r} & set(sys.modules))))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == ""


@pytest.mark.parametrize("catalogue", ["passes", "runtimes", "metrics"])
def test_entries_of_a_catalogue_do_not_know_one_another(catalogue: str) -> None:
    folders = [folder for folder in (ROOT / "engine" / catalogue).iterdir() if (folder / "spec.py").exists()]
    assert folders
    for folder in folders:
        others = {f"engine.{catalogue}.{other.name}" for other in folders if other != folder}
        for file in folder.rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
                if isinstance(node, ast.Import):
                    names = [alias.name for alias in node.names]
                for name in names:
                    assert not any(name == other or name.startswith(other + ".") for other in others), (
                        f"{file.relative_to(ROOT)} imports {name}"
                    )
