"""Encoder-decoders for TensorRT without a GPU: ONNX Runtime computes both graphs, the session runs over them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from engine.checkpoint.inspect import inspect
from engine.checkpoint.load import load_model
from engine.protocol.errors import UserError
from engine.recipe.recipe import Recipe, Target
from engine.recipe.validate import problems
from engine.runtimes import catalog, text2text_verify, verify
from engine.runtimes.limits import answer_start
from engine.runtimes.tensorrt import lower, session
from engine.runtimes.tensorrt.limits import answer_profiles
from engine.runtimes.tensorrt.seal import ANSWER_PLAN, PROMPT_PLAN
from tests.helpers.checkpoints import tiny_text2text
from tests.helpers.onnx_runtime import quantized
from tests.helpers.tensorrt import build_context, opened, request, stand_in

pytest.importorskip("onnxruntime")
pytest.importorskip("onnxscript")

PROMPT, ANSWER = np.arange(3, 40) * 7 % 500 + 4, np.resize(np.arange(13, 60) * 3 % 500 + 4, 140)
# every family, and every grid that TensorRT holds
CASES = [
    ("t5", {"bits": 8, "group_size": "row", "head": 8}),
    pytest.param("bart", {"bits": 4, "group_size": 64}, marks=pytest.mark.slow),
    pytest.param("marian", {"bits": 8, "group_size": "row", "head": 8}, marks=pytest.mark.slow),
]


def _twin(folder: Path, ids: np.ndarray, answer: np.ndarray) -> np.ndarray:
    """What the torch model says of `answer`, in one pass without any cache: [T, V]."""
    model = load_model(folder, dtype=torch.float32)
    given = torch.tensor([[*answer_start(folder), *answer[:-1]]])
    with torch.inference_mode():
        return model(input_ids=torch.from_numpy(ids)[None], decoder_input_ids=given, use_cache=False).logits[0].numpy()


@pytest.mark.parametrize(("kind", "grid"), CASES)
def test_plain_graphs_over_onnx_runtime_compute_what_the_grid_says(
    kind: str, grid: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import onnx

    source = tiny_text2text(tmp_path / "source", kind, max_position_embeddings=256)
    checkpoint = quantized(source, tmp_path, **grid)
    running = opened(checkpoint, tmp_path, monkeypatch, batch=2, context=200)
    for plan in (PROMPT_PLAN, ANSWER_PLAN):
        model = onnx.load(str(tmp_path / f"{plan}.onnx"), load_external_data=False)
        assert {node.domain for node in model.graph.node} <= {"", "ai.onnx"}
        kinds = {value.data_type for value in model.graph.initializer if value.name.endswith(".integers")}
        four = {onnx.TensorProto.INT4} if grid["bits"] == 4 else set()  # in groups; a row of 64 is one, kept in 8 bits
        assert kinds == four | {onnx.TensorProto.INT8}
    spec = catalog.get("tensorrt")
    foreseen = spec.weight_bytes(inspect(checkpoint), spec.options())
    assert running.weight_bytes == pytest.approx(foreseen, rel=0.005)
    scores = [running.prefill(PROMPT[None])[:, None], running.extend(ANSWER[None, :-1])]  # in pieces and one by one
    found = np.concatenate(scores, axis=1)[0]
    assert verify.relative_error(found, _twin(checkpoint, PROMPT, ANSWER)) < verify.TOLERANCE
    with pytest.raises(UserError, match="not 3 of 4"):
        running.prefill(np.ones((3, 4), np.int64))
    running.prefill(PROMPT[None])
    with pytest.raises(UserError, match="not 1 of 201"):
        running.extend(np.ones((1, 200), np.int64))
    running.close()


@pytest.mark.parametrize(
    ("kind", "products"),
    [
        # 2 + 3 layers and the head; what reads the prompt is 4 products
        pytest.param("bart", 2 * 6 + 3 * 10 + 1, marks=pytest.mark.slow),
        ("t5", 2 * 7 + 2 * 11 + 1),  # gated: a product more
    ],
)
def test_a_build_with_a_stand_in_for_the_compiler_is_checked_and_sealed(
    kind: str, products: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint = quantized(tiny_text2text(tmp_path / "source", kind), tmp_path, bits=8, group_size="row", head=8)
    stand_in(monkeypatch)
    context = build_context(checkpoint, tmp_path / "built")  # one text at once, the check has four
    artefact = lower.build(context)
    assert {PROMPT_PLAN, ANSWER_PLAN, "engine.json", "tokenizer.json"} <= set(artefact.files)
    assert artefact.facts["integer products"] == products
    assert 0 < float(artefact.facts["relative error"] or 0) < 1e-3
    running = session.open_session(request(context, artefact))
    assert len([step.token_id for step in running.generate(PROMPT, 5, stop_at_eos=False)]) == 5
    running.close()
    for plan in (PROMPT_PLAN, ANSWER_PLAN):
        whole = (context.destination / plan).read_bytes()
        (context.destination / plan).write_bytes(whole + b"changed")
        with pytest.raises(UserError, match="changed since"):
            session.open_session(request(context, artefact))
        (context.destination / plan).write_bytes(whole)
    session.open_session(request(context, artefact)).close()
    (context.destination / "other.plan").write_bytes(b"")
    with pytest.raises(UserError, match="changed since"):
        session.open_session(request(context, artefact))


@pytest.mark.slow
def test_a_build_that_computes_something_else_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(monkeypatch)
    ask = text2text_verify.ask_twin

    def damaged(folder: Path, twin: Any, stored: Any) -> Any:
        """The twin loses a bias of the part that attends to the prompt once it was asked."""
        trial = ask(folder, twin, stored)
        twin.model.decoder.layers[0].encoder_attn.v_proj.bias.data += 1
        return trial

    monkeypatch.setattr(text2text_verify, "ask_twin", damaged)
    context = build_context(tiny_text2text(tmp_path / "source", "bart"), tmp_path / "built")
    with pytest.raises(UserError, match="does not compute what the original does"):
        lower.build(context)


@pytest.mark.slow
def test_a_t5_in_float16_over_onnx_runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoint = tiny_text2text(tmp_path / "source")
    running = opened(checkpoint, tmp_path, monkeypatch, precision="float16")
    spec = catalog.get("tensorrt")
    foreseen = spec.weight_bytes(inspect(checkpoint), spec.options(precision="float16"))  # part of it stays float32
    assert running.weight_bytes == foreseen
    found = np.concatenate([running.prefill(PROMPT[None]), running.extend(ANSWER[None, :9])[0]])
    assert verify.cosine(_twin(checkpoint, PROMPT, ANSWER[:10]), found) > 0.999
    running.close()


def test_every_corner_of_the_answers_profiles_fits_the_cache() -> None:
    for profile in answer_profiles(layers=2, heads=4, width=16, batch=3, prompt=100, longest=256):
        for corner in range(3):
            shapes = {name: found[corner] for name, found in profile.shapes.items()}
            rows, new = shapes["input_ids"]
            assert shapes["cross_values_1"] == (rows, 4, shapes["attention_mask"][1], 16)
            assert shapes["past_keys_1"][2] + new <= 256


def test_other_encoder_decoders_are_refused_with_a_fix(tmp_path: Path) -> None:
    recipe = Recipe(target=Target(runtime="tensorrt", device="cuda"))
    assert not [p for p in problems(recipe, inspect(tiny_text2text(tmp_path / "t5"))) if "graph" in p.text]
    pegasus = inspect(tiny_text2text(tmp_path / "pegasus", "pegasus"))
    [problem] = [p for p in problems(recipe, pegasus) if "TensorRT graph" in p.text]
    assert problem.text == (
        "pegasus models have no TensorRT graph; of the encoder-decoders these have: bart, marian, mt5, t5."
    )
    assert problem.fix is not None
    assert problem.fix.apply(recipe).target.runtime == "transformers"


def test_float16_is_refused_where_the_graph_cannot_be_traced(tmp_path: Path) -> None:
    recipe = Recipe(target=Target(runtime="tensorrt", device="cuda", options={"precision": "float16"}))
    info = inspect(tiny_text2text(tmp_path / "marian", "marian"))
    [problem] = [p for p in problems(recipe, info) if "float16" in p.text]
    assert problem.fix is not None
    assert problem.fix.apply(recipe).target.options == {"precision": "bfloat16"}
    assert not [p for p in problems(problem.fix.apply(recipe), info) if "float16" in p.text]
    assert not [p for p in problems(recipe, inspect(tiny_text2text(tmp_path / "t5"))) if "float16" in p.text]
