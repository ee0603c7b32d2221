"""Build an encoder-decoder's artefact: two graphs over one file of weights, verified against the torch model."""

from __future__ import annotations

import onnx_ir as ir

from engine.checkpoint.outline import Outline
from engine.runtimes import text2text_verify, verify
from engine.runtimes.base import Artefact, BuildContext, Floats
from engine.runtimes.companions import Facts
from engine.runtimes.onnx_runtime.assemble import artefact_of, copy_companions, graph_facts, open_built
from engine.runtimes.onnx_runtime.graph import save_together
from engine.runtimes.onnx_runtime.limits import DECODER, ENCODER, EXACT, FAST, TOLERATED_KL
from engine.runtimes.onnx_runtime.text2text import Text2TextGraph
from engine.runtimes.onnx_runtime.text2text_bart import BartGraph
from engine.runtimes.onnx_runtime.text2text_t5 import T5Graph
from engine.runtimes.onnx_runtime.writer import LevelOf, Weights
from engine.runtimes.stored import Stored
from engine.runtimes.text2text_verify import Trial

FAMILIES: dict[str, type[Text2TextGraph]] = {"t5": T5Graph, "mt5": T5Graph, "bart": BartGraph, "marian": BartGraph}
# Fast kernels also round what the weights are multiplied with to 8 bits. The output head minds that most (flan-t5-small
# at 8 bits: 0.011 nats, of which all but 0.0005 are the head's), so it alone may be computed exactly.
KERNELS: dict[str, LevelOf] = {
    "fast": lambda module: FAST,
    "fast, exact in the head": lambda module: EXACT if module == "lm_head" else FAST,
    "exact": lambda module: EXACT,
}


def build_text2text(context: BuildContext) -> Artefact:
    """Fill `context.destination`. Raises UserError when the graphs compute something else than the source."""
    context.step(0, 0, "Asking the original")
    trial = text2text_verify.ask(context.source)
    context.step(0, 0, "Loading the checkpoint")
    outline = Outline(context.source)
    copy_companions(context, "answer.py")
    work = _Work(context, Weights(outline, Stored(outline.model, outline.reader).grid), trial)
    work.write("exact")
    facts: Facts = {
        "relative error": verify.require_equal(work.logits(), trial.expected, verify.TOLERANCE),
        "compared on": trial.source,
    }
    if work.integers:
        facts["accuracy level"] = work.settle()
    facts["kl_divergence_nats"] = work.divergence()
    return artefact_of(context, work.weight_bytes, {**graph_facts(*work.models.values()), **facts})


class _Work:
    """The graphs as they were written last, and what they answer.

    Attributes:
        models: the graphs by file name.
        weight_bytes: of their weights.
    """

    def __init__(self, context: BuildContext, weights: Weights, trial: Trial) -> None:
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
        return verify.divergence(self._trial.expected, self.logits())

    def logits(self) -> Floats:
        """What the graphs say of the torch model's answers, at the positions that count: [N, V]."""
        self._context.step(0, 0, "Comparing with the original")
        return self._trial.logits(open_built(self._context))
