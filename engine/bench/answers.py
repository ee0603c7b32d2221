"""Let several models answer the same prompt, one token of each in turn, so that all panes fill together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from engine.compare.table import Answer, AnswerToken
from engine.protocol.events import Token
from engine.protocol.job import Sampling
from engine.runtimes.base import Ids, Session, Step
from engine.text.stream import TextStream


class _Writer:
    """One model's answer in the making."""

    def __init__(self, steps: Iterator[Step], stream: TextStream) -> None:
        self._steps, self._stream = steps, stream
        self.tokens: list[AnswerToken] = []
        self.done = False

    def advance(self) -> tuple[AnswerToken, bool] | None:
        """Make the next token; None when nothing is left to write. The flag tells that it is the last one."""
        step = next(self._steps, None)
        if step is None:
            self.done = True
            return None
        text = self._stream.push(step.token_id)
        if step.end:
            text += self._stream.flush()
            self.done = True
        token = AnswerToken(id=step.token_id, text=text, seconds=step.seconds, probability=step.probability)
        self.tokens.append(token)
        return token, step.end


def answer_together(
    sessions: Sequence[Session],
    tokenizers: Sequence[Any],
    prompts: Sequence[Ids],
    max_new_tokens: int,
    emit: Callable[[Token], None],
    check: Callable[[], None],
    *,
    sampling: Sampling | None = None,
    prompt: int = 0,
    text: str = "",
) -> list[Answer]:
    """One answer per session. Each token is timed alone: the other models rest meanwhile.

    Args:
        prompts: per session the ids [T] to go on from; each must leave room in the session's context.
        emit: given a Token event for every token as it is made.
        check: raises Cancelled once asked to stop.
        prompt, text: index and wording of the prompt, for events and answers.
    """
    writers = [
        _Writer(
            session.generate(ids, max_new_tokens, sampling, probabilities=True),
            # an encoder-decoder's answer is a text of its own and goes on from nothing
            TextStream(tokenizer, () if session.task == "text2text-generation" else [int(token) for token in ids]),
        )
        for session, tokenizer, ids in zip(sessions, tokenizers, prompts, strict=True)
    ]
    while not all(writer.done for writer in writers):
        for index, writer in enumerate(writers):
            if writer.done:
                continue
            check()
            made = writer.advance()
            if made is None:
                continue
            token, end = made
            emit(
                Token(
                    candidate=index,
                    prompt=prompt,
                    index=len(writer.tokens) - 1,
                    token_id=token.id,
                    text=token.text,
                    seconds=token.seconds,
                    probability=token.probability,
                    end=end,
                )
            )
    return [
        Answer(prompt=text, text="".join(token.text for token in writer.tokens), tokens=tuple(writer.tokens))
        for writer in writers
    ]
