"""Write a checkpoint folder tensor by tensor: shards of bounded size, unchanged shards hard-linked."""

from __future__ import annotations

import errno
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

from engine import heap
from engine.checkpoint.headers import INDEX, SINGLE
from engine.checkpoint.limits import SHARD_BYTES
from engine.checkpoint.older import for_older_readers
from engine.checkpoint.reader import Reader
from engine.checkpoint.structure import nested
from engine.grid.scheme import SIDE_FILE
from engine.links import checkpoint_files, link_or_copy

Transform = Callable[[], dict[str, Tensor]]
_COPIED = 1 << 20  # bytes


class Writer:
    """Fills `destination` with a checkpoint made from `source`.

    Tensors wait in memory until a shard is full; nothing has its final name and no configuration exists before
    `finish`, so an interrupted folder is never mistaken for a checkpoint.
    """

    def __init__(self, destination: Path, source: Reader, *, shard_bytes: int = SHARD_BYTES) -> None:
        self.destination, self.source, self._limit = destination, source, shard_bytes
        self._waiting: dict[str, Tensor] = {}
        self._bytes = 0
        self._parts: list[tuple[Path, list[str], int]] = []
        self._side: dict[str, Tensor] | None = None
        self._replaced: dict[str, str | None] = {}
        destination.mkdir(parents=True, exist_ok=True)

    def add(self, name: str, tensor: Tensor) -> None:
        """Store `tensor` as `name`. Raises OSError when the disk is full."""
        size = tensor.numel() * tensor.element_size()
        if self._waiting and self._bytes + size > self._limit:
            self._flush()
        self._waiting[name] = tensor.detach().contiguous()
        self._bytes += size

    def keep(self, shard: str) -> None:
        """Take over weight file `shard` of the source as it is."""
        names = list(self.source.shards[shard])
        part = self._next()
        link_or_copy(self.source.folder / shard, part)
        self._parts.append((part, names, sum(self.source.header(name).bytes for name in names)))

    def rewrite(self, changes: Mapping[str, Transform], step: Callable[[str], None] | None = None) -> None:
        """Stream the whole source: tensors named in `changes` become what their transform answers, others stay.

        Shards without a change are linked. `step` is called with each changed tensor's name before its transform.
        """
        for shard, names in self.source.shards.items():
            if not any(name in changes for name in names):
                self.keep(shard)
                continue
            for name in names:
                if name not in changes:
                    tensor = self.source.tensor(name)
                    # one that waits as it is keeps the source's file mapped
                    self.add(name, tensor.clone() if tensor.nbytes <= _COPIED else tensor)
                    continue
                if step is not None:
                    step(name)
                for new, tensor in changes[name]().items():
                    self.add(new, tensor)

    def beside_embedding(self, tensors: dict[str, Tensor]) -> None:
        """Store what embedding and head need beside them, by name; without this call the source's is taken over."""
        self._side = {name: tensor.contiguous() for name, tensor in tensors.items()}

    def replace(self, file: str, text: str | None) -> None:
        """Store `text` as `file` (of the tokenizer, say) in place of the source's; None: leave that out."""
        self._replaced[file] = text

    def finish(self, config: dict[str, Any] | None = None) -> None:
        """Name the shards; write the index and config.json (`config`, or the source's); copy tokenizer and licence."""
        self._flush()
        self._copy_rest()
        if self._side:
            _save(self._side, self.destination / SIDE_FILE)
        if len(self._parts) == 1:
            self._parts[0][0].rename(self.destination / SINGLE)
        else:
            self._write_index()
        text = json.dumps(nested(for_older_readers(config or self.source.config)), indent=2, ensure_ascii=False)
        (self.destination / "config.json").write_text(text + "\n", encoding="utf-8")

    def _copy_rest(self) -> None:
        skipped = {
            *self.source.shards,
            INDEX,
            "config.json",
            *self._replaced,
            *([SIDE_FILE] if self._side is not None else []),
        }
        for file in checkpoint_files(self.source.folder):
            foreign = file.suffix == ".safetensors" and not file.parent.name and file.name != SIDE_FILE
            if str(file) not in skipped and not foreign:
                link_or_copy(self.source.folder / file, self.destination / file)
        for name, text in self._replaced.items():
            if text is not None:
                (self.destination / name).write_text(text, encoding="utf-8")

    def _write_index(self) -> None:
        weight_map = {}
        for index, (part, names, _) in enumerate(self._parts):
            final = f"model-{index + 1:05d}-of-{len(self._parts):05d}.safetensors"
            part.rename(self.destination / final)
            weight_map.update(dict.fromkeys(names, final))
        total = sum(size for _, _, size in self._parts)
        document = {"metadata": {"total_size": total}, "weight_map": dict(sorted(weight_map.items()))}
        (self.destination / INDEX).write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")

    def _flush(self) -> None:
        if self._waiting:
            part = self._next()
            _save(self._waiting, part)
            self._parts.append((part, list(self._waiting), self._bytes))
            self._waiting, self._bytes = {}, 0
            heap.trim()  # what waited lay among what was needed to make it

    def _next(self) -> Path:
        return self.destination / f"part-{len(self._parts):05d}.tmp"


def _save(tensors: dict[str, Tensor], path: Path) -> None:
    try:
        save_file(tensors, path, metadata={"format": "pt"})
    except SafetensorError as error:
        if "os error 28" in str(error):
            raise OSError(errno.ENOSPC, "No space left on device", str(path)) from error
        raise
