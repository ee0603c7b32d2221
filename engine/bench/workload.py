"""What timed requests are made of: stretches of the built-in text, or the user's own prompts."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

from engine.bench import texts
from engine.bench.candidates import Open
from engine.protocol.job import CompareJob
from engine.runtimes.base import Ids
from engine.text.chat import prompt_ids


class Workload:
    """The requests of one comparison, for every candidate as its tokenizer writes them.

    Attributes:
        name: what they come from.
        prompt_tokens: how many tokens a request reads: one number, or "12–40".
    """

    def __init__(
        self,
        job: CompareJob,
        opened: Sequence[Open],
        context_length: int,
        prompt_tokens: int,
        new_tokens: int,
        note: Callable[[str], None],
    ) -> None:
        """`note` is told what does not fit into `context_length`, which leaves room for `new_tokens`."""
        self._opened, self._context_length, self._new, self._note = opened, context_length, new_tokens, note
        self._length, self._task = prompt_tokens, opened[0].session.task
        self._decoder = new_tokens > 0
        self._own = job.prompts or texts.builtin_prompts() if job.time_prompts else ()
        self._text, self.name = texts.read_text(None)
        lengths = [prompt_tokens]
        if self._own:
            self.name = f"{len(self._own)} prompts" if len(self._own) > 1 else "one prompt"
            lengths = [len(ids) for text in self._own for ids in self._read(text)]
        low, high = min(lengths), max(lengths)
        self.prompt_tokens: int | str = low if low == high else f"{low}–{high}"

    def prompts(self, candidate: int, count: int) -> list[Ids]:
        """`count` requests of one text each, ids [T]: different stretches of text, or the user's own in turn."""
        if not self._own:
            tokenizer, ended = self._opened[candidate].tokenizer, self._task == "text2text-generation"
            return texts.prompts_of(tokenizer, self._text, self._length, count, ended=ended)
        own = [self._read(text)[candidate] for text in self._own]
        return list(itertools.islice(itertools.cycle(own), count))

    def asked(self, text: str, name: str, new_tokens: int) -> list[Ids]:
        """`text` as each candidate's tokenizer and chat template write it, cut at the front to leave room for
        `new_tokens`."""
        message = [{"role": "user", "content": text}]
        found = [prompt_ids(one.tokenizer, message, one.session.task) for one in self._opened]
        room = self._context_length - new_tokens
        if max(len(ids) for ids in found) > room:
            self._note(f"{name} is longer than the models hold; only its last {room} tokens were used.")
        return [ids[-room:] for ids in found]

    def _read(self, text: str) -> list[Ids]:
        """One of the user's prompts as each candidate reads it."""
        if self._decoder:
            return self.asked(text, f"Prompt {self._own.index(text) + 1}", self._new)
        return [texts.batch_of(one.tokenizer, [text], self._context_length).input_ids[0] for one in self._opened]
