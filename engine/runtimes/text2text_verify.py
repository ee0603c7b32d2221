"""Compare a built encoder-decoder with the torch model, on that model's own answers to the built-in text."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from engine.checkpoint.load import load_model
from engine.checkpoint.reader import Reader
from engine.grid.grid import dequantise
from engine.runtimes import verify
from engine.runtimes.base import Floats, Ids, Session
from engine.runtimes.limits import answer_start, ending_tokens
from engine.runtimes.stored import Stored
from engine.runtimes.torch_models import empty_cache

# Prompts of these lengths go through both models together, so that padding is checked too; and tokens of an answer.
_PROMPTS, _ANSWER = (96, 64, 48, 24), 24


@dataclass(frozen=True)
class Trial:
    """Prompts and the torch model's own greedy answers to them.

    Attributes:
        ids, mask: the prompts [B, S].
        answers: [B, T].
        counted: bool [B, T], up to the end of each answer.
        expected: the torch model's logits at the N positions that count, [N, V].
        source: what the prompts are, in words.
    """

    ids: Ids
    mask: Ids
    answers: Ids
    counted: npt.NDArray[np.bool_]
    expected: Floats
    source: str

    def logits(self, session: Session, most: int = len(_PROMPTS)) -> Floats:
        """What `session`, which is closed, says of the answers at the positions that count: [N, V]. It is given at most
        `most` prompts at once, padded alike."""
        found = []
        try:
            for begin in range(0, len(self.ids), most):
                rows = slice(begin, begin + most)
                first = session.prefill(self.ids[rows], self.mask[rows])[:, None]
                logits = np.concatenate([first, session.extend(self.answers[rows, :-1])], axis=1)
                found.append(logits[self.counted[rows]])
        finally:
            session.close()
        return np.concatenate(found)


def ask(folder: Path) -> Trial:
    """What the torch model of checkpoint `folder` makes of prompts. The whole of it is loaded, and gone afterwards: its
    decoder reads every weight once a token."""
    twin = load_model(folder, dtype=torch.float32)
    return ask_twin(folder, twin, Stored(twin, Reader(folder)))


def ask_twin(folder: Path, twin: Any, stored: Stored) -> Trial:
    """What Transformers model `twin`, read from `folder` whose files are `stored`, makes of prompts. Its embeddings and
    head are put on their grid."""
    _put_on_grid(twin, stored)
    return _trial(folder, twin)


def _put_on_grid(twin: Any, stored: Stored) -> None:
    """Give the embeddings and head of `twin` the exact values of their grid: a file in 16 bits holds them rounded."""
    for module in ("get_input_embeddings", "get_output_embeddings"):
        owner = getattr(twin, module)()
        grid = stored.grid(next(name for name, found in twin.named_modules() if found is owner))
        if grid is not None:
            owner.weight.data.copy_(dequantise(grid))


def _trial(folder: Path, twin: Any) -> Trial:
    """Prompts from the built-in text and what `twin`, read from `folder`, makes of them."""
    window = verify.window(folder, twin.config.vocab_size, sum(_PROMPTS))
    ends = ending_tokens(folder)
    ids = np.full((len(_PROMPTS), _PROMPTS[0]), twin.config.pad_token_id or 0, dtype=np.int64)
    mask = np.zeros_like(ids)
    text = np.resize(window.ids[0], sum(_PROMPTS))
    for row, length in enumerate(_PROMPTS):
        ids[row, :length], text = text[:length], text[length:]
        ids[row, length - 1] = next(iter(ends), ids[row, length - 1])
        mask[row, :length] = 1
    answers, logits = _answers(twin, ids, mask, answer_start(folder))
    end = np.isin(answers, list(ends))
    before: Ids = np.cumsum(end, axis=1) - end  # ends before each token
    counted = before == 0
    return Trial(ids, mask, answers, counted, logits[counted], f"{len(_PROMPTS)} answers to {window.source}")


def _answers(twin: Any, ids: Ids, mask: Ids, start: tuple[int, ...]) -> tuple[Ids, Floats]:
    """The torch model's greedy answers [B, T] to `ids` [B, S], past any end, and the logits that led to them."""
    real = torch.from_numpy(mask)
    following = torch.tensor([start] * len(ids))
    answers, logits, cache = [], [], empty_cache()
    with torch.inference_mode():
        encoded = twin.get_encoder()(input_ids=torch.from_numpy(ids), attention_mask=real)
        for _ in range(_ANSWER):
            output = twin(
                encoder_outputs=encoded, attention_mask=real, decoder_input_ids=following, past_key_values=cache,
                use_cache=True,
            )  # fmt: skip
            following = output.logits[:, -1:].argmax(-1)
            logits.append(output.logits[:, -1].float().numpy())
            answers.append(following[:, 0].numpy())
    return np.stack(answers, axis=1), np.stack(logits, axis=1)
