"""Any open session as a model of the lm-evaluation-harness, so that it judges every runtime and not torch alone.

Texts become tokens and windows the way the harness's own `hf` model makes them: the figures are comparable with those
that people publish. Needs lm-eval.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from lm_eval import utils
from lm_eval.api.model import TemplateLM
from lm_eval.models.utils import (
    handle_stop_sequences,
    has_bos_prefix,
    normalize_gen_kwargs,
    postprocess_generated_text,
)

from engine.bench.views import answer_logits
from engine.metrics.logits import negative_log_likelihood
from engine.protocol.errors import UserError
from engine.protocol.job import Sampling
from engine.runtimes.base import Floats, Ids, Session

_MOST_NEW = 256  # tokens of an answer where the task does not say, as the harness has it
_KNOWN = {"do_sample", "temperature", "top_k", "top_p", "until", "max_gen_toks"}


class SessionLM(TemplateLM):  # type: ignore[misc]
    """Asks `session` one request after another.

    `progress(done, total)` is called before each, of all requests that are known so far, and may raise Cancelled.
    """

    def __init__(self, session: Session, tokenizer: Any, progress: Callable[[int, int], None]) -> None:
        super().__init__()
        self.session, self.tokenizer, self._progress = session, tokenizer, progress
        self._done = self._total = 0
        self.backend = "seq2seq" if session.task == "text2text-generation" else "causal"
        self._context: tuple[bytes, Floats] | None = None  # the last context and the logits behind it, [1, V]

    @property
    def eot_token_id(self) -> int:
        """The token that ends a text."""
        return int(self.tokenizer.eos_token_id)

    @property
    def prefix_token_id(self) -> int:
        """The token that stands before a text without a context."""
        begin = self.tokenizer.bos_token_id
        return self.eot_token_id if begin is None else int(begin)

    @property
    def max_length(self) -> int:
        """The longest text in tokens."""
        return self.session.context_length

    def tok_encode(self, string: str, add_special_tokens: bool | None = None, **kwargs: Any) -> list[int]:
        """`string` as ids, with the tokenizer's marks unless they stand there already."""
        named = {} if add_special_tokens is None else {"add_special_tokens": add_special_tokens}
        if add_special_tokens is None and has_bos_prefix(string, self.tokenizer.decode(self.prefix_token_id)):
            named = {"add_special_tokens": False}
        return [int(token) for token in self.tokenizer.encode(string, **named)]

    def _loglikelihood_tokens(self, requests: Sequence[Any], **kwargs: Any) -> list[tuple[float, bool]]:
        return [self._score(context, continuation) for _, context, continuation in self._each(requests)]

    def loglikelihood_rolling(self, requests: Sequence[Any], disable_tqdm: bool = False) -> list[float]:
        """ln of the probability of every text as a whole, nats: each token is predicted once, with all the context that
        fits."""
        found = []
        for request in self._each(requests):
            windows = utils.get_rolling_token_windows(
                token_list=self.tok_encode(request.args[0]), prefix_token=self.prefix_token_id,
                max_seq_len=self.max_length, context_len=1,
            )  # fmt: skip
            found.append(sum(self._score(*utils.make_disjoint_window(window))[0] for window in windows))
        return found

    def generate_until(self, requests: Sequence[Any], disable_tqdm: bool = False) -> list[str]:
        """What the model writes to every context, up to the task's stop texts."""
        found = []
        end = self.tokenizer.decode(self.eot_token_id, skip_special_tokens=False)
        for request in self._each(requests):
            context, given = request.args
            options = normalize_gen_kwargs(given, _MOST_NEW)
            if foreign := sorted(set(options) - _KNOWN):
                raise UserError(
                    f"The task asks for “{foreign[0]}”, which sessions do not offer.", "Leave this task out."
                )
            stops = handle_stop_sequences(options.get("until"), eos=end)
            found.append(self._write(context, options, [stop for stop in stops if stop]))
        return found

    def _each(self, requests: Sequence[Any]) -> Iterator[Any]:
        """`requests`, telling which one it is."""
        self._total += len(requests)
        for request in requests:
            self._progress(self._done, self._total)
            self._done += 1
            yield request

    def _write(self, context: str, options: Any, stops: list[str]) -> str:
        most = min(int(options["max_gen_toks"]), self.max_length // 2)  # a context of nothing would judge nothing
        ids = np.asarray(self.tok_encode(context), dtype=np.int64)
        ids = ids[-(self.max_length if self.backend == "seq2seq" else self.max_length - most) :]
        sampling = None
        if options.get("do_sample") and options.get("temperature", 1.0) > 0:
            sampling = Sampling(
                temperature=options.get("temperature", 1.0),
                top_k=options.get("top_k", 0),
                top_p=options.get("top_p", 1.0),
            )
        self._context = None
        written: list[int] = []
        text = ""
        for step in self.session.generate(ids, most, sampling):
            written.append(step.token_id)
            text = self.tokenizer.decode(written, skip_special_tokens=True)
            if step.end or any(stop in text for stop in stops):
                break
        return str(postprocess_generated_text(text, stops, None))

    def _score(self, context: Sequence[int], continuation: Sequence[int]) -> tuple[float, bool]:
        """ln of the probability of `continuation` behind `context`, nats, and whether each of its tokens is the most
        probable one."""
        answer = np.asarray(continuation, dtype=np.int64)
        if self.backend == "seq2seq":
            prompt = np.asarray(context, dtype=np.int64)[-self.max_length :]
        else:  # the last token is predicted, not read
            prompt = np.asarray([*context, *continuation], dtype=np.int64)[-(self.max_length + 1) :][: -len(answer)]
        total, greedy, place = 0.0, True, 0
        for logits in self._logits(prompt, answer):
            own = answer[place : place + len(logits)]
            total -= float(negative_log_likelihood(logits, own).sum())
            greedy = greedy and bool((logits.argmax(axis=-1) == own).all())
            place += len(logits)
        return total, greedy

    def _logits(self, prompt: Ids, answer: Ids) -> Any:
        """The logits of every token of `answer`, in pieces; for choices of one token a prompt is read once."""
        if len(answer) > 1:
            self._context = None
            return answer_logits(self.session, prompt, answer)
        key = prompt.tobytes()
        if self._context is None or self._context[0] != key:
            self._context = key, self.session.prefill(prompt[None]).copy()
        return (self._context[1],)
