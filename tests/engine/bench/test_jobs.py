from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from engine.bench.load import EACH
from engine.bench.profile import Profile
from engine.bench.runner import REQUESTS_PER_ROUND
from engine.bench.statistics import over_rounds
from engine.compare.table import ChatAnswers, Comparison
from engine.jobs import chat, compare, profile
from engine.protocol.errors import Cancelled, UserError
from engine.protocol.events import Event, Log, Measured, Progress, Token
from engine.protocol.job import ChatJob, CompareJob, ProfileJob, Sampling
from engine.protocol.measurement import Measurement
from engine.recipe.recipe import Target
from engine.runtimes.base import Artefact
from engine.text.tokenizer import load_tokenizer
from tests.engine.bench.jobs import context_with
from tests.helpers import checkpoints
from tests.helpers.onnx_runtime import build
from tests.helpers.passes import run_pass

pytestmark = pytest.mark.usefixtures("short_rounds")


@pytest.fixture(scope="module")
def other_llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Same tokenizer as tiny_llama, other weights, half the layers."""
    return checkpoints.tiny_llama(tmp_path_factory.mktemp("other"), layers=2, seed=1)


@pytest.fixture
def short_text(tmp_path: Path) -> Path:
    (tmp_path / "text.txt").write_text(checkpoints.TEXT[:1500])
    return tmp_path / "text.txt"


def test_compare_answers_measures_and_judges(tiny_llama: Path, other_llama: Path, short_text: Path) -> None:
    events: list[Event] = []
    job = CompareJob(
        candidates=(str(tiny_llama), str(other_llama), str(tiny_llama)), prompts=("Once upon", "One day"),
        text=str(short_text), rounds=3, prompt_tokens=16, new_tokens=6, memory=False, threads=1,
    )  # fmt: skip
    found = Comparison.model_validate(compare.handle(job, context_with(events)))

    first, second, third = found.candidates
    assert len({first.name, second.name, third.name}) == 3
    assert (first.verdict, second.speedup is not None) == (None, True)
    assert found.verdict == second.verdict
    assert [len(candidate.answers) for candidate in found.candidates] == [2, 2, 2]
    for name in ("decode_tokens_per_second", "ttft_seconds", "perplexity", "weight_bytes"):
        assert all(candidate.measured(name) for candidate in found.candidates), name
    assert first.measured("kl_divergence_nats") is None
    other_kl, own_kl = second.measured("kl_divergence_nats"), third.measured("kl_divergence_nats")
    assert other_kl is not None
    assert other_kl.value > 0.01
    assert own_kl is not None
    assert own_kl.value == pytest.approx(0.0, abs=1e-9)
    assert [(d.prompt, d.candidate, d.same) for d in found.diffs if d.candidate == 2] == [(0, 2, True), (1, 2, True)]
    assert "same size" in third.verdict_text
    assert found.conditions["new_tokens"] == 6

    tokens = [event for event in events if isinstance(event, Token)]
    assert [t.candidate for t in tokens[:6]] == [0, 1, 2, 0, 1, 2]  # one of each in turn
    assert all(t.probability is not None and t.job == "job" for t in tokens)
    assert "".join(t.text for t in tokens if (t.candidate, t.prompt) == (1, 0)) == second.answers[0].text
    measured = [event for event in events if isinstance(event, Measured)]
    assert any(not event.final for event in measured)
    final = {(event.candidate, event.measurement.name) for event in measured if event.final}
    assert {(0, "perplexity"), (1, "top1_agreement"), (2, "ttft_seconds")} <= final


def test_candidates_built_for_several_copies_are_timed_as_such(
    tiny_llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    two = Target(replicas=2, threads=1)
    shutil.copytree(tiny_llama, tmp_path / "two")
    manifest = Artefact(runtime="transformers", task="text-generation", target=two, weight_bytes=1, files=())
    (tmp_path / "two" / "hasten.json").write_text(manifest.model_dump_json())

    def rate(folder: Path, target: Target, *args: object, **options: object) -> Measurement:
        conditions = {"replicas": target.replicas}
        return over_rounds("requests_per_second", [10.0 * target.replicas] * 3, conditions)

    monkeypatch.setattr("engine.bench.observe_apart.measure_replicas", rate)
    job = CompareJob(
        candidates=(str(tiny_llama), str(tmp_path / "two")), prompts=("Once",), rounds=3, prompt_tokens=8,
        new_tokens=4, quality=False, memory=False,
    )  # fmt: skip
    found = Comparison.model_validate(compare.handle(job, context_with([])))
    rates = [candidate.measured("requests_per_second") for candidate in found.candidates]
    assert [m and (m.value, m.conditions["replicas"]) for m in rates] == [(10.0, 1), (20.0, 2)]
    assert "×2.0 the requests/s with 2 copies" in found.verdict_text


def test_rounds_end_by_themselves_and_a_deadline_is_judged_by_every_answer(tiny_llama: Path) -> None:
    job = CompareJob(
        candidates=(str(tiny_llama),) * 2, prompts=("Once",), seconds=1.0, prompt_tokens=8, new_tokens=4,
        deadline_seconds=30.0, quality=False, memory=False, threads=1,
    )  # fmt: skip
    found = Comparison.model_validate(compare.handle(job, context_with([])))
    rounds = found.conditions["rounds"]
    assert isinstance(rounds, int)
    assert 8 <= rounds <= 256
    assert found.conditions["rounds_ended"] in ("the result was sure enough", "the time was used up")
    speed = found.candidates[1].speedup
    assert speed is not None
    assert (speed.rounds, speed.confidence) == (rounds, 0.99)
    deadline = found.candidates[1].deadline
    assert deadline is not None
    assert deadline.met
    assert deadline.answers >= rounds
    assert "deadline of 30 s met" in found.verdict_text


def test_requests_at_once_wait_for_their_turn_and_read_the_users_prompts(tiny_llama: Path, tiny_bert: Path) -> None:
    asked = {
        "prompts": ("Once", "Once upon a time there was"), "time_prompts": True, "clients": 2, "rounds": 3,
        "new_tokens": 3, "quality": False, "memory": False, "threads": 1,
    }  # fmt: skip
    job = CompareJob(candidates=(str(tiny_llama),) * 2, deadline_seconds=1e-6, **asked)  # type: ignore[arg-type]
    found = Comparison.model_validate(compare.handle(job, context_with([])))
    lengths = str(found.conditions["prompt_tokens"]).split("–")
    assert len(lengths) == 2
    for candidate in found.candidates:
        alone, typical, rate = (
            candidate.measured(name)
            for name in ("ttft_seconds", "load_response_p50_seconds", "load_requests_per_second")
        )
        assert alone
        assert typical
        assert rate
        assert typical.value > alone.value  # a whole answer comes before it
        assert (typical.samples, rate.samples) == (3 * 2 * EACH, 3)
        assert typical.conditions["clients"] == 2
        assert typical.conditions["text"] == "2 prompts"
        assert candidate.load_deadline
        assert (candidate.load_deadline.met, candidate.load_deadline.clients) == (False, 2)
        assert candidate.measured("load_inter_token_latency_seconds")
    assert "the requests/s with 2 at once" in found.verdict_text
    assert "missed, 2 at once" in found.verdict_text

    job = CompareJob(candidates=(str(tiny_bert),) * 2, deadline_seconds=30.0, **asked)  # type: ignore[arg-type]
    found = Comparison.model_validate(compare.handle(job, context_with([])))
    encoder = found.candidates[1]
    assert encoder.deadline
    assert (encoder.deadline.met, encoder.deadline.answers) == (True, 3 * REQUESTS_PER_ROUND)
    assert "answers came in time" in found.verdict_text
    assert encoder.measured("load_response_p99_seconds")
    assert encoder.measured("load_inter_token_latency_seconds") is None


def test_the_timing_pauses_while_other_programs_are_busy(tiny_llama: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.bench.pausing.BUSY_PERCENT", -1.0)
    monkeypatch.setattr("engine.bench.pausing.INTERVAL", 0.001)
    events: list[Event] = []
    job = CompareJob(
        candidates=(str(tiny_llama),) * 2, prompts=("Once",), rounds=3, prompt_tokens=8, new_tokens=4,
        quality=False, memory=False, threads=1,
    )  # fmt: skip
    found = Comparison.model_validate(compare.handle(job, context_with(events)))
    assert float(str(found.conditions["paused_seconds"])) >= 0
    told = [event.text for event in events if isinstance(event, Log | Progress)]
    assert any("Paused while other programs use" in text for text in told)
    assert any("The timing goes on" in text for text in told)
    events.clear()
    without = job.model_copy(update={"pause": False})
    assert "paused_seconds" not in compare.handle(without, context_with(events))["conditions"]


def test_a_single_candidate_is_described_not_judged(tiny_llama: Path) -> None:
    job = CompareJob(
        candidates=(str(tiny_llama),), prompts=("Once",), rounds=3, prompt_tokens=8, new_tokens=4,
        quality=False, memory=False, threads=1,
    )  # fmt: skip
    found = Comparison.model_validate(compare.handle(job, context_with([])))
    assert found.verdict == "not_proven"
    assert "tokens/s" in found.verdict_text
    assert found.diffs == ()


def test_an_encoder_is_compared_by_its_embeddings(tiny_bert: Path, tmp_path: Path) -> None:
    (tmp_path / "pairs.csv").write_text("".join(f"A model number {i}.,The people {i}.,{i % 5}\n" for i in range(12)))
    job = CompareJob(
        candidates=(str(tiny_bert), str(tiny_bert)), dataset=str(tmp_path / "pairs.csv"), rounds=3, prompt_tokens=16,
        memory=False, threads=1,
    )  # fmt: skip
    found = Comparison.model_validate(compare.handle(job, context_with([])))
    reference, candidate = found.candidates
    assert candidate.answers == ()
    assert reference.measured("request_seconds") is not None
    assert reference.measured("cosine_agreement") is None
    cosine = candidate.measured("cosine_agreement")
    assert cosine is not None
    assert cosine.value == pytest.approx(1.0)
    spearman = candidate.measured("spearman")
    assert spearman is not None
    assert spearman.samples == 12
    assert spearman.value == reference.measured("spearman").value  # type: ignore[union-attr]


def test_encoder_decoders_are_compared_on_the_originals_own_answers(tmp_path: Path, short_text: Path) -> None:
    source, other = (checkpoints.tiny_text2text(tmp_path / f"t5-{seed}", seed=seed) for seed in (0, 1))
    built = build(source, tmp_path)
    job = CompareJob(
        candidates=(str(source), str(built), str(other)), prompts=("Once upon", "One day"), text=str(short_text),
        rounds=3, prompt_tokens=16, new_tokens=6, threads=1, memory=False,
    )  # fmt: skip
    found = Comparison.model_validate(compare.handle(job, context_with([])))
    own, same, else_ = found.candidates
    assert [len(candidate.answers) for candidate in found.candidates] == [2, 2, 2]
    assert same.answers[0].text == own.answers[0].text
    for name in ("decode_tokens_per_second", "ttft_seconds", "perplexity", "weight_bytes"):
        assert all(candidate.measured(name) for candidate in found.candidates), name
    near, far = same.measured("kl_divergence_nats"), else_.measured("kl_divergence_nats")
    assert near is not None
    assert far is not None
    assert near.value < 1e-6 < 0.01 < far.value
    assert near.conditions["answers"] == "the first candidate's own, greedy"
    assert any("first model's own answers" in notice for notice in found.notices)


def test_an_encoder_decoder_answers_each_message_by_itself(tmp_path: Path) -> None:
    source = str(checkpoints.tiny_text2text(tmp_path / "t5"))
    talk = [{"role": "user", "content": "Once"}, {"role": "assistant", "content": "x"}]
    last = {"role": "user", "content": "One day somebody measured"}
    texts = []
    events: list[Event] = []
    for history in ((last,), (*talk, last)):
        context = context_with(events)
        job = ChatJob(candidates=(source,), histories=(history,), max_new_tokens=5)
        texts.append(ChatAnswers.model_validate(chat.handle(job, context)).answers[0].text)
        context.sessions.clear()
    assert texts[0] == texts[1] != ""
    assert sum("by itself" in event.text for event in events if isinstance(event, Log)) == 1


def test_other_tokenizers_leave_quality_out_and_say_so(tiny_llama: Path, other_llama: Path, tmp_path: Path) -> None:
    shutil.copytree(other_llama, tmp_path / "model")
    for name in ("tokenizer.json", "tokenizer_config.json"):
        file = tmp_path / "model" / name
        file.write_text(file.read_text().replace("<pad>", "<other>"))
    events: list[Event] = []
    job = CompareJob(
        candidates=(str(tiny_llama), str(tmp_path / "model")), prompts=("Once",), rounds=3, prompt_tokens=8,
        new_tokens=4, memory=False, threads=1,
    )  # fmt: skip
    found = Comparison.model_validate(compare.handle(job, context_with(events)))
    assert found.candidates[1].measured("perplexity") is None
    assert found.candidates[1].measured("decode_tokens_per_second") is not None
    assert any("different tokenizers" in notice for notice in found.notices)
    assert any(isinstance(event, Log) and "different tokenizers" in event.text for event in events)


def test_fewer_tokens_are_compared_on_those_that_both_have(tiny_llama: Path, tiny_bert: Path, tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text(checkpoints.TEXT[:2500] + "Zebras quarrel loudly. " + checkpoints.TEXT[:200])
    for number, source in enumerate((tiny_llama, tiny_bert)):
        small = tmp_path / str(number)
        run_pass("prune_vocabulary", source, small, size=384, text=str(tmp_path / "text.txt"), least=3)
        job = CompareJob(
            candidates=(str(small), str(source)), prompts=("Once",), rounds=3, prompt_tokens=8, new_tokens=4,
            memory=False, threads=1, text=str(tmp_path / "text.txt"),
        )  # fmt: skip
        found = Comparison.model_validate(compare.handle(job, context_with([])))
        other = found.candidates[1]
        if number == 0:
            kl, perplexity = other.measured("kl_divergence_nats"), other.measured("perplexity")
            assert kl is not None
            assert kl.value == pytest.approx(0, abs=1e-6)
            assert kl.samples > 256
            assert kl.conditions["shared_tokens"] == len(load_tokenizer(small))
            first = found.candidates[0].measured("perplexity")
            assert first is not None
            assert perplexity is not None
            assert first.value == pytest.approx(perplexity.value, rel=1e-5)
            assert any("every probability is one among the" in notice for notice in found.notices)
        else:
            cosine = other.measured("cosine_agreement")
            assert cosine is not None
            assert cosine.value > 0.5


def test_candidates_of_different_tasks_are_refused(tiny_llama: Path, tiny_bert: Path) -> None:
    with pytest.raises(UserError, match="different tasks"):
        compare.handle(CompareJob(candidates=(str(tiny_llama), str(tiny_bert))), context_with([]))


@pytest.mark.parametrize("after", [0, 3, 40, 90])
def test_cancel_is_noticed_at_every_part(tiny_llama: Path, after: int) -> None:
    asked = iter(range(10**9))
    context = context_with([], cancelled=lambda: next(asked) >= after)
    job = CompareJob(
        candidates=(str(tiny_llama),), prompts=("Once",), rounds=3, new_tokens=16, prompt_tokens=8, threads=1
    )
    with pytest.raises(Cancelled):
        compare.handle(job, context)


def test_memory_is_measured_in_a_fresh_process(tiny_llama: Path) -> None:
    job = CompareJob(
        candidates=(str(tiny_llama),),
        prompts=("Once",),
        rounds=3,
        prompt_tokens=8,
        new_tokens=4,
        quality=False,
        threads=1,
    )
    found = Comparison.model_validate(compare.handle(job, context_with([])))
    peak = found.candidates[0].measured("peak_rss_bytes")
    assert peak is not None
    assert 50 << 20 < peak.value < 4 << 30
    seconds, held = zip(*found.candidates[0].memory, strict=True)
    assert list(seconds) == sorted(seconds)
    assert held[0] < max(held) <= 1.01 * peak.value


def test_a_failed_memory_probe_leaves_the_rest(tiny_llama: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(*args: object, **options: object) -> None:
        raise UserError("The system ended the process.", "Close other programs.", code="not_enough_memory")

    monkeypatch.setattr("engine.bench.observe_apart.probe", killed)
    job = CompareJob(
        candidates=(str(tiny_llama),),
        prompts=("Once",),
        rounds=3,
        prompt_tokens=8,
        new_tokens=4,
        quality=False,
        threads=1,
    )
    found = Comparison.model_validate(compare.handle(job, context_with([])))
    assert found.candidates[0].measured("decode_tokens_per_second") is not None
    assert found.candidates[0].measured("peak_rss_bytes") is None
    assert found.notices[-1].endswith("could not be measured: The system ended the process.")


def test_an_answer_cut_by_the_context_is_told(tiny_llama: Path) -> None:
    events: list[Event] = []
    words = checkpoints.TEXT.split()
    tokenizer = load_tokenizer(tiny_llama)
    text = next(t for n in range(len(words)) if len(tokenizer(t := " ".join(words[:n])).input_ids) > 250)
    history = ({"role": "user", "content": text},)
    job = ChatJob(candidates=(str(tiny_llama),), histories=(history,), max_new_tokens=64)
    found = ChatAnswers.model_validate(chat.handle(job, context_with(events)))
    assert len(found.answers[0].tokens) < 6
    assert any(isinstance(event, Log) and "fills the 256 tokens" in event.text for event in events)


def test_chat_keeps_models_open_and_answers_in_turn(tiny_llama: Path, other_llama: Path) -> None:
    events: list[Event] = []
    context = context_with(events)
    history = ({"role": "user", "content": "Once upon a time"},)
    job = ChatJob(
        candidates=(str(tiny_llama), str(other_llama)), histories=(history, history), max_new_tokens=5,
        sampling=Sampling(temperature=0.8, seed=3),
    )  # fmt: skip
    found = ChatAnswers.model_validate(chat.handle(job, context))
    assert [len(answer.tokens) <= 5 for answer in found.answers] == [True, True]
    assert len(found.diffs) == 1
    assert len(found.diffs[0].candidate_views) == len(found.answers[1].tokens)
    opened = sum(isinstance(event, Token) for event in events)
    again = ChatAnswers.model_validate(chat.handle(job, context))
    assert [a.text for a in again.answers] == [a.text for a in found.answers]  # same seed, same words
    assert sum(isinstance(event, Token) for event in events) == 2 * opened
    opening = [event for event in events if getattr(event, "text", "").startswith("Opening")]
    assert len(opening) == 2  # the second message opened nothing
    context.sessions.clear()


def test_a_conversation_that_no_longer_fits_is_refused(tiny_llama: Path, tiny_bert: Path) -> None:
    history = ({"role": "user", "content": checkpoints.TEXT},)
    with pytest.raises(UserError, match="holds 256 at once"):
        chat.handle(ChatJob(candidates=(str(tiny_llama),), histories=(history,)), context_with([]))
    with pytest.raises(UserError, match="does not write text"):
        chat.handle(ChatJob(candidates=(str(tiny_bert),), histories=(history,)), context_with([]))
    with pytest.raises(UserError, match="needs a conversation"):
        chat.handle(ChatJob(candidates=(str(tiny_llama),), histories=()), context_with([]))


def test_profile_of_a_decoder(tiny_llama: Path) -> None:
    found = Profile.model_validate(
        profile.handle(ProfileJob(checkpoint=str(tiny_llama), prompt_tokens=16, threads=1), context_with([]))
    )
    assert [block.kind for block in found.blocks] == ["embedding", "layer", "layer", "layer", "norm", "head"]
    layer, head = found.blocks[1], found.blocks[-1]
    assert [part.kind for part in layer.parts] == ["attention", "mlp"]
    # linear layers of width 256 (keys and values 128) and MLP 512: 2 operations a weight and token
    weights = 2 * 256 * 256 + 2 * 256 * 128 + 3 * 256 * 512
    attention = 2 * 2 * 16 * 16 * 256
    assert layer.prefill.flops == 2 * 16 * weights + attention
    assert layer.weight_bytes == 4 * (weights + 2 * 256)
    assert head.decode is not None
    assert head.decode.flops == 2 * 256 * 512
    assert head.decode.seconds.value > 0
    assert found.decode_seconds is not None
    assert layer.prefill.bytes > layer.weight_bytes


def test_profile_of_an_encoder(tiny_bert: Path) -> None:
    found = Profile.model_validate(
        profile.handle(ProfileJob(checkpoint=str(tiny_bert), prompt_tokens=16, threads=1), context_with([]))
    )
    kinds = [block.kind for block in found.blocks]
    assert kinds[:3] == ["embedding", "layer", "layer"]
    assert found.decode_seconds is None
    assert all(block.decode is None for block in found.blocks)
