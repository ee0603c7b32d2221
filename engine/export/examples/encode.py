"""Turn texts into vectors (or class scores) with this folder's program. Needs torch and tokenizers; model.pte needs
executorch as well.

python encode.py "A first text." "A second one."
"""

import json
import sys
from pathlib import Path
from typing import Any

import torch
import torch._inductor
from tokenizers import Tokenizer

folder = Path(__file__).resolve().parent


def settings(name: str) -> dict[str, Any]:
    """A JSON file of the folder."""
    found: dict[str, Any] = json.loads((folder / name).read_text(encoding="utf-8"))
    return found


def open_program() -> Any:
    """The program as a function of token ids [B, T] and their mask [B, T]: hidden states [B, T, H], or logits."""
    file = folder / settings("program.json")["file"]
    if file.suffix == ".pte":
        from executorch.runtime import Runtime

        method = Runtime.get().load_program(file).load_method("forward")
        return lambda *inputs: method.execute([value.contiguous() for value in inputs])[0]
    if file.name == "compiled.pt2":
        return torch._inductor.aoti_load_package(str(file))
    return torch.export.load(file).module()


def main(texts: list[str]) -> Any:
    """For each text its class or token logits where the model has them, else a unit vector, the mean over tokens."""
    task = settings("program.json")["task"]
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    program = open_program()
    found = []
    with torch.inference_mode():
        for text in texts:
            ids = torch.tensor([tokenizer.encode(text).ids])
            output = program(ids, torch.ones_like(ids)).clone()[0].float()
            vector = task == "feature-extraction"
            found.append(torch.nn.functional.normalize(output.mean(0), dim=0) if vector else output)
    return found


if __name__ == "__main__":
    print(main(sys.argv[1:] or ["A first text.", "A second one."]))
