"""Run in llama.cpp's environment: make_gguf.py SOURCE DESTINATION TYPE writes a GGUF file in another type.

F32 from a quantised file is exact; other types are made from F32, as `llama-quantize` would.
"""

from __future__ import annotations

import ctypes
import sys

import llama_cpp

TYPES = {
    "F32": llama_cpp.LLAMA_FTYPE_ALL_F32,
    "Q8_0": llama_cpp.LLAMA_FTYPE_MOSTLY_Q8_0,
    "Q4_0": llama_cpp.LLAMA_FTYPE_MOSTLY_Q4_0,
}


def main(source: str, destination: str, kind: str) -> int:
    """Write the file; the exit code."""
    params = llama_cpp.llama_model_quantize_default_params()
    params.ftype, params.allow_requantize = TYPES[kind], kind == "F32"
    return int(llama_cpp.llama_model_quantize(source.encode(), destination.encode(), ctypes.byref(params)))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
