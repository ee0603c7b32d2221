"""Read an export back the way its receiver will: in another process, with the receiver's libraries alone."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from engine.checkpoint.inspect import read_config
from engine.checkpoint.safety import class_reference, runs_own_code
from engine.export.base import ExportContext
from engine.protocol.errors import UserError

NEW_TOKENS = 24
_PATIENCE_SECONDS = 0.2

# Runs with transformers alone: nothing of Hasten is importable there (-I leaves the current folder out, and `engine`
# is barred in case Hasten is installed).
_PROBE = """
import json, os, sys
sys.modules["engine"] = None
import torch, transformers
folder, ids, new, threads, own = json.loads(sys.argv[1])
torch.set_num_threads(threads)
config = transformers.AutoConfig.from_pretrained(folder, trust_remote_code=bool(own))
if own:
    from transformers.dynamic_module_utils import get_class_from_dynamic_module
    cls = get_class_from_dynamic_module(own, folder, local_files_only=True)
else:
    cls = getattr(transformers, config.architectures[0])
model = cls.from_pretrained(folder, config=config, dtype="auto").eval()
with torch.inference_mode():
    if config.is_encoder_decoder:
        answer = [config.decoder_start_token_id or 0]
        for _ in range(new):
            output = model(input_ids=torch.tensor([ids]), decoder_input_ids=torch.tensor([answer]), use_cache=False)
            answer.append(int(output.logits[0, -1].argmax()))
    elif model.can_generate():
        inputs = torch.tensor([ids])
        answer = []
        cache = None
        for _ in range(new):
            output = model(input_ids=inputs, past_key_values=cache, use_cache=True)
            cache, inputs = output.past_key_values, output.logits[:, -1].argmax(-1, keepdim=True)
            answer.append(int(inputs))
    else:
        answer = model.base_model(input_ids=torch.tensor([ids])).last_hidden_state[0].float().tolist()
if os.path.exists(os.path.join(folder, "tokenizer.json")):
    transformers.AutoTokenizer.from_pretrained(folder, trust_remote_code=bool(own))
print(json.dumps(answer))
"""


def verify_checkpoint(context: ExportContext, source: Path) -> None:
    """Load the destination with plain Transformers and compare it with `source` as Hasten loads it.

    Decoders and encoder-decoders must write the same greedy text of 24 tokens, encoders the same hidden states within
    rounding.
    Raises RuntimeError when they do not: the export is then a bug.
    """
    import torch

    context.step(0, 0, "Reading it back with plain Transformers")
    ids = _prompt(source)
    threads = torch.get_num_threads()
    argument = json.dumps([str(context.destination.resolve()), ids, NEW_TOKENS, threads, _own_class(source)])
    answer = json.loads(run_python(context, ["-I", "-c", _PROBE, argument]).splitlines()[-1])
    expected = _expected(source, ids)
    same = np.allclose(answer, expected, rtol=1e-3, atol=1e-4) if np.ndim(expected) == 2 else answer == expected
    if not same:
        raise RuntimeError(f"the exported checkpoint answers {answer}, the run's own {expected}")


def run_python(context: ExportContext, arguments: list[str]) -> str:
    """Run this Python with `arguments` in a process of its own and return what it prints; cancellation ends it.

    Raises UserError when memory runs out, RuntimeError with its last words when it fails otherwise.
    """
    process = subprocess.Popen(
        [sys.executable, *arguments],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8",
    )  # fmt: skip
    try:
        while True:
            try:
                output, errors = process.communicate(timeout=_PATIENCE_SECONDS)
                break
            except subprocess.TimeoutExpired:
                context.step(0, 0, "Reading it back")
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()
    if process.returncode == -9:
        raise UserError(
            "Reading the export back failed: the system ended the process, most likely for want of memory.",
            "Close other programs and export again.",
            code="not_enough_memory",
        )
    if process.returncode:
        raise RuntimeError(f"the export cannot be read back:\n{errors[-4000:]}")
    return output


def _expected(source: Path, ids: list[int]) -> list[Any]:
    """What `source` answers, computed in the one type that plain Transformers will use."""
    import torch

    from engine.checkpoint.load import load_model
    from engine.checkpoint.precision import precision_of
    from engine.checkpoint.reader import Reader

    precision = precision_of(Reader(source).config)
    model = load_model(source, dtype=getattr(torch, precision.widest) if precision.modules else None)
    with torch.inference_mode():
        if not model.can_generate():
            hidden: list[Any] = model.base_model(input_ids=torch.tensor([ids])).last_hidden_state[0].float().tolist()
            return hidden
        if model.config.is_encoder_decoder:
            answer = [model.config.decoder_start_token_id or 0]
            for _ in range(NEW_TOKENS):
                output = model(input_ids=torch.tensor([ids]), decoder_input_ids=torch.tensor([answer]), use_cache=False)
                answer.append(int(output.logits[0, -1].argmax()))
            return answer
        inputs, cache, answer = torch.tensor([ids]), None, []
        for _ in range(NEW_TOKENS):
            output = model(input_ids=inputs, past_key_values=cache, use_cache=True)
            cache, inputs = output.past_key_values, output.logits[:, -1].argmax(-1, keepdim=True)
            answer.append(int(inputs))
    return answer


def _own_class(source: Path) -> str | None:
    """Where the checkpoint's own, allowed code has its class; None for one that Transformers has."""
    config = read_config(source)
    return class_reference(config, config["architectures"][0]) if runs_own_code(config, source) else None


def _prompt(source: Path) -> list[int]:
    """A dozen ids that every vocabulary has."""
    vocabulary = int(read_config(source).get("vocab_size") or 64)
    return [4 + (index * 7) % max(1, min(vocabulary, 400) - 4) for index in range(12)]
