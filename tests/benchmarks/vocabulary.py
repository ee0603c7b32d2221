"""What a smaller vocabulary saves and costs: the table of docs/quality.md.

    python -m tests.benchmarks.vocabulary [--only TEXT] [--threads N]

The subjects of tests/benchmarks/quality.py. Models with other tokens cannot be compared token by token, so held-out
text is judged by the word: every model reads the same stretches in its own tokens, and what it loses on all of them is
divided by the number of words.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from engine.bench.quality import score_text
from engine.bench.shared_vocabulary import shared_tokens
from engine.bench.texts import Windows, beginning
from engine.checkpoint.inspect import inspect
from engine.metrics.logits import negative_log_likelihood
from engine.runtimes.open import open_session
from engine.text.tokenizer import load_tokenizer
from tests.benchmarks.quality import SUBJECTS, Subject, changed

MOST = 100  # stretches that are judged where all tokens stayed
SIZES: dict[str, Sequence[int | None]] = {"stories15M": (8192, 4096, None), "sample": (32768, 16384, 8192)}


def stretches(subject: Subject) -> list[str]:
    """Halves of the held-out windows as texts: in smaller tokens they must still fit the model."""
    tokenizer = load_tokenizer(subject.folder)
    halves = (half for window in subject.judged.ids for half in np.array_split(window, 2))
    return [tokenizer.decode(half, skip_special_tokens=True) for half in halves]


def judged(folder: Path, texts: Sequence[str], threads: int) -> dict[str, float]:
    """Tokens a word, and perplexity by the word."""
    tokenizer, session = load_tokenizer(folder), open_session(folder, threads=threads)
    lead = beginning(tokenizer)
    loss, tokens = 0.0, 0
    for text in texts:
        ids = np.asarray(tokenizer(text, add_special_tokens=False)["input_ids"], dtype=np.int64)
        ids = np.concatenate([lead, ids])
        assert len(ids) <= session.context_length
        loss += float(negative_log_likelihood(session.logits(ids[None, :-1])[0], ids[1:]).sum())
        tokens += len(ids) - len(lead)
    session.close()
    words = sum(len(text.split()) for text in texts)
    return {"tokens_a_word": tokens / words, "word_perplexity": float(np.exp(loss / words))}


def where_all_tokens_stayed(original: Path, folder: Path, subject: Subject, threads: int) -> dict[str, float]:
    """How far predictions moved in held-out text whose tokens are all there."""
    shared = shared_tokens([load_tokenizer(original), load_tokenizer(folder)], "\n".join(stretches(subject)[:8]))
    assert shared is not None
    windows, whole = shared.stretches("\n".join(stretches(subject)), 256)
    if not windows.ids:
        return {"shared_predictions": 0, "of": whole}
    sessions = [open_session(place, threads=threads) for place in (original, folder)]
    some = windows.ids[:MOST]
    scores = score_text(shared.sessions(sessions), Windows(some, False), lambda done, total: None)
    among_all = [
        negative_log_likelihood(sessions[0].logits(ids[None, :-1])[0], ids[1:])
        for ids in (shared.ids[0][window] for window in some)
    ]
    for session in sessions:
        session.close()
    assert scores[1].kl is not None
    assert scores[1].nll is not None
    return {
        "shared_predictions": windows.predictions, "of": whole, "kl": float(scores[1].kl.mean()),
        "perplexity": float(np.exp(scores[1].nll.mean())),
        "perplexity_before": float(np.exp(np.concatenate(among_all).mean())),
        "judged": sum(len(window) - 1 for window in some),
    }  # fmt: skip


def main() -> int:
    """Measure and print one line a model and size."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="measure only lines that hold this")
    parser.add_argument("--threads", type=int, default=2)
    asked = parser.parse_args()
    for name, subject_of in SUBJECTS.items():
        if asked.only and asked.only not in name:
            continue
        subject = subject_of()
        texts = stretches(subject)
        original = inspect(subject.folder)
        print(name, original.vocab_size, original.bytes, judged(subject.folder, texts, asked.threads), flush=True)
        for size in SIZES[name]:
            with tempfile.TemporaryDirectory() as room:
                shown = Path(room) / "shown.txt"
                shown.write_text(subject.shown, encoding="utf-8")
                options: dict[str, Any] = {"size": size, "text": str(shown)}
                cost = changed("prune_vocabulary", str(subject.folder), room, json.dumps(options), asked.threads)
                small = Path(room) / "changed"
                found = {**cost, **judged(small, texts, asked.threads)}
                found |= where_all_tokens_stayed(subject.folder, small, subject, asked.threads)
                info = inspect(small)
                print(name, size, info.vocab_size, info.bytes, found, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
