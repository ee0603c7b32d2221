"""Exports loaded where Hasten is not: in fresh environments of Transformers, ONNX Runtime, OpenVINO and llama.cpp.

Run by hand, for it installs half a gigabyte and takes minutes:

    python -m tests.e2e.fresh_environments FOLDER [--decoder CHECKPOINT] [--encoder CHECKPOINT]

FOLDER keeps the environments (made once), the runs and their exports. It makes every kind of weights that an exported
checkpoint may hold, and asks for the same greedy text from Hasten and from torch + transformers + compressed-tensors;
then a decoder and an encoder built for ONNX Runtime and for OpenVINO, whose examples must answer with that alone, and
the decoder in onnxruntime-genai as it stands;
then a GGUF file in llama-cpp-python, which is compiled for it and cuts the prompt with the file's own tokenizer.
Prints a line for each, exits 1 when one differs.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tests.helpers import plain
from tests.helpers.packages import minilm

PROMPT = "Once upon a time, there was a little girl named Lily. She"
TEXTS = ["A cat sat on the mat.", "A kitten is on the rug.", "Interest rates rose again."]
NEW_TOKENS = 48
TORCH = "torch==2.13.0+cpu" if sys.platform != "darwin" else "torch==2.13.0"
# What is installed, a command for each tuple: torch comes first and alone, so that its CPU build stays.
ENVIRONMENTS: dict[str, tuple[tuple[str, ...], ...]] = {
    "plain": ((TORCH,), ("transformers==5.23.0", "compressed-tensors==0.20.0")),
    "onnxruntime": (("onnxruntime==1.31.1", "tokenizers", "numpy"),),
    "onnxruntime-genai": (("onnxruntime-genai==0.18.0", "numpy"),),
    "openvino": (("openvino-genai==2026.4.1.0", "openvino-tokenizers==2026.4.1.0", "tokenizers", "numpy"),),
    "llamacpp": (("llama-cpp-python==0.3.36",),),
}
# Where the example cannot be told how many threads to use, only exact arithmetic gives the same text.
ACCURACY = {"onnxruntime": "automatic", "openvino": "exact"}

Passes = Sequence[tuple[str, dict[str, Any]]]
KINDS: dict[str, Passes] = {
    "bf16": [("mixed_precision", {"dtype": "bfloat16"})],
    "int8/32": [("quantize", {})],
    "int8/32, head 8": [("quantize", {"head": 8})],
    "int4/32": [("quantize", {"bits": 4})],
    "int4/32 asymmetric": [("quantize", {"bits": 4, "symmetric": False})],
    "int8 per row": [("quantize", {"group_size": "row"})],
    "attention 8, rest 4 bits": [
        ("quantize", {"include": ["*.self_attn.*"]}), ("quantize", {"bits": 4, "exclude": ["*.self_attn.*"]}),
    ],
    "two asymmetric (dense)": [
        ("quantize", {"include": ["*.self_attn.*"], "symmetric": False}),
        ("quantize", {"bits": 4, "exclude": ["*.self_attn.*"], "symmetric": False}),
    ],
    "bf16, then int8/32": [("mixed_precision", {"dtype": "bfloat16"}), ("quantize", {})],
}  # fmt: skip


def main() -> int:
    """The exit status: 0 when everything is the same."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--decoder", default="sample")
    parser.add_argument("--encoder", default=None)
    parser.add_argument("--only", nargs="*", help="Names of some of the checks.")
    arguments = parser.parse_args()
    folder = arguments.folder.absolute()
    os.environ["HASTEN_HOME"] = str(folder / "home")
    decoder = hasten("sample") if arguments.decoder == "sample" else arguments.decoder
    checks: dict[str, Callable[[Path], bool]] = {
        kind: lambda out, passes=passes: in_plain_transformers(folder, out, decoder, passes)
        for kind, passes in KINDS.items()
    }  # type: ignore[misc]
    for runtime in ("onnxruntime", "openvino"):
        checks[f"{runtime} decoder"] = lambda out, runtime=runtime: graph_decoder(folder, out, decoder, runtime)  # type: ignore[misc]
        checks[f"{runtime} encoder"] = lambda out, runtime=runtime: graph_encoder(  # type: ignore[misc]
            folder, out, arguments.encoder or str(minilm()), runtime
        )
    checks["onnxruntime-genai decoder"] = lambda out: genai_decoder(folder, out, decoder)
    checks["GGUF file"] = lambda out: gguf_file(folder, out.with_suffix(".gguf"), decoder)
    same = []
    for number, (name, check) in enumerate(checks.items()):
        if arguments.only and name not in arguments.only:
            continue
        out = folder / "exports" / str(number)
        shutil.rmtree(out, ignore_errors=True)
        same.append(check(out))
        print(f"{name}: {'the same' if same[-1] else 'DIFFERENT'}", flush=True)
    return 0 if all(same) else 1


