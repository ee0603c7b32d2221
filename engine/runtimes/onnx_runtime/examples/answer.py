"""Let this folder's model answer a text. Needs onnxruntime, tokenizers and numpy, nothing else.

python answer.py "A text to translate, shorten or answer." 64
"""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from tokenizers import Tokenizer

folder = Path(__file__).resolve().parent


def settings() -> dict[str, Any]:
    """config.json, and over it generation_config.json where there is one."""
    found: dict[str, Any] = {}
    for name in ("config.json", "generation_config.json"):
        path = folder / name
        if path.is_file():
            data = json.loads(path.read_text(encoding="utf-8"))
            found |= {key: value for key, value in data.items() if value is not None}
    return found


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
    encoder, decoder = (ort.InferenceSession(str(folder / f"{name}.onnx")) for name in ("encoder", "decoder"))

    # The prompt is read once: keys and values of it for every layer of the decoder.
    feeds = {"input_ids": ids, "attention_mask": np.ones_like(ids)}
    made = encoder.run(None, feeds)
    feeds |= {value.name: array for value, array in zip(encoder.get_outputs(), made, strict=True)}
    for value in decoder.get_inputs():
        if value.name.startswith("past."):
            feeds[value.name] = np.zeros((1, value.shape[1], 0, value.shape[3]), np.float32)

    outputs = [value.name for value in decoder.get_outputs()]
    answer: list[int] = []
    while len(answer) < new_tokens:
        feeds["input_ids"] = np.array([following], np.int64)
        logits, *present = decoder.run(outputs, feeds)
        feeds |= {name.replace("present.", "past."): array for name, array in zip(outputs[1:], present, strict=True)}
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
