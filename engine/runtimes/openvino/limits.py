"""What the graphs and OpenVINO's plugins can hold, as plain data: no library is imported."""

from __future__ import annotations

from engine import intel
from engine.runtimes.openvino.decoder_layout import LAYOUTS

DECODERS = tuple(LAYOUTS)
ENCODERS = frozenset({"bert", "distilbert", "roberta"})
MODEL = "openvino_model.xml"
WEIGHTS = "openvino_model.bin"
# the product of hidden states and output head
HEAD = "lm_head"
# columns that share one rounding of the activations to 8 bits; 0 leaves them as they are
EXACT, FAST, FINER = 0, 32, 16
# nats a token that faster arithmetic may cost before "automatic" takes the exact one
TOLERATED_KL = 0.01
# 1 − cosine of the hidden vectors that it may cost an encoder
TOLERATED_ANGLE = 1e-3
# kinds of rotary positions that do not depend on the text's length
FIXED_ROPES = frozenset({"default", "linear", "llama3", "yarn"})
# what OpenVINO calls a recipe's devices
PLUGINS: dict[str, str] = {"cpu": "CPU"} | {str(kind): plugin for kind, plugin in intel.PLUGINS.items()}
# tokens of a prompt that an NPU reads at once, and how many more it has room for: its programs have fixed sizes
NPU_PROMPT, NPU_ANSWER = 1024, 512
# instruction sets that multiply bfloat16 numbers, the one with whole tiles of them first
NATIVE_BFLOAT16 = ("amx_bf16", "avx512_bf16")
