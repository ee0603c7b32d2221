"""What a comparison observes of quality: on the evaluation text, on a second one, and on a labelled data set."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from engine.bench import texts
from engine.bench.candidates import Open
from engine.bench.embeddings import NEIGHBOURS, Pooling, cosines, embed, nearest, read_pooling
from engine.bench.observe_tags import evidence_of, gold_of, tagged_of
from engine.bench.quality import score_answers, score_classes, score_tags, score_text
from engine.bench.shared_vocabulary import LEAST, SharedTokens, shared_tokens
from engine.bench.tagged import Seen, Sentence, read_tagged, seen
from engine.checkpoint.inspect import read_config
from engine.compare.evidence import Classified, ClassifiedText, EmbeddedText
from engine.metrics.base import DECODERS, EMBEDDERS, Observed
from engine.metrics.logits import overlap
from engine.metrics.spans import marks_spans
from engine.protocol.errors import UserError
from engine.protocol.job import CompareJob

BUILT_IN = "built-in"  # the word that names the text that comes with Hasten
_LONGEST = 400  # letters of a text that are kept with its classes or neighbours


@dataclass
class QualityObserver:
    """Observes candidates that share a tokenizer, or of which one lacks tokens of another; the first is the reference.

    Attributes:
        same_tokens: they share a tokenizer.
        context_length, new_tokens: the shortest context of all, and the tokens of an answer.
        progress: progress(text, unit) gives what is called with (done, total) as work goes on.
        note: tells the user what could not be measured as asked.
        classified, embedded: every text of the evaluation text or data set, case by case; known after `observe`.
    """

    job: CompareJob
    opened: Sequence[Open]
    context_length: int
    new_tokens: int
    progress: Callable[[str, str], Callable[[int, int], None]]
    note: Callable[[str], None]
    same_tokens: bool = True
    classified: Classified | None = field(default=None, init=False)
    embedded: tuple[EmbeddedText, ...] = field(default=(), init=False)

    @cached_property
    def shared(self) -> SharedTokens | None:
        """What candidates with different tokenizers can be compared on; None where they share one, or nothing."""
        if self.same_tokens:
            return None
        return shared_tokens([candidate.tokenizer for candidate in self.opened], texts.read_text(None)[0])

    @property
    def comparable(self) -> bool:
        """Whether anything can be said of what the candidates predict."""
        alike = ("text-generation", "text-classification", *EMBEDDERS)
        return self.same_tokens or (self._sessions[0].task in alike and self.shared is not None)

    def observe(self, observed: list[Observed]) -> list[Observed]:
        """`observed` with scores on the evaluation text and the data set, as far as the task has them."""
        text, name = texts.read_text(self.job.text)
        return self._on_text(observed, text, name, self.job.dataset)

    def observe_second(self, observed: list[Observed]) -> list[Observed]:
        """`observed`, with its scores on the second text in place of those on the first."""
        wanted = self.job.second_text
        text, name = texts.read_text(None if wanted == BUILT_IN else wanted)
        blank = [
            Observed(one.weight_bytes, conditions={key: v for key, v in one.conditions.items() if key != "quality"})
            for one in observed
        ]
        kept = self.classified, self.embedded
        found = self._on_text(blank, text, name, None)
        self.classified, self.embedded = kept
        return found

    def _on_text(self, observed: list[Observed], text: str, name: str, dataset: str | None) -> list[Observed]:
        task = self._sessions[0].task
        if task == "text2text-generation":
            return self._of_answers(observed, text, name)
        if task in DECODERS:
            return self._of_text(observed, text, name)
        sentences = texts.sentences(text)
        shape: dict[str, Any] = {"text": name, "texts": len(sentences)}
        if dataset:
            shape["dataset"] = Path(dataset).name  # reports hold no folders of this machine
        observed = [replace(one, conditions={**one.conditions, "quality": shape}) for one in observed]
        if task == "text-classification":
            return self._of_classifiers(observed, sentences, dataset)
        if task == "token-classification":
            return self._of_taggers(observed, sentences, shape, dataset)
        return self._of_embedders(observed, sentences, shape, dataset)

    @property
    def _sessions(self) -> list[Any]:
        return [candidate.session for candidate in self.opened]

    def _of_text(self, observed: list[Observed], text: str, name: str) -> list[Observed]:
        sessions, shape = self._sessions, {"text": name, "window": texts.WINDOW}
        if self.shared is None:
            windows = texts.windows(self.opened[0].tokenizer, text, self.context_length)
        else:
            windows, whole = self.shared.stretches(text, self.context_length)
            if windows.predictions < LEAST:
                self.note(
                    f"One model lacks so many tokens of {_titled(name)} that only {windows.predictions} predictions of "
                    "both can be compared: perplexity, KL divergence and agreement were left out."
                )
                return observed
            sessions, shape["shared_tokens"] = self.shared.sessions(sessions), len(self.shared.own)
            self.note(
                f"One model has only some of the other's tokens. Perplexity, KL divergence and agreement are those of "
                f"{windows.predictions:,} predictions of {_titled(name)}'s {whole:,} tokens, where all tokens are "
                f"shared, and every probability is one among the {len(self.shared.own):,} shared tokens."
            )
        if windows.cut:
            self.note(f"The text is long: its first {texts.MAX_TOKENS:,} tokens were used.")
        scores = score_text(sessions, windows, self.progress("Measuring quality", "window"))
        shape |= {"windows": len(windows.ids), "predictions": windows.predictions}
        return [
            replace(one, scores=own, conditions={**one.conditions, "quality": shape})
            for one, own in zip(observed, scores, strict=True)
        ]

    def _of_answers(self, observed: list[Observed], text: str, name: str) -> list[Observed]:
        sources = texts.sources(self.opened[0].tokenizer, text, self.context_length)
        longest = min(texts.ANSWER, self.new_tokens or texts.ANSWER)
        scores = score_answers(self._sessions, sources, longest, self.progress("Measuring quality", "text"))
        predictions = len(scores[0].blocks)
        self.note(
            f"Perplexity, KL divergence and agreement are measured on the first model's own answers to {len(sources)} "
            f"stretches of {_titled(name)}."
        )
        shape = {
            "text": name, "texts": len(sources), "answers": "the first candidate's own, greedy",
            "predictions": predictions,
        }  # fmt: skip
        return [
            replace(one, scores=own, conditions={**one.conditions, "quality": shape})
            for one, own in zip(observed, scores, strict=True)
        ]

    def _of_embedders(
        self, observed: list[Observed], sentences: list[str], shape: dict[str, Any], dataset: str | None
    ) -> list[Observed]:
        pooling = next((p for c in self.opened if (p := read_pooling(c.place.folder))), Pooling())
        shape["pooling"] = f"{pooling.mode}{', normalised' if pooling.normalise else ''}"
        vectors = [
            embed(c.session, c.tokenizer, sentences, pooling, self.progress("Comparing embeddings", "text"))
            for c in self.opened
        ]
        turned = [cosines(vectors[0], own) for own in vectors]
        near = [nearest(own, NEIGHBOURS) for own in vectors]
        self.embedded = tuple(
            EmbeddedText(
                text=_shortened(sentence),
                cosines=tuple(round(float(own[place]), 6) for own in turned),
                neighbours=tuple(tuple(int(i) for i in own[place]) for own in near),
            )
            for place, sentence in enumerate(sentences)
        )
        observed = [
            one
            if index == 0
            else replace(
                one,
                cosines=turned[index],
                neighbours=overlap(near[0], near[index]) if near[0].shape[1] else None,
            )
            for index, one in enumerate(observed)
        ]
        if not dataset:
            return observed
        left, right, gold = texts.read_pairs(dataset)
        found = []
        for candidate, one in zip(self.opened, observed, strict=True):
            progress = self.progress(f"Correlating {candidate.place.name} with people", "text")
            both = embed(candidate.session, candidate.tokenizer, left + right, pooling, progress)
            found.append(replace(one, similarities=cosines(both[: len(left)], both[len(left) :]), gold=gold))
        return found

    def _of_classifiers(self, observed: list[Observed], sentences: list[str], dataset: str | None) -> list[Observed]:
        scores, probabilities = self._classes(sentences, "Measuring quality")
        self.classified = self._listed(sentences, probabilities)
        observed = [replace(one, scores=own) for one, own in zip(observed, scores, strict=True)]
        if not dataset:
            return observed
        labelled, labels = texts.read_labels(dataset)
        _, probabilities = self._classes(labelled, "Measuring accuracy")
        self.classified = self._listed(labelled, probabilities, labels)
        return [
            replace(one, correct=(own.argmax(-1) == labels).astype(np.float64), classes=own.argmax(-1), labels=labels)
            for one, own in zip(observed, probabilities, strict=True)
        ]

    def _of_taggers(
        self, observed: list[Observed], sentences: list[str], shape: dict[str, Any], dataset: str | None
    ) -> list[Observed]:
        plain = [Sentence(tuple(sentence.split())) for sentence in sentences]
        scores, probabilities, read = self._tags(plain, "Measuring quality", "text")
        shape["words"] = len(probabilities[0])
        names = class_names(self.opened[0].place.folder, probabilities[0].shape[-1])
        self.classified = evidence_of(plain, read, probabilities, names)
        observed = [replace(one, scores=own) for one, own in zip(observed, scores, strict=True)]
        if not dataset:
            return observed
        labelled = read_tagged(dataset, self.job.tag_column)
        _, probabilities, read = self._tags(labelled, "Measuring accuracy", "data set")
        gold = gold_of(labelled, read, names, dataset, self.note)
        self.classified = evidence_of(labelled, read, probabilities, names, gold)
        if not marks_spans(gold.names):
            self.note("Entity F1 is not measured, for the data set's tags do not name stretches, as B-PER and O do.")
        return [
            replace(one, tagged=tagged_of(own.argmax(-1), gold, names, read))
            for one, own in zip(observed, probabilities, strict=True)
        ]

    def _tags(
        self, sentences: list[Sentence], text: str, source: str
    ) -> tuple[list[Any], list[np.ndarray], list[Seen]]:
        read = [seen(self.opened[0].tokenizer, sentence.words, self.context_length) for sentence in sentences]
        cut = sum(len(sentence.words) - len(one.words) for sentence, one in zip(sentences, read, strict=True))
        if cut:
            self.note(f"{cut} words of the {source} were left out: their sentences are longer than the models hold.")
        return *score_tags(self._sessions, read, self.progress(text, "sentence")), read

    def _classes(self, wanted: list[str], text: str) -> tuple[list[Any], list[np.ndarray]]:
        batches = [
            [texts.batch_of(candidate.tokenizer, [one], self.context_length) for candidate in self.opened]
            for one in wanted
        ]
        return score_classes(self._sessions, batches, self.progress(text, "text"))

    def _listed(
        self, wanted: list[str], probabilities: list[np.ndarray], labels: np.ndarray | None = None
    ) -> Classified:
        first = probabilities[0].argmax(-1)
        rows = np.arange(len(wanted))
        chosen = [own.argmax(-1) for own in probabilities]
        listed = tuple(
            ClassifiedText(
                text=_shortened(text),
                label=None if labels is None else int(labels[row]),
                classes=tuple(int(own[row]) for own in chosen),
                probabilities=tuple(round(float(own[row].max()), 6) for own in probabilities),
                before=tuple(round(float(own[row, first[row]]), 6) for own in probabilities),
            )
            for row, text in zip(rows, wanted, strict=True)
        )
        return Classified(names=class_names(self.opened[0].place.folder, probabilities[0].shape[-1]), texts=listed)


def class_names(folder: Path, count: int) -> tuple[str, ...]:
    """What the checkpoint's config.json calls its `count` classes; numbers where it does not say."""
    try:
        named = read_config(folder).get("id2label") or {}
    except (OSError, UserError):
        named = {}
    return tuple(str(named.get(str(number), f"class {number}")) for number in range(count))


def _titled(name: str) -> str:
    return name if name != texts.BUILT_IN_FILE else "the built-in text"


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST else text[:_LONGEST].rsplit(" ", 1)[0] + " …"
