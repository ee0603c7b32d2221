"""Build an encoder-decoder's artefact: two graphs over one file of weights, verified against the torch model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx_ir as ir
import torch

from engine.checkpoint.load import load_model
from engine.checkpoint.reader import Reader
from engine.grid.grid import dequantise
from engine.runtimes import verify
from engine.runtimes.base import Artefact, BuildContext, Floats, Ids
from engine.runtimes.companions import Facts
from engine.runtimes.limits import answer_start, ending_tokens
from engine.runtimes.onnx_runtime.assemble import artefact_of, copy_companions, graph_facts, open_built
from engine.runtimes.onnx_runtime.encoder_lower import grid_reader
from engine.runtimes.onnx_runtime.graph import save_together
from engine.runtimes.onnx_runtime.limits import DECODER, ENCODER, EXACT, FAST, TOLERATED_KL
from engine.runtimes.onnx_runtime.text2text import Text2TextGraph
from engine.runtimes.onnx_runtime.text2text_bart import BartGraph
from engine.runtimes.onnx_runtime.text2text_t5 import T5Graph
from engine.runtimes.onnx_runtime.writer import LevelOf, Weights
from engine.runtimes.torch_models import empty_cache

FAMILIES: dict[str, type[Text2TextGraph]] = {"t5": T5Graph, "mt5": T5Graph, "bart": BartGraph, "marian": BartGraph}
# Fast kernels also round what the weights are multiplied with to 8 bits. The output head minds that most (flan-t5-small
# at 8 bits: 0.011 nats, of which all but 0.0005 are the head's), so it alone may be computed exactly.
KERNELS: dict[str, LevelOf] = {
    "fast": lambda module: FAST,
    "fast, exact in the head": lambda module: EXACT if module == "lm_head" else FAST,
    "exact": lambda module: EXACT,
}
# Prompts of these lengths go through both models together, so that padding is checked too; and tokens of an answer.
_PROMPTS, _ANSWER = (96, 64, 48, 24), 24


def build_text2text(context: BuildContext) -> Artefact:
    """Fill `context.destination`. Raises UserError when the graphs compute something else than the source."""
    context.step(0, 0, "Loading the checkpoint")
    twin = load_model(context.source, dtype=torch.float32)
    weights = Weights(twin, grid_reader(Reader(context.source), twin))
    _put_on_grid(weights)
    context.step(0, 0, "Asking the original")
    trial = _trial(context, twin)
    copy_companions(context, "answer.py")
    work = _Work(context, weights, trial)
    work.write("exact")
    facts: Facts = {
        "relative error": verify.require_equal(work.logits(), trial.expected[trial.counted], verify.TOLERANCE),
        "compared on": trial.source,
    }
    if work.integers:
        facts["accuracy level"] = work.settle()
    facts["kl_divergence_nats"] = work.divergence()
    return artefact_of(context, work.weight_bytes, {**graph_facts(*work.models.values()), **facts})


def _put_on_grid(weights: Weights) -> None:
    """Give the twin's embeddings and head the exact values of their grid: a file in 16 bits holds them rounded."""
    for module in ("get_input_embeddings", "get_output_embeddings"):
        owner = getattr(weights.twin, module)()
        grid = weights.grid(next(name for name, found in weights.twin.named_modules() if found is owner))
        if grid is not None:
            owner.weight.data.copy_(dequantise(grid))


@dataclass(frozen=True)
class _Trial:
    """Prompts, the torch model's own greedy answers, and its logits for them.

    Attributes:
        ids, mask: the prompts [B, S].
        answers: [B, T].
        counted: bool [B, T], up to the end of each answer.
        expected: logits [B, T, V].
    """

    ids: Ids
    mask: Ids
    answers: Ids
    counted: Any
    expected: Floats
    source: str


class _Work:
    """The graphs as they were written last, and what they answer.

    Attributes:
        models: the graphs by file name.
        weight_bytes: of their weights.
    """

    def __init__(self, context: BuildContext, weights: Weights, trial: _Trial) -> None:
        self._context, self._weights, self._trial = context, weights, trial
        self.models: dict[str, ir.Model] = {}
        self.weight_bytes = 0

    @property
    def integers(self) -> bool:
        """Whether the graphs compute with integer weights."""
        return any(node.op_type == "MatMulNBits" for model in self.models.values() for node in model.graph)

    def write(self, kernels: str) -> None:
        """Write both graphs with one of KERNELS."""
        self._context.step(0, 0, f"Writing the graphs, {kernels} kernels")
        family = FAMILIES[self._weights.twin.config.model_type]
        level = KERNELS[kernels]
        self.models = {
            ENCODER: family(self._weights, level, "encoder").write_encoder(),
            DECODER: family(self._weights, level, "decoder").write_decoder(),
        }
        self.weight_bytes = save_together(self.models, self._context.destination, self._context)

    def settle(self) -> str:
        """Leave the graphs with the kernels to ship: as asked, or the fastest that cost no more than is tolerated."""
        asked = self._context.options.accuracy
        for kernels in {"automatic": list(KERNELS), "fast": ["fast"], "exact": ["exact"]}[asked]:
            self.write(kernels)
            if asked != "automatic" or kernels == "exact" or self.divergence() <= TOLERATED_KL:
                break
        return kernels

    def divergence(self) -> float:
        """The divergence from the torch model, nats a token."""
        return verify.divergence(self._trial.expected[self._trial.counted], self.logits())

    def logits(self) -> Floats:
        """What the graphs say of the torch model's answers, at the positions that count: [N, V]."""
        self._context.step(0, 0, "Comparing with the original")
        trial, session = self._trial, open_built(self._context)
        try:
            first = session.prefill(trial.ids, trial.mask)[:, None]
            logits = np.concatenate([first, session.extend(trial.answers[:, :-1])], axis=1)
        finally:
            session.close()
        found: Floats = logits[trial.counted]
        return found


def _trial(context: BuildContext, twin: Any) -> _Trial:
    """Prompts from the built-in text and what `twin` makes of them."""
    window = verify.window(context.source, twin.config.vocab_size, sum(_PROMPTS))
    ends = ending_tokens(context.source)
    ids = np.full((len(_PROMPTS), _PROMPTS[0]), twin.config.pad_token_id or 0, dtype=np.int64)
    mask = np.zeros_like(ids)
    text = np.resize(window.ids[0], sum(_PROMPTS))
    for row, length in enumerate(_PROMPTS):
        ids[row, :length], text = text[:length], text[length:]
        ids[row, length - 1] = next(iter(ends), ids[row, length - 1])
        mask[row, :length] = 1
    start = answer_start(context.source)
    answers, expected = _answers(twin, ids, mask, start)
    end = np.isin(answers, list(ends))
    before: Ids = np.cumsum(end, axis=1) - end  # ends before each token
    return _Trial(ids, mask, answers, before == 0, expected, f"{len(_PROMPTS)} answers to {window.source}")


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
            logits.append(output.logits[:, -1].numpy())
            answers.append(following[:, 0].numpy())
    return np.stack(answers, axis=1), np.stack(logits, axis=1)
