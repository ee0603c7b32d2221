"""Open a checkpoint folder as a Transformers model: dense, packed or of mixed precision."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
import transformers
from torch import Tensor, nn
from transformers import CONFIG_MAPPING, AutoConfig, GenerationConfig
from transformers.dynamic_module_utils import get_class_from_dynamic_module

from engine.checkpoint import safety
from engine.checkpoint.low_rank import with_low_rank
from engine.checkpoint.precision import Precision, precision_of
from engine.checkpoint.reader import Reader
from engine.checkpoint.structure import low_rank
from engine.grid import grid
from engine.protocol.errors import UserError


def load_model(folder: Path, *, dtype: torch.dtype | None = None, device: str = "cpu") -> Any:
    """The model in `folder`, in evaluation mode on `device`.

    Packed weights come out dense, exactly `(values - zero) * scale` computed in the model's type: the twin that every
    lowering is compared with. `dtype` None keeps the checkpoint's own type, or types: modules recorded in another
    precision cast at their border. Code from the checkpoint is run only where it needs it and the user allowed it.

    Raises UserError if the architecture is unknown or weights are missing or damaged.
    """
    reader = Reader(folder)
    precision = precision_of(reader.config) if dtype is None else Precision(_name(dtype))
    weights = {name: _Lazy(reader, name, precision) for name in dense_names(reader)}
    return assembled(reader, weights, precision).to(device)


def assembled(reader: Reader, weights: dict[str, Any], precision: Precision) -> Any:
    """The model that `reader`'s configuration describes, made of `weights`, in evaluation mode.

    `weights` answers `[...]` with the tensor of each of `dense_names`. Raises as `load_model` does.
    """
    config = model_config(reader)
    cls = _with_plan(model_class(reader), precision)
    with _explained(reader):
        model, loading = cls.from_pretrained(
            None, config=config, state_dict=weights, dtype=getattr(torch, precision.default),
            output_loading_info=True, ignore_mismatched_sizes=True,  # _require_complete says it in plain words
        )  # fmt: skip
    _require_complete(loading, reader.folder)
    reader.release()
    if (reader.folder / "generation_config.json").is_file() and model.can_generate():
        model.generation_config = GenerationConfig.from_pretrained(reader.folder)
    cast_at_borders(model, precision)
    return model.eval().requires_grad_(False)


def model_class(reader: Reader) -> Any:
    """The class that config.json names: Transformers' own or, allowed by the user, one that the checkpoint brings.

    Raises UserError for one that neither has, and for code that is not allowed or does not work.
    """
    name = (reader.config.get("architectures") or ["?"])[0]
    found = getattr(transformers, name, None)
    if isinstance(found, type) and issubclass(found, transformers.PreTrainedModel):
        return with_low_rank(found, low_rank(reader.config))
    reference = safety.class_reference(reader.config, name)
    if safety.runs_own_code(reader.config, reader.folder) and reference is not None:
        with _explained(reader):
            found = get_class_from_dynamic_module(reference, reader.folder, local_files_only=True)
        if isinstance(found, type) and issubclass(found, transformers.PreTrainedModel):
            return found
    raise UserError(
        f"Transformers {transformers.__version__} does not know the architecture “{name}”.",
        "Choose a model of a supported architecture.",
        where="config.json",
        code="unsupported_architecture",
    )


def model_config(reader: Reader) -> Any:
    """The Transformers configuration without the description of grids. Raises UserError for an unknown model type."""
    own_code = safety.runs_own_code(reader.config, reader.folder)
    try:
        with _explained(reader):
            if low_rank(reader.config):  # whose config.json is of a kind that Transformers does not know
                config = CONFIG_MAPPING[reader.config["model_type"]].from_dict(reader.config)
            else:
                config = AutoConfig.from_pretrained(reader.folder, local_files_only=True, trust_remote_code=own_code)
    except (ValueError, KeyError) as error:
        raise UserError(
            f"Transformers {transformers.__version__} cannot read this model's configuration.",
            f"Choose a model of a supported type; it says: {str(error).splitlines()[0]}",
            where=str(reader.folder / "config.json"),
            code="unsupported_architecture",
        ) from error
    if hasattr(config, "quantization_config"):
        del config.quantization_config
        if not reader.grids:
            raise UserError(
                "The checkpoint is quantised in a format that Hasten has not taken over.",
                "Open it through “Open checkpoint”, which converts it, or choose the unquantised original.",
                where=str(reader.folder / "config.json"),
                code="unsupported_quantization",
            )
    return config


@contextmanager
def _explained(reader: Reader) -> Iterator[None]:
    """Say of a failure inside a checkpoint's own code that it is that code which failed."""
    try:
        yield
    except (UserError, MemoryError):
        raise
    except Exception as error:
        if not safety.runs_own_code(reader.config, reader.folder):
            raise
        raise UserError(
            f"The checkpoint's own code does not work here: {type(error).__name__}: {error}".rstrip(".") + ".",
            f"It may need another package, or another Transformers than {transformers.__version__}: ask its authors.",
            where=str(reader.folder),
            code="unsupported_architecture",
        ) from error


