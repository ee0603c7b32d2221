"""Turn texts into vectors (or class scores) with this folder's model. Needs openvino, tokenizers and numpy.

python encode.py "A first text." "A second one."
"""

import json
import sys
from pathlib import Path
from typing import Any

sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # no usage statistics

import numpy as np
import openvino as ov
from tokenizers import Tokenizer

folder = Path(__file__).resolve().parent
DEVICE = "CPU"


def main(texts: list[str]) -> Any:
    """Class logits [texts, classes] or, of a tagger, [texts, tokens, tags]; else unit vectors [texts, width]."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_padding(pad_id=config.get("pad_token_id") or 0)
    rows = tokenizer.encode_batch(texts)
    core = ov.Core()
    graph = core.read_model(folder / "openvino_model.xml")
    precision = graph.get_rt_info(["runtime_options", "INFERENCE_PRECISION_HINT"]).astype(str)
    model = core.compile_model(graph, DEVICE, {"INFERENCE_PRECISION_HINT": precision})
    feeds = {
        "input_ids": np.array([row.ids for row in rows], np.int64),
        "attention_mask": np.array([row.attention_mask for row in rows], np.int64),
        "token_type_ids": np.array([row.type_ids for row in rows], np.int64),
    }
    wanted = {name for port in model.inputs for name in port.get_names()}
    result = model({name: array for name, array in feeds.items() if name in wanted})[0]
    if "logits" in model.output(0).get_names():
        return result
    mask = feeds["attention_mask"][:, :, None]
    means = (result * mask).sum(1) / mask.sum(1)
    return means / np.linalg.norm(means, axis=1, keepdims=True)


if __name__ == "__main__":
    print(main(sys.argv[1:] or ["A first text.", "A second one."]))