def in_plain_transformers(folder: Path, out: Path, decoder: str, passes: Passes) -> bool:
    """Whether the exported checkpoint writes in plain Transformers what Hasten writes with the run's own."""
    made = run(decoder, passes, {"threads": 1})
    hasten("export", made["run"], "--format", "checkpoint", "--out", str(out))
    ids = prompt(out)
    answer = inside(
        environment(folder, "plain"), str(plain.__file__), str(NEW_TOKENS), ",".join(map(str, ids)), str(out)
    )
    theirs: list[int] = json.loads(answer.splitlines()[-1])[0]
    return theirs == continued(Path(made["artefact"]), ids)[: len(theirs)]


def graph_decoder(folder: Path, out: Path, decoder: str, runtime: str) -> bool:
    """Whether generate.py writes Hasten's text."""
    from engine.text.tokenizer import load_tokenizer

    made = run(
        decoder,
        [("quantize", {"head": 8})],
        {"runtime": runtime, "threads": 1, "options": {"accuracy": ACCURACY[runtime]}},
    )
    hasten("export", made["run"], "--format", "runtime", "--out", str(out))
    theirs = inside(environment(folder, runtime), str(out / "generate.py"), PROMPT, str(NEW_TOKENS))
    tokenizer = load_tokenizer(out)
    asked = prompt(out)
    ids = continued(Path(made["artefact"]), asked)
    if tokenizer.eos_token_id in ids:
        ids = ids[: ids.index(tokenizer.eos_token_id)]
    return theirs.removesuffix("\n") == tokenizer.decode([*asked, *ids], skip_special_tokens=True)


def genai_decoder(folder: Path, out: Path, decoder: str) -> bool:
    """Whether onnxruntime-genai alone, given the folder as it stands, writes Hasten's tokens."""
    made = run(
        decoder,
        [("quantize", {"head": 8})],
        # GenAI reads the prompt in other pieces: with fast integers only the cache that goes with guessing rounds alike
        {"runtime": "onnxruntime", "threads": 1, "speculation": "lookup"},
    )
    hasten("export", made["run"], "--format", "runtime", "--out", str(out))
    asked = prompt(out)
    program = (
        "import json, numpy as np, onnxruntime_genai as og\n"
        f"model = og.Model({str(out)!r})\n"
        "params = og.GeneratorParams(model)\n"
        f"params.set_search_options(max_length={len(asked) + NEW_TOKENS}, do_sample=False)\n"
        f"generator = og.Generator(model, params)\ngenerator.append_tokens(np.array({asked}, dtype=np.int32))\n"
        "while not generator.is_done():\n    generator.generate_next_token()\n"
        f"print(json.dumps([int(token) for token in generator.get_sequence(0)][{len(asked)}:]))"
    )
    theirs = json.loads(inside(environment(folder, "onnxruntime-genai"), "-c", program).splitlines()[-1])
    ours = continued(Path(made["artefact"]), asked)
    return len(theirs) > 0 and theirs == ours[: len(theirs)]


