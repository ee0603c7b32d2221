"""How much memory a recipe takes on models that are larger than it: random Llamas in bfloat16, as large as real ones.

    python -m tests.benchmarks.peak_memory [--shapes 1.1B,7B] [--methods nearest,gptq]

Each shape is written once, in shards of one layer (2.2 and 13.5 GB), quantised to 4 bits in groups of 32 by
`hasten run` with an empty data folder, and deleted. Printed is the peak of resident memory of the largest
process, libraries and pages of mapped files included; an int4 recipe should stay below 1.5 GiB on 1.1 billion
parameters and 3 GiB on 7.
Linux and macOS only.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from tests.benchmarks.peers.environments import ROOT
from tests.helpers.checkpoints import tokenizer

# name -> hidden width, inner width, layers, heads, heads of keys and values; peak allowed in GiB
SHAPES = {"1.1B": (2048, 5632, 22, 32, 4, 1.5), "7B": (4096, 11008, 32, 32, 32, 3.0)}  # TinyLlama's and Llama 2's
VOCABULARY = 32_000


def main() -> int:
    """Make each model, run each recipe, print; 1 where one takes more than it may."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shapes", default="1.1B")
    parser.add_argument("--methods", default="nearest,gptq")
    parser.add_argument("--samples", type=int, default=16, help="windows of 256 tokens, for methods that read a text")
    parser.add_argument("--room", type=Path, help="where models are written; without it the temporary folder")
    asked = parser.parse_args()
    within = True
    for shape in asked.shapes.split(","):
        with tempfile.TemporaryDirectory(dir=asked.room) as room:
            size = make(shape, Path(room) / "model")
            for method in asked.methods.split(","):
                seconds, peak = quantise(Path(room), method, asked.samples)
                within &= peak <= SHAPES[shape][-1] * 2**30
                print(
                    f"{shape}, {size / 1e9:.1f} GB, int4 / 32, {method}: peak {peak / 2**30:.2f} GiB "
                    f"(at most {SHAPES[shape][-1]}), {seconds:.0f} s",
                    flush=True,
                )
    return int(not within)


def make(shape: str, folder: Path) -> int:
    """Write the random Llama called `shape` into `folder`; bytes of its weights."""
    hidden, inner, layers, heads, groups, _ = SHAPES[shape]
    folder.mkdir()
    tokenizer(folder)
    places: dict[str, str] = {}
    size = 0
    for index, tensors in enumerate(_shards(hidden, inner, layers, groups * hidden // heads)):
        file = f"model-{index:05d}.safetensors"
        save_file(tensors, folder / file, metadata={"format": "pt"})
        places |= dict.fromkeys(tensors, file)
        size += sum(tensor.nbytes for tensor in tensors.values())
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": places}))
    config = {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": hidden, "intermediate_size": inner,
        "num_hidden_layers": layers, "num_attention_heads": heads, "num_key_value_heads": groups,
        "vocab_size": VOCABULARY, "max_position_embeddings": 2048, "rms_norm_eps": 1e-5, "tie_word_embeddings": False,
        "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 2, "dtype": "bfloat16",
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config))
    return size


def _shards(hidden: int, inner: int, layers: int, keys: int) -> Iterator[dict[str, Tensor]]:
    random = torch.Generator().manual_seed(0)

    def matrix(rows: int, columns: int) -> Tensor:
        return torch.randn(rows, columns, generator=random, dtype=torch.bfloat16).mul_(columns**-0.5)

    yield {"model.embed_tokens.weight": matrix(VOCABULARY, hidden)}
    for index in range(layers):
        own = {f"self_attn.{name}_proj": (hidden, hidden) for name in "qo"}
        own |= {f"self_attn.{name}_proj": (keys, hidden) for name in "kv"}
        own |= {"mlp.gate_proj": (inner, hidden), "mlp.up_proj": (inner, hidden), "mlp.down_proj": (hidden, inner)}
        shard = {f"model.layers.{index}.{name}.weight": matrix(*shape) for name, shape in own.items()}
        for norm in ("input_layernorm", "post_attention_layernorm"):
            shard[f"model.layers.{index}.{norm}.weight"] = torch.ones(hidden, dtype=torch.bfloat16)
        yield shard
    yield {"model.norm.weight": torch.ones(hidden, dtype=torch.bfloat16), "lm_head.weight": matrix(VOCABULARY, hidden)}


def quantise(room: Path, method: str, samples: int) -> tuple[float, int]:
    """Seconds of `hasten run`, and peak bytes of its largest process. Raises RuntimeError when it fails."""
    recipe = room / "recipe.yaml"
    options = f"bits: 4, group_size: 32, method: {method}, samples: {samples}"
    recipe.write_text(f"version: 1\npasses:\n- pass: quantize\n  options: {{{options}}}\n")
    with tempfile.TemporaryDirectory(dir=room) as home:
        began = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-m", "engine.cli", "run", str(room / "model"), "--recipe", str(recipe)],
            stdout=subprocess.DEVNULL, cwd=ROOT, env={**os.environ, "HASTEN_HOME": home},
        )  # fmt: skip
        _, status, usage = os.wait4(process.pid, 0)  # of the largest of it and of those it waited for
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise RuntimeError(f"hasten run ended with {process.returncode}")
        return time.perf_counter() - began, usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    sys.exit(main())
