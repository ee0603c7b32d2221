"""torch.compile against eager. The compiler's cache is torch's usual one, so that only the first run compiles."""

import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.checkpoint.inspect import inspect
from engine.checkpoint.load import load_model
from engine.protocol.errors import UserError
from engine.recipe.recipe import PassEntry, Recipe, Target
from engine.recipe.validate import problems
from engine.runtimes.base import BuildContext, Session, TextBatch
from engine.runtimes.open import open_session, write_artefact
from engine.runtimes.torch_compile import spec
from engine.runtimes.torch_compile.lower import build
from tests.helpers import checkpoints, sequences
from tests.helpers.onnx_runtime import run_pass

pytestmark = pytest.mark.skipif(not spec.availability().usable, reason=spec.availability().reason)


@pytest.fixture(autouse=True)
def _kept_compiler_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(Path(tempfile.gettempdir()) / "hasten-test-inductor"))


def compiled(source: Path, destination: Path, told: list[str] | None = None, **options: object) -> Session:
    destination.mkdir()
    target = Target(runtime="torch_compile", options=options, threads=1)
    artefact = build(
        BuildContext(
            step=lambda done, total, text: (told if told is not None else []).append(text),
            notice=lambda text: None,
            source=source,
            destination=destination,
            info=inspect(source),
            options=spec.TorchCompileOptions(**options),  # type: ignore[arg-type]
            target=target,
        )
    )
    write_artefact(destination, artefact)
    return open_session(destination)


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[tuple[Session, Session]]:
    """A compiled and an eager session of a tiny Llama."""
    source = checkpoints.tiny_llama(tmp_path / "model", hidden=64, layers=1)
    one, other = compiled(source, tmp_path / "built", context=64), open_session(source, threads=1)
    yield one, other
    one.close()
    other.close()


def test_every_prompt_length_agrees_with_eager(pair: tuple[Session, Session]) -> None:
    compiled_session, eager = pair
    random = np.random.default_rng(0)
    for length in (50, 3, 32, 33):  # two pieces' worth, a padded short one, an exact one, one just over
        ids = random.integers(3, 500, (1, length))
        np.testing.assert_allclose(compiled_session.prefill(ids), eager.prefill(ids), atol=1e-5)
        for token in random.integers(3, 500, 4):
            step = np.array([token])
            np.testing.assert_allclose(compiled_session.decode(step), eager.decode(step), atol=1e-5)
    sequences.check_appending(compiled_session)
    filled = random.integers(3, 500, (1, 62))
    compiled_session.prefill(filled[:, :59])  # so near the end that no padding fits behind what is appended
    np.testing.assert_allclose(compiled_session.extend(filled[:, 59:]), eager.logits(filled)[:, 59:], atol=1e-5)
    with pytest.raises(UserError, match="longer than the 64 tokens"):
        compiled_session.prefill(random.integers(3, 500, (1, 65)))


@pytest.mark.slow
def test_batches_logits_and_low_precision(tmp_path: Path) -> None:
    told: list[str] = []
    source = checkpoints.tiny_llama(tmp_path / "model", hidden=64, layers=1)
    session, eager = compiled(source, tmp_path / "built", told, context=64), open_session(source, threads=1)
    assert "Compiling decoding" in told
    ids = np.random.default_rng(1).integers(3, 500, (2, 50))
    np.testing.assert_allclose(session.logits(ids), eager.logits(ids), atol=1e-5)
    np.testing.assert_allclose(session.prefill(ids), eager.prefill(ids), atol=1e-5)
    np.testing.assert_allclose(session.decode(ids[:, 0]), eager.decode(ids[:, 0]), atol=1e-5)
    half = compiled(source, tmp_path / "half", context=64, precision="bfloat16")
    assert half.weight_bytes * 2 == session.weight_bytes
    assert half.model.dtype == torch.bfloat16  # type: ignore[attr-defined]
    np.testing.assert_allclose(half.prefill(ids[:1]), eager.prefill(ids[:1]), atol=0.05)


@pytest.mark.slow
def test_an_encoder_agrees_with_eager(tiny_bert: Path, tmp_path: Path) -> None:
    session, eager = compiled(tiny_bert, tmp_path / "built"), open_session(tiny_bert, threads=1)
    ids = np.random.default_rng(1).integers(3, 500, (3, 40))
    mask = (np.arange(40)[None, :] < np.array([[40], [7], [1]])).astype(np.int64)
    found, expected = (s.hidden(TextBatch(ids, mask)) for s in (session, eager))
    np.testing.assert_allclose(found[mask == 1], expected[mask == 1], atol=1e-5)


