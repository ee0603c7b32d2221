"""Continue a text with this folder's model. Needs llama-cpp-python and numpy, nothing else.

python generate.py "Once upon a time" 64
"""

import ctypes
import json
import sys
from pathlib import Path

import llama_cpp as lib
import numpy as np

folder = Path(__file__).resolve().parent
BATCH = 512
silent = lib.llama_log_callback(lambda level, text, data: None)  # kept, for llama.cpp goes on calling it


def main(prompt: str, new_tokens: int) -> str:
    """`prompt` continued greedily by up to `new_tokens` tokens."""
    options = json.loads((folder / "hasten.json").read_text(encoding="utf-8"))["target"]["options"]
    cache = options.get("kv_cache", "f16")
    plain = cache == "f32" or options.get("attention") == "plain"

    lib.llama_log_set(silent, None)
    lib.llama_backend_init()
    loading = lib.llama_model_default_params()
    loading.n_gpu_layers = 0
    # Compiled by a GCC before 13.2, its AMX kernels crash (llama.cpp issue 20824): plain buffers avoid them.
    loading.use_extra_bufts = b"AMX_INT8 = 1" not in lib.llama_print_system_info()
    model = lib.llama_model_load_from_file(str(folder / "model.gguf").encode(), loading)
    vocabulary = lib.llama_model_get_vocab(model)

    data = prompt.encode()
    ids = (lib.llama_token * (len(data) + 8))()
    count = lib.llama_tokenize(vocabulary, data, len(data), ids, len(ids), True, True)

    opening = lib.llama_context_default_params()
    opening.n_ctx = count + new_tokens
    opening.n_batch = opening.n_ubatch = BATCH
    opening.type_k = opening.type_v = getattr(lib, f"GGML_TYPE_{cache.upper()}")
    opening.flash_attn_type = lib.LLAMA_FLASH_ATTN_TYPE_DISABLED if plain else lib.LLAMA_FLASH_ATTN_TYPE_ENABLED
    context = lib.llama_init_from_model(model, opening)

    answer = b""
    step = list(ids[:count])
    for _ in range(new_tokens):
        for start in range(0, len(step), BATCH):
            part = step[start : start + BATCH]
            tokens = (lib.llama_token * len(part))(*part)  # which the batch only points to
            if lib.llama_decode(context, lib.llama_batch_get_one(tokens, len(part))):
                raise RuntimeError("llama.cpp failed")
        logits = lib.llama_get_logits_ith(context, -1)
        token = int(np.ctypeslib.as_array(logits, (lib.llama_vocab_n_tokens(vocabulary),)).argmax())
        if lib.llama_vocab_is_eog(vocabulary, token):
            break
        piece = ctypes.create_string_buffer(256)
        length = lib.llama_token_to_piece(vocabulary, token, piece, len(piece), 0, False)
        answer += piece.raw[:length]
        step = [token]
    lib.llama_free(context)
    lib.llama_model_free(model)
    return answer.decode(errors="replace")


if __name__ == "__main__":
    text = sys.argv[1] if len(sys.argv) > 1 else "Once upon a time"
    print(text + main(text, int(sys.argv[2]) if len(sys.argv) > 2 else 64))
