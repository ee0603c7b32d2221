"""Continue a text with this folder's model. Needs llama-cpp-python, nothing else.

python generate.py "Once upon a time" 64
"""

import sys
from pathlib import Path

from llama_cpp import Llama

folder = Path(__file__).resolve().parent


def main(prompt: str, new_tokens: int) -> str:
    """`prompt` continued greedily by up to `new_tokens` tokens."""
    model = Llama(str(folder / "model.gguf"), n_ctx=0, verbose=False)
    answer = model.create_completion(prompt, max_tokens=new_tokens, temperature=0.0, repeat_penalty=1.0)
    return answer["choices"][0]["text"]


if __name__ == "__main__":
    text = sys.argv[1] if len(sys.argv) > 1 else "Once upon a time"
    print(text + main(text, int(sys.argv[2]) if len(sys.argv) > 2 else 64))
