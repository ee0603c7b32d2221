"""Where a model's time goes before anything is changed: the result of a profile job."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from engine.protocol.measurement import Measurement

BlockKind = Literal["embedding", "layer", "attention", "mlp", "norm", "head", "other"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Cost(_Part):
    """What one pass through a block costs.

    Attributes:
        seconds: measured wall time, median over repeats, with its spread.
        flops: floating-point operations, counted (a multiply-add is 2).
        bytes: memory traffic that cannot be avoided: weights read plus inputs read and outputs written.
    """

    seconds: Measurement
    flops: int
    bytes: int


class BlockProfile(_Part):
    """One block of the model.

    Attributes:
        name: the module's full name ("model.layers.3").
        title: for display ("Layer 3").
        parameters: of the block, its parts included; a tied head counts its weights again.
        weight_bytes: bytes of those parameters as loaded.
        prefill: reading the whole prompt at once (an encoder's forward pass).
        decode: one new token; None for encoders.
        parts: attention and MLP of a layer; their costs are contained in the layer's.
    """

    name: str
    title: str
    kind: BlockKind
    parameters: int
    weight_bytes: int
    prefill: Cost
    decode: Cost | None = None
    parts: tuple[BlockProfile, ...] = ()


class Profile(_Part):
    """Time, FLOPs and bytes per block.

    Attributes:
        blocks: in order of execution.
        prefill_seconds, decode_seconds: the whole model, measured without hooks.
        prompt_tokens: length of the prompt in the prefill.
        conditions: threads, machine, load, versions.
    """

    blocks: tuple[BlockProfile, ...]
    prefill_seconds: Measurement
    decode_seconds: Measurement | None = None
    prompt_tokens: int
    conditions: dict[str, str | int | float | bool | None] = {}
