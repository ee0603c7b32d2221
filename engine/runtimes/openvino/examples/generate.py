"""Continue a text with this folder's model. Needs openvino-genai (with its tokenizers), nothing else.

python generate.py "Once upon a time" 64
"""

import sys
from pathlib import Path

sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # no usage statistics

import openvino as ov
import openvino_genai

folder = Path(__file__).resolve().parent
DEVICE = "CPU"


def main(prompt: str, new_tokens: int) -> str:
    """`prompt` continued greedily by up to `new_tokens` tokens."""
    # The type of the arithmetic is in the model's file; unlike the other settings there, it must be passed on.
    model = ov.Core().read_model(folder / "openvino_model.xml")
    precision = model.get_rt_info(["runtime_options", "INFERENCE_PRECISION_HINT"]).astype(str)
    options = {"ATTENTION_BACKEND": "SDPA", "INFERENCE_PRECISION_HINT": precision}
    pipeline = openvino_genai.LLMPipeline(str(folder), DEVICE, **({} if DEVICE == "NPU" else options))
    config = pipeline.get_generation_config()
    config.max_new_tokens = new_tokens
    config.do_sample = False
    tokenizer = pipeline.get_tokenizer()
    ids = tokenizer.encode(prompt).input_ids
    answer = pipeline.generate(ids, config).tokens[0]
    # Together, for a word's space may only show beside the word before it.
    asked = ids.data[0].tolist()
    return str(tokenizer.decode(asked + answer)[len(tokenizer.decode(asked)) :])


if __name__ == "__main__":
    text = sys.argv[1] if len(sys.argv) > 1 else "Once upon a time"
    print(text + main(text, int(sys.argv[2]) if len(sys.argv) > 2 else 64))
