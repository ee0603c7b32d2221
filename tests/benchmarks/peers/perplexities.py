"""The perplexity of one text by Hasten's sessions and by other programs, each by the other program's definition."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from engine.bench import texts
from engine.metrics.base import Doubles
from engine.text.tokenizer import load_tokenizer
from tests.benchmarks.peers.candidates import Workshop
from tests.benchmarks.peers.environments import PeerUnavailable
from tests.benchmarks.peers.processes import Process
from tests.benchmarks.peers.programs import llama_perplexity, lm_eval_nats

CONTEXT = texts.WINDOW
_FLOATS = "version: 1\nname: As it is on llama.cpp\ntarget:\n  runtime: llamacpp\n"
Score = Callable[[np.ndarray], Doubles]  # −ln p of every token of a window after its first, nats


@dataclass(frozen=True)
class Agreed:
    """One perplexity twice.

    Attributes:
        program: whose definition it is, and what `theirs` comes from.
        model: what computed it here.
        how: the definition.
        predictions: tokens that were predicted.
    """

    program: str
    model: str
    how: str
    predictions: int
    ours: float
    theirs: float


def perplexities(workshop: Workshop, text: str, windows: int, room: Path, skipped: dict[str, str]) -> list[Agreed]:
    """Of the first `windows` windows of `text`; what cannot be measured is told in `skipped`."""
    tokenizer = load_tokenizer(workshop.original)
    ids = np.asarray(tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"][: windows * CONTEXT])
    text = tokenizer.decode(ids)
    if tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"] != ids.tolist():
        raise SystemExit("The text does not come back from its tokens unchanged; choose another with --text.")
    file = room / "text.txt"
    file.write_text(text, encoding="utf-8")
    found = []
    for name, measure in (("lm-eval", _as_lm_eval), ("llama-perplexity", _as_llamacpp)):
        print(f"Perplexity as {name} has it …", file=sys.stderr, flush=True)
        try:
            found += measure(workshop, tokenizer, ids, file, room)
        except PeerUnavailable as error:
            skipped[name] = str(error)
    return found


def _as_lm_eval(workshop: Workshop, tokenizer: Any, ids: np.ndarray, file: Path, room: Path) -> list[Agreed]:
    theirs = lm_eval_nats(workshop.environments, workshop.original, file, CONTEXT, room)
    prefix = tokenizer.bos_token_id if tokenizer.bos_token_id is not None else tokenizer.eos_token_id
    stream = np.concatenate([[prefix], ids])
    rolling = [stream[start : start + CONTEXT + 1] for start in range(0, len(ids), CONTEXT)]
    own = texts.windows(tokenizer, file.read_text(encoding="utf-8"), CONTEXT)
    with _session(workshop, workshop.original) as score:
        nll, hasten = _scores(score, rolling), _scores(score, own.ids)
    program, expected = "lm-eval, rolling", float(np.exp(theirs / len(nll)))
    return [
        Agreed(program, "Transformers", "every token, the first of each window behind one token", len(nll),
               float(np.exp(nll.mean())), expected),
        Agreed(program, "Transformers", "Hasten's: every token of a window but its first", len(hasten),
               float(np.exp(hasten.mean())), expected),
    ]  # fmt: skip


def _as_llamacpp(workshop: Workshop, tokenizer: Any, ids: np.ndarray, file: Path, room: Path) -> list[Agreed]:
    recipe = room / "floats.yaml"
    recipe.write_text(_FLOATS, encoding="utf-8")
    model = workshop.built("floats-llamacpp", ["--recipe", str(recipe)])
    lead = texts.beginning(tokenizer)
    stream = np.concatenate([lead, ids])
    windows = [stream[start : start + CONTEXT].copy() for start in range(0, len(stream) - CONTEXT + 1, CONTEXT)]
    for window in windows:
        window[: len(lead)] = lead
    theirs = llama_perplexity(workshop.environments, model, file, CONTEXT, len(windows), workshop.threads, room)
    with _session(workshop, model) as score:
        nll = np.concatenate([score(window)[CONTEXT // 2 :] for window in windows])
    ours = float(np.exp(nll.mean()))
    how = "the second half of each window"
    return [Agreed("llama-perplexity", "llama.cpp", how, len(nll), ours, theirs)]


@contextmanager
def _session(workshop: Workshop, folder: Path) -> Iterator[Score]:
    """Scores windows with the model in `folder`, opened by Hasten in a process of its own."""
    command, variables = workshop.hasten_command("run_rounds", folder)
    process = Process("perplexity", command, workshop.environments.cache / "logs" / "perplexity-own.log", variables)
    try:
        yield lambda window: np.asarray(process.ask("likelihoods", ids=window.tolist())["nll"], np.float64)
    finally:
        process.close()


def _scores(score: Score, windows: Iterable[np.ndarray]) -> Doubles:
    return np.concatenate([score(window) for window in windows])
