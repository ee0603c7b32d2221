"""Let this folder's model answer a text. Needs openvino, tokenizers and numpy, nothing else.

python answer.py "A text to translate, shorten or answer." 64
"""

import json
import sys
from pathlib import Path
from typing import Any

sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # no usage statistics

import numpy as np
import openvino as ov
from tokenizers import Tokenizer

folder = Path(__file__).resolve().parent
DEVICE = "CPU"


def settings() -> dict[str, Any]:
    """config.json, and over it generation_config.json where there is one."""
    found: dict[str, Any] = {}
    for name in ("config.json", "generation_config.json"):
        path = folder / name
        if path.is_file():
            data = json.loads(path.read_text(encoding="utf-8"))
            found |= {key: value for key, value in data.items() if value is not None}
    return found


def halves() -> tuple[Any, Any]:
    """The graph's two halves, compiled: the encoder reads a prompt once, the decoder appends to the answer."""
    core = ov.Core()
    model = core.read_model(folder / "openvino_model.xml")
    prompt = [node for node in model.get_parameters() if node.output(0).any_name in ("input_ids", "attention_mask")]
    names = {node.output(0).any_name for node in prompt}
    others = [node for node in model.get_parameters() if node.output(0).any_name not in names]
    made = [node for node in model.get_results() if node.output(0).any_name != "logits"]
    logits = [node for node in model.get_results() if node.output(0).any_name == "logits"]
    # The arithmetic stands in the graph's file, which its halves do not know.
    keys = ("INFERENCE_PRECISION_HINT", "DYNAMIC_QUANTIZATION_GROUP_SIZE", "KV_CACHE_PRECISION")
    options = {key: model.get_rt_info(["runtime_options", key]).astype(str) for key in keys}
    encoder = core.compile_model(ov.Model(made, prompt, "encoder"), DEVICE, options)
    return encoder, core.compile_model(ov.Model(logits, model.get_sinks(), others, "decoder"), DEVICE, options)


def main(prompt: str, new_tokens: int) -> str:
    """The greedy answer to `prompt`, of up to `new_tokens` tokens."""
    config = settings()
    eos = config.get("eos_token_id")
    ends = set(eos if isinstance(eos, list) else [eos])
    never = [word[0] for word in config.get("bad_words_ids") or [] if len(word) == 1]
    never += config.get("suppress_tokens") or []
    following = [config.get("decoder_start_token_id", config.get("bos_token_id"))]
    if "forced_bos_token_id" in config:
        following.append(config["forced_bos_token_id"])

    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    ids = np.array([tokenizer.encode(prompt).ids], np.int64)
    encoder, decoder = halves()

    # The prompt is read once: keys and values of it for every layer of the decoder.
    mask = np.ones_like(ids)
    made = encoder({"input_ids": ids, "attention_mask": mask})
    feeds: dict[str, Any] = {port.any_name.replace("cross.", "encoder."): made[port] for port in encoder.outputs}
    feeds |= {"encoder_attention_mask": mask, "beam_idx": np.zeros(1, np.int32)}

    request = decoder.create_infer_request()
    answer: list[int] = []
    read = 0
    while len(answer) < new_tokens:
        feeds["decoder_input_ids"] = np.array([following], np.int64)
        feeds["decoder_positions"] = np.arange(read, read + len(following))
        logits = request.infer(feeds)["logits"].copy()
        read += len(following)
        logits[0, -1, never] = -np.inf
        token = int(logits[0, -1].argmax())
        if token in ends:
            break
        answer.append(token)
        following = [token]
    return tokenizer.decode(answer)


if __name__ == "__main__":
    text = sys.argv[1] if len(sys.argv) > 1 else "translate English to German: The house is small."
    print(main(text, int(sys.argv[2]) if len(sys.argv) > 2 else 64))
