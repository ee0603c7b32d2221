"""The built model as a folder of its own; its example script, where the runtime brings one, is tried without Hasten."""

from __future__ import annotations

from engine.checkpoint.older import spell_out
from engine.checkpoint.trust import granted
from engine.drafts import link_tree
from engine.export.base import ExportContext
from engine.export.recipe import FILE
from engine.export.verify import run_python

# Opened by Hasten in a process of its own: what a receiver with Hasten does.
_OPEN = """
import sys
from pathlib import Path
import numpy as np
from engine.runtimes.base import TextBatch
from engine.runtimes.open import open_session
session = open_session(Path(sys.argv[1]))
ids = np.arange(4, 16, dtype=np.int64)
if session.task in ("text-generation", "text2text-generation"):
    assert len(list(session.generate(ids, 4, stop_at_eos=False))) == 4
else:
    batch = TextBatch(ids[None], np.ones((1, 12), np.int64), np.zeros((1, 12), np.int64))
    session.answer(batch)
session.close()
"""

# The example alone: what a receiver without Hasten, torch and transformers does.
_ALONE = """
import runpy, sys
for name in ("engine", "torch", "transformers", "onnx", "onnxruntime_genai"):
    sys.modules[name] = None
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def write(context: ExportContext) -> None:
    """Fill the destination with the artefact, open it there and run its example.

    Raises RuntimeError when the copy does not open or the example does not answer.
    """
    if context.run.recipe.target.runtime == "tensorrt":
        context.notice(
            "A TensorRT engine is machine code: it opens only where it was built, on this machine and by you."
        )
    link_tree(context.run.artefact_folder, context.destination)
    spell_out(context.destination)
    (context.destination / FILE).write_text(context.run.recipe.to_yaml(), encoding="utf-8")
    folder = context.destination.resolve()
    context.step(0, 0, "Opening it where it is now")
    run_python(context, ["-P", "-c", _OPEN, str(folder)])
    if granted(folder):
        return  # the Python files are the model's own code, not an example
    for example in sorted(folder.glob("*.py")):
        context.step(0, 0, f"Running {example.name} without Hasten")
        if not run_python(context, ["-I", "-c", _ALONE, str(example)]).strip():
            raise RuntimeError(f"{example.name} printed nothing")
