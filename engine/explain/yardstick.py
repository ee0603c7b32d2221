"""The text that layers are measured on, what the original answers to it, and how far other answers are from that."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from engine.bench import texts
from engine.bench.embeddings import Pooling, cosines, pool, read_pooling
from engine.blocks.stages import TOKENS_AT_ONCE
from engine.calibration.options import ANSWERS_IN_MEMORY
from engine.checkpoint.info import Task
from engine.metrics.base import EMBEDDERS, ENCODERS, TAGGERS, Doubles, Floats
from engine.metrics.logits import divergence, normalisers
from engine.runtimes.base import Ids, TextBatch
from engine.runtimes.limits import context_length
from engine.text.tokenizer import load_tokenizer


@dataclass(frozen=True)
class Sheet:
    """The text as a model's inputs.

    Attributes:
        batches: what the model is called with, one mapping of tensors [B, T] each.
        texts: the same as encoders are asked.
        masks: 1 on real tokens [B, T], per batch; None where all are.
        blocks: label of the stretch of text of every prediction (or text), [N].
    """

    batches: tuple[dict[str, Tensor], ...]
    texts: tuple[TextBatch, ...]
    masks: tuple[Tensor | None, ...]
    blocks: np.ndarray


def sheet(folder: Path, task: Task, text: str, most: int) -> Sheet:
    """The first `most` windows (or as many texts as they hold) of `text`, by the tokenizer in `folder`.

    Raises UserError if the text is too short.
    """
    tokenizer, length = load_tokenizer(folder), context_length(folder)
    if task in ENCODERS:
        sentences = texts.sentences(text)[: most * 8]
        found = list(texts.batches_of(tokenizer, sentences, length))
        return Sheet(
            tuple(_encoder_inputs(batch) for _, batch in found),
            tuple(batch for _, batch in found),
            tuple(torch.from_numpy(batch.attention_mask) for _, batch in found),
            np.concatenate([np.repeat(places, _predictions(task, batch)) for places, batch in found]),
        )
    windows = texts.windows(tokenizer, text, length).ids[:most]
    batches: list[list[Any]] = []
    for window in windows:
        ids = window[:-1]
        if batches and len(batches[-1][0]) == len(ids) and (len(batches[-1]) + 1) * len(ids) <= TOKENS_AT_ONCE:
            batches[-1].append(ids)
        else:
            batches.append([ids])
    tensors = [torch.from_numpy(np.stack(batch)) for batch in batches]
    return Sheet(
        tuple({"input_ids": ids, "attention_mask": torch.ones_like(ids)} for ids in tensors),
        (),
        (None,) * len(tensors),
        texts.blocks_of([len(window) - 1 for window in windows]),
    )


class Yardstick:
    """How far answers to a sheet are from the original's.

    What the original answers is kept in memory, or as files in `scratch` when it is large.
    """

    def __init__(self, page: Sheet, task: Task, folder: Path, scratch: Path) -> None:
        self._page, self._task, self._scratch = page, task, scratch
        self._pooling = read_pooling(folder) or Pooling()
        self._expected: list[Floats] = []
        self._normalisers: list[Doubles] = []
        self._held = 0

    def keep(self, answers: Iterable[Any]) -> None:
        """Remember the original's `answers`, as its model gave them batch by batch."""
        for index, answer in enumerate(self._read(answers)):
            self._held += answer.nbytes
            if self._task not in EMBEDDERS:
                self._normalisers.append(normalisers(answer))
            if self._held > ANSWERS_IN_MEMORY:
                file = self._scratch / f"original-{index}.npy"
                np.save(file, answer)
                answer = np.load(file, mmap_mode="r")
            self._expected.append(answer)

    def loss(self, answers: Iterable[Any]) -> Doubles:
        """How far each prediction (or text) among `answers` is from the original's: [N], in the measure's unit."""
        found = []
        for index, answer in enumerate(self._read(answers)):
            expected = self._expected[index]
            if self._task in EMBEDDERS:
                found.append(1.0 - cosines(expected.astype(np.float64), answer.astype(np.float64)))
            else:
                found.append(divergence(expected, answer, self._normalisers[index])[0])
        return np.concatenate(found)

    def _read(self, answers: Iterable[Any]) -> Iterator[Floats]:
        """One row a prediction or text: logits [N, V], or embeddings [N, H]."""
        for index, answer in enumerate(answers):
            if self._task in EMBEDDERS:
                yield pool(answer[0].float().numpy(), self._page.texts[index], self._pooling).astype(np.float32)
            else:
                logits = answer.logits.float()
                if self._task in TAGGERS:
                    logits = logits[torch.from_numpy(self._page.texts[index].attention_mask).bool()]
                yield logits.reshape(-1, logits.shape[-1]).numpy()


def _predictions(task: Task, batch: TextBatch) -> Ids:
    """How many predictions each text of `batch` asks for, [B]: one for each real token of taggers, else one."""
    return batch.attention_mask.sum(axis=1) if task in TAGGERS else np.ones(len(batch.input_ids), np.int64)


def _encoder_inputs(batch: TextBatch) -> dict[str, Tensor]:
    inputs = {"input_ids": batch.input_ids, "attention_mask": batch.attention_mask}
    if batch.token_type_ids is not None:
        inputs["token_type_ids"] = batch.token_type_ids
    return {name: torch.from_numpy(array) for name, array in inputs.items()}
