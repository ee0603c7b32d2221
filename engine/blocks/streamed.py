"""A model whose blocks hold weights only while they compute, so that memory follows the largest block."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any

import torch
from accelerate import init_empty_weights
from torch import Tensor, nn

from engine.blocks.names import find_blocks, stored_name
from engine.checkpoint.load import model_class, model_config
from engine.checkpoint.reader import Reader
from engine.grid import grid
from engine.protocol.errors import UserError

# Called with a block's name, the block, and its hidden states: [B, T, H].
Before = Callable[[str, nn.Module, Tensor], None]
After = Callable[[str, nn.Module, Tensor, Tensor], None]


class StreamedModel:
    """A base model (no head) in `dtype` that reads each block from the checkpoint just before it runs.

    Attributes:
        model: the Transformers model; embeddings and final norm hold weights, blocks do not between calls.
        blocks: the blocks by full name, in order.
        encoder_decoder: the model takes decoder inputs too.
        device: where it computes.
    """

    def __init__(self, folder: Path, dtype: torch.dtype = torch.float32, device: str = "cpu") -> None:
        """Raises UserError if the architecture is unknown, has no blocks, or its weights go by other names."""
        self._reader = Reader(folder)
        self._dtype, self.device = dtype, torch.device(device)
        cls = model_class(self._reader)
        config = model_config(self._reader)
        with init_empty_weights(include_buffers=False):
            whole = cls._from_config(config, dtype=dtype)
        self._prefix: str = whole.base_model_prefix
        self._tied: dict[str, str] = dict(whole.all_tied_weights_keys)
        self._base_name = self._prefix if whole.base_model is not whole else ""
        self.model: Any = whole.base_model.eval().requires_grad_(False)
        self.encoder_decoder = bool(config.is_encoder_decoder)
        self.blocks = find_blocks(self.model)
        self._whole = whole
        self._load_outside()
        self._hooks: list[Any] = []

    def observe(self, before: Before | None = None, after: After | None = None) -> None:
        """Call these around every block from now on."""
        for name, block in self.blocks.items():
            self._hooks.append(block.register_forward_pre_hook(self._enter(name, before), with_kwargs=True))
            self._hooks.append(block.register_forward_hook(self._leave(name, after), with_kwargs=True))

    def __enter__(self) -> StreamedModel:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for hook in self._hooks:
            hook.remove()
        self._reader.release()

    @torch.no_grad()
    def run(self, ids: Tensor) -> Tensor:
        """Send token ids [B, T] through the model; observers see what happens. The last hidden states [B, T, H]."""
        ids = ids.to(self.device)
        inputs: dict[str, Any] = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
        if self.encoder_decoder:
            inputs["decoder_input_ids"] = ids
        if "use_cache" in inspect.signature(self.model.forward).parameters:
            inputs["use_cache"] = False
        return self.model(**inputs)[0]  # type: ignore[no-any-return]

    def load(self, name: str) -> None:
        """Give block `name` its weights. Raises UserError if the checkpoint has other names for them."""
        block = self.blocks[name]
        _assign(block, {leaf: self._read(f"{name}.{leaf}") for leaf in _weights(block)})

    def unload(self, name: str) -> None:
        """Take the weights of block `name` out of memory."""
        for module in self.blocks[name].modules():
            for leaf, parameter in module._parameters.items():
                if parameter is not None:
                    module._parameters[leaf] = nn.Parameter(parameter.to("meta"), requires_grad=False)

    def full_name(self, name: str) -> str:
        """A module's name in the whole model (with its head), from its name in the base model."""
        return f"{self._base_name}.{name}" if self._base_name else name

    def stored_weight(self, name: str) -> str | None:
        """The checkpoint's name of the weight of a module, from its name in the base model; None if it has none."""
        return self.stored_parameter(f"{name}.weight")

    def stored_parameter(self, name: str) -> str | None:
        """The checkpoint's name of a parameter, from its name in the base model; None if it has none."""
        return stored_name(self._reader, self.full_name(name), self._prefix)

    def stored_head(self) -> str | None:
        """The checkpoint's name of the weight that turns hidden states into logits; None if there is none."""
        head = self._whole.get_output_embeddings()
        name = next((f"{name}.weight" for name, module in self._whole.named_modules() if module is head), None)
        return None if name is None else stored_name(self._reader, self._tied.get(name, name), self._prefix)

    def stored_module(self, name: str) -> str:
        """A module's name in the checkpoint, from its name in the base model."""
        module = self.model.get_submodule(name)
        for leaf, _ in module.named_parameters():
            stored = stored_name(self._reader, f"{self.full_name(name)}.{leaf}", self._prefix)
            if stored is not None:
                return stored.removesuffix(f".{leaf}")
        return self.full_name(name)

    def _enter(self, name: str, before: Before | None) -> Any:
        def hook(block: nn.Module, args: Any, kwargs: Any) -> None:
            self.load(name)
            if before is not None:
                before(name, block, hidden_of(args, kwargs))

        return hook

    def _leave(self, name: str, after: After | None) -> Any:
        def hook(block: nn.Module, args: Any, kwargs: Any, output: Any) -> None:
            if after is not None:
                after(name, block, hidden_of(args, kwargs), output[0] if isinstance(output, tuple) else output)
            self.unload(name)

        return hook

    def _load_outside(self) -> None:
        inside = tuple(f"{name}." for name in self.blocks)
        for name in _weights(self.model):
            if name.startswith(inside):
                continue
            stored = stored_name(self._reader, self.full_name(name), self._prefix)
            if stored is None and (self.full_name(name) in self._tied or "pooler" in name):
                continue
            if stored is None and self._is_computed(name):
                parameter = self.model.get_parameter(name)
                _assign(self.model, {name: torch.zeros(parameter.shape, dtype=self._dtype, device=self.device)})
                self._whole._init_weights(self.model.get_submodule(name.rpartition(".")[0]))
                continue
            _assign(self.model, {name: self._read(name)})
        for module in self.model.modules():
            for leaf, buffer in module._buffers.items():
                if buffer is not None:
                    module._buffers[leaf] = buffer.to(self.device)
        if self.encoder_decoder or self._tied:
            self.model.tie_weights()
        # A pooler that the checkpoint lacks: nothing that is observed depends on it.
        for name, parameter in self.model.named_parameters():
            if parameter.is_meta and not name.startswith(inside):
                _assign(self.model, {name: torch.zeros(parameter.shape, dtype=self._dtype, device=self.device)})

    def _is_computed(self, name: str) -> bool:
        """Whether a checkpoint may lack weight `name`, because the model computes it (Marian's positions)."""
        patterns = self._whole._keys_to_ignore_on_load_missing or ()
        return any(re.search(pattern, self.full_name(name)) for pattern in patterns)

    def _read(self, name: str) -> Tensor:
        stored = stored_name(self._reader, self.full_name(name), self._prefix)
        if stored is None:
            raise UserError(
                f"The weight “{name}” goes by another name in the checkpoint.",
                "This model's layers cannot be measured one by one; leave out the step that measures them.",
                where=name,
                code="unsupported_architecture",
            )
        return grid.dense(self._reader, stored, self._dtype).to(self.device)


def _weights(module: nn.Module) -> list[str]:
    """Names of what a checkpoint stores of `module`: parameters and persistent buffers."""
    return list(module.state_dict())


def _assign(module: nn.Module, tensors: dict[str, Tensor]) -> None:
    module.load_state_dict(tensors, strict=False, assign=True)
    for name in tensors:
        owner = module.get_submodule(name.rpartition(".")[0])
        parameter = owner._parameters.get(name.rpartition(".")[2])
        if parameter is not None:
            parameter.requires_grad_(False)


def hidden_of(args: Any, kwargs: Any) -> Tensor:
    """The hidden states that a block is called with."""
    hidden = args[0] if args else kwargs["hidden_states"]
    assert isinstance(hidden, Tensor)
    return hidden
