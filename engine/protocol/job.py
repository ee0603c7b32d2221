"""What the engine can be asked to do. Window, command line, ssh and Ray send these same messages."""

from __future__ import annotations

import uuid
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from engine.compare.evidence import Pair, Question
from engine.recipe.recipe import Recipe


class _Job(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(default_factory=lambda: uuid.uuid4().hex[:12])


class Sampling(BaseModel):
    """How the next token is chosen. Temperature 0 is greedy."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    temperature: float = Field(0.0, ge=0.0, le=5.0)
    top_k: int = Field(0, ge=0, description="0 keeps every token")
    top_p: float = Field(1.0, gt=0.0, le=1.0)
    seed: int = 0


class SampleJob(_Job):
    """Fetch or make the sample checkpoint. Result: {"path"}."""

    kind: Literal["sample"] = "sample"


class InspectJob(_Job):
    """Read a checkpoint's headers. Result: CheckpointInfo as JSON."""

    kind: Literal["inspect"] = "inspect"
    checkpoint: str


class ImportJob(_Job):
    """Turn a GGUF file, LoRA folder or pickle checkpoint into a plain folder. Result: {"path", "notices"}."""

    kind: Literal["import"] = "import"
    source: str
    convert_pickle: bool = False


class HubSearchJob(_Job):
    """Search the model hub. Result: {"models": [{"id", "downloads", "likes", "task", "bytes"}]}."""

    kind: Literal["hub_search"] = "hub_search"
    words: str
    limit: int = 20


class HubDownloadJob(_Job):
    """Download a model from the hub, with progress in bytes. Result: {"path"}."""

    kind: Literal["hub_download"] = "hub_download"
    repo: str
    revision: str | None = None


class RunJob(_Job):
    """Run a recipe on a checkpoint. Result: {"run", "artefact", "stages"}."""

    kind: Literal["run"] = "run"
    checkpoint: str
    recipe: Recipe
    out: str | None = None
    trust_remote_code: bool = False


Count = Annotated[int, Field(ge=1, le=1_000_000)]


class Grid(BaseModel):
    """Shapes of requests to time: every prompt length with every number of new tokens and of texts at once."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    prompt_tokens: tuple[Count, ...] = Field(min_length=1, max_length=8)
    new_tokens: tuple[Count, ...] = Field(min_length=1, max_length=8)
    batch: tuple[Count, ...] = Field((1,), min_length=1, max_length=4)


class CompareJob(_Job):
    """Measure candidates against the first one, interleaved. Result: engine.compare.table.Comparison as JSON.

    Attributes:
        candidates: checkpoint folders or run ids; the first is the reference.
        prompts: what every candidate answers; empty takes the built-in prompts.
        text: path of the text for perplexity, KL and agreement; None takes the built-in text.
        second_text: path of a text of another kind, on which quality is measured as well; "built-in" takes Hasten's.
        questions: the user's own questions with expected answers, for decoders.
        pairs: the user's own source texts with references, for decoders.
        pair_tokens: tokens of an answer to a source text, at most.
        harness: tasks of the lm-evaluation-harness, for decoders: names or task files.
        harness_limit: the first so many documents of each task; None asks all.
        dataset: for encoders, a sentence-pair CSV (STS-B columns) to correlate with; for classifiers texts with class
            numbers; for taggers words with tags (CoNLL or JSONL). None skips it.
        tag_column: where a tagger's data set has its tags: a column's number from 1, or a field's name.
        rounds: interleaved timing rounds; None goes on until the result is sure enough or the time is used up.
        seconds: time for the rounds, where their number is not given.
        pause: wait between rounds while other programs take much of the processors; at most half of `seconds` in all.
        prompt_tokens, new_tokens: shape of a timing round.
        grid: shapes of requests to time as well; None times none.
        price_per_hour: what an hour of the machine costs; None takes the settings' price.
        time_prompts: rounds answer `prompts` in turn, through the chat template, instead of stretches of text of
            `prompt_tokens`.
        clients: measure as well how so many requests at once are answered; None does not.
        deadline_seconds: 99 of 100 answers should begin (of encoders: be there) within this time; None has no deadline.
    """

    kind: Literal["compare"] = "compare"
    candidates: tuple[str, ...] = Field(min_length=1)
    prompts: tuple[str, ...] = ()
    text: str | None = None
    second_text: str | None = None
    questions: tuple[Question, ...] = ()
    pairs: tuple[Pair, ...] = ()
    pair_tokens: int = Field(256, ge=1)
    harness: tuple[str, ...] = ()
    harness_limit: int | None = Field(None, ge=1)
    dataset: str | None = None
    tag_column: str | None = None
    rounds: int | None = Field(None, ge=3, le=1000)
    seconds: float = Field(60.0, ge=1.0, le=86400.0)
    pause: bool = True
    prompt_tokens: int = Field(128, ge=1)
    new_tokens: int = Field(64, ge=2)
    time_prompts: bool = False
    clients: int | None = Field(None, ge=1, le=256)
    deadline_seconds: float | None = Field(None, gt=0.0)
    grid: Grid | None = None
    price_per_hour: float | None = Field(None, ge=0.0)
    quality: bool = True
    memory: bool = True
    threads: int | None = None


class ChatJob(_Job):
    """Let every candidate answer the same conversation, their tokens interleaved. Result: {"answers": [...]}.

    `histories` holds one conversation per candidate: a list of {"role", "content"} messages.
    """

    kind: Literal["chat"] = "chat"
    candidates: tuple[str, ...] = Field(min_length=1)
    histories: tuple[tuple[dict[str, str], ...], ...]
    max_new_tokens: int = Field(128, ge=1)
    sampling: Sampling = Sampling()


class ProfileJob(_Job):
    """Measure time, count FLOPs and bytes per block of an unchanged model. Result: engine.bench.profile.Profile."""

    kind: Literal["profile"] = "profile"
    checkpoint: str
    prompt_tokens: int = 128
    threads: int | None = None


class ModulesJob(_Job):
    """Time models part by part under their runtimes' profilers. Result: engine.compare.module_times.ModuleProfile.

    Attributes:
        candidates: checkpoint folders or run ids.
        prompt_tokens: length of the prompt.
        passes: how often each kind of work is timed, with the profiler and without.
    """

    kind: Literal["modules"] = "modules"
    candidates: tuple[str, ...] = Field(min_length=1, max_length=8)
    prompt_tokens: int = Field(128, ge=1)
    passes: int = Field(24, ge=8, le=200)
    threads: int | None = None


class TokenJob(_Job):
    """Show where the error of one token of an answer grew. Result: engine.compare.token_trace.TokenTrace as JSON.

    Attributes:
        history: the conversation up to the answer: {"role", "content"} messages.
        answer: ids of the answer's tokens, up to the one in question at least; empty lets the run's model answer.
        place: the token's place in the answer, from 0.
    """

    kind: Literal["token"] = "token"
    run: str
    history: tuple[dict[str, str], ...]
    answer: tuple[int, ...] = ()
    place: int = Field(0, ge=0)
    threads: int | None = None


class GraphJob(_Job):
    """Read a run's compiled graph node by node. Result: engine.compare.compiled.CompiledGraph as JSON."""

    kind: Literal["graph"] = "graph"
    run: str


class TuneMachineJob(_Job):
    """Measure which threads, cores and memory pages decode fastest here, and remember what is proven.

    Result: engine.parallel.tuning.MachineTuning as JSON.

    Attributes:
        runtimes: names of the runtime catalogue; empty takes all usable ones that open quickly.
        checkpoint: a decoder's folder to measure with; None takes the sample model, or a random one without it.
        rounds: interleaved rounds of every race.
    """

    kind: Literal["tune_machine"] = "tune_machine"
    runtimes: tuple[str, ...] = ()
    checkpoint: str | None = None
    rounds: int = Field(7, ge=3, le=1000)
    new_tokens: int = Field(32, ge=4, le=1024)


class ExplainJob(_Job):
    """Find out which pass of a run and which layer its difference to the original comes from.

    Result: engine.compare.explanation.Explanation as JSON, kept beside the run.

    Attributes:
        run: a run's id.
        text: path of the text to measure on; None takes the built-in text.
        windows: how many windows of 256 tokens (of an encoder: eight texts for each) of it are used.
        layers: restore each layer alone.
        speed: build every stage for the run's runtime and time them in turn, `rounds` rounds.
        new_tokens: tokens of a timing round's answer.
    """

    kind: Literal["explain"] = "explain"
    run: str
    text: str | None = None
    windows: int = Field(8, ge=1, le=128)
    layers: bool = True
    speed: bool = False
    rounds: int = Field(5, ge=3, le=1000)
    new_tokens: int = Field(32, ge=2)
    threads: int | None = None


class ExportJob(_Job):
    """Write a run in a format of the export catalogue. Result: {"path", "files", "verified"}."""

    kind: Literal["export"] = "export"
    run: str
    format: str
    out: str


AnyJob = Annotated[
    SampleJob | InspectJob | ImportJob | HubSearchJob | HubDownloadJob | RunJob
    | CompareJob | ChatJob | ProfileJob | ModulesJob | GraphJob | TokenJob | TuneMachineJob | ExplainJob | ExportJob,
    Field(discriminator="kind"),
]  # fmt: skip
