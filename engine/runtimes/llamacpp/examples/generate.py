"""Continue a text with this folder's model. Needs llama-cpp-python, nothing else.

python generate.py "Once upon a time" 64
"""

import json
import sys
from pathlib import Path

import llama_cpp

folder = Path(__file__).resolve().parent


def main(prompt: str, new_tokens: int) -> str:
    """`prompt` continued greedily by up to `new_tokens` tokens."""
    options = json.loads((folder / "hasten.json").read_text(encoding="utf-8"))["target"]["options"]
    cache = options.get("kv_cache", "f16")
    kind = getattr(llama_cpp, f"GGML_TYPE_{cache.upper()}")
    plain = cache == "f32" or options.get("attention") == "plain"
    model = llama_cpp.Llama(
        str(folder / "model.gguf"), n_ctx=0, type_k=kind, type_v=kind, flash_attn=not plain, verbose=False
    )
    answer = model.create_completion(prompt, max_tokens=new_tokens, temperature=0.0, repeat_penalty=1.0)
    text: str = answer["choices"][0]["text"]
    return text


if __name__ == "__main__":
    text = sys.argv[1] if len(sys.argv) > 1 else "Once upon a time"
    print(text + main(text, int(sys.argv[2]) if len(sys.argv) > 2 else 64))
