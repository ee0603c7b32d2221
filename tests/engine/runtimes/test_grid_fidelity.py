"""One quantisation, every runtime: what is built from a grid computes what the dequantised torch model does.

A runtime either holds a grid or refuses it on its card, with the nearest grid that it holds as the remedy.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from engine.checkpoint.gguf import convert
from engine.checkpoint.inspect import inspect
from engine.checkpoint.load import load_model
from engine.gguf.write import write_gguf
from engine.recipe.options import parse_options
from engine.recipe.recipe import PassEntry, Recipe, Target
from engine.recipe.validate import predict
from engine.runtimes import catalog
from engine.runtimes.open import SILENT, open_session, read_artefact
from engine.runtimes.verify import divergence, relative_error
from engine.text.tokenizer import load_tokenizer
from tests.helpers.checkpoints import tiny_llama
from tests.helpers.exported import decoder
from tests.helpers.onnx_runtime import build, quantized, run_pass
from tests.helpers.tensorrt import opened

EXACT = 1e-3  # the largest difference of logits over the largest logit, where activations stay floats
ROUNDED = 0.01  # nats a token, where the kernel rounds activations to 8 bits

GRIDS: dict[str, tuple[dict[str, Any], ...]] = {
    f"{name}/{group}": ({"bits": bits, "symmetric": symmetric, "group_size": group},)
    for name, bits, symmetric in (("int8", 8, True), ("int4", 4, True), ("int4 asymmetric", 4, False))
    for group in (32, 64, 128)
} | {
    "int4 float offsets/32": ({"bits": 4, "symmetric": False, "offsets": "float", "group_size": 32},),
    "int4 float offsets/32, head 4": ({"bits": 4, "symmetric": False, "offsets": "float", "head": 4},),
    "attention 8, rest 4 bits": (
        {"bits": 8, "group_size": 64, "include": ["*.self_attn.*"]},
        {"bits": 4, "group_size": 32, "symmetric": False},
    ),
    "two grids in one fused product": (
        {"bits": 8, "group_size": 16, "symmetric": False, "include": ["*.k_proj", "*.up_proj"]},
        {"bits": 8, "group_size": 64},
    ),
    "int8 of some layers": ({"bits": 8, "group_size": 64, "include": ["*.mlp.*", "*.v_proj"]},),
    "int8 asymmetric/128, head 8": ({"bits": 8, "group_size": 128, "symmetric": False, "head": 8},),
    "int4/row, head 4": ({"bits": 4, "group_size": "row", "head": 4},),
    "int4 asymmetric/16, head 4": ({"bits": 4, "group_size": 16, "symmetric": False, "head": 4},),
    "int4 asymmetric/32, head 8, GPTQ": (
        {"bits": 4, "group_size": 32, "symmetric": False, "head": 8, "method": "gptq", "samples": 4, "tokens": 32},
    ),
}  # fmt: skip
# ONNX Runtime's quick kernels have no float offsets.
# TensorRT's layers have no zero points, groups of 64 or 128 for 4 bits only, and one scale a row for 8 bits
REFUSED = {("tensorrt", grid) for grid in GRIDS} - {
    ("tensorrt", grid) for grid in ("int4/64", "int4/128", "int4/row, head 4")
} | {("onnxruntime", grid) for grid in GRIDS if "float offsets" in grid}

RUNTIMES = ("transformers", "torch_compile", "onnxruntime", "openvino", "llamacpp", "tensorrt")
KEEP_INTEGERS = {"onnxruntime": "integer nodes", "openvino": "integer weights"}  # the facts that tell of it

Twin = tuple[Path, np.ndarray]
COMPUTED: set[str] = set()  # targets with passes; several refusals may have one remedy
# Not computed in the fast suite. torch.compile takes minutes; TensorRT's graphs take seconds each, and one of 4 bits in
# groups beside 8 bits in rows is computed by tests/engine/runtimes/tensorrt/test_graph.py.
SLOW = {("torch_compile", grid) for grid in GRIDS} | {("tensorrt", grid) for grid in {*GRIDS} - {"int4/row, head 4"}}


def ids_of(rows: int) -> np.ndarray:
    return np.random.default_rng(1).integers(3, 500, (rows, 40))


def logits_of(checkpoint: Path, ids: np.ndarray) -> np.ndarray:
    with torch.inference_mode():
        found: np.ndarray = load_model(checkpoint, dtype=torch.float32)(torch.from_numpy(ids)).logits.numpy()
    return found


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random Llama of width 256 with 2 layers, whose logits are far enough apart for probabilities to differ."""
    return tiny_llama(tmp_path_factory.mktemp("source"), layers=2, spread=0.08)


