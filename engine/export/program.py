"""A run's model as one torch.export program: what the exported, the compiled and the ExecuTorch format begin with.

Shape letters: B texts, T tokens, V vocabulary, H hidden width, C classes.
"""

from __future__ import annotations

import inspect
import json
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram
from transformers import Cache
from transformers.cache_utils import StaticLayer

from engine.checkpoint.inspect import read_config
from engine.checkpoint.load import load_model
from engine.checkpoint.older import for_older_readers
from engine.export.base import ExportContext
from engine.export.recipe import FILE
from engine.export.specs import TWO_PROGRAMS
from engine.export.verify import run_python
from engine.links import checkpoint_files
from engine.protocol.errors import UserError
from engine.runtimes.limits import context_length

LONGEST = 1024  # tokens that a decoder's cache has room for, where the model allows as many
TEXTS = 4096  # the most texts an encoder reads at once
TOLERANCE, TOLERANCE_HALF = 1e-3, 3e-2  # of the largest output; the second for models that compute in 16 bits
_EXAMPLES = Path(__file__).parent / "examples"


class Decoder(nn.Module):
    """input_ids [1, T] int64 and the position `start` [1] of the first of them -> logits [1, T, V].

    Keys and values of the text so far are buffers of the program: a new text begins at 0, and going back to an earlier
    position forgets what came after it.
    """

    def __init__(self, model: Any, room: int) -> None:
        super().__init__()
        self.model = model
        layers = model.config.get_text_config(decoder=True).num_hidden_layers
        cache: Any = Cache(layers=[StaticLayer(max_cache_len=room) for _ in range(layers)])
        with torch.no_grad():
            model(input_ids=torch.zeros((1, 1), dtype=torch.int64), past_key_values=cache, use_cache=True)
        self._cache = cache
        for index, layer in enumerate(cache.layers):
            self.register_buffer(f"keys_{index}", torch.zeros_like(layer.keys))
            self.register_buffer(f"values_{index}", torch.zeros_like(layer.values))

    def forward(self, input_ids: Tensor, start: Tensor) -> Tensor:
        """The logits of every position of `input_ids`."""
        for index, layer in enumerate(self._cache.layers):
            layer.keys, layer.values = getattr(self, f"keys_{index}"), getattr(self, f"values_{index}")
            layer.cumulative_length = start[0].clone()
        logits: Tensor = self.model(input_ids=input_ids, past_key_values=self._cache, use_cache=True).logits
        return logits


class Encoder(nn.Module):
    """input_ids and attention_mask [B, T] int64 -> hidden states [B, T, H], or class or token logits."""

    def __init__(self, model: Any, field: str, kinds: bool) -> None:
        super().__init__()
        self.model, self._field, self._kinds = model, field, kinds

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """The outputs for `input_ids`; token types are all 0."""
        inputs = {"input_ids": input_ids, "attention_mask": attention_mask}
        if self._kinds:
            inputs["token_type_ids"] = torch.zeros_like(input_ids)
        found: Tensor = getattr(self.model(**inputs), self._field)
        return found


def make(context: ExportContext, *, piece: int = LONGEST, texts: int = TEXTS) -> ExportedProgram:
    """The program of the run's dequantised checkpoint, in its own precision, without a trace of this machine.

    `piece` is the most tokens a decoder reads in one call, `texts` the most texts an encoder does.
    Raises UserError when torch.export cannot follow the model.
    """
    module, inputs, shapes = _module(context, piece, texts)
    for part in module.modules():  # buffers that the model makes itself travel with the weights
        part._non_persistent_buffers_set.clear()
    context.step(0, 0, "Exporting the program")
    try:
        with torch.no_grad(), _quiet():
            program = torch.export.export(module, inputs, dynamic_shapes=shapes, strict=False)
    except (torch._dynamo.exc.TorchDynamoException, RuntimeError, ValueError) as error:
        said = str(error).strip().split("\n")[0].rstrip(".")
        raise UserError(
            f"torch.export cannot follow this model: {said}.",
            "Take the checkpoint or the built model away instead.",
            code="unsupported_architecture",
        ) from error
    _strip(program)
    return program


def finish(context: ExportContext, file: str, *, piece: int = LONGEST) -> None:
    """Put what a receiver needs beside `file`, run the program in another process and compare it with the twin.

    program.json tells the examples, and whoever else opens it, what the program takes. `piece` as for `make`.

    Raises RuntimeError when it answers differently or its example does not run.
    """
    run, folder = context.run, context.destination
    for name in checkpoint_files(run.checkpoint_folder):
        if len(name.parts) == 1 and name.suffix != ".safetensors" and name.name != "model.safetensors.index.json":
            shutil.copyfile(run.checkpoint_folder / name, folder / name)
    config = read_config(run.checkpoint_folder)
    # what describes the checkpoint's packed weights, and what may name a folder of this machine
    for key in ("quantization_config", "hasten", "_name_or_path"):
        config.pop(key, None)
    text = json.dumps(for_older_readers(config), indent=2)
    (folder / "config.json").write_text(text + "\n", encoding="utf-8")
    (folder / FILE).write_text(run.recipe.to_yaml(), encoding="utf-8")
    decoder = run.task == "text-generation"
    longest = context_length(run.checkpoint_folder)
    facts = {"file": file, "task": run.task, "longest": min(longest, LONGEST) if decoder else longest}
    if decoder:
        facts["piece"] = min(piece, longest, LONGEST)
    (folder / "program.json").write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    example = "generate.py" if decoder else "encode.py"
    shutil.copyfile(_EXAMPLES / example, folder / example)
    context.step(0, 0, f"Running {file} without Hasten")
    expected, tolerance = _expected(context)
    found = _found(context, folder / example)
    error = float(np.abs(found - expected).max() / max(float(np.abs(expected).max()), 1e-30))
    if not error <= tolerance:
        raise RuntimeError(f"{file} does not compute what the run's model does: its outputs differ by {error:.2%}")
    if (folder / "tokenizer.json").is_file() and not run_python(context, ["-I", "-c", _EXAMPLE, str(folder / example)]):
        raise RuntimeError(f"{example} printed nothing")