def graph_encoder(folder: Path, out: Path, encoder: str, runtime: str) -> bool:
    """Whether encode.py gives Hasten's embeddings."""
    from engine.bench.embeddings import Pooling, embed
    from engine.runtimes.open import open_session
    from engine.text.tokenizer import load_tokenizer

    made = run(
        encoder,
        [("quantize", {"head": 8})],
        {"runtime": runtime, "threads": 1, "options": {"accuracy": ACCURACY[runtime]}},
    )
    hasten("export", made["run"], "--format", "runtime", "--out", str(out))
    program = (
        f"import json, sys; sys.path.insert(0, {str(out)!r}); import encode\n"
        f"print(json.dumps(encode.main({TEXTS!r}).tolist()))"
    )
    theirs = np.array(json.loads(inside(environment(folder, runtime), "-c", program)))
    session = open_session(Path(made["artefact"]), threads=1)
    ours = embed(session, load_tokenizer(out), TEXTS, Pooling(), lambda done, total: None)
    session.close()
    return bool(np.allclose(theirs, ours, atol=1e-4))


def gguf_file(folder: Path, out: Path, decoder: str) -> bool:
    """Whether llama.cpp writes from the file what Transformers writes from the checkpoint, both in float32."""
    from engine.text.tokenizer import load_tokenizer

    out.unlink(missing_ok=True)
    made = run(decoder, [], {"threads": 1})
    hasten("export", made["run"], "--format", "gguf", "--out", str(out))
    program = (
        "import llama_cpp as l\n"
        "f32 = l.GGML_TYPE_F32\n"
        f"m = l.Llama({str(out)!r}, n_ctx=0, n_threads=1, type_k=f32, type_v=f32, verbose=False)\n"
        f"a = m.create_completion({PROMPT!r}, max_tokens={NEW_TOKENS}, temperature=0.0, repeat_penalty=1.0)\n"
        "print(a['choices'][0]['text'], end='')"
    )
    theirs = inside(environment(folder, "llamacpp"), "-c", program)
    artefact = Path(made["artefact"])
    tokenizer, asked = load_tokenizer(artefact), prompt(artefact)
    ids = continued(artefact, asked)
    if tokenizer.eos_token_id in ids:
        ids = ids[: ids.index(tokenizer.eos_token_id)]
    return PROMPT + theirs == tokenizer.decode([*asked, *ids], skip_special_tokens=True)


def run(checkpoint: str, passes: Passes, target: dict[str, Any]) -> dict[str, Any]:
    """The answer of `hasten run --json`."""
    recipe = Path(os.environ["HASTEN_HOME"]) / "recipe.yaml"
    recipe.parent.mkdir(parents=True, exist_ok=True)
    entries = [{"pass": name, "options": options} for name, options in passes]
    recipe.write_text(json.dumps({"version": 1, "passes": entries, "target": target}), encoding="utf-8")
    answer: dict[str, Any] = json.loads(hasten("run", checkpoint, "--recipe", str(recipe), "--json"))
    return answer


def hasten(*arguments: str) -> str:
    """What `hasten` prints. Raises CalledProcessError when it fails."""
    command = [sys.executable, "-m", "engine.cli", *arguments]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def prompt(folder: Path) -> list[int]:
    """The prompt's ids."""
    from engine.text.tokenizer import load_tokenizer

    return list(load_tokenizer(folder)(PROMPT)["input_ids"])


def continued(artefact: Path, ids: list[int]) -> list[int]:
    """The ids that Hasten adds, greedily, on one thread."""
    from engine.runtimes.open import open_session

    session = open_session(artefact, threads=1)
    try:
        return [step.token_id for step in session.generate(np.asarray(ids), NEW_TOKENS, stop_at_eos=False)]
    finally:
        session.close()


def environment(folder: Path, name: str) -> Path:
    """The Python of environment `name`, made on the first call."""
    place = folder / name
    python = place / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not python.exists():
        part = place.with_name(f".{name}")
        shutil.rmtree(part, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", str(part)], check=True)
        inner = part / python.relative_to(place)
        for packages in ENVIRONMENTS[name]:
            subprocess.run([str(inner), "-m", "pip", "install", "-q", *packages], check=True)
        part.rename(place)
    return python


def inside(python: Path, *arguments: str) -> str:
    """What `python` prints, isolated from this project and on one thread. Raises CalledProcessError when it fails."""
    variables = {**os.environ, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    command = [str(python), "-I", *arguments]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env=variables, cwd="/").stdout


if __name__ == "__main__":
    sys.exit(main())
