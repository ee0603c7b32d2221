"""Turn texts into vectors (or class scores) with this folder's model. Needs onnxruntime, tokenizers and numpy.

python encode.py "A first text." "A second one."
"""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
from tokenizers import Tokenizer

folder = Path(__file__).resolve().parent


def main(texts: list[str]) -> Any:
    """Class logits [texts, classes] or, of a tagger, [texts, tokens, tags]; else unit vectors [texts, width]."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_padding(pad_id=config.get("pad_token_id") or 0)
    rows = tokenizer.encode_batch(texts)
    session = ort.InferenceSession(str(folder / "model.onnx"), providers=ort.get_available_providers())
    feeds = {
        "input_ids": np.array([row.ids for row in rows], np.int64),
        "attention_mask": np.array([row.attention_mask for row in rows], np.int64),
        "token_type_ids": np.array([row.type_ids for row in rows], np.int64),
    }
    wanted = {value.name for value in session.get_inputs()}
    outputs = [value.name for value in session.get_outputs()]
    result = session.run(outputs[:1], {name: array for name, array in feeds.items() if name in wanted})[0]
    if outputs[0] == "logits":
        return result
    mask = feeds["attention_mask"][:, :, None]
    means = (result * mask).sum(1) / mask.sum(1)
    return means / np.linalg.norm(means, axis=1, keepdims=True)


if __name__ == "__main__":
    print(main(sys.argv[1:] or ["A first text.", "A second one."]))
