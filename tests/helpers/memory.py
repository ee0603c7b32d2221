"""How much memory torch's tensors take, counted instead of weighed: the same on every machine."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch

_PLAIN = (torch.Tensor, torch.nn.Parameter)


@contextmanager
def new_tensors() -> Iterator[Callable[[], int]]:
    """Gives a function that counts the bytes of tensors made in this block and alive, shared memory once; what lies in
    mapped files is not counted."""
    gc.collect()
    gc.freeze()  # a long session has millions of objects, which need not be looked at each time
    try:
        yield _tensor_bytes
    finally:
        gc.unfreeze()


def _tensor_bytes() -> int:
    found = {}
    for held in gc.get_objects():
        # other types, such as an exporter's, hold no numbers of their own
        if type(held) in _PLAIN and held.device.type == "cpu" and held.layout is torch.strided:
            storage = held.untyped_storage()
            if storage.filename is None:
                found[storage.data_ptr()] = storage.nbytes()
    return sum(found.values())
