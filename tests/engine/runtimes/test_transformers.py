from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import (
    AutoModelForCausalLM,
    BertConfig,
    BertForSequenceClassification,
    BertForTokenClassification,
    BertModel,
    GenerationConfig,
)

from engine.checkpoint.inspect import inspect
from engine.links import checkpoint_files
from engine.protocol.errors import UserError
from engine.protocol.job import Sampling
from engine.recipe.recipe import Recipe, Target
from engine.recipe.validate import problems
from engine.runtimes.base import BuildContext, TextBatch
from engine.runtimes.limits import context_length, ending_tokens
from engine.runtimes.open import open_session, read_artefact, write_artefact
from engine.runtimes.transformers_eager.lower import build
from tests.helpers import sequences

PROMPT = np.array([[5, 9, 200, 31, 77]], dtype=np.int64)


def build_into(source: Path, destination: Path, target: Target) -> None:
    destination.mkdir()
    artefact = build(
        BuildContext(
            step=lambda done, total, text: None, notice=lambda text: None, source=source, destination=destination,
            info=inspect(source), options=None, target=target,
        )
    )  # fmt: skip
    write_artefact(destination, artefact)


def test_a_session_gives_the_models_own_logits(tiny_llama: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(tiny_llama)
    with torch.inference_mode():
        expected = model(torch.from_numpy(PROMPT)).logits.numpy()
    session = open_session(tiny_llama, threads=torch.get_num_threads())
    np.testing.assert_array_equal(session.logits(PROMPT), expected)
    np.testing.assert_allclose(session.prefill(PROMPT[:, :3]), expected[:, 2], atol=1e-5)
    np.testing.assert_allclose(session.decode(PROMPT[:, 3]), expected[:, 3], atol=1e-5)
    np.testing.assert_allclose(session.decode(PROMPT[:, 4]), expected[:, 4], atol=1e-5)
    session.close()


def test_tokens_are_appended_and_taken_back(tiny_llama: Path) -> None:
    sequences.check_appending(open_session(tiny_llama))


def test_greedy_text_is_what_transformers_generates(tiny_llama: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(tiny_llama)
    expected = model.generate(
        torch.from_numpy(PROMPT), generation_config=GenerationConfig(max_new_tokens=12, do_sample=False, pad_token_id=2)
    )[0, PROMPT.shape[1] :].tolist()
    steps = list(open_session(tiny_llama).generate(PROMPT[0], 12, stop_at_eos=False))
    assert [step.token_id for step in steps] == expected
    assert [step.end for step in steps] == [False] * 11 + [True]
    assert all(step.seconds > 0 and step.probability is None for step in steps)


def test_generation_stops_at_the_end_token_and_at_the_context(tiny_llama: Path) -> None:
    session = open_session(tiny_llama)
    free = [step.token_id for step in session.generate(PROMPT[0], 8, stop_at_eos=False)]
    session.eos = frozenset({free[3]})
    steps = list(session.generate(PROMPT[0], 8, probabilities=True))
    assert len(steps) == free.index(free[3]) + 1
    assert steps[-1].end
    assert all(0 < (step.probability or 0) <= 1 for step in steps)
    session.context_length = 7
    assert len(list(session.generate(PROMPT[0], 8, Sampling(temperature=1.0), stop_at_eos=False))) == 2


def test_rows_of_a_batch_are_independent(tiny_llama: Path) -> None:
    session = open_session(tiny_llama)
    batch = np.concatenate([PROMPT, PROMPT[:, ::-1]])
    together = session.prefill(batch)
    follow = session.decode(np.array([4, 8]))
    assert follow.shape == (2, 512)
    alone = session.prefill(batch[1:])
    np.testing.assert_allclose(together[1:], alone, atol=1e-5)
    np.testing.assert_allclose(follow[1:], session.decode(np.array([8])), atol=1e-5)


def test_threads_are_honoured_by_sessions_that_take_turns(tiny_llama: Path) -> None:
    one, two = open_session(tiny_llama, threads=1), open_session(tiny_llama, threads=2)
    one.prefill(PROMPT)
    assert torch.get_num_threads() == 1
    two.prefill(PROMPT)
    assert torch.get_num_threads() == 2
    one.decode(PROMPT[:, 0])
    assert torch.get_num_threads() == 1


def test_an_artefact_is_complete_movable_and_costs_no_second_copy(tiny_llama: Path, tmp_path: Path) -> None:
    build_into(tiny_llama, tmp_path / "built", Target(threads=1))
    weights = tmp_path / "built" / "model.safetensors"
    if weights.stat().st_dev == tiny_llama.stat().st_dev:
        assert weights.samefile(tiny_llama / "model.safetensors")
    moved = (tmp_path / "built").rename(tmp_path / "elsewhere")
    artefact = read_artefact(moved)
    assert artefact is not None
    assert (artefact.runtime, artefact.task) == ("transformers", "text-generation")
    assert set(artefact.files) == {path.as_posix() for path in checkpoint_files(tiny_llama)}
    session = open_session(moved)
    np.testing.assert_array_equal(session.prefill(PROMPT), open_session(tiny_llama, threads=1).prefill(PROMPT))
    assert session.weight_bytes == artefact.weight_bytes == inspect(tiny_llama).bytes


def test_an_untied_input_embedding_is_not_read_a_token(tmp_path: Path) -> None:
    from tests.helpers.checkpoints import tiny_llama

    folder = tiny_llama(tmp_path, tied=False)
    assert open_session(folder).weight_bytes == inspect(folder).bytes - 512 * 256 * 4


def test_an_encoder_gives_hidden_states_that_ignore_padding(tiny_bert: Path) -> None:
    session = open_session(tiny_bert)
    assert session.task == "feature-extraction"
    ids = np.array([[7, 8, 9, 2, 2], [5, 6, 7, 8, 9]], dtype=np.int64)
    mask = np.array([[1, 1, 1, 0, 0], [1] * 5], dtype=np.int64)
    hidden = session.hidden(TextBatch(ids, mask, np.zeros_like(ids)))
    model = BertModel.from_pretrained(tiny_bert)
    with torch.inference_mode():
        expected = model(torch.from_numpy(ids[:1, :3])).last_hidden_state.numpy()
    np.testing.assert_allclose(hidden[:1, :3], expected, atol=1e-5)
    with pytest.raises(TypeError):
        session.prefill(ids)


def test_a_classifier_gives_class_logits(tiny_bert: Path, tmp_path: Path) -> None:
    config = BertConfig.from_pretrained(tiny_bert, num_labels=3)
    model = BertForSequenceClassification(config).eval()
    model.save_pretrained(tmp_path)
    ids = np.array([[5, 6, 7]], dtype=np.int64)
    with torch.inference_mode():
        expected = model(torch.from_numpy(ids)).logits.numpy()
    batch = TextBatch(ids, np.ones_like(ids))
    session = open_session(tmp_path)
    np.testing.assert_allclose(session.classify(batch), expected, atol=1e-6)
    assert session.hidden(batch).shape == (1, 3, 64)


def test_a_tagger_gives_class_logits_of_every_token(tiny_bert: Path, tmp_path: Path) -> None:
    model = BertForTokenClassification(BertConfig.from_pretrained(tiny_bert, num_labels=5)).eval()
    model.save_pretrained(tmp_path)
    ids = np.array([[5, 6, 7]], dtype=np.int64)
    with torch.inference_mode():
        expected = model(torch.from_numpy(ids)).logits.numpy()
    session = open_session(tmp_path)
    batch = TextBatch(ids, np.ones_like(ids))
    np.testing.assert_allclose(session.tag(batch), expected, atol=1e-6)
    assert session.answer(batch).shape == (1, 3, 5)
    with pytest.raises(TypeError):
        session.classify(batch)


def test_a_broken_manifest_is_told(tmp_path: Path) -> None:
    (tmp_path / "hasten.json").write_text('{"format": "hasten-artefact", "version": 9}')
    with pytest.raises(UserError, match="description cannot be read"):
        open_session(tmp_path)


def test_an_absent_device_is_told(tiny_llama: Path) -> None:
    if torch.cuda.is_available():
        pytest.skip("this machine has CUDA")
    with pytest.raises(UserError, match="CUDA") as caught:
        open_session(tiny_llama, device="cuda")
    assert caught.value.code == "runtime_unavailable"


def test_splitting_without_cuda_is_stopped_with_a_fix(tiny_llama: Path) -> None:
    recipe = Recipe(target=Target(split="balanced"))
    stop = next(p for p in problems(recipe, inspect(tiny_llama)) if p.severity == "stop")
    assert stop.fix is not None
    assert not problems(stop.fix.apply(recipe), inspect(tiny_llama))


def test_endings_come_from_generation_config_then_config_then_tokenizer(tmp_path: Path) -> None:
    (tmp_path / "tokenizer_config.json").write_text('{"eos_token": "<|im_end|>"}')
    (tmp_path / "tokenizer.json").write_text('{"added_tokens": [{"id": 9, "content": "<|im_end|>"}]}')
    assert ending_tokens(tmp_path) == {9}
    (tmp_path / "config.json").write_text('{"eos_token_id": 2}')
    assert ending_tokens(tmp_path) == {2}
    (tmp_path / "generation_config.json").write_text('{"eos_token_id": [2, 7]}')
    assert ending_tokens(tmp_path) == {2, 7}


def test_roberta_reserves_positions(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(
        '{"model_type": "roberta", "pad_token_id": 1, "max_position_embeddings": 514}'
    )
    assert context_length(tmp_path) == 512
