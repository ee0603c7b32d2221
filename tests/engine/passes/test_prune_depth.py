"""The depth pruning pass: which layers go, and that what stays still loads."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from engine.blocks.names import find_blocks
from engine.calibration.windows import sample
from engine.checkpoint.inspect import inspect
from engine.checkpoint.load import load_model
from engine.checkpoint.reader import Reader
from engine.passes.base import PassContext
from engine.passes.prune_depth.left_out import losses
from engine.passes.prune_depth.maths import Influence, least, least_stretch
from engine.passes.prune_depth.run import turns
from engine.passes.prune_depth.spec import SPEC, PruneDepthOptions, named_layers, shorter_config
from engine.protocol.errors import Cancelled
from tests.helpers.checkpoints import tiny_llama as make_llama
from tests.helpers.checkpoints import tokenizer
from tests.helpers.exported import decoder
from tests.helpers.passes import no_step, run_pass

IDS = torch.arange(3, 40)[None]


def _quiet(folder: Path, *layers: int) -> Path:
    """Let `layers` add nothing to the hidden state."""
    tensors = load_file(folder / "model.safetensors")
    for layer in layers:
        for name in ("self_attn.o_proj", "mlp.down_proj"):
            tensors[f"model.layers.{layer}.{name}.weight"] *= 0
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


@pytest.mark.parametrize("judge", ["influence", "perplexity", "stretch"])
def test_layers_that_do_nothing_are_found_and_dropped_without_loss(tmp_path: Path, judge: str) -> None:
    quiet = (2, 3) if judge == "stretch" else (2, 4)
    source = _quiet(make_llama(tmp_path / "source", hidden=64, layers=6, spread=0.3), *quiet)
    facts = run_pass("prune_depth", source, tmp_path / "p", layers=2, samples=4, tokens=32, judge=judge)
    assert facts["layers dropped"] == f"{quiet[0]}, {quiet[1]}"
    assert facts["layers left"] == 4
    short = AutoModelForCausalLM.from_pretrained(tmp_path / "p")
    assert short.config.num_hidden_layers == 4
    torch.testing.assert_close(short(IDS).logits, load_model(source)(IDS).logits)


def test_named_layers_need_no_measuring(tiny_llama: Path, tmp_path: Path) -> None:
    run_pass("prune_depth", tiny_llama, tmp_path / "p", named="0, 2", text="/nowhere")
    before, after = Reader(tiny_llama), Reader(tmp_path / "p")
    name = "model.layers.{}.mlp.up_proj.weight"
    assert torch.equal(after.tensor(name.format(0)), before.tensor(name.format(1)))
    assert name.format(1) not in after


def test_an_encoder_and_a_gpt2_are_shortened_too(tiny_bert: Path, tmp_path: Path) -> None:
    from transformers import GPT2Config, GPT2LMHeadModel

    run_pass("prune_depth", tiny_bert, tmp_path / "b", layers=1, keep_last=0, samples=2, tokens=16)
    assert len(load_model(tmp_path / "b").encoder.layer) == 1
    config = GPT2Config(vocab_size=512, n_embd=24, n_layer=4, n_head=2, n_positions=64, bos_token_id=0, eos_token_id=1)
    GPT2LMHeadModel(config).save_pretrained(tmp_path / "gpt2")
    tokenizer(tmp_path / "gpt2")
    run_pass("prune_depth", tmp_path / "gpt2", tmp_path / "g", layers=2, samples=2, tokens=16)
    assert len(load_model(tmp_path / "g").transformer.h) == 2


def test_attention_kinds_move_with_their_layers(tmp_path: Path) -> None:
    from transformers import Qwen2Config, Qwen2ForCausalLM

    config = Qwen2Config(
        vocab_size=512, hidden_size=32, intermediate_size=64, num_hidden_layers=4, num_attention_heads=2,
        num_key_value_heads=2, max_position_embeddings=64, use_sliding_window=True, sliding_window=8,
        max_window_layers=2, bos_token_id=0, eos_token_id=1,
    )  # fmt: skip
    Qwen2ForCausalLM(config).save_pretrained(tmp_path / "qwen")
    tokenizer(tmp_path / "qwen")
    kinds = config.layer_types
    run_pass("prune_depth", tmp_path / "qwen", tmp_path / "p", named="1")
    assert load_model(tmp_path / "p").config.layer_types == [kinds[0], kinds[2], kinds[3]]
    measured = run_pass("prune_depth", tmp_path / "qwen", tmp_path / "m", layers=1, samples=2, tokens=24)
    assert measured["layers dropped"] in ("1", "2")


def test_the_same_seed_finds_the_same_layers(tiny_llama: Path, tmp_path: Path) -> None:
    facts = [
        run_pass("prune_depth", tiny_llama, tmp_path / turn, layers=1, samples=2, tokens=16, seed=3) for turn in "ab"
    ]
    assert facts[0] == facts[1]
    one, two = ((tmp_path / turn / "model.safetensors").read_bytes() for turn in "ab")
    assert one == two


def test_influence_is_zero_for_a_layer_that_only_scales() -> None:
    influence = Influence()
    hidden = torch.randn(2, 5, 16)
    influence.add(hidden, hidden * 3)
    assert influence.value == pytest.approx(0, abs=1e-9)
    influence.add(hidden, -hidden)
    assert influence.value == pytest.approx(1)


def test_the_ends_are_protected() -> None:
    assert least([0.0, 0.5, 0.2, 0.3, 0.0], 2, 1, 1) == (2, 3)
    assert least([0.1, 0.1, 0.1], 1, 0, 0) == (2,)


def test_numbers_of_layers_are_read() -> None:
    assert named_layers("20, 21; 25-27 3") == (3, 20, 21, 25, 26, 27)
    assert named_layers("") == ()


def test_lists_with_an_entry_a_layer_are_shortened() -> None:
    config = {"num_hidden_layers": 3, "layer_types": ["a", "b", "c"], "architectures": ["X"], "max_window_layers": 2}
    expected = {"num_hidden_layers": 2, "layer_types": ["a", "c"], "architectures": ["X"], "max_window_layers": 1}
    assert shorter_config(config, [1]) == expected
    assert shorter_config({"text_config": config}, [1]) == {"text_config": expected}


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"layers": 2}, "of 3 layers cannot be dropped: 1 may go"),
        ({"named": "7"}, "no layer 7"),
        ({"named": "x"}, "not a list"),
        ({"named": "0-2"}, "one must stay"),
    ],
)
def test_what_would_leave_no_model_is_refused(tiny_llama: Path, options: dict[str, object], text: str) -> None:
    found = list(SPEC.check(inspect(tiny_llama), PruneDepthOptions(**options), 0))
    assert found[0].severity == "stop"
    assert text in found[0].text
    assert found[0].fix is not None or "stay" in text


def test_measuring_can_be_cancelled(tiny_llama: Path, tmp_path: Path) -> None:
    def step(done: float, total: float, text: str) -> None:
        if "layers.1" in text:
            raise Cancelled

    with pytest.raises(Cancelled):
        run_pass("prune_depth", tiny_llama, tmp_path / "p", step=step, layers=1, samples=2, tokens=16)


@pytest.mark.parametrize("kind", ["LlamaForCausalLM", "GPT2LMHeadModel", "OPTForCausalLM", "GPTNeoXForCausalLM"])
def test_the_loss_without_a_layer_is_that_of_a_model_that_lacks_it(tmp_path: Path, kind: str) -> None:
    source = (
        make_llama(tmp_path / "s", hidden=64, layers=4, spread=0.3)
        if kind.startswith("Llama")
        else decoder(tmp_path / "s", kind)
    )
    ids = torch.randint(3, 300, (3, 24), generator=torch.Generator().manual_seed(0))
    whole, found = losses(source, ids, no_step)

    def expected(*dropped: int) -> float:
        model = AutoModelForCausalLM.from_pretrained(source)
        blocks = find_blocks(model)
        layers = model.get_submodule(next(iter(blocks)).rpartition(".")[0])
        for layer in dropped:
            del layers[layer]
        with torch.no_grad():
            return float(model(ids, labels=ids, use_cache=False).loss)

    assert whole == pytest.approx(expected(), rel=1e-5)
    assert list(found.values()) == pytest.approx([expected(layer) for layer in range(len(found))], rel=1e-5)


def test_a_stretch_is_judged_by_the_angle_over_it(tmp_path: Path) -> None:
    source = make_llama(tmp_path / "s", hidden=64, layers=5, spread=0.3)
    options = PruneDepthOptions(judge="stretch", layers=2, samples=3, tokens=24)
    info = inspect(source)
    step, notice = no_step, print
    context = PassContext(step, notice, source, tmp_path, info, options)
    found = turns(context, 2)
    with torch.no_grad():
        ids = sample(source, info, options)
        states = AutoModelForCausalLM.from_pretrained(source)(ids, output_hidden_states=True).hidden_states
    for first in range(3):  # behind the last layer the model gives its state only after a norm
        cosine = torch.cosine_similarity(states[first].double(), states[first + 2].double(), dim=-1)
        assert found[first] == pytest.approx(float(cosine.arccos().mean()) / torch.pi, rel=1e-4)
    assert len(found) == 4


def test_a_stretch_lies_between_the_protected_ends() -> None:
    assert least_stretch([0.0, 0.3, 0.2, 0.4, 0.0], 2, 1, 1) == (2, 3)
    assert least_stretch([0.1, 0.1, 0.1], 1, 0, 0) == (2,)


def test_what_writes_no_text_is_not_judged_by_perplexity(tiny_bert: Path) -> None:
    options = PruneDepthOptions(judge="perplexity", layers=1)
    (problem,) = SPEC.check(inspect(tiny_bert), options, 0)
    assert problem.fix is not None
    assert "has a perplexity" in problem.text
