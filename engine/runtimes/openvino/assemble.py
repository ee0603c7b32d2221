"""What every artefact of OpenVINO consists of besides its graph: tokenizer, generation settings, example, manifest."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from engine.protocol.errors import UserError
from engine.runtimes import companions
from engine.runtimes.base import BuildContext
from engine.runtimes.limits import ending_tokens
from engine.runtimes.openvino.library import ov
from engine.runtimes.openvino.limits import MODEL, PLUGINS
from engine.runtimes.openvino.session import OpenVinoSession, open_session
from engine.runtimes.openvino.settings import Settings
from engine.text.tokenizer import load_tokenizer

_EXAMPLES = Path(__file__).parent / "examples"


def save(model: Any, context: BuildContext) -> None:
    """Write graph and weights, every number as it is."""
    context.step(0, 0, "Writing weights")
    ov.save_model(model, str(context.destination / MODEL), compress_to_fp16=False)


def add_companions(context: BuildContext, example: str) -> None:
    """Put everything else beside the graph. Without a tokenizer that OpenVINO can hold, the example is left out."""
    alone = context.info.task != "text-generation" or _write_tokenizer(context)
    companions.copy_companions(context, _EXAMPLES / example if alone else None)
    device = context.target.device
    script = context.destination / example
    # an encoder's example opens the graph as it is, whose sizes vary: that is for other devices than an NPU
    if device != "cpu" and script.exists() and (device != "intel-npu" or example == "generate.py"):
        text = script.read_text(encoding="utf-8")
        script.write_text(text.replace('DEVICE = "CPU"', f'DEVICE = "{PLUGINS[device]}"'), encoding="utf-8")
    settings = context.destination / "generation_config.json"
    ends = sorted(ending_tokens(context.source))
    if context.info.task == "text-generation" and ends and not settings.exists():
        settings.write_text(json.dumps({"eos_token_id": ends}) + "\n", encoding="utf-8")


def open_built(context: BuildContext, settings: Settings, device: str = "") -> OpenVinoSession:
    """A session of what lies in `context.destination` so far, computing as `settings` say, on `device` or where the
    target says."""
    request = companions.request_for(context, "openvino")
    return open_session(replace(request, device=device or request.device), settings)


def _write_tokenizer(context: BuildContext) -> bool:
    """Write openvino_tokenizer.xml and openvino_detokenizer.xml; whether that could be done."""
    context.step(0, 0, "Writing the tokenizer")
    try:
        tokenizer = load_tokenizer(context.source)
    except UserError as error:
        context.notice(error.cause)
        return False
    from openvino_tokenizers import convert_tokenizer

    try:
        made = convert_tokenizer(tokenizer, with_detokenizer=True)
    except Exception as error:  # its converter raises whatever it stumbles over
        reason = str(error).strip().partition("\n")[0] or type(error).__name__
        context.notice(f"OpenVINO GenAI cannot open this model by itself: its tokenizer is not supported ({reason}).")
        return False
    for model, name in zip(made, ("openvino_tokenizer.xml", "openvino_detokenizer.xml"), strict=True):
        ov.save_model(model, str(context.destination / name), compress_to_fp16=False)
    return True