@pytest.fixture(scope="module")
def twin(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[Recipe], Twin]:
    """The checkpoint after a recipe's passes and the logits of its dequantised torch model, made once."""
    made: dict[str, Twin] = {}

    def make(recipe: Recipe) -> Twin:
        key = repr(recipe.passes)
        if key not in made:
            folder, here = tmp_path_factory.mktemp("grid"), source
            for index, entry in enumerate(recipe.passes):
                here = run_pass(here, entry.name, entry.options, folder / str(index))
            made[key] = here, logits_of(here, ids_of(2))
        return made[key]

    return make


def allowed(recipe: Recipe, source: Path) -> Recipe:
    """`recipe`, or what the remedies of its target's refusals make of it."""
    spec = catalog.get(recipe.target.runtime)
    options = parse_options(spec.options, recipe.target.options, spec.name)
    for _ in range(4):
        layout = predict(recipe, inspect(source))[-1]
        problem = next((p for p in spec.check(layout, options, recipe.target) if p.severity == "stop"), None)
        if problem is None:
            return recipe
        assert problem.fix is not None, problem.text
        recipe = problem.fix.apply(recipe)
    raise AssertionError("the remedies do not end")


def built(checkpoint: Path, scratch: Path, runtime: str, **options: Any) -> np.ndarray:
    """The logits of `checkpoint` built for `runtime`; where it keeps integers, it says how many."""
    folder = build(checkpoint, scratch, Target(runtime=runtime, options=options, threads=1))
    artefact = read_artefact(folder)
    assert artefact is not None
    if runtime in KEEP_INTEGERS:
        assert artefact.facts[KEEP_INTEGERS[runtime]]
    session = open_session(folder, threads=1)
    try:
        return session.logits(ids_of(2))
    finally:
        session.close()


def recipe_of(runtime: str, grid: str) -> Recipe:
    target = Target(runtime=runtime, device="cuda" if runtime == "tensorrt" else "cpu")
    passes = tuple(PassEntry(**{"pass": "quantize", "options": options}) for options in GRIDS[grid])
    return Recipe(passes=passes, target=target)


@pytest.mark.parametrize("grid", GRIDS)
@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_grid_is_held_or_the_nearest_is_offered(runtime: str, grid: str, source: Path) -> None:
    recipe = recipe_of(runtime, grid)
    fixed = allowed(recipe, source)
    assert (fixed != recipe) == ((runtime, grid) in REFUSED)
    for before, after in zip(recipe.passes, fixed.passes, strict=True):  # the nearest: never other bits or other layers
        kept = {key: before.options.get(key) for key in ("symmetric", "group_size", "offsets")}
        assert {**after.options, **kept} == {**before.options, **kept}


