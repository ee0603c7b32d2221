"""A smaller vocabulary: texts of kept tokens are written as before, every kind of model answers as before."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from tokenizers import SentencePieceUnigramTokenizer, Tokenizer, models, pre_tokenizers, processors, trainers

from engine.checkpoint.inspect import inspect
from engine.passes.prune_vocabulary.ids import named, renamed
from engine.passes.prune_vocabulary.kinds import Bpe, filled, kind_of, necessary
from engine.passes.prune_vocabulary.spec import SPEC, PruneVocabularyOptions
from engine.paths import resources
from engine.protocol.errors import Cancelled, UserError
from engine.recipe.recipe import Recipe
from engine.recipe.validate import problems
from engine.text.tokenizer import load_tokenizer
from tests.helpers import architectures, encoders, exported
from tests.helpers.checkpoints import tiny_llama as make_llama
from tests.helpers.checkpoints import tiny_text2text
from tests.helpers.passes import run_pass

SIZE = 320
SHOWN = "Once upon a time a small model"
KINDS: dict[str, Callable[[Path], Path]] = {
    "Llama, tied": make_llama,
    "Llama, untied": partial(make_llama, tied=False),
    "GPT-2": partial(architectures.decoder, name="gpt2"),
    "OPT": partial(exported.decoder, architecture="OPTForCausalLM"),
    "GPT-NeoX": partial(exported.decoder, architecture="GPTNeoXForCausalLM"),
    "Phi, head with biases": partial(exported.decoder, architecture="PhiForCausalLM"),
    "T5": tiny_text2text,
    "BART": partial(tiny_text2text, kind="bart"),
    "Marian": partial(tiny_text2text, kind="marian"),
    **{
        f"{kind}, {task}": partial(encoders.model, kind, task)
        for kind, task in (
            ("Bert", "fill-mask"), ("DistilBert", "fill-mask"), ("Roberta", "fill-mask"), ("Albert", "fill-mask"),
            ("Roberta", "text-classification"), ("Bert", "token-classification"),
        )
    },
}  # fmt: skip
MORE: dict[str, Callable[[Path], Path]] = {
    **{name: partial(exported.decoder, architecture=name) for name in sorted(exported.DECODERS)},
    **{
        name: partial(architectures.decoder, name=name)
        for name in ("mistral with a window", "qwen2", "qwen3", "smollm3", "granite", "gemma", "phi3")
    },
}


def _model(folder: Path) -> Any:
    model, loading = getattr(transformers, inspect(folder).architecture).from_pretrained(
        folder, output_loading_info=True
    )
    assert not loading["missing_keys"]
    assert not loading["unexpected_keys"]
    assert not loading["mismatched_keys"]
    return model.eval()


@torch.no_grad()
def _answer(model: Any, ids: torch.Tensor) -> torch.Tensor:
    extra = {"decoder_input_ids": ids} if model.config.is_encoder_decoder else {}
    answer: torch.Tensor = model(input_ids=ids, **extra)[0]
    return answer


def _the_same_with_fewer(source: Path, destination: Path, size: int = SIZE) -> None:
    """Kept tokens: equal rows and equal answers, bit by bit."""
    text = source.parent / "text.txt"
    text.write_text(SHOWN, encoding="utf-8")
    run_pass("prune_vocabulary", source, destination, size=size, text=str(text), multiple=16)
    before, after = load_tokenizer(source), load_tokenizer(destination)
    old = before(SHOWN)["input_ids"]
    new = after(SHOWN)["input_ids"]
    assert before.convert_ids_to_tokens(old) == after.convert_ids_to_tokens(new)
    models_ = _model(source), _model(destination)
    answers = [_answer(model, torch.tensor([ids])) for model, ids in zip(models_, (old, new), strict=True)]
    kept = after.get_vocab()
    assert len(kept) == size
    if answers[1].shape[-1] == size:
        rows = torch.tensor([before.get_vocab()[token] for token in sorted(kept, key=lambda token: kept[token])])
        answers[0] = answers[0].index_select(-1, rows)
    assert torch.equal(*answers)
    assert models_[1].config.get_text_config().vocab_size == size
    head = models_[1].get_output_embeddings()
    if head is not None:
        tied = [model.get_output_embeddings().weight is model.get_input_embeddings().weight for model in models_]
        assert tied[0] == tied[1]


@pytest.mark.parametrize("kind", KINDS)
def test_kept_tokens_mean_what_they_meant(tmp_path: Path, kind: str) -> None:
    source = KINDS[kind](tmp_path / "source")
    _the_same_with_fewer(source, tmp_path / "small", 288 if inspect(source).vocab_size < SIZE else SIZE)


@pytest.mark.slow
@pytest.mark.parametrize("kind", MORE)
def test_other_decoders_too(tmp_path: Path, kind: str) -> None:
    _the_same_with_fewer(MORE[kind](tmp_path / "source"), tmp_path / "small")


# Tokenizers -------------------------------------------------------------------------------------------------------


def _bpe(**changes: Any) -> tuple[Tokenizer, Any]:
    return Tokenizer(models.BPE(**changes)), partial(trainers.BpeTrainer, vocab_size=900, show_progress=False)


def _byte_level() -> Tokenizer:
    tokenizer, trainer = _bpe()
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.train_from_iterator(LINES, trainer(initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    return tokenizer


def _byte_fallback() -> Tokenizer:
    tokenizer, trainer = _bpe(byte_fallback=True, unk_token="<unk>", fuse_unk=True)
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.train_from_iterator(LINES, trainer(special_tokens=["<unk>", *(f"<0x{i:02X}>" for i in range(256))]))
    return tokenizer


def _letters() -> Tokenizer:
    tokenizer, trainer = _bpe(unk_token="<unk>")
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.train_from_iterator(LINES, trainer(special_tokens=["<unk>"]))
    return tokenizer


def _word_piece() -> Tokenizer:
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    trainer = trainers.WordPieceTrainer(vocab_size=900, special_tokens=special, show_progress=False)
    tokenizer.train_from_iterator(LINES, trainer)
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    return tokenizer


def _unigram() -> Tokenizer:
    tokenizer = SentencePieceUnigramTokenizer()
    tokenizer.train_from_iterator(LINES, vocab_size=900, unk_token="<unk>", special_tokens=["</s>", "<unk>"],
                                  show_progress=False)  # fmt: skip
    inner: Tokenizer = tokenizer._tokenizer
    return inner


LINES = [line for line in (resources() / "evaluation.txt").read_text(encoding="utf-8").splitlines() if line.strip()]
TOKENIZERS = {
    "byte level": _byte_level, "byte fallback": _byte_fallback, "letters": _letters, "WordPiece": _word_piece,
    "Unigram": _unigram,
}  # fmt: skip


@pytest.mark.parametrize("name", TOKENIZERS)
def test_texts_of_kept_tokens_are_written_the_same_and_all_others_still_can_be(name: str) -> None:
    before = TOKENIZERS[name]()
    document = json.loads(before.to_str())
    kind = kind_of(document)
    wanted = dict.fromkeys(token for line in LINES[:6] for token in before.encode(line).tokens)
    kept = necessary(kind, [token for token in wanted if token in kind.ids])
    assert 50 < len(kept) < len(kind.ids)
    ids = {token: new for new, token in enumerate(sorted(kept, key=lambda token: kind.ids[token]))}
    bare = {**document, "model": kind.cut(ids), "added_tokens": [], "post_processor": None}
    after = Tokenizer.from_str(json.dumps(bare))
    old = Tokenizer.from_str(json.dumps({**document, "post_processor": None}))
    rare = random.Random(0)
    words = sorted({word for line in LINES for word in line.split()})
    texts = [*LINES, *(" ".join(rare.sample(words, 6)) for _ in range(300)), *words]
    same = 0
    for text in texts:
        one, two = old.encode(text), after.encode(text)
        assert ("<unk>" in one.tokens) == ("<unk>" in two.tokens)
        assert ("[UNK]" in one.tokens) == ("[UNK]" in two.tokens)
        if kept.issuperset(one.tokens):
            assert one.tokens == two.tokens
            same += 1
    assert 6 < same < len(texts)


def test_a_token_needs_the_parts_that_lead_to_it_and_no_others() -> None:
    model = {
        "type": "BPE",
        "vocab": {token: place for place, token in enumerate(["a", "b", "c", "ab", "bc", "abc", "abcab", "cab", "zz"])},
        "merges": [["a", "b"], ["ab", "c"], ["b", "c"], ["a", "bc"], ["abc", "ab"], ["c", "ab"], ["ab", "cab"]],
    }
    kind = Bpe({"model": model})
    assert kind.needs("abc") == {"a", "b", "c", "ab", "abc"}  # not bc, though a + bc makes it, too
    assert kind.needs("abcab") == {"a", "b", "c", "ab", "abc", "abcab"}
    assert kind.needs("zz") == {"zz"}
    assert kind.by_use[:2] == ["ab", "abc"]
    cut = kind.cut({token: place for place, token in enumerate(["a", "b", "c", "ab", "abc"])})
    assert cut["merges"] == [["a", "b"], ["ab", "c"]]


def test_what_cannot_be_spelt_stays() -> None:
    model = {"type": "WordPiece", "unk_token": "?", "vocab": {"?": 0, "a": 1, "##b": 2, "##a": 3, "ab": 4, "ax": 5}}
    model["continuing_subword_prefix"] = "##"
    assert kind_of({"model": model}).always == {"?", "a", "##b", "##a", "ax"}
    vocabulary = [["?", 0.0], ["a", -2.0], ["b", -3.0], ["ab", -1.0], ["bab", -9.0], ["ax", -1.5]]
    unigram = {"type": "Unigram", "unk_id": 0, "vocab": vocabulary}
    assert kind_of({"model": unigram}).always == {"?", "a", "b", "bab", "ax"}  # bab scores what is unknown


def test_the_size_is_kept_exactly_and_what_is_wanted_goes_first() -> None:
    kind = kind_of(json.loads(_byte_level().to_str()))
    last = kind.by_use[-1]
    kept = filled(kind, necessary(kind, []), [last], 400)
    assert len(kept) == 400
    assert last in kept
    assert set(kind.by_use[:100]) <= kept


# Configurations ---------------------------------------------------------------------------------------------------


def test_ids_in_configurations_get_their_new_numbers() -> None:
    config = {
        "vocab_size": 10, "eos_token_id": [7, 8], "pad_token_id": None, "bos_token_id": 50256, "hidden_size": 10,
        "suppress_tokens": [1, 7, 9], "bad_words_ids": [[7, 8], [9]], "forced_decoder_ids": [[1, 8]],
        "sequence_bias": [[[7], 2.0], [[9], 1.0]],
        "text_config": {"vocab_size": 10, "decoder_start_token_id": 2},
    }  # fmt: skip
    assert named(config) == {2, 7, 8, 50256}
    assert renamed(config, {2: 0, 7: 1, 8: 2}, (10, 3)) == {
        "vocab_size": 3, "eos_token_id": [1, 2], "pad_token_id": None, "bos_token_id": 50256, "hidden_size": 10,
        "suppress_tokens": [1], "bad_words_ids": [[1, 2]], "forced_decoder_ids": [[1, 2]],
        "sequence_bias": [[[1], 2.0]],
        "text_config": {"vocab_size": 3, "decoder_start_token_id": 0},
    }  # fmt: skip


def test_ends_and_starts_keep_their_meaning(tmp_path: Path) -> None:
    source = tiny_text2text(tmp_path / "source", "bart", eos_token_id=300, decoder_start_token_id=310)
    generation = json.loads((source / "generation_config.json").read_text())
    generation["suppress_tokens"] = [310, 511]
    (source / "generation_config.json").write_text(json.dumps(generation))
    run_pass("prune_vocabulary", source, tmp_path / "small", size=SIZE)
    before, after = load_tokenizer(source), load_tokenizer(tmp_path / "small")
    old, new = (json.loads((folder / "generation_config.json").read_text()) for folder in (source, tmp_path / "small"))
    for key in ("eos_token_id", "decoder_start_token_id", "bos_token_id"):
        assert before.convert_ids_to_tokens(old[key]) == after.convert_ids_to_tokens(new[key])
    assert new["suppress_tokens"] == [new["decoder_start_token_id"]]


# The pass ---------------------------------------------------------------------------------------------------------


def test_words_of_a_list_stay_whole_and_the_text_decides_the_size(tiny_llama: Path, tmp_path: Path) -> None:
    from engine.catalogue import load
    from engine.passes.base import PassContext
    from tests.helpers.passes import no_step

    text, words = tmp_path / "text.txt", tmp_path / "words.txt"
    text.write_text("a small model", encoding="utf-8")
    words.write_text("computer\n\nwhether\n", encoding="utf-8")
    options = PruneVocabularyOptions(text=str(text), words=str(words), size=None, multiple=8)
    info = inspect(tiny_llama)
    (note,) = SPEC.check(info, options, 0)
    assert note.severity == "note"
    target, scratch = tmp_path / "small", tmp_path / "scratch"
    target.mkdir()
    scratch.mkdir()
    context = PassContext(
        step=no_step, notice=lambda text: None, source=tiny_llama, destination=target, info=info, options=options,
        scratch=scratch,
    )  # fmt: skip
    facts = load(SPEC.run)(context)
    found = load_tokenizer(target)
    assert found.tokenize(" computer whether") == ["Ġcomputer", "Ġwhether"]
    assert len(found) == inspect(target).vocab_size
    assert len(found) % 8 == 0
    assert len(found) < 320
    assert facts["of the text's tokens kept"] == "100.00%"


def test_what_cannot_be_cut_is_refused_with_the_reason(tiny_llama: Path, tmp_path: Path) -> None:
    info = inspect(tiny_llama)

    def said(layout: Any, **options: Any) -> str:
        recipe = Recipe.parse({"passes": [{"pass": "prune_vocabulary", "options": options}]})
        (problem,) = [p for p in problems(recipe, layout) if p.index == 0]
        assert problem.severity == "stop"
        return problem.text

    assert "512 tokens" in said(info)
    named_otherwise = [t.model_copy(update={"name": t.name.replace("embed_tokens", "table")}) for t in info.tensors]
    assert "table.weight" in said(info.with_tensors(named_otherwise), size=256)
    (tmp_path / "bare").mkdir()
    assert "no tokenizer.json" in said(info.model_copy(update={"path": str(tmp_path / "bare")}), size=256)
    with pytest.raises(UserError, match="259 tokens must stay"):
        run_pass("prune_vocabulary", tiny_llama, tmp_path / "small", size=256)
    with pytest.raises(UserError, match="WordLevel"):
        kind_of({"model": {"type": "WordLevel", "vocab": {}}})


def test_it_stops_when_asked(tiny_llama: Path, tmp_path: Path) -> None:
    def stop(done: float, total: float, text: str) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        run_pass("prune_vocabulary", tiny_llama, tmp_path / "p", stop, size=SIZE)
    assert not (tmp_path / "p" / "config.json").exists()
