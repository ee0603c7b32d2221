"""Continue a text with this folder's model. Needs onnxruntime, tokenizers and numpy, nothing else.

python generate.py "Once upon a time" 64
"""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from tokenizers import Tokenizer

folder = Path(__file__).resolve().parent


def settings(name: str) -> dict[str, Any]:
    """A JSON file of the folder, empty where it is not there."""
    path = folder / name
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def main(prompt: str, new_tokens: int) -> str:
    """`prompt` continued greedily by up to `new_tokens` tokens."""
    config = settings("config.json")
    eos = settings("generation_config.json").get("eos_token_id", config.get("eos_token_id"))
    ends = set(eos if isinstance(eos, list) else [eos])

    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    ids = tokenizer.encode(prompt).ids
    session = ort.InferenceSession(str(folder / "model.onnx"), providers=ort.get_available_providers())
    binding = session.io_binding()
    inputs = {value.name: value for value in session.get_inputs()}
    room = len(ids) + new_tokens
    heads, hidden = config.get("num_attention_heads") or 1, config.get("hidden_size") or 0
    sizes = config.get("num_key_value_heads") or heads, config.get("head_dim") or hidden // heads

    # One buffer a layer for keys and one for values, read and written in place.
    for value in inputs.values():
        if value.name.startswith("past_key_values."):
            kind = {"tensor(float16)": np.float16, "tensor(int8)": np.int8}.get(value.type, np.float32)
            # a graph says how many heads there are and how wide, or leaves it to config.json
            said = [size if isinstance(size, int) else own for size, own in zip(value.shape[1::2], sizes, strict=True)]
            cache = np.zeros((1, said[0], room, said[1]), kind)
            buffer = ort.OrtValue.ortvalue_from_numpy(cache, "cpu")
            binding.bind_ortvalue_input(value.name, buffer)
            binding.bind_ortvalue_output(value.name.replace("past_key_values.", "present."), buffer)

    def read(step: list[int], length: int) -> int:
        """Append `step` to the cache, which then holds `length` tokens; the most probable next token."""
        binding.bind_cpu_input("input_ids", np.array([step], np.int64))
        start = length - len(step)
        if "start" in inputs:  # a graph that is told where to write; its mask is for the whole buffer
            binding.bind_cpu_input("start", np.array(start, np.int64))
        binding.bind_cpu_input("attention_mask", np.ones((1, room if "start" in inputs else length), np.int64))
        if "position_ids" in inputs:
            binding.bind_cpu_input("position_ids", np.arange(start, length, dtype=np.int64)[None])
        binding.bind_output("logits", "cpu")
        session.run_with_iobinding(binding)
        return int(binding.get_outputs()[-1].numpy()[0, -1].argmax())

    if len(ids) > 1:  # the last token apart, as Hasten does: kernels for one token round differently
        read(ids[:-1], len(ids) - 1)
    answer = ids[:]
    while len(answer) < room:
        token = read(answer[-1:], len(answer))
        if token in ends:
            break
        answer.append(token)
    # Together, for a word's space may only show beside the word before it.
    return tokenizer.decode(answer)[len(tokenizer.decode(ids)) :]


if __name__ == "__main__":
    text = sys.argv[1] if len(sys.argv) > 1 else "Once upon a time"
    print(text + main(text, int(sys.argv[2]) if len(sys.argv) > 2 else 64))