@pytest.mark.parametrize(
    ("runtime", "grid"),
    [
        pytest.param(runtime, grid, marks=pytest.mark.slow if (runtime, grid) in SLOW else ())
        for runtime in RUNTIMES
        for grid in GRIDS
    ],
)
def test_what_is_offered_computes_what_the_grid_says(
    runtime: str,
    grid: str,
    source: Path,
    twin: Callable[[Recipe], Twin],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fixed = allowed(recipe_of(runtime, grid), source)
    if fixed.to_yaml() in COMPUTED:
        return
    COMPUTED.add(fixed.to_yaml())
    checkpoint, expected = twin(fixed)
    if runtime == "llamacpp":  # what llama.cpp is given, read by Transformers; its own kernels round activations
        write_gguf(checkpoint, tmp_path / "model.gguf", SILENT)
        read = logits_of(convert(tmp_path / "model.gguf", tmp_path / "back", SILENT), ids_of(2))
        assert max(divergence(*rows) for rows in zip(expected, read, strict=True)) < 1e-4
        if find_spec("llama_cpp") is not None:
            found = built(checkpoint, tmp_path, runtime)
            assert max(divergence(*rows) for rows in zip(expected, found, strict=True)) < ROUNDED
        return
    if runtime == "tensorrt":
        session = opened(checkpoint, tmp_path, monkeypatch, batch=2, context=256)
        found = session.logits(ids_of(2))
    elif runtime == "torch_compile":
        monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(Path(tempfile.gettempdir()) / "hasten-test-inductor"))
        found = built(checkpoint, tmp_path, runtime, context=64)
    elif runtime == "transformers":
        found = built(checkpoint, tmp_path, runtime)
    else:
        found = built(checkpoint, tmp_path, runtime, accuracy="exact")
    assert relative_error(found, expected) < EXACT


@pytest.mark.slow  # one grid of such a graph: tests/engine/runtimes/onnx_runtime/test_exported.py
@pytest.mark.parametrize("grid", [grid for grid in GRIDS if ("onnxruntime", grid) not in REFUSED])
def test_a_graph_that_transformers_exports_holds_the_same_grids(grid: str, tmp_path: Path) -> None:
    checkpoint = decoder(tmp_path / "source", "StableLmForCausalLM")
    for index, options in enumerate(GRIDS[grid]):
        checkpoint = run_pass(checkpoint, "quantize", options, tmp_path / f"pass-{index}")
    found = built(checkpoint, tmp_path, "onnxruntime", accuracy="exact")
    assert relative_error(found, logits_of(checkpoint, ids_of(2))) < EXACT


@pytest.mark.parametrize(
    "grid",
    [
        "attention 8, rest 4 bits",
        *(pytest.param(grid, marks=pytest.mark.slow) for grid in ("int8/32", "int4/32", "int4 asymmetric/32")),
    ],
)
@pytest.mark.parametrize("runtime", ["onnxruntime", "openvino", "llamacpp"])
def test_rounded_activations_cost_little_on_real_text(
    runtime: str, grid: str, stories15m: Path, shared: Path, tmp_path: Path
) -> None:
    if not catalog.get(runtime).availability().usable:
        pytest.skip(catalog.get(runtime).availability().reason)
    checkpoint = stories15m
    for index, options in enumerate(GRIDS[grid]):  # 288 columns hold groups of 32 only
        checkpoint = run_pass(checkpoint, "quantize", {**options, "group_size": 32}, tmp_path / f"pass-{index}")
    folder = build(checkpoint, tmp_path, Target(runtime=runtime, threads=2))
    text = next((shared / "corpora" / "tinystories").glob("*.txt")).read_text(encoding="utf-8")[:6000]
    ids = np.array([load_tokenizer(checkpoint)(text, truncation=True, max_length=256)["input_ids"]], dtype=np.int64)
    session = open_session(folder, threads=2)
    found = session.logits(ids)[0]
    session.close()
    cost = divergence(logits_of(checkpoint, ids)[0], found)
    assert cost < ROUNDED
    artefact = read_artefact(folder)
    assert artefact is not None
    assert float(artefact.facts["kl_divergence_nats"] or 0) < ROUNDED  # it is stated


@pytest.mark.parametrize("runtime", ["onnxruntime", "openvino"])
def test_a_checkpoint_in_16_bits_keeps_its_embeddings_grid(runtime: str, tmp_path: Path) -> None:
    source = tiny_llama(tmp_path / "source")
    half = run_pass(source, "mixed_precision", {"dtype": "bfloat16", "islands": False}, tmp_path / "half")
    checkpoint = quantized(half, tmp_path, bits=8, group_size=32, head=8)
    artefact = read_artefact(build(checkpoint, tmp_path, Target(runtime=runtime, options={"accuracy": "exact"})))
    assert artefact is not None
    assert artefact.facts["relative error"] < EXACT
