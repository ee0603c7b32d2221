"""`hasten doctor` and the Target card say the same of every runtime, wherever its program is and wherever it is not.

Each case is a process of its own, in which imports fail as they do where a package is not installed, or in which a
package lies that this machine has not.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from engine.runtimes.catalog import all_runtimes

# Prints, for every runtime: what the doctor says, what stops a recipe for it, what the card shows, and how opening a
# model built for it fails.
_PROGRAM = """
import contextlib, io, json, sys
from pathlib import Path

for name in sys.argv[2].split(","):
    sys.modules[name] = None

from PySide6.QtWidgets import QApplication
application = QApplication([])
from engine.checkpoint.inspect import inspect
from engine.cli.main import run
from engine.protocol.errors import UserError
from engine.recipe.recipe import Recipe, Target
from engine.recipe.validate import problems
from engine.runtimes.base import Artefact
from engine.runtimes.open import open_session, write_artefact
from gui.document.document import Document
from gui.pages.pipeline.inspector import TargetForm
from gui.theme.icons import install_stylesheet_icons
from gui.theme.theme import theme
from gui.widgets.note import Note

install_stylesheet_icons()
theme().start("light")
printed = io.StringIO()
with contextlib.redirect_stdout(printed):
    run(["doctor", "--json"])
info = inspect(Path(sys.argv[1]))
found = {}
for runtime in json.loads(printed.getvalue())["runtimes"]:
    target = Target(runtime=runtime["name"], device="cuda" if runtime["devices"] == ["cuda"] else "cpu")
    document = Document()
    document.set_target("runtime", runtime["name"])
    form = TargetForm(document)
    form.refresh()
    folder = Path(sys.argv[3]) / runtime["name"]
    folder.mkdir()
    write_artefact(folder, Artefact(runtime=runtime["name"], task=info.task, target=target, weight_bytes=1, files=()))
    opening = ""
    if not runtime["usable"]:
        try:
            open_session(folder)
        except UserError as error:
            opening = error.cause
    found[runtime["name"]] = {
        "doctor": runtime,
        "stops": [problem.text for problem in problems(Recipe(target=target), info) if problem.severity == "stop"],
        "warnings": [note.text.text() for note in form.findChildren(Note)],
        "version": form._version.text() if not form._version.isHidden() else "",
        "opening": opening,
    }
print(json.dumps(found))
"""


def asked(checkpoint: Path, scratch: Path, without: tuple[str, ...] = (), beside: Path | None = None) -> dict[str, Any]:
    root = str(Path(__file__).resolve().parents[2])
    search = os.pathsep.join([root, *([str(beside)] if beside else []), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, str(checkpoint), ",".join(without) or "-", str(scratch)],
        capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": search}, cwd=scratch,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert list(found) == list(all_runtimes())
    return found


def agree(found: dict[str, Any]) -> None:
    """Hold every part of each runtime's answers against the doctor's."""
    for name, said in found.items():
        doctor, refused = said["doctor"], [text for text in said["stops"] if "cannot be used here" in text]
        if doctor["usable"]:
            assert (refused, said["warnings"]) == ([], []), name
            assert doctor["version"] in said["version"]
            assert said["stops"] == [text for text in (doctor["limits"],) if text], name
        else:
            why = f"{doctor['reason']} {doctor['remedy']}"
            assert refused == [f"{doctor['title']} cannot be used here: {why}"]
            assert said["warnings"] == [why]
            assert said["version"] == ""
            assert doctor["reason"].rstrip(".") in said["opening"]


@pytest.mark.parametrize(
    ("without", "unusable", "limited"),
    [
        ((), set(), set()),
        (("onnxruntime",), {"onnxruntime"}, set()),
        (("openvino",), {"openvino"}, set()),
        (("onnx", "onnxscript", "openvino_tokenizers"), set(), {"onnxruntime", "openvino"}),
        (("torch", "transformers"), {"transformers", "torch_compile"}, {"onnxruntime", "openvino"}),
        (("llama_cpp", "tensorrt"), {"llamacpp", "tensorrt"}, set()),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_where_programs_are_missing(
    without: tuple[str, ...], unusable: set[str], limited: set[str], tiny_llama: Path, tmp_path: Path
) -> None:
    found = asked(tiny_llama, tmp_path, without)
    agree(found)
    for name in unusable:
        assert not found[name]["doctor"]["usable"]
        assert found[name]["doctor"]["remedy"]
    for name in limited:
        assert found[name]["doctor"]["usable"]
        assert any(package in found[name]["doctor"]["limits"] for package in without)


def test_where_programs_are_that_this_machine_may_lack(tiny_llama: Path, tmp_path: Path) -> None:
    for package, title in (("llama_cpp", "llama_cpp_python"), ("tensorrt", "tensorrt")):
        (tmp_path / "more" / package).mkdir(parents=True)
        (tmp_path / "more" / package / "__init__.py").touch()
        facts = tmp_path / "more" / f"{title}-1.2.3.dist-info"
        facts.mkdir()
        (facts / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {title.replace('_', '-')}\nVersion: 1.2.3\n")
    found = asked(tiny_llama, tmp_path, beside=tmp_path / "more")
    agree(found)
    assert (found["llamacpp"]["doctor"]["usable"], found["llamacpp"]["doctor"]["version"]) == (True, "1.2.3")
    if not found["tensorrt"]["doctor"]["usable"]:  # it is there, and what is missing now is a GPU
        assert "GPU" in found["tensorrt"]["doctor"]["reason"]
