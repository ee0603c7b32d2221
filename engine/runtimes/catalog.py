"""All runtimes, in the order in which the editor offers them. ADD A RUNTIME: one folder, one line here."""

from __future__ import annotations

from functools import cache

from engine.catalogue import resolve
from engine.protocol.errors import UserError
from engine.runtimes.base import RuntimeSpec

ENTRIES: tuple[str, ...] = (
    "engine.runtimes.transformers_eager.spec:SPEC",
    "engine.runtimes.torch_compile.spec:SPEC",
    "engine.runtimes.onnx_runtime.spec:SPEC",
    "engine.runtimes.openvino.spec:SPEC",
    "engine.runtimes.llamacpp.spec:SPEC",
    "engine.runtimes.tensorrt.spec:SPEC",
)


@cache
def all_runtimes() -> dict[str, RuntimeSpec]:
    """Every runtime by name."""
    specs = [resolve(entry, RuntimeSpec) for entry in ENTRIES]
    return {spec.name: spec for spec in specs}


def get(name: str) -> RuntimeSpec:
    """The runtime called `name`. Raises UserError listing the known ones."""
    try:
        return all_runtimes()[name]
    except KeyError:
        raise UserError(
            f"There is no runtime “{name}”.", f"Use one of: {', '.join(all_runtimes())}.", where=name, code="bad_recipe"
        ) from None
