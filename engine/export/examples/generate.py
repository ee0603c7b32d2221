"""Continue a text with this folder's program. Needs torch and tokenizers; model.pte needs executorch as well.

python generate.py "Once upon a time" 64
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
    """A JSON file of the folder, empty where it is not there."""
    path = folder / name
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def open_program() -> Any:
    """The program as a function of token ids [1, T] and the position [1] of the first: logits [1, T, V]."""
    file = folder / settings("program.json")["file"]
    if file.suffix == ".pte":
        from executorch.runtime import Runtime

        method = Runtime.get().load_program(file).load_method("forward")
        return lambda *inputs: method.execute([value.contiguous() for value in inputs])[0]
    if file.name == "compiled.pt2":
        return torch._inductor.aoti_load_package(str(file))
    return torch.export.load(file).module()


def main(prompt: str, new_tokens: int) -> str:
    """`prompt` continued greedily by up to `new_tokens` tokens."""
    eos = settings("generation_config.json").get("eos_token_id", settings("config.json").get("eos_token_id"))
    ends = set(eos if isinstance(eos, list) else [eos])
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    ids = tokenizer.encode(prompt).ids
    limits = settings("program.json")
    program = open_program()
    answer = ids[:]
    done = 0
    with torch.inference_mode():
        while len(answer) < min(len(ids) + new_tokens, limits["longest"]):
            while done < len(answer):
                step = answer[done : done + limits["piece"]]
                logits = program(torch.tensor([step]), torch.tensor([done]))
                done += len(step)
            token = int(logits[0, -1].argmax())
            if token in ends:
                break
            answer.append(token)
    # Together, for a word's space may only show beside the word before it.
    return tokenizer.decode(answer)[len(tokenizer.decode(ids)) :]


if __name__ == "__main__":
    text = sys.argv[1] if len(sys.argv) > 1 else "Once upon a time"
    print(text + main(text, int(sys.argv[2]) if len(sys.argv) > 2 else 64))
