"""What a model is made of, and where its time goes."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QModelIndex, Qt
from PySide6.QtWidgets import QLabel
from pytestqt.qtbot import QtBot

from engine.bench.profile import BlockProfile, Cost, Profile
from engine.checkpoint.info import CheckpointInfo, GridScheme, TensorHeader
from engine.protocol.errors import Failure
from engine.protocol.events import Failed
from engine.protocol.measurement import Measurement
from gui.document.document import Document
from gui.item_models.blocks import BlocksModel, build
from gui.jobs.client import JobRunner
from gui.pages.checkpoint import CheckpointPage
from gui.pages.checkpoint.facts import facts
from gui.settings.settings import Settings
from gui.widgets.bars import SHARE
from tests.helpers.window import ScriptedClient


@pytest.fixture
def page(
    qtbot: QtBot, styled: None, document: Document, jobs: JobRunner, settings: Settings, llama_info: CheckpointInfo
) -> CheckpointPage:
    document.set_info(llama_info)
    made = CheckpointPage(document, jobs, settings)
    qtbot.addWidget(made)
    made.resize(1280, 640)
    made.show()
    return made


def seconds(value: float) -> Measurement:
    return Measurement(
        name="request_seconds", unit="s", better="lower", value=value, low=value * 0.9, high=value * 1.1, samples=5
    )


def block(title: str, prefill: float, decode: float) -> BlockProfile:
    return BlockProfile(
        name=title.lower(),
        title=title,
        kind="layer",
        parameters=10,
        weight_bytes=40,
        prefill=Cost(seconds=seconds(prefill), flops=2_000_000, bytes=4096),
        decode=Cost(seconds=seconds(decode), flops=2_000, bytes=2048),
    )


PROFILE = Profile(
    blocks=(block("Layer 0", 0.010, 0.001), block("Layer 1", 0.020, 0.0005)),
    prefill_seconds=seconds(0.031),
    decode_seconds=seconds(0.0016),
    prompt_tokens=128,
    conditions={"threads": 2, "cpu": "a processor"},
)


def test_the_tree_accounts_for_every_byte_and_parameter(llama_info: CheckpointInfo) -> None:
    root = build(llama_info)
    assert root.node.bytes == llama_info.bytes
    assert root.node.parameters == llama_info.parameters
    assert sum(child.node.bytes for child in root.children) == root.node.bytes


def test_blocks_stand_in_the_order_of_the_model() -> None:
    names = ["norm", *(f"layers.{place}.mlp.up_proj" for place in (0, 1, 10, 11, 2)), "embed_tokens"]
    tensors = tuple(TensorHeader(name=f"model.{name}.weight", dtype="F32", shape=(8, 4)) for name in names)
    info = CheckpointInfo(
        path="x", architecture="L", model_type="llama", task="text-generation", config={}, tensors=tensors
    )
    root = build(info)
    assert [block.title for block in root.children] == ["Token embedding", "Layers", "Final norm"]
    assert root.children[0].detail == "F32  8 × 4"
    assert [layer.title for layer in root.children[1].children] == [f"Layer {n}" for n in (0, 1, 2, 10, 11)]


def test_packed_weights_count_as_parameters() -> None:
    tensors = (
        TensorHeader(name="model.layers.0.mlp.up_proj.weight_packed", dtype="I32", shape=(8, 4)),
        TensorHeader(name="model.layers.0.mlp.up_proj.weight_scale", dtype="F32", shape=(8, 1)),
    )
    grid = GridScheme(bits=4, group_size=32, symmetric=True, modules=("model.layers.0.mlp.up_proj",))
    info = CheckpointInfo(
        path="x",
        architecture="L",
        model_type="llama",
        task="text-generation",
        config={},
        tensors=tensors,
        grids=(grid,),
    )
    assert build(info).node.parameters == 8 * 32
    assert ("Precision", "int4, groups of 32") in [fact[:2] for fact in facts(info)]


def test_bars_show_the_share_of_the_whole(llama_info: CheckpointInfo) -> None:
    model = BlocksModel()
    model.show_info(llama_info)
    shares = [model.data(model.index(row, 4), SHARE) for row in range(model.rowCount())]
    assert sum(shares) == pytest.approx(1)
    layers = model.index(1, 0)
    assert model.parent(model.index(0, 0, layers)) == layers
    assert model.data(layers, Qt.ItemDataRole.ToolTipRole)


def test_facts_name_architecture_size_and_fit(page: CheckpointPage) -> None:
    shown = [label.text() for label in page.findChildren(QLabel)]
    assert "LlamaForCausalLM" in shown
    assert any(text.startswith("yes, ") for text in shown)


def test_profile_measures_and_shows_both_phases(page: CheckpointPage, client: ScriptedClient, qtbot: QtBot) -> None:
    from engine.protocol.events import Finished

    client.answer("profile", Finished(result=PROFILE.model_dump(mode="json")))
    page.settings.set("threads", 2)
    page.start_profile()
    qtbot.waitUntil(lambda: page.profile.profile is not None)
    job = client.jobs[0]
    assert (job.kind, job.checkpoint, job.threads) == ("profile", page.document.checkpoint, 2)
    assert page.profile.table.isVisible()
    assert page.profile.summary.text().startswith("Layer 0 takes the most time")
    assert page.profile.model.data(page.profile.model.index(0, 1)) == "1.00 ± 0.10 ms"
    page.profile.phase.setCurrentIndex(1)
    assert page.profile.summary.text().startswith("Layer 1 takes the most time")
    assert page.profile.model.data(page.profile.model.index(0, 2), SHARE) == pytest.approx(0.5)


def test_another_checkpoint_forgets_the_profile(
    page: CheckpointPage, client: ScriptedClient, llama_info: CheckpointInfo, qtbot: QtBot
) -> None:
    page.start_profile()
    qtbot.waitUntil(lambda: bool(client.jobs))
    page.document.set_info(llama_info.model_copy(update={"path": "elsewhere"}))
    assert page.profile.profile is None
    assert page.profile.work.progress.isHidden()


def test_a_failed_profile_says_why_and_can_be_repeated(
    page: CheckpointPage, client: ScriptedClient, qtbot: QtBot
) -> None:
    failure = Failure(kind="user", cause="Too little memory.", remedy="Close something.", code="not_enough_memory")
    client.answer("profile", Failed(failure=failure))
    page.start_profile()
    qtbot.waitUntil(page.profile.work.failure.isVisible)
    assert page.profile.empty.isHidden()


def test_without_a_model_the_page_says_what_to_do(page: CheckpointPage, qtbot: QtBot) -> None:
    page.document.set_info(None)
    assert page.model.rowCount(QModelIndex()) == 0
    assert page._stack.currentIndex() == 0