@pytest.mark.slow
def test_an_encoder_decoder_agrees_with_eager(tmp_path: Path) -> None:
    source = checkpoints.tiny_text2text(tmp_path / "model")
    session, eager = compiled(source, tmp_path / "built", context=64), open_session(source, threads=1)
    random = np.random.default_rng(0)
    for length in (3, 40):  # each padded to another length
        ids, answer = random.integers(3, 500, (1, length)), random.integers(3, 500, (1, 63))
        _agree(session.prefill(ids), eager.prefill(ids))
        _agree(session.decode(answer[:, 0]), eager.decode(answer[:, 0]))
        _agree(session.extend(answer[:, 1:20]), eager.extend(answer[:, 1:20]))
    for one in (session, eager):
        one.rewind(12)
    _agree(session.extend(answer[:, 8:]), eager.extend(answer[:, 8:]))  # to the last place, where no padding fits
    with pytest.raises(UserError, match="longer than the 64 tokens"):
        session.decode(answer[:, 0])
    with pytest.raises(UserError, match="longer than the 64 tokens"):
        session.prefill(random.integers(3, 500, (1, 65)))
    session.close()
    eager.close()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["t5", "bart"])
def test_padded_encoder_decoders_agree_with_eager(kind: str, tmp_path: Path) -> None:
    source = checkpoints.tiny_text2text(tmp_path / "model", kind)
    session, eager = compiled(source, tmp_path / "built", context=64), open_session(source, threads=1)
    random = np.random.default_rng(0)
    ids, answer = random.integers(3, 500, (2, 20)), random.integers(3, 500, (2, 6))
    mask = (np.arange(20) >= np.array([[0], [9]])).astype(np.int64)
    _agree(session.prefill(ids, mask), eager.prefill(ids, mask))
    _agree(session.decode(answer[:, 0]), eager.decode(answer[:, 0]))
    _agree(session.extend(answer), eager.extend(answer))
    _agree(session.prefill(ids[:1]), eager.prefill(ids[:1]))  # nothing is left of the batch before
    session.close()
    eager.close()


def _agree(found: np.ndarray, expected: np.ndarray) -> None:
    np.testing.assert_allclose(found, expected, atol=1e-4 * float(np.abs(expected).max()), rtol=0)


def test_without_a_compiler_it_is_unavailable_with_a_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spec.shutil, "which", lambda name: None)
    found = spec.availability.__wrapped__()
    assert not found.usable
    assert "compiler" in found.reason
    assert found.remedy


def test_a_mode_that_changes_nothing_is_told(tiny_llama: Path) -> None:
    recipe = Recipe(target=Target(runtime="torch_compile", options={"mode": "reduce-overhead"}))
    note = next(p for p in problems(recipe, inspect(tiny_llama)) if "CUDA graphs" in p.text)
    assert note.fix is not None
    assert note.fix.apply(recipe).target.options["mode"] == "default"


def test_integers_are_kept_only_where_torchao_holds_them_exactly(
    tiny_llama: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = PassEntry(**{"pass": "quantize"}, options={"bits": 8, "group_size": 32})
    target = Target(runtime="torch_compile", options={"integers": True})
    recipe = Recipe(passes=(entry,), target=target)
    for words in ("one scale a row", "computes in bfloat16"):
        problem = next(p for p in problems(recipe, inspect(tiny_llama)) if words in p.text)
        assert problem.fix is not None
        recipe = problem.fix.apply(recipe)
    monkeypatch.setattr(spec.importlib.util, "find_spec", lambda name: None if name == "torchao" else True)
    assert any("needs torchao" in p.text for p in problems(recipe, inspect(tiny_llama)))


@pytest.mark.skipif(find_spec("torchao") is None, reason="torchao is not installed")
def test_kept_integers_compute_what_the_unpacked_weights_do(tmp_path: Path) -> None:
    from torch._inductor.utils import run_and_get_code

    source = checkpoints.tiny_llama(tmp_path / "model", hidden=64, layers=1)
    packed = run_pass(source, "quantize", {"bits": 8, "group_size": "row"}, tmp_path / "packed")
    session = compiled(packed, tmp_path / "built", context=64, precision="bfloat16", integers=True)
    twin = load_model(packed, dtype=torch.bfloat16)
    ids = np.random.default_rng(0).integers(3, 500, (1, 12))
    with torch.inference_mode():
        expected = twin(input_ids=torch.from_numpy(ids)).logits.float().numpy()
    steps = [session.prefill(ids[:, :8]), *(session.decode(ids[:, i]) for i in range(8, 12))]
    assert np.abs(np.stack(steps, 1) - expected[:, 7:]).max() < 2e-2 * np.abs(expected).max()
    assert session.weight_bytes == spec.weight_bytes(
        inspect(packed), spec.TorchCompileOptions(precision="bfloat16", integers=True)
    )
    # the product itself is the int8 kernel, not an unpacked copy
    layer = session.model.model.layers[0].mlp.gate_proj  # type: ignore[attr-defined]
    options = {"freezing": True}
    compiled_layer = torch.compile(lambda x: layer(x), fullgraph=True, dynamic=False, options=options)
    with torch.no_grad():
        _, code = run_and_get_code(compiled_layer, torch.zeros((1, 1, 64), dtype=torch.bfloat16))
    assert "_weight_int8pack_mm" in code[0]
    session.close()
