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
TOGETHER = 512  # tokens that are computed at once, padding included


def by_length(lengths: list[int]) -> list[list[int]]:
    """Places of texts of `lengths` tokens in batches of similar length, so that no text waits for a much longer one."""
    batches: list[list[int]] = []
    for place in sorted(range(len(lengths)), key=lengths.__getitem__):
        if batches and (len(batches[-1]) + 1) * lengths[place] <= TOGETHER:
            batches[-1].append(place)
        else:
            batches.append([place])
    return batches


def main(texts: list[str]) -> Any:
    """Class logits [texts, classes]; of a tagger a list of logits [tokens, tags]; else unit vectors [texts, width]."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    core = ov.Core()
    graph = core.read_model(folder / "openvino_model.xml")
    precision = graph.get_rt_info(["runtime_options", "INFERENCE_PRECISION_HINT"]).astype(str)
    model = core.compile_model(graph, DEVICE, {"INFERENCE_PRECISION_HINT": precision})
    wanted = {name for port in model.inputs for name in port.get_names()}
    scores = "logits" in model.output(0).get_names()
    found: list[Any] = [None] * len(texts)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()  # its file may ask for some
    rows = tokenizer.encode_batch(texts)
    for places in by_length([len(row.ids) for row in rows]):
        batch = [rows[place] for place in places]
        for row in batch:
            row.pad(len(batch[-1].ids), pad_id=config.get("pad_token_id") or 0)
        feeds = {
            "input_ids": np.array([row.ids for row in batch], np.int64),
            "attention_mask": np.array([row.attention_mask for row in batch], np.int64),
            "token_type_ids": np.array([row.type_ids for row in batch], np.int64),
        }
        result = model({name: array for name, array in feeds.items() if name in wanted})[0]
        for place, row, mask in zip(places, result, feeds["attention_mask"].astype(bool), strict=True):
            real = row if result.ndim == 2 else row[mask]
            found[place] = real if scores else real.mean(0)
    if scores:
        return found if found[0].ndim == 2 else np.stack(found)
    means = np.stack(found)
    return means / np.linalg.norm(means, axis=1, keepdims=True)


if __name__ == "__main__":
    print(main(sys.argv[1:] or ["A first text.", "A second one."]))
