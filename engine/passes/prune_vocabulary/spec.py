"""What the vocabulary pass offers, refuses and predicts."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from engine.checkpoint.info import EVERY_TASK, CheckpointInfo
from engine.checkpoint.limits import SHARD_BYTES
from engine.passes.base import PassSpec
from engine.passes.prune_vocabulary.ids import renamed
from engine.passes.prune_vocabulary.layout import embedded, unplaced, with_tokens
from engine.passes.targets import largest_bytes
from engine.recipe.options import Options, option
from engine.recipe.validate import Fix, Problem, set_options, without


class PruneVocabularyOptions(Options):
    """Which tokens stay."""

    text: str = option(
        "",
        "Text",
        "A .txt or .jsonl file like what the model will read and write: its tokens stay; left empty, the built-in "
        "English text is read.",
        file="Text (*.txt *.jsonl)",
    )
    words: str = option(
        "", "Word list", "A text file with one word a line, all of which stay whole.", file="Text (*.txt)"
    )
    size: int | None = option(
        16384,
        "Tokens to keep",
        "The most used tokens of the text stay, then those that are common everywhere; “automatic” keeps exactly those "
        "that the text uses.",
        unit="tokens",
        ge=256,
        le=1_000_000,
    )
    least: int = option(
        1, "Used at least", "Tokens that the text uses less often count as unused.", unit="times", advanced=True,
        ge=1, le=1000,
    )  # fmt: skip
    multiple: int = option(
        64, "Round up to a multiple of", "Processors handle such sizes faster.", unit="tokens", advanced=True,
        ge=1, le=1024,
    )  # fmt: skip


def left(options: PruneVocabularyOptions) -> int | None:
    """How many tokens stay; None: as many as the text uses."""
    return None if options.size is None else rounded(options, options.size)


def rounded(options: PruneVocabularyOptions, count: int) -> int:
    """`count` rounded up to the multiple."""
    return -(-count // options.multiple) * options.multiple


def check(info: CheckpointInfo, options: PruneVocabularyOptions, index: int) -> Iterator[Problem]:
    """Refuse what has no tokenizer.json, no table to cut, or fewer tokens already."""
    away = Fix("Remove this pass", without(index))
    if info.grids:
        text = "The weights are integers already: tokens can be left out only before that."
        yield Problem(index, "stop", text, away)
        return
    folder = Path(info.path)
    if folder.is_dir() and not (folder / "tokenizer.json").is_file():
        text = (
            "The checkpoint has no tokenizer.json, so its tokens cannot be told apart: load its tokenizer with "
            "Transformers and save it, which writes one."
        )
        yield Problem(index, "stop", text, away)
        return
    strange = unplaced(info)
    if not embedded(info) or strange is not None:
        what = f"“{strange.name}” of {info.architecture}" if strange else f"The token table of {info.architecture}"
        yield Problem(index, "stop", f"{what} is not known to this pass, so no token can be left out.", away)
        return
    size = left(options)
    if size is None:
        yield Problem(index, "note", "How many tokens stay is known once the text has been read.")
    elif size >= info.vocab_size:
        half = info.vocab_size // 2 // options.multiple * options.multiple
        fix = Fix(f"Keep {half:,}", lambda r: set_options(r, index, size=half)) if half >= 256 else away
        yield Problem(
            index, "stop", f"The model has {info.vocab_size:,} tokens: keeping {size:,} leaves none out.", fix
        )


def predict(info: CheckpointInfo, options: PruneVocabularyOptions) -> CheckpointInfo:
    """Shorter tables. Where the text decides how many tokens stay, all of them: that is the most there can be."""
    size = left(options) or info.vocab_size
    config = renamed(info.config, {}, (info.vocab_size, size))
    return info.with_tensors(with_tokens(info, size), config=config)


def peak_bytes(info: CheckpointInfo, options: PruneVocabularyOptions) -> int:
    """One shard waiting to be written, the largest table, and the tokenizer: about 4 KB a token."""
    return min(SHARD_BYTES, info.bytes) + 2 * largest_bytes(info) + 4096 * info.vocab_size


def glyph(options: PruneVocabularyOptions) -> str:
    """“16,384 tokens”."""
    size = left(options)
    return "tokens of the text" if size is None else f"{size:,} tokens"


SPEC = PassSpec(
    name="prune_vocabulary",
    title="Cut vocabulary",
    family="structure",
    summary="Leaves out tokens that your texts do not use: their rows of the embedding and the output head go.",
    options=PruneVocabularyOptions,
    run="engine.passes.prune_vocabulary.run:run",
    check=check,
    predict=predict,
    peak_bytes=peak_bytes,
    glyph=glyph,
    tasks=EVERY_TASK,
    must_precede=frozenset({"quantize"}),
    needs=frozenset({"calibration"}),
    keeps_tokens=False,
    paper="Abdaoui et al. 2020, arXiv:2010.05609 (the tokens of the languages that are used)",
)
