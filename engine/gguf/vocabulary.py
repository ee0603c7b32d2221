"""A tokenizer in llama.cpp's words: tokens, kinds, merges or scores, special tokens, chat template.

Read from tokenizer.json's structure. llama.cpp knows two kinds of BPE: byte-level ones, whose way of cutting text
before merging goes by a name (`tokenizer.ggml.pre`), and SentencePiece ones, which join whatever pair makes the token
of the highest score.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gguf import GGUFWriter, TokenType

from engine.protocol.errors import UserError
from engine.text.tokenizer import load_tokenizer

_BYTE = re.compile(r"<0x[0-9A-F]{2}>")
_LOWEST = -1e6  # the score of tokens that no merge makes

_GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
_ENDING = r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
_CONTRACTIONS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
_UPPER, _LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"


def _cased(ending: str, digits: str) -> str:
    """Words cut where their case changes, as Mistral's and OpenAI's newer tokenizers do."""
    begin = r"[^\r\n\p{L}\p{N}]?"
    words = f"{begin}{_UPPER}*{_LOWER}+{ending}|{begin}{_UPPER}+{_LOWER}*{ending}"
    return words + f"|{digits}" + r"| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"


# The expression that cuts text -> llama.cpp's names of it: without and with “a word that is a token is not merged”.
_PRE: dict[str, tuple[str | None, str | None]] = {
    _GPT2: ("gpt-2", None),
    _CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}" + _ENDING: ("smaug-bpe", "llama-bpe"),
    _CONTRACTIONS + r"|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}" + _ENDING: ("qwen2", None),
    _cased("", r"\p{N}"): (None, "tekken"),
    _cased(_CONTRACTIONS + "?", r"\p{N}{1,3}"): ("gpt-4o", None),
}  # fmt: skip


@dataclass(frozen=True)
class Vocabulary:
    """What a GGUF file says of a tokenizer.

    Attributes:
        model: "gpt2" (byte-level BPE) or "llama" (SentencePiece).
        pre: how text is cut before merging.
        tokens: by id, as many as the embedding has rows.
        kinds: ordinary, control, byte and so on, by id.
        merges: byte-level BPE's, in order.
        scores: SentencePiece's, by id.
        special: roles such as "bos" -> id.
        begins, ends: a text gets the beginning, the end mark.
        space_prefix: SentencePiece puts a space before the text.
        chat_template: Jinja text, or several by name.
        notices: what llama.cpp does differently, in sentences.
    """

    model: str
    pre: str
    tokens: list[str]
    kinds: list[int]
    merges: list[str] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)
    special: dict[str, int] = field(default_factory=dict)
    begins: bool = False
    ends: bool = False
    space_prefix: bool = False
    chat_template: Any = None
    notices: tuple[str, ...] = ()

    def add_to(self, writer: GGUFWriter) -> None:
        """Write all of it."""
        writer.add_tokenizer_model(self.model)
        writer.add_tokenizer_pre(self.pre)
        writer.add_token_list(self.tokens)
        writer.add_token_types(self.kinds)
        if self.model == "llama":
            writer.add_token_scores(self.scores)
            writer.add_add_space_prefix(self.space_prefix)
        else:
            writer.add_token_merges(self.merges)
        for role, token in self.special.items():
            getattr(writer, f"add_{role}_token_id")(token)
        writer.add_add_bos_token(self.begins)
        writer.add_add_eos_token(self.ends)
        if self.chat_template:
            writer.add_chat_template(self.chat_template)


def read_vocabulary(folder: Path, rows: int) -> Vocabulary:
    """The tokenizer of checkpoint `folder`, whose embedding has `rows` rows.

    Raises UserError where there is none, or llama.cpp has no tokenizer of its kind.
    """
    tokenizer = load_tokenizer(folder)
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        raise _unknown("it is not one of the tokenizers library")
    stored = json.loads(backend.to_str())
    model = stored["model"]
    if model.get("type") != "BPE":
        raise _unknown(f"it is of the kind {model.get('type')}")
    added = {int(token["id"]): token for token in stored["added_tokens"]}
    tokens = _tokens(model["vocab"], added, rows)
    pairs = [tuple(pair.split(" ")) if isinstance(pair, str) else tuple(pair) for pair in model["merges"]]
    leading, trailing = _frame(tokenizer)
    begin, end = tokenizer.bos_token_id, tokenizer.eos_token_id
    common: dict[str, Any] = {
        "tokens": [token if token is not None else f"[PAD{index}]" for index, token in enumerate(tokens)],
        "special": _special(tokenizer, folder, rows),
        "begins": begin is not None and leading == [begin],
        "ends": end is not None and trailing == [end],
        "chat_template": _template(tokenizer),
    }
    notices = []
    if leading not in ([], [begin]) or trailing not in ([], [end]):
        notices.append("The tokenizer frames a text with marks that llama.cpp does not put there by itself.")
    if model.get("byte_fallback"):
        prefix = _space_prefix(stored)
        scores, complete = _scores(model["vocab"], pairs, rows)
        if not complete:
            notices.append("SentencePiece would merge more than this tokenizer: llama.cpp may cut words differently.")
        kinds = [_kind(token, index, added, tokenizer.unk_token_id) for index, token in enumerate(tokens)]
        return Vocabulary("llama", "default", kinds=kinds, scores=scores, space_prefix=prefix,
                          notices=tuple(notices), **common)  # fmt: skip
    pre = _pre_name(stored["pre_tokenizer"], bool(model.get("ignore_merges")))
    kinds = [_kind(token, index, added, None) for index, token in enumerate(tokens)]
    return Vocabulary("gpt2", pre, kinds=kinds, merges=[" ".join(pair) for pair in pairs],
                      notices=tuple(notices), **common)  # fmt: skip


def _tokens(vocabulary: dict[str, int], added: dict[int, Any], rows: int) -> list[str | None]:
    """Tokens by id, None where the embedding has a row for no token; those without a row are left out."""
    tokens: list[str | None] = [None] * rows
    for token, index in vocabulary.items():
        if index < rows:
            tokens[index] = token
    for index, entry in added.items():
        if index < rows:
            tokens[index] = entry["content"]
    return tokens


def _kind(token: str | None, index: int, added: dict[int, Any], unknown: int | None) -> int:
    if token is None:
        return int(TokenType.UNUSED)
    if index == unknown:
        return int(TokenType.UNKNOWN)
    if index in added:
        return int(TokenType.CONTROL if added[index]["special"] else TokenType.USER_DEFINED)
    return int(TokenType.BYTE if unknown is not None and _BYTE.fullmatch(token) else TokenType.NORMAL)


def _scores(vocabulary: dict[str, int], pairs: list[tuple[str, ...]], rows: int) -> tuple[list[float], bool]:
    """A score for each id, by which joining the best pair merges in the order of `pairs`; and whether it does so
    exactly: SentencePiece joins any two tokens that make a third, so all of these must be among `pairs`."""
    scores = [_LOWEST] * rows
    made: list[str] = []
    for rank, (left, right) in enumerate(pairs):
        token = left + right
        if not made or made[-1] != token:
            made.append(token)
        index = vocabulary.get(token, rows)
        if index < rows and scores[index] == _LOWEST:
            scores[index] = -float(rank + 1)
    known = set(pairs)
    complete = len(made) == len(set(made)) and not any(
        token[:cut] in vocabulary and token[cut:] in vocabulary and (token[:cut], token[cut:]) not in known
        for token in made
        for cut in range(1, len(token))
    )
    return scores, complete


def _pre_name(stored: dict[str, Any] | None, ignores_merges: bool) -> str:
    """llama.cpp's name of a byte-level tokenizer's way of cutting text. Raises UserError for one it has none for."""
    steps = (stored or {}).get("pretokenizers") or [stored or {}]
    kinds = [step.get("type") for step in steps]
    last = steps[-1]
    plain = not last.get("add_prefix_space")
    cuts = last.get("use_regex", True)
    if kinds == ["ByteLevel"] and plain and cuts and not ignores_merges:
        return "gpt-2"
    if kinds == ["Digits", "ByteLevel"] and steps[0].get("individual_digits") and plain and cuts and not ignores_merges:
        return "smollm"
    if kinds == ["Split", "ByteLevel"] and plain and not cuts:
        names = _PRE.get((steps[0].get("pattern") or {}).get("Regex", ""))
        name = names[int(ignores_merges)] if names else None
        if name and steps[0].get("behavior") == "Isolated" and not steps[0].get("invert"):
            return name
    raise _unknown("it cuts text into words in a way that llama.cpp has no name for")


def _space_prefix(stored: dict[str, Any]) -> bool:
    """Whether a SentencePiece tokenizer puts a space before a text. Raises UserError where it changes it otherwise."""
    normalizer, pre = stored.get("normalizer"), stored.get("pre_tokenizer")
    steps = (normalizer or {}).get("normalizers") or ([normalizer] if normalizer else [])
    prefix = False
    for step in steps:
        if step["type"] == "Prepend" and step["prepend"] == "▁":
            prefix = True
        elif not (step["type"] == "Replace" and step["pattern"] == {"String": " "} and step["content"] == "▁"):
            raise _unknown(f"it changes the text first ({step['type']})")
    if pre is None or (pre["type"] == "Split" and pre["pattern"] == {"String": " "}):
        return prefix  # Gemma's split finds nothing: its spaces are “▁” by then
    if pre["type"] == "Metaspace":
        return prefix or pre.get("prepend_scheme", "always") != "never"
    raise _unknown(f"it cuts text by {pre['type']}")


def _frame(tokenizer: Any) -> tuple[list[int], list[int]]:
    """The ids that the tokenizer puts before and after a text."""
    bare = tokenizer("a", add_special_tokens=False)["input_ids"]
    framed = list(tokenizer("a")["input_ids"])
    for start in range(len(framed) - len(bare) + 1):
        if framed[start : start + len(bare)] == bare:
            return framed[:start], framed[start + len(bare) :]
    return framed, []


def _special(tokenizer: Any, folder: Path, rows: int) -> dict[str, int]:
    """Roles and ids; a second token that ends an answer is the end of a turn."""
    from engine.runtimes.limits import ending_tokens

    found = {"bos": tokenizer.bos_token_id, "eos": tokenizer.eos_token_id, "unk": tokenizer.unk_token_id,
             "pad": tokenizer.pad_token_id}  # fmt: skip
    ending = ending_tokens(folder)
    if found["eos"] is None and ending:
        found["eos"] = min(ending)
    others = sorted(ending - {found["eos"]})
    if others:
        found["eot"] = others[0]
    return {role: int(token) for role, token in found.items() if token is not None and token < rows}


def _template(tokenizer: Any) -> Any:
    template = getattr(tokenizer, "chat_template", None)
    if isinstance(template, dict):
        return [{"name": name, "template": text} for name, text in template.items()]
    return template


def _unknown(why: str) -> UserError:
    return UserError(
        f"llama.cpp has no tokenizer like this model's: {why}.",
        "Export a dense checkpoint, and convert that with llama.cpp's own script if it knows the model.",
        code="unsupported_architecture",
    )
