"""Where one token's error grew, layer by layer: the JSON of `hasten explain RUN --token`. Free of torch."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from engine.compare.evidence import Choice


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TokenLayer(_Part):
    """One of the original's layers, at the position that the token is told from.

    Attributes:
        index: the layer's number in the original, from 0; None for the embedding.
        own_error: its error alone: given what it is given in the original, how far its output is from the original's,
            ‖difference‖ / ‖output‖. None for the embedding and a dropped layer.
        error: the same, given what the layers before it make of the text now; of a dropped one, what it would add to is
            left as it was.
        growth: by how much `error` is more than before the layer.
    """

    index: int | None
    own_error: float | None = None
    error: float
    growth: float


class TokenSide(_Part):
    """What one model says: the token's probability, and its five first choices."""

    probability: float
    top: tuple[Choice, ...]


class TokenTrace(_Part):
    """How the original and a run's checkpoint come to one token, both in float32.

    Attributes:
        run: the run's id.
        token, place: the token's text, and its place in the answer, from 0.
        tokens: how many tokens both models read before it.
        kl_divergence_nats: between their predictions there.
        layers: the embedding, then the original's layers in order.
    """

    run: str
    token: str
    place: int
    tokens: int
    kl_divergence_nats: float
    original: TokenSide
    result: TokenSide
    layers: tuple[TokenLayer, ...]

    @property
    def worst(self) -> TokenLayer | None:
        """Where the error grew most; None where it grew nowhere."""
        grown = [layer for layer in self.layers if layer.growth > 0]
        return max(grown, key=lambda layer: layer.growth, default=None)
