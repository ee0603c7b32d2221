"""How much memory torch's tensors take, counted instead of weighed: the same on every machine."""

from __future__ import annotations

import gc

import torch

_PLAIN = (torch.Tensor, torch.nn.Parameter)


def tensor_bytes() -> int:
    """Bytes of all tensors that are alive, shared memory once; what lies in mapped files is not counted."""
    found = {}
    for held in gc.get_objects():
        # other types, such as an exporter's, hold no numbers of their own
        if type(held) in _PLAIN and held.device.type == "cpu" and held.layout is torch.strided:
            storage = held.untyped_storage()
            if storage.filename is None:
                found[storage.data_ptr()] = storage.nbytes()
    return sum(found.values())
