"""The explain job in this process: what it finds, what it makes again, what it keeps, what it refuses."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from engine.bench.candidates import find, open_all
from engine.bench.quality import score_text
from engine.bench.texts import Windows, read_text, windows
from engine.compare.explanation import Explanation
from engine.protocol.errors import Cancelled, UserError
from engine.protocol.job import ExplainJob, ExportJob, RunJob, TokenJob
from engine.recipe.recipe import Recipe
from engine.runs import cache
from engine.runs.store import RunStore
from engine.runtimes.open import SILENT
from tests.helpers.jobs import Desk

FOUR = {"bits": 4, "group_size": "row"}
EIGHT = {"bits": 8, "group_size": "row"}
# Five passes of which none does harm, and what makes each of them harmful.
HARMLESS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("prune_magnitude", {"sparsity": 0.5, "include": ["self_attn"]}),
    ("prune_magnitude", {"sparsity": 0.5, "include": ["mlp"]}),
    ("quantize", {**EIGHT, "include": ["q_proj", "k_proj"]}),
    ("quantize", {**EIGHT, "include": ["v_proj", "o_proj"]}),
    ("quantize", {**EIGHT, "include": ["mlp"]}),
)
HARM = ({"sparsity": 40.0}, {"sparsity": 40.0}, {"bits": 4}, {"bits": 4}, {"bits": 4})
# The harm is done in all layers, or in one or two of them alone.
WHERE = ("", "layers.0.", "layers.1.", "layers.4.")


def _run(checkpoint: Path, *passes: tuple[str, dict[str, Any]], desk: Desk | None = None, **target: Any) -> str:
    recipe = Recipe.parse({"passes": [{"pass": n, "options": o} for n, o in passes], "target": target})
    return str((desk or Desk()).run(RunJob(checkpoint=str(checkpoint), recipe=recipe))["run"])


def _explain(run: str, desk: Desk | None = None, **more: Any) -> Explanation:
    return Explanation.model_validate((desk or Desk()).run(ExplainJob(run=run, **{"windows": 2, **more})))


def test_steps_add_up_to_what_a_comparison_measures(stories260k: Path) -> None:
    run = _run(stories260k, ("prune_magnitude", {"sparsity": 10.0}), ("quantize", FOUR))
    found = _explain(run)
    assert [step.name for step in found.steps] == ["prune_magnitude", "quantize", "transformers"]
    assert [step.position for step in found.steps] == [0, 1, None]
    assert found.steps[1].detail == "int4 / row"
    opened = open_all(find([str(stories260k), run], SILENT), None, SILENT)
    cut = windows(opened[0].tokenizer, read_text(None)[0], 512)
    first, second = score_text([one.session for one in opened], Windows(cut.ids[:2], False), lambda *_: None)
    assert second.kl is not None
    assert first.nll is not None
    assert second.nll is not None
    assert found.loss == pytest.approx(float(second.kl.mean()), rel=1e-6)
    change = float(second.nll.mean() - first.nll.mean())
    assert sum(s.perplexity.value for s in found.steps if s.perplexity) == pytest.approx(2.718281828**change - 1)
    assert found.weight_bytes + sum(s.weight_bytes for s in found.steps) == RunStore().get(run).weight_bytes
    assert found.steps[2].loss.value == 0.0  # this runtime computes what the checkpoint says
    assert found.worst_step is not None
    assert found.worst_step.name == "quantize"
    assert [layer.index for layer in found.layers] == list(range(5))
    assert found.layers_loss == pytest.approx(found.loss, rel=1e-3)
    kept = RunStore().explanation(run)
    assert kept is not None
    assert Explanation.model_validate(kept) == found


def test_a_stage_that_is_gone_is_made_again(stories260k: Path) -> None:
    run = _run(stories260k, ("prune_magnitude", {"sparsity": 10.0}), ("quantize", EIGHT))
    before = _explain(run, layers=False)
    assert not before.notices
    for entry in cache.stages().entries():
        cache.stages().delete(entry.key)
    after = _explain(run, layers=False)
    assert after.steps == before.steps
    assert "made again: Prune weights" in after.notices[0]


def test_an_original_that_changed_or_went_is_refused(stories260k: Path, tmp_path: Path) -> None:
    source = tmp_path / "source"
    shutil.copytree(stories260k, source)
    run = _run(source, ("quantize", EIGHT))
    config = (source / "config.json").read_text(encoding="utf-8")
    (source / "config.json").write_text(config + " ", encoding="utf-8")
    with pytest.raises(UserError, match="has changed since"):
        _explain(run)
    shutil.rmtree(source)
    with pytest.raises(UserError, match="no longer there"):
        _explain(run)


@pytest.mark.usefixtures("short_rounds")
def test_speed_is_measured_on_built_stages_and_adds_up(stories260k: Path) -> None:
    run = _run(stories260k, ("prune_depth", {"named": "2"}), ("quantize", EIGHT))
    desk = Desk()
    found = _explain(run, desk, layers=False, speed=True, rounds=3, new_tokens=8)
    assert found.seconds is not None
    assert found.seconds > 0
    assert all(step.seconds is not None and step.seconds.samples == 3 for step in found.steps)
    assert ("Build for Transformers", "done") in desk.stages
    assert len(RunStore().list()) == 1  # stages are no runs
    assert _explain(run, layers=False).seconds is None


def test_it_can_be_stopped(stories260k: Path) -> None:
    run = _run(stories260k, ("quantize", EIGHT))
    desk = Desk(stop=lambda: True)
    with pytest.raises(Cancelled):
        _explain(run, desk)
    assert RunStore().explanation(run) is None


def test_encoders_and_encoder_decoders_have_a_waterfall_too(tiny_bert: Path, tmp_path: Path) -> None:
    from tests.helpers.checkpoints import tiny_text2text

    found = _explain(_run(tiny_bert, ("quantize", EIGHT)), windows=1)
    assert found.measure == "cosine_distance"
    assert found.perplexity is None
    assert found.loss > 0
    assert [layer.index for layer in found.layers] == [0, 1]
    found = _explain(_run(tiny_text2text(tmp_path / "t5"), ("quantize", FOUR)), windows=1)
    assert found.steps[0].loss.value > 0
    assert "encoder-decoder" in found.layers_note
    assert not found.layers


def test_the_report_tells_it(stories260k: Path, tmp_path: Path) -> None:
    run = _run(stories260k, ("quantize", FOUR))
    without, told = tmp_path / "a.html", tmp_path / "b.html"
    Desk().run(ExportJob(run=run, format="report", out=str(without)))
    found = _explain(run)
    Desk().run(ExportJob(run=run, format="report", out=str(told)))
    assert "Where the difference comes from" not in without.read_text(encoding="utf-8")
    text = told.read_text(encoding="utf-8")
    assert "Where the difference comes from" in text
    assert "Quantize (int4 / row)" in text
    assert found.worst_layer is not None
    assert f"{found.worst_layer.title} matters most" in text


def _harmful_pass_is_named(source: Path, culprit: int, where: str) -> None:
    passes = [(name, dict(options)) for name, options in HARMLESS]
    name, options = passes[culprit]
    parts = options["include"]
    passes[culprit] = (name, {**options, **HARM[culprit], "include": [f"*{where}*{part}*" for part in parts]})
    found = _explain(_run(source, *passes), layers=False)
    assert found.worst_step is not None
    assert found.worst_step.position == culprit


@pytest.mark.parametrize(("culprit", "where"), [(1, "layers.1."), pytest.param(3, "", marks=pytest.mark.slow)])
def test_a_harmful_pass_among_harmless_ones_is_named(stories260k: Path, culprit: int, where: str) -> None:
    _harmful_pass_is_named(stories260k, culprit, where)


@pytest.mark.benchmark
@pytest.mark.parametrize("where", WHERE)
@pytest.mark.parametrize("culprit", range(5))
def test_a_harmful_pass_is_named_in_20_of_20(stories260k: Path, culprit: int, where: str) -> None:
    _harmful_pass_is_named(stories260k, culprit, where)


def test_a_run_with_fewer_tokens_is_refused_before_anything_is_measured(stories260k: Path) -> None:
    run = _run(stories260k, ("prune_vocabulary", {"size": 448}))
    for job in (ExplainJob(run=run), TokenJob(run=run, history=({"role": "user", "content": "Once"},))):
        with pytest.raises(UserError, match="leaves tokens out"):
            Desk().run(job)