def dense_names(reader: Reader) -> Iterator[str]:
    """The names that the checkpoint's tensors have once packed weights are turned dense."""
    packed = {
        name.removesuffix("_packed").removesuffix(".weight") for name in reader if name.endswith(".weight_packed")
    }
    for name in reader:
        module, _, leaf = name.rpartition(".")
        if module not in packed or not leaf.startswith("weight_"):
            yield name
        elif leaf == "weight_packed":
            yield f"{module}.weight"


def cast_at_borders(model: nn.Module, precision: Precision) -> None:
    """Let each module recorded in another precision take inputs in its own type and answer in the model's."""
    outer = getattr(torch, precision.default)
    for module, dtype in _islands(model, precision):
        inner = getattr(torch, dtype)

        def enter(module: nn.Module, args: Any, kwargs: Any, inner: torch.dtype = inner) -> Any:
            return _cast(args, inner), _cast(kwargs, inner)

        def leave(module: nn.Module, args: Any, output: Any) -> Any:
            return _cast(output, outer)

        module.register_forward_pre_hook(enter, with_kwargs=True)
        module.register_forward_hook(leave)


def _islands(model: nn.Module, precision: Precision) -> list[tuple[nn.Module, str]]:
    """The modules in another precision than the model, those that share a weight with one (a tied head) included."""
    prefix = getattr(model, "base_model_prefix", "")
    named = dict(model.named_modules())
    islands: dict[str, str] = {}
    for name, dtype in precision.modules.items():
        variants = (name, f"{prefix}.{name}", name.removeprefix(f"{prefix}."))
        islands[next((variant for variant in variants if variant in named), name)] = dtype
    shared = {id(p): dtype for name, dtype in islands.items() if name in named for p in named[name].parameters()}
    placed = Precision(precision.default, islands)
    for name, module in named.items():
        for parameter in module.parameters(recurse=False):
            if id(parameter) in shared and placed.of(name) != shared[id(parameter)]:
                islands[name] = shared[id(parameter)]
    return [(named[name], dtype) for name, dtype in islands.items() if name in named]


def _cast(value: Any, dtype: torch.dtype) -> Any:
    if isinstance(value, Tensor):
        return value.to(dtype) if value.is_floating_point() else value
    if type(value) in (tuple, list):
        return type(value)(_cast(item, dtype) for item in value)
    if type(value) is dict:
        return {key: _cast(item, dtype) for key, item in value.items()}
    return value


class _Lazy:
    """A tensor that Transformers reads when it wants it, as it does with slices of safetensors files."""

    def __init__(self, reader: Reader, name: str, precision: Precision) -> None:
        self._reader, self._name, self._precision = reader, name, precision

    def __getitem__(self, item: Any) -> Tensor:
        packed = f"{self._name.removesuffix('.weight')}.weight_packed" in self._reader
        dtype = getattr(torch, self._precision.of(self._name)) if packed else None
        return grid.dense(self._reader, self._name, dtype)[item]


def _with_plan(cls: Any, precision: Precision) -> Any:
    """`cls`, loading each module in its recorded type."""
    if not precision.modules:
        return cls
    plan = {f"{name}.": getattr(torch, dtype) for name, dtype in precision.modules.items()}

    def dtype_plan(self: Any, dtype: torch.dtype) -> dict[str, torch.dtype]:
        return {**cls._get_dtype_plan(self, dtype), **plan}

    return type(cls.__name__, (cls,), {"__module__": cls.__module__, "_get_dtype_plan": dtype_plan})


def _require_complete(loading: dict[str, Any], folder: Path) -> None:
    missing = sorted(name for name in loading["missing_keys"] if "pooler" not in name)
    wrong = sorted(str(item[0]) for item in loading["mismatched_keys"])
    if missing or wrong:
        raise UserError(
            f"The checkpoint does not fit its configuration: “{(missing or wrong)[0]}” "
            f"{'is missing' if missing else 'has another shape'}.",
            "Download the checkpoint again; its weights and config.json belong to different models.",
            where=str(folder),
            code="corrupt_shard",
        )


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