@contextmanager
def _quiet() -> Iterator[None]:
    """What the exporters deprecate in one another is none of the user's business."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _module(context: ExportContext, piece: int, texts: int) -> tuple[nn.Module, tuple[Tensor, ...], Any]:
    source, task = context.run.checkpoint_folder, context.run.task
    if task == "text2text-generation":
        raise UserError(
            TWO_PROGRAMS,
            "Take the checkpoint or the built model away instead.",
            code="unsupported_architecture",
        )
    context.step(0, 0, "Loading the checkpoint")
    model = load_model(source)
    longest = context_length(source)
    if task == "text-generation":
        room = min(longest, LONGEST)
        if room < longest:
            context.notice(f"The program has room for {room} tokens, prompt and answer together.")
        # 8 tokens at the sample, so that none of its sizes is taken for a constant
        inputs = (torch.zeros((1, min(8, room)), dtype=torch.int64), torch.zeros(1, dtype=torch.int64))
        return Decoder(model, room).eval(), inputs, ({1: Dim("tokens", min=1, max=min(piece, room))}, None)
    core = model.base_model if task == "feature-extraction" else model
    field = "last_hidden_state" if task == "feature-extraction" else "logits"
    kinds = "token_type_ids" in inspect.signature(model.base_model.forward).parameters
    ids, mask = (torch.ones((min(2, texts), 8), dtype=torch.int64) for _ in range(2))
    shape: dict[int, Any] = {1: Dim("tokens", min=1, max=longest)}
    if texts > 1:
        mask[1, 4:] = 0
        shape[0] = Dim("texts", min=1, max=texts)
    return Encoder(core, field, kinds).eval(), (ids, mask), (shape, shape)


def _strip(program: ExportedProgram) -> None:
    """Take out where on this machine each operator's line of source lies."""
    for graph in (part for part in program.graph_module.modules() if isinstance(part, torch.fx.GraphModule)):
        for node in graph.graph.nodes:
            node.meta.pop("stack_trace", None)


# What is compared: a text read at once, then its last tokens one by one; two texts of unequal length for encoders.
_LENGTH, _READ = 12, 8

_PROBE = """
import json, runpy, sys
for name in ("engine", "transformers", "onnx"):
    sys.modules[name] = None
example, out, ids, read, threads = json.loads(sys.argv[1])
import numpy, torch
torch.set_num_threads(threads)
program = runpy.run_path(example)["open_program"]()
tensor = torch.tensor
if example.endswith("generate.py"):
    ids = ids[0]
    parts = [program(tensor([ids[:read]]), tensor([0])).clone()]
    parts += [program(tensor([[token]]), tensor([read + i])).clone() for i, token in enumerate(ids[read:])]
    found = torch.cat(parts, 1)
else:
    found = torch.cat([program(tensor([row]), torch.ones((1, len(row)), dtype=torch.int64)).clone() for row in ids])
numpy.save(out, found.detach().float().numpy())
"""

_EXAMPLE = """
import runpy, sys
for name in ("engine", "transformers", "onnx"):
    sys.modules[name] = None
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


def _found(context: ExportContext, example: Path) -> np.ndarray[Any, Any]:
    with tempfile.TemporaryDirectory() as room:
        out = Path(room) / "found.npy"
        argument = json.dumps([str(example.resolve()), str(out), _ids(context), _READ, torch.get_num_threads()])
        run_python(context, ["-I", "-c", _PROBE, argument])
        found: np.ndarray[Any, Any] = np.load(out)
    return found


def _expected(context: ExportContext) -> tuple[np.ndarray[Any, Any], float]:
    model = load_model(context.run.checkpoint_folder)
    half = any(parameter.dtype in (torch.bfloat16, torch.float16) for parameter in model.parameters())
    core = model.base_model if context.run.task == "feature-extraction" else model
    with torch.inference_mode():
        output = core(input_ids=torch.tensor(_ids(context)))
    found = output.last_hidden_state if context.run.task == "feature-extraction" else output.logits
    return found.float().numpy(), TOLERANCE_HALF if half else TOLERANCE


def _ids(context: ExportContext) -> list[list[int]]:
    """Token ids that every vocabulary has: one text for decoders, two for encoders."""
    config = read_config(context.run.checkpoint_folder)
    span = max(1, min(int(config.get("vocab_size") or 64), 400) - 4)
    rows = 1 if context.run.task == "text-generation" else 2
    return [[4 + (index * (7 + 4 * row)) % span for index in range(_LENGTH)] for row in range(rows)]
